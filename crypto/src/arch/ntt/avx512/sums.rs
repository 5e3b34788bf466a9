//! Sums and products, element by element or added up.

use core::arch::x86_64::{
    __m256i, __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cvtepi32_epi64,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_add_epi64, _mm512_mask_sub_epi64,
    _mm512_or_si512, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_srli_epi64,
};
use core::mem::transmute;

use super::{Lanes, Twiddle, load, portable, store};
use crate::lattice::modulus::{Factor, Modulus};

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn load_weights(weights: &[i32; 8]) -> __m512i {
    // SAFETY: both are 32 bytes and any bytes are a vector.
    _mm512_cvtepi32_epi64(unsafe { transmute::<[i32; 8], __m256i>(*weights) })
}

/// See [`Modulus::reduce_wide`], for 50 bits: x = low + 2^52·high below 2^101.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce_wide(lanes: &Lanes, barrett: __m512i, low: __m512i, high: __m512i) -> __m512i {
    let upper = _mm512_or_si512(_mm512_slli_epi64::<3>(high), _mm512_srli_epi64::<49>(low));
    let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), upper, barrett);
    let left = _mm512_madd52lo_epu64(low, quotient, lanes.negated);
    lanes.reduce(_mm512_and_si512(left, lanes.mask))
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn multiply(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    let lanes = Lanes::new(modulus);
    let barrett = _mm512_set1_epi64(modulus.barrett() as i64);
    let zero = _mm512_setzero_si512();
    let (left, left_rest) = left.as_chunks_mut::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    for (left, right) in left.iter_mut().zip(right) {
        let (x, y) = (load(left), load(right));
        let (low, high) = (_mm512_madd52lo_epu64(zero, x, y), _mm512_madd52hi_epu64(zero, x, y));
        store(left, reduce_wide(&lanes, barrett, low, high));
    }
    portable::multiply(modulus, left_rest, right_rest);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn add(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    portable::add(modulus, left, right);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn subtract(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    portable::subtract(modulus, left, right);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn add_small(modulus: &Modulus, words: &mut [u64], numbers: &[i32]) {
    portable::add_small(modulus, words, numbers);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn add_scaled(
    modulus: &Modulus,
    words: &mut [u64],
    [upper, lower]: [&[u64]; 2],
    factors: [Factor; 2],
) {
    let lanes = Lanes::new(modulus);
    let minus_one = _mm512_set1_epi64((modulus.value() - 1) as i64);
    let [upper_factor, lower_factor] =
        [Twiddle::broadcast(factors[0]), Twiddle::broadcast(factors[1])];
    let (words, words_rest) = words.as_chunks_mut::<8>();
    let (upper, upper_rest) = upper.as_chunks::<8>();
    let (lower, lower_rest) = lower.as_chunks::<8>();
    for (word, (upper, lower)) in words.iter_mut().zip(upper.iter().zip(lower)) {
        let product = lanes.multiply_lazy(load(upper), upper_factor);
        let sum = _mm512_add_epi64(product, lanes.multiply_lazy(load(lower), lower_factor));
        let sum = _mm512_add_epi64(Lanes::reduce_once(sum, lanes.twice), minus_one);
        store(word, lanes.reduce(_mm512_add_epi64(sum, load(word))));
    }
    portable::add_scaled(modulus, words_rest, [upper_rest, lower_rest], factors);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn accumulate(
    low: &mut [u64],
    high: &mut [u64],
    left: &[u64],
    right: &[u64],
) {
    let (low, low_rest) = low.as_chunks_mut::<8>();
    let (high, high_rest) = high.as_chunks_mut::<8>();
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    for ((low, high), (left, right)) in low.iter_mut().zip(high).zip(left.iter().zip(right)) {
        let (x, y) = (load(left), load(right));
        store(low, _mm512_madd52lo_epu64(load(low), x, y));
        store(high, _mm512_madd52hi_epu64(load(high), x, y));
    }
    portable::accumulate(low_rest, high_rest, left_rest, right_rest);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn settle(modulus: &Modulus, low: &mut [u64], high: &[u64]) {
    let lanes = Lanes::new(modulus);
    let barrett = _mm512_set1_epi64(modulus.barrett() as i64);
    let two_to_52 = Twiddle::broadcast(modulus.two_to_52());
    let zero = _mm512_setzero_si512();
    let (low, low_rest) = low.as_chunks_mut::<8>();
    let (high, high_rest) = high.as_chunks::<8>();
    for (low, high) in low.iter_mut().zip(high) {
        let (lower, upper) = (load(low), load(high));
        let upper = _mm512_add_epi64(upper, _mm512_srli_epi64::<52>(lower));
        let lower = _mm512_and_si512(lower, lanes.mask);
        let (upper_low, upper_high) =
            (_mm512_and_si512(upper, lanes.mask), _mm512_srli_epi64::<52>(upper));
        let upper = reduce_wide(&lanes, barrett, upper_low, upper_high);
        let lower = reduce_wide(&lanes, barrett, lower, zero);
        let sum = _mm512_add_epi64(lanes.multiply_lazy(upper, two_to_52), lower);
        store(low, lanes.reduce(sum));
    }
    portable::settle(modulus, low_rest, high_rest);
}

/// Weights are shifted by 2^20 to be positive; the sum of the words is taken off again.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn weighted_sum(weights: &[i32], words: &[u64]) -> i128 {
    const SHIFT: i64 = 1 << 20;
    // Every lane of a sum takes 2^12 products or words before it may overflow.
    const WORDS_MAX: usize = 8 << 12;
    let shift = _mm512_set1_epi64(SHIFT);
    let mut total = 0;
    for (weights, words) in weights.chunks(WORDS_MAX).zip(words.chunks(WORDS_MAX)) {
        let mut low = [_mm512_setzero_si512(); 4];
        let mut high = [_mm512_setzero_si512(); 4];
        let mut plain = [_mm512_setzero_si512(); 4];
        let (weights, weights_rest) = weights.as_chunks::<8>();
        let (words, words_rest) = words.as_chunks::<8>();
        // Four sums of each kind hide the latency of the multiplier.
        for (weights, words) in weights.chunks(4).zip(words.chunks(4)) {
            for (lane, (weights, words)) in weights.iter().zip(words).enumerate() {
                let weight = _mm512_add_epi64(load_weights(weights), shift);
                let word = load(words);
                low[lane] = _mm512_madd52lo_epu64(low[lane], weight, word);
                high[lane] = _mm512_madd52hi_epu64(high[lane], weight, word);
                plain[lane] = _mm512_add_epi64(plain[lane], word);
            }
        }
        let [low, high, plain] = [low, high, plain].map(|vectors| {
            let mut sum = 0;
            for vector in vectors {
                let mut lanes = [0; 8];
                store(&mut lanes, vector);
                sum += lanes.iter().map(|lane| i128::from(*lane)).sum::<i128>();
            }
            sum
        });
        total += low + (high << 52) - (plain << 20);
        total += portable::weighted_sum(weights_rest, words_rest);
    }
    total
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn ternary_sum(positive: &[u64], negative: &[u64], words: &[u64]) -> i64 {
    let mut sums = [_mm512_setzero_si512(); 4];
    let (blocks, rest) = words.as_chunks::<64>();
    for (block, (positive, negative)) in blocks.iter().zip(positive.iter().zip(negative)) {
        let (adds, takes) = (positive.to_le_bytes(), negative.to_le_bytes());
        for (index, words) in block.as_chunks::<8>().0.iter().enumerate() {
            let (word, sum) = (load(words), sums[index % 4]);
            let sum = _mm512_mask_add_epi64(sum, adds[index], sum, word);
            sums[index % 4] = _mm512_mask_sub_epi64(sum, takes[index], sum, word);
        }
    }
    let mut lanes = [0; 8];
    let sum =
        _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]), _mm512_add_epi64(sums[2], sums[3]));
    store(&mut lanes, sum);
    let total = lanes.iter().fold(0u64, |total, lane| total.wrapping_add(*lane)) as i64;
    let rest = portable::ternary_sum(&positive[blocks.len()..], &negative[blocks.len()..], rest);
    total.wrapping_add(rest)
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn histogram<C: Copy + Into<usize>>(
    codes: &[C],
    rows: &[u64],
    width: usize,
    table: &mut [u64],
) {
    portable::histogram(codes, rows, width, table);
}
