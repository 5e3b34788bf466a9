//! Two scores of the same rows side by side: the guest's own data against the joint model.

use super::bootstrap::{Bootstrap, Differences, differences};
use super::{EvaluateError, Evaluation, Settings};
use crypto::random::Generator;
use serde::Serialize;

/// What the partner's data add.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The model on the guest's own features.
    pub guest_alone: Evaluation,
    /// The model on both parties' features.
    pub joint: Evaluation,
    /// Joint minus guest alone, with intervals.
    pub differences: Differences,
}

/// The scores that one model gives to the rows compared and to the rows it was fitted on.
#[derive(Debug, Clone, Copy)]
pub struct ModelScores<'a> {
    /// One score per row that is evaluated.
    pub test: &'a [f64],
    /// One score per training row, for the stability of the score; optional.
    pub training: Option<&'a [f64]>,
}

impl Comparison {
    /// Evaluates both scores on the same labelled rows and bootstraps their differences.
    ///
    /// Uses rayon: call it inside `Session::compute`.
    ///
    /// # Errors
    ///
    /// See [`Evaluation::new`] and [`differences`].
    pub fn new(
        guest_alone: ModelScores<'_>,
        joint: ModelScores<'_>,
        labels: &[u8],
        weights: Option<&[f64]>,
        settings: &Settings,
        bootstrap: Bootstrap,
        generator: &mut Generator,
    ) -> Result<Self, EvaluateError> {
        let evaluate = |scores: ModelScores<'_>| {
            Evaluation::new(scores.test, labels, weights, scores.training, settings)
        };
        let scores = [guest_alone.test, joint.test];
        Ok(Self {
            guest_alone: evaluate(guest_alone)?,
            joint: evaluate(joint)?,
            differences: differences(scores, labels, weights, bootstrap, generator)?,
        })
    }
}
