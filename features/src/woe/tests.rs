#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::*;
use proptest::prelude::*;

const NO_MERGING: MergeRule = MergeRule { rows_min: 1, class_min: 0 };

fn bin(positives: u64, negatives: u64) -> BinCounts {
    BinCounts { positives, negatives }
}

fn table(counts: &[BinCounts], rule: MergeRule) -> WoeTable {
    WoeTable::new("x", counts, rule, |codes| format!("{codes:?}")).unwrap()
}

#[test]
fn known_answer() {
    // Good (50, 75, 125, 175, 200), bad (120, 110, 90, 80, 70): exact IV 0.46548320, and WOE with
    // the good ones as positives.
    let counts = [bin(50, 120), bin(75, 110), bin(125, 90), bin(175, 80), bin(200, 70)];
    let table = table(&counts, NO_MERGING);
    assert!((table.iv - 0.465_483_20).abs() < 5e-9);
    assert_eq!(table.strength, Strength::Strong);
    for (bin, woe) in table.bins.iter().zip([-1.16049, -0.66801, 0.04349, 0.49774, 0.76480]) {
        assert!((bin.woe - woe).abs() < 5e-6, "{} for {woe}", bin.woe);
    }
}

#[test]
fn a_zero_cell_counts_half_a_row_more_of_either_class() {
    let table = table(&[bin(0, 10), bin(20, 10)], NO_MERGING);
    let by_hand = ((0.5 / 20.0) / (10.5 / 20.0_f64)).ln();
    assert!((table.bins[0].woe - by_hand).abs() < 1e-15);
}

#[test]
fn one_class_is_an_error() {
    for counts in [vec![bin(3, 0), bin(5, 0)], vec![bin(0, 3)], vec![]] {
        let table = WoeTable::new("x", &counts, MergeRule::default(), |_| String::new());
        assert_eq!(table.unwrap_err(), FeaturesError::OneClass);
    }
}

#[test]
fn small_bins_join_the_smaller_neighbour() {
    let counts = [bin(0, 0), bin(50, 50), bin(10, 10), bin(30, 30), bin(70, 2), bin(80, 80)];
    let merged = merge_small(&counts, MergeRule::default());
    // The empty missing bin goes to the largest, bin 5; 2 to 3 (60 rows, not 100); 4 has only two
    // of one class and goes to the 80 rows of 2 and 3.
    assert_eq!(merged.group_of_bin, [2, 0, 1, 1, 1, 2]);
    assert_eq!(merged.counts, [bin(50, 50), bin(110, 42), bin(80, 80)]);
    assert!(merged.accepted);
}

#[test]
fn a_large_missing_bin_stays_alone_and_too_few_rows_are_not_accepted() {
    let merged = merge_small(&[bin(40, 40), bin(30, 30), bin(4, 90)], MergeRule::default());
    assert_eq!(merged.group_of_bin, [0, 1, 1]);
    let few = merge_small(&[bin(1, 2), bin(3, 4), bin(5, 6)], MergeRule::default());
    assert_eq!((few.counts.as_slice(), few.accepted), ([bin(9, 12)].as_slice(), false));
    let only_missing = merge_small(&[bin(40, 40), bin(3, 3)], MergeRule::default());
    assert_eq!(only_missing.group_of_bin, [0, 0]);
    assert!(merge_small(&[], MergeRule::default()).counts.is_empty());
}

#[test]
fn rows_take_the_woe_of_their_code() {
    let counts = [bin(0, 0), bin(30, 30), bin(60, 20), bin(2, 1)];
    let table = table(&counts, MergeRule::default());
    assert_eq!(table.bins[1].label, "[2, 3]");
    let values = table.values(&[1, 2, 3, 0, 200]);
    assert_eq!(values[1], values[2]);
    assert_eq!(values[3], values[1], "no training row was missing: as the largest bin");
    assert_eq!(values[4], 0.0);
}

#[test]
fn tables_become_features_by_name() {
    use crate::binned::BinnedFeature;
    let table = table(&[bin(0, 0), bin(30, 30), bin(60, 20)], MergeRule::default());
    let feature = |name: &str| BinnedFeature { name: name.to_owned(), codes: vec![2, 1], bins: 2 };
    let binned = BinnedMatrix::new(2, vec![feature("y"), feature("x")]).unwrap();
    let matrix = encode(std::slice::from_ref(&table), &binned).unwrap();
    assert_eq!(matrix.features()[0].name, "x (WOE)");
    assert_eq!(matrix.features()[0].values, [table.bins[1].woe, table.bins[0].woe]);
    let other = BinnedMatrix::new(2, vec![feature("y")]).unwrap();
    assert!(matches!(encode(&[table], &other), Err(FeaturesError::ColumnMissing { .. })));
}

#[test]
fn counting_checks_codes_and_labels() {
    let counts = count(&[0, 1, 1], 2, &[0, 1, 0], &[0, 1, 2]).unwrap();
    assert_eq!(counts, [bin(0, 1), bin(1, 1)]);
    assert!(matches!(count(&[2], 2, &[0], &[0]), Err(FeaturesError::CodeOutside { .. })));
    assert!(matches!(count(&[1], 2, &[2], &[0]), Err(FeaturesError::LabelNotBinary { .. })));
    assert!(matches!(count(&[1], 2, &[], &[0]), Err(FeaturesError::LengthsDiffer { .. })));
    assert!(matches!(count(&[1], 2, &[1], &[1]), Err(FeaturesError::RowOutside { .. })));
}

proptest! {
    #[test]
    fn merging_loses_no_row_keeps_the_order_and_keeps_the_rule(
        cells in prop::collection::vec((0_u64..120, 0_u64..120), 1..20),
    ) {
        let counts: Vec<BinCounts> = cells.into_iter().map(|(p, n)| bin(p, n)).collect();
        let merged = merge_small(&counts, MergeRule::default());
        let mut sums = vec![BinCounts::default(); merged.counts.len()];
        for (bin, group) in counts.iter().zip(&merged.group_of_bin) {
            sums[*group] += *bin;
        }
        prop_assert_eq!(&sums, &merged.counts);
        prop_assert!(merged.group_of_bin[1..].is_sorted());
        let kept = merged.counts.iter().all(|counts| MergeRule::default().accepts(*counts));
        prop_assert_eq!(kept, merged.accepted);
        prop_assert!(merged.accepted || merged.counts.len() == 1);
    }

    #[test]
    fn the_information_value_is_never_negative_and_merging_never_adds(
        cells in prop::collection::vec((1_u64..500, 1_u64..500), 2..20),
    ) {
        let counts: Vec<BinCounts> = cells.into_iter().map(|(p, n)| bin(p, n)).collect();
        let fine = table(&counts, NO_MERGING);
        let coarse = table(&counts, MergeRule { rows_min: 300, class_min: 0 });
        prop_assert!(fine.bins.iter().all(|bin| bin.iv >= 0.0));
        prop_assert!(coarse.iv <= fine.iv + 1e-12);
    }
}
