//! Growing one tree among several parties, level by level.

use mpc::several::Parties;
use mpc::several::histogram::Histograms;
use mpc::several::product::Products;

use super::super::choice::{Choice, Chooser};
use super::super::cuts::{CellCut, FeatureCodes, FeatureShape, Shapes, left_sums};
use super::super::fractions::{FractionMaker, NodeSums};
use super::super::growing::{Grown, rest, sum};
use super::super::units::Penalties;
use super::super::walk::{Side, Splits, values};
use super::super::{PartNode, PartTree, Units, leaves};
use crate::ModelError;
use crate::local::boosted_trees::{Settings, columns_of_tree};

/// What all trees of a training share.
pub(super) struct Growing<'a> {
    pub(super) histogram: &'a Histograms<'a>,
    pub(super) products: &'a Products,
    /// The features of all parties.
    pub(super) shapes: &'a [Vec<FeatureShape>],
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
    /// Shares of the sums over the cells of each party.
    cells: Vec<Vec<u64>>,
}

impl Growing<'_> {
    /// Grows a tree on packed derivatives; also returns shares of what it adds to the margin of
    /// each of `rows`, of which the first ones have derivatives.
    pub(super) async fn tree(
        &self,
        parties: &mut Parties,
        packed: Vec<u64>,
        rows: usize,
        tree: usize,
    ) -> Result<(PartTree, Vec<u64>), ModelError> {
        let cuts = self.cuts(tree);
        let Self { products, units, penalties, .. } = *self;
        let chooser: Chooser<'_, Parties> =
            Chooser { maker: FractionMaker { products, units, penalties } };
        let mut grown = Grown::default();
        grown.add(sum(&packed));
        let cells = self.histogram.sums(parties, &[&packed]).await?.swap_remove(0);
        let mut open = vec![Open { node: 0, vector: packed, cells }];
        for level in 1..=self.settings.depth {
            let sums: Vec<NodeSums> =
                open.iter().map(|open| self.node_sums(open, &cuts, &grown)).collect();
            let choices = chooser.choose_among(parties, &sums).await?;
            let split = self.split(parties.number(), open, choices, &cuts, &mut grown);
            if level == self.settings.depth || split.is_empty() {
                break;
            }
            open = self.children(parties, split, &grown).await?;
        }
        let Grown { nodes, totals, sides } = grown;
        let mut part = PartTree { nodes };
        let scale = (units, penalties);
        leaves::fill(parties, products, scale, self.settings, &mut part, &totals).await?;
        let gained = values(parties, &part, &sides, rows).await?;
        Ok((part, gained))
    }

    /// The cuts of each party that one tree may use.
    fn cuts(&self, tree: usize) -> Vec<Vec<CellCut>> {
        let all = self.shapes.iter().map(Vec::len).sum();
        let used = columns_of_tree(self.settings, tree, all);
        let mut first = 0;
        let of_party = |features: &Vec<FeatureShape>| {
            let span = first..first + features.len();
            let own = used.iter().filter(|column| span.contains(column));
            let own: Vec<usize> = own.map(|column| column - span.start).collect();
            first = span.end;
            Shapes::cuts(features, &own)
        };
        self.shapes.iter().map(of_party).collect()
    }

    /// The sums that the best cut of a node is chosen from.
    fn node_sums(&self, open: &Open, cuts: &[Vec<CellCut>], grown: &Grown) -> NodeSums {
        let parties = self.shapes.iter().zip(cuts).zip(&open.cells);
        let left = parties.map(|((shapes, cuts), cells)| left_sums(shapes, cuts, cells));
        NodeSums { total: grown.totals[open.node], left: left.collect() }
    }

    /// Turns chosen nodes into splits, at the party at the place `own`; returns them with the
    /// number of their left child.
    fn split(
        &self,
        own: usize,
        open: Vec<Open>,
        choices: Vec<Option<Choice>>,
        cuts: &[Vec<CellCut>],
        grown: &mut Grown,
    ) -> Vec<(Open, usize)> {
        let mut split = Vec::new();
        for (open, choice) in open.into_iter().zip(choices) {
            let Some(Choice { owner, cut, left: left_total }) = choice else { continue };
            let cut = cut.map(|number| cuts[own][number]);
            let left = grown.add(left_total);
            grown.add(grown.totals[open.node].wrapping_sub(left_total));
            grown.nodes[open.node] = PartNode::Split { owner, cut: cut.map(CellCut::cut), left };
            grown.sides[open.node] = cut.map(|cut| cut.sides(&self.codes[cut.feature]));
            split.push((open, left));
        }
        split
    }

    /// Both children of each split, with their derivatives and sums: those of the right one are the
    /// parent's less those of the left one.
    async fn children(
        &self,
        parties: &mut Parties,
        split: Vec<(Open, usize)>,
        grown: &Grown,
    ) -> Result<Vec<Open>, ModelError> {
        let vectors: Vec<&[u64]> = split.iter().map(|(open, _)| open.vector.as_slice()).collect();
        let side = |(open, _): &(Open, usize)| match grown.nodes[open.node] {
            PartNode::Split { owner, .. } => Some(Side { owner, bits: &grown.sides[open.node] }),
            PartNode::Leaf { .. } => None,
        };
        let sides: Vec<Side<'_>> = split.iter().filter_map(side).collect();
        let left = parties.where_left(&sides, &vectors).await?;
        let left_vectors: Vec<&[u64]> = left.iter().map(Vec::as_slice).collect();
        let left_cells = self.histogram.sums(parties, &left_vectors).await?;
        let mut children = Vec::with_capacity(2 * split.len());
        for (((open, left), vector), cells) in split.into_iter().zip(left).zip(left_cells) {
            let whole = open.cells.iter().zip(&cells);
            let right = Open {
                node: left + 1,
                vector: rest(&open.vector, &vector),
                cells: whole.map(|(whole, part)| rest(whole, part)).collect(),
            };
            children.push(Open { node: left, vector, cells });
            children.push(right);
        }
        Ok(children)
    }
}
