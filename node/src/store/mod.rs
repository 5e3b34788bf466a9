//! What a node remembers: one append-only table of events, the letters they cause, and the
//! accounts of its people, in SQLite or PostgreSQL.
//!
//! * Both databases have one schema (`schema/*.sql`, where `{bytes}` is their only difference) and
//!   run the same statements.
//! * [`Store::commit`] is the only way to write. A [`Batch`] is stored in one serialisable
//!   transaction, whole or not at all, and is tried again when another one was in the way or the
//!   database was restarted.
//! * Events have gapless sequence numbers in the order in which they became visible, so that
//!   whoever has read up to `n` misses nothing by asking for what is after `n`.
//! * A commit that has returned survives `kill -9` of this process and, with an honest disk, the
//!   loss of power: SQLite runs in WAL mode with `synchronous = FULL`.

mod address;
mod backup;
mod batch;
mod error;
mod read;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Executor as _};
use tokio::sync::Mutex;

pub use address::Address;
pub use backup::{Summary, back_up, restore};
pub use batch::{Batch, Change, Committed, NewEvent, NewLetter, Received};
pub use error::StoreError;
pub use read::EventFilter;
pub use rows::{Event, Letter, Person, SessionRow, TokenRow};
pub use schema::LATEST;

use error::{Verdict, judge};

/// The database of one node.
#[derive(Debug)]
pub struct Store {
    pool: AnyPool,
    dialect: Dialect,
    /// One transaction writes at a time: the numbers of events follow each other, so that two
    /// would only make each other start again.
    writing: Mutex<()>,
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Store {
    /// Opens the database, made when there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a database of a later version of this program,
    /// [`StoreError::Unreachable`] when it does not answer.
    #[net::boxed]
    pub async fn open(address: &Address) -> Result<Self, StoreError> {
        let store = Self::connect(address).await?;
        schema::upgrade(&store, LATEST).await?;
        Ok(store)
    }

    /// Opens the database that another program may be using, and leaves its schema as it is.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::Address`] if no node has used it yet.
    #[net::boxed]
    pub async fn open_as_it_is(address: &Address) -> Result<Self, StoreError> {
        let missing = || StoreError::Address(format!("{address} is no database of a node yet"));
        if let Address::Sqlite(path) = address
            && !path.exists()
        {
            return Err(missing());
        }
        let store = Self::connect(address).await?;
        match store.schema().await.map_err(|_| missing())? {
            0 => Err(missing()),
            found if found > LATEST => Err(StoreError::Newer { found, known: LATEST }),
            _ => Ok(store),
        }
    }

    /// Opens the database, made when there is none, and leaves its schema as it is.
    async fn connect(address: &Address) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = match address {
            Address::Sqlite(path) => {
                // Password hashes stand in it; what SQLite makes beside it has the same mode.
                let mut options = OpenOptions::new();
                options.append(true).create(true).mode(0o600);
                options
                    .open(path)
                    .map_err(|error| StoreError::Address(format!("{}: {error}", path.display())))?;
                Dialect::Sqlite
            }
            Address::Postgres(_) => Dialect::Postgres,
        };
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| Box::pin(prepare(connection, dialect)))
            .connect(&address.url())
            .await?;
        Ok(Self { pool, dialect, writing: Mutex::new(()) })
    }

    /// Waits for what runs and closes every connection.
    #[net::boxed]
    pub async fn close(&self) {
        let _writing = self.writing.lock().await;
        self.pool.close().await;
    }

    /// Stores a batch, whole or not at all.
    ///
    /// A letter that was taken before is [`Committed::Known`], and nothing of its batch is stored.
    ///
    /// # Errors
    /// Every error means that nothing was stored, but for [`StoreError::Unreachable`]: then the
    /// database went away, perhaps between storing the batch and saying so.
    #[net::boxed]
    pub async fn commit(&self, batch: &Batch) -> Result<Committed, StoreError> {
        let _writing = self.writing.lock().await;
        let mut tries = 0;
        let mut waited = Duration::ZERO;
        // Where the batch will stand if a commit was sent off and its answer got lost.
        let mut unsure_of = None;
        loop {
            tries += 1;
            let failed = match self.try_commit(batch, &mut unsure_of).await {
                Ok(committed) => return Ok(committed),
                Err(failed) => failed,
            };
            let pause = match failed.verdict() {
                Verdict::Never => return Err(failed.into()),
                Verdict::Again if tries == TRIES_MAX => return Err(StoreError::Busy { tries }),
                Verdict::Lost if waited >= LOST_MAX => return Err(failed.into()),
                Verdict::Again => Duration::from_millis(u64::from(5 * tries)),
                Verdict::Lost => Duration::from_millis(200),
            };
            tokio::time::sleep(pause).await;
            waited += pause;
        }
    }

    async fn try_commit(
        &self,
        batch: &Batch,
        unsure_of: &mut Option<u64>,
    ) -> Result<Committed, Failed> {
        let begin = match self.dialect {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        };
        let mut transaction = self.pool.begin_with(begin).await?;
        if let Some(first) = unsure_of.take()
            && let Some(committed) = batch::already_stored(&mut transaction, batch, first).await?
        {
            return Ok(committed);
        }
        let committed = batch::apply(&mut transaction, batch).await?;
        *unsure_of = committed.first_event();
        transaction.commit().await?;
        Ok(committed)
    }

    /// A transaction that sees one state of the database throughout.
    async fn snapshot(&self) -> Result<sqlx::Transaction<'static, sqlx::Any>, StoreError> {
        let begin = match self.dialect {
            Dialect::Sqlite => "BEGIN",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.pool.begin_with(begin).await?)
    }
}

/// Why a try to commit failed.
enum Failed {
    /// The batch cannot be stored.
    Store(StoreError),
    /// Another program took the same number for an event.
    Overtaken,
    /// The database said no, perhaps not for good.
    Database(sqlx::Error),
}

impl Failed {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Store(_) => Verdict::Never,
            Self::Overtaken => Verdict::Again,
            Self::Database(error) => judge(error),
        }
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Store(error) => error,
            Failed::Overtaken => Self::Busy { tries: 1 },
            Failed::Database(error) => error.into(),
        }
    }
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Sets up a new connection.
async fn prepare(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), sqlx::Error> {
    if dialect == Dialect::Sqlite {
        for statement in [
            "PRAGMA busy_timeout = 5000",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
            "PRAGMA trusted_schema = OFF",
        ] {
            connection.execute(statement).await?;
        }
    } else {
        // The durability of a commit is not for the server's configuration to lower.
        connection.execute("SET synchronous_commit = on").await?;
    }
    Ok(())
}

/// Pages of several people and the scheduler read at the same time; SQLite has one writer anyhow.
const CONNECTIONS_MAX: u32 = 8;
/// How long a statement waits for a free connection, and a connection for a server.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a batch is tried while others are in the way.
const TRIES_MAX: u32 = 20;
/// How long a batch is tried while the database is away.
const LOST_MAX: Duration = Duration::from_secs(15);
