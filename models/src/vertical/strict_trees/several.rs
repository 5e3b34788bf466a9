//! Gradient-boosted trees over the features of one guest and several hosts, in `strict` privacy.
//!
//! # Functionality
//! That of [`train`](super::train) for two parties, among n, with all its losses, weights, early
//! stopping and checkpoints: the first party is the guest, all others are hosts, and the trees are
//! those of the reference on the guest's features followed by the hosts' in their order, up to near
//! ties.
//! # Messages
//! 1. once: `features` between each two, and `feature_digests`, whether all heard the same; the
//!    parts of encrypted sums that never change (`mpc::several::histogram`); `guest_numbers` guest
//!    → each host, a share of the penalties, and of weights if there are any; where an earlier run
//!    is taken up (`course`), `refresh` between each two (`mpc::refresh`)
//! 2. per round, which is a tree, or for several classes one for each: derivatives on shares
//!    (`mpc::several::{sigmoid, softmax, exponential, product}`); of a forest the guest's alone
//! 3. per level: sums over cells of one child of each pair; the gain of every cut and the best one
//!    of each node, in one tournament over the cuts of all parties (`mpc::maximum`); `opened_bits`
//!    between each two, which nodes are split and then whose cut it is; `share` to each owner, the
//!    numbers of its cuts; the derivatives of the left children (`mpc::several::choose`)
//! 4. per round, as with two parties: the change of the loss of validation rows, sums that must not
//!    grow without bound, and with any of them `opened_bit` between each two, whether training ends
//! 5. per tree: the leaves (`mpc::reciprocal`), and once per level the new margins
//! # Leaks
//! To all: the numbers of rows, classes and trees, the bins of each feature of each party, without
//! names or edges, and for which of them values are missing; which nodes are split, and the owner
//! of each split; the stop bits, as with two parties. To the owner: its own splits. Nothing else.
//! # Security
//! Semi-honest, against any n - 1 parties together; see `mpc::several`. Sums over the cells of one
//! party are sums over pairs of it with each other party, each of which holds its share; the rows
//! that go left at a split are known to its owner alone, which multiplies each other party's share
//! by them with that party.
//! # Cost
//! Between each two parties, per tree with depth d, K cuts of all and n rows: 2^(d-1) encrypted
//! sums as with two parties; (2^d - 1)·K gains, of the products that two parties take and of the
//! bytes that `mpc::several::product` says; 2^d·n transfers of 12 bytes; for each row, derivatives
//! as `mpc::several::{sigmoid, softmax, exponential}` say, one product more for the log-losses, and
//! one for weights but with a logarithmic link. Memory: 131,072 bytes for each cell of each other
//! party.
//! # Reference
//! That of [`super`]; products among n parties as sums over pairs: `mpc::several`.

mod choice;
mod growing;
mod trainers;

use crypto::hash::digest;
use features::binned::BinnedMatrix;
use mpc::histogram::Column;
use mpc::several::histogram::{Geometries, Histograms};
use mpc::several::product::Products;
use mpc::several::{Chosen, Parties, choose, compare};
use net::together;

use super::cuts::{FeatureShape, codes, exchange};
use super::units::Penalties;
use super::walk::{Side, Splits};
use super::{Begun, Known, PartTree, Rows, StrictTrees, Training, margins_of};
use crate::ModelError;
use crate::local::boosted_trees::{Settings, check_features};
use crate::vertical::course::Course;
use growing::Growing;

/// [`train_along`](super::train_along) among several parties.
///
/// # Errors
/// [`ModelError::InvalidInput`] for settings, labels or features that do not fit, where training
/// diverges before early stopping has a say, and for a checkpoint that is none of this training;
/// [`ModelError::Secure`] when a peer fails or misbehaves.
#[net::boxed]
pub async fn train<'a>(
    parties: &mut Parties,
    matrix: &'a BinnedMatrix,
    known: Option<Known<'a>>,
    rows: Rows<'a>,
    settings: &Settings,
    course: Course<'a>,
) -> Result<Training, ModelError> {
    let begun = Begun::new(parties.is_first(), matrix, known, rows, settings)?;
    let Begun { rows, all, units, .. } = &begun;
    let (count, units) = (rows.training.len(), *units);
    let codes = codes(matrix, all, count);
    let shapes = shapes(parties, codes.iter().map(|codes| codes.shape).collect()).await?;
    let cells = |shapes: &Vec<FeatureShape>| shapes.iter().map(|shape| shape.cells()).sum();
    let cells: Vec<usize> = shapes.iter().map(cells).collect();
    let columns: Vec<Column<'_>> = codes
        .iter()
        .map(|codes| Column { codes: &codes.cells[..count], cells: codes.shape.cells() })
        .collect();
    let geometries = Geometries::agree(parties, count, &cells).await?;
    let histogram = &Histograms::prepare(parties, &geometries, columns).await?;
    let products = &Products::prepare(parties).await?;
    let targets = begun.targets.as_ref();
    let penalties = &Penalties::share_among(parties, units, settings, targets, count).await?;
    let (shapes, codes) = (&shapes, &codes);
    let growing = Growing { histogram, products, shapes, codes, units, penalties, settings };
    begun.boost(parties, (products, &growing), matrix, settings, course).await
}

/// [`score`](super::score) among several parties, of models that they have trained together.
///
/// # Errors
/// [`ModelError::InvalidInput`] for other features or a damaged part, [`ModelError::Secure`] when a
/// peer fails.
#[net::boxed]
pub async fn score(
    parties: &mut Parties,
    model: &StrictTrees,
    matrix: &BinnedMatrix,
) -> Result<Vec<u64>, ModelError> {
    model.check(parties.number())?;
    check_features(&model.features, matrix)?;
    model.trees.iter().try_for_each(|tree| check_owners(tree, parties.count()))?;
    margins_of(parties, model, matrix).await
}

/// Refuses splits of parties that are not there.
fn check_owners(tree: &PartTree, parties: usize) -> Result<(), ModelError> {
    if tree.owners().all(|owner| owner.place() < parties) {
        return Ok(());
    }
    let rule = "the trees have splits of a host that does not take part: score with all hosts that \
                trained them";
    Err(ModelError::InvalidInput(rule.to_owned()))
}

/// The features of all parties, in their order, of which all heard the same.
async fn shapes(
    parties: &mut Parties,
    own: Vec<FeatureShape>,
) -> Result<Vec<Vec<FeatureShape>>, ModelError> {
    const STEP: &str = "feature_digests";
    let own_shapes = &own;
    let links = parties.links().iter_mut();
    let mut shapes = together(links.map(|link| exchange(link, own_shapes))).await?;
    shapes.insert(parties.number(), own);
    let digests: Vec<u64> = shapes.iter().map(|shapes| digest_of(shapes)).collect();
    let names = parties.names();
    let says = |place: usize, _: [u64; 2]| {
        let name = &names[place];
        (name.clone(), format!("it knows of other bins of {name} than we do"))
    };
    compare(parties.sessions(), STEP, &digests, says).await?;
    Ok(shapes)
}

fn digest_of(shapes: &[FeatureShape]) -> u64 {
    let bytes: Vec<u8> =
        shapes.iter().flat_map(|shape| [shape.bins, u8::from(shape.has_missing)]).collect();
    let digest: [u8; 32] = digest("models.strict_trees.features", &[&bytes]);
    digest.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte))
}

impl Splits for Parties {
    async fn where_left(
        &mut self,
        sides: &[Side<'_>],
        vectors: &[&[u64]],
    ) -> Result<Vec<Vec<u64>>, ModelError> {
        let groups: Vec<Chosen<'_>> = sides
            .iter()
            .zip(vectors)
            .map(|(side, values)| Chosen {
                owner: side.owner.place(),
                bits: side.bits.as_ref(),
                values,
            })
            .collect();
        Ok(choose(self, &groups).await?)
    }
}

#[cfg(test)]
mod tests;
