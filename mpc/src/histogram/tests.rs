use crypto::random::Generator;
use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sums, sweep};

/// Codes of each party: the first has two columns, the second one.
fn codes(rows: usize, first: bool) -> Vec<(Vec<u8>, usize)> {
    let mut rng = Generator::from_seed([u8::from(first); 32]);
    let cells: &[usize] = if first { &[5, 32] } else { &[7] };
    let mut column = |cells: usize| (0..rows).map(|_| rng.below(cells as u64) as u8).collect();
    cells.iter().map(|cells| (column(*cells), *cells)).collect()
}

async fn run(
    party: &mut TwoParty,
    rows: usize,
    vectors: &[(Vec<u64>, Vec<u64>)],
) -> Result<Vec<Cells>, MpcError> {
    let first = party.is_first();
    let codes = codes(rows, first);
    let cells = codes.iter().map(|(_, cells)| cells).sum();
    let geometry = Geometry::agree(party, rows, cells).await?;
    let columns = codes.iter().map(|(codes, cells)| Column { codes, cells: *cells }).collect();
    let histogram = Histogram::prepare(party, &geometry, columns).await?;
    let mine: Vec<&[u64]> =
        vectors.iter().map(|(one, other)| if first { one } else { other }.as_slice()).collect();
    histogram.sums(party, &mine).await
}

#[test]
fn correct() {
    // More than one chunk of rows, and more vectors than one batch.
    let rows = 9000;
    let vector = |seed: u64| -> Vec<u64> {
        (0..rows as u64).map(|row| (row + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect()
    };
    let plain: Vec<Vec<u64>> = (0..=BATCH as u64).map(vector).collect();
    let shared: Vec<_> = plain.iter().zip(1..).map(|(plain, seed)| shares(seed, plain)).collect();
    let outcome = both(1, async |party| run(party, rows, &shared).await.unwrap());
    for ((plain, first), second) in plain.iter().zip(&outcome.first).zip(&outcome.second) {
        for owner in [true, false] {
            let found = if owner {
                sums(&first.own, &second.theirs)
            } else {
                sums(&first.theirs, &second.own)
            };
            let mut expected = Vec::new();
            for (codes, cells) in codes(rows, owner) {
                let mut table = vec![0_u64; cells];
                for (code, value) in codes.iter().zip(plain) {
                    let cell = &mut table[usize::from(*code)];
                    *cell = cell.wrapping_add(*value);
                }
                expected.extend(table);
            }
            assert_eq!(found, expected);
        }
    }
}

async fn program(party: &mut TwoParty) -> Result<Vec<Cells>, MpcError> {
    run(party, 10, &[shares(1, &[3; 10])]).await
}

#[test]
fn known_answer() {
    let outcome = both_dealt(2, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    assert_eq!(sums(&first[0].theirs, &second[0].own).iter().sum::<u64>(), 30);
    assert_eq!(
        outcome.transcript.hash(),
        "cb5aa5f124b8e980ea52afc4673f335271561b2f0db9b3f985178794ddc02fdb"
    );
}

#[test]
fn cost() {
    let transcript = both_dealt(3, program).transcript;
    for (side, cells) in [(Side::First, 37), (Side::Second, 7)] {
        assert_eq!(transcript.bytes_of(side, "shape"), 48);
        assert_eq!(transcript.bytes_of(side, "hints"), cells * 118_784);
        // Ten rows of 150 bits, rounded up to whole bytes.
        assert_eq!(transcript.bytes_of(side, "vectors"), 118_784 + 188);
        assert_eq!(transcript.bytes_of(side, "sums"), cells * 14);
    }
}

#[test]
fn tampered() {
    sweep(&["shape", "hints", "vectors", "sums"], program);
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("vectors", program);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let outcome = both_dealt(4, async |party| {
        let none = Geometry::agree(party, 10, 0).await.err();
        let rows = 10 + usize::from(party.is_first());
        (none, Geometry::agree(party, rows, 3).await.err())
    });
    for (none, other) in [outcome.first, outcome.second] {
        assert!(matches!(none, Some(MpcError::InvalidInput(_))), "{none:?}");
        assert!(matches!(other, Some(MpcError::Net(_))), "{other:?}");
    }
}
