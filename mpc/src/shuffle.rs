//! Shuffling of shared rows by a permutation that nobody knows.
//!
//! # Functionality
//! The parties hold additive shares, modulo 2^64 or 2^128, of columns with 1 to [`ROWS_MAX`] rows.
//! [`shuffle`] gives fresh shares of the same rows in a uniformly random order, all columns in the
//! same. [`permute_by_own`] and [`permute_by_theirs`] apply a permutation that one party knows.
//! # Messages
//! For each of the two permutations, the first party's first:
//! 1. `corrections` from the party that knows it: a choice for each switch and column (see
//!    `transfers`)
//! 2. `switches` to it: a word for each switch and column
//! # Leaks
//! The number of rows and columns. Each party knows its own permutation, which says nothing about
//! the product of both.
//! # Security
//! Semi-honest, from the transfers. A permutation is a network of switches; each exchanges its two
//! rows or does not, by a choice of the one party. The difference of the rows times this choice is
//! shared by a correlated transfer, whose pad is fresh: the party that chooses sees uniform words,
//! the other one nothing but corrections. The addresses in the memory of the party that knows a
//! permutation depend on it, and in setting the switches also its time a little.
//! # Cost
//! 3 flights for each 2^22 switches of all columns together. n rows take S(n) = Σ ⌈log2 i⌉ for i =
//! 1..n switches (n·log2 n - n + 1 for powers of two); for each permutation, switch and column 4
//! bytes, or one bit with silent transfers, and a word back.
//! # Reference
//! Mohassel, Sadeghian, "How to Hide Circuits in MPC", EUROCRYPT 2013 (eprint 2013/137), section
//! 3.3, here with one correlated transfer for a switch; networks: Waksman, Journal of the ACM 15
//! (1968); for any number of rows Beauquier, Darrot, "On Arbitrary Size Waksman Networks and Their
//! Vulnerability", Parallel Processing Letters 12 (2002).

pub(crate) mod network;

use net::Size;

use self::network::{route, switches};
use crate::boolean::Bits;
use crate::transfers::transfer;
use crate::{MpcError, TwoParty, Word};

/// Most rows of one shuffle.
pub const ROWS_MAX: usize = 1 << 20;

/// Switches of all columns that are worked on at once, unless one column has more.
const SWITCHES_TOGETHER: usize = 1 << 22;

/// The rows of all `columns` in one random order.
///
/// # Errors
/// [`MpcError::InvalidInput`] for columns of different lengths or more than [`ROWS_MAX`] rows,
/// [`MpcError::Net`] when the peer fails.
pub async fn shuffle<W: Word>(
    party: &mut TwoParty,
    columns: &[Vec<W>],
) -> Result<Vec<Vec<W>>, MpcError> {
    let rows = rows(columns)?;
    let mut order: Vec<u32> = (0..rows as u32).collect();
    party.session.rng().shuffle(&mut order);
    if party.is_first() {
        let columns = permute_by_own(party, &order, columns).await?;
        permute_by_theirs(party, &columns).await
    } else {
        let columns = permute_by_theirs(party, columns).await?;
        permute_by_own(party, &order, &columns).await
    }
}

/// For the party that knows the order: row `order[i]` becomes row i. The peer calls
/// [`permute_by_theirs`].
///
/// # Errors
/// Those of [`shuffle`], and [`MpcError::InvalidInput`] for an order that is no permutation of the
/// rows.
pub async fn permute_by_own<W: Word>(
    party: &mut TwoParty,
    order: &[u32],
    columns: &[Vec<W>],
) -> Result<Vec<Vec<W>>, MpcError> {
    let rows = rows(columns)?;
    let mut columns = columns.to_vec();
    if columns.is_empty() {
        return Ok(columns);
    }
    let routed = party.session.compute(|| route(order, rows)).await;
    let Some(exchanged) = routed else {
        return Err(MpcError::InvalidInput(format!("the order is no permutation of {rows} rows")));
    };
    let network = switches(rows);
    let count = network.len();
    for group in columns.chunks_mut(columns_together(count)) {
        let switches = group.len() * count;
        let choices = Bits::from_fn(switches, |index| exchanged.bit(index % count) == 1);
        let extended = transfer::<W>(party, &choices, 0).await?;
        let size = Size::Exactly(switches * W::BYTES);
        let words = party.session.receive_bytes("switches", size).await?;
        let mut parts = extended.received.iter().zip(words.chunks_exact(W::BYTES));
        let apply = || {
            for column in group {
                for (index, ([left, right], (key, word))) in
                    network.iter().zip(&mut parts).enumerate()
                {
                    let (left, right) = (*left as usize, *right as usize);
                    // The own difference and the other party's, both times the choice.
                    let difference = column[right].minus(column[left]).plus(W::read(word));
                    let moved = difference.times_bit(exchanged.bit(index)).plus(*key);
                    column[left] = column[left].plus(moved);
                    column[right] = column[right].minus(moved);
                }
            }
        };
        party.session.compute(apply).await;
    }
    Ok(columns)
}

/// For the other party; the peer calls [`permute_by_own`].
///
/// # Errors
/// Those of [`shuffle`].
pub async fn permute_by_theirs<W: Word>(
    party: &mut TwoParty,
    columns: &[Vec<W>],
) -> Result<Vec<Vec<W>>, MpcError> {
    let network = switches(rows(columns)?);
    let mut columns = columns.to_vec();
    for group in columns.chunks_mut(columns_together(network.len())) {
        let switches = group.len() * network.len();
        let extended = transfer::<W>(party, &Bits::default(), switches).await?;
        let mut keys = extended.sent.iter();
        let apply = || {
            let mut words = Vec::with_capacity(switches * W::BYTES);
            for column in group {
                for ([left, right], [zero, one]) in network.iter().zip(&mut keys) {
                    let (left, right) = (*left as usize, *right as usize);
                    let difference = column[right].minus(column[left]);
                    zero.plus(difference).minus(*one).write(&mut words);
                    column[left] = column[left].minus(*zero);
                    column[right] = column[right].plus(*zero);
                }
            }
            words
        };
        let words = party.session.compute(apply).await;
        party.session.send_bytes("switches", words).await?;
    }
    Ok(columns)
}

/// How many columns go through the network at once, which bounds messages and memory.
fn columns_together(switches: usize) -> usize {
    (SWITCHES_TOGETHER / switches.max(1)).max(1)
}

/// The common length of all columns.
fn rows<W>(columns: &[Vec<W>]) -> Result<usize, MpcError> {
    let rows = columns.first().map_or(0, Vec::len);
    if rows > ROWS_MAX || columns.iter().any(|column| column.len() != rows) {
        return Err(MpcError::InvalidInput(format!(
            "columns that are shuffled need the same number of rows, at most {ROWS_MAX}"
        )));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
