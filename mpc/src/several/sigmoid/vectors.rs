//! The series, and what parties compute of it by themselves: waves, and products of encrypted ones.

use crypto::lattice::LatticeError;
use crypto::lattice::slots::{EncryptedSlots, MaskedSlots, ProductSum, PublicKey, SecretKey};
use crypto::random::Generator;
use rayon::prelude::*;

use super::{Sigmoid, Steps, Vectors};
use crate::sigmoid::{to_slot, waves};

/// sigmoid(z) - 1/2 ≈ `Σ_k SERIES[k]·sin((2k+1)·2π·z/50)` for |z| up to 12.5.
pub(super) const SERIES: [f64; 10] = [
    0.620_379_646,
    0.169_664_653,
    0.071_198_789,
    0.031_829_233,
    0.014_406_729,
    0.006_536_432,
    0.002_967_901,
    0.001_347_058,
    0.000_612_061,
    0.000_349_674,
];
/// log2 of the ring units of a period.
pub(super) const PERIOD_BITS: u32 = 48;
/// The largest prime below 2^46 that is 1 modulo 16384; [`SlotRing::products_max`] allows the sums
/// of twice as many products as there are harmonics.
pub(super) const PRIME: u64 = 70_368_743_669_761;
/// Fractional bits of the product of all parties' waves: its magnitude, at most 0.53·4 with factors
/// and rounding, stays below a sixth of the prime.
pub(super) const PRODUCT_BITS: u32 = 42;
/// Bits that the first party's waves have more than others: theirs carry the coefficients, and the
/// rounding of small ones counts as much as that of large ones.
const FIRST_MORE_BITS: f64 = 2.0;
/// Vectors of a chunk's waves: the sine and the cosine of each harmonic.
pub(super) const VECTORS: usize = 2 * SERIES.len();

/// The deviation of the result's rounding, for a factor of 1 and so many parties.
pub fn deviation(parties: usize) -> f64 {
    // A share's angle is uniform, and with it where between two integers its waves fall. Rounding
    // with dither has the variance f·(1 - f) at the fraction f, and 1/6 on average.
    let rounding = 1.0 / 6_f64.sqrt();
    let others = (parties as f64 - 1.0) * SERIES.iter().map(|it| it * it).sum::<f64>();
    let first = SERIES.len() as f64 / FIRST_MORE_BITS.exp2().powi(2);
    rounding / wave_unit(parties) * (others + first).sqrt()
}

/// A uniform number from -1/2 to 1/2. With it added, the nearest integer has the number itself as
/// its expectation; without, the circle of waves has another radius after rounding, for every
/// share alike, and the smallest coefficients of the series are lost with five parties.
pub(in crate::several) fn dither(rng: &mut Generator) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// What a wave of 1 is at all parties but the first.
fn wave_unit(parties: usize) -> f64 {
    ((f64::from(PRODUCT_BITS) - FIRST_MORE_BITS) / parties as f64).exp2()
}

impl Sigmoid {
    /// The waves of the party at the place `number` of `count`, chunk after chunk, each rounded at
    /// random to one of the integers beside it; the first one's carry coefficients and `scales`.
    pub(super) fn own_waves(
        &self,
        number: usize,
        count: usize,
        scores: &[u64],
        scales: &[f64],
        mut rng: Generator,
    ) -> Vec<Vectors> {
        let mut unit = wave_unit(count);
        if number == 0 {
            unit = f64::from(PRODUCT_BITS).exp2() / unit.powi(count as i32 - 1);
        }
        let chunk = |(index, scores): (usize, &[u64])| {
            let waves = waves(SERIES.len(), PERIOD_BITS, scores);
            let first = index * self.slots.slots();
            let rngs: Vec<Generator> = (0..VECTORS).map(|_| rng.child()).collect();
            let vector = |(vector, mut rng): (usize, Generator)| {
                let factor = if number == 0 { SERIES[vector / 2] * unit } else { unit };
                let slot = |(row, waves): (usize, &[(f64, f64)])| {
                    let (sine, cosine) = waves[vector / 2];
                    let wave = if vector.is_multiple_of(2) { sine } else { cosine };
                    let scale = scales.get(first + row).copied().unwrap_or(1.0);
                    to_slot(wave * factor * scale + dither(&mut rng), PRIME)
                };
                waves.chunks_exact(SERIES.len()).enumerate().map(slot).collect()
            };
            rngs.into_par_iter().enumerate().map(vector).collect()
        };
        scores.chunks(self.slots.slots()).enumerate().map(chunk).collect()
    }

    /// The messages with each chunk's encrypted vectors.
    pub(super) fn encrypt(
        &self,
        key: &SecretKey,
        chunks: &[Vectors],
        mut rng: Generator,
    ) -> Result<Vec<Vec<u8>>, LatticeError> {
        let message = |vectors: &Vectors| {
            let encrypted = self.slots.encrypt_many(key, vectors, &mut rng)?;
            let bytes = encrypted.par_iter().map(|vector| vector.to_bytes(&self.slots));
            Ok(bytes.collect::<Vec<_>>().concat())
        };
        chunks.iter().map(message).collect()
    }

    /// The own shares of a chunk's answer.
    pub(super) fn decrypt(&self, key: &SecretKey, answer: &[u8]) -> Result<Vectors, LatticeError> {
        let vector = |bytes: &[u8]| {
            let answer = MaskedSlots::from_bytes(&self.slots, bytes)?;
            Ok(self.slots.decrypt(key, &answer))
        };
        answer.par_chunks(self.slots.masked_bytes()).map(vector).collect()
    }

    /// The masked answer to a chunk's waves, and the own shares of it.
    pub(super) fn multiply(
        &self,
        key: &PublicKey,
        query: &[u8],
        own: &Vectors,
        steps: &Steps,
        rng: &mut Generator,
    ) -> Result<(Vec<u8>, Vectors), LatticeError> {
        let slots = &self.slots;
        let parse = |bytes: &[u8]| EncryptedSlots::from_bytes(slots, bytes);
        let theirs = query.par_chunks(slots.seeded_bytes()).map(parse);
        let theirs = theirs.collect::<Result<Vec<_>, LatticeError>>()?;
        let harmonics = theirs.par_chunks_exact(2).zip(own.par_chunks_exact(2));
        // Sines and cosines of sums of angles.
        let sums: Vec<ProductSum> = if steps.answers == 1 {
            let mut sum = slots.start_sum();
            for (theirs, own) in theirs.chunks_exact(2).zip(own.chunks_exact(2)) {
                slots.add_product(&mut sum, &theirs[0], &own[1])?;
                slots.add_product(&mut sum, &theirs[1], &own[0])?;
            }
            vec![sum]
        } else {
            let turned = harmonics.map(|(theirs, own)| {
                let negative: Vec<u64> =
                    own[0].iter().map(|sine| slots.multiply(*sine, PRIME - 1)).collect();
                let [mut sine, mut cosine] = [slots.start_sum(), slots.start_sum()];
                slots.add_product(&mut sine, &theirs[0], &own[1])?;
                slots.add_product(&mut sine, &theirs[1], &own[0])?;
                slots.add_product(&mut cosine, &theirs[1], &own[1])?;
                slots.add_product(&mut cosine, &theirs[0], &negative)?;
                Ok([sine, cosine])
            });
            let turned = turned.collect::<Result<Vec<_>, LatticeError>>()?;
            turned.into_iter().flatten().collect()
        };
        let rngs: Vec<Generator> = sums.iter().map(|_| rng.child()).collect();
        let answers = sums.into_par_iter().zip(rngs).map(|(sum, mut rng)| {
            let (answer, shares) = slots.mask_and_rerandomise(sum, key, &mut rng);
            (answer.to_bytes(slots), shares)
        });
        let (answers, shares): (Vec<Vec<u8>>, Vectors) = answers.unzip();
        Ok((answers.concat(), shares))
    }
}
