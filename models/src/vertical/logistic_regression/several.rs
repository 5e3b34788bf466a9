//! Logistic regression over the columns of one guest and several hosts, in `strict` privacy.
//!
//! # Functionality
//! That of [`train`](super::train) for two parties, among n: the first party is the guest, all
//! others are hosts, and each ends with its own coefficients. There is no l1 penalty, no early
//! stopping, no weight of evidence that stays with the guest, and no standard error.
//! # Messages
//! 1. once: `weighted` guest → each host; the parts of the encrypted products that never change,
//!    between each two parties (`mpc::several::matrix`), and keys (`mpc::several::sigmoid`)
//! 2. per pass: the scores, the probabilities, the gradient, truncations, and one stop bit
//! 3. `share` to each party, at the end: its own coefficients
//! # Leaks
//! To all: numbers of rows and of each party's columns, whether rows have weights, the number of
//! passes, one stop bit per pass. To each party: its own final coefficients.
//! # Security
//! Semi-honest, against any n - 1 parties together; see `mpc::several`. The columns of two hosts
//! meet in shares only.
//! # Cost
//! Per pass, for each row in whole 8192, what `mpc::several::sigmoid` says, and between each two
//! parties what `mpc::matrix` says; every pass is over all rows.
//! # Reference
//! That of [`super`]; the joint curvature of n blocks is at most n (`whitening`).

use std::f64::consts::SQRT_2;

use mpc::several::matrix::{Geometries, SharedProducts};
use mpc::several::reveal::{learn_each, open_bit};
use mpc::several::sigmoid::{Sigmoid, deviation};
use mpc::several::{Parties, truncate};
use net::together;

use super::descent::{Descent, Pass};
use super::objective::{Units, coefficient_unit};
use super::optimiser::INVERSE_STEP_PER_BLOCK;
use super::whitening::{Whitened, column_bits};
use super::{
    Coefficients, Ending, Labels, QUERIES, Rows, STEEPNESS, Settings, agree_on_weights, check,
    curvature, whiten, with_intercept,
};
use crate::ModelError;
use crate::vertical::generalized_linear::response::{RESIDUAL_BITS, row_scales, subtract};

/// Trains on `columns` (own columns, all finite, standardised). The guest passes its labels, hosts
/// `None`. Training ends at the tolerance of the `settings`, but at no smaller gradient than the
/// rounding of the sigmoid allows, which is 7e-5 with three parties and 3e-3 with five, and with
/// weights up to twice that.
///
/// # Errors
/// [`ModelError::InvalidInput`] for settings that need two parties, labels of one class, too few
/// rows, values that are not finite; [`ModelError::Secure`] when a peer fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    parties: &mut Parties,
    columns: &'a [&[f64]],
    labels: Option<Labels<'a>>,
    settings: &Settings,
) -> Result<Coefficients, ModelError> {
    let is_guest = parties.is_first();
    if settings.l1 > 0.0 || settings.early_stopping.is_some() || settings.standard_errors {
        return Err(ModelError::InvalidInput(
            "with several hosts there is no l1 penalty, no early stopping and no standard error"
                .to_owned(),
        ));
    }
    let rows = check(is_guest, columns, labels, None, settings)?;
    let weighted = weighted(parties, labels).await?;
    let whitened = whiten(parties.session(), is_guest, columns, rows, settings, STEEPNESS).await?;
    let passes = QUERIES.min(settings.passes_max);
    let geometries = Geometries::agree(parties, rows.all(), whitened.columns.len(), passes).await?;
    let objective = Objective {
        product: SharedProducts::prepare(parties, &geometries, &whitened.columns).await?,
        sigmoid: Sigmoid::prepare(parties).await?,
        scales: row_scales(labels.and_then(|labels| labels.weights), rows)?,
        labels: labels.map_or(&[], |labels| labels.values),
        widths: geometries.widths(),
        rows,
    };
    let (result, ending) = descend(parties, &objective, settings, weighted).await?;
    learn(parties, &objective, &whitened, &result, ending).await
}

/// Whether rows have weights, which the guest says to each host.
async fn weighted(parties: &mut Parties, labels: Option<Labels<'_>>) -> Result<bool, ModelError> {
    let weighted = labels.map(|labels| labels.weights.is_some());
    let peers = if parties.is_first() { parties.count() - 1 } else { 1 };
    let links = parties.links().iter_mut().take(peers);
    let answers = together(links.map(|link| agree_on_weights(link, weighted))).await?;
    Ok(answers.contains(&true))
}

/// Everything that one pass over the data needs; see `objective` for the units.
struct Objective<'a> {
    product: SharedProducts<'a>,
    sigmoid: Sigmoid,
    /// The factors of the rows; ones at hosts.
    scales: Vec<f64>,
    /// Empty at hosts.
    labels: &'a [u8],
    /// The number of variables of each party.
    widths: &'a [usize],
    rows: Rows,
}

impl Objective<'_> {
    fn units(&self) -> Units {
        let (column_bits, log_rows) = (column_bits(self.rows.training), self.rows.log_training());
        Units { column_bits, residual_bits: RESIDUAL_BITS, log_rows }
    }

    /// Shares of the gradient at a shared point.
    async fn gradient(&self, parties: &mut Parties, point: &[u64]) -> Result<Vec<u64>, ModelError> {
        let (units, blocks) = (self.units(), self.by_party(point));
        let residuals = self.residuals(parties, &blocks).await?;
        let multiplier = units.penalty_multiplier(1.0);
        let penalty = |block: &Vec<u64>| block.iter().map(|v| v.wrapping_mul(multiplier)).collect();
        let penalties: Vec<Vec<u64>> = blocks.iter().map(penalty).collect();
        let sums = self.product.backward(parties, &residuals, &penalties).await?;
        Ok(truncate(parties, &sums.concat(), units.gradient_shift()).await?)
    }

    /// Shares of the residuals at a shared point.
    async fn residuals(
        &self,
        parties: &mut Parties,
        point: &[Vec<u64>],
    ) -> Result<Vec<u64>, ModelError> {
        let scores = self.product.forward(parties, point, self.rows.all()).await?;
        let mut residuals =
            self.sigmoid.evaluate(parties, &scores, &self.scales, RESIDUAL_BITS).await?;
        let unit = f64::from(1 << RESIDUAL_BITS);
        let target = |(label, scale): (&u8, &f64)| (f64::from(*label) * scale * unit).round();
        let targets: Vec<u64> =
            self.labels.iter().zip(&self.scales).map(|pair| target(pair) as u64).collect();
        subtract(&mut residuals, &targets);
        Ok(residuals)
    }

    /// The parts of a vector over all variables that belong to each party.
    fn by_party(&self, mut vector: &[u64]) -> Vec<Vec<u64>> {
        let part = |width: &usize| {
            let (part, rest) = vector.split_at(*width);
            vector = rest;
            part.to_vec()
        };
        self.widths.iter().map(part).collect()
    }
}

/// Minimises the loss; the shared result.
async fn descend(
    parties: &mut Parties,
    objective: &Objective<'_>,
    settings: &Settings,
    weighted: bool,
) -> Result<(Vec<u64>, Ending), ModelError> {
    let blocks = parties.count() as f64;
    let curvature = curvature(weighted, objective.rows.training);
    let inverse_step = INVERSE_STEP_PER_BLOCK * curvature * blocks;
    let unit = coefficient_unit(column_bits(objective.rows.training));
    let descent = Descent::new(unit, inverse_step);
    // The sigmoid's rounding moves the gradient by its deviation times 2√(variables/rows), and by
    // the root of the rows' mean squared factor, which the curvature bounds.
    let rounding = SQRT_2 * deviation(parties.count()) * curvature.sqrt();
    let bound = descent.bound(settings.tolerance.max(rounding));
    let mut current = vec![0; objective.widths.iter().sum()];
    let mut ahead = current.clone();
    let mut passes = 0;
    loop {
        parties.session().report_progress(passes, settings.passes_max);
        let gradient = objective.gradient(parties, &ahead).await?;
        let next = descent.propose(parties, &ahead, &gradient, 1.0).await?;
        let pass = Pass { current: &current, ahead: &ahead, next: &next, validation: &[] };
        let (beyond, verdict) = descent.judge(parties, &pass, bound, passes as u32).await?;
        (current, ahead) = (next, beyond);
        passes += 1;
        let converged = open_bit(parties, "train.stop", verdict.small).await?;
        if converged || passes >= settings.passes_max {
            return Ok((current, Ending { passes, converged }));
        }
    }
}

/// Opens to each party its own coefficients.
async fn learn(
    parties: &mut Parties,
    objective: &Objective<'_>,
    whitened: &Whitened,
    result: &[u64],
    ending: Ending,
) -> Result<Coefficients, ModelError> {
    let own = learn_each(parties, "model.own_coefficients", &objective.by_party(result)).await?;
    let unit = coefficient_unit(column_bits(objective.rows.training));
    let values: Vec<f64> = own.into_iter().map(|word| word as i64 as f64 / unit).collect();
    let (weights, intercept) =
        with_intercept(whitened, parties.is_first(), whitened.coefficients(&values));
    let Ending { passes, converged } = ending;
    Ok(Coefficients { weights, intercept, passes, converged, standard_errors: None })
}

#[cfg(test)]
mod tests;
