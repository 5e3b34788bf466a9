//! Sums and products, element by element or added up.

use core::arch::x86_64::{
    __m256d, __m256i, _mm256_add_epi64, _mm256_add_pd, _mm256_and_si256, _mm256_castpd_si256,
    _mm256_cmpgt_epi64, _mm256_fmadd_pd, _mm256_fmsub_pd, _mm256_mul_pd, _mm256_set_epi64x,
    _mm256_set1_epi64x, _mm256_set1_pd, _mm256_setzero_si256, _mm256_slli_epi64, _mm256_sllv_epi64,
    _mm256_srli_epi64, _mm256_sub_epi64, _mm256_sub_pd,
};

use super::{Lanes, TWO_TO_52, Twiddle, load, portable, store, to_doubles};
use crate::lattice::modulus::{Factor, MASK_52, Modulus};

/// From here to twice as much, doubles lie 2^52 apart: their last bits count those steps.
const TWO_TO_104: f64 = TWO_TO_52 * TWO_TO_52;

/// The quotient of a product of reduced numbers, at most 2^50, is off by 2^50 · 2^-52 for the
/// rounding of product and inverse, and 1/2 for its own: what is left is at most 3/4 p.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn multiply(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    let lanes = Lanes::new(modulus);
    let (left, left_rest) = left.as_chunks_mut::<4>();
    let (right, right_rest) = right.as_chunks::<4>();
    for (left, right) in left.iter_mut().zip(right) {
        let (x, y) = (to_doubles(load(left)), to_doubles(load(right)));
        let placed = _mm256_fmadd_pd(_mm256_mul_pd(x, y), lanes.inverse, lanes.rounding);
        let product = lanes.product_less(x, y, _mm256_sub_pd(placed, lanes.rounding));
        store(left, lanes.words(product));
    }
    portable::multiply(modulus, left_rest, right_rest);
}

#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn add(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    portable::add(modulus, left, right);
}

#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn subtract(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    portable::subtract(modulus, left, right);
}

#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn add_small(modulus: &Modulus, words: &mut [u64], numbers: &[i32]) {
    portable::add_small(modulus, words, numbers);
}

/// The products are at most 5/8 p, see [`Lanes::multiply`]: all together is below 3 moduli.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn add_scaled(
    modulus: &Modulus,
    words: &mut [u64],
    [upper, lower]: [&[u64]; 2],
    factors: [Factor; 2],
) {
    let lanes = Lanes::new(modulus);
    let one = _mm256_set1_pd(1.0);
    let upper_factor = Twiddle::of(factors[0], modulus);
    let lower_factor = Twiddle::of(factors[1], modulus);
    let (words, words_rest) = words.as_chunks_mut::<4>();
    let (upper, upper_rest) = upper.as_chunks::<4>();
    let (lower, lower_rest) = lower.as_chunks::<4>();
    for (word, (upper, lower)) in words.iter_mut().zip(upper.iter().zip(lower)) {
        let product = lanes.multiply(to_doubles(load(upper)), upper_factor);
        let sum = _mm256_add_pd(product, lanes.multiply(to_doubles(load(lower)), lower_factor));
        let word_less_one = _mm256_sub_pd(to_doubles(load(word)), one);
        store(word, lanes.words(lanes.reduce(_mm256_add_pd(sum, word_less_one))));
    }
    portable::add_scaled(modulus, words_rest, [upper_rest, lower_rest], factors);
}

/// A product, below 2^100, is added to 2^104, which rounds it to a multiple of 2^52, found in the
/// last bits; the rest, of magnitude at most 2^51, is exact. Where it is negative, one is borrowed.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn accumulate(
    low: &mut [u64],
    high: &mut [u64],
    left: &[u64],
    right: &[u64],
) {
    let offset = _mm256_set1_pd(TWO_TO_104);
    let rounding = _mm256_set1_pd(super::ROUNDING);
    let mask = _mm256_set1_epi64x(MASK_52 as i64);
    let (low, low_rest) = low.as_chunks_mut::<4>();
    let (high, high_rest) = high.as_chunks_mut::<4>();
    let (left, left_rest) = left.as_chunks::<4>();
    let (right, right_rest) = right.as_chunks::<4>();
    for ((low, high), (left, right)) in low.iter_mut().zip(high).zip(left.iter().zip(right)) {
        let (x, y) = (to_doubles(load(left)), to_doubles(load(right)));
        let placed = _mm256_fmadd_pd(x, y, offset);
        let rest = _mm256_fmsub_pd(x, y, _mm256_sub_pd(placed, offset));
        let rest = difference(_mm256_add_pd(rest, rounding), rounding);
        let borrow = _mm256_cmpgt_epi64(_mm256_setzero_si256(), rest);
        let multiple = _mm256_add_epi64(difference(placed, offset), borrow);
        store(low, _mm256_add_epi64(load(low), _mm256_and_si256(rest, mask)));
        store(high, _mm256_add_epi64(load(high), multiple));
    }
    portable::accumulate(low_rest, high_rest, left_rest, right_rest);
}

/// By how many places of the last bit doubles of one binade differ.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn difference(left: __m256d, right: __m256d) -> __m256i {
    _mm256_sub_epi64(_mm256_castpd_si256(left), _mm256_castpd_si256(right))
}

/// The upper half, below 2^62, is cut at 2^32; its parts are multiplied by 2^84 and 2^52. All
/// together is at most 2^52 + 5/4 p, see [`Lanes::multiply`]: a 50-bit modulus is above 2^49, and
/// the sum below 10 moduli and 2^53.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn settle(modulus: &Modulus, low: &mut [u64], high: &[u64]) {
    let lanes = Lanes::new(modulus);
    let two_to_52 = modulus.two_to_52();
    let two_to_84 = modulus.factor(modulus.multiply(two_to_52.value, 1 << 32));
    let factors = [two_to_52, two_to_84].map(|factor| Twiddle::of(factor, modulus));
    let (low_mask, upper_mask) =
        (_mm256_set1_epi64x(MASK_52 as i64), _mm256_set1_epi64x(0xFFFF_FFFF));
    let (low, low_rest) = low.as_chunks_mut::<4>();
    let (high, high_rest) = high.as_chunks::<4>();
    for (low, high) in low.iter_mut().zip(high) {
        let (lower, upper) = (load(low), load(high));
        let upper = _mm256_add_epi64(upper, _mm256_srli_epi64::<52>(lower));
        let parts = [_mm256_and_si256(upper, upper_mask), _mm256_srli_epi64::<32>(upper)];
        let sum = _mm256_add_pd(
            lanes.multiply(to_doubles(parts[0]), factors[0]),
            lanes.multiply(to_doubles(parts[1]), factors[1]),
        );
        let sum = _mm256_add_pd(sum, to_doubles(_mm256_and_si256(lower, low_mask)));
        store(low, lanes.words(lanes.reduce(sum)));
    }
    portable::settle(modulus, low_rest, high_rest);
}

/// Halves of 25 bits, as the portable twin takes them.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn weighted_sum(weights: &[i32], words: &[u64]) -> i128 {
    portable::weighted_sum(weights, words)
}

/// From the last four words of 64 to the first: the bits of each four stand at the top of the lanes
/// in turn, where they are signs.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn ternary_sum(positive: &[u64], negative: &[u64], words: &[u64]) -> i64 {
    let zero = _mm256_setzero_si256();
    let tops = _mm256_set_epi64x(0, 1, 2, 3);
    let (mut added, mut taken) = (zero, zero);
    let (blocks, rest) = words.as_chunks::<64>();
    for (block, (positive, negative)) in blocks.iter().zip(positive.iter().zip(negative)) {
        let mut adds = _mm256_sllv_epi64(_mm256_set1_epi64x(*positive as i64), tops);
        let mut takes = _mm256_sllv_epi64(_mm256_set1_epi64x(*negative as i64), tops);
        for words in block.as_chunks::<4>().0.iter().rev() {
            let word = load(words);
            let (plus, minus) = (_mm256_cmpgt_epi64(zero, adds), _mm256_cmpgt_epi64(zero, takes));
            added = _mm256_add_epi64(added, _mm256_and_si256(plus, word));
            taken = _mm256_add_epi64(taken, _mm256_and_si256(minus, word));
            adds = _mm256_slli_epi64::<4>(adds);
            takes = _mm256_slli_epi64::<4>(takes);
        }
    }
    let mut lanes = [0; 4];
    store(&mut lanes, _mm256_sub_epi64(added, taken));
    let total = lanes.iter().fold(0u64, |total, lane| total.wrapping_add(*lane)) as i64;
    let rest = portable::ternary_sum(&positive[blocks.len()..], &negative[blocks.len()..], rest);
    total.wrapping_add(rest)
}

#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn histogram<C: Copy + Into<usize>>(
    codes: &[C],
    rows: &[u64],
    width: usize,
    table: &mut [u64],
) {
    portable::histogram(codes, rows, width, table);
}
