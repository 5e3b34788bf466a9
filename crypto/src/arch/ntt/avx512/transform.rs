//! The transform: two stages a pass over memory, and the three innermost within registers. Blocks
//! that fit the first-level cache are finished one after the other.

use core::arch::x86_64::{__m512i, _mm512_permutex2var_epi64};

use super::{Eight, Lanes, Table, Twiddle, Twiddles, load, store};

/// The smallest transform whose blocks fill the vectors.
pub(in crate::arch::ntt) const DEGREE_MIN: usize = 64;

/// Numbers of a block that is finished before the next one: 16 KiB, half of a small cache.
const NEAR: usize = 2048;

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

/// How many blocks are finished one after the other: 4^k, or 2·4^k if there is a single stage
/// before them, but not the whole.
fn near_blocks(degree: usize) -> usize {
    let mut blocks = if degree.ilog2().is_multiple_of(2) { 2 } else { 4 };
    while degree / blocks > NEAR {
        blocks *= 4;
    }
    blocks
}

/// See [`super::portable::forward`].
#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn forward(table: &Table, values: &mut [u64]) {
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
    let near = near_blocks(degree);
    while blocks < near {
        for (index, block) in vectors.chunks_exact_mut(degree / (8 * blocks)).enumerate() {
            forward_two_stages(&lanes, &table.forward, blocks + index, block);
        }
        blocks *= 4;
    }
    for (index, block) in vectors.chunks_exact_mut(degree / (8 * near)).enumerate() {
        forward_near(&lanes, &table.forward, near + index, block);
    }
}

/// All that is left for the block with twiddle `index`.
#[target_feature(enable = "avx512f,avx512ifma")]
fn forward_near(lanes: &Lanes, twiddles: &Twiddles, index: usize, near: &mut [Eight]) {
    let mut blocks = 1;
    while blocks < near.len() {
        for (place, block) in near.chunks_exact_mut(near.len() / blocks).enumerate() {
            forward_two_stages(lanes, twiddles, index * blocks + place, block);
        }
        blocks *= 4;
    }
    let first = index * near.len();
    for (place, pair) in near.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        forward_last_stages(lanes, twiddles, first + 2 * place, pair);
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

/// Three stages on two vectors, the first of which is the block with twiddle `index`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn forward_last_stages(lanes: &Lanes, twiddles: &Twiddles, index: usize, pair: &mut [Eight; 2]) {
    let by_four = Twiddle::spread(twiddles, index, &TWIDDLES_BY_FOUR);
    let by_two = Twiddle::spread(twiddles, 2 * index, &TWIDDLES_BY_TWO);
    let by_one = Twiddle::spread(twiddles, 4 * index, &TWIDDLES_BY_ONE);
    let numbers = pick_both([load(&pair[0]), load(&pair[1])], &BY_FOUR);
    let numbers = pick_both(lanes.forward(numbers, by_four), &BY_TWO);
    let numbers = pick_both(lanes.forward(numbers, by_two), &BY_ONE);
    let numbers = lanes.forward(numbers, by_one);
    let numbers = pick_both([lanes.reduce(numbers[0]), lanes.reduce(numbers[1])], &NATURAL);
    store(&mut pair[0], numbers[0]);
    store(&mut pair[1], numbers[1]);
}

/// See [`super::portable::inverse`]; the mirror image of [`forward`].
#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::arch::ntt) fn inverse(table: &Table, values: &mut [u64]) {
    let degree = values.len();
    let lanes = Lanes::new(&table.modulus);
    let scale = [Twiddle::broadcast(table.scale), Twiddle::broadcast(table.scale_twiddle)];
    let vectors = values.as_chunks_mut::<8>().0;
    let mut blocks = near_blocks(degree);
    for (index, block) in vectors.chunks_exact_mut(degree / (8 * blocks)).enumerate() {
        inverse_near(&lanes, &table.inverse, blocks + index, &scale, block);
    }
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

/// All stages within the block with twiddle `index`.
#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse_near(
    lanes: &Lanes,
    twiddles: &Twiddles,
    index: usize,
    scale: &[Twiddle; 2],
    near: &mut [Eight],
) {
    let first = index * near.len();
    for (place, pair) in near.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        inverse_first_stages(lanes, twiddles, first + 2 * place, pair);
    }
    let mut blocks = near.len();
    while blocks > 1 {
        blocks /= 4;
        for (place, block) in near.chunks_exact_mut(near.len() / blocks).enumerate() {
            inverse_two_stages::<false>(lanes, twiddles, index * blocks + place, scale, block);
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

/// Three stages on two vectors, the first of which is the block with twiddle `index`.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse_first_stages(lanes: &Lanes, twiddles: &Twiddles, index: usize, pair: &mut [Eight; 2]) {
    let by_four = Twiddle::spread(twiddles, index, &TWIDDLES_BY_FOUR);
    let by_two = Twiddle::spread(twiddles, 2 * index, &TWIDDLES_BY_TWO);
    let by_one = Twiddle::spread(twiddles, 4 * index, &TWIDDLES_BY_ONE);
    let numbers = pick_both([load(&pair[0]), load(&pair[1])], &NATURAL);
    let numbers = pick_both(lanes.inverse(numbers, by_one), &FROM_ONE);
    let numbers = pick_both(lanes.inverse(numbers, by_two), &FROM_TWO);
    let numbers = pick_both(lanes.inverse(numbers, by_four), &BY_FOUR);
    store(&mut pair[0], numbers[0]);
    store(&mut pair[1], numbers[1]);
}
