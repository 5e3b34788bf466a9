//! The hash that oblivious transfer and everything on top of it breaks correlations with.

use core::fmt;

use crate::arch::aes::{Block, Cipher};

/// A tweakable circular correlation-robust hash of 128-bit blocks from AES with one fixed key.
///
/// `H(x, i) = π(π(x) ⊕ i) ⊕ π(x)`, where π is AES-128 under the fixed key: the construction TMMO
/// of Guo, Katz, Wang and Yu, "Efficient and Secure Multiparty Computation from Fixed-Key Block
/// Ciphers", S&P 2020 (eprint 2019/074), section 7, proved there with π as an ideal permutation.
/// One call of π less would do without a tweak; the second call is what makes tweaks sound.
///
/// Robust means: for a secret uniform `delta`, the values `H(x ⊕ delta, i)` look random to
/// somebody who chose the `x`, and circular that `delta` may even be added to the outputs. Every
/// call under one `delta` must use another tweak.
///
/// The key is public. One key for all sessions is sound; a key that both sides draw afresh for
/// each session keeps the bound of a single session when there are very many (Guo, Katz, Wang,
/// Weng and Yu, "Better Concrete Security for Half-Gates Garbling", CRYPTO 2020).
#[derive(Clone)]
pub struct CorrelationRobust {
    cipher: Cipher,
}

impl CorrelationRobust {
    /// The hash under the house's fixed key.
    ///
    /// The key is the first 128 fractional bits of the number pi, so that nobody chose it.
    pub fn new() -> Self {
        Self::with_key(FRACTION_OF_PI.to_be_bytes())
    }

    /// The hash under a key that both parties know.
    pub fn with_key(key: [u8; 16]) -> Self {
        Self { cipher: Cipher::new(&key) }
    }

    /// Hashes one block. Two AES calls that wait for each other: prefer
    /// [`CorrelationRobust::hash_batch`] in loops.
    pub fn hash(&self, block: u128, tweak: u128) -> u128 {
        let inner = self.permute(block);
        self.permute(inner ^ tweak) ^ inner
    }

    /// Replaces the block at index `k` by its hash under the tweak `first_tweak + k`.
    ///
    /// Tweaks count up from `first_tweak` without wrapping into the upper 64 bits: the caller
    /// keeps `first_tweak + blocks.len()` below 2^64.
    pub fn hash_batch(&self, first_tweak: u64, blocks: &mut [u128]) {
        let mut tweak = u128::from(first_tweak);
        for chunk in blocks.chunks_mut(BATCH) {
            self.hash_chunk(chunk, |index| tweak + index as u128);
            tweak += BATCH as u128;
        }
    }

    /// Replaces every block by its hash under the tweak at the same place. Batches of a multiple
    /// of 64 blocks are the fastest.
    ///
    /// # Panics
    ///
    /// If the lengths differ: both slices are the caller's own.
    pub fn hash_each(&self, tweaks: &[u128], blocks: &mut [u128]) {
        assert_eq!(tweaks.len(), blocks.len(), "one tweak for each block");
        for (chunk, tweaks) in blocks.chunks_mut(BATCH).zip(tweaks.chunks(BATCH)) {
            self.hash_chunk(chunk, |index| tweaks[index]);
        }
    }

    /// Hashes at most [`BATCH`] blocks in place.
    fn hash_chunk(&self, chunk: &mut [u128], tweak: impl Fn(usize) -> u128) {
        let mut inner = [Block::default(); BATCH];
        let inner = &mut inner[..chunk.len()];
        for (inner, block) in inner.iter_mut().zip(chunk.iter()) {
            *inner = block.to_le_bytes();
        }
        self.cipher.encrypt(inner);

        let mut outer = [Block::default(); BATCH];
        let outer = &mut outer[..chunk.len()];
        for (index, (outer, inner)) in outer.iter_mut().zip(inner.iter()).enumerate() {
            *outer = (u128::from_le_bytes(*inner) ^ tweak(index)).to_le_bytes();
        }
        self.cipher.encrypt(outer);

        for ((block, outer), inner) in chunk.iter_mut().zip(outer).zip(inner) {
            *block = u128::from_le_bytes(*outer) ^ u128::from_le_bytes(*inner);
        }
    }

    fn permute(&self, block: u128) -> u128 {
        let mut blocks = [block.to_le_bytes()];
        self.cipher.encrypt(&mut blocks);
        u128::from_le_bytes(blocks[0])
    }
}

impl Default for CorrelationRobust {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CorrelationRobust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CorrelationRobust").finish_non_exhaustive()
    }
}

const FRACTION_OF_PI: u128 = 0x243F_6A88_85A3_08D3_1319_8A2E_0370_7344;

/// Blocks in flight: a multiple of what every AES engine has in flight.
const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// FIPS 197, appendix B gives one pair (plaintext, ciphertext) under one key; the hash of that
    /// plaintext with the tweak `ciphertext ⊕ plaintext` is then `π(plaintext) ⊕ ciphertext = 0`.
    #[test]
    fn known_answer_from_fips_197() {
        let key = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
        let plain = 0x3243_f6a8_885a_308d_3131_98a2_e037_0734_u128.swap_bytes();
        let cipher = 0x3925_841d_02dc_09fb_dc11_8597_196a_0b32_u128.swap_bytes();
        let hash = CorrelationRobust::with_key(key);
        assert_eq!(hash.hash(plain, cipher ^ plain), 0);
        assert_ne!(hash.hash(plain, 0), 0);
    }

    proptest! {
        #[test]
        fn batch_is_the_single_hash_with_counting_tweaks(
            blocks in prop::collection::vec(any::<u128>(), 0..200),
            first_tweak in 0..u64::MAX / 2,
        ) {
            let hash = CorrelationRobust::new();
            let mut batch = blocks.clone();
            hash.hash_batch(first_tweak, &mut batch);
            for (index, (&block, &hashed)) in blocks.iter().zip(&batch).enumerate() {
                let tweak = u128::from(first_tweak) + index as u128;
                prop_assert_eq!(hashed, hash.hash(block, tweak));
            }
        }

        #[test]
        fn each_is_the_single_hash_with_its_own_tweak(
            pairs in prop::collection::vec(any::<(u128, u128)>(), 0..200),
        ) {
            let hash = CorrelationRobust::with_key([9; 16]);
            let (tweaks, blocks): (Vec<u128>, Vec<u128>) = pairs.iter().copied().unzip();
            let mut hashed = blocks.clone();
            hash.hash_each(&tweaks, &mut hashed);
            for ((tweak, block), hashed) in pairs.into_iter().zip(hashed) {
                prop_assert_eq!(hashed, hash.hash(block, tweak));
            }
        }
    }
}
