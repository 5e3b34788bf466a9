//! Logistic regression on pooled plaintext: the optimum that joint training is measured against.
//!
//! The binomial family of [`generalized_linear`](super::generalized_linear), with labels 0 and 1.

pub use super::generalized_linear::{Fit, FitError, LevelsFit, Settings, StandardErrors};
pub use crate::family::sigmoid;

use super::generalized_linear::{self, Data};
use crate::ModelError;
use crate::family::Family;
use crate::levels::LevelColumns;

/// The largest curvature of a row's loss.
const CURVATURE: f64 = 0.25;

/// Fits a model.
///
/// `columns` holds one slice per feature with one finite number per row (none fits the intercept
/// alone), `labels` are 0 or 1, `weights` (all 1 where none are given) are finite and at least 0.
/// See [`generalized_linear::fit`].
///
/// # Errors
///
/// See [`FitError`].
pub fn fit(
    columns: &[&[f64]],
    labels: &[u8],
    weights: Option<&[f64]>,
    settings: Settings,
) -> Result<Fit, FitError> {
    let targets = targets(labels);
    let data = Data { columns, targets: &targets, weights, offsets: None };
    generalized_linear::fit(&data, Family::Binomial, settings)
}

/// [`fit`] with categories of very many levels besides plain columns, and without l1 penalty.
///
/// # Errors
///
/// See [`generalized_linear::fit_with_levels`].
pub fn fit_with_levels(
    columns: &[&[f64]],
    levels: LevelColumns<'_>,
    labels: &[u8],
    weights: Option<&[f64]>,
    l2: f64,
) -> Result<LevelsFit, ModelError> {
    let targets = targets(labels);
    let data = Data { columns, targets: &targets, weights, offsets: None };
    generalized_linear::fit_with_levels(&data, (levels, CURVATURE), Family::Binomial, l2)
}

/// The probability of a positive for every row of the columns that a model was fitted on.
///
/// # Errors
///
/// [`FitError::LengthsDiffer`] where columns differ in length or are not as many as weights.
pub fn probabilities(fit: &Fit, columns: &[&[f64]], rows: usize) -> Result<Vec<f64>, FitError> {
    let predictors = generalized_linear::predictors(fit, columns, rows)?;
    Ok(predictors.into_iter().map(sigmoid).collect())
}

/// Standard errors of a model fitted with these arguments and without l1 penalty.
///
/// # Errors
///
/// Those of [`fit`]; [`FitError::Setting`] with an l1 penalty, under which the usual theory does
/// not hold.
pub fn standard_errors(
    fit: &Fit,
    columns: &[&[f64]],
    labels: &[u8],
    weights: Option<&[f64]>,
    settings: Settings,
) -> Result<StandardErrors, FitError> {
    let targets = targets(labels);
    let data = Data { columns, targets: &targets, weights, offsets: None };
    generalized_linear::standard_errors(fit, &data, Family::Binomial, settings)
}

fn targets(labels: &[u8]) -> Vec<f64> {
    labels.iter().map(|label| f64::from(*label)).collect()
}

#[cfg(test)]
mod tests;
