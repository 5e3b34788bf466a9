//! The optimum with categories of very many levels: Newton's method, whose steps are found by
//! conjugate gradients with the diagonal of the Hessian as preconditioner, so that nothing is ever
//! as large as levels × levels.
//!
//! Minimises mean weighted log-loss + l2/2·‖w‖² + λ/2·‖u‖² over intercept b, weights w of plain
//! columns and weights u of levels, with `λ = level_rows/(4·n)`: see
//! [`LevelColumns`](crate::levels::LevelColumns). Source: Nocedal, Wright, "Numerical
//! Optimization", 2006, algorithm 7.1 (line search Newton-CG).

use super::Fit;
use crate::ModelError;
use crate::family::sigmoid;
use crate::levels::{LevelColumn, LevelColumns};

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelsFit {
    /// The intercept, the weights of plain columns, and how they were found.
    pub fit: Fit,
    /// The weights of the levels of each category.
    pub levels: Vec<Vec<f64>>,
}

/// Newton steps after which there is no optimum in sight.
const STEPS_MAX: usize = 60;
/// Norm of the gradient, each part in units of the square root of its curvature, that ends.
const TOLERANCE: f64 = 1e-8;
/// Products with the Hessian in one step.
const PRODUCTS_MAX: usize = 200;

/// Fits a model on plain columns and categories; labels are 0 or 1, weights at least 0 or all 1.
///
/// # Errors
/// [`ModelError::InvalidInput`] for columns, labels or weights of another length, for levels that
/// [`LevelColumns::check`] refuses, an l2 below 0, and where no optimum is reached.
pub fn fit_with_levels(
    columns: &[&[f64]],
    levels: LevelColumns<'_>,
    labels: &[u8],
    weights: Option<&[f64]>,
    l2: f64,
) -> Result<LevelsFit, ModelError> {
    let rows = labels.len();
    levels.check(rows)?;
    let fits = columns.iter().copied().chain(weights).all(|column| column.len() == rows);
    let weights = weights.map_or_else(|| vec![1.0; rows], <[f64]>::to_vec);
    let total: f64 = weights.iter().sum();
    if !(fits && l2 >= 0.0 && total > 0.0) {
        let rule = "needed are columns and weights of one length, and a penalty of at least 0";
        return Err(ModelError::InvalidInput(rule.to_owned()));
    }
    let labels = labels.iter().map(|label| f64::from(*label)).collect();
    let weights = weights.into_iter().map(|weight| weight / total).collect();
    let lambda = levels.level_rows / (4.0 * rows as f64);
    let problem = Problem { columns, levels: levels.columns, labels, weights, l2, lambda };
    problem.solve()
}

struct Problem<'a> {
    columns: &'a [&'a [f64]],
    levels: &'a [LevelColumn<'a>],
    labels: Vec<f64>,
    /// With the sum 1.
    weights: Vec<f64>,
    l2: f64,
    lambda: f64,
}

impl Problem<'_> {
    fn solve(&self) -> Result<LevelsFit, ModelError> {
        let levels: usize = self.levels.iter().map(|it| it.count).sum();
        let mut point = vec![0.0; 1 + self.columns.len() + levels];
        for steps in 0..STEPS_MAX {
            let scores = self.scores(&point);
            let (gradient, curvatures) = self.derivatives(&point, &scores);
            let diagonal = self.diagonal(&curvatures);
            let pairs = gradient.iter().zip(&diagonal);
            let norm =
                pairs.map(|(slope, curvature)| slope * slope / curvature).sum::<f64>().sqrt();
            if norm <= TOLERANCE {
                return Ok(self.fitted(&point, &scores, norm, steps));
            }
            let step = self.newton_step(&gradient, &curvatures, &diagonal);
            let before = self.objective(&point, &scores);
            let slope: f64 = step.iter().zip(&gradient).map(|(step, slope)| step * slope).sum();
            let mut length = 1.0;
            let next = loop {
                let next: Vec<f64> =
                    point.iter().zip(&step).map(|(at, step)| at + length * step).collect();
                let after = self.objective(&next, &self.scores(&next));
                if after <= before + 1e-4 * length * slope + 1e-14 {
                    break Some(next);
                }
                length /= 2.0;
                if length < 1e-6 {
                    break None;
                }
            };
            let Some(next) = next else { break };
            point = next;
        }
        let rule = "no optimum was reached: plain columns determine each other; set l2 above 0";
        Err(ModelError::InvalidInput(rule.to_owned()))
    }

    fn fitted(&self, point: &[f64], scores: &[f64], gradient_norm: f64, steps: usize) -> LevelsFit {
        let (plain, mut rest) = point.split_at(1 + self.columns.len());
        let mut levels = Vec::with_capacity(self.levels.len());
        for column in self.levels {
            let (own, others) = rest.split_at(column.count);
            levels.push(own.to_vec());
            rest = others;
        }
        let (intercept, weights) = (plain[0], plain[1..].to_vec());
        let (objective, loss) = (self.objective(point, scores), self.loss(scores));
        LevelsFit { fit: Fit { intercept, weights, objective, loss, gradient_norm, steps }, levels }
    }

    /// The linear predictors at a point.
    fn scores(&self, point: &[f64]) -> Vec<f64> {
        let mut scores = vec![point[0]; self.labels.len()];
        let (plain, mut rest) = point[1..].split_at(self.columns.len());
        for (column, weight) in self.columns.iter().zip(plain) {
            scores.iter_mut().zip(*column).for_each(|(score, value)| *score += weight * value);
        }
        for column in self.levels {
            let (own, others) = rest.split_at(column.count);
            column.add_scores(own, &mut scores);
            rest = others;
        }
        scores
    }

    /// The sums over rows of a value times each variable's column, squared or not.
    fn sums(&self, values: &[f64], squared: bool) -> Vec<f64> {
        let mut sums = vec![values.iter().sum()];
        let of_column = |column: &&[f64]| {
            let terms = column.iter().zip(values);
            terms.map(|(x, value)| if squared { x * x * value } else { x * value }).sum::<f64>()
        };
        sums.extend(self.columns.iter().map(of_column));
        for column in self.levels {
            let mut of_levels = vec![0.0; column.count];
            for (level, value) in column.of_rows.iter().zip(values) {
                if let Some(sum) = of_levels.get_mut(*level as usize) {
                    *sum += value;
                }
            }
            sums.extend(of_levels);
        }
        sums
    }

    /// The penalty's curvature of each variable.
    fn penalties(&self) -> impl Iterator<Item = f64> {
        let plain = self.columns.len();
        let (l2, lambda) = (self.l2, self.lambda);
        std::iter::once(0.0).chain(std::iter::repeat_n(l2, plain)).chain(std::iter::repeat(lambda))
    }

    fn loss(&self, scores: &[f64]) -> f64 {
        let rows = scores.iter().zip(&self.labels).zip(&self.weights);
        let loss = rows.map(|((score, label), weight)| {
            weight * (score.max(0.0) + (-score.abs()).exp().ln_1p() - label * score)
        });
        loss.sum()
    }

    fn objective(&self, point: &[f64], scores: &[f64]) -> f64 {
        let penalty: f64 = point.iter().zip(self.penalties()).map(|(at, it)| it * at * at).sum();
        self.loss(scores) + penalty / 2.0
    }

    /// The gradient, and the curvature of each row's loss.
    fn derivatives(&self, point: &[f64], scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let rows = scores.iter().zip(&self.labels).zip(&self.weights);
        let (residuals, curvatures): (Vec<f64>, Vec<f64>) = rows
            .map(|((score, label), weight)| {
                let mean = sigmoid(*score);
                (weight * (mean - label), weight * mean * (1.0 - mean))
            })
            .unzip();
        let mut gradient = self.sums(&residuals, false);
        let pulls = point.iter().zip(self.penalties());
        gradient.iter_mut().zip(pulls).for_each(|(slope, (at, it))| *slope += it * at);
        (gradient, curvatures)
    }

    fn diagonal(&self, curvatures: &[f64]) -> Vec<f64> {
        let sums = self.sums(curvatures, true);
        sums.iter().zip(self.penalties()).map(|(sum, it)| sum + it + f64::MIN_POSITIVE).collect()
    }

    /// About `-H⁻¹·gradient`.
    fn newton_step(&self, gradient: &[f64], curvatures: &[f64], diagonal: &[f64]) -> Vec<f64> {
        let product = |left: &[f64], right: &[f64]| -> f64 {
            left.iter().zip(right).map(|(x, y)| x * y).sum()
        };
        let conditioned = |residual: &[f64]| -> Vec<f64> {
            residual.iter().zip(diagonal).map(|(slope, curvature)| slope / curvature).collect()
        };
        let mut step = vec![0.0; gradient.len()];
        let mut residual: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
        let mut direction = conditioned(&residual);
        let mut energy = product(&residual, &direction);
        let enough = energy * energy.sqrt().min(0.1).powi(2);
        for _ in 0..PRODUCTS_MAX {
            if energy <= enough {
                break;
            }
            let mut through = self.scores(&direction);
            through.iter_mut().zip(curvatures).for_each(|(it, curvature)| *it *= curvature);
            let mut image = self.sums(&through, false);
            let pulls = direction.iter().zip(self.penalties());
            image.iter_mut().zip(pulls).for_each(|(image, (at, it))| *image += it * at);
            let length = energy / product(&direction, &image);
            step.iter_mut().zip(&direction).for_each(|(step, it)| *step += length * it);
            residual.iter_mut().zip(&image).for_each(|(rest, it)| *rest -= length * it);
            let next = conditioned(&residual);
            let after = product(&residual, &next);
            let ratio = after / energy;
            direction.iter_mut().zip(&next).for_each(|(it, next)| *it = next + ratio * *it);
            energy = after;
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::levels::NO_LEVEL;
    use crate::local::logistic_regression::{Settings, fit};

    /// With one penalty for all it is the model on columns of 0 and 1.
    #[test]
    fn the_optimum_is_that_of_dense_indicators() {
        let column: Vec<f64> = (0..400).map(|row| f64::from(row).sin()).collect();
        let of_rows: Vec<u32> =
            (0..400_u32).map(|row| if row % 7 == 6 { NO_LEVEL } else { row % 11 % 4 }).collect();
        let labels: Vec<u8> = (0..400_u32)
            .map(|row| {
                u8::from(
                    column[row as usize] + f64::from(row % 11 % 4) > 1.2 + f64::from(row % 5) / 2.0,
                )
            })
            .collect();
        let weights: Vec<f64> = (0..400).map(|row| 0.5 + f64::from(row % 3)).collect();
        let l2 = 20.0 / (4.0 * 400.0);
        let levels = [LevelColumn { of_rows: &of_rows, count: 4 }];
        let columns = LevelColumns { columns: &levels, level_rows: 20.0 };
        let sparse = fit_with_levels(&[&column], columns, &labels, Some(&weights), l2).unwrap();
        let indicators: Vec<Vec<f64>> = (0..4)
            .map(|level| of_rows.iter().map(|it| f64::from(u8::from(*it == level))).collect())
            .collect();
        let mut dense = vec![column.as_slice()];
        dense.extend(indicators.iter().map(Vec::as_slice));
        let settings = Settings { l2, ..Settings::default() };
        let expected = fit(&dense, &labels, Some(&weights), settings).unwrap();
        let all = [sparse.fit.weights.clone(), sparse.levels[0].clone()].concat();
        let pairs = all.iter().zip(&expected.weights);
        assert!(pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max) < 1e-6, "{sparse:?}");
        assert!((sparse.fit.intercept - expected.intercept).abs() < 1e-6);
        // Two definitions of one objective.
        assert!((sparse.fit.objective - expected.objective).abs() < 1e-9);
        assert!(expected.weights[1..].iter().any(|weight| weight.abs() > 0.1));
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let levels = [LevelColumn { of_rows: &[0, 0], count: 1 }];
        let columns = LevelColumns { columns: &levels, level_rows: 1.0 };
        assert!(fit_with_levels(&[&[0.0]], columns, &[0, 1], None, 0.1).is_err());
        assert!(fit_with_levels(&[], columns, &[0, 1, 1], None, 0.1).is_err());
        assert!(fit_with_levels(&[], columns, &[0, 1], None, -0.1).is_err());
        assert!(fit_with_levels(&[], columns, &[0, 1], Some(&[0.0, 0.0]), 0.1).is_err());
    }
}
