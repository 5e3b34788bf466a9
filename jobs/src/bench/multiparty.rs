//! The intersection of several parties' sets.

use matching::psi::Identifiers;
use matching::psi::multiparty::{Learners, align};
use net::Session;
use serde_json::Value;

use super::stopwatch::Stopwatch;
use super::{Record, data, figures, start_together};
use crate::JobError;

/// The name in the bench's settings.
pub(super) const NAME: &str = "multiparty";

/// `rows` are the leader's, `their_rows` those of each other party; half of the smaller set is
/// common to all.
pub(super) async fn play(
    mut peers: Vec<Session>,
    rows: usize,
    their_rows: usize,
) -> Result<Record, JobError> {
    let place = peers.iter().filter(|session| !session.is_first()).count();
    let common = rows.min(their_rows) / 2;
    let ids = data::ids(place, if place == 0 { rows } else { their_rows }, common);
    for session in &mut peers {
        start_together(session).await?;
    }
    let watch = Stopwatch::start(&peers);
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    let alignment = align(&mut peers, &ids, Learners::All).await?;
    let usage = watch.stop();
    let found = alignment.map_or(0, |alignment| alignment.len());
    if found != common {
        return Err(JobError::Bench(format!("found {found} common ids instead of {common}")));
    }
    Ok(Record { usage, figures: figures([("common", Value::from(found))]) })
}
