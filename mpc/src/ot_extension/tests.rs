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
        extend::<u64>(party, &Bits::zeros(0), TRANSFERS_MAX + 1).await.map(drop)
    });
    assert!(matches!(outcome.first, Err(MpcError::InvalidInput(_))));
}

/// Both ends of a checked extension over the same leaves, with the sender's Δ.
fn checked_ends() -> (ExtensionSender, ExtensionReceiver, u128) {
    let mut rng = Generator::from_seed([21; 32]);
    let delta = crate::base_ot::random_delta(&mut rng);
    let mut seed = || {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        seed
    };
    let trees: Vec<Vec<Seed>> =
        (0..BLOCKS).map(|_| (0..LEAVES).map(|_| seed()).collect()).collect();
    let punctured = trees.iter().enumerate().map(|(block, leaves)| {
        let hole = (delta >> (block * BLOCK_BITS)) as usize % LEAVES;
        let leaves = leaves.iter().enumerate();
        leaves.map(|(leaf, seed)| (leaf != hole).then_some(*seed)).collect()
    });
    let sender = ExtensionSender::new(delta, punctured.collect(), 0);
    (sender, ExtensionReceiver::new(trees, 0), delta)
}

#[test]
fn checked_keys_are_the_chosen_ones() {
    let (mut sender, mut receiver, _) = checked_ends();
    let choices = Bits::from_fn(300 + MASKS, |index| index % 3 == 1);
    let (corrections, proof, chosen) = receiver.checked_keys(&[5; 32], &choices);
    assert_eq!(corrections.len(), corrections_bytes(300 + MASKS));
    let pairs = sender.checked_keys(&[5; 32], &corrections, &proof, 300).unwrap();
    assert_eq!((pairs.len(), chosen.len()), (300, 300));
    for (index, (pair, chosen)) in pairs.iter().zip(chosen).enumerate() {
        assert_eq!(pair[choices.bit(index) as usize], chosen);
        assert_ne!(pair[0], pair[1]);
    }
}

/// The binding is part of the challenge, so that leaves cannot be chosen after it.
#[test]
fn checked_keys_need_the_hash_of_the_leaves() {
    let (mut sender, mut receiver, _) = checked_ends();
    let choices = Bits::from_fn(10 + MASKS, |index| index % 2 == 1);
    let (corrections, proof, _) = receiver.checked_keys(&[5; 32], &choices);
    assert!(sender.checked_keys(&[6; 32], &corrections, &proof, 10).is_none());
}

/// A receiver with another choice in one block makes its proof fit each value that Δ may have in
/// this block: one of sixteen passes, the right one.
#[test]
fn cheating_receiver_has_to_guess_the_block() {
    const BLOCK: usize = 9;
    let choices = Bits::from_fn(10 + MASKS, |index| index % 2 == 1);
    let mut passed = Vec::new();
    for guess in 0..LEAVES as u128 {
        let (mut sender, mut receiver, _) = checked_ends();
        let mut columns = Vec::new();
        let mut corrections = receiver.for_each_batch(&choices, |_, batch| columns.extend(batch));
        let first = BLOCK * corrections_bytes(choices.len()) / BLOCKS;
        corrections[first] ^= 1;
        // What the block adds to the sender's first column if the guess is right.
        columns[0] ^= guess << (BLOCK * BLOCK_BITS);
        let challenge = choice_challenge(&[5; 32], &corrections);
        let bits: Vec<u128> =
            (0..choices.len()).map(|index| u128::from(choices.bit(index))).collect();
        let sums = [combined(challenge, &bits), combined(challenge, &columns)];
        let proof: [u8; PROOF_BYTES] =
            std::array::from_fn(|at| sums[at / ELEMENT_BYTES].to_bytes()[at % ELEMENT_BYTES]);
        if sender.checked_keys(&[5; 32], &corrections, &proof, 10).is_some() {
            passed.push(guess);
        }
    }
    let delta = checked_ends().2;
    assert_eq!(passed, [delta >> (BLOCK * BLOCK_BITS) & 15]);
}
