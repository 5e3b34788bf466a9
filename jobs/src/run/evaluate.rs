//! Stage 5: what the partner's data add, judged on the test rows at the guest.

use contract::Share;
use crypto::hash;
use crypto::random::Generator;
use models::evaluate::bootstrap::Bootstrap;
use models::evaluate::profit::Economics;
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use models::evaluate::{Comparison, ModelScores, Settings};
use models::family::Family;

use super::classes::ClassScores;
use super::data::{GuestRows, pick};
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

fn settings(job: &JobSpec) -> Settings {
    let economics = match (job.evaluate.cost, job.evaluate.value) {
        (Some(cost), Some(value)) => {
            Some(Economics { cost_per_contact: cost, value_per_conversion: value })
        }
        _ => None,
    };
    Settings {
        top: job.report.top.iter().copied().map(Share::fraction).collect(),
        bands: job.report.bands as usize,
        threshold: Some(job.evaluate.threshold),
        economics,
        ..Settings::default()
    }
}
