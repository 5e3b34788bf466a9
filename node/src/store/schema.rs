//! The steps that bring a database from one schema to the next.

use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};

use super::{Dialect, Store, StoreError};

/// The schema that this program reads and writes.
pub const LATEST: u64 = STEPS.len() as u64;

/// One step for each version, from the empty database on. A step that was released is never
/// changed; a new one is added.
const STEPS: [&str; 2] =
    [include_str!("schema/0001_events_and_letters.sql"), include_str!("schema/0002_people.sql")];

/// Runs the steps up to version `to`, each in a transaction of its own.
pub(super) async fn upgrade(store: &Store, to: u64) -> Result<(), StoreError> {
    let mut connection = store.pool.acquire().await?;
    connection
        .execute(
            "CREATE TABLE IF NOT EXISTS schema_versions \
             (version BIGINT NOT NULL PRIMARY KEY)",
        )
        .await?;
    let found = version(&mut connection).await?;
    if found > LATEST {
        return Err(StoreError::Newer { found, known: LATEST });
    }
    drop(connection);
    for (index, step) in STEPS.iter().enumerate() {
        let number = index as u64 + 1;
        if number <= found || number > to {
            continue;
        }
        let bytes = if store.dialect == Dialect::Sqlite { "BLOB" } else { "BYTEA" };
        let step = step.replace("{bytes}", bytes);
        let mut transaction = store.pool.begin().await?;
        sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO schema_versions (version) VALUES ($1)")
            .bind(number as i64)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// The version of a database's schema; 0 for an empty one.
pub(super) async fn version(connection: &mut AnyConnection) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT version FROM schema_versions ORDER BY version DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => super::rows::unsigned(&row, 0),
        None => Ok(0),
    }
}

/// Takes every table away, of a database that holds nothing yet.
pub(super) async fn clear(store: &Store) -> Result<(), StoreError> {
    let mut transaction = store.pool.begin().await?;
    for table in ["sessions", "tokens", "people", "settings", "letters_in", "letters_out", "events"]
    {
        let statement = format!("DROP TABLE IF EXISTS {table}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    }
    sqlx::raw_sql("DELETE FROM schema_versions").execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}
