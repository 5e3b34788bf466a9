//! Runs one program on both sides of a world, each with a ready [`TwoParty`].

use std::sync::Arc;

use crate::TwoParty;
use crate::reveal::Ledger;

/// Disclosures that tests may use.
pub(crate) const KEY: &str = "test.value";

/// Runs `program` on both sides; `(first, second)` are what they return.
pub(crate) fn both<R: Send>(
    seed: u64,
    program: impl AsyncFn(&mut TwoParty) -> R + Send + Sync,
) -> world::Outcome<R, R> {
    let side = async |session| {
        let ledger = Arc::new(Ledger::new([KEY]));
        let mut party = TwoParty::setup(session, ledger).await.unwrap();
        program(&mut party).await
    };
    world::pair(seed, side, side)
}

/// Additive shares of `values`: (first's, second's).
pub(crate) fn shares(seed: u64, values: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let mut rng = crypto::random::Generator::from_seed([seed as u8; 32]);
    let mut first = vec![0; values.len()];
    rng.fill_words(&mut first);
    let second = values.iter().zip(&first).map(|(value, share)| value.wrapping_sub(*share));
    let second = second.collect();
    (first, second)
}

/// Sums of additive shares.
pub(crate) fn sums(first: &[u64], second: &[u64]) -> Vec<u64> {
    first.iter().zip(second).map(|(first, second)| first.wrapping_add(*second)).collect()
}
