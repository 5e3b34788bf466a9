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

use std::slice;

use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::matrix::{Blocks, Geometry, SharedProduct};
use mpc::refresh::{Shared, refresh};
use mpc::reveal::{Learner, learn};
use mpc::sigmoid::{Accuracy, SCORE_UNIT};

use super::Rows;
use super::whitening::{PENALTY_BITS, Whitened, column_bits};
use super::woe::WoeBlock;
use crate::ModelError;
use crate::vertical::course::Start;
use crate::vertical::generalized_linear::response::{Residuals, Response};
use crate::vertical::levels::LevelBlock;
use crate::vertical::levels::sketch::Sketch;

/// The largest norm of a party's variables to begin with, which is that of its part of the linear
/// predictor, in deviations of the target (of logits, in halves): the squared norm of a step, with
/// twice 26 fractional bits, is then below 2^63.
const START_MAX: f64 = 8.0;
/// The longest gradient whose step, at most twice as long, has a square that can be compared with
/// twice 26 fractional bits.
const STEP_MAX: f64 = 22.6;

/// Fractional bits of gradients.
pub(in crate::vertical) const GRADIENT_BITS: u32 = 36;

/// Fractional bits, at least, of the gradient of 2^10 validation rows that count alike.
const VALIDATION_BITS: u32 = 24;
/// Logarithm of the largest sum of the factors of validation rows.
pub(in crate::vertical) const VALIDATION_SUM_BITS: u32 = 10;

/// Everything that one pass over the data needs.
pub(in crate::vertical) struct Objective<'a, R = Response> {
    product: SharedProduct<'a>,
    response: R,
    whitened: &'a Whitened,
    woe: &'a WoeBlock,
    levels: &'a LevelBlock,
    rows: Rows,
    log_rows: u32,
    column_bits: u32,
    blocks: usize,
    /// Own variables and the peer's: whitened columns, intercept included, features with weight
    /// of evidence at the host, and levels of categories.
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
    /// The categories of very many levels.
    pub(in crate::vertical) levels: LevelBlock,
    /// How many rows there are.
    pub(in crate::vertical) rows: Rows,
}

/// Shares of the gradients at one point.
#[derive(Default)]
pub(in crate::vertical) struct Gradients {
    /// Of the objective, at 2^[`GRADIENT_BITS`].
    pub(in crate::vertical) training: Blocks,
    /// Of the validation rows' loss without penalties, times an unknown positive factor; `None`
    /// without such rows.
    pub(in crate::vertical) validation: Option<Blocks>,
}

impl<'a, R: Residuals> Objective<'a, R> {
    /// Sets the encrypted products up, and the residuals by `response`.
    pub(in crate::vertical) async fn prepare(
        party: &mut TwoParty,
        prepared: &'a Prepared,
        geometry: &'a Geometry,
        response: impl AsyncFnOnce(&mut TwoParty) -> Result<R, ModelError>,
    ) -> Result<Self, ModelError> {
        let Prepared { columns, whitened, woe, levels, rows } = prepared;
        let (own, theirs) = variables(party, prepared, geometry)?;
        let product = SharedProduct::prepare(party, geometry, columns).await?;
        let response = response(party).await?;
        let plain = if party.is_first() { theirs } else { own } - woe.features();
        let column_bits = column_bits(rows.training);
        let blocks = 1 + usize::from(plain > 0) + usize::from(woe.features() > 0);
        let [own_levels, their_levels] = levels.variables();
        Ok(Self {
            product,
            response,
            whitened,
            woe,
            levels,
            rows: *rows,
            log_rows: rows.log_training(),
            column_bits,
            blocks: blocks + levels.categories(),
            own: own + own_levels,
            theirs: theirs + their_levels,
        })
    }

    /// Shares of the linear predictors of the first `rows` at each of the shared points.
    pub(in crate::vertical) async fn scores(
        &self,
        party: &mut TwoParty,
        points: &[Blocks],
        rows: usize,
    ) -> Result<Vec<Vec<u64>>, ModelError> {
        let mut by_column = Vec::with_capacity(points.len());
        for point in points {
            by_column.push(self.woe.expand(party, point).await?);
        }
        Ok(self.product.forward(party, &by_column, rows).await?)
    }

    /// Shares of the gradients at each shared point, from shares of its residuals of the first
    /// rows: all, or a sample of the training rows, for which everything is its rows to training
    /// rows times the gradient, and no validation gradient is made.
    pub(in crate::vertical) async fn gradients_of(
        &self,
        party: &mut TwoParty,
        points: &[Blocks],
        mut residuals: Vec<Vec<u64>>,
    ) -> Result<Vec<Gradients>, ModelError> {
        let held_out: Vec<Vec<u64>> = residuals
            .iter_mut()
            .map(|residuals| residuals.split_off(self.rows.training.min(residuals.len())))
            .collect();
        let training = self.training_gradients(party, points, &residuals).await?;
        let validation = if held_out.iter().all(Vec::is_empty) {
            training.iter().map(|_| None).collect()
        } else {
            let moved = |held_out| [vec![0; self.rows.training], held_out].concat();
            let residuals: Vec<Vec<u64>> = held_out.into_iter().map(moved).collect();
            self.validation_gradients(party, points, &residuals).await?
        };
        let pairs = training.into_iter().zip(validation);
        Ok(pairs.map(|(training, validation)| Gradients { training, validation }).collect())
    }

    async fn training_gradients(
        &self,
        party: &mut TwoParty,
        points: &[Blocks],
        residuals: &[Vec<u64>],
    ) -> Result<Vec<Blocks>, ModelError> {
        let units = self.units();
        let rows = residuals.first().map_or(0, Vec::len);
        let share = rows as f64 / self.rows.training as f64;
        let penalised: Vec<Blocks> =
            points.iter().map(|point| self.woe.without(party, point)).collect();
        let penalties = units.penalties(party, &penalised, share).await?;
        let unit = 50.0 * 2_f64.powi(units.penalty_shift()) * f64::from(1 << PENALTY_BITS);
        let sums = self.sums(party, points, residuals, &penalties, unit).await?;
        units.gradients(party, sums).await
    }

    async fn validation_gradients(
        &self,
        party: &mut TwoParty,
        points: &[Blocks],
        residuals: &[Vec<u64>],
    ) -> Result<Vec<Option<Blocks>>, ModelError> {
        let nothing = |point: &Blocks| {
            let Blocks { mut own, mut theirs } = self.woe.without(party, point);
            own.fill(0);
            theirs.fill(0);
            Blocks { own, theirs }
        };
        let penalties: Vec<Blocks> = points.iter().map(nothing).collect();
        let sums = self.sums(party, points, residuals, &penalties, 0.0).await?;
        let drop = self.units().validation_shift(self.rows.validation);
        Ok(truncate_blocks(party, sums, drop).await?.into_iter().map(Some).collect())
    }

    /// The sums over rows for each point, with its penalty; `unit` is that of a variable's.
    async fn sums(
        &self,
        party: &mut TwoParty,
        points: &[Blocks],
        residuals: &[Vec<u64>],
        penalties: &[Blocks],
        unit: f64,
    ) -> Result<Vec<Blocks>, ModelError> {
        let vectors: Vec<(&[u64], &Blocks)> =
            residuals.iter().map(Vec::as_slice).zip(penalties).collect();
        let by_column = self.product.backward(party, &vectors).await?;
        let mut sums = Vec::with_capacity(points.len());
        for (by_column, point) in by_column.into_iter().zip(points) {
            sums.push(self.woe.collapse(party, by_column, point, unit).await?);
        }
        Ok(sums)
    }

    /// Opens to each party its own block and turns it into coefficients of its columns, and after
    /// them those of its levels, for each of the vectors that lie one after the other in the block.
    pub(in crate::vertical) async fn learn_coefficients(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
    ) -> Result<Vec<Vec<f64>>, ModelError> {
        let values = learn_own(party, point, self.coefficient_unit()).await?;
        let coefficients = |values: &[f64]| {
            let mut values = values.to_vec();
            let levels = self.levels.coefficients(&mut values);
            let (plain, woe) = values.split_at(self.whitened.width());
            let mut coefficients = self.whitened.coefficients(plain);
            coefficients.extend(woe.iter().map(|value| value * self.woe.scale()));
            coefficients.extend(levels.concat());
            coefficients
        };
        Ok(values.chunks_exact(self.own.max(1)).map(coefficients).collect())
    }

    /// Shares of the point at which these coefficients stand, in party order; those of several
    /// vectors lie one after the other in each party's block. See [`Units::begin`].
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for coefficients of other columns, or that no training gives.
    pub(in crate::vertical) async fn point_of(
        &self,
        party: &mut TwoParty,
        start: &[Start],
        curvature: f64,
    ) -> Result<Vec<u64>, ModelError> {
        let mut variables = Vec::with_capacity(start.len() * self.own);
        for start in start {
            variables.extend(self.variables_of(party.is_first(), start)?);
        }
        let own = self.units().begin(&variables, 2, curvature)?;
        let theirs = vec![0; start.len() * self.theirs];
        let words = in_party_order(party, own, theirs);
        let mut shared = Shared { words, ..Shared::default() };
        refresh(party, &mut shared).await?;
        Ok(shared.words)
    }

    /// This party's variables.
    fn variables_of(&self, guest: bool, start: &Start) -> Result<Vec<f64>, ModelError> {
        let coefficients = start.coefficients(guest, self.own)?;
        let (plain, woe) = coefficients.split_at(self.whitened.width());
        let mut variables = self.whitened.variables(plain);
        variables.extend(woe.iter().map(|weight| weight / self.woe.scale()));
        Ok(variables)
    }

    /// How residuals follow from linear predictors.
    pub(in crate::vertical) fn response(&self) -> &R {
        &self.response
    }

    /// All rows.
    pub(in crate::vertical) fn rows(&self) -> usize {
        self.rows.all()
    }

    /// What an optimiser needs to know of the variables: of so many vectors, one after the other in
    /// each party's block.
    pub(in crate::vertical) fn space(&self, vectors: usize) -> Space {
        let (own, theirs) = (vectors * self.own, vectors * self.theirs);
        Space { own, theirs, blocks: self.blocks, unit: self.coefficient_unit() }
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
    pub(in crate::vertical) fn penalty_shift(self) -> i32 {
        let Self { column_bits, residual_bits, log_rows } = self;
        (2 * column_bits + residual_bits + log_rows) as i32 - (48 + PENALTY_BITS) as i32
    }

    /// What shares of variables are multiplied by to join as the penalty's rows, for a `share` of
    /// the training rows; for fewer bits of residuals the product is too large by a power of two.
    pub(in crate::vertical) fn penalty_multiplier(self, share: f64) -> u64 {
        ((50_u64 << self.penalty_shift().max(0)) as f64 * share).round() as u64
    }

    /// What the penalty's rows are multiplied by, for a `share` of the training rows.
    pub(in crate::vertical) async fn penalties(
        self,
        party: &mut TwoParty,
        points: &[Blocks],
        share: f64,
    ) -> Result<Vec<Blocks>, ModelError> {
        let multiplier = self.penalty_multiplier(share);
        let lift =
            |block: &[u64]| block.iter().map(|v| v.wrapping_mul(multiplier)).collect::<Vec<_>>();
        let penalty =
            |point: &Blocks| Blocks { own: lift(&point.own), theirs: lift(&point.theirs) };
        let penalties = points.iter().map(penalty).collect();
        truncate_blocks(party, penalties, self.penalty_shift().min(0).unsigned_abs()).await
    }

    /// The variables of one of so many parties in ring units, for training to begin at. Their
    /// norm is at most [`START_MAX`], and so small that the first step fits: with a curvature κ of
    /// each block the gradient of k parties is at most `κ·k^1.5` times it, and `√(2κk)` more for
    /// the targets.
    pub(in crate::vertical) fn begin(
        self,
        variables: &[f64],
        parties: usize,
        curvature: f64,
    ) -> Result<Vec<u64>, ModelError> {
        // Sums that are truncated are below 2^61.
        let sum_max = 2_f64.powi(61 - (GRADIENT_BITS + self.gradient_shift()) as i32);
        let count = parties as f64;
        let targets = (2.0 * curvature * count).sqrt();
        let most = (sum_max.min(STEP_MAX) - targets) / (curvature * count.powf(1.5));
        let most = START_MAX.min(most);
        let norm = variables.iter().map(|variable| variable * variable).sum::<f64>().sqrt();
        let fits = norm <= most;
        if !fits {
            return Err(ModelError::InvalidInput(format!(
                "the coefficients to begin with make a part of the predictor of {norm:.1} \
                 deviations, more than {most:.1}: the earlier model was trained on columns or a \
                 label in other units; leave `warm_start` out"
            )));
        }
        let unit = coefficient_unit(self.column_bits);
        Ok(variables.iter().map(|variable| (variable * unit).round() as i64 as u64).collect())
    }

    /// The gradients at 2^[`GRADIENT_BITS`], from sums over rows.
    pub(in crate::vertical) async fn gradients(
        self,
        party: &mut TwoParty,
        sums: Vec<Blocks>,
    ) -> Result<Vec<Blocks>, ModelError> {
        truncate_blocks(party, sums, self.gradient_shift()).await
    }

    /// The bits that sums over so many validation rows lose.
    pub(in crate::vertical) fn validation_shift(self, rows: usize) -> u32 {
        let sum_bits = rows.max(1).ilog2().min(VALIDATION_SUM_BITS);
        self.column_bits + self.residual_bits + sum_bits - VALIDATION_BITS
    }

    /// The bits that sums over rows lose to become gradients.
    pub(in crate::vertical) fn gradient_shift(self) -> u32 {
        let Self { column_bits, residual_bits, log_rows } = self;
        column_bits + residual_bits + log_rows - GRADIENT_BITS
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

impl Objective<'_> {
    /// [`Self::gradients_of`] the residuals of the first `rows` at the point: all, or a sample (see
    /// [`SharedProduct::forward`]).
    pub(in crate::vertical) async fn gradients(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
        rows: usize,
        accuracy: Accuracy,
    ) -> Result<Gradients, ModelError> {
        let (plain, levels) = self.levels.split(point);
        let points = slice::from_ref(&plain);
        let mut scores = self.scores(party, points, rows).await?.pop().unwrap_or_default();
        let weights = self.levels.add_scores(party, &levels, self.column_bits, &mut scores).await?;
        let residuals = self.response.residuals(party, scores, accuracy).await?;
        let of_levels = self.levels.gradient(party, &residuals, weights).await?;
        let mut gradients = self.gradients_of(party, points, vec![residuals]).await?;
        let mut gradients = gradients.pop().unwrap_or_default();
        gradients.training.own.extend(of_levels.own);
        gradients.training.theirs.extend(of_levels.theirs);
        Ok(gradients)
    }

    /// What vectors of all variables are compared by in their place, if some are of levels.
    pub(in crate::vertical) fn sketch(&self, party: &TwoParty) -> Option<Sketch> {
        self.levels.sketch(party.is_first(), self.own, self.theirs)
    }

    /// Whether residuals can be had at a lower price, rounded coarsely.
    pub(super) fn has_coarse_residuals(&self) -> bool {
        matches!(self.response, Response::Logistic { .. })
    }
}

/// Truncates all blocks at once.
async fn truncate_blocks(
    party: &mut TwoParty,
    blocks: Vec<Blocks>,
    shift: u32,
) -> Result<Vec<Blocks>, ModelError> {
    let widths: Vec<[usize; 2]> =
        blocks.iter().map(|it| [it.own.len(), it.own.len() + it.theirs.len()]).collect();
    let joined: Vec<Vec<u64>> =
        blocks.into_iter().map(|it| in_party_order(party, it.own, it.theirs)).collect();
    let mut rest = truncate(party, &joined.concat(), shift).await?;
    let mut truncated = Vec::with_capacity(widths.len());
    for [own, width] in widths {
        let tail = rest.split_off(width.min(rest.len()));
        truncated.push(from_party_order(party, std::mem::replace(&mut rest, tail), own));
    }
    Ok(truncated)
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
