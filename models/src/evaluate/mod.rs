//! How good a score is: ranking, calibration, money, and one model against another.
//!
//! Everything here is plaintext arithmetic of one party over its own scores and labels. A score is
//! any finite number, higher meaning "more likely a positive"; a label is 0 or 1. All ranking
//! figures are functions of a [`Ranking`], which groups equal scores, so that a figure never
//! depends on the order in which tied rows happen to stand:
//!
//! - [`discrimination`]: AUC, KS, average precision, the ROC and precision–recall curves;
//! - [`top`]: lift, precision and recall in the best-scored share, the gains table;
//! - [`bands`]: the score-band table of a bank's document;
//! - [`calibration`]: do scores mean probabilities (Brier, expected calibration error);
//! - [`confusion`]: decisions at one threshold;
//! - [`profit`]: money by depth of contact, the best and the break-even cut-off;
//! - [`bootstrap`]: intervals for the differences between two scores on the same rows;
//! - [`regression`]: errors of a numeric prediction;
//! - [`classes`]: probabilities of several classes;
//! - [`recommendation`]: how well the items of each user are ranked.
//!
//! [`Evaluation`] collects them for one score, [`Comparison`] sets two side by side.

pub mod bands;
pub mod bootstrap;
pub mod calibration;
pub mod classes;
pub mod confusion;
pub mod discrimination;
pub mod graded;
pub mod profit;
pub mod recommendation;
pub mod regression;
pub mod top;

mod comparison;
mod evaluation;
mod ranking;

pub use comparison::{Comparison, ModelScores};
pub use evaluation::{Evaluation, Settings};
pub use ranking::{Ranking, TieGroup};

/// Why an evaluation could not be made. Each is a fault of the data or settings handed in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// There is nothing to evaluate.
    #[error("there are no rows to evaluate; check the split, it left this part empty")]
    NoRows,
    /// Two columns that belong together differ in length.
    #[error("there are {scores} scores but {other} {what}; both must describe the same rows")]
    LengthsDiffer {
        /// Number of scores.
        scores: usize,
        /// What the other column holds, such as "labels".
        what: &'static str,
        /// Length of the other column.
        other: usize,
    },
    /// A score is NaN or infinite.
    #[error("the score of row {row} is {score}; a score must be a finite number")]
    ScoreNotFinite {
        /// Row, counted from 0.
        row: usize,
        /// The score.
        score: f64,
    },
    /// A label is neither 0 nor 1.
    #[error("the label of row {row} is {label}; a label is 0 or 1")]
    LabelNotBinary {
        /// Row, counted from 0.
        row: usize,
        /// The label.
        label: u8,
    },
    /// A label is no class that has probabilities.
    #[error("the label of row {row} is class {label}, counted from 0, of {classes}")]
    NoSuchClass {
        /// Row, counted from 0.
        row: usize,
        /// The label.
        label: u8,
        /// Number of classes.
        classes: usize,
    },
    /// No two rows are of different classes.
    #[error("all {rows} rows are of one class; figures need rows of two classes or more")]
    SameClass {
        /// Number of rows.
        rows: usize,
    },
    /// A weight is negative, NaN or infinite.
    #[error("the weight of row {row} is {weight}; a weight is a finite number of at least 0")]
    WeightInvalid {
        /// Row, counted from 0.
        row: usize,
        /// The weight.
        weight: f64,
    },
    /// All rows (with a weight above 0) have the same label: ranking figures have no meaning.
    #[error(
        "all {rows} rows are {}; ranking figures need both classes: widen the test part or \
         stratify the split",
        if *positive { "positive" } else { "negative" }
    )]
    OneClass {
        /// Whether the class that is there is the positive one.
        positive: bool,
        /// Number of rows.
        rows: usize,
    },
    /// A figure that needs probabilities was asked of a score outside 0 to 1.
    #[error("the score of row {row} is {score}; calibration needs probabilities between 0 and 1")]
    NotAProbability {
        /// Row, counted from 0.
        row: usize,
        /// The score.
        score: f64,
    },
    /// A setting is out of its range.
    #[error("the setting {name} is {value}; it must be {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its value, as text.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The shares whose stability was asked for cannot be compared.
    #[error("the stability of the score cannot be computed")]
    Stability(#[from] features::FeaturesError),
}

impl EvaluateError {
    /// An out-of-range setting.
    fn setting(name: &'static str, value: &impl ToString, expected: &'static str) -> Self {
        Self::Setting { name, value: value.to_string(), expected }
    }
}

/// Checks that every weight is a finite number of at least 0 and that there is one per row.
fn check_weights(rows: usize, weights: Option<&[f64]>) -> Result<(), EvaluateError> {
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != rows {
        let other = weights.len();
        return Err(EvaluateError::LengthsDiffer { scores: rows, what: "weights", other });
    }
    match weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        Some(row) => Err(EvaluateError::WeightInvalid { row, weight: weights[row] }),
        None => Ok(()),
    }
}

/// Checks that every score is a finite number.
fn check_scores(scores: &[f64]) -> Result<(), EvaluateError> {
    match scores.iter().position(|score| !score.is_finite()) {
        Some(row) => Err(EvaluateError::ScoreNotFinite { row, score: scores[row] }),
        None => Ok(()),
    }
}

/// The weight of a row: 1 where no weights are given.
fn weight_of(weights: Option<&[f64]>, row: usize) -> f64 {
    weights.map_or(1.0, |weights| weights[row])
}

#[cfg(test)]
pub(crate) mod stream;
#[cfg(test)]
mod tests;
