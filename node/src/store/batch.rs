//! What is stored together: events, the letters they cause, and the letter they came by.

use sqlx::AnyConnection;

use super::rows::{Event, Person, SessionRow, TokenRow, unsigned};
use super::{Failed, StoreError};

/// Everything that one decision changes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The last event that the decision has seen; if another has come since, nothing is stored.
    pub after: Option<u64>,
    /// The letter of a partner that the decision follows from.
    pub received: Option<Received>,
    /// What happened, in order.
    pub events: Vec<NewEvent>,
    /// What partners have to be told, in order.
    pub letters: Vec<NewLetter>,
    /// Rows that are not a fold of events.
    pub changes: Vec<Change>,
}

/// An event before it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Milliseconds since 1970 by this node's clock.
    pub at: u64,
    /// The key or the person it comes from.
    pub author: String,
    /// The author's own number, for signed events: no two of an author have the same.
    pub number: Option<u64>,
    /// What kind of event, such as `people.added`.
    pub kind: String,
    /// What it is about, such as a job's id.
    pub subject: String,
    /// The event itself, in the form of its kind.
    pub bytes: Vec<u8>,
}

/// A letter before it has its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLetter {
    /// The partner's key.
    pub peer: String,
    /// Milliseconds since 1970 by this node's clock.
    pub at: u64,
    /// What is sent.
    pub bytes: Vec<u8>,
}

/// A letter that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The partner's key.
    pub peer: String,
    /// The partner's number for it, from 1 without gaps.
    pub number: u64,
}

/// A row that is put or taken away.
#[derive(Clone, Debug)]
pub enum Change {
    /// A person, new or changed.
    PutPerson(Person),
    /// A token, new or changed.
    PutToken(TokenRow),
    /// A session, new or changed.
    PutSession(SessionRow),
    /// A session ends.
    DropSession {
        /// The hash of its secret.
        secret_hash: String,
    },
    /// All sessions of a person end.
    DropSessions {
        /// Whose.
        person: String,
    },
    /// All sessions end that were not used since.
    DropIdleSessions {
        /// Milliseconds since 1970.
        before: u64,
    },
    /// A setting of the node.
    PutSetting {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// A partner has stored all letters up to a number.
    Acknowledge {
        /// The partner's key.
        peer: String,
        /// The number.
        number: u64,
    },
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is stored: the numbers that its events and letters have now.
    Stored {
        /// Sequence numbers, in the order of the batch.
        events: Vec<u64>,
        /// Numbers of letters, in the order of the batch.
        letters: Vec<u64>,
    },
    /// The letter was taken before, and so was everything that follows from it.
    Known,
}

impl Committed {
    pub(super) fn first_event(&self) -> Option<u64> {
        match self {
            Self::Stored { events, .. } => events.first().copied(),
            Self::Known => None,
        }
    }
}

/// Writes a batch inside of a transaction.
pub(super) async fn apply(
    connection: &mut AnyConnection,
    batch: &Batch,
) -> Result<Committed, Failed> {
    if let Some(received) = &batch.received
        && !take(connection, received).await?
    {
        return Ok(Committed::Known);
    }
    let last = last_event(connection).await?;
    if let Some(expected) = batch.after
        && expected != last
    {
        return Err(StoreError::Conflict { expected, found: last }.into());
    }
    let mut events = Vec::with_capacity(batch.events.len());
    for (event, sequence) in batch.events.iter().zip(last + 1..) {
        insert_event(connection, event, sequence).await?;
        events.push(sequence);
    }
    let mut letters = Vec::with_capacity(batch.letters.len());
    for letter in &batch.letters {
        letters.push(insert_letter(connection, letter).await?);
    }
    for change in &batch.changes {
        make(connection, change).await?;
    }
    Ok(Committed::Stored { events, letters })
}

/// Whether a commit whose answer got lost has come through: then its events stand from `first` on.
///
/// Between that commit and now nobody else has written, or what stands there is not this batch. A
/// batch without events is safe to store twice: it only puts rows, and letters come with events.
pub(super) async fn already_stored(
    connection: &mut AnyConnection,
    batch: &Batch,
    first: u64,
) -> Result<Option<Committed>, Failed> {
    let count = batch.events.len() as u64;
    let rows = sqlx::query(
        "SELECT sequence, at, author, number, kind, subject, bytes FROM events \
         WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence",
    )
    .bind(first as i64)
    .bind((first + count) as i64)
    .fetch_all(&mut *connection)
    .await?;
    let stored = rows.iter().map(Event::of).collect::<Result<Vec<_>, _>>()?;
    let is_same = stored.len() == batch.events.len()
        && stored.iter().zip(&batch.events).all(|(stored, event)| event.is_stored_as(stored));
    if !is_same {
        return Ok(None);
    }
    let mut letters = Vec::new();
    for (at, letter) in batch.letters.iter().enumerate() {
        // Nobody else numbers letters, so that the last ones to this partner are of this batch.
        let behind = batch.letters[at + 1..].iter().filter(|it| it.peer == letter.peer).count();
        let last = last_letter(connection, &letter.peer).await?;
        letters.push(last.saturating_sub(behind as u64));
    }
    Ok(Some(Committed::Stored { events: (first..first + count).collect(), letters }))
}

impl NewEvent {
    fn is_stored_as(&self, stored: &Event) -> bool {
        self.at == stored.at
            && self.author == stored.author
            && self.number == stored.number
            && self.kind == stored.kind
            && self.subject == stored.subject
            && self.bytes == stored.bytes
    }
}

/// The last event's sequence number; 0 before the first.
pub(super) async fn last_event(connection: &mut AnyConnection) -> Result<u64, Failed> {
    let row = sqlx::query("SELECT sequence FROM events ORDER BY sequence DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    Ok(row.map_or(Ok(0), |row| unsigned(&row, 0))?)
}

async fn insert_event(
    connection: &mut AnyConnection,
    event: &NewEvent,
    sequence: u64,
) -> Result<(), Failed> {
    let done = sqlx::query(
        "INSERT INTO events (sequence, at, author, number, kind, subject, bytes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(sequence as i64)
    .bind(event.at as i64)
    .bind(&event.author)
    .bind(event.number.map(|number| number as i64))
    .bind(&event.kind)
    .bind(&event.subject)
    .bind(&event.bytes)
    .execute(connection)
    .await;
    let error = match done {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => error,
        done => return Ok(done.map(drop)?),
    };
    // Both databases name the columns of the rule that was broken.
    Err(match event.number {
        Some(number) if error.message().contains("number") => {
            StoreError::Exists { what: format!("event {number} of {}", event.author) }.into()
        }
        _ => Failed::Overtaken,
    })
}

async fn insert_letter(connection: &mut AnyConnection, letter: &NewLetter) -> Result<u64, Failed> {
    let number = last_letter(connection, &letter.peer).await? + 1;
    sqlx::query(
        "INSERT INTO letters_out (peer, number, at, bytes, state) \
         VALUES ($1, $2, $3, $4, 'queued')",
    )
    .bind(&letter.peer)
    .bind(number as i64)
    .bind(letter.at as i64)
    .bind(&letter.bytes)
    .execute(connection)
    .await?;
    Ok(number)
}

/// The number of the last letter to a partner; 0 before the first.
pub(super) async fn last_letter(connection: &mut AnyConnection, peer: &str) -> Result<u64, Failed> {
    let row =
        sqlx::query("SELECT number FROM letters_out WHERE peer = $1 ORDER BY number DESC LIMIT 1")
            .bind(peer)
            .fetch_optional(connection)
            .await?;
    Ok(row.map_or(Ok(0), |row| unsigned(&row, 0))?)
}

/// Notes a letter as taken; false if it was before.
async fn take(connection: &mut AnyConnection, received: &Received) -> Result<bool, Failed> {
    let row = sqlx::query("SELECT last_number FROM letters_in WHERE peer = $1")
        .bind(&received.peer)
        .fetch_optional(&mut *connection)
        .await?;
    let last = row.map_or(Ok(0), |row| unsigned(&row, 0))?;
    if received.number <= last {
        return Ok(false);
    }
    if received.number != last + 1 {
        let (peer, number) = (received.peer.clone(), received.number);
        return Err(StoreError::Gap { peer, number, expected: last + 1 }.into());
    }
    sqlx::query(
        "INSERT INTO letters_in (peer, last_number) VALUES ($1, $2) \
         ON CONFLICT (peer) DO UPDATE SET last_number = excluded.last_number",
    )
    .bind(&received.peer)
    .bind(received.number as i64)
    .execute(connection)
    .await?;
    Ok(true)
}

async fn make(connection: &mut AnyConnection, change: &Change) -> Result<(), Failed> {
    let query = match change {
        Change::PutPerson(person) => return put_person(connection, person).await,
        Change::PutToken(token) => return put_token(connection, token).await,
        Change::PutSession(session) => return put_session(connection, session).await,
        Change::Acknowledge { peer, number } => {
            return acknowledge(connection, peer, *number).await;
        }
        Change::DropSession { secret_hash } => {
            sqlx::query("DELETE FROM sessions WHERE secret_hash = $1").bind(secret_hash)
        }
        Change::DropSessions { person } => {
            sqlx::query("DELETE FROM sessions WHERE person = $1").bind(person)
        }
        Change::DropIdleSessions { before } => {
            sqlx::query("DELETE FROM sessions WHERE seen_at < $1").bind(*before as i64)
        }
        Change::PutSetting { name, value } => sqlx::query(
            "INSERT INTO settings (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(*name)
        .bind(value),
    };
    query.execute(connection).await?;
    Ok(())
}

async fn put_person(connection: &mut AnyConnection, person: &Person) -> Result<(), Failed> {
    sqlx::query(
        "INSERT INTO people \
         (id, name, roles, password, password_until, is_active, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO UPDATE SET roles = excluded.roles, password = excluded.password, \
         password_until = excluded.password_until, is_active = excluded.is_active",
    )
    .bind(&person.id)
    .bind(&person.name)
    .bind(&person.roles)
    .bind(&person.password)
    .bind(person.password_until.map(|until| until as i64))
    .bind(i64::from(person.is_active))
    .bind(person.created_at as i64)
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_token(connection: &mut AnyConnection, token: &TokenRow) -> Result<(), Failed> {
    sqlx::query(
        "INSERT INTO tokens \
         (id, person, name, secret_hash, roles, created_at, expires_at, revoked_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at",
    )
    .bind(&token.id)
    .bind(&token.person)
    .bind(&token.name)
    .bind(&token.secret_hash)
    .bind(&token.roles)
    .bind(token.created_at as i64)
    .bind(token.expires_at as i64)
    .bind(token.revoked_at.map(|at| at as i64))
    .execute(connection)
    .await?;
    Ok(())
}

async fn put_session(connection: &mut AnyConnection, session: &SessionRow) -> Result<(), Failed> {
    sqlx::query(
        "INSERT INTO sessions (secret_hash, person, csrf, created_at, seen_at) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (secret_hash) DO UPDATE SET seen_at = excluded.seen_at",
    )
    .bind(&session.secret_hash)
    .bind(&session.person)
    .bind(&session.csrf)
    .bind(session.created_at as i64)
    .bind(session.seen_at as i64)
    .execute(connection)
    .await?;
    Ok(())
}

async fn acknowledge(
    connection: &mut AnyConnection,
    peer: &str,
    number: u64,
) -> Result<(), Failed> {
    let last = last_letter(connection, peer).await?;
    if number > last {
        return Err(StoreError::NeverSent { peer: peer.to_owned(), number, last }.into());
    }
    sqlx::query(
        "UPDATE letters_out SET state = 'acknowledged' \
         WHERE peer = $1 AND number <= $2 AND state = 'queued'",
    )
    .bind(peer)
    .bind(number as i64)
    .execute(connection)
    .await?;
    Ok(())
}
