use super::*;
use crate::test_support::{both, shares, sums};

const ROWS: usize = 9000;

fn columns(party: usize, count: usize) -> Vec<Vec<i32>> {
    let mut rng = crypto::random::Generator::from_seed([party as u8; 32]);
    let column = |rng: &mut crypto::random::Generator| {
        (0..ROWS + count).map(|_| rng.below(1 << 19) as i32 - (1 << 18)).collect()
    };
    (0..count).map(|_| column(&mut rng)).collect()
}

#[test]
fn correct() {
    let matrices = [columns(0, 3), columns(1, 2)];
    let weights: Vec<u64> = (0..5_u64).map(|index| (index << 40).wrapping_sub(7 << 39)).collect();
    let residuals: Vec<u64> =
        (0..ROWS as u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let extra: Vec<u64> = (0..5).map(|index| index * 1000).collect();
    let (w0, w1) = shares(1, &weights);
    let (r0, r1) = shares(2, &residuals);
    let (e0, e1) = shares(3, &extra);
    let outcome = both(4, async |party| {
        let first = party.is_first();
        let blocks = |joint: &[u64]| {
            let (guest, host) = joint.split_at(3);
            let (own, theirs) = if first { (guest, host) } else { (host, guest) };
            Blocks { own: own.to_vec(), theirs: theirs.to_vec() }
        };
        let (w, r, e) = if first { (&w0, &r0, &e0) } else { (&w1, &r1, &e1) };
        let matrix = &matrices[usize::from(!first)];
        let geometry = Geometry::agree(party, ROWS, matrix.len()).await.unwrap();
        let product = SharedProduct::prepare(party, &geometry, matrix).await.unwrap();
        let scores = product.forward(party, &blocks(w)).await.unwrap();
        (scores, product.backward(party, r, &blocks(e)).await.unwrap())
    });
    let joint: Vec<&Vec<i32>> = matrices.iter().flatten().collect();
    let scores = sums(&outcome.first.0, &outcome.second.0);
    for (row, score) in scores.iter().enumerate() {
        let expected = joint.iter().zip(&weights).fold(0_u64, |sum, (column, weight)| {
            sum.wrapping_add(weight.wrapping_mul(i64::from(column[row]) as u64))
        });
        assert_eq!(*score, expected, "row {row}");
    }
    let gradient = [
        sums(&outcome.first.1.own, &outcome.second.1.theirs),
        sums(&outcome.first.1.theirs, &outcome.second.1.own),
    ];
    let extras = [&extra[..3], &extra[3..]];
    for (party, matrix) in matrices.iter().enumerate() {
        let vector = [residuals.as_slice(), extras[party]].concat();
        let expected: Vec<u64> = matrix.iter().map(|column| dot(column, &vector)).collect();
        assert_eq!(gradient[party], expected);
    }
}
