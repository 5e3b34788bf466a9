//! Shares modulo 2^128 among all parties: the way to and from them, and [`Arithmetic`].
//!
//! The number of wraps has to be taken off as in [`lift`](super::lift), whose argument holds for
//! any modulus.

use std::ops::Range;

use crypto::random::Generator;

use super::circuit::{self, Triples, signs};
use super::product::Products;
use super::words::{Holders, bits_to_words, fraction_bits, times_bits, wraps};
use super::{PARTIES_MAX, Parties};
use crate::boolean::Bits;
use crate::product::Form;
use crate::{Arithmetic, MpcError};

/// Shares modulo 2^128, from shares modulo 2^bits; see [`Arithmetic::widen`]. With a shift half of
/// what the parties lose is added back: the mean error is 0.
#[net::boxed]
pub(super) async fn widen_all(
    parties: &mut Parties,
    vectors: &[(&[u128], u32, u32)],
) -> Result<Vec<Vec<u128>>, MpcError> {
    if vectors.iter().any(|(_, bits, shift)| !(10..=64).contains(bits) || shift >= bits) {
        let text = "only shares modulo 2^10 to 2^64 are widened, with a shift that leaves some of \
                    them";
        return Err(MpcError::InvalidInput(text.to_owned()));
    }
    let lengths: Vec<usize> = vectors.iter().map(|(shares, ..)| shares.len()).collect();
    let mut widened: Vec<Vec<u128>> = lengths.iter().map(|it| Vec::with_capacity(*it)).collect();
    for part in parts(&lengths, PART) {
        let pieces = part.iter().map(|(vector, places)| {
            let (shares, bits, shift) = vectors[*vector];
            (&shares[places.clone()], bits, shift)
        });
        let words = widen_part(parties, &pieces.collect::<Vec<_>>()).await?;
        for ((vector, _), words) in part.iter().zip(words) {
            widened[*vector].extend(words);
        }
    }
    Ok(widened)
}

/// Pieces of vectors, by their numbers and places.
type Part = Vec<(usize, Range<usize>)>;

/// Parts of at most so many places together, which hold all places of the vectors in order.
fn parts(lengths: &[usize], places_max: usize) -> Vec<Part> {
    let (mut parts, mut room) = (Vec::new(), 0);
    for (vector, length) in lengths.iter().enumerate() {
        let mut start = 0;
        while start < *length {
            if room == 0 {
                parts.push(Part::new());
                room = places_max;
            }
            let end = *length.min(&(start + room));
            if let Some(part) = parts.last_mut() {
                part.push((vector, start..end));
            }
            room -= end - start;
            start = end;
        }
    }
    parts
}

#[net::boxed]
async fn widen_part(
    parties: &mut Parties,
    vectors: &[(&[u128], u32, u32)],
) -> Result<Vec<Vec<u128>>, MpcError> {
    let kept = fraction_bits(parties);
    let fractions = vectors
        .iter()
        .flat_map(|(shares, bits, _)| {
            shares.iter().map(move |share| (share >> (bits - kept)) as u64)
        })
        .collect();
    let lost = u128::from(parties.share_of_public(parties.count() as u64));
    let shifted = |(shares, _, shift): &(&[u128], u32, u32)| -> Vec<u128> {
        let back = if *shift > 0 { lost << (shift - 1) } else { 0 };
        shares.iter().map(|share| (share + back) >> shift).collect()
    };
    let mut widened: Vec<u128> = vectors.iter().flat_map(shifted).collect();
    let wraps = wraps::<u128>(parties, fractions).await?;
    let moduli: Vec<u32> = vectors
        .iter()
        .flat_map(|(shares, bits, shift)| std::iter::repeat_n(bits - shift, shares.len()))
        .collect();
    for (bit, wraps) in (0..).zip(wraps.chunks_exact(widened.len().max(1))) {
        for ((value, wrap), bits) in widened.iter_mut().zip(wraps).zip(&moduli) {
            *value = value.wrapping_sub(wrap << (bits + bit));
        }
    }
    let mut rest = widened.as_slice();
    let part = |(shares, ..): &(&[u128], u32, u32)| {
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
    let mut shortened = Vec::with_capacity(shares.len());
    for part in shares.chunks(PART) {
        shortened.extend(shorten_part(parties, part, shift).await?);
    }
    Ok(shortened)
}

#[net::boxed]
async fn shorten_part(
    parties: &mut Parties,
    shares: &[u128],
    shift: u32,
) -> Result<Vec<u128>, MpcError> {
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

/// Places that are worked on at once: the transfers of 2^18 wraps fit in some hundred megabytes.
const PART: usize = 1 << 18;

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

    fn count(&self) -> usize {
        Self::count(self)
    }

    fn share_of_public(&self, value: u64) -> u64 {
        Self::share_of_public(self, value)
    }

    fn rng(&self) -> Generator {
        self.session().rng()
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

    async fn widen(&mut self, vectors: &[(&[u128], u32, u32)]) -> Result<Vec<Vec<u128>>, MpcError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_all_places_in_order() {
        let of = |lengths: &[usize]| parts(lengths, 4);
        assert!(of(&[]).is_empty() && of(&[0, 0]).is_empty());
        assert_eq!(of(&[3, 1]), [vec![(0, 0..3), (1, 0..1)]]);
        assert_eq!(of(&[6, 0, 3]), [vec![(0, 0..4)], vec![(0, 4..6), (2, 0..2)], vec![(2, 2..3)]]);
    }
}
