//! Products of additively shared words with factors that one party knows.
//!
//! # Functionality
//! One party knows signed integers `f_i` of a stated number of bits, both hold shares of `v_i`.
//! Both get shares of `f_i·v_i` modulo 2^64. The party that knows the factors calls
//! [`multiply_by_own`], the other [`multiply_by_theirs`], at the same point; [`multiply_by`]
//! chooses.
//! # Messages
//! 1. `corrections` from the party that knows the factors (see `transfers`)
//! 2. `correlations` to it: a word for each bit of each factor
//! # Leaks
//! The number of factors and their stated number of bits.
//! # Security
//! Semi-honest, from the transfers. Each product stays shared; the factors are choices, which the
//! other party never sees, its share is hidden by a fresh pad for each bit.
//! # Cost
//! 2 flights; for each bit of each factor 4 bytes there (rounded up to 128 bits) and 8 back.
//! # Reference
//! Gilboa, CRYPTO 1999, section 4.1, over `Z_2^64`, with one direction instead of two.

use crate::boolean::Bits;
use crate::conversion::correlate;
use crate::{MpcError, TwoParty};

/// Numbers that are multiplied at once by [`multiply_by`], which bounds memory.
const GROUP: usize = 1 << 18;

/// The factors of shared words.
#[derive(Clone, Copy, Debug)]
pub enum Factors<'a> {
    /// All have this one, which both parties know.
    Even(i64),
    /// This party knows them.
    Own(&'a [i64]),
    /// The peer knows them.
    Theirs,
}

/// Shares of `f_i·v_i` for factors that are public and the same, or one party's; in the latter case
/// `bits` bits each, sign included.
///
/// # Errors
/// Those of [`multiply_by_own`] and [`multiply_by_theirs`].
#[net::boxed]
pub async fn multiply_by<'a>(
    party: &'a mut TwoParty,
    factors: Factors<'a>,
    bits: u32,
    shares: &'a [u64],
) -> Result<Vec<u64>, MpcError> {
    let mut products = Vec::with_capacity(shares.len());
    match factors {
        Factors::Even(factor) => {
            products.extend(shares.iter().map(|share| share.wrapping_mul(factor as u64)));
        }
        Factors::Own(factors) => {
            for (place, shares) in shares.chunks(GROUP).enumerate() {
                let part = factors.get(place * GROUP..).unwrap_or_default();
                let part = part.get(..shares.len()).unwrap_or(part);
                products.extend(multiply_by_own(party, part, bits, shares).await?);
            }
        }
        Factors::Theirs => {
            for shares in shares.chunks(GROUP) {
                products.extend(multiply_by_theirs(party, bits, shares).await?);
            }
        }
    }
    Ok(products)
}

/// Shares of `f_i·v_i`, for the party that knows the `f_i`: `bits` bits each, sign included.
///
/// # Errors
/// [`MpcError::InvalidInput`] for a factor of more bits or another number of factors than shares,
/// [`MpcError::Net`] when the peer fails.
#[net::boxed]
pub async fn multiply_by_own(
    party: &mut TwoParty,
    factors: &[i64],
    bits: u32,
    shares: &[u64],
) -> Result<Vec<u64>, MpcError> {
    let bits = checked(bits)?;
    let fits = |factor: &i64| {
        let beyond = factor >> (bits - 1);
        beyond == 0 || beyond == -1
    };
    if factors.len() != shares.len() || !factors.iter().all(fits) {
        return Err(MpcError::InvalidInput(format!(
            "needed is a factor of at most {bits} bits for each of {} shares",
            shares.len()
        )));
    }
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    let choices = Bits::from_fn(factors.len() * bits, |place| {
        factors[place / bits] >> (place % bits) & 1 == 1
    });
    let (received, _) = correlate(party, &choices, &[]).await?;
    let own = factors.iter().zip(shares);
    Ok(own
        .zip(received.chunks_exact(bits))
        .map(|((factor, share), cross)| {
            (*factor as u64).wrapping_mul(*share).wrapping_add(sum(cross))
        })
        .collect())
}

/// Shares of `f_i·v_i`, for the party that does not know the `f_i`.
///
/// # Errors
/// [`MpcError::InvalidInput`] for a number of bits outside of 2 to 63, [`MpcError::Net`] when the
/// peer fails.
#[net::boxed]
pub async fn multiply_by_theirs(
    party: &mut TwoParty,
    bits: u32,
    shares: &[u64],
) -> Result<Vec<u64>, MpcError> {
    let bits = checked(bits)?;
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    // In two's complement the highest bit counts negatively.
    let weighted = |share: u64, bit: usize| {
        let shifted = share << bit;
        if bit + 1 == bits { shifted.wrapping_neg() } else { shifted }
    };
    let deltas: Vec<u64> =
        shares.iter().flat_map(|share| (0..bits).map(move |bit| weighted(*share, bit))).collect();
    let (_, sent) = correlate(party, &Bits::zeros(0), &deltas).await?;
    Ok(sent.chunks_exact(bits).map(sum).collect())
}

fn checked(bits: u32) -> Result<usize, MpcError> {
    if (2..=63).contains(&bits) {
        Ok(bits as usize)
    } else {
        Err(MpcError::InvalidInput(format!("factors of {bits} bits; possible are 2 to 63")))
    }
}

fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

#[cfg(test)]
mod tests;
