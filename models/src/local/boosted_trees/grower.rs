//! Growing one tree, level by level, from histograms that somebody else makes.

use rayon::prelude::*;

use super::split::{best_cut, leaf_value, leaf_weight};
use super::{Bits, Bounds, Cell, Cut, Gradients, Histogram, Layout, Node, Settings, Tree};

/// A tree under construction, whose questions are of type `Q`.
///
/// The caller repeats, while [`wanted`](Self::wanted) is not empty: make the wanted histograms,
/// give them to [`choose`](Self::choose), find out which rows go left at the chosen cuts, and
/// tell them to [`divide`](Self::divide). Nothing here depends on who owns a feature.
///
/// Methods use rayon: call them inside `Session::compute`, or where nothing is asynchronous.
pub struct Grower<'a, Q> {
    settings: &'a Settings,
    gradients: &'a Gradients,
    layout: Layout,
    /// Nodes of the tree so far; those still open stand as leaves.
    nodes: Vec<Node<Q>>,
    /// The node of each row of the matrix, whether the tree sees the row or not.
    places: Vec<u32>,
    /// Number of splits above the nodes of this level.
    level: usize,
    families: Vec<Family>,
    chosen: Vec<Chosen>,
}

/// Rows that are moved together.
const CHUNK: usize = 1 << 14;

/// A node that is to be split, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// The node's number in the tree.
    pub node: usize,
    /// The cut; its feature counts in the order of the layout.
    pub cut: Cut,
}

/// A node that might be split.
struct Open {
    node: usize,
    /// The rows in it that the tree sees, ascending.
    rows: Vec<u32>,
    total: Cell,
    bounds: Bounds,
}

/// One histogram to be made, and up to two nodes that it serves.
struct Family {
    direct: Open,
    /// The other child, whose histogram is the parent's less the direct one.
    sibling: Option<(Open, Histogram)>,
}

struct Chosen {
    open: Open,
    histogram: Histogram,
    cut: Cut,
    gain: f64,
    left: usize,
}

impl<'a, Q: Send + Sync> Grower<'a, Q> {
    /// The root, over `rows` rows of the matrix, and features laid out as `layout`.
    pub fn new(
        settings: &'a Settings,
        gradients: &'a Gradients,
        layout: Layout,
        rows: usize,
    ) -> Self {
        let total = Cell::sum(gradients, &gradients.rows);
        let bounds = Bounds::NONE;
        let root = Open { node: 0, rows: gradients.rows.clone(), total, bounds };
        let weight = leaf_weight(settings, gradients.units, total, bounds);
        let mut grower = Self {
            settings,
            gradients,
            layout,
            nodes: vec![Node::Leaf { weight }],
            places: vec![0; rows],
            level: 0,
            families: Vec::new(),
            chosen: Vec::new(),
        };
        if grower.may_split(&root) {
            grower.families.push(Family { direct: root, sibling: None });
        }
        grower
    }

    /// The rows of each node whose histogram is wanted next; empty when the tree is grown.
    pub fn wanted(&self) -> Vec<&[u32]> {
        self.families.iter().map(|family| family.direct.rows.as_slice()).collect()
    }

    /// The sums over each wanted node, in the order of [`wanted`](Self::wanted).
    pub fn wanted_totals(&self) -> Vec<Cell> {
        self.families.iter().map(|family| family.direct.total).collect()
    }

    /// Takes the wanted histograms and chooses the cuts of this level, in the order of nodes.
    pub fn choose(&mut self, direct: Vec<Histogram>) -> Vec<Choice> {
        debug_assert_eq!(direct.len(), self.families.len());
        let mut open: Vec<(Open, Histogram)> = Vec::new();
        for (family, histogram) in self.families.drain(..).zip(direct) {
            debug_assert_eq!(histogram.0.len(), self.layout.cells());
            if let Some((sibling, parent)) = family.sibling {
                open.push((sibling, parent.minus(&histogram)));
            }
            open.push((family.direct, histogram));
        }
        open.sort_unstable_by_key(|(open, _)| open.node);

        let (settings, units, layout) = (self.settings, self.gradients.units, &self.layout);
        let cuts: Vec<_> = open
            .par_iter()
            .map(|(open, histogram)| {
                best_cut(settings, units, layout, histogram, open.total, open.bounds)
            })
            .collect();
        for ((open, histogram), cut) in open.into_iter().zip(cuts) {
            if let Some((cut, gain)) = cut {
                let left = self.nodes.len() + 2 * self.chosen.len();
                self.chosen.push(Chosen { open, histogram, cut, gain, left });
            }
        }
        let choice = |chosen: &Chosen| Choice { node: chosen.open.node, cut: chosen.cut };
        self.chosen.iter().map(choice).collect()
    }

    /// Sends the rows to the children. `answers` has for each chosen cut the question that the
    /// tree keeps, and the side of every row.
    pub fn divide(&mut self, answers: Vec<(Q, &Bits)>) {
        debug_assert_eq!(answers.len(), self.chosen.len());
        let (questions, sides): (Vec<Q>, Vec<&Bits>) = answers.into_iter().unzip();
        self.move_rows(&sides);
        self.level += 1;
        let chosen = std::mem::take(&mut self.chosen);
        let children: Vec<(Open, Open)> =
            chosen.par_iter().map(|chosen| self.children(chosen)).collect();
        for ((chosen, (left, right)), question) in chosen.into_iter().zip(children).zip(questions) {
            let Chosen { open, histogram, gain, left: place, .. } = chosen;
            self.nodes[open.node] = Node::Split { question, gain, left: place };
            for child in [&left, &right] {
                let weight = self.leaf_weight(child);
                self.nodes.push(Node::Leaf { weight });
            }
            self.open_children(histogram, left, right);
        }
    }

    /// The tree, and the leaf of each row of the matrix, by its number in the tree.
    pub fn finish(self) -> (Tree<Q>, Vec<u32>) {
        (Tree::new(self.nodes), self.places)
    }

    fn move_rows(&mut self, sides: &[&Bits]) {
        let mut moves: Vec<Option<(&Bits, u32)>> = vec![None; self.nodes.len()];
        for (chosen, sides) in self.chosen.iter().zip(sides) {
            moves[chosen.open.node] = Some((sides, chosen.left as u32));
        }
        self.places.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, places)| {
            for (row, place) in (chunk * CHUNK..).zip(places) {
                if let Some((sides, left)) = moves[*place as usize] {
                    *place = left + u32::from(!sides.is_set(row));
                }
            }
        });
    }

    fn children(&self, chosen: &Chosen) -> (Open, Open) {
        let is_left = |row: u32| self.places[row as usize] as usize == chosen.left;
        let (left_rows, right_rows) = partition(&chosen.open.rows, is_left);
        let left_total = Cell::sum(self.gradients, &left_rows);
        let right_total = chosen.open.total - left_total;
        let bounds = chosen.open.bounds;
        let [left_value, right_value] = [left_total, right_total]
            .map(|total| leaf_value(self.settings, self.gradients.units, total, bounds).1);
        let direction = self.layout.direction(chosen.cut.feature);
        let [left_bounds, right_bounds] = bounds.divide(direction, left_value, right_value);
        let node = chosen.left;
        (
            Open { node, rows: left_rows, total: left_total, bounds: left_bounds },
            Open { node: node + 1, rows: right_rows, total: right_total, bounds: right_bounds },
        )
    }

    fn leaf_weight(&self, open: &Open) -> f64 {
        leaf_weight(self.settings, self.gradients.units, open.total, open.bounds)
    }

    fn open_children(&mut self, parent: Histogram, left: Open, right: Open) {
        let family = match (self.may_split(&left), self.may_split(&right)) {
            (true, true) => {
                // The smaller one is counted, the left one if both are equally large.
                let left_is_smaller = left.rows.len() <= right.rows.len();
                let (direct, sibling) = if left_is_smaller { (left, right) } else { (right, left) };
                Family { direct, sibling: Some((sibling, parent)) }
            }
            (true, false) => Family { direct: left, sibling: None },
            (false, true) => Family { direct: right, sibling: None },
            (false, false) => return,
        };
        self.families.push(family);
    }

    /// Whether it is large enough for two children, and not too deep in the tree.
    fn may_split(&self, open: &Open) -> bool {
        let weight = open.total.second as f64 * self.gradients.units.second;
        self.level < self.settings.depth
            && open.rows.len() >= self.settings.min_split_rows
            && open.total.second > 1
            && weight >= 2.0 * self.settings.min_child_weight
    }
}

/// The rows that go left and those that go right, both in their order.
///
/// Without a branch: the sides of neighbouring rows are as good as random.
fn partition(rows: &[u32], is_left: impl Fn(u32) -> bool) -> (Vec<u32>, Vec<u32>) {
    let (mut left, mut right) = (vec![0; rows.len()], vec![0; rows.len()]);
    let mut left_end = 0;
    for (place, &row) in rows.iter().enumerate() {
        left[left_end] = row;
        right[place - left_end] = row;
        left_end += usize::from(is_left(row));
    }
    left.truncate(left_end);
    right.truncate(rows.len() - left_end);
    (left, right)
}
