use world::Side;

use super::*;
use crate::test_support::{assert_drop_is_noticed, both, both_dealt, shares, sums, sweep};

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
        let geometry = Geometry::agree(party, ROWS, matrix.len(), 3).await.unwrap();
        let product = SharedProduct::prepare(party, &geometry, matrix).await.unwrap();
        let twice: Vec<u64> = w.iter().map(|share| share.wrapping_mul(2)).collect();
        let weights = [blocks(w), blocks(&twice)];
        let scores = product.forward(party, &weights, ROWS).await.unwrap();
        let some = product.forward(party, &weights[..1], ROWS_STEP).await.unwrap().remove(0);
        let extra = blocks(e);
        let vectors = [(&r[..], &extra), (&r[..ROWS_STEP], &extra)];
        let back = product.backward(party, &vectors).await.unwrap();
        assert!(product.forward(party, &weights, ROWS - 1).await.is_err());
        (scores, some, back)
    });
    let joint: Vec<&Vec<i32>> = matrices.iter().flatten().collect();
    let scores = sums(&outcome.first.0[0], &outcome.second.0[0]);
    for (row, score) in scores.iter().enumerate() {
        let expected = joint.iter().zip(&weights).fold(0_u64, |sum, (column, weight)| {
            sum.wrapping_add(weight.wrapping_mul(i64::from(column[row]) as u64))
        });
        assert!(is_near(*score, expected), "row {row}");
    }
    let twice = sums(&outcome.first.0[1], &outcome.second.0[1]);
    for (twice, score) in twice.iter().zip(&scores) {
        let half = twice.wrapping_sub(*score);
        assert!(half.wrapping_sub(*score).wrapping_add(6) <= 12);
    }
    let some = sums(&outcome.first.1, &outcome.second.1);
    assert!(
        some.iter()
            .zip(&scores)
            .all(|(some, score)| some.wrapping_sub(*score).wrapping_add(4) <= 8)
    );
    assert_eq!(some.len(), ROWS_STEP);
    let extras = [&extra[..3], &extra[3..]];
    let cases = [
        (&outcome.first.2[0], &outcome.second.2[0], ROWS),
        (&outcome.first.2[1], &outcome.second.2[1], ROWS_STEP),
    ];
    for (first, second, rows) in cases {
        let gradient = [sums(&first.own, &second.theirs), sums(&first.theirs, &second.own)];
        let mut residuals = residuals.clone();
        residuals[rows..].fill(0);
        for (party, matrix) in matrices.iter().enumerate() {
            let vector = [residuals.as_slice(), extras[party]].concat();
            let expected: Vec<u64> = matrix.iter().map(|column| dot(column, &vector)).collect();
            assert_eq!(gradient[party], expected);
        }
    }
}

/// Each direction rounds the last place of a score.
fn is_near(score: u64, expected: u64) -> bool {
    score.wrapping_sub(expected).wrapping_add(2) <= 4
}

const STEPS: [&str; 7] =
    ["shape", "row_hints", "column_hints", "weights", "scores", "residuals", "sums"];

/// Two columns of the first party and one of the second over ten rows: each product once.
async fn program(party: &mut TwoParty) -> Result<(Vec<u64>, Blocks), MpcError> {
    let (own, theirs) = if party.is_first() { (2, 1) } else { (1, 2) };
    let columns: Vec<Vec<i32>> =
        (0..own).map(|column| (0..10 + own).map(|row| row * (column + 2) - 9).collect()).collect();
    let geometry = Geometry::agree(party, 10, columns.len(), 9).await?;
    let product = SharedProduct::prepare(party, &geometry, &columns).await?;
    let blocks = Blocks { own: vec![3; own as usize], theirs: vec![4; theirs] };
    let mut scores = product.forward(party, std::slice::from_ref(&blocks), 10).await?;
    let mut sums = product.backward(party, &[(&[5; 10], &blocks)]).await?;
    Ok((scores.remove(0), sums.remove(0)))
}

#[test]
fn known_answer() {
    let outcome = both_dealt(1, program);
    let (first, second) = (outcome.first.unwrap(), outcome.second.unwrap());
    // Row 0 holds -9 in all three columns, each with the weight 3 + 4.
    assert!(is_near(sums(&first.0, &second.0)[0], (-9_i64 * 3 * 7) as u64));
    // Its rows -9, -7, … 9 sum up to 0; the penalty's row is 11.
    assert_eq!(sums(&second.1.own, &first.1.theirs)[0] as i64, 7 * 11);
    assert_eq!(
        outcome.transcript.hash(),
        "c175743745110825098c6d296cca740ce8cf6469b6379b3dde4afb211f693d72"
    );
}

#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    const HINT: u64 = 116 * 1024;
    let transcript = both_dealt(2, program).transcript;
    // The first party's two columns travel in one element of the second party's query.
    for (side, own, theirs) in [(Side::First, 2, 1), (Side::Second, 1, 2)] {
        let bytes = STEPS.map(|step| transcript.bytes_of(side, step));
        let rows = 10_u64;
        let expected = [
            48,
            HINT,
            own * HINT,
            2 * ELEMENT,
            rows * 8,
            HINT + ((rows + theirs) * 150).div_ceil(8),
            own * 14,
        ];
        assert_eq!(bytes, expected);
    }
    assert_eq!(transcript.rounds(), 7);
}

/// Other residues of the right form cannot be seen.
#[test]
fn tampered() {
    sweep(&STEPS, program);
}

#[test]
fn tampered_shape_is_named() {
    let outcome = both_dealt(3, async |party| {
        let rows = if party.is_first() { 10 } else { 11 };
        Geometry::agree(party, rows, 1, 1).await.err().map(|error| error.to_string())
    });
    for text in [outcome.first.unwrap(), outcome.second.unwrap()] {
        assert!(text.contains("same rows"), "{text}");
    }
}

#[test]
fn peer_drops() {
    assert_drop_is_noticed("row_hints", program);
    assert_drop_is_noticed("sums", program);
}
