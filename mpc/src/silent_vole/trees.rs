//! Trees of seeds: grown whole by the sender, all but one leaf by the receiver.
//!
//! A tree is cut on its right: a level has only the nodes that the leaves need, in pairs. What the
//! sender says about a tree is, level by level, the sums of all left and of all right seeds, each
//! under a key of which the receiver holds one, and the sum of all leaves plus the sender's share
//! of noise value times Δ.

use crypto::field128::{ELEMENT_BYTES, Gf128};
use crypto::hash::SeedDoubling;
use zeroize::Zeroizing;

use super::parameters::Plan;

/// Bytes of the public randomness that a run's generators are derived from.
pub(super) const SALT_BYTES: usize = 16;

/// What a transfer carries: something for the left and for the right side.
pub(super) type Pair = [u128; 2];

/// Bytes of the message about all trees.
pub(super) fn bytes(plan: &Plan) -> usize {
    SALT_BYTES + plan.trees() * part_bytes(plan)
}

/// Bytes of the message about one tree.
pub(super) fn part_bytes(plan: &Plan) -> usize {
    (2 * plan.depth() + 1) * ELEMENT_BYTES
}

/// The nodes of the current level of one tree after the other, in buffers that are wiped at last.
pub(super) struct Nodes {
    current: Zeroizing<Vec<u128>>,
    next: Zeroizing<Vec<u128>>,
}

impl Nodes {
    /// Room for trees of so many leaves.
    pub(super) fn new(leaves: usize) -> Self {
        let buffer = || Zeroizing::new(vec![0; leaves]);
        Self { current: buffer(), next: buffer() }
    }

    /// Goes from the first `parents` nodes to their children; returns the sums of the left and of
    /// the right ones.
    fn descend(&mut self, doubling: &SeedDoubling, parents: usize) -> Pair {
        let sums = doubling.double(&self.current[..parents], &mut self.next[..2 * parents]);
        std::mem::swap(&mut self.current, &mut self.next);
        sums
    }

    /// Grows a tree to fill `leaves`, and writes its part of the message.
    pub(super) fn grow(
        &mut self,
        doubling: &SeedDoubling,
        keys: &[Pair],
        [root, product]: [Gf128; 2],
        leaves: &mut [Gf128],
        part: &mut [u8],
    ) {
        let mut encoded = part.as_chunks_mut::<ELEMENT_BYTES>().0.iter_mut();
        let mut write = |value: u128| {
            if let Some(place) = encoded.next() {
                *place = value.to_le_bytes();
            }
        };
        let mut sums = [0; 2];
        self.current[0] = root.0;
        for (keys, parents) in keys.iter().zip(parents(leaves.len())) {
            sums = self.descend(doubling, parents);
            write(sums[0] ^ keys[0]);
            write(sums[1] ^ keys[1]);
        }
        write(sums[0] ^ sums[1] ^ product.0);
        for (leaf, node) in leaves.iter_mut().zip(self.current.iter()) {
            *leaf = Gf128(*node);
        }
    }

    /// Grows all leaves but the one at `hole`, which becomes the sender's leaf plus noise value
    /// times Δ, from the tree's part of the message.
    ///
    /// `keys` are those of the sides that the path to the hole does not take.
    pub(super) fn puncture(
        &mut self,
        doubling: &SeedDoubling,
        keys: &[u128],
        (hole, product): (usize, Gf128),
        leaves: &mut [Gf128],
        part: &[u8],
    ) {
        let encoded = part.as_chunks::<ELEMENT_BYTES>().0;
        let depth = keys.len();
        let mut others = 0;
        self.current[0] = 0;
        for (level, (key, parents)) in keys.iter().zip(parents(leaves.len())).enumerate() {
            // What grows below the unknown node is taken out of the sums again.
            let sums = self.descend(doubling, parents);
            let path = hole >> (depth - 1 - level);
            let sibling = path ^ 1;
            let side = sibling & 1;
            let masks = [&encoded[2 * level], &encoded[2 * level + 1]];
            let sum = u128::from_le_bytes(*masks[side]) ^ key;
            others = sum ^ sums[1 - side] ^ self.current[path];
            self.current[sibling] ^= sum ^ sums[side];
            self.current[path] = 0;
        }
        for (leaf, node) in leaves.iter_mut().zip(self.current.iter()) {
            *leaf = Gf128(*node);
        }
        let all = encoded.last().map_or(Gf128::ZERO, |last| Gf128::from_bytes(*last));
        leaves[hole] = all + Gf128(others) + product;
    }
}

/// Level by level from the root's, how many nodes have children that `leaves` leaves need.
fn parents(leaves: usize) -> impl Iterator<Item = usize> {
    let depth = leaves.next_power_of_two().ilog2();
    (1..=depth).rev().map(move |height| leaves.div_ceil(1 << height))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place of trees of several shapes, with keys and product of both parties.
    #[test]
    fn punctured_trees_are_whole_ones_but_for_the_hole() {
        for count in [4, 8, 12, 20, 44, 64, 68] {
            let depth = parents(count).count();
            let doubling = SeedDoubling::new(&[1; SALT_BYTES], 2);
            let keys: Vec<Pair> = (0..depth as u128).map(|level| [3 + level, 99 * level]).collect();
            let mut nodes = Nodes::new(count);
            let mut whole = vec![Gf128::ZERO; count];
            let mut part = vec![0; (2 * depth + 1) * ELEMENT_BYTES];
            nodes.grow(&doubling, &keys, [Gf128(5), Gf128(7)], &mut whole, &mut part);
            for hole in 0..count {
                let side = |level: usize| 1 - (hole >> (depth - 1 - level) & 1);
                let chosen: Vec<u128> = (0..depth).map(|level| keys[level][side(level)]).collect();
                let mut punctured = vec![Gf128::ZERO; count];
                let secret = (hole, Gf128(7 ^ 0x1000));
                nodes.puncture(&doubling, &chosen, secret, &mut punctured, &part);
                punctured[hole] += Gf128(0x1000);
                assert_eq!(punctured, whole, "{count} leaves, hole {hole}");
            }
        }
    }

    /// Why checked trees are full: in a cut one, the path to the place 12 of 12 leaves ends at a
    /// node that nothing grows from. A dishonest receiver then has every leaf, and the product.
    #[test]
    fn a_path_out_of_a_cut_tree_gives_it_all_away() {
        let (count, depth) = (12, 4);
        let doubling = SeedDoubling::new(&[1; SALT_BYTES], 2);
        let keys: Vec<Pair> = (0..depth as u128).map(|level| [3 + level, 99 * level]).collect();
        let mut nodes = Nodes::new(16);
        let (mut whole, product) = (vec![Gf128::ZERO; count], Gf128(7));
        let mut part = vec![0; (2 * depth + 1) * ELEMENT_BYTES];
        nodes.grow(&doubling, &keys, [Gf128(5), product], &mut whole, &mut part);

        let encoded = part.as_chunks::<ELEMENT_BYTES>().0;
        let sum = |level: usize, side: usize| {
            u128::from_le_bytes(encoded[2 * level + side]) ^ keys[level][side]
        };
        // The path is right, right, then out: the left sums give nodes 0 and 2 of its level.
        let left_half = sum(0, 0);
        let mut second = [0; 4];
        doubling.double(&[left_half, 0], &mut second);
        second[2] = sum(1, 0) ^ second[0];
        let mut third = [0; 6];
        doubling.double(&second[..3], &mut third);
        let mut leaves = [0; 12];
        doubling.double(&third, &mut leaves);
        assert!(leaves.map(Gf128)[..] == whole[..]);
        let total: Gf128 = leaves.map(Gf128).into_iter().sum();
        assert!(Gf128::from_bytes(encoded[2 * depth]) + total == product);
    }
}
