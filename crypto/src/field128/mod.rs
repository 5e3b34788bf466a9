//! The field GF(2^128), for linear functions of keys and their correlations.
//!
//! Single operations are operators on [`Gf128`]; loops over slices are the functions here, which
//! ask the processor once and use its widest carry-less multiplier.

pub mod subspace;

use core::fmt;
use core::iter::Sum;
use core::ops::{Add, AddAssign, Mul, MulAssign};

use zeroize::Zeroize;

use crate::arch::carryless::Engine;
use crate::random::Generator;

/// Bytes of an encoded element.
pub const ELEMENT_BYTES: usize = 16;

/// An element of GF(2^128): a polynomial over GF(2) modulo `x^128 + x^7 + x^2 + x + 1`.
///
/// Bit `i` of the integer is the coefficient of `x^i`, and bytes are little endian. This is the
/// polynomial of GHASH (NIST SP 800-38D) with bits counted from the other end:
/// an element of GHASH, read as a big-endian integer, has its bits reversed here. It is neither the
/// field nor the basis of POLYVAL. The lower 64 bits are *not* a subfield.
///
/// All operations take the same time whatever the elements are. Elements are often secret: `Debug`
/// shows nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Zeroize)]
#[repr(transparent)]
pub struct Gf128(pub u128);

impl Gf128 {
    /// The neutral element of addition.
    pub const ZERO: Self = Self(0);
    /// The neutral element of multiplication.
    pub const ONE: Self = Self(1);

    /// A uniform element: the next 16 bytes of the generator.
    pub fn random(rng: &mut Generator) -> Self {
        let mut bytes = [0; ELEMENT_BYTES];
        rng.fill_bytes(&mut bytes);
        Self::from_bytes(bytes)
    }

    /// Reads an element; all 16-byte strings are elements.
    pub fn from_bytes(bytes: [u8; ELEMENT_BYTES]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// The one encoding of this element.
    pub fn to_bytes(self) -> [u8; ELEMENT_BYTES] {
        self.0.to_le_bytes()
    }

    /// The product with `x`: a shift and a reduction, much cheaper than a general product.
    #[must_use]
    #[inline]
    pub fn times_x(self) -> Self {
        Self(self.0 << 1 ^ (self.0 >> 127).wrapping_neg() & 0x87)
    }

    /// The element whose product with this one is one; zero for zero.
    ///
    /// About 250 products: the power `2^128 - 2` (Fermat).
    #[must_use]
    pub fn invert(self) -> Self {
        let mut power = self;
        let mut inverse = Self::ONE;
        for _ in 1..128 {
            power *= power;
            inverse *= power;
        }
        inverse
    }
}

/// Replaces every value by its product with `factor`.
pub fn scale(values: &mut [Gf128], factor: Gf128) {
    Engine::detect().scale(values, factor);
}

/// Adds `source · factor` to `target`, place by place.
///
/// # Panics
///
/// If the lengths differ: both slices are the caller's own.
pub fn add_scaled(target: &mut [Gf128], source: &[Gf128], factor: Gf128) {
    Engine::detect().add_scaled(target, source, factor);
}

/// Replaces every value by its product with the factor at the same place.
///
/// # Panics
///
/// If the lengths differ.
pub fn multiply_each(values: &mut [Gf128], factors: &[Gf128]) {
    Engine::detect().multiply_each(values, factors);
}

/// The sum of the products `left · right`, place by place.
///
/// # Panics
///
/// If the lengths differ.
pub fn inner_product(left: &[Gf128], right: &[Gf128]) -> Gf128 {
    Engine::detect().inner_product(left, right)
}

impl Add for Gf128 {
    type Output = Self;

    #[inline]
    #[expect(clippy::suspicious_arithmetic_impl, reason = "addition of polynomials over GF(2)")]
    fn add(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl AddAssign for Gf128 {
    #[inline]
    #[expect(clippy::suspicious_op_assign_impl, reason = "as for `Add`")]
    fn add_assign(&mut self, other: Self) {
        self.0 ^= other.0;
    }
}

impl Mul for Gf128 {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        Engine::detect().multiply(self, other)
    }
}

impl MulAssign for Gf128 {
    #[inline]
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl Sum for Gf128 {
    fn sum<I: Iterator<Item = Self>>(elements: I) -> Self {
        elements.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Debug for Gf128 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gf128").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
