use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use world::{Fault, FaultKind, Sent, Side, Transcript, pair_with_fault, steps};

use super::objective::Units;
use super::*;
use crate::local::logistic_regression as local;

mod attacks;

const DISCLOSURES: [&str; 3] = ["train.stop", "model.own_coefficients", "train.weighted"];

struct Data {
    guest: Vec<Vec<f64>>,
    host: Vec<Vec<f64>>,
    labels: Vec<u8>,
}

/// Correlated columns within and across the parties, and labels that depend on all of them.
fn data(rows: usize, guest: usize, host: usize) -> Data {
    let mut rng = crypto::random::Generator::from_seed([rows as u8; 32]);
    let mut normal = || {
        let sum: f64 = (0..12).map(|_| rng.next_u64() as f64 / u64::MAX as f64).sum();
        sum - 6.0
    };
    let common: Vec<f64> = (0..rows).map(|_| normal()).collect();
    let mut column = |_| common.iter().map(|common| 0.6 * common + 0.8 * normal()).collect();
    let guest: Vec<Vec<f64>> = (0..guest).map(&mut column).collect();
    let host: Vec<Vec<f64>> = (0..host).map(&mut column).collect();
    let labels = (0..rows)
        .map(|row| {
            let columns = guest.iter().chain(&host).enumerate();
            let score: f64 =
                columns.map(|(index, column)| column[row] * (1.0 - 0.4 * index as f64)).sum();
            u8::from(score + normal() > 1.0)
        })
        .collect();
    Data { guest, host, labels }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

async fn play(
    session: Session,
    data: &Data,
    weights: Option<&[f64]>,
    settings: &Settings,
) -> Result<Coefficients, ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut party = TwoParty::setup(session, ledger).await?;
    let guest = party.is_first();
    let columns = slices(if guest { &data.guest } else { &data.host });
    let labels = guest.then_some(Labels { values: &data.labels, weights });
    train(&mut party, &columns, labels, settings).await
}

fn train_jointly(
    data: &Data,
    weights: Option<&[f64]>,
    settings: &Settings,
) -> (Coefficients, Coefficients) {
    let side = async |session| play(session, data, weights, settings).await.unwrap();
    let outcome = world::pair(1, side, side);
    (outcome.first, outcome.second)
}

/// A run of so many passes over 64 rows with two columns and one.
fn passes(count: usize) -> (Data, Settings) {
    (data(64, 2, 1), Settings { passes_max: count, ..Settings::default() })
}

fn transcript(count: usize) -> Transcript {
    let (data, settings) = passes(count);
    let side = async |session| play(session, &data, None, &settings).await.unwrap();
    world::pair(3, side, side).transcript
}

fn assert_optimal(data: &Data, weights: Option<&[f64]>, settings: &Settings) {
    let (guest, host) = train_jointly(data, weights, settings);
    assert!(guest.converged && host.converged);
    let pooled = [data.guest.clone(), data.host.clone()].concat();
    let columns = slices(&pooled);
    let reference = local::Settings { l2: settings.l2, l1: settings.l1, ..Default::default() };
    let optimum = local::fit(&columns, &data.labels, weights, reference).unwrap();
    let joint = guest.weights.iter().chain(&host.weights);
    let pairs = joint.zip(&optimum.weights);
    let worst = pairs.map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
    let intercept = (guest.intercept + host.intercept - optimum.intercept).abs();
    assert!(worst < 1e-3 && intercept < 1e-3, "{guest:?} {host:?} {optimum:?}");
}

#[test]
fn correct() {
    assert_optimal(&data(3000, 5, 4), None, &Settings::default());
}

/// Rows enough for passes over a sample of them, whose optimum is another one.
#[test]
fn correct_after_a_sample() {
    let data = data(66_000, 2, 2);
    let rows = Rows { training: 66_000, validation: 0 };
    assert_eq!(sample(rows, 5), Some(8192));
    assert_eq!(sample(rows, 513), None);
    assert_eq!(sample(Rows { training: 65_535, validation: 65_000 }, 5), None);
    assert_optimal(&data, None, &Settings::default());
}

#[test]
fn weights_count() {
    let data = data(500, 3, 2);
    let weights: Vec<f64> = (0..500).map(|row| 0.5 + f64::from(row % 3) * 0.25).collect();
    assert_optimal(&data, Some(&weights), &Settings::default());
}

/// Rows that weigh much and alone carry a feature that both parties have: the steepest case.
#[test]
fn correct_with_weights_that_steepen_the_loss() {
    let mut data = data(400, 2, 2);
    let weights: Vec<f64> = (0..400).map(|row| if row % 4 == 0 { 3.0 } else { 0.3 }).collect();
    for row in (0..400).filter(|row| row % 4 != 0) {
        data.guest[0][row] = 0.0;
        data.host[0][row] = 0.0;
    }
    let nearly = data.guest[0].iter().zip(&data.host[1]).map(|(x, noise)| x + 0.1 * noise);
    data.host[0] = nearly.collect();
    assert_optimal(&data, Some(&weights), &Settings::default());
}

#[test]
fn an_l1_penalty_reaches_its_optimum_with_exact_zeros_near() {
    let settings = Settings { l1: 0.02, tolerance: 1e-5, ..Settings::default() };
    assert_optimal(&data(400, 3, 2), None, &settings);
}

#[test]
fn labels_of_one_class_are_refused() {
    let mut data = data(100, 2, 2);
    data.labels.fill(1);
    let side = async |session: Session| {
        let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await.unwrap();
        let labels = party.is_first().then_some(Labels { values: &data.labels, weights: None });
        let columns = slices(if party.is_first() { &data.guest } else { &data.host });
        train(&mut party, &columns, labels, &Settings::default()).await.map(|_| ())
    };
    let outcome = world::pair(2, side, side);
    assert!(matches!(outcome.first, Err(ModelError::InvalidInput(_))));
    assert!(matches!(outcome.second, Err(ModelError::Secure(_))));
}

#[test]
fn known_answer() {
    let (data, settings) = passes(2);
    let side = async |session| play(session, &data, None, &settings).await.unwrap();
    let outcome = world::pair(2, side, side);
    assert_eq!((outcome.first.passes, outcome.second.passes), (2, 2));
    assert_eq!(
        outcome.transcript.hash(),
        "dc2897fb8395492ff40922bbbad6d54bd81a5e8c86f23b8334062abaf9ba7934"
    );
}

/// What one more pass costs, in elements of the ring, whole ones and short ones, and numbers.
#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    const SHORT: u64 = 116 * 1024;
    let (one, two) = (transcript(1), transcript(2));
    let more = |side, step: &str| two.bytes_of(side, step) - one.bytes_of(side, step);
    for (side, own, theirs) in [(Side::First, 3, 1), (Side::Second, 1, 3)] {
        // The guest's three columns travel in one element.
        assert_eq!(more(side, "weights"), 2 * ELEMENT);
        assert_eq!(more(side, "scores"), 64 * 8);
        assert_eq!(more(side, "residuals"), SHORT + ((64 + theirs) * 150_u64).div_ceil(8));
        assert_eq!(more(side, "sums"), own * 14);
        assert_eq!(more(side, "opened_bit"), 1);
        assert_eq!(two.bytes_of(side, "share"), 8 * theirs);
    }
    // The sigmoid is coarse, with two primes instead of three.
    assert_eq!(more(Side::Second, "harmonics"), 8 * (32 + ELEMENT / 3 * 2));
    assert_eq!(more(Side::First, "products"), 2 * ELEMENT / 3 * 2);
    assert_eq!(two.bytes_of(Side::First, "weighted"), 1);
    assert_eq!(two.rounds() - one.rounds(), 28);
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, None, &settings).await;
    let chosen =
        |sent: &Sent| ["weighted", "opened_bit", "share"].contains(&sent.path_step.as_str());
    for path_step in steps(4, side, side).into_iter().filter(chosen).map(|sent| sent.path_step) {
        let kinds = [
            FaultKind::FlipBit,
            FaultKind::Replay,
            FaultKind::WrongStep,
            FaultKind::Extend,
            FaultKind::replace(|_| Vec::new()),
            FaultKind::replace(|bytes| vec![0xff; bytes.len() + 1]),
        ];
        for kind in kinds {
            let from = if path_step == "share" { Side::Second } else { Side::First };
            let fault = Fault { path_step: path_step.clone(), occurrence: 0, kind, from };
            let text = format!("{fault:?}");
            let outcome = pair_with_fault(4, fault, side, side);
            let closed = outcome.closed.iter().all(Result::is_ok);
            assert!(!(outcome.first.is_ok() && outcome.second.is_ok() && closed), "{text}");
        }
    }
}

#[test]
fn peer_drops() {
    let (data, settings) = passes(1);
    let side = async |session| play(session, &data, None, &settings).await;
    for step in ["column_hints", "harmonics", "residuals", "opened_bit", "share"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let outcome =
            pair_with_fault(5, Fault { path_step, occurrence: 0, kind, from }, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::Secure(_))), "{step}: {result:?}");
        }
    }
}

/// The longest start that is taken makes a step whose square can be compared.
#[test]
fn starts_are_bounded_by_the_step_that_they_lead_to() {
    let units = Units { column_bits: 9, residual_bits: 30, log_rows: 17 };
    for (parties, curvature) in [(2_u32, 1.0), (2, 4.0), (3, 1.0), (5, 1.0), (5, 3.0)] {
        let count = f64::from(parties);
        let gradient =
            |norm: f64| curvature * count.powf(1.5) * norm + (2.0 * curvature * count).sqrt();
        let begin =
            |norm: f64| units.begin(&[0.6 * norm, -0.8 * norm], parties as usize, curvature);
        let longest = (1..=8000).map(|it| f64::from(it) / 1000.0);
        let longest = longest.take_while(|norm| begin(*norm).is_ok()).last().unwrap();
        // Steps are less than twice as long as gradients.
        assert!((2.0 * gradient(longest)).powi(2) * 2_f64.powi(52) < 2_f64.powi(63));
        assert!(longest > 0.3, "{parties} {curvature}: {longest}");
    }
}
