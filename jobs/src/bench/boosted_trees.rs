//! Boosted trees against the same trees on pooled data.

use std::slice;

use contract::catalogue;
use features::binned::{BinnedFeature, BinnedMatrix};
use models::evaluate::{Ranking, discrimination};
use models::local::boosted_trees::{Examples, Labels, Settings, train};
use models::vertical::boosted_trees::{DISCLOSURES, train_as_guest, train_as_host};
use mpc::reveal::Ledger;
use net::Session;
use serde_json::Value;

use super::data::Data;
use super::stopwatch::Stopwatch;
use super::{Record, figures, start_together};
use crate::JobError;

/// Sizes of the data.
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) guest_features: usize,
    pub(super) host_features: usize,
    pub(super) bins: usize,
}

/// Refuses modes that do not exist.
pub(super) fn check(privacy: &str) -> Result<(), JobError> {
    let names = catalogue::BOOSTED_TREES.mode_names();
    if names.contains(&privacy) {
        return Ok(());
    }
    let names = names.join(", ");
    Err(JobError::Bench(format!("boosted_trees has no mode `{privacy}`; it has: {names}")))
}

pub(super) async fn play(
    mut session: Session,
    shape: &Shape,
    depth: usize,
    trees: usize,
) -> Result<Record, JobError> {
    let guest = session.is_first();
    let Shape { rows, bins, .. } = *shape;
    let data =
        session.compute(|| Data::simulate(rows, shape.guest_features, shape.host_features)).await;
    let own = if guest { &data.guest } else { &data.host };
    let matrix = BinnedMatrix::new(rows, binned(own, bins)).map_err(bench)?;
    let training: Vec<u32> = (0..rows as u32).collect();
    let settings = Settings { trees, depth, ..Settings::default() };
    let ledger = Ledger::new(DISCLOSURES);
    start_together(&mut session).await?;
    let watch = Stopwatch::start(slice::from_ref(&session));
    let mut training_session = session.fork("train")?;
    if !guest {
        train_as_host(&mut training_session, &matrix, &training, &settings, &ledger).await?;
        return Ok(Record { usage: watch.stop(), figures: figures([]) });
    }
    let labels = Labels::Classes(&data.labels);
    let examples = Examples { labels, weights: None, training: &training, validation: &[] };
    let joint =
        train_as_guest(&mut training_session, &matrix, &examples, &settings, &ledger).await?;
    let usage = watch.stop();
    let mut features = matrix.features().to_vec();
    features.extend(binned(&data.host, bins));
    let pooled = BinnedMatrix::new(rows, features).map_err(bench)?;
    let started = std::time::Instant::now();
    let plain = session.compute(|| train(&pooled, &examples, &settings)).await?;
    let plain_seconds = started.elapsed().as_secs_f64();
    let auc = |scores: &[f64]| -> Result<f64, JobError> {
        Ok(discrimination::auc(&Ranking::new(scores, &data.labels, None)?))
    };
    let grown = joint.model.trees.len().max(1) as f64;
    let figures = figures([
        ("seconds_per_tree", Value::from(usage.seconds / grown)),
        ("plain_seconds_per_tree", Value::from(plain_seconds / grown)),
        ("auc", Value::from(auc(&joint.margins)?)),
        ("auc_pooled", Value::from(auc(&plain.margins)?)),
    ]);
    Ok(Record { usage, figures })
}

/// Columns cut into bins of equally many rows.
fn binned(columns: &[Vec<f64>], bins: usize) -> Vec<BinnedFeature> {
    let feature = |(place, column): (usize, &Vec<f64>)| {
        let mut order: Vec<u32> = (0..column.len() as u32).collect();
        order.sort_by(|left, right| column[*left as usize].total_cmp(&column[*right as usize]));
        let mut codes = vec![0; column.len()];
        for (rank, row) in order.into_iter().enumerate() {
            codes[row as usize] = (1 + rank * bins / column.len()) as u8;
        }
        BinnedFeature { name: place.to_string(), codes, bins }
    };
    columns.iter().enumerate().map(feature).collect()
}

fn bench(error: impl std::fmt::Display) -> JobError {
    JobError::Bench(error.to_string())
}
