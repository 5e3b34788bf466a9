//! Multinomial logistic regression on pooled plaintext: the optimum that joint training is measured
//! against.
//!
//! Minimises mean weighted log-loss + l2/2·‖w‖² over an intercept and weights for each class, the
//! intercepts free of penalty, by Newton's method with a line search. All classes have coefficients
//! of their own; what does not change any probability (a number added to all classes) is left at a
//! sum of 0. Source: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd
//! edition, 2009, sections 4.4 and 18.3.2.

use features::arithmetic::dot;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::generalized_linear::{FitError, Triangle, solve};
use crate::family::softmax;

/// The rows that a model is fitted on.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// One slice per feature with one finite number per row.
    pub columns: &'a [&'a [f64]],
    /// How many classes there are, at least 2.
    pub classes: usize,
    /// The class of each row, counted from 0; every class occurs.
    pub labels: &'a [u8],
    /// Weights of at least 0; all 1 where none are given.
    pub weights: Option<&'a [f64]>,
}

/// A fitted model, and how it was reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// For each class its score where all features are 0.
    pub intercepts: Vec<f64>,
    /// For each class the change of its score per unit of each feature.
    pub weights: Vec<Vec<f64>>,
    /// Norm of the gradient that was reached.
    pub gradient_norm: f64,
    /// Newton steps that were made.
    pub steps: usize,
}

/// Norm of the gradient at which the optimum counts as reached.
const TOLERANCE: f64 = 1e-9;
/// Largest number of Newton steps.
const STEPS_MAX: usize = 100;
/// Curvature that is added in every direction, so that those without any (a number added to all
/// classes) have a solution, which is 0 along them.
const JITTER: f64 = 1e-10;

/// Fits a model.
///
/// Uses rayon: call it inside `Session::compute`. One step costs about
/// rows × (classes × features)² / 4 multiplications.
///
/// # Errors
/// See [`FitError`].
pub fn fit(data: &Data<'_>, l2: f64) -> Result<Fit, FitError> {
    check(data, l2)?;
    let objective = Objective::new(data, l2);
    let mut point = objective.point(vec![0.0; data.classes * objective.width()]);
    for steps in 0..STEPS_MAX {
        let gradient_norm = dot(&point.gradient, &point.gradient).sqrt();
        if gradient_norm <= TOLERANCE {
            return Ok(objective.fitted(&point, gradient_norm, steps));
        }
        match objective.improved(&point) {
            Some(next) => point = next,
            None => return Err(FitError::NotReached { steps, gradient_norm }),
        }
    }
    let gradient_norm = dot(&point.gradient, &point.gradient).sqrt();
    Err(FitError::NotReached { steps: STEPS_MAX, gradient_norm })
}

/// For each class the probabilities of all rows.
///
/// # Errors
/// [`FitError::LengthsDiffer`] where columns are not as many as weights or of another length.
pub fn probabilities(
    fit: &Fit,
    columns: &[&[f64]],
    rows: usize,
) -> Result<Vec<Vec<f64>>, FitError> {
    let width = fit.weights.first().map_or(0, Vec::len);
    if columns.len() != width || columns.iter().any(|column| column.len() != rows) {
        let what = "the list of features".to_owned();
        return Err(FitError::LengthsDiffer { what, got: columns.len(), rows });
    }
    let parameters = fit.weights.iter().zip(&fit.intercepts);
    let mut scores: Vec<Vec<f64>> = parameters
        .map(|(weights, intercept)| {
            let mut scores = vec![*intercept; rows];
            for (column, weight) in columns.iter().zip(weights) {
                for (score, value) in scores.iter_mut().zip(*column) {
                    *score += weight * value;
                }
            }
            scores
        })
        .collect();
    softmax(&mut scores);
    Ok(scores)
}

struct Objective<'a> {
    data: &'a Data<'a>,
    l2: f64,
    /// Weights by their sum.
    shares: Vec<f64>,
    ones: Vec<f64>,
}

/// Coefficients, class after class, each with its intercept last.
struct Point {
    coefficients: Vec<f64>,
    probabilities: Vec<Vec<f64>>,
    value: f64,
    gradient: Vec<f64>,
}

impl<'a> Objective<'a> {
    fn new(data: &'a Data<'a>, l2: f64) -> Self {
        let rows = data.labels.len();
        let weights = data.weights.map_or_else(|| vec![1.0; rows], <[f64]>::to_vec);
        let total: f64 = weights.iter().sum();
        let shares = weights.into_iter().map(|weight| weight / total).collect();
        Self { data, l2, shares, ones: vec![1.0; rows] }
    }

    /// Coefficients of a class.
    fn width(&self) -> usize {
        self.data.columns.len() + 1
    }

    fn column(&self, index: usize) -> &[f64] {
        self.data.columns.get(index).copied().unwrap_or(&self.ones)
    }

    fn point(&self, coefficients: Vec<f64>) -> Point {
        let (width, rows) = (self.width(), self.shares.len());
        let mut probabilities: Vec<Vec<f64>> = coefficients
            .par_chunks(width)
            .map(|class| {
                let mut scores = vec![0.0; rows];
                for (index, weight) in class.iter().enumerate() {
                    for (score, value) in scores.iter_mut().zip(self.column(index)) {
                        *score += weight * value;
                    }
                }
                scores
            })
            .collect();
        softmax(&mut probabilities);
        let pairs = self.data.labels.iter().zip(&self.shares).enumerate();
        let losses = pairs.map(|(row, (label, share))| {
            -share * probabilities[usize::from(*label)][row].max(f64::MIN_POSITIVE).ln()
        });
        let free = |index: usize| index % width == width - 1;
        let penalised = coefficients.iter().enumerate().filter(|(index, _)| !free(*index));
        let penalty: f64 = penalised.map(|(_, weight)| weight * weight).sum();
        let value = losses.sum::<f64>() + self.l2 / 2.0 * penalty;
        let slope = |index: usize| {
            let (class, column) = (index / width, index % width);
            let penalty = if free(index) { 0.0 } else { self.l2 * coefficients[index] };
            dot(self.column(column), &self.residuals(class, &probabilities[class])) + penalty
        };
        let gradient = (0..coefficients.len()).into_par_iter().map(slope).collect();
        Point { coefficients, probabilities, value, gradient }
    }

    fn residuals(&self, class: usize, probabilities: &[f64]) -> Vec<f64> {
        let rows = probabilities.iter().zip(&self.shares).zip(self.data.labels);
        rows.map(|((probability, share), label)| {
            share * (probability - f64::from(u8::from(usize::from(*label) == class)))
        })
        .collect()
    }

    /// The Hessian with the jitter.
    fn hessian(&self, point: &Point) -> Triangle {
        let width = self.width();
        let size = self.data.classes * width;
        let row = |index: usize| {
            let (class, column) = (index / width, index % width);
            let mut entries = Vec::with_capacity(index + 1);
            for other in 0..=class {
                let (p, q) = (&point.probabilities[class], &point.probabilities[other]);
                let weighted: Vec<f64> = (0..self.shares.len())
                    .map(|row| {
                        let same = if class == other { 1.0 } else { 0.0 };
                        self.shares[row] * p[row] * (same - q[row]) * self.column(column)[row]
                    })
                    .collect();
                let last = if other == class { column } else { width - 1 };
                entries.extend((0..=last).map(|inner| dot(self.column(inner), &weighted)));
            }
            if let Some(diagonal) = entries.last_mut() {
                *diagonal += JITTER + if column == width - 1 { 0.0 } else { self.l2 };
            }
            entries
        };
        let rows: Vec<Vec<f64>> = (0..size).into_par_iter().map(row).collect();
        Triangle { size, entries: rows.concat() }
    }

    /// A Newton step, as long as the objective sinks enough (Armijo); none where nothing is better.
    fn improved(&self, point: &Point) -> Option<Point> {
        let right = point.gradient.iter().map(|slope| -slope).collect();
        let direction = solve(self.hessian(point), right)?;
        let promised = dot(&point.gradient, &direction);
        let rounding = 4.0 * f64::EPSILON * point.value.abs();
        let mut length = 1.0;
        for _ in 0..40 {
            let moved = point.coefficients.iter().zip(&direction);
            let next = self.point(moved.map(|(at, toward)| at + length * toward).collect());
            if next.value <= point.value + 1e-4 * length * promised + rounding {
                return Some(next);
            }
            length /= 2.0;
        }
        None
    }

    fn fitted(&self, point: &Point, gradient_norm: f64, steps: usize) -> Fit {
        let (mut weights, mut intercepts) = (Vec::new(), Vec::new());
        for class in point.coefficients.chunks_exact(self.width()) {
            let (last, first) = class.split_last().unwrap_or((&0.0, &[]));
            weights.push(first.to_vec());
            intercepts.push(*last);
        }
        Fit { intercepts, weights, gradient_norm, steps }
    }
}

fn check(data: &Data<'_>, l2: f64) -> Result<(), FitError> {
    let rows = data.labels.len();
    if rows == 0 {
        return Err(FitError::NoRows);
    }
    let features = data.columns.iter().enumerate();
    let features = features.map(|(place, column)| (format!("feature {place}"), *column));
    let weights = data.weights.map(|weights| ("the weight".to_owned(), weights));
    for (what, column) in features.chain(weights) {
        if column.len() != rows {
            return Err(FitError::LengthsDiffer { what, got: column.len(), rows });
        }
        let expected = "a finite number, of a weight at least 0";
        let is_weight = what == "the weight";
        let is_bad = |value: &f64| !value.is_finite() || (is_weight && *value < 0.0);
        if let Some(row) = column.iter().position(is_bad) {
            return Err(FitError::Value { what, value: column[row].to_string(), row, expected });
        }
    }
    let counts = |class: usize| {
        let of_class = data.labels.iter().enumerate().filter(|(_, it)| usize::from(**it) == class);
        of_class.map(|(row, _)| data.weights.map_or(1.0, |weights| weights[row])).sum::<f64>()
    };
    if data.classes < 2 || (0..data.classes).any(|class| counts(class) <= 0.0) {
        return Err(FitError::OneClass);
    }
    if let Some(row) = data.labels.iter().position(|label| usize::from(*label) >= data.classes) {
        let (what, value) = ("the label".to_owned(), data.labels[row].to_string());
        return Err(FitError::Value { what, value, row, expected: "a class" });
    }
    if !(l2.is_finite() && l2 >= 0.0) {
        let (name, value, expected) = ("l2", l2, "a number of at least 0");
        return Err(FitError::Setting { name, value, expected });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::logistic_regression;

    fn column(step: u32, rows: u32) -> Vec<f64> {
        (0..rows).map(|row| f64::from((row * step + row / 3) % 17) / 5.0 - 1.6).collect()
    }

    /// With two classes the difference of the two is the logistic regression with half the penalty.
    #[test]
    fn two_classes_are_a_logistic_regression() {
        let columns = [column(5, 200), column(7, 200)];
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let labels: Vec<u8> = (0..200_u32)
            .map(|row| u8::from(columns[0][row as usize] > 0.4 || row % 7 == 0))
            .collect();
        let data = Data { columns: &columns, classes: 2, labels: &labels, weights: None };
        let found = fit(&data, 0.1).unwrap();
        let settings = logistic_regression::Settings { l2: 0.05, ..Default::default() };
        let expected = logistic_regression::fit(&columns, &labels, None, settings).unwrap();
        for (index, weight) in expected.weights.iter().enumerate() {
            let difference = found.weights[1][index] - found.weights[0][index];
            assert!((difference - weight).abs() < 1e-6, "{difference} {weight}");
        }
        let difference = found.intercepts[1] - found.intercepts[0];
        assert!((difference - expected.intercept).abs() < 1e-6);
        assert!((found.intercepts[1] + found.intercepts[0]).abs() < 1e-6);
    }

    /// Without features the probabilities are the shares of the classes, by weight.
    #[test]
    fn intercepts_are_the_shares_of_the_classes() {
        let labels = [0, 1, 1, 2, 2, 2];
        let weights = [1.0, 1.0, 1.0, 2.0, 1.0, 0.0];
        let data = Data { columns: &[], classes: 3, labels: &labels, weights: Some(&weights) };
        let found = probabilities(&fit(&data, 0.0).unwrap(), &[], 1).unwrap();
        for (found, expected) in found.iter().zip([1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0]) {
            assert!((found[0] - expected).abs() < 1e-7, "{found:?}");
        }
    }

    #[test]
    fn classes_without_rows_and_labels_beyond_are_named() {
        let of = |classes, labels: &[u8]| {
            fit(&Data { columns: &[], classes, labels, weights: None }, 0.0).unwrap_err()
        };
        assert_eq!(of(3, &[0, 1, 1]), FitError::OneClass);
        assert!(matches!(of(2, &[0, 1, 2]), FitError::Value { row: 2, .. }));
        assert_eq!(of(2, &[]), FitError::NoRows);
    }
}
