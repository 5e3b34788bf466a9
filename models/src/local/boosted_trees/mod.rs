//! Gradient-boosted trees and random forests on pooled plaintext: the reference of
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
mod labels;
mod loss;
mod monotone;
mod one_side;
mod ranking;
mod settings;
mod split;
#[cfg(test)]
mod tests;
mod tree;

use features::binned::BinnedMatrix;
use serde::{Deserialize, Serialize};

use crate::ModelError;

pub use boosting::{Boosting, Examples, Progress};
pub(crate) use boosting::{check_parts, weight as row_weight};
pub(crate) use gradients::sum_bits;

pub use gradients::{Gradient, Gradients, Units};
pub use grower::{Choice, Grower};
pub use histogram::{Cell, Histogram, Layout, histograms};
pub use labels::Labels;
pub(crate) use loss::second_damping;
pub use loss::{Loss, probability};
pub use monotone::{Bounds, Direction};
pub use one_side::OneSide;
pub use ranking::{GRADE_MAX, PLACES, judged_groups, ndcg};
pub use settings::{Ensemble, Settings, columns_of_tree};
pub(crate) use settings::{rows_of_tree, weight_stream};
pub use split::{Cut, best_cut};
pub use tree::{Bits, Node, Tree};

/// A trained model over features at hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoostedTrees {
    /// What was minimised; it says what margins mean.
    pub loss: Loss,
    /// The margins before the first tree, one an output of the loss.
    pub base_scores: Vec<f64>,
    /// Names of the features, in the order that [`Cut::feature`] counts.
    pub features: Vec<String>,
    /// The trees, those of several classes in turn; a row's margin is the base score plus one leaf
    /// of each tree of its class.
    pub trees: Vec<Tree<Cut>>,
}

/// What training returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The model, cut back to its best number of trees.
    pub model: BoostedTrees,
    /// The margins of every row of the matrix, one an output, row by row; also of rows that are in
    /// neither part.
    pub margins: Vec<f64>,
    /// Mean loss after each round, also of the rounds that were cut off again.
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
    let loss = settings.loss;
    let model = BoostedTrees { loss, base_scores: best.base_scores, features, trees };
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
    let directions = features.iter().map(|feature| boosting.settings().direction(&feature.name));
    let layout = Layout::new(features.iter().map(|feature| feature.bins))
        .with_directions(directions.collect());
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
    let (mut tree, leaves) = grower.finish();
    boosting.add(&mut tree, &leaves);
    tree
}

impl BoostedTrees {
    /// Refuses a model that was read from a file and cannot have been trained here.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`].
    pub fn check(&self) -> Result<(), ModelError> {
        let holds = |cut: &Cut| cut.feature < self.features.len();
        if check_base(self.loss, &self.base_scores)
            && self.trees.iter().all(|tree| tree.is_sound() && tree.questions().all(holds))
        {
            return Ok(());
        }
        Err(ModelError::InvalidInput("the trees are damaged: restore the file".into()))
    }

    /// The margins of each row of `matrix`, one an output, row by row. The features must be the
    /// trained ones in their order, binned by the same edges.
    pub fn margins(&self, matrix: &BinnedMatrix) -> Result<Vec<f64>, ModelError> {
        check_features(&self.features, matrix)?;
        let codes: Vec<&[u8]> = matrix.features().iter().map(|f| f.codes.as_slice()).collect();
        let margins = |row: usize| {
            let is_left = |cut: &Cut| cut.is_left(codes[cut.feature][row]);
            margins_of_row(&self.base_scores, &self.trees, is_left)
        };
        Ok((0..matrix.rows()).flat_map(margins).collect())
    }
}

/// Whether there is one finite base score for each output of a loss within its range.
pub(crate) fn check_base(loss: Loss, base_scores: &[f64]) -> bool {
    loss.check().is_ok()
        && base_scores.len() == loss.outputs()
        && base_scores.iter().all(|score| score.is_finite())
}

/// One row's margins, one after the other from the base score, as training added them; `is_left`
/// answers the questions.
pub(crate) fn margins_of_row<Q>(
    base_scores: &[f64],
    trees: &[Tree<Q>],
    is_left: impl Fn(&Q) -> bool,
) -> Vec<f64> {
    let mut margins = base_scores.to_vec();
    for round in trees.chunks(base_scores.len()) {
        for (margin, tree) in margins.iter_mut().zip(round) {
            *margin += tree.leaf(&is_left);
        }
    }
    margins
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
