use std::sync::Arc;

use mpc::reveal::Ledger;
use net::Session;
use world::{Fault, FaultKind, Side, pair_with_fault};

use super::*;

const ROWS: usize = 700;

/// Standardised columns; every third of the second party's follows one of the first's.
fn columns(party: usize) -> Vec<Vec<f64>> {
    let raw = |index: usize, row: usize| {
        let noise = ((row * 7919 + index * 104_729 + party * 31) as f64).sin();
        let common = ((row * (index + 2)) as f64 * 0.7).cos();
        if party == 1 && index.is_multiple_of(3) {
            0.2 * noise - common
        } else {
            common + party as f64 * 3.0 * noise
        }
    };
    (0..4 - party)
        .map(|index| {
            let values: Vec<f64> = (0..ROWS).map(|row| raw(index, row)).collect();
            let mean = values.iter().sum::<f64>() / ROWS as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / ROWS as f64;
            values.iter().map(|x| (x - mean) / variance.sqrt()).collect()
        })
        .collect()
}

async fn play(session: Session, sides: &[Vec<Vec<f64>>; 2]) -> Result<Vec<Pair>, FederatedError> {
    let mut party = TwoParty::setup(session, Arc::new(Ledger::new([KEY]))).await?;
    let own = &sides[usize::from(!party.is_first())];
    let own: Vec<&[f64]> = own.iter().map(Vec::as_slice).collect();
    correlated_pairs(&mut party, &own, ROWS, 0.8).await
}

#[test]
fn correct() {
    let sides = [columns(0), columns(1)];
    let side = async |session| play(session, &sides).await.unwrap();
    let outcome = world::pair(3, side, side);
    assert_eq!(outcome.first, outcome.second);
    let mut expected = Vec::new();
    for (guest, left) in sides[0].iter().enumerate() {
        for (host, right) in sides[1].iter().enumerate() {
            let product: f64 = left.iter().zip(right).map(|(x, y)| x * y).sum();
            if (product / ROWS as f64).abs() > 0.8 {
                expected.push(Pair { guest, host });
            }
        }
    }
    assert!(!expected.is_empty());
    assert_eq!(outcome.first, expected);
}

#[test]
fn known_answer() {
    let sides = [columns(0), columns(1)];
    let side = async |session| play(session, &sides).await.unwrap();
    let hash = world::pair(4, side, side).transcript.hash();
    assert_eq!(hash, "c2684ff5f5b29697eb1994875c936de40a9a7c6bba319e6fb02e7e91b4e570bd");
}

/// Hints have 116 KiB, queries as much and 18.75 bytes for each row, answers 14 bytes.
#[test]
fn cost() {
    const SHORT: u64 = 116 * 1024;
    let sides = [columns(0), columns(1)];
    let side = async |session| play(session, &sides).await.unwrap();
    let transcript = world::pair(5, side, side).transcript;
    for side in [Side::First, Side::Second] {
        assert_eq!(transcript.bytes_of(side, "shape"), 16);
        assert_eq!(transcript.bytes_of(side, "opened_bits"), 8);
    }
    let (guests, hosts) = (4, 3);
    assert_eq!(transcript.bytes_of(Side::First, "seed"), 32);
    assert_eq!(transcript.bytes_of(Side::Second, "hints"), hosts * SHORT);
    let query = SHORT + (ROWS as u64 * 150).div_ceil(8);
    assert_eq!(transcript.bytes_of(Side::First, "query"), guests * query);
    let answers = guests * hosts * 14;
    assert_eq!(transcript.bytes_of(Side::Second, "answers"), answers);
}

#[test]
fn tampered() {
    let sides = [columns(0), columns(1)];
    let side = async |session| play(session, &sides).await;
    let targets = [
        ("shape", Side::First),
        ("seed", Side::First),
        ("hints", Side::Second),
        ("query", Side::First),
        ("answers", Side::Second),
        ("opened_bits", Side::Second),
    ];
    for (step, from) in targets {
        for kind in [FaultKind::FlipBit, FaultKind::replace(|bytes| vec![0xff; bytes.len() - 1])] {
            let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
            let text = format!("{fault:?}");
            let outcome = pair_with_fault(6, fault, side, side);
            assert!(outcome.first.is_err() || outcome.second.is_err(), "{text}");
        }
    }
}

/// Of hints and answers any numbers are possible ones.
#[test]
fn tampered_numbers_are_named() {
    let sides = [columns(0), columns(1)];
    let side = async |session| play(session, &sides).await;
    for (step, from, rule) in
        [("shape", Side::Second, "both need the same rows"), ("query", Side::First, "misbehaved")]
    {
        let kind = FaultKind::replace(|bytes| vec![0xff; bytes.len()]);
        let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from };
        let outcome = pair_with_fault(6, fault, side, side);
        let honest = if from == Side::First { outcome.second } else { outcome.first };
        let text = honest.unwrap_err().to_string();
        assert!(text.contains(rule), "{step}: {text}");
    }
}

#[test]
fn peer_drops() {
    let sides = [columns(0), columns(1)];
    let side = async |session| play(session, &sides).await;
    for step in ["hints", "answers", "opened_bits"] {
        let (path_step, kind, from) = (step.to_owned(), FaultKind::Close, Side::Second);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = pair_with_fault(7, fault, side, side);
        for result in [outcome.first, outcome.second] {
            assert!(matches!(result, Err(FederatedError::Secure(_))), "{step}: {result:?}");
        }
    }
}
