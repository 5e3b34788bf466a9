//! Errors of a numeric prediction.

use super::{EvaluateError, check_scores, check_weights, weight_of};
use serde::Serialize;

/// How far numeric predictions are from what happened.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RegressionErrors {
    /// Number of rows.
    pub rows: usize,
    /// Root of the mean squared error, in the unit of the target.
    pub rmse: f64,
    /// Mean absolute error, in the unit of the target.
    pub mae: f64,
    /// Mean of prediction minus target, in the unit of the target.
    pub bias: f64,
    /// Coefficient of determination: 1 − squared error / squared distance from the mean. 1 is
    /// perfect, 0 is as good as the mean; none where all targets are equal.
    pub r2: Option<f64>,
}

/// Errors of `predictions` against `targets`, each weighted by `weights` where given.
///
/// # Errors
///
/// No rows, unequal lengths, a number that is not finite, an invalid weight, or only weights of 0.
pub fn regression(
    predictions: &[f64],
    targets: &[f64],
    weights: Option<&[f64]>,
) -> Result<RegressionErrors, EvaluateError> {
    if predictions.is_empty() {
        return Err(EvaluateError::NoRows);
    }
    if targets.len() != predictions.len() {
        let (scores, other) = (predictions.len(), targets.len());
        return Err(EvaluateError::LengthsDiffer { scores, what: "targets", other });
    }
    check_scores(predictions)?;
    check_scores(targets)?;
    check_weights(predictions.len(), weights)?;

    let mean = |value: &dyn Fn(usize) -> f64| {
        let (mut sum, mut total) = (0.0, 0.0);
        for row in 0..predictions.len() {
            let weight = weight_of(weights, row);
            sum += weight * value(row);
            total += weight;
        }
        sum / total
    };
    let target_mean = mean(&|row| targets[row]);
    if target_mean.is_nan() {
        return Err(EvaluateError::NoRows);
    }
    let squared = mean(&|row| (predictions[row] - targets[row]).powi(2));
    let variance = mean(&|row| (targets[row] - target_mean).powi(2));
    Ok(RegressionErrors {
        rows: predictions.len(),
        rmse: squared.sqrt(),
        mae: mean(&|row| (predictions[row] - targets[row]).abs()),
        bias: mean(&|row| predictions[row] - targets[row]),
        r2: (variance > 0.0).then(|| 1.0 - squared / variance),
    })
}
