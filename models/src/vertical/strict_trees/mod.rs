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

mod boosting;
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
mod trainers;
mod units;
mod walk;

use features::binned::BinnedMatrix;
use mpc::TwoParty;
use mpc::histogram::{Column, Geometry, Histogram};
use mpc::product::Products;

use crate::ModelError;
use crate::local::boosted_trees::{Examples, Loss, Settings, check_features, check_parts};
use crate::vertical::course::Course;
use boosting::{Boosting, move_by};
use checkpoint::Added;
use cuts::{FeatureShape, Shapes};
use derivatives::Derivatives;
use growing::Growing;
pub use parts::{Owner, PartNode, PartTree, StrictTrees};
pub use targets::Known;
use targets::Targets;
use trainers::{Grower, Trainers};
use units::Penalties;
pub use units::Units;
use walk::Splits;

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
    let begun = Begun::new(party.is_first(), matrix, known, rows, settings)?;
    let Begun { rows, all, units, .. } = &begun;
    let (count, units) = (rows.training.len(), *units);
    let codes = cuts::codes(matrix, all, count);
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
    let targets = begun.targets.as_ref();
    let penalties = &Penalties::share(party, units, settings, targets, count).await?;
    let growing = Growing {
        histogram: &histogram,
        products,
        shapes: &shapes,
        codes: &codes,
        units,
        penalties,
        settings,
    };
    begun.boost(party, (products, &growing), matrix, settings, course).await
}

/// The unit that the guest's part of the trees will have the sums of leaves in, with what is added
/// to them: its [`base_score`](StrictTrees::base_score) and [`scale`](StrictTrees::scale), which
/// follow from what it knows before the training, of losses with one output.
///
/// # Errors
/// [`ModelError::InvalidInput`] for what training refuses before it begins.
pub fn unit_of_leaves(
    matrix: &BinnedMatrix,
    known: Known<'_>,
    rows: Rows<'_>,
    settings: &Settings,
) -> Result<[f64; 2], ModelError> {
    let begun = Begun::new(true, matrix, Some(known), rows, settings)?;
    let unit = begun.targets.map(|targets| {
        let base_score = targets.base_scores.first().copied().unwrap_or_default();
        [base_score, targets.scale]
    });
    Ok(unit.unwrap_or([0.0, 1.0]))
}

/// What all parties have before they talk to each other.
struct Begun<'a> {
    rows: Rows<'a>,
    /// Training rows and after them validation rows.
    all: Vec<u32>,
    /// What the guest alone knows.
    targets: Option<Targets>,
    units: Units,
}

impl<'a> Begun<'a> {
    fn new(
        is_guest: bool,
        matrix: &BinnedMatrix,
        known: Option<Known<'_>>,
        rows: Rows<'a>,
        settings: &Settings,
    ) -> Result<Self, ModelError> {
        let stops = settings.early_stopping_rounds > 0 && !rows.validation.is_empty();
        let rows = if stops { rows } else { Rows { validation: &[], ..rows } };
        let mut targets = check(is_guest, matrix, known, rows, settings)?;
        let count = rows.training.len();
        let units = Units::new(count, settings)?;
        let weighted = rows.weighted || !settings.class_weights.is_empty();
        if weighted
            && settings.loss == Loss::Squared
            && let Some(targets) = &mut targets
        {
            targets.round_weights(units, count, settings);
        }
        let rows = Rows { weighted, ..rows };
        Ok(Self { all: [rows.training, rows.validation].concat(), rows, targets, units })
    }

    /// Grows the trees of a matrix.
    async fn boost<P: Trainers>(
        self,
        party: &mut P,
        (products, growing): (&P::Products, &impl Grower<P>),
        matrix: &BinnedMatrix,
        settings: &Settings,
        course: Course<'_>,
    ) -> Result<Training, ModelError> {
        let Self { rows, all, targets, units } = self;
        let known = targets.as_ref();
        let weighted = (rows.weighted, all.len());
        let derivatives =
            Derivatives::prepare(party, products, units, settings, known, weighted).await?;
        let outputs = settings.loss.outputs();
        let margins = vec![vec![0; all.len()]; outputs];
        let mut boosting = Boosting { derivatives, growing, products, settings, rows, margins };
        let trees = boosting.run(party, matrix.features().len(), course).await?;
        let mut margins = boosting.margins;
        for margins in &mut margins {
            margins.truncate(rows.training.len());
        }
        let features = matrix.features().iter().map(|feature| feature.name.clone()).collect();
        let base_scores = known.map_or(vec![0.0; outputs], |known| known.base_scores.clone());
        let scale = known.map_or(1.0, |known| known.scale);
        let model = StrictTrees::new(base_scores, scale, features, trees);
        Ok(Training { model, margins: row_by_row(&margins) })
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
    margins_of(party, model, matrix).await
}

/// See [`score`].
async fn margins_of<P: Splits>(
    party: &mut P,
    model: &StrictTrees,
    matrix: &BinnedMatrix,
) -> Result<Vec<u64>, ModelError> {
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

/// Cells of one party: bins, and one for missing values if there are any.
impl FeatureShape {
    fn cells(self) -> usize {
        usize::from(self.bins) + usize::from(self.has_missing)
    }
}
