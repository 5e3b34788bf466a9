use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sums, sweep};

#[test]
fn correct() {
    let left: Vec<u64> =
        (0..40_u64).map(|index| index.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let right: Vec<u64> = left.iter().map(|word| word.rotate_left(17) ^ 5).collect();
    let (left0, left1) = shares(1, &left);
    let (right0, right1) = shares(2, &right);
    let outcome = both(8, async |party| {
        let (x, y) = if party.is_first() { (&left0, &right0) } else { (&left1, &right1) };
        let products = multiply(party, x, y).await.unwrap();
        (products, dot(party, x, y).await.unwrap())
    });
    let products = sums(&outcome.first.0, &outcome.second.0);
    let expected: Vec<u64> =
        left.iter().zip(&right).map(|(left, right)| left.wrapping_mul(*right)).collect();
    assert_eq!(products, expected);
    let dot = outcome.first.1.wrapping_add(outcome.second.1);
    assert_eq!(dot, expected.into_iter().fold(0, u64::wrapping_add));
}

async fn program(party: &mut TwoParty) -> Result<Vec<u64>, MpcError> {
    let side = u64::from(party.is_first());
    scale(party, 5 + side, &[1 << 40, side, u64::MAX, 7]).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(1, program);
    let products = sums(&outcome.first.unwrap(), &outcome.second.unwrap());
    assert_eq!(products, [11 << 41, 11, 22_u64.wrapping_neg(), 11 * 14]);
    assert_eq!(
        outcome.transcript.hash(),
        "8325f04d9d4927e9fbc79011abbc584320560f94a5281ec9b073926ccf56535d"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(2, program).transcript;
    for side in [Side::First, Side::Second] {
        assert_eq!(transcript.bytes_of(side, ""), 4 * 768);
    }
    assert_eq!((transcript.messages(), transcript.rounds()), (4, 2));
}

#[test]
fn tampered() {
    sweep(&["corrections", "correlations"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("corrections", program);
}

#[test]
fn vectors_of_different_lengths_are_refused() {
    let outcome = both_dealt(3, async |party| multiply(party, &[1_u64, 2], &[3]).await.err());
    for error in [outcome.first, outcome.second] {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
