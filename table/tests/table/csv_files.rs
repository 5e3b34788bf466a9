//! CSV files of every dialect.

use std::io::Write;

use proptest::prelude::*;
use tombolo_table::{
    CsvOptions, Encoding, Format, Kind, MISSING_CODE, Missing, Overrides, Role, Schema, Source,
    Table, Values,
};

use super::{column, csv, feature, read};

/// A text column without missing tokens: whatever stands in a cell comes back.
fn plain_text(name: &str) -> Schema {
    let text = column(name, Kind::Text, Role::Id).with_missing(Missing::only::<&str>([]));
    Schema::new(vec![text]).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_kind_is_read() {
    let text = "\
phone,age,score,job,member,since,spare,y
0138,41,-1.5e3,clerk,yes,2024-05-31,x,yes
1234567890123456789,NA,.5,,no,2024-06-01 12:00,y,no
";
    let table = read(
        text,
        vec![
            column("phone", Kind::Text, Role::Id),
            feature("age", Kind::Integer),
            feature("score", Kind::Number),
            feature("job", Kind::Category),
            feature("member", Kind::Boolean),
            column("since", Kind::Time, Role::Time),
            column("spare", Kind::Text, Role::Ignore),
            column("y", Kind::Category, Role::Label).with_positive("yes"),
        ],
    )
    .unwrap();
    assert_eq!(table.ids().unwrap().collect::<Vec<_>>(), ["0138", "1234567890123456789"]);
    assert_eq!(table.numeric("age").unwrap()[0].to_bits(), 41_f64.to_bits());
    assert!(table.numeric("age").unwrap()[1].is_nan());
    assert_eq!(table.missing_count("age").unwrap(), 1);
    assert_eq!(table.numeric("score").unwrap(), [-1500.0, 0.5]);
    assert_eq!(table.numeric("member").unwrap(), [1.0, 0.0]);
    let job = table.categorical("job").unwrap();
    assert_eq!(
        (job.codes, job.levels),
        ([0, MISSING_CODE].as_slice(), ["clerk".into()].as_slice())
    );
    assert_eq!(table.time().unwrap()[0], 1_717_113_600_000_000);
    assert_eq!(table.label().unwrap(), [1, 0]);
    assert!(table.column("spare").is_err(), "ignored columns are not read");
    let names: Vec<&str> = table.features().map(|feature| feature.name).collect();
    assert_eq!(names, ["age", "score", "job", "member"]);
}

#[test]
fn gbk_gzip_and_windows_line_ends() {
    let text = "手机号;城市\r\n0138;北京\r\n0139;\"上海;浦东\"\r\n";
    let (gbk, _, _) = encoding_rs::GBK.encode(text);
    let columns = vec![column("手机号", Kind::Text, Role::Id), feature("城市", Kind::Category)];
    let source = csv(gzip(&gbk));
    let dialect = source.dialect().unwrap().unwrap();
    assert_eq!(dialect.to_string(), "CSV, ';' between fields, quotes '\"', gbk, gzip");
    assert_eq!(dialect.encoding, Encoding::Gbk);
    let table = Table::read(&source, &Schema::new(columns).unwrap()).unwrap();
    assert_eq!(table.categorical("城市").unwrap().levels, ["上海;浦东", "北京"]);
    assert_eq!(table.ids().unwrap().collect::<Vec<_>>(), ["0138", "0139"]);
}

#[test]
fn a_file_without_header_and_of_several_parts() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one.csv", "two.csv"].map(|name| folder.path().join(name));
    std::fs::write(&one, "a,b\n1,x\n").unwrap();
    std::fs::write(&two, "b,a\ny,2\n\n").unwrap();
    let schema =
        Schema::new(vec![feature("a", Kind::Integer), feature("b", Kind::Category)]).unwrap();
    let table = Table::read(&Source::csv(&one).and(&two), &schema).unwrap();
    assert_eq!(table.numeric("a").unwrap(), [1.0, 2.0]);

    let names = Some(vec!["a".to_owned(), "b".to_owned()]);
    let format = Format::Csv(CsvOptions { names, ..CsvOptions::default() });
    let headless = Source::bytes("headless", "1,x\n2,y\n", format);
    let other = Table::read(&headless, &schema).unwrap();
    assert_eq!(other.content_digest(), table.content_digest());
}

#[test]
fn batches_cover_all_rows_once() {
    let text: String = std::iter::once("id,x\n".to_owned())
        .chain((0..1_000).map(|row| format!("c{row},{row}\n")))
        .collect();
    let schema =
        Schema::new(vec![column("id", Kind::Text, Role::Id), feature("x", Kind::Integer)]).unwrap();
    let batches: Vec<Table> =
        Table::batches(&csv(text), &schema, 300).collect::<Result<_, _>>().unwrap();
    let rows: Vec<usize> = batches.iter().map(Table::rows).collect();
    assert_eq!(rows, [300, 300, 300, 100]);
    assert_eq!(batches[3].ids().unwrap().next(), Some("c900"));
}

#[test]
fn two_thousand_columns() {
    let names: Vec<String> = (0..2_000).map(|index| format!("x{index}")).collect();
    let line: Vec<String> = (0..2_000).map(|index| format!("{index}.5")).collect();
    let text = format!("{}\n{}\n{}\n", names.join(","), line.join(","), line.join(","));
    let source = csv(text);
    let schema = Schema::propose(&source, &Overrides::default()).unwrap().confirm().unwrap();
    let table = Table::read(&source, &schema).unwrap();
    assert_eq!((table.rows(), table.features().count()), (2, 2_000));
    assert_eq!(table.numeric("x1999").unwrap(), [1999.5, 1999.5]);
    assert_eq!(table.constant_features().len(), 2_000);
}

#[test]
fn written_files_replace_old_ones_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    std::fs::write(&path, "old").unwrap();
    let table = Table::from_columns(vec![
        (column("id", Kind::Text, Role::Id), Values::texts([Some("007"), Some("a,\"b\"")])),
        (feature("x", Kind::Number), Values::numbers(vec![0.1, f64::NAN])),
        (feature("ok", Kind::Boolean), Values::numbers(vec![1.0, 0.0])),
    ])
    .unwrap();
    table.write_csv(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "id,x,ok\n007,0.1,true\n\"a,\"\"b\"\"\",,false\n");
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    assert!(table.write_csv(folder.path().join("no/such/folder.csv")).is_err());
}

proptest! {
    #[test]
    fn texts_come_back_whatever_the_dialect(
        rows in prop::collection::vec(prop::array::uniform2("[\\PC\r\n\t\"';|,]{0,8}"), 1..8),
        delimiter in prop::sample::select(b",;\t|:~".to_vec()),
        quote in prop::sample::select(b"\"'".to_vec()),
        zipped in any::<bool>(),
    ) {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .quote(quote)
            .from_writer(Vec::new());
        writer.write_record(["a", "b"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let mut bytes = writer.into_inner().unwrap();
        if zipped {
            bytes = gzip(&bytes);
        }
        let options = CsvOptions {
            delimiter: Some(delimiter),
            quote: Some(quote),
            encoding: Some(Encoding::Utf8),
            names: None,
        };
        let source = Source::bytes("t", bytes, Format::Csv(options));
        for (index, name) in ["a", "b"].into_iter().enumerate() {
            let table = Table::read(&source, &plain_text(name)).unwrap();
            let read: Vec<&str> = table.ids().unwrap().collect();
            let written: Vec<&str> = rows.iter().map(|row| row[index].as_str()).collect();
            prop_assert_eq!(read, written);
        }
    }

    #[test]
    fn tables_come_back_from_csv(
        rows in prop::collection::vec(
            (any::<i32>(), prop::option::of(prop::num::f64::NORMAL), "[a-z,\" 是]{1,5}"),
            1..20,
        ),
    ) {
        let ids = Values::texts(rows.iter().map(|row| Some(row.0.to_string())));
        let numbers = rows.iter().map(|row| row.1.unwrap_or(f64::NAN)).collect();
        let texts = rows.iter().map(|row| Some(row.2.trim()).filter(|text| !text.is_empty()));
        let categories = Values::categories(texts).unwrap();
        let missing = Missing::only([""]);
        let table = Table::from_columns(vec![
            (column("id", Kind::Text, Role::Id), ids),
            (feature("x", Kind::Number), Values::numbers(numbers)),
            (feature("c", Kind::Category).with_missing(missing), categories),
        ]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        table.write_csv(&path).unwrap();
        let format = Format::Csv(CsvOptions { delimiter: Some(b','), ..CsvOptions::default() });
        let again = Table::read(&Source::file(&path, format), table.schema()).unwrap();
        prop_assert_eq!(again.content_digest(), table.content_digest());
    }

    #[test]
    fn any_bytes_end_in_a_table_or_an_error(
        head in prop::sample::select(vec!["a,b\n", "", "\u{feff}a;b\r\n", "\"a\nb\"\tc\n"]),
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"\",;\n\r\t19.".to_vec())],
            0..80,
        ),
    ) {
        let source = csv([head.as_bytes(), &bytes].concat());
        if let Ok(proposed) = Schema::propose(&source, &Overrides::default()) {
            let _ = proposed.to_string();
            let _ = proposed.confirm().and_then(|schema| Table::read(&source, &schema));
        }
    }
}
