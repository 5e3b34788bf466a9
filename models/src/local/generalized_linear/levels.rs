//! The optimum with categories of very many levels: Newton's method, whose steps are found by
//! conjugate gradients with the diagonal of the Hessian as preconditioner, so that nothing is ever
//! as large as levels × levels.
//!
//! Minimises mean weighted loss + l2/2·‖w‖² + λ/2·‖u‖² over intercept b, weights w of plain columns
//! and weights u of levels, with `λ = κ·level_rows/n`: see
//! [`LevelColumns`](crate::levels::LevelColumns). Source: Nocedal, Wright, "Numerical
//! Optimization", 2006, algorithm 7.1 (line search Newton-CG).

use super::objective::Objective;
use super::{Data, Fit, Settings, check};
use crate::ModelError;
use crate::family::Family;
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
/// Norm of the gradient that ends, each part in units of the square root of its curvature, where
/// targets and curvatures are of order 1.
const TOLERANCE: f64 = 1e-8;
/// Products with the Hessian in one step.
const PRODUCTS_MAX: usize = 200;

/// Fits a model on plain columns and categories; the curvature is κ of the penalty of levels.
///
/// # Errors
/// [`ModelError::InvalidInput`] for data that [`fit`](super::fit) refuses, for levels that
/// [`LevelColumns::check`] refuses, and where no optimum is reached.
pub fn fit_with_levels(
    data: &Data<'_>,
    (levels, curvature): (LevelColumns<'_>, f64),
    family: Family,
    l2: f64,
) -> Result<LevelsFit, ModelError> {
    let rows = data.targets.len();
    levels.check(rows)?;
    let settings = Settings { l2, ..Settings::default() };
    let start = check(data, family, settings).and_then(|()| {
        let objective = Objective::new(*data, family, settings)?;
        Ok(objective.start().coefficients.last().copied().unwrap_or_default())
    });
    let start = start.map_err(|error| ModelError::InvalidInput(error.to_string()))?;
    let weights = data.weights.map_or_else(|| vec![1.0; rows], <[f64]>::to_vec);
    let total: f64 = weights.iter().sum();
    let problem = Problem {
        data: *data,
        family,
        levels: levels.columns,
        weights: weights.into_iter().map(|weight| weight / total).collect(),
        l2,
        lambda: levels.penalty(rows, curvature),
    };
    problem.solve(start)
}

struct Problem<'a> {
    data: Data<'a>,
    family: Family,
    levels: &'a [LevelColumn<'a>],
    /// With the sum 1.
    weights: Vec<f64>,
    l2: f64,
    lambda: f64,
}

impl Problem<'_> {
    /// Begins with this intercept.
    fn solve(&self, start: f64) -> Result<LevelsFit, ModelError> {
        let levels: usize = self.levels.iter().map(|it| it.count).sum();
        let mut point = vec![0.0; 1 + self.data.columns.len() + levels];
        point[0] = start;
        let tolerance = TOLERANCE * self.scale(&point);
        for steps in 0..STEPS_MAX {
            let scores = self.scores(&point);
            let (gradient, curvatures) = self.derivatives(&point, &scores);
            let diagonal = self.diagonal(&curvatures);
            let pairs = gradient.iter().zip(&diagonal);
            let norm =
                pairs.map(|(slope, curvature)| slope * slope / curvature).sum::<f64>().sqrt();
            if norm <= tolerance {
                return Ok(self.fitted(&point, &scores, norm, steps));
            }
            let step = self.newton_step(&gradient, &curvatures, &diagonal);
            let before = self.objective(&point, &scores);
            // Near the optimum the promise drowns in the rounding of the objective itself.
            let rounding = 1e-14 * before.abs().max(tolerance / TOLERANCE);
            let slope: f64 = step.iter().zip(&gradient).map(|(step, slope)| step * slope).sum();
            let mut length = 1.0;
            let next = loop {
                let next: Vec<f64> =
                    point.iter().zip(&step).map(|(at, step)| at + length * step).collect();
                let after = self.objective(&next, &self.scores(&next));
                if after <= before + 1e-4 * length * slope + rounding {
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

    /// What 1 is in the units of the gradient's norm: the root of the curvature at a point, times
    /// the deviation of the target where this is the unit of the predictor.
    fn scale(&self, point: &[f64]) -> f64 {
        let scores = self.scores(point);
        let (_, curvatures) = self.derivatives(point, &scores);
        let curvature: f64 = curvatures.iter().sum();
        let unit = match self.family {
            Family::Gaussian => (2.0 * self.loss(&scores)).sqrt(),
            _ => 1.0,
        };
        unit * curvature.sqrt()
    }

    fn fitted(&self, point: &[f64], scores: &[f64], gradient_norm: f64, steps: usize) -> LevelsFit {
        let (plain, mut rest) = point.split_at(1 + self.data.columns.len());
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

    /// The linear predictors at a point, offsets included.
    fn scores(&self, point: &[f64]) -> Vec<f64> {
        let mut scores = self.changes(point);
        for (score, offset) in scores.iter_mut().zip(self.data.offsets.unwrap_or_default()) {
            *score += offset;
        }
        scores
    }

    /// What a point adds to the linear predictors.
    fn changes(&self, point: &[f64]) -> Vec<f64> {
        let mut scores = vec![point[0]; self.weights.len()];
        let (plain, mut rest) = point[1..].split_at(self.data.columns.len());
        for (column, weight) in self.data.columns.iter().zip(plain) {
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
        sums.extend(self.data.columns.iter().map(of_column));
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
        let plain = self.data.columns.len();
        let (l2, lambda) = (self.l2, self.lambda);
        std::iter::once(0.0).chain(std::iter::repeat_n(l2, plain)).chain(std::iter::repeat(lambda))
    }

    fn loss(&self, scores: &[f64]) -> f64 {
        let rows = scores.iter().zip(self.data.targets).zip(&self.weights);
        rows.map(|((score, target), weight)| weight * self.family.loss(*target, *score)).sum()
    }

    fn objective(&self, point: &[f64], scores: &[f64]) -> f64 {
        let penalty: f64 = point.iter().zip(self.penalties()).map(|(at, it)| it * at * at).sum();
        self.loss(scores) + penalty / 2.0
    }

    /// The gradient, and the curvature of each row's loss.
    fn derivatives(&self, point: &[f64], scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let rows = scores.iter().zip(self.data.targets).zip(&self.weights);
        let (residuals, curvatures): (Vec<f64>, Vec<f64>) = rows
            .map(|((score, target), weight)| {
                let slope = self.family.slope(*target, *score);
                (weight * slope, weight * self.family.curvature(*target, *score))
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
            let mut through = self.changes(&direction);
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
    use crate::local::generalized_linear::fit;

    const FAMILIES: [(Family, f64); 5] = [
        (Family::Binomial, 1.0),
        (Family::Gaussian, 1e4),
        (Family::Poisson, 1.0),
        (Family::Gamma, 1e5),
        (Family::Tweedie { power: 1.5 }, 1e-3),
    ];

    /// With one penalty for all it is the model on columns of 0 and 1.
    #[test]
    fn the_optimum_is_that_of_dense_indicators() {
        const ROWS: u32 = 400;
        let column: Vec<f64> = (0..ROWS).map(|row| f64::from(row).sin()).collect();
        let of_rows: Vec<u32> =
            (0..ROWS).map(|row| if row % 7 == 6 { NO_LEVEL } else { row % 11 % 4 }).collect();
        let weights: Vec<f64> = (0..ROWS).map(|row| 0.5 + f64::from(row % 3)).collect();
        let offsets: Vec<f64> = (0..ROWS).map(|row| f64::from(row % 5) / 4.0).collect();
        let levels = [LevelColumn { of_rows: &of_rows, count: 4 }];
        let levels = LevelColumns { columns: &levels, level_rows: 20.0 };
        let indicators: Vec<Vec<f64>> = (0..4)
            .map(|level| of_rows.iter().map(|it| f64::from(u8::from(*it == level))).collect())
            .collect();
        let mut dense = vec![column.as_slice()];
        dense.extend(indicators.iter().map(Vec::as_slice));
        for (family, unit) in FAMILIES {
            let targets: Vec<f64> = (0..ROWS)
                .map(|row| {
                    let score = column[row as usize] + f64::from(row % 11 % 4) - 1.2;
                    let luck = 0.1 + f64::from(row % 5);
                    match family {
                        Family::Binomial => f64::from(u8::from(score > luck / 2.0 - 1.0)),
                        Family::Gaussian => unit * (score + luck),
                        Family::Poisson => (score.exp() * luck).round(),
                        _ => unit * score.exp() * luck,
                    }
                })
                .collect();
            let (weights, offsets) = (Some(&weights[..]), Some(&offsets[..]));
            let data = Data { columns: &dense[..1], targets: &targets, weights, offsets };
            let (l2, curvature) = (0.03, 0.03 * 400.0 / 20.0);
            let sparse = fit_with_levels(&data, (levels, curvature), family, l2).unwrap();
            let data = Data { columns: &dense, ..data };
            let gradient_tolerance = if family == Family::Gaussian { 1e-6 } else { 1e-10 };
            let settings = Settings { l2, gradient_tolerance, ..Settings::default() };
            let expected = fit(&data, family, settings).unwrap();
            let all = [sparse.fit.weights.clone(), sparse.levels[0].clone()].concat();
            let pairs = all.iter().zip(&expected.weights);
            let worst = pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
            let intercept = (sparse.fit.intercept - expected.intercept).abs();
            let unit = if family == Family::Gaussian { unit } else { 1.0 };
            assert!(worst < 1e-6 * unit && intercept < 1e-6 * unit, "{sparse:?} {expected:?}");
            // Two definitions of one objective.
            let objective = (sparse.fit.objective - expected.objective).abs();
            assert!(objective < 1e-9 * expected.objective.abs(), "{family:?}");
            assert!(expected.weights[1..].iter().any(|weight| weight.abs() > 0.1 * unit));
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let levels = [LevelColumn { of_rows: &[0, 0], count: 1 }];
        let levels = LevelColumns { columns: &levels, level_rows: 1.0 };
        let good = Data { columns: &[], targets: &[0.0, 1.0], weights: None, offsets: None };
        let fitted =
            |data: Data<'_>, l2| fit_with_levels(&data, (levels, 0.25), Family::Binomial, l2);
        fitted(good, 0.1).unwrap();
        for data in [
            Data { columns: &[&[0.0]], ..good },
            Data { targets: &[0.0, 1.0, 1.0], ..good },
            Data { targets: &[0.0, 2.0], ..good },
            Data { weights: Some(&[0.0, 0.0]), ..good },
            Data { offsets: Some(&[0.0]), ..good },
        ] {
            assert!(fitted(data, 0.1).is_err());
        }
        assert!(fitted(good, -0.1).is_err());
    }
}
