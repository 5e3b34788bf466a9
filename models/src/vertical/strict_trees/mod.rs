//! Gradient-boosted trees over two parties' features of the same rows, in `strict` privacy.
//!
//! # Functionality
//! The guest (first party) holds labels of 0 and 1 and features, the host (second party) other
//! features of the same rows in the same order. Both end with their part of the trees: the shape,
//! who owns each split, their own splits, and *shares* of the leaves. The trees are those of
//! [`local`](crate::local::boosted_trees) on the guest's features followed by the host's, up to
//! near ties: a later cut must gain one part in 2^14 more than an earlier one, derivatives have the
//! fractional bits of [`Units`], and nodes that saw no missing value send later ones to the left.
//! [`score`] gives shares of the margins of new rows.
//! # Messages
//! 1. once: `features` both ways, the bins of each feature and whether values are missing; the
//!    parts of encrypted sums that never change (`mpc::histogram`)
//! 2. per tree: derivatives on shares (`mpc::sigmoid`, `mpc::product`)
//! 3. per level: sums over cells of one child of each pair (`mpc::histogram`); the gain of every
//!    cut and the best one of each node (`mpc::product`, `mpc::comparison`, `mpc::maximum`);
//!    `opened_bits` both ways, which nodes are split and whose cut it is; `share`, the number of
//!    the cut to its owner; `correlations` both ways, the derivatives of the left children
//! 4. per tree, with validation rows: the change of their loss (`mpc::product`), and `opened_bit`
//!    both ways, whether training ends
//! 5. per tree: the leaves (`mpc::reciprocal`), and `correlations` both ways, once per level, the
//!    new margins
//! # Leaks
//! To both: the numbers of rows and trees, the bins of each feature of the other party, without
//! names or edges, and for which of them values are missing; which nodes are split, and the owner
//! of each split; with validation rows one stop bit a tree. To the owner: its own splits. Nothing
//! else: sums, gains, derivatives, margins, leaves and the rows of a node stay shared.
//! # Security
//! Semi-honest, two parties, no third. Ring-LWE at 128 bits (quantum) for sums and products,
//! correlated transfers for comparisons and selections; see `mpc`. A row's side of a split is known
//! to the owner of the split as a choice bit of a transfer, and never leaves it.
//! # Cost
//! With n rows, C cells and K cuts of both parties, depth d, per tree: 2^(d-1) encrypted sums, each
//! 18.75·n bytes both ways; (2^d - 1)·K gains of about 1.2 KB; 2·(2^d - 1)·n transfers of 12 bytes,
//! and 0.9 KB for each row for the derivatives. Per level about 60 + 16·log2 K flights. Memory:
//! 196,608 bytes for each cell of the other party.
//! # Reference
//! The protocol's skeleton: Lu, Huang, Zhang, Wang, Hong, "Squirrel", USENIX Security 2023 (eprint
//! 2023/527), sections 3 and 4. Here with exact gains: for the same node, the gain of Chen and
//! Guestrin (`XGBoost`, KDD 2016, equation 7) is, up to constants of the node, `(G_L·H' -
//! G·H'_L)²/(H'_L·H'_R)` with `H'_L = H_L + λ`, `H'_R = H_R + λ` and H' their sum, so that
//! fractions are compared and nothing is divided.

mod choice;
mod cuts;
mod derivatives;
mod growing;
mod leaves;
mod parts;
mod stopping;
#[cfg(test)]
mod tests;
mod units;
mod walk;

use std::collections::VecDeque;

use features::binned::BinnedMatrix;
use mpc::TwoParty;
use mpc::histogram::{Column, Geometry, Histogram};
use mpc::product::Products;
use mpc::sigmoid::{SCORE_UNIT, Sigmoid};

use crate::ModelError;
use crate::local::boosted_trees::{
    Ensemble, Loss, Settings, check_features, check_parts, rows_of_tree,
};
use cuts::{FeatureShape, Shapes};
use derivatives::Derivatives;
use growing::Growing;
pub use parts::{Owner, PartNode, PartTree, StrictTrees};
use stopping::Stopping;
pub use units::Units;

/// Keys of the disclosures that are recorded while training.
pub const DISCLOSURES: [&str; 5] = [FEATURE_SIZES, SHAPE, OWNER, OWN_SPLITS, STOP];

const FEATURE_SIZES: &str = "trees.feature_sizes";
const SHAPE: &str = "trees.shape";
const OWNER: &str = "trees.split_owner";
const OWN_SPLITS: &str = "trees.own_splits";
const STOP: &str = "train.stop";

/// What a party has after training.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The party's part of the model.
    pub model: StrictTrees,
    /// Shares of the margins of the training rows, in units of [`SCORE_UNIT`].
    pub margins: Vec<u64>,
}

/// The rows of a training.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The rows to learn from, ascending.
    pub training: &'a [u32],
    /// The rows to stop by, ascending; may be empty.
    pub validation: &'a [u32],
}

/// Trains on rows that are the same on both sides. The guest passes the label of every row of the
/// matrix, the host `None`.
///
/// Of the settings, `min_split_rows` is not used, because nobody may count the rows of a node. With
/// validation rows, training ends when their loss has not become less for `early_stopping_rounds`
/// trees, which are cut off again; if the trees run out before, all are kept.
///
/// # Errors
/// [`ModelError::InvalidInput`] for settings, labels or features that do not fit,
/// [`ModelError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    party: &mut TwoParty,
    matrix: &'a BinnedMatrix,
    labels: Option<&[u8]>,
    rows: Rows<'a>,
    settings: &Settings,
) -> Result<Training, ModelError> {
    let stops = settings.early_stopping_rounds > 0 && !rows.validation.is_empty();
    let rows = if stops { rows } else { Rows { validation: &[], ..rows } };
    let all = [rows.training, rows.validation].concat();
    check(party, matrix, labels, rows, settings)?;
    let units = Units::new(rows.training.len(), settings)?;
    let labels: Option<Vec<u8>> =
        labels.map(|labels| all.iter().map(|row| labels[*row as usize]).collect());
    let count = rows.training.len();
    let base_score = labels.as_ref().map(|labels| base_score(&labels[..count])).transpose()?;

    let codes = cuts::codes(matrix, &all, count);
    let own = codes.iter().map(|codes| codes.shape).collect();
    let shapes = Shapes::exchange(party, own).await?;
    let mut columns: Vec<Column<'_>> = codes
        .iter()
        .map(|codes| Column { codes: &codes.cells[..count], cells: codes.shape.cells() })
        .collect();
    // The guest's labels are one more column: they bound a node's sums, see `choice`.
    columns.extend(labels.iter().map(|labels| Column { codes: &labels[..count], cells: 2 }));
    let cells = columns.iter().map(|column| column.cells).sum();
    let geometry = Geometry::agree(party, count, cells).await?;
    shapes.check_cells(party, geometry.their_cells())?;
    let histogram = Histogram::prepare(party, &geometry, columns).await?;
    let (products, sigmoid) = (Products::prepare(party).await?, Sigmoid::prepare(party).await?);
    let (sigmoid, products) = (&sigmoid, &products);
    let derivatives = Derivatives { sigmoid, products, labels: labels.as_deref(), units };
    let growing = Growing {
        histogram: &histogram,
        products,
        shapes: &shapes,
        codes: &codes,
        units,
        settings,
    };
    let start = base_score.map_or(0, |score| (score * SCORE_UNIT).round() as i64 as u64);
    let mut boosting = Boosting { derivatives, growing, rows, margins: vec![start; all.len()] };
    let trees = boosting.run(party).await?;
    let features = matrix.features().iter().map(|feature| feature.name.clone()).collect();
    let mut margins = boosting.margins;
    margins.truncate(count);
    let model = StrictTrees { base_score: base_score.unwrap_or(0.0), features, trees };
    Ok(Training { model, margins })
}

/// The state between trees.
struct Boosting<'a> {
    derivatives: Derivatives<'a>,
    growing: Growing<'a>,
    rows: Rows<'a>,
    /// Shares, of training and then of validation rows.
    margins: Vec<u64>,
}

impl Boosting<'_> {
    async fn run(&mut self, party: &mut TwoParty) -> Result<Vec<PartTree>, ModelError> {
        let settings = self.growing.settings;
        let training = self.rows.training;
        let patience = settings.early_stopping_rounds;
        let products = self.growing.products;
        let mut stopping =
            Stopping { products, patience, residuals: Vec::new(), loss: 0, least: Vec::new() };
        let mut trees = Vec::new();
        // What each of the last trees added, which may have to be taken off again.
        let mut added: VecDeque<Vec<u64>> = VecDeque::new();
        for tree in 0..settings.trees {
            party.session.report_progress(tree, settings.trees);
            let derived = self.derivatives.at(party, &self.margins, training.len()).await?;
            let last = added.back().map(|added| &added[training.len()..]);
            let looks = !self.rows.validation.is_empty();
            if looks && stopping.look(party, &derived.residuals, last).await? {
                for added in added.iter().rev().take(patience) {
                    move_by(&mut self.margins, added, u64::wrapping_sub);
                }
                trees.truncate(tree - patience);
                break;
            }
            let mut packed = derived.packed;
            leave_out(&mut packed, training, &rows_of_tree(settings, tree, training));
            let (part, gained) = self.growing.tree(party, packed, self.margins.len(), tree).await?;
            move_by(&mut self.margins, &gained, u64::wrapping_add);
            trees.push(part);
            added.push_back(gained);
            if added.len() > patience.max(1) {
                added.pop_front();
            }
        }
        Ok(trees)
    }
}

fn move_by(margins: &mut [u64], terms: &[u64], step: fn(u64, u64) -> u64) {
    margins.iter_mut().zip(terms).for_each(|(margin, term)| *margin = step(*margin, *term));
}

/// Shares of the margins, in units of [`SCORE_UNIT`], of all rows of `matrix`, whose features are
/// those of the training, binned by the same edges. Both parties call it with their parts of one
/// model and the same rows in the same order.
///
/// # Errors
/// [`ModelError::InvalidInput`] for other features or a damaged part, [`ModelError::Secure`] when
/// the peer fails.
#[net::boxed]
pub async fn score(
    party: &mut TwoParty,
    model: &StrictTrees,
    matrix: &BinnedMatrix,
) -> Result<Vec<u64>, ModelError> {
    model.check(party.is_first())?;
    check_features(&model.features, matrix)?;
    let start = (model.base_score * SCORE_UNIT).round() as i64 as u64;
    let mut margins = vec![start; matrix.rows()];
    for tree in &model.trees {
        let sides = walk::sides(tree, matrix);
        let gained = walk::values(party, tree, &sides, matrix.rows()).await?;
        move_by(&mut margins, &gained, u64::wrapping_add);
    }
    Ok(margins)
}

fn check(
    party: &TwoParty,
    matrix: &BinnedMatrix,
    labels: Option<&[u8]>,
    rows: Rows<'_>,
    settings: &Settings,
) -> Result<(), ModelError> {
    let Rows { training, validation } = rows;
    settings.check()?;
    check_parts(training, validation, matrix.rows())?;
    let refuse = |rule: &str| Err(ModelError::InvalidInput(rule.to_owned()));
    if party.is_first() != labels.is_some() {
        return refuse("the guest, who is the first party, has labels, and only the guest");
    }
    if labels.is_some_and(|labels| {
        let mut used = training.iter().chain(validation);
        labels.len() != matrix.rows() || used.any(|row| labels[*row as usize] > 1)
    }) {
        return refuse("labels must be 0 or 1, one for each row");
    }
    let offered = [
        (settings.min_gain == 0.0, "no min_gain: use lambda or min_child_weight"),
        (settings.loss == Loss::Logistic, "the logistic loss only"),
        (settings.ensemble == Ensemble::Boosting, "no forests"),
        (settings.base_score.is_none(), "no base_score of one's own"),
        (settings.class_weights.is_empty(), "no class weights"),
        (settings.directions.is_empty(), "no directions of features"),
    ];
    match offered.iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => refuse(&format!("strict trees have {rule}; secureboost trees do more")),
        None => Ok(()),
    }
}

/// Log-odds of the training labels.
fn base_score(labels: &[u8]) -> Result<f64, ModelError> {
    let positives: usize = labels.iter().map(|label| usize::from(*label)).sum();
    if positives == 0 || positives == labels.len() {
        let rule = "the training rows need both labels, 0 and 1";
        return Err(ModelError::InvalidInput(rule.to_owned()));
    }
    Ok((positives as f64 / (labels.len() - positives) as f64).ln())
}

/// Zeroes the shares of rows that a tree does not see.
fn leave_out(shares: &mut [u64], training: &[u32], seen: &[u32]) {
    let mut seen = seen.iter().peekable();
    for (share, row) in shares.iter_mut().zip(training) {
        if seen.next_if_eq(&row).is_none() {
            *share = 0;
        }
    }
}

/// Cells of one party: bins, and one for missing values if there are any.
impl FeatureShape {
    fn cells(self) -> usize {
        usize::from(self.bins) + usize::from(self.has_missing)
    }
}
