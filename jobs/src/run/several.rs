//! Stage 4 with several hosts in strict privacy: logistic regression and trees among all parties,
//! and scores of these and of other regressions.

use contract::Audience;
use features::FeatureMatrix;
use features::binned::BinnedMatrix;
use features::split::Split;
use models::ModelError;
use models::local::boosted_trees::Settings;
use models::local::logistic_regression as local;
use models::vertical::course::{Course, Start};
use models::vertical::logistic_regression::Labels;
use models::vertical::several::logistic_regression as among_all;
use models::vertical::strict_trees::several as several_trees;
use models::vertical::strict_trees::{Known, Rows as TreeRows, StrictTrees};
use mpc::several::Parties;
use mpc::several::sum::sum_for_first;

use super::checkpoints::{self, Inputs};
use super::data::Data;
use super::logistic_regression::{
    Rows, TEST_SCORES, Trained, alone, host_predictors, joint_settings,
};
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::warm_start;
use crate::checkpoints::{Store, course};
use crate::error::JobError;
use crate::spec::{LogisticRegression, ModelStep};

/// Trains and scores over the step's conversations, with each other party.
pub(super) async fn train(
    run: &Run<'_>,
    (step, model_step): (&mut Step, &ModelStep<'_>),
    settings: &LogisticRegression,
    data: &Data,
    split: &Split,
    prepared: &Prepared,
) -> Result<Trained, JobError> {
    let rows = Rows::new(settings.early_stopping, split);
    let given = prepared.matrix.take(&rows.given)?;
    let test = prepared.matrix.take(&split.test)?;
    let inputs = Inputs { step: &model_step.id, rows: rows.parts(), guest: data.guest() };
    let begun = begin(run, (step, model_step), &inputs, prepared, &given).await?;
    let Begun { start, mut store } = begun;
    let course = Course { start, ..course(&mut store) };
    let labelled =
        data.guest().map(|guest| (guest.labels_of(&rows.given), guest.weights_of(&rows.given)));
    let labels =
        labelled.as_ref().map(|(values, weights)| Labels { values, weights: weights.as_deref() });
    let mut parties = Parties::setup(step.fork("train")?, run.ledger.clone()).await?;
    let settings_of_joint = joint_settings(settings, rows.validation());
    let columns = given.columns();
    let own = among_all::train(&mut parties, &columns, labels, &settings_of_joint, course).await?;
    drop(parties);
    let mine = own.partial_scores(&test.columns(), test.rows());
    let joint = predictors(run, step, mine, TEST_SCORES).await?;
    let guest = match (data.guest(), joint) {
        (Some(guest), Some(joint)) => {
            let joint = joint.into_iter().map(local::sigmoid).collect();
            let fitted = prepared.matrix.take(rows.fitted())?;
            let work = || alone(settings, guest, rows.fitted(), &fitted, &test, joint);
            Some(step.compute(work).await?)
        }
        _ => None,
    };
    Ok(Trained { own, guest })
}

/// Where a training begins, and what keeps its states.
pub(super) struct Begun<'a> {
    pub(super) start: Option<Vec<Start>>,
    pub(super) store: Option<Store<'a>>,
}

/// Begins the training of a regression, with one host or several, on the own columns `given`.
pub(super) async fn begin<'a>(
    run: &Run<'a>,
    (step, model_step): (&mut Step, &ModelStep<'_>),
    inputs: &Inputs<'_>,
    prepared: &Prepared,
    given: &FeatureMatrix,
) -> Result<Begun<'a>, JobError> {
    run.record("train.rows", Audience::All, 1)?;
    run.record("train.columns", Audience::All, 1)?;
    let (sessions, name) = (&mut step.sessions, &model_step.train.name);
    let start = warm_start::begin(run, sessions, name, prepared, inputs.guest).await?;
    let sessions = step.with_guest(run.is_guest());
    let store = checkpoints::agree_on_numbers(run, sessions, inputs, given).await?;
    Ok(Begun { start, store })
}

/// The joint linear predictors of some rows, at the guest. Of several hosts it gets the sum of what
/// they add, in steps of 2^-64. `key` is the disclosure of the scores.
pub(super) async fn predictors(
    run: &Run<'_>,
    step: &mut Step,
    mine: Vec<f64>,
    key: &str,
) -> Result<Option<Vec<f64>>, JobError> {
    if run.job.hosts.len() == 1 {
        return host_predictors(run, step.pair()?, mine, key).await;
    }
    // Only hosts' parts are added up in fixed point.
    let bound = if run.is_guest() { f64::INFINITY } else { SCORE_MAX };
    if !mine.iter().all(|score| score.abs() < bound) {
        let rule = "the own part of a row's score is too large for fixed point; add \
                    `prepare: [ outliers: {} ]` to the training, or correct the value";
        return Err(ModelError::InvalidInput(rule.to_owned()).into());
    }
    run.record(key, Audience::Guest, mine.len())?;
    let words: Vec<u128> =
        mine.iter().map(|score| (score * SCORE_UNIT).round() as i128 as u128).collect();
    let mut sessions = step.fork("scores")?;
    let sum = sum_for_first(&mut sessions, &words, words.len()).await?;
    let joint = |sum: Vec<u128>| {
        let both = mine.iter().zip(sum);
        both.map(|(mine, theirs)| mine + theirs as i128 as f64 / SCORE_UNIT).collect()
    };
    Ok(sum.map(joint))
}

/// Trains trees; the party's part of them, and at the guest the sums of leaves of the rows of
/// `test`.
pub(super) async fn train_trees<'a>(
    run: &Run<'_>,
    (step, course): (&mut Step, Course<'a>),
    (known, settings): (Option<Known<'a>>, &Settings),
    (matrix, rows): (&'a BinnedMatrix, TreeRows<'a>),
    test: &BinnedMatrix,
) -> Result<(StrictTrees, Option<Vec<u64>>), JobError> {
    let mut parties = Parties::setup(step.fork("train")?, run.ledger.clone()).await?;
    let trained = several_trees::train(&mut parties, matrix, known, rows, settings, course);
    let trees = trained.await?.model;
    let sums = tree_sums(run, step, parties, &trees, test, TEST_SCORES).await?;
    Ok((trees, sums))
}

/// At the guest, the sums of leaves of all rows by trees that the parties trained together. `key`
/// is the disclosure of the scores.
pub(super) async fn tree_sums(
    run: &Run<'_>,
    step: &mut Step,
    mut parties: Parties,
    trees: &StrictTrees,
    matrix: &BinnedMatrix,
    key: &str,
) -> Result<Option<Vec<u64>>, JobError> {
    let shares = several_trees::score(&mut parties, trees, matrix).await?;
    drop(parties);
    run.record(key, Audience::Guest, shares.len())?;
    let mut sessions = step.fork("scores")?;
    let sum = sum_for_first(&mut sessions, &shares, shares.len()).await?;
    let joint = |theirs: Vec<u64>| {
        shares.iter().zip(theirs).map(|(mine, theirs)| mine.wrapping_add(theirs)).collect()
    };
    Ok(sum.map(joint))
}

/// Units of a score of 1.0 in sums over hosts modulo 2^128. Scores of linear regression are in the
/// label's unit, whatever that is.
const SCORE_UNIT: f64 = (1_u128 << 64) as f64;
/// A host's part of a score from here up may leave the ring when all hosts' are added up.
const SCORE_MAX: f64 = (1_u64 << 60) as f64;
