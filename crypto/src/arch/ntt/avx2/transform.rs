//! The transform: two stages a pass over memory, and the two innermost within registers.
//!
//! Between passes the words hold doubles. "Bounded by b" means of magnitude at most b moduli.

use core::arch::x86_64::{
    __m256d, __m256i, _mm256_add_pd, _mm256_castpd_si256, _mm256_castsi256_pd,
    _mm256_permute2f128_pd, _mm256_sub_pd, _mm256_unpackhi_pd, _mm256_unpacklo_pd,
};
use core::array;

use super::{Four, Lanes, Table, Twiddle, balanced, load, store, to_doubles};
use crate::arch::ntt::Twiddles;
use crate::lattice::modulus::Modulus;

/// The smallest transform that fills the vectors.
pub(in crate::arch::ntt) const DEGREE_MIN: usize = 32;

/// The twiddles of a [`Table`] as doubles.
#[derive(Debug)]
pub(in crate::arch::ntt) struct Tables {
    forward: Doubles,
    inverse: Doubles,
    scale: [[f64; 2]; 2],
}

/// Balanced twiddles, each beside its quotient.
#[derive(Debug)]
struct Doubles {
    /// As in [`Twiddles`], for all stages but the two innermost.
    outer: Vec<[f64; 2]>,
    /// For the two innermost stages within each 16 numbers.
    inner: Vec<Inner>,
}

/// A lane for each four numbers: the twiddles of the four, of its first half, of its second.
type Inner = [[[f64; 4]; 2]; 3];

impl Tables {
    pub(in crate::arch::ntt) fn new(table: &Table) -> Self {
        let scale = [table.scale, table.scale_twiddle];
        Self {
            forward: Doubles::new(&table.forward, &table.modulus),
            inverse: Doubles::new(&table.inverse, &table.modulus),
            scale: scale.map(|factor| balanced(factor.value, &table.modulus)),
        }
    }
}

impl Doubles {
    fn new(twiddles: &Twiddles, modulus: &Modulus) -> Self {
        let degree = twiddles.values.len();
        let at = |index: usize| balanced(twiddles.values[index], modulus);
        let lanes = |start: usize, step: usize| {
            let four: [[f64; 2]; 4] = array::from_fn(|lane| at(start + step * lane));
            [0, 1].map(|part| four.map(|twiddle| twiddle[part]))
        };
        let inner = |first: usize| {
            let halves = degree / 2 + 2 * first;
            [lanes(degree / 4 + first, 1), lanes(halves, 2), lanes(halves + 1, 2)]
        };
        Self {
            outer: (0..degree / 4).map(at).collect(),
            inner: (0..degree / 4).step_by(4).map(inner).collect(),
        }
    }

    /// The twiddles of two stages: of block `index` of the first, of its halves in the second.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn outer(&self, index: usize) -> [Twiddle; 3] {
        let halves = &self.outer[2 * index..2 * index + 2];
        [self.outer[index], halves[0], halves[1]].map(|twiddle| Twiddle::broadcast(twiddle))
    }

    /// The twiddles of the two innermost stages of the block that is number `index` when a block
    /// has 16 numbers.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn inner(&self, index: usize) -> [Twiddle; 3] {
        let inner = &self.inner[index - self.inner.len()];
        [Twiddle::load(&inner[0]), Twiddle::load(&inner[1]), Twiddle::load(&inner[2])]
    }
}

/// See [`super::portable::forward`], but on numbers of either sign: a stage makes its numbers
/// larger by at most p/2 + |x|/32, see [`Lanes::multiply`], and only one in six takes moduli off.
///
/// From words, bounded by 1, a single stage leaves at most 1.6 and two passes at most 3.9; from
/// anything bounded by 4, a pass that reduces leaves at most 1.7, and the next two 2.8 and 4.
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn forward(table: &Table, values: &mut [u64]) {
    let lanes = Lanes::new(&table.modulus);
    let twiddles = &table.doubles().forward;
    let vectors = values.as_chunks_mut::<4>().0;
    let (parts, passes) = if vectors.len().ilog2().is_multiple_of(2) {
        forward_pass::<true, false>(&lanes, twiddles.outer(1), vectors);
        (4, 1)
    } else {
        let twiddle = Twiddle::broadcast(twiddles.outer[1]);
        let (upper, lower) = vectors.split_at_mut(vectors.len() / 2);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            let pair = [to_doubles(load(upper)), to_doubles(load(lower))];
            let pair = lanes.forward(pair, twiddle);
            put(upper, pair[0]);
            put(lower, pair[1]);
        }
        (2, 0)
    };
    for (index, part) in vectors.chunks_exact_mut(vectors.len() / parts).enumerate() {
        forward_block(&lanes, twiddles, parts + index, passes, part);
    }
}

/// What is left to do for block `index` after `passes`: a pass, then quarter after quarter, which
/// soon fit into the first-level cache.
#[target_feature(enable = "avx2,fma")]
fn forward_block(
    lanes: &Lanes,
    twiddles: &Doubles,
    index: usize,
    passes: usize,
    block: &mut [Four],
) {
    if let [a, b, c, d] = block {
        return forward_sixteen(lanes, twiddles, index, [a, b, c, d]);
    }
    if passes % 3 == 2 {
        forward_pass::<false, true>(lanes, twiddles.outer(index), block);
    } else {
        forward_pass::<false, false>(lanes, twiddles.outer(index), block);
    }
    for (part, quarter) in block.chunks_exact_mut(block.len() / 4).enumerate() {
        forward_block(lanes, twiddles, 4 * index + part, passes + 1, quarter);
    }
}

/// Two stages on one block; the first pass of a transform takes words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_pass<const WORDS: bool, const REDUCE: bool>(
    lanes: &Lanes,
    twiddles: [Twiddle; 3],
    block: &mut [Four],
) {
    let quarter = block.len() / 4;
    let (first, second) = block.split_at_mut(2 * quarter);
    let (first, second) = (first.split_at_mut(quarter), second.split_at_mut(quarter));
    let upper = first.0.iter_mut().zip(first.1);
    let lower = second.0.iter_mut().zip(second.1);
    for ((a, b), (c, d)) in upper.zip(lower) {
        let numbers = if WORDS {
            [to_doubles(load(a)), to_doubles(load(b)), to_doubles(load(c)), to_doubles(load(d))]
        } else {
            [take(a), take(b), take(c), take(d)]
        };
        let numbers = lanes.forward_two::<REDUCE>(numbers, twiddles);
        put(a, numbers[0]);
        put(b, numbers[1]);
        put(c, numbers[2]);
        put(d, numbers[3]);
    }
}

/// The last four stages, from doubles to reduced words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_sixteen(lanes: &Lanes, twiddles: &Doubles, index: usize, words: [&mut Four; 4]) {
    let [a, b, c, d] = words;
    let numbers = [take(a), take(b), take(c), take(d)];
    let numbers = transpose(lanes.forward_two::<true>(numbers, twiddles.outer(index)));
    let numbers = transpose(lanes.forward_two::<false>(numbers, twiddles.inner(index)));
    store(a, lanes.words(lanes.reduce(numbers[0])));
    store(b, lanes.words(lanes.reduce(numbers[1])));
    store(c, lanes.words(lanes.reduce(numbers[2])));
    store(d, lanes.words(lanes.reduce(numbers[3])));
}

/// See [`super::portable::inverse`], the mirror image of [`forward`]: a pass takes numbers bounded
/// by 8/7 and leaves numbers bounded by 8/7, see [`Lanes::inverse_two`].
#[target_feature(enable = "avx2,fma")]
pub(in crate::arch::ntt) fn inverse(table: &Table, values: &mut [u64]) {
    let lanes = Lanes::new(&table.modulus);
    let doubles = table.doubles();
    let scale = doubles.scale.map(|factor| Twiddle::broadcast(factor));
    let vectors = values.as_chunks_mut::<4>().0;
    let parts = if vectors.len().ilog2().is_multiple_of(2) { 4 } else { 2 };
    for (index, part) in vectors.chunks_exact_mut(vectors.len() / parts).enumerate() {
        inverse_block(&lanes, &doubles.inverse, parts + index, part);
    }
    if parts == 4 {
        let [_, left, right] = doubles.inverse.outer(1);
        inverse_last_pass(&lanes, [left, right], scale, vectors);
    } else {
        let (upper, lower) = vectors.split_at_mut(vectors.len() / 2);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            let pair = lanes.inverse_last([take(upper), take(lower)], scale);
            store(upper, pair[0]);
            store(lower, pair[1]);
        }
    }
}

/// The stages within block `index`: quarter after quarter, then a pass.
#[target_feature(enable = "avx2,fma")]
fn inverse_block(lanes: &Lanes, twiddles: &Doubles, index: usize, block: &mut [Four]) {
    if let [a, b, c, d] = block {
        return inverse_sixteen(lanes, twiddles, index, [a, b, c, d]);
    }
    let quarter = block.len() / 4;
    for (part, quarter) in block.chunks_exact_mut(quarter).enumerate() {
        inverse_block(lanes, twiddles, 4 * index + part, quarter);
    }
    let twiddles = twiddles.outer(index);
    let (first, second) = block.split_at_mut(2 * quarter);
    let (first, second) = (first.split_at_mut(quarter), second.split_at_mut(quarter));
    let upper = first.0.iter_mut().zip(first.1);
    let lower = second.0.iter_mut().zip(second.1);
    for ((a, b), (c, d)) in upper.zip(lower) {
        let numbers = lanes.inverse_two([take(a), take(b), take(c), take(d)], twiddles);
        put(a, numbers[0]);
        put(b, numbers[1]);
        put(c, numbers[2]);
        put(d, numbers[3]);
    }
}

/// The last two stages, on the whole: from doubles to reduced words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_last_pass(
    lanes: &Lanes,
    [left, right]: [Twiddle; 2],
    scale: [Twiddle; 2],
    vectors: &mut [Four],
) {
    let quarter = vectors.len() / 4;
    let (first, second) = vectors.split_at_mut(2 * quarter);
    let (first, second) = (first.split_at_mut(quarter), second.split_at_mut(quarter));
    let upper = first.0.iter_mut().zip(first.1);
    let lower = second.0.iter_mut().zip(second.1);
    for ((a, b), (c, d)) in upper.zip(lower) {
        let [x, y] = lanes.inverse([take(a), take(b)], left);
        let [z, w] = lanes.inverse([take(c), take(d)], right);
        let ([x, z], [y, w]) =
            (lanes.inverse_last([x, z], scale), lanes.inverse_last([y, w], scale));
        store(a, x);
        store(b, y);
        store(c, z);
        store(d, w);
    }
}

/// The first four stages, from words to doubles.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_sixteen(lanes: &Lanes, twiddles: &Doubles, index: usize, words: [&mut Four; 4]) {
    let [a, b, c, d] = words;
    let numbers =
        [to_doubles(load(a)), to_doubles(load(b)), to_doubles(load(c)), to_doubles(load(d))];
    let numbers = transpose(lanes.inverse_two(transpose(numbers), twiddles.inner(index)));
    let numbers = lanes.inverse_two(numbers, twiddles.outer(index));
    put(a, numbers[0]);
    put(b, numbers[1]);
    put(c, numbers[2]);
    put(d, numbers[3]);
}

impl Lanes {
    /// Cooley and Tukey's butterfly.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn forward(&self, [upper, lower]: [__m256d; 2], twiddle: Twiddle) -> [__m256d; 2] {
        let turned = self.multiply(lower, twiddle);
        [_mm256_add_pd(upper, turned), _mm256_sub_pd(upper, turned)]
    }

    /// Two stages on four numbers bounded by 4: partners at distance 2, then neighbours.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn forward_two<const REDUCE: bool>(
        &self,
        [mut a, mut b, c, d]: [__m256d; 4],
        [whole, left, right]: [Twiddle; 3],
    ) -> [__m256d; 4] {
        if REDUCE {
            (a, b) = (self.reduce(a), self.reduce(b));
        }
        let ([x, z], [y, w]) = (self.forward([a, c], whole), self.forward([b, d], whole));
        let ([x, y], [z, w]) = (self.forward([x, y], left), self.forward([z, w], right));
        [x, y, z, w]
    }

    /// Gentleman and Sande's butterfly.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn inverse(&self, [upper, lower]: [__m256d; 2], twiddle: Twiddle) -> [__m256d; 2] {
        let turned = self.multiply(_mm256_sub_pd(upper, lower), twiddle);
        [_mm256_add_pd(upper, lower), turned]
    }

    /// Two stages on four numbers bounded by 8/7: neighbours, then partners at distance 2.
    ///
    /// The sums of the first stage are bounded by 16/7 and its products by 1/2 + (16/7)/32 = 4/7,
    /// see [`Lanes::multiply`]. Sums of the sums, up to 32/7, are reduced; their products are
    /// bounded by 1/2 + 3/32 · 32/7 < 1, see [`Lanes::multiply_far`]; sums of the products by 8/7.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn inverse_two(
        &self,
        [a, b, c, d]: [__m256d; 4],
        [whole, left, right]: [Twiddle; 3],
    ) -> [__m256d; 4] {
        let ([x, y], [z, w]) = (self.inverse([a, b], left), self.inverse([c, d], right));
        let far = self.multiply_far(_mm256_sub_pd(x, z), whole);
        let [y, w] = self.inverse([y, w], whole);
        [self.reduce(_mm256_add_pd(x, z)), y, far, w]
    }

    /// The last butterfly of the inverse, on numbers bounded by 16/7: divides by the degree, to
    /// reduced words. Its products are below 1, as in [`Lanes::inverse_two`].
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn inverse_last(&self, [upper, lower]: [__m256d; 2], scale: [Twiddle; 2]) -> [__m256i; 2] {
        let sum = self.multiply_far(_mm256_add_pd(upper, lower), scale[0]);
        let difference = self.multiply_far(_mm256_sub_pd(upper, lower), scale[1]);
        [self.words(sum), self.words(difference)]
    }
}

/// Swaps rows and columns of a square.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn transpose([a, b, c, d]: [__m256d; 4]) -> [__m256d; 4] {
    let [even, odd] = [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)];
    let [even_below, odd_below] = [_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d)];
    [
        _mm256_permute2f128_pd::<0x20>(even, even_below),
        _mm256_permute2f128_pd::<0x20>(odd, odd_below),
        _mm256_permute2f128_pd::<0x31>(even, even_below),
        _mm256_permute2f128_pd::<0x31>(odd, odd_below),
    ]
}

/// Doubles from the memory of words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn take(words: &Four) -> __m256d {
    _mm256_castsi256_pd(load(words))
}

/// Doubles into the memory of words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn put(words: &mut Four, numbers: __m256d) {
    store(words, _mm256_castpd_si256(numbers));
}
