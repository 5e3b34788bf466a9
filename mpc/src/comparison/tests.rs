use super::*;
use crate::test_support::{both, shares};

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
