//! The objective's gradient on shares, in whitened variables and fixed point.
//!
//! Units of 1.0: columns 2^c (`column_bits`); scores [`SCORE_UNIT`] = 2^48/50, so that one period
//! of the sigmoid's sine series is 2^48; coefficients `SCORE_UNIT`/2^c; residuals 2^r
//! ([`RESIDUAL_BITS`]), already multiplied by `ω_i·2^m/Σω` with 2^m ≥ n, so that their sum over
//! rows needs no division; gradients 2^[`GRADIENT_BITS`].
//!
//! Validation rows follow the training rows in the products and the sigmoid. Of the gradient of
//! their loss only the sign of a product is wanted, so their residuals carry factors from 0 to 1
//! with a sum of at most 2^10 instead: whatever their values, sums stay below 2^60.

use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::matrix::{Blocks, Geometry, SharedProduct};
use mpc::reveal::{Learner, learn};
use mpc::sigmoid::{Accuracy, SCORE_UNIT, Sigmoid};

use super::whitening::{PENALTY_BITS, Whitened, column_bits};
use super::woe::WoeBlock;
use super::{Labels, Rows};
use crate::ModelError;

/// Fractional bits of gradients.
pub(super) const GRADIENT_BITS: u32 = 36;
/// Fractional bits of residuals; with at most 2^22 rows their weighted sums stay below 2^61.
const RESIDUAL_BITS: u32 = 30;

/// Fractional bits, at least, of the gradient of 2^10 validation rows that count alike.
const VALIDATION_BITS: u32 = 24;
/// Logarithm of the largest sum of the factors of validation rows.
const VALIDATION_SUM_BITS: u32 = 10;

/// Everything that one pass over the data needs.
pub(super) struct Objective<'a> {
    product: SharedProduct<'a>,
    sigmoid: Sigmoid,
    whitened: &'a Whitened,
    woe: &'a WoeBlock,
    /// The guest's factors of the rows: `ω_i·2^m/Σω` for training rows. Ones at the host.
    row_scales: Vec<f64>,
    /// The guest's `y_i` times these factors, in residual units; empty at the host.
    targets: Vec<u64>,
    rows: Rows,
    log_rows: u32,
    column_bits: u32,
    blocks: usize,
    /// Own variables and the peer's: whitened columns, intercept included, and features with weight
    /// of evidence at the host.
    pub(super) own: usize,
    pub(super) theirs: usize,
}

/// A party's part of the joint training, ready for the products.
pub(super) struct Prepared {
    /// The own columns as integers, see `whitening` and `woe`.
    pub(super) columns: Vec<Vec<i32>>,
    /// The way back to coefficients of the plain columns.
    pub(super) whitened: Whitened,
    /// The features whose weight of evidence the guest keeps.
    pub(super) woe: WoeBlock,
    /// How many rows there are.
    pub(super) rows: Rows,
}

/// Shares of the gradients at one point.
pub(super) struct Gradients {
    /// Of the objective, at 2^[`GRADIENT_BITS`].
    pub(super) training: Blocks,
    /// Of the validation rows' loss without penalties, times an unknown positive factor; `None`
    /// without such rows.
    pub(super) validation: Option<Blocks>,
}

impl<'a> Objective<'a> {
    /// Sets the encrypted products up.
    pub(super) async fn prepare(
        party: &mut TwoParty,
        prepared: &'a Prepared,
        geometry: &'a Geometry,
        labels: Option<Labels<'_>>,
    ) -> Result<Self, ModelError> {
        let Prepared { columns, whitened, woe, rows } = prepared;
        let (own, theirs) = variables(party, prepared, geometry)?;
        let log_rows = usize::BITS - (rows.training - 1).leading_zeros();
        let row_scales = row_scales(labels, *rows, log_rows)?;
        let targets = labels.map_or_else(Vec::new, |labels| {
            let unit = (1_u64 << RESIDUAL_BITS) as f64;
            let pairs = labels.values.iter().zip(&row_scales);
            pairs.map(|(label, scale)| (f64::from(*label) * scale * unit).round() as u64).collect()
        });
        let product = SharedProduct::prepare(party, geometry, columns).await?;
        let sigmoid = Sigmoid::prepare(party).await?;
        let plain = if party.is_first() { theirs } else { own } - woe.features();
        let column_bits = column_bits(rows.training);
        let blocks = 1 + usize::from(plain > 0) + usize::from(woe.features() > 0);
        Ok(Self {
            product,
            sigmoid,
            whitened,
            woe,
            row_scales,
            targets,
            rows: *rows,
            log_rows,
            column_bits,
            blocks,
            own,
            theirs,
        })
    }

    /// Shares of the gradients at the shared point, over the first `rows`: all, or a sample of the
    /// training rows (see [`SharedProduct::forward`]), for which everything is `rows` to training
    /// rows times the gradient, and no validation gradient is made.
    pub(super) async fn gradients(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
        rows: usize,
        accuracy: Accuracy,
    ) -> Result<Gradients, ModelError> {
        let by_column = self.woe.expand(party, point).await?;
        let scores = self.product.forward(party, &by_column, rows).await?;
        let row_scales = &self.row_scales[..rows];
        let mut residuals =
            self.sigmoid.evaluate(party, &scores, row_scales, RESIDUAL_BITS, accuracy).await?;
        for (residual, target) in residuals.iter_mut().zip(&self.targets) {
            *residual = residual.wrapping_sub(*target);
        }
        let held_out = residuals.split_off(self.rows.training.min(rows));
        let training = self.training_gradient(party, point, &residuals).await?;
        let validation = if held_out.is_empty() {
            None
        } else {
            let residuals = [vec![0; self.rows.training], held_out].concat();
            Some(self.validation_gradient(party, point, &residuals).await?)
        };
        Ok(Gradients { training, validation })
    }

    async fn training_gradient(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
        residuals: &[u64],
    ) -> Result<Blocks, ModelError> {
        // The penalty's rows join the sum over data rows, brought to the same unit:
        // 2^p · (v·2^(48-c)/50) · multiplier = 2^(c+r+m) · v; 2c + m is 35 or 36.
        let shift = 2 * self.column_bits + RESIDUAL_BITS + self.log_rows - 48 - PENALTY_BITS;
        let share = residuals.len() as f64 / self.rows.training as f64;
        let multiplier = ((50_u64 << shift) as f64 * share).round() as u64;
        let lift =
            |block: &[u64]| block.iter().map(|v| v.wrapping_mul(multiplier)).collect::<Vec<_>>();
        let penalised = self.woe.without(party, point);
        let penalty = Blocks { own: lift(&penalised.own), theirs: lift(&penalised.theirs) };
        let sums = self.product.backward(party, residuals, &penalty).await?;
        let unit = multiplier as f64 * f64::from(1 << PENALTY_BITS);
        let sums = self.woe.collapse(party, sums, point, unit).await?;
        let drop = self.column_bits + RESIDUAL_BITS + self.log_rows - GRADIENT_BITS;
        truncate_blocks(party, sums, drop).await
    }

    async fn validation_gradient(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
        residuals: &[u64],
    ) -> Result<Blocks, ModelError> {
        let Blocks { mut own, mut theirs } = self.woe.without(party, point);
        own.fill(0);
        theirs.fill(0);
        let sums = self.product.backward(party, residuals, &Blocks { own, theirs }).await?;
        let sums = self.woe.collapse(party, sums, point, 0.0).await?;
        let sum_bits = self.rows.validation.ilog2().min(VALIDATION_SUM_BITS);
        let drop = self.column_bits + RESIDUAL_BITS + sum_bits - VALIDATION_BITS;
        truncate_blocks(party, sums, drop).await
    }

    /// Opens to each party its own block and turns it into coefficients of its columns.
    pub(super) async fn learn_coefficients(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
    ) -> Result<Vec<f64>, ModelError> {
        let (guest, host) = if party.is_first() {
            (&point.own, &point.theirs)
        } else {
            (&point.theirs, &point.own)
        };
        let to_guest = learn(party, "model.own_coefficients", Learner::First, guest).await?;
        let to_host = learn(party, "model.own_coefficients", Learner::Second, host).await?;
        let own = to_guest.or(to_host).unwrap_or_default();
        let values: Vec<f64> =
            own.into_iter().map(|word| word as i64 as f64 / self.coefficient_unit()).collect();
        let (plain, woe) = values.split_at(self.whitened.width());
        let mut coefficients = self.whitened.coefficients(plain);
        coefficients.extend(woe.iter().map(|value| value * self.woe.scale()));
        Ok(coefficients)
    }

    /// The number of blocks, each of curvature at most 1 in its variables.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Ring units of a coefficient of 1.0.
    pub(super) fn coefficient_unit(&self) -> f64 {
        SCORE_UNIT / (1_u64 << self.column_bits) as f64
    }
}

async fn truncate_blocks(
    party: &mut TwoParty,
    blocks: Blocks,
    shift: u32,
) -> Result<Blocks, ModelError> {
    let own = blocks.own.len();
    let joined = in_party_order(party, blocks.own, blocks.theirs);
    let joined = truncate(party, &joined, shift).await?;
    Ok(from_party_order(party, joined, own))
}

/// The numbers of own variables and the peer's.
fn variables(
    party: &TwoParty,
    prepared: &Prepared,
    geometry: &Geometry,
) -> Result<(usize, usize), ModelError> {
    let plain = prepared.whitened.width();
    let (features, indicators) = (prepared.woe.features(), prepared.woe.indicators());
    if !party.is_first() {
        return Ok((plain + features, geometry.their_columns()));
    }
    let Some(theirs) = geometry.their_columns().checked_sub(indicators) else {
        let rule = format!("{indicators} bins were agreed on, each with a column");
        return Err(party.session.misbehaved("shape", rule).into());
    };
    Ok((plain, theirs + features))
}

/// One vector in an order both parties agree on: the guest's columns first.
pub(super) fn in_party_order(party: &TwoParty, own: Vec<u64>, theirs: Vec<u64>) -> Vec<u64> {
    let (mut first, second) = if party.is_first() { (own, theirs) } else { (theirs, own) };
    first.extend(second);
    first
}

/// The inverse of [`in_party_order`], given the number of own columns.
pub(super) fn from_party_order(party: &TwoParty, mut joined: Vec<u64>, own: usize) -> Blocks {
    if party.is_first() {
        let theirs = joined.split_off(own.min(joined.len()));
        Blocks { own: joined, theirs }
    } else {
        let tail = joined.split_off(joined.len().saturating_sub(own));
        Blocks { own: tail, theirs: joined }
    }
}

/// What each row's residual is multiplied by, see the module's documentation.
fn row_scales(
    labels: Option<Labels<'_>>,
    rows: Rows,
    log_rows: u32,
) -> Result<Vec<f64>, ModelError> {
    let even = vec![1.0; rows.all()];
    let Some(labels) = labels else { return Ok(even) };
    let weights = labels.weights.unwrap_or(&even);
    let valid = |weights: &[f64]| {
        let sum: f64 = weights.iter().sum();
        weights.iter().all(|weight| *weight >= 0.0) && sum > 0.0 && sum.is_finite()
    };
    let is_long_enough = weights.len() == rows.all();
    let (training, validation) = weights.split_at(rows.training.min(weights.len()));
    if !(is_long_enough && valid(training) && (validation.is_empty() || valid(validation))) {
        return Err(ModelError::InvalidInput(
            "weights must be finite, not negative, not all zero, one for each row".to_owned(),
        ));
    }
    let mut scales = training_scales(training, log_rows)?;
    scales.extend(validation_scales(validation));
    Ok(scales)
}

fn training_scales(weights: &[f64], log_rows: u32) -> Result<Vec<f64>, ModelError> {
    let (rows, sum) = (weights.len() as f64, weights.iter().sum::<f64>());
    let even = 2_f64.powi(log_rows as i32) / rows;
    let scales: Vec<f64> = weights.iter().map(|weight| weight / sum * rows * even).collect();
    let largest = scales.iter().copied().fold(0.0, f64::max);
    if largest > mpc::sigmoid::ROW_SCALE_MAX {
        return Err(ModelError::InvalidInput(format!(
            "the largest row weight is {:.1} times the mean; fixed point allows {:.1}; cap the \
             weights",
            largest / even,
            mpc::sigmoid::ROW_SCALE_MAX / even
        )));
    }
    Ok(scales)
}

fn validation_scales(weights: &[f64]) -> impl Iterator<Item = f64> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let sum: f64 = weights.iter().sum();
    let scale = (1.0 / largest).min(f64::from(1 << VALIDATION_SUM_BITS) / sum);
    weights.iter().map(move |weight| weight * scale)
}
