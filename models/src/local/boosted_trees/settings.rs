//! What a user sets, and the choices that follow from the job's public seed.

use crypto::random::Generator;
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// How to boost. Both parties of a joint training hold equal settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Number of trees, at most: `1..=10_000`.
    pub trees: usize,
    /// Number of splits above each leaf, at most: `1..=12`.
    pub depth: usize,
    /// Factor on each leaf: above 0, at most 1.
    pub learning_rate: f64,
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
    /// Share of all parties' features that each tree sees: above 0, at most 1.
    pub column_fraction: f64,
    /// Stop after so many trees without a better validation loss; 0 never stops early.
    pub early_stopping_rounds: usize,
    /// The job's public seed: drives the sampling of rows and features, nothing else.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trees: 50,
            depth: 5,
            learning_rate: 0.1,
            l2: 1.0,
            min_gain: 0.0,
            min_child_weight: 1.0,
            min_split_rows: 20,
            row_fraction: 1.0,
            column_fraction: 1.0,
            early_stopping_rounds: 10,
            seed: 0,
        }
    }
}

impl Settings {
    /// Refuses values outside the documented ranges.
    pub fn check(&self) -> Result<(), ModelError> {
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
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(ModelError::InvalidInput((*rule).into())),
            None => Ok(()),
        }
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

/// A stream that both parties can compute: the seed, the tree and the use are its whole state.
fn public_stream(settings: &Settings, tree: usize, usage: u8) -> Generator {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&settings.seed.to_le_bytes());
    seed[8..16].copy_from_slice(&(tree as u64).to_le_bytes());
    seed[16..31].copy_from_slice(b"boosted_trees/1");
    seed[31] = usage;
    Generator::from_seed(seed)
}
