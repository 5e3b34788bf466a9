//! Stage 1: the rows that both parties have, in one common order.

use contract::{Audience, Role, Text};
use crypto::hash;
use matching::MatchingError;
use matching::idmap::{KeyRule, Keys};
use matching::psi::{self, Identifiers};
use table::{Table, check_label_classes};

use super::outcome::KeyRound;
use super::progress::{Run, Step};
use super::{buckets, cascade};
use crate::error::JobError;
use crate::intersection;
use crate::open_table::KeyReader;
use crate::own_rows::OwnRows;
use crate::spec::Learn;

/// The rows that both parties have.
pub(super) enum Common {
    /// Rows of a table in memory.
    InMemory {
        /// They, in an order that both parties share.
        table: Table,
        /// Their positions in the party's own table.
        order: Vec<u32>,
        /// What each of several keys gave.
        rounds: Vec<KeyRound>,
    },
    /// Rows in the files of a division.
    Divided {
        /// How many.
        rows: usize,
    },
}

impl Common {
    /// How many rows are common.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::InMemory { order, .. } => order.len(),
            Self::Divided { rows } => *rows,
        }
    }

    /// What each of several keys gave.
    pub(super) fn rounds(&self) -> Vec<KeyRound> {
        match self {
            Self::InMemory { rounds, .. } => rounds.clone(),
            Self::Divided { .. } => Vec::new(),
        }
    }

    /// Their positions in the party's own table, if that is in memory.
    pub(super) fn into_order(self) -> Option<Vec<u32>> {
        match self {
            Self::InMemory { order, .. } => Some(order),
            Self::Divided { .. } => None,
        }
    }
}

/// Finds the common rows; `None` for a party that does not learn them.
pub(super) async fn align(
    run: &mut Run<'_>,
    rows: &mut OwnRows,
) -> Result<Option<Common>, JobError> {
    let mut step = run.begin(STEP, STEP)?;
    let aligned = find(run, &mut step, rows).await.map_err(|error| error.at(STEP))?;
    run.end(step);
    Ok(aligned)
}

/// Jobs that only intersect may have their tables divided over files; others have them in memory.
async fn find(
    run: &Run<'_>,
    step: &mut Step,
    rows: &mut OwnRows,
) -> Result<Option<Common>, JobError> {
    if run.job.only_intersects()
        && let Some(plan) = buckets::plan(&mut step.session, rows).await?
    {
        run.record("table.rows", Audience::All, 1)?;
        run.record("table.buckets", Audience::All, 1)?;
        let division = rows.divide()?;
        let keys_count = division.keys();
        note_rows_left_out(run, keys_count, division.invalid_rows(), division.duplicate_rows());
        let learn = learn(run);
        let found = buckets::align(run, step, rows, &plan, learn).await?;
        let Some(rows) = found else { return Ok(None) };
        record_common(run, learn, rows)?;
        return Ok(Some(Common::Divided { rows }));
    }
    match rows.table() {
        Some(table) => intersect(run, step, table).await,
        None => Err(JobError::NotInMemory),
    }
}

/// Who learns the common rows, by the order of the parties in a session.
fn learn(run: &Run<'_>) -> psi::Learn {
    match run.job.align.learn {
        Learn::Both => psi::Learn::Both,
        Learn::Guest => psi::Learn::First,
        Learn::Host => psi::Learn::Second,
    }
}

/// Notes that a party that learns the common rows has got them.
fn record_common(run: &Run<'_>, learn: psi::Learn, rows: usize) -> Result<(), JobError> {
    for role in [Role::Guest, Role::Host] {
        if learn.includes(role == Role::Guest) {
            run.record("intersection.rows", role.into(), rows)?;
        }
    }
    Ok(())
}

async fn intersect(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
) -> Result<Option<Common>, JobError> {
    if run.is_guest() && !run.job.train.is_empty() {
        check_classes(run, &table.label()?)?;
    }
    let party = run.job.party(run.role);
    let matched = if party.has_several_keys() {
        cascade::match_key_by_key(run, step, table).await?
    } else {
        let order = match_by_one_key(run, step, table).await?;
        order.map(|order| (order, Vec::new()))
    };
    let Some((order, rounds)) = matched else { return Ok(None) };
    if order.is_empty() && !run.job.train.is_empty() {
        let keys: Vec<&str> = party.keys().map(|key| key.column.as_str()).collect();
        return Err(JobError::NothingInCommon {
            peer: step.session.peer().to_owned(),
            rows: table.rows(),
            key: keys.join("`, `"),
        });
    }
    let table = table.take(&order)?;
    if run.is_guest() && !run.job.train.is_empty() {
        check_classes(run, &table.label()?)?;
    }
    Ok(Some(Common::InMemory { table, order, rounds }))
}

/// The positions of the common rows, for a party that learns them.
async fn match_by_one_key(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
) -> Result<Option<Vec<u32>>, JobError> {
    let party = run.job.party(run.role);
    let keys = KeyReader::new(party, &party.key).keys(table)?;
    let keys_count = keys.texts().len();
    note_rows_left_out(run, keys_count, keys.invalid_rows(), keys.duplicate_rows());
    let ids = match Identifiers::new(keys.texts()) {
        // The table knows the lines of its file, if the values themselves are repeated.
        Err(MatchingError::DuplicateIds { .. }) if party.key.rule == KeyRule::default() => {
            table.check_unique_ids()?;
            Identifiers::new(keys.texts())?
        }
        ids => ids?,
    };
    let learn = learn(run);
    run.record("table.rows", Audience::All, 1)?;
    let align = &run.job.align;
    let found = intersection::intersect(align, &mut step.session, &ids, learn).await?;
    let Some(alignment) = found else {
        return Ok(None);
    };
    record_common(run, learn, alignment.len())?;
    let mut positions = alignment.order().to_vec();
    if learn == psi::Learn::Both {
        order_by_seed(&mut positions, &keys, run.job.seed);
    }
    Ok(Some(positions.into_iter().map(|position| keys.row(position)).collect()))
}

/// Brings common keys into the order of a hash of seed and key.
///
/// The order that matching gives changes from run to run. Both parties know the common keys, so
/// both can compute this one, and the same job with the same seed divides the same rows the same
/// way.
fn order_by_seed(positions: &mut [u32], keys: &Keys<'_>, seed: u64) {
    positions.sort_by_cached_key(|position| {
        let key = keys.text(*position);
        hash::digest("jobs/run/align", &[&seed.to_le_bytes(), key.as_bytes()])
    });
}

/// Says how many rows the job's policy for keys leaves out, if any.
fn note_rows_left_out(run: &Run<'_>, kept: usize, invalid: usize, duplicate: usize) {
    if invalid + duplicate > 0 {
        run.note(Text::owned(
            format!(
                "{kept} rows take part in matching; left out: {invalid} without a valid key, \
                 {duplicate} that share a key"
            ),
            format!("{kept} 行参与匹配；{invalid} 行因键无效、{duplicate} 行因键重复而未参与"),
        ));
    }
}

/// Before anything is trained, both classes must be there.
fn check_classes(run: &Run<'_>, labels: &[u8]) -> Result<(), JobError> {
    let column = run.job.guest.label.as_ref().map_or("label", |label| label.column.as_str());
    check_label_classes(column, labels)?;
    Ok(())
}

const STEP: &str = "align";
