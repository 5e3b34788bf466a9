//! The pseudo-random generator that grows trees of seeds.

use core::fmt;

use super::digest;
use crate::arch::aes::{Block, Cipher};

/// A pseudo-random generator from one 128-bit seed to two, from AES with two public keys.
///
/// `s ↦ (π₀(s) ⊕ s, π₁(s) ⊕ s)`, where π₀ and π₁ are AES-128 under the two keys: pseudo-random with
/// AES as an ideal cipher (Black, Rogaway, Shrimpton, CRYPTO 2002; as in Guo, Katz, Wang and Yu,
/// S&P 2020, eprint 2019/074, section 4). The seeds must be uniform and independent of each other:
/// unlike [`CorrelationRobust`](super::CorrelationRobust), this breaks no correlations.
///
/// Who guesses a seed tests the guess against all seeds under one key at once. Hence the keys are
/// derived afresh for each tree of each run.
pub struct SeedDoubling {
    ciphers: [Cipher; 2],
}

impl SeedDoubling {
    /// The generator of the tree number `tree` of the run that drew `salt`, both public.
    pub fn new(salt: &[u8], tree: u64) -> Self {
        let keys = digest("crypto.hash.seed_doubling", &[salt, &tree.to_le_bytes()]);
        let [left, right] = [0, 16].map(|start| std::array::from_fn(|byte| keys[start + byte]));
        Self { ciphers: [Cipher::new(&left), Cipher::new(&right)] }
    }

    /// Writes the two children of every parent, side by side, and returns the sums (bitwise) of all
    /// left and of all right children.
    ///
    /// # Panics
    ///
    /// Unless there is room for exactly two children of each parent.
    pub fn double(&self, parents: &[u128], children: &mut [u128]) -> [u128; 2] {
        assert_eq!(children.len(), 2 * parents.len(), "two children for each parent");
        let mut sums = [0; 2];
        let mut blocks = [[Block::default(); BATCH]; 2];
        for (parents, children) in parents.chunks(BATCH).zip(children.chunks_mut(2 * BATCH)) {
            for (blocks, cipher) in blocks.iter_mut().zip(&self.ciphers) {
                let blocks = &mut blocks[..parents.len()];
                for (block, parent) in blocks.iter_mut().zip(parents) {
                    *block = parent.to_le_bytes();
                }
                cipher.encrypt(blocks);
            }
            let [left, right] = &blocks;
            let pairs = children.as_chunks_mut::<2>().0;
            for ((pair, parent), (left, right)) in
                pairs.iter_mut().zip(parents).zip(left.iter().zip(right))
            {
                *pair = [left, right].map(|block| u128::from_le_bytes(*block) ^ parent);
                sums = [sums[0] ^ pair[0], sums[1] ^ pair[1]];
            }
        }
        sums
    }
}

impl fmt::Debug for SeedDoubling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SeedDoubling").finish_non_exhaustive()
    }
}

/// Parents in flight.
const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use aes::Aes128Enc;
    use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

    use super::*;

    #[test]
    fn children_are_aes_of_the_parent_plus_the_parent() {
        let doubling = SeedDoubling::new(&[3; 16], 5);
        let keys = digest("crypto.hash.seed_doubling", &[&[3; 16], &5_u64.to_le_bytes()]);
        let parents: Vec<u128> = (0..150).map(|index| index * 0x1234_5678_9abc_def1).collect();
        let mut children = vec![0; 300];
        let sums = doubling.double(&parents, &mut children);
        let mut expected_sums = [0; 2];
        for (parent, pair) in parents.iter().zip(children.as_chunks::<2>().0) {
            for (side, child) in pair.iter().enumerate() {
                let cipher = Aes128Enc::new_from_slice(&keys[16 * side..][..16]).unwrap();
                let mut block = Array(parent.to_le_bytes());
                cipher.encrypt_block(&mut block);
                assert_eq!(*child, u128::from_le_bytes(block.0) ^ parent);
                expected_sums[side] ^= child;
            }
        }
        assert_eq!(sums, expected_sums);
    }

    #[test]
    fn runs_and_trees_have_unrelated_children() {
        let child = |salt, tree| {
            let mut children = [0; 2];
            SeedDoubling::new(&[salt; 16], tree).double(&[7], &mut children);
            assert_ne!(children[0], children[1]);
            children[0]
        };
        assert!(child(1, 1) != child(1, 2) && child(1, 1) != child(2, 1));
    }
}
