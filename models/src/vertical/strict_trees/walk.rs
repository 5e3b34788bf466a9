//! What a tree adds to each row's margin, from the bottom up.
//!
//! At a split whose children stand for shared values l and r of a row, the split stands for
//! r + b·(l - r), where only the owner of the split knows the row's side b: one transfer a row.

use features::binned::BinnedMatrix;
use mpc::boolean::Bits;

use super::{Owner, PartNode, PartTree};
use crate::ModelError;

/// The sides of all rows at a split.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) owner: Owner,
    /// At the owner: the rows that go left.
    pub(super) bits: &'a Option<Bits>,
}

/// Parties that take shared vectors apart by sides of which each split's owner alone knows.
pub(super) trait Splits {
    /// Shares of each vector where its rows go left, zero elsewhere. Owners pass the sides of the
    /// vector's rows, and perhaps of more behind them.
    fn where_left(
        &mut self,
        sides: &[Side<'_>],
        vectors: &[&[u64]],
    ) -> impl Future<Output = Result<Vec<Vec<u64>>, ModelError>> + Send;
}

/// What a node stands for.
#[derive(Clone)]
enum Value {
    /// The same for all rows.
    Leaf(u64),
    Rows(Vec<u64>),
}

/// Shares of the leaf of each row. `sides` has, for each node, the sides of all rows if it is an
/// own split.
pub(super) async fn values<P: Splits>(
    party: &mut P,
    tree: &PartTree,
    sides: &[Option<Bits>],
    rows: usize,
) -> Result<Vec<u64>, ModelError> {
    let mut values: Vec<Value> = tree
        .nodes
        .iter()
        .map(|node| match node {
            PartNode::Leaf { share } => Value::Leaf(*share),
            PartNode::Split { .. } => Value::Leaf(0),
        })
        .collect();
    let depths = tree.depths();
    for depth in (0..depths.iter().copied().max().unwrap_or(0)).rev() {
        let splits: Vec<(usize, usize, Owner)> = tree
            .nodes
            .iter()
            .enumerate()
            .filter(|(place, _)| depths[*place] == depth)
            .filter_map(|(place, node)| match node {
                PartNode::Split { owner, left, .. } => Some((place, *left, *owner)),
                PartNode::Leaf { .. } => None,
            })
            .collect();
        let differences: Vec<Vec<u64>> = splits
            .iter()
            .map(|(_, left, _)| difference(&values[*left], &values[left + 1], rows))
            .collect();
        let vectors: Vec<&[u64]> = differences.iter().map(Vec::as_slice).collect();
        let own: Vec<Side<'_>> = splits
            .iter()
            .map(|(place, _, owner)| Side { owner: *owner, bits: &sides[*place] })
            .collect();
        let moved = party.where_left(&own, &vectors).await?;
        for ((place, left, _), mut moved) in splits.into_iter().zip(moved) {
            for (row, moved) in moved.iter_mut().enumerate() {
                *moved = moved.wrapping_add(at(&values[left + 1], row));
            }
            values[place] = Value::Rows(moved);
            values[left] = Value::Leaf(0);
            values[left + 1] = Value::Leaf(0);
        }
    }
    Ok(match values.swap_remove(0) {
        Value::Leaf(share) => vec![share; rows],
        Value::Rows(shares) => shares,
    })
}

/// The sides of all rows of a matrix at own splits.
pub(super) fn sides(tree: &PartTree, matrix: &BinnedMatrix) -> Vec<Option<Bits>> {
    let of_node = |node: &PartNode| match node {
        PartNode::Split { cut: Some(cut), .. } => {
            let codes = &matrix.features()[cut.feature].codes;
            let sides = cut.sides(codes);
            Some(Bits::from_words(sides.words().to_vec(), sides.rows()))
        }
        _ => None,
    };
    tree.nodes.iter().map(of_node).collect()
}

fn at(value: &Value, row: usize) -> u64 {
    match value {
        Value::Leaf(share) => *share,
        Value::Rows(shares) => shares[row],
    }
}

fn difference(left: &Value, right: &Value, rows: usize) -> Vec<u64> {
    (0..rows).map(|row| at(left, row).wrapping_sub(at(right, row))).collect()
}
