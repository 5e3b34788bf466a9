//! The logistic function on shares, accurate to 1e-5 everywhere, or cheaper to 0.012.
//!
//! # Functionality
//! The parties hold shares of scores `z_i` in units of [`SCORE_UNIT`]; the first party knows a
//! factor `s_i` for each row (a weight). Both get shares of `s_i/(1 + exp(-z_i))` with the stated
//! number of fractional bits. [`Accuracy::Fine`]: with an error below `1e-5·max(s_i, 1)`, for every
//! `z_i` that the ring can hold (|z| < 1.6 million). [`Accuracy::Coarse`]: with an error below
//! `0.012·max(s_i, 1)`, of which at most 0.002 is a function of `z_i` and the rest rounding of
//! expectation 0 and deviation 0.0015, for |z| < 1600.
//! # Messages
//! 1. `public_key` second → first, once: the keys for both accuracies
//! 2. `harmonics` second → first: sines and cosines of the odd multiples of its share, encrypted
//! 3. `products` first → second: their inner products with the first party's, masked
//! 4. comparison, lifting and selection (see `comparison`, `conversion`)
//! # Leaks
//! Nothing but the number of rows.
//! # Security
//! Semi-honest, from ring-LWE and the transfers.
//! # Cost
//! About 14 flights for each 98,304 rows; per row, rows in whole 8192, 600 bytes of harmonics and
//! 37.5 of products, coarse 100 and 25; and per row about 300 of transfers, coarse 170, with silent
//! ones and their batches 124 and 81 (both parties together).
//! # Reference
//! sin(a + b) = sin a·cos b + cos a·sin b on local shares: Lu et al., "Squirrel", USENIX Security
//! 2023 (eprint 2023/527), section 4.3. Here with half-wave symmetry (odd harmonics only), a
//! minimax fit on a quarter of the period and secure saturation outside. Fine: period 50, largest
//! error of the fit 1.5e-6 for |z| ≤ 12.5. Coarse: period 25, largest error 9.7e-4 for |z| ≤ 6.25,
//! and 1.93e-3 just beyond, where 1 stands for the sigmoid.

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

/// Ring units of a score of 1.0: 2^48/50, so that the periods of both series are powers of two and
/// a share's own wrap around changes no sine.
pub const SCORE_UNIT: f64 = (1_u64 << 48) as f64 / 50.0;
/// Largest factor `s_i` of a row that keeps the products far enough below the slot modulus.
pub const ROW_SCALE_MAX: f64 = 4.0;
/// Fractional bits that may be asked for.
pub const FRACTION_BITS_MAX: u32 = 38;

/// How exact a sigmoid has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accuracy {
    /// To 0.012, for a third of the bytes.
    Coarse,
    /// To 1e-5.
    Fine,
}

/// A series and how it is computed.
struct Form {
    /// sigmoid(z) - 1/2 ≈ `Σ_k series[k]·sin((2k+1)·2π·z/period)` for |z| up to a quarter of the
    /// period.
    series: &'static [f64],
    /// log2 of the ring units of a period.
    period_bits: u32,
    /// Fractional bits of the first party's sines and cosines, which carry `series` and `s_i`, and
    /// of the second's.
    wave_bits: [u32; 2],
    parameters: Parameters,
    /// Above 6·`ROW_SCALE_MAX`·0.502·2^`wave_bits`, for the lift.
    slot_modulus: u64,
    /// Bits of the scores that saturation looks at, from `COARSE_SHIFT` up.
    coarse_bits: usize,
}

const FINE: Form = Form {
    series: &[
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
    ],
    period_bits: 48,
    wave_bits: [19, 19],
    parameters: Parameters::N8192_Q150,
    slot_modulus: SLOT_MODULUS,
    coarse_bits: 64 - COARSE_SHIFT as usize,
};

const COARSE: Form = Form {
    series: &[0.575_658, 0.094_434, 0.019_778, 0.003_900],
    period_bits: 47,
    wave_bits: [9, 8],
    parameters: Parameters::N8192_Q100,
    slot_modulus: 2_752_513,
    // A sign and three digits of a comparison.
    coarse_bits: 13,
};

/// Saturation looks at the shares' bits from here up: steps of 2^41 units, 0.39 scores. Dropping
/// low bits of both shares loses up to one step, so the decision falls up to a step late, where the
/// series, symmetric about a quarter of its period, still holds.
const COARSE_SHIFT: u32 = 41;
/// Ring elements of rows that are worked on at once, which bounds memory (64 MiB of harmonics).
const GROUP: usize = 12;

/// The state of one party: ring tables and keys.
pub struct Sigmoid {
    fine: Circuit,
    coarse: Circuit,
}

/// What one accuracy needs.
struct Circuit {
    form: &'static Form,
    slots: SlotRing,
    keys: Keys,
}

enum Keys {
    /// The first party multiplies under the second party's key.
    First(PublicKey),
    Second(SecretKey),
}

impl Sigmoid {
    /// Makes the second party's keys and hands the public ones over.
    #[net::boxed]
    pub async fn prepare(party: &mut TwoParty) -> Result<Self, MpcError> {
        const STEP: &str = "public_key";
        let rings = [&FINE, &COARSE].map(|form| {
            let ring = Ring::new(form.parameters);
            (form, SlotRing::with_modulus(&ring, form.slot_modulus))
        });
        let first = party.is_first();
        let session = &mut party.session;
        let mut circuits = Vec::with_capacity(rings.len());
        if first {
            let size = rings.iter().map(|(_, slots)| slots.seeded_bytes()).sum();
            let bytes = session.receive_bytes(STEP, Size::Exactly(size)).await?;
            let mut rest = bytes.as_slice();
            for (form, slots) in rings {
                let (bytes, further) = rest.split_at(slots.seeded_bytes());
                let key = PublicKey::from_bytes(&slots, bytes);
                let key = key.map_err(|error| blame(session, STEP, error))?;
                circuits.push(Circuit { form, slots, keys: Keys::First(key) });
                rest = further;
            }
        } else {
            let mut bytes = Vec::new();
            for (form, slots) in rings {
                let (secret, public) = slots.generate_keys(&mut session.rng());
                bytes.extend(public.to_bytes(&slots));
                circuits.push(Circuit { form, slots, keys: Keys::Second(secret) });
            }
            session.send_bytes(STEP, bytes).await?;
        }
        let mut circuits = circuits.into_iter();
        match (circuits.next(), circuits.next()) {
            (Some(fine), Some(coarse)) => Ok(Self { fine, coarse }),
            _ => Err(MpcError::InvalidInput("a sigmoid has two circuits".to_owned())),
        }
    }

    /// Shares of `s_i·sigmoid(z_i)` with `fraction_bits` fractional bits (at most
    /// [`FRACTION_BITS_MAX`]).
    ///
    /// `scores` are shares in [`SCORE_UNIT`]; `row_scales` are the `s_i` (0 to [`ROW_SCALE_MAX`]),
    /// used by the first party only.
    #[net::boxed]
    pub async fn evaluate(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
        row_scales: &[f64],
        fraction_bits: u32,
        accuracy: Accuracy,
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
        let circuit = match accuracy {
            Accuracy::Coarse => &self.coarse,
            Accuracy::Fine => &self.fine,
        };
        let group = GROUP * circuit.slots.slots();
        let mut results = Vec::with_capacity(scores.len());
        for start in (0..scores.len()).step_by(group) {
            let rows = start..scores.len().min(start + group);
            let scales = row_scales.get(rows.clone()).unwrap_or_default();
            results.extend(circuit.group(party, &scores[rows], scales, fraction_bits).await?);
        }
        Ok(results)
    }
}

impl Circuit {
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
        let [first, second] = self.form.wave_bits;
        let drop = (first + second).saturating_sub(fraction_bits);
        let series = lift(party, &series, self.form.slot_modulus, drop).await?;
        let rise = fraction_bits.saturating_sub(first + second);
        let unit = (1_u64 << fraction_bits) as f64;
        let whole = |scale: &f64| (scale * unit).round() as u64;
        let mut inside: Vec<u64> = series.into_iter().map(|value| value << rise).collect();
        for (value, scale) in inside.iter_mut().zip(scales) {
            *value = value.wrapping_add(whole(scale) / 2);
        }
        // Beyond the series: s where z is large, 0 where -z is large.
        let (high, low) = self.form.saturation(party, scores).await?;
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
            let message = session.compute(|| self.encrypt_waves(key, chunk, &mut rng)).await?;
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
        let size = Size::Exactly(2 * self.form.series.len() * slots.seeded_bytes());
        let mut chunks = Vec::new();
        for (scores, scales) in scores.chunks(slots.slots()).zip(scales.chunks(slots.slots())) {
            let query = session.receive_bytes(QUERY, size).await?;
            chunks.push((query, scores, scales, session.rng()));
        }
        let answers = session
            .compute(|| {
                let answer = |(query, scores, scales, mut rng): (Vec<u8>, _, _, Generator)| {
                    self.multiply_waves(key, &query, scores, scales, &mut rng)
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

    /// Encrypts, harmonic after harmonic, the sines and then the cosines of a chunk of shares.
    fn encrypt_waves(
        &self,
        key: &SecretKey,
        scores: &[u64],
        rng: &mut Generator,
    ) -> Result<Vec<u8>, LatticeError> {
        let Self { form, slots, .. } = self;
        let unit = f64::from(1 << form.wave_bits[1]);
        let waves = waves(form.series.len(), form.period_bits, scores);
        let count = form.series.len();
        let vectors: Vec<Vec<u64>> = (0..2 * count)
            .into_par_iter()
            .map(|vector| {
                let encode = |row: &[(f64, f64)]| {
                    let (sine, cosine) = row[vector / 2];
                    let wave = if vector % 2 == 0 { sine } else { cosine };
                    to_slot(wave * unit, form.slot_modulus)
                };
                waves.chunks_exact(count).map(encode).collect()
            })
            .collect();
        let encrypted = slots.encrypt_many(key, &vectors, rng)?;
        let bytes: Vec<Vec<u8>> =
            encrypted.par_iter().map(|vector| vector.to_bytes(slots)).collect();
        Ok(bytes.concat())
    }

    /// The masked answer to a query, and the own shares.
    fn multiply_waves(
        &self,
        key: &PublicKey,
        query: &[u8],
        scores: &[u64],
        scales: &[f64],
        rng: &mut Generator,
    ) -> Result<(Vec<u8>, Vec<u64>), LatticeError> {
        let Self { form, slots, .. } = self;
        let unit = f64::from(1 << form.wave_bits[0]);
        let waves = waves(form.series.len(), form.period_bits, scores);
        let parts: Vec<&[u8]> = query.chunks_exact(slots.seeded_bytes()).collect();
        let mut sum = slots.start_sum();
        for (harmonic, coefficient) in form.series.iter().enumerate() {
            let factor = coefficient * unit;
            let weighted = |part: fn(&(f64, f64)) -> f64| -> Vec<u64> {
                let rows = waves.chunks_exact(form.series.len()).zip(scales);
                let slot = |(row, scale): (&[(f64, f64)], &f64)| {
                    to_slot(part(&row[harmonic]) * factor * scale, form.slot_modulus)
                };
                rows.map(slot).collect()
            };
            let sines = EncryptedSlots::from_bytes(slots, parts[2 * harmonic])?;
            slots.add_product(&mut sum, &sines, &weighted(|(_, cosine)| *cosine))?;
            let cosines = EncryptedSlots::from_bytes(slots, parts[2 * harmonic + 1])?;
            slots.add_product(&mut sum, &cosines, &weighted(|(sine, _)| *sine))?;
        }
        let (answer, shares) = slots.mask_and_rerandomise(sum, key, rng);
        Ok((answer.to_bytes(slots), shares))
    }
}

impl Form {
    /// Bits for "the score is above a quarter of the period" and "it is below minus that", within
    /// one coarse step.
    async fn saturation(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
    ) -> Result<(Bits, Bits), MpcError> {
        let coarse: Vec<u64> = scores.iter().map(|score| score >> COARSE_SHIFT).collect();
        let quarter = 1_u64 << (self.period_bits - 2 - COARSE_SHIFT);
        let offsets = [quarter.wrapping_neg(), quarter + 1];
        let signs = signs_beside(party, &coarse, &offsets, self.coarse_bits).await?;
        let mut signs = signs.into_iter();
        let (high, low) = (signs.next().unwrap_or_default(), signs.next().unwrap_or_default());
        Ok((if party.is_first() { high.complement() } else { high }, low))
    }
}

/// Sine and cosine of (2k+1)·2π·share/period for each of so many harmonics k, row after row. Call
/// inside `Session::compute`.
pub(crate) fn waves(count: usize, period_bits: u32, scores: &[u64]) -> Vec<(f64, f64)> {
    let period = 1_u64 << period_bits;
    let mut waves = vec![(0.0, 0.0); count * scores.len()];
    waves.par_chunks_mut(count).zip(scores).for_each(|(row, score)| {
        let phase = (score % period) as f64 / period as f64 * TAU;
        let (mut sine, mut cosine) = phase.sin_cos();
        // Turning by twice the phase leads from one odd harmonic to the next.
        let (turn_sine, turn_cosine) = (2.0 * sine * cosine, cosine * cosine - sine * sine);
        for wave in row {
            *wave = (sine, cosine);
            (sine, cosine) =
                (sine * turn_cosine + cosine * turn_sine, cosine * turn_cosine - sine * turn_sine);
        }
    });
    waves
}

/// The slot of the nearest integer, for magnitudes below the slot modulus.
pub(crate) fn to_slot(value: f64, modulus: u64) -> u64 {
    /// Adding 1.5·2^52 leaves the nearest integer in the low bits of a double, without a call or a
    /// branch.
    const ROUNDER: f64 = 1.5 * (1_u64 << 52) as f64;
    let rounded = (value + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits());
    // A negative number becomes its residue.
    rounded.wrapping_add(modulus & ((rounded as i64) >> 63) as u64)
}

#[cfg(test)]
mod tests;
