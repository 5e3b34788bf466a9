//! Stage 4a: logistic regression, joint and on the guest's own columns.
//!
//! With early stopping both models are fitted on the training rows without the validation rows. Of
//! the guest's own model that is all: it is the optimum, which is reached in a few Newton steps
//! and has no path on which to stop early.
//! Features are fitted on the whole training period all the same, so that weight of evidence has
//! seen the labels of the validation rows: with it the validation loss is a little too good.

use std::slice;

use contract::Audience;
use features::FeatureMatrix;
use features::split::Split;
use models::ModelError;
use models::local::logistic_regression as local;
use models::vertical::course::Course;
use models::vertical::hidden_evaluation::{Figures, Scale};
use models::vertical::logistic_regression::woe::score_with_woe;
use models::vertical::logistic_regression::{self as joint, Coefficients, EarlyStopping, Labels};
use mpc::TwoParty;
use net::Session;

use super::checkpoints::{self, Inputs};
use super::data::{Data, GuestRows, training_period};
use super::evaluate::{self, Predicted, Scores};
use super::hidden_scores;
use super::outcome::HiddenComparison;
use super::prepare::Prepared;
use super::progress::Run;
use super::sparse;
use super::{warm_start, weigh::WoeOfRows};
use crate::checkpoints::course;
use crate::error::JobError;
use crate::spec::{LogisticRegression, ModelStep};

/// What a party has after training: its own part of the model, and at the guest the scores.
pub(super) struct Trained {
    /// This party's coefficients.
    pub(super) own: Coefficients,
    /// At the guest: the model on its own columns alone, and both models' scores.
    pub(super) guest: Option<GuestTrained>,
}

/// What only the guest has.
pub(super) struct GuestTrained {
    /// The model on the guest's own columns.
    pub(super) alone: local::Fit,
    /// How both models are predicted.
    pub(super) predicted: Predicted,
}

/// Which rows are for what.
pub(super) struct Rows {
    /// The rows that are fitted on, and after them the validation rows if training stops early.
    pub(super) given: Vec<u32>,
    /// How many of them are fitted on.
    fitted: usize,
}

impl Rows {
    /// With the patience of early stopping, 0 for none.
    pub(super) fn new(patience: u32, split: &Split) -> Self {
        if patience > 0 {
            let given = [split.training.as_slice(), &split.validation].concat();
            Self { given, fitted: split.training.len() }
        } else {
            let given = training_period(split);
            Self { fitted: given.len(), given }
        }
    }

    pub(super) fn fitted(&self) -> &[u32] {
        &self.given[..self.fitted]
    }

    /// Those that are fitted on, and the validation rows.
    pub(super) fn parts(&self) -> [&[u32]; 2] {
        self.given.split_at(self.fitted).into()
    }

    pub(super) fn validation(&self) -> usize {
        self.given.len() - self.fitted
    }
}

/// Trains and scores over one step's conversation.
pub(super) async fn train(
    run: &Run<'_>,
    (session, step): (&mut Session, &ModelStep<'_>),
    settings: &LogisticRegression,
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<Trained, JobError> {
    if let Some(sparse) = &run.job.prepare.encode.sparse {
        let model = (sparse::Model::Logistic(settings), sparse);
        return sparse::train(run, session, model, data, split, prepared).await;
    }
    let rows = Rows::new(settings.early_stopping, split);
    let given = prepared.matrix.take(&rows.given)?;
    let test = prepared.matrix.take(&split.test)?;
    let labelled =
        data.guest().map(|guest| (guest.labels_of(&rows.given), guest.weights_of(&rows.given)));

    run.record("train.rows", Audience::All, 1)?;
    run.record("train.columns", Audience::All, 1)?;
    let (sessions, name) = (slice::from_mut(session), &step.train.name);
    let start = warm_start::begin(run, sessions, name, prepared, data.guest()).await?;
    let inputs = Inputs { step: &step.id, rows: rows.parts(), guest: data.guest() };
    let mut store =
        checkpoints::agree_on_numbers(run, slice::from_mut(session), &inputs, &given).await?;
    let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
    let labels =
        labelled.as_ref().map(|(values, weights)| Labels { values, weights: weights.as_deref() });
    let woe = prepared.host_woe.as_ref().map(|woe| woe.of_rows(&rows.given));
    let part = woe.as_ref().map(WoeOfRows::part);
    let settings_of_joint = joint_settings(settings, rows.validation());
    let columns = given.columns();
    let course = Course { start, ..course(&mut store) };
    let (part, settings_of_joint) = (part.as_ref(), &settings_of_joint);
    let own = joint::train_with_woe(&mut party, &columns, labels, part, settings_of_joint, course)
        .await?;

    if run.job.hides_scores() {
        let figures = figures(run, &mut party, &own, &test, data, split).await?;
        let guest = match (data.guest(), figures) {
            (Some(guest), Some(joint)) => {
                let fitted = prepared.matrix.take(rows.fitted())?;
                let work = || {
                    let alone = fit_alone(settings, guest, rows.fitted(), &fitted)?;
                    let guest_alone = figures_alone(run, &alone, guest, split, &test)?;
                    let predicted = Predicted::Hidden(HiddenComparison { guest_alone, joint });
                    Ok::<_, JobError>(GuestTrained { alone, predicted })
                };
                Some(party.session.compute(work).await?)
            }
            _ => None,
        };
        return Ok(Trained { own, guest });
    }
    let joint_test = match &prepared.host_woe {
        Some(woe) => {
            let part = woe.of_rows(&split.test);
            let (columns, part) = (test.columns(), part.part());
            score_with_woe(&mut party, &own, &columns, &part, test.rows(), TEST_SCORES)
                .await?
                .map(|scores| scores.into_iter().map(local::sigmoid).collect())
        }
        None => score(run, session, &own, &test).await?,
    };
    drop(party);
    let guest = match (data.guest(), joint_test) {
        (Some(guest), Some(joint_test)) => {
            let fitted = prepared.matrix.take(rows.fitted())?;
            let work = || alone(settings, guest, rows.fitted(), &fitted, &test, joint_test);
            Some(session.compute(work).await?)
        }
        _ => None,
    };
    Ok(Trained { own, guest })
}

/// The joint scores of the test rows, at the guest.
async fn score(
    run: &Run<'_>,
    session: &mut Session,
    own: &Coefficients,
    test: &FeatureMatrix,
) -> Result<Option<Vec<f64>>, JobError> {
    let mine = own.partial_scores(&test.columns(), test.rows());
    let joint = host_predictors(run, session, mine, TEST_SCORES).await?;
    Ok(joint.map(|joint| joint.into_iter().map(local::sigmoid).collect()))
}

/// The joint linear predictors of some rows, at the guest: the host adds its part of each, which
/// the guest could compute from them anyway. `key` is the disclosure of the scores.
pub(super) async fn host_predictors(
    run: &Run<'_>,
    session: &mut Session,
    mine: Vec<f64>,
    key: &str,
) -> Result<Option<Vec<f64>>, JobError> {
    if mine.iter().any(|score| !score.is_finite()) {
        let rule = "the own part of a row's score is too large for a number; add \
                    `prepare: [ outliers: {} ]` to the training, or correct the value";
        return Err(ModelError::InvalidInput(rule.to_owned()).into());
    }
    run.record(key, Audience::Guest, mine.len())?;
    if !run.is_guest() {
        let words: Vec<u64> = mine.iter().map(|score| score.to_bits()).collect();
        session.send_words(HOST_SCORES, &words).await?;
        return Ok(None);
    }
    let words = session.receive_words(HOST_SCORES, mine.len()).await?;
    let theirs: Vec<f64> = words.into_iter().map(f64::from_bits).collect();
    if theirs.iter().any(|score| !score.is_finite()) {
        return Err(session.misbehaved(HOST_SCORES, "a score is a finite number").into());
    }
    Ok(Some(mine.iter().zip(theirs).map(|(mine, theirs)| mine + theirs).collect()))
}

/// The guest's model without the partner, with the same settings.
pub(super) fn alone(
    settings: &LogisticRegression,
    guest: &GuestRows,
    rows: &[u32],
    training: &FeatureMatrix,
    test: &FeatureMatrix,
    joint_test: Vec<f64>,
) -> Result<GuestTrained, JobError> {
    let alone = fit_alone(settings, guest, rows, training)?;
    let scores = Scores {
        alone_test: local::probabilities(&alone, &test.columns(), test.rows())?,
        alone_training: local::probabilities(&alone, &training.columns(), training.rows())?,
        joint_test,
        joint_training: None,
    };
    Ok(GuestTrained { alone, predicted: Predicted::One(scores) })
}

/// The optimum on the guest's own columns.
pub(super) fn fit_alone(
    settings: &LogisticRegression,
    guest: &GuestRows,
    rows: &[u32],
    training: &FeatureMatrix,
) -> Result<local::Fit, JobError> {
    let settings = local::Settings {
        l2: settings.l2.max(L2_MIN),
        l1: settings.l1,
        ..local::Settings::default()
    };
    let (labels, weights) = (guest.labels_of(rows), guest.weights_of(rows));
    Ok(local::fit(&training.columns(), &labels, weights.as_deref(), settings)?)
}

/// Figures about the joint scores of the test rows, which stay shared, at the guest.
async fn figures(
    run: &Run<'_>,
    party: &mut TwoParty,
    own: &Coefficients,
    test: &FeatureMatrix,
    data: &Data,
    split: &Split,
) -> Result<Option<Figures>, JobError> {
    let scores = evaluate::share_of(&own.partial_scores(&test.columns(), test.rows()))?;
    let labels = data.guest().map(|guest| guest.labels_of(&split.test));
    hidden_scores::figures(run, party, &scores, Scale::LogOdds, labels.as_deref()).await
}

/// The same figures about the guest's own scores, which it knows.
pub(super) fn figures_alone(
    run: &Run<'_>,
    alone: &local::Fit,
    guest: &GuestRows,
    split: &Split,
    test: &FeatureMatrix,
) -> Result<Figures, JobError> {
    let scores = local::probabilities(alone, &test.columns(), test.rows())?;
    hidden_scores::figures_of_known(run, &scores, &guest.labels_of(&split.test))
}

pub(super) fn joint_settings(
    settings: &LogisticRegression,
    validation_rows: usize,
) -> joint::Settings {
    let patience = settings.early_stopping as usize;
    joint::Settings {
        l2: settings.l2,
        l1: settings.l1,
        passes_max: settings.rounds as usize,
        tolerance: settings.tolerance,
        early_stopping: (patience > 0).then_some(EarlyStopping { patience, validation_rows }),
        standard_errors: settings.standard_errors,
    }
}

/// The disclosure of the scores of test rows.
pub(super) const TEST_SCORES: &str = "score.test_rows";
const HOST_SCORES: &str = "host_scores";

/// The indicators of all levels of a column determine each other, so that without a penalty many
/// models are equally good; this much of one picks among them and changes no score that is shown.
pub(super) const L2_MIN: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{JobSpec, Model};

    /// A job that says nothing trains like a caller of the model who says nothing.
    #[test]
    fn defaults_are_those_of_the_model() {
        let source = "job: a\npurpose: p\nparties:\n  a: { role: guest, key: k, label: y }\n  b: { \
                      role: host, key: k }\ntrain: [ logistic_regression: {} ]\n";
        let job = JobSpec::parse("job.yaml", source).unwrap();
        let Model::LogisticRegression { settings, .. } = &job.train[0].model else {
            panic!("another model")
        };
        assert_eq!(joint_settings(settings, 0), joint::Settings::default());
    }
}
