//! The objective's gradient on shares, in whitened variables and fixed point.
//!
//! Units of 1.0: columns 2^c (`column_bits`); scores [`SCORE_UNIT`] = 2^48/50, so that one period
//! of the sigmoid's sine series is 2^48; coefficients `SCORE_UNIT`/2^c; residuals 2^r
//! (`Response::residual_bits`), already multiplied by `ω_i·2^m/Σω` with 2^m ≥ n, so that their sum
//! over rows needs no division; gradients 2^[`GRADIENT_BITS`].
//!
//! Validation rows follow the training rows in the products and the residuals. Of the gradient of
//! their loss only the sign of a product is wanted, so their residuals carry factors from 0 to 1
//! with a sum of at most 2^10 instead: whatever their values, sums stay below 2^60.

use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::matrix::{Blocks, Geometry, SharedProduct};
use mpc::reveal::{Learner, learn};
use mpc::sigmoid::{Accuracy, SCORE_UNIT};

use super::Rows;
use super::whitening::{PENALTY_BITS, Whitened, column_bits};
use super::woe::WoeBlock;
use crate::ModelError;
use crate::vertical::generalized_linear::response::Response;

/// Fractional bits of gradients.
pub(in crate::vertical) const GRADIENT_BITS: u32 = 36;

/// Fractional bits, at least, of the gradient of 2^10 validation rows that count alike.
const VALIDATION_BITS: u32 = 24;
/// Logarithm of the largest sum of the factors of validation rows.
pub(in crate::vertical) const VALIDATION_SUM_BITS: u32 = 10;

/// Everything that one pass over the data needs.
pub(in crate::vertical) struct Objective<'a> {
    product: SharedProduct<'a>,
    response: Response,
    whitened: &'a Whitened,
    woe: &'a WoeBlock,
    rows: Rows,
    log_rows: u32,
    column_bits: u32,
    blocks: usize,
    /// Own variables and the peer's: whitened columns, intercept included, and features with weight
    /// of evidence at the host.
    pub(in crate::vertical) own: usize,
    pub(in crate::vertical) theirs: usize,
}

/// A party's part of the joint training, ready for the products.
pub(in crate::vertical) struct Prepared {
    /// The own columns as integers, see `whitening` and `woe`.
    pub(in crate::vertical) columns: Vec<Vec<i32>>,
    /// The way back to coefficients of the plain columns.
    pub(super) whitened: Whitened,
    /// The features whose weight of evidence the guest keeps.
    pub(super) woe: WoeBlock,
    /// How many rows there are.
    pub(in crate::vertical) rows: Rows,
}

/// Shares of the gradients at one point.
pub(in crate::vertical) struct Gradients {
    /// Of the objective, at 2^[`GRADIENT_BITS`].
    pub(in crate::vertical) training: Blocks,
    /// Of the validation rows' loss without penalties, times an unknown positive factor; `None`
    /// without such rows.
    pub(in crate::vertical) validation: Option<Blocks>,
}

impl<'a> Objective<'a> {
    /// Sets the encrypted products up, and the residuals by `response`.
    pub(in crate::vertical) async fn prepare(
        party: &mut TwoParty,
        prepared: &'a Prepared,
        geometry: &'a Geometry,
        response: impl AsyncFnOnce(&mut TwoParty) -> Result<Response, ModelError>,
    ) -> Result<Self, ModelError> {
        let Prepared { columns, whitened, woe, rows } = prepared;
        let (own, theirs) = variables(party, prepared, geometry)?;
        let product = SharedProduct::prepare(party, geometry, columns).await?;
        let response = response(party).await?;
        let plain = if party.is_first() { theirs } else { own } - woe.features();
        let column_bits = column_bits(rows.training);
        let blocks = 1 + usize::from(plain > 0) + usize::from(woe.features() > 0);
        Ok(Self {
            product,
            response,
            whitened,
            woe,
            rows: *rows,
            log_rows: rows.log_training(),
            column_bits,
            blocks,
            own,
            theirs,
        })
    }

    /// Shares of the linear predictors of the first `rows` at the shared point.
    pub(in crate::vertical) async fn scores(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
        rows: usize,
    ) -> Result<Vec<u64>, ModelError> {
        let by_column = self.woe.expand(party, point).await?;
        Ok(self.product.forward(party, &by_column, rows).await?)
    }

    /// Shares of the gradients at the shared point, over the first `rows`: all, or a sample of the
    /// training rows (see [`SharedProduct::forward`]), for which everything is `rows` to training
    /// rows times the gradient, and no validation gradient is made.
    pub(in crate::vertical) async fn gradients(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
        rows: usize,
        accuracy: Accuracy,
    ) -> Result<Gradients, ModelError> {
        let scores = self.scores(party, point, rows).await?;
        let mut residuals = self.response.residuals(party, scores, accuracy).await?;
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
        let units = self.units();
        let share = residuals.len() as f64 / self.rows.training as f64;
        let penalty = units.penalty(party, &self.woe.without(party, point), share).await?;
        let sums = self.product.backward(party, residuals, &penalty).await?;
        let unit = 50.0 * 2_f64.powi(units.penalty_shift()) * f64::from(1 << PENALTY_BITS);
        let sums = self.woe.collapse(party, sums, point, unit).await?;
        units.gradient(party, sums).await
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
        let residual_bits = self.response.residual_bits();
        let drop = self.column_bits + residual_bits + sum_bits - VALIDATION_BITS;
        truncate_blocks(party, sums, drop).await
    }

    /// Opens to each party its own block and turns it into coefficients of its columns.
    pub(in crate::vertical) async fn learn_coefficients(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
    ) -> Result<Vec<f64>, ModelError> {
        let values = learn_own(party, point, self.coefficient_unit()).await?;
        let (plain, woe) = values.split_at(self.whitened.width());
        let mut coefficients = self.whitened.coefficients(plain);
        coefficients.extend(woe.iter().map(|value| value * self.woe.scale()));
        Ok(coefficients)
    }

    /// How residuals follow from linear predictors.
    pub(in crate::vertical) fn response(&self) -> &Response {
        &self.response
    }

    /// All rows.
    pub(in crate::vertical) fn rows(&self) -> usize {
        self.rows.all()
    }

    /// Whether residuals can be had at a lower price, rounded coarsely.
    pub(super) fn has_coarse_residuals(&self) -> bool {
        matches!(self.response, Response::Logistic { .. })
    }

    /// What an optimiser needs to know of the variables.
    pub(in crate::vertical) fn space(&self) -> Space {
        let unit = self.coefficient_unit();
        Space { own: self.own, theirs: self.theirs, blocks: self.blocks, unit }
    }

    fn coefficient_unit(&self) -> f64 {
        coefficient_unit(self.column_bits)
    }

    fn units(&self) -> Units {
        Units {
            column_bits: self.column_bits,
            residual_bits: self.response.residual_bits(),
            log_rows: self.log_rows,
        }
    }
}

/// The variables that an optimiser moves.
#[derive(Clone, Copy, Debug)]
pub(in crate::vertical) struct Space {
    /// Own variables.
    pub(in crate::vertical) own: usize,
    /// The peer's.
    pub(in crate::vertical) theirs: usize,
    /// The number of blocks, each of curvature at most 1 in its variables.
    pub(in crate::vertical) blocks: usize,
    /// Ring units of a coefficient of 1.0.
    pub(in crate::vertical) unit: f64,
}

/// Ring units of a coefficient of 1.0.
pub(in crate::vertical) fn coefficient_unit(column_bits: u32) -> f64 {
    SCORE_UNIT / (1_u64 << column_bits) as f64
}

/// The units of a pass; see the module's documentation.
#[derive(Clone, Copy, Debug)]
pub(in crate::vertical) struct Units {
    /// c.
    pub(in crate::vertical) column_bits: u32,
    /// r.
    pub(in crate::vertical) residual_bits: u32,
    /// m.
    pub(in crate::vertical) log_rows: u32,
}

impl Units {
    /// The penalty's rows join the sum over data rows, brought to the same unit:
    /// 2^p · (v·2^(48-c)/50) · 50·2^shift = 2^(c+r+m) · v; 2c + m is 35 or 36 where all rows are
    /// trained on.
    fn penalty_shift(self) -> i32 {
        let Self { column_bits, residual_bits, log_rows } = self;
        (2 * column_bits + residual_bits + log_rows) as i32 - (48 + PENALTY_BITS) as i32
    }

    /// What the penalty's rows are multiplied by, for a `share` of the training rows.
    pub(in crate::vertical) async fn penalty(
        self,
        party: &mut TwoParty,
        point: &Blocks,
        share: f64,
    ) -> Result<Blocks, ModelError> {
        let shift = self.penalty_shift();
        let multiplier = ((50_u64 << shift.max(0)) as f64 * share).round() as u64;
        let lift =
            |block: &[u64]| block.iter().map(|v| v.wrapping_mul(multiplier)).collect::<Vec<_>>();
        let penalty = Blocks { own: lift(&point.own), theirs: lift(&point.theirs) };
        truncate_blocks(party, penalty, shift.min(0).unsigned_abs()).await
    }

    /// The gradient at 2^[`GRADIENT_BITS`], from sums over rows.
    pub(in crate::vertical) async fn gradient(
        self,
        party: &mut TwoParty,
        sums: Blocks,
    ) -> Result<Blocks, ModelError> {
        let Self { column_bits, residual_bits, log_rows } = self;
        truncate_blocks(party, sums, column_bits + residual_bits + log_rows - GRADIENT_BITS).await
    }
}

/// Opens to each party its own block, in the unit of the coefficients.
pub(in crate::vertical) async fn learn_own(
    party: &mut TwoParty,
    point: &Blocks,
    unit: f64,
) -> Result<Vec<f64>, ModelError> {
    let (guest, host) =
        if party.is_first() { (&point.own, &point.theirs) } else { (&point.theirs, &point.own) };
    let to_guest = learn(party, "model.own_coefficients", Learner::First, guest).await?;
    let to_host = learn(party, "model.own_coefficients", Learner::Second, host).await?;
    let own = to_guest.or(to_host).unwrap_or_default();
    Ok(own.into_iter().map(|word| word as i64 as f64 / unit).collect())
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
pub(in crate::vertical) fn in_party_order(
    party: &TwoParty,
    own: Vec<u64>,
    theirs: Vec<u64>,
) -> Vec<u64> {
    let (mut first, second) = if party.is_first() { (own, theirs) } else { (theirs, own) };
    first.extend(second);
    first
}

/// The inverse of [`in_party_order`], given the number of own columns.
pub(in crate::vertical) fn from_party_order(
    party: &TwoParty,
    mut joined: Vec<u64>,
    own: usize,
) -> Blocks {
    if party.is_first() {
        let theirs = joined.split_off(own.min(joined.len()));
        Blocks { own: joined, theirs }
    } else {
        let tail = joined.split_off(joined.len().saturating_sub(own));
        Blocks { own: tail, theirs: joined }
    }
}
