//! The series of each accuracy, and what is done where a score lies beyond them.

use crypto::lattice::Parameters;
use crypto::lattice::slots::SLOT_MODULUS;
use crypto::random::Generator;
use zeroize::Zeroizing;

use super::waves;
use crate::boolean::Bits;
use crate::comparison::signs_beside;
use crate::conversion::{lift, select};
use crate::{MpcError, TwoParty};

/// A series and how it is computed.
pub(super) struct Form {
    /// sigmoid(z) - 1/2 ≈ `Σ_k series[k]·sin((2k+1)·2π·z/period)` for |z| up to a quarter of the
    /// period.
    pub(super) series: &'static [f64],
    /// An odd number by which both parties multiply their shares: the period in ring units is
    /// 2^`period_bits` divided by it.
    multiplier: u64,
    /// See `multiplier`.
    period_bits: u32,
    /// Fractional bits of the first party's sines and cosines, which carry `series` and `s_i`, and
    /// of the second's.
    pub(super) wave_bits: [u32; 2],
    /// Whether the first party rounds its waves up or down by chance, so that even the weakest
    /// harmonics, of less than one unit, are right on the average.
    pub(super) dithers: bool,
    pub(super) parameters: Parameters,
    /// Above 6·`ROW_SCALE_MAX`·0.502·2^`wave_bits`, for the lift.
    pub(super) slot_modulus: u64,
    /// What stands for the sigmoid beyond a quarter of the period; 1 minus it on the other side.
    limit: f64,
    saturation: Saturation,
}

/// Which bits of the scores' shares say where they lie beyond the series: so many, from `shift` up.
///
/// Dropping the lower bits of both shares loses up to one step of 2^`shift`, so the decision falls
/// up to a step late, where the series, symmetric about a quarter of its period, still holds.
#[derive(Clone, Copy)]
struct Saturation {
    shift: u32,
    bits: usize,
}

pub(super) const FINE: Form = Form {
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
    multiplier: 1,
    period_bits: 48,
    wave_bits: [19, 19],
    dithers: false,
    parameters: Parameters::N8192_Q150,
    slot_modulus: SLOT_MODULUS,
    limit: 1.0,
    // Steps of 0.39 scores, of every score: a sign and six digits of a comparison.
    saturation: Saturation { shift: 41, bits: 23 },
};

pub(super) const COARSE: Form = Form {
    series: &[0.575_658, 0.094_434, 0.019_778, 0.003_900],
    multiplier: 1,
    period_bits: 47,
    wave_bits: [9, 8],
    dithers: false,
    parameters: Parameters::N8192_Q100,
    slot_modulus: 2_752_513,
    // Half way between 1 and the sigmoid of 6.25.
    limit: 0.999_037,
    // Scores below 1600: a sign and three digits.
    saturation: Saturation { shift: 41, bits: 13 },
};

pub(super) const EVEN: Form = Form {
    series: &[0.595_089, 0.121_699, 0.033_170, 0.009_103, 0.002_588, 0.000_725],
    dithers: true,
    multiplier: 13,
    period_bits: 51,
    // Half way between 1 and the sigmoid of 7.69.
    limit: 0.999_772,
    // As many digits as the fine one takes reach one bit deeper.
    saturation: Saturation { shift: 40, bits: 24 },
    ..COARSE
};

impl Form {
    /// Shares of what the series gives, from its sum in slots; `scales` in units of the result.
    pub(super) async fn inside(
        &self,
        party: &mut TwoParty,
        series: &[u64],
        scales: &[u64],
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        let bits = self.wave_bits[0] + self.wave_bits[1];
        let drop = bits.saturating_sub(fraction_bits);
        let rise = fraction_bits.saturating_sub(bits);
        let series = lift(party, series, self.slot_modulus, drop).await?;
        let mut inside: Vec<u64> = series.into_iter().map(|value| value << rise).collect();
        for (value, scale) in inside.iter_mut().zip(scales) {
            *value = value.wrapping_add(scale / 2);
        }
        Ok(inside)
    }

    /// Puts the limits in place of `inside` where a score is beyond the series.
    pub(super) async fn saturate(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
        scales: &[u64],
        inside: Vec<u64>,
    ) -> Result<Vec<u64>, MpcError> {
        let (high, low) = self.beyond(party, scores).await?;
        let count = scores.len();
        let mut corrections: Vec<u64> = inside.iter().map(|value| value.wrapping_neg()).collect();
        corrections.extend_from_within(..);
        let (to_high, to_low) = corrections.split_at_mut(count);
        for ((high, low), scale) in to_high.iter_mut().zip(to_low).zip(scales) {
            let limit = (self.limit * *scale as f64).round() as u64;
            *high = high.wrapping_add(limit);
            *low = low.wrapping_add(scale - limit);
        }
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

    /// Bits for "the score is above a quarter of the period" and "it is below minus that", within
    /// one step.
    async fn beyond(&self, party: &mut TwoParty, scores: &[u64]) -> Result<(Bits, Bits), MpcError> {
        let Saturation { shift, bits } = self.saturation;
        let steps: Vec<u64> = scores.iter().map(|score| score >> shift).collect();
        let quarter = ((1_u64 << (self.period_bits - 2)) / self.multiplier) >> shift;
        let offsets = [quarter.wrapping_neg(), quarter + 1];
        let signs = signs_beside(party, &steps, &offsets, bits).await?;
        let mut signs = signs.into_iter();
        let (high, low) = (signs.next().unwrap_or_default(), signs.next().unwrap_or_default());
        Ok((if party.is_first() { high.complement() } else { high }, low))
    }

    /// What is added to each of so many numbers before it is rounded to the nearest integer:
    /// uniform numbers around 0 where numbers go up or down by chance, else zeros.
    pub(super) fn dithers(&self, count: usize, rng: &mut Generator) -> Zeroizing<Vec<f64>> {
        let mut dithers = Zeroizing::new(vec![0.0; count]);
        if self.dithers {
            let mut words = Zeroizing::new(vec![0; count]);
            rng.fill_words(&mut words);
            for (dither, word) in dithers.iter_mut().zip(&*words) {
                *dither = (*word >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
            }
        }
        dithers
    }

    /// The waves of shares of scores.
    pub(super) fn waves(&self, scores: &[u64]) -> Vec<(f64, f64)> {
        let scores: Vec<u64> =
            scores.iter().map(|score| score.wrapping_mul(self.multiplier)).collect();
        waves(self.series.len(), self.period_bits, &scores)
    }
}
