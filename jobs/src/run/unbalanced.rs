//! Stage 1 of a job for a small table against a large one, whose part is kept between runs.
//!
//! The party that learns is the client, the other one the server. Each keeps a file in a folder of
//! its own: the server its key and the filters of its keys, the client a copy of these filters.

use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;

use contract::{Role, Text};
use crypto::random::Generator;
use matching::MatchingError;
use matching::psi::Identifiers;
use matching::psi::unbalanced::{Filters, Server, answer, fetch, offer, query};
use net::Meter;
use table::Table;

use super::align::{Common, identifiers, keys, learn, note_rows_left_out, record_common};
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::folder::make_private;
use crate::open_table::KeyReader;
use crate::own_rows::OwnRows;

/// The common rows, at the client, which asks for at most `asked_max`; `None` at the server.
pub(super) async fn intersect(
    run: &Run<'_>,
    step: &mut Step,
    rows: &OwnRows,
    asked_max: usize,
) -> Result<Option<Common>, JobError> {
    let table = rows.table().ok_or(JobError::NotInMemory)?;
    if let Some(folder) = rows.kept_in() {
        make_private(folder)?;
    }
    let (client, server) = if learn(run).includes(true) {
        (Role::Guest, Role::Host)
    } else {
        (Role::Host, Role::Guest)
    };
    for (key, to) in
        [("unbalanced.asked", server), ("unbalanced.held", server), ("unbalanced.filters", client)]
    {
        run.record(key, to.into(), 1)?;
    }
    if run.role == client {
        let order = ask(run, step, table, rows.kept_in(), asked_max).await?;
        return Ok(Some(Common::InMemory {
            table: table.take(&order)?,
            order,
            rounds: Vec::new(),
        }));
    }
    serve(run, step, table, rows.kept_in(), asked_max).await?;
    Ok(None)
}

/// The client's side: which of its rows the server has too.
async fn ask(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
    folder: Option<&Path>,
    asked_max: usize,
) -> Result<Vec<u32>, JobError> {
    let keys = keys(run, table)?;
    let ids = identifiers(&run.own.key.rule, table, &keys)?;
    if ids.len() > asked_max {
        return Err(JobError::AsksTooMuch { rows: ids.len(), rows_max: asked_max });
    }
    let session = step.pair()?;
    let path = folder.map(|folder| folder.join(format!("filters-of-{}.psi", session.peer())));
    let load = existing(path.clone());
    let mut filters = net::prepare(slice::from_mut(session), "kept", move || match load {
        Some(path) => Ok(Filters::load(&path).map_err(MatchingError::from)?),
        None => Ok::<_, JobError>(Filters::none()),
    })
    .await?;
    let (mut update, mut online) = (session.fork("update")?, session.fork("query")?);
    if fetch(&mut update, &mut filters).await? {
        if let Some(path) = &path {
            update.compute(|| filters.save(path)).await.map_err(MatchingError::from)?;
        }
        run.note(fetched(&filters, path.as_deref()));
    }
    let alignment = query(&mut online, &filters, &ids).await?;
    record_common(run, learn(run), alignment.len())?;
    Ok(alignment.order().iter().map(|position| keys.row(*position)).collect())
}

/// The server's side.
async fn serve(
    run: &Run<'_>,
    step: &mut Step,
    table: &Table,
    folder: Option<&Path>,
    asked_max: usize,
) -> Result<(), JobError> {
    let party = run.own;
    let path = folder.map(|folder| folder.join("server.psi"));
    if existing(path.clone()).is_none() {
        run.note(preparing(table.rows()));
    }
    let session = step.pair()?;
    let work = Work {
        table: table.select(&[&party.key.column])?,
        keys: KeyReader::new(party, &party.key),
        path: path.clone(),
        generator: session.rng(),
        meter: session.meter(),
    };
    let Ready { server, change, counts } =
        net::prepare(slice::from_mut(session), "kept", move || work.finish()).await?;
    let [kept, invalid, duplicate] = counts;
    note_rows_left_out(run, kept, invalid, duplicate);
    if let Some(text) = changed(&change, &server, path.as_deref()) {
        run.note(text);
    }
    let (mut update, mut online) = (session.fork("update")?, session.fork("query")?);
    offer(&mut update, &server).await?;
    Ok(answer(&mut online, &server, asked_max).await?)
}

/// What the server does alone, while the client waits.
struct Work {
    /// The column of keys.
    table: Table,
    keys: KeyReader,
    path: Option<PathBuf>,
    generator: Generator,
    meter: Arc<Meter>,
}

/// A server that has exactly the table's keys.
struct Ready {
    server: Server,
    change: Change,
    /// Rows that take part, that have no valid key, and that share one.
    counts: [usize; 3],
}

/// What had to be done.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    /// The file had everything.
    Nothing,
    /// There was no file.
    Prepared,
    /// Keys were added.
    Added(usize),
    /// The file had keys that the table has not any more.
    PreparedAnew,
}

impl Work {
    fn finish(mut self) -> Result<Ready, JobError> {
        let keys = self.keys.keys(&self.table)?;
        let ids = identifiers(self.keys.rule(), &self.table, &keys)?;
        let (server, change) = match existing(self.path.clone()) {
            Some(path) => {
                let server = Server::load(&path).map_err(MatchingError::from)?;
                bring_up_to_date(server, &ids, &mut self.generator, &self.meter)
            }
            None => (prepare(&ids, &mut self.generator, &self.meter), Change::Prepared),
        };
        if let Some(path) = self.path.as_ref().filter(|_| change != Change::Nothing) {
            server.save(path).map_err(MatchingError::from)?;
        }
        let counts = [keys.texts().len(), keys.invalid_rows(), keys.duplicate_rows()];
        Ok(Ready { server, change, counts })
    }
}

/// Keys that are gone cannot be taken out of filters, so that then all are prepared anew.
fn bring_up_to_date(
    mut server: Server,
    ids: &Identifiers<'_>,
    generator: &mut Generator,
    meter: &Meter,
) -> (Server, Change) {
    if server.holds(ids) {
        return (server, Change::Nothing);
    }
    if server.rows() < ids.len() {
        let added = server.extend(ids, |done| report(meter, done, ids));
        if server.holds(ids) {
            return (server, Change::Added(added));
        }
    }
    (prepare(ids, generator, meter), Change::PreparedAnew)
}

fn prepare(ids: &Identifiers<'_>, generator: &mut Generator, meter: &Meter) -> Server {
    Server::prepare(ids, generator, |done| report(meter, done, ids))
}

fn report(meter: &Meter, done: usize, ids: &Identifiers<'_>) {
    meter.report_progress(done as u64, ids.len() as u64);
}

fn existing(path: Option<PathBuf>) -> Option<PathBuf> {
    path.filter(|path| path.exists())
}

fn preparing(rows: usize) -> Text {
    Text::owned(
        format!("preparing {rows} rows for small queries; later runs only add what is new"),
        format!("正在为小集合查询准备 {rows} 行；此后的运行只需处理新增的行"),
    )
}

fn changed(change: &Change, server: &Server, path: Option<&Path>) -> Option<Text> {
    let (rows, place) = (server.rows(), place(path));
    match change {
        Change::Nothing => None,
        Change::Prepared => Some(Text::owned(
            format!("{rows} rows are prepared{}", place.en),
            format!("已准备 {rows} 行{}", place.zh),
        )),
        Change::Added(added) => Some(Text::owned(
            format!("{added} rows were added to those that were prepared, now {rows}"),
            format!("在已准备的行之外新增 {added} 行，现共 {rows} 行"),
        )),
        Change::PreparedAnew => Some(Text::owned(
            format!(
                "rows are gone that were prepared earlier: all {rows} are prepared anew, with a new \
                 key, and clients download them again"
            ),
            format!("此前准备的部分行已不存在：已用新密钥重新准备全部 {rows} 行，查询方须重新下载"),
        )),
    }
}

fn fetched(filters: &Filters, path: Option<&Path>) -> Text {
    let (rows, place) = (filters.rows(), place(path));
    Text::owned(
        format!("the filters of the other party's {rows} rows were brought up to date{}", place.en),
        format!("已更新对方 {rows} 行的过滤器{}", place.zh),
    )
}

/// Where something is kept.
fn place(path: Option<&Path>) -> Text {
    match path.map(Path::display) {
        Some(path) => Text::owned(format!("; kept in {path}"), format!("，保存于 {path}")),
        None => Text::new("; not kept", "，未保存"),
    }
}

#[cfg(test)]
mod tests;
