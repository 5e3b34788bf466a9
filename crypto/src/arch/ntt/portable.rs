//! The kernels in plain words, for every processor.
//!
//! Their sums cannot overflow and say so by wrapping: a checked sum in a test build would not be
//! turned into vectors.
#![expect(
    clippy::inline_always,
    reason = "what the AVX-512 engine compiles again for wider vectors must be inlined there"
)]

use super::Table;
use crate::lattice::modulus::{Factor, MASK_52, Modulus, reduce_once};

/// Cooley and Tukey's butterflies with Harvey's lazy reduction: numbers stay below 4 moduli.
///
/// Harvey 2014, section 3; Longa and Naehrig, "Speeding up the Number Theoretic Transform for
/// Faster Ideal Lattice-Based Cryptography", 2016, algorithm 1.
pub(super) fn forward(table: &Table, values: &mut [u64]) {
    let modulus = &table.modulus;
    let twice = 2 * modulus.value();
    let mut blocks = 1;
    while blocks < values.len() {
        let half = values.len() / (2 * blocks);
        for (index, block) in values.chunks_exact_mut(2 * half).enumerate() {
            let twiddle = table.forward.at(blocks + index);
            let (upper, lower) = block.split_at_mut(half);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let sum = reduce_once(*upper, twice);
                let turned = modulus.multiply_lazy(*lower, twiddle);
                *upper = sum.wrapping_add(turned);
                *lower = sum.wrapping_add(twice).wrapping_sub(turned);
            }
        }
        blocks *= 2;
    }
    for value in values {
        *value = reduce_once(reduce_once(*value, twice), modulus.value());
    }
}

/// Gentleman and Sande's butterflies: numbers stay below 2 moduli; the last stage also divides by
/// the degree.
pub(super) fn inverse(table: &Table, values: &mut [u64]) {
    let modulus = &table.modulus;
    let twice = 2 * modulus.value();
    let mut blocks = values.len() / 2;
    while blocks > 1 {
        let half = values.len() / (2 * blocks);
        for (index, block) in values.chunks_exact_mut(2 * half).enumerate() {
            let twiddle = table.inverse.at(blocks + index);
            let (upper, lower) = block.split_at_mut(half);
            for (upper, lower) in upper.iter_mut().zip(lower) {
                let difference = upper.wrapping_add(twice).wrapping_sub(*lower);
                *upper = reduce_once(upper.wrapping_add(*lower), twice);
                *lower = modulus.multiply_lazy(difference, twiddle);
            }
        }
        blocks /= 2;
    }
    let (upper, lower) = values.split_at_mut(values.len() / 2);
    for (upper, lower) in upper.iter_mut().zip(lower) {
        let difference = upper.wrapping_add(twice).wrapping_sub(*lower);
        *upper = modulus.multiply_by(upper.wrapping_add(*lower), table.scale);
        *lower = modulus.multiply_by(difference, table.scale_twiddle);
    }
}

pub(super) fn multiply(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left = modulus.multiply(*left, *right);
    }
}

#[inline(always)]
pub(super) fn add(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left = modulus.add(*left, *right);
    }
}

#[inline(always)]
pub(super) fn subtract(modulus: &Modulus, left: &mut [u64], right: &[u64]) {
    for (left, right) in left.iter_mut().zip(right) {
        *left = modulus.subtract(*left, *right);
    }
}

#[inline(always)]
pub(super) fn add_small(modulus: &Modulus, words: &mut [u64], numbers: &[i32]) {
    for (word, number) in words.iter_mut().zip(numbers) {
        *word = modulus.add(*word, modulus.signed(i64::from(*number)));
    }
}

pub(super) fn add_scaled(
    modulus: &Modulus,
    words: &mut [u64],
    [upper, lower]: [&[u64]; 2],
    factors: [Factor; 2],
) {
    for (word, (upper, lower)) in words.iter_mut().zip(upper.iter().zip(lower)) {
        let product = modulus.multiply_by(*upper, factors[0]);
        let sum = modulus.add(product, modulus.multiply_by(*lower, factors[1]));
        *word = modulus.add(*word, modulus.subtract(sum, 1));
    }
}

pub(super) fn accumulate(low: &mut [u64], high: &mut [u64], left: &[u64], right: &[u64]) {
    let sums = low.iter_mut().zip(high);
    for ((low, high), (left, right)) in sums.zip(left.iter().zip(right)) {
        let product = u128::from(*left) * u128::from(*right);
        *low = low.wrapping_add(product as u64 & MASK_52);
        *high = high.wrapping_add((product >> 52) as u64);
    }
}

pub(super) fn settle(modulus: &Modulus, low: &mut [u64], high: &[u64]) {
    for (low, high) in low.iter_mut().zip(high) {
        let carried = modulus.reduce_wide(u128::from(*high + (*low >> 52)));
        let upper = modulus.multiply_by(carried, modulus.two_to_52());
        let lower = modulus.reduce_wide(u128::from(*low & MASK_52));
        *low = modulus.add(upper, lower);
    }
}

/// Halves of 25 bits keep 2^17 products of 46 bits in one word.
pub(super) fn weighted_sum(weights: &[i32], words: &[u64]) -> i128 {
    const HALF: u64 = (1 << 25) - 1;
    let mut total = 0;
    for (weights, words) in weights.chunks(1 << 17).zip(words.chunks(1 << 17)) {
        let (mut low, mut high) = (0i64, 0i64);
        for (weight, word) in weights.iter().zip(words) {
            let (upper, lower) = ((word >> 25) as i64, (word & HALF) as i64);
            low = low.wrapping_add(i64::from(*weight).wrapping_mul(lower));
            high = high.wrapping_add(i64::from(*weight).wrapping_mul(upper));
        }
        total += i128::from(low) + (i128::from(high) << 25);
    }
    total
}

pub(super) fn ternary_sum(positive: &[u64], negative: &[u64], words: &[u64]) -> i64 {
    let mut total = 0u64;
    for ((words, positive), negative) in words.chunks(64).zip(positive).zip(negative) {
        for (bit, word) in words.iter().enumerate() {
            let added = word & (positive >> bit & 1).wrapping_neg();
            let taken = word & (negative >> bit & 1).wrapping_neg();
            total = total.wrapping_add(added).wrapping_sub(taken);
        }
    }
    total as i64
}

/// Rows are added in pieces of eight or four words, which the compiler turns into vectors of the
/// width that the calling function enables.
#[inline(always)]
pub(super) fn histogram<C: Copy + Into<usize>>(
    codes: &[C],
    rows: &[u64],
    width: usize,
    table: &mut [u64],
) {
    if width.is_multiple_of(8) {
        add_rows::<C, 8>(codes, rows, width, table);
    } else if width.is_multiple_of(4) {
        add_rows::<C, 4>(codes, rows, width, table);
    } else {
        add_rows::<C, 1>(codes, rows, width, table);
    }
}

#[inline(always)]
fn add_rows<C: Copy + Into<usize>, const PIECE: usize>(
    codes: &[C],
    rows: &[u64],
    width: usize,
    table: &mut [u64],
) {
    let pieces = width / PIECE;
    let rows = rows.as_chunks::<PIECE>().0.chunks_exact(pieces);
    let table = table.as_chunks_mut::<PIECE>().0;
    for (code, row) in codes.iter().zip(rows) {
        let start = (*code).into() * pieces;
        for (sums, words) in table[start..start + pieces].iter_mut().zip(row) {
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum = sum.wrapping_add(*word);
            }
        }
    }
}
