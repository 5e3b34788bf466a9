//! What stands in the tables.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::StoreError;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place among all events of this node, from 1 without gaps.
    pub sequence: u64,
    /// Milliseconds since 1970 by this node's clock.
    pub at: u64,
    /// The key or the person it comes from.
    pub author: String,
    /// The author's own number, for signed events.
    pub number: Option<u64>,
    /// What kind of event, such as `people.added`.
    pub kind: String,
    /// What it is about, such as a job's id.
    pub subject: String,
    /// The event itself, in the form of its kind.
    pub bytes: Vec<u8>,
}

/// A letter to a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its number among the letters to this partner, from 1 without gaps.
    pub number: u64,
    /// Milliseconds since 1970 by this node's clock.
    pub at: u64,
    /// What is sent.
    pub bytes: Vec<u8>,
}

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The id, for ever.
    pub id: String,
    /// The name to sign in with, one of a kind.
    pub name: String,
    /// Roles as words with blanks between them.
    pub roles: String,
    /// The password's hash.
    pub password: String,
    /// When a one-time password ends, in milliseconds since 1970; `None` for one's own password.
    pub password_until: Option<u64>,
    /// Whether the person may sign in at all.
    pub is_active: bool,
    /// Milliseconds since 1970.
    pub created_at: u64,
}

/// What a program signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The id.
    pub id: String,
    /// Whose it is.
    pub person: String,
    /// What it is for, in the words of its owner.
    pub name: String,
    /// The hash of the secret.
    pub secret_hash: String,
    /// Roles as words with blanks between them.
    pub roles: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// Milliseconds since 1970.
    pub expires_at: u64,
    /// When it was taken back.
    pub revoked_at: Option<u64>,
}

/// A browser that somebody has signed in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The hash of the cookie's secret.
    pub secret_hash: String,
    /// Whose it is.
    pub person: String,
    /// What forms have to send back.
    pub csrf: String,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// When it was last used.
    pub seen_at: u64,
}

impl Event {
    pub(super) fn of(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: unsigned(row, 0)?,
            at: unsigned(row, 1)?,
            author: row.try_get(2)?,
            number: perhaps_unsigned(row, 3)?,
            kind: row.try_get(4)?,
            subject: row.try_get(5)?,
            bytes: row.try_get(6)?,
        })
    }
}

impl Letter {
    pub(super) fn of(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self { number: unsigned(row, 0)?, at: unsigned(row, 1)?, bytes: row.try_get(2)? })
    }
}

impl Person {
    pub(super) fn of(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            roles: row.try_get(2)?,
            password: row.try_get(3)?,
            password_until: perhaps_unsigned(row, 4)?,
            is_active: unsigned(row, 5)? != 0,
            created_at: unsigned(row, 6)?,
        })
    }
}

impl TokenRow {
    pub(super) fn of(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get(0)?,
            person: row.try_get(1)?,
            name: row.try_get(2)?,
            secret_hash: row.try_get(3)?,
            roles: row.try_get(4)?,
            created_at: unsigned(row, 5)?,
            expires_at: unsigned(row, 6)?,
            revoked_at: perhaps_unsigned(row, 7)?,
        })
    }
}

impl SessionRow {
    pub(super) fn of(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            secret_hash: row.try_get(0)?,
            person: row.try_get(1)?,
            csrf: row.try_get(2)?,
            created_at: unsigned(row, 3)?,
            seen_at: unsigned(row, 4)?,
        })
    }
}

/// A column of numbers from 0 to 2^63 - 1.
pub(super) fn unsigned(row: &AnyRow, column: usize) -> Result<u64, StoreError> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number)
        .map_err(|_| StoreError::Damaged(format!("{number} where no number is below 0")))
}

/// The same where nothing may stand.
pub(super) fn perhaps_unsigned(row: &AnyRow, column: usize) -> Result<Option<u64>, StoreError> {
    let number: Option<i64> = row.try_get(column)?;
    let wrong = |_| StoreError::Damaged(format!("{number:?} where no number is below 0"));
    number.map(u64::try_from).transpose().map_err(wrong)
}
