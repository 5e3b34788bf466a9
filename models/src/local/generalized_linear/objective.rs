//! The objective, its gradient and its Hessian.

use super::{Data, FitError, Settings};
use crate::family::Family;
use features::arithmetic::dot;
use rayon::prelude::*;

/// Rows that a task of the Hessian goes through: a fixed number, so that sums do not depend on how
/// many threads there are.
const TASK_ROWS: usize = 16_384;

/// Rows whose scaled features a task keeps at a time: they stay in the cache.
const BLOCK_ROWS: usize = 256;

/// The problem with its data; coefficients are the weights followed by the intercept.
pub(super) struct Objective<'a> {
    data: Data<'a>,
    family: Family,
    total_weight: f64,
    settings: Settings,
}

/// Coefficients and what follows from them for every row.
pub(super) struct Point {
    pub(super) coefficients: Vec<f64>,
    /// Linear predictor of each row.
    predictors: Vec<f64>,
    /// Mean weighted loss.
    pub(super) loss: f64,
    /// Gradient of the smooth part: loss and l2 penalty.
    pub(super) gradient: Vec<f64>,
}

/// The lower triangle of a symmetric matrix, row by row: row i holds i + 1 entries.
#[derive(Debug)]
pub(in crate::local) struct Triangle {
    pub(in crate::local) size: usize,
    pub(in crate::local) entries: Vec<f64>,
}

impl Triangle {
    fn zeros(size: usize) -> Self {
        Self { size, entries: vec![0.0; size * (size + 1) / 2] }
    }

    /// Row i up to the diagonal.
    pub(in crate::local) fn row(&self, row: usize) -> &[f64] {
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
        data: Data<'a>,
        family: Family,
        settings: Settings,
    ) -> Result<Self, FitError> {
        let rows = data.targets.len();
        let total_weight = data.weights.map_or(rows as f64, |weights| weights.iter().sum());
        let objective = Self { data, family, total_weight, settings };
        let start = objective.start_intercept();
        match family {
            Family::Binomial if !start.is_finite() => Err(FitError::OneClass),
            _ if !start.is_finite() => Err(FitError::AllZero),
            _ => Ok(objective),
        }
    }

    /// Sum of the weights.
    pub(super) fn total_weight(&self) -> f64 {
        self.total_weight
    }

    pub(super) fn l1(&self) -> f64 {
        self.settings.l1
    }

    /// Where to start: weights 0, the intercept such that the mean is right.
    pub(super) fn start(&self) -> Point {
        let mut coefficients = vec![0.0; self.data.columns.len()];
        coefficients.push(self.start_intercept());
        self.point(coefficients)
    }

    fn start_intercept(&self) -> f64 {
        let sum = |value: &dyn Fn(usize) -> f64| {
            (0..self.rows()).map(|row| self.weight(row) * value(row)).sum::<f64>()
        };
        let targets = sum(&|row| self.data.targets[row]);
        match self.family {
            Family::Gaussian => (targets - sum(&|row| self.offset(row))) / self.total_weight,
            Family::Binomial => self.family.link(targets / self.total_weight),
            Family::Poisson | Family::Gamma | Family::Tweedie { .. } => {
                self.family.link(targets / sum(&|row| self.offset(row).exp()))
            }
        }
    }

    /// Loss and gradient at these coefficients.
    pub(super) fn point(&self, coefficients: Vec<f64>) -> Point {
        let features = self.data.columns.len();
        let mut predictors = vec![coefficients[features]; self.rows()];
        if let Some(offsets) = self.data.offsets {
            predictors.iter_mut().zip(offsets).for_each(|(predictor, offset)| *predictor += offset);
        }
        for (column, weight) in self.data.columns.iter().zip(&coefficients) {
            if *weight != 0.0 {
                let pairs = predictors.iter_mut().zip(*column);
                pairs.for_each(|(predictor, value)| *predictor += weight * value);
            }
        }
        let pairs = || self.data.targets.iter().zip(&predictors).enumerate();
        let loss = pairs()
            .map(|(row, (target, predictor))| {
                self.weight(row) * self.family.loss(*target, *predictor)
            })
            .sum::<f64>()
            / self.total_weight;
        let residuals: Vec<f64> = pairs()
            .map(|(row, (target, predictor))| {
                self.weight(row) * self.family.slope(*target, *predictor)
            })
            .collect();
        let slope = |(column, weight): (&&[f64], &f64)| {
            dot(column, &residuals) / self.total_weight + self.settings.l2 * weight
        };
        let mut gradient: Vec<f64> =
            self.data.columns.par_iter().zip(&coefficients[..features]).map(slope).collect();
        gradient.push(residuals.iter().sum::<f64>() / self.total_weight);
        Point { coefficients, predictors, loss, gradient }
    }

    /// The whole objective.
    pub(super) fn value(&self, point: &Point) -> f64 {
        let weights = &point.coefficients[..self.data.columns.len()];
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        point.loss + self.settings.l2 / 2.0 * squares + self.settings.l1 * absolute_norm(weights)
    }

    /// Whether a larger multiple of the coefficients is always better, so that there is no optimum:
    /// without a penalty, when every row that counts is on its label's side.
    pub(super) fn is_endless(&self, point: &Point) -> bool {
        let is_right = |row: usize| (point.predictors[row] > 0.0) == (self.data.targets[row] > 0.5);
        self.family == Family::Binomial
            && self.settings.l1 == 0.0
            && self.settings.l2 == 0.0
            && (0..self.rows()).filter(|row| self.weight(*row) > 0.0).all(is_right)
    }

    /// The sum of weighted squared residuals in units of the variance at the mean (Pearson's).
    pub(super) fn squared_residuals(&self, point: &Point) -> f64 {
        let square = |row: usize| {
            let mean = self.family.mean(point.predictors[row]);
            let residual = self.data.targets[row] - mean;
            self.weight(row) * residual * residual / self.family.variance(mean)
        };
        (0..self.rows()).map(square).sum()
    }

    /// Norm of the smallest subgradient: 0 exactly at the optimum.
    pub(super) fn subgradient_norm(&self, point: &Point) -> f64 {
        let features = self.data.columns.len();
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
        let features = self.data.columns.len();
        let moved: Vec<f64> = (point.coefficients.iter().zip(direction).take(features))
            .map(|(at, toward)| at + toward)
            .collect();
        let penalty = absolute_norm(&moved) - absolute_norm(&point.coefficients[..features]);
        dot(&point.gradient, direction) + self.settings.l1 * penalty
    }

    /// The Hessian of the smooth part.
    pub(super) fn hessian(&self, point: &Point) -> Triangle {
        self.squares(|row| self.family.curvature(self.data.targets[row], point.predictors[row]))
    }

    /// The Hessian that is expected of targets with the means of this point.
    pub(super) fn information(&self, point: &Point) -> Triangle {
        self.squares(|row| self.family.information(point.predictors[row]))
    }

    /// Mean of weight·scale·x·xᵀ, x being the features and a 1, with l2 on the features' diagonal.
    fn squares(&self, scale: impl Fn(usize) -> f64 + Sync) -> Triangle {
        let (rows, features) = (self.rows(), self.data.columns.len());
        let starts: Vec<usize> = (0..rows).step_by(TASK_ROWS).collect();
        let parts: Vec<Triangle> = starts
            .into_par_iter()
            .map(|start| self.squares_part(&scale, start, (start + TASK_ROWS).min(rows)))
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

    /// The sum over some rows.
    fn squares_part(&self, scale_of: &impl Fn(usize) -> f64, start: usize, end: usize) -> Triangle {
        let size = self.data.columns.len() + 1;
        let mut part = Triangle::zeros(size);
        let mut scaled = vec![[0.0; BLOCK_ROWS]; size];
        for block in (start..end).step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(end - block);
            let mut scale = [0.0; BLOCK_ROWS];
            for (place, scale) in scale[..count].iter_mut().enumerate() {
                *scale = (self.weight(block + place) * scale_of(block + place)).sqrt();
            }
            // Places beyond `count` keep a scale of 0, so that whole blocks can be multiplied.
            for (scaled, column) in scaled.iter_mut().zip(self.data.columns) {
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

    fn rows(&self) -> usize {
        self.data.targets.len()
    }

    fn weight(&self, row: usize) -> f64 {
        self.data.weights.map_or(1.0, |weights| weights[row])
    }

    fn offset(&self, row: usize) -> f64 {
        self.data.offsets.map_or(0.0, |offsets| offsets[row])
    }
}

fn absolute_norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value.abs()).sum()
}
