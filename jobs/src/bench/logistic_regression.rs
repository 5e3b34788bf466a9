//! Strict logistic regression against the optimum on pooled data.

use std::slice;
use std::sync::Arc;

use models::evaluate::{Ranking, discrimination};
use models::levels::{LevelColumn, LevelColumns};
use models::local::logistic_regression as local;
use models::vertical::course::Course;
use models::vertical::logistic_regression::{
    Coefficients, Labels, Settings, train, train_with_levels,
};
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
const DISCLOSURES: [&str; 4] =
    ["train.stop", "model.own_coefficients", "train.weighted", "train.levels"];

/// The penalty of levels.
const LEVEL_ROWS: f64 = 20.0;

pub(super) async fn play(
    mut session: Session,
    rows: usize,
    [guest_features, host_features]: [usize; 2],
    levels_count: usize,
) -> Result<Record, JobError> {
    if levels_count > rows {
        return Err(JobError::Bench("each level has a row: take more rows".to_owned()));
    }
    let guest = session.is_first();
    let make = || Data::of_party(guest, rows, guest_features, host_features, levels_count);
    let data = session.compute(make).await;
    let own = if guest { &data.guest } else { &data.host };
    let own: Vec<&[f64]> = own.iter().map(Vec::as_slice).collect();
    let category = category(&data, levels_count);
    let columns = if guest { &[][..] } else { &category };
    let labels = guest.then_some(Labels { values: &data.labels, weights: None });
    start_together(&mut session).await?;
    let watch = Stopwatch::start(slice::from_ref(&session));
    let mut party =
        TwoParty::setup(session.fork("mpc")?, Arc::new(Ledger::new(DISCLOSURES))).await?;
    let settings = Settings { tolerance: TOLERANCE, ..Settings::default() };
    let (trained, of_levels) = if levels_count == 0 {
        (train(&mut party, &own, labels, &settings).await?, Vec::new())
    } else {
        let levels = LevelColumns { columns, level_rows: LEVEL_ROWS };
        let course = Course::default();
        train_with_levels(&mut party, &own, levels, labels, &settings, course).await?
    };
    let usage = watch.stop();
    let passes = trained.passes.max(1);
    let mut figures = figures([
        ("epochs", Value::from(trained.passes)),
        ("tolerance", Value::from(TOLERANCE)),
        ("converged", Value::from(trained.converged)),
        ("seconds_per_epoch", Value::from(usage.seconds / passes as f64)),
    ]);
    let mut partial = trained.partial_scores(&own, rows);
    for (column, weights) in columns.iter().zip(&of_levels) {
        column.add_scores(weights, &mut partial);
    }
    if guest {
        let make = || Data::simulate_with_levels(rows, guest_features, host_features, levels_count);
        let data = session.compute(make).await;
        figures.extend(judge(&mut session, &data, levels_count, &trained, partial).await?);
    } else {
        let weights = [trained.weights, of_levels.concat()].concat();
        session.send_bytes("weights", bytes(&weights)).await?;
        session.send_bytes("scores", bytes(&partial)).await?;
    }
    Ok(Record { usage, figures })
}

/// The host's category, if there is one.
fn category(data: &Data, count: usize) -> Vec<LevelColumn<'_>> {
    let category = (count > 0).then_some(LevelColumn { of_rows: &data.host_levels, count });
    category.into_iter().collect()
}

/// The guest's comparison with the pooled optimum; the host hands its part over for this only.
async fn judge(
    session: &mut Session,
    data: &Data,
    levels_count: usize,
    trained: &Coefficients,
    mut scores: Vec<f64>,
) -> Result<serde_json::Map<String, Value>, JobError> {
    let (weights, rows) = (data.host.len() + levels_count, scores.len());
    let theirs = session.receive_bytes("weights", Size::Exactly(8 * weights)).await?;
    let host_weights = floats(&theirs);
    let theirs = session.receive_bytes("scores", Size::Exactly(8 * rows)).await?;
    scores.iter_mut().zip(floats(&theirs)).for_each(|(score, theirs)| *score += theirs);
    let (pooled, categories) = (data.pooled(), category(data, levels_count));
    let l2 = Settings::default().l2;
    let fit = || -> Result<(local::Fit, Vec<f64>), JobError> {
        if categories.is_empty() {
            let settings = local::Settings { l2, ..local::Settings::default() };
            return Ok((local::fit(&pooled, &data.labels, None, settings)?, Vec::new()));
        }
        let levels = LevelColumns { columns: &categories, level_rows: LEVEL_ROWS };
        let found = local::fit_with_levels(&pooled, levels, &data.labels, None, l2)?;
        Ok((found.fit, found.levels.concat()))
    };
    let (optimum, of_levels) = session.compute(fit).await?;
    // Ranked alike by linear predictors.
    let mut predictors = vec![optimum.intercept; rows];
    for (column, weight) in pooled.iter().zip(&optimum.weights) {
        predictors.iter_mut().zip(*column).for_each(|(score, value)| *score += weight * value);
    }
    for column in &categories {
        column.add_scores(&of_levels, &mut predictors);
    }
    let auc = |scores: &[f64]| -> Result<f64, JobError> {
        Ok(discrimination::auc(&Ranking::new(scores, &data.labels, None)?))
    };
    let joint = trained.weights.iter().chain(&host_weights);
    let pairs = joint.zip(optimum.weights.iter().chain(&of_levels));
    let worst = pairs.map(|(joint, pooled)| (joint - pooled).abs()).fold(0.0, f64::max);
    Ok(figures([
        ("auc", Value::from(auc(&scores)?)),
        ("auc_pooled", Value::from(auc(&predictors)?)),
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
