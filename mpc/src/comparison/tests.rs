use proptest::prelude::*;
use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sweep};

#[test]
fn correct() {
    for bits in [1, 3, 4, 8, 22, 63, 64] {
        let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
        let mut rng = crypto::random::Generator::from_seed([bits as u8; 32]);
        let numbers: Vec<[u64; 2]> = (0..150)
            .map(|index| {
                let left = rng.next_u64() & mask;
                let near = [left, left.wrapping_add(1), left.wrapping_sub(1), rng.next_u64()];
                [left, near[index % 4] & mask]
            })
            .collect();
        let outcome = both(bits as u64, async |party| {
            let side = usize::from(!party.is_first());
            let mine: Vec<u64> = numbers.iter().map(|pair| pair[side]).collect();
            less_than(party, &mine, bits).await.unwrap()
        });
        let less = outcome.first.xor(&outcome.second);
        for (index, [left, right]) in numbers.iter().enumerate() {
            assert_eq!(less.bit(index) == 1, left < right, "{left} < {right} in {bits} bits");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn correct_for_numbers_that_share_digits(
        bits in 1_usize..=64,
        pairs in prop::collection::vec((any::<u64>(), any::<u64>(), 0_u32..64), 0..80),
    ) {
        let mask = u64::MAX >> (64 - bits);
        // The two numbers agree in the upper bits, at random places.
        let pairs: Vec<[u64; 2]> = pairs
            .into_iter()
            .map(|(left, noise, shift)| [left & mask, (left ^ noise >> shift) & mask])
            .collect();
        let outcome = both_dealt(1, async |party| {
            let side = usize::from(!party.is_first());
            let mine: Vec<u64> = pairs.iter().map(|pair| pair[side]).collect();
            less_than(party, &mine, bits).await.unwrap()
        });
        let less = outcome.first.xor(&outcome.second);
        for (index, [left, right]) in pairs.iter().enumerate() {
            prop_assert_eq!(less.bit(index) == 1, left < right);
        }
    }
}

#[test]
fn signs_are_those_of_twos_complement() {
    let values: Vec<u64> =
        [0_i64, 1, -1, i64::MAX, i64::MIN, 1 << 40, -(1 << 40)].map(|value| value as u64).to_vec();
    let (first, second) = shares(9, &values);
    let outcome = both(9, async |party| {
        let mine = if party.is_first() { &first } else { &second };
        is_negative(party, mine, 64).await.unwrap()
    });
    let negative = outcome.first.xor(&outcome.second);
    for (index, value) in values.iter().enumerate() {
        assert_eq!(negative.bit(index) == 1, (*value as i64) < 0);
    }
}

#[test]
fn signs_beside_add_their_offsets() {
    let values: Vec<u64> = (0..200_i64).map(|value| (value - 100) as u64).collect();
    let (first, second) = shares(4, &values);
    let offsets = [10, 20_u64.wrapping_neg()];
    let outcome = both_dealt(4, async |party| {
        let mine = if party.is_first() { &first } else { &second };
        signs_beside(party, mine, &offsets, 23).await.unwrap()
    });
    for (lane, offset) in offsets.iter().enumerate() {
        let negative = outcome.first[lane].xor(&outcome.second[lane]);
        for (index, value) in values.iter().enumerate() {
            let moved = value.wrapping_add(*offset) as i64;
            assert_eq!(negative.bit(index) == 1, moved < 0, "{moved}");
        }
    }
}

/// 70 comparisons of three digits, then the signs of one word of 5 bits beside two offsets.
async fn program(party: &mut TwoParty) -> Result<[Bits; 3], MpcError> {
    let mine: Vec<u64> = (0..70).map(|index| index * 59 + u64::from(party.is_first())).collect();
    let less = less_than(party, &mine, 12).await?;
    let [below, above] = [0, 1].map(|lane| move |signs: &[Bits]| signs[lane].clone());
    let signs = signs_beside(party, &mine[..1], &[3, 7], 5).await?;
    Ok([less, below(&signs), above(&signs)])
}

#[test]
fn known_answer() {
    let outcome = both_dealt(5, program);
    let less = outcome.first.unwrap()[0].xor(&outcome.second.unwrap()[0]);
    // The first party's number is the larger one, but for those that lose a bit.
    assert_eq!(less.words().iter().map(|word| word.count_ones()).sum::<u32>(), 0);
    assert_eq!(
        outcome.transcript.hash(),
        "8f84706e5ec316f7d1a8ef952d0a08e9600a8c4abc262feb51eb66addcb6e74f"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(6, program).transcript;
    let (slots, lane_slots) = (3 * 128, 64);
    assert_eq!(transcript.bytes_of(Side::First, "digit_tables"), 4 * (slots + 2 * lane_slots));
    let combination = 2 * 128;
    let second = transcript.bytes_of(Side::Second, "corrections");
    assert_eq!(second, 16 * (slots + lane_slots) + 4 * combination);
    assert_eq!(transcript.bytes_of(Side::First, "corrections"), 4 * combination);
    for side in [Side::First, Side::Second] {
        assert_eq!(transcript.bytes_of(side, "triple_bits"), combination / 4);
        assert_eq!(transcript.bytes_of(side, "masked_bits"), combination * 3 / 8);
    }
    // 4 + 2 flights with three digits; 2 with a single one.
    assert_eq!(transcript.messages(), 2 + 2 * 4 + 2);
}

#[test]
fn tampered() {
    sweep(&["digit_tables"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("masked_bits", program);
}

#[test]
fn numbers_without_bits_are_refused() {
    let outcome = both_dealt(7, async |party| {
        [less_than(party, &[1], 0).await.err(), is_negative(party, &[1], 65).await.err()]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
