//! Real data sets, from the folder that `TOMBOLO_DATA` names.

use std::path::{Path, PathBuf};

use tombolo_table::{
    CsvOptions, Format, Kind, Overrides, Role, Schema, Source, Table, check_label_classes,
};

/// A file of the data folder; says so and gives `None` where the folder is not set.
fn data(file: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("TOMBOLO_DATA") else {
        #[expect(clippy::print_stderr, reason = "a skipped test has to say so")]
        {
            eprintln!("skipped: TOMBOLO_DATA is not set ({file})");
        }
        return None;
    };
    Some(Path::new(&folder).join(file))
}

fn stated(id: Option<&str>, label: Option<&str>, positive: Option<&str>) -> Overrides {
    Overrides {
        id: id.map(str::to_owned),
        label: label.map(str::to_owned),
        positive: positive.map(str::to_owned),
        ..Overrides::default()
    }
}

fn load(source: &Source, overrides: &Overrides) -> Table {
    let schema = Schema::propose(source, overrides).unwrap().confirm().unwrap();
    Table::read(source, &schema).unwrap()
}

fn positives(table: &Table) -> usize {
    check_label_classes("label", &table.label().unwrap()).unwrap().positive
}

#[test]
fn bank_marketing() {
    let Some(path) = data("bank_marketing/bank-additional-full.csv.gz") else { return };
    let source = Source::csv(path);
    let overrides =
        Overrides { missing: vec!["unknown".to_owned()], ..stated(None, Some("y"), Some("yes")) };
    let proposed = Schema::propose(&source, &overrides).unwrap();
    let shown = proposed.to_string();
    assert!(shown.starts_with("CSV, ';' between fields, quotes '\"', utf-8, gzip"), "{shown}");
    assert!(shown.contains("999 in 96 % of the rows; if it means missing"), "{shown}");
    let table = Table::read(&source, &proposed.confirm().unwrap()).unwrap();
    assert_eq!(table.rows(), 41_188);
    assert_eq!(positives(&table), 4_640);
    assert_eq!(table.categorical("job").unwrap().levels.len(), 11);
    assert_eq!(table.missing_count("job").unwrap(), 330);
    let kind = |name| table.schema().column(name).unwrap().kind;
    assert_eq!((kind("age"), kind("euribor3m")), (Kind::Integer, Kind::Number));
    assert_eq!(kind("housing"), Kind::Boolean);
}

#[test]
fn fate_sets() {
    for (file, label, rows, features) in [
        ("fate/breast_hetero_guest.csv", Some("y"), 569, 10),
        ("fate/breast_hetero_host.csv", None, 569, 20),
        ("fate/default_credit_hetero_guest.csv.gz", Some("y"), 30_000, 13),
        ("fate/default_credit_hetero_host.csv.gz", None, 30_000, 10),
        ("fate/vehicle_scale_hetero_host.csv", None, 846, 9),
    ] {
        let Some(path) = data(file) else { return };
        let table = load(&Source::csv(path), &stated(Some("id"), label, None));
        assert_eq!((table.rows(), table.features().count()), (rows, features), "{file}");
        table.check_unique_ids().unwrap();
        if let Some(label) = label {
            check_label_classes(label, &table.label().unwrap()).unwrap();
        }
    }
}

#[test]
fn german_credit_and_churn() {
    let Some(path) = data("german_credit/germancredit.csv.gz") else { return };
    let table = load(&Source::csv(path), &stated(None, Some("creditability"), Some("bad")));
    assert_eq!(positives(&table), 300);
    assert_eq!(table.features().count(), 20);
    let Some(path) = data("churn/mlc_churn.csv.gz") else { return };
    let table = load(&Source::csv(path), &stated(None, Some("churn"), Some("yes")));
    assert_eq!(positives(&table), 707);
}

#[test]
fn heart_disease_without_a_header() {
    let Some(path) = data("heart_disease/processed.hungarian.data") else { return };
    let names = "age sex cp trestbps chol fbs restecg thalach exang oldpeak slope ca thal num";
    let names = Some(names.split(' ').map(str::to_owned).collect());
    let format = Format::Csv(CsvOptions { names, ..CsvOptions::default() });
    let overrides = Overrides { missing: vec!["?".to_owned()], ..stated(None, Some("num"), None) };
    let table = load(&Source::file(path, format), &overrides);
    assert_eq!(table.rows(), 294);
    assert_eq!(table.missing_count("ca").unwrap(), 291);
    assert!(table.schema().columns().iter().all(|column| column.role != Role::Id));
}
