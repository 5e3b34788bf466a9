use super::*;
use crate::test_support::{both, shares, sums};

fn samples(count: usize, bits: u32) -> Vec<u64> {
    let mut rng = crypto::random::Generator::from_seed([bits as u8; 32]);
    (0..count)
        .map(|_| (rng.next_u64() as i64 >> (63 - bits)) as u64)
        .chain([0, 1, u64::MAX, (1 << bits) - 1, (1_u64 << bits).wrapping_neg()])
        .collect()
}

#[test]
fn correct() {
    let values = samples(200, 60);
    let (first, second) = shares(1, &values);
    for shift in [1, 13, 40, 60] {
        let outcome = both(u64::from(shift), async |party| {
            let mine = if party.is_first() { &first } else { &second };
            truncate(party, mine, shift).await.unwrap()
        });
        for (sum, value) in sums(&outcome.first, &outcome.second).iter().zip(&values) {
            let error = *sum as i64 - (*value as i64 >> shift);
            assert!((-1..=0).contains(&error), "{value} by {shift}: {error}");
        }
    }
}

#[test]
fn lifting_from_a_prime_keeps_the_value() {
    let modulus = 4_398_046_486_529_u64;
    let values: Vec<i64> = samples(200, 38).into_iter().map(|value| value as i64).collect();
    let mut rng = crypto::random::Generator::from_seed([7; 32]);
    let first: Vec<u64> = values.iter().map(|_| rng.below(modulus)).collect();
    let second: Vec<u64> = values
        .iter()
        .zip(&first)
        .map(|(value, share)| (value - *share as i64).rem_euclid(modulus as i64) as u64)
        .collect();
    for shift in [0, 14] {
        let outcome = both(5, async |party| {
            let mine = if party.is_first() { &first } else { &second };
            lift(party, mine, modulus, shift).await.unwrap()
        });
        for (sum, value) in sums(&outcome.first, &outcome.second).iter().zip(&values) {
            let error = *sum as i64 - (value >> shift);
            assert!((-2..=2).contains(&error), "{value} by {shift}: {error}");
        }
    }
}

#[test]
fn selection_multiplies_by_the_bit() {
    let values = samples(100, 60);
    let (first, second) = shares(2, &values);
    let outcome = both(6, async |party| {
        let side = usize::from(party.is_first());
        let bits = Bits::from_fn(values.len(), |index| index % 3 == side);
        let mine = if party.is_first() { &first } else { &second };
        let words = bits_to_words(party, &bits).await.unwrap();
        (bits.clone(), select(party, &bits, mine).await.unwrap(), words)
    });
    let bits = outcome.first.0.xor(&outcome.second.0);
    let selected = sums(&outcome.first.1, &outcome.second.1);
    let words = sums(&outcome.first.2, &outcome.second.2);
    for (index, value) in values.iter().enumerate() {
        assert_eq!(selected[index], value.wrapping_mul(bits.bit(index)));
        assert_eq!(words[index], bits.bit(index));
    }
}
