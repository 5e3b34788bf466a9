//! Groups of prime order where discrete logarithms are hard: ristretto255 (RFC 9496), which all
//! protocols use, and for blinding also the curve of [`sm2`].
//!
//! Elements are [`Point`]s, exponents are secret [`Scalar`]s. [`BlindingKey`] multiplies whole sets
//! of points by one secret, as set intersection needs: eight at a time where the processor has
//! AVX-512 IFMA. All other arithmetic on ristretto255 is that of `curve25519-dalek`, which chooses
//! its engine at run time too. All arithmetic on secrets takes the same time whatever they are.

mod blinding;
#[cfg(test)]
mod rfc9496;
pub mod sm2;

use core::fmt;
use core::ops::{Add, Mul, Sub};

pub use blinding::{Blinding, BlindingKey, KEY_BYTES};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::IsIdentity;
use zeroize::Zeroize;

use crate::hash;
use crate::random::Generator;

/// Bytes of an encoded point: RFC 9496, section 4.3.2.
pub const POINT_BYTES: usize = 32;

/// An element of the group.
///
/// A point that came over the network exists only after [`Point::decode`] has checked it, so that
/// no later step has to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Point(RistrettoPoint);

impl Point {
    /// The generator of the group times `exponent`; a table makes it faster than other products.
    pub fn generator_times(exponent: &Scalar) -> Self {
        Self(RistrettoPoint::mul_base(&exponent.0))
    }

    /// Reads a point that a peer sent.
    ///
    /// # Errors
    ///
    /// [`GroupError::NotCanonical`] unless `encoded` is the one encoding of an element, and
    /// [`GroupError::Identity`] for the neutral element, which no honest peer sends because its
    /// products say nothing and hide nothing. Both give the index 0.
    pub fn decode(encoded: &[u8; POINT_BYTES]) -> Result<Self, GroupError> {
        CompressedRistretto(*encoded)
            .decompress()
            .filter(|point| !point.is_identity())
            .map(Self)
            .ok_or_else(|| GroupError::of(0, encoded))
    }

    /// The one encoding of this point (RFC 9496, section 4.3.2).
    pub fn encode(&self) -> [u8; POINT_BYTES] {
        self.0.compress().to_bytes()
    }

    /// RFC 9496, section 4.3.4: maps 64 uniform bytes to a uniform element.
    fn from_uniform(bytes: &[u8; 64]) -> Self {
        Self(RistrettoPoint::from_uniform_bytes(bytes))
    }
}

/// Hashes `bytes` to a point whose logarithm nobody knows, for the purpose `domain`.
///
/// The 64 uniform bytes that RFC 9496, section 4.3.4 maps to the group come from
/// [`hash::expand`]. A random oracle into the group as long as BLAKE3 is one into bytes. Takes the
/// same time for all `bytes` of one length.
pub fn hash_to_group(domain: &str, bytes: &[u8]) -> Point {
    let mut uniform = uniform_bytes(domain, bytes);
    let point = Point::from_uniform(&uniform);
    uniform.zeroize();
    point
}

fn uniform_bytes(domain: &str, bytes: &[u8]) -> [u8; 64] {
    let mut uniform = [0; 64];
    hash::expand(domain, &[bytes], &mut uniform);
    uniform
}

impl Add for Point {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Point {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<&Scalar> for Point {
    type Output = Self;

    fn mul(self, exponent: &Scalar) -> Self {
        Self(self.0 * exponent.0)
    }
}

/// Shows the encoding, which is what two logs can be compared by.
impl fmt::Debug for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Point(")?;
        for byte in self.encode() {
            write!(formatter, "{byte:02x}")?;
        }
        formatter.write_str(")")
    }
}

/// A secret exponent: no content in `Debug`, cannot be cloned or compared, zeroised on drop.
pub struct Scalar(curve25519_dalek::Scalar);

impl Scalar {
    /// Draws a uniform exponent modulo the order of the group.
    pub fn random(generator: &mut Generator) -> Self {
        Self(curve25519_dalek::Scalar::random(generator))
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Scalar").finish_non_exhaustive()
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What is wrong with an encoded point. The one to blame is whoever sent it: an honest program
/// cannot produce it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The bytes are not the one encoding of an element.
    #[error("the point at index {index} is not the canonical encoding of a group element")]
    NotCanonical {
        /// Position in the batch.
        index: usize,
    },
    /// The bytes encode the neutral element.
    #[error("the point at index {index} is the neutral element, which carries no information")]
    Identity {
        /// Position in the batch.
        index: usize,
    },
}

impl GroupError {
    /// What is wrong with the bytes at `index`, which were refused: the neutral element is
    /// written as zeros in all groups.
    fn of(index: usize, refused: &[u8]) -> Self {
        if refused.iter().all(|byte| *byte == 0) {
            Self::Identity { index }
        } else {
            Self::NotCanonical { index }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn exponents_commute_and_distribute(seed: [u8; 32]) {
            let mut generator = Generator::from_seed(seed);
            let (a, b) = (Scalar::random(&mut generator), Scalar::random(&mut generator));
            let point = hash_to_group("test", &seed);
            prop_assert_eq!(point * &a * &b, point * &b * &a);
            let sum = Point::generator_times(&a) + point;
            prop_assert_eq!(sum * &b - point * &b, Point::generator_times(&a) * &b);
            prop_assert_eq!(Point::decode(&sum.encode()), Ok(sum));
        }
    }

    #[test]
    fn domains_separate() {
        assert_ne!(hash_to_group("a", b"x"), hash_to_group("b", b"x"));
        assert_eq!(hash_to_group("a", b"x"), hash_to_group("a", b"x"));
    }

    #[test]
    fn debug_of_a_scalar_shows_nothing() {
        let scalar = Scalar::random(&mut Generator::from_seed([1; 32]));
        assert_eq!(format!("{scalar:?}"), "Scalar(..)");
    }
}
