//! The same checks on SQLite and on PostgreSQL.

mod cluster;
mod crash;
mod moving;
mod writing;

use std::path::PathBuf;
use std::time::Duration;

use super::{Address, Batch, Committed, EventFilter, NewEvent, NewLetter, Received, Store};
use super::{StoreError, backup, schema};
use cluster::Cluster;

/// A maker of empty databases.
struct Databases<'a> {
    folder: PathBuf,
    cluster: Option<&'a Cluster>,
}

impl Databases<'_> {
    fn fresh(&self, name: &str) -> Address {
        match self.cluster {
            Some(cluster) => Address::parse(&cluster.database(name), &self.folder).unwrap(),
            None => self.file(name),
        }
    }

    fn file(&self, name: &str) -> Address {
        Address::parse(&format!("sqlite:{name} of a node.db"), &self.folder).unwrap()
    }
}

/// A runtime with several threads, as a node has.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap().block_on(future)
}

async fn all_checks(databases: &Databases<'_>) {
    writing::events_are_numbered_and_kept(databases).await;
    writing::a_conflict_leaves_nothing(databases).await;
    writing::letters_and_their_events_come_together(databases).await;
    writing::many_writers_leave_no_gap(databases).await;
    moving::a_backup_is_the_whole_store(databases).await;
    moving::a_bad_backup_is_refused_whole(databases).await;
    moving::a_schema_is_brought_up_to_date(databases).await;
}

#[test]
fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let databases = Databases { folder: folder.path().to_owned(), cluster: None };
    block_on(all_checks(&databases));
    crash::no_acknowledged_event_is_lost(&databases.fresh("crash"));
}

#[test]
fn on_postgres() {
    let Some(mut cluster) = Cluster::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    {
        let databases = Databases { folder: folder.path().to_owned(), cluster: Some(&cluster) };
        block_on(all_checks(&databases));
        crash::no_acknowledged_event_is_lost(&databases.fresh("crash"));
    }
    let address = Address::parse(&cluster.database("restarted"), folder.path()).unwrap();
    block_on(writing::a_commit_waits_for_a_restarted_server(&mut cluster, &address));
}

#[test]
fn a_backup_names_every_table_and_column() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::parse("sqlite:columns.db", folder.path()).unwrap();
        let store = Store::open(&address).await.unwrap();
        let found = moving::columns(&store).await;
        let mut named: Vec<(String, String)> = backup::columns();
        named.sort();
        assert_eq!(found, named);
    });
}

/// An event about `subject`.
fn event(author: &str, number: Option<u64>, subject: &str) -> NewEvent {
    NewEvent {
        at: 1_800_000_000_000,
        author: author.to_owned(),
        number,
        kind: "test.happened".to_owned(),
        subject: subject.to_owned(),
        bytes: vec![0, 255, 10, 34],
    }
}

fn letter(peer: &str) -> NewLetter {
    NewLetter { peer: peer.to_owned(), at: 7, bytes: vec![1, 2, 3] }
}

fn stored(committed: &Committed) -> (&[u64], &[u64]) {
    match committed {
        Committed::Stored { events, letters } => (events, letters),
        Committed::Known => panic!("known already"),
    }
}
