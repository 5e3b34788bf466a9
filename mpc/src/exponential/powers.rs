//! Powers of two modulo a prime and as fixed-point numbers, in constant time.

use std::f64::consts::{LN_2, SQRT_2};

/// Bits of exponents, sign included: octaves of a share lie within ±2^23, those of one of several
/// parties below 2^25.
const EXPONENT_BITS: u32 = 26;
/// The lowest bits of an exponent, which one shift takes care of.
const SHIFT_BITS: u32 = 4;

/// A prime below 2^63 with the factors that lead to any power of two.
#[derive(Debug)]
pub(crate) struct Powers {
    prime: u64,
    /// 2^(-2^25), which makes exponents positive.
    start: Factor,
    /// For each pair of exponent bits from [`SHIFT_BITS`] up, the powers for 0, 1, 2 and 3.
    steps: Vec<[Factor; 4]>,
}

/// A fixed factor with floor(value · 2^64 / prime): Shoup's product, see Harvey, "Faster arithmetic
/// for number-theoretic transforms", 2014, section 2.
#[derive(Clone, Copy, Debug)]
struct Factor {
    value: u64,
    quotient: u64,
}

/// Two primes, and what joins residues modulo each to one modulo their product.
#[derive(Debug)]
pub(crate) struct PairOfPrimes {
    powers: [Powers; 2],
    /// 1/(first prime) modulo the second.
    inverse: u64,
}

impl PairOfPrimes {
    /// Prepares two odd primes below 2^50, of which the first is above the second by less than the
    /// second.
    pub(crate) fn new(primes: [u64; 2]) -> Self {
        Self { powers: primes.map(Powers::new), inverse: inverse(primes[0], primes[1]) }
    }

    /// The powers modulo each.
    pub(crate) fn powers(&self) -> &[Powers; 2] {
        &self.powers
    }

    /// Their product.
    pub(crate) fn modulus(&self) -> u128 {
        let [first, second] = &self.powers;
        u128::from(first.prime) * u128::from(second.prime)
    }

    /// The number modulo their product with these residues (Garner).
    pub(crate) fn join(&self, left: u64, right: u64) -> u128 {
        let [first, second] = &self.powers;
        let left_here = second.subtract(left, second.prime);
        let difference = second.subtract(right, left_here);
        let digit = u128::from(difference) * u128::from(self.inverse) % u128::from(second.prime);
        u128::from(left) + u128::from(first.prime) * digit
    }
}

/// 1/number modulo a prime, by Fermat.
fn inverse(number: u64, prime: u64) -> u64 {
    let prime = u128::from(prime);
    let (mut base, mut exponent, mut inverse) = (u128::from(number) % prime, prime - 2, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            inverse = inverse * base % prime;
        }
        base = base * base % prime;
        exponent >>= 1;
    }
    inverse as u64
}

impl Powers {
    /// Prepares an odd prime below 2^63.
    pub(super) fn new(prime: u64) -> Self {
        let multiply = |x: u64, y: u64| (u128::from(x) * u128::from(y) % u128::from(prime)) as u64;
        let factor = |value: u64| {
            let quotient = ((u128::from(value) << 64) / u128::from(prime)) as u64;
            Factor { value, quotient }
        };
        let mut start = prime.div_ceil(2);
        for _ in 0..EXPONENT_BITS - 1 {
            start = multiply(start, start);
        }
        let mut step = 1 << (1 << SHIFT_BITS);
        let pair = |_| {
            let powers = [1, step, multiply(step, step), multiply(step, multiply(step, step))];
            step = multiply(powers[2], powers[2]);
            powers.map(factor)
        };
        let steps = (0..(EXPONENT_BITS - SHIFT_BITS) / 2).map(pair).collect();
        Self { prime, start: factor(start), steps }
    }

    /// number · 2^exponent modulo the prime, for a magnitude below 2^(63 - 16) and an exponent of
    /// at least -2^25 and below 2^25.
    pub(crate) fn times_power(&self, number: i64, exponent: i32) -> u64 {
        let exponent = (exponent + (1 << (EXPONENT_BITS - 1))) as u32;
        let magnitude = number.unsigned_abs() << (exponent % (1 << SHIFT_BITS));
        let mut product = self.multiply(magnitude, self.start);
        for (index, powers) in self.steps.iter().enumerate() {
            let digit = exponent >> (SHIFT_BITS + 2 * index as u32) & 3;
            product = self.multiply(product, choose(powers, digit));
        }
        let negative = (number >> 63) as u64;
        (product & !negative) | (self.negate(product) & negative)
    }

    /// The difference of two residues.
    pub(super) fn subtract(&self, left: u64, right: u64) -> u64 {
        let difference = left.wrapping_sub(right);
        difference.wrapping_add(self.prime & ((difference as i64) >> 63) as u64)
    }

    fn negate(&self, residue: u64) -> u64 {
        self.subtract(0, residue)
    }

    fn multiply(&self, number: u64, factor: Factor) -> u64 {
        let quotient = ((u128::from(number) * u128::from(factor.quotient)) >> 64) as u64;
        let lazy =
            number.wrapping_mul(factor.value).wrapping_sub(quotient.wrapping_mul(self.prime));
        self.subtract(lazy, self.prime)
    }
}

/// The factor at `digit`, by masks.
fn choose(factors: &[Factor; 4], digit: u32) -> Factor {
    let mut chosen = Factor { value: 0, quotient: 0 };
    for (index, factor) in factors.iter().enumerate() {
        let is_it = u64::from(index as u32 == digit).wrapping_neg();
        chosen.value |= factor.value & is_it;
        chosen.quotient |= factor.quotient & is_it;
    }
    chosen
}

/// 2^fraction for a fraction in 0..1, within 2^-45: the Taylor series of e^x around the middle,
/// whose first term left out is below (ln 2 / 2)^13 / 13!.
pub(crate) fn power_of_fraction(fraction: f64) -> f64 {
    const TERMS: u32 = 12;
    let exponent = (fraction - 0.5) * LN_2;
    let series = (1..=TERMS).rev().fold(1.0, |sum, term| 1.0 + sum * exponent / f64::from(term));
    SQRT_2 * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_agree_with_repeated_products() {
        for prime in super::super::PRIMES {
            let powers = Powers::new(prime);
            let half = prime.div_ceil(2);
            for exponent in [0, 1, 2, 15, 16, 17, 255, 4097, 8_388_607, -1, -2, -77, -8_388_608] {
                let (base, times) = if exponent < 0 { (half, -exponent) } else { (2, exponent) };
                let mut expected = 12_345_u128;
                for _ in 0..times {
                    expected = expected * u128::from(base) % u128::from(prime);
                }
                let found = powers.times_power(12_345, exponent);
                assert_eq!(u128::from(found), expected, "2^{exponent} modulo {prime}");
                let negative = powers.times_power(-12_345, exponent);
                assert_eq!(negative, prime - found, "2^{exponent} modulo {prime}");
            }
            assert_eq!(powers.times_power(0, 5), 0);
        }
    }

    #[test]
    fn fractions_agree_with_the_library() {
        for step in 0..=1000 {
            let fraction = f64::from(step) / 1000.0;
            let error = (power_of_fraction(fraction) - fraction.exp2()).abs();
            assert!(error < 2_f64.powi(-45), "2^{fraction}: {error:e}");
        }
    }
}
