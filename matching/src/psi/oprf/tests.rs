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
    Ok(receive(&mut session, keys, 9).await?.elements)
}

async fn as_sender(
    mut session: Session,
    keys: &[u128],
    at: &[u128],
) -> Result<Vec<Gf128>, MatchingError> {
    Ok(send(&mut session, keys.len(), 9).await?.evaluate(at))
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
            280_333_015_250_708_133_242_786_746_360_175_183_096,
            "e979d319888ff36d3fc7578317eeca6e7152bd32bac64c69b75a6428f067f734"
        )
    );
}

#[test]
fn cost() {
    let keys: Vec<u128> = (0..20).collect();
    let transcript = run(7, &keys, &keys).transcript;
    let cells = Okvs::new(20, Salt::default()).cells_count();
    let evaluation = mpc::silent_vole::bytes(cells).unwrap();
    assert_eq!(transcript.bytes(), (evaluation + 16 + 16 * cells) as u64);
    assert_eq!(transcript.bytes_of(Side::First, "cells"), 16 * cells as u64);
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
