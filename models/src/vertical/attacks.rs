//! What the tests of known attacks measure with: an attacker's success, and what chance gives.
//!
//! Each attack is one statistic with a fixed seed. Four standard deviations are allowed on what
//! strict training gives to a party, and the same statistic must reach 0.9 where the value is open,
//! so that the test can fail.

use crate::evaluate::{Ranking, discrimination};

/// AUC of an attacker's guess of the label, either way round.
pub(in crate::vertical) fn advantage(guess: &[f64], labels: &[u8]) -> f64 {
    let auc = discrimination::auc(&Ranking::new(guess, labels, None).unwrap());
    auc.max(1.0 - auc)
}

/// One half and four standard deviations of the AUC of a random guess (Hanley and `McNeil`,
/// Radiology 143, 1982: the variance under the null of the Mann-Whitney statistic).
pub(in crate::vertical) fn chance(labels: &[u8]) -> f64 {
    let positives: f64 = labels.iter().map(|label| f64::from(*label)).sum();
    let negatives = labels.len() as f64 - positives;
    let variance = (positives + negatives + 1.0) / (12.0 * positives * negatives);
    0.5 + 4.0 * variance.sqrt()
}

/// The magnitude of the correlation of an attacker's guess with the truth.
pub(in crate::vertical) fn correlation(guess: &[f64], truth: &[f64]) -> f64 {
    let centred = |values: &[f64]| -> Vec<f64> {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|value| value - mean).collect()
    };
    let (guess, truth) = (centred(guess), centred(truth));
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    inner(&guess, &truth).abs() / (inner(&guess, &guess) * inner(&truth, &truth)).sqrt()
}

/// Four standard deviations of the correlation with a random guess of so many values.
pub(in crate::vertical) fn chance_correlation(values: usize) -> f64 {
    4.0 / (values as f64 - 1.0).sqrt()
}
