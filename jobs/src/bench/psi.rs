//! Private set intersection.

use std::io::Write;
use std::path::Path;
use std::slice;

use matching::psi::{Identifiers, Learn};
use net::Session;
use serde_json::Value;

use super::hidden::{self, Goal};
use super::stopwatch::Stopwatch;
use super::{Record, Scope, data, figures, multiparty, start_together, unbalanced, union};
use crate::folder::{Draft, work_folder};
use crate::spec::{Curve, Intersection, JobSpec, Protocol, Security};
use crate::{JobError, Unwatched, intersection, open_rows, run_party};

/// Measures the protocol of this name, against such a partner.
pub(super) async fn play_named(
    session: Session,
    name: &str,
    (curve, security): (Curve, Security),
    rows: usize,
    their_rows: usize,
    scope: Scope,
) -> Result<Record, JobError> {
    if let Some(protocol) = Intersection::named(name) {
        let protocol = protocol.on(curve).and_then(|it| it.against(security));
        let protocol = protocol.ok_or_else(|| no_such_form(name))?;
        return play(session, protocol, rows, their_rows, scope).await;
    }
    let goal = Goal::ALL.into_iter().find(|goal| goal.name() == name);
    let others = [unbalanced::NAME, union::NAME, multiparty::NAME];
    if goal.is_none() && !others.contains(&name) {
        let jobs = Intersection::ALL.map(|it| it.component().short_name());
        let names = [&jobs[..], &others, &Goal::ALL.map(Goal::name)].concat().join(", ");
        let what = format!("there is no alignment protocol `{name}`; there are: {names}");
        return Err(JobError::Bench(what));
    }
    if (curve, security) != Default::default() {
        return Err(no_such_form(name));
    }
    if scope == Scope::Whole {
        return Err(JobError::Bench(format!("`{name}` is measured with `--scope protocol`")));
    }
    match goal {
        Some(goal) => hidden::play(session, goal, rows, their_rows).await,
        None if name == union::NAME => union::play(session, rows, their_rows).await,
        None => unbalanced::play(session, rows, their_rows).await,
    }
}

fn no_such_form(name: &str) -> JobError {
    let what = "only `ecdh` has another curve, and only `rr22` a form against a malicious partner";
    JobError::Bench(format!("`{name}` has no such form; {what}"))
}

async fn play(
    mut session: Session,
    protocol: Intersection,
    rows: usize,
    their_rows: usize,
    scope: Scope,
) -> Result<Record, JobError> {
    let first = session.is_first();
    let common = rows.min(their_rows) / 2;
    let ids = data::ids(usize::from(!first), if first { rows } else { their_rows }, common);
    let (usage, found) = match scope {
        Scope::Protocol => {
            start_together(&mut session).await?;
            let watch = Stopwatch::start(slice::from_ref(&session));
            let found = align(&mut session, protocol, &ids).await?;
            (watch.stop(), found.len())
        }
        Scope::Whole => {
            let folder = Folder::create(first)?;
            folder.write_ids(&ids)?;
            drop(ids);
            start_together(&mut session).await?;
            let watch = Stopwatch::start(slice::from_ref(&session));
            let found = Box::pin(align_files(session, protocol, folder.path())).await?;
            (watch.stop(), found)
        }
    };
    if found != common {
        return Err(JobError::Bench(format!("found {found} common ids instead of {common}")));
    }
    Ok(Record { usage, figures: figures([("common", Value::from(found))]) })
}

async fn align<I: AsRef<str>>(
    session: &mut Session,
    protocol: Intersection,
    ids: &[I],
) -> Result<table::Alignment, JobError> {
    let ids = Identifiers::new(ids.iter().map(AsRef::as_ref))?;
    let alignment = intersection::intersect(protocol, session, &ids, Learn::Both).await?;
    alignment.ok_or_else(|| JobError::Bench("the alignment was not learnt".to_owned()))
}

/// A whole job, as `tombolo run` does it; returns how many rows are common.
async fn align_files(
    session: Session,
    protocol: Intersection,
    folder: &Path,
) -> Result<usize, JobError> {
    let text = JOB.replace("PROTOCOL", protocol.component().short_name());
    let mut job = JobSpec::parse("the bench's job", &text)
        .map_err(|error| JobError::Bench(error.to_string()))?;
    job.align.protocol = Protocol::Intersection(protocol);
    let party = if session.is_first() { &job.guest } else { &job.hosts[0] };
    let mut rows = open_rows(&job, party, folder, &work_folder(folder, &party.name), &Unwatched)?;
    let outcome = run_party(&job, party, &mut rows, vec![session], &Unwatched).await?;
    Draft::begin(folder, &party.name)?.write_tables(&job, &rows, &outcome)?;
    outcome.common_rows.ok_or_else(|| JobError::Bench("the alignment was not learnt".to_owned()))
}

/// The job of the scope `whole`.
const JOB: &str = "\
job: bench
purpose: bench
parties:
  first: { role: guest, table: ids.csv, key: id }
  second: { role: host, table: ids.csv, key: id }
align: { protocol: PROTOCOL }
";

/// Files of one party, removed at the end.
pub(super) struct Folder(std::path::PathBuf);

impl Folder {
    pub(super) fn create(first: bool) -> Result<Self, JobError> {
        let name = format!("tombolo-bench-{}-{first}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).map_err(|error| failed(&error))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn write_ids(&self, ids: &[String]) -> Result<(), JobError> {
        let file = std::fs::File::create(self.0.join("ids.csv")).map_err(|error| failed(&error))?;
        let mut file = std::io::BufWriter::new(file);
        writeln!(file, "id,amount").map_err(|error| failed(&error))?;
        for (row, id) in ids.iter().enumerate() {
            writeln!(file, "{id},{}", row % 1000).map_err(|error| failed(&error))?;
        }
        file.flush().map_err(|error| failed(&error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it, and there is nobody to tell.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn failed(error: &std::io::Error) -> JobError {
    JobError::Bench(format!("the bench's files: {error}"))
}
