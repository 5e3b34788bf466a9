//! Errors of a numeric prediction.

use super::{EvaluateError, check_scores, check_weights, weight_of};
use crate::family::Family;
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

/// Everything about one numeric prediction of a model with a family.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NumericEvaluation {
    /// How far predictions are from what happened.
    #[serde(flatten)]
    pub errors: RegressionErrors,
    /// Mean unit deviance of the family: twice what training minimises, up to a constant.
    pub deviance: f64,
    /// 1 − deviance / deviance of the mean (D²): 1 is perfect, 0 is as good as the mean; none where
    /// all targets are equal.
    pub d2: Option<f64>,
}

/// What the partner's data add to a numeric prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NumericComparison {
    /// The model on the guest's own features.
    pub guest_alone: NumericEvaluation,
    /// The model on both parties' features.
    pub joint: NumericEvaluation,
}

impl NumericEvaluation {
    /// Evaluates `predictions` against `targets`, each weighted by `weights` where given.
    ///
    /// # Errors
    ///
    /// Those of [`regression`].
    pub fn new(
        predictions: &[f64],
        targets: &[f64],
        weights: Option<&[f64]>,
        family: Family,
    ) -> Result<Self, EvaluateError> {
        let errors = regression(predictions, targets, weights)?;
        let rows = 0..targets.len();
        let total: f64 = rows.clone().map(|row| weight_of(weights, row)).sum();
        let mean = |value: &dyn Fn(usize) -> f64| {
            rows.clone().map(|row| weight_of(weights, row) * value(row)).sum::<f64>() / total
        };
        let target_mean = mean(&|row| targets[row]);
        let deviance = mean(&|row| family.deviance(targets[row], predictions[row]));
        let spread = mean(&|row| family.deviance(targets[row], target_mean));
        Ok(Self { errors, deviance, d2: (spread > 0.0).then(|| 1.0 - deviance / spread) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: scikit-learn 1.9, `mean_poisson_deviance` and `d2_tweedie_score(power=1)`.
    #[test]
    fn deviances_agree_with_scikit_learn() {
        let (predictions, targets) = ([0.5, 1.0, 2.5, 4.0], [0.0, 1.0, 3.0, 5.0]);
        let found = NumericEvaluation::new(&predictions, &targets, None, Family::Poisson).unwrap();
        assert!((found.deviance - POISSON_DEVIANCE).abs() < 1e-12, "{found:?}");
        assert!((found.d2.unwrap() - POISSON_D2).abs() < 1e-12, "{found:?}");
        let found = NumericEvaluation::new(&predictions, &targets, None, Family::Gaussian).unwrap();
        assert!((found.deviance - found.errors.rmse.powi(2)).abs() < 1e-12);
        assert!((found.d2.unwrap() - found.errors.r2.unwrap()).abs() < 1e-12);
    }

    const POISSON_DEVIANCE: f64 = 0.331_341_213_476_456_2;
    const POISSON_D2: f64 = 0.836_158_458_067_376_2;
}
