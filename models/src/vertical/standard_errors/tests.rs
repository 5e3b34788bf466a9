use std::collections::BTreeMap;
use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use world::{Fault, FaultKind, Outcome, Sent, Side, Transcript, pair_with_fault, steps};

use super::*;
use crate::family::Family;
use crate::local::generalized_linear as local;
use crate::vertical::generalized_linear::{self, Targets};
use crate::vertical::logistic_regression::{self, Coefficients, EarlyStopping, Labels};

const DISCLOSURES: [&str; 6] = [
    "train.stop",
    "model.own_coefficients",
    "train.weighted",
    "train.label_scale",
    "train.collinear",
    "model.standard_errors",
];

struct Data {
    family: Family,
    guest: Vec<Vec<f64>>,
    host: Vec<Vec<f64>>,
    targets: Vec<f64>,
    weights: Option<Vec<f64>>,
    l2: f64,
}

/// Correlated columns within and across the parties, and targets of the family that depend on all
/// of them.
fn data(rows: usize, guest: usize, host: usize, family: Family) -> Data {
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
        let luck = (normal() / 6.0 + 1.0).clamp(0.01, 2.0);
        match family {
            Family::Gaussian => 3000.0 * (score + luck),
            Family::Binomial => f64::from(u8::from(score + luck > 1.0)),
            Family::Poisson => (3.0 * score.exp() * luck * luck).round(),
            Family::Tweedie { .. } if luck < 0.9 => 0.0,
            Family::Gamma | Family::Tweedie { .. } => 40.0 * score.exp() * luck,
        }
    };
    let targets = (0..rows).map(target).collect();
    Data { family, guest, host, targets, weights: None, l2: 0.0 }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

async fn play(
    session: Session,
    data: &Data,
    passes_max: usize,
) -> Result<Coefficients, ModelError> {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await?;
    let guest = party.is_first();
    let columns = slices(if guest { &data.guest } else { &data.host });
    let weights = data.weights.as_deref();
    let l2 = data.l2;
    if data.family == Family::Binomial {
        let values: Vec<u8> = data.targets.iter().map(|target| u8::from(*target > 0.5)).collect();
        let labels = guest.then_some(Labels { values: &values, weights });
        let settings = Settings { l2, passes_max, standard_errors: true, ..Default::default() };
        logistic_regression::train(&mut party, &columns, labels, &settings).await
    } else {
        let targets = guest.then_some(Targets { values: &data.targets, weights, offsets: None });
        let settings = generalized_linear::Settings {
            l2,
            passes_max,
            standard_errors: true,
            ..Default::default()
        };
        let family = data.family;
        generalized_linear::train(&mut party, &columns, targets, family, &settings).await
    }
}

/// The largest relative error of a standard error, beside those of the pooled plaintext optimum.
fn worst(data: &Data) -> f64 {
    let side = async |session| play(session, data, 500).await.unwrap();
    let Outcome { first: guest, second: host, .. } = world::pair(1, side, side);
    let centred = data.host.iter().map(|column| {
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        column.iter().map(|value| value - mean).collect()
    });
    let pooled: Vec<Vec<f64>> = data.guest.iter().cloned().chain(centred).collect();
    let columns = slices(&pooled);
    // The reference takes weights as they are, not relative to their mean.
    let relative = data.weights.as_ref().map(|weights| {
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        weights.iter().map(|weight| weight / mean).collect::<Vec<f64>>()
    });
    let rows = local::Data {
        columns: &columns,
        targets: &data.targets,
        weights: relative.as_deref(),
        offsets: None,
    };
    let settings = local::Settings { l2: data.l2, gradient_tolerance: 1e-6, ..Default::default() };
    let fit = local::fit(&rows, data.family, settings).unwrap();
    let expected = local::standard_errors(&fit, &rows, data.family, settings).unwrap();
    let (guest, host) = (guest.standard_errors.unwrap(), host.standard_errors.unwrap());
    assert!(host.intercept.is_none());
    let found = guest.weights.iter().chain(&host.weights).chain(&guest.intercept);
    let expected = expected.weights.iter().chain([&expected.intercept]);
    let errors = found.zip(expected).map(|(found, expected)| (found / expected - 1.0).abs());
    errors.fold(0.0, f64::max)
}

#[test]
fn correct() {
    for family in [
        Family::Binomial,
        Family::Gaussian,
        Family::Poisson,
        Family::Gamma,
        Family::Tweedie { power: 1.5 },
    ] {
        let worst = worst(&data(700, 3, 2, family));
        assert!(worst < 1e-3, "{family:?}: {worst:e}");
    }
}

#[test]
fn correct_with_weights_and_a_penalty() {
    for family in [Family::Binomial, Family::Gaussian, Family::Gamma] {
        let mut data = data(300, 2, 2, family);
        data.l2 = 0.1;
        data.weights = Some((0..300).map(|row| 5.0 + f64::from(row % 3) * 2.5).collect());
        let worst = worst(&data);
        assert!(worst < 1e-3, "{family:?}: {worst:e}");
    }
}

/// The columns of a file by id; all are numbers.
fn read(text: &str) -> BTreeMap<u32, Vec<f64>> {
    let line = |line: &str| {
        let (id, rest) = line.split_once(',').unwrap();
        (id.parse().unwrap(), rest.split(',').map(|field| field.parse().unwrap()).collect())
    };
    text.lines().skip(1).map(line).collect()
}

/// Breast cancer, ten columns of a clinic and twenty of a laboratory, of which some are nearly
/// combinations of others.
#[test]
fn correct_on_breast_cancer() {
    let guest = read(include_str!("../../../../data/fate/breast_hetero_guest.csv"));
    let host = read(include_str!("../../../../data/fate/breast_hetero_host.csv"));
    let ids: Vec<u32> = guest.keys().filter(|id| host.contains_key(id)).copied().collect();
    let column = |half: &BTreeMap<u32, Vec<f64>>, index: usize| {
        ids.iter().map(|id| half[id][index]).collect::<Vec<f64>>()
    };
    let mut data = Data {
        family: Family::Binomial,
        guest: (1..11).map(|index| column(&guest, index)).collect(),
        host: (0..20).map(|index| column(&host, index)).collect(),
        targets: column(&guest, 0),
        weights: None,
        l2: 0.01,
    };
    assert_eq!((ids.len(), data.guest.len(), data.host.len()), (569, 10, 20));
    let logistic = worst(&data);
    assert!(logistic < 1e-3, "{logistic:e}");
    // Without a penalty, of a number: the mean radius, of which columns of the host say nearly all.
    data.family = Family::Gaussian;
    data.targets = data.guest.remove(0);
    data.l2 = 0.0;
    let linear = worst(&data);
    assert!(linear < 1e-3, "{linear:e}");
}

#[test]
fn collinear_columns_are_named_and_nothing_else_is_opened() {
    let mut data = data(200, 2, 2, Family::Binomial);
    let pairs = data.guest[0].iter().zip(&data.guest[1]);
    data.host[1] = pairs.map(|(left, right)| left - 2.0 * right).collect();
    let side = async |session| {
        let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await.unwrap();
        let guest = party.is_first();
        let columns = slices(if guest { &data.guest } else { &data.host });
        let values: Vec<u8> = data.targets.iter().map(|target| u8::from(*target > 0.5)).collect();
        let labels = guest.then_some(Labels { values: &values, weights: None });
        let settings =
            Settings { l2: 0.0, passes_max: 30, standard_errors: true, ..Default::default() };
        let result = logistic_regression::train(&mut party, &columns, labels, &settings).await;
        let keys: Vec<String> =
            party.ledger.observed().into_iter().map(|observation| observation.key).collect();
        (result, keys)
    };
    let outcome = world::pair(5, side, side);
    for (result, keys) in [outcome.first, outcome.second] {
        assert!(matches!(result, Err(ModelError::Collinear)), "{result:?}");
        assert_eq!(keys, ["train.collinear", "train.stop", "train.weighted"]);
    }
}

#[test]
fn what_has_no_standard_errors_is_refused_by_both() {
    let data = data(100, 2, 1, Family::Binomial);
    let values: Vec<u8> = data.targets.iter().map(|target| u8::from(*target > 0.5)).collect();
    let settings = Settings { standard_errors: true, ..Default::default() };
    let stopping = Some(EarlyStopping { patience: 2, validation_rows: 20 });
    for settings in [
        Settings { l1: 0.1, ..settings.clone() },
        Settings { early_stopping: stopping, ..settings.clone() },
    ] {
        let side = async |session| {
            let mut party =
                TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await.unwrap();
            let guest = party.is_first();
            let columns = slices(if guest { &data.guest } else { &data.host });
            let labels = guest.then_some(Labels { values: &values, weights: None });
            logistic_regression::train(&mut party, &columns, labels, &settings).await
        };
        let outcome = world::pair(6, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::InvalidInput(_))), "{result:?}");
        }
    }
    assert!(check(0.0, Some(&[1.0, 0.0])).is_err() && check(0.0, Some(&[1.0, 2.0])).is_ok());
    assert!(check_size(VARIABLES_MAX + 1, 1000, false).is_err());
    assert!(check_size(64, 64, true).is_err() && check_size(64, 64, false).is_ok());
}

fn transcript(family: Family) -> Transcript {
    let data = data(64, 2, 1, family);
    let side = async |session| play(session, &data, 1).await.unwrap();
    world::pair(3, side, side).transcript
}

#[test]
fn known_answer() {
    for (family, expected) in [
        (Family::Binomial, "1f969cc041f9b5f19e0bd4e7724ecc9f9f06fbddc98a33ac1e31d86e7b962169"),
        (Family::Gamma, "3cbc51623f8f38ee687fc1c9c33de5703cf3b393f898c9beb20bea7412b53bdb"),
    ] {
        assert_eq!(transcript(family).hash(), expected, "{family:?}");
    }
}

#[test]
fn cost() {
    const SHORT: u64 = 116 * 1024;
    let transcript = transcript(Family::Binomial);
    for (side, own, theirs) in [(Side::First, 3_u64, 1_u64), (Side::Second, 1, 3)] {
        // The coefficients at 8 bytes, their variances at 16.
        assert_eq!(transcript.bytes_of(side, "share"), 24 * theirs);
        assert_eq!(
            transcript.bytes_of(side, "weighted_columns"),
            own * (SHORT + (64 * 150_u64).div_ceil(8))
        );
        // One stop bit, and whether columns are collinear.
        assert_eq!(transcript.bytes_of(side, "opened_bit"), 2);
    }
}

/// The messages of this protocol itself; those of its blocks are swept with the blocks.
#[test]
fn tampered() {
    let data = data(64, 2, 1, Family::Gaussian);
    let side = async |session| play(session, &data, 1).await;
    let own = ["opened_bit", "share"];
    let chosen = |sent: &Sent| own.contains(&sent.path_step.as_str());
    for sent in steps(4, side, side).into_iter().filter(chosen) {
        for kind in [
            FaultKind::WrongStep,
            FaultKind::Extend,
            FaultKind::replace(|_| Vec::new()),
            FaultKind::replace(|bytes| vec![0xff; bytes.len() + 1]),
        ] {
            // The second occurrence of a share is that of variances where the first is theirs too.
            let fault = Fault {
                path_step: sent.path_step.clone(),
                occurrence: 1,
                kind,
                from: Side::Second,
            };
            let text = format!("{fault:?}");
            let outcome = pair_with_fault(4, fault, side, side);
            let closed = outcome.closed.iter().all(Result::is_ok);
            assert!(!(outcome.first.is_ok() && outcome.second.is_ok() && closed), "{text}");
        }
    }
}

#[test]
fn peer_drops() {
    let data = data(64, 2, 1, Family::Poisson);
    let side = async |session| play(session, &data, 1).await;
    for step in ["row_weights", "weighted_columns", "pair_sums", "share"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = pair_with_fault(5, fault, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(ModelError::Secure(_))), "{step}: {result:?}");
        }
    }
}
