//! Pairs of features across two parties that are strongly correlated.
//!
//! # Functionality
//! Each party holds standardised columns of the same training rows. Both learn for each pair
//! (guest's feature, host's feature) whether their Pearson correlation is above a public
//! threshold in magnitude, and nothing else about it.
//! # Messages
//! 1. `shape` both ways: number of columns
//! 2. `seed` guest → host, `hints` host → guest, in groups: set-up of the encrypted products
//! 3. per guest's column: `query` guest → host (encrypted), `answers` host → guest (masked)
//! 4. comparisons on shares (see `mpc::comparison`), `opened_bits` both ways
//! # Leaks
//! To both: numbers of rows and columns, and which pairs are above the threshold (disclosure
//! `select.correlated_pairs`).
//! # Security
//! Semi-honest: ring-LWE for the products, transfers for the comparisons.
//! # Cost
//! 116 KiB for each column of either party, 19 bytes for each row and guest's column, about 0.9 KB
//! for each pair.
//! # Reference
//! Products: `crypto::lattice::projection`; comparison: `CrypTFlow2` (CCS 2020).

use crypto::lattice::projection::Evaluator;
use mpc::TwoParty;
use mpc::boolean::Bits;
use mpc::comparison::is_negative;
use mpc::reveal::open_bits;

use super::FederatedError;
use super::products::{KeyHolder, answer, receive_projection, send_hints};

/// Columns that one party may compare.
pub const COLUMNS_MAX: usize = 100_000;

/// The disclosure under which pairs are opened.
const KEY: &str = "select.correlated_pairs";
/// Fractional bits of standardised values.
const VALUE_BITS: u32 = 12;
/// Values further out than this many standard deviations count as this many.
const VALUE_MAX: f64 = 255.0;
/// Pairs whose comparison is made at once; bounds memory.
const PAIRS_AT_ONCE: usize = 1 << 16;

/// A pair above the threshold, by the places of the columns that each party passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Place of the guest's column.
    pub guest: usize,
    /// Place of the host's column.
    pub host: usize,
}

/// Finds the pairs with |correlation| > `threshold` (0 to 1). Every column has mean 0 and
/// standard deviation 1 over `rows` rows; the guest is the first party.
///
/// # Errors
/// [`FederatedError::InvalidInput`] for columns of another length or values that are not finite,
/// [`FederatedError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn correlated_pairs(
    party: &mut TwoParty,
    columns: &[&[f64]],
    rows: usize,
    threshold: f64,
) -> Result<Vec<Pair>, FederatedError> {
    let integers = integers(columns, rows)?;
    let theirs = exchange_shape(party, columns.len(), rows).await?;
    let products = if party.is_first() {
        products_of_guest(party, &integers, rows, theirs).await?
    } else {
        products_of_host(party, &integers, rows, theirs).await?
    };
    let hosts = if party.is_first() { theirs } else { columns.len() };
    let unit = f64::from(1 << VALUE_BITS);
    let bound = party.share_of_public((threshold * rows as f64 * unit * unit).round() as u64);
    let mut pairs = Vec::new();
    for (group, products) in products.chunks(PAIRS_AT_ONCE).enumerate() {
        let mut margins: Vec<u64> =
            products.iter().map(|product| bound.wrapping_sub(*product)).collect();
        margins.extend(products.iter().map(|product| bound.wrapping_add(*product)));
        let negative = is_negative(party, &margins, 64).await?;
        let count = products.len();
        let outside =
            Bits::from_fn(count, |index| negative.bit(index) ^ negative.bit(count + index) == 1);
        let opened = open_bits(party, KEY, &outside).await?;
        let found = (0..count).filter(|index| opened.bit(*index) == 1);
        pairs.extend(found.map(|index| {
            let index = group * PAIRS_AT_ONCE + index;
            Pair { guest: index / hosts, host: index % hosts }
        }));
    }
    Ok(pairs)
}

fn integers(columns: &[&[f64]], rows: usize) -> Result<Vec<Vec<i32>>, FederatedError> {
    let unit = f64::from(1 << VALUE_BITS);
    let sound = |column: &&[f64]| column.len() == rows && column.iter().all(|x| x.is_finite());
    if rows == 0 || columns.len() > COLUMNS_MAX || !columns.iter().all(sound) {
        return Err(FederatedError::InvalidInput(format!(
            "correlation needs at most {COLUMNS_MAX} finite columns of {rows} rows, 1 row or more"
        )));
    }
    let round = |value: &f64| (value.clamp(-VALUE_MAX, VALUE_MAX) * unit).round() as i32;
    Ok(columns.iter().map(|column| column.iter().map(round).collect()).collect())
}

async fn exchange_shape(
    party: &mut TwoParty,
    columns: usize,
    rows: usize,
) -> Result<usize, FederatedError> {
    const STEP: &str = "shape";
    let session = &mut party.session;
    let theirs = session.exchange_words(STEP, &[columns as u64, rows as u64], 2).await?;
    let count = usize::try_from(theirs[0]).unwrap_or(usize::MAX);
    if theirs[1] != rows as u64 || count > COLUMNS_MAX {
        let rule = format!(
            "both need the same rows and at most {COLUMNS_MAX} columns; ours are {rows} rows, \
             theirs {} rows and {count} columns",
            theirs[1]
        );
        return Err(session.misbehaved(STEP, rule).into());
    }
    Ok(count)
}

/// The guest's shares of all products, guest's column by guest's column.
async fn products_of_guest(
    party: &mut TwoParty,
    columns: &[Vec<i32>],
    rows: usize,
    outputs: usize,
) -> Result<Vec<u64>, FederatedError> {
    if columns.is_empty() || outputs == 0 {
        return Ok(Vec::new());
    }
    let session = &mut party.session;
    let key_holder = KeyHolder::prepare(session, rows, outputs).await?;
    let mut shares = Vec::with_capacity(columns.len() * outputs);
    for column in columns {
        let values: Vec<u64> = column.iter().map(|value| i64::from(*value) as u64).collect();
        shares.extend(key_holder.query(session, &values).await?);
    }
    Ok(shares)
}

/// The host's shares of all products, guest's column by guest's column.
async fn products_of_host(
    party: &mut TwoParty,
    columns: &[Vec<i32>],
    rows: usize,
    queries: usize,
) -> Result<Vec<u64>, FederatedError> {
    if columns.is_empty() || queries == 0 {
        return Ok(Vec::new());
    }
    let session = &mut party.session;
    let projection = receive_projection(session, rows).await?;
    let slices = columns.iter().map(Vec::as_slice).collect();
    let evaluator = Evaluator::integers(&projection, slices, &mut session.rng())?;
    send_hints(session, &projection, &evaluator).await?;
    let mut shares = Vec::with_capacity(columns.len() * queries);
    for _ in 0..queries {
        shares.extend(answer(session, &projection, &evaluator).await?);
    }
    Ok(shares)
}

#[cfg(test)]
mod tests;
