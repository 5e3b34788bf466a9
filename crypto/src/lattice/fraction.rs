//! Elements as fractions of Q, cut to 116 bits a coefficient.
//!
//! Where a coefficient meets ternary numbers only, as that of a hint does, its first bits are
//! enough: the others are far below what a mask hides anyway. Two words hold what three residues
//! held, sums of them need no modulus, and they are a fifth fewer bytes on the wire. Whoever cuts
//! an element cuts what is sent in any case: the cut tells nothing more.
//!
//! Rounding to the nearest of 2^116 fractions is wrong by at most half of Q/2^116. The element does
//! not depend on the ternary number that a coefficient meets, which is 1 as often as -1: whatever
//! the error, its product has the expectation zero and lies within an interval of length Q/2^116,
//! and therefore has a variance proxy of a quarter of that length's square (`noise`).

use zeroize::Zeroize;

use super::LatticeError;
use super::modulus::Modulus;
use super::ring::{CoefficientPoly, Ring};
use super::sample::Ternary;
use super::scale::Fractions;

/// Bits of the lower word: sums of a whole element's, with signs, stay below 2^63 (`dot`).
const LOWER_BITS: u32 = 52;
/// Bits of a coefficient.
const COEFFICIENT_BITS: u32 = 64 + LOWER_BITS;
/// Bytes of two coefficients on the wire: the numbers of one have 14.5.
const PAIR_BYTES: usize = 2 * COEFFICIENT_BITS as usize / 8;

/// An element of the ring as N fractions of Q: `upper/2^64 + lower/2^116` for each coefficient.
#[derive(Clone, Debug, PartialEq, Eq, Zeroize)]
pub(super) struct FractionPoly {
    upper: Vec<u64>,
    lower: Vec<u64>,
}

/// The variance proxy that the rounding of an element adds to its product with ternary numbers.
pub(super) fn rounding_variance(ring: &Ring) -> f64 {
    let modulus_bits = f64::from(ring.parameters().modulus_bits_floor() + 1);
    let step = (modulus_bits - f64::from(COEFFICIENT_BITS)).exp2();
    ring.degree() as f64 * step * step / 4.0
}

impl FractionPoly {
    /// Rounds an element.
    pub(super) fn of(ring: &Ring, fractions: &Fractions, poly: &CoefficientPoly) -> Self {
        const CUT: u32 = 128 - COEFFICIENT_BITS;
        let rounded = |index: usize| {
            let fraction = fractions.of_coefficient(&poly.words, index);
            // Beyond the last fraction comes the first one.
            fraction.wrapping_add(1 << (CUT - 1)) >> CUT
        };
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        for coefficient in (0..ring.degree()).map(rounded) {
            upper.push((coefficient >> LOWER_BITS) as u64);
            lower.push(coefficient as u64 & ((1 << LOWER_BITS) - 1));
        }
        Self { upper, lower }
    }

    /// The elements nearest below the fractions: for a fraction f that is ⌊Q·f/2^116⌋, and with
    /// L = Q·f mod 2^116 modulo each prime `-L/2^116`, because Q vanishes.
    pub(super) fn to_poly(&self, ring: &Ring) -> CoefficientPoly {
        const LIMB_BITS: u32 = 48;
        const MASK: u128 = (1 << COEFFICIENT_BITS) - 1;
        let product =
            |product: u128, modulus: &Modulus| product.wrapping_mul(u128::from(modulus.value()));
        let whole = ring.moduli().fold(1, product) & MASK;
        let left = |(upper, lower): (&u64, &u64)| {
            let fraction = u128::from(*upper) << LOWER_BITS | u128::from(*lower);
            whole.wrapping_mul(fraction) & MASK
        };
        let lefts: Vec<u128> = self.upper.iter().zip(&self.lower).map(left).collect();
        let mut poly = ring.zero();
        for (modulus, words) in ring.moduli().zip(poly.words.chunks_exact_mut(ring.degree())) {
            let inverse = modulus.invert(modulus.power(2, u64::from(COEFFICIENT_BITS)));
            let factor = |limb: u64| {
                let power = modulus.power(2, limb * u64::from(LIMB_BITS));
                modulus.factor(modulus.multiply(inverse, power))
            };
            let factors = [factor(0), factor(1), factor(2)];
            for (word, left) in words.iter_mut().zip(&lefts) {
                for (limb, factor) in factors.iter().enumerate() {
                    let limb = (left >> (LIMB_BITS * limb as u32)) as u64 & ((1 << LIMB_BITS) - 1);
                    *word = modulus.subtract(*word, modulus.multiply_by(limb, *factor));
                }
            }
        }
        poly
    }

    /// The inner product with ternary numbers as a fraction of 128 bits, modulo 1.
    ///
    /// The lower words' sum is read as a number of 64 bits with a sign. That is wrong if it reaches
    /// 2^63, which for random signs of 2^13 numbers below 2^52 has a probability below 2^-360
    /// (Hoeffding); the upper words' sum may wrap, as fractions do.
    pub(super) fn dot(&self, ring: &Ring, numbers: &Ternary) -> u128 {
        let upper = numbers.sum(ring, &self.upper) as u64;
        let lower = i128::from(numbers.sum(ring, &self.lower)) as u128;
        (u128::from(upper) << 64).wrapping_add(lower << (128 - COEFFICIENT_BITS))
    }

    /// Bytes on the wire: 118,784 for N = 8192.
    pub(super) fn byte_count(ring: &Ring) -> usize {
        (ring.degree() * COEFFICIENT_BITS as usize).div_ceil(8)
    }

    /// The wire form: of each pair of coefficients the upper words, then the lower ones.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.upper.len() / 2 * PAIR_BYTES);
        let pairs = self.upper.as_chunks::<2>().0.iter().zip(self.lower.as_chunks::<2>().0);
        for (upper, lower) in pairs {
            bytes.extend(upper.iter().flat_map(|word| word.to_le_bytes()));
            let lower = u128::from(lower[0]) | u128::from(lower[1]) << LOWER_BITS;
            bytes.extend(&lower.to_le_bytes()[..PAIR_BYTES - 16]);
        }
        bytes
    }

    /// Reads exactly [`FractionPoly::byte_count`] bytes; every content is an element.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`]: the peer misbehaves.
    pub(super) fn from_bytes(
        ring: &Ring,
        bytes: &[u8],
        what: &'static str,
    ) -> Result<Self, LatticeError> {
        let (expected, actual) = (Self::byte_count(ring), bytes.len());
        if expected != actual {
            return Err(LatticeError::WrongLength { what, expected, actual });
        }
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        for pair in bytes.as_chunks::<PAIR_BYTES>().0 {
            let (words, rest) = pair.split_at(16);
            upper.extend(words.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)));
            let both = rest.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte));
            let mask = (1 << LOWER_BITS) - 1;
            lower.extend([both as u64 & mask, (both >> LOWER_BITS) as u64 & mask]);
        }
        Ok(Self { upper, lower })
    }
}

/// How much of a masked number is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The first 112 bits of its fraction of Q: shares modulo 2^64 are off by one with a
    /// probability of 2^-47 for this.
    Long,
    /// The first 64 bits: shares modulo 2^64 are off by one at random.
    ///
    /// Say that ρ are the lower 64 bits of the mask and φ those of what it masks. The plaintext
    /// has none of these bits, so that φ is what the key holder takes off, up to the noise. The
    /// shares are off by `[ρ ≥ 2^64 - φ] - [ρ ≥ 2^63]`, whatever their sum is. The evaluator knows
    /// both numbers. The key holder knows φ and nothing of ρ: given the bits that were sent, the
    /// others of the masked number are uniform, and with them ρ. So the sum and a coin of a bias
    /// that both know, which is zero on the average over φ, simulate the shares and either view.
    Short,
}

impl Cut {
    /// Bytes of a masked number.
    fn bytes(self) -> usize {
        match self {
            Self::Long => 14,
            Self::Short => 8,
        }
    }

    /// Bits that are left out of a fraction of 128 bits.
    fn bits(self) -> u32 {
        128 - 8 * self.bytes() as u32
    }

    /// What is sent of a masked fraction.
    pub(super) fn of(self, fraction: u128) -> u128 {
        fraction >> self.bits()
    }

    /// The middle of the fractions that were cut to this.
    pub(super) fn middle(self, answer: u128) -> u128 {
        (answer << self.bits()) + (1 << (self.bits() - 1))
    }

    /// Bytes of so many answers.
    pub(super) fn byte_count(self, count: usize) -> usize {
        count * self.bytes()
    }

    /// The wire form of answers.
    pub(super) fn write(self, answers: &[u128]) -> Vec<u8> {
        let mut bytes = vec![0; self.byte_count(answers.len())];
        for (place, answer) in bytes.chunks_exact_mut(self.bytes()).zip(answers) {
            place.copy_from_slice(&answer.to_le_bytes()[..self.bytes()]);
        }
        bytes
    }

    /// Reads exactly so many answers; every content is an answer.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`]: the peer misbehaves.
    pub(super) fn read(self, bytes: &[u8], count: usize) -> Result<Vec<u128>, LatticeError> {
        let (expected, actual) = (self.byte_count(count), bytes.len());
        if expected != actual {
            return Err(LatticeError::WrongLength { what: "answers", expected, actual });
        }
        let answer =
            |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte));
        Ok(bytes.chunks_exact(self.bytes()).map(answer).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::ntt::Engine;
    use crate::lattice::parameters::Parameters;
    use crate::random::Generator;

    #[test]
    fn inner_products_are_those_of_residues_up_to_rounding() {
        for engine in Engine::available() {
            let ring = Ring::with_engine(Parameters::N8192_Q150, engine);
            let mut rng = Generator::from_seed([1; 32]);
            let fractions = Fractions::new(&ring);
            let mut words = ring.uniform(&mut rng);
            // The largest fraction of all rounds to zero.
            for (residues, modulus) in words.chunks_mut(ring.degree()).zip(ring.moduli()) {
                residues[0] = modulus.value() - 1;
            }
            let poly = CoefficientPoly { words };
            let rounded = FractionPoly::of(&ring, &fractions, &poly);
            assert_eq!((rounded.upper[0], rounded.lower[0]), (0, 0));
            let bytes = rounded.to_bytes();
            assert_eq!(bytes.len(), 118_784);
            let read = FractionPoly::from_bytes(&ring, &bytes, "test element").unwrap();
            assert_eq!(read, rounded);
            // An element read again is the same fraction, but for what is cut off below.
            let again = read.to_poly(&ring);
            for index in 0..ring.degree() {
                let fraction = fractions.of_coefficient(&again.words, index);
                let expected = u128::from(read.upper[index]) << 64
                    | u128::from(read.lower[index]) << (128 - COEFFICIENT_BITS);
                // One in units of Q is 2^-149 of it.
                assert!(expected.wrapping_sub(fraction).wrapping_add(8) <= 16, "{index}");
            }
            for _ in 0..20 {
                let numbers = Ternary::random(ring.degree(), &mut rng);
                let exact = fractions.of(numbers.dot(&ring, &poly.words));
                let error = exact.wrapping_sub(read.dot(&ring, &numbers)) as i128;
                // In units of Q/2^128: 9.5 times the root of the variance proxy.
                let unit = (f64::from(ring.parameters().modulus_bits_floor() + 1) - 128.0).exp2();
                let bound = 9.5 * rounding_variance(&ring).sqrt() / unit;
                assert!((error.unsigned_abs() as f64) < bound, "{error} {bound}");
            }
        }
    }

    #[test]
    fn wrong_lengths_are_refused_and_all_contents_read() {
        let ring = Ring::new(Parameters::N8192_Q150);
        let read = |length| FractionPoly::from_bytes(&ring, &vec![255; length], "test element");
        let length = FractionPoly::byte_count(&ring);
        assert!(read(length).is_ok());
        for length in [0, length - 1, length + 1] {
            assert!(matches!(read(length), Err(LatticeError::WrongLength { .. })));
        }
        for cut in [Cut::Long, Cut::Short] {
            let length = cut.byte_count(2);
            let wrong = cut.read(&vec![0; length - 1], 2);
            assert!(matches!(wrong, Err(LatticeError::WrongLength { .. })));
            let answers = [cut.of(u128::MAX), cut.of(1 << 100), 0];
            assert_eq!(cut.read(&cut.write(&answers), 3), Ok(answers.to_vec()));
            assert_eq!(cut.of(cut.middle(answers[1])), answers[1]);
        }
    }
}
