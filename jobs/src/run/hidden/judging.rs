//! How good the joint model and the guest's own are, where nobody knows the common rows.

use features::split::Split;
use models::evaluate::regression::NumericEvaluation;
use models::family::Family;
use models::local::logistic_regression as local;
use models::vertical::hidden_errors;
use models::vertical::hidden_evaluation::{Figures, Places, Scale, evaluate};
use models::vertical::hidden_rows::{LabelScale, Trained};
use mpc::TwoParty;

use super::{Placed, Side, unfit};
use crate::error::JobError;
use crate::run::data::pick;
use crate::run::evaluate::top_shares;
use crate::run::logistic_regression::{GuestTrained, figures_alone, fit_alone};
use crate::run::prepare::Prepared;
use crate::run::progress::Run;
use crate::run::regression::{self, Joint, Known};
use crate::spec::{LogisticRegression, Regression};

/// The guest's own model over its rows for training, common or not, and figures about it over its
/// test rows, common or not.
pub(super) fn alone(
    run: &Run<'_>,
    settings: &LogisticRegression,
    placed: &Placed,
    prepared: &Prepared,
) -> Result<(local::Fit, Figures), JobError> {
    let Some(guest) = placed.data.guest() else { return Err(unfit()) };
    let Split { training, test, .. } = &placed.split;
    let fit = fit_alone(settings, guest, training, &prepared.matrix.take(training)?)?;
    let figures = figures_alone(run, &fit, guest, &placed.split, &prepared.matrix.take(test)?)?;
    Ok((fit, figures))
}

/// The guest's own model of numbers over its rows for training, common or not, judged on its test
/// rows, common or not, beside the joint one.
pub(super) fn number_alone(
    family: Family,
    settings: &Regression,
    placed: &Placed,
    prepared: &Prepared,
    joint: NumericEvaluation,
) -> Result<GuestTrained, JobError> {
    let Some(guest) = placed.data.guest() else { return Err(unfit()) };
    let Split { training, test, .. } = &placed.split;
    let [known, tested] = [training, test].map(|rows| Known::of(guest, rows));
    let [training, test] = [prepared.matrix.take(training)?, prepared.matrix.take(test)?];
    let tables = regression::Tables { training: &training, test: &test };
    regression::alone(family, settings, [&known, &tested], &tables, Joint::Unseen(joint))
}

/// Refuses numbers of the guest's test rows that cannot be judged: before the training, of which
/// each party gets its coefficients.
pub(super) fn check_targets(
    placed: &Placed,
    family: Family,
    scale: LabelScale,
) -> Result<(), JobError> {
    if family == Family::Binomial {
        return Ok(());
    }
    let targets = placed.targets();
    let [training, test] =
        [&placed.split.training, &placed.split.test].map(|rows| pick(&targets, rows));
    let unit = hidden_errors::Unit::of_regression(family, scale, Some(&training))?;
    Ok(hidden_errors::Known { targets: &test, filled: None, unit }.check(family)?)
}

/// Figures about the shared joint scores in the places of the test.
pub(super) async fn joint_figures(
    run: &Run<'_>,
    party: &mut TwoParty,
    side: &Side,
    trained: &Trained,
    placed: Option<&Placed>,
) -> Result<Option<Figures>, JobError> {
    let labels = placed.map(|placed| {
        let labels = placed.spread(placed.data.guest().map_or(&[], |guest| guest.labels()));
        labels[side.rows.training..].to_vec()
    });
    let (scores, scale, count) = (&trained.test_scores, Scale::LogOdds, side.counts.test);
    let (present, labels) = (side.test_places(), labels.as_deref());
    let places = Places { scores, scale, present: &present, count, labels };
    Ok(evaluate(party, &places, &top_shares(run.job)).await?)
}

/// Figures about the shared joint predictors of numbers in the places of the test.
pub(super) async fn joint_errors(
    party: &mut TwoParty,
    side: &Side,
    trained: &Trained,
    family: Family,
    placed: Option<&Placed>,
) -> Result<Option<NumericEvaluation>, JobError> {
    let targets = placed.map(|placed| {
        let (targets, test) = (placed.targets(), &placed.split.test);
        // In empty places stands the mean, which the family allows.
        let sum: f64 = test.iter().map(|row| targets[*row as usize]).sum();
        let mean = sum / test.len() as f64;
        let of_row = |row: &Option<u32>| row.map_or(mean, |row| targets[row as usize]);
        let places = &placed.places[side.rows.training..];
        let filled: Vec<bool> = places.iter().map(Option::is_some).collect();
        (places.iter().map(of_row).collect::<Vec<f64>>(), filled)
    });
    let unit = trained.unit;
    let known = targets.as_ref().map(|(targets, filled)| {
        let filled = Some(&filled[..]);
        hidden_errors::Known { targets, filled, unit }
    });
    let (scores, present, count) = (&trained.test_scores, side.test_places(), side.counts.test);
    let places = hidden_errors::Places { scores, present: &present, count, known };
    Ok(hidden_errors::evaluate(party, &places, family).await?)
}
