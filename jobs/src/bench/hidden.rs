//! Hidden intersections, and what is computed from them.

use std::slice;
use std::sync::Arc;

use matching::psi::{Identifiers, Learn, circuit, totals};
use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::Session;
use serde_json::Value;

use super::stopwatch::Stopwatch;
use super::{Record, data, figures, start_together};
use crate::JobError;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// Shares of which rows match.
    Shares,
    /// The number of common rows, for both.
    Cardinality,
    /// Also the sum of a column of the host over them.
    Sum,
}

impl Goal {
    pub(super) const ALL: [Self; 3] = [Self::Shares, Self::Cardinality, Self::Sum];

    /// The name in the bench's settings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Shares => "circuit",
            Self::Cardinality => "cardinality",
            Self::Sum => "sum",
        }
    }
}

/// What the usage measures contains the set-up of the transfers, but not the check of `circuit`,
/// whose shares say nothing before they are opened.
pub(super) async fn play(
    mut session: Session,
    goal: Goal,
    rows: usize,
    their_rows: usize,
) -> Result<Record, JobError> {
    let first = session.is_first();
    let common = rows.min(their_rows) / 2;
    let ids = data::ids(usize::from(!first), if first { rows } else { their_rows }, common);
    let columns = usize::from(goal == Goal::Sum);
    let payload: Vec<u64> = ids.iter().map(|id| number(id)).collect();
    start_together(&mut session).await?;
    let watch = Stopwatch::start(slice::from_ref(&session));
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    let ledger = Arc::new(Ledger::new([totals::CARDINALITY, totals::SUM]));
    let mut party = TwoParty::setup(session, ledger).await?;
    let matches = if first {
        circuit::receive(&mut party, &ids, columns, None).await?
    } else {
        circuit::send(&mut party, &ids, &vec![payload; columns], None).await?
    };
    let shared = watch.stop();
    let (found, sum) = if goal == Goal::Sum {
        let totals = totals::sums(&mut party, &matches, Learn::Both, 0).await?;
        (totals.cardinality, totals.sums.and_then(|mut sums| sums.pop()))
    } else {
        (totals::cardinality(&mut party, &matches, Learn::Both).await?, None)
    };
    let usage = if goal == Goal::Shares { shared } else { watch.stop() };

    let is_right = |sum| sum == (0..common as u64).map(payload_of).sum::<u64>();
    if found != Some(common as u64) || !sum.is_none_or(is_right) {
        return Err(JobError::Bench(format!("{found:?} common ids, {sum:?} in sum: wrong")));
    }
    Ok(Record { usage, figures: figures([("common", Value::from(common))]) })
}

/// The number in the row with this id of [`data::ids`].
fn number(id: &str) -> u64 {
    payload_of(id[1..].parse().unwrap_or_default())
}

fn payload_of(row: u64) -> u64 {
    row % 1000
}
