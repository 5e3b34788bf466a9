//! Logistic regression over the columns of one guest and several hosts, in `strict` privacy.

use mpc::several::Parties;

use super::response::Response;
use super::{Task, weighted};
use crate::ModelError;
use crate::vertical::course::Course;
use crate::vertical::logistic_regression::{Coefficients, Labels, STEEPNESS, Settings, check};

/// Trains on `columns` (own columns, all finite, standardised; training rows, and after them the
/// validation rows if training stops early). The guest passes its labels, hosts `None`; the
/// `course` says where training begins and what is kept of it on the way. Training ends at the
/// tolerance of the `settings`, but at no smaller gradient than the rounding of the sigmoid allows,
/// which is 7e-5 with three parties and 3e-3 with five, and with weights up to twice that.
///
/// # Errors
/// [`ModelError::InvalidInput`] for settings that do not go together, labels of one class, too few
/// rows, values that are not finite, and a checkpoint that is none of this training;
/// [`ModelError::Collinear`] where columns leave standard errors no meaning; [`ModelError::Secure`]
/// when a peer fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    parties: &mut Parties,
    columns: &'a [&[f64]],
    labels: Option<Labels<'a>>,
    settings: &Settings,
    mut course: Course<'a>,
) -> Result<Coefficients, ModelError> {
    let rows = check(parties.is_first(), columns, labels, None, settings)?;
    let weighted = weighted(parties, labels.map(|labels| labels.weights.is_some())).await?;
    let (classes, steepness) = (1, STEEPNESS);
    let task = Task { columns, rows, settings, weighted, steepness, classes };
    let response = async |parties: &mut Parties| Response::logistic(parties, labels, rows).await;
    Ok(super::train(parties, &task, response, &mut course).await?.coefficients())
}
