//! Arithmetic modulo one prime of at most 50 bits, without branches on the numbers.

/// A prime modulus below 2^50, with what fast reduction needs.
///
/// 50 bits leave two bits of room in the 52-bit multiplier of AVX-512 IFMA, which is what the lazy
/// butterflies of the transform live on.
#[derive(Clone, Debug)]
pub(crate) struct Modulus {
    value: u64,
    bits: u32,
    /// floor(2^(2·bits + 1) / value), below 2^(bits + 2).
    barrett: u64,
    /// 2^52, to fold the upper half of a 104-bit sum.
    two_to_52: Factor,
}

/// A fixed factor with its precomputed quotient (Shoup): products by it need no division.
///
/// Harvey, "Faster arithmetic for number-theoretic transforms", 2014, section 2.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Factor {
    pub(crate) value: u64,
    /// floor(value · 2^52 / modulus).
    pub(crate) quotient: u64,
}

/// The low 52 bits of a word: what the vector multiplier sees.
pub(crate) const MASK_52: u64 = (1 << 52) - 1;

impl Modulus {
    /// Prepares `value`, a prime of 3 to 50 bits.
    pub(crate) fn new(value: u64) -> Self {
        let bits = value.ilog2() + 1;
        assert!((3..=50).contains(&bits), "moduli have 3 to 50 bits");
        let barrett = ((1u128 << (2 * bits + 1)) / u128::from(value)) as u64;
        let mut modulus = Self { value, bits, barrett, two_to_52: Factor::default() };
        modulus.two_to_52 = modulus.factor(((1u128 << 52) % u128::from(value)) as u64);
        modulus
    }

    pub(crate) fn value(&self) -> u64 {
        self.value
    }

    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    pub(crate) fn barrett(&self) -> u64 {
        self.barrett
    }

    pub(crate) fn two_to_52(&self) -> Factor {
        self.two_to_52
    }

    /// Prepares `value`, which must be below the modulus, as a fixed factor.
    pub(crate) fn factor(&self, value: u64) -> Factor {
        debug_assert!(value < self.value);
        let quotient = ((u128::from(value) << 52) / u128::from(self.value)) as u64;
        Factor { value, quotient }
    }

    /// `x · factor` for any `x` below 2^52, up to one modulus too large: in `0..2·modulus`.
    #[inline]
    pub(crate) fn multiply_lazy(&self, x: u64, factor: Factor) -> u64 {
        let quotient = ((u128::from(x) * u128::from(factor.quotient)) >> 52) as u64;
        x.wrapping_mul(factor.value).wrapping_sub(quotient.wrapping_mul(self.value))
    }

    /// `x · factor` for any `x` below 2^52.
    #[inline]
    pub(crate) fn multiply_by(&self, x: u64, factor: Factor) -> u64 {
        reduce_once(self.multiply_lazy(x, factor), self.value)
    }

    /// `left · right` for reduced numbers.
    #[inline]
    pub(crate) fn multiply(&self, left: u64, right: u64) -> u64 {
        self.reduce_wide(u128::from(left) * u128::from(right))
    }

    /// Reduces `x` below 2^(2·bits + 1) (Barrett).
    ///
    /// With c = floor(x / 2^(bits-1)) the estimate floor(c · barrett / 2^(bits+2)) of x / modulus
    /// falls short by less than 1 for the cut of x, 1/2 for the cut of `barrett` and 1 for the last
    /// cut: what is left is below 3 moduli.
    #[inline]
    pub(crate) fn reduce_wide(&self, x: u128) -> u64 {
        let upper = (x >> (self.bits - 1)) as u64;
        let quotient = ((u128::from(upper) * u128::from(self.barrett)) >> (self.bits + 2)) as u64;
        let left = (x as u64).wrapping_sub(quotient.wrapping_mul(self.value));
        reduce_once(reduce_once(left, 2 * self.value), self.value)
    }

    /// Reduces a sum of magnitude below 2^99 modulo a 50-bit prime.
    #[inline]
    pub(crate) fn reduce_signed(&self, x: i128) -> u64 {
        debug_assert!(self.bits == 50 && x.unsigned_abs() < 1 << 99);
        self.reduce_wide(x.wrapping_add(i128::from(self.value) << 50) as u128)
    }

    #[inline]
    pub(crate) fn add(&self, left: u64, right: u64) -> u64 {
        reduce_once(left.wrapping_add(right), self.value)
    }

    #[inline]
    pub(crate) fn subtract(&self, left: u64, right: u64) -> u64 {
        reduce_once(left.wrapping_add(self.value).wrapping_sub(right), self.value)
    }

    /// The residue of a small signed number, of magnitude below the modulus.
    #[inline]
    pub(crate) fn signed(&self, x: i64) -> u64 {
        (x as u64).wrapping_add(self.value & ((x >> 63) as u64))
    }

    /// `base` to the power of a public exponent.
    pub(crate) fn power(&self, base: u64, exponent: u64) -> u64 {
        let mut result = 1;
        for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
            result = self.multiply(result, result);
            if exponent >> bit & 1 == 1 {
                result = self.multiply(result, base);
            }
        }
        result
    }

    /// The inverse of a number that is not zero (Fermat).
    pub(crate) fn invert(&self, x: u64) -> u64 {
        self.power(x, self.value - 2)
    }

    /// A primitive root of unity of `order`, a power of two that divides the modulus less one.
    pub(crate) fn root_of_unity(&self, order: u64) -> u64 {
        assert!(order.is_power_of_two() && (self.value - 1).is_multiple_of(order));
        let mut candidate = 2;
        loop {
            let root = self.power(candidate, (self.value - 1) / order);
            if order == 1 || self.power(root, order / 2) == self.value - 1 {
                return root;
            }
            candidate += 1;
        }
    }
}

/// Takes `bound` off once if `x` reaches it: the wrapped difference is huge if it does not.
#[inline]
pub(crate) fn reduce_once(x: u64, bound: u64) -> u64 {
    x.min(x.wrapping_sub(bound))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRIMES: [u64; 3] = [1_125_899_904_679_937, 4_398_046_150_657, 97];

    proptest! {
        #[test]
        fn products_agree_with_division(left: u64, right: u64, which in 0usize..3) {
            let value = PRIMES[which];
            let modulus = Modulus::new(value);
            let (left, right) = (left % value, right % value);
            let product = (u128::from(left) * u128::from(right) % u128::from(value)) as u64;
            prop_assert_eq!(modulus.multiply(left, right), product);
            prop_assert_eq!(modulus.multiply_by(left, modulus.factor(right)), product);
        }

        #[test]
        fn lazy_products_take_any_52_bits(x in 0..1u64 << 52, right: u64) {
            let modulus = Modulus::new(PRIMES[0]);
            let right = right % PRIMES[0];
            let product = modulus.multiply_lazy(x, modulus.factor(right));
            prop_assert!(product < 2 * PRIMES[0]);
            let expected = u128::from(x) * u128::from(right) % u128::from(PRIMES[0]);
            prop_assert_eq!(u128::from(product % PRIMES[0]), expected);
        }

        #[test]
        fn signed_sums_reduce(x in -(1i128 << 98)..1i128 << 98, small in -1_000_000i64..1_000_000) {
            let modulus = Modulus::new(PRIMES[0]);
            let expected = x.rem_euclid(i128::from(PRIMES[0])) as u64;
            prop_assert_eq!(modulus.reduce_signed(x), expected);
            prop_assert_eq!(
                i128::from(modulus.signed(small)),
                i128::from(small).rem_euclid(i128::from(PRIMES[0]))
            );
        }
    }

    #[test]
    fn inverses_and_roots() {
        let modulus = Modulus::new(PRIMES[0]);
        assert_eq!(modulus.multiply(modulus.invert(12345), 12345), 1);
        let root = modulus.root_of_unity(1 << 14);
        assert_eq!(modulus.power(root, 1 << 13), PRIMES[0] - 1);
    }
}
