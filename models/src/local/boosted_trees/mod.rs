//! Gradient-boosted trees for a yes/no label, on pooled plaintext: the reference of
//! `vertical::boosted_trees`, and what a guest trains on its own features alone.
//!
//! Second-order boosting with histograms (Chen and Guestrin, `XGBoost`, KDD 2016, sections 2.2
//! and 3.4; Ke et al., `LightGBM`, NIPS 2017, for the histograms). Three things differ from the
//! usual libraries, each so that the encrypted version computes *the same* trees and not similar
//! ones:
//!
//! - gradients are rounded once to integers ([`Gradients`]); all sums are exact, so their order
//!   and place do not matter;
//! - ties go to the lowest (party, feature, bin), a party's features being numbered one after
//!   the other ([`best_cut`]);
//! - a child is bounded from below by its sum of second derivatives, not by its number of rows:
//!   counts per bin would be one more thing that the guest learns of a host's features. Nodes of
//!   few rows are not split, which needs no such count.
//!
//! The parts, from the outside in: [`Boosting`] holds the margins of all rows and goes from tree
//! to tree, [`Grower`] grows one tree level by level and is fed with histograms, whoever made
//! them; [`histograms`] makes those of features that are at hand.

mod boosting;
mod gradients;
mod grower;
mod histogram;
mod settings;
mod split;
#[cfg(test)]
mod tests;
mod tree;

use features::binned::BinnedMatrix;
use serde::{Deserialize, Serialize};

use crate::ModelError;

pub(crate) use boosting::check_parts;
pub use boosting::{Boosting, Examples, Progress};
pub(crate) use gradients::sum_bits;

pub use gradients::{Gradient, Gradients, log_loss, probability};
pub use grower::{Choice, Grower};
pub use histogram::{Cell, Histogram, Layout, histograms};
pub(crate) use settings::rows_of_tree;
pub use settings::{Settings, columns_of_tree};
pub use split::{Cut, best_cut};
pub use tree::{Bits, Node, Tree};

/// A trained model over features at hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoostedTrees {
    /// Log-odds before the first tree.
    pub base_score: f64,
    /// Names of the features, in the order that [`Cut::feature`] counts.
    pub features: Vec<String>,
    /// The trees; a row's margin is the base score plus one leaf of each.
    pub trees: Vec<Tree<Cut>>,
}

/// What training returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The model, cut back to its best number of trees.
    pub model: BoostedTrees,
    /// Log-odds of every row of the matrix, in row order; also of rows that are in neither part.
    pub margins: Vec<f64>,
    /// Mean log-loss after each tree, also of the trees that were cut off again.
    pub progress: Vec<Progress>,
}

/// Trains on the training rows of `examples`.
///
/// Uses rayon: call it inside `Session::compute`, or anywhere that is not asynchronous.
pub fn train(
    matrix: &BinnedMatrix,
    examples: &Examples<'_>,
    settings: &Settings,
) -> Result<Training, ModelError> {
    let mut boosting = Boosting::new(examples, settings, matrix.rows())?;
    let mut trees = Vec::new();
    while boosting.wants_more() {
        let gradients = boosting.gradients();
        let columns = columns_of_tree(settings, boosting.trees(), matrix.features().len());
        let tree = grow(matrix, &columns, &gradients, &mut boosting);
        trees.push(tree);
    }
    let (best, margins, progress) = boosting.finish();
    trees.truncate(best.trees);
    let features = matrix.features().iter().map(|feature| feature.name.clone()).collect();
    let model = BoostedTrees { base_score: best.base_score, features, trees };
    Ok(Training { model, margins, progress })
}

/// Grows one tree on the features at hand and adds it to the margins.
fn grow(
    matrix: &BinnedMatrix,
    columns: &[usize],
    gradients: &Gradients,
    boosting: &mut Boosting<'_>,
) -> Tree<Cut> {
    let features: Vec<_> = columns.iter().map(|&column| &matrix.features()[column]).collect();
    let layout = Layout::new(features.iter().map(|feature| feature.bins));
    let mut grower = Grower::new(boosting.settings(), gradients, layout, matrix.rows());
    while !grower.wanted().is_empty() {
        let direct = histograms(&features, &grower.wanted(), gradients);
        let choices = grower.choose(direct);
        let cuts = choices.iter().map(|choice| choice.cut);
        let sides: Vec<Bits> =
            cuts.clone().map(|cut| cut.sides(&features[cut.feature].codes)).collect();
        let questions = cuts.map(|cut| Cut { feature: columns[cut.feature], ..cut });
        grower.divide(questions.zip(&sides).collect());
    }
    let (tree, leaves) = grower.finish();
    boosting.add(&tree, &leaves);
    tree
}

impl BoostedTrees {
    /// Log-odds of each row of `matrix`, whose features must be the trained ones in their order,
    /// binned by the same edges.
    pub fn margins(&self, matrix: &BinnedMatrix) -> Result<Vec<f64>, ModelError> {
        check_features(&self.features, matrix)?;
        let codes: Vec<&[u8]> = matrix.features().iter().map(|f| f.codes.as_slice()).collect();
        let margin = |row: usize| {
            let leaves =
                self.trees.iter().map(|tree| tree.leaf(|cut| cut.is_left(codes[cut.feature][row])));
            // One after the other from the base score, as training added them.
            leaves.fold(self.base_score, |margin, leaf| margin + leaf)
        };
        Ok((0..matrix.rows()).map(margin).collect())
    }
}

/// Refuses a matrix whose features are not `names`, in this order.
pub(crate) fn check_features(names: &[String], matrix: &BinnedMatrix) -> Result<(), ModelError> {
    let found = matrix.features().iter().map(|feature| &feature.name);
    if names.iter().eq(found) {
        return Ok(());
    }
    Err(ModelError::InvalidInput(format!(
        "the table's {} features are not the {} the model was trained on, in their order",
        matrix.features().len(),
        names.len()
    )))
}
