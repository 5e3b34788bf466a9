//! Strict logistic regression against the optimum on pooled data.

use std::slice;
use std::sync::Arc;

use models::evaluate::{Ranking, discrimination};
use models::local::logistic_regression as local;
use models::vertical::logistic_regression::{Coefficients, Labels, Settings, train};
use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::{Session, Size};
use serde_json::Value;

use super::data::Data;
use super::stopwatch::Stopwatch;
use super::{Record, figures, start_together};
use crate::JobError;

/// Training ends at this norm of the gradient, a tenth of what chance makes of it with 300 rows for
/// each feature: the AUC is settled to four digits then.
const TOLERANCE: f64 = 3e-3;

/// What training opens.
const DISCLOSURES: [&str; 3] = ["train.stop", "model.own_coefficients", "train.weighted"];

pub(super) async fn play(
    mut session: Session,
    rows: usize,
    guest_features: usize,
    host_features: usize,
) -> Result<Record, JobError> {
    let guest = session.is_first();
    let make = || Data::of_party(guest, rows, guest_features, host_features);
    let data = session.compute(make).await;
    let own = if guest { &data.guest } else { &data.host };
    let own: Vec<&[f64]> = own.iter().map(Vec::as_slice).collect();
    let labels = guest.then_some(Labels { values: &data.labels, weights: None });
    start_together(&mut session).await?;
    let watch = Stopwatch::start(slice::from_ref(&session));
    let mut party =
        TwoParty::setup(session.fork("mpc")?, Arc::new(Ledger::new(DISCLOSURES))).await?;
    let settings = Settings { tolerance: TOLERANCE, ..Settings::default() };
    let trained = train(&mut party, &own, labels, &settings).await?;
    let usage = watch.stop();
    let passes = trained.passes.max(1);
    let mut figures = figures([
        ("epochs", Value::from(trained.passes)),
        ("tolerance", Value::from(TOLERANCE)),
        ("converged", Value::from(trained.converged)),
        ("seconds_per_epoch", Value::from(usage.seconds / passes as f64)),
    ]);
    let partial = trained.partial_scores(&own, rows);
    if guest {
        let make = || Data::simulate(rows, guest_features, host_features);
        let data = session.compute(make).await;
        figures.extend(judge(&mut session, &data, &trained, partial).await?);
    } else {
        session.send_bytes("weights", bytes(&trained.weights)).await?;
        session.send_bytes("scores", bytes(&partial)).await?;
    }
    Ok(Record { usage, figures })
}

/// The guest's comparison with the pooled optimum; the host hands its part over for this only.
async fn judge(
    session: &mut Session,
    data: &Data,
    trained: &Coefficients,
    mut scores: Vec<f64>,
) -> Result<serde_json::Map<String, Value>, JobError> {
    let (weights, rows) = (data.host.len(), scores.len());
    let theirs = session.receive_bytes("weights", Size::Exactly(8 * weights)).await?;
    let host_weights = floats(&theirs);
    let theirs = session.receive_bytes("scores", Size::Exactly(8 * rows)).await?;
    scores.iter_mut().zip(floats(&theirs)).for_each(|(score, theirs)| *score += theirs);
    let pooled = data.pooled();
    let l2 = Settings::default().l2;
    let settings = local::Settings { l2, ..local::Settings::default() };
    let optimum = session.compute(|| local::fit(&pooled, &data.labels, None, settings)).await?;
    let probabilities = local::probabilities(&optimum, &pooled, rows)?;
    let auc = |scores: &[f64]| -> Result<f64, JobError> {
        Ok(discrimination::auc(&Ranking::new(scores, &data.labels, None)?))
    };
    let joint = trained.weights.iter().chain(&host_weights).zip(&optimum.weights);
    let worst = joint.map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
    Ok(figures([
        ("auc", Value::from(auc(&scores)?)),
        ("auc_pooled", Value::from(auc(&probabilities)?)),
        ("coefficient_error_max", Value::from(worst)),
    ]))
}

fn bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes
        .chunks_exact(8)
        .map(|chunk| chunk.try_into().map_or(f64::NAN, f64::from_le_bytes))
        .collect()
}
