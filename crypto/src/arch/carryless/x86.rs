//! The products on PCLMULQDQ (one at a time) and on VPCLMULQDQ with 256-bit vectors (two) or
//! 512-bit vectors (four).
//!
//! Every function here needs the instructions that its attribute names; [`super::Engine`] only
//! calls them after it asked.

use core::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_clmulepi64_si128, _mm_set_epi64x, _mm_setzero_si128,
    _mm_slli_si128, _mm_srli_si128, _mm_xor_si128, _mm256_broadcastsi128_si256,
    _mm256_bslli_epi128, _mm256_bsrli_epi128, _mm256_clmulepi64_epi128, _mm256_setzero_si256,
    _mm256_xor_si256, _mm512_broadcast_i32x4, _mm512_bslli_epi128, _mm512_bsrli_epi128,
    _mm512_clmulepi64_epi128, _mm512_setzero_si512, _mm512_ternarylogic_epi64, _mm512_xor_si512,
};
use core::mem::transmute;

use super::POLYNOMIAL;
use crate::field128::Gf128;

type Two = [Gf128; 2];
type Four = [Gf128; 4];

/// A product before reduction: `low + x^64 · middle + x^128 · high`.
#[derive(Clone, Copy)]
struct Wide<V> {
    low: V,
    middle: V,
    high: V,
}

impl Wide<__m128i> {
    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn zero() -> Self {
        let zero = _mm_setzero_si128();
        Self { low: zero, middle: zero, high: zero }
    }

    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn add_product(self, left: __m128i, right: __m128i) -> Self {
        let cross = _mm_xor_si128(
            _mm_clmulepi64_si128::<0x01>(left, right),
            _mm_clmulepi64_si128::<0x10>(left, right),
        );
        Self {
            low: _mm_xor_si128(self.low, _mm_clmulepi64_si128::<0x00>(left, right)),
            middle: _mm_xor_si128(self.middle, cross),
            high: _mm_xor_si128(self.high, _mm_clmulepi64_si128::<0x11>(left, right)),
        }
    }

    /// Folds the upper quarter, then the next, onto the lower ones.
    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn reduce(self) -> __m128i {
        let polynomial = _mm_set_epi64x(0, POLYNOMIAL as i64);
        let low = _mm_xor_si128(self.low, _mm_slli_si128::<8>(self.middle));
        let high = _mm_xor_si128(self.high, _mm_srli_si128::<8>(self.middle));
        let folded = _mm_clmulepi64_si128::<0x01>(high, polynomial);
        let low = _mm_xor_si128(low, _mm_slli_si128::<8>(folded));
        let rest = _mm_xor_si128(high, _mm_srli_si128::<8>(folded));
        _mm_xor_si128(low, _mm_clmulepi64_si128::<0x00>(rest, polynomial))
    }
}

impl Wide<__m256i> {
    #[inline]
    #[target_feature(enable = "avx2,vpclmulqdq")]
    fn zero() -> Self {
        let zero = _mm256_setzero_si256();
        Self { low: zero, middle: zero, high: zero }
    }

    #[inline]
    #[target_feature(enable = "avx2,vpclmulqdq")]
    fn add_product(self, left: __m256i, right: __m256i) -> Self {
        let cross = _mm256_xor_si256(
            _mm256_clmulepi64_epi128::<0x01>(left, right),
            _mm256_clmulepi64_epi128::<0x10>(left, right),
        );
        Self {
            low: _mm256_xor_si256(self.low, _mm256_clmulepi64_epi128::<0x00>(left, right)),
            middle: _mm256_xor_si256(self.middle, cross),
            high: _mm256_xor_si256(self.high, _mm256_clmulepi64_epi128::<0x11>(left, right)),
        }
    }

    /// As for one product.
    #[inline]
    #[target_feature(enable = "avx2,vpclmulqdq")]
    fn reduce(self) -> __m256i {
        let polynomial = _mm256_broadcastsi128_si256(_mm_set_epi64x(0, POLYNOMIAL as i64));
        let high = _mm256_xor_si256(self.high, _mm256_bsrli_epi128::<8>(self.middle));
        let folded = _mm256_clmulepi64_epi128::<0x01>(high, polynomial);
        let rest = _mm256_xor_si256(high, _mm256_bsrli_epi128::<8>(folded));
        let upper = _mm256_bslli_epi128::<8>(_mm256_xor_si256(self.middle, folded));
        let low = _mm256_xor_si256(self.low, upper);
        _mm256_xor_si256(low, _mm256_clmulepi64_epi128::<0x00>(rest, polynomial))
    }
}

impl Wide<__m512i> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,vpclmulqdq")]
    fn zero() -> Self {
        let zero = _mm512_setzero_si512();
        Self { low: zero, middle: zero, high: zero }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,vpclmulqdq")]
    fn add_product(self, left: __m512i, right: __m512i) -> Self {
        let cross = [
            _mm512_clmulepi64_epi128::<0x01>(left, right),
            _mm512_clmulepi64_epi128::<0x10>(left, right),
        ];
        Self {
            low: _mm512_xor_si512(self.low, _mm512_clmulepi64_epi128::<0x00>(left, right)),
            middle: xor_three(self.middle, cross[0], cross[1]),
            high: _mm512_xor_si512(self.high, _mm512_clmulepi64_epi128::<0x11>(left, right)),
        }
    }

    /// As for one product.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,vpclmulqdq")]
    fn reduce(self) -> __m512i {
        let polynomial = _mm512_broadcast_i32x4(_mm_set_epi64x(0, POLYNOMIAL as i64));
        let high = _mm512_xor_si512(self.high, _mm512_bsrli_epi128::<8>(self.middle));
        let folded = _mm512_clmulepi64_epi128::<0x01>(high, polynomial);
        let rest = _mm512_xor_si512(high, _mm512_bsrli_epi128::<8>(folded));
        let upper = _mm512_bslli_epi128::<8>(_mm512_xor_si512(self.middle, folded));
        xor_three(self.low, upper, _mm512_clmulepi64_epi128::<0x00>(rest, polynomial))
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor_three(first: __m512i, second: __m512i, third: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0x96>(first, second, third)
}

#[inline]
#[target_feature(enable = "pclmulqdq")]
pub(in crate::arch) fn multiply(left: Gf128, right: Gf128) -> Gf128 {
    from_vector(Wide::<__m128i>::zero().add_product(to_vector(left), to_vector(right)).reduce())
}

/// Four products of elements in vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq")]
pub(in crate::arch) fn multiply_four(left: __m512i, right: __m512i) -> __m512i {
    Wide::<__m512i>::zero().add_product(left, right).reduce()
}

#[target_feature(enable = "pclmulqdq")]
pub(super) fn scale_one(values: &mut [Gf128], factor: Gf128) {
    for value in values {
        *value = multiply(*value, factor);
    }
}

#[target_feature(enable = "pclmulqdq")]
pub(super) fn add_scaled_one(target: &mut [Gf128], source: &[Gf128], factor: Gf128) {
    for (target, source) in target.iter_mut().zip(source) {
        *target += multiply(*source, factor);
    }
}

#[target_feature(enable = "pclmulqdq")]
pub(super) fn multiply_each_one(values: &mut [Gf128], factors: &[Gf128]) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value = multiply(*value, *factor);
    }
}

#[target_feature(enable = "pclmulqdq")]
pub(super) fn inner_product_one(left: &[Gf128], right: &[Gf128]) -> Gf128 {
    let mut sum = Wide::<__m128i>::zero();
    for (left, right) in left.iter().zip(right) {
        sum = sum.add_product(to_vector(*left), to_vector(*right));
    }
    from_vector(sum.reduce())
}

#[target_feature(enable = "avx2,vpclmulqdq,pclmulqdq")]
pub(super) fn scale_two(values: &mut [Gf128], factor: Gf128) {
    let factors = _mm256_broadcastsi128_si256(to_vector(factor));
    let (twos, rest) = values.as_chunks_mut::<2>();
    for two in twos {
        store_two(two, Wide::<__m256i>::zero().add_product(load_two(two), factors).reduce());
    }
    scale_one(rest, factor);
}

#[target_feature(enable = "avx2,vpclmulqdq,pclmulqdq")]
pub(super) fn add_scaled_two(target: &mut [Gf128], source: &[Gf128], factor: Gf128) {
    let factors = _mm256_broadcastsi128_si256(to_vector(factor));
    let (targets, target_rest) = target.as_chunks_mut::<2>();
    let (sources, source_rest) = source.as_chunks::<2>();
    for (target, source) in targets.iter_mut().zip(sources) {
        let product = Wide::<__m256i>::zero().add_product(load_two(source), factors).reduce();
        store_two(target, _mm256_xor_si256(load_two(target), product));
    }
    add_scaled_one(target_rest, source_rest, factor);
}

#[target_feature(enable = "avx2,vpclmulqdq,pclmulqdq")]
pub(super) fn multiply_each_two(values: &mut [Gf128], factors: &[Gf128]) {
    let (twos, rest) = values.as_chunks_mut::<2>();
    let (factor_twos, factor_rest) = factors.as_chunks::<2>();
    for (two, factor) in twos.iter_mut().zip(factor_twos) {
        store_two(
            two,
            Wide::<__m256i>::zero().add_product(load_two(two), load_two(factor)).reduce(),
        );
    }
    multiply_each_one(rest, factor_rest);
}

#[target_feature(enable = "avx2,vpclmulqdq,pclmulqdq")]
pub(super) fn inner_product_two(left: &[Gf128], right: &[Gf128]) -> Gf128 {
    let (left_twos, left_rest) = left.as_chunks::<2>();
    let (right_twos, right_rest) = right.as_chunks::<2>();
    let mut sum = Wide::<__m256i>::zero();
    for (left, right) in left_twos.iter().zip(right_twos) {
        sum = sum.add_product(load_two(left), load_two(right));
    }
    let mut lanes = [Gf128::ZERO; 2];
    store_two(&mut lanes, sum.reduce());
    lanes[0] + lanes[1] + inner_product_one(left_rest, right_rest)
}

#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq,pclmulqdq")]
pub(super) fn scale_four(values: &mut [Gf128], factor: Gf128) {
    let factors = _mm512_broadcast_i32x4(to_vector(factor));
    let (fours, rest) = values.as_chunks_mut::<4>();
    for four in fours {
        store(four, multiply_four(load(four), factors));
    }
    scale_one(rest, factor);
}

#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq,pclmulqdq")]
pub(super) fn add_scaled_four(target: &mut [Gf128], source: &[Gf128], factor: Gf128) {
    let factors = _mm512_broadcast_i32x4(to_vector(factor));
    let (targets, target_rest) = target.as_chunks_mut::<4>();
    let (sources, source_rest) = source.as_chunks::<4>();
    for (target, source) in targets.iter_mut().zip(sources) {
        let product = multiply_four(load(source), factors);
        store(target, _mm512_xor_si512(load(target), product));
    }
    add_scaled_one(target_rest, source_rest, factor);
}

#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq,pclmulqdq")]
pub(super) fn multiply_each_four(values: &mut [Gf128], factors: &[Gf128]) {
    let (fours, rest) = values.as_chunks_mut::<4>();
    let (factor_fours, factor_rest) = factors.as_chunks::<4>();
    for (four, factor) in fours.iter_mut().zip(factor_fours) {
        store(four, multiply_four(load(four), load(factor)));
    }
    multiply_each_one(rest, factor_rest);
}

#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq,pclmulqdq")]
pub(super) fn inner_product_four(left: &[Gf128], right: &[Gf128]) -> Gf128 {
    let (left_fours, left_rest) = left.as_chunks::<4>();
    let (right_fours, right_rest) = right.as_chunks::<4>();
    let mut sum = Wide::<__m512i>::zero();
    for (left, right) in left_fours.iter().zip(right_fours) {
        sum = sum.add_product(load(left), load(right));
    }
    let mut lanes = [Gf128::ZERO; 4];
    store(&mut lanes, sum.reduce());
    lanes.into_iter().sum::<Gf128>() + inner_product_one(left_rest, right_rest)
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_two(two: &Two) -> __m256i {
    // SAFETY: both are 32 bytes and any bytes are a vector.
    unsafe { transmute::<Two, __m256i>(*two) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_two(two: &mut Two, vector: __m256i) {
    // SAFETY: both are 32 bytes and any bytes are elements.
    *two = unsafe { transmute::<__m256i, Two>(vector) };
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(four: &Four) -> __m512i {
    // SAFETY: both are 64 bytes and any bytes are a vector.
    unsafe { transmute::<Four, __m512i>(*four) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(four: &mut Four, vector: __m512i) {
    // SAFETY: both are 64 bytes and any bytes are elements.
    *four = unsafe { transmute::<__m512i, Four>(vector) };
}

#[inline]
fn to_vector(element: Gf128) -> __m128i {
    // SAFETY: both are 16 bytes and any bytes are a vector.
    unsafe { transmute::<Gf128, __m128i>(element) }
}

#[inline]
fn from_vector(vector: __m128i) -> Gf128 {
    // SAFETY: both are 16 bytes and any bytes are an element.
    unsafe { transmute::<__m128i, Gf128>(vector) }
}
