//! The logistic function on shares, accurate to 1e-5 everywhere.
//!
//! # Functionality
//! The parties hold shares of scores `z_i` in units of [`SCORE_UNIT`]; the first party knows a
//! factor `s_i` for each row (a weight). Both get shares of `s_i/(1 + exp(-z_i))` with the stated
//! number of fractional bits, for every `z_i` that the ring can hold (|z| < 1.6 million).
//! # Messages
//! 1. `public_key` second → first, once
//! 2. `harmonics` second → first: sines and cosines of the odd multiples of its share, encrypted
//! 3. `products` first → second: their inner products with the first party's, masked
//! 4. comparison, lifting and selection (see `comparison`, `conversion`)
//! # Leaks
//! Nothing but the number of rows.
//! # Security
//! Semi-honest, from ring-LWE and the transfers.
//! # Cost
//! About 14 flights for each 98,304 rows; per row, rows in whole 8192, 600 bytes of harmonics and
//! 37.5 of products, and per row about 300 of transfers (both parties together).
//! # Reference
//! sin(a + b) = sin a·cos b + cos a·sin b on local shares: Lu et al., "Squirrel", USENIX Security
//! 2023 (eprint 2023/527), section 4.3. Here with half-wave symmetry (odd harmonics only, period
//! 50), a minimax fit on |z| ≤ 12.5 (largest error 1.5e-6) and secure saturation outside.

use std::f64::consts::TAU;

use crypto::lattice::slots::{
    EncryptedSlots, MaskedSlots, PublicKey, SLOT_MODULUS, SecretKey, SlotRing,
};
use crypto::lattice::{LatticeError, Parameters, Ring};
use crypto::random::Generator;
use net::Size;
use rayon::prelude::*;

use crate::boolean::Bits;
use crate::comparison::signs_beside;
use crate::conversion::{lift, select};
use crate::hints::blame;
use crate::{MpcError, TwoParty};

/// Period of the series, in scores.
const PERIOD: u32 = 50;
/// Ring units of one period.
const PERIOD_BITS: u32 = 48;
/// Ring units of a score of 1.0: 2^48/50, so that a period is a power of two and a share's own wrap
/// around changes no sine.
pub const SCORE_UNIT: f64 = (1_u64 << PERIOD_BITS) as f64 / PERIOD as f64;
/// Largest factor `s_i` of a row that keeps the products far enough below the slot modulus.
pub const ROW_SCALE_MAX: f64 = 4.0;
/// Fractional bits that may be asked for.
pub const FRACTION_BITS_MAX: u32 = 2 * WAVE_BITS;

/// Fractional bits of each party's sines and cosines.
const WAVE_BITS: u32 = 19;
/// sigmoid(z) - 1/2 ≈ `Σ_k SERIES[k]·sin((2k+1)·2π·z/50)` for |z| ≤ 12.5.
const SERIES: [f64; 16] = [
    0.620_379_527_567,
    0.169_664_771_914,
    0.071_198_667_503,
    0.031_829_355_144,
    0.014_406_602_697,
    0.006_536_560_286,
    0.002_967_765_225,
    0.001_347_198_705,
    0.000_611_894_491,
    0.000_277_635_591,
    0.000_126_228_403,
    0.000_057_155_248,
    0.000_026_099_868,
    0.000_011_706_144,
    0.000_005_457_857,
    0.000_002_997_486,
];

/// Saturation looks at the shares' bits from here up: steps of 2^41 units, 0.39 scores.
const COARSE_SHIFT: u32 = 41;
/// Bits that are left above.
const COARSE_BITS: usize = 64 - COARSE_SHIFT as usize;
/// 12.5 scores in coarse steps. Dropping low bits of both shares loses up to one step, so the
/// decision falls anywhere in 12.5..12.9, where the series, symmetric about 12.5, still holds.
const SATURATION: u64 = 32;
/// Ring elements of rows that are worked on at once, which bounds memory (64 MiB of harmonics).
const GROUP: usize = 12;

/// The state of one party: ring tables and keys.
pub struct Sigmoid {
    slots: SlotRing,
    keys: Keys,
}

enum Keys {
    /// The first party multiplies under the second party's key.
    First(PublicKey),
    Second(SecretKey),
}

impl Sigmoid {
    /// Makes the second party's keys and hands the public one over.
    pub async fn prepare(party: &mut TwoParty) -> Result<Self, MpcError> {
        const STEP: &str = "public_key";
        let slots = SlotRing::new(&Ring::new(Parameters::N8192_Q150));
        let first = party.is_first();
        let session = &mut party.session;
        let keys = if first {
            let bytes = session.receive_bytes(STEP, Size::Exactly(slots.seeded_bytes())).await?;
            let key = PublicKey::from_bytes(&slots, &bytes);
            Keys::First(key.map_err(|error| blame(session, STEP, error))?)
        } else {
            let (secret, public) = slots.generate_keys(&mut session.rng());
            session.send_bytes(STEP, public.to_bytes(&slots)).await?;
            Keys::Second(secret)
        };
        Ok(Self { slots, keys })
    }

    /// Shares of `s_i·sigmoid(z_i)` with `fraction_bits` fractional bits (at most
    /// [`FRACTION_BITS_MAX`]).
    ///
    /// `scores` are shares in [`SCORE_UNIT`]; `row_scales` are the `s_i` (0 to [`ROW_SCALE_MAX`]),
    /// used by the first party only.
    pub async fn evaluate(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
        row_scales: &[f64],
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        if fraction_bits > FRACTION_BITS_MAX {
            return Err(MpcError::InvalidInput(format!(
                "the sigmoid gives at most {FRACTION_BITS_MAX} fractional bits, not {fraction_bits}"
            )));
        }
        let valid = |scale: &f64| (0.0..=ROW_SCALE_MAX).contains(scale);
        if party.is_first() && !(row_scales.len() == scores.len() && row_scales.iter().all(valid)) {
            return Err(MpcError::InvalidInput(format!(
                "the sigmoid needs a factor from 0 to {ROW_SCALE_MAX} for each row"
            )));
        }
        let row_scales = if party.is_first() { row_scales } else { &[] };
        let mut results = Vec::with_capacity(scores.len());
        for start in (0..scores.len()).step_by(GROUP * self.slots.slots()) {
            let rows = start..scores.len().min(start + GROUP * self.slots.slots());
            let scales = row_scales.get(rows.clone()).unwrap_or_default();
            results.extend(self.group(party, &scores[rows], scales, fraction_bits).await?);
        }
        Ok(results)
    }

    async fn group(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
        scales: &[f64],
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        let series = match &self.keys {
            Keys::First(key) => self.multiply(party, key, scores, scales).await?,
            Keys::Second(key) => self.offer(party, key, scores).await?,
        };
        let series = lift(party, &series, SLOT_MODULUS, 2 * WAVE_BITS - fraction_bits).await?;
        let unit = (1_u64 << fraction_bits) as f64;
        let whole = |scale: &f64| (scale * unit).round() as u64;
        let mut inside = series;
        for (value, scale) in inside.iter_mut().zip(scales) {
            *value = value.wrapping_add(whole(scale) / 2);
        }
        // Beyond the series: s where z is large, 0 where -z is large.
        let (high, low) = saturation(party, scores).await?;
        let mut corrections: Vec<u64> = inside.iter().map(|value| value.wrapping_neg()).collect();
        for (correction, scale) in corrections.iter_mut().zip(scales) {
            *correction = correction.wrapping_add(whole(scale));
        }
        corrections.extend(inside.iter().map(|value| value.wrapping_neg()));
        let count = scores.len();
        let bits = Bits::from_fn(2 * count, |index| {
            if index < count { high.bit(index) == 1 } else { low.bit(index - count) == 1 }
        });
        let selected = select(party, &bits, &corrections).await?;
        let (to_high, to_low) = selected.split_at(count);
        let corrections = to_high.iter().zip(to_low);
        Ok(inside
            .iter()
            .zip(corrections)
            .map(|(inside, (high, low))| inside.wrapping_add(*high).wrapping_add(*low))
            .collect())
    }

    /// The second party's side of the inner products.
    async fn offer(
        &self,
        party: &mut TwoParty,
        key: &SecretKey,
        scores: &[u64],
    ) -> Result<Vec<u64>, MpcError> {
        const ANSWER: &str = "products";
        let slots = &self.slots;
        let session = &mut party.session;
        let mut rng = session.rng();
        let chunks: Vec<&[u64]> = scores.chunks(slots.slots()).collect();
        for chunk in &chunks {
            let message = session.compute(|| encrypt_waves(slots, key, chunk, &mut rng)).await?;
            session.send_bytes("harmonics", message).await?;
        }
        let mut shares = Vec::with_capacity(scores.len());
        for chunk in chunks {
            let size = Size::Exactly(slots.masked_bytes());
            let answer = session.receive_bytes(ANSWER, size).await?;
            let answer = MaskedSlots::from_bytes(slots, &answer);
            let answer = answer.map_err(|error| blame(session, ANSWER, error))?;
            let decrypted = session.compute(|| slots.decrypt(key, &answer)).await;
            shares.extend_from_slice(&decrypted[..chunk.len()]);
        }
        Ok(shares)
    }

    /// The first party's side of the inner products.
    async fn multiply(
        &self,
        party: &mut TwoParty,
        key: &PublicKey,
        scores: &[u64],
        scales: &[f64],
    ) -> Result<Vec<u64>, MpcError> {
        const QUERY: &str = "harmonics";
        let slots = &self.slots;
        let session = &mut party.session;
        let size = Size::Exactly(2 * SERIES.len() * slots.seeded_bytes());
        let mut chunks = Vec::new();
        for (scores, scales) in scores.chunks(slots.slots()).zip(scales.chunks(slots.slots())) {
            let query = session.receive_bytes(QUERY, size).await?;
            chunks.push((query, scores, scales, session.rng()));
        }
        let answers = session
            .compute(|| {
                let answer = |(query, scores, scales, mut rng): (Vec<u8>, _, _, Generator)| {
                    multiply_waves(slots, key, &query, scores, scales, &mut rng)
                };
                chunks.into_par_iter().map(answer).collect::<Result<Vec<_>, LatticeError>>()
            })
            .await
            .map_err(|error| blame(session, QUERY, error))?;
        let mut shares = Vec::with_capacity(scores.len());
        for (answer, own) in answers {
            let count = own.len().min(scores.len() - shares.len());
            shares.extend_from_slice(&own[..count]);
            session.send_bytes("products", answer).await?;
        }
        Ok(shares)
    }
}

/// Bits for "the score is above 12.5" and "the score is below -12.5", within one coarse step.
async fn saturation(party: &mut TwoParty, scores: &[u64]) -> Result<(Bits, Bits), MpcError> {
    let coarse: Vec<u64> = scores.iter().map(|score| score >> COARSE_SHIFT).collect();
    let offsets = [SATURATION.wrapping_neg(), SATURATION + 1];
    let signs = signs_beside(party, &coarse, &offsets, COARSE_BITS).await?;
    let mut signs = signs.into_iter();
    let (high, low) = (signs.next().unwrap_or_default(), signs.next().unwrap_or_default());
    Ok((if party.is_first() { high.complement() } else { high }, low))
}

/// Encrypts, harmonic after harmonic, the sines and then the cosines of a chunk of shares.
fn encrypt_waves(
    slots: &SlotRing,
    key: &SecretKey,
    scores: &[u64],
    rng: &mut Generator,
) -> Result<Vec<u8>, LatticeError> {
    let unit = f64::from(1 << WAVE_BITS);
    let waves = waves(scores);
    let vectors: Vec<Vec<u64>> = (0..2 * SERIES.len())
        .into_par_iter()
        .map(|vector| {
            let encode = |row: &Wave| {
                let (sine, cosine) = row[vector / 2];
                to_slot(if vector % 2 == 0 { sine } else { cosine } * unit)
            };
            waves.iter().map(encode).collect()
        })
        .collect();
    let encrypted = slots.encrypt_many(key, &vectors, rng)?;
    let bytes: Vec<Vec<u8>> = encrypted.par_iter().map(|vector| vector.to_bytes(slots)).collect();
    Ok(bytes.concat())
}

/// The masked answer to a query, and the own shares.
fn multiply_waves(
    slots: &SlotRing,
    key: &PublicKey,
    query: &[u8],
    scores: &[u64],
    scales: &[f64],
    rng: &mut Generator,
) -> Result<(Vec<u8>, Vec<u64>), LatticeError> {
    let unit = f64::from(1 << WAVE_BITS);
    let waves = waves(scores);
    let parts: Vec<&[u8]> = query.chunks_exact(slots.seeded_bytes()).collect();
    let mut sum = slots.start_sum();
    for (harmonic, coefficient) in SERIES.iter().enumerate() {
        let factor = coefficient * unit;
        let weighted = |part: fn(&(f64, f64)) -> f64| -> Vec<u64> {
            let rows = waves.iter().zip(scales);
            rows.map(|(row, scale)| to_slot(part(&row[harmonic]) * factor * scale)).collect()
        };
        let sines = EncryptedSlots::from_bytes(slots, parts[2 * harmonic])?;
        slots.add_product(&mut sum, &sines, &weighted(|(_, cosine)| *cosine))?;
        let cosines = EncryptedSlots::from_bytes(slots, parts[2 * harmonic + 1])?;
        slots.add_product(&mut sum, &cosines, &weighted(|(sine, _)| *sine))?;
    }
    let (answer, shares) = slots.mask_and_rerandomise(sum, key, rng);
    Ok((answer.to_bytes(slots), shares))
}

/// Sine and cosine of (2k+1)·2π·share/period for each harmonic k.
type Wave = [(f64, f64); SERIES.len()];

fn waves(scores: &[u64]) -> Vec<Wave> {
    let wave = |score: &u64| {
        let phase = (score % (1 << PERIOD_BITS)) as f64 / (1_u64 << PERIOD_BITS) as f64 * TAU;
        let (mut sine, mut cosine) = phase.sin_cos();
        // Turning by twice the phase leads from one odd harmonic to the next.
        let (turn_sine, turn_cosine) = (2.0 * sine * cosine, cosine * cosine - sine * sine);
        std::array::from_fn(|_| {
            let harmonic = (sine, cosine);
            (sine, cosine) =
                (sine * turn_cosine + cosine * turn_sine, cosine * turn_cosine - sine * turn_sine);
            harmonic
        })
    };
    scores.par_iter().map(wave).collect()
}

/// The slot of the nearest integer, for magnitudes below the slot modulus.
fn to_slot(value: f64) -> u64 {
    /// Adding 1.5·2^52 leaves the nearest integer in the low bits of a double, without a call or a
    /// branch.
    const ROUNDER: f64 = 1.5 * (1_u64 << 52) as f64;
    let rounded = (value + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits());
    // A negative number becomes its residue.
    rounded.wrapping_add(SLOT_MODULUS & ((rounded as i64) >> 63) as u64)
}

#[cfg(test)]
mod tests;
