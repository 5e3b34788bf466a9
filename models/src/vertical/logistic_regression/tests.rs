use std::sync::Arc;

use mpc::reveal::Ledger;

use super::*;
use crate::local::logistic_regression as local;

const DISCLOSURES: [&str; 2] = ["train.stop", "model.own_coefficients"];

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

fn train_jointly(
    data: &Data,
    weights: Option<&[f64]>,
    settings: &Settings,
) -> (Coefficients, Coefficients) {
    let side = async |session: net::Session| {
        let ledger = Arc::new(Ledger::new(DISCLOSURES));
        let mut party = TwoParty::setup(session, ledger).await.unwrap();
        let guest = party.is_first();
        let columns = slices(if guest { &data.guest } else { &data.host });
        let labels = guest.then_some(Labels { values: &data.labels, weights });
        train(&mut party, &columns, labels, settings).await.unwrap()
    };
    let outcome = world::pair(1, side, side);
    (outcome.first, outcome.second)
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
    let intercept = (guest.intercept.unwrap() - optimum.intercept).abs();
    assert!(worst < 1e-3 && intercept < 1e-3, "{guest:?} {host:?} {optimum:?}");
}

#[test]
fn correct() {
    assert_optimal(&data(3000, 5, 4), None, &Settings::default());
}

#[test]
fn weights_count() {
    let data = data(500, 3, 2);
    let weights: Vec<f64> = (0..500).map(|row| 0.5 + (row % 3) as f64 * 0.25).collect();
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
    let side = async |session: net::Session| {
        let mut party = TwoParty::setup(session, Arc::default()).await.unwrap();
        let labels = party.is_first().then_some(Labels { values: &data.labels, weights: None });
        let columns = slices(if party.is_first() { &data.guest } else { &data.host });
        train(&mut party, &columns, labels, &Settings::default()).await.map(|_| ())
    };
    let outcome = world::pair(2, side, side);
    assert!(matches!(outcome.first, Err(ModelError::InvalidInput(_))));
    assert!(matches!(outcome.second, Err(ModelError::Secure(_))));
}
