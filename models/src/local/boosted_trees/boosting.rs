//! From tree to tree: margins, derivatives, early stopping.

mod state;

use serde::{Deserialize, Serialize};

use super::gradients::{Rounding, mean_loss};
use super::loss::{Derivatives, log_sum_exp, weighted_quantile};
use super::one_side::Sample;
use super::ranking;
use super::settings::{one_side_stream, rows_of_tree};
use super::{Ensemble, Gradients, Labels, Loss, Node, Settings, Tree};
use crate::ModelError;

/// Labels and weights, and which rows are for what.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'a> {
    /// What is predicted, of the kind that the loss takes.
    pub labels: Labels<'a>,
    /// One weight a row, finite and not negative; 1 each if absent.
    pub weights: Option<&'a [f64]>,
    /// The rows to learn from, ascending.
    pub training: &'a [u32],
    /// The rows to stop by, ascending; may be empty.
    pub validation: &'a [u32],
}

/// Mean loss after one round, weighted as in training: log-loss in nats, squared and pinball error
/// in the unit of the label, of a ranking 1 less the mean NDCG of groups, whatever their weights,
/// else the deviance. Of a forest it is the loss of the trees so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// On all training rows.
    pub training_loss: f64,
    /// On the validation rows, if there are any, and in a ranking rows of different grades in some
    /// group of them.
    pub validation_loss: Option<f64>,
}

/// The state between trees.
///
/// A round is one tree for each output of the loss: one tree, but for several classes.
pub struct Boosting<'a> {
    examples: Examples<'a>,
    settings: &'a Settings,
    rounding: Rounding,
    /// Row by row, one an output.
    margins: Vec<f64>,
    /// Of the margins of each row at the beginning of the round; only with several outputs.
    log_sums: Vec<f64>,
    /// Of all rows in this round; only of a ranking.
    ranked: Vec<Derivatives>,
    trees: usize,
    /// Whether a tree of this round has a split.
    has_split: bool,
    progress: Vec<Progress>,
    best: Best,
    /// The margins at the best number of trees; only kept where it may be less than all.
    best_margins: Option<Vec<f64>>,
    is_exhausted: bool,
}

/// Where to cut the model off.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The margins before the first tree, one an output: those that fit the weighted training
    /// labels best, unless the settings say something else.
    pub base_scores: Vec<f64>,
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
        examples.check(settings.loss, rows)?;
        let weight = |row| weight(examples, settings, row);
        let fitted = settings.loss.start(examples.labels, weight, examples.training)?;
        let base_scores = match settings.base_score.and_then(|value| settings.loss.margin_of(value))
        {
            Some(margin) => vec![margin; fitted.len()],
            None => fitted,
        };
        let weights = |part: &'a [u32]| part.iter().map(move |&row| weight(row as usize));
        if !examples.validation.is_empty() && weights(examples.validation).sum::<f64>() <= 0.0 {
            return Err(ModelError::InvalidInput("the validation rows weigh nothing".into()));
        }
        let weight_max = weights(examples.training).fold(0.0, f64::max);
        let rows_count = examples.training.len();
        let counted = settings.one_side.map_or(1.0, |one_side| one_side.factor(rows_count));
        let may_stop = settings.early_stopping_rounds > 0 && !examples.validation.is_empty();
        let has_order = || ranking::has_pairs(examples.labels, examples.validation);
        if may_stop && settings.loss == Loss::Ranking && !has_order() {
            let rule = "no group of validation rows has rows of different grades: take \
                        `early_stopping: 0` or more validation rows";
            return Err(ModelError::InvalidInput(rule.into()));
        }
        let margins = base_scores.repeat(rows);
        let mut boosting = Self {
            examples: *examples,
            settings,
            rounding: Rounding::new(weight_max * counted, examples.training.len()),
            best: Best { base_scores, trees: 0, loss: f64::INFINITY },
            best_margins: may_stop.then(|| margins.clone()),
            margins,
            log_sums: Vec::new(),
            ranked: Vec::new(),
            trees: 0,
            has_split: false,
            progress: Vec::new(),
            is_exhausted: false,
        };
        boosting.begin_round();
        Ok(boosting)
    }

    /// Whether another tree should be grown.
    pub fn wants_more(&self) -> bool {
        let rounds = self.progress.len();
        let without_gain = rounds - self.best.trees / self.outputs();
        let stops_early =
            self.best_margins.is_some() && without_gain >= self.settings.early_stopping_rounds;
        self.is_amid_round() || (rounds < self.settings.trees && !stops_early && !self.is_exhausted)
    }

    /// Whether the trees of a round are not all there.
    pub(crate) fn is_amid_round(&self) -> bool {
        !self.trees.is_multiple_of(self.outputs())
    }

    /// Number of trees so far.
    pub fn trees(&self) -> usize {
        self.trees
    }

    /// The settings of this training.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// The derivatives for the next tree, which belongs to output `trees() % outputs`.
    pub fn gradients(&self) -> Gradients {
        let Settings { loss, ensemble, .. } = *self.settings;
        let Examples { labels, training, .. } = self.examples;
        let (outputs, output) = (self.outputs(), self.trees % self.outputs());
        let rows = rows_of_tree(self.settings, self.trees, training);
        let base_score = self.best.base_scores[output];
        let derivatives = |row: usize| {
            if let Some(derivatives) = self.ranked.get(row) {
                return *derivatives;
            }
            let margin = match ensemble {
                Ensemble::Boosting => self.margins[row * outputs + output],
                Ensemble::Forest => base_score,
            };
            if outputs == 1 {
                return loss.derivatives(margin, labels.at(row));
            }
            let is_of_class = f64::from(labels.at(row) as usize == output);
            loss.derivatives(margin - self.log_sums[row], is_of_class)
        };
        let weight = |row| weight(&self.examples, self.settings, row);
        let (count, rounding) = (labels.len(), self.rounding);
        let Some(one_side) = self.settings.one_side else {
            return Gradients::new(loss, derivatives, weight, rows, count, rounding);
        };
        let size = |row| (derivatives(row).first * weight(row)).abs();
        let stream = one_side_stream(self.settings, self.trees);
        let Sample { rows, drawn } = one_side.sample(&rows, size, stream);
        let mut factors = vec![1.0; count];
        for row in drawn {
            factors[row as usize] = one_side.factor(training.len());
        }
        let weight = |row: usize| weight(row) * factors[row];
        Gradients::new(loss, derivatives, weight, rows, count, rounding)
    }

    /// Adds a tree; `leaves` has the number of the leaf of every row. For a loss whose leaves are
    /// not Newton steps, they are fitted here first.
    pub fn add<Q>(&mut self, tree: &mut Tree<Q>, leaves: &[u32]) {
        if let Loss::Quantile { level } = self.settings.loss {
            self.fit_leaves(tree, leaves, level);
        }
        let (outputs, output) = (self.outputs(), self.trees % self.outputs());
        let weights: Vec<f64> = tree.nodes().iter().map(leaf_or_zero).collect();
        for (margins, &leaf) in self.margins.chunks_exact_mut(outputs).zip(leaves) {
            margins[output] += weights[leaf as usize];
        }
        self.trees += 1;
        self.has_split |= tree.nodes().len() > 1;
        if self.trees.is_multiple_of(outputs) {
            self.end_round();
        }
    }

    /// The best number of trees, the margins of all rows there, row by row with one an output, and
    /// the course of the losses.
    pub fn finish(self) -> (Best, Vec<f64>, Vec<Progress>) {
        (self.best, self.best_margins.unwrap_or(self.margins), self.progress)
    }

    fn outputs(&self) -> usize {
        self.best.base_scores.len()
    }

    /// Keeps what the derivatives of all trees of a round need of the margins at its beginning:
    /// an output's own margin does not change before its tree is grown.
    fn begin_round(&mut self) {
        let outputs = self.outputs();
        if self.settings.loss == Loss::Ranking {
            let Examples { labels, training, .. } = self.examples;
            self.ranked = ranking::derivatives(labels, training, &self.margins);
        }
        if outputs > 1 {
            let base = log_sum_exp(&self.best.base_scores);
            let log_sum = |margins: &[f64]| match self.settings.ensemble {
                Ensemble::Boosting => log_sum_exp(margins),
                Ensemble::Forest => base,
            };
            self.log_sums = self.margins.chunks_exact(outputs).map(log_sum).collect();
        }
    }

    fn end_round(&mut self) {
        let Examples { training, validation, .. } = self.examples;
        let validation_loss = self.loss(validation);
        // Training rows without a loss were refused at the start.
        let training_loss = self.loss(training).unwrap_or_default();
        self.progress.push(Progress { training_loss, validation_loss });

        // Where nothing is sampled, all rounds after one that found no split would be the same.
        let Settings { row_fraction, column_fraction, one_side, .. } = *self.settings;
        let is_sampled = row_fraction < 1.0 || column_fraction < 1.0 || one_side.is_some();
        self.is_exhausted = !self.has_split && !is_sampled;
        self.has_split = false;
        self.keep_best(validation_loss);
        self.begin_round();
    }

    /// Mean loss of some rows now; `None` of no rows, and of a ranking in which no group has rows
    /// of different grades.
    fn loss(&self, rows: &[u32]) -> Option<f64> {
        let Settings { loss, ensemble, trees, .. } = *self.settings;
        if loss == Loss::Ranking {
            let labels = self.examples.labels;
            let found = ranking::ndcg(labels, rows, &self.margins, ranking::PLACES);
            return found.map(|ndcg| 1.0 - ndcg);
        }
        if rows.is_empty() {
            return None;
        }
        let (outputs, base) = (self.outputs(), &self.best.base_scores);
        // A forest's leaves are weighted for all of its trees.
        let scale = (trees * outputs) as f64 / self.trees as f64;
        let of_row = |row: usize| {
            let margins = &self.margins[row * outputs..(row + 1) * outputs];
            let label = self.examples.labels.at(row);
            if ensemble == Ensemble::Boosting {
                return loss.of_row(margins, label);
            }
            let so_far = margins.iter().zip(base).map(|(all, base)| base + (all - base) * scale);
            loss.of_row(&so_far.collect::<Vec<f64>>(), label)
        };
        Some(mean_loss(of_row, |row| weight(&self.examples, self.settings, row), rows))
    }

    /// Makes every leaf the quantile of what its rows, those that the tree saw, still lack.
    fn fit_leaves<Q>(&self, tree: &mut Tree<Q>, leaves: &[u32], level: f64) {
        let mut residuals: Vec<Vec<(f64, f64)>> = vec![Vec::new(); tree.nodes().len()];
        let base_score = self.best.base_scores[0];
        for row in rows_of_tree(self.settings, self.trees, self.examples.training) {
            let row = row as usize;
            let margin = match self.settings.ensemble {
                Ensemble::Boosting => self.margins[row],
                Ensemble::Forest => base_score,
            };
            let residual = self.examples.labels.at(row) - margin;
            let weight = weight(&self.examples, self.settings, row);
            residuals[leaves[row] as usize].push((residual, weight));
        }
        for (node, residuals) in residuals.iter_mut().enumerate() {
            if !residuals.is_empty() {
                let quantile = weighted_quantile(residuals, level);
                tree.set_leaf(node, self.settings.shrinkage() * quantile);
            }
        }
    }

    fn keep_best(&mut self, validation_loss: Option<f64>) {
        match (&mut self.best_margins, validation_loss) {
            (Some(best_margins), Some(loss)) => {
                if loss < self.best.loss {
                    best_margins.copy_from_slice(&self.margins);
                    (self.best.trees, self.best.loss) = (self.trees, loss);
                }
            }
            _ => self.best.trees = self.trees,
        }
    }
}

fn leaf_or_zero<Q>(node: &Node<Q>) -> f64 {
    match node {
        Node::Leaf { weight } => *weight,
        Node::Split { .. } => 0.0,
    }
}

/// What a row counts for: its own weight times that of its class.
pub(crate) fn weight(examples: &Examples<'_>, settings: &Settings, row: usize) -> f64 {
    let own = examples.weights.map_or(1.0, |weights| weights[row]);
    match examples.labels {
        Labels::Classes(classes) if !settings.class_weights.is_empty() => {
            own * settings.class_weights[usize::from(classes[row])]
        }
        _ => own,
    }
}

impl Examples<'_> {
    /// Refuses labels and weights that the loss does not take, and rows beyond `rows`.
    pub(crate) fn check(&self, loss: Loss, rows: usize) -> Result<(), ModelError> {
        if self.labels.len() != rows || self.weights.is_some_and(|w| w.len() != rows) {
            let rule = format!("labels and weights must have {rows} rows each");
            return Err(ModelError::InvalidInput(rule));
        }
        if loss.is_of_classes() && self.labels.classes().is_none() {
            let rule = "the log-loss needs labels that are numbers of classes";
            return Err(ModelError::InvalidInput(rule.into()));
        }
        if self.labels.are_graded() != (loss == Loss::Ranking) {
            let rule = "the ranking loss, and no other, needs grades within groups";
            return Err(ModelError::InvalidInput(rule.into()));
        }
        check_parts(self.training, self.validation, rows)?;
        for &row in self.training.iter().chain(self.validation) {
            let weight = self.weights.map_or(1.0, |weights| weights[row as usize]);
            let broken = if weight >= 0.0 && weight.is_finite() {
                loss.refuses(self.labels.at(row as usize))
            } else {
                Some("needs a weight that is a number of at least 0")
            };
            if let Some(rule) = broken {
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
