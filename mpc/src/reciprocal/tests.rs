use proptest::prelude::*;
use world::Side;

use super::*;
use crate::TwoParty;
use crate::product::Products;
use crate::test_support::{
    assert_drop_is_noticed, both, both_dealt, sweep, wide_shares, wide_sums,
};

const BITS: u32 = 31;

async fn both_results(
    party: &mut TwoParty,
    shared: &(Vec<u128>, Vec<u128>),
) -> Result<(Vec<u128>, Vec<u128>), MpcError> {
    let mine = if party.is_first() { &shared.0 } else { &shared.1 };
    let products = Products::prepare(party).await?;
    reciprocals(party, &products, mine, BITS).await
}

/// The normaliser and the distance of the reciprocal from the exact one.
fn check(values: &[i128], results: [(Vec<u128>, Vec<u128>); 2]) {
    let [first, second] = results;
    let normalisers = wide_sums(&first.0, &second.0);
    let reciprocals = wide_sums(&first.1, &second.1);
    for (index, value) in values.iter().enumerate() {
        let normal = value * normalisers[index];
        assert!((1 << (BITS - 1)..1 << BITS).contains(&normal), "{value}: {normal}");
        assert!(normalisers[index].count_ones() == 1);
        let exact = f64::from(1 << (BITS - 1)) / normal as f64;
        let found = reciprocals[index] as f64 / f64::from(1 << FRACTION_BITS);
        assert!((found - exact).abs() < 2_f64.powi(-26), "1/{value}: {found} for {exact}");
    }
}

#[test]
fn correct() {
    let values = [1, 2, 3, 4, 5, 1000, 65_535, 65_536, (1 << 30) - 1, 1 << 30, (1 << 31) - 1];
    let shared = wide_shares(1, &values);
    let outcome = both(1, async |party| both_results(party, &shared).await.unwrap());
    check(&values, [outcome.first, outcome.second]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn correct_for_any_number(values in prop::collection::vec(1_i128..1 << BITS, 1..20)) {
        let shared = wide_shares(2, &values);
        let outcome = both_dealt(2, async |party| both_results(party, &shared).await.unwrap());
        check(&values, [outcome.first, outcome.second]);
    }
}

#[test]
fn powers_belong_to_the_leading_bit() {
    let values = [0, 1, 6, (1 << 61) - 1, 1 << 61, (1 << 62) - 1];
    let shared = wide_shares(4, &values);
    let side = async |party: &mut TwoParty| {
        let mine = if party.is_first() { &shared.0 } else { &shared.1 };
        let leading = leading_bits(party, mine, 62).await.unwrap();
        [leading.powers(0..values.len(), |above| above.min(40)), leading.powers(2..3, |it| 2 * it)]
    };
    let outcome = both_dealt(4, side);
    let sums = |which: usize| wide_sums(&outcome.first[which], &outcome.second[which]);
    assert_eq!(sums(0), [1 << 40, 1 << 40, 1 << 40, 2, 1, 1]);
    assert_eq!(sums(1), [1 << 118]);
}

async fn program(party: &mut TwoParty) -> Result<(Vec<u128>, Vec<u128>), MpcError> {
    both_results(party, &wide_shares(3, &[77])).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(3, program);
    assert_eq!(
        outcome.transcript.hash(),
        "1afece8cd91e4e58d6ba5f24450958253130372542ec5a3239e7ff9abe4ac439"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(4, program).transcript;
    // Of the first party: the powers, six products of 128 bits, and eight words that are shortened.
    let words = u64::from(BITS) + 7 * 128 + 8;
    assert_eq!(transcript.bytes_of(Side::First, "correlations"), 16 * words);
    assert_eq!(transcript.bytes_of(Side::Second, "correlations"), 16 * 7 * 128);
}

#[test]
fn tampered() {
    // The steps are those of the blocks below.
    sweep(&["correlations"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("correlations", program);
}

#[test]
fn numbers_of_too_many_bits_are_refused() {
    let outcome = both_dealt(5, async |party| {
        let products = Products::prepare(party).await.unwrap();
        [
            normalisers(party, &[1], 1).await.err(),
            normalisers(party, &[1], 63).await.err(),
            reciprocals(party, &products, &[1], 41).await.err(),
        ]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
