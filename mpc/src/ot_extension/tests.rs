use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both_dealt, sweep};

/// Few choices of the first party, more of the second.
async fn program(party: &mut TwoParty) -> Result<Extended, MpcError> {
    let (mine, theirs) = if party.is_first() { (5, 130) } else { (130, 5) };
    extend(party, &Bits::from_fn(mine, |index| index % 3 == 1), theirs).await
}

fn check(choices: &Bits, received: &[u64], sent: &[[u64; 2]]) {
    assert_eq!((received.len(), sent.len()), (choices.len(), choices.len()));
    for (index, (key, pair)) in received.iter().zip(sent).enumerate() {
        assert_eq!(*key, pair[choices.bit(index) as usize], "transfer {index}");
        assert_ne!(pair[0], pair[1]);
    }
}

/// Batches, groups of 128 and their edges, one after the other in one conversation.
#[test]
fn correct() {
    let counts = [(0, 3), (1, 0), (127, 129), (KEYS_PER_TASK + 1, 128), (BATCH + 5, 2 * BATCH)];
    let choices = |first: bool, count: usize| {
        Bits::from_fn(count, |index| (index * index + usize::from(first)) % 7 < 3)
    };
    let outcome = both_dealt(1, async |party| {
        let first = party.is_first();
        let mut results = Vec::new();
        for (left, right) in counts {
            let (mine, theirs) = if first { (left, right) } else { (right, left) };
            results.push(extend(party, &choices(first, mine), theirs).await.unwrap());
        }
        results
    });
    for ((left, right), (first, second)) in
        counts.into_iter().zip(outcome.first.iter().zip(&outcome.second))
    {
        check(&choices(true, left), &first.received, &second.sent);
        check(&choices(false, right), &second.received, &first.sent);
    }
}

/// Neither two transfers nor two directions use a tweak twice: the same trees and the same choice
/// give other keys.
#[test]
fn tweaks_are_used_once() {
    let seeds = || vec![vec![[7; 32]; LEAVES]; BLOCKS];
    let keys = |tweak| ExtensionReceiver::new(seeds(), tweak).keys::<u64>(&Bits::zeros(4)).1;
    assert_ne!(keys(first_tweak(true)), keys(first_tweak(false)));
    let one_later = keys(first_tweak(true) + 1);
    assert!(keys(first_tweak(true)).iter().zip(&one_later).all(|(left, right)| left != right));
}

#[test]
fn known_answer() {
    let outcome = both_dealt(2, program);
    assert_eq!(
        outcome.transcript.hash(),
        "b6b3b0a61e97e2c82ea1193e18a8f3e271470a5b33baa3bf825e78ac1147b81e"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(3, program).transcript;
    assert_eq!(transcript.bytes_of(Side::First, "corrections"), 128 * 4);
    assert_eq!(transcript.bytes_of(Side::Second, "corrections"), 2 * 128 * 4);
    assert_eq!((transcript.bytes(), transcript.rounds()), (3 * 128 * 4, 1));
}

/// A semi-honest protocol cannot see other corrections of the right length, but every other length.
#[test]
fn tampered() {
    sweep(&["corrections"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("corrections", program);
}

#[test]
fn too_many_transfers_are_refused() {
    let outcome = both_dealt(4, async |party| {
        extend(party, &Bits::zeros(0), TRANSFERS_MAX + 1).await.map(drop)
    });
    assert!(matches!(outcome.first, Err(MpcError::InvalidInput(_))));
}
