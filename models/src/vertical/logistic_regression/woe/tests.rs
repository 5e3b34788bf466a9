use std::sync::Arc;

use features::binned::BinnedFeature;
use features::federated::evidence;
use mpc::reveal::{Ledger, Observation};
use world::FaultKind;

use super::*;
use crate::local::logistic_regression as local;
use crate::vertical::course::Course;
use crate::vertical::logistic_regression::{Coefficients, Labels, Settings, train_with_woe};

const RULE: MergeRule = MergeRule { rows_min: 50, class_min: 5 };
const BIN_COUNTS: &str = "select.host_bin_counts";
const KEY: &str = "score.test_rows";
const DISCLOSURES: [&str; 5] =
    [BIN_COUNTS, "train.stop", "model.own_coefficients", "train.weighted", KEY];

/// Plain columns of both parties, and binned features of the host; all tell about the label.
struct Data {
    guest: Vec<Vec<f64>>,
    host: Vec<Vec<f64>>,
    binned: BinnedMatrix,
    labels: Vec<u8>,
}

fn data(rows: usize, plain: usize, binned: usize) -> Data {
    let mut rng = crypto::random::Generator::from_seed([plain as u8; 32]);
    let mut normal = || {
        let sum: f64 = (0..12).map(|_| rng.next_u64() as f64 / u64::MAX as f64).sum();
        sum - 6.0
    };
    let common: Vec<f64> = (0..rows).map(|_| normal()).collect();
    let mut column = |_: usize| -> Vec<f64> {
        common.iter().map(|common| 0.5 * common + 0.9 * normal()).collect()
    };
    let guest: Vec<Vec<f64>> = (0..2).map(&mut column).collect();
    let host: Vec<Vec<f64>> = (0..plain).map(&mut column).collect();
    let hidden: Vec<Vec<f64>> = (0..binned).map(&mut column).collect();
    let labels = (0..rows)
        .map(|row| {
            let plain: f64 = guest.iter().chain(&host).map(|column| 0.5 * column[row]).sum();
            // Not monotonous, so that the weight of evidence matters.
            let bent: f64 = hidden.iter().map(|column| column[row].abs() - 0.8).sum();
            u8::from(plain + bent + normal() > 0.8)
        })
        .collect();
    let feature = |(place, column): (usize, &Vec<f64>)| BinnedFeature {
        name: place.to_string(),
        codes: column.iter().map(|value| ((value * 2.0) as i8 + 5).clamp(0, 9) as u8).collect(),
        bins: 9,
    };
    let features = hidden.iter().enumerate().map(feature).collect();
    Data { guest, host, binned: BinnedMatrix::new(rows, features).unwrap(), labels }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// What one party ends with.
struct Side {
    own: Coefficients,
    /// The guest's values, or the host's bins.
    values: Vec<Vec<f64>>,
    bins: Vec<AnonymousColumn>,
    scores: Option<Vec<f64>>,
    observed: Vec<Observation>,
}

/// Counts, training and scoring of the training rows, as a job does it.
async fn play(data: &Data, session: net::Session, settings: &Settings) -> Side {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut party = TwoParty::setup(session, Arc::clone(&ledger)).await.unwrap();
    let guest = party.is_first();
    let (mut values, mut bins) = (Vec::new(), Vec::new());
    if guest {
        let counts = evidence::gather(&mut party, &data.labels, RULE).await.unwrap();
        values = standardised(&counts).unwrap();
    } else {
        let anonymity = evidence::offer(&mut party, &data.binned, RULE).await.unwrap();
        bins = anonymous_columns(&anonymity, &data.binned).unwrap();
    }
    let woe = if guest { Woe::Values(&values) } else { Woe::Bins(&bins) };
    let columns = slices(if guest { &data.guest } else { &data.host });
    let labels = guest.then_some(Labels { values: &data.labels, weights: None });
    let own = train_with_woe(&mut party, &columns, labels, Some(&woe), settings, Course::default())
        .await
        .unwrap();
    let rows = data.labels.len();
    let scores = score_with_woe(&mut party, &own, &columns, &woe, rows, KEY).await.unwrap();
    Side { own, values, bins, scores, observed: ledger.observed() }
}

/// Joint training against the plain model on the standardised columns; then the scores.
fn assert_optimal(data: &Data, settings: &Settings) -> [Side; 2] {
    let outcome = world::pair(
        1,
        |session| play(data, session, settings),
        |session| play(data, session, settings),
    );
    let (guest, host) = (outcome.first, outcome.second);
    assert!(guest.own.converged && host.own.converged);
    let encoded = guest.values.iter().zip(&host.bins);
    let encoded = encoded.map(|(values, column)| {
        column.codes.iter().map(|code| values[usize::from(*code)]).collect::<Vec<f64>>()
    });
    let pooled: Vec<Vec<f64>> =
        data.guest.iter().chain(&data.host).cloned().chain(encoded).collect();
    let reference = local::Settings { l2: settings.l2, l1: settings.l1, ..Default::default() };
    let optimum = local::fit(&slices(&pooled), &data.labels, None, reference).unwrap();
    let joint = guest.own.weights.iter().chain(&host.own.weights);
    let intercept = (guest.own.intercept + host.own.intercept - optimum.intercept).abs();
    let distances = joint.zip(&optimum.weights).map(|(joint, pooled)| (joint - pooled).abs());
    assert!(distances.chain([intercept]).all(|it| it < 1e-3), "{:?} {optimum:?}", host.own);
    assert_eq!(guest.own.weights.len() + host.own.weights.len(), optimum.weights.len());

    assert!(host.scores.is_none());
    let intercept_of_both = guest.own.intercept + host.own.intercept;
    let weights: Vec<f64> = guest.own.weights.iter().chain(&host.own.weights).copied().collect();
    for (row, score) in guest.scores.as_ref().unwrap().iter().enumerate() {
        let plain: f64 = pooled.iter().zip(&weights).map(|(column, w)| column[row] * w).sum();
        assert!((plain + intercept_of_both - score).abs() < 1e-4, "row {row}");
    }
    [guest, host]
}

#[test]
fn correct_with_plain_columns_and_weight_of_evidence() {
    let data = data(1500, 2, 3);
    let [guest, host] = assert_optimal(&data, &Settings::default());
    // Weight of evidence points the way of the label, whatever the order of the bins.
    assert!(host.own.weights[2..].iter().all(|weight| *weight > 0.1), "{:?}", host.own);
    // Exactly what was declared: the host learns its coefficients and the stop bits, no counts.
    let passes = guest.own.passes as u64;
    for side in [&guest, &host] {
        let of = |to: &str| -> Vec<(&str, u64)> {
            let lines = side.observed.iter().filter(|line| line.to == to);
            lines.map(|line| (line.key.as_str(), line.count)).collect()
        };
        assert_eq!(of("all"), [("train.stop", passes)]);
        assert_eq!(of(world::SECOND), [("model.own_coefficients", 5), ("train.weighted", 1)]);
        let bins: usize = host.bins.iter().map(|column| column.bins).max().unwrap() * 3 * 3;
        let to_guest = [("model.own_coefficients", 3), (KEY, 1500), (BIN_COUNTS, bins as u64)];
        assert_eq!(of(world::FIRST), to_guest);
    }
}

#[test]
fn correct_with_weight_of_evidence_alone_and_l1() {
    let settings = Settings { l1: 0.02, tolerance: 1e-5, ..Settings::default() };
    assert_optimal(&data(800, 0, 2), &settings);
}

#[test]
fn values_have_mean_0_and_deviation_1_and_unopened_features_are_0() {
    let groups = [(30, 70), (10, 190), (60, 40)]
        .map(|(positives, negatives)| BinCounts { positives, negatives });
    let opened = AnonymousFeature { group_of_bin: vec![0, 0, 1, 2], groups: groups.to_vec() };
    let closed = AnonymousFeature { group_of_bin: vec![0, 0], groups: Vec::new() };
    let same = AnonymousFeature { group_of_bin: vec![0], groups: vec![groups[0]] };
    let values = standardised(&[opened, closed, same]).unwrap();
    assert!(values[1..] == [vec![0.0; 2], vec![0.0]]);
    assert!((values[0][0] - values[0][1]).abs() < 1e-12);
    let [a, b, c] = [values[0][0], values[0][2], values[0][3]];
    assert!((100.0 * a + 200.0 * b + 100.0 * c).abs() < 1e-9);
    assert!((100.0 * a * a + 200.0 * b * b + 100.0 * c * c - 400.0).abs() < 1e-9);
    assert!(b < a && a < c);
    let gap = AnonymousFeature { group_of_bin: vec![1], groups: vec![groups[0]] };
    assert!(standardised(&[gap]).is_err());
}

/// Rows of more than one chunk of the lattice, a bin without rows, and the cost.
#[test]
fn correct_scores_and_cost_over_several_chunks() {
    const ROWS: usize = 9000;
    let values = [vec![0.5, -1.25, 3.0], vec![-700.0, 0.001]];
    let column = |bins: usize, step: usize| AnonymousColumn {
        codes: (0..ROWS).map(|row| (row / step % 2) as u8).collect(),
        bins,
    };
    let columns = [column(3, 7), column(2, 4100)];
    let plain: Vec<f64> = (0..ROWS).map(|row| (row % 101) as f64 - 50.0).collect();
    let coefficients = |weights: &[f64], intercept| Coefficients {
        weights: weights.to_vec(),
        intercept,
        passes: 1,
        converged: true,
        standard_errors: None,
    };
    let side = async |session: net::Session| {
        let ledger = Arc::new(Ledger::new([KEY]));
        let mut party = TwoParty::setup(session, ledger).await.unwrap();
        if party.is_first() {
            let own = coefficients(&[], -1.5);
            score_with_woe(&mut party, &own, &[], &Woe::Values(&values), ROWS, KEY).await.unwrap()
        } else {
            let own = coefficients(&[0.25, 2.0, -0.75], 0.0);
            let woe = Woe::Bins(&columns);
            score_with_woe(&mut party, &own, &[&plain], &woe, ROWS, KEY).await.unwrap()
        }
    };
    let outcome = world::pair(4, side, side);
    assert!(outcome.second.is_none());
    for (row, score) in outcome.first.unwrap().into_iter().enumerate() {
        let [first, second] =
            [0, 1].map(|place| values[place][usize::from(columns[place].codes[row])]);
        let expected = -1.5 + 0.25 * plain[row] + 2.0 * first - 0.75 * second;
        assert!((score - expected).abs() < 1e-4, "row {row}: {score} for {expected}");
    }
    let of = |side, step| outcome.transcript.bytes_of(side, step);
    let element = 8192 * 150 / 8;
    // Two bins share an element, and 4096 rows a hint.
    assert_eq!(of(world::Side::First, "weights"), (3 + 1) * element);
    let hint = 8192 * 116 / 8;
    assert_eq!(of(world::Side::Second, "row_hints"), ROWS.div_ceil(4096) as u64 * hint);
    assert_eq!(of(world::Side::Second, "correlations"), 5 * 32 * 8);
    assert_eq!(of(world::Side::Second, "share"), 8 * ROWS as u64);
}

/// Tampering and a lost host while the scores are made.
#[test]
fn tampered_scores_are_named_and_a_lost_peer_is_noticed() {
    let values = [vec![0.5, -1.25]];
    let columns = [AnonymousColumn { codes: (0..80).map(|row| row % 2).collect(), bins: 2 }];
    let run = |step: &str, from, kind| {
        let side = async |session: net::Session| {
            let ledger = Arc::new(Ledger::new([KEY]));
            let mut party = TwoParty::setup(session, ledger).await?;
            let guest = party.is_first();
            let weights = if guest { Vec::new() } else { vec![0.5] };
            let own = Coefficients {
                weights,
                intercept: 0.0,
                passes: 1,
                converged: true,
                standard_errors: None,
            };
            let woe = if guest { Woe::Values(&values) } else { Woe::Bins(&columns) };
            score_with_woe(&mut party, &own, &[], &woe, 80, KEY).await
        };
        let fault = world::Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
        let outcome = world::pair_with_fault(3, fault, side, side);
        [outcome.first.err(), outcome.second.err()]
    };
    let steps = [
        ("woe_shape", world::Side::First, 1),
        ("seed", world::Side::First, 1),
        ("row_hints", world::Side::Second, 0),
        ("weights", world::Side::First, 1),
        ("scores", world::Side::Second, 0),
        ("share", world::Side::Second, 0),
    ];
    for (step, from, victim) in steps {
        let shorter = FaultKind::replace(|bytes| bytes[..bytes.len() - 1].to_vec());
        let text = run(step, from, shorter)[victim].as_ref().unwrap().to_string();
        assert!(text.contains(step), "{text}");
        assert!(run(step, from, FaultKind::Close)[victim].is_some());
    }
    // Hints and scores have no other form than their length.
    let (step, from, victim) = steps[3];
    let large = FaultKind::replace(|bytes| vec![0xff; bytes.len()]);
    let text = run(step, from, large)[victim].as_ref().unwrap().to_string();
    assert!(text.contains(step), "{text}");
}

/// What both say when the guest brings `values` and the host bins of 100 rows.
fn disagree(values: &[Vec<f64>], column: AnonymousColumn) -> [Result<Coefficients, ModelError>; 2] {
    let labels: Vec<u8> = (0..100).map(|row| row % 2).collect();
    let columns = [column];
    let side = async |session: net::Session| {
        let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await.unwrap();
        let guest = party.is_first();
        let woe = if guest { Woe::Values(values) } else { Woe::Bins(&columns) };
        let labels = guest.then_some(Labels { values: &labels, weights: None });
        train_with_woe(&mut party, &[], labels, Some(&woe), &Settings::default(), Course::default())
            .await
    };
    let outcome = world::pair(2, side, side);
    [outcome.first, outcome.second]
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let bins = |bins: usize| AnonymousColumn { codes: vec![1; 100], bins };
    for result in disagree(&[vec![0.5, -0.5]], bins(3)) {
        let text = result.unwrap_err().to_string();
        assert!(text.contains("woe_shape"), "{text}");
    }
    let [guest, host] = disagree(&[vec![0.5]], bins(1));
    assert!(guest.is_err() && matches!(host, Err(ModelError::InvalidInput(_))));
    for value in [f64::NAN, 1e9] {
        let [guest, host] = disagree(&[vec![value, 0.0]], bins(2));
        assert!(matches!(guest, Err(ModelError::InvalidInput(_))) && host.is_err());
    }
}
