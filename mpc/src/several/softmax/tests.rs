use std::f64::consts::SQRT_2;

use world::{Fault, FaultKind, MeshFault, Side, mesh_with_fault};

use super::*;
use crate::several::tests::{all, ready, shares, sums};
use crate::sigmoid::SCORE_UNIT;

const BITS: u32 = 30;

/// Scores of so many classes: near each other, apart, and far out.
fn scores(classes: usize, rows: usize) -> Vec<Vec<f64>> {
    let mut rng = crypto::random::Generator::from_seed([classes as u8; 32]);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    let width = |row: usize| [0.01, 1.0, 5.0, 30.0, 1e5][row % 5];
    let mut of_class = |_| (0..rows).map(|row| 3.0 + width(row) * uniform()).collect();
    (0..classes).map(&mut of_class).collect()
}

fn exact(scores: &[Vec<f64>], row: usize) -> Vec<f64> {
    let largest = scores.iter().map(|scores| scores[row]).fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|scores| (scores[row] - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Factors that the first party knows, or 1.5 for all rows.
fn factor(own: bool, row: usize) -> f64 {
    if own { (row % 9) as f64 * 0.5 } else { 1.5 }
}

fn fixed(factor: f64) -> i64 {
    (factor * f64::from(1 << FACTOR_BITS)).round() as i64
}

/// The largest error in units of what is stated, with six deviations of the rounding.
fn worst(count: usize, classes: usize, own: bool) -> f64 {
    const ROWS: usize = 60;
    let scores = scores(classes, ROWS);
    let words = |scores: &Vec<f64>| -> Vec<u64> {
        scores.iter().map(|score| (score * SCORE_UNIT).round() as i64 as u64).collect()
    };
    let shared: Vec<Vec<Vec<u64>>> = (1..)
        .zip(&scores)
        .map(|(seed, scores)| shares(seed, count, &words(scores), 1 << 64))
        .collect();
    let own_factors: Vec<i64> = (0..ROWS).map(|row| fixed(factor(own, row))).collect();
    let outcome = all(3, count, async |parties| {
        let mine: Vec<Vec<u64>> =
            shared.iter().map(|of_class| of_class[parties.number()].clone()).collect();
        let factors = match (own, parties.is_first()) {
            (false, _) => Factors::Even(own_factors[0]),
            (true, true) => Factors::Own(&own_factors),
            (true, false) => Factors::Theirs,
        };
        let softmax = Softmax::prepare(parties).await.unwrap();
        softmax.evaluate(parties, &mine, factors, BITS).await.unwrap()
    });
    let sum = |class: usize| {
        sums(&outcome.results.iter().map(|it| it[class].as_slice()).collect::<Vec<_>>())
    };
    let found: Vec<Vec<u64>> = (0..classes).map(sum).collect();
    let error = |row: usize| {
        let factor = factor(own, row);
        let of_class = |(found, exact): (&Vec<u64>, f64)| {
            let value = found[row] as i64 as f64 / f64::from(1 << BITS);
            let rounding = SQRT_2 * deviation(count) * factor * exact;
            let stated = (classes + 3) as f64 * 1e-5 * factor.max(1.0) + 6.0 * rounding;
            (value - factor * exact).abs() / stated
        };
        found.iter().zip(exact(&scores, row)).map(of_class).fold(0.0, f64::max)
    };
    (0..ROWS).map(error).fold(0.0, f64::max)
}

#[test]
fn correct() {
    for (count, classes, own) in [(3, 3, true), (4, 5, false)] {
        let worst = worst(count, classes, own);
        assert!(worst < 1.0, "{count} parties, {classes} classes: {worst}");
    }
}

/// Three classes of four rows.
async fn program(parties: &mut Parties) -> Result<Vec<Vec<u64>>, MpcError> {
    let score = |class: u64| vec![parties.share_of_public(class * SCORE_UNIT as u64); 4];
    let scores: Vec<Vec<u64>> = (0..3).map(score).collect();
    let softmax = Softmax::prepare(parties).await?;
    softmax.evaluate(parties, &scores, Factors::Even(fixed(1.0)), BITS).await
}

#[test]
fn known_answer() {
    let outcome = all(1, 3, program);
    let last: Vec<&[u64]> =
        outcome.results.iter().map(|it| it.as_ref().unwrap()[2].as_slice()).collect();
    let found = sums(&last)[0] as f64 / f64::from(1 << BITS);
    assert!((found - 0.665_241).abs() < 1e-4, "{found}");
    assert_eq!(outcome.hash(), "e49f84769fa063ae649d9b5fbb1f8b5a66e9861193a9c6bc8666209c1d68f0f9");
}

#[test]
fn cost() {
    const ELEMENT: u64 = 150 * 1024;
    let outcome = all(2, 3, program);
    for ((first, second), transcript) in &outcome.transcripts {
        // Three vectors of exponentials share slots.
        let (query, from) =
            if *first == 0 { ("exponentials", Side::First) } else { ("factors", Side::Second) };
        let bytes = transcript.bytes_of(from, query);
        assert_eq!(bytes, 2 * (32 + ELEMENT), "{first} {second}");
    }
}

#[test]
fn tampered() {
    for step in ["factors", "correlations"] {
        let kind = FaultKind::replace(|bytes| bytes[1..].to_vec());
        let fault = Fault { path_step: step.to_owned(), occurrence: 0, kind, from: Side::Second };
        let role = async |_, sessions| program(&mut ready(sessions)).await;
        let outcome = mesh_with_fault(5, 3, MeshFault { between: (1, 2), fault }, role);
        let text = outcome.results[1].as_ref().unwrap_err().to_string();
        assert!(text.contains(&format!("party.2 misbehaved at step {step}")), "{text}");
    }
}

#[test]
fn peer_drops() {
    let (path_step, kind) = ("factors".to_owned(), FaultKind::Close);
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::Second };
    let role = async |_, sessions| program(&mut ready(sessions)).await;
    let outcome = mesh_with_fault(6, 3, MeshFault { between: (1, 2), fault }, role);
    for result in &outcome.results[1..] {
        assert!(matches!(result, Err(MpcError::Net(_))), "{result:?}");
    }
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let outcome = all(5, 3, async |parties| {
        let softmax = Softmax::prepare(parties).await.unwrap();
        let two = [vec![1], vec![2]];
        [
            softmax.evaluate(parties, &[vec![1]], Factors::Even(fixed(1.0)), 20).await.err(),
            softmax.evaluate(parties, &two, Factors::Even(fixed(5.0)), 20).await.err(),
            softmax.evaluate(parties, &two, Factors::Even(fixed(1.0)), 39).await.err(),
        ]
    });
    for error in outcome.results.into_iter().flatten() {
        assert!(matches!(error, Some(MpcError::InvalidInput(_))), "{error:?}");
    }
}
