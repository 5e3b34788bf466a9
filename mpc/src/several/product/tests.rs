use crypto::random::Generator;
use world::{Fault, FaultKind, MeshFault, Side, mesh_with_fault};

use super::*;
use crate::Arithmetic;
use crate::maximum::{Contenders, largest};
use crate::reciprocal::{FRACTION_BITS, reciprocals};
use crate::several::tests::{all, ready};

/// Numbers of so many bits with a sign.
fn numbers(seed: u8, count: usize, bits: u32) -> Vec<i128> {
    let mut rng = Generator::from_seed([seed; 32]);
    let mut random = || i128::from(rng.next_u64() as i64) << 64 | i128::from(rng.next_u64());
    (0..count).map(|_| random() >> (127 - bits)).collect()
}

/// Shares modulo 2^128 for each of so many parties.
fn wide_shares(seed: u8, count: usize, values: &[i128]) -> Vec<Vec<u128>> {
    let mut rng = Generator::from_seed([seed; 32]);
    let mut all = vec![Vec::new(); count];
    for value in values {
        let mut rest = *value as u128;
        for shares in &mut all[1..] {
            let share = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
            rest = rest.wrapping_sub(share);
            shares.push(share);
        }
        all[0].push(rest);
    }
    all
}

fn wide_sums<'a>(shares: impl Iterator<Item = &'a Vec<u128>>) -> Vec<i128> {
    let mut sums = Vec::new();
    for shares in shares {
        sums.resize(shares.len(), 0);
        accumulate(&mut sums, shares);
    }
    sums.into_iter().map(|sum| sum as i128).collect()
}

fn check_forms(parties: usize, count: usize) {
    let values = [numbers(1, count, 44), numbers(2, count, 40), numbers(3, count, 30)];
    let forms = [
        Form::product(0, 1, 0),
        Form { terms: vec![(1, 0, 1), (-3, 2, 1)], shift: 33 },
        Form { terms: vec![(1, 0, 2), (-1, 2, 2)], shift: 1 },
    ];
    let shared: Vec<Vec<Vec<u128>>> =
        values.iter().zip(7..).map(|(values, seed)| wide_shares(seed, parties, values)).collect();
    let outcome = all(count as u64, parties, async |party| {
        let own: Vec<&[u128]> = shared.iter().map(|it| it[party.number()].as_slice()).collect();
        let products = Products::prepare(party).await.unwrap();
        products.evaluate(party, &own, &forms).await.unwrap()
    });
    for (index, form) in forms.iter().enumerate() {
        let found = wide_sums(outcome.results.iter().map(|results| &results[index]));
        let most = if form.shift == 0 { 0 } else { parties as i128 + 1 };
        for (place, found) in found.iter().enumerate() {
            let term = |(factor, i, j): &(i64, usize, usize)| {
                i128::from(*factor) * values[*i][place] * values[*j][place]
            };
            let exact = form.terms.iter().map(term).sum::<i128>() >> form.shift;
            assert!((found - exact).abs() <= most, "form {index}: {found} for {exact}");
        }
    }
}

#[test]
fn correct() {
    check_forms(3, FEW + 9);
}

#[test]
fn correct_for_few_places() {
    check_forms(3, FEW);
    check_forms(5, 7);
}

/// With four parties wraps have three bits.
#[test]
fn correct_with_four_parties() {
    check_forms(4, FEW + 1);
}

#[test]
fn correct_with_five_parties() {
    check_forms(5, FEW + 1);
}

#[test]
fn correct_winners_and_reciprocals() {
    let numerators = [900_i64, 1 << 39, 1 << 38, 0, 77, 5, 5].map(i128::from);
    let denominators = [1, 1 << 29, 1 << 20, 9, 0, 1, 1].map(i128::from);
    let values = [1, 3, 1000, (1 << 30) - 1].map(i128::from);
    let shared = [&numerators[..], &denominators, &values].map(|it| wide_shares(4, 3, it));
    let outcome = all(5, 3, async |parties| {
        let [numerators, denominators, values] =
            shared.each_ref().map(|it| it[parties.number()].clone());
        let products = Products::prepare(parties).await.unwrap();
        let places = (0..7).map(|place| parties.share_of_public(place)).collect();
        let words = [places, vec![0; 7]];
        let contenders = Contenders { numerators, denominators, words };
        let won = largest(parties, &products, contenders, &[4, 1, 2]).await.unwrap();
        let (powers, inverses) = reciprocals(parties, &products, &values, 30).await.unwrap();
        (won.words[0].iter().copied().map(u128::from).collect::<Vec<_>>(), powers, inverses)
    });
    let won = wide_sums(outcome.results.iter().map(|it| &it.0));
    // The last two are the same, of which the first one counts.
    assert_eq!(won.iter().map(|place| *place as u64).collect::<Vec<_>>(), [2, 4, 5]);
    let powers = wide_sums(outcome.results.iter().map(|it| &it.1));
    let inverses = wide_sums(outcome.results.iter().map(|it| &it.2));
    for ((value, power), inverse) in values.iter().zip(powers).zip(inverses) {
        assert!((1 << 29..1 << 30).contains(&(value * power)), "{value} {power}");
        let exact = 2_f64.powi(29) / (value * power) as f64;
        let found = inverse as f64 / f64::from(1 << FRACTION_BITS);
        assert!((found - exact).abs() < 2_f64.powi(-26), "{found} for {exact}");
    }
}

/// One square of more places than transfers take, 3² each.
async fn program(parties: &mut Parties) -> Result<Vec<u64>, MpcError> {
    let products = Products::prepare(parties).await?;
    let own = vec![1_u128; FEW + 1];
    let squares = products.evaluate(parties, &[&own], &[Form::product(0, 0, 0)]).await?;
    Ok(squares[0].iter().map(|square| *square as u64).collect())
}

#[test]
fn known_answer() {
    let outcome = all(3, 3, program);
    let shares: Vec<&[u64]> =
        outcome.results.iter().map(|it| it.as_ref().unwrap().as_slice()).collect();
    assert!(crate::several::tests::sums(&shares).iter().all(|square| *square == 9));
    assert_eq!(outcome.hash(), "1fa6145aeff63c403008351252bca9facee590bb6a6e07b5d88605e0420ecbb1");
}

#[test]
fn cost() {
    let outcome = all(4, 3, program);
    let places = FEW as u64 + 1;
    for transcript in outcome.transcripts.values() {
        let bytes = |side, step| transcript.bytes_of(side, step);
        // Both primes of one chunk.
        assert_eq!(bytes(Side::Second, "factors"), 2 * (32 + 153_600));
        assert_eq!(bytes(Side::First, "products"), 2 * 307_200);
        // Two bits of each wrap; the first party of a pair sends if it is the first of all or has
        // a part of the product so far.
        assert_eq!(bytes(Side::First, "correlations"), 2 * places * (11 + 16));
    }
}

#[test]
fn tampered() {
    for (step, from) in [("factors", Side::Second), ("products", Side::First)] {
        for kind in [
            FaultKind::replace(|bytes| bytes[1..].to_vec()),
            FaultKind::replace(|bytes| vec![0xff; bytes.len()]),
        ] {
            let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
            let fault = MeshFault { between: (1, 2), fault };
            let role = async |_, sessions| program(&mut ready(sessions)).await;
            let outcome = mesh_with_fault(5, 3, fault, role);
            let (sender, receiver) = if from == Side::First { (1, 2) } else { (2, 1) };
            let text = outcome.results[receiver].as_ref().unwrap_err().to_string();
            let named = format!("party.{sender} misbehaved at step {step}");
            assert!(text.contains(&named), "{text}");
        }
    }
}

#[test]
fn peer_drops() {
    for step in ["factors", "correlations"] {
        let (path_step, kind) = (step.to_owned(), FaultKind::Close);
        let from = if step == "factors" { Side::Second } else { Side::First };
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let fault = MeshFault { between: (1, 2), fault };
        let role = async |_, sessions| program(&mut ready(sessions)).await;
        let outcome = mesh_with_fault(6, 3, fault, role);
        for result in &outcome.results[1..] {
            assert!(matches!(result, Err(MpcError::Net(_))), "{step}: {result:?}");
        }
    }
}

#[test]
fn residues_are_a_group() {
    let largest = Residue(PAIR_PRODUCT - 1);
    assert_eq!(largest.plus(Residue(1)), Residue(0));
    assert_eq!(Residue(0).minus(Residue(1)), largest);
    assert_eq!(largest.plus(largest), Residue(PAIR_PRODUCT - 2));
    assert_eq!((largest.times_bit(1), largest.times_bit(0)), (largest, Residue(0)));
    let mut bytes = Vec::new();
    largest.write(&mut bytes);
    assert_eq!((bytes.len(), Residue::read(&bytes)), (Residue::BYTES, largest));
    // Of a hostile peer: beyond the modulus, and too short.
    assert!(Residue::read(&[0xff; 11]).0 < PAIR_PRODUCT);
    assert_eq!(Residue::read(&[5]), Residue(5));
    assert!(Residue::cut(u128::MAX).0 < PAIR_PRODUCT);
}

#[test]
fn misuse_is_refused() {
    let outcome = all(7, 3, async |parties| {
        let products = Products::prepare(parties).await.unwrap();
        let unequal: [&[u128]; 2] = [&[1], &[1, 2]];
        let form = [Form::product(0, 1, 0)];
        [
            products.evaluate(parties, &unequal, &form).await.err(),
            products.evaluate(parties, &[&[1]], &form).await.err(),
            parties.widen(&[(&[1], 65, 0)]).await.err(),
            parties.widen(&[(&[1], 20, 20)]).await.err(),
            parties.shorten(&[1], 126).await.err(),
        ]
    });
    for error in outcome.results.into_iter().flatten() {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
