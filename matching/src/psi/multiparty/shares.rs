//! Shares of zero: what each helper adds to its hints, so that only all of them together cancel.

use crypto::field128::Gf128;
use crypto::hash::{CorrelationRobust, digest};

use crate::psi::oprf;

/// The secret that two helpers have in common in one run.
pub(super) type Seed = [u8; 16];

/// One helper's shares: pseudo-random functions, each of which one other helper has too.
pub(super) struct ZeroShares(Vec<CorrelationRobust>);

impl ZeroShares {
    /// The shares of a helper that has these seeds in common with the others.
    pub(super) fn new(seeds: &[Seed]) -> Self {
        let function = |seed: &Seed| {
            let mut key = [0; 16];
            key.copy_from_slice(&digest("matching/psi/multiparty share", &[seed])[..16]);
            // AES under a secret key, called twice: a pseudo-random function of the block.
            CorrelationRobust::with_key(key)
        };
        Self(seeds.iter().map(function).collect())
    }

    /// Adds the share of each key to the value at the same place. Over all helpers the shares of a
    /// key add up to zero; those of all but two of them say nothing about the rest. Runs on the
    /// current rayon pool.
    pub(super) fn add_to(&self, values: &mut [Gf128], keys: &[u128]) {
        for function in &self.0 {
            for (value, share) in values.iter_mut().zip(oprf::hash(function, keys)) {
                *value += share;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(seeds: &[Seed], keys: &[u128]) -> Vec<Gf128> {
        let mut values = vec![Gf128::ZERO; keys.len()];
        ZeroShares::new(seeds).add_to(&mut values, keys);
        values
    }

    #[test]
    fn shares_of_a_key_cancel_over_all_helpers_and_not_over_some() {
        let (a, b, c) = ([1; 16], [2; 16], [3; 16]);
        let keys: Vec<u128> = (0..2000).collect();
        let helpers = [[a, b], [a, c], [b, c]].map(|seeds| shares(&seeds, &keys));
        for (index, share) in helpers[0].iter().enumerate() {
            assert_eq!(*share + helpers[1][index] + helpers[2][index], Gf128::ZERO);
            assert_ne!(*share + helpers[1][index], Gf128::ZERO);
        }
        assert_ne!(helpers[0][0], helpers[0][1]);
        // With one peer there is nothing to hide from the leader but the intersection itself.
        assert_eq!(shares(&[], &[5]), [Gf128::ZERO]);
    }
}
