//! Stage 1: the rows that both parties have, in one common order.

use contract::{Audience, Role, Text};
use crypto::hash;
use matching::idmap::Keys;
use matching::psi::{self, Identifiers};
use table::{Table, check_label_classes};

use super::cascade;
use super::outcome::KeyRound;
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::intersection;
use crate::open_table::keys;
use crate::spec::Learn;

/// The rows that both parties have.
pub(super) struct Common {
    /// They, in an order that both parties share.
    pub(super) table: Table,
    /// Their positions in the party's own table.
    pub(super) order: Vec<u32>,
    /// What each of several keys gave.
    pub(super) rounds: Vec<KeyRound>,
}

/// Finds the common rows; `None` for a party that does not learn them.
pub(super) async fn align(run: &mut Run<'_>, table: &Table) -> Result<Option<Common>, JobError> {
    let mut step = run.begin(STEP, STEP)?;
    let aligned = intersect(run, &mut step, table).await.map_err(|error| error.at(STEP))?;
    run.end(step);
    Ok(aligned)
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
    let common = Common { table: table.take(&order)?, order, rounds };
    if run.is_guest() && !run.job.train.is_empty() {
        check_classes(run, &common.table.label()?)?;
    }
    Ok(Some(common))
}

/// The positions of the common rows, for a party that learns them.
async fn match_by_one_key(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
) -> Result<Option<Vec<u32>>, JobError> {
    let party = run.job.party(run.role);
    let keys = keys(party, &party.key, table)?;
    note_rows_left_out(run, &keys);
    let ids = Identifiers::new(keys.texts())?;
    let learn = match run.job.align.learn {
        Learn::Both => psi::Learn::Both,
        Learn::Guest => psi::Learn::First,
        Learn::Host => psi::Learn::Second,
    };
    run.record("table.rows", Audience::All, 1)?;
    let protocol = run.job.align.protocol;
    let found = intersection::intersect(protocol, &mut step.session, &ids, learn).await?;
    let Some(alignment) = found else {
        return Ok(None);
    };
    for role in [Role::Guest, Role::Host] {
        if learn.includes(role == Role::Guest) {
            run.record("intersection.rows", role.into(), alignment.len())?;
        }
    }
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
fn note_rows_left_out(run: &Run<'_>, keys: &Keys<'_>) {
    let (invalid, duplicate) = (keys.invalid_rows(), keys.duplicate_rows());
    if invalid + duplicate > 0 {
        let kept = keys.texts().len();
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
