//! The kernels on AVX2 and FMA: four numbers at a time, products in double precision.
//!
//! A product by a fixed factor in 64-bit integer lanes takes ten 32-bit multiplications and as many
//! shifts and sums; in doubles, whose fused multiplication gives both halves of a product, it takes
//! four multiplications and two sums, 3.4 times as fast when measured, and negative numbers cost
//! nothing. Van der Hoeven, Lecerf and Quintin, "Modular SIMD arithmetic in Mathemagix", 2016,
//! section 3.
//!
//! Every double here holds an integer of magnitude at most 2^53, so that sums and differences are
//! exact. With p the modulus, below 2^50, "at most 4 moduli" is below 2^52, "8 moduli" below 2^53.
//!
//! Every function here needs a processor with `avx2` and `fma`; [`super::Engine`] only calls them
//! after it asked. Rests of less than four numbers go to the portable twin.

mod sums;
#[cfg(test)]
mod tests;
mod transform;

use core::arch::x86_64::{
    __m256d, __m256i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_add_pd,
    _mm256_and_pd, _mm256_castpd_si256, _mm256_castsi256_pd, _mm256_cmp_pd, _mm256_fmadd_pd,
    _mm256_fmsub_pd, _mm256_fnmadd_pd, _mm256_mul_pd, _mm256_or_si256, _mm256_round_pd,
    _mm256_set1_pd, _mm256_setzero_pd, _mm256_sub_pd, _mm256_xor_si256,
};
use core::mem::transmute;

use super::{Table, portable};
use crate::lattice::modulus::{Factor, Modulus};

pub(super) use sums::{
    accumulate, add, add_scaled, add_small, histogram, multiply, settle, subtract, ternary_sum,
    weighted_sum,
};
pub(super) use transform::{DEGREE_MIN, Tables, forward, inverse};

/// Four numbers in memory: words, or doubles on their way through a transform.
type Four = [u64; 4];

/// From here to twice as much, doubles lie one apart: their last bits are an integer.
const TWO_TO_52: f64 = 4_503_599_627_370_496.0;
/// In the middle of those integers: adding it rounds any number within 2^51 to an integer.
const ROUNDING: f64 = 1.5 * TWO_TO_52;

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(words: &Four) -> __m256i {
    // SAFETY: both are 32 bytes and any bytes are a vector.
    unsafe { transmute::<Four, __m256i>(*words) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store(words: &mut Four, vector: __m256i) {
    // SAFETY: both are 32 bytes and any bytes are words.
    *words = unsafe { transmute::<__m256i, Four>(vector) };
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_doubles(doubles: &[f64; 4]) -> __m256d {
    // SAFETY: both are 32 bytes and any bytes are a vector.
    unsafe { transmute::<[f64; 4], __m256d>(*doubles) }
}

/// Words below 2^52 as doubles.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn to_doubles(words: __m256i) -> __m256d {
    let offset = _mm256_set1_pd(TWO_TO_52);
    let placed = _mm256_or_si256(words, _mm256_castpd_si256(offset));
    _mm256_sub_pd(_mm256_castsi256_pd(placed), offset)
}

/// Doubles in 0..2^52 as words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn to_words(numbers: __m256d) -> __m256i {
    let offset = _mm256_set1_pd(TWO_TO_52);
    let placed = _mm256_castpd_si256(_mm256_add_pd(numbers, offset));
    _mm256_xor_si256(placed, _mm256_castpd_si256(offset))
}

/// The constants of one modulus in every lane.
#[derive(Clone, Copy)]
struct Lanes {
    modulus: __m256d,
    /// 1 / modulus, rounded.
    inverse: __m256d,
    rounding: __m256d,
}

/// A fixed factor, of magnitude at most half a modulus, and its quotient by the modulus: in every
/// lane, or one of each per lane.
#[derive(Clone, Copy)]
struct Twiddle {
    value: __m256d,
    quotient: __m256d,
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(modulus: &Modulus) -> Self {
        let value = modulus.value() as f64;
        Self {
            modulus: _mm256_set1_pd(value),
            inverse: _mm256_set1_pd(value.recip()),
            rounding: _mm256_set1_pd(ROUNDING),
        }
    }

    /// `x · twiddle`, for `x` of at most 4 moduli: of magnitude at most p/2 + |x|/32.
    ///
    /// The quotient is at most 1/2, so it is off by at most 2^-55, and |x · quotient| is at most
    /// 2^51: the rounded q lies within 1/2 + |x| · 2^-55 of x · twiddle / p, and what is left,
    /// t = x · twiddle - q · p, within p times that.
    ///
    /// No step but q rounds: `high + low` is the product; `high` is an integer (below 2^53 nothing
    /// is rounded, above all doubles are integers) and |low| at most 2^47, half a unit of the last
    /// place of a product below 2^101; hence `high - q · p = t - low` is an integer of magnitude
    /// below 2^53.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn multiply(&self, x: __m256d, twiddle: Twiddle) -> __m256d {
        let placed = _mm256_fmadd_pd(x, twiddle.quotient, self.rounding);
        self.product_less(x, twiddle.value, _mm256_sub_pd(placed, self.rounding))
    }

    /// `x · twiddle`, for `x` of at most 8 moduli: of magnitude at most p/2 + 3|x|/32.
    ///
    /// As [`Lanes::multiply`]; but x · quotient, at most 2^52, is rounded once more, by at most
    /// 2^-53 of itself or |x| · 2^-54; and |low| is at most 2^48.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn multiply_far(&self, x: __m256d, twiddle: Twiddle) -> __m256d {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        let quotient = _mm256_round_pd::<NEAREST>(_mm256_mul_pd(x, twiddle.quotient));
        self.product_less(x, twiddle.value, quotient)
    }

    /// `x · y - quotient · p`, exactly.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn product_less(&self, x: __m256d, y: __m256d, quotient: __m256d) -> __m256d {
        let high = _mm256_mul_pd(x, y);
        let low = _mm256_fmsub_pd(x, y, high);
        _mm256_add_pd(_mm256_fnmadd_pd(quotient, self.modulus, high), low)
    }

    /// The residue nearest to zero of a number of magnitude at most 2^53, or the next one: of
    /// magnitude at most p/2 + 1.
    ///
    /// The inverse is off by at most 2^-53 of itself, x · inverse by 2^-53 · |x| / p, at most 1/p.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn reduce(&self, x: __m256d) -> __m256d {
        let placed = _mm256_fmadd_pd(x, self.inverse, self.rounding);
        _mm256_fnmadd_pd(_mm256_sub_pd(placed, self.rounding), self.modulus, x)
    }

    /// The reduced words of numbers of magnitude below the modulus.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn words(&self, x: __m256d) -> __m256i {
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(x, _mm256_setzero_pd());
        to_words(_mm256_add_pd(x, _mm256_and_pd(negative, self.modulus)))
    }
}

/// A factor as doubles, of magnitude at most half the modulus, and its quotient by the modulus.
fn balanced(value: u64, modulus: &Modulus) -> [f64; 2] {
    let modulus = modulus.value();
    let near_zero = if 2 * value > modulus { value as f64 - modulus as f64 } else { value as f64 };
    [near_zero, near_zero / modulus as f64]
}

impl Twiddle {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn broadcast([value, quotient]: [f64; 2]) -> Self {
        Self { value: _mm256_set1_pd(value), quotient: _mm256_set1_pd(quotient) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn load([values, quotients]: &[[f64; 4]; 2]) -> Self {
        Self { value: load_doubles(values), quotient: load_doubles(quotients) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn of(factor: Factor, modulus: &Modulus) -> Self {
        Self::broadcast(balanced(factor.value, modulus))
    }
}
