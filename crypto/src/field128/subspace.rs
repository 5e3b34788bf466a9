//! Small subspaces of GF(2^128), the elements of which need fewer bytes.
//!
//! The field has the subfield GF(2^8), of which [`ZETA`] is a generator. A subspace here is closed
//! under products with ζ, hence a vector space over that subfield: the sums of multiples of 1, η,
//! η², …, by elements of the subfield, one power of [`ETA`] for each byte of its coordinates. η is
//! the smallest polynomial for which the lowest bits of an element are its coordinates: they say
//! what the others are. The lowest bits are then what is sent and drawn.

use core::fmt;

use super::Gf128;
use crate::random::Generator;

/// A generator of the multiplicative group of the subfield GF(2^8): `x` to the power of
/// `(2^128 - 1) / 255`.
pub const ZETA: Gf128 = Gf128(0xe611_4072_b8ca_57af_d9db_18ed_4678_7786);

/// The base of the powers that span subspaces: `x^8 + x^6 + x^3`.
const ETA: Gf128 = Gf128(0x148);

/// Bytes of the coordinates of the smallest and of the largest proper subspace.
const BYTES_MIN: usize = 10;
const BYTES_MAX: usize = 13;

/// The whole field, or a subspace of it that is closed under products with [`ZETA`].
pub struct Subspace {
    bytes: usize,
    /// For each coordinate, what it adds to the bits above all coordinates.
    upper: Vec<u64>,
}

impl Subspace {
    /// All of GF(2^128); an element is its own coordinates.
    pub const WHOLE: Self = Self { bytes: size_of::<Gf128>(), upper: Vec::new() };

    /// The smallest subspace with at least so many coordinates, `None` if only the whole field has
    /// them.
    pub fn with_bits(bits: usize) -> Option<Self> {
        let bytes = bits.div_ceil(8).max(BYTES_MIN);
        (bytes <= BYTES_MAX).then(|| Self { bytes, upper: upper(bytes) })
    }

    /// Whether this is the whole field.
    pub fn is_whole(&self) -> bool {
        self.upper.is_empty()
    }

    /// Bytes that the coordinates of an element take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The coordinates of an element: its lowest bits.
    #[inline]
    pub fn coordinates(&self, element: Gf128) -> u128 {
        element.0 & u128::MAX >> (8 * (size_of::<Gf128>() - self.bytes))
    }

    /// The element with these coordinates; bits beyond them are ignored. Takes the same time
    /// whatever they are.
    pub fn element(&self, coordinates: u128) -> Gf128 {
        let coordinates = self.coordinates(Gf128(coordinates));
        let chosen = |(place, upper): (usize, &u64)| {
            upper & (coordinates >> place & 1).wrapping_neg() as u64
        };
        let upper = self.upper.iter().enumerate().map(chosen).fold(0, |sum, term| sum ^ term);
        Gf128(coordinates | u128::from(upper).checked_shl(8 * self.bytes as u32).unwrap_or(0))
    }

    /// A uniform element.
    pub fn random(&self, rng: &mut Generator) -> Gf128 {
        self.element(Gf128::random(rng).0)
    }

    /// Prepares many products of elements with `factor`.
    pub fn multiples(&self, factor: Gf128) -> Multiples {
        let of_byte = |byte: usize| {
            let mut multiples = [Gf128::ZERO; 256];
            for value in 1..256_usize {
                let lowest = value & value.wrapping_neg();
                multiples[value] = if value == lowest {
                    self.element((value as u128) << (8 * byte)) * factor
                } else {
                    multiples[lowest] + multiples[value ^ lowest]
                };
            }
            multiples
        };
        Multiples { of_bytes: (0..self.bytes).map(of_byte).collect() }
    }
}

impl fmt::Debug for Subspace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subspace").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// The products of all elements of a subspace with one factor.
pub struct Multiples {
    /// For each byte of the coordinates and each value of it.
    of_bytes: Vec<[Gf128; 256]>,
}

impl Multiples {
    /// The product of the element with these coordinates; bytes beyond them are ignored.
    ///
    /// Which memory is touched depends on the coordinates.
    #[inline]
    pub fn of(&self, coordinates: u128) -> Gf128 {
        let bytes = coordinates.to_le_bytes();
        self.of_bytes.iter().zip(bytes).map(|(multiples, byte)| multiples[usize::from(byte)]).sum()
    }
}

/// The bits above the coordinates of the elements that have one coordinate each: those that span
/// the subspace, brought to this form by elimination.
fn upper(bytes: usize) -> Vec<u64> {
    let mut elements = Vec::with_capacity(8 * bytes);
    let mut power = Gf128::ONE;
    for _ in 0..bytes {
        let mut element = power;
        for _ in 0..8 {
            elements.push(element.0);
            element *= ZETA;
        }
        power *= ETA;
    }
    for place in 0..elements.len() {
        let has = |element: &u128| element >> place & 1 == 1;
        // Unwrap safety: the lowest bits are coordinates for every size there is, see the tests.
        let pivot = place + elements[place..].iter().position(has).unwrap();
        elements.swap(place, pivot);
        let pivot = elements[place];
        for (index, element) in elements.iter_mut().enumerate() {
            if index != place && has(element) {
                *element ^= pivot;
            }
        }
    }
    elements.into_iter().map(|element| (element >> (8 * bytes)) as u64).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn power(base: Gf128, exponent: u32) -> Gf128 {
        (0..exponent).fold(Gf128::ONE, |product, _| product * base)
    }

    /// Its order is 255: the subfield is generated by it, and no smaller one has it.
    #[test]
    fn zeta_generates_the_subfield() {
        assert_eq!(power(ZETA, 255), Gf128::ONE);
        for prime in [3, 5, 17] {
            assert_ne!(power(ZETA, 255 / prime), Gf128::ONE);
        }
    }

    #[test]
    fn sizes_are_rounded_up_to_bytes() {
        let bytes = |bits| Subspace::with_bits(bits).map(|subspace| subspace.bytes());
        assert_eq!([0, 80, 81, 88, 89, 104].map(bytes), [10, 10, 11, 11, 12, 13].map(Some));
        assert_eq!(bytes(105), None);
        assert_eq!((Subspace::WHOLE.bytes(), Subspace::WHOLE.is_whole()), (16, true));
    }

    /// What the linear evaluation rests on: sums and products with ζ stay within, and the lowest
    /// bits say all.
    #[test]
    fn subspaces_are_closed_under_zeta() {
        for bytes in BYTES_MIN..=BYTES_MAX {
            let subspace = Subspace::with_bits(8 * bytes).unwrap();
            for place in 0..8 * bytes {
                let element = subspace.element(1 << place);
                assert_eq!(subspace.coordinates(element), 1 << place);
                let product = element * ZETA;
                assert_eq!(subspace.element(product.0), product, "{bytes} bytes, bit {place}");
            }
            // The next power is outside: the subspace is no larger field.
            let outside = power(ETA, bytes as u32);
            assert_ne!(subspace.element(outside.0), outside);
        }
    }

    proptest! {
        #[test]
        fn coordinates_are_linear(left: u128, right: u128, factor: u128, bits in 0_usize..129) {
            let subspace = Subspace::with_bits(bits).unwrap_or(Subspace::WHOLE);
            let [a, b, sum] = [left, right, left ^ right].map(|it| subspace.element(it));
            prop_assert_eq!(a + b, sum);
            prop_assert_eq!(subspace.element(subspace.coordinates(a)), a);
            prop_assert_eq!(subspace.multiples(Gf128(factor)).of(left), a * Gf128(factor));
            if subspace.is_whole() {
                prop_assert_eq!(a, Gf128(left));
            }
        }
    }
}
