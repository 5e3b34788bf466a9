//! The objective, its gradient and its Hessian.

use super::{FitError, Settings, sigmoid};
use features::arithmetic::dot;
use rayon::prelude::*;

/// Rows that a task of the Hessian goes through: a fixed number, so that sums do not depend on how
/// many threads there are.
const TASK_ROWS: usize = 16_384;

/// Rows whose scaled features a task keeps at a time: they stay in the cache.
const BLOCK_ROWS: usize = 256;

/// The problem with its data; coefficients are the weights followed by the intercept.
pub(super) struct Objective<'a> {
    columns: &'a [&'a [f64]],
    labels: &'a [u8],
    weights: Option<&'a [f64]>,
    total_weight: f64,
    settings: Settings,
}

/// Coefficients and what follows from them for every row.
pub(super) struct Point {
    pub(super) coefficients: Vec<f64>,
    /// Probability of a positive, per row.
    probabilities: Vec<f64>,
    /// Mean weighted log-loss.
    pub(super) loss: f64,
    /// Gradient of the smooth part: loss and l2 penalty.
    pub(super) gradient: Vec<f64>,
}

/// The lower triangle of a symmetric matrix, row by row: row i holds i + 1 entries.
pub(super) struct Triangle {
    pub(super) size: usize,
    pub(super) entries: Vec<f64>,
}

impl Triangle {
    fn zeros(size: usize) -> Self {
        Self { size, entries: vec![0.0; size * (size + 1) / 2] }
    }

    /// Row i up to the diagonal.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.entries[row * (row + 1) / 2..][..=row]
    }

    /// The entry of two places in either order.
    pub(super) fn at(&self, first: usize, second: usize) -> f64 {
        let (low, high) = if first < second { (first, second) } else { (second, first) };
        self.entries[high * (high + 1) / 2 + low]
    }
}

impl<'a> Objective<'a> {
    /// Collects checked data.
    pub(super) fn new(
        columns: &'a [&'a [f64]],
        labels: &'a [u8],
        weights: Option<&'a [f64]>,
        settings: Settings,
    ) -> Result<Self, FitError> {
        let total_weight = weights.map_or(labels.len() as f64, |weights| weights.iter().sum());
        let objective = Self { columns, labels, weights, total_weight, settings };
        let positives = objective.positive_weight();
        if positives > 0.0 && positives < total_weight {
            Ok(objective)
        } else {
            Err(FitError::OneClass)
        }
    }

    /// Sum of the weights.
    pub(super) fn total_weight(&self) -> f64 {
        self.total_weight
    }

    pub(super) fn l1(&self) -> f64 {
        self.settings.l1
    }

    /// Where to start: weights 0, the intercept at the log-odds of the base rate.
    pub(super) fn start(&self) -> Point {
        let positives = self.positive_weight();
        let intercept = (positives / (self.total_weight - positives)).ln();
        let mut coefficients = vec![0.0; self.columns.len()];
        coefficients.push(intercept);
        self.point(coefficients)
    }

    /// Loss and gradient at these coefficients.
    pub(super) fn point(&self, coefficients: Vec<f64>) -> Point {
        let features = self.columns.len();
        let mut scores = vec![coefficients[features]; self.labels.len()];
        for (column, weight) in self.columns.iter().zip(&coefficients) {
            if *weight != 0.0 {
                scores.iter_mut().zip(*column).for_each(|(score, value)| *score += weight * value);
            }
        }
        let losses = scores.iter().enumerate().map(|(row, score)| {
            // ln(1 + e^−margin), with the margin the score on the label's side.
            let margin = if self.labels[row] == 1 { *score } else { -score };
            let loss = (-margin.abs()).exp().ln_1p() + (-margin).max(0.0);
            self.weight(row) * loss
        });
        let loss = losses.sum::<f64>() / self.total_weight;
        let probabilities: Vec<f64> = scores.into_iter().map(sigmoid).collect();
        let residuals: Vec<f64> = (0..self.labels.len())
            .map(|row| self.weight(row) * (probabilities[row] - f64::from(self.labels[row])))
            .collect();
        let slope = |(column, weight): (&&[f64], &f64)| {
            dot(column, &residuals) / self.total_weight + self.settings.l2 * weight
        };
        let mut gradient: Vec<f64> =
            self.columns.par_iter().zip(&coefficients[..features]).map(slope).collect();
        gradient.push(residuals.iter().sum::<f64>() / self.total_weight);
        Point { coefficients, probabilities, loss, gradient }
    }

    /// The whole objective.
    pub(super) fn value(&self, point: &Point) -> f64 {
        let weights = &point.coefficients[..self.columns.len()];
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        point.loss + self.settings.l2 / 2.0 * squares + self.settings.l1 * absolute_norm(weights)
    }

    /// Whether a larger multiple of the coefficients is always better, so that there is no optimum:
    /// without a penalty, when every row that counts is on its label's side.
    pub(super) fn is_endless(&self, point: &Point) -> bool {
        let is_right = |row: usize| (point.probabilities[row] > 0.5) == (self.labels[row] == 1);
        let rows = 0..self.labels.len();
        self.settings.l1 == 0.0
            && self.settings.l2 == 0.0
            && rows.filter(|row| self.weight(*row) > 0.0).all(is_right)
    }

    /// Norm of the smallest subgradient: 0 exactly at the optimum.
    pub(super) fn subgradient_norm(&self, point: &Point) -> f64 {
        let features = self.columns.len();
        let l1 = self.settings.l1;
        let slope = |(place, slope): (usize, &f64)| match point.coefficients[place] {
            _ if place == features => *slope,
            0.0 => (slope.abs() - l1).max(0.0),
            weight => slope + l1 * weight.signum(),
        };
        point.gradient.iter().enumerate().map(slope).map(|slope| slope * slope).sum::<f64>().sqrt()
    }

    /// What a step along `direction` promises to first order: at most 0 for a useful direction.
    pub(super) fn promised(&self, point: &Point, direction: &[f64]) -> f64 {
        let features = self.columns.len();
        let moved: Vec<f64> = (point.coefficients.iter().zip(direction).take(features))
            .map(|(at, toward)| at + toward)
            .collect();
        let penalty = absolute_norm(&moved) - absolute_norm(&point.coefficients[..features]);
        dot(&point.gradient, direction) + self.settings.l1 * penalty
    }

    /// The Hessian of the smooth part.
    pub(super) fn hessian(&self, point: &Point) -> Triangle {
        let (rows, features) = (self.labels.len(), self.columns.len());
        let starts: Vec<usize> = (0..rows).step_by(TASK_ROWS).collect();
        let parts: Vec<Triangle> = starts
            .into_par_iter()
            .map(|start| self.hessian_part(point, start, (start + TASK_ROWS).min(rows)))
            .collect();
        let mut hessian = Triangle::zeros(features + 1);
        for part in parts {
            hessian.entries.iter_mut().zip(part.entries).for_each(|(sum, part)| *sum += part);
        }
        hessian.entries.iter_mut().for_each(|entry| *entry /= self.total_weight);
        for feature in 0..features {
            hessian.entries[feature * (feature + 3) / 2] += self.settings.l2;
        }
        hessian
    }

    /// Σ weight·p·(1−p)·x·xᵀ over some rows, x being the features and a 1.
    fn hessian_part(&self, point: &Point, start: usize, end: usize) -> Triangle {
        let size = self.columns.len() + 1;
        let mut part = Triangle::zeros(size);
        let mut scaled = vec![[0.0; BLOCK_ROWS]; size];
        for block in (start..end).step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(end - block);
            let mut scale = [0.0; BLOCK_ROWS];
            for (place, scale) in scale[..count].iter_mut().enumerate() {
                let probability = point.probabilities[block + place];
                let curvature = self.weight(block + place) * probability * (1.0 - probability);
                *scale = curvature.sqrt();
            }
            // Places beyond `count` keep a scale of 0, so that whole blocks can be multiplied.
            for (scaled, column) in scaled.iter_mut().zip(self.columns) {
                scaled.fill(0.0);
                let values = column[block..block + count].iter().zip(&scale);
                scaled
                    .iter_mut()
                    .zip(values)
                    .for_each(|(out, (value, scale))| *out = value * scale);
            }
            scaled[size - 1] = scale;
            for row in 0..size {
                let entries = &mut part.entries[row * (row + 1) / 2..][..=row];
                for (entry, other) in entries.iter_mut().zip(&scaled) {
                    *entry += dot(&scaled[row], other);
                }
            }
        }
        part
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    fn positive_weight(&self) -> f64 {
        let rows = 0..self.labels.len();
        rows.filter(|row| self.labels[*row] == 1).map(|row| self.weight(row)).sum()
    }
}

fn absolute_norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value.abs()).sum()
}
