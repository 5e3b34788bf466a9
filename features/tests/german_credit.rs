//! Information values of the German credit data (UCI Statlog, CC BY 4.0), against figures that
//! were computed independently; that of the checking account, 0.666, is the one in every tutorial.
//!
//! Reads the folder that the variable `TOMBOLO_DATA` names and is skipped where it is not set.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::path::PathBuf;
use table::{Overrides, Schema, Source, Table};
use tombolo_features::binning::{self, Settings};
use tombolo_features::columns;
use tombolo_features::woe::{MergeRule, Strength, WoeTable};

const EXPECTED: [(&str, f64); 20] = [
    ("status_of_existing_checking_account", 0.666_011_503_351),
    ("duration_in_month", 0.246_541_888_631),
    ("credit_history", 0.293_233_547_391),
    ("purpose", 0.169_195_065_673),
    ("credit_amount", 0.113_637_439_546),
    ("savings_account_and_bonds", 0.196_009_556_904),
    ("present_employment_since", 0.086_433_631_027),
    ("installment_rate_in_percentage_of_disposable_income", 0.026_322_090_054),
    ("personal_status_and_sex", 0.008_839_919_191),
    ("other_debtors_or_guarantors", 0.032_019_322_019),
    ("present_residence_since", 0.003_588_773_189),
    ("property", 0.112_638_262_410),
    ("age_in_years", 0.100_622_272_731),
    ("other_installment_plans", 0.057_614_541_956),
    ("housing", 0.083_293_433_615),
    ("number_of_existing_credits_at_this_bank", 0.013_266_524_243),
    ("job", 0.008_762_765_707),
    ("number_of_people_being_liable_to_provide_maintenance_for", 0.000_043_392_227),
    ("telephone", 0.006_377_605_029),
    ("foreign_worker", 0.043_877_412_010),
];

/// The table, or none (said aloud) where the data folder is not named.
fn german_credit() -> Option<Table> {
    let Some(folder) = std::env::var_os("TOMBOLO_DATA").map(PathBuf::from) else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: TOMBOLO_DATA does not name the data folder");
        }
        return None;
    };
    let source = Source::csv(folder.join("german_credit/germancredit.csv.gz"));
    let overrides = Overrides {
        label: Some("creditability".to_owned()),
        positive: Some("bad".to_owned()),
        ..Overrides::default()
    };
    // "none" is an answer here, not a missing value.
    let mut schema = Schema::propose(&source, &overrides).unwrap();
    for column in &mut schema.columns {
        column.column.missing = table::Missing::only([""]);
    }
    Some(Table::read(&source, &schema.confirm().unwrap()).unwrap())
}

#[test]
fn information_values_are_the_known_ones() {
    let Some(table) = german_credit() else { return };
    let (columns, labels) = (columns(&table), table.label().unwrap());
    let rows: Vec<u32> = (0..table.rows() as u32).collect();
    let binnings = binning::fit(&columns, &rows, &Settings::default(), None).unwrap();
    let binned = binning::apply(&binnings, &columns, table.rows()).unwrap();
    assert_eq!(binned.features().len(), EXPECTED.len());
    let rule = MergeRule { rows_min: 1, class_min: 0 };
    for ((binning, feature), (name, iv)) in binnings.iter().zip(binned.features()).zip(EXPECTED) {
        assert_eq!(feature.name, name);
        let table = WoeTable::fit(binning, &feature.codes, &labels, &rows, rule).unwrap();
        assert!((table.iv - iv).abs() < 1e-11, "{name}: {} instead of {iv}", table.iv);
    }
}

#[test]
fn small_bins_are_merged_and_little_information_is_lost() {
    let Some(table) = german_credit() else { return };
    let (columns, labels) = (columns(&table), table.label().unwrap());
    let rows: Vec<u32> = (0..table.rows() as u32).collect();
    let binnings = binning::fit(&columns, &rows, &Settings::default(), None).unwrap();
    let (mut before, mut after) = (0.0, 0.0);
    for (binning, (name, iv)) in binnings.iter().zip(EXPECTED) {
        let column = columns.iter().find(|column| column.name == name).unwrap();
        let codes = binning.codes(column).unwrap();
        let rule = MergeRule::default();
        let table = WoeTable::fit(binning, &codes, &labels, &rows, rule).unwrap();
        assert!(table.bins.iter().all(|bin| rule.accepts(bin.counts)), "{name}");
        assert!(table.iv <= iv + 1e-12, "{name}: {} of {iv}", table.iv);
        (before, after) = (before + iv, after + table.iv);
    }
    assert!(after > 0.85 * before, "{after} of {before}");
    let account = WoeTable::fit(
        &binnings[0],
        &binnings[0].codes(&columns[0]).unwrap(),
        &labels,
        &rows,
        MergeRule::default(),
    )
    .unwrap();
    assert_eq!(account.strength, Strength::Suspicious);
    assert_eq!(account.bins[0].label, "no checking account");
}
