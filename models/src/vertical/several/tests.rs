use std::sync::Arc;

use mpc::MpcError;
use mpc::reveal::{Ledger, Observation};
use net::Session;
use world::{Fault, FaultKind, MeshFault, MeshOutcome, Side, mesh, mesh_with_fault};

use super::logistic_regression::train;
use super::*;
use crate::local::logistic_regression as local;
use crate::vertical::attacks::{advantage, chance};
use crate::vertical::logistic_regression::{EarlyStopping, Labels, STEEPNESS, check};

mod classes;
mod courses;
mod errors;
mod numbers;

const DISCLOSURES: [&str; 7] = [
    "train.stop",
    "model.own_coefficients",
    "train.weighted",
    "train.label_scale",
    "train.classes",
    "train.collinear",
    "model.standard_errors",
];

/// Each party's columns, correlated within and across the parties, and labels that depend on all.
struct Data {
    columns: Vec<Vec<Vec<f64>>>,
    labels: Vec<u8>,
}

fn data(rows: usize, widths: &[usize]) -> Data {
    let mut rng = crypto::random::Generator::from_seed([rows as u8; 32]);
    let mut normal = || {
        let sum: f64 = (0..12).map(|_| rng.next_u64() as f64 / u64::MAX as f64).sum();
        sum - 6.0
    };
    let common: Vec<f64> = (0..rows).map(|_| normal()).collect();
    let mut column = |_| common.iter().map(|common| 0.6 * common + 0.8 * normal()).collect();
    let columns: Vec<Vec<Vec<f64>>> =
        widths.iter().map(|width| (0..*width).map(&mut column).collect()).collect();
    let label = |row: usize| {
        let all = columns.iter().flatten().enumerate();
        let terms = all.map(|(index, column)| column[row] * (0.8 - 0.3 * index as f64));
        u8::from(terms.sum::<f64>() + normal() > 0.6)
    };
    let labels = (0..rows).map(label).collect();
    Data { columns, labels }
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

type Trained = (Coefficients, Vec<Observation>);

async fn play(
    number: usize,
    sessions: Vec<Session>,
    data: &Data,
    weights: Option<&[f64]>,
    settings: &Settings,
) -> Result<Trained, ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut parties = Parties::setup(sessions, Arc::clone(&ledger)).await?;
    let columns = slices(&data.columns[number]);
    let labels = (number == 0).then_some(Labels { values: &data.labels, weights });
    let course = Course::default();
    let trained = train(&mut parties, &columns, labels, settings, course).await?;
    Ok((trained, ledger.observed()))
}

fn run(
    data: &Data,
    weights: Option<&[f64]>,
    settings: &Settings,
) -> MeshOutcome<Result<Trained, ModelError>> {
    let role = async |number, sessions| play(number, sessions, data, weights, settings).await;
    mesh(1, data.columns.len(), role)
}

fn assert_optimal(data: &Data, weights: Option<&[f64]>, bound: f64) {
    let settings = Settings::default();
    let outcome = run(data, weights, &settings);
    let parts: Vec<Coefficients> = outcome.results.into_iter().map(|it| it.unwrap().0).collect();
    let pooled = data.columns.concat();
    let reference = local::Settings { l2: settings.l2, ..Default::default() };
    let optimum = local::fit(&slices(&pooled), &data.labels, weights, reference).unwrap();
    assert_near(&parts, &optimum, bound);
}

/// What the parties learnt is what was learnt of the pooled columns.
fn assert_near(parts: &[Coefficients], optimum: &local::Fit, bound: f64) {
    assert!(parts.iter().all(|part| part.converged), "{parts:?}");
    let joint = parts.iter().flat_map(|part| &part.weights);
    let pairs = joint.zip(&optimum.weights);
    let worst = pairs.map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
    let intercept: f64 = parts.iter().map(|part| part.intercept).sum();
    let intercept = (intercept - optimum.intercept).abs();
    assert!(worst < bound && intercept < bound, "{worst} {intercept} {parts:?} {optimum:?}");
}

#[test]
fn correct() {
    assert_optimal(&data(700, &[2, 1, 2]), None, 1e-3);
}

#[test]
fn correct_with_four_parties() {
    assert_optimal(&data(600, &[1, 1, 2, 1]), None, 5e-3);
}

#[test]
fn correct_with_weights() {
    let data = data(500, &[1, 2, 1]);
    let weights: Vec<f64> = (0..500).map(|row| 0.5 + f64::from(row % 3) * 0.25).collect();
    assert_optimal(&data, Some(&weights), 1e-3);
}

/// A run of one pass over 64 rows.
fn one_pass() -> (Data, Settings) {
    (data(64, &[2, 1, 1]), Settings { passes_max: 1, ..Settings::default() })
}

#[test]
fn known_answer() {
    let (data, settings) = one_pass();
    let outcome = run(&data, None, &settings);
    for (number, result) in outcome.results.iter().enumerate() {
        let (part, observed) = result.as_ref().unwrap();
        assert_eq!((part.passes, part.converged), (1, false));
        let seen = |it: &Observation| (it.key.clone(), it.to.clone(), it.count);
        let own =
            |to: usize, count| ("model.own_coefficients".to_owned(), format!("party.{to}"), count);
        let mut expected = vec![own(0, 3), own(1, 1), own(2, 1)];
        expected.push(("train.stop".to_owned(), "all".to_owned(), 1));
        let told = |to: usize| ("train.weighted".to_owned(), format!("party.{to}"), 1);
        expected.extend([1, 2].into_iter().filter(|to| number == 0 || number == *to).map(told));
        assert_eq!(observed.iter().map(seen).collect::<Vec<_>>(), expected);
    }
    assert_eq!(outcome.hash(), "58ee870c532ccdabf525795bf74603cd68ea12d1ddc1af7d72f41f3d1dc15a87");
}

#[test]
fn cost() {
    let (data, settings) = one_pass();
    let outcome = run(&data, None, &settings);
    for ((first, second), transcript) in &outcome.transcripts {
        let bytes = |side, step| transcript.bytes_of(side, step);
        assert_eq!(bytes(Side::First, "weighted"), u64::from(*first == 0), "{second}");
        // One bit, and shares of the other one's coefficients; the guest has its intercept too.
        for (side, theirs) in [(Side::First, 1), (Side::Second, if *first == 0 { 3 } else { 1 })] {
            assert_eq!(bytes(side, "opened_bit"), 1);
            assert_eq!(bytes(side, "share"), 8 * theirs);
            assert_eq!(bytes(side, "blinding"), 8 * (1 + 5));
        }
    }
}

/// The messages of the blocks are swept with the blocks.
#[test]
fn tampered() {
    let (data, settings) = one_pass();
    let role = async |number, sessions| play(number, sessions, &data, None, &settings).await;
    for kind in [FaultKind::replace(|_| vec![2]), FaultKind::replace(|_| Vec::new())] {
        let (path_step, from) = ("weighted".to_owned(), Side::First);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = mesh_with_fault(2, 3, MeshFault { between: (0, 2), fault }, role);
        let text = outcome.results[2].as_ref().unwrap_err().to_string();
        assert!(text.contains("party.0 misbehaved") && text.contains("weighted"), "{text}");
    }
}

/// The guest tells the third party that rows have weights, and the second that they have none.
#[test]
fn a_guest_that_tells_two_hosts_different_things_is_named() {
    let (data, settings) = one_pass();
    let role = async |number, sessions| play(number, sessions, &data, None, &settings).await;
    let (path_step, kind) = ("weighted".to_owned(), FaultKind::replace(|_| vec![1]));
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::First };
    let outcome = mesh_with_fault(2, 3, MeshFault { between: (0, 2), fault }, role);
    let text = outcome.results[1].as_ref().unwrap_err().to_string();
    assert!(text.contains("party.0 told you two different things"), "{text}");
}

#[test]
fn peer_drops() {
    let (data, settings) = one_pass();
    let role = async |number, sessions| play(number, sessions, &data, None, &settings).await;
    for step in ["column_hints", "residuals", "share"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = mesh_with_fault(3, 3, MeshFault { between: (1, 2), fault }, role);
        for result in &outcome.results[1..] {
            let lost = matches!(result, Err(ModelError::Secure(MpcError::Net(_))));
            assert!(lost, "{step}: {result:?}");
        }
    }
}

/// Label inference from the derivative of each row, whose sign is the label (Li et al., ICLR 2022),
/// by both hosts, who put their shares together.
#[test]
fn both_hosts_shares_of_residuals_say_nothing_about_labels() {
    let data = data(900, &[1, 2, 1]);
    let watch = async |number: usize, sessions| {
        let ledger = Arc::new(Ledger::new(DISCLOSURES));
        let mut parties = Parties::setup(sessions, ledger).await.unwrap();
        let columns = slices(&data.columns[number]);
        let labels = (number == 0).then_some(Labels { values: &data.labels, weights: None });
        let rows = check(number == 0, &columns, labels, None, &Settings::default()).unwrap();
        let settings = Settings::default();
        let session = parties.session();
        let whitened = whiten(session, number == 0, &columns, rows, &settings, STEEPNESS);
        let whitened = whitened.await.unwrap();
        let geometries = Geometries::agree(&mut parties, 900, whitened.columns.len(), 1);
        let geometries = geometries.await.unwrap();
        let product = SharedProducts::prepare(&mut parties, &geometries, &whitened.columns);
        let objective = Objective {
            product: product.await.unwrap(),
            response: Response::logistic(&mut parties, labels, rows).await.unwrap(),
            whitened: &whitened,
            widths: geometries.widths(),
            rows,
        };
        let zero = objective.points(&vec![0; objective.variables()]);
        objective.residuals(&mut parties, &zero).await.unwrap().swap_remove(0)
    };
    let outcome = mesh(4, 3, watch);
    let sum = |parties: &[usize]| -> Vec<f64> {
        let row =
            |row| parties.iter().map(|it| outcome.results[*it][row]).fold(0, u64::wrapping_add);
        (0..900).map(|index| row(index) as i64 as f64).collect()
    };
    for held in [sum(&[1]), sum(&[2]), sum(&[1, 2])] {
        let sizes: Vec<f64> = held.iter().map(|share| share.abs()).collect();
        for guess in [&held, &sizes] {
            let found = advantage(guess, &data.labels);
            assert!(found <= chance(&data.labels), "{found} is more than chance");
        }
    }
    assert!(advantage(&sum(&[0, 1, 2]), &data.labels) >= 0.9);
}
