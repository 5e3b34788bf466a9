//! The objective's gradient on shares, in whitened variables and fixed point.
//!
//! Units of 1.0: columns 2^c (`column_bits`); scores [`SCORE_UNIT`] = 2^48/50, so that one period of
//! the sigmoid's sine series is 2^48; coefficients `SCORE_UNIT`/2^c; residuals 2^r
//! (`residual_bits`), already multiplied by ω_i·2^m/Σω with 2^m ≥ n, so that their sum over rows needs
//! no division; gradients 2^[`GRADIENT_BITS`].

use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::matrix::{Blocks, Geometry, SharedProduct};
use mpc::reveal::{Learner, learn};
use mpc::sigmoid::{SCORE_UNIT, Sigmoid};

use super::Labels;
use super::whitening::{PENALTY_BITS, Whitened, column_bits};
use crate::ModelError;

/// Fractional bits of gradients.
pub(super) const GRADIENT_BITS: u32 = 36;
/// Fractional bits of residuals; with at most 2^22 rows their weighted sums stay below 2^61.
const RESIDUAL_BITS: u32 = 30;

/// Everything that one pass over the data needs.
pub(super) struct Objective<'a> {
    product: SharedProduct<'a>,
    sigmoid: Sigmoid,
    whitened: &'a Whitened,
    /// The guest's ω_i·2^m/Σω, or the public 2^m/n at the host.
    row_scales: Vec<f64>,
    /// The guest's y_i·ω_i·2^m/Σω in residual units; empty at the host.
    targets: Vec<u64>,
    log_rows: u32,
    column_bits: u32,
    /// Own columns and the peer's, intercept included.
    pub(super) own: usize,
    pub(super) theirs: usize,
}

impl<'a> Objective<'a> {
    /// Sets the encrypted products up, for own whitened columns.
    pub(super) async fn prepare(
        party: &mut TwoParty,
        whitened: &'a Whitened,
        geometry: &'a Geometry,
        rows: usize,
        labels: Option<Labels<'_>>,
    ) -> Result<Self, ModelError> {
        let log_rows = usize::BITS - (rows - 1).leading_zeros();
        let row_scales = row_scales(labels, rows, log_rows)?;
        let targets = labels.map_or_else(Vec::new, |labels| {
            let unit = (1_u64 << RESIDUAL_BITS) as f64;
            let pairs = labels.values.iter().zip(&row_scales);
            pairs.map(|(label, scale)| (f64::from(*label) * scale * unit).round() as u64).collect()
        });
        let product = SharedProduct::prepare(party, geometry, &whitened.columns).await?;
        let sigmoid = Sigmoid::prepare(party).await?;
        let (own, theirs) = (whitened.columns.len(), geometry.their_columns());
        let column_bits = column_bits(rows);
        Ok(Self {
            product,
            sigmoid,
            whitened,
            row_scales,
            targets,
            log_rows,
            column_bits,
            own,
            theirs,
        })
    }

    /// Shares of the gradient at the shared point: own columns first, then the peer's, at
    /// 2^[`GRADIENT_BITS`].
    pub(super) async fn gradient(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
    ) -> Result<Blocks, ModelError> {
        let scores = self.product.forward(party, point).await?;
        let mut residuals =
            self.sigmoid.evaluate(party, &scores, &self.row_scales, RESIDUAL_BITS).await?;
        for (residual, target) in residuals.iter_mut().zip(&self.targets) {
            *residual = residual.wrapping_sub(*target);
        }
        // The penalty's rows join the sum over data rows, brought to the same unit:
        // 2^p · (v·2^(48-c)/50) · multiplier = 2^(c+r+m) · v; 2c + m is 35 or 36.
        let shift = 2 * self.column_bits + RESIDUAL_BITS + self.log_rows - 48 - PENALTY_BITS;
        let multiplier = 50_u64 << shift;
        let lift =
            |block: &[u64]| block.iter().map(|v| v.wrapping_mul(multiplier)).collect::<Vec<_>>();
        let penalty = Blocks { own: lift(&point.own), theirs: lift(&point.theirs) };
        let sums = self.product.backward(party, &residuals, &penalty).await?;
        let drop = self.column_bits + RESIDUAL_BITS + self.log_rows - GRADIENT_BITS;
        let own = sums.own.len();
        let mut joined = in_party_order(party, sums.own, sums.theirs);
        joined = truncate(party, &joined, drop).await?;
        Ok(from_party_order(party, joined, own))
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
        Ok(self.whitened.coefficients(&values))
    }

    /// Ring units of a coefficient of 1.0.
    pub(super) fn coefficient_unit(&self) -> f64 {
        SCORE_UNIT / (1_u64 << self.column_bits) as f64
    }
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

fn row_scales(
    labels: Option<Labels<'_>>,
    rows: usize,
    log_rows: u32,
) -> Result<Vec<f64>, ModelError> {
    let even = 2_f64.powi(log_rows as i32) / rows as f64;
    let Some(weights) = labels.and_then(|labels| labels.weights) else {
        return Ok(vec![even; rows]);
    };
    let sum: f64 = weights.iter().sum();
    let valid = weights.len() == rows && weights.iter().all(|weight| *weight >= 0.0);
    if !valid || !(sum > 0.0 && sum.is_finite()) {
        return Err(ModelError::InvalidInput(
            "weights must be finite, not negative, not all zero, one for each row".to_owned(),
        ));
    }
    let scales: Vec<f64> = weights.iter().map(|weight| weight / sum * rows as f64 * even).collect();
    let largest = scales.iter().copied().fold(0.0, f64::max);
    if largest > mpc::sigmoid::ROW_SCALE_MAX {
        return Err(ModelError::InvalidInput(format!(
            "the largest row weight is {:.1} times the mean; fixed point allows {:.1}; cap the weights",
            largest / even,
            mpc::sigmoid::ROW_SCALE_MAX / even
        )));
    }
    Ok(scales)
}
