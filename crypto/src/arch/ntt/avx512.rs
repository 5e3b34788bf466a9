//! The kernels on AVX-512 IFMA: eight numbers at a time, products of 52 bits.
//!
//! Every function here needs a processor with `avx512f` and `avx512ifma`; [`super::Engine`] only
//! calls them after it asked. Rests of less than eight numbers go to the portable twin.

use core::arch::x86_64::{
    __m256i, __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cvtepi32_epi64,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_add_epi64, _mm512_mask_sub_epi64,
    _mm512_min_epu64, _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_permutexvar_epi64,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_srli_epi64,
    _mm512_sub_epi64,
};
use core::mem::transmute;

use super::{Table, Twiddles, portable};
use crate::lattice::modulus::{Factor, MASK_52, Modulus};

/// The smallest transform that fills the vectors.
pub(super) const DEGREE_MIN: usize = 16;

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

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn load_weights(weights: &[i32; 8]) -> __m512i {
    // SAFETY: both are 32 bytes and any bytes are a vector.
    _mm512_cvtepi32_epi64(unsafe { transmute::<[i32; 8], __m256i>(*weights) })
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

/// Picks eight of the sixteen numbers of `pair`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn pick(pair: [__m512i; 2], order: &Eight) -> __m512i {
    _mm512_permutex2var_epi64(pair[0], load(order), pair[1])
}

// How sixteen neighbours A0..A7 B0..B7 travel through the last three stages, whose butterflies lie
// within a vector: before each stage the upper partners are moved into one vector, the lower ones
// into the other. The twiddles of a stage belong to A's blocks first, then to B's.

/// Partners at distance 4: \[A0-3 B0-3\] with \[A4-7 B4-7\]; inverse of itself.
const BY_FOUR: [Eight; 2] = [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]];
const TWIDDLES_BY_FOUR: Eight = [0, 0, 0, 0, 1, 1, 1, 1];
/// From there, partners at distance 2: \[A01 B01 A45 B45\] with \[A23 B23 A67 B67\]; and back.
const BY_TWO: [Eight; 2] = [[0, 1, 4, 5, 8, 9, 12, 13], [2, 3, 6, 7, 10, 11, 14, 15]];
const FROM_TWO: [Eight; 2] = [[0, 1, 8, 9, 2, 3, 10, 11], [4, 5, 12, 13, 6, 7, 14, 15]];
const TWIDDLES_BY_TWO: Eight = [0, 0, 2, 2, 1, 1, 3, 3];
/// From there, neighbours: \[A0 B0 A4 B4 A2 B2 A6 B6\] with \[A1 B1 A5 B5 A3 B3 A7 B7\]; and back.
const BY_ONE: [Eight; 2] = [[0, 2, 4, 6, 8, 10, 12, 14], [1, 3, 5, 7, 9, 11, 13, 15]];
const FROM_ONE: [Eight; 2] = [[0, 8, 1, 9, 2, 10, 3, 11], [4, 12, 5, 13, 6, 14, 7, 15]];
const TWIDDLES_BY_ONE: Eight = [0, 4, 2, 6, 1, 5, 3, 7];
/// Between natural order and the neighbours' order; inverse of itself.
const NATURAL: [Eight; 2] = [[0, 8, 4, 12, 2, 10, 6, 14], [1, 9, 5, 13, 3, 11, 7, 15]];

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn pick_both(pair: [__m512i; 2], orders: &[Eight; 2]) -> [__m512i; 2] {
    [pick(pair, &orders[0]), pick(pair, &orders[1])]
}

/// See [`portable::forward`]; two stages a pass, and the last three within registers.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn forward(table: &Table, values: &mut [u64]) {
    let degree = values.len();
    let lanes = Lanes::new(&table.modulus);
    let vectors = values.as_chunks_mut::<8>().0;
    let mut blocks = 1;
    if degree.ilog2().is_multiple_of(2) {
        let twiddle = Twiddle::broadcast(table.forward.at(1));
        let (upper, lower) = vectors.split_at_mut(degree / 16);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            let pair = lanes.forward([load(upper), load(lower)], twiddle);
            store(upper, pair[0]);
            store(lower, pair[1]);
        }
        blocks = 2;
    }
    while blocks < degree / 8 {
        for (index, block) in vectors.chunks_exact_mut(degree / (8 * blocks)).enumerate() {
            forward_two_stages(&lanes, &table.forward, blocks + index, block);
        }
        blocks *= 4;
    }
    for (index, pair) in vectors.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        forward_last_stages(&lanes, &table.forward, degree, index, pair);
    }
}

/// Two stages on one block: its halves with twiddle `index`, its quarters with the two below.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn forward_two_stages(lanes: &Lanes, twiddles: &Twiddles, index: usize, block: &mut [Eight]) {
    let whole = Twiddle::broadcast(twiddles.at(index));
    let left = Twiddle::broadcast(twiddles.at(2 * index));
    let right = Twiddle::broadcast(twiddles.at(2 * index + 1));
    let quarter = block.len() / 4;
    let (first, second) = block.split_at_mut(2 * quarter);
    let (first, second) = (first.split_at_mut(quarter), second.split_at_mut(quarter));
    let upper = first.0.iter_mut().zip(first.1);
    let lower = second.0.iter_mut().zip(second.1);
    for ((a, b), (c, d)) in upper.zip(lower) {
        let [x, z] = lanes.forward([load(a), load(c)], whole);
        let [y, w] = lanes.forward([load(b), load(d)], whole);
        let [x, y] = lanes.forward([x, y], left);
        let [z, w] = lanes.forward([z, w], right);
        store(a, x);
        store(b, y);
        store(c, z);
        store(d, w);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn forward_last_stages(
    lanes: &Lanes,
    twiddles: &Twiddles,
    degree: usize,
    index: usize,
    pair: &mut [Eight; 2],
) {
    let by_four = Twiddle::spread(twiddles, degree / 8 + 2 * index, &TWIDDLES_BY_FOUR);
    let by_two = Twiddle::spread(twiddles, degree / 4 + 4 * index, &TWIDDLES_BY_TWO);
    let by_one = Twiddle::spread(twiddles, degree / 2 + 8 * index, &TWIDDLES_BY_ONE);
    let numbers = pick_both([load(&pair[0]), load(&pair[1])], &BY_FOUR);
    let numbers = pick_both(lanes.forward(numbers, by_four), &BY_TWO);
    let numbers = pick_both(lanes.forward(numbers, by_two), &BY_ONE);
    let numbers = lanes.forward(numbers, by_one);
    let numbers = pick_both([lanes.reduce(numbers[0]), lanes.reduce(numbers[1])], &NATURAL);
    store(&mut pair[0], numbers[0]);
    store(&mut pair[1], numbers[1]);
}

/// See [`portable::inverse`]; the mirror image of [`forward`].
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn inverse(table: &Table, values: &mut [u64]) {
    let degree = values.len();
    let lanes = Lanes::new(&table.modulus);
    let scale = [Twiddle::broadcast(table.scale), Twiddle::broadcast(table.scale_twiddle)];
    let vectors = values.as_chunks_mut::<8>().0;
    for (index, pair) in vectors.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        inverse_first_stages(&lanes, &table.inverse, degree, index, pair);
    }
    let mut blocks = degree / 8;
    while blocks > 4 {
        blocks /= 4;
        for (index, block) in vectors.chunks_exact_mut(degree / (8 * blocks)).enumerate() {
            inverse_two_stages::<false>(&lanes, &table.inverse, blocks + index, &scale, block);
        }
    }
    if blocks == 4 {
        inverse_two_stages::<true>(&lanes, &table.inverse, 1, &scale, vectors);
    } else {
        let (upper, lower) = vectors.split_at_mut(degree / 16);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            let pair = lanes.inverse_last([load(upper), load(lower)], scale);
            store(upper, pair[0]);
            store(lower, pair[1]);
        }
    }
}

/// Two stages on one block: its quarters first, then its halves; `LAST` ends the transform.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse_two_stages<const LAST: bool>(
    lanes: &Lanes,
    twiddles: &Twiddles,
    index: usize,
    scale: &[Twiddle; 2],
    block: &mut [Eight],
) {
    let whole = Twiddle::broadcast(twiddles.at(index));
    let left = Twiddle::broadcast(twiddles.at(2 * index));
    let right = Twiddle::broadcast(twiddles.at(2 * index + 1));
    let quarter = block.len() / 4;
    let (first, second) = block.split_at_mut(2 * quarter);
    let (first, second) = (first.split_at_mut(quarter), second.split_at_mut(quarter));
    let upper = first.0.iter_mut().zip(first.1);
    let lower = second.0.iter_mut().zip(second.1);
    for ((a, b), (c, d)) in upper.zip(lower) {
        let [x, y] = lanes.inverse([load(a), load(b)], left);
        let [z, w] = lanes.inverse([load(c), load(d)], right);
        let ([x, z], [y, w]) = if LAST {
            (lanes.inverse_last([x, z], *scale), lanes.inverse_last([y, w], *scale))
        } else {
            (lanes.inverse([x, z], whole), lanes.inverse([y, w], whole))
        };
        store(a, x);
        store(b, y);
        store(c, z);
        store(d, w);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse_first_stages(
    lanes: &Lanes,
    twiddles: &Twiddles,
    degree: usize,
    index: usize,
    pair: &mut [Eight; 2],
) {
    let by_four = Twiddle::spread(twiddles, degree / 8 + 2 * index, &TWIDDLES_BY_FOUR);
    let by_two = Twiddle::spread(twiddles, degree / 4 + 4 * index, &TWIDDLES_BY_TWO);
    let by_one = Twiddle::spread(twiddles, degree / 2 + 8 * index, &TWIDDLES_BY_ONE);
    let numbers = pick_both([load(&pair[0]), load(&pair[1])], &NATURAL);
    let numbers = pick_both(lanes.inverse(numbers, by_one), &FROM_ONE);
    let numbers = pick_both(lanes.inverse(numbers, by_two), &FROM_TWO);
    let numbers = pick_both(lanes.inverse(numbers, by_four), &BY_FOUR);
    store(&mut pair[0], numbers[0]);
    store(&mut pair[1], numbers[1]);
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
pub(super) fn multiply(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
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
pub(super) fn add(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    portable::add(modulus, left, right);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn subtract(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    portable::subtract(modulus, left, right);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_small(modulus: &Modulus, words: &mut [u64], numbers: &[i32]) {
    portable::add_small(modulus, words, numbers);
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_scaled(
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
pub(super) fn accumulate(low: &mut [u64], high: &mut [u64], left: &[u64], right: &[u64]) {
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
pub(super) fn settle(modulus: &Modulus, low: &mut [u64], high: &[u64]) {
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
pub(super) fn weighted_sum(weights: &[i32], words: &[u64]) -> i128 {
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
pub(super) fn ternary_sum(positive: &[u64], negative: &[u64], words: &[u64]) -> i64 {
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
pub(super) fn histogram<C: Copy + Into<usize>>(
    codes: &[C],
    rows: &[u64],
    width: usize,
    table: &mut [u64],
) {
    portable::histogram(codes, rows, width, table);
}
