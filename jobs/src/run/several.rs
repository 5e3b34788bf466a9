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
use mpc::several::sum::sum_for_first;
use mpc::several::{Parties, compare};
use net::Session;

use super::checkpoints::{self, Inputs};
use super::data::Data;
use super::logistic_regression::{
    Rows, TEST_SCORES, Trained, alone, host_predictors, joint_settings,
};
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::warm_start;
use crate::checkpoints::{Mark, Store, course};
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
    if run.job.hosts.len() > 1 {
        let mark = store.as_ref().and_then(Store::mark);
        compare_told(&mut step.sessions, mark, 0).await?;
    }
    Ok(Begun { start, store })
}

/// Makes sure that the guest told every host the same: behind which checkpoint training goes on,
/// and of trees how many classes there are, else 0. Hosts that were told different things would
/// blame each other for what they then send.
pub(super) async fn compare_told(
    sessions: &mut [Session],
    mark: Option<Mark>,
    classes: usize,
) -> Result<(), JobError> {
    let Some(guest) = sessions.first().map(first_of) else { return Ok(()) };
    let [run, rest, number] = mark.map_or([0; 3], Mark::words);
    let says = |place: usize, [theirs, ours]: [u64; 2]| {
        let rule = match place {
            0 => format!("{guest} told it of {theirs} classes, and here of {ours}"),
            1 => format!("{guest} chose checkpoint {theirs} there, and {ours} here"),
            _ => format!("{guest} chose a checkpoint of another run there than here"),
        };
        (guest.clone(), rule)
    };
    let told = [classes as u64, number, run, rest];
    Ok(compare(sessions, "told_by_guest", &told, says).await?)
}

/// The name of the party that the job lists first, which the first conversation is with elsewhere.
fn first_of(session: &Session) -> String {
    if session.is_first() { session.me() } else { session.peer() }.to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoints::RUN_BYTES;

    /// What each of three parties says, of which the third was told another thing.
    fn of_second(told: impl Fn(usize) -> (Option<Mark>, usize) + Sync) -> String {
        let outcome = world::mesh(1, 3, async |number, mut sessions: Vec<Session>| {
            let (mark, classes) = told(number);
            compare_told(&mut sessions, mark, classes).await
        });
        outcome.results[1].as_ref().unwrap_err().to_string()
    }

    #[test]
    fn a_guest_that_tells_two_hosts_different_things_is_named() {
        let mark = |run: u8, number| Some(Mark { run: [run; RUN_BYTES], number });
        let other = |number, other, it| if number == 2 { other } else { it };
        for (text, rule) in [
            (of_second(|number| (other(number, mark(1, 4), mark(1, 5)), 0)), "checkpoint 4 there"),
            (of_second(|number| (other(number, mark(2, 5), mark(1, 5)), 0)), "of another run"),
            (
                of_second(|number| (None, if number == 2 { 4 } else { 3 })),
                "4 classes, and here of 3",
            ),
        ] {
            assert!(text.contains("party.0 told you two different things"), "{text}");
            assert!(text.contains(rule), "{text}");
        }
    }
}
