//! Standard errors over the columns of several parties; see
//! [`standard_errors`](crate::vertical::standard_errors) for those of two, for the units and for
//! what they mean.
//!
//! # Functionality
//! Each party learns the standard errors of its own coefficients, the guest also that of the
//! intercept, of the model in which all hosts' columns are 0 at their means.
//! # Messages
//! 1. the linear predictors of all rows, as in a pass of training, and of these the information of
//!    each row (`mpc::several::{sigmoid, exponential, product}`), and the dispersion
//! 2. the information matrix (`mpc::several::gram`)
//! 3. the diagonal of its inverse (`mpc::inverse`)
//! 4. `opened_bit` between each two: whether columns are collinear
//! 5. `share` to each party: the variances of its own coefficients
//! # Leaks
//! To all: whether a column is nearly a combination of others. To each party: the variances of its
//! own coefficients, which depend on the columns of all. The matrix and its inverse stay shared.
//! # Security
//! Semi-honest, against any n - 1 parties together; that of the blocks.
//! # Cost
//! That of the blocks: for each row and column of all parties but the widest 12·20 bytes with each
//! other party, and 110 flights for each coefficient with three parties.
//! # Reference
//! See [`standard_errors`](crate::vertical::standard_errors).
//!
//! Error: what is stated there, twice as much of the inverse, and for probabilities and means what
//! is rounded at random, of which the deviation (5e-5 of a probability with three parties, 2.4e-3
//! with five; 1.4e-5 and 2.4e-3 of a mean) averages out over rows. Its square is what the
//! information of a row is too small by, and the dispersion too large.

use mpc::inverse::inverse_diagonal;
use mpc::several::Parties;
use mpc::several::gram::gram;
use mpc::several::product::Products;
use mpc::several::reveal::{learn_each_wide, open_bit};

use super::objective::{Objective, parts};
use crate::ModelError;
use crate::vertical::logistic_regression::Settings;
use crate::vertical::standard_errors::{
    KEY, Own, StandardErrors, check_size, information_unit, unit_of_variances,
};

/// The standard errors of a party's own coefficients, if they are asked for, of the model in the
/// units of training; `columns` are its plain ones, `point` the shared coefficients. Call it before
/// anything else of the result is opened.
pub(super) async fn learn(
    parties: &mut Parties,
    columns: &[&[f64]],
    objective: &Objective<'_>,
    point: &[u64],
    settings: &Settings,
) -> Result<Option<StandardErrors>, ModelError> {
    if !settings.standard_errors {
        return Ok(None);
    }
    let (rows, log_rows) = (objective.rows.training, objective.rows.log_training());
    let response = &objective.response;
    let variables = objective.widths.iter().sum();
    check_size(variables, rows, response.has_dispersion())?;
    let (guest, l2) = (parties.is_first(), settings.l2);
    let own = parties.session().compute(|| Own::new(columns, rows, guest, l2)).await;
    let scores = objective.product.forward(parties, &objective.points(point), rows).await?.concat();
    let products = Products::prepare(parties).await?;
    let information = response.information(parties, &products, scores.clone()).await?;
    let dispersion = response.dispersion(parties, &products, scores, log_rows).await?;
    let mut matrix = gram(parties, &own.columns, &information.shares).await?;
    let mut widths = matrix.columns.iter().zip(objective.widths);
    if let Some(place) = widths.position(|(now, before)| now != before) {
        let name = parties.name(place);
        let rule = format!("{name} has other columns for standard errors than for the training");
        return Err(ModelError::InvalidInput(rule));
    }
    let unit = information_unit(information.bits, rows, log_rows);
    own.add_penalty(&mut matrix, parties.number(), l2 * unit);
    let factor = dispersion.as_ref().map(|dispersion| dispersion.shares);
    let inverse = inverse_diagonal(parties, &products, &matrix.triangle, factor).await?;
    if open_bit(parties, "train.collinear", inverse.is_singular).await? {
        return Err(ModelError::Collinear);
    }
    let shares = parts(&inverse.entries, &matrix.columns);
    let entries = learn_each_wide(parties, KEY, &shares).await?;
    let freedom = rows - dispersion.as_ref().map_or(0, |_| variables);
    let bits = dispersion.map(|dispersion| dispersion.bits);
    Ok(Some(own.errors(&entries, guest, unit_of_variances(unit, bits, freedom))?))
}
