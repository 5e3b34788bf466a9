//! Boosted trees against the same trees on pooled data.

use std::slice;
use std::sync::Arc;

use contract::{STRICT, catalogue};
use features::binned::{BinnedFeature, BinnedMatrix};
use models::evaluate::{Ranking, discrimination};
use models::local::boosted_trees::{Examples, Labels, Settings, train};
use models::vertical::boosted_trees::{DISCLOSURES, train_as_guest, train_as_host};
use models::vertical::strict_trees::{self, Known};
use mpc::TwoParty;
use mpc::reveal::{Learner, Ledger, learn};
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
    privacy: &str,
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
    start_together(&mut session).await?;
    let watch = Stopwatch::start(slice::from_ref(&session));
    let training_session = session.fork("train")?;
    let labels = Labels::Classes(&data.labels);
    let examples = Examples { labels, weights: None, training: &training, validation: &[] };
    let joint = if privacy == STRICT {
        let known = guest.then_some(Known { labels, weights: None });
        strict(training_session, &matrix, known, &training, &settings).await?
    } else {
        let example = guest.then_some(&examples);
        secureboost(training_session, &matrix, example, &training, &settings).await?
    };
    let usage = watch.stop();
    let Some(joint) = joint else {
        return Ok(Record { usage, figures: figures([]) });
    };
    let mut features = matrix.features().to_vec();
    features.extend(binned(&data.host, bins));
    let pooled = BinnedMatrix::new(rows, features).map_err(bench)?;
    let started = std::time::Instant::now();
    let plain = session.compute(|| train(&pooled, &examples, &settings)).await?;
    let plain_seconds = started.elapsed().as_secs_f64();
    let auc = |scores: &[f64]| -> Result<f64, JobError> {
        Ok(discrimination::auc(&Ranking::new(scores, &data.labels, None)?))
    };
    let grown = joint.trees.max(1) as f64;
    let figures = figures([
        ("seconds_per_tree", Value::from(usage.seconds / grown)),
        ("plain_seconds_per_tree", Value::from(plain_seconds / grown)),
        ("auc", Value::from(auc(&joint.margins)?)),
        ("auc_pooled", Value::from(auc(&plain.margins)?)),
    ]);
    Ok(Record { usage, figures })
}

/// What the guest ends with.
struct Joint {
    margins: Vec<f64>,
    trees: usize,
}

async fn secureboost(
    mut session: Session,
    matrix: &BinnedMatrix,
    examples: Option<&Examples<'_>>,
    training: &[u32],
    settings: &Settings,
) -> Result<Option<Joint>, JobError> {
    let ledger = Ledger::new(DISCLOSURES);
    let Some(examples) = examples else {
        train_as_host(&mut session, matrix, training, settings, &ledger).await?;
        return Ok(None);
    };
    let joint =
        train_as_guest(slice::from_mut(&mut session), matrix, examples, settings, &ledger).await?;
    let trees = joint.model.trees.len();
    Ok(Some(Joint { margins: joint.margins, trees }))
}

/// Trains, and tells the guest the margins of all rows: the bench checks them, a job never opens
/// those of training rows.
async fn strict(
    session: Session,
    matrix: &BinnedMatrix,
    known: Option<Known<'_>>,
    training: &[u32],
    settings: &Settings,
) -> Result<Option<Joint>, JobError> {
    const MARGINS: &str = "bench.margins";
    let declared = strict_trees::DISCLOSURES.into_iter().chain([MARGINS]);
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new(declared))).await?;
    let rows = strict_trees::Rows { training, validation: &[], weighted: false };
    let trained = strict_trees::train(&mut party, matrix, known, rows, settings).await?;
    let sums = learn(&mut party, MARGINS, Learner::First, &trained.margins).await?;
    let trees = trained.model.trees.len();
    Ok(sums.map(|sums| Joint { margins: trained.model.margins(&sums), trees }))
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
