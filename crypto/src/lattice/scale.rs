//! Moving plaintexts modulo t up to modulus Q and back: `round(Q·m/t)` and `round(t·x/Q)`.
//!
//! Both directions round the true quotient. The cheaper floor(Q/t)·m would add (Q mod t) whenever a
//! sum of plaintexts wraps modulo t, which sums of secret shares do all the time.

use zeroize::Zeroizing;

use super::modulus::{Factor, Modulus, reduce_once};
use super::ring::{CoefficientPoly, Ring};
use crate::random::Generator;

/// Reads a number modulo Q, given modulo each prime, as a fraction of Q.
///
/// With `y_i = x·(Q/p_i)^-1 mod p_i`, the fraction `x/Q` is the sum of all `y_i/p_i` modulo 1
/// (Chinese remainders; the multiples of Q fall away with the whole part).
#[derive(Clone, Debug)]
pub(super) struct Fractions {
    degree: usize,
    primes: Vec<Reciprocal>,
}

#[derive(Clone, Debug)]
struct Reciprocal {
    value: u64,
    /// (Q/p)^-1 modulo p.
    complement: Factor,
    /// floor(2^192 / p): the upper 128 bits and the lower 64.
    upper: u128,
    lower: u64,
}

impl Fractions {
    pub(super) fn new(ring: &Ring) -> Self {
        let reciprocal = |(index, modulus): (usize, &Modulus)| {
            let others = ring.moduli().enumerate().filter(|(other, _)| *other != index);
            let rest = others.fold(1, |product, (_, other)| {
                modulus.multiply(product, other.value() % modulus.value())
            });
            let value = u128::from(modulus.value());
            let mut digits = [0u128; 3];
            let mut remainder = 1u128;
            for digit in &mut digits {
                *digit = (remainder << 64) / value;
                remainder = (remainder << 64) % value;
            }
            Reciprocal {
                value: modulus.value(),
                complement: modulus.factor(modulus.invert(rest)),
                upper: digits[0] << 64 | digits[1],
                lower: digits[2] as u64,
            }
        };
        let primes = ring.moduli().enumerate().map(reciprocal).collect();
        Self { degree: ring.degree(), primes }
    }

    /// floor(2^128 · x/Q) modulo 2^128, short by less than two for each prime: cut are y·2^-192
    /// of the reciprocal (below 2^-14 here) and the product's own last bits (below 1).
    #[inline]
    pub(super) fn of(&self, residues: impl Iterator<Item = u64>) -> u128 {
        let mut fraction = 0u128;
        for (prime, residue) in self.primes.iter().zip(residues) {
            let quotient =
                ((u128::from(residue) * u128::from(prime.complement.quotient)) >> 52) as u64;
            let lazy = residue
                .wrapping_mul(prime.complement.value)
                .wrapping_sub(quotient.wrapping_mul(prime.value));
            let part = u128::from(reduce_once(lazy, prime.value));
            let lower = (part * u128::from(prime.lower)) >> 64;
            fraction = fraction.wrapping_add(part.wrapping_mul(prime.upper)).wrapping_add(lower);
        }
        fraction
    }

    /// The fraction of coefficient `index` of an element.
    #[inline]
    pub(super) fn of_coefficient(&self, words: &[u64], index: usize) -> u128 {
        self.of(words[index..].iter().step_by(self.degree).copied())
    }
}

/// round(2^bits · fraction) modulo 2^bits.
///
/// A mask r and the masked v + r are rounded separately by the two sides, and their results differ
/// by the rounding of v alone unless 2^bits·r/Q lies within v's noise of a half; what [`Fractions`]
/// cuts off adds less than 2^(bits - 125) to that width, 2^-61 at 64 bits.
#[inline]
pub(super) fn round_to_bits(fraction: u128, bits: u32) -> u128 {
    fraction.wrapping_add(1 << (127 - bits)) >> (128 - bits)
}

/// Plaintexts modulo t = 2^bits.
#[derive(Clone, Debug)]
pub(super) struct PowerScale {
    bits: u32,
    /// Q modulo 2^bits.
    modulus: u128,
    /// 2^(48 - bits) and 2^-bits modulo each prime.
    factors: Vec<[Factor; 2]>,
}

impl PowerScale {
    /// Prepares 2^`bits`, 64 to 96 bits.
    pub(super) fn new(ring: &Ring, bits: u32) -> Self {
        assert!((64..=96).contains(&bits), "plaintexts have 64 to 96 bits");
        let mask = (1 << bits) - 1;
        let product = |product: u128, value: u128| product.wrapping_mul(value);
        let modulus = ring.moduli().map(|modulus| u128::from(modulus.value())).fold(1, product);
        let factors = |modulus: &Modulus| {
            let inverse = modulus.invert(modulus.power(2, u64::from(bits)));
            let upper = modulus.multiply(inverse, modulus.power(2, 48));
            [modulus.factor(upper), modulus.factor(inverse)]
        };
        Self { bits, modulus: modulus & mask, factors: ring.moduli().map(factors).collect() }
    }

    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// Adds floor(Q·value/t + dither) of each value to the first coefficients of an element, for
    /// fresh dithers uniform in \[0, 1).
    ///
    /// A uniform dither makes the rounding error of expectation zero whatever the value is, so that
    /// errors of many equal values do not add up; it lies within an interval of length 1.
    ///
    /// With d = dither·t and L = (Q·value + d) mod t the sum is (Q·value + d - L)/t, and Q vanishes
    /// modulo its primes: the residue is (d - L)/t, here as (d - L + t)/t - 1.
    pub(super) fn add(
        &self,
        ring: &Ring,
        poly: &mut CoefficientPoly,
        values: impl ExactSizeIterator<Item = u128>,
        rng: &mut Generator,
    ) {
        let mask = (1 << self.bits) - 1;
        let count = values.len();
        let mut lower = Zeroizing::new(vec![0; count]);
        let mut upper = Zeroizing::new(Vec::with_capacity(count));
        rng.fill_words(&mut lower);
        for (word, value) in lower.iter_mut().zip(values) {
            let dither = u128::from(*word) << (self.bits - 64);
            let left = self.modulus.wrapping_mul(value).wrapping_add(dither) & mask;
            let scaled = dither.wrapping_add(1 << self.bits).wrapping_sub(left);
            upper.push((scaled >> 48) as u64);
            *word = scaled as u64 & ((1 << 48) - 1);
        }
        for (prime, words) in poly.words.chunks_exact_mut(ring.degree()).enumerate() {
            let numbers = [&upper[..], &lower[..]];
            let (modulus, factors) = (ring.modulus(prime), self.factors[prime]);
            ring.engine().add_scaled(modulus, &mut words[..count], numbers, factors);
        }
    }
}

/// Plaintexts modulo a prime t.
#[derive(Clone, Debug)]
pub(super) struct PrimeScale {
    plain: Modulus,
    /// Q modulo t.
    modulus: Factor,
    /// 1/t modulo each prime of Q.
    inverses: Vec<Factor>,
}

impl PrimeScale {
    pub(super) fn new(ring: &Ring, plain: Modulus) -> Self {
        let modulus = ring
            .moduli()
            .fold(1, |product, modulus| plain.multiply(product, modulus.value() % plain.value()));
        let inverse =
            |modulus: &Modulus| modulus.factor(modulus.invert(plain.value() % modulus.value()));
        let inverses = ring.moduli().map(inverse).collect();
        Self { modulus: plain.factor(modulus), plain, inverses }
    }

    /// Adds round(Q·value/t) of each value to the coefficients of an element: see
    /// [`PowerScale::add`], with d = floor(t/2).
    pub(super) fn add(&self, ring: &Ring, poly: &mut CoefficientPoly, values: &[u64]) {
        let half = self.plain.value() / 2;
        let scaled = |value: &u64| {
            let left = self.plain.add(self.plain.multiply_by(*value, self.modulus), half);
            half + self.plain.value() - left
        };
        let numbers: Zeroizing<Vec<u64>> = Zeroizing::new(values.iter().map(scaled).collect());
        let zeros = vec![0; values.len()];
        for (prime, words) in poly.words.chunks_exact_mut(ring.degree()).enumerate() {
            let (modulus, factor) = (ring.modulus(prime), self.inverses[prime]);
            let numbers = [&zeros[..], &numbers[..]];
            ring.engine().add_scaled(modulus, &mut words[..values.len()], numbers, [factor; 2]);
        }
    }

    /// round(t · fraction) modulo t.
    #[inline]
    pub(super) fn round(&self, fraction: u128) -> u64 {
        let plain = u128::from(self.plain.value());
        let upper = (fraction >> 64) * plain;
        let lower = (fraction & u128::from(u64::MAX)) * plain;
        let rounded = ((upper + (lower >> 64) + (1 << 63)) >> 64) as u64;
        reduce_once(rounded, self.plain.value())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lattice::parameters::Parameters;

    fn ring() -> Ring {
        Ring::new(Parameters::insecure(16))
    }

    /// The residues of one encoded value.
    fn encoded(ring: &Ring, scale: &PowerScale, value: u128, seed: u64) -> Vec<u64> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut poly = ring.zero();
        scale.add(ring, &mut poly, [value].into_iter(), &mut Generator::from_seed(bytes));
        poly.words.into_iter().step_by(ring.degree()).collect()
    }

    /// Adds a small number modulo each prime.
    fn shifted(ring: &Ring, residues: &[u64], noise: i64) -> Vec<u64> {
        let shift = |(modulus, word): (&Modulus, &u64)| modulus.add(*word, modulus.signed(noise));
        ring.moduli().zip(residues).map(shift).collect()
    }

    proptest! {
        #[test]
        fn powers_of_two_round_trip_under_noise(
            value: u128, seed: u64, noise in -(1i64 << 48)..1i64 << 48, bits in 64u32..=96,
        ) {
            let ring = ring();
            let (scale, fractions) = (PowerScale::new(&ring, bits), Fractions::new(&ring));
            let value = value >> (128 - bits);
            let residues = encoded(&ring, &scale, value, seed);
            let residues = shifted(&ring, &residues, noise);
            let fraction = fractions.of(residues.iter().copied());
            prop_assert_eq!(round_to_bits(fraction, bits), value);
        }

        #[test]
        fn primes_round_trip_under_noise(value: u64, noise in -(1i64 << 48)..1i64 << 48) {
            let ring = ring();
            let plain = Modulus::new(4_398_046_150_657);
            let value = value % plain.value();
            let (scale, fractions) = (PrimeScale::new(&ring, plain), Fractions::new(&ring));
            let mut poly = ring.zero();
            scale.add(&ring, &mut poly, &[value]);
            let residues: Vec<u64> = poly.words.into_iter().step_by(ring.degree()).collect();
            let residues = shifted(&ring, &residues, noise);
            prop_assert_eq!(scale.round(fractions.of(residues.iter().copied())), value);
        }
    }

    #[test]
    fn sums_of_scaled_values_wrap_without_drift() {
        let ring = ring();
        let (scale, fractions) = (PowerScale::new(&ring, 64), Fractions::new(&ring));
        let residues = encoded(&ring, &scale, u128::from(u64::MAX), 1);
        let many = ring.moduli().zip(residues).map(|(modulus, one)| modulus.multiply(one, 300_000));
        let fraction = fractions.of(many);
        assert_eq!(round_to_bits(fraction, 64) as u64, 300_000u64.wrapping_neg());
    }

    #[test]
    fn fractions_of_small_multiples_of_q_over_a_power_of_two() {
        let ring = ring();
        let (scale, fractions) = (PowerScale::new(&ring, 64), Fractions::new(&ring));
        for value in [0, 1, 1 << 63, u64::MAX] {
            let residues = encoded(&ring, &scale, u128::from(value), 1);
            let distance =
                fractions.of(residues.into_iter()).wrapping_sub(u128::from(value) << 64) as i128;
            // One unit of Q/2^64 is 2^64 here; the rounding to whole numbers is 2^-86 of it.
            assert!(distance.unsigned_abs() <= 8, "{distance}");
        }
    }
}
