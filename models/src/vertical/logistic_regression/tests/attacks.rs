//! Known attacks on vertical linear models: what works on open variants must fail here.
//!
//! The open variants are those of other systems: residuals, the host's gradient or partial scores
//! are in plain in each pass. What strict training gives to a party in their place is its shares,
//! which it computes from all that it was sent.

use std::slice;

use super::*;
use crate::family::Family;
use crate::local::generalized_linear as plain;
use crate::vertical::attacks::{advantage, chance, chance_correlation, correlation};

/// Passes that an attacker watches.
const PASSES: usize = 6;

/// A party's shares of what one pass computes.
struct Pass {
    scores: Vec<u64>,
    residuals: Vec<u64>,
    /// Of the host's columns.
    gradient: Vec<u64>,
    /// At the host's columns.
    point: Vec<u64>,
}

/// What a party holds of the first passes, and its columns as training uses them.
async fn watch(session: Session, data: &Data) -> (Vec<Pass>, Vec<Vec<i32>>) {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new(DISCLOSURES))).await.unwrap();
    let party = &mut party;
    let guest = party.is_first();
    let columns = slices(if guest { &data.guest } else { &data.host });
    let labels = guest.then_some(Labels { values: &data.labels, weights: None });
    let settings = Settings::default();
    let rows = check(guest, &columns, labels, None, &settings).unwrap();
    let prepared = prepare(party, &columns, None, rows, &settings, STEEPNESS).await.unwrap();
    let geometry = agree_on_geometry(party, &prepared, &settings, 1).await.unwrap();
    let response = async |party: &mut TwoParty| Response::logistic(party, labels, rows).await;
    let objective = Objective::prepare(party, &prepared, &geometry, response).await.unwrap();
    let mut optimiser = Optimiser::new(objective.space(1), &settings, &[], 1.0);
    let of_host = |blocks: &Blocks| if guest { &blocks.theirs } else { &blocks.own }.clone();
    let mut passes = Vec::new();
    for _ in 0..PASSES {
        let point = optimiser.point();
        let points = slice::from_ref(point);
        let scores = objective.scores(party, points, rows.all()).await.unwrap().swap_remove(0);
        let residuals = objective.response().residuals(party, scores.clone(), Accuracy::Fine);
        let residuals = residuals.await.unwrap();
        let gradients = objective.gradients(party, point, rows.all(), Accuracy::Fine);
        let gradients = gradients.await.unwrap();
        let (point, gradient) = (of_host(point), of_host(&gradients.training));
        passes.push(Pass { scores, residuals, gradient, point });
        optimiser.step(party, gradients, Accuracy::Fine).await.unwrap();
    }
    (passes, prepared.columns.clone())
}

fn signed(words: &[u64]) -> Vec<f64> {
    words.iter().map(|word| *word as i64 as f64).collect()
}

/// What the parties together hold.
fn joined(one: &[u64], other: &[u64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one.wrapping_add(*other) as i64 as f64).collect()
}

/// Label inference from the derivative of each row (Fu et al., "Label Inference Attacks Against
/// Vertical Federated Learning", USENIX Security 2022; Li et al., "Label Leakage and Protection in
/// Two-Party Split Learning", ICLR 2022): its sign is the label.
#[test]
fn the_hosts_residuals_say_nothing_about_labels() {
    let data = data(1200, 3, 3);
    let side = async |session| watch(session, &data).await.0;
    let outcome = world::pair(21, side, side);
    let last = (outcome.first.last().unwrap(), outcome.second.last().unwrap());
    let held = signed(&last.1.residuals);
    let sizes: Vec<f64> = held.iter().map(|share| share.abs()).collect();
    for guess in [&held, &sizes] {
        let found = advantage(guess, &data.labels);
        assert!(found <= chance(&data.labels), "{found} is more than chance");
    }
    let open = joined(&last.0.residuals, &last.1.residuals);
    assert!(advantage(&open, &data.labels) >= 0.9);
}

/// Label inference from the host's own gradient (Jin et al., "CAFE", `NeurIPS` 2021; Tan et al.,
/// arXiv 2112.05409): with as many columns as rows the residuals solve `Xᵀr = g`.
#[test]
fn the_hosts_gradient_says_nothing_about_labels() {
    let data = data(96, 2, 96);
    let side = async |session| watch(session, &data).await;
    let outcome = world::pair(22, side, side);
    let ((guest, _), (host, columns)) = (&outcome.first, &outcome.second);
    // Behind the data rows stand those of the penalty, which is zero at the first point.
    let columns: Vec<&[i32]> = columns.iter().map(|column| &column[..96]).collect();
    let solve = |gradient: &[f64]| solved(&columns, gradient);
    let held = solve(&signed(&host[0].gradient));
    let found = advantage(&held, &data.labels);
    assert!(found <= chance(&data.labels), "{found} is more than chance");
    let open = solve(&joined(&guest[0].gradient, &host[0].gradient));
    let found = advantage(&open, &data.labels);
    assert!(found >= 0.9, "{found}");
}

/// The residuals of least norm whose products with the columns are nearest to the gradient, by
/// conjugate gradients (CGLS: Björck, "Numerical Methods for Least Squares Problems", 7.4.1).
fn solved(columns: &[&[i32]], gradient: &[f64]) -> Vec<f64> {
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let columns: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| column.iter().map(|value| f64::from(*value) / 65536.0).collect())
        .collect();
    let by_rows = |weights: &[f64]| {
        let mut sums = vec![0.0; columns[0].len()];
        for (column, weight) in columns.iter().zip(weights) {
            sums.iter_mut().zip(column).for_each(|(sum, value)| *sum += weight * value);
        }
        sums
    };
    let mut rows = vec![0.0; columns[0].len()];
    let mut left = gradient.to_vec();
    let mut slope = by_rows(&left);
    let mut direction = slope.clone();
    for _ in 0..2 * columns.len() {
        let image: Vec<f64> = columns.iter().map(|column| inner(column, &direction)).collect();
        let length = inner(&slope, &slope);
        let step = length / inner(&image, &image);
        if !step.is_finite() {
            break;
        }
        rows.iter_mut().zip(&direction).for_each(|(row, by)| *row += step * by);
        left.iter_mut().zip(&image).for_each(|(left, by)| *left -= step * by);
        slope = by_rows(&left);
        let turn = inner(&slope, &slope) / length;
        direction = slope.iter().zip(&direction).map(|(slope, by)| slope + turn * by).collect();
    }
    rows
}

/// Reconstruction of features from partial scores (Luo et al., "Feature Inference Attack on Model
/// Predictions in Vertical Federated Learning", ICDE 2021; Weng et al., arXiv 2011.09290): a guest
/// that sees the host's part of the scores in as many passes as the host has columns, and knows
/// some people, solves for the columns of all others.
#[test]
fn the_guests_scores_say_nothing_about_features() {
    const KNOWN: usize = 100;
    let data = data(1100, 2, 3);
    let side = async |session| watch(session, &data).await;
    let outcome = world::pair(23, side, side);
    let ((guest, _), (host, columns)) = (&outcome.first, &outcome.second);
    let truth = &data.host[0];
    let success = |view: &[Vec<f64>]| {
        let known: Vec<&[f64]> = view.iter().map(|column| &column[..KNOWN]).collect();
        let of_known =
            plain::Data { columns: &known, targets: &truth[..KNOWN], weights: None, offsets: None };
        let settings = plain::Settings { l2: 1e-9, ..Default::default() };
        let fit = plain::fit(&of_known, Family::Gaussian, settings).unwrap();
        let others: Vec<&[f64]> = view.iter().map(|column| &column[KNOWN..]).collect();
        let guess = plain::predictors(&fit, &others, truth.len() - KNOWN).unwrap();
        correlation(&guess, &truth[KNOWN..])
    };
    let held: Vec<Vec<f64>> =
        guest[1..].iter().map(|pass| standardised(signed(&pass.scores))).collect();
    let found = success(&held);
    assert!(found <= chance_correlation(truth.len() - KNOWN), "{found} is more than chance");
    let partial = |(guest, host): (&Pass, &Pass)| {
        let mut scores = vec![0.0; truth.len()];
        for (column, weight) in columns.iter().zip(joined(&guest.point, &host.point)) {
            let pairs = scores.iter_mut().zip(column);
            pairs.for_each(|(score, value)| *score += weight * f64::from(*value));
        }
        standardised(scores)
    };
    // At the first point all weights are zero.
    let open: Vec<Vec<f64>> = guest.iter().zip(host).skip(1).map(partial).collect();
    let found = success(&open);
    assert!(found >= 0.9, "{found}");
}

fn standardised(values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let deviation = (square / values.len() as f64).sqrt();
    values.into_iter().map(|value| (value - mean) / deviation).collect()
}
