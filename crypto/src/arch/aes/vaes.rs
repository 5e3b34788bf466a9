//! AES on VAES: two blocks in a vector of 256 bits, four in one of 512.
//!
//! Every function here needs the instructions that its attribute names; [`super::Cipher`] only
//! calls them after it asked.

use core::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_aeskeygenassist_si128, _mm_shuffle_epi32, _mm_slli_si128,
    _mm_xor_si128, _mm256_aesenc_epi128, _mm256_aesenclast_epi128, _mm256_broadcastsi128_si256,
    _mm256_xor_si256, _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_broadcast_i32x4,
    _mm512_xor_si512,
};
use core::mem::transmute;

use super::{Block, ROUNDS};

/// Vectors in flight: enough to hide the latency of a round.
const VECTORS: usize = 8;

type Two = [Block; 2];
type Four = [Block; 4];

/// FIPS 197, section 5.2.
#[target_feature(enable = "aes")]
pub(super) fn round_keys(key: &Block) -> [Block; ROUNDS + 1] {
    let mut last = load_one(key);
    let mut keys = [*key; ROUNDS + 1];
    let mut step = |round: usize, assist: __m128i| {
        for _ in 0..3 {
            last = _mm_xor_si128(last, _mm_slli_si128::<4>(last));
        }
        last = _mm_xor_si128(last, _mm_shuffle_epi32::<0xFF>(assist));
        keys[round] = store_one(last);
        last
    };
    let mut key = load_one(key);
    key = step(1, _mm_aeskeygenassist_si128::<0x01>(key));
    key = step(2, _mm_aeskeygenassist_si128::<0x02>(key));
    key = step(3, _mm_aeskeygenassist_si128::<0x04>(key));
    key = step(4, _mm_aeskeygenassist_si128::<0x08>(key));
    key = step(5, _mm_aeskeygenassist_si128::<0x10>(key));
    key = step(6, _mm_aeskeygenassist_si128::<0x20>(key));
    key = step(7, _mm_aeskeygenassist_si128::<0x40>(key));
    key = step(8, _mm_aeskeygenassist_si128::<0x80>(key));
    key = step(9, _mm_aeskeygenassist_si128::<0x1B>(key));
    step(10, _mm_aeskeygenassist_si128::<0x36>(key));
    keys
}

#[target_feature(enable = "vaes,avx2")]
pub(super) fn encrypt_256(keys: &[Block; ROUNDS + 1], blocks: &mut [Block]) {
    let mut wide = [_mm256_broadcastsi128_si256(load_one(&keys[0])); ROUNDS + 1];
    for (wide, key) in wide.iter_mut().zip(keys) {
        *wide = _mm256_broadcastsi128_si256(load_one(key));
    }
    let (batches, rest) = blocks.as_chunks_mut::<{ 2 * VECTORS }>();
    for batch in batches {
        encrypt_twos::<VECTORS>(&wide, batch.as_chunks_mut().0);
    }
    let (twos, rest) = rest.as_chunks_mut::<2>();
    for two in twos.chunks_mut(1) {
        encrypt_twos::<1>(&wide, two);
    }
    if let [last] = rest {
        let mut two = [[*last; 2]];
        encrypt_twos::<1>(&wide, &mut two);
        *last = two[0][0];
    }
}

/// Encrypts exactly `COUNT` vectors side by side.
#[inline]
#[target_feature(enable = "vaes,avx2")]
fn encrypt_twos<const COUNT: usize>(keys: &[__m256i; ROUNDS + 1], twos: &mut [Two]) {
    let mut states = [keys[0]; COUNT];
    for (state, two) in states.iter_mut().zip(twos.iter()) {
        *state = _mm256_xor_si256(*state, load_two(two));
    }
    for key in &keys[1..ROUNDS] {
        for state in &mut states {
            *state = _mm256_aesenc_epi128(*state, *key);
        }
    }
    for (state, two) in states.iter().zip(twos) {
        store_two(two, _mm256_aesenclast_epi128(*state, keys[ROUNDS]));
    }
}

#[target_feature(enable = "vaes,avx512f")]
pub(super) fn encrypt_512(keys: &[Block; ROUNDS + 1], blocks: &mut [Block]) {
    let mut wide = [_mm512_broadcast_i32x4(load_one(&keys[0])); ROUNDS + 1];
    for (wide, key) in wide.iter_mut().zip(keys) {
        *wide = _mm512_broadcast_i32x4(load_one(key));
    }
    let (batches, rest) = blocks.as_chunks_mut::<{ 4 * VECTORS }>();
    for batch in batches {
        encrypt_fours::<VECTORS>(&wide, batch.as_chunks_mut().0);
    }
    let (fours, rest) = rest.as_chunks_mut::<4>();
    for four in fours.chunks_mut(1) {
        encrypt_fours::<1>(&wide, four);
    }
    if rest.is_empty() {
        return;
    }
    let mut last = [[[0; 16]; 4]];
    last[0][..rest.len()].copy_from_slice(rest);
    encrypt_fours::<1>(&wide, &mut last);
    rest.copy_from_slice(&last[0][..rest.len()]);
}

/// Encrypts exactly `COUNT` vectors side by side.
#[inline]
#[target_feature(enable = "vaes,avx512f")]
fn encrypt_fours<const COUNT: usize>(keys: &[__m512i; ROUNDS + 1], fours: &mut [Four]) {
    let mut states = [keys[0]; COUNT];
    for (state, four) in states.iter_mut().zip(fours.iter()) {
        *state = _mm512_xor_si512(*state, load_four(four));
    }
    for key in &keys[1..ROUNDS] {
        for state in &mut states {
            *state = _mm512_aesenc_epi128(*state, *key);
        }
    }
    for (state, four) in states.iter().zip(fours) {
        store_four(four, _mm512_aesenclast_epi128(*state, keys[ROUNDS]));
    }
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
    // SAFETY: both are 32 bytes and any bytes are blocks.
    *two = unsafe { transmute::<__m256i, Two>(vector) };
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_four(four: &Four) -> __m512i {
    // SAFETY: both are 64 bytes and any bytes are a vector.
    unsafe { transmute::<Four, __m512i>(*four) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_four(four: &mut Four, vector: __m512i) {
    // SAFETY: both are 64 bytes and any bytes are blocks.
    *four = unsafe { transmute::<__m512i, Four>(vector) };
}

#[inline]
fn load_one(block: &Block) -> __m128i {
    // SAFETY: both are 16 bytes and any bytes are a vector.
    unsafe { transmute::<Block, __m128i>(*block) }
}

#[inline]
fn store_one(vector: __m128i) -> Block {
    // SAFETY: both are 16 bytes and any bytes are a block.
    unsafe { transmute::<__m128i, Block>(vector) }
}
