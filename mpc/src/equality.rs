//! Equality of private numbers, with a shared result.
//!
//! # Functionality
//! [`equal`]: the first party holds `a_i`, the second `b_i`, both of the same number of bits; both
//! get XOR shares of `a_i = b_i`.
//! # Messages
//! For each batch of at most 2^17 pairs:
//! 1. `corrections`, `triple_bits`: preparation (see `transfers`, `boolean`)
//! 2. `masked_bits` both ways, ⌈log2 bits⌉ times: the layers of a tree of ANDs
//! # Leaks
//! Nothing but lengths, which are public.
//! # Security
//! Semi-honest, as that of `boolean`. What is compared is shared from the start: bit by bit, the
//! first party's complemented bit and the second party's bit are XOR shares of "these two are
//! equal".
//! # Cost
//! 2 + ⌈log2 bits⌉ flights for each batch. With n pairs in whole words of 64, both ways
//! n·(bits - 1)·4.375 bytes (0.375 with silent transfers), and the corrections' last group of 128
//! transfers made full. Numbers of
//! one bit cost nothing.
//! # Reference
//! The tree of ANDs over XOR shares: Goldreich, Micali, Wigderson, STOC 1987; as the last step of a
//! private set intersection in Pinkas, Schneider, Tkachenko, Yanai, "Efficient Circuit-Based PSI
//! with Linear Communication", EUROCRYPT 2019 (eprint 2019/241), section 5.

use rayon::prelude::*;

use crate::boolean::{BitTriples, Bits, and_many, bit_triples};
use crate::{MpcError, TwoParty};

/// XOR shares of `a_i = b_i`, where the first party passes the `a_i` and the second the `b_i`.
///
/// Looks at the lowest `bits` bits (1 to 64) of each number; higher ones are ignored.
///
/// # Errors
/// [`MpcError::InvalidInput`] for another number of bits; [`MpcError::Net`] when the peer is gone
/// or breaks a rule.
#[net::boxed]
pub async fn equal(party: &mut TwoParty, mine: &[u64], bits: usize) -> Result<Bits, MpcError> {
    equal_in_batches(party, mine, bits, BATCH).await
}

/// Both sides must use the same `batch`, a multiple of 64.
async fn equal_in_batches(
    party: &mut TwoParty,
    mine: &[u64],
    bits: usize,
    batch: usize,
) -> Result<Bits, MpcError> {
    if !(1..=64).contains(&bits) {
        return Err(MpcError::InvalidInput(format!("cannot match numbers of {bits} bits")));
    }
    let complements = party.is_first();
    let mut words = Vec::with_capacity(mine.len().div_ceil(64));
    for mine in mine.chunks(batch) {
        let slices = party.session.compute(|| slices(mine, bits, complements)).await;
        words.extend_from_slice(all(party, slices).await?.words());
    }
    Ok(Bits::from_words(words, mine.len()))
}

/// Bit k of every number, or its complement, for each k below `bits`.
fn slices(numbers: &[u64], bits: usize, complements: bool) -> Vec<Bits> {
    let flip = u64::from(complements).wrapping_neg();
    let slice = |bit: usize| {
        let gather = |numbers: &[u64]| {
            numbers.iter().rev().fold(0, |word, number| word << 1 | ((number ^ flip) >> bit & 1))
        };
        Bits::from_words(numbers.chunks(64).map(gather).collect(), numbers.len())
    };
    (0..bits).into_par_iter().map(slice).collect()
}

/// Shares of the conjunction of all vectors, place by place.
async fn all(party: &mut TwoParty, mut vectors: Vec<Bits>) -> Result<Bits, MpcError> {
    let ands = vectors.iter().skip(1).map(|vector| vector.words().len()).sum();
    if ands == 0 {
        return Ok(vectors.pop().unwrap_or_default());
    }
    let mut triples: BitTriples = bit_triples(party, ands).await?;
    while vectors.len() > 1 {
        let pairs: Vec<(&Bits, &Bits)> =
            vectors.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect();
        let mut products = and_many(party, &mut triples, &pairs).await?;
        if vectors.len() % 2 == 1 {
            products.extend(vectors.pop());
        }
        vectors = products;
    }
    Ok(vectors.pop().unwrap_or_default())
}

/// Pairs compared at once: with 64 bits 2^23 transfers, whose keys take 200 MB.
const BATCH: usize = 1 << 17;

#[cfg(test)]
mod tests;
