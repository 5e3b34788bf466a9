use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use world::{Fault, FaultKind, Outcome, Sent, Side, Transcript, pair_with_fault, steps};

use super::*;
use crate::local::multinomial_regression as local;
use crate::vertical::logistic_regression::EarlyStopping;

const DISCLOSURES: [&str; 4] =
    ["train.stop", "model.own_coefficients", "train.weighted", "train.classes"];

struct Data {
    guest: Vec<Vec<f64>>,
    host: Vec<Vec<f64>>,
    classes: usize,
    labels: Vec<u8>,
    weights: Option<Vec<f64>>,
}

/// Correlated columns within and across the parties, and classes that depend on all of them.
fn data(rows: usize, guest: usize, host: usize, classes: usize) -> Data {
    let mut rng = crypto::random::Generator::from_seed([rows as u8; 32]);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
    let common: Vec<f64> = (0..rows).map(|_| normal()).collect();
    let mut column = |_| common.iter().map(|common| 0.6 * common + 0.8 * normal()).collect();
    let guest: Vec<Vec<f64>> = (0..guest).map(&mut column).collect();
    let host: Vec<Vec<f64>> = (0..host).map(&mut column).collect();
    let label = |row: usize| {
        let mut best = (0, f64::NEG_INFINITY);
        for class in 0..classes {
            let columns = guest.iter().chain(&host).enumerate();
            let score: f64 = columns
                .map(|(index, column)| column[row] * f64::from(((index + class) % 3) as u8))
                .sum();
            let score = score + 2.0 * normal();
            if score > best.1 {
                best = (class as u8, score);
            }
        }
        best.0
    };
    let labels = (0..rows).map(label).collect();
    Data { guest, host, classes, labels, weights: None }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

async fn play(
    session: Session,
    data: &Data,
    settings: &Settings,
) -> Result<ClassCoefficients, ModelError> {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await?;
    let guest = party.is_first();
    let columns = slices(if guest { &data.guest } else { &data.host });
    let labels = guest.then_some(Labels {
        classes: data.classes,
        values: &data.labels,
        weights: data.weights.as_deref(),
    });
    train(&mut party, &columns, labels, settings).await
}

fn assert_optimal(data: &Data, settings: &Settings) {
    let side = async |session| play(session, data, settings).await.unwrap();
    let Outcome { first: guest, second: host, .. } = world::pair(1, side, side);
    assert!(guest.converged && host.converged && guest.passes < 200, "{} passes", guest.passes);
    let pooled = [data.guest.clone(), data.host.clone()].concat();
    let columns = slices(&pooled);
    let rows = local::Data {
        columns: &columns,
        classes: data.classes,
        labels: &data.labels,
        weights: data.weights.as_deref(),
    };
    let optimum = local::fit(&rows, settings.l2).unwrap();
    for class in 0..data.classes {
        let joint = guest.weights[class].iter().chain(&host.weights[class]);
        for (joint, pooled) in joint.zip(&optimum.weights[class]) {
            assert!((joint - pooled).abs() < 1e-3, "class {class}: {joint}, pooled {pooled}");
        }
        let intercept = guest.intercepts[class] + host.intercepts[class];
        let pooled = optimum.intercepts[class];
        assert!((intercept - pooled).abs() < 1e-3, "class {class}: {intercept}, pooled {pooled}");
    }
}

#[test]
fn correct() {
    assert_optimal(&data(600, 3, 2, 3), &Settings::default());
    assert_optimal(&data(300, 2, 2, 5), &Settings { l2: 0.1, ..Settings::default() });
}

#[test]
fn correct_with_weights() {
    let mut data = data(300, 2, 2, 3);
    data.weights = Some((0..300).map(|row| 0.5 + f64::from(row % 3) * 0.5).collect());
    assert_optimal(&data, &Settings::default());
}

/// Validation rows with other labels than training rows: their loss rises soon, and training ends
/// before its optimum, at a point that both know nothing else of.
#[test]
fn correct_when_training_stops_early() {
    let mut data = data(300, 2, 1, 3);
    for label in &mut data.labels[200..] {
        *label = (*label + 1) % 3;
    }
    let early_stopping = Some(EarlyStopping { patience: 2, validation_rows: 100 });
    let settings = Settings { early_stopping, ..Settings::default() };
    let side = async |session| play(session, &data, &settings).await.unwrap();
    let outcome = world::pair(2, side, side);
    let (guest, host) = (outcome.first, outcome.second);
    assert!(guest.converged && guest.passes <= 6, "{} passes", guest.passes);
    let largest = guest.weights.iter().chain(&host.weights).flatten().map(|weight| weight.abs());
    assert!(largest.fold(0.0, f64::max) < 0.05, "{guest:?} {host:?}");
}

#[test]
fn labels_and_settings_out_of_bounds_are_refused() {
    let sound = data(100, 2, 1, 3);
    let refused = |data: &Data, settings: &Settings| {
        let side = async |session| play(session, data, settings).await.err();
        let outcome = world::pair(3, side, side);
        assert!(matches!(outcome.first, Some(ModelError::InvalidInput(_))), "{:?}", outcome.first);
        assert!(outcome.second.is_some());
    };
    let settings = Settings::default();
    refused(&sound, &Settings { l1: 0.1, ..Settings::default() });
    refused(&sound, &Settings { standard_errors: true, ..Settings::default() });
    refused(&Data { classes: 4, ..data(100, 2, 1, 3) }, &settings);
    refused(&Data { classes: 2, ..data(100, 2, 1, 3) }, &settings);
    refused(&Data { labels: vec![0; 100], ..data(100, 2, 1, 3) }, &settings);
}

fn passes(count: usize) -> (Data, Settings) {
    (data(64, 2, 1, 3), Settings { passes_max: count, ..Settings::default() })
}

fn transcript(count: usize) -> Transcript {
    let (data, settings) = passes(count);
    let side = async |session| play(session, &data, &settings).await.unwrap();
    world::pair(3, side, side).transcript
}

#[test]
fn known_answer() {
    assert_eq!(
        transcript(2).hash(),
        "6ad21aaeebfdde40cb884521a0c73554246fb244f0bb452c6a39b9f00422029b"
    );
}

/// What one more pass costs.
#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    const SHORT: u64 = 116 * 1024;
    let (one, two) = (transcript(1), transcript(2));
    let more = |side, step: &str| two.bytes_of(side, step) - one.bytes_of(side, step);
    for (side, theirs) in [(Side::First, 1), (Side::Second, 3)] {
        // Of two classes; the third follows. The guest's three columns travel in one element.
        assert_eq!(more(side, "weights"), 2 * 2 * ELEMENT);
        assert_eq!(more(side, "scores"), 2 * 64 * 8);
        let residuals = SHORT + ((64 + theirs) * 150_u64).div_ceil(8);
        assert_eq!(more(side, "residuals"), 2 * residuals);
        assert_eq!(more(side, "opened_bit"), 1);
        assert_eq!(two.bytes_of(side, "share"), 3 * 8 * theirs);
    }
    assert_eq!(two.bytes_of(Side::First, "classes"), 1);
    assert_eq!(two.rounds() - one.rounds(), 64);
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, &settings).await;
    let own = ["classes", "weighted", "opened_bit", "share"];
    let chosen = |sent: &Sent| own.contains(&sent.path_step.as_str());
    let mut steps: Vec<String> =
        steps(4, side, side).into_iter().filter(chosen).map(|sent| sent.path_step).collect();
    steps.dedup();
    for path_step in steps {
        for kind in [
            FaultKind::WrongStep,
            FaultKind::Extend,
            FaultKind::replace(|_| Vec::new()),
            FaultKind::replace(|bytes| vec![0xff; bytes.len() + 1]),
        ] {
            let from = if path_step == "share" { Side::Second } else { Side::First };
            let fault = Fault { path_step: path_step.clone(), occurrence: 0, kind, from };
            let text = format!("{fault:?}");
            let outcome = pair_with_fault(4, fault, side, side);
            let closed = outcome.closed.iter().all(Result::is_ok);
            assert!(!(outcome.first.is_ok() && outcome.second.is_ok() && closed), "{text}");
        }
    }
}

/// A number of classes that no honest guest sends is the guest's fault.
#[test]
fn tampered_classes_are_blamed_on_the_guest() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, &settings).await;
    for count in [0, 2, 11] {
        let path_step = "classes".to_owned();
        let kind = FaultKind::replace(move |_| vec![count]);
        let fault = Fault { path_step, occurrence: 0, kind, from: Side::First };
        let outcome = pair_with_fault(4, fault, side, side);
        assert!(matches!(outcome.second, Err(ModelError::Secure(_))), "{:?}", outcome.second);
    }
}

#[test]
fn peer_drops() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, &settings).await;
    for step in ["column_hints", "exponentials", "residuals", "opened_bit", "share"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = pair_with_fault(5, fault, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::Secure(_))), "{step}: {result:?}");
        }
    }
}
