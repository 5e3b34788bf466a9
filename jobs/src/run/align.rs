//! Stage 1: the rows that both parties have, in one common order.

use contract::{Audience, Role};
use crypto::hash;
use matching::psi::{self, Identifiers};
use table::{Table, check_label_classes};

use super::progress::{Run, Step};
use crate::error::JobError;
use crate::intersection;
use crate::spec::Learn;

/// The rows that both parties have.
pub(super) struct Common {
    /// They, in an order that both parties share.
    pub(super) table: Table,
    /// Their positions in the party's own table.
    pub(super) order: Vec<u32>,
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
    let ids = Identifiers::new(table.ids()?)?;
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
    if alignment.is_empty() && !run.job.train.is_empty() {
        return Err(JobError::NothingInCommon {
            peer: step.session.peer().to_owned(),
            rows: table.rows(),
            key: run.job.party(run.role).key.clone(),
        });
    }
    let mut order = alignment.order().to_vec();
    if learn == psi::Learn::Both {
        order_by_seed(&mut order, table, run.job.seed)?;
    }
    let common = Common { table: table.take(&order)?, order };
    if run.is_guest() && !run.job.train.is_empty() {
        check_classes(run, &common.table.label()?)?;
    }
    Ok(Some(common))
}

/// Brings common rows into the order of a hash of seed and id.
///
/// The order that matching gives changes from run to run. Both parties know the common ids, so both
/// can compute this one, and the same job with the same seed divides the same rows the same way.
fn order_by_seed(order: &mut [u32], table: &Table, seed: u64) -> Result<(), JobError> {
    let ids = table.id_array()?;
    order.sort_by_cached_key(|row| {
        let id = ids.value(*row as usize).trim();
        hash::digest("jobs/run/align", &[&seed.to_le_bytes(), id.as_bytes()])
    });
    Ok(())
}

/// Before anything is trained, both classes must be there.
fn check_classes(run: &Run<'_>, labels: &[u8]) -> Result<(), JobError> {
    let column = run.job.guest.label.as_ref().map_or("label", |label| label.column.as_str());
    check_label_classes(column, labels)?;
    Ok(())
}

const STEP: &str = "align";
