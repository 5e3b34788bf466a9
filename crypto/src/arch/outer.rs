//! Sums of outer products of short vectors: one algorithm, compiled for the vectors a processor
//! has.
#![expect(clippy::inline_always, reason = "inlined code is compiled for its caller's vectors")]

use crate::dense::{LEFT, RIGHT, Sums};

/// Which instructions add. Only [`Engine::detect`] and `Engine::available` make one, so that
/// holding an engine proves that the processor can run it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine(Vectors);

#[derive(Clone, Copy, Debug)]
enum Vectors {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Fma,
}

impl Engine {
    /// The fastest engine of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Self(Vectors::Fma);
        }
        Self(Vectors::Portable)
    }

    /// Every engine of this processor, so that one test covers them all.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut engines = vec![Self(Vectors::Portable)];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            engines.push(Self(Vectors::Fma));
        }
        engines
    }

    /// Adds the outer products of all pairs, in their order, with one rounding each.
    pub(crate) fn add(self, left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
        match self.0 {
            Vectors::Portable => add(left, right, sums),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an engine with these vectors is only made after the processor was asked.
            Vectors::Fma => unsafe { add_fma(left, right, sums) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn add_fma(left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
    add(left, right, sums);
}

#[inline(always)]
fn add(left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
    let mut totals = *sums;
    for (left, right) in left.iter().zip(right) {
        for (totals, factor) in totals.iter_mut().zip(right) {
            for (total, value) in totals.iter_mut().zip(left) {
                *total = value.mul_add(*factor, *total);
            }
        }
    }
    *sums = totals;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    /// Every engine gives the same bits, near the sums in plain order.
    #[test]
    fn engines_agree() {
        let mut rng = Generator::from_seed([1; 32]);
        let mut number = || rng.next_u64() as i64 as f64 / 2_f64.powi(62);
        let left: Vec<[f64; LEFT]> = (0..100).map(|_| std::array::from_fn(|_| number())).collect();
        let right: Vec<[f64; RIGHT]> =
            (0..100).map(|_| std::array::from_fn(|_| number())).collect();
        let mut results = Vec::new();
        for engine in Engine::available() {
            let mut sums = [[1.0; LEFT]; RIGHT];
            engine.add(&left, &right, &mut sums);
            for (j, sums) in sums.iter().enumerate() {
                for (i, sum) in sums.iter().enumerate() {
                    let pairs = left.iter().zip(&right);
                    let plain: f64 = pairs.map(|(left, right)| left[i] * right[j]).sum();
                    assert!((sum - plain - 1.0).abs() < 1e-12);
                }
            }
            results.push(sums);
        }
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
