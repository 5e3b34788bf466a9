//! Blinding on the curve of SM2, sm2p256v1 (GB/T 32918.5), for parties under Chinese rules.
//!
//! Points are 33 bytes, compressed. The field is Montgomery's with the reduction that this prime
//! allows, the formulas are complete, exponents are read in fixed windows and their multiples found
//! by looking at all: nothing depends on secrets but the values. Portable, without vectors: an item
//! costs some 19 times what it costs on ristretto255 with AVX-512 (measured).

mod field;
mod map;
mod point;
#[cfg(test)]
mod tests;

use core::fmt;

use rayon::prelude::*;
use zeroize::Zeroize;

use super::{Blinding, GroupError};
use crate::random::Generator;
use field::Words;
use point::{Digits, Point};

/// Bytes of a compressed point: GB/T 32918.1, section 4.2.9.
pub const ENCODED_BYTES: usize = 33;

/// A compressed point; zeros in place of the neutral element, which no honest party sends.
type Encoded = [u8; ENCODED_BYTES];

/// A secret exponent on the curve of SM2: what [`super::BlindingKey`] is on ristretto255.
///
/// Zeroised on drop, cannot be cloned, no content in `Debug`.
pub struct BlindingKey {
    /// Above zero and below the order.
    exponent: Words,
}

impl Blinding<ENCODED_BYTES> for BlindingKey {
    fn random(generator: &mut Generator) -> Self {
        loop {
            let mut exponent = [0; 4];
            generator.fill_words(&mut exponent);
            let key = Self { exponent };
            // One draw in 2^32 is thrown away; how many were says nothing about the one kept.
            if field::is_below(&key.exponent, &ORDER) && key.exponent != [0; 4] {
                return key;
            }
        }
    }

    fn hash_and_blind<I>(&self, domain: &str, items: &[I]) -> Vec<Encoded>
    where
        I: AsRef<[u8]> + Sync,
    {
        let digits = Digits::new(&self.exponent);
        let mut blinded = vec![[0; ENCODED_BYTES]; items.len()];
        items.par_chunks(BATCH).zip(blinded.par_chunks_mut(BATCH)).for_each(|(items, blinded)| {
            let points: Vec<Point> = items
                .iter()
                .map(|item| map::hash_to_curve(domain, item.as_ref()).times(&digits))
                .collect();
            point::encode(&points, blinded);
        });
        blinded
    }

    fn decode_and_blind(&self, points: &[Encoded]) -> Result<Vec<Encoded>, GroupError> {
        let digits = Digits::new(&self.exponent);
        let mut blinded = vec![[0; ENCODED_BYTES]; points.len()];
        let outcomes: Vec<Result<(), usize>> = points
            .par_chunks(BATCH)
            .zip(blinded.par_chunks_mut(BATCH))
            .enumerate()
            .map(|(batch, (encoded, blinded))| {
                let decode = |(index, encoded): (usize, &Encoded)| {
                    let point = Point::decode(encoded).ok_or(batch * BATCH + index)?;
                    Ok(point.times(&digits))
                };
                let points: Vec<Point> =
                    encoded.iter().enumerate().map(decode).collect::<Result<_, usize>>()?;
                point::encode(&points, blinded);
                Ok(())
            })
            .collect();
        // In order, so that the same bad set is always blamed on the same point.
        match outcomes.into_iter().collect::<Result<(), usize>>() {
            Ok(()) => Ok(blinded),
            Err(index) => Err(GroupError::of(index, &points[index])),
        }
    }
}

impl fmt::Debug for BlindingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BlindingKey").finish_non_exhaustive()
    }
}

impl Drop for BlindingKey {
    fn drop(&mut self) {
        self.exponent.zeroize();
    }
}

/// The number of points, a prime: GB/T 32918.5, section 2.
const ORDER: Words =
    [0x53BB_F409_39D5_4123, 0x7203_DF6B_21C6_052B, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFE_FFFF_FFFF];

/// Points that share one inversion, which then costs less than a hundredth of each product.
const BATCH: usize = 256;
