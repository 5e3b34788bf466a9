//! Growing one tree, level by level.

use mpc::TwoParty;
use mpc::boolean::Bits;
use mpc::conversion::correlate;
use mpc::histogram::{Cells, Histogram};
use mpc::product::Products;

use super::choice::{Choice, Chooser};
use super::cuts::{CellCut, FeatureCodes, Shapes, left_sums};
use super::fractions::{FractionMaker, NodeSums};
use super::units::Penalties;
use super::walk::{Side, Splits};
use super::{Owner, PartNode, PartTree, Units, leaves, walk};
use crate::ModelError;
use crate::local::boosted_trees::{Settings, columns_of_tree};

/// What all trees of a training share.
pub(super) struct Growing<'a> {
    pub(super) histogram: &'a Histogram<'a>,
    pub(super) products: &'a Products,
    pub(super) shapes: &'a Shapes,
    pub(super) codes: &'a [FeatureCodes],
    pub(super) units: Units,
    pub(super) penalties: &'a Penalties,
    pub(super) settings: &'a Settings,
}

/// A node that might be split.
struct Open {
    node: usize,
    /// Share of the packed derivatives of its rows; zero for all other rows.
    vector: Vec<u64>,
    cells: Cells,
}

/// The tree so far.
#[derive(Default)]
pub(super) struct Grown {
    pub(super) nodes: Vec<PartNode>,
    /// Share of the packed sum of each node.
    pub(super) totals: Vec<u64>,
    /// The side of each row at own splits, by node.
    pub(super) sides: Vec<Option<Bits>>,
}

/// The cuts that one tree may use, of the guest and of the host.
struct TreeCuts([Vec<CellCut>; 2]);

impl Growing<'_> {
    /// Grows a tree on packed derivatives; also returns shares of what it adds to the margin of
    /// each of `rows`, of which the first ones have derivatives.
    pub(super) async fn tree(
        &self,
        party: &mut TwoParty,
        packed: Vec<u64>,
        rows: usize,
        tree: usize,
    ) -> Result<(PartTree, Vec<u64>), ModelError> {
        let cuts = self.cuts(party, tree);
        let Self { products, units, penalties, .. } = *self;
        let chooser: Chooser<'_, TwoParty> =
            Chooser { maker: FractionMaker { products, units, penalties } };
        let mut grown = Grown::default();
        grown.add(sum(&packed));
        let cells = self.histogram.sums(party, &[&packed]).await?.swap_remove(0);
        let mut open = vec![Open { node: 0, vector: packed, cells }];
        for level in 1..=self.settings.depth {
            let sums: Vec<NodeSums> =
                open.iter().map(|open| self.node_sums(party, open, &cuts, &grown)).collect();
            let choices = chooser.choose(party, &sums).await?;
            let split = self.split(party, open, choices, &cuts, &mut grown);
            open = if level < self.settings.depth && !split.is_empty() {
                self.children(party, split, &grown).await?
            } else {
                Vec::new()
            };
            if open.is_empty() {
                break;
            }
        }
        let Grown { nodes, totals, sides } = grown;
        let mut part = PartTree { nodes };
        let scale = (units, penalties);
        leaves::fill(party, products, scale, self.settings, &mut part, &totals).await?;
        let gained = walk::values(party, &part, &sides, rows).await?;
        Ok((part, gained))
    }

    fn cuts(&self, party: &TwoParty, tree: usize) -> TreeCuts {
        let Shapes { own, theirs } = self.shapes;
        let (guest, host) = if party.is_first() { (own, theirs) } else { (theirs, own) };
        let used = columns_of_tree(self.settings, tree, guest.len() + host.len());
        let (of_guest, of_host): (Vec<usize>, Vec<usize>) =
            used.into_iter().partition(|column| *column < guest.len());
        let of_host: Vec<usize> = of_host.into_iter().map(|column| column - guest.len()).collect();
        TreeCuts([Shapes::cuts(guest, &of_guest), Shapes::cuts(host, &of_host)])
    }

    /// The sums that the best cut of a node is chosen from.
    fn node_sums(&self, party: &TwoParty, open: &Open, cuts: &TreeCuts, grown: &Grown) -> NodeSums {
        let TreeCuts([guest_cuts, host_cuts]) = cuts;
        let Shapes { own, theirs } = self.shapes;
        let first = party.is_first();
        let (guest, host) = if first { (own, theirs) } else { (theirs, own) };
        let Cells { own: own_cells, theirs: their_cells } = &open.cells;
        let (guest_cells, host_cells) =
            if first { (own_cells, their_cells) } else { (their_cells, own_cells) };
        NodeSums {
            total: grown.totals[open.node],
            left: vec![
                left_sums(guest, guest_cuts, guest_cells),
                left_sums(host, host_cuts, host_cells),
            ],
        }
    }

    /// Turns chosen nodes into splits; returns them with the number of their left child.
    fn split(
        &self,
        party: &TwoParty,
        open: Vec<Open>,
        choices: Vec<Option<Choice>>,
        cuts: &TreeCuts,
        grown: &mut Grown,
    ) -> Vec<(Open, usize)> {
        let TreeCuts([guest_cuts, host_cuts]) = cuts;
        let mut split = Vec::new();
        for (open, choice) in open.into_iter().zip(choices) {
            let Some(Choice { owner, cut, left: left_total }) = choice else { continue };
            let of_owner = if owner == Owner::Guest { guest_cuts } else { host_cuts };
            let cut = cut.map(|number| of_owner[number]);
            let left = grown.add(left_total);
            grown.add(grown.totals[open.node].wrapping_sub(left_total));
            let kept = cut.filter(|_| owner.place() == usize::from(!party.is_first()));
            grown.nodes[open.node] = PartNode::Split { owner, cut: kept.map(CellCut::cut), left };
            grown.sides[open.node] = kept.map(|cut| cut.sides(&self.codes[cut.feature]));
            split.push((open, left));
        }
        split
    }

    /// Both children of each split, with their derivatives and sums: those of the right one are the
    /// parent's less those of the left one.
    async fn children(
        &self,
        party: &mut TwoParty,
        split: Vec<(Open, usize)>,
        grown: &Grown,
    ) -> Result<Vec<Open>, ModelError> {
        let vectors: Vec<&[u64]> = split.iter().map(|(open, _)| open.vector.as_slice()).collect();
        let sides: Vec<&Option<Bits>> =
            split.iter().map(|(open, _)| &grown.sides[open.node]).collect();
        let left = where_left(party, &sides, &vectors).await?;
        let left_vectors: Vec<&[u64]> = left.iter().map(Vec::as_slice).collect();
        let left_cells = self.histogram.sums(party, &left_vectors).await?;
        let mut children = Vec::with_capacity(2 * split.len());
        for (((open, left), vector), cells) in split.into_iter().zip(left).zip(left_cells) {
            let right = Open {
                node: left + 1,
                vector: rest(&open.vector, &vector),
                cells: Cells {
                    own: rest(&open.cells.own, &cells.own),
                    theirs: rest(&open.cells.theirs, &cells.theirs),
                },
            };
            children.push(Open { node: left, vector, cells });
            children.push(right);
        }
        Ok(children)
    }
}

impl Grown {
    /// Adds a node, a leaf so far, with its packed sum; returns its number.
    pub(super) fn add(&mut self, total: u64) -> usize {
        self.nodes.push(PartNode::Leaf { share: 0 });
        self.totals.push(total);
        self.sides.push(None);
        self.nodes.len() - 1
    }
}

impl Splits for TwoParty {
    async fn where_left(
        &mut self,
        sides: &[Side<'_>],
        vectors: &[&[u64]],
    ) -> Result<Vec<Vec<u64>>, ModelError> {
        let sides: Vec<&Option<Bits>> = sides.iter().map(|side| side.bits).collect();
        where_left(self, &sides, vectors).await
    }
}

/// Shares of each vector where its rows go left, zero elsewhere. The owner of a split passes the
/// sides of the vector's rows, and perhaps of more behind them, the other party `None`.
async fn where_left(
    party: &mut TwoParty,
    sides: &[&Option<Bits>],
    vectors: &[&[u64]],
) -> Result<Vec<Vec<u64>>, ModelError> {
    // The owner knows b. Its own share times b is its own affair; the other's share times b comes
    // from one transfer a row.
    let mut choices = Choices::default();
    let mut deltas = Vec::new();
    for (sides, vector) in sides.iter().zip(vectors) {
        match sides {
            Some(sides) => choices.push(sides, vector.len()),
            None => deltas.extend_from_slice(vector),
        }
    }
    let (received, sent) = correlate(party, &choices.bits(), &deltas).await?;
    let (mut received, mut sent) = (received.as_slice(), sent.as_slice());
    let mut part = |sides: &Option<Bits>, vector: &[u64]| {
        let from = if sides.is_some() { &mut received } else { &mut sent };
        let (cross, rest) = from.split_at(vector.len());
        *from = rest;
        let own = |row: usize, share: u64| {
            let side = sides.as_ref().map_or(0, |sides| sides.bit(row));
            share & side.wrapping_neg()
        };
        let shares = vector.iter().zip(cross).enumerate();
        shares.map(|(row, (share, cross))| own(row, *share).wrapping_add(*cross)).collect()
    };
    Ok(sides.iter().zip(vectors).map(|(sides, vector)| part(sides, vector)).collect())
}

/// Bits one after the other.
#[derive(Default)]
struct Choices {
    words: Vec<u64>,
    length: usize,
}

impl Choices {
    /// Appends the first `length` of `bits`.
    fn push(&mut self, bits: &Bits, length: usize) {
        let shift = self.length % 64;
        let part = Bits::from_words(bits.words()[..length.div_ceil(64)].to_vec(), length);
        for (index, word) in part.words().iter().enumerate() {
            if shift == 0 {
                self.words.push(*word);
            } else {
                if let Some(last) = self.words.last_mut() {
                    *last |= word << shift;
                }
                let used = (length - index * 64).min(64);
                if shift + used > 64 {
                    self.words.push(word >> (64 - shift));
                }
            }
        }
        self.length += length;
    }

    fn bits(self) -> Bits {
        Bits::from_words(self.words, self.length)
    }
}

/// What is left of a whole without a part.
pub(super) fn rest(whole: &[u64], part: &[u64]) -> Vec<u64> {
    whole.iter().zip(part).map(|(whole, part)| whole.wrapping_sub(*part)).collect()
}

pub(super) fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_follow_one_another() {
        // Of each 70 bits more than are wanted.
        let lengths = [3, 64, 1, 130, 0, 62];
        let parts = lengths.map(|length| (Bits::from_fn(length + 70, |i| i % 3 == 1), length));
        let mut choices = Choices::default();
        for (part, length) in &parts {
            choices.push(part, *length);
        }
        let joined = choices.bits();
        let expected: Vec<u64> =
            parts.iter().flat_map(|(part, length)| (0..*length).map(|i| part.bit(i))).collect();
        assert_eq!((0..joined.len()).map(|i| joined.bit(i)).collect::<Vec<_>>(), expected);
    }
}
