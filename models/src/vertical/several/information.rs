//! What standard errors need of the rows, with linear predictors that are shared among several
//! parties; see `generalized_linear::information`.

use mpc::several::Parties;
use mpc::several::exponential::Term;
use mpc::several::product::Products;
use mpc::several::sigmoid::Sigmoid;
use mpc::{Arithmetic, product::Form};

use super::response::{Response, identity_residuals};
use crate::ModelError;
use crate::vertical::generalized_linear::information::{
    DISPERSION_BITS, Fixed, INFORMATION_BITS, LOG_DISPERSION_BITS, MEAN_BITS, PROBABILITY_BITS,
    Roots, mean_square,
};
use crate::vertical::generalized_linear::response::{LOG_RESIDUAL_BITS, RESIDUAL_BITS, add};

impl Response {
    /// Whether the variance has a dispersion that has to be estimated.
    pub(super) fn has_dispersion(&self) -> bool {
        match self {
            Self::Logistic { .. } | Self::Softmax { .. } => false,
            Self::Identity { .. } => true,
            Self::Log { power, .. } => *power > 1.0,
        }
    }

    /// Shares of every row's information, from shares of all linear predictors.
    pub(super) async fn information(
        &self,
        parties: &mut Parties,
        products: &Products,
        mut scores: Vec<u64>,
    ) -> Result<Fixed<Vec<u64>>, ModelError> {
        let exact = |shares| Fixed { shares, bits: INFORMATION_BITS };
        match self {
            Self::Logistic { sigmoid, scales, .. } => {
                Ok(exact(variances(parties, products, sigmoid, scales, &scores).await?))
            }
            Self::Softmax { .. } => Err(of_one_class()),
            Self::Identity { factors, .. } => Ok(exact(factors.words(parties, scores.len()))),
            Self::Log { link, power, .. } if *power >= 2.0 => {
                // The mean cancels, and what is left is the guest's.
                const { assert!(LOG_RESIDUAL_BITS == INFORMATION_BITS) };
                let mut shares = link.constants.clone();
                shares.resize(scores.len(), 0);
                Ok(exact(shares))
            }
            Self::Log { exponential, link, .. } => {
                add(&mut scores, &link.offsets);
                let terms = link.terms.iter().take(1);
                let means: Vec<Term<'_>> =
                    terms.map(|(rate, factors)| Term { rate: *rate, factors }).collect();
                let shares =
                    exponential.evaluate(parties, &scores, &means, link.range, MEAN_BITS).await?;
                Ok(Fixed { shares, bits: MEAN_BITS })
            }
        }
    }

    /// A share modulo 2^128 of the sum of all squared residuals, in units of the variance and times
    /// `s_i`, by 2^`log_rows`; `None` without a dispersion.
    pub(super) async fn dispersion(
        &self,
        parties: &mut Parties,
        products: &Products,
        mut scores: Vec<u64>,
        log_rows: u32,
    ) -> Result<Option<Fixed<u128>>, ModelError> {
        if !self.has_dispersion() {
            return Ok(None);
        }
        let (residuals, bits) = match self {
            Self::Logistic { .. } | Self::Softmax { .. } => return Ok(None),
            Self::Identity { factors, targets } => {
                let roots = factors.roots();
                let shares = identity_residuals(parties, &roots, targets, scores).await?;
                (Fixed { shares, bits: RESIDUAL_BITS }, DISPERSION_BITS)
            }
            Self::Log { exponential, link, power } => {
                add(&mut scores, &link.offsets);
                let roots = Roots::new(&link.terms, &link.constants, *power);
                let (range, bits) = (roots.range()?, LOG_RESIDUAL_BITS);
                let shares =
                    exponential.evaluate(parties, &scores, &roots.terms(), range, bits).await?;
                (roots.residuals(shares), LOG_DISPERSION_BITS)
            }
        };
        Ok(Some(mean_square(parties, products, &residuals, (log_rows, bits)).await?))
    }
}

/// Shares of `s·p·(1 - p)`, as the product of `√s·p` and `√s - √s·p`.
async fn variances(
    parties: &mut Parties,
    products: &Products,
    sigmoid: &Sigmoid,
    scales: &[f64],
    scores: &[u64],
) -> Result<Vec<u64>, ModelError> {
    let roots: Vec<f64> = scales.iter().map(|scale| scale.sqrt()).collect();
    let left = sigmoid.evaluate(parties, scores, &roots, PROBABILITY_BITS).await?;
    let left: Vec<u128> = left.into_iter().map(u128::from).collect();
    let left = parties.widen(&[(&left, 64, 0)]).await?.swap_remove(0);
    let one = f64::from(parties.share_of_public(1 << PROBABILITY_BITS) as u32);
    let pairs = roots.iter().zip(&left);
    let right: Vec<u128> =
        pairs.map(|(root, left)| ((root * one).round() as u128).wrapping_sub(*left)).collect();
    let form = Form::product(0, 1, 2 * PROBABILITY_BITS - INFORMATION_BITS);
    let variances = products.evaluate(parties, &[&left, &right], &[form]).await?;
    Ok(variances.iter().flatten().map(|share| *share as u64).collect())
}

/// There are no standard errors of several classes, which training refuses before.
fn of_one_class() -> ModelError {
    ModelError::InvalidInput("standard errors are those of one class".to_owned())
}
