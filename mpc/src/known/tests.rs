use world::{Fault, FaultKind, Side};

use super::*;
use crate::reveal::Ledger;
use crate::test_support::{both, shares, sums};

const BITS: u32 = 21;

/// Small, large, negative and extreme factors, and words of every size.
fn inputs() -> (Vec<i64>, Vec<u64>) {
    let half = 1_i64 << (BITS - 1);
    let factors = vec![0, 1, -1, 12_345, -54_321, half - 1, -half];
    let words =
        (0..7_u64).map(|index| index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> index).collect();
    (factors, words)
}

async fn play(party: &mut TwoParty, knower: bool, shares: &[u64]) -> Result<Vec<u64>, MpcError> {
    if party.is_first() == knower {
        multiply_by_own(party, &inputs().0, BITS, shares).await
    } else {
        multiply_by_theirs(party, BITS, shares).await
    }
}

fn run(knower: bool) -> world::Outcome<Vec<u64>, Vec<u64>> {
    let (first, second) = shares(3, &inputs().1);
    both(5, async |party| {
        let shares = if party.is_first() { &first } else { &second };
        play(party, knower, shares).await.unwrap()
    })
}

#[test]
fn correct() {
    let (factors, words) = inputs();
    let pairs = factors.iter().zip(&words);
    let expected: Vec<u64> =
        pairs.map(|(factor, word)| (*factor as u64).wrapping_mul(*word)).collect();
    for knower in [true, false] {
        let outcome = run(knower);
        assert_eq!(sums(&outcome.first, &outcome.second), expected);
    }
}

#[test]
fn known_answer() {
    let hash = "7ae956a26ecddefdb720379da2caf6e680f83f2f7799098a836f4f6b5c637787";
    assert_eq!(run(true).transcript.hash(), hash);
}

#[test]
fn cost() {
    let transcript = run(true).transcript;
    let transfers = 7 * u64::from(BITS);
    let of = |side, step| transcript.bytes_of(side, step);
    assert_eq!(of(Side::First, "corrections"), transfers.div_ceil(128) * 128 * 4);
    assert_eq!(of(Side::Second, "correlations"), transfers * 8);
    assert_eq!(of(Side::Second, "corrections") + of(Side::First, "correlations"), 0);
}

#[test]
fn factors_that_do_not_fit_are_refused_before_anything_is_sent() {
    let outcome = both(6, async |party| {
        let half = 1_i64 << (BITS - 1);
        let mut results = Vec::new();
        for factors in [vec![half], vec![-half - 1], vec![1, 2], Vec::new()] {
            results.push(multiply_by_own(party, &factors, BITS, &[7]).await);
        }
        results.push(multiply_by_own(party, &[0], 64, &[7]).await);
        results.push(multiply_by_theirs(party, 1, &[7]).await);
        results
    });
    let refused = |result: &Result<_, _>| matches!(result, Err(MpcError::InvalidInput(_)));
    assert!(outcome.first.iter().chain(&outcome.second).all(refused));
}

/// Runs with one fault; the results of both sides.
fn faulty(path_step: &str, from: Side, kind: FaultKind) -> [Result<Vec<u64>, MpcError>; 2] {
    let side = async |session: net::Session| {
        let mut party = TwoParty::setup(session, Ledger::default().into()).await?;
        play(&mut party, true, &inputs().1).await
    };
    let fault = Fault { path_step: path_step.to_owned(), occurrence: 0, kind, from };
    let outcome = world::pair_with_fault(5, fault, side, side);
    [outcome.first, outcome.second]
}

#[test]
fn tampered() {
    for (step, from, victim) in [("corrections", Side::First, 1), ("correlations", Side::Second, 0)]
    {
        for kind in [FaultKind::FlipBit, FaultKind::Truncate] {
            assert!(faulty(step, from, kind)[victim].is_err());
        }
        let longer = FaultKind::replace(|bytes| [bytes, &[0]].concat());
        let error = faulty(step, from, longer)[victim].as_ref().unwrap_err().to_string();
        assert!(error.contains(step), "{error}");
    }
}

#[test]
fn peer_drops() {
    for kind in [FaultKind::Close, FaultKind::Stall] {
        assert!(faulty("correlations", Side::Second, kind)[0].is_err());
    }
}
