//! Random ids for the union of two sets.

use std::collections::BTreeSet;
use std::slice;

use matching::psi::{Identifiers, union};
use net::Session;
use serde_json::Value;

use super::stopwatch::Stopwatch;
use super::{Record, data, figures, start_together};
use crate::JobError;

/// The name in the bench's settings; no job offers this protocol.
pub(super) const NAME: &str = "union";

pub(super) async fn play(
    mut session: Session,
    rows: usize,
    their_rows: usize,
) -> Result<Record, JobError> {
    let first = session.is_first();
    let common = rows.min(their_rows) / 2;
    let ids = data::ids(usize::from(!first), if first { rows } else { their_rows }, common);
    start_together(&mut session).await?;
    let watch = Stopwatch::start(slice::from_ref(&session));
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    let spine = union::spine(&mut session, &ids).await?;
    let usage = watch.stop();

    let (found, expected) = (spine.ids.len(), rows + their_rows - common);
    let own: BTreeSet<u32> = spine.rows.iter().copied().collect();
    if found != expected || own.len() != ids.len() {
        return Err(JobError::Bench(format!("found {found} ids in all instead of {expected}")));
    }
    Ok(Record { usage, figures: figures([("union", Value::from(found))]) })
}
