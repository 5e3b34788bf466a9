//! Every way in which a file can be wrong: what the error says, where, and how often.

use tombolo_table::{
    Alignment, Column, Kind, Missing, Overrides, Role, Schema, Source, Table, TableError,
    check_label_classes,
};

use super::{column, csv, feature, message, read};

fn id_and(kind: Kind) -> Vec<Column> {
    vec![column("id", Kind::Text, Role::Id), feature("x", kind)]
}

#[test]
fn ragged_lines_are_counted_with_their_lines() {
    let text = "id,x\na,1\nb\nc,\"2\n\"\nd,1,2\n\ne,5\n";
    let expected = "lines with another number of fields than the 2 of the header, 2 in all: \
                    t.csv:3 \"1 fields\", t.csv:6 \"3 fields\"; quote fields that contain the \
                    delimiter, or correct the export";
    assert_eq!(message(read(text, id_and(Kind::Category))), expected);
}

#[test]
fn wrong_numbers_are_counted_with_their_lines() {
    let rows: Vec<String> = (0..20).map(|row| format!("r{row},n{row}")).collect();
    let text = format!("id,x\nok,1\n{}", rows.join("\n"));
    let said = message(read(text, id_and(Kind::Number)));
    assert!(said.contains("`x` should be a finite number, is not 20 in all: t.csv:3 \"n0\""));
    assert!(said.contains("t.csv:7 \"n4\", ...;"), "{said}");
}

#[test]
fn infinities_and_nan_are_errors_unless_they_mean_missing() {
    let strict = |text: &str| {
        let x = feature("x", Kind::Number).with_missing(Missing::only([""]));
        message(read(text, vec![x, feature("y", Kind::Number)]))
    };
    assert!(strict("x,y\nNaN,1\n").contains("t.csv:2 \"NaN\""));
    assert!(strict("x,y\ninf,1\n1e999,1\n").contains("2 in all: t.csv:2 \"inf\", t.csv:3"));
    let table = read("x,y\nNaN,1\n,2\n", vec![feature("x", Kind::Number)]).unwrap();
    assert_eq!(table.missing_count("x").unwrap(), 2);
}

#[test]
fn sentinels_are_missing_in_their_column_only() {
    let days = feature("days", Kind::Integer).with_missing(Missing::default().and(["999"]));
    let table = read("days,n\n999,999\n3.0,4\n", vec![days, feature("n", Kind::Integer)]).unwrap();
    assert_eq!(table.missing_count("days").unwrap(), 1);
    assert_eq!(table.missing_count("n").unwrap(), 0);
}

#[test]
fn integers_beyond_exactness_are_refused() {
    let said = message(read(
        "x,y\n9007199254740992,1\n9007199254740994,2\n1.5,3\n",
        vec![feature("x", Kind::Integer)],
    ));
    assert!(said.contains("a whole number up to 2^53, is not 2 in all"), "{said}");
}

#[test]
fn missing_ids_and_labels_are_errors() {
    let said = message(read("id,x\na,1\n,2\nNA,3\n", id_and(Kind::Number)));
    assert!(said.contains("`id` is the table's id"), "{said}");
    assert!(said.contains("2 in all: t.csv:3, t.csv:4"), "{said}");
}

#[test]
fn repeated_ids_are_counted_and_named() {
    let table = read("id,x\na,1\nb,2\na,3\nc,4\na,5\nb,6\n", id_and(Kind::Number)).unwrap();
    let said = table.check_unique_ids().unwrap_err().to_string();
    assert!(said.starts_with("2 ids of `id` stand in more than one row, 3 in all: "), "{said}");
    assert!(said.contains("t.csv:4 \"a\", t.csv:6 \"a\", t.csv:7 \"b\""), "{said}");
    let picked = table.take(&[0, 1, 3]).unwrap();
    assert!(picked.check_unique_ids().is_ok());
}

#[test]
fn misspelt_columns_get_a_suggestion() {
    let said = message(read("phone,age\n1,2\n", vec![column("phnoe", Kind::Text, Role::Id)]));
    assert_eq!(said, "t.csv has no column `phnoe`; did you mean `phone`?");
    let overrides = Overrides { id: Some("Phone".to_owned()), ..Overrides::default() };
    let said = Schema::propose(&csv("phone\n1\n"), &overrides).unwrap_err().to_string();
    assert!(said.contains("did you mean `phone`?"));
}

#[test]
fn broken_files_are_named() {
    for (bytes, part) in [
        (b"".as_slice(), "is empty"),
        (b"\n\n", "is empty"),
        (b"id,x\n", "has columns but no rows"),
        (b"id,x\n1,\"2\n3,4\n", "t.csv:2: a quote opened in this record is never closed"),
        (b"id,x\n1,\"2\"3\n", "t.csv:2: text follows a closing quote"),
        (b"id,x,id\n1,2,3\n", "columns 1 and 3 are both named `id`"),
        (b"id,,x\n1,2,3\n", "column 2 has no name"),
        (b"id,x\na,1\n\xff\xff,2\n", "not valid"),
        (b"PK\x03\x04abc", "save the sheet as CSV UTF-8"),
        (b"\x1f\x8b\x08\x00", "cannot read t.csv"),
    ] {
        let said = message(read(bytes, id_and(Kind::Number)));
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn invalid_text_far_into_a_file_is_found_with_its_line() {
    let mut bytes = b"id,x\n".to_vec();
    bytes.extend("aaaaaaaaaaaaaaaa,1\n".repeat(20_000).as_bytes());
    let mut utf8 = bytes.clone();
    utf8.extend(b"\xc9\xcf\xba\xa3,1\n");
    let said = message(read(utf8, id_and(Kind::Number)));
    assert!(said.contains("state it if it is gbk") && said.contains("t.csv:20002"), "{said}");
    let wide = vec![feature("x", Kind::Number)];
    assert!(read(&bytes, wide).is_ok());
}

#[test]
fn too_many_columns_and_levels_are_refused() {
    let names: Vec<String> =
        (0..=tombolo_table::COLUMNS_MAX).map(|index| format!("x{index}")).collect();
    let said = message(read(names.join(","), vec![feature("x0", Kind::Number)]));
    assert!(said.contains("has 20001 columns; at most 20000"), "{said}");
    let rows: Vec<String> =
        (0..=tombolo_table::LEVELS_MAX).map(|row| format!("l{row},1")).collect();
    let said =
        message(read(format!("x,y\n{}", rows.join("\n")), vec![feature("x", Kind::Category)]));
    assert!(said.contains("more than 100000 different values (t.csv:100002 passes"), "{said}");
}

fn label(text: &str, kind: Kind, positive: Option<&str>) -> Result<Vec<u8>, TableError> {
    let mut label = column("y", kind, Role::Label);
    label.positive = positive.map(str::to_owned);
    read(format!("n,y\n{text}"), vec![label])?.label()
}

#[test]
fn labels_have_two_values() {
    assert_eq!(label("1,yes\n2,no\n", Kind::Category, Some("yes")).unwrap(), [1, 0]);
    assert_eq!(label("1,2\n2,1\n", Kind::Integer, Some("2")).unwrap(), [1, 0]);
    assert_eq!(label("1,true\n2,no\n", Kind::Boolean, None).unwrap(), [1, 0]);
    assert_eq!(label("1,1\n2,0\n", Kind::Integer, None).unwrap(), [1, 0]);
    let said = |text, kind, positive| label(text, kind, positive).unwrap_err().to_string();
    let third = said("1,yes\n2,no\n3,maybe\n", Kind::Category, Some("yes"));
    assert!(third.contains("other values than \"yes\" and \"no\", 1 in all: t.csv:4 \"maybe\""));
    assert!(said("1,1\n2,3\n", Kind::Integer, None).contains("t.csv:3 \"3\""));
    assert!(said("1,yes\n2,no\n", Kind::Category, None).contains("state its positive value"));
    assert!(said("1,1\n2,\n", Kind::Integer, None).contains("`y` is the table's label"));
}

#[test]
fn one_class_is_refused() {
    assert!(check_label_classes("y", &[0, 1, 0]).is_ok());
    let said = check_label_classes("y", &[0, 0]).unwrap_err().to_string();
    assert!(said.starts_with("all 2 labels of `y` are 0;"), "{said}");
    let positive = label("1,no\n2,no\n", Kind::Category, Some("yes")).unwrap();
    assert!(check_label_classes("y", &positive).is_err(), "the positive value never occurs");
}

#[test]
fn weights_are_not_negative() {
    let weight = column("w", Kind::Number, Role::Weight);
    let table = read("w,x\n1,1\n-2,1\n", vec![weight]).unwrap();
    let said = table.weight().unwrap_err().to_string();
    assert!(said.contains("1 in all: t.csv:3 \"-2\""), "{said}");
}

#[test]
fn what_peers_are_told_names_no_data() {
    let error = read("id,x\nsecret,oops\n", id_and(Kind::Number)).unwrap_err();
    for word in ["secret", "oops", "t.csv", "id"] {
        assert!(!error.for_peers().split(' ').any(|told| told == word));
    }
}

#[test]
fn positions_outside_the_table_are_errors() {
    let table = read("id,x\na,1\n", id_and(Kind::Number)).unwrap();
    assert!(table.take(&[1]).is_err());
    assert!(table.select(&["x", "x"]).is_err());
    assert!(Alignment::from_matching(vec![1], table.rows()).is_err());
    assert!(Table::read(&Source::csv("/nowhere/at/all.csv"), table.schema()).is_err());
}

fn classes(text: &str, kind: Kind) -> Table {
    read(format!("n,y\n{text}"), vec![column("y", kind, Role::Label)]).unwrap()
}

#[test]
fn labels_of_several_classes_are_listed_in_order() {
    let table = classes("1,10\n2,9\n3,-1.5\n4,10\n5,9\n", Kind::Number);
    let (names, labels) = table.label_classes(3).unwrap();
    assert_eq!(names, ["-1.5", "9", "10"]);
    assert_eq!(labels, [2, 1, 0, 2, 1]);
    // Codes that are read as words, too.
    let table = classes("1,10\n2,9\n3,10\n", Kind::Category);
    assert_eq!(
        table.label_classes(3).unwrap(),
        (vec!["9".to_owned(), "10".to_owned()], vec![1, 0, 1])
    );
    let table = classes("1,red\n2,blue\n3,green\n4,blue\n", Kind::Category);
    let (names, labels) = table.label_classes(32).unwrap();
    assert_eq!((names.join(" ").as_str(), labels), ("blue green red", vec![2, 0, 1, 0]));
    let error = table.label_classes(2).unwrap_err().to_string();
    assert!(error.contains("`y` has more than 2 different values"), "{error}");
    // A level without a row is no class.
    let some = table.take(&[1, 3]).unwrap();
    assert_eq!(some.label_classes(2).unwrap(), (vec!["blue".to_owned()], vec![0, 0]));
}

#[test]
fn labels_among_known_classes_name_the_others() {
    let names = ["blue", "green", "red"].map(str::to_owned);
    let table = classes("1,red\n2,blue\n3,red\n", Kind::Category);
    assert_eq!(table.label_among(&names).unwrap(), [2, 0, 2]);
    let table = classes("1,red\n2,gren\n", Kind::Category);
    let error = table.label_among(&names).unwrap_err().to_string();
    assert!(error.contains("t.csv:3 \"gren\"") && error.contains("no other classes"), "{error}");
    let many: Vec<String> = (0..300).map(|row| format!("{row},{row}")).collect();
    let table = classes(&many.join("\n"), Kind::Integer);
    let error = table.label_among(&names).unwrap_err().to_string();
    assert!(error.contains("more than 255"), "{error}");
}
