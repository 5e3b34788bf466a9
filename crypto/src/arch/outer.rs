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
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Engine {
    /// The fastest engine of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self(Vectors::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self(Vectors::Fma);
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
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                engines.push(Self(Vectors::Fma));
            }
            if is_x86_feature_detected!("avx512f") {
                engines.push(Self(Vectors::Avx512));
            }
        }
        engines
    }

    /// Adds the outer products of all pairs, in their order, with one rounding each.
    pub(crate) fn add(self, left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
        match self.0 {
            Vectors::Portable => add_in_quarters(left, right, sums),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an engine with these vectors is only made after the processor was asked.
            Vectors::Fma => unsafe { add_fma(left, right, sums) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx512 => unsafe { add_avx512(left, right, sums) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn add_fma(left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
    add_in_quarters(left, right, sums);
}

/// With 32 registers of eight numbers all sums have one.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn add_avx512(left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
    add::<LEFT, RIGHT>(left, right, [0, 0], sums);
}

/// Of a quarter of the sums sixteen registers of four numbers hold all.
#[inline(always)]
fn add_in_quarters(left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
    const HEIGHT: usize = LEFT / 2;
    const WIDTH: usize = RIGHT / 2;
    for corner in [[0, 0], [HEIGHT, 0], [0, WIDTH], [HEIGHT, WIDTH]] {
        add::<HEIGHT, WIDTH>(left, right, corner, sums);
    }
}

/// Adds to the part of the sums that begins at a corner, whose sums stay in registers.
#[inline(always)]
fn add<const HEIGHT: usize, const WIDTH: usize>(
    left: &[[f64; LEFT]],
    right: &[[f64; RIGHT]],
    [top, side]: [usize; 2],
    sums: &mut Sums,
) {
    let mut totals = [[0.0; HEIGHT]; WIDTH];
    for (totals, sums) in totals.iter_mut().zip(&sums[side..side + WIDTH]) {
        totals.copy_from_slice(&sums[top..top + HEIGHT]);
    }
    for (left, right) in left.iter().zip(right) {
        for (totals, factor) in totals.iter_mut().zip(&right[side..side + WIDTH]) {
            for (total, value) in totals.iter_mut().zip(&left[top..top + HEIGHT]) {
                *total = value.mul_add(*factor, *total);
            }
        }
    }
    for (totals, sums) in totals.iter().zip(&mut sums[side..side + WIDTH]) {
        sums[top..top + HEIGHT].copy_from_slice(totals);
    }
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
