//! Gradient-boosted trees over two parties' features of the same rows, in `strict` privacy.
//!
//! # Functionality
//! The guest (first party) holds labels, perhaps weights, and features, the host (second party)
//! other features of the same rows in the same order. Both end with their part of the trees: the
//! shape, who owns each split, their own splits, and *shares* of the leaves. The trees are those of
//! [`local`](crate::local::boosted_trees) on the guest's features followed by the host's, up to
//! near ties: a later cut must gain one part in 2^14 more than an earlier one, derivatives have the
//! fractional bits of [`Units`], and nodes that saw no missing value send later ones to the left.
//! Losses are all but those of quantiles and of rankings; forests have not that of several classes
//! either. [`score`] gives shares of the margins of new rows, which [`StrictTrees::margins`] of the
//! guest's part turns into those of the label's unit.
//! # Messages
//! 1. once: `features` both ways, the bins of each feature and whether values are missing; the
//!    parts of encrypted sums that never change (`mpc::histogram`); `guest_numbers` guest → host, a
//!    share of the penalties in units of scaled derivatives, and of weights if there are any; where
//!    an earlier run is taken up (`course`), `refresh` both ways (`mpc::refresh`)
//! 2. per round, which is a tree, or for several classes one for each: derivatives on shares
//!    (`mpc::sigmoid`, `mpc::softmax`, `mpc::exponential`, `mpc::product`); of a forest the guest's
//!    alone
//! 3. per level: sums over cells of one child of each pair (`mpc::histogram`); the gain of every
//!    cut and the best one of each node (`mpc::product`, `mpc::comparison`, `mpc::maximum`);
//!    `opened_bits` both ways, which nodes are split and whose cut it is; `share`, the number of
//!    the cut to its owner; `correlations` both ways, the derivatives of the left children
//! 4. per round, with validation rows: the change of their loss (`mpc::product`); with the squared
//!    loss on samples of rows: the sum of squared residuals, with a logarithmic link in boosting:
//!    the sum of what derivatives are made of; with any of them `opened_bit` both ways, whether
//!    training ends
//! 5. per tree: the leaves (`mpc::reciprocal`), and `correlations` both ways, once per level, the
//!    new margins
//! 6. where scores of a forest are to be judged unseen: their product with the labels' scale
//!    (`mpc::known`)
//! # Leaks
//! To both: the numbers of rows, classes and trees, the bins of each feature of the other party,
//! without names or edges, and for which of them values are missing; which nodes are split, and the
//! owner of each split; one stop bit a round, with validation rows, where the squared loss is
//! boosted on samples of rows and where a logarithmic link is boosted; set before
//! `early_stopping_rounds` + 1 rounds, it can only mean that training diverges, and is an error. To
//! the owner: its own splits. Nothing else: sums, gains, derivatives, margins, leaves, the rows of
//! a node, weights and the scale of labels stay shared or with the guest.
//! # Security
//! Semi-honest, two parties, no third. Ring-LWE at 128 bits (quantum) for sums and products,
//! correlated transfers for comparisons and selections; see `mpc`. A row's side of a split is known
//! to the owner of the split as a choice bit of a transfer, and never leaves it.
//! # Cost
//! With n rows, C cells and K cuts of both parties, depth d, per tree: 2^(d-1) encrypted sums, each
//! 18.75·n bytes both ways; (2^d - 1)·K gains of about 1.3 KB; 2·(2^d - 1)·n transfers of 12 bytes,
//! and for each row 0.9 KB for the derivatives of the log-loss, 20 bytes for those of the squared
//! loss, for several classes some 2 KB for each and 1.1 KB more (`mpc::softmax`), each with 0.2 KB
//! more for weights; 0.5 KB for those of Poisson and gamma, 1 KB for those of
//! Tweedie, weights included. Per level about 150 flights for a thousand cuts. Memory:
//! 131,072 bytes for each cell of the other party.
//! # Reference
//! The protocol's skeleton: Lu, Huang, Zhang, Wang, Hong, "Squirrel", USENIX Security 2023 (eprint
//! 2023/527), sections 3 and 4. Here with exact gains: for the same node, the gain of Chen and
//! Guestrin (`XGBoost`, KDD 2016, equation 7) is, up to constants of the node, `(G_L·H' -
//! G·H'_L)²/(H'_L·H'_R)` with `H'_L = H_L + λ`, `H'_R = H_R + λ` and H' their sum, so that
//! fractions are compared and nothing is divided.

mod checkpoint;
mod choice;
mod cuts;
mod derivatives;
mod fractions;
mod growing;
mod judging;
mod leaves;
mod log_link;
mod parts;
pub mod several;
mod sharing;
mod stopping;
mod targets;
#[cfg(test)]
mod tests;
mod units;
mod walk;

use features::binned::BinnedMatrix;
use mpc::TwoParty;
use mpc::histogram::{Column, Geometry, Histogram};
use mpc::product::Products;
use mpc::reveal::open_bit;

use crate::ModelError;
use crate::local::boosted_trees::{
    Examples, Loss, Settings, check_features, check_parts, rows_of_tree,
};
use crate::vertical::course::Course;
use checkpoint::{Added, Boosted};
use cuts::{FeatureShape, Shapes};
use derivatives::Derivatives;
use growing::Growing;
pub use parts::{Owner, PartNode, PartTree, StrictTrees};
use stopping::{Stopping, either};
pub use targets::Known;
use targets::Targets;
use units::Penalties;
pub use units::Units;

/// Keys of the disclosures that are recorded while training.
pub const DISCLOSURES: [&str; 5] = [FEATURE_SIZES, SHAPE, OWNER, OWN_SPLITS, STOP];

const FEATURE_SIZES: &str = "trees.feature_sizes";
const SHAPE: &str = "trees.shape";
const OWNER: &str = "trees.split_owner";
const OWN_SPLITS: &str = "trees.own_splits";
const STOP: &str = "train.stop";

/// How many times squared errors may be those before the first tree: derivatives, whose mean is
/// then at most the root of this, fit.
const DIVERGENCE: u32 = 16;

/// What a party has after training.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// The party's part of the model.
    pub model: StrictTrees,
    /// Shares of the margins of the training rows, as [`score`] gives them.
    pub margins: Vec<u64>,
}

/// The rows of a training.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The rows to learn from, ascending.
    pub training: &'a [u32],
    /// The rows to stop by, ascending; may be empty.
    pub validation: &'a [u32],
    /// Whether the guest has a weight for each row, which both parties know.
    pub weighted: bool,
}

/// Trains on rows that are the same on both sides. The guest passes the label of every row of the
/// matrix, and the weights if rows have them, the host `None`.
///
/// Of the settings, `min_split_rows` is not used, because nobody may count the rows of a node. With
/// validation rows, training ends when their loss has not become less for `early_stopping_rounds`
/// trees, which are cut off again; if the trees run out before, all are kept.
///
/// # Errors
/// [`ModelError::InvalidInput`] for settings, labels or features that do not fit, and where
/// training diverges before early stopping has a say, [`ModelError::Secure`] when the peer fails or
/// misbehaves.
#[net::boxed]
pub async fn train<'a>(
    party: &mut TwoParty,
    matrix: &'a BinnedMatrix,
    known: Option<Known<'a>>,
    rows: Rows<'a>,
    settings: &Settings,
) -> Result<Training, ModelError> {
    train_along(party, matrix, known, rows, settings, Course::default()).await
}

/// [`train`], where the `course` keeps each tree and what the next one needs, and has what an
/// earlier run kept.
///
/// # Errors
/// Those of [`train`], and [`ModelError::InvalidInput`] for a checkpoint that is none of this
/// training.
#[net::boxed]
pub async fn train_along<'a>(
    party: &mut TwoParty,
    matrix: &'a BinnedMatrix,
    known: Option<Known<'a>>,
    rows: Rows<'a>,
    settings: &Settings,
    course: Course<'a>,
) -> Result<Training, ModelError> {
    let stops = settings.early_stopping_rounds > 0 && !rows.validation.is_empty();
    let rows = if stops { rows } else { Rows { validation: &[], ..rows } };
    let all = [rows.training, rows.validation].concat();
    let mut targets = check(party.is_first(), matrix, known, rows, settings)?;
    let count = rows.training.len();
    let units = Units::new(count, settings)?;
    let weighted = rows.weighted || !settings.class_weights.is_empty();
    if weighted
        && settings.loss == Loss::Squared
        && let Some(targets) = &mut targets
    {
        targets.round_weights(units, count, settings);
    }

    let codes = cuts::codes(matrix, &all, count);
    let own = codes.iter().map(|codes| codes.shape).collect();
    let shapes = Shapes::exchange(party, own).await?;
    let columns: Vec<Column<'_>> = codes
        .iter()
        .map(|codes| Column { codes: &codes.cells[..count], cells: codes.shape.cells() })
        .collect();
    let cells = columns.iter().map(|column| column.cells).sum();
    let geometry = Geometry::agree(party, count, cells).await?;
    shapes.check_cells(party, geometry.their_cells())?;
    let histogram = Histogram::prepare(party, &geometry, columns).await?;
    let products = &Products::prepare(party).await?;
    let penalties = &Penalties::share(party, units, settings, targets.as_ref(), count).await?;
    let weighted = (weighted, all.len());
    let derivatives =
        Derivatives::prepare(party, products, units, settings, targets.as_ref(), weighted).await?;
    let growing = Growing {
        histogram: &histogram,
        products,
        shapes: &shapes,
        codes: &codes,
        units,
        penalties,
        settings,
    };
    let outputs = settings.loss.outputs();
    let margins = vec![vec![0; all.len()]; outputs];
    let mut boosting = Boosting { derivatives, growing, rows, margins };
    let trees = boosting.run(party, matrix.features().len(), course).await?;
    let features = matrix.features().iter().map(|feature| feature.name.clone()).collect();
    for margins in &mut boosting.margins {
        margins.truncate(count);
    }
    let margins = row_by_row(&boosting.margins);
    let (base_scores, scale) =
        targets.map_or((vec![0.0; outputs], 1.0), |targets| (targets.base_scores, targets.scale));
    let model = StrictTrees::new(base_scores, scale, features, trees);
    Ok(Training { model, margins })
}

/// The state between trees.
struct Boosting<'a> {
    derivatives: Derivatives<'a>,
    growing: Growing<'a>,
    rows: Rows<'a>,
    /// Shares, of training and then of validation rows; a vector an output of the loss.
    margins: Vec<Vec<u64>>,
}

impl Boosting<'_> {
    /// Grows all trees on so many `features` of this party.
    async fn run(
        &mut self,
        party: &mut TwoParty,
        features: usize,
        mut course: Course<'_>,
    ) -> Result<Vec<PartTree>, ModelError> {
        let settings = self.growing.settings;
        let (training, outputs) = (self.rows.training, self.margins.len());
        let patience = settings.early_stopping_rounds;
        let mut stopping = Stopping::new(self.growing.products, patience);
        let mut boosted = Boosted::default();
        if let Some(state) = course.resume(party).await? {
            let sound = |tree: &PartTree| tree.is_sound(usize::from(!party.is_first()), features);
            let margins = (&mut self.margins[..], self.rows.validation.len());
            boosted = Boosted::of(state, margins, &mut stopping, sound)?;
        }
        for round in boosted.trees.len() / outputs..settings.trees {
            party.session.report_progress(round, settings.trees);
            let derived = self.derivatives.at(party, &self.margins, training.len()).await?;
            let of_validation = |added: &Added| -> Vec<u64> {
                added.iter().flat_map(|added| &added[training.len()..]).copied().collect()
            };
            let last = boosted.added.back().map(of_validation);
            let looks = !self.rows.validation.is_empty();
            let is_over = if looks {
                stopping.look(party, &derived.residuals, last.as_deref()).await?
            } else {
                None
            };
            // Where the loss of validation rows has no say yet, only divergence sets the bit.
            let diverges_only = is_over.is_none();
            if let Some(stop) = either(party, is_over, derived.diverges).await?
                && open_bit(party, STOP, stop).await?
            {
                if diverges_only {
                    return Err(diverged(settings.loss, round));
                }
                let cut = patience.min(round);
                for added in boosted.added.iter().rev().take(cut) {
                    move_by(&mut self.margins, added, u64::wrapping_sub);
                }
                boosted.trees.truncate((round - cut) * outputs);
                break;
            }
            let mut gained = Added::with_capacity(outputs);
            for packed in derived.packed {
                let (part, of_tree) = self.tree(party, packed, boosted.trees.len()).await?;
                boosted.trees.push(part);
                gained.push(of_tree);
            }
            move_by(&mut self.margins, &gained, u64::wrapping_add);
            boosted.added.push_back(gained);
            if boosted.added.len() > patience.max(1) {
                boosted.added.pop_front();
            }
            course.keep(round + 1, || boosted.state(&self.margins, &stopping));
        }
        Ok(boosted.trees)
    }

    /// Grows a tree of this number on the packed derivatives of all training rows; also what it
    /// adds to the margins.
    async fn tree(
        &self,
        party: &mut TwoParty,
        mut packed: Vec<u64>,
        number: usize,
    ) -> Result<(PartTree, Vec<u64>), ModelError> {
        let Rows { training, validation, .. } = self.rows;
        leave_out(&mut packed, training, &rows_of_tree(self.growing.settings, number, training));
        self.growing.tree(party, packed, training.len() + validation.len(), number).await
    }
}

fn diverged(loss: Loss, trees: usize) -> ModelError {
    let (what, why) = match loss {
        Loss::Squared => (
            format!(
                "the squared errors of training rows are more than {DIVERGENCE} times those before \
                 the first"
            ),
            "samples are too small for this learning_rate",
        ),
        _ => (
            "the terms of predictions and of labels in the derivatives of training rows have \
             together grown to more than twice what they can be before the first"
                .to_owned(),
            "steps are too large",
        ),
    };
    ModelError::InvalidInput(format!(
        "after {trees} trees {what}: {why}; take a smaller learning_rate, a larger lambda or \
         min_child_weight, or a larger subsample"
    ))
}

fn move_by(margins: &mut [Vec<u64>], terms: &[Vec<u64>], step: fn(u64, u64) -> u64) {
    for (margin, term) in margins.iter_mut().flatten().zip(terms.iter().flatten()) {
        *margin = step(*margin, *term);
    }
}

/// Row by row, and of several classes less what the last one has: probabilities say no more.
fn row_by_row(margins: &[Vec<u64>]) -> Vec<u64> {
    let (rows, last) = (margins.first().map_or(0, Vec::len), margins.len() - 1);
    let of_row = |row: usize| {
        let less = if last > 0 { margins[last][row] } else { 0 };
        margins.iter().map(move |margins| margins[row].wrapping_sub(less))
    };
    (0..rows).flat_map(of_row).collect()
}

/// Shares of what the trees add to the base scores, for [`StrictTrees::margins`], of all rows of
/// `matrix`, whose features are those of the training, binned by the same edges: row by row, one an
/// output of the loss. Of several classes it is how much more they add than those of the last
/// class, so that whoever learns them learns no more than probabilities. Both parties call it with
/// their parts of one model and the same rows in the same order.
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
    model.check(usize::from(!party.is_first()))?;
    check_features(&model.features, matrix)?;
    let mut margins = vec![vec![0; matrix.rows()]; model.outputs()];
    for round in model.trees.chunks(model.outputs()) {
        let mut gained = Added::with_capacity(round.len());
        for tree in round {
            let sides = walk::sides(tree, matrix);
            gained.push(walk::values(party, tree, &sides, matrix.rows()).await?);
        }
        move_by(&mut margins, &gained, u64::wrapping_add);
    }
    Ok(row_by_row(&margins))
}

/// Checks everything; at the guest, what it knows in the units of the training.
fn check(
    is_guest: bool,
    matrix: &BinnedMatrix,
    known: Option<Known<'_>>,
    rows: Rows<'_>,
    settings: &Settings,
) -> Result<Option<Targets>, ModelError> {
    let Rows { training, validation, weighted } = rows;
    settings.check()?;
    check_parts(training, validation, matrix.rows())?;
    let refuse = |rule: &str| Err(ModelError::InvalidInput(rule.to_owned()));
    if !settings.directions.is_empty() {
        return refuse("strict trees have no directions of features; secureboost trees do");
    }
    if settings.one_side.is_some() {
        return refuse("strict trees cannot sample by derivatives, which nobody sees");
    }
    if is_guest != known.is_some() {
        return refuse("the guest, who is the first party, has labels, and only the guest");
    }
    let Some(Known { labels, weights }) = known else { return Ok(None) };
    if weights.is_some() != weighted {
        return refuse("rows are said to have weights exactly if the guest passes them");
    }
    let examples = Examples { labels, weights, training, validation };
    Targets::new(&examples, settings, matrix.rows()).map(Some)
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
