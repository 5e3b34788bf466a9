//! Kernels of the polynomial ring: the number-theoretic transform and sums of products.
//!
//! Three engines compute the same reduced numbers in the same order: a portable one, one on the
//! 52-bit multipliers of AVX-512 IFMA, and one on AVX2 that multiplies in double precision.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
use std::sync::OnceLock;

use crate::lattice::modulus::{Factor, Modulus};

/// Which instructions the kernels use. Only [`Engine::detect`] and `Engine::available` make one,
/// so that holding an engine proves that the processor can run it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine(Vectors);

#[derive(Clone, Copy, Debug)]
enum Vectors {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512Ifma,
}

/// The powers of the root that a transform of one degree modulo one prime needs.
///
/// Entry `m + i` of `forward` is the twiddle of block `i` in the stage with `m` blocks (powers of a
/// 2N-th root in bit-reversed order); `inverse` holds the inverses at the same places.
#[derive(Debug)]
pub(crate) struct Table {
    modulus: Modulus,
    forward: Twiddles,
    inverse: Twiddles,
    /// 1/N, and 1/N times the only twiddle of the last inverse stage.
    scale: Factor,
    scale_twiddle: Factor,
    /// The same as doubles, for the engine that wants them.
    #[cfg(target_arch = "x86_64")]
    doubles: OnceLock<avx2::Tables>,
}

/// Factors with their quotients apart, as vectors load them.
#[derive(Debug)]
struct Twiddles {
    values: Vec<u64>,
    quotients: Vec<u64>,
}

impl Table {
    /// Prepares transforms of `degree` coefficients, a power of two with 2·degree | modulus - 1.
    pub(crate) fn new(degree: usize, modulus: Modulus) -> Self {
        assert!(degree.is_power_of_two() && degree >= 2);
        let root = modulus.root_of_unity(2 * degree as u64);
        let forward = Twiddles::new(degree, root, &modulus);
        let inverse = Twiddles::new(degree, modulus.invert(root), &modulus);
        let scale = modulus.factor(modulus.invert(degree as u64 % modulus.value()));
        let scale_twiddle = modulus.factor(modulus.multiply(scale.value, inverse.values[1]));
        Self {
            modulus,
            forward,
            inverse,
            scale,
            scale_twiddle,
            #[cfg(target_arch = "x86_64")]
            doubles: OnceLock::new(),
        }
    }

    /// The powers as doubles, made when they are first needed.
    #[cfg(target_arch = "x86_64")]
    fn doubles(&self) -> &avx2::Tables {
        self.doubles.get_or_init(|| avx2::Tables::new(self))
    }

    pub(crate) fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    pub(crate) fn degree(&self) -> usize {
        self.forward.values.len()
    }
}

impl Twiddles {
    fn new(degree: usize, root: u64, modulus: &Modulus) -> Self {
        let mut twiddles = Self { values: vec![0; degree], quotients: vec![0; degree] };
        let unused_bits = usize::BITS - degree.ilog2();
        let mut power = 1;
        for index in 0..degree {
            let factor = modulus.factor(power);
            let place = index.reverse_bits() >> unused_bits;
            twiddles.values[place] = factor.value;
            twiddles.quotients[place] = factor.quotient;
            power = modulus.multiply(power, root);
        }
        twiddles
    }

    #[inline]
    fn at(&self, index: usize) -> Factor {
        Factor { value: self.values[index], quotient: self.quotients[index] }
    }
}

impl Engine {
    /// The fastest engine of this processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if has_avx512_ifma() {
            return Self(Vectors::Avx512Ifma);
        }
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            return Self(Vectors::Avx2);
        }
        Self(Vectors::Portable)
    }

    /// Every engine of this processor, so that one test covers them all.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut engines = vec![Self(Vectors::Portable)];
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            engines.push(Self(Vectors::Avx2));
        }
        #[cfg(target_arch = "x86_64")]
        if has_avx512_ifma() {
            engines.push(Self(Vectors::Avx512Ifma));
        }
        engines
    }

    /// Evaluates a polynomial of reduced coefficients at the odd powers of the root, in place.
    ///
    /// The order of the values is the bit-reversed one, the same for every engine.
    pub(crate) fn forward(self, table: &Table, values: &mut [u64]) {
        assert_eq!(values.len(), table.degree());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an engine with these vectors is only made after the processor was asked.
            Vectors::Avx512Ifma if values.len() >= avx512::DEGREE_MIN => unsafe {
                avx512::forward(table, values);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 if values.len() >= avx2::DEGREE_MIN => unsafe {
                avx2::forward(table, values);
            },
            _ => portable::forward(table, values),
        }
    }

    /// Undoes [`Engine::forward`]; takes and gives reduced numbers.
    pub(crate) fn inverse(self, table: &Table, values: &mut [u64]) {
        assert_eq!(values.len(), table.degree());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma if values.len() >= avx512::DEGREE_MIN => unsafe {
                avx512::inverse(table, values);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 if values.len() >= avx2::DEGREE_MIN => unsafe {
                avx2::inverse(table, values);
            },
            _ => portable::inverse(table, values),
        }
    }

    /// Replaces every `left` by `left · right` modulo a 50-bit prime, all reduced.
    pub(crate) fn multiply(self, modulus: &Modulus, left: &mut [u64], right: &[u64]) {
        assert_eq!(left.len(), right.len());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma if modulus.bits() == 50 => unsafe {
                avx512::multiply(modulus, left, right);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::multiply(modulus, left, right) },
            _ => portable::multiply(modulus, left, right),
        }
    }

    /// Replaces every `left` by `left + right`, all reduced.
    pub(crate) fn add(self, modulus: &Modulus, left: &mut [u64], right: &[u64]) {
        assert_eq!(left.len(), right.len());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma => unsafe { avx512::add(modulus, left, right) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::add(modulus, left, right) },
            Vectors::Portable => portable::add(modulus, left, right),
        }
    }

    /// Replaces every `left` by `left - right`, all reduced.
    pub(crate) fn subtract(self, modulus: &Modulus, left: &mut [u64], right: &[u64]) {
        assert_eq!(left.len(), right.len());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma => unsafe { avx512::subtract(modulus, left, right) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::subtract(modulus, left, right) },
            Vectors::Portable => portable::subtract(modulus, left, right),
        }
    }

    /// Adds small signed numbers, of magnitude below the modulus, to reduced words.
    pub(crate) fn add_small(self, modulus: &Modulus, words: &mut [u64], numbers: &[i32]) {
        assert_eq!(words.len(), numbers.len());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma => unsafe { avx512::add_small(modulus, words, numbers) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::add_small(modulus, words, numbers) },
            Vectors::Portable => portable::add_small(modulus, words, numbers),
        }
    }

    /// Adds `numbers[0] · factors[0] + numbers[1] · factors[1] - 1`, for numbers below 2^52, to
    /// reduced words.
    pub(crate) fn add_scaled(
        self,
        modulus: &Modulus,
        words: &mut [u64],
        numbers: [&[u64]; 2],
        factors: [Factor; 2],
    ) {
        assert!(numbers.map(<[u64]>::len) == [words.len(); 2]);
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma => unsafe {
                avx512::add_scaled(modulus, words, numbers, factors);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::add_scaled(modulus, words, numbers, factors) },
            Vectors::Portable => portable::add_scaled(modulus, words, numbers, factors),
        }
    }

    /// Adds the products `left · right` of numbers below 2^50 to sums that are kept as
    /// `low + 2^52 · high`: each product adds less than 2^52 to `low` and less than 2^48 to `high`.
    pub(crate) fn accumulate(self, low: &mut [u64], high: &mut [u64], left: &[u64], right: &[u64]) {
        assert!([high.len(), left.len(), right.len()] == [low.len(); 3]);
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma => unsafe { avx512::accumulate(low, high, left, right) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::accumulate(low, high, left, right) },
            Vectors::Portable => portable::accumulate(low, high, left, right),
        }
    }

    /// Reduces sums `low + 2^52 · high`, `high` below 2^61, modulo a 50-bit prime into `low`.
    pub(crate) fn settle(self, modulus: &Modulus, low: &mut [u64], high: &[u64]) {
        assert_eq!(low.len(), high.len());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma if modulus.bits() == 50 => unsafe {
                avx512::settle(modulus, low, high);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::settle(modulus, low, high) },
            _ => portable::settle(modulus, low, high),
        }
    }

    /// The exact sum of `weights · words`, for words below 2^50 and weights in -2^20..2^20.
    pub(crate) fn weighted_sum(self, weights: &[i32], words: &[u64]) -> i128 {
        assert_eq!(weights.len(), words.len());
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma => unsafe { avx512::weighted_sum(weights, words) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::weighted_sum(weights, words) },
            Vectors::Portable => portable::weighted_sum(weights, words),
        }
    }

    /// The sum of `words` with the signs of a ternary vector: bit `i` of `positive` adds word `i`,
    /// bit `i` of `negative` takes it off, modulo 2^64: exact if the sum fits, as it does for up to
    /// 2^13 words below 2^50.
    pub(crate) fn ternary_sum(self, positive: &[u64], negative: &[u64], words: &[u64]) -> i64 {
        assert!(words.len() <= 1 << 13);
        assert!([positive.len(), negative.len()] == [words.len().div_ceil(64); 2]);
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma => unsafe { avx512::ternary_sum(positive, negative, words) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::ternary_sum(positive, negative, words) },
            Vectors::Portable => portable::ternary_sum(positive, negative, words),
        }
    }

    /// Adds row `i` of `rows`, `width` words, to row `codes[i]` of `table`, for every `i`.
    ///
    /// # Panics
    ///
    /// If a code is beyond the table.
    pub(crate) fn histogram<C: Copy + Into<usize>>(
        self,
        codes: &[C],
        rows: &[u64],
        width: usize,
        table: &mut [u64],
    ) {
        assert_eq!(rows.len(), codes.len() * width);
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as in `forward`.
            Vectors::Avx512Ifma => unsafe { avx512::histogram(codes, rows, width, table) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Vectors::Avx2 => unsafe { avx2::histogram(codes, rows, width, table) },
            Vectors::Portable => portable::histogram(codes, rows, width, table),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512_ifma() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
}
