//! Products of additively shared words.
//!
//! # Functionality
//! [`multiply`]: shares of `x_i·y_i` modulo 2^64 or 2^128. [`scale`]: shares of `c·v_i` for one
//! shared c. [`dot`]: shares of `Σ x_i·y_i`.
//! # Messages
//! 1. `corrections`, `correlations` (see `conversion`)
//! # Leaks
//! Nothing but lengths.
//! # Security
//! Semi-honest, from the transfers.
//! # Cost
//! 2 flights; 768 bytes each way for each product of words of 64 bits, 2560 for 128. Meant for
//! vectors as long as a model has coefficients; long ones go through `product`, rows through the
//! lattice kernels of `matrix`.
//! # Reference
//! Gilboa, CRYPTO 1999, section 4.1, over rings of powers of two.

use crate::boolean::Bits;
use crate::conversion::correlate;
use crate::{MpcError, TwoParty, Word};

/// Shares of the element-wise product.
pub async fn multiply<W: Word>(
    party: &mut TwoParty,
    left: &[W],
    right: &[W],
) -> Result<Vec<W>, MpcError> {
    if left.len() != right.len() {
        return Err(MpcError::InvalidInput(format!(
            "product of vectors of {} and {} words",
            left.len(),
            right.len()
        )));
    }
    // Cross term (own left)·(peer's right): bit k of own left chooses (peer's right)·2^k.
    let bits = 8 * W::BYTES;
    let choices =
        Bits::from_words(left.iter().flat_map(|word| word.words()).collect(), left.len() * bits);
    let deltas: Vec<W> =
        right.iter().flat_map(|word| (0..bits).map(move |bit| word.shifted(bit as u32))).collect();
    let (received, sent) = correlate(party, &choices, &deltas).await?;
    let sums = received.chunks_exact(bits).zip(sent.chunks_exact(bits));
    Ok(left
        .iter()
        .zip(right)
        .zip(sums)
        .map(|((left, right), (received, sent))| {
            let cross = received.iter().chain(sent).fold(W::default(), |sum, word| sum.plus(*word));
            left.times(*right).plus(cross)
        })
        .collect())
}

/// Shares of one shared number times each element of a shared vector.
#[net::boxed]
pub async fn scale(
    party: &mut TwoParty,
    factor: u64,
    vector: &[u64],
) -> Result<Vec<u64>, MpcError> {
    multiply(party, &vec![factor; vector.len()], vector).await
}

/// A share of the inner product.
#[net::boxed]
pub async fn dot(party: &mut TwoParty, left: &[u64], right: &[u64]) -> Result<u64, MpcError> {
    let products = multiply(party, left, right).await?;
    Ok(products.into_iter().fold(0, u64::wrapping_add))
}

#[cfg(test)]
mod tests;
