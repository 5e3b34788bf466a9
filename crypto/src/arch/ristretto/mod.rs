//! Products of many points of ristretto255 with one secret exponent.
//!
//! Two engines compute the same bytes: a portable one, point by point on `curve25519-dalek`, and
//! one that takes eight points at a time through the 52-bit multipliers of AVX-512 IFMA.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod digits;
mod portable;
#[cfg(test)]
mod tests;

use curve25519_dalek::Scalar;

/// An encoded point: RFC 9496, section 4.3.2.
pub(crate) type Encoded = [u8; 32];

/// Uniform bytes that become a point: RFC 9496, section 4.3.4.
pub(crate) type Uniform = [u8; 64];

/// Eight words in memory.
#[cfg(target_arch = "x86_64")]
type Eight = [u64; 8];

/// Which instructions multiply points. Only [`Engine::detect`] and `Engine::available` make one,
/// so that holding an engine proves that the processor can run it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine(Vectors);

#[derive(Clone, Copy, Debug)]
enum Vectors {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx512Ifma,
}

impl Engine {
    /// The fastest engine of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if has_avx512_ifma() {
            return Self(Vectors::Avx512Ifma);
        }
        Self(Vectors::Portable)
    }

    /// Every engine of this processor, so that one test covers them all.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut engines = vec![Self(Vectors::Portable)];
        #[cfg(target_arch = "x86_64")]
        if has_avx512_ifma() {
            engines.push(Self(Vectors::Avx512Ifma));
        }
        engines
    }

    /// Maps every element of `uniform` to a point and writes the encoding of the point's product
    /// with twice `half`.
    ///
    /// Takes the same time whatever `half` and `uniform` are.
    pub(crate) fn map_and_blind(self, half: &Scalar, uniform: &[Uniform], blinded: &mut [Encoded]) {
        assert_eq!(uniform.len(), blinded.len());
        match self.0 {
            Vectors::Portable => portable::map_and_blind(half, uniform, blinded),
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512Ifma => {
                let half = digits::Digits::new(half);
                // SAFETY: an engine with these vectors is only made after the processor was asked.
                unsafe { avx512::map_and_blind(&half, uniform, blinded) }
            }
        }
    }

    /// Decodes every point and writes the encoding of its product with twice `half`.
    ///
    /// Takes the same time whatever `half` is, not whatever the points are.
    ///
    /// # Errors
    ///
    /// The index of the first of `points` that encodes no element or the neutral one; what
    /// `blinded` then holds is nothing to rely on.
    pub(crate) fn decode_and_blind(
        self,
        half: &Scalar,
        points: &[Encoded],
        blinded: &mut [Encoded],
    ) -> Result<(), usize> {
        assert_eq!(points.len(), blinded.len());
        match self.0 {
            Vectors::Portable => portable::decode_and_blind(half, points, blinded),
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512Ifma => {
                let half = digits::Digits::new(half);
                // SAFETY: as in `map_and_blind`.
                unsafe { avx512::decode_and_blind(&half, points, blinded) }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx512_ifma() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512ifma")
}
