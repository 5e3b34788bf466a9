//! Parquet files: our own, foreign types, and damaged ones.

use std::sync::{Arc, LazyLock};

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array,
    RecordBatch, StringArray, UInt64Array,
};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use tombolo_table::{
    Column, Format, Kind, MISSING_TIME, Missing, Overrides, Role, Schema, Source, Table, Values,
};

use super::{column, feature, message};

fn in_memory(columns: Vec<(&str, ArrayRef)>) -> Source {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    Source::bytes("t.parquet", bytes, Format::Parquet)
}

fn sample() -> Table {
    let rows = 20_000;
    let every = |n: usize, row: usize| !row.is_multiple_of(n);
    let texts = (0..rows).map(|row| Some(format!("0{row}")));
    let numbers = (0..rows).map(|row| if every(7, row) { row as f64 / 3.0 } else { f64::NAN });
    let integers = (0..rows).map(|row| if every(5, row) { row as f64 } else { f64::NAN });
    let truths = (0..rows).map(|row| if every(9, row) { (row % 2) as f64 } else { f64::NAN });
    let levels = (0..rows).map(|row| every(3, row).then(|| format!("level {}", row % 11)));
    let times = (0..rows).map(|row| row as i64 * 1_000_001).collect();
    Table::from_columns(vec![
        (column("id", Kind::Text, Role::Id), Values::texts(texts)),
        (feature("number", Kind::Number), Values::numbers(numbers.collect())),
        (feature("integer", Kind::Integer), Values::numbers(integers.collect())),
        (feature("truth", Kind::Boolean), Values::numbers(truths.collect())),
        (feature("level", Kind::Category), Values::categories(levels).unwrap()),
        (column("time", Kind::Time, Role::Time), Values::times(times)),
    ])
    .unwrap()
}

#[test]
fn tables_come_back_and_batches_cover_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let table = sample();
    table.write_parquet(&path).unwrap();
    let source = Source::open(&path).unwrap();
    let again = Table::read(&source, table.schema()).unwrap();
    assert_eq!(again.content_digest(), table.content_digest());
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);

    let batches = Table::batches(&source, table.schema(), 9_000);
    let rows: Vec<usize> = batches.map(|batch| batch.unwrap().rows()).collect();
    assert_eq!(rows, [9_000, 9_000, 2_000]);

    let two_columns = table.select(&["level", "id"]).unwrap();
    let part = Table::read(&source, two_columns.schema()).unwrap();
    assert_eq!(part.content_digest(), two_columns.content_digest());
}

#[test]
fn foreign_types_become_the_kinds_of_the_schema() {
    let source = in_memory(vec![
        ("id", Arc::new(UInt64Array::from(vec![u64::MAX, 7])) as ArrayRef),
        ("amount", Arc::new(Float32Array::from(vec![Some(0.5), None]))),
        (
            "money",
            Arc::new(
                Decimal128Array::from(vec![1_234, -50]).with_precision_and_scale(9, 2).unwrap(),
            ),
        ),
        ("count", Arc::new(Int64Array::from(vec![999, 4]))),
        ("day", Arc::new(Date32Array::from(vec![0, 1]))),
        ("vip", Arc::new(BooleanArray::from(vec![true, false]))),
        ("code", Arc::new(StringArray::from(vec!["12", "unknown"]))),
    ]);
    let columns = vec![
        column("id", Kind::Text, Role::Id),
        feature("amount", Kind::Number),
        feature("money", Kind::Number),
        feature("count", Kind::Integer).with_missing(Missing::default().and(["999"])),
        column("day", Kind::Time, Role::Time),
        feature("vip", Kind::Category),
        feature("code", Kind::Integer).with_missing(Missing::default().and(["unknown"])),
    ];
    let table = Table::read(&source, &Schema::new(columns).unwrap()).unwrap();
    assert_eq!(table.ids().unwrap().collect::<Vec<_>>(), ["18446744073709551615", "7"]);
    assert_eq!(table.numeric("money").unwrap(), [12.34, -0.5]);
    assert_eq!(table.missing_count("amount").unwrap(), 1);
    assert_eq!(table.missing_count("count").unwrap(), 1);
    assert_eq!(table.missing_count("code").unwrap(), 1);
    assert_eq!(*table.time().unwrap(), [0, 86_400_000_000]);
    assert_eq!(table.categorical("vip").unwrap().levels, ["false", "true"]);
}

#[test]
fn proposals_see_long_ids_in_parquet_too() {
    let source = in_memory(vec![
        ("card", Arc::new(Int64Array::from(vec![1_234_567_890_123_456_789])) as ArrayRef),
        ("x", Arc::new(Float64Array::from(vec![0.25]))),
    ]);
    let proposed = Schema::propose(&source, &Overrides::default()).unwrap();
    let kinds: Vec<(Kind, Role)> =
        proposed.columns.iter().map(|column| (column.column.kind, column.column.role)).collect();
    assert_eq!(kinds, [(Kind::Text, Role::Ignore), (Kind::Number, Role::Feature)]);
}

#[test]
fn faults_name_rows() {
    let source = in_memory(vec![
        ("id", Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef),
        ("x", Arc::new(Float64Array::from(vec![1.0, f64::INFINITY]))),
    ]);
    let said = |columns: Vec<Column>| {
        message(Schema::new(columns).and_then(|schema| Table::read(&source, &schema)))
    };
    assert!(said(vec![column("id", Kind::Text, Role::Id)]).contains("t.parquet row 2"));
    assert!(said(vec![feature("x", Kind::Number)]).contains("t.parquet row 2 \"inf\""));
    let float_id = said(vec![column("x", Kind::Text, Role::Id)]);
    assert!(float_id.contains("stored as Float64") && float_id.contains("long ids"));
    assert!(said(vec![feature("y", Kind::Number)]).contains("has no column `y`"));
}

#[test]
fn missing_times_are_kept_where_allowed() {
    let time = column("t", Kind::Time, Role::Time);
    assert!(Table::from_columns(vec![(time, Values::times(vec![MISSING_TIME]))]).is_err());
}

#[test]
fn a_text_file_is_no_parquet() {
    let source = Source::bytes("t.parquet", "id,x\n1,2\n", Format::Parquet);
    let said = Schema::propose(&source, &Overrides::default()).unwrap_err().to_string();
    assert!(said.starts_with("cannot open the Parquet file t.parquet"), "{said}");
}

static SMALL_FILE: LazyLock<(Vec<u8>, Schema)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let table = sample().take(&(0..40).collect::<Vec<u32>>()).unwrap();
    table.write_parquet(&path).unwrap();
    (std::fs::read(&path).unwrap(), table.schema().clone())
});

proptest! {
    #[test]
    fn damaged_files_end_in_a_table_or_an_error(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (mut bytes, schema) = SMALL_FILE.clone();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let source = Source::bytes("t.parquet", bytes, Format::Parquet);
        let _ = Table::read(&source, &schema);
    }
}
