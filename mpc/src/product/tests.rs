use crypto::random::Generator;
use world::Side;

use super::*;
use crate::test_support::{
    assert_drop_is_noticed, both, both_dealt, sweep, wide_shares, wide_sums,
};

fn numbers(seed: u8, count: usize, bits: u32) -> Vec<i128> {
    let mut rng = Generator::from_seed([seed; 32]);
    let number = |_| {
        let random = i128::from(rng.next_u64() as i64) << 32 ^ i128::from(rng.next_u64() >> 32);
        random >> (96 - bits)
    };
    (0..count).map(number).collect()
}

/// Few places, which go through transfers: each form against the same sums in the clear.
#[test]
fn correct_for_few_places() {
    check(FEW, 5);
}

/// Two chunks and a bit: each form against the same sums in the clear.
#[test]
fn correct() {
    check(2 * 8192 + 37, 1);
}

fn check(count: usize, seed: u64) {
    let values = [numbers(1, count, 44), numbers(2, count, 40), numbers(3, count, 30)];
    let forms = [
        Form::product(0, 1, 0),
        Form { terms: vec![(1, 0, 1), (-3, 2, 1)], shift: 33 },
        Form { terms: vec![(1, 1, 1)], shift: 0 },
        Form { terms: vec![(1, 0, 2), (-1, 2, 2)], shift: 33 },
    ];
    let shared: Vec<(Vec<u128>, Vec<u128>)> =
        values.iter().zip(7..).map(|(values, seed)| wide_shares(seed, values)).collect();
    let outcome = both(seed, async |party| {
        let first = party.is_first();
        let mine: Vec<&[u128]> =
            shared.iter().map(|(one, other)| if first { one } else { other }.as_slice()).collect();
        let products = Products::prepare(party).await.unwrap();
        products.evaluate(party, &mine, &forms).await.unwrap()
    });
    for (index, form) in forms.iter().enumerate() {
        let sums = wide_sums(&outcome.first[index], &outcome.second[index]);
        let tolerance = if form.shift == 0 { 0 } else { 3 };
        for (place, sum) in sums.iter().enumerate() {
            let term = |(factor, i, j): &(i64, usize, usize)| {
                i128::from(*factor) * values[*i][place] * values[*j][place]
            };
            let exact = form.terms.iter().map(term).sum::<i128>() >> form.shift;
            assert!((sum - exact).abs() <= tolerance, "form {index}, place {place}");
        }
    }
}

/// One product and one square of one place more than transfers take.
async fn program(party: &mut TwoParty) -> Result<Vec<Vec<u128>>, MpcError> {
    let (first, second) = wide_shares(4, &[1 << 40; FEW + 1]);
    let mine = if party.is_first() { first } else { second };
    let products = Products::prepare(party).await?;
    let forms = [Form::product(0, 0, 0), Form::product(0, 1, 0)];
    products.evaluate(party, &[&mine, &mine], &forms).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(2, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    for form in 0..2 {
        assert_eq!(wide_sums(&first[form], &second[form]), [1 << 80; FEW + 1]);
    }
    assert_eq!(
        outcome.transcript.hash(),
        "5a4ba16a3d2b3074c8df729695ffc536e392f679ede945d5e428db4805493d00"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(3, program).transcript;
    assert_eq!(transcript.bytes_of(Side::Second, "public_key"), 153_632);
    assert_eq!(transcript.bytes_of(Side::Second, "factors"), 2 * 307_264);
    assert_eq!(transcript.bytes_of(Side::First, "products"), 2 * 614_400);
    assert_eq!(transcript.bytes_of(Side::First, "correlations"), 2 * (FEW as u64 + 1) * 16);
    assert_eq!(transcript.messages(), 1 + 4);
}

#[test]
fn tampered() {
    sweep(&["public_key", "factors", "products"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("factors", program);
}

#[test]
fn vectors_and_forms_that_do_not_fit_are_refused() {
    let outcome = both_dealt(6, async |party| {
        let products = Products::prepare(party).await.unwrap();
        let (short, long) = ([1], [1, 2]);
        let bad_index = [Form::product(0, 1, 0)];
        let no_terms = [Form { terms: Vec::new(), shift: 0 }];
        [
            products.evaluate(party, &[&short, &long], &[]).await.err(),
            products.evaluate(party, &[&short], &bad_index).await.err(),
            products.evaluate(party, &[&short], &no_terms).await.err(),
        ]
    });
    for error in outcome.first.into_iter().chain(outcome.second) {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
