use super::*;
use crate::test_support::{both, shares, sums};

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
