use proptest::prelude::*;
use world::Side;

use super::*;
use crate::test_support::{
    assert_drop_is_noticed, both, both_dealt, sweep, wide_shares, wide_sums,
};

/// Logarithms, square roots and inverse square roots of the same numbers.
async fn all(
    party: &mut TwoParty,
    shared: &(Vec<u128>, Vec<u128>),
    bits: u32,
) -> Result<[Vec<u128>; 3], MpcError> {
    let mine = if party.is_first() { &shared.0 } else { &shared.1 };
    let products = Products::prepare(party).await?;
    Ok([
        logarithms(party, &products, mine, bits).await?,
        square_roots(party, &products, mine, bits).await?,
        inverse_square_roots(party, &products, mine, bits).await?,
    ])
}

/// The results are as near to the exact ones as the module says.
fn check(values: &[i128], first: &[Vec<u128>; 3], second: &[Vec<u128>; 3]) {
    let result = |function: usize, bits: u32| -> Vec<f64> {
        let sums = wide_sums(&first[function], &second[function]);
        sums.iter().map(|sum| *sum as f64 / (1_u64 << bits) as f64).collect()
    };
    let logarithms = result(0, FRACTION_BITS);
    let roots = result(1, FRACTION_BITS);
    let inverses = result(2, INVERSE_FRACTION_BITS);
    let error = 2_f64.powi(-25);
    for (index, value) in values.iter().enumerate() {
        let x = *value as f64;
        assert!((logarithms[index] - x.ln()).abs() < error, "ln {x}: {}", logarithms[index]);
        assert!((roots[index] / x.sqrt() - 1.0).abs() < error, "√{x}: {}", roots[index]);
        assert!((inverses[index] * x.sqrt() - 1.0).abs() < error, "1/√{x}: {}", inverses[index]);
    }
}

#[test]
fn correct() {
    for bits in [2, 20, 31, 40] {
        let edges = (0..bits).flat_map(|bit| [(1_i128 << bit), (1_i128 << (bit + 1)) - 1]);
        let values: Vec<i128> = edges.collect();
        let shared = wide_shares(1, &values);
        let outcome = both(1, async |party| all(party, &shared, bits).await.unwrap());
        check(&values, &outcome.first, &outcome.second);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn correct_for_any_number(values in prop::collection::vec(1_i128..1 << 40, 1..20)) {
        let shared = wide_shares(2, &values);
        let outcome = both_dealt(2, async |party| all(party, &shared, 40).await.unwrap());
        check(&values, &outcome.first, &outcome.second);
    }
}

/// So many that products go through ciphertexts.
#[test]
fn correct_for_many() {
    let values: Vec<i128> = (0..300).map(|index| 1 + index * index * 37).collect();
    let shared = wide_shares(3, &values);
    let outcome = both_dealt(3, async |party| all(party, &shared, 23).await.unwrap());
    check(&values, &outcome.first, &outcome.second);
}

/// The polynomials by themselves.
#[test]
fn correct_polynomials() {
    for polynomial in [&LOGARITHM, &SQUARE_ROOT, &INVERSE_SQUARE_ROOT] {
        for step in 0..=4096 {
            let t = f64::from(step) / 2048.0 - 1.0;
            let unit = (1_u64 << COEFFICIENT_BITS) as f64;
            let value = polynomial.iter().rev().fold(0.0, |sum, it| sum * t + *it as f64 / unit);
            let m = (t + 3.0) / 4.0;
            let exact = match *polynomial {
                LOGARITHM => m.ln(),
                SQUARE_ROOT => m.sqrt(),
                _ => 1.0 / m.sqrt(),
            };
            let error = (value - exact).abs();
            assert!(error < 2_f64.powi(-31), "{t}: {error}");
        }
    }
}

async fn program(party: &mut TwoParty) -> Result<[Vec<u128>; 3], MpcError> {
    all(party, &wide_shares(4, &[77]), 31).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(4, program);
    assert_eq!(
        outcome.transcript.hash(),
        "fcab938767482289e4d0c7a6edb0c33471bdcface681d53f9cc6f18c316d5827"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(5, program).transcript;
    assert_eq!(transcript.rounds(), 72);
    // Of the first party, for each function: the leading bits, six products of 128 bits, and ten
    // words that are shortened; both roots take a product and a word more.
    let words = 3 * (31 + 6 * 128 + 5 + 3) + 2 * (128 + 1);
    assert_eq!(transcript.bytes_of(Side::First, "correlations"), 16 * words);
    assert_eq!(transcript.bytes_of(Side::Second, "correlations"), 16 * (3 * 6 + 2) * 128);
}

#[test]
fn tampered() {
    // The steps are those of the blocks below.
    sweep(&["correlations"], async |party| {
        let mine = wide_shares(6, &[77]);
        let mine = if party.is_first() { mine.0 } else { mine.1 };
        let products = Products::prepare(party).await?;
        logarithms(party, &products, &mine, 5).await
    });
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("correlations", program);
}

#[test]
fn numbers_of_too_many_bits_are_refused() {
    let outcome = both_dealt(7, async |party| {
        let products = Products::prepare(party).await.unwrap();
        [
            logarithms(party, &products, &[1], 1).await.err(),
            square_roots(party, &products, &[1], 41).await.err(),
        ]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
