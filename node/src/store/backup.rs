//! A backup: every row of every table as a line of JSON, for either database.
//!
//! The first line says what it is and of which schema, the last has the number of rows and the
//! BLAKE3 hash of everything before it, so that a backup that was cut off or changed is refused
//! whole. It is one state of the database, taken while the node goes on. Bytes are hexadecimal.
//! Sessions are left out: whoever was signed in signs in again.

use std::io::{BufRead, Write};

use crypto::hash::{bytes_of_hex, hex};
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row as _};

use super::{Address, Store, StoreError, schema};

/// How a table is written down.
struct Table {
    name: &'static str,
    /// The columns, the first of them the order of rows.
    columns: &'static [(&'static str, Kind)],
    /// The schema that has it first.
    since: u64,
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Number,
    Text,
    Bytes,
}

use Kind::{Bytes, Number, Text};

/// All tables in an order in which rows can be put back.
const TABLES: [Table; 6] = [
    Table {
        name: "events",
        columns: &[
            ("sequence", Number),
            ("at", Number),
            ("author", Text),
            ("number", Number),
            ("kind", Text),
            ("subject", Text),
            ("bytes", Bytes),
        ],
        since: 1,
    },
    Table {
        name: "letters_out",
        columns: &[
            ("peer", Text),
            ("number", Number),
            ("at", Number),
            ("bytes", Bytes),
            ("state", Text),
        ],
        since: 1,
    },
    Table { name: "letters_in", columns: &[("peer", Text), ("last_number", Number)], since: 1 },
    Table { name: "settings", columns: &[("name", Text), ("value", Text)], since: 1 },
    Table {
        name: "people",
        columns: &[
            ("id", Text),
            ("name", Text),
            ("roles", Text),
            ("password", Text),
            ("password_until", Number),
            ("is_active", Number),
            ("created_at", Number),
        ],
        since: 2,
    },
    Table {
        name: "tokens",
        columns: &[
            ("id", Text),
            ("person", Text),
            ("name", Text),
            ("secret_hash", Text),
            ("roles", Text),
            ("created_at", Number),
            ("expires_at", Number),
            ("revoked_at", Number),
        ],
        since: 2,
    },
];

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The schema of the database it was taken from.
    pub schema: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// BLAKE3 of all lines but the last, hexadecimal.
    pub blake3: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    backup: String,
    form: u64,
    schema: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    table: String,
    row: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    rows: u64,
    blake3: String,
}

/// Writes everything that a store holds at this moment.
#[net::boxed]
pub async fn back_up(store: &Store, out: &mut (dyn Write + Send)) -> Result<Summary, StoreError> {
    let mut snapshot = store.snapshot().await?;
    let schema = schema::version(&mut snapshot).await?;
    let mut writer = Writer { out, hasher: Hasher::default(), rows: 0 };
    writer.line(&Head { backup: TITLE.to_owned(), form: FORM, schema })?;
    for table in TABLES.iter().filter(|table| table.since <= schema) {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let columns = columns.join(", ");
        let select = format!("SELECT {columns} FROM {} ORDER BY 1, 2", table.name);
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut *snapshot);
        while let Some(row) = rows.try_next().await? {
            writer.line(&Line { table: table.name.to_owned(), row: values(table, &row)? })?;
            writer.rows += 1;
        }
    }
    snapshot.rollback().await?;
    let (rows, blake3) = (writer.rows, writer.hasher.hex());
    writer.line(&Tail { rows, blake3: blake3.clone() })?;
    writer.out.flush().map_err(|error| cannot("write", &error))?;
    Ok(Summary { schema, rows, blake3 })
}

/// Puts a backup into an empty database, whole or not at all, and brings it up to date.
///
/// # Errors
/// [`StoreError::Backup`] for a backup that was cut off, changed or made by a later version, and
/// for a database that is in use.
#[net::boxed]
pub async fn restore(
    address: &Address,
    backup: &mut (dyn BufRead + Send),
) -> Result<Summary, StoreError> {
    let mut reader = Reader { backup, hasher: Hasher::default(), line: 0 };
    let head: Head = reader.next()?.ok_or_else(cut_off)?.parse()?;
    if head.backup != TITLE || head.form != FORM {
        return Err(reader.wrong("this is no backup of a node, or one of another form"));
    }
    if head.schema > schema::LATEST || head.schema == 0 {
        return Err(StoreError::Newer { found: head.schema, known: schema::LATEST });
    }
    let store = Store::connect(address).await?;
    schema::upgrade(&store, 0).await?;
    if schema::version(&mut *store.pool.acquire().await?).await? != 0 {
        let what = format!(
            "{address} is in use; a backup goes into an empty database: move the old one away first"
        );
        return Err(StoreError::Backup(what));
    }
    schema::upgrade(&store, head.schema).await?;
    let filled = fill(&store, &mut reader, head.schema).await;
    if filled.is_err() {
        // Nothing was stored; without its tables the database is as empty as it was.
        schema::clear(&store).await?;
        store.close().await;
    }
    let summary = filled?;
    schema::upgrade(&store, schema::LATEST).await?;
    store.close().await;
    Ok(summary)
}

/// Puts all rows in, or none. A transaction that failed is ended here: one that is dropped ends
/// when its connection is next looked at, and keeps the database locked until then.
async fn fill(store: &Store, reader: &mut Reader<'_>, schema: u64) -> Result<Summary, StoreError> {
    let mut transaction = store.pool.begin().await?;
    match insert_all(&mut transaction, reader, schema).await {
        Ok(summary) => {
            transaction.commit().await?;
            Ok(summary)
        }
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

async fn insert_all(
    transaction: &mut AnyConnection,
    reader: &mut Reader<'_>,
    schema: u64,
) -> Result<Summary, StoreError> {
    let mut rows = 0;
    let tail: Tail = loop {
        let before = reader.hasher.hex();
        let line = reader.next()?.ok_or_else(cut_off)?;
        if let Ok(tail) = line.parse::<Tail>() {
            if tail.blake3 != before || tail.rows != rows {
                return Err(reader.wrong("the backup was changed: its checksum does not fit"));
            }
            break tail;
        }
        let line: Line = line.parse()?;
        let table = TABLES.iter().find(|it| it.name == line.table && it.since <= schema);
        let table = table.ok_or_else(|| reader.wrong("this schema has no such table"))?;
        insert(transaction, table, line.row).await.map_err(|error| match error {
            StoreError::Backup(what) => reader.wrong(&what),
            error => error,
        })?;
        rows += 1;
    };
    if reader.next()?.is_some() {
        return Err(reader.wrong("something follows the end of the backup"));
    }
    Ok(Summary { schema, rows, blake3: tail.blake3 })
}

/// One row as JSON.
fn values(table: &Table, row: &AnyRow) -> Result<Vec<Value>, StoreError> {
    let value = |(index, (_, kind)): (usize, &(&str, Kind))| {
        Ok(match kind {
            Number => row.try_get::<Option<i64>, _>(index)?.map_or(Value::Null, Value::from),
            Text => row.try_get::<Option<String>, _>(index)?.map_or(Value::Null, Value::from),
            Bytes => Value::from(hex(&row.try_get::<Vec<u8>, _>(index)?)),
        })
    };
    table.columns.iter().enumerate().map(value).collect()
}

/// One row into the database.
async fn insert(
    connection: &mut AnyConnection,
    table: &Table,
    row: Vec<Value>,
) -> Result<(), StoreError> {
    if row.len() != table.columns.len() {
        return Err(StoreError::Backup(format!("{} has other columns", table.name)));
    }
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let places: Vec<String> = (1..=row.len()).map(|number| format!("${number}")).collect();
    let (columns, places) = (columns.join(", "), places.join(", "));
    let statement = format!("INSERT INTO {} ({columns}) VALUES ({places})", table.name);
    let mut query: Query<'_, Any, AnyArguments> = sqlx::query(AssertSqlSafe(statement));
    for (value, (name, kind)) in row.into_iter().zip(table.columns) {
        let wrong = || StoreError::Backup(format!("`{name}` cannot hold this"));
        query = match (kind, value) {
            (Number, Value::Null) => query.bind(None::<i64>),
            (Number, Value::Number(number)) => {
                query.bind(number.as_i64().filter(|it| *it >= 0).ok_or_else(wrong)?)
            }
            (Text, Value::String(text)) => query.bind(text),
            (Bytes, Value::String(text)) => query.bind(bytes_of_hex(&text).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        };
    }
    query.execute(connection).await?;
    Ok(())
}

/// BLAKE3 of lines, each with its end.
#[derive(Default)]
struct Hasher(blake3::Hasher);

impl Hasher {
    fn add(&mut self, line: &str) {
        self.0.update(line.as_bytes());
        self.0.update(b"\n");
    }

    fn hex(&self) -> String {
        hex(self.0.finalize().as_bytes())
    }
}

struct Writer<'a> {
    out: &'a mut (dyn Write + Send),
    hasher: Hasher,
    rows: u64,
}

impl Writer<'_> {
    fn line(&mut self, line: &impl Serialize) -> Result<(), StoreError> {
        let text = serde_json::to_string(line).map_err(|error| cannot("write", &error))?;
        self.hasher.add(&text);
        writeln!(self.out, "{text}").map_err(|error| cannot("write", &error))
    }
}

struct Reader<'a> {
    backup: &'a mut (dyn BufRead + Send),
    hasher: Hasher,
    line: u64,
}

/// A line of a backup with its number.
struct Numbered {
    number: u64,
    text: String,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Option<Numbered>, StoreError> {
        self.line += 1;
        let mut text = String::new();
        let mut limited = std::io::Read::take(&mut *self.backup, LINE_BYTES_MAX);
        let read = limited.read_line(&mut text).map_err(|error| cannot("read", &error))?;
        if read == 0 {
            return Ok(None);
        }
        if text.pop() != Some('\n') {
            return Err(self.wrong("the backup was cut off in this line, or it is far too long"));
        }
        self.hasher.add(&text);
        Ok(Some(Numbered { number: self.line, text }))
    }

    fn wrong(&self, what: &str) -> StoreError {
        StoreError::Backup(format!("line {} of the backup: {what}", self.line))
    }
}

impl Numbered {
    fn parse<T: for<'de> Deserialize<'de>>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.text).map_err(|error| {
            StoreError::Backup(format!("line {} of the backup: {error}", self.number))
        })
    }
}

fn cut_off() -> StoreError {
    StoreError::Backup("the backup was cut off: its last line is missing".to_owned())
}

fn cannot(what: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Backup(format!("cannot {what} the backup: {error}"))
}

const TITLE: &str = "tombolo node";
/// Changes with the form of the lines.
const FORM: u64 = 1;
/// The longest line that is read: a letter of a mebibyte as hexadecimal text takes two.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Every table and column that a backup holds.
#[cfg(test)]
pub(super) fn columns() -> Vec<(String, String)> {
    let of = |table: &Table| {
        let name = table.name.to_owned();
        table.columns.iter().map(move |(column, _)| (name.clone(), (*column).to_owned()))
    };
    TABLES.iter().flat_map(of).collect()
}
