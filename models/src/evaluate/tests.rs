//! Figures against scikit-learn, definitions and edges; the data are made so that many scores tie.

#![expect(clippy::float_cmp, reason = "these results are exact")]

use super::bands::bands;
use super::bootstrap::{Bootstrap, differences};
use super::calibration::calibration;
use super::confusion::Confusion;
use super::discrimination::{auc, average_precision, curve, gini, ks};
use super::profit::{Economics, profit};
use super::regression::regression;
use super::stream::Stream;
use super::top::{gains, lift_5pct, top};
use super::*;
use crypto::random::Generator;
use proptest::prelude::*;

/// 500 rows with 40 distinct scores, labels and weights.
fn data() -> (Vec<f64>, Vec<u8>, Vec<f64>) {
    let mut stream = Stream(7);
    let mut data = (vec![], vec![], vec![]);
    for row in 0..500 {
        let score = (stream.next() * 40.0).floor() / 40.0;
        data.0.push(score);
        data.1.push(u8::from(stream.next() < score * score * 0.6));
        data.2.push(0.5 + f64::from(row % 4));
    }
    data
}

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
}

// Expected values: scikit-learn 1.9.

#[test]
fn figures_agree_with_scikit_learn() {
    let (scores, labels, _) = data();
    let ranking = Ranking::new(&scores, &labels, None).unwrap();
    assert_close(auc(&ranking), 0.828_568_947_120_276);
    assert_close(gini(&ranking), 2.0 * 0.828_568_947_120_276 - 1.0);
    assert_close(average_precision(&ranking), 0.490_490_657_843_814_3);
    assert_close(ks(&ranking).value, 0.504_975_309_561_031_2);
    assert_close(ks(&ranking).threshold, 0.7);
    let calibration = calibration(&ranking, 10).unwrap();
    assert_close(calibration.brier, 0.214_702_5);
    assert_close(calibration.log_loss, 0.632_201_856_205_068_2);
    let confusion = Confusion::at(&ranking, 0.5);
    let Confusion { true_negatives, false_positives, false_negatives, true_positives, .. } =
        confusion;
    let cells = [true_negatives, false_positives, false_negatives, true_positives];
    assert_eq!(cells, [246.0, 153.0, 13.0, 88.0]);
    assert_close(confusion.f1(), 0.514_619_883_040_935_6);
    assert_close(confusion.precision(), 88.0 / 241.0);
    assert_close(confusion.recall(), 88.0 / 101.0);
    assert_close(confusion.accuracy(), 334.0 / 500.0);
}

#[test]
fn weighted_figures_agree_with_scikit_learn() {
    let (scores, labels, weights) = data();
    let ranking = Ranking::new(&scores, &labels, Some(&weights)).unwrap();
    assert_close(auc(&ranking), 0.832_778_083_801_549_7);
    assert_close(average_precision(&ranking), 0.527_872_195_339_250_3);
    assert_close(ks(&ranking).value, 0.518_152_106_055_598_5);
    assert_close(ks(&ranking).threshold, 0.5);
    let calibration = calibration(&ranking, 10).unwrap();
    assert_close(calibration.brier, 0.212_708_75);
    assert_close(calibration.log_loss, 0.628_796_857_609_429_3);
    assert_close(Confusion::at(&ranking, 0.5).f1(), 0.551_136_363_636_363_6);
    let targets: Vec<f64> = labels.iter().map(|label| f64::from(*label)).collect();
    let plain = regression(&scores, &targets, None).unwrap();
    assert_close(plain.rmse, 0.463_360_011_222_375_5);
    assert_close(plain.mae, 0.3808);
    assert_close(plain.r2.unwrap(), -0.331_934_415_246_035_3);
    let weighted = regression(&scores, &targets, Some(&weights)).unwrap();
    assert_close(weighted.r2.unwrap(), -0.249_803_532_738_422_93);
}

/// 100,000 customers in ten groups of 10,000, and the responders of each: the textbook's example.
#[test]
fn the_gains_table_agrees_with_the_textbook() {
    let cumulative = [6000, 10_000, 13_000, 15_800, 17_000, 18_000, 18_800, 19_400, 19_800, 20_000];
    let mut before = 0;
    let groups = cumulative.iter().enumerate().map(|(decile, &responders)| {
        let positives = f64::from(responders - before);
        before = responders;
        let score = 10.0 - decile as f64;
        TieGroup { score, rows: 10_000, positives, negatives: 10_000.0 - positives }
    });
    let ranking = Ranking::from_groups(groups.collect()).unwrap();
    let table = gains(&ranking, 10).unwrap();
    for (row, responders) in table.iter().zip(cumulative) {
        assert!((row.recall - f64::from(responders) / 20_000.0).abs() < 1e-12);
    }
    for (row, lift) in table.iter().zip([3.0, 2.5, 2.166_666_666_666_667]) {
        assert_close(row.lift, lift);
    }
    let bands = bands(&ranking, 10).unwrap();
    assert_eq!(bands.len(), 10);
    assert_eq!((bands[0].rows, bands[0].positives), (10_000, 6000.0));
    assert_close(bands[2].cumulative_recall, 0.65);
    assert_close(bands[9].cumulative_ks, 0.0);
}

#[test]
fn the_top_is_taken_in_proportion() {
    let scores = [0.9, 0.8, 0.8, 0.1];
    let ranking = Ranking::new(&scores, &[1, 1, 0, 0], None).unwrap();
    let half = top(&ranking, 0.5).unwrap();
    // One row at 0.9 and half of the tied two.
    assert_close(half.positives, 1.5);
    assert_close(half.precision, 0.75);
    assert_close(half.lift, 1.5);
    assert_close(lift_5pct(&ranking), 2.0);
    for share in [0.0, -1.0, 1.1, f64::NAN] {
        assert!(matches!(top(&ranking, share), Err(EvaluateError::Setting { .. })));
    }
}

#[test]
fn bands_never_tear_ties_apart() {
    let scores = [5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 3.0];
    let labels = [1, 1, 0, 0, 1, 0, 0, 0];
    let bands = bands(&Ranking::new(&scores, &labels, None).unwrap(), 4).unwrap();
    let rows: Vec<_> = bands.iter().map(|band| (band.place, band.rows)).collect();
    assert_eq!(rows, [(1, 1), (3, 6), (4, 1)]);
    assert_close(bands[1].rate, 2.0 / 6.0);
    assert_close(bands[1].cumulative_share, 7.0 / 8.0);
}

#[test]
fn the_profit_curve_finds_both_cut_offs() {
    let scores = [0.9, 0.8, 0.7, 0.6, 0.5];
    let ranking = Ranking::new(&scores, &[1, 0, 1, 0, 0], None).unwrap();
    let economics = Economics { cost_per_contact: 10.0, value_per_conversion: 25.0 };
    let profit_of = |economics| profit(&ranking, economics).unwrap();
    let money = profit_of(economics);
    // Cumulative profit: 15, 5, 20, 10, 0.
    let best = money.best.unwrap();
    assert_eq!((best.threshold, best.contacts, best.profit), (0.7, 3.0, 20.0));
    assert_close(best.profit_of_random, 3.0 * (0.4 * 25.0 - 10.0));
    assert_close(best.return_on_cost.unwrap(), 20.0 / 30.0);
    assert_eq!(money.break_even.unwrap().threshold, 0.5);
    assert_close(money.break_even_rate, 0.4);
    assert_eq!((money.curve.len(), money.curve[99].profit), (100, 0.0));
    assert_eq!(money.curve[39].threshold, 0.8);
    let dear = profit_of(Economics { cost_per_contact: 30.0, ..economics });
    assert_eq!((dear.best, dear.break_even), (None, None));
    let free = profit_of(Economics { cost_per_contact: 0.0, ..economics });
    assert_eq!((free.best.unwrap().threshold, free.everybody.return_on_cost), (0.7, None));
    let invalid = Economics { value_per_conversion: 0.0, ..economics };
    assert!(profit(&ranking, invalid).is_err());
}

#[test]
fn calibration_needs_probabilities() {
    let ranking = Ranking::new(&[0.5, 1.5, 0.2], &[1, 0, 0], None).unwrap();
    let error = EvaluateError::NotAProbability { row: 0, score: 1.5 };
    assert_eq!(calibration(&ranking, 10), Err(error));
    let certain = Ranking::new(&[1.0, 0.0], &[1, 0], None).unwrap();
    let perfect = calibration(&certain, 10).unwrap();
    assert_eq!((perfect.brier, perfect.expected_error), (0.0, 0.0));
    assert!(perfect.log_loss < 1e-14);
}

#[test]
fn bad_input_is_a_named_error() {
    let rank =
        |scores: &[f64], labels: &[u8], weights| Ranking::new(scores, labels, weights).unwrap_err();
    assert_eq!(rank(&[], &[], None), EvaluateError::NoRows);
    let one_class = |positive| EvaluateError::OneClass { positive, rows: 2 };
    assert_eq!(rank(&[0.1, 0.2], &[1, 1], None), one_class(true));
    assert_eq!(rank(&[0.1, 0.2], &[0, 0], None), one_class(false));
    assert_eq!(rank(&[0.1, 0.2], &[1, 0], Some(&[1.0, 0.0])), one_class(true));
    assert!(matches!(rank(&[0.1], &[], None), EvaluateError::LengthsDiffer { .. }));
    assert!(matches!(rank(&[f64::NAN], &[1], None), EvaluateError::ScoreNotFinite { .. }));
    assert!(matches!(rank(&[0.1], &[2], None), EvaluateError::LabelNotBinary { .. }));
    assert!(matches!(rank(&[0.1], &[1], Some(&[-1.0])), EvaluateError::WeightInvalid { .. }));
    assert!(regression(&[1.0], &[1.0], Some(&[0.0])).is_err());
    assert_eq!(regression(&[1.0, 2.0], &[3.0, 3.0], None).unwrap().r2, None);
}

#[test]
fn a_better_score_has_a_difference_above_zero() {
    let mut stream = Stream(3);
    let (mut good, mut poor, mut labels) = (vec![], vec![], vec![]);
    for _ in 0..2000 {
        let score = stream.next();
        labels.push(u8::from(stream.next() < 0.3 * score));
        good.push(score);
        poor.push(0.2 * score + stream.next());
    }
    let run = |bootstrap| {
        let mut generator = Generator::from_seed([1; 32]);
        differences([&poor, &good], &labels, None, bootstrap, &mut generator)
    };
    let found = run(Bootstrap::default()).unwrap();
    let auc_of = |scores: &[f64]| auc(&Ranking::new(scores, &labels, None).unwrap());
    assert_close(found.auc.value, auc_of(&good) - auc_of(&poor));
    assert!(found.auc.low > 0.0 && found.auc.low < found.auc.value);
    assert!(found.auc.high > found.auc.value && found.auc.better > 0.99);
    assert_eq!(run(Bootstrap::default()).unwrap(), found, "the same seed gives the same interval");
    let few = Bootstrap { replicates: 10, ..Bootstrap::default() };
    assert!(matches!(run(few), Err(EvaluateError::Setting { .. })));

    let same = differences(
        [&good, &good],
        &labels,
        None,
        Bootstrap::default(),
        &mut Generator::from_seed([1; 32]),
    );
    let same = same.unwrap();
    assert_eq!((same.auc.low, same.auc.high, same.ks.value), (0.0, 0.0, 0.0));
}

#[test]
fn the_bootstrap_spread_is_that_of_delong() {
    // Hanley and McNeil's and DeLong's standard errors of one AUC agree with the spread of the
    // difference from a score that ranks nothing (all equal: AUC one half in every resample).
    let (scores, labels, _) = data();
    let flat = vec![0.0; scores.len()];
    let mut generator = Generator::from_seed([2; 32]);
    let found =
        differences([&flat, &scores], &labels, None, Bootstrap::default(), &mut generator).unwrap();
    let spread = (found.auc.high - found.auc.low) / (2.0 * 1.959_964);
    let delong = delong_standard_error(&scores, &labels);
    assert!((spread / delong - 1.0).abs() < 0.1, "{spread} and {delong}");
}

/// `DeLong`, `DeLong` and Clarke-Pearson, 1988, for one score, by its definition over pairs.
fn delong_standard_error(scores: &[f64], labels: &[u8]) -> f64 {
    let of = |class: u8| -> Vec<f64> {
        scores.iter().zip(labels).filter(|(_, l)| **l == class).map(|(s, _)| *s).collect()
    };
    let (positives, negatives) = (of(1), of(0));
    let wins = |p: f64, n: f64| if p > n { 1.0 } else { f64::from(u8::from(p == n)) / 2.0 };
    let variance = |parts: Vec<f64>| {
        let mean = parts.iter().sum::<f64>() / parts.len() as f64;
        let squares: f64 = parts.iter().map(|part| (part - mean).powi(2)).sum();
        squares / (parts.len() as f64 - 1.0) / parts.len() as f64
    };
    let mean = |values: &[f64], win: &dyn Fn(f64) -> f64| {
        values.iter().map(|value| win(*value)).sum::<f64>() / values.len() as f64
    };
    let over_positives = positives.iter().map(|p| mean(&negatives, &|n| wins(*p, n))).collect();
    let over_negatives = negatives.iter().map(|n| mean(&positives, &|p| wins(p, *n))).collect();
    (variance(over_positives) + variance(over_negatives)).sqrt()
}

#[test]
fn an_evaluation_collects_everything_under_the_stable_names() {
    let (scores, labels, weights) = data();
    let settings = Settings {
        economics: Some(Economics { cost_per_contact: 1.0, value_per_conversion: 8.0 }),
        ..Settings::default()
    };
    let evaluation =
        Evaluation::new(&scores, &labels, Some(&weights), Some(&scores), &settings).unwrap();
    let json = serde_json::to_value(&evaluation).unwrap();
    assert_close(json["auc"].as_f64().unwrap(), 0.832_778_083_801_549_7);
    assert_close(json["ks"].as_f64().unwrap(), 0.518_152_106_055_598_5);
    assert!(json["lift_5pct"].as_f64().unwrap() > 1.0);
    assert_eq!(evaluation.stability.unwrap().index, 0.0);
    assert_eq!(evaluation.top.len(), 4);
    assert_close(evaluation.confusion.threshold, 0.5);
    let log_odds: Vec<f64> = scores.iter().map(|score| score * 4.0 - 2.0).collect();
    let evaluation =
        Evaluation::new(&log_odds, &labels, Some(&weights), None, &Settings::default()).unwrap();
    assert!(evaluation.calibration.is_none());
    assert_close(evaluation.auc, 0.832_778_083_801_549_7);
}

#[test]
fn a_comparison_says_what_the_partner_adds() {
    let (scores, labels, _) = data();
    let alone: Vec<f64> = scores.iter().map(|score| (score * 3.0).floor() / 3.0).collect();
    let scores_of = |test| ModelScores { test, training: None };
    let comparison = Comparison::new(
        scores_of(&alone),
        scores_of(&scores),
        &labels,
        None,
        &Settings::default(),
        Bootstrap::default(),
        &mut Generator::from_seed([5; 32]),
    )
    .unwrap();
    let difference = comparison.joint.auc - comparison.guest_alone.auc;
    assert_close(comparison.differences.auc.value, difference);
    assert!(comparison.differences.auc.low <= difference);
}

/// Rows with few distinct scores, both classes, and weights of which some are 0.
fn rows() -> impl Strategy<Value = (Vec<f64>, Vec<u8>, Vec<f64>)> {
    let row = (0_u8..12, 0_u8..=1, prop_oneof![Just(0.0), Just(1.0), 0.1_f64..3.0]);
    prop::collection::vec(row, 4..80).prop_map(|mut rows| {
        (rows[0].1, rows[0].2, rows[1].1, rows[1].2) = (0, 1.0, 1, 1.0);
        let scores = rows.iter().map(|row| f64::from(row.0) / 11.0).collect();
        let labels = rows.iter().map(|row| row.1).collect();
        (scores, labels, rows.iter().map(|row| row.2).collect())
    })
}

proptest! {
    #[test]
    fn auc_and_ks_are_what_their_definitions_say((scores, labels, weights) in rows()) {
        let ranking = Ranking::new(&scores, &labels, Some(&weights)).unwrap();
        let (mut won, mut pairs) = (0.0, 0.0);
        for (p, n) in (0..scores.len()).flat_map(|p| (0..scores.len()).map(move |n| (p, n))) {
            if labels[p] == 1 && labels[n] == 0 {
                let pair = weights[p] * weights[n];
                pairs += pair;
                won += if scores[p] > scores[n] { pair } else { 0.0 };
                won += if scores[p] == scores[n] { pair / 2.0 } else { 0.0 };
            }
        }
        prop_assert!((auc(&ranking) - won / pairs).abs() < 1e-12);

        let rate = |class: u8, threshold: f64| {
            let sum = |least: f64| -> f64 {
                let rows = (0..scores.len()).filter(|row| labels[*row] == class);
                rows.filter(|row| scores[*row] >= least).map(|row| weights[row]).sum()
            };
            sum(threshold) / sum(f64::NEG_INFINITY)
        };
        let distance = |threshold: f64| rate(1, threshold) - rate(0, threshold);
        let largest = scores.iter().map(|score| distance(*score)).fold(0.0, f64::max);
        let found = ks(&ranking);
        prop_assert!((found.value - largest).abs() < 1e-12);
        if found.value > 0.0 {
            prop_assert!((distance(found.threshold) - largest).abs() < 1e-12);
        }
    }

    #[test]
    fn no_figure_depends_on_the_order_of_rows((scores, labels, _) in rows(), seed: u64) {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        let mut generator = Generator::from_seed([seed as u8; 32]);
        generator.shuffle(&mut order);
        let shuffled: Vec<f64> = order.iter().map(|row| scores[*row]).collect();
        let shuffled_labels: Vec<u8> = order.iter().map(|row| labels[*row]).collect();
        let settings = Settings::default();
        let first = Evaluation::new(&scores, &labels, None, None, &settings).unwrap();
        let second = Evaluation::new(&shuffled, &shuffled_labels, None, None, &settings).unwrap();
        prop_assert_eq!(first, second);
    }

    #[test]
    fn tables_add_up((scores, labels, weights) in rows(), parts in 1_usize..30) {
        let ranking = Ranking::new(&scores, &labels, Some(&weights)).unwrap();
        let table = bands(&ranking, parts).unwrap();
        let rows: usize = table.iter().map(|band| band.rows).sum();
        prop_assert_eq!(rows, scores.len());
        let last = table.last().unwrap();
        prop_assert!((last.cumulative_share - 1.0).abs() < 1e-12);
        prop_assert!((last.cumulative_recall - 1.0).abs() < 1e-12);
        let gains = gains(&ranking, parts).unwrap();
        prop_assert!(gains.is_sorted_by(|a, b| a.recall <= b.recall + 1e-12));
        prop_assert!((gains.last().unwrap().lift - 1.0).abs() < 1e-12);
        let points = curve(&ranking, parts);
        prop_assert!(points.len() <= parts.max(2));
        prop_assert!((points.last().unwrap().true_positive_rate - 1.0).abs() < 1e-12);
        let calibration = calibration(&ranking, parts).unwrap();
        let weight: f64 = calibration.bins.iter().map(|bin| bin.weight).sum();
        prop_assert!((weight - ranking.weight()).abs() < 1e-9);
        prop_assert!(calibration.expected_error <= calibration.largest_error + 1e-12);
    }
}
