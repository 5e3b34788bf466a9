use super::*;
use crate::several::tests::{all, shares, sums};

/// Codes of a party's one column of `2 + number` cells.
fn codes(rows: usize, number: usize) -> Vec<u8> {
    (0..rows).map(|row| ((row * (3 + number)) % (2 + number)) as u8).collect()
}

#[test]
fn correct() {
    const ROWS: usize = 50;
    let vectors = [1_u64, 7].map(|seed| {
        (0..ROWS as u64).map(|row| (row + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect()
    });
    let vectors: [Vec<u64>; 2] = vectors;
    let shared = vectors.each_ref().map(|values| shares(3, 3, values, 1 << 64));
    let outcome = all(1, 3, async |parties| {
        let number = parties.number();
        let codes = codes(ROWS, number);
        let columns = vec![Column { codes: &codes, cells: 2 + number }];
        let geometries = Geometries::agree(parties, ROWS, &[2, 3, 4]).await.unwrap();
        let histograms = Histograms::prepare(parties, &geometries, columns).await.unwrap();
        let own = shared.each_ref().map(|shares| shares[number].as_slice());
        histograms.sums(parties, &own).await.unwrap()
    });
    for (index, values) in vectors.iter().enumerate() {
        for owner in 0..3 {
            let found: Vec<&[u64]> =
                outcome.results.iter().map(|cells| cells[index][owner].as_slice()).collect();
            let mut expected = vec![0_u64; 2 + owner];
            for (code, value) in codes(ROWS, owner).iter().zip(values) {
                let cell = &mut expected[usize::from(*code)];
                *cell = cell.wrapping_add(*value);
            }
            assert_eq!(sums(&found), expected, "vector {index}, party {owner}");
        }
    }
}

#[test]
fn other_cells_than_known_are_refused() {
    let outcome = all(2, 3, async |parties| {
        // The second party has told of 3 cells, and brings 4 now.
        let mut cells = [2, 3, 4];
        cells[1] += usize::from(parties.number() == 1);
        Geometries::agree(parties, 8, &cells).await.map(|_| ())
    });
    // Who notices first gives up, and the other one may see only that.
    let texts = [0, 2].map(|number| outcome.results[number].as_ref().unwrap_err().to_string());
    let is_named =
        |text: &String| text.contains("party.1 misbehaved") && text.contains("it has 4 cells");
    assert!(texts.iter().any(is_named), "{texts:?}");
}
