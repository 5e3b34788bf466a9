//! Runs one program on both sides of a world, each with a ready [`TwoParty`].

use std::sync::Arc;

use crypto::random::Generator;
use net::Session;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use crate::ot_extension::{
    BLOCK_BITS, BLOCKS, ExtensionReceiver, ExtensionSender, LEAVES, Seed, first_tweak,
};
use crate::reveal::Ledger;
use crate::{MpcError, TwoParty};

/// Disclosures that tests may use.
pub(crate) const KEY: &str = "test.value";

/// Runs `program` on both sides, after base transfers; `(first, second)` are what they return.
pub(crate) fn both<R: Send>(
    seed: u64,
    program: impl AsyncFn(&mut TwoParty) -> R + Send + Sync,
) -> Outcome<R, R> {
    let side = async |session| {
        let ledger = Arc::new(Ledger::new([KEY]));
        let mut party = TwoParty::setup(session, ledger).await.unwrap();
        program(&mut party).await
    };
    world::pair(seed, side, side)
}

/// Like [`both`], without base transfers: a dealer hands out what they would give.
pub(crate) fn both_dealt<R: Send>(
    seed: u64,
    program: impl AsyncFn(&mut TwoParty) -> R + Send + Sync,
) -> Outcome<R, R> {
    let side = async |session| program(&mut dealt(session)).await;
    world::pair(seed, side, side)
}

/// Every kind of fault on the messages of the steps that are named in `own`; faults of other steps
/// are the matter of the protocols below. Returns the steps whose hostile payloads went unnoticed.
pub(crate) fn sweep<R: Send>(
    own: &[&str],
    program: impl AsyncFn(&mut TwoParty) -> Result<R, MpcError> + Send + Sync,
) -> Vec<String> {
    let side = async |session| program(&mut dealt(session)).await;
    let chosen = |sent: &world::Sent| own.contains(&sent.path_step.as_str());
    let report = hostile::sweep_where(7, chosen, side, side);
    let mut steps: Vec<String> =
        report.unnoticed.into_iter().map(|fault| fault.path_step).collect();
    steps.dedup();
    steps
}

/// The connection of the second party breaks at its first message of `step`: both must say so.
pub(crate) fn assert_drop_is_noticed<R: Send>(
    step: &str,
    program: impl AsyncFn(&mut TwoParty) -> Result<R, MpcError> + Send + Sync,
) {
    let side = async |session| program(&mut dealt(session)).await.err();
    let (path_step, kind) = (step.to_owned(), FaultKind::Close);
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::Second };
    let outcome = pair_with_fault(7, fault, side, side);
    for error in [outcome.first, outcome.second] {
        assert!(matches!(error, Some(MpcError::Net(_))), "{error:?}");
    }
}

/// A party with oblivious transfer from a dealer.
pub(crate) fn dealt(session: Session) -> TwoParty {
    let first = session.is_first();
    let [sends, receives] = [first, !first].map(|first_party_sends| {
        let mut rng = Generator::from_seed([u8::from(first_party_sends); 32]);
        let delta = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        let mut seed = || {
            let mut seed: Seed = [0; 32];
            rng.fill_bytes(&mut seed);
            seed
        };
        let seeds: Vec<Vec<Seed>> =
            (0..BLOCKS).map(|_| (0..LEAVES).map(|_| seed()).collect()).collect();
        (delta, seeds, first_tweak(first_party_sends))
    });
    let (delta, seeds, tweak) = sends;
    let hole = |block: usize| (delta >> (block * BLOCK_BITS)) as usize % LEAVES;
    let punctured = seeds.into_iter().enumerate().map(|(block, leaves)| {
        let leaves = leaves.into_iter().enumerate();
        leaves.map(|(leaf, seed)| (leaf != hole(block)).then_some(seed)).collect()
    });
    let as_sender = ExtensionSender::new(delta, punctured.collect(), tweak);
    let as_receiver = ExtensionReceiver::new(receives.1, receives.2);
    let ledger = Arc::new(Ledger::new([KEY]));
    TwoParty { session, ledger, as_sender, as_receiver, silent: None }
}

/// Additive shares of `values`: (first's, second's).
pub(crate) fn shares(seed: u64, values: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let mut rng = Generator::from_seed([seed as u8; 32]);
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

/// Shares modulo 2^128 of `values`: (first's, second's).
pub(crate) fn wide_shares(seed: u8, values: &[i128]) -> (Vec<u128>, Vec<u128>) {
    let mut rng = Generator::from_seed([seed; 32]);
    let mut random = |_: &i128| u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    let first: Vec<u128> = values.iter().map(&mut random).collect();
    let second =
        values.iter().zip(&first).map(|(value, share)| (*value as u128).wrapping_sub(*share));
    let second = second.collect();
    (first, second)
}

/// Sums of shares modulo 2^128.
pub(crate) fn wide_sums(first: &[u128], second: &[u128]) -> Vec<i128> {
    first.iter().zip(second).map(|(first, second)| first.wrapping_add(*second) as i128).collect()
}
