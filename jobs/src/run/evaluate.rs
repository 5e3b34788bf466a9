//! Stage 5: what the partner's data add, judged on the test rows at the guest.

use contract::{Share, Text};
use crypto::hash;
use crypto::random::Generator;
use models::ModelError;
use models::evaluate::bootstrap::Bootstrap;
use models::evaluate::graded::{GradedComparison, GradedEvaluation};
use models::evaluate::profit::Economics;
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use models::evaluate::{Comparison, ModelScores, Settings};
use models::family::Family;
use mpc::sigmoid::SCORE_UNIT;

use super::classes::ClassScores;
use super::data::{GuestRows, pick};
use super::outcome::HiddenComparison;
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::spec::JobSpec;

/// The probabilities or numbers that both models predict; rows in the order of the split's lists.
pub(super) struct Scores {
    /// The guest's own model on the test rows.
    pub(super) alone_test: Vec<f64>,
    /// The same on the rows it was fitted on.
    pub(super) alone_training: Vec<f64>,
    /// The joint model on the test rows.
    pub(super) joint_test: Vec<f64>,
    /// The same on the rows it was fitted on, where the guest learns them.
    pub(super) joint_training: Option<Vec<f64>>,
}

/// What both models predict for the test rows.
pub(super) enum Predicted {
    /// A number or the probability of the positive class.
    One(Scores),
    /// The probability of each of several classes.
    Classes(ClassScores),
    /// Figures about scores that nobody sees.
    Hidden(HiddenComparison),
    /// Figures about predicted numbers of which nobody sees the joint ones.
    HiddenNumbers(NumericComparison),
}

/// A share of some scores, of which the other party has another: what both add up to is judged.
///
/// # Errors
/// [`ModelError::InvalidInput`] for a score that is not finite.
pub(super) fn share_of(scores: &[f64]) -> Result<Vec<u64>, JobError> {
    if scores.iter().any(|score| !score.is_finite()) {
        let rule = "the own part of a row's score is too large for a number; add \
                    `prepare: [ outliers: {} ]`, or correct the value";
        return Err(ModelError::InvalidInput(rule.to_owned()).into());
    }
    let word = |score: &f64| (score.clamp(-SHARE_MAX, SHARE_MAX) * SCORE_UNIT).round() as i64;
    Ok(scores.iter().map(|score| word(score).cast_unsigned()).collect())
}

/// The best-scored shares that the job asks for.
pub(super) fn top_shares(job: &JobSpec) -> Vec<f64> {
    job.report.top.iter().copied().map(Share::fraction).collect()
}

/// Compares the two models on the test rows.
pub(super) async fn compare(
    run: &Run<'_>,
    step: &Step,
    step_id: &str,
    guest: &GuestRows,
    test: &[u32],
    scores: &Scores,
) -> Result<Comparison, JobError> {
    let (labels, weights) = (guest.labels_of(test), guest.weights_of(test));
    let alone = ModelScores { test: &scores.alone_test, training: Some(&scores.alone_training) };
    let joint =
        ModelScores { test: &scores.joint_test, training: scores.joint_training.as_deref() };
    compare_scores(run, step, step_id, (&labels, weights.as_deref()), [alone, joint]).await
}

/// Compares two scores, the guest's own and the joint one, of rows with labels and perhaps weights.
pub(super) async fn compare_scores(
    run: &Run<'_>,
    step: &Step,
    step_id: &str,
    (labels, weights): (&[u8], Option<&[f64]>),
    [alone, joint]: [ModelScores<'_>; 2],
) -> Result<Comparison, JobError> {
    let settings = settings(run.job);
    let bootstrap =
        Bootstrap { replicates: run.job.evaluate.bootstrap as usize, ..Bootstrap::default() };
    let seed: [&[u8]; 2] = [&run.job.seed.to_le_bytes(), step_id.as_bytes()];
    let mut generator = Generator::from_seed(hash::digest("jobs/run/bootstrap", &seed));
    let work =
        || Comparison::new(alone, joint, labels, weights, &settings, bootstrap, &mut generator);
    Ok(step.compute(work).await?)
}

/// Compares two models of numbers on the test rows.
pub(super) async fn compare_numbers(
    step: &Step,
    family: Family,
    guest: &GuestRows,
    test: &[u32],
    scores: &Scores,
) -> Result<NumericComparison, JobError> {
    let (targets, weights) = (pick(guest.numbers(), test), guest.weights_of(test));
    let predicted = [&scores.alone_test[..], &scores.joint_test];
    compare_predictions(step, family, (&targets, weights.as_deref()), predicted).await
}

/// Compares two predictions, the guest's own and the joint one, of rows with targets and perhaps
/// weights.
pub(super) async fn compare_predictions(
    step: &Step,
    family: Family,
    (targets, weights): (&[f64], Option<&[f64]>),
    [alone, joint]: [&[f64]; 2],
) -> Result<NumericComparison, JobError> {
    let work = || -> Result<_, JobError> {
        let evaluate =
            |predictions: &[f64]| NumericEvaluation::new(predictions, targets, weights, family);
        let (guest_alone, joint) = (evaluate(alone)?, evaluate(joint)?);
        Ok(NumericComparison { guest_alone, joint })
    };
    step.compute(work).await
}

/// Compares two orders, by the guest's own scores and by the joint ones, of rows with grades and
/// groups; without a group that can be judged it says so, and there are no figures.
pub(super) async fn compare_grades(
    run: &Run<'_>,
    step: &Step,
    (grades, groups): (&[f64], &[u32]),
    [alone, joint]: [&[f64]; 2],
) -> Result<Option<GradedComparison>, JobError> {
    let work = || -> Result<_, JobError> {
        let evaluate = |scores: &[f64]| GradedEvaluation::new(scores, grades, groups);
        let both = evaluate(alone)?.zip(evaluate(joint)?);
        Ok(both.map(|(guest_alone, joint)| GradedComparison { guest_alone, joint }))
    };
    let compared = step.compute(work).await?;
    if compared.is_none() {
        run.note(Text::new(
            "no group has rows of different grades among the rows that are judged: the scores are \
             written, and no metrics",
            "在参与评估的行中，没有任何一组含有不同的等级：仅输出评分，不计算指标",
        ));
    }
    Ok(compared)
}

/// Parts of scores beyond this are taken for it: log-odds of sums stay within the ring.
const SHARE_MAX: f64 = 1e5;

pub(super) fn settings(job: &JobSpec) -> Settings {
    let economics = match (job.evaluate.cost, job.evaluate.value) {
        (Some(cost), Some(value)) => {
            Some(Economics { cost_per_contact: cost, value_per_conversion: value })
        }
        _ => None,
    };
    Settings {
        top: top_shares(job),
        bands: job.report.bands as usize,
        threshold: Some(job.evaluate.threshold),
        economics,
        ..Settings::default()
    }
}
