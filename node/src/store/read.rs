//! Looking at what is stored.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Row as _};

use super::rows::{Event, Letter, Person, SessionRow, TokenRow, unsigned};
use super::{Store, StoreError, batch, schema};

/// Which events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only about this.
    pub subject: Option<String>,
}

/// The columns of each table in the order in which its rows are read.
macro_rules! select {
    (events, $rest:literal) => {
        concat!("SELECT sequence, at, author, number, kind, subject, bytes FROM events ", $rest)
    };
    (people, $rest:literal) => {
        concat!(
            "SELECT id, name, roles, password, password_until, is_active, created_at FROM people ",
            $rest
        )
    };
    (tokens, $rest:literal) => {
        concat!(
            "SELECT id, person, name, secret_hash, roles, created_at, expires_at, revoked_at \
             FROM tokens ",
            $rest
        )
    };
}

impl Store {
    /// The number of the last event; 0 before the first.
    #[net::boxed]
    pub async fn last_event(&self) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(batch::last_event(&mut connection).await?)
    }

    /// At most `limit` events after number `after`, the oldest first.
    #[net::boxed]
    pub async fn events_after(
        &self,
        after: u64,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let statement = match (&filter.kind, &filter.subject) {
            (None, None) => select!(events, "WHERE sequence > $1 ORDER BY sequence LIMIT $2"),
            (Some(_), None) => {
                select!(events, "WHERE sequence > $1 AND kind = $3 ORDER BY sequence LIMIT $2")
            }
            (None, Some(_)) => {
                select!(events, "WHERE sequence > $1 AND subject = $3 ORDER BY sequence LIMIT $2")
            }
            (Some(_), Some(_)) => select!(
                events,
                "WHERE sequence > $1 AND kind = $3 AND subject = $4 ORDER BY sequence LIMIT $2"
            ),
        };
        let mut query = sqlx::query(statement).bind(after as i64).bind(i64::from(limit));
        for value in [&filter.kind, &filter.subject].into_iter().flatten() {
            query = query.bind(value.clone());
        }
        self.all(query, Event::of).await
    }

    /// At most `limit` letters to a partner after number `after`, acknowledged or not: a partner
    /// that was restored from a backup asks for earlier ones once more.
    #[net::boxed]
    pub async fn letters_after(
        &self,
        peer: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Letter>, StoreError> {
        let query = sqlx::query(
            "SELECT number, at, bytes FROM letters_out \
             WHERE peer = $1 AND number > $2 ORDER BY number LIMIT $3",
        );
        let query = query.bind(peer.to_owned()).bind(after as i64).bind(i64::from(limit));
        self.all(query, Letter::of).await
    }

    /// The number of the last letter to a partner; 0 before the first.
    #[net::boxed]
    pub async fn last_written(&self, peer: &str) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await?;
        batch::last_letter(&mut connection, peer).await.map_err(StoreError::from)
    }

    /// The number of the last letter that was taken from a partner; 0 before the first.
    #[net::boxed]
    pub async fn last_received(&self, peer: &str) -> Result<u64, StoreError> {
        let query = sqlx::query("SELECT last_number FROM letters_in WHERE peer = $1");
        let last = self.one(query.bind(peer.to_owned()), |row| unsigned(row, 0)).await?;
        Ok(last.unwrap_or(0))
    }

    /// Everybody, by name.
    #[net::boxed]
    pub async fn people(&self) -> Result<Vec<Person>, StoreError> {
        self.all(sqlx::query(select!(people, "ORDER BY name")), Person::of).await
    }

    /// The person with this id.
    #[net::boxed]
    pub async fn person(&self, id: &str) -> Result<Option<Person>, StoreError> {
        let query = sqlx::query(select!(people, "WHERE id = $1")).bind(id.to_owned());
        self.one(query, Person::of).await
    }

    /// The person who signs in with this name.
    #[net::boxed]
    pub async fn person_named(&self, name: &str) -> Result<Option<Person>, StoreError> {
        let query = sqlx::query(select!(people, "WHERE name = $1")).bind(name.to_owned());
        self.one(query, Person::of).await
    }

    /// All tokens of a person, or of everybody, the newest first.
    #[net::boxed]
    pub async fn tokens(&self, person: Option<&str>) -> Result<Vec<TokenRow>, StoreError> {
        let query = match person {
            Some(person) => {
                sqlx::query(select!(tokens, "WHERE person = $1 ORDER BY created_at DESC, id"))
                    .bind(person.to_owned())
            }
            None => sqlx::query(select!(tokens, "ORDER BY created_at DESC, id")),
        };
        self.all(query, TokenRow::of).await
    }

    /// The token whose secret has this hash.
    #[net::boxed]
    pub async fn token_of(&self, secret_hash: &str) -> Result<Option<TokenRow>, StoreError> {
        let query = sqlx::query(select!(tokens, "WHERE secret_hash = $1"));
        self.one(query.bind(secret_hash.to_owned()), TokenRow::of).await
    }

    /// The session whose secret has this hash.
    #[net::boxed]
    pub async fn session_of(&self, secret_hash: &str) -> Result<Option<SessionRow>, StoreError> {
        let query = sqlx::query(
            "SELECT secret_hash, person, csrf, created_at, seen_at FROM sessions \
             WHERE secret_hash = $1",
        );
        self.one(query.bind(secret_hash.to_owned()), SessionRow::of).await
    }

    /// The value of a setting.
    #[net::boxed]
    pub async fn setting(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query("SELECT value FROM settings WHERE name = $1").bind(name);
        self.one(query, |row| Ok(row.try_get(0)?)).await
    }

    /// The version of the schema.
    #[net::boxed]
    pub async fn schema(&self) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await?;
        schema::version(&mut connection).await
    }

    async fn all<T>(
        &self,
        query: Query<'_, Any, AnyArguments>,
        of: fn(&sqlx::any::AnyRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        query.fetch_all(&self.pool).await?.iter().map(of).collect()
    }

    async fn one<T>(
        &self,
        query: Query<'_, Any, AnyArguments>,
        of: fn(&sqlx::any::AnyRow) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        query.fetch_optional(&self.pool).await?.as_ref().map(of).transpose()
    }
}
