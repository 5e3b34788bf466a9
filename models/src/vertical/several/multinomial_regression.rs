//! Multinomial logistic regression over the columns of one guest and several hosts, in `strict`
//! privacy.

use mpc::several::Parties;
use net::together;

use super::response::Response;
use super::{Task, Trained, peers_of_guest, weighted};
use crate::ModelError;
use crate::vertical::course::Course;
use crate::vertical::logistic_regression::{Ending, Settings};
use crate::vertical::multinomial_regression::{
    ClassCoefficients, ClassRows, Labels, STEEPNESS, agree_on_classes, check,
};

/// Trains on `columns` (own columns, all finite, standardised; training rows, and after them the
/// validation rows if training stops early). The guest passes its labels, hosts `None`; all pass
/// the same settings, without l1 and standard errors. The `course` says where training begins and
/// what is kept of it on the way. Training ends at the tolerance of the `settings`, but at no
/// smaller gradient than the rounding of the softmax allows, which is 2e-5 with three parties and
/// 3e-3 with five, and with weights up to twice that.
///
/// # Errors
/// [`ModelError::InvalidInput`] for labels or settings that do not fit, too few rows, values that
/// are not finite, and a checkpoint that is none of this training; [`ModelError::Secure`] when a
/// peer fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    parties: &mut Parties,
    columns: &'a [&[f64]],
    labels: Option<Labels<'a>>,
    settings: &Settings,
    mut course: Course<'a>,
) -> Result<ClassCoefficients, ModelError> {
    let rows = check(parties.is_first(), columns, labels, settings)?;
    let count = classes(parties, labels).await?;
    let weighted = weighted(parties, labels.map(|labels| labels.weights.is_some())).await?;
    let class_rows = ClassRows::new(labels, rows, count, weighted)?;
    let (classes, steepness) = (count, STEEPNESS);
    let task = Task { columns, rows, settings, weighted, steepness, classes };
    let response = async |parties: &mut Parties| Response::softmax(parties, class_rows).await;
    let trained = super::train(parties, &task, response, &mut course).await?;
    let Trained { of_classes, ending, .. } = trained;
    let (weights, intercepts) = of_classes.into_iter().unzip();
    let Ending { passes, converged } = ending;
    Ok(ClassCoefficients { weights, intercepts, passes, converged })
}

/// How many classes there are, which the guest tells each host.
async fn classes(parties: &mut Parties, labels: Option<Labels<'_>>) -> Result<usize, ModelError> {
    let peers = peers_of_guest(parties);
    let links = parties.links().iter_mut().take(peers);
    let counts = together(links.map(|link| agree_on_classes(link, labels))).await?;
    Ok(counts.into_iter().next().unwrap_or_default())
}
