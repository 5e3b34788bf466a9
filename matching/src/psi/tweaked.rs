//! The hash that pseudo-random elements go through before they mask something or are compared.

use crypto::field128::Gf128;
use crypto::hash::{CorrelationRobust, digest};
use rayon::prelude::*;

use crate::psi::oprf::BLOCKS_PER_TASK;

/// A correlation-robust hash for one purpose of one run, tweaked by the key that an element
/// belongs to, so that no two keys share an oracle.
pub(super) struct TweakedHash(CorrelationRobust);

impl TweakedHash {
    /// The hash for the purpose `domain`, further set apart by `parts` (the run's salt, say).
    pub(super) fn new(domain: &str, parts: &[&[u8]]) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&digest(domain, parts)[..16]);
        Self(CorrelationRobust::with_key(key))
    }

    /// The hash of each element, tweaked by the key at the same place. Runs on the current rayon
    /// pool.
    pub(super) fn hash_each(&self, keys: &[u128], elements: &[Gf128]) -> Vec<u128> {
        let mut blocks: Vec<u128> = elements.iter().map(|element| element.0).collect();
        blocks
            .par_chunks_mut(BLOCKS_PER_TASK)
            .zip(keys.par_chunks(BLOCKS_PER_TASK))
            .for_each(|(blocks, keys)| self.0.hash_each(keys, blocks));
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_parts_and_keys_separate() {
        let elements = [Gf128(5); 3];
        let hash = |domain, part: &[u8]| {
            TweakedHash::new(domain, &[part]).hash_each(&[1, 2, 1], &elements)
        };
        let hashed = hash("a", b"x");
        assert_eq!(hashed[0], hashed[2]);
        assert_ne!(hashed[0], hashed[1]);
        assert!(![hash("b", b"x"), hash("a", b"y")].concat().contains(&hashed[0]));
    }
}
