//! Private set intersection of the guest's small set with the host's large one.

use std::slice;
use std::time::Instant;

use matching::MatchingError;
use matching::psi::unbalanced::{Filters, Server, answer, fetch, offer, query};
use matching::psi::{Identifiers, ROWS_MAX};
use net::Session;
use serde_json::Value;

use super::psi::Folder;
use super::stopwatch::Stopwatch;
use super::{Record, data, figures, start_together};
use crate::JobError;

/// The name in the bench's settings.
pub(super) const NAME: &str = "unbalanced";

/// What the usage measures is the query: reading the cache, asking and looking up. Preparing the
/// host's ids, their way to the guest and writing the caches are the figures `offline_…`.
pub(super) async fn play(
    mut session: Session,
    rows: usize,
    their_rows: usize,
) -> Result<Record, JobError> {
    let first = session.is_first();
    let common = rows.min(their_rows) / 2;
    let ids = data::ids(usize::from(!first), if first { rows } else { their_rows }, common);
    let ids = Identifiers::new(ids.iter().map(String::as_str))?;
    let folder = Folder::create(first)?;
    let path = folder.path().join("cache");

    start_together(&mut session).await?;
    let start = Instant::now();
    let (mut update, mut online) = (session.fork("update")?, session.fork("query")?);
    if first {
        let mut filters = Filters::none();
        fetch(&mut update, &mut filters).await?;
        filters.save(&path).map_err(MatchingError::from)?;
    } else {
        let mut generator = session.rng();
        let server = session.compute(|| Server::prepare(&ids, &mut generator, |_| ())).await;
        offer(&mut update, &server).await?;
        server.save(&path).map_err(MatchingError::from)?;
    }
    start_together(&mut session.fork("online")?).await?;
    let offline_seconds = start.elapsed().as_secs_f64();

    let watch = Stopwatch::start(slice::from_ref(&session));
    let found = if first {
        let filters = Filters::load(&path).map_err(MatchingError::from)?;
        Some(query(&mut online, &filters, &ids).await?.len())
    } else {
        let server = Server::load(&path).map_err(MatchingError::from)?;
        answer(&mut online, &server, ROWS_MAX).await?;
        None
    };
    let usage = watch.stop();
    if let Some(found) = found.filter(|found| *found != common) {
        return Err(JobError::Bench(format!("found {found} common ids instead of {common}")));
    }
    let cache_bytes = std::fs::metadata(&path).map_err(|error| super::psi::failed(&error))?.len();
    let figures = figures([
        ("common", Value::from(common)),
        ("offline_seconds", Value::from(offline_seconds)),
        ("offline_cache_bytes", Value::from(cache_bytes)),
    ]);
    Ok(Record { usage, figures })
}
