use proptest::prelude::*;
use world::{Outcome, Side};

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, sweep};

/// Runs the first of each pair against the second of it.
fn run(pairs: &[[u64; 2]], bits: usize, batch: usize) -> Outcome<Bits, Bits> {
    both_dealt(3, async |party| {
        let side = usize::from(!party.is_first());
        let mine: Vec<u64> = pairs.iter().map(|pair| pair[side]).collect();
        equal_in_batches(party, &mine, bits, batch).await.unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Numbers that differ in no bit, in one or in several, also above those that count.
    #[test]
    fn correct(
        bits in 1_usize..=64,
        numbers in prop::collection::vec((any::<u64>(), 0_u32..3, 0_u32..64), 0..200),
    ) {
        let mask = u64::MAX >> (64 - bits);
        let pairs: Vec<[u64; 2]> = numbers
            .into_iter()
            .map(|(left, kind, bit)| match kind {
                0 => [left, left],
                1 => [left, left ^ 1 << bit],
                _ => [left, left.rotate_left(bit)],
            })
            .collect();
        let outcome = run(&pairs, bits, 64);
        let equal = outcome.first.xor(&outcome.second);
        prop_assert_eq!(equal.len(), pairs.len());
        for (index, [left, right]) in pairs.iter().enumerate() {
            prop_assert_eq!(equal.bit(index) == 1, left & mask == right & mask);
        }
    }
}

#[test]
fn correct_after_real_transfers() {
    let outcome = both(4, async |party| {
        let mine: Vec<u64> = (0..300).map(|it| it * (1 + u64::from(party.is_first()))).collect();
        equal(party, &mine, 61).await.unwrap()
    });
    let equal = outcome.first.xor(&outcome.second);
    assert!((0..300).all(|index| (equal.bit(index) == 1) == (index == 0)));
    assert!(outcome.first.words()[1] != 0, "a share alone says nothing");
}

/// 70 pairs of 7 bits, every third of which is equal.
async fn program(party: &mut TwoParty) -> Result<Bits, MpcError> {
    let first = u64::from(party.is_first());
    let mine: Vec<u64> = (0..70).map(|it| it ^ (first * u64::from(it % 3 > 0)) << 5).collect();
    equal(party, &mine, 7).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(5, program);
    let equal = outcome.first.unwrap().xor(&outcome.second.unwrap());
    assert_eq!(equal.words()[0], 0x9249_2492_4924_9249);
    assert_eq!(
        outcome.transcript.hash(),
        "1fdfb968e51649f639793f2f679a01a07b14464157aa4612e08a6565557a8da9"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(6, program).transcript;
    let ands = 6 * 128;
    for side in [Side::First, Side::Second] {
        assert_eq!(transcript.bytes_of(side, "corrections"), 4 * ands);
        assert_eq!(transcript.bytes_of(side, "triple_bits"), ands / 8);
        assert_eq!(transcript.bytes_of(side, "masked_bits"), ands / 4);
    }
    assert_eq!(transcript.messages(), 2 * (2 + 3));
    assert_eq!(run(&[[1, 1]; 9], 1, 64).transcript.messages(), 0);
    assert_eq!(run(&[[1, 1]; 130], 2, 64).transcript.messages(), 3 * 2 * (2 + 1));
}

#[test]
fn tampered() {
    sweep(&["masked_bits"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("masked_bits", program);
}

#[test]
fn numbers_without_bits_are_refused() {
    let outcome = both_dealt(7, async |party| equal(party, &[1], 0).await.err());
    assert!(outcome.first.unwrap().to_string().contains("numbers of 0 bits"));
}
