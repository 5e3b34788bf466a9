//! Generalised linear models on pooled plaintext: the optimum that joint training is measured
//! against.
//!
//! Minimises mean weighted loss + l2/2·‖w‖² + l1·‖w‖₁ over intercept b and weights w, the intercept
//! free of penalty, where the loss is the family's (see [`Family`]): Newton's method with a line
//! search, and with l1 > 0 proximal Newton, whose inner problem is solved by coordinate descent. It
//! stops when no direction is left to go: the norm of the smallest subgradient is at most
//! `gradient_tolerance`. Sources: Nelder and Wedderburn, "Generalized Linear Models", 1972; Lee,
//! Sun and Saunders, "Proximal Newton-type methods for minimizing composite functions", 2014;
//! Friedman, Hastie and Tibshirani, "Regularization Paths for Generalized Linear Models via
//! Coordinate Descent", 2010.

mod descent;
mod levels;
pub(in crate::local) mod linear_system;
pub(in crate::local) mod objective;

pub use levels::{LevelsFit, fit_with_levels};
pub(super) use linear_system::solve;
pub(super) use objective::Triangle;
use objective::{Objective, Point};
use serde::{Deserialize, Serialize};

use crate::family::Family;

/// The rows that a model is fitted on.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// One slice per feature with one finite number per row; none fits the intercept alone.
    pub columns: &'a [&'a [f64]],
    /// What is to be predicted, one for each row, within what the family allows.
    pub targets: &'a [f64],
    /// Weights of at least 0; all 1 where none are given.
    pub weights: Option<&'a [f64]>,
    /// Known parts of the linear predictor, such as the logarithm of an exposure; 0 where none are
    /// given.
    pub offsets: Option<&'a [f64]>,
}

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
    /// Linear predictor where all features are 0.
    pub intercept: f64,
    /// Change of the linear predictor per unit of each feature.
    pub weights: Vec<f64>,
    /// The objective at the optimum.
    pub objective: f64,
    /// The mean loss alone.
    pub loss: f64,
    /// Norm of the smallest subgradient that was reached.
    pub gradient_norm: f64,
    /// Newton steps that were made.
    pub steps: usize,
}

/// Standard errors of a fit, from the inverse of the expected Hessian of the objective times total
/// weight, and for families with a dispersion times its root.
///
/// With l2 = 0 they are the usual (Wald) ones; with l2 > 0 they are too small by what the penalty
/// adds to the Hessian (they describe the posterior under the penalty as a prior).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandardErrors {
    /// Of the intercept.
    pub intercept: f64,
    /// Of each weight.
    pub weights: Vec<f64>,
    /// The dispersion of the family: squared residuals in units of the variance, by degrees of
    /// freedom; 1 for families without one.
    pub dispersion: f64,
}

/// Why no model could be fitted. Each is a fault of the data or settings handed in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to fit on.
    #[error("there are no training rows; check the split, it left the training part empty")]
    NoRows,
    /// Columns that belong together differ in length.
    #[error("{what} has {got} rows where there are {rows} targets")]
    LengthsDiffer {
        /// What has the wrong length, such as "feature 3".
        what: String,
        /// Its rows.
        got: usize,
        /// Number of targets.
        rows: usize,
    },
    /// A value that is not allowed: a feature that is not finite, a target that the family
    /// excludes, a weight below 0.
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
    /// All rows (with a weight above 0) have the target 0, whose logarithm is infinite.
    #[error("all training rows have the target 0; a model with a logarithm needs others")]
    AllZero,
    /// Every degree of freedom is used up, so that nothing is left to tell errors from.
    #[error("{rows} rows leave no degrees of freedom beside {features} features and an intercept")]
    NoFreedom {
        /// Rows with a weight above 0.
        rows: usize,
        /// Number of features.
        features: usize,
    },
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
/// Without a penalty there is no optimum where the features separate the classes of a binomial
/// family perfectly; that is an error. Where they separate only some rows for certain (a level that
/// is never positive), the weight in question ends where its slope falls under the tolerance, as in
/// other programs.
///
/// The result does not depend on the number of threads. Uses rayon: call it inside
/// `Session::compute`. One step costs rows × features² / 2 multiplications.
///
/// # Errors
///
/// See [`FitError`].
pub fn fit(data: &Data<'_>, family: Family, settings: Settings) -> Result<Fit, FitError> {
    check(data, family, settings)?;
    let objective = Objective::new(*data, family, settings)?;
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

/// The linear predictor of every row of the columns that a model was fitted on, offsets excluded.
///
/// # Errors
///
/// [`FitError::LengthsDiffer`] where columns differ in length or are not as many as weights.
pub fn predictors(fit: &Fit, columns: &[&[f64]], rows: usize) -> Result<Vec<f64>, FitError> {
    check_width(fit, columns)?;
    let mut predictors = vec![fit.intercept; rows];
    for (place, (column, weight)) in columns.iter().zip(&fit.weights).enumerate() {
        if column.len() != rows {
            let what = format!("feature {place}");
            return Err(FitError::LengthsDiffer { what, got: column.len(), rows });
        }
        let pairs = predictors.iter_mut().zip(*column);
        pairs.for_each(|(predictor, value)| *predictor += weight * value);
    }
    Ok(predictors)
}

/// Standard errors of a model fitted with these arguments and without l1 penalty.
///
/// # Errors
///
/// Those of [`fit`]; [`FitError::Setting`] with an l1 penalty, under which the usual theory does
/// not hold; [`FitError::NoFreedom`] if a dispersion has too few rows.
pub fn standard_errors(
    fit: &Fit,
    data: &Data<'_>,
    family: Family,
    settings: Settings,
) -> Result<StandardErrors, FitError> {
    check(data, family, settings)?;
    if settings.l1 > 0.0 {
        let (name, value, expected) = ("l1", settings.l1, "0 for standard errors");
        return Err(FitError::Setting { name, value, expected });
    }
    check_width(fit, data.columns)?;
    let objective = Objective::new(*data, family, settings)?;
    let coefficients = fit.weights.iter().copied().chain([fit.intercept]).collect();
    let point = objective.point(coefficients);
    let singular = FitError::NotReached { steps: fit.steps, gradient_norm: fit.gradient_norm };
    let information = objective.information(&point);
    let variances = linear_system::inverse_diagonal(information).ok_or(singular)?;
    let dispersion = if family.has_dispersion() {
        let features = data.columns.len();
        let counts = |weights: &[f64]| weights.iter().filter(|weight| **weight > 0.0).count();
        let rows = data.weights.map_or(data.targets.len(), counts);
        let freedom = rows.checked_sub(features + 1).filter(|freedom| *freedom > 0);
        let freedom = freedom.ok_or(FitError::NoFreedom { rows, features })?;
        objective.squared_residuals(&point) / freedom as f64
    } else {
        1.0
    };
    let mut errors: Vec<f64> = variances
        .into_iter()
        .map(|variance| (variance * dispersion / objective.total_weight()).sqrt())
        .collect();
    let intercept = errors.pop().unwrap_or(f64::NAN);
    Ok(StandardErrors { intercept, weights: errors, dispersion })
}

fn check_width(fit: &Fit, columns: &[&[f64]]) -> Result<(), FitError> {
    if columns.len() == fit.weights.len() {
        return Ok(());
    }
    let (what, rows) = ("the list of features".to_owned(), fit.weights.len());
    Err(FitError::LengthsDiffer { what, got: columns.len(), rows })
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
fn check(data: &Data<'_>, family: Family, settings: Settings) -> Result<(), FitError> {
    let rows = data.targets.len();
    if rows == 0 {
        return Err(FitError::NoRows);
    }
    let features = data.columns.iter().enumerate();
    let features = features.map(|(place, column)| (format!("feature {place}"), *column));
    let further = [("the weight", data.weights), ("the offset", data.offsets)];
    let further = further.into_iter().filter_map(|(what, column)| Some((what.to_owned(), column?)));
    for (what, column) in features.chain(further) {
        if column.len() != rows {
            return Err(FitError::LengthsDiffer { what, got: column.len(), rows });
        }
        if let Some(row) = column.iter().position(|value| !value.is_finite()) {
            let (value, expected) = (column[row].to_string(), "a finite number");
            return Err(FitError::Value { what, value, row, expected });
        }
    }
    if let Some(weights) = data.weights
        && let Some(row) = weights.iter().position(|weight| *weight < 0.0)
    {
        let (what, value) = ("the weight".to_owned(), weights[row].to_string());
        return Err(FitError::Value { what, value, row, expected: "at least 0" });
    }
    if let Some(row) = data.targets.iter().position(|target| !family.allows(*target).1) {
        let (what, value) = ("the target".to_owned(), data.targets[row].to_string());
        return Err(FitError::Value { what, value, row, expected: family.allows(0.0).0 });
    }
    if let Family::Tweedie { power } = family
        && !(power > 1.0 && power < 2.0)
    {
        let (name, value, expected) = ("power", power, "between 1 and 2");
        return Err(FitError::Setting { name, value, expected });
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
