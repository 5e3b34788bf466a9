use crypto::random::Generator;
use world::{Fault, FaultKind, MeshFault, Side, mesh_with_fault};

use super::*;
use crate::gram::pairs_of_own;
use crate::several::tests::{all, ready, shares, sums as sums_of};

const ROWS: usize = 64;

/// Columns up to the largest magnitude, both ends included.
fn matrix(party: usize, count: usize) -> Vec<Vec<i32>> {
    let mut rng = Generator::from_seed([party as u8; 32]);
    let largest = 1 << MAGNITUDE_BITS;
    let mut column = |_| {
        let mut column: Vec<i32> = (0..ROWS).map(|_| rng.below(1 << 19) as i32 - largest).collect();
        column[..2].copy_from_slice(&[largest, -largest]);
        column
    };
    (0..count).map(&mut column).collect()
}

/// Weights over the whole ring, so that shares of them and products wrap around.
fn weights() -> Vec<u64> {
    (1..=ROWS as u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect()
}

fn check(widths: &[usize]) {
    let matrices: Vec<Vec<Vec<i32>>> =
        widths.iter().enumerate().map(|(party, width)| matrix(party, *width)).collect();
    let shared = shares(1, widths.len(), &weights(), 1 << 64);
    let outcome = all(2, widths.len(), async |parties| {
        let number = parties.number();
        gram(parties, &matrices[number], &shared[number]).await.unwrap()
    });
    assert!(outcome.results.iter().all(|gram| gram.columns == widths));
    let triangles: Vec<&[u64]> = outcome.results.iter().map(|it| &it.triangle[..]).collect();
    let joint = matrices.concat();
    assert_eq!(sums_of(&triangles), pairs_of_own(&joint, &weights()), "{widths:?}");
}

/// The widest party in the middle and the narrowest at the end, and parties of equal width.
#[test]
fn correct() {
    check(&[2, 3, 1]);
    check(&[1, 1, 2, 1]);
}

/// What any two of three parties hold of each other's products is no product.
#[test]
fn shares_of_some_parties_are_no_sums() {
    let widths = [1, 2, 1];
    let ones = vec![1; ROWS];
    let shared = shares(3, 3, &ones, 1 << 64);
    let outcome = all(4, 3, async |parties| {
        let number = parties.number();
        gram(parties, &matrix(number, widths[number]), &shared[number]).await.unwrap().triangle
    });
    let exact = sums_of(&outcome.results.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for pair in [[0, 1], [0, 2], [1, 2]] {
        let held = sums_of(&pair.map(|party| outcome.results[party].as_slice()));
        // What is missing is uniform modulo 2^64; exact sums are below 2^43.
        let near = held.iter().zip(&exact).filter(|(held, exact)| {
            let missing = exact.wrapping_sub(**held) as i64;
            missing.unsigned_abs() < 1 << 50
        });
        assert_eq!(near.count(), 0, "{pair:?}");
    }
}

async fn program(_: usize, sessions: Vec<net::Session>) -> Result<Gram, MpcError> {
    let mut parties = ready(sessions);
    let columns = matrix(parties.number(), 1 + parties.number() % 2);
    gram(&mut parties, &columns, &[3; ROWS]).await
}

#[test]
fn known_answer() {
    let outcome = world::mesh(5, 3, program);
    let triangles: Vec<&[u64]> =
        outcome.results.iter().map(|it| &it.as_ref().unwrap().triangle[..]).collect();
    let joint = [matrix(0, 1), matrix(1, 2), matrix(2, 1)].concat();
    assert_eq!(sums_of(&triangles), pairs_of_own(&joint, &[9; ROWS]));
    assert_eq!(outcome.hash(), "c404f4df0eff1e3bef5afb5904e65b2a2e8790b7cb0ab82125f4c76db98ace33");
}

/// In the order of widths the first party comes before the third, and this before the second.
#[test]
fn cost() {
    const SHORT: u64 = 116 * 1024;
    let outcome = world::mesh(6, 3, program);
    let (width, rows) = ([1_u64, 2, 1], ROWS as u64);
    let rank = [0, 2, 1];
    for (pair, transcript) in &outcome.transcripts {
        let places = [pair.0, pair.1];
        for (side, [own, theirs]) in [(Side::First, places), (Side::Second, [places[1], places[0]])]
        {
            let bytes = |step| transcript.bytes_of(side, step);
            let brings = |place: usize| u64::from(rank[place] < 2) * width[place];
            assert_eq!(bytes("widths"), 24);
            assert_eq!(bytes("corrections"), brings(own) * rows * 20 * 4, "{pair:?}");
            assert_eq!(bytes("correlations"), brings(theirs) * rows * 20 * 8, "{pair:?}");
            let evaluates = u64::from(rank[own] > 0);
            assert_eq!(bytes("column_hints"), evaluates * width[own] * SHORT, "{pair:?}");
            // Vectors of all that come before whoever answers.
            let before = |place: usize| -> u64 {
                (0..3).filter(|it| rank[*it] < rank[place]).map(|it| width[it]).sum()
            };
            let query = SHORT + (rows * 150).div_ceil(8);
            assert_eq!(bytes("weighted_columns"), before(theirs) * query, "{pair:?}");
            assert_eq!(bytes("column_sums"), before(own) * width[own] * 14, "{pair:?}");
        }
    }
}

fn fault(step: &str, kind: FaultKind) -> MeshFault {
    let (path_step, from) = (step.to_owned(), Side::First);
    MeshFault { between: (1, 2), fault: Fault { path_step, occurrence: 0, kind, from } }
}

/// Messages of another length, from the second party to the third, are noticed by the latter.
#[test]
fn tampered_messages_of_columns_are_named() {
    let longer = || FaultKind::replace(|bytes| [bytes, &[0]].concat());
    let shorter = || FaultKind::replace(|bytes| bytes[..bytes.len() - 1].to_vec());
    for step in ["correlations", "column_hints", "column_sums", "row_weights"] {
        for kind in [longer(), shorter(), FaultKind::replace(|_| Vec::new())] {
            let outcome = mesh_with_fault(7, 3, fault(step, kind), program);
            let error = outcome.results[2].as_ref().unwrap_err();
            assert!(error.to_string().contains("party.1"), "{step}: {error}");
        }
    }
}

/// The second party tells the third of a column more than the first.
#[test]
fn tampered_widths_are_named() {
    let kind = FaultKind::replace(|bytes| {
        let mut bytes = bytes.to_vec();
        bytes[0] += 1;
        bytes
    });
    let outcome = mesh_with_fault(8, 3, fault("shape", kind), program);
    let text = outcome.results[0].as_ref().unwrap_err().to_string();
    assert!(text.contains("party.2 misbehaved at step widths"), "{text}");
    assert!(text.contains("party.1 told you two different things"), "{text}");
}

#[test]
fn peer_drops() {
    for step in ["correlations", "column_sums"] {
        let outcome = mesh_with_fault(9, 3, fault(step, FaultKind::Close), program);
        for result in &outcome.results[1..] {
            assert!(matches!(result, Err(MpcError::Net(_))), "{step}: {result:?}");
        }
    }
}
