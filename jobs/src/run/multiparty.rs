//! Stage 1 of a job whose rows are those that the guest and all hosts have.
//!
//! The guest is the leader of the protocol and learns each host's number of rows; a host learns the
//! guest's, and of another host only what its own common rows tell. The order in which the leader
//! names the common rows is random. If everybody learns them, all bring them into the order of a
//! hash of the job's seed and the key, which each computes from its own common keys: a row's place
//! says nothing to whoever does not have its key.

use contract::Audience;
use matching::psi::multiparty::{Learners, align};
use table::Table;

use super::align::{identifiers, keys, order_by_seed, record_common};
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::spec::Learn;
use matching::psi;

/// The positions of the rows that all parties have, in the common order; `None` for a party that
/// does not learn them.
pub(super) async fn match_with_all(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
) -> Result<Option<Vec<u32>>, JobError> {
    let keys = keys(run, table)?;
    let ids = identifiers(&run.own.key.rule, table, &keys)?;
    let (learners, learn) = match run.job.align.learn {
        Learn::Both => (Learners::All, psi::Learn::Both),
        Learn::Guest | Learn::Host => (Learners::Leader, psi::Learn::First),
    };
    // The guest learns one number of each host, of which a host knows its own.
    let numbers = if run.is_guest() { run.job.hosts.len() } else { 1 };
    run.record("table.rows_of_hosts", Audience::Guest, numbers)?;
    run.record("table.rows_of_guest", Audience::Host, 1)?;
    let Some(alignment) = align(&mut step.sessions, &ids, learners).await? else {
        return Ok(None);
    };
    record_common(run, learn, alignment.len())?;
    let mut positions = alignment.order().to_vec();
    if learners == Learners::All {
        order_by_seed(&mut positions, &ids, run.job.seed);
    }
    Ok(Some(positions.into_iter().map(|position| keys.row(position)).collect()))
}
