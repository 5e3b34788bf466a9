//! Eight points at a time on AVX-512 IFMA, one in each 64-bit lane.
//!
//! Every function here needs a processor with `avx512f`, `avx512dq` and `avx512ifma`;
//! [`super::Engine`] only calls them after it asked. A rest of points is filled up with zeros,
//! whose results are dropped.

mod decode;
mod encode;
mod field;
mod point;
mod root;

use core::arch::x86_64::__m512i;
use core::mem::transmute;

use encode::Half;
use point::products;
use zeroize::Zeroize;

use super::digits::Digits;
use super::{Eight, Encoded, Uniform};

/// Vectors that are worked on side by side.
const CHAINS: usize = 2;

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn load(words: &Eight) -> __m512i {
    // SAFETY: both are 64 bytes and any bytes are a vector.
    unsafe { transmute::<Eight, __m512i>(*words) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn store(words: &mut Eight, vector: __m512i) {
    // SAFETY: both are 64 bytes and any bytes are words.
    *words = unsafe { transmute::<__m512i, Eight>(vector) };
}

/// As [`super::Engine::map_and_blind`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn map_and_blind(half: &Digits, uniform: &[Uniform], blinded: &mut [Encoded]) {
    let mut halves = Vec::with_capacity(vectors(uniform.len()));
    for uniform in uniform.chunks(8 * CHAINS) {
        let points = std::array::from_fn(|chain| {
            let uniform = uniform.iter().skip(8 * chain).map(|bytes| bytes.as_chunks().0);
            let mut words = [0, 1].map(|part| lanes(uniform.clone().map(|parts| &parts[part])));
            let [first, second] = decode::map(&words);
            words.zeroize();
            first.plus(&second)
        });
        let products = products::<CHAINS>(&points, half);
        halves.extend(products.iter().map(|point| Half::new(point)));
    }
    write(&encode::encode_doubles(&halves), blinded);
}

/// As [`super::Engine::decode_and_blind`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn decode_and_blind(
    half: &Digits,
    points: &[Encoded],
    blinded: &mut [Encoded],
) -> Result<(), usize> {
    let mut halves = Vec::with_capacity(vectors(points.len()));
    for (chunk, points) in points.chunks(8 * CHAINS).enumerate() {
        let words: [_; CHAINS] = std::array::from_fn(|chain| lanes(points.iter().skip(8 * chain)));
        let decoded = decode::decode(&words);
        for (index, encoded) in points.iter().enumerate() {
            let (_, is_element) = &decoded[index / 8];
            // Zeros are the neutral element's encoding and no other's.
            if is_element >> (index % 8) & 1 == 0 || *encoded == [0; 32] {
                return Err(chunk * 8 * CHAINS + index);
            }
        }
        let products = products::<CHAINS>(&decoded.map(|(point, _)| point), half);
        halves.extend(products.iter().map(|point| Half::new(point)));
    }
    write(&encode::encode_doubles(&halves), blinded);
    Ok(())
}

/// How many vectors so many points fill, as whole chains.
fn vectors(points: usize) -> usize {
    points.div_ceil(8 * CHAINS) * CHAINS
}

/// Spreads up to eight numbers over the lanes: word `w` of number `l` is lane `l` of vector `w`.
fn lanes<'bytes>(numbers: impl Iterator<Item = &'bytes Encoded>) -> [Eight; 4] {
    let mut words = [[0; 8]; 4];
    for (lane, number) in numbers.take(8).enumerate() {
        for (word, bytes) in words.iter_mut().zip(number.as_chunks().0) {
            word[lane] = u64::from_le_bytes(*bytes);
        }
    }
    words
}

/// Undoes [`lanes`] for all numbers.
fn write(vectors: &[[Eight; 4]], numbers: &mut [Encoded]) {
    for (words, numbers) in vectors.iter().zip(numbers.chunks_mut(8)) {
        for (lane, number) in numbers.iter_mut().enumerate() {
            for (word, bytes) in words.iter().zip(number.as_chunks_mut().0) {
                *bytes = word[lane].to_le_bytes();
            }
        }
    }
}
