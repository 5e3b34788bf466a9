//! Columns of the common rows, sent to the other party after the alignment.
//!
//! # Functionality
//! The sender has columns and the common order of its rows, the receiver knows how many rows are
//! common. Afterwards the receiver holds the values of these columns in the common order, and the
//! sender nothing new. Kinds, missing values and all texts arrive as they were.
//!
//! # Messages
//! All from the sender:
//! 1. `header`: how many rows are common, and the kind of each column
//! 2. `values`, column by column, in chunks: how many rows the chunk has, a bit for each whether
//!    its value is there, and the values that are
//!
//! Categories travel as texts: a list of levels would also name those that only rows outside of
//! the intersection have.
//!
//! # Leaks
//! To the receiver the values of these columns for the common rows, which the job's disclosure
//! statement must list. Of other rows nothing. To the sender nothing. To who watches the network
//! the number of rows, and for texts their length.
//!
//! # Security
//! The values are the result, so there is nothing to hide from the receiver, and nothing to
//! compute that could be bent. A dishonest sender can send other values; well-formed ones are not
//! noticed. A dishonest receiver gets the values of everybody whose key it entered into the
//! alignment, whether or not that person is its customer. Everything received is checked: counts
//! against the common rows, kinds against the job, numbers to be finite and of their kind, texts
//! to be UTF-8 and bounded in length and in sum.
//!
//! # Cost
//! One flight. 8 bytes and 1 for each column; for a chunk of n rows of a column 4 + ⌈n/8⌉ bytes,
//! and for each value that is there 8 (number, integer, time), 1 (boolean) or its length and 2
//! (text, category). A chunk has 2^14 rows, of texts fewer if they are longer than 256 KiB.
//!
//! # Reference
//! None: a transfer in the clear between the two parties.

mod chunk;

use net::{Session, Size};
use table::{Kind, TableError, Values};

use crate::MatchingError;
use chunk::{Arrived, Limits};

/// A column that the sender offers.
#[derive(Clone, Copy)]
pub struct Offered<'a> {
    /// Its name, for errors of this party only.
    pub name: &'a str,
    /// What its values are.
    pub kind: Kind,
    /// The values of all rows of the table.
    pub values: &'a Values,
}

/// A column that the receiver waits for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its name in the job.
    pub name: &'a str,
    /// What its values must be, if the job says so.
    pub kind: Option<Kind>,
}

/// Sends the values of `columns` for the rows `order`, the party's rows in the common order.
///
/// # Errors
/// [`MatchingError::PayloadTooLong`] before anything is sent, [`MatchingError::Net`] when the peer
/// is gone.
///
/// # Panics
/// When `order` names a row that a column does not have.
#[net::boxed]
pub async fn send(
    session: &mut Session,
    columns: &[Offered<'_>],
    order: &[u32],
) -> Result<(), MatchingError> {
    send_in_chunks(session, columns, order, Limits::default()).await
}

/// Receives the values of the `columns` for `rows` common rows, in the common order.
///
/// # Errors
/// [`MatchingError::Net`] when the peer is gone, or blaming it for what it sent.
#[net::boxed]
pub async fn receive(
    session: &mut Session,
    columns: &[Expected<'_>],
    rows: usize,
) -> Result<Vec<(Kind, Values)>, MatchingError> {
    receive_in_chunks(session, columns, rows, Limits::default()).await
}

async fn send_in_chunks(
    session: &mut Session,
    columns: &[Offered<'_>],
    order: &[u32],
    limits: Limits,
) -> Result<(), MatchingError> {
    for column in columns {
        check_lengths(column, order)?;
    }
    let mut header = (order.len() as u64).to_le_bytes().to_vec();
    header.extend(columns.iter().map(|column| code_of(column.kind)));
    session.send_bytes("header", header).await?;
    for column in columns {
        let mut left = order;
        while !left.is_empty() {
            let (bytes, count) =
                session.compute(|| chunk::encode(column.kind, column.values, left, limits)).await;
            session.send_bytes("values", bytes).await?;
            left = &left[count..];
        }
    }
    Ok(())
}

async fn receive_in_chunks(
    session: &mut Session,
    columns: &[Expected<'_>],
    rows: usize,
    limits: Limits,
) -> Result<Vec<(Kind, Values)>, MatchingError> {
    let header = session.receive_bytes("header", Size::Exactly(8 + columns.len())).await?;
    let kinds =
        read_header(&header, columns, rows).map_err(|rule| session.misbehaved("header", rule))?;
    let mut received = Vec::with_capacity(columns.len());
    for (column, kind) in columns.iter().zip(kinds) {
        let blame = |session: &Session, rule: String| {
            session.misbehaved("values", format!("column `{}`: {rule}", column.name))
        };
        let mut arrived = Arrived::new(kind, rows);
        while !arrived.is_complete() {
            let bytes =
                session.receive_bytes("values", Size::AtMost(limits.bytes_max(kind))).await?;
            let added = session.compute(|| arrived.add(&bytes, limits)).await;
            added.map_err(|rule| blame(session, rule))?;
        }
        let values = session.compute(|| arrived.finish()).await;
        let values = values.map_err(|error: TableError| blame(session, error.to_string()))?;
        received.push((kind, values));
    }
    Ok(received)
}

/// The kinds of the columns, from a header of the right length.
fn read_header(header: &[u8], columns: &[Expected<'_>], rows: usize) -> Result<Vec<Kind>, String> {
    let (count, codes) = header.split_first_chunk::<8>().ok_or("the header has no count")?;
    let count = u64::from_le_bytes(*count);
    if count != rows as u64 {
        return Err(format!("announced {count} rows where {rows} are common"));
    }
    let kind = |(code, column): (&u8, &Expected<'_>)| {
        let Some((kind, _)) = CODES.iter().find(|(_, known)| known == code) else {
            return Err(format!(
                "column `{}` has the kind {code}, which there is not",
                column.name
            ));
        };
        match column.kind {
            Some(stated) if stated != *kind => Err(format!(
                "column `{}` is of kind {kind} where the job says {stated}",
                column.name
            )),
            _ => Ok(*kind),
        }
    };
    codes.iter().zip(columns).map(kind).collect()
}

/// Makes sure that a receiver will take the texts of a column.
fn check_lengths(column: &Offered<'_>, order: &[u32]) -> Result<(), MatchingError> {
    let lengths = || order.iter().filter_map(|row| Some(column.values.text(*row as usize)?.len()));
    let (longest, sum) = (lengths().max().unwrap_or(0), lengths().sum());
    let sum_max = chunk::texts_bytes_max(order.len());
    if longest > chunk::TEXT_BYTES_MAX || sum > sum_max {
        return Err(MatchingError::PayloadTooLong {
            column: column.name.to_owned(),
            longest,
            longest_max: chunk::TEXT_BYTES_MAX,
            sum,
            sum_max,
        });
    }
    Ok(())
}

fn code_of(kind: Kind) -> u8 {
    CODES.iter().find(|(known, _)| *known == kind).map_or(u8::MAX, |(_, code)| *code)
}

/// The kinds on the wire.
const CODES: [(Kind, u8); 6] = [
    (Kind::Text, 0),
    (Kind::Number, 1),
    (Kind::Integer, 2),
    (Kind::Category, 3),
    (Kind::Boolean, 4),
    (Kind::Time, 5),
];

#[cfg(test)]
mod tests;
