//! Stage 4a: multinomial logistic regression, joint and on the guest's own columns.
//!
//! With early stopping the guest's own model is fitted on the same rows as the joint one, and to
//! its optimum, as in `logistic_regression`.

use features::FeatureMatrix;
use features::split::Split;
use models::local::multinomial_regression as local;
use models::vertical::course::Course;
use models::vertical::logistic_regression::{EarlyStopping, Settings};
use models::vertical::multinomial_regression::{self as joint, ClassCoefficients, Labels};
use models::vertical::several::multinomial_regression as among_all;
use mpc::TwoParty;
use mpc::several::Parties;

use super::checkpoints::Inputs;
use super::classes::{ClassScores, probabilities};
use super::data::{Data, GuestRows};
use super::logistic_regression::{L2_MIN, Rows, TEST_SCORES};
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::several::{self, Begun};
use crate::checkpoints::course;
use crate::error::JobError;
use crate::spec::{ModelStep, MultinomialRegression};

/// What a party has after training: its own part of the model, and at the guest the scores.
pub(super) struct Trained {
    /// This party's coefficients.
    pub(super) own: ClassCoefficients,
    /// At the guest: the model on its own columns alone, and both models' scores of the test rows.
    pub(super) guest: Option<(local::Fit, ClassScores)>,
}

/// Trains and scores over a step's conversations: with the partner, or of several hosts with each
/// other party.
pub(super) async fn train(
    run: &Run<'_>,
    (step, model_step): (&mut Step, &ModelStep<'_>),
    settings: &MultinomialRegression,
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<Trained, JobError> {
    let rows = Rows::new(settings.early_stopping, split);
    let given = prepared.matrix.take(&rows.given)?;
    let test = prepared.matrix.take(&split.test)?;
    if let Some(guest) = data.guest() {
        check_classes(guest, rows.fitted())?;
    }
    let labelled =
        data.guest().map(|guest| (guest.labels_of(&rows.given), guest.weights_of(&rows.given)));
    let count = data.guest().map_or(0, |guest| guest.class_names().len());
    let labels = labelled.as_ref().map(|(values, weights)| Labels {
        classes: count,
        values,
        weights: weights.as_deref(),
    });
    let inputs = Inputs { step: &model_step.id, rows: rows.parts(), guest: data.guest() };
    let begun = several::begin(run, (step, model_step), &inputs, prepared, &given).await?;
    let Begun { start, mut store } = begun;
    let course = Course { start, ..course(&mut store) };
    let joint_settings = joint_settings(settings, rows.validation());
    let (columns, ledger) = (given.columns(), run.ledger.clone());
    let own = if run.job.hosts.len() > 1 {
        let mut parties = Parties::setup(step.fork("train")?, ledger).await?;
        among_all::train(&mut parties, &columns, labels, &joint_settings, course).await?
    } else {
        let mut party = TwoParty::setup(step.pair()?.fork("train")?, ledger).await?;
        joint::train_along(&mut party, &columns, labels, &joint_settings, course).await?
    };
    let mine = own.partial_scores(&test.columns(), test.rows()).concat();
    let joint_test = several::predictors(run, step, mine, TEST_SCORES).await?;
    let guest = match (data.guest(), joint_test) {
        (Some(guest), Some(joint_test)) => {
            let fitted = prepared.matrix.take(rows.fitted())?;
            let work = || -> Result<_, JobError> {
                let (alone, alone_test) = alone(settings, guest, rows.fitted(), &fitted, &test)?;
                let names = guest.class_names().to_vec();
                let joint = probabilities(&joint_test, names.len());
                let labels = Some(guest.labels_of(&split.test));
                Ok((alone, ClassScores { names, labels, alone: alone_test, joint }))
            };
            Some(step.compute(work).await?)
        }
        _ => None,
    };
    Ok(Trained { own, guest })
}

/// Every class, where there are several, needs rows to learn it from.
pub(super) fn check_classes(guest: &GuestRows, rows: &[u32]) -> Result<(), JobError> {
    if guest.class_names().is_empty() {
        return Ok(());
    }
    let (labels, weights) = (guest.labels_of(rows), guest.weights_of(rows));
    let counts = |place: usize| weights.as_ref().is_none_or(|weights| weights[place] > 0.0);
    let is_there = |class: usize| {
        let mut labels = labels.iter().enumerate();
        labels.any(|(place, label)| usize::from(*label) == class && counts(place))
    };
    match guest.class_names().iter().enumerate().find(|(class, _)| !is_there(*class)) {
        None => Ok(()),
        Some((_, name)) => Err(JobError::ClassNotTrained { name: name.clone() }),
    }
}

/// The guest's model without the partner, with the same settings, and its probabilities of the test
/// rows.
fn alone(
    settings: &MultinomialRegression,
    guest: &GuestRows,
    rows: &[u32],
    training: &FeatureMatrix,
    test: &FeatureMatrix,
) -> Result<(local::Fit, Vec<Vec<f64>>), JobError> {
    let (labels, weights) = (guest.labels_of(rows), guest.weights_of(rows));
    let data = local::Data {
        columns: &training.columns(),
        classes: guest.class_names().len(),
        labels: &labels,
        weights: weights.as_deref(),
    };
    let fit = local::fit(&data, settings.l2.max(L2_MIN))?;
    let scores = local::probabilities(&fit, &test.columns(), test.rows())?;
    Ok((fit, scores))
}

fn joint_settings(settings: &MultinomialRegression, validation_rows: usize) -> Settings {
    let patience = settings.early_stopping as usize;
    Settings {
        l2: settings.l2,
        l1: 0.0,
        passes_max: settings.rounds as usize,
        tolerance: settings.tolerance,
        early_stopping: (patience > 0).then_some(EarlyStopping { patience, validation_rows }),
        standard_errors: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{JobSpec, Model};

    /// A job that says nothing trains like a caller of the model who says nothing.
    #[test]
    fn defaults_are_those_of_the_model() {
        let source = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, label: y }\n  b: { \
                      role: host, key: k }\ntrain: [ multinomial_regression: {} ]\n";
        let job = JobSpec::parse("job.yaml", source).unwrap();
        let Model::MultinomialRegression { settings, .. } = &job.train[0].model else {
            panic!("another model")
        };
        assert_eq!(joint_settings(settings, 0), Settings::default());
    }
}
