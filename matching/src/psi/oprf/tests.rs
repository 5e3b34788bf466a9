use std::collections::BTreeSet;

use proptest::prelude::*;
use world::{Fault, FaultKind, Outcome, Side, hostile, pair_with_fault};

use super::*;

/// Both sides of a run: F of the receiver's keys, and F of all of `at` by the sender.
fn run(
    seed: u64,
    keys: &[u128],
    at: &[u128],
) -> Outcome<Result<Vec<Gf128>, MatchingError>, Result<Vec<Gf128>, MatchingError>> {
    world::pair(seed, |session| as_receiver(session, keys), |session| as_sender(session, keys, at))
}

async fn as_receiver(mut session: Session, keys: &[u128]) -> Result<Vec<Gf128>, MatchingError> {
    Ok(receive(&mut session, keys, &range(20, 20), 9).await?.elements)
}

async fn as_sender(
    mut session: Session,
    keys: &[u128],
    at: &[u128],
) -> Result<Vec<Gf128>, MatchingError> {
    Ok(send(&mut session, keys.len(), &range(20, 20), 9).await?.evaluate(at))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn correct(keys in prop::collection::btree_set(any::<u128>(), 1..60), other: u128) {
        prop_assume!(!keys.contains(&other));
        let keys: Vec<u128> = keys.into_iter().collect();
        let mut at = keys.clone();
        at.push(other);
        let outcome = run(1, &keys, &at);
        let (received, sent) = (outcome.first.unwrap(), outcome.second.unwrap());
        prop_assert!(received[..] == sent[..keys.len()]);
        let different: BTreeSet<u128> = sent.iter().map(|element| element.0).collect();
        prop_assert_eq!(different.len(), at.len());
    }
}

#[test]
fn correct_functions_are_fresh_in_each_run() {
    let keys = [1, 2, 3];
    let [one, other] = [1, 2].map(|seed| run(seed, &keys, &keys).first.unwrap());
    assert!(one.iter().zip(&other).all(|(one, other)| one != other));
}

#[test]
fn known_answer() {
    let keys: Vec<u128> = (0..20).collect();
    let outcome = run(7, &keys, &keys);
    assert_eq!(
        (outcome.first.unwrap()[19].0, outcome.transcript.hash().as_str()),
        (
            46_176_909_720_859_288_070_447_179_156_213_098_984,
            "c72b69fcdcfa683c1ff8716f339f29b0043417d03497300dd312bb36acf3a1e9"
        )
    );
}

#[test]
fn cost() {
    let keys: Vec<u128> = (0..20).collect();
    let transcript = run(7, &keys, &keys).transcript;
    let cells = Okvs::binary(20, Salt::default()).cells_count();
    let evaluation = mpc::silent_vole::bytes(cells, &range(20, 20)).unwrap();
    assert_eq!(transcript.bytes(), (evaluation + 16 + 10 * cells) as u64);
    assert_eq!(transcript.bytes_of(Side::First, "cells"), 10 * cells as u64);
}

/// Ten bytes up to 2^40 pairs; the whole field where no subspace is large enough.
#[test]
fn values_grow_with_both_sets() {
    let bytes = |left: u32, right: u32| range(1 << left, 1 << right).bytes();
    assert_eq!([bytes(0, 0), bytes(20, 20), bytes(21, 20), bytes(24, 30)], [10, 10, 11, 12]);
    assert_eq!((bytes(30, 30), bytes(33, 32)), (13, 16));
}

/// Where values are from the whole field the same function comes out.
#[test]
fn correct_with_values_from_the_whole_field() {
    let keys: Vec<u128> = (0..50).collect();
    let [own, their] = [&keys; 2].map(Clone::clone);
    let outcome = world::pair(
        3,
        |mut session| async move { receive(&mut session, &own, &Subspace::WHOLE, 9).await },
        |mut session| async move { send(&mut session, 50, &Subspace::WHOLE, 9).await },
    );
    assert!(outcome.first.unwrap().elements == outcome.second.unwrap().evaluate(&their));
}

/// Other cells and another salt make another function, which agrees on no key.
#[test]
fn tampered() {
    let keys: Vec<u128> = (0..4).collect();
    let report = hostile::sweep_where(
        7,
        |sent| !sent.path_step.starts_with("vole/"),
        |session| as_receiver(session, &keys),
        |session| as_sender(session, &keys, &keys),
    );
    let unnoticed: BTreeSet<&str> =
        report.unnoticed.iter().map(|fault| fault.path_step.as_str()).collect();
    assert_eq!(unnoticed, BTreeSet::from(["cells", "salt"]));
}

#[test]
fn peer_drops() {
    let keys: Vec<u128> = (0..4).collect();
    let (path_step, kind) = ("cells".to_owned(), FaultKind::Close);
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::First };
    let outcome = pair_with_fault(
        7,
        fault,
        |session| as_receiver(session, &keys),
        |session| as_sender(session, &keys, &keys),
    );
    for error in [outcome.first.unwrap_err(), outcome.second.unwrap_err()] {
        assert!(matches!(error, MatchingError::Net(_)), "{error}");
    }
}

#[test]
fn equal_keys_are_refused() {
    let outcome = run(7, &[5, 5], &[5]);
    assert!(matches!(outcome.first, Err(MatchingError::NotEncodable(_))));
}
