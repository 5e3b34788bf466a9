//! Logistic regression on pooled plaintext: the optimum that joint training is measured against.
//!
//! Minimises mean weighted log-loss + l2/2·‖w‖² + l1·‖w‖₁ over intercept b and weights w, the
//! intercept free of penalty: Newton's method (iteratively reweighted least squares) with a line
//! search, and with l1 > 0 proximal Newton, whose inner problem is solved by coordinate descent.
//! It stops when no direction is left to go: the norm of the smallest subgradient is at most
//! `gradient_tolerance`. Sources: Nelder and Wedderburn, "Generalized Linear Models", 1972; Lee,
//! Sun and Saunders, "Proximal Newton-type methods for minimizing composite functions", 2014;
//! Friedman, Hastie and Tibshirani, "Regularization Paths for Generalized Linear Models via
//! Coordinate Descent", 2010.

mod descent;
mod linear_system;
mod objective;

use objective::{Objective, Point};
use serde::{Deserialize, Serialize};

/// Penalties and when to stop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Weight of the squared norm, finite and at least 0.
    pub l2: f64,
    /// Weight of the absolute norm, finite and at least 0.
    pub l1: f64,
    /// Norm of the subgradient at which the optimum counts as reached, above 0.
    pub gradient_tolerance: f64,
    /// Largest number of Newton steps, at least 1.
    pub steps_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { l2: 0.0, l1: 0.0, gradient_tolerance: 1e-8, steps_max: 100 }
    }
}

/// A fitted model, and how it was reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Log-odds where all features are 0.
    pub intercept: f64,
    /// Change of the log-odds per unit of each feature.
    pub weights: Vec<f64>,
    /// The objective at the optimum, in nats per row.
    pub objective: f64,
    /// The mean log-loss alone, in nats per row.
    pub loss: f64,
    /// Norm of the smallest subgradient that was reached.
    pub gradient_norm: f64,
    /// Newton steps that were made.
    pub steps: usize,
}

/// Standard errors of a fit, from the inverse of the Hessian of the objective times total weight.
///
/// With l2 = 0 they are the usual (Wald) ones; with l2 > 0 they are too small by what the penalty
/// adds to the Hessian (they describe the posterior under the penalty as a prior).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandardErrors {
    /// Of the intercept.
    pub intercept: f64,
    /// Of each weight.
    pub weights: Vec<f64>,
}

/// Why no model could be fitted. Each is a fault of the data or settings handed in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to fit on.
    #[error("there are no training rows; check the split, it left the training part empty")]
    NoRows,
    /// Columns that belong together differ in length.
    #[error("{what} has {got} rows where there are {rows} labels")]
    LengthsDiffer {
        /// What has the wrong length, such as "feature 3".
        what: String,
        /// Its rows.
        got: usize,
        /// Number of labels.
        rows: usize,
    },
    /// A value that is not allowed: a feature that is not finite, a label other than 0 and 1, a
    /// weight below 0.
    #[error("{what} is {value} at row {row}; it must be {expected}")]
    Value {
        /// What holds the value.
        what: String,
        /// The value, as text.
        value: String,
        /// Row, counted from 0.
        row: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// All rows (with a weight above 0) have the same label.
    #[error("all training rows have the same label; a model needs both classes")]
    OneClass,
    /// A setting is out of its range.
    #[error("the setting {name} is {value}; it must be {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// The optimum is not determined or infinitely far away.
    #[error(
        "no optimum was reached in {steps} steps (gradient norm {gradient_norm:e}): features \
         determine each other or separate the classes perfectly; set l2 above 0"
    )]
    NotReached {
        /// Newton steps that were made.
        steps: usize,
        /// Norm of the smallest subgradient at the end.
        gradient_norm: f64,
    },
}

/// Fits a model.
///
/// `columns` holds one slice per feature with one finite number per row (none fits the intercept
/// alone), `labels` are 0 or 1, `weights` (all 1 where none are given) are finite and at least 0.
/// Without a penalty there is no optimum where the features separate the classes perfectly; that
/// is an error. Where they separate only some rows for certain (a level that is never positive),
/// the weight in question ends where its slope falls under the tolerance, as in other programs.
///
/// The result does not depend on the number of threads. Uses rayon: call it inside
/// `Session::compute`. One step costs rows × features² / 2 multiplications.
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
    check(columns, labels, weights, settings)?;
    let objective = Objective::new(columns, labels, weights, settings)?;
    let mut point = objective.start();
    let mut gradient_norm = objective.subgradient_norm(&point);
    for steps in 0..=settings.steps_max {
        if objective.is_endless(&point) {
            return Err(FitError::NotReached { steps, gradient_norm });
        }
        if gradient_norm <= settings.gradient_tolerance {
            return Ok(fitted(&objective, point, gradient_norm, steps));
        }
        if steps == settings.steps_max {
            break;
        }
        let Some(next) = improved(&objective, &point) else {
            return Err(FitError::NotReached { steps, gradient_norm });
        };
        point = next;
        gradient_norm = objective.subgradient_norm(&point);
    }
    Err(FitError::NotReached { steps: settings.steps_max, gradient_norm })
}

/// The probability of a positive for every row of the columns that a model was fitted on.
///
/// # Errors
///
/// [`FitError::LengthsDiffer`] where columns differ in length or are not as many as weights.
pub fn probabilities(fit: &Fit, columns: &[&[f64]], rows: usize) -> Result<Vec<f64>, FitError> {
    if columns.len() != fit.weights.len() {
        let (what, rows) = ("the list of features".to_owned(), fit.weights.len());
        return Err(FitError::LengthsDiffer { what, got: columns.len(), rows });
    }
    let mut scores = vec![fit.intercept; rows];
    for (place, (column, weight)) in columns.iter().zip(&fit.weights).enumerate() {
        if column.len() != rows {
            let what = format!("feature {place}");
            return Err(FitError::LengthsDiffer { what, got: column.len(), rows });
        }
        scores.iter_mut().zip(*column).for_each(|(score, value)| *score += weight * value);
    }
    for score in &mut scores {
        *score = sigmoid(*score);
    }
    Ok(scores)
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
    check(columns, labels, weights, settings)?;
    if settings.l1 > 0.0 {
        let (name, value, expected) = ("l1", settings.l1, "0 for standard errors");
        return Err(FitError::Setting { name, value, expected });
    }
    if fit.weights.len() != columns.len() {
        let (what, rows) = ("the list of features".to_owned(), fit.weights.len());
        return Err(FitError::LengthsDiffer { what, got: columns.len(), rows });
    }
    let objective = Objective::new(columns, labels, weights, settings)?;
    let coefficients = fit.weights.iter().copied().chain([fit.intercept]).collect();
    let hessian = objective.hessian(&objective.point(coefficients));
    let singular = FitError::NotReached { steps: fit.steps, gradient_norm: fit.gradient_norm };
    let variances = linear_system::inverse_diagonal(hessian).ok_or(singular)?;
    let mut errors: Vec<f64> = variances
        .into_iter()
        .map(|variance| (variance / objective.total_weight()).sqrt())
        .collect();
    let intercept = errors.pop().unwrap_or(f64::NAN);
    Ok(StandardErrors { intercept, weights: errors })
}

/// 1 / (1 + e^−x), without overflow at either end.
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// One step: the Newton direction, then as far along it as makes the objective sink enough.
///
/// None where the quadratic model has no minimum or nothing along the direction is better.
fn improved(objective: &Objective<'_>, point: &Point) -> Option<Point> {
    let direction = descent::direction(objective, point)?;
    // What the quadratic model's linear part promises; the step must bring a share of it
    // (Armijo).
    let promised = objective.promised(point, &direction);
    let here = objective.value(point);
    // Near the optimum the promise drowns in the rounding of the objective itself.
    let rounding = 4.0 * f64::EPSILON * here.abs();
    let mut length = 1.0;
    for _ in 0..40 {
        let moved = point.coefficients.iter().zip(&direction);
        let next = objective.point(moved.map(|(at, toward)| at + length * toward).collect());
        if objective.value(&next) <= here + 1e-4 * length * promised + rounding {
            return Some(next);
        }
        length /= 2.0;
    }
    None
}

/// The result at the optimum.
fn fitted(objective: &Objective<'_>, point: Point, gradient_norm: f64, steps: usize) -> Fit {
    let (loss, value) = (point.loss, objective.value(&point));
    let mut weights = point.coefficients;
    let intercept = weights.pop().unwrap_or(0.0);
    Fit { intercept, weights, objective: value, loss, gradient_norm, steps }
}

/// Checks everything that the arithmetic relies on.
fn check(
    columns: &[&[f64]],
    labels: &[u8],
    weights: Option<&[f64]>,
    settings: Settings,
) -> Result<(), FitError> {
    let rows = labels.len();
    if rows == 0 {
        return Err(FitError::NoRows);
    }
    let features =
        columns.iter().enumerate().map(|(place, column)| (format!("feature {place}"), *column));
    for (what, column) in features.chain(weights.map(|weights| ("the weight".to_owned(), weights)))
    {
        if column.len() != rows {
            return Err(FitError::LengthsDiffer { what, got: column.len(), rows });
        }
        if let Some(row) = column.iter().position(|value| !value.is_finite()) {
            let (value, expected) = (column[row].to_string(), "a finite number");
            return Err(FitError::Value { what, value, row, expected });
        }
    }
    if let Some(weights) = weights
        && let Some(row) = weights.iter().position(|weight| *weight < 0.0)
    {
        let (what, value) = ("the weight".to_owned(), weights[row].to_string());
        return Err(FitError::Value { what, value, row, expected: "at least 0" });
    }
    if let Some(row) = labels.iter().position(|label| *label > 1) {
        let (what, value) = ("the label".to_owned(), labels[row].to_string());
        return Err(FitError::Value { what, value, row, expected: "0 or 1" });
    }
    for (name, value, valid, expected) in [
        ("l2", settings.l2, settings.l2 >= 0.0, "a number of at least 0"),
        ("l1", settings.l1, settings.l1 >= 0.0, "a number of at least 0"),
        (
            "gradient tolerance",
            settings.gradient_tolerance,
            settings.gradient_tolerance > 0.0,
            "a number above 0",
        ),
    ] {
        if !(valid && value.is_finite()) {
            return Err(FitError::Setting { name, value, expected });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
