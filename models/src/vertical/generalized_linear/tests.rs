use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use world::{Fault, FaultKind, Sent, Side, Transcript, pair_with_fault, steps};

use super::*;
use crate::local::generalized_linear as local;

const DISCLOSURES: [&str; 4] =
    ["train.stop", "model.own_coefficients", "train.weighted", "train.label_scale"];

struct Rows {
    guest: Vec<Vec<f64>>,
    host: Vec<Vec<f64>>,
    targets: Vec<f64>,
    weights: Option<Vec<f64>>,
    offsets: Option<Vec<f64>>,
}

/// Correlated columns within and across the parties, and targets of the family that depend on all
/// of them, `unit` large on average.
fn data(rows: usize, guest: usize, host: usize, family: Family, unit: f64) -> Rows {
    let mut rng = crypto::random::Generator::from_seed([rows as u8; 32]);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
    let common: Vec<f64> = (0..rows).map(|_| normal()).collect();
    let mut column = |_| common.iter().map(|common| 0.6 * common + 0.8 * normal()).collect();
    let guest: Vec<Vec<f64>> = (0..guest).map(&mut column).collect();
    let host: Vec<Vec<f64>> = (0..host).map(&mut column).collect();
    let target = |row: usize| {
        let columns = guest.iter().chain(&host).enumerate();
        let score: f64 =
            columns.map(|(index, column)| column[row] * (0.4 - 0.15 * index as f64)).sum();
        // Somewhere between 0 and 2, 1 on average.
        let luck = (normal() / 6.0 + 1.0).clamp(0.01, 2.0);
        match family {
            Family::Gaussian => unit * (score + luck),
            Family::Binomial => f64::from(u8::from(score + luck > 1.0)),
            Family::Poisson => (unit * score.exp() * luck * luck).round(),
            Family::Tweedie { .. } if luck < 1.0 => 0.0,
            Family::Gamma | Family::Tweedie { .. } => unit * score.exp() * luck,
        }
    };
    let targets = (0..rows).map(target).collect();
    Rows { guest, host, targets, weights: None, offsets: None }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

async fn play(
    session: Session,
    data: &Rows,
    family: Family,
    settings: &Settings,
) -> Result<Coefficients, ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut party = TwoParty::setup(session, ledger).await?;
    let guest = party.is_first();
    let columns = slices(if guest { &data.guest } else { &data.host });
    let targets = guest.then_some(Targets {
        values: &data.targets,
        weights: data.weights.as_deref(),
        offsets: data.offsets.as_deref(),
    });
    train(&mut party, &columns, targets, family, settings).await
}

/// The joint coefficients are within `bound` (in units of the target for linear regression) of the
/// pooled plaintext optimum.
fn assert_optimal(data: &Rows, family: Family, settings: &Settings, bound: f64) {
    let side = async |session| play(session, data, family, settings).await.unwrap();
    let world::Outcome { first: guest, second: host, .. } = world::pair(1, side, side);
    assert!(guest.converged && host.converged, "{family:?}: {} passes", guest.passes);
    assert!(guest.passes < 200, "{family:?}: {} passes", guest.passes);
    let pooled = [data.guest.clone(), data.host.clone()].concat();
    let columns = slices(&pooled);
    let rows = local::Data {
        columns: &columns,
        targets: &data.targets,
        weights: data.weights.as_deref(),
        offsets: data.offsets.as_deref(),
    };
    let reference = local::Settings { l2: settings.l2, l1: settings.l1, ..Default::default() };
    let optimum = local::fit(&rows, family, reference).unwrap();
    let joint = guest.weights.iter().chain(&host.weights);
    let pairs = joint.zip(&optimum.weights);
    let worst = pairs.map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
    let intercept = (guest.intercept + host.intercept - optimum.intercept).abs();
    let text = format!("{family:?}: {guest:?} {host:?} {optimum:?}");
    assert!(worst < bound && intercept < bound, "{worst:e} {intercept:e} {text}");
}

#[test]
fn correct() {
    for (family, unit, bound) in [
        (Family::Gaussian, 1e4, 1.0),
        (Family::Poisson, 0.7, 1e-4),
        (Family::Gamma, 3e5, 1e-4),
        (Family::Tweedie { power: 1.5 }, 3e3, 1e-4),
    ] {
        // A penalty counts beside the loss, which is as large as the target with some families.
        assert_optimal(&data(700, 3, 2, family, unit), family, &Settings::default(), bound);
    }
}

#[test]
fn weights_and_offsets_count() {
    for (family, unit, bound) in
        [(Family::Gaussian, 1.0, 1e-4), (Family::Poisson, 20.0, 1e-4), (Family::Gamma, 1.0, 1e-4)]
    {
        let mut data = data(300, 2, 2, family, unit);
        data.weights = Some((0..300).map(|row| 0.5 + f64::from(row % 3) * 0.25).collect());
        data.offsets = Some((0..300).map(|row| 3.0 + f64::from(row % 7) * 0.3).collect());
        assert_optimal(&data, family, &Settings::default(), bound);
    }
}

#[test]
fn an_l1_penalty_reaches_its_optimum() {
    for (family, l1) in [(Family::Gaussian, 0.1), (Family::Poisson, 0.1)] {
        let settings = Settings { l2: 0.0, l1, tolerance: 1e-5, ..Settings::default() };
        assert_optimal(&data(300, 3, 2, family, 2.0), family, &settings, 1e-3);
    }
}

/// Rows whose means are up to a hundred times the average: the first steps are far too long.
#[test]
fn steps_that_are_too_long_are_undone() {
    let mut data = data(500, 2, 2, Family::Poisson, 1.0);
    for row in 0..500 {
        let score = 1.1 * data.guest[0][row] + 1.3 * data.host[1][row];
        data.targets[row] = (0.5 * score.exp()).round();
    }
    assert_optimal(&data, Family::Poisson, &Settings::default(), 1e-3);
}

#[test]
fn targets_out_of_range_are_refused() {
    for (family, target) in [(Family::Gamma, 0.0), (Family::Poisson, -1.0), (Family::Binomial, 1.0)]
    {
        let mut data = data(100, 2, 2, Family::Gamma, 1.0);
        data.targets[3] = target;
        let side = async |session: Session| {
            play(session, &data, family, &Settings::default()).await.map(|_| ())
        };
        let outcome = world::pair(2, side, side);
        assert!(matches!(outcome.first, Err(ModelError::InvalidInput(_))), "{family:?}");
        assert!(outcome.second.is_err(), "{family:?}");
    }
}

/// A run of so many passes over 64 rows with two columns and one.
fn passes(count: usize, family: Family) -> (Rows, Settings) {
    let settings = Settings { passes_max: count, ..Settings::default() };
    (data(64, 2, 1, family, 1.0), settings)
}

fn transcript(count: usize, family: Family) -> Transcript {
    let (data, settings) = passes(count, family);
    let side = async |session| play(session, &data, family, &settings).await.unwrap();
    world::pair(3, side, side).transcript
}

#[test]
fn known_answer() {
    for (family, expected) in [
        (Family::Gaussian, "bf1e881b7074a127843b1807f9caa0a9d583b009734b83e80daff6e7168fcb91"),
        (Family::Poisson, "33e43af6f63f2eb3715e9f3acbd20261fb1a759c0de78d6de6c1b7187dc54cc8"),
    ] {
        assert_eq!(transcript(2, family).hash(), expected, "{family:?}");
    }
}

/// What one more pass costs, in elements of the ring (150 KiB) and numbers (14 or 18.75 bytes).
#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    const SHORT: u64 = 116 * 1024;
    for (family, exponentials, rounds) in [
        (Family::Gaussian, 0, 21),
        (Family::Poisson, 1, 38),
        (Family::Tweedie { power: 1.5 }, 2, 38),
    ] {
        let (one, two) = (transcript(1, family), transcript(2, family));
        let more = |side, step: &str| two.bytes_of(side, step) - one.bytes_of(side, step);
        for (side, theirs) in [(Side::First, 1), (Side::Second, 3)] {
            // The guest's three columns travel in one element.
            assert_eq!(more(side, "weights"), 2 * ELEMENT);
            assert_eq!(more(side, "scores"), 64 * 8);
            assert_eq!(more(side, "residuals"), SHORT + ((64 + theirs) * 150_u64).div_ceil(8));
            assert_eq!(more(side, "opened_bit"), 1);
            assert_eq!(two.bytes_of(side, "share"), 8 * theirs);
        }
        let exponentials = exponentials * 4 * (32 + ELEMENT);
        assert_eq!(more(Side::Second, "exponentials"), exponentials);
        assert_eq!(more(Side::First, "products"), if exponentials > 0 { 4 * ELEMENT } else { 0 });
        assert_eq!(two.bytes_of(Side::First, "label_scale"), 1);
        assert_eq!(two.rounds() - one.rounds(), rounds, "{family:?}");
    }
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let (data, settings) = passes(1, Family::Poisson);
    let side = async |session| play(session, &data, Family::Poisson, &settings).await;
    let own = ["weighted", "label_scale", "opened_bit", "share"];
    let chosen = |sent: &Sent| own.contains(&sent.path_step.as_str());
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

/// A scale that no honest guest sends is the guest's fault.
#[test]
fn a_scale_out_of_range_is_blamed_on_the_guest() {
    let (data, settings) = passes(1, Family::Poisson);
    let side = async |session| play(session, &data, Family::Poisson, &settings).await;
    let path_step = "label_scale".to_owned();
    let kind = FaultKind::replace(|_| vec![0x7f]);
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::First };
    let outcome = pair_with_fault(4, fault, side, side);
    assert!(matches!(outcome.second, Err(ModelError::Secure(_))), "{:?}", outcome.second);
}

#[test]
fn peer_drops() {
    let (data, settings) = passes(1, Family::Poisson);
    let side = async |session| play(session, &data, Family::Poisson, &settings).await;
    for step in ["column_hints", "exponentials", "residuals", "opened_bit", "share"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let outcome =
            pair_with_fault(5, Fault { path_step, occurrence: 0, kind, from }, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::Secure(_))), "{step}: {result:?}");
        }
    }
}
