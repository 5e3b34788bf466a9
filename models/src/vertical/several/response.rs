//! How residuals follow from linear predictors that are shared among several parties; see
//! `generalized_linear::response`.

use std::f64::consts::SQRT_2;

use mpc::several::exponential::{Exponential, Term};
use mpc::several::sigmoid::Sigmoid;
use mpc::several::softmax::Softmax;
use mpc::several::{Parties, exponential, multiply_by, sigmoid, truncate};

use crate::ModelError;
use crate::vertical::generalized_linear::response::{
    FACTOR_BITS, FACTOR_WIDTH, Factors, LOG_RESIDUAL_BITS, LogLink, RESIDUAL_BITS, SCORE_SHIFT,
    add, in_score_units, row_scales, subtract,
};
use crate::vertical::generalized_linear::scaling::Scaling;
use crate::vertical::logistic_regression::{Labels, Rows};
use crate::vertical::multinomial_regression::{ClassRows, negated_sum};

/// The rows' targets and factors with what the mean function needs; targets and factors are the
/// guest's and empty at hosts.
pub(super) enum Response {
    /// s·(sigmoid(z) - y).
    Logistic {
        /// The block.
        sigmoid: Box<Sigmoid>,
        /// The factors; ones at hosts.
        scales: Vec<f64>,
        /// s·y, in units of the residual.
        targets: Vec<u64>,
    },
    /// s·(softmax(z) - y), of each class.
    Softmax {
        /// The block.
        softmax: Box<Softmax>,
        /// The classes and the factors.
        rows: ClassRows,
    },
    /// s·(z - y).
    Identity {
        /// The factors.
        factors: Factors,
        /// y without the offset, in units of the score.
        targets: Vec<u64>,
    },
    /// s·(exp((2 - p)·z) - y·exp((1 - p)·z)), z clamped.
    Log {
        /// The block.
        exponential: Box<Exponential>,
        /// The terms.
        link: LogLink,
        /// p.
        power: f64,
    },
}

impl Response {
    /// Of logistic regression.
    pub(super) async fn logistic(
        parties: &mut Parties,
        labels: Option<Labels<'_>>,
        rows: Rows,
    ) -> Result<Self, ModelError> {
        let scales = row_scales(labels.and_then(|labels| labels.weights), rows)?;
        let values = labels.map_or(&[][..], |labels| labels.values);
        let unit = f64::from(1 << RESIDUAL_BITS);
        let target = |(label, scale): (&u8, &f64)| (f64::from(*label) * scale * unit).round();
        let targets = values.iter().zip(&scales).map(|pair| target(pair) as u64).collect();
        let sigmoid = Box::new(Sigmoid::prepare(parties).await?);
        Ok(Self::Logistic { sigmoid, scales, targets })
    }

    /// Of multinomial regression.
    pub(super) async fn softmax(
        parties: &mut Parties,
        rows: ClassRows,
    ) -> Result<Self, ModelError> {
        let softmax = Box::new(Softmax::prepare(parties).await?);
        Ok(Self::Softmax { softmax, rows })
    }

    /// Of the squared loss.
    pub(super) fn identity(
        scaling: &Scaling,
        weights: Option<&[f64]>,
        rows: Rows,
        weighted: bool,
    ) -> Result<Self, ModelError> {
        let factors = Factors::new(weights, rows, weighted)?;
        Ok(Self::Identity { factors, targets: in_score_units(&scaling.targets) })
    }

    /// Of a family with the logarithm as its link and this power of the mean as its variance.
    pub(super) async fn log(
        parties: &mut Parties,
        link: LogLink,
        power: f64,
    ) -> Result<Self, ModelError> {
        let exponential = Box::new(Exponential::prepare(parties).await?);
        Ok(Self::Log { exponential, link, power })
    }

    /// Shares of the residuals, from shares of the linear predictors of all rows; of several
    /// classes those of all but the last, as the predictors are.
    pub(super) async fn residuals(
        &self,
        parties: &mut Parties,
        mut scores: Vec<Vec<u64>>,
    ) -> Result<Vec<Vec<u64>>, ModelError> {
        match self {
            Self::Logistic { sigmoid, scales, targets } => {
                let scores = scores.concat();
                let mut residuals =
                    sigmoid.evaluate(parties, &scores, scales, RESIDUAL_BITS).await?;
                subtract(&mut residuals, targets);
                Ok(vec![residuals])
            }
            Self::Softmax { softmax, rows } => {
                let count = scores.len();
                scores.push(negated_sum(scores.iter().map(Vec::as_slice)));
                let factors = rows.factors(parties.is_first());
                let mut residuals =
                    softmax.evaluate(parties, &scores, factors, RESIDUAL_BITS).await?;
                rows.subtract(&mut residuals);
                residuals.truncate(count);
                Ok(residuals)
            }
            Self::Identity { factors, targets } => {
                Ok(vec![identity_residuals(parties, factors, targets, scores.concat()).await?])
            }
            Self::Log { exponential, link, .. } => {
                let LogLink { range, terms, constants, offsets } = link;
                let mut scores = scores.concat();
                add(&mut scores, offsets);
                let terms: Vec<Term<'_>> =
                    terms.iter().map(|(rate, factors)| Term { rate: *rate, factors }).collect();
                let residuals =
                    exponential.evaluate(parties, &scores, &terms, *range, LOG_RESIDUAL_BITS);
                let mut residuals = residuals.await?;
                add(&mut residuals, constants);
                Ok(vec![residuals])
            }
        }
    }

    /// Fractional bits of residuals.
    pub(super) fn residual_bits(&self) -> u32 {
        match self {
            Self::Logistic { .. } | Self::Softmax { .. } | Self::Identity { .. } => RESIDUAL_BITS,
            Self::Log { .. } => LOG_RESIDUAL_BITS,
        }
    }

    /// The number of classes that have coefficients; 1 but for several classes.
    pub(super) fn classes(&self) -> usize {
        if let Self::Softmax { rows, .. } = self { rows.count } else { 1 }
    }

    /// The curvature by which a gradient may grow with the distance from the optimum; residuals of
    /// log-losses are bounded.
    pub(super) fn growth(&self, curvature: f64) -> f64 {
        if matches!(self, Self::Logistic { .. } | Self::Softmax { .. }) { 1.0 } else { curvature }
    }

    /// The smallest gradient at which training can stop, with so many parties and this bound on the
    /// curvature of a block.
    ///
    /// The rounding of the sigmoid moves the gradient by its deviation times 2√(variables/rows),
    /// and by the root of the rows' mean squared factor, which the curvature bounds. That of an
    /// exponential does by its deviation times √(variables/rows), and by the root of the mean
    /// squared term in units of the mean target, which is taken for at most 2. Of the probabilities
    /// of several classes it is at most half of that for each class.
    pub(super) fn rounding(&self, parties: usize, curvature: f64) -> f64 {
        match self {
            Self::Logistic { .. } => SQRT_2 * sigmoid::deviation(parties) * curvature.sqrt(),
            Self::Identity { .. } => 0.0,
            Self::Softmax { .. } | Self::Log { .. } => {
                SQRT_2 * exponential::deviation(parties) * curvature.sqrt()
            }
        }
    }
}

/// Shares of `s·(z - y)`.
pub(super) async fn identity_residuals(
    parties: &mut Parties,
    factors: &Factors,
    targets: &[u64],
    mut scores: Vec<u64>,
) -> Result<Vec<u64>, ModelError> {
    subtract(&mut scores, targets);
    let scores = truncate(parties, &scores, SCORE_SHIFT).await?;
    let factors = factors.known(parties.is_first());
    let products = multiply_by(parties, factors, FACTOR_WIDTH, &scores).await?;
    Ok(truncate(parties, &products, FACTOR_BITS).await?)
}
