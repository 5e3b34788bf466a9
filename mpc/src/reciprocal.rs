//! Powers of two that bring shared numbers to one size, and reciprocals.
//!
//! # Functionality
//! The parties, two or several ([`Arithmetic`]), hold shares modulo 2^128 of whole numbers
//! 1 ≤ x < 2^bits. [`leading_bits`] gives shares of the place of the highest bit of x, from which
//! powers of two that belong to it follow
//! without a message; [`normalisers`] those of the power that brings x into 2^(bits-1)..2^bits,
//! [`root_normalisers`] of a root of it, or of half of it, whose square brings x into
//! 2^(bits-2)..2^bits. [`reciprocals`] gives
//! shares of the first and of 2^(bits-1)/(x·power), a number in 1/2..1, with [`FRACTION_BITS`]
//! fractional bits and an error below 2^-26.
//! # Messages
//! 1. comparison of each number with each power of two (see `comparison`)
//! 2. `corrections`, `correlations`: the results as numbers (see `conversion`)
//! 3. for reciprocals, products (see `product`)
//! # Leaks
//! Nothing but lengths.
//! # Security
//! Semi-honest, as the blocks that it is made of.
//! # Cost
//! bits - 1 comparisons of bits + 1 bits and bits transfers for each number; a reciprocal takes
//! seven products more. 10 flights, 38 with the products. Meant for the nodes of a tree, not for
//! rows.
//! # Reference
//! Newton's iteration from the best line, Ercegovac and Lang, "Digital Arithmetic", 2004, section
//! 7.2; the leading bit from a thermometer of comparisons.

use std::ops::Range;

use crate::boolean::Bits;
use crate::product::Form;
use crate::{Arithmetic, MpcError};

/// Fractional bits of reciprocals.
pub const FRACTION_BITS: u32 = 30;
/// Largest number of bits of numbers whose reciprocals are computed.
pub const BITS_MAX: u32 = 40;
/// Largest number of bits of numbers whose leading bit is found.
pub const LEADING_BITS_MAX: u32 = 62;

/// For each number and each place, the lowest first, a share of 1 where its leading bit is, else of
/// 0; of a number below 1 the lowest place counts.
#[derive(Clone, Debug)]
pub struct LeadingBits {
    digits: Vec<u128>,
    bits: u32,
}

impl LeadingBits {
    /// Shares of 2 to the `exponent` of the number of places above the leading bit, for the numbers
    /// in `range`.
    pub fn powers(&self, range: Range<usize>, exponent: impl Fn(u32) -> u32) -> Vec<u128> {
        let number = |digits: &[u128]| {
            let digits = (0..).zip(digits.iter().rev());
            digits.fold(0_u128, |sum, (above, digit)| sum.wrapping_add(digit << exponent(above)))
        };
        let bits = self.bits as usize;
        self.digits[range.start * bits..range.end * bits].chunks_exact(bits).map(number).collect()
    }

    /// Shares of the public value that belongs to the place of each number's leading bit, of one
    /// value for each place, the lowest first.
    pub(crate) fn choose(&self, values: &[u128]) -> Vec<u128> {
        let number = |digits: &[u128]| {
            let terms = digits.iter().zip(values).map(|(digit, value)| digit.wrapping_mul(*value));
            terms.fold(0_u128, u128::wrapping_add)
        };
        self.digits.chunks_exact(self.bits as usize).map(number).collect()
    }
}

/// Shares of `2^(bits - 1 - ⌊log2 x⌋)` for shared x in 1..2^bits; of 2^(bits-1) for 0.
///
/// # Errors
/// Those of [`leading_bits`].
pub async fn normalisers<P: Arithmetic>(
    party: &mut P,
    shares: &[u128],
    bits: u32,
) -> Result<Vec<u128>, MpcError> {
    let leading = leading_bits(party, shares, bits).await?;
    Ok(leading.powers(0..shares.len(), |above| above))
}

/// Shares of `2^⌊(bits - 1 - ⌊log2 x⌋)/2⌋` for shared x in 1..2^bits.
///
/// # Errors
/// Those of [`normalisers`].
pub async fn root_normalisers<P: Arithmetic>(
    party: &mut P,
    shares: &[u128],
    bits: u32,
) -> Result<Vec<u128>, MpcError> {
    let leading = leading_bits(party, shares, bits).await?;
    Ok(leading.powers(0..shares.len(), |above| above / 2))
}

/// The leading bits of shared x in 0..2^bits.
///
/// # Errors
/// [`MpcError::InvalidInput`] for bits outside of 2 to [`LEADING_BITS_MAX`], [`MpcError::Net`] when
/// the peer fails.
pub async fn leading_bits<P: Arithmetic>(
    party: &mut P,
    shares: &[u128],
    bits: u32,
) -> Result<LeadingBits, MpcError> {
    check_bits(bits, LEADING_BITS_MAX)?;
    let one = party.share_of_public(1);
    let steps = bits as usize - 1;
    let moved = |(share, step): (&u128, usize)| (*share as u64).wrapping_sub(one << (step + 1));
    let margins: Vec<u64> =
        shares.iter().flat_map(|share| (0..steps).map(move |step| moved((share, step)))).collect();
    let below = party.is_negative(&margins, bits as usize + 1).await?;
    // Bit `place` of a number is its leading one if it is at least 2^place and below 2^(place+1).
    let leading = Bits::from_fn(shares.len() * bits as usize, |index| {
        let (number, place) = (index / bits as usize, index % bits as usize);
        let next = if place < steps { below.bit(number * steps + place) } else { one };
        let this = if place > 0 { below.bit(number * steps + place - 1) } else { 0 };
        next ^ this == 1
    });
    Ok(LeadingBits { digits: party.bits_to_words(&leading).await?, bits })
}

pub(crate) fn check_bits(bits: u32, most: u32) -> Result<(), MpcError> {
    if (2..=most).contains(&bits) {
        return Ok(());
    }
    Err(MpcError::InvalidInput(format!(
        "numbers of {bits} bits cannot be normalised; possible are 2 to {most}"
    )))
}

/// Shares of the [`normalisers`] u and of `2^(bits-1)/(x·u)` with [`FRACTION_BITS`] fractional
/// bits, for shared x in 1..2^bits.
///
/// # Errors
/// [`MpcError::InvalidInput`] for bits outside of 2 to [`BITS_MAX`], [`MpcError::Net`] when the
/// peer fails.
pub async fn reciprocals<P: Arithmetic>(
    party: &mut P,
    products: &P::Products,
    shares: &[u128],
    bits: u32,
) -> Result<(Vec<u128>, Vec<u128>), MpcError> {
    check_bits(bits, BITS_MAX)?;
    let normalisers = normalisers(party, shares, bits).await?;
    let normal =
        party.evaluate(products, &[shares, &normalisers], &[Form::product(0, 1, 0)]).await?;
    let normal = &normal[0];
    // m = x·u/2^bits is in 1/2..1, and y is to become 1/m, in 1..2.
    let unit = 1_u128 << FRACTION_BITS;
    let one = u128::from(party.share_of_public(1));
    let public = |number: u128| one * number;
    let slope = unit * 32 / 17;
    let line = products_by_public(party, normal, slope, bits).await?;
    let start = unit * 48 / 17;
    let mut y: Vec<u128> = line.iter().map(|line| public(start).wrapping_sub(*line)).collect();
    for _ in 0..ITERATIONS {
        let error = party.evaluate(products, &[normal, &y], &[Form::product(0, 1, bits)]).await?;
        let factor: Vec<u128> =
            error[0].iter().map(|error| public(2 * unit).wrapping_sub(*error)).collect();
        let form = Form::product(0, 1, FRACTION_BITS);
        y = party.evaluate(products, &[&y, &factor], &[form]).await?.swap_remove(0);
    }
    // 2^(bits-1)/(x·u) is half of 1/m.
    let halves = party.shorten(&y, 1).await?;
    Ok((normalisers, halves))
}

/// Shares of `x·factor/2^shift` for a public factor.
async fn products_by_public<P: Arithmetic>(
    party: &mut P,
    shares: &[u128],
    factor: u128,
    shift: u32,
) -> Result<Vec<u128>, MpcError> {
    let scaled: Vec<u128> = shares.iter().map(|share| share.wrapping_mul(factor)).collect();
    party.shorten(&scaled, shift).await
}

/// The line is off by at most 1/17, which three squarings take below 2^-32.
const ITERATIONS: usize = 3;

#[cfg(test)]
mod tests;
