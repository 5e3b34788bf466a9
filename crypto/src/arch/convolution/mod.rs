//! The recursive convolution of the expand-convolute code over GF(2^128).
//!
//! Element by element, from the front: a finished element is added to those of the next [`STATE`]
//! elements that its taps name, and its product with the fixed tap to the one after them.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
#[cfg(test)]
mod tests;

use crate::arch::carryless;
use crate::field128::Gf128;

/// Elements behind the current one that its taps can name.
pub(crate) const STATE: usize = 24;

/// Which instructions convolute. Only [`Engine::detect`] and `Engine::available` make one, so
/// that holding an engine proves that the processor can run it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine(Vectors);

#[derive(Clone, Copy, Debug)]
enum Vectors {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Engine {
    /// The fastest engine of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let multiplies = is_x86_feature_detected!("pclmulqdq");
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("vpclmulqdq")
                && is_x86_feature_detected!("bmi2")
                && multiplies
            {
                return Self(Vectors::Avx512);
            }
            if is_x86_feature_detected!("avx2") && multiplies {
                return Self(Vectors::Avx2);
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
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("pclmulqdq") {
                engines.push(Self(Vectors::Avx2));
            }
            if let engine @ Self(Vectors::Avx512) = Self::detect() {
                engines.push(engine);
            }
        }
        engines
    }

    /// Convolutes `values` in place. Bit `k` of an element's taps, `k` below [`STATE`], adds it to
    /// the element `k + 1` places behind; other bits are ignored. The product with `fixed` is added
    /// to the element behind all of these; one and `x` are cheaper than others.
    pub(crate) fn convolute(self, values: &mut [Gf128], taps: &[u32], fixed: Gf128) {
        assert_eq!(values.len(), taps.len(), "taps for each element");
        match self.0 {
            Vectors::Portable if fixed == Gf128::ONE => {
                portable::convolute(values, taps, |element| element);
            }
            Vectors::Portable if fixed == X => {
                portable::convolute(values, taps, Gf128::times_x);
            }
            Vectors::Portable => {
                let multiplier = carryless::Engine::detect();
                portable::convolute(values, taps, |element| multiplier.multiply(element, fixed));
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an engine with these vectors is only made after the processor was asked.
            Vectors::Avx2 => unsafe { avx2::convolute(values, taps, fixed) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx512 => unsafe { avx512::convolute(values, taps, fixed) },
        }
    }
}

/// The field's `x`.
pub(crate) const X: Gf128 = Gf128(2);
