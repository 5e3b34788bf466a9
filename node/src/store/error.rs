//! What can go wrong with the store, and by whose fault.

/// The store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The configuration names no database that this program can use.
    #[error("the database cannot be used: {0}")]
    Address(String),
    /// The database does not answer, or not in time.
    #[error("the database does not answer ({cause}); the node goes on trying, nothing is lost")]
    Unreachable {
        /// What the driver says.
        cause: String,
    },
    /// Others were in the way each time.
    #[error("other programs write to the database all the time; gave up after {tries} tries")]
    Busy {
        /// How often it was tried.
        tries: u32,
    },
    /// Somebody else stored an event since the caller looked.
    #[error("event {found} was stored meanwhile, {expected} was the last one known; look again")]
    Conflict {
        /// The last event that the caller has seen.
        expected: u64,
        /// The last one there is.
        found: u64,
    },
    /// There is one already.
    #[error("{what} is stored already")]
    Exists {
        /// What it is.
        what: String,
    },
    /// A letter came before an earlier one.
    #[error("letter {number} of {peer} came, but {expected} is the next")]
    Gap {
        /// Who sent it.
        peer: String,
        /// Its number.
        number: u64,
        /// The number that is next.
        expected: u64,
    },
    /// A letter was acknowledged that was never written.
    #[error("{peer} acknowledges letter {number}; the last one for it is {last}")]
    NeverSent {
        /// Who acknowledges it.
        peer: String,
        /// The number it names.
        number: u64,
        /// The last number there is.
        last: u64,
    },
    /// The database was written by a later version of the program.
    #[error(
        "the database has schema {found}, this program knows {known}; use the program that wrote \
         it, or a later one"
    )]
    Newer {
        /// The database's schema.
        found: u64,
        /// The newest that this program knows.
        known: u64,
    },
    /// The database holds what this program never writes.
    #[error("the database holds what no node writes: {0}")]
    Damaged(String),
    /// A backup cannot be read or written.
    #[error("{0}")]
    Backup(String),
    /// Any other answer of the database.
    #[error("the database refused: {0}")]
    Refused(#[source] sqlx::Error),
}

/// What a failed statement means for its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another transaction was in the way: the same again may succeed.
    Again,
    /// The connection is gone: the same again, once the database is back.
    Lost,
    /// It will fail again.
    Never,
}

/// Judges an error by its code: `SQLSTATE` of PostgreSQL, or the result code of SQLite.
pub(super) fn judge(error: &sqlx::Error) -> Verdict {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => {
            Verdict::Lost
        }
        // A connection that breaks in the middle of a message.
        sqlx::Error::Protocol(_) => Verdict::Lost,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("40001" | "40P01" | "55P03" | "5" | "6" | "261" | "517") => Verdict::Again,
            Some(code) if code.starts_with("08") || code.starts_with("57P") => Verdict::Lost,
            _ => Verdict::Never,
        },
        _ => Verdict::Never,
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match (judge(&error), &error) {
            (Verdict::Lost, _) => Self::Unreachable { cause: error.to_string() },
            (_, sqlx::Error::Database(inner)) if inner.is_unique_violation() => {
                Self::Exists { what: inner.message().to_owned() }
            }
            (_, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Refused(error),
        }
    }
}
