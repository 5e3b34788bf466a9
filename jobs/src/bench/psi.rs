//! Private set intersection.

use std::io::Write;

use matching::psi::{Identifiers, Learn};
use net::Session;
use serde_json::Value;
use table::{AlignedTable, Column, Kind, Role, Schema, Source, Table};

use super::stopwatch::Stopwatch;
use super::{Record, Scope, data, figures, start_together};
use crate::spec::{Protocol, Security};
use crate::{JobError, intersection};

/// The protocol of this name, against such a partner.
pub(super) fn protocol(name: &str, security: Security) -> Result<Protocol, JobError> {
    let named = Protocol::named(name).ok_or_else(|| {
        let names = Protocol::ALL.map(|it| it.component().short_name()).join(", ");
        let names = format!("{names}, {}", super::unbalanced::NAME);
        JobError::Bench(format!("there is no alignment protocol `{name}`; there are: {names}"))
    })?;
    named.against(security).ok_or_else(|| {
        JobError::Bench(format!("`{name}` has no form against a malicious partner; `rr22` has one"))
    })
}

pub(super) async fn play(
    mut session: Session,
    protocol: Protocol,
    rows: usize,
    their_rows: usize,
    scope: Scope,
) -> Result<Record, JobError> {
    let first = session.is_first();
    let common = rows.min(their_rows) / 2;
    let ids = data::ids(first, if first { rows } else { their_rows }, common);
    let (usage, found) = match scope {
        Scope::Protocol => {
            start_together(&mut session).await?;
            let watch = Stopwatch::start(&session);
            let found = align(&mut session, protocol, &ids).await?;
            (watch.stop(), found.len())
        }
        Scope::Whole => {
            let folder = Folder::create(first)?;
            folder.write_ids(&ids)?;
            drop(ids);
            start_together(&mut session).await?;
            let watch = Stopwatch::start(&session);
            let table = folder.read()?;
            let ids: Vec<&str> = table.ids()?.collect();
            let alignment = align(&mut session, protocol, &ids).await?;
            drop(ids);
            let aligned = AlignedTable::open(&table, &alignment)?;
            aligned.table().write_parquet(folder.0.join("aligned.parquet"))?;
            (watch.stop(), alignment.len())
        }
    };
    if found != common {
        return Err(JobError::Bench(format!("found {found} common ids instead of {common}")));
    }
    Ok(Record { usage, figures: figures([("common", Value::from(found))]) })
}

async fn align<I: AsRef<str>>(
    session: &mut Session,
    protocol: Protocol,
    ids: &[I],
) -> Result<table::Alignment, JobError> {
    let ids = Identifiers::new(ids.iter().map(AsRef::as_ref))?;
    let alignment = intersection::intersect(protocol, session, &ids, Learn::Both).await?;
    alignment.ok_or_else(|| JobError::Bench("the alignment was not learnt".to_owned()))
}

/// Files of one party, removed at the end.
pub(super) struct Folder(std::path::PathBuf);

impl Folder {
    pub(super) fn create(first: bool) -> Result<Self, JobError> {
        let name = format!("tombolo-bench-{}-{first}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).map_err(|error| failed(&error))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &std::path::Path {
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

    fn read(&self) -> Result<Table, JobError> {
        let schema = Schema::new(vec![
            Column::new("id", Kind::Text, Role::Id),
            Column::new("amount", Kind::Number, Role::Feature),
        ])?;
        Ok(Table::read(&Source::open(self.0.join("ids.csv"))?, &schema)?)
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
