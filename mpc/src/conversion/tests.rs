use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sums, sweep};

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

/// Every number and every pair of its shares, for primes of either kind modulo 6.
#[test]
fn lifting_is_right_at_every_bound() {
    for modulus in [7_u64, 13, 17, 31] {
        let bound = (modulus / 6) as i64;
        let cases: Vec<(i64, u64)> = (-bound..=bound)
            .flat_map(|value| (0..modulus).map(move |share| (value, share)))
            .collect();
        let outcome = both_dealt(modulus, async |party| {
            let share = |(value, share): &(i64, u64)| {
                let other = (value - *share as i64).rem_euclid(modulus as i64) as u64;
                if party.is_first() { *share } else { other }
            };
            let mine: Vec<u64> = cases.iter().map(share).collect();
            lift(party, &mine, modulus, 0).await.unwrap()
        });
        for (sum, (value, share)) in sums(&outcome.first, &outcome.second).iter().zip(&cases) {
            assert_eq!(*sum as i64, *value, "modulo {modulus}, share {share}");
        }
    }
}

/// The largest numbers with the shares that come nearest to a wrong wrap.
#[test]
fn truncation_is_right_at_every_bound() {
    let edge = (1_i64 << 61) - 1;
    let shares = [0, 1, u64::MAX, u64::MAX / 3, u64::MAX / 3 + 1, 1 << 61, 1 << 62, 1 << 63];
    let cases: Vec<(i64, u64)> = [-edge - 1, -edge, -1, 0, 1, edge]
        .into_iter()
        .flat_map(|value| shares.map(|share| (value, share)))
        .collect();
    for shift in [1, 31, 60] {
        let outcome = both_dealt(8, async |party| {
            let share = |(value, share): &(i64, u64)| {
                if party.is_first() { *share } else { (*value as u64).wrapping_sub(*share) }
            };
            let mine: Vec<u64> = cases.iter().map(share).collect();
            truncate(party, &mine, shift).await.unwrap()
        });
        for (sum, (value, share)) in sums(&outcome.first, &outcome.second).iter().zip(&cases) {
            let error = *sum as i64 - (value >> shift);
            assert!((-1..=0).contains(&error), "{value} by {shift}, share {share}: {error}");
        }
    }
}

/// A selection of three words and a truncation of five.
async fn program(party: &mut TwoParty) -> Result<(Vec<u64>, Vec<u64>), MpcError> {
    let bits = Bits::from_fn(3, |index| index == 1 && party.is_first());
    let selected = select(party, &bits, &[1, 2, 3]).await?;
    Ok((selected, truncate(party, &[1 << 20; 5], 10).await?))
}

#[test]
fn known_answer() {
    let outcome = both_dealt(9, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    assert_eq!(sums(&first.0, &second.0), [0, 4, 0]);
    assert_eq!(sums(&first.1, &second.1), [1 << 11; 5]);
    assert_eq!(
        outcome.transcript.hash(),
        "22b182194ebe855c1e0dedff18eb56b90c9567bf83770b11bdf2da8fa7c17c44"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(10, program).transcript;
    assert_eq!(transcript.bytes_of(Side::First, "corrections"), 4 * 128);
    assert_eq!(transcript.bytes_of(Side::Second, "corrections"), 2 * 4 * 128);
    assert_eq!(transcript.bytes_of(Side::First, "correlations"), 8 * (3 + 5));
    assert_eq!(transcript.bytes_of(Side::Second, "correlations"), 8 * 3);
    // Two flights of a selection, both ways, and two of a truncation, one way each.
    assert_eq!(transcript.messages(), 2 * 2 + 2);
}

#[test]
fn tampered() {
    sweep(&["correlations"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("correlations", program);
}

#[test]
fn misuse_is_refused() {
    let outcome = both_dealt(11, async |party| {
        [
            select(party, &Bits::zeros(2), &[1_u64]).await.err(),
            truncate(party, &[1], 61).await.err(),
            lift(party, &[1], 1 << 62, 0).await.err(),
            lift(party, &[1], 13, 64).await.err(),
        ]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
