//! Standard errors of a generalised linear model over two parties' columns, in `strict` privacy.
//!
//! # Functionality
//! After training, the parties hold shares of the coefficients of the model. With the joint matrix
//! X of both parties' columns and a 1 for the intercept, the variances of the coefficients are the
//! diagonal of `φ·(Xᵀ·W·X + l2·Σω·D)⁻¹`: W are the rows' weights ω, relative to their mean, times
//! the expected second derivative of their loss (Fisher's information), D is 1 for each coefficient
//! but the intercept, and φ is Pearson's dispersion for families that have one (squared residuals
//! in units of the variance by degrees of freedom), else 1. Each party learns the square roots for
//! its own columns, the guest also that of the intercept. With l2 = 0 these are the usual (Wald)
//! errors; with l2 > 0 they describe the posterior under the penalty as a prior. The intercept is
//! that of a model in which the host's columns are 0 at their means. Where a column is nearly a
//! combination of others (see `mpc::inverse`) both end with [`ModelError::Collinear`].
//! # Messages
//! 1. the linear predictors of all rows, as in a pass of training, and of these the information of
//!    each row (`mpc::sigmoid` or `mpc::exponential`, and `mpc::product`), and the dispersion
//! 2. the information matrix (`mpc::gram`)
//! 3. the diagonal of its inverse (`mpc::inverse`)
//! 4. `opened_bit` both ways: whether columns are collinear
//! 5. `share` to each party: the variances of its own coefficients
//! # Leaks
//! To both: whether a column is nearly a combination of others. To each party: the variances of its
//! own coefficients. They depend on the other party's columns: a variance grows with how well all
//! others together explain a column. The matrix and its inverse stay shared.
//! # Security
//! Semi-honest, two parties, no third; that of the blocks.
//! # Cost
//! The blocks': 37 flights and at most 1.3 MB for each coefficient, and about
//! `2·√(d²·n/8192)` elements of 116 or 150 KiB for d own columns and n rows. At most
//! [`VARIABLES_MAX`] coefficients together.
//! # Reference
//! Nelder and Wedderburn, "Generalized Linear Models", 1972; `McCullagh` and Nelder, 2nd edition,
//! 1989, section 9.2; with a penalty Wood, "Generalized Additive Models", 2nd edition, 2017,
//! section 6.10. The plaintext reference is `local::generalized_linear::standard_errors`.
//!
//! Error: the information of a row is off by what its block states (1e-5 for probabilities, one
//! part in 2^19 for means, besides 2^-12 of the average mean), columns are rounded to at least 2^-7
//! of their deviation, and the inverse adds `2^-24·f·√m` for m coefficients and variance inflation
//! f, besides `2^-35·f` (where the information is the mean, `2^-25·f`) by the information of a
//! column relative to the average of rows. Half of it all is the relative error of a standard
//! error. In the tests, with inflations up to 3,600, it is below 1 part in 2,500.

use std::slice;

use mpc::TwoParty;
use mpc::gram::{Gram, gram};
use mpc::inverse::{FACTOR_SHIFT, SIZE_MAX, UNIT_BITS, inverse_diagonal};
use mpc::matrix::Blocks;
use mpc::product::Products;
use mpc::reveal::{Learner, learn_wide, open_bit};

use crate::ModelError;
use crate::vertical::logistic_regression::Settings;
use crate::vertical::logistic_regression::objective::{Objective, Prepared};
use crate::vertical::logistic_regression::whitening::column_bits;

/// Most coefficients of both parties, the intercept included.
pub const VARIABLES_MAX: usize = SIZE_MAX;

/// What a party learns of its own part of a model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StandardErrors {
    /// One for each of the party's own columns.
    pub weights: Vec<f64>,
    /// That of the intercept, at the guest.
    pub intercept: Option<f64>,
}

impl StandardErrors {
    /// Multiplies all of them.
    pub(in crate::vertical) fn scale(&mut self, factor: f64) {
        self.weights.iter_mut().chain(&mut self.intercept).for_each(|error| *error *= factor);
    }
}

/// Refuses what standard errors do not go together with; `weights` are the guest's.
pub(in crate::vertical) fn check(l1: f64, weights: Option<&[f64]>) -> Result<(), ModelError> {
    let invalid = |what: &str| Err(ModelError::InvalidInput(what.to_owned()));
    if l1 > 0.0 {
        return invalid(
            "under an l1 penalty estimates have no standard errors of the usual kind; set l1 to \
             0, or standard_errors to false",
        );
    }
    if weights.is_some_and(|weights| weights.contains(&0.0)) {
        return invalid(
            "rows of weight 0 would count as observations in standard errors; leave such rows \
             out, or set standard_errors to false",
        );
    }
    Ok(())
}

/// The standard errors of a party's own coefficients, if they are asked for, of the model in the
/// units of training; `columns` are its plain ones, `point` the shared coefficients. Call it before
/// anything else of the result is opened.
pub(in crate::vertical) async fn learn(
    party: &mut TwoParty,
    columns: &[&[f64]],
    objective: &Objective<'_>,
    prepared: &Prepared,
    point: &Blocks,
    settings: &Settings,
) -> Result<Option<StandardErrors>, ModelError> {
    if !settings.standard_errors {
        return Ok(None);
    }
    let (rows, log_rows) = (prepared.rows.training, prepared.rows.log_training());
    let response = objective.response();
    let variables = objective.own + objective.theirs;
    check_size(variables, rows, response.has_dispersion())?;
    let (guest, l2) = (party.is_first(), settings.l2);
    let own = party.session.compute(|| Own::new(columns, rows, guest, l2)).await;
    let scores = objective.scores(party, slice::from_ref(point), rows).await?;
    let scores = scores.into_iter().next().unwrap_or_default();
    let products = Products::prepare(party).await?;
    let information = response.information(party, &products, scores.clone()).await?;
    let dispersion = response.dispersion(party, &products, scores, log_rows).await?;
    let mut matrix = gram(party, &own.columns, &information.shares).await?;
    let unit = information_unit(information.bits, rows, log_rows);
    own.add_penalty(&mut matrix, usize::from(!guest), l2 * unit);
    let factor = dispersion.as_ref().map(|dispersion| dispersion.shares);
    let inverse = inverse_diagonal(party, &products, &matrix.triangle, factor).await?;
    if open_bit(party, "train.collinear", inverse.is_singular).await? {
        return Err(ModelError::Collinear);
    }
    let (to_guest, to_host) = inverse.entries.split_at(matrix.columns[0]);
    let of_guest = learn_wide(party, KEY, Learner::First, to_guest).await?;
    let of_host = learn_wide(party, KEY, Learner::Second, to_host).await?;
    let entries = of_guest.or(of_host).unwrap_or_default();
    let freedom = rows - dispersion.as_ref().map_or(0, |_| variables);
    let bits = dispersion.map(|dispersion| dispersion.bits);
    Ok(Some(own.errors(&entries, guest, unit_of_variances(unit, bits, freedom))?))
}

/// Units of 1 of the information matrix divided by the number of rows, of which `log_rows` is the
/// logarithm rounded up, from information with so many fractional bits.
pub(in crate::vertical) fn information_unit(bits: u32, rows: usize, log_rows: u32) -> f64 {
    2_f64.powi((bits + 2 * column_bits(rows) + log_rows) as i32)
}

/// What an entry of the inverse is multiplied by, from the unit of the matrix, the fractional bits
/// of the dispersion where there is one, and the number of rows or else the degrees of freedom.
pub(in crate::vertical) fn unit_of_variances(
    unit: f64,
    dispersion_bits: Option<u32>,
    freedom: usize,
) -> f64 {
    let shift = dispersion_bits.map_or(0, |bits| FACTOR_SHIFT as i32 - bits as i32);
    unit * 2_f64.powi(shift - UNIT_BITS as i32) / freedom as f64
}

/// The disclosure of the variances.
pub(in crate::vertical) const KEY: &str = "model.standard_errors";

/// What all parties can tell from the numbers of rows and columns.
pub(in crate::vertical) fn check_size(
    variables: usize,
    rows: usize,
    has_dispersion: bool,
) -> Result<(), ModelError> {
    if variables > VARIABLES_MAX {
        return Err(ModelError::InvalidInput(format!(
            "standard errors of {variables} coefficients, the intercept included; at most \
             {VARIABLES_MAX} are possible: leave columns out, or set standard_errors to false"
        )));
    }
    if has_dispersion && rows <= variables {
        return Err(ModelError::InvalidInput(format!(
            "{rows} rows leave no degrees of freedom beside {variables} coefficients: no standard \
             errors"
        )));
    }
    Ok(())
}

/// A party's own columns as integers of one size, the guest's intercept the last.
pub(in crate::vertical) struct Own {
    pub(in crate::vertical) columns: Vec<Vec<i32>>,
    /// What each column was divided by.
    scales: Vec<f64>,
}

impl Own {
    /// The root of the mean square and the penalty is taken for 2^[`column_bits`], so that no entry
    /// of n rows is above `√n` times it and no diagonal entry of the information above that of a
    /// column of ones. A host's columns lose their means, which moves the intercept only.
    ///
    /// Call inside `Session::compute`.
    pub(in crate::vertical) fn new(columns: &[&[f64]], rows: usize, guest: bool, l2: f64) -> Self {
        let unit = f64::from(1_u32 << column_bits(rows));
        let (mut integers, mut scales) = (Vec::new(), Vec::new());
        for column in columns {
            let centre = if guest { 0.0 } else { column.iter().sum::<f64>() / rows as f64 };
            let square: f64 = column.iter().map(|value| (value - centre).powi(2)).sum();
            let scale = (square / rows as f64 + l2).sqrt();
            // A column of zeros has no information, which the inverse finds.
            let scale = if scale > 0.0 { scale } else { 1.0 };
            let integer = |value: &f64| ((value - centre) / scale * unit).round() as i32;
            integers.push(column.iter().map(integer).collect());
            scales.push(scale);
        }
        if guest {
            integers.push(vec![unit as i32; rows]);
            scales.push(1.0);
        }
        Self { columns: integers, scales }
    }

    /// Adds `penalty` to the diagonal entries of the party at this place, where the guest comes
    /// first, but to that of the intercept, as the variables are scaled.
    pub(in crate::vertical) fn add_penalty(&self, matrix: &mut Gram, place: usize, penalty: f64) {
        let start: usize = matrix.columns[..place].iter().sum();
        let penalised = self.scales.len() - usize::from(place == 0);
        for (index, scale) in self.scales[..penalised].iter().enumerate() {
            let row = start + index;
            if let Some(entry) = matrix.triangle.get_mut(row * (row + 3) / 2) {
                *entry = entry.wrapping_add((penalty / scale.powi(2)).round() as u64);
            }
        }
    }

    /// The standard errors, from the own entries of the inverse in this unit.
    pub(in crate::vertical) fn errors(
        &self,
        entries: &[u128],
        guest: bool,
        unit: f64,
    ) -> Result<StandardErrors, ModelError> {
        if entries.iter().any(|entry| *entry as i128 <= 0) {
            // Columns so close to collinear that products of theirs wrapped unnoticed.
            return Err(ModelError::Collinear);
        }
        let errors = entries.iter().zip(&self.scales);
        let mut weights: Vec<f64> =
            errors.map(|(entry, scale)| (*entry as i128 as f64 * unit).sqrt() / scale).collect();
        let intercept = if guest { weights.pop() } else { None };
        Ok(StandardErrors { weights, intercept })
    }
}

#[cfg(test)]
mod tests;
