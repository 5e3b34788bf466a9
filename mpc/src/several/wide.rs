//! Shares modulo 2^128 among all parties: the way to and from them, and [`Arithmetic`].
//!
//! The number of wraps has to be taken off as in [`lift`](super::lift), whose argument holds for
//! any modulus.

use super::circuit::{self, Triples, signs};
use super::product::Products;
use super::words::{Holders, bits_to_words, fraction_bits, times_bits, wraps};
use super::{PARTIES_MAX, Parties};
use crate::boolean::Bits;
use crate::product::Form;
use crate::{Arithmetic, MpcError};

/// Shares modulo 2^128, from shares modulo 2^bits; see [`Arithmetic::widen`].
#[net::boxed]
pub(super) async fn widen_all(
    parties: &mut Parties,
    vectors: &[(&[u128], u32)],
) -> Result<Vec<Vec<u128>>, MpcError> {
    if vectors.iter().any(|(_, bits)| !(10..=64).contains(bits)) {
        let text = "only shares modulo 2^10 to 2^64 are widened".to_owned();
        return Err(MpcError::InvalidInput(text));
    }
    let kept = fraction_bits(parties);
    let fractions = vectors
        .iter()
        .flat_map(|(shares, bits)| shares.iter().map(move |share| (share >> (bits - kept)) as u64))
        .collect();
    let mut widened: Vec<u128> =
        vectors.iter().flat_map(|(shares, _)| shares.iter().copied()).collect();
    let wraps = wraps::<u128>(parties, fractions).await?;
    let moduli: Vec<u32> = vectors
        .iter()
        .flat_map(|(shares, bits)| std::iter::repeat_n(*bits, shares.len()))
        .collect();
    for (bit, wraps) in (0..).zip(wraps.chunks_exact(widened.len().max(1))) {
        for ((value, wrap), bits) in widened.iter_mut().zip(wraps).zip(&moduli) {
            *value = value.wrapping_sub(wrap << (bits + bit));
        }
    }
    let mut rest = widened.as_slice();
    let part = |(shares, _): &(&[u128], u32)| {
        let (part, after) = rest.split_at(shares.len());
        rest = after;
        part.to_vec()
    };
    Ok(vectors.iter().map(part).collect())
}

/// Shares modulo 2^128 of `x_i / 2^shift`, from such shares of numbers up to a sixth of 2^128; off
/// by less than n units for n parties.
#[net::boxed]
pub(super) async fn shorten(
    parties: &mut Parties,
    shares: &[u128],
    shift: u32,
) -> Result<Vec<u128>, MpcError> {
    if shift == 0 {
        return Ok(shares.to_vec());
    }
    if shift >= 126 {
        return Err(MpcError::InvalidInput(format!("cannot shorten by {shift} bits")));
    }
    let wraps = wraps::<u128>(parties, leading(parties, shares)).await?;
    let mut shortened: Vec<u128> = shares.iter().map(|share| share >> shift).collect();
    for (bit, wraps) in (0..).zip(wraps.chunks_exact(shares.len().max(1))) {
        // Beyond 2^128 nothing is to be taken off.
        let Some(place) = (128 + bit as u32).checked_sub(shift).filter(|place| *place < 128) else {
            continue;
        };
        for (value, wrap) in shortened.iter_mut().zip(wraps) {
            *value = value.wrapping_sub(wrap << place);
        }
    }
    Ok(shortened)
}

/// The leading bits of shares modulo 2^128, as fractions of the modulus.
pub(super) fn leading(parties: &Parties, shares: &[u128]) -> Vec<u64> {
    let kept = fraction_bits(parties);
    shares.iter().map(|share| (share >> (128 - kept)) as u64).collect()
}

impl Arithmetic for Parties {
    type Products = Products;
    type Triples = Triples;
    // A comparison costs each two parties about as many bytes as all else does for a contender.
    const LEVELS_MAX: usize = 1;

    fn share_of_public(&self, value: u64) -> u64 {
        Self::share_of_public(self, value)
    }

    fn rounding(&self) -> u64 {
        // Each party loses less than one unit, and each of three bits of the wraps half a unit.
        2 * PARTIES_MAX as u64
    }

    async fn evaluate(
        &mut self,
        products: &Products,
        vectors: &[&[u128]],
        forms: &[Form],
    ) -> Result<Vec<Vec<u128>>, MpcError> {
        products.evaluate(self, vectors, forms).await
    }

    async fn widen(&mut self, vectors: &[(&[u128], u32)]) -> Result<Vec<Vec<u128>>, MpcError> {
        widen_all(self, vectors).await
    }

    async fn shorten(&mut self, shares: &[u128], shift: u32) -> Result<Vec<u128>, MpcError> {
        shorten(self, shares, shift).await
    }

    async fn is_negative(&mut self, shares: &[u64], bits: usize) -> Result<Bits, MpcError> {
        signs(self, shares, bits).await
    }

    async fn select(&mut self, bits: &Bits, values: &[u128]) -> Result<Vec<u128>, MpcError> {
        times_bits(self, bits, values, Holders::All).await
    }

    async fn bits_to_words(&mut self, bits: &Bits) -> Result<Vec<u128>, MpcError> {
        bits_to_words(self, bits).await
    }

    async fn triples(&mut self, words: usize) -> Result<Triples, MpcError> {
        Triples::of_words(self, words).await
    }

    async fn and(
        &mut self,
        triples: &mut Triples,
        pairs: &[(&Bits, &Bits)],
    ) -> Result<Vec<Bits>, MpcError> {
        circuit::and(self, triples, pairs).await
    }
}
