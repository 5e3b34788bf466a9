//! Labels of several classes: what a party keeps of a model of them, its scores and its figures.

use models::evaluate::classes::{ClassComparison, ClassEvaluation};
use models::family::softmax;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::outcome::Coefficient;
use super::progress::Step;
use crate::error::JobError;

/// A party's part of a model with coefficients for each class.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassesPart {
    /// At the guest: the names of the classes, in the order of all lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// For each class, the party's part of its score.
    pub classes: Vec<ClassScore>,
    /// Passes over the data.
    pub passes: usize,
    /// Whether the optimum was reached within the tolerance.
    pub converged: bool,
    /// At the guest: the model on its own columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alone: Option<Vec<ClassScore>>,
}

/// A score of one class that is linear in a party's own features.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassScore {
    /// The party's own features.
    pub coefficients: Vec<Coefficient>,
    /// What the party's part of the score begins with.
    pub intercept: f64,
}

/// The probabilities of the classes of some rows: for each class those of all rows.
#[derive(Clone, Debug)]
pub struct ClassScores {
    /// The names of the classes, in the order of all lists.
    pub names: Vec<String>,
    /// The class of each row by its place in the names, where labels are there.
    pub labels: Option<Vec<u8>>,
    /// By the guest's own model.
    pub alone: Vec<Vec<f64>>,
    /// By the joint model.
    pub joint: Vec<Vec<f64>>,
}

/// The probabilities of the test rows, in the order of the common rows.
#[derive(Clone, Debug)]
pub struct TestClassScores {
    /// The rows, numbered in the common order.
    pub rows: Vec<u32>,
    /// Their probabilities and classes.
    pub scores: ClassScores,
}

impl ClassScores {
    /// Compares the two models; `labels` are those of the rows.
    pub(super) async fn compare(
        &self,
        step: &Step,
        labels: &[u8],
        weights: Option<&[f64]>,
    ) -> Result<ClassComparison, JobError> {
        let work = || -> Result<_, JobError> {
            Ok(ClassComparison {
                names: self.names.clone(),
                guest_alone: ClassEvaluation::new(&self.alone, labels, weights)?,
                joint: ClassEvaluation::new(&self.joint, labels, weights)?,
            })
        };
        step.compute(work).await
    }
}

/// The headline figures, as `metrics.json` has them.
pub(super) fn headline(evaluation: &ClassEvaluation) -> Value {
    json!({
        "accuracy": evaluation.accuracy,
        "log_loss": evaluation.log_loss,
        "macro_auc": evaluation.macro_auc,
        "weighted_auc": evaluation.weighted_auc,
        "macro_f1": evaluation.macro_f1,
    })
}

/// The probabilities of classes from their scores, which come class after class.
pub(super) fn probabilities(scores: &[f64], classes: usize) -> Vec<Vec<f64>> {
    let rows = scores.len() / classes.max(1);
    let mut scores: Vec<Vec<f64>> = scores.chunks(rows.max(1)).map(<[f64]>::to_vec).collect();
    softmax(&mut scores);
    scores
}
