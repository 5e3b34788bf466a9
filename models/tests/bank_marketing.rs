//! Preparation, logistic regression and evaluation of the bank-marketing data (UCI, CC BY 4.0)
//! under a split by time, against scikit-learn 1.9 on the same rows (newton-cholesky, tolerance
//! 1e-13).
//!
//! Reads the folder that the variable `TOMBOLO_DATA` names and is skipped where it is not set.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use features::prepare::{DropReason, Preparation, Settings};
use features::split::{Shares, Split, by_time};
use features::{Column, columns};
use std::path::PathBuf;
use table::{ColumnOverride, Kind, Overrides, Role, Schema, Source, Table};
use tombolo_models::evaluate::{self, Evaluation};
use tombolo_models::local::logistic_regression as lr;

/// What the bank knows of its customers without the campaign's and the economy's columns.
const BANK: [&str; 11] = [
    "age",
    "job",
    "marital",
    "education",
    "default",
    "housing",
    "loan",
    "campaign",
    "pdays",
    "previous",
    "poutcome",
];

/// The table, or none (said aloud) where the data folder is not named.
fn bank_marketing() -> Option<Table> {
    let Some(folder) = std::env::var_os("TOMBOLO_DATA").map(PathBuf::from) else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: TOMBOLO_DATA does not name the data folder");
        }
        return None;
    };
    let source = Source::csv(folder.join("bank_marketing/bank-additional-full.csv.gz"));
    let mut overrides = Overrides {
        label: Some("y".to_owned()),
        positive: Some("yes".to_owned()),
        missing: vec!["unknown".to_owned()],
        ..Overrides::default()
    };
    let never = ColumnOverride { missing: Some(vec!["999".to_owned()]), ..Default::default() };
    overrides.columns.insert("pdays".to_owned(), never);
    // The duration of a call is known only after it.
    let ignored = ColumnOverride { role: Some(Role::Ignore), ..Default::default() };
    overrides.columns.insert("duration".to_owned(), ignored);
    for name in ["default", "housing", "loan"] {
        let category = ColumnOverride { kind: Some(Kind::Category), ..Default::default() };
        overrides.columns.insert(name.to_owned(), category);
    }
    let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
    Some(Table::read(&source, &schema).unwrap())
}

struct Expected {
    features: usize,
    objective: f64,
    auc: f64,
    ks: f64,
    average_precision: f64,
}

fn assert_agrees(columns: &[Column<'_>], labels: &[u8], split: &Split, expected: &Expected) {
    let prepared = Preparation::fit(columns, &split.training, &Settings::default()).unwrap();
    let dropped =
        prepared.dropped().iter().map(|dropped| (dropped.column.as_str(), dropped.reason));
    let empty = [("pdays", DropReason::AllMissing), ("previous", DropReason::Constant)];
    assert!(dropped.take(2).eq(empty), "{:?}", prepared.dropped());
    let matrix = prepared.transform(columns).unwrap();
    assert_eq!(matrix.features().len(), expected.features);

    let labels_of = |rows: &[u32]| rows.iter().map(|row| labels[*row as usize]).collect::<Vec<_>>();
    let training = matrix.take(&split.training).unwrap();
    let settings = lr::Settings { l2: 0.01, ..lr::Settings::default() };
    let fit = lr::fit(&training.columns(), &labels_of(&split.training), None, settings).unwrap();
    assert!((fit.objective - expected.objective).abs() < 1e-10, "{}", fit.objective);

    let test = matrix.take(&split.test).unwrap();
    let scores = lr::probabilities(&fit, &test.columns(), test.rows()).unwrap();
    let settings = evaluate::Settings::default();
    let labels = labels_of(&split.test);
    let evaluation = Evaluation::new(&scores, &labels, None, None, &settings).unwrap();
    let figures = [
        (evaluation.auc, expected.auc),
        (evaluation.ks, expected.ks),
        (evaluation.average_precision, expected.average_precision),
    ];
    for (found, expected) in figures {
        assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
    }
}

#[test]
fn the_whole_local_path_agrees_with_scikit_learn() {
    let Some(table) = bank_marketing() else { return };
    let (all, labels) = (columns(&table), table.label().unwrap());
    // Rows stand in the order of time.
    let times: Vec<usize> = (0..table.rows()).collect();
    let split = by_time(&times, Shares::default()).unwrap();
    let sizes = [split.training.len(), split.validation.len(), split.test.len()];
    assert_eq!(sizes, [23_066, 5766, 12_356]);

    let bank: Vec<Column<'_>> =
        BANK.iter().map(|name| *all.iter().find(|column| column.name == *name).unwrap()).collect();
    let alone = Expected {
        features: 27,
        objective: 0.189_094_169_413_112_97,
        auc: 0.496_366_809_105_700_9,
        ks: 0.055_129_391_347_117_78,
        average_precision: 0.264_300_202_261_259_3,
    };
    assert_agrees(&bank, &labels, &split, &alone);
    let everything = Expected {
        features: 40,
        objective: 0.187_136_269_394_689_22,
        auc: 0.284_774_431_802_569,
        ks: 0.000_429_046_444_287_754_7,
        average_precision: 0.169_233_214_741_205_67,
    };
    assert_agrees(&all, &labels, &split, &everything);
}
