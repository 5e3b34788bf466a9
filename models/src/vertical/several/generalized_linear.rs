//! Linear, Poisson, gamma and Tweedie regression over the columns of one guest and several hosts,
//! in `strict` privacy.

use mpc::several::Parties;
use net::together;

use super::response::Response;
use super::{Task, peers_of_guest, weighted};
use crate::ModelError;
use crate::family::Family;
use crate::vertical::course::Course;
use crate::vertical::generalized_linear::response::LogLink;
use crate::vertical::generalized_linear::scaling::Scaling;
use crate::vertical::generalized_linear::{STEEPNESS, Settings, Targets, check};
use crate::vertical::logistic_regression::Coefficients;

/// Trains on `columns` (own columns, all finite, standardised). The guest passes its targets, hosts
/// `None`; all pass the same family and settings. The `course` says where training begins and what
/// is kept of it on the way. With a logarithmic link training ends at no smaller gradient than the
/// rounding of the exponential allows, which is 2e-5 with three parties and 3e-3 with five, and
/// with weights up to twice that.
///
/// # Errors
/// [`ModelError::InvalidInput`] for settings that do not go together, targets that the family does
/// not allow or that fixed point cannot hold, too few rows, values that are not finite, and a
/// checkpoint that is none of this training; [`ModelError::Collinear`] where columns leave standard
/// errors no meaning; [`ModelError::Secure`] when a peer fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    parties: &mut Parties,
    columns: &'a [&[f64]],
    targets: Option<Targets<'a>>,
    family: Family,
    settings: &Settings,
    mut course: Course<'a>,
) -> Result<Coefficients, ModelError> {
    let is_guest = parties.is_first();
    let rows = check(is_guest, columns, targets, family, settings)?;
    let weights = targets.and_then(|targets| targets.weights);
    let weighted = weighted(parties, targets.map(|targets| targets.weights.is_some())).await?;
    let scaling = scaling(parties, targets, family).await?;
    let settings = &scaling.settings(settings, family);
    course.start.iter_mut().flatten().for_each(|start| scaling.redo(family, start, is_guest));
    let (classes, steepness) = (1, STEEPNESS);
    let task = Task { columns, rows, settings, weighted, steepness, classes };
    let response = async |parties: &mut Parties| match family.log_link_power() {
        None => Response::identity(&scaling, weights, rows, weighted),
        Some(power) => {
            let link = LogLink::new(&scaling, power, weights, rows)?;
            Response::log(parties, link, power).await
        }
    };
    let trained = super::train(parties, &task, response, &mut course).await?;
    Ok(scaling.undo(family, trained.coefficients(), is_guest))
}

/// The change of units, of which the guest tells each host what it has to know.
async fn scaling(
    parties: &mut Parties,
    targets: Option<Targets<'_>>,
    family: Family,
) -> Result<Scaling, ModelError> {
    let peers = peers_of_guest(parties);
    let links = parties.links().iter_mut().take(peers);
    let agreed = together(links.map(|link| Scaling::agree(link, targets, family))).await?;
    Ok(agreed.into_iter().next().unwrap_or_default())
}
