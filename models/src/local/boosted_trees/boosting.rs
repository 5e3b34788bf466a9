//! From tree to tree: margins, derivatives, early stopping.

use serde::{Deserialize, Serialize};

use super::gradients::unit;
use super::settings::rows_of_tree;
use super::{Gradients, Node, Settings, Tree, log_loss};
use crate::ModelError;

/// Labels and weights, and which rows are for what.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'a> {
    /// 0 or 1 for each row of the matrix; those of rows in neither part are not read.
    pub labels: &'a [u8],
    /// One weight a row, finite and not negative; 1 each if absent.
    pub weights: Option<&'a [f64]>,
    /// The rows to learn from, ascending.
    pub training: &'a [u32],
    /// The rows to stop by, ascending; may be empty.
    pub validation: &'a [u32],
}

/// Mean log-loss after one tree, in nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// On all training rows.
    pub training_loss: f64,
    /// On the validation rows, if there are any.
    pub validation_loss: Option<f64>,
}

/// The state between trees.
pub struct Boosting<'a> {
    examples: Examples<'a>,
    settings: &'a Settings,
    unit: f64,
    margins: Vec<f64>,
    progress: Vec<Progress>,
    best: Best,
    /// The margins at the best number of trees; only kept where it may be less than all.
    best_margins: Option<Vec<f64>>,
    is_exhausted: bool,
}

/// Where to cut the model off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// Log-odds before the first tree: those of the weighted training labels.
    pub base_score: f64,
    /// How many trees to keep.
    pub trees: usize,
    /// The least validation loss, or infinity.
    loss: f64,
}

impl<'a> Boosting<'a> {
    /// Checks everything and starts at the base score.
    pub fn new(
        examples: &Examples<'a>,
        settings: &'a Settings,
        rows: usize,
    ) -> Result<Self, ModelError> {
        settings.check()?;
        examples.check(rows)?;
        let weights = examples.training.iter().map(|&row| examples.weight(row as usize));
        let (weight_max, weight_sum) =
            weights.fold((0f64, 0.0), |(max, sum), weight| (max.max(weight), sum + weight));
        let positives = examples.training.iter().filter(|&&row| examples.labels[row as usize] == 1);
        let positive_sum: f64 = positives.map(|&row| examples.weight(row as usize)).sum();
        if !(positive_sum > 0.0 && positive_sum < weight_sum && weight_sum.is_finite()) {
            let rule = "the training rows need both labels, 0 and 1, with weights above zero";
            return Err(ModelError::InvalidInput(rule.into()));
        }
        let validation_weight =
            examples.validation.iter().map(|&row| examples.weight(row as usize));
        if !examples.validation.is_empty() && validation_weight.sum::<f64>() <= 0.0 {
            return Err(ModelError::InvalidInput("the validation rows weigh nothing".into()));
        }
        let base_score = (positive_sum / (weight_sum - positive_sum)).ln();
        let may_stop = settings.early_stopping_rounds > 0 && !examples.validation.is_empty();
        let margins = vec![base_score; rows];
        Ok(Self {
            examples: *examples,
            settings,
            unit: unit(weight_max, examples.training.len()),
            best: Best { base_score, trees: 0, loss: f64::INFINITY },
            best_margins: may_stop.then(|| margins.clone()),
            margins,
            progress: Vec::new(),
            is_exhausted: false,
        })
    }

    /// Whether another tree should be grown.
    pub fn wants_more(&self) -> bool {
        let without_gain = self.trees() - self.best.trees;
        let stops_early =
            self.best_margins.is_some() && without_gain >= self.settings.early_stopping_rounds;
        self.trees() < self.settings.trees && !stops_early && !self.is_exhausted
    }

    /// Number of trees so far.
    pub fn trees(&self) -> usize {
        self.progress.len()
    }

    /// The settings of this training.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// The derivatives for the next tree.
    pub fn gradients(&self) -> Gradients {
        let Examples { labels, training, .. } = self.examples;
        let rows = rows_of_tree(self.settings, self.trees(), training);
        let weight = |row| self.examples.weight(row);
        Gradients::at(&self.margins, labels, weight, rows, self.unit)
    }

    /// Adds a tree; `leaves` has the number of the leaf of every row.
    pub fn add<Q>(&mut self, tree: &Tree<Q>, leaves: &[u32]) {
        let weights: Vec<f64> = tree.nodes().iter().map(leaf_or_zero).collect();
        for (margin, &leaf) in self.margins.iter_mut().zip(leaves) {
            *margin += weights[leaf as usize];
        }
        let Examples { labels, training, validation, .. } = self.examples;
        let loss = |rows| log_loss(&self.margins, labels, |row| self.examples.weight(row), rows);
        let validation_loss = (!validation.is_empty()).then(|| loss(validation));
        self.progress.push(Progress { training_loss: loss(training), validation_loss });

        // Where nothing is sampled, all trees after one that found no split would be the same.
        let is_sampled = self.settings.row_fraction < 1.0 || self.settings.column_fraction < 1.0;
        self.is_exhausted = tree.nodes().len() == 1 && !is_sampled;
        self.keep_best(validation_loss);
    }

    /// The best number of trees, the margins of all rows there, and the course of the losses.
    pub fn finish(self) -> (Best, Vec<f64>, Vec<Progress>) {
        (self.best, self.best_margins.unwrap_or(self.margins), self.progress)
    }

    fn keep_best(&mut self, validation_loss: Option<f64>) {
        match (&mut self.best_margins, validation_loss) {
            (Some(best_margins), Some(loss)) => {
                if loss < self.best.loss {
                    best_margins.copy_from_slice(&self.margins);
                    self.best = Best { trees: self.progress.len(), loss, ..self.best };
                }
            }
            _ => self.best.trees = self.progress.len(),
        }
    }
}

fn leaf_or_zero<Q>(node: &Node<Q>) -> f64 {
    match node {
        Node::Leaf { weight } => *weight,
        Node::Split { .. } => 0.0,
    }
}

impl Examples<'_> {
    /// The weight of a row.
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    fn check(&self, rows: usize) -> Result<(), ModelError> {
        if self.labels.len() != rows || self.weights.is_some_and(|w| w.len() != rows) {
            let rule = format!("labels and weights must have {rows} rows each");
            return Err(ModelError::InvalidInput(rule));
        }
        check_parts(self.training, self.validation, rows)?;
        for &row in self.training.iter().chain(self.validation) {
            let weight = self.weight(row as usize);
            if self.labels[row as usize] > 1 || !(weight >= 0.0 && weight.is_finite()) {
                let rule = "needs a label of 0 or 1 and a weight that is a number of at least 0";
                return Err(ModelError::InvalidInput(format!("row {row} {rule}")));
            }
        }
        Ok(())
    }
}

/// Refuses row lists that are not ascending, reach beyond `rows`, or train on nothing.
pub(crate) fn check_parts(
    training: &[u32],
    validation: &[u32],
    rows: usize,
) -> Result<(), ModelError> {
    for (part, name) in [(training, "training"), (validation, "validation")] {
        let is_ascending = part.is_sorted_by(|one, next| one < next);
        if !is_ascending || part.last().is_some_and(|&last| last as usize >= rows) {
            let rule = format!("{name} rows must be ascending and below {rows}");
            return Err(ModelError::InvalidInput(rule));
        }
    }
    if training.is_empty() {
        return Err(ModelError::InvalidInput("there are no training rows".into()));
    }
    Ok(())
}
