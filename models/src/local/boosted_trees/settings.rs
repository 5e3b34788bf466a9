//! What a user sets, and the choices that follow from the job's public seed.

use std::collections::BTreeMap;

use crypto::random::Generator;
use serde::{Deserialize, Serialize};

use super::{Direction, Loss, OneSide};
use crate::ModelError;

/// How trees make up for one another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ensemble {
    /// Each tree corrects the sum of those before it.
    #[default]
    Boosting,
    /// A random forest: every tree is fitted to the same derivatives, those at the base score, on
    /// its own sample of rows and features, and the model is the mean of all trees. No learning
    /// rate and no early stopping. Breiman, Random Forests, Machine Learning 45, 2001, with samples
    /// drawn without replacement and features drawn for each tree.
    Forest,
}

/// How to boost. Both parties of a joint training hold equal settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What is minimised.
    pub loss: Loss,
    /// Whether trees are boosted or averaged.
    pub ensemble: Ensemble,
    /// Number of rounds, at most: `1..=10_000`. A round is one tree, for several classes one for
    /// each class.
    pub trees: usize,
    /// Number of splits above each leaf, at most: `1..=12`.
    pub depth: usize,
    /// Factor on each leaf: above 0, at most 1. A forest has none.
    pub learning_rate: f64,
    /// The prediction before the first tree, in the unit of predictions: a chance for classes, the
    /// same for each; absent: the constant that fits the training rows best.
    pub base_score: Option<f64>,
    /// Factor on the weights of each class's rows, above 0, one a class; empty: 1 each.
    pub class_weights: Vec<f64>,
    /// Squared penalty on leaves, in the unit of the weights: at least 0.
    pub l2: f64,
    /// A split must gain more than this: at least 0.
    pub min_gain: f64,
    /// Least sum of second derivatives in a child, in the unit of the weights: at least 0.
    pub min_child_weight: f64,
    /// A node in which the tree sees fewer rows stays a leaf: at least 2. In a joint training no
    /// sums are asked for such nodes.
    pub min_split_rows: usize,
    /// Share of the training rows that each tree sees: above 0, at most 1.
    pub row_fraction: f64,
    /// In place of a share of rows drawn alike: all rows with great derivatives, and a sample of
    /// the others. The guest alone knows which; hosts get the derivatives of all rows, encrypted,
    /// zeros among them.
    pub one_side: Option<OneSide>,
    /// Share of all parties' features that each tree sees: above 0, at most 1.
    pub column_fraction: f64,
    /// How predictions may depend on features, by name; features that are not named: in any way.
    pub directions: BTreeMap<String, Direction>,
    /// Stop after so many rounds without a better validation loss; 0 never stops early.
    pub early_stopping_rounds: usize,
    /// The job's public seed: drives the sampling of rows and features, and in strict trees the
    /// rounding of weights, nothing else.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            loss: Loss::Logistic,
            ensemble: Ensemble::Boosting,
            trees: 50,
            depth: 5,
            learning_rate: 0.1,
            base_score: None,
            class_weights: Vec::new(),
            l2: 1.0,
            min_gain: 0.0,
            min_child_weight: 1.0,
            min_split_rows: 20,
            row_fraction: 1.0,
            one_side: None,
            column_fraction: 1.0,
            directions: BTreeMap::new(),
            early_stopping_rounds: 10,
            seed: 0,
        }
    }
}

impl Settings {
    /// Refuses values outside the documented ranges.
    pub fn check(&self) -> Result<(), ModelError> {
        self.loss.check()?;
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let penalty = |value: f64| value >= 0.0 && value.is_finite();
        let rules = [
            ((1..=10_000).contains(&self.trees), "trees must be 1 to 10000"),
            ((1..=12).contains(&self.depth), "depth must be 1 to 12"),
            (share(self.learning_rate), "learning_rate must be above 0 and at most 1"),
            (penalty(self.l2), "l2 must be a number of at least 0"),
            (penalty(self.min_gain), "min_gain must be a number of at least 0"),
            (penalty(self.min_child_weight), "min_child_weight must be a number of at least 0"),
            (self.min_split_rows >= 2, "min_split_rows must be at least 2"),
            (share(self.row_fraction), "row_fraction must be above 0 and at most 1"),
            (share(self.column_fraction), "column_fraction must be above 0 and at most 1"),
            (
                self.base_score.is_none_or(|value| self.loss.margin_of(value).is_some()),
                "base_score must be a possible prediction",
            ),
            (
                self.has_valid_class_weights(),
                "class_weights must be one number above 0 for each class, of a loss of classes",
            ),
            (
                self.directions.is_empty() || !matches!(self.loss, Loss::Quantile { .. }),
                "directions must be empty for the quantile loss, whose leaves are not bounded",
            ),
            (
                self.one_side.is_none_or(OneSide::is_valid),
                "the shares of one_side must be above 0, and together at most 1",
            ),
            (
                self.one_side.is_none() || (self.is_boosted() && self.row_fraction >= 1.0),
                "one_side samples rows of boosted trees by itself: row_fraction must be 1",
            ),
            (
                self.one_side.is_none() || !matches!(self.loss, Loss::Quantile { .. }),
                "one_side must be left out for the quantile loss, whose derivatives are alike",
            ),
            (
                self.is_boosted() || self.loss != Loss::Ranking,
                "a forest has no ranking loss: before the first tree there is no order",
            ),
            (
                self.is_boosted() || self.early_stopping_rounds == 0,
                "early_stopping_rounds must be 0 for a forest",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(ModelError::InvalidInput((*rule).into())),
            None => Ok(()),
        }
    }

    fn is_boosted(&self) -> bool {
        self.ensemble == Ensemble::Boosting
    }

    /// Number of trees, at most.
    pub fn trees_max(&self) -> usize {
        self.trees * self.loss.outputs()
    }

    /// The factor on each leaf.
    pub fn shrinkage(&self) -> f64 {
        match self.ensemble {
            Ensemble::Boosting => self.learning_rate,
            Ensemble::Forest => 1.0 / self.trees as f64,
        }
    }

    /// How predictions may depend on the feature of this name.
    pub fn direction(&self, feature: &str) -> Direction {
        self.directions.get(feature).copied().unwrap_or_default()
    }

    fn has_valid_class_weights(&self) -> bool {
        let is_weight = |weight: &f64| *weight > 0.0 && weight.is_finite();
        let classes = self.loss.outputs().max(2);
        self.class_weights.is_empty()
            || (self.loss.is_of_classes()
                && self.class_weights.len() == classes
                && self.class_weights.iter().all(is_weight))
    }
}

/// The features that tree number `tree` may use, ascending, out of `features` of all parties.
pub fn columns_of_tree(settings: &Settings, tree: usize, features: usize) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..features).collect();
    if settings.column_fraction < 1.0 {
        let kept = (settings.column_fraction * features as f64).round() as usize;
        public_stream(settings, tree, b'c').shuffle(&mut columns);
        columns.truncate(kept.max(1));
        columns.sort_unstable();
    }
    columns
}

/// The training rows that tree number `tree` sees, in the order of `training`; each is kept
/// with probability `row_fraction`, independently.
pub(crate) fn rows_of_tree(settings: &Settings, tree: usize, training: &[u32]) -> Vec<u32> {
    if settings.row_fraction >= 1.0 {
        return training.to_vec();
    }
    let mut draws = vec![0; training.len()];
    public_stream(settings, tree, b'r').fill_words(&mut draws);
    // The fraction is below 1, so that the product stays below 2^64.
    let bound = (settings.row_fraction * 2f64.powi(64)) as u64;
    let kept = training.iter().zip(draws).filter(|(_, draw)| *draw < bound);
    kept.map(|(row, _)| *row).collect()
}

/// Draws among the rows with small derivatives.
pub(super) fn one_side_stream(settings: &Settings, tree: usize) -> Generator {
    public_stream(settings, tree, b'o')
}

/// Draws by which weights are rounded: they keep sums without bias and hide nothing, so that a
/// training that is taken up rounds as it did before.
pub(crate) fn weight_stream(settings: &Settings) -> Generator {
    public_stream(settings, 0, b'w')
}

/// A stream that both parties can compute: the seed, the tree and the use are its whole state.
fn public_stream(settings: &Settings, tree: usize, usage: u8) -> Generator {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&settings.seed.to_le_bytes());
    seed[8..16].copy_from_slice(&(tree as u64).to_le_bytes());
    seed[16..31].copy_from_slice(b"boosted_trees/1");
    seed[31] = usage;
    Generator::from_seed(seed)
}
