use crypto::random::Generator;
use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sums, sweep};

const STEPS: [&str; 7] = [
    "shape",
    "row_weights",
    "pair_hints",
    "pair_sums",
    "column_hints",
    "weighted_columns",
    "column_sums",
];

/// Columns up to the largest magnitude, both ends included.
fn columns(party: u8, count: usize, rows: usize) -> Vec<Vec<i32>> {
    let mut rng = Generator::from_seed([party; 32]);
    let largest = 1 << MAGNITUDE_BITS;
    let mut column = |_| {
        let mut column: Vec<i32> = (0..rows).map(|_| rng.below(1 << 19) as i32 - largest).collect();
        column[0] = largest;
        column
    };
    (0..count).map(&mut column).collect()
}

#[test]
fn correct() {
    const ROWS: usize = 8200;
    let matrices = [columns(0, 4, ROWS), columns(1, 3, ROWS)];
    let weights: Vec<u64> =
        (0..ROWS as u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let (first, second) = shares(1, &weights);
    let outcome = both(2, async |party| {
        let weights = if party.is_first() { &first } else { &second };
        gram(party, &matrices[usize::from(!party.is_first())], weights).await.unwrap()
    });
    assert_eq!(outcome.first.columns, [4, 3]);
    let found = sums(&outcome.first.triangle, &outcome.second.triangle);
    let joint: Vec<Vec<i32>> = matrices.concat();
    let expected = pairs_of_own(&joint, &weights);
    assert_eq!(found, expected);
}

#[test]
fn limbs_add_up() {
    for value in [0, 1, -1, 131_071, 131_072, -131_072, -131_073, 1 << 36, -(1 << 36)] {
        let [lower, upper] = split(value);
        assert_eq!(i64::from(lower) + (i64::from(upper) << LIMB_BITS), value);
        assert!(lower.unsigned_abs() <= 1 << 17 && upper.unsigned_abs() <= 1 << 18);
    }
}

/// Two columns of the first party and one of the second over ten rows.
async fn program(party: &mut TwoParty) -> Result<Gram, MpcError> {
    let own = if party.is_first() { 2 } else { 1 };
    let columns: Vec<Vec<i32>> =
        (0..own).map(|column| (0..10).map(|row| row * (column + 2) - 9).collect()).collect();
    gram(party, &columns, &[3; 10]).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(1, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    // -9, -7, … 9 squared add up to 330, each with the weight 3 + 3.
    let found = sums(&first.triangle, &second.triangle);
    assert_eq!((found[0], found[3]), (6 * 330, 6 * 330));
    assert_eq!(
        outcome.transcript.hash(),
        "d15403309078cd8fd741d375bc174f590bad9e1d865109c11ff9e52c4baebc33"
    );
}

#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    const SHORT: u64 = 116 * 1024;
    let transcript = both_dealt(2, program).transcript;
    for (side, own, theirs) in [(Side::First, 2_u64, 1_u64), (Side::Second, 1, 2)] {
        let bytes = STEPS.map(|step| transcript.bytes_of(side, step));
        let pairs = own * (own + 1) / 2;
        let expected = [
            48,
            // Ten numbers in one element, and one more.
            2 * ELEMENT,
            SHORT,
            2 * pairs * 14,
            own * SHORT,
            own * (SHORT + (10 * 150_u64).div_ceil(8)),
            theirs * own * 14,
        ];
        assert_eq!(bytes, expected, "{side:?}");
    }
    assert_eq!(transcript.rounds(), 5);
}

/// Other residues of the right form cannot be seen.
#[test]
fn tampered() {
    sweep(&STEPS, program);
}

#[test]
fn tampered_shape_is_named() {
    let outcome = both_dealt(3, async |party| {
        let rows = if party.is_first() { 10 } else { 11 };
        let error = gram(party, &[vec![1; rows]], &vec![1; rows]).await.err();
        error.map(|error| error.to_string())
    });
    for text in [outcome.first.unwrap(), outcome.second.unwrap()] {
        assert!(text.contains("same rows"), "{text}");
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let outcome = both_dealt(4, async |party| {
        let large = vec![(1 << MAGNITUDE_BITS) + 1; 3];
        [
            gram(party, &[large], &[1; 3]).await.err(),
            gram(party, &[vec![1; 3]], &[1; 4]).await.err(),
            gram(party, &[], &[1; 4]).await.err(),
        ]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("row_weights", program);
    assert_drop_is_noticed("column_sums", program);
}
