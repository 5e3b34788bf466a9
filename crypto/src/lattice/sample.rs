//! Secrets and errors.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::ring::{CoefficientPoly, Ring};
use crate::random::Generator;

/// A secret element with coefficients in {-1, 0, 1}: one bit per coefficient for each sign.
///
/// Wiped when dropped; shows no content in `Debug`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Ternary {
    degree: usize,
    positive: Vec<u64>,
    negative: Vec<u64>,
}

impl Ternary {
    /// Every coefficient uniform over the three values.
    ///
    /// Two bits a coefficient; those with both bits set are drawn again. The number of draws
    /// depends on what was rejected only.
    pub(super) fn random(degree: usize, rng: &mut Generator) -> Self {
        let mut ternary = Self { degree, positive: Vec::new(), negative: Vec::new() };
        for start in (0..degree).step_by(64) {
            let lanes = u64::MAX >> (64 - (degree - start).min(64));
            let (mut positive, mut negative, mut open) = (0, 0, lanes);
            while open != 0 {
                let (left, right) = (rng.next_u64(), rng.next_u64());
                positive |= left & !right & open;
                negative |= right & !left & open;
                open &= left & right;
            }
            ternary.positive.push(positive);
            ternary.negative.push(negative);
        }
        ternary
    }

    /// The vector `v` with `⟨v, w⟩` = constant coefficient of `u·w` for this `u`: `v_0 = u_0` and,
    /// since `X^N = -1`, `v_i = -u_(N - i)`.
    pub(super) fn reversed(&self) -> Self {
        let words = self.positive.len();
        let mut reversed =
            Self { degree: self.degree, positive: vec![0; words], negative: vec![0; words] };
        let bit = |bits: &[u64], index: usize| bits[index / 64] >> (index % 64) & 1;
        reversed.positive[0] = bit(&self.positive, 0);
        reversed.negative[0] = bit(&self.negative, 0);
        for index in 1..self.degree {
            let from = self.degree - index;
            reversed.positive[index / 64] |= bit(&self.negative, from) << (index % 64);
            reversed.negative[index / 64] |= bit(&self.positive, from) << (index % 64);
        }
        reversed
    }

    /// The element in coefficient form.
    pub(super) fn to_poly(&self, ring: &Ring) -> CoefficientPoly {
        let mut coefficients = Zeroizing::new(vec![0i32; self.degree]);
        for (index, coefficient) in coefficients.iter_mut().enumerate() {
            let bit = |bits: &[u64]| (bits[index / 64] >> (index % 64) & 1) as i32;
            *coefficient = bit(&self.positive) - bit(&self.negative);
        }
        ring.small(&coefficients)
    }

    /// ⟨this, words⟩ modulo 2^64.
    pub(super) fn sum(&self, ring: &Ring, words: &[u64]) -> i64 {
        ring.engine().ternary_sum(&self.positive, &self.negative, words)
    }

    /// ⟨this, words⟩ modulo every prime, for the words of one element.
    pub(super) fn dot<'a>(
        &'a self,
        ring: &'a Ring,
        words: &'a [u64],
    ) -> impl Iterator<Item = u64> + 'a {
        ring.moduli()
            .zip(words.chunks_exact(self.degree))
            .map(move |(modulus, words)| modulus.reduce_signed(i128::from(self.sum(ring, words))))
    }
}

impl core::fmt::Debug for Ternary {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Ternary").finish_non_exhaustive()
    }
}

/// The centred binomial distribution of 42 coins: standard deviation sqrt(21/2) = 3.24, at most 21
/// in magnitude, and sub-Gaussian with the same variance proxy 21/2 (a sum of 42 fair ±1/2).
pub(super) const ERROR_VARIANCE: f64 = 10.5;

/// The largest magnitude of an error.
pub(super) const ERROR_MAX: u64 = 21;

/// Draws an error from the lower 42 bits of a uniform word.
fn error(word: u64) -> i32 {
    const COINS: u64 = (1 << 21) - 1;
    (word & COINS).count_ones() as i32 - (word >> 21 & COINS).count_ones() as i32
}

/// Adds a fresh error to every coefficient of an element.
pub(super) fn add_errors(ring: &Ring, poly: &mut CoefficientPoly, rng: &mut Generator) {
    let mut random = Zeroizing::new(vec![0; ring.degree()]);
    rng.fill_words(&mut random);
    let errors: Zeroizing<Vec<i32>> =
        Zeroizing::new(random.iter().map(|word| error(*word)).collect());
    ring.add_small(poly, &errors);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::parameters::Parameters;

    #[test]
    fn ternary_values_are_balanced_and_disjoint() {
        let ternary = Ternary::random(8192, &mut Generator::from_seed([1; 32]));
        let count = |bits: &[u64]| bits.iter().map(|word| word.count_ones()).sum::<u32>();
        for bits in [&ternary.positive, &ternary.negative] {
            assert!((2500..2960).contains(&count(bits)));
        }
        let both = ternary.positive.iter().zip(&ternary.negative).map(|(left, right)| left & right);
        assert_eq!(both.sum::<u64>(), 0);
    }

    #[test]
    fn errors_have_the_stated_moments() {
        let mut rng = Generator::from_seed([2; 32]);
        let errors: Vec<i32> = (0..1 << 16).map(|_| error(rng.next_u64())).collect();
        let count = errors.len() as f64;
        let mean = errors.iter().map(|error| f64::from(*error)).sum::<f64>() / count;
        let square = errors.iter().map(|error| f64::from(error * error)).sum::<f64>() / count;
        assert!(mean.abs() < 0.1, "{mean}");
        assert!((square - ERROR_VARIANCE).abs() < 0.3, "{square}");
        assert!(errors.iter().all(|error| u64::from(error.unsigned_abs()) <= ERROR_MAX));
    }

    #[test]
    fn reversed_dot_is_the_constant_coefficient_of_the_product() {
        let ring = Ring::new(Parameters::insecure(128));
        let mut rng = Generator::from_seed([3; 32]);
        let ternary = Ternary::random(128, &mut rng);
        let words = ring.uniform(&mut rng);
        let mut product = ring.forward(ternary.to_poly(&ring));
        ring.multiply(&mut product, &ring.forward(CoefficientPoly { words: words.clone() }));
        let product = ring.inverse(product);
        let constants = product.words.iter().step_by(128).copied();
        let reversed = ternary.reversed();
        assert!(constants.eq(reversed.dot(&ring, &words)));
    }
}
