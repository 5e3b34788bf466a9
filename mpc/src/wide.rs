//! Shares modulo 2^128 of numbers that are far smaller: room for the products of two words.
//!
//! # Functionality
//! [`widen`]: additive shares modulo M < 2^127 of x, |x| < M/6 → additive shares modulo 2^128 of
//! x/2^shift, exact for shift 0 and off by at most three units else. [`shorten`] does so for shares
//! modulo 2^128. Sums, differences and low words of such shares are made by each party alone.
//! # Messages
//! 1. `corrections`, `correlations` (see `conversion`): one transfer from the first party for each
//!    number
//! # Leaks
//! Nothing but lengths.
//! # Security
//! Semi-honest, from the transfers. For the ring of 2^128 the first party's share is uniform above
//! the lowest bits, whatever x is. Therefore the two shares of a number below 2^87 wrap around
//! once, but with probability below 2^-40: [`Residues`] builds on that and needs no message.
//! # Cost
//! 2 flights; for each number 16 bytes from the first party and 4, rounded up to 128 numbers, from
//! the second.
//! # Reference
//! The wrap from one product of bits: Guo et al., USENIX Security 2025, see `conversion`.

use crypto::lattice::slots::SlotRing;

use crate::boolean::Bits;
use crate::conversion::product_of_bits;
use crate::{MpcError, TwoParty};

/// Shares modulo 2^128 of `x_i / 2^shift`, from shares below `modulus` of `|x_i|` < `modulus`/6.
///
/// # Errors
/// [`MpcError::InvalidInput`] for a modulus beyond 2^127 or a shift that leaves nothing of it,
/// [`MpcError::Net`] when the peer fails.
#[net::boxed]
pub async fn widen(
    party: &mut TwoParty,
    shares: &[u128],
    modulus: u128,
    shift: u32,
) -> Result<Vec<u128>, MpcError> {
    let mut all = widen_all(party, &[(shares, modulus, shift)]).await?;
    Ok(all.swap_remove(0))
}

/// [`widen`] for several vectors at once: (shares, modulus, shift) of each.
///
/// # Errors
/// Those of [`widen`].
#[net::boxed]
pub async fn widen_all(
    party: &mut TwoParty,
    vectors: &[(&[u128], u128, u32)],
) -> Result<Vec<Vec<u128>>, MpcError> {
    for (_, modulus, shift) in vectors {
        if *modulus > 1 << 127 || *shift >= 127 || modulus >> shift == 0 {
            return Err(MpcError::InvalidInput(format!(
                "cannot widen from the modulus {modulus} with a shift by {shift} bits"
            )));
        }
    }
    // The first party moves x into [0, M/3]; see `conversion::product_of_bits`.
    let first = party.is_first();
    let moved: Vec<Vec<u128>> = vectors
        .iter()
        .map(|(shares, modulus, _)| {
            let offset = if first { modulus / 6 } else { 0 };
            shares.iter().map(|share| reduce_once(share + offset, *modulus)).collect()
        })
        .collect();
    let small: Vec<bool> = moved
        .iter()
        .zip(vectors)
        .flat_map(|(moved, (_, modulus, _))| moved.iter().map(move |it| *it <= modulus / 3))
        .collect();
    let count = small.len();
    let small = Bits::from_fn(count, |index| small[index]);
    if count == 0 {
        return Ok(moved);
    }
    let mut no_wrap = product_of_bits::<u128>(party, &small).await?.into_iter();
    let widened = moved.iter().zip(vectors).map(|(moved, (_, modulus, shift))| {
        let offset = if first { (modulus / 6) >> shift } else { 0 };
        let step = modulus >> shift;
        let share = |(share, no_wrap): (&u128, u128)| {
            let wrap = u128::from(first).wrapping_sub(no_wrap);
            (share >> shift).wrapping_sub(wrap.wrapping_mul(step)).wrapping_sub(offset)
        };
        moved.iter().zip(&mut no_wrap).map(share).collect()
    });
    Ok(widened.collect())
}

/// Shares modulo 2^128 of `x_i / 2^shift`, from such shares of `|x_i|` < 2^124; off by at most
/// three units.
///
/// # Errors
/// [`MpcError::InvalidInput`] for a shift of 126 bits or more, [`MpcError::Net`] when the peer
/// fails.
#[net::boxed]
pub async fn shorten(
    party: &mut TwoParty,
    shares: &[u128],
    shift: u32,
) -> Result<Vec<u128>, MpcError> {
    if shift == 0 {
        return Ok(shares.to_vec());
    }
    let modulus = 1 << 127;
    let reduced: Vec<u128> = shares.iter().map(|share| share & (modulus - 1)).collect();
    widen(party, &reduced, modulus, shift).await
}

/// Takes `modulus` off once if `x`, below twice of it, reaches it; without a branch.
fn reduce_once(x: u128, modulus: u128) -> u128 {
    let (difference, below) = x.overflowing_sub(modulus);
    difference.wrapping_add(modulus & u128::from(below).wrapping_neg())
}

/// Shares modulo 2^128 of numbers that are shared modulo 2^64 and below 2^22 in magnitude, without
/// a message.
///
/// Right if the shares wrap around exactly once, as those of a protocol do but with probability
/// 2^-41. Not for numbers that one party holds and of which the other holds zero.
pub fn from_words(shares: &[u64], first: bool) -> Vec<u128> {
    let wrap = if first { 0 } else { 1 << 64 };
    shares.iter().map(|share| u128::from(*share).wrapping_sub(wrap)).collect()
}

/// Turns shares modulo 2^128 of small numbers into shares modulo a slot's prime, without a message.
///
/// Right if the two shares wrap around exactly once, see the module's *Security*: for numbers below
/// 2^87 in magnitude it is wrong with probability below 2^-40, if the shares come from a protocol.
/// Not for numbers that one party holds and of which the other holds zero.
#[derive(Clone, Copy, Debug)]
pub struct Residues<'a> {
    slots: &'a SlotRing,
    /// 2^86 modulo the prime.
    upper: u64,
    /// What this party adds: 0, or minus 2^128 modulo the prime at one of the parties.
    wrap: u64,
}

impl<'a> Residues<'a> {
    /// For the prime of `slots`, which has 44 bits.
    pub fn new(slots: &'a SlotRing, first: bool) -> Self {
        let modulus = u128::from(slots.modulus());
        let upper = ((1_u128 << 86) % modulus) as u64;
        let wrap = (u128::MAX % modulus + 1) % modulus;
        let wrap = if first { 0 } else { (modulus - wrap) as u64 };
        Self { slots, upper, wrap }
    }

    /// The share modulo the prime.
    #[inline]
    pub fn of(&self, share: u128) -> u64 {
        // Below 2^42·2^44 + 2^86 in all.
        let folded = (share >> 86) * u128::from(self.upper) + (share & LOW_86);
        self.slots.add(self.slots.reduce(folded), self.wrap)
    }
}

const LOW_86: u128 = (1 << 86) - 1;

#[cfg(test)]
mod tests;
