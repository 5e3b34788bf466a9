use super::*;
use crate::test_support::{both, shares, sums};

/// Every kind of score: dense around 0, around the saturation on both sides, and far out.
fn scores() -> Vec<f64> {
    let near = (-1000..1000).map(|step| f64::from(step) * 0.0071);
    let edge = (-400..400).map(|step| 12.6 + f64::from(step) * 0.001);
    let far = [20.0, 24.9, 25.0, 25.1, 37.5, 50.0, 62.5, 99.0, 1e3, 1e5, 1.6e6];
    let positive: Vec<f64> = edge.chain(far).collect();
    near.chain(positive.iter().copied()).chain(positive.iter().map(|score| -score)).collect()
}

#[test]
fn correct() {
    let scores = scores();
    let values: Vec<u64> =
        scores.iter().map(|score| (score * SCORE_UNIT).round() as i64 as u64).collect();
    let scales: Vec<f64> = (0..scores.len()).map(|row| (row % 9) as f64 * 0.5).collect();
    let (first, second) = shares(1, &values);
    let outcome = both(2, async |party| {
        let sigmoid = Sigmoid::prepare(party).await.unwrap();
        let mine = if party.is_first() { &first } else { &second };
        sigmoid.evaluate(party, mine, &scales, 28).await.unwrap()
    });
    let results = sums(&outcome.first, &outcome.second);
    let mut worst = 0.0_f64;
    for ((result, score), scale) in results.iter().zip(&scores).zip(&scales) {
        let value = *result as i64 as f64 / f64::from(1 << 28);
        let error = (value - scale / (1.0 + (-score).exp())).abs();
        worst = worst.max(error / scale.max(1.0));
    }
    assert!(worst < 1e-5, "largest error {worst:e}");
}
