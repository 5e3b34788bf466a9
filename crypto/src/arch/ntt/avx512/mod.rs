//! The kernels on AVX-512 IFMA: eight numbers at a time, products of 52 bits.
//!
//! Every function here needs a processor with `avx512f` and `avx512ifma`; [`super::Engine`] only
//! calls them after it asked. Rests of less than eight numbers go to the portable twin.

mod sums;
mod transform;

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_min_epu64, _mm512_permutexvar_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_sub_epi64,
};
use core::mem::transmute;

use super::{Table, Twiddles, portable};
use crate::lattice::modulus::{Factor, MASK_52, Modulus};

pub(super) use sums::{
    accumulate, add, add_scaled, add_small, histogram, multiply, settle, subtract, ternary_sum,
    weighted_sum,
};
pub(super) use transform::{DEGREE_MIN, forward, inverse};

/// Eight numbers in memory.
type Eight = [u64; 8];

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn load(words: &Eight) -> __m512i {
    // SAFETY: both are 64 bytes and any bytes are a vector.
    unsafe { transmute::<Eight, __m512i>(*words) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn store(words: &mut Eight, vector: __m512i) {
    // SAFETY: both are 64 bytes and any bytes are words.
    *words = unsafe { transmute::<__m512i, Eight>(vector) };
}

/// The constants of one modulus in every lane.
#[derive(Clone, Copy)]
struct Lanes {
    modulus: __m512i,
    twice: __m512i,
    /// 2^52 - modulus: the multiplier adds only.
    negated: __m512i,
    mask: __m512i,
}

/// A fixed factor and its quotient in every lane, or one of each per lane.
#[derive(Clone, Copy)]
struct Twiddle {
    value: __m512i,
    quotient: __m512i,
}

impl Lanes {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn new(modulus: &Modulus) -> Self {
        Self {
            modulus: _mm512_set1_epi64(modulus.value() as i64),
            twice: _mm512_set1_epi64(2 * modulus.value() as i64),
            negated: _mm512_set1_epi64((MASK_52 + 1 - modulus.value()) as i64),
            mask: _mm512_set1_epi64(MASK_52 as i64),
        }
    }

    /// As [`Modulus::multiply_lazy`]: below two moduli, for `x` below 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply_lazy(&self, x: __m512i, twiddle: Twiddle) -> __m512i {
        let zero = _mm512_setzero_si512();
        let quotient = _mm512_madd52hi_epu64(zero, x, twiddle.quotient);
        let product = _mm512_madd52lo_epu64(zero, x, twiddle.value);
        let left = _mm512_madd52lo_epu64(product, quotient, self.negated);
        _mm512_and_si512(left, self.mask)
    }

    /// Takes `bound` off once where a number reaches it.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce_once(x: __m512i, bound: __m512i) -> __m512i {
        _mm512_min_epu64(x, _mm512_sub_epi64(x, bound))
    }

    /// Reduces a number below four moduli.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce(&self, x: __m512i) -> __m512i {
        Self::reduce_once(Self::reduce_once(x, self.twice), self.modulus)
    }

    /// Cooley and Tukey: numbers below four moduli to numbers below four moduli.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn forward(&self, pair: [__m512i; 2], twiddle: Twiddle) -> [__m512i; 2] {
        let sum = Self::reduce_once(pair[0], self.twice);
        let turned = self.multiply_lazy(pair[1], twiddle);
        let other = _mm512_sub_epi64(_mm512_add_epi64(sum, self.twice), turned);
        [_mm512_add_epi64(sum, turned), other]
    }

    /// Gentleman and Sande: numbers below two moduli to numbers below two moduli.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn inverse(&self, pair: [__m512i; 2], twiddle: Twiddle) -> [__m512i; 2] {
        let difference = _mm512_sub_epi64(_mm512_add_epi64(pair[0], self.twice), pair[1]);
        let sum = _mm512_add_epi64(pair[0], pair[1]);
        [Self::reduce_once(sum, self.twice), self.multiply_lazy(difference, twiddle)]
    }

    /// The last butterfly of the inverse: divides by the degree and reduces.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn inverse_last(&self, pair: [__m512i; 2], scale: [Twiddle; 2]) -> [__m512i; 2] {
        let difference = _mm512_sub_epi64(_mm512_add_epi64(pair[0], self.twice), pair[1]);
        let sum = self.multiply_lazy(_mm512_add_epi64(pair[0], pair[1]), scale[0]);
        let difference = self.multiply_lazy(difference, scale[1]);
        [Self::reduce_once(sum, self.modulus), Self::reduce_once(difference, self.modulus)]
    }
}

impl Twiddle {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn broadcast(factor: Factor) -> Self {
        Self {
            value: _mm512_set1_epi64(factor.value as i64),
            quotient: _mm512_set1_epi64(factor.quotient as i64),
        }
    }

    /// The factors from `start` on, spread over the lanes as `order` says.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn spread(twiddles: &Twiddles, start: usize, order: &Eight) -> Self {
        let order = load(order);
        let value = load(&twiddles.values[start..].as_chunks().0[0]);
        let quotient = load(&twiddles.quotients[start..].as_chunks().0[0]);
        Self {
            value: _mm512_permutexvar_epi64(order, value),
            quotient: _mm512_permutexvar_epi64(order, quotient),
        }
    }
}
