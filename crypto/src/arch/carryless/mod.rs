//! Products in GF(2^128): carry-less multiplication and reduction.
//!
//! Elements are polynomials over GF(2) modulo `x^128 + x^7 + x^2 + x + 1`; bit `i` of the integer
//! is the coefficient of `x^i`. Every engine computes the same, in a time that depends on lengths
//! only.

mod portable;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

use crate::field128::Gf128;

/// Which instructions multiply. Only [`Engine::detect`] and `Engine::available` make one, so that
/// holding an engine proves that the processor can run it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine(Vectors);

#[derive(Clone, Copy, Debug)]
enum Vectors {
    Portable,
    /// PCLMULQDQ, one product at a time.
    #[cfg(target_arch = "x86_64")]
    One,
    /// VPCLMULQDQ on 256 bits, two products at a time.
    #[cfg(target_arch = "x86_64")]
    Two,
    /// VPCLMULQDQ on 512 bits, four products at a time.
    #[cfg(target_arch = "x86_64")]
    Four,
}

impl Engine {
    /// The fastest engine of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if has_four() {
                return Self(Vectors::Four);
            }
            if has_two() {
                return Self(Vectors::Two);
            }
            if is_x86_feature_detected!("pclmulqdq") {
                return Self(Vectors::One);
            }
        }
        Self(Vectors::Portable)
    }

    /// Every engine of this processor, so that one test covers them all.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut engines = vec![Self(Vectors::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("pclmulqdq") {
                engines.push(Self(Vectors::One));
            }
            if has_two() {
                engines.push(Self(Vectors::Two));
            }
            if has_four() {
                engines.push(Self(Vectors::Four));
            }
        }
        engines
    }

    /// The product of two elements.
    #[inline]
    pub(crate) fn multiply(self, left: Gf128, right: Gf128) -> Gf128 {
        match self.0 {
            Vectors::Portable => portable::multiply(left, right),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an engine with these instructions is only made after the processor was asked.
            Vectors::One | Vectors::Two | Vectors::Four => unsafe { x86::multiply(left, right) },
        }
    }

    /// Replaces every value by its product with `factor`.
    pub(crate) fn scale(self, values: &mut [Gf128], factor: Gf128) {
        match self.0 {
            Vectors::Portable => {
                for value in values {
                    *value = portable::multiply(*value, factor);
                }
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::One => unsafe { x86::scale_one(values, factor) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::Two => unsafe { x86::scale_two(values, factor) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::Four => unsafe { x86::scale_four(values, factor) },
        }
    }

    /// Adds `source · factor` to `target`, place by place.
    pub(crate) fn add_scaled(self, target: &mut [Gf128], source: &[Gf128], factor: Gf128) {
        assert_eq!(target.len(), source.len(), "one source for each target");
        match self.0 {
            Vectors::Portable => {
                for (target, source) in target.iter_mut().zip(source) {
                    *target += portable::multiply(*source, factor);
                }
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::One => unsafe { x86::add_scaled_one(target, source, factor) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::Two => unsafe { x86::add_scaled_two(target, source, factor) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::Four => unsafe { x86::add_scaled_four(target, source, factor) },
        }
    }

    /// Replaces every value by its product with the factor at the same place.
    pub(crate) fn multiply_each(self, values: &mut [Gf128], factors: &[Gf128]) {
        assert_eq!(values.len(), factors.len(), "one factor for each value");
        match self.0 {
            Vectors::Portable => {
                for (value, factor) in values.iter_mut().zip(factors) {
                    *value = portable::multiply(*value, *factor);
                }
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::One => unsafe { x86::multiply_each_one(values, factors) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::Two => unsafe { x86::multiply_each_two(values, factors) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::Four => unsafe { x86::multiply_each_four(values, factors) },
        }
    }

    /// The sum of the products `left · right`, place by place; reduced once.
    pub(crate) fn inner_product(self, left: &[Gf128], right: &[Gf128]) -> Gf128 {
        assert_eq!(left.len(), right.len(), "one right factor for each left one");
        match self.0 {
            Vectors::Portable => {
                left.iter().zip(right).map(|(left, right)| portable::multiply(*left, *right)).sum()
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::One => unsafe { x86::inner_product_one(left, right) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::Two => unsafe { x86::inner_product_two(left, right) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `multiply`.
            Vectors::Four => unsafe { x86::inner_product_four(left, right) },
        }
    }
}

/// `x^7 + x^2 + x + 1`, what `x^128` is.
const POLYNOMIAL: u64 = 0x87;

#[cfg(target_arch = "x86_64")]
fn has_two() -> bool {
    is_x86_feature_detected!("vpclmulqdq")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "x86_64")]
fn has_four() -> bool {
    is_x86_feature_detected!("vpclmulqdq")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("pclmulqdq")
}
