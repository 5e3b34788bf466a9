use crypto::lattice::{Parameters, Ring};
use crypto::random::Generator;
use proptest::prelude::*;
use world::Side;

use super::*;
use crate::test_support::{
    assert_drop_is_noticed, both, both_dealt, sweep, wide_shares, wide_sums,
};

/// Shares modulo `modulus`: (first's, second's).
fn shares_modulo(seed: u8, modulus: u128, values: &[i128]) -> (Vec<u128>, Vec<u128>) {
    let mut rng = Generator::from_seed([seed; 32]);
    let mut random = || u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    let first: Vec<u128> = values.iter().map(|_| random() % modulus).collect();
    let second = values.iter().zip(&first).map(|(value, share)| {
        let residue = value.rem_euclid(modulus as i128) as u128;
        (residue + modulus - share) % modulus
    });
    let second = second.collect();
    (first, second)
}

/// The largest distance between `widen` and the exact quotient.
fn worst(modulus: u128, shift: u32, values: &[i128]) -> u128 {
    let (first, second) = shares_modulo(3, modulus, values);
    let outcome = both_dealt(1, async |party| {
        let mine = if party.is_first() { &first } else { &second };
        widen(party, mine, modulus, shift).await.unwrap()
    });
    let sums = wide_sums(&outcome.first, &outcome.second);
    let error = |(sum, value): (&i128, &i128)| (sum - (value >> shift)).unsigned_abs();
    sums.iter().zip(values).map(error).max().unwrap_or(0)
}

#[test]
fn correct() {
    let values = [0, 1, -1, 1 << 20, -(1 << 20), (1 << 30) / 6, -((1 << 30) / 6)];
    let (first, second) = shares_modulo(9, 1 << 30, &values);
    let outcome = both(2, async |party| {
        let mine = if party.is_first() { &first } else { &second };
        widen(party, mine, 1 << 30, 0).await.unwrap()
    });
    assert_eq!(wide_sums(&outcome.first, &outcome.second), values);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn correct_for_any_modulus(
        bits in 8_u32..=126,
        odd: bool,
        part in 0_u32..100,
        values in prop::collection::vec(any::<i128>(), 1..40),
    ) {
        let modulus = (1_u128 << bits) - u128::from(odd);
        let bound = (modulus / 6) as i128;
        let values: Vec<i128> = values.iter().map(|value| value % bound).collect();
        prop_assert_eq!(worst(modulus, 0, &values), 0);
        prop_assert!(worst(modulus, part * (bits - 4) / 100, &values) <= 3);
    }
}

#[test]
fn residues_of_small_numbers_add_up() {
    let [slots, _] = SlotRing::pair(&Ring::new(Parameters::N8192_Q150));
    let modulus = slots.modulus();
    let bound = 1_i128 << 87;
    let values: Vec<i128> = (0..2000).map(|index| (index - 1000) * (bound / 1000)).collect();
    let (first, second) = wide_shares(5, &values);
    let [first, second] = [(first, true), (second, false)].map(|(shares, is_first)| {
        let residues = Residues::new(&slots, is_first);
        shares.into_iter().map(|share| residues.of(share)).collect::<Vec<u64>>()
    });
    for ((first, second), value) in first.iter().zip(&second).zip(values) {
        let sum = (u128::from(*first) + u128::from(*second)) % u128::from(modulus);
        assert_eq!(sum as i128, value.rem_euclid(i128::from(modulus)), "{value}");
    }
}

async fn program(party: &mut TwoParty) -> Result<Vec<u128>, MpcError> {
    widen(party, &[5, 7, 1 << 90], 1 << 100, 3).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(3, program);
    let sums = wide_sums(&outcome.first.unwrap(), &outcome.second.unwrap());
    assert!(
        sums.iter().zip([10 >> 3, 14 >> 3, 1 << 88]).all(|(sum, exact)| (sum - exact).abs() <= 3)
    );
    assert_eq!(
        outcome.transcript.hash(),
        "94f6d4c426fa3daf89663e4f608639ef72192c2216c18542b634fd42b0387e31"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(4, program).transcript;
    assert_eq!(transcript.bytes_of(Side::First, "correlations"), 3 * 16);
    assert_eq!(transcript.bytes_of(Side::Second, "corrections"), 128 * 4);
    assert_eq!(transcript.messages(), 2);
}

#[test]
fn tampered() {
    sweep(&["correlations"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("corrections", program);
}

#[test]
fn moduli_and_shifts_out_of_range_are_refused() {
    let outcome = both_dealt(5, async |party| {
        [widen(party, &[1], u128::MAX, 0).await.err(), widen(party, &[1], 8, 4).await.err()]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
