//! The receiver's secret noise, and the vector A that it is compressed to.

use crypto::expand_convolute::ExpandConvolute;
use crypto::field128::Gf128;
use crypto::field128::subspace::Subspace;
use crypto::random::Generator;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::leaves::{compressed, trees_of};
use super::parameters::{Plan, TREES};
use crate::boolean::Bits;

/// In each tree one place and the value there.
pub(super) struct Noise {
    pub(super) places: Zeroizing<Vec<usize>>,
    pub(super) values: Zeroizing<Vec<Gf128>>,
}

impl Noise {
    pub(super) fn random(plan: &Plan, range: &Subspace, rng: &mut Generator) -> Self {
        let places = (0..plan.trees()).map(|_| rng.below(plan.leaves() as u64) as usize).collect();
        let values = (0..plan.trees()).map(|_| range.random(rng)).collect();
        Self { places: Zeroizing::new(places), values: Zeroizing::new(values) }
    }

    /// Noise that is one at each of its places.
    pub(super) fn of_ones(plan: &Plan, rng: &mut Generator) -> Self {
        let places = (0..plan.trees()).map(|_| rng.below(plan.leaves() as u64) as usize).collect();
        let values = vec![Gf128::ONE; plan.trees()];
        Self { places: Zeroizing::new(places), values: Zeroizing::new(values) }
    }

    /// Which side's sum of seeds is wanted, tree by tree and level by level: the one that the path
    /// to the secret place does not take. There may be `more` choices behind these, drawn at
    /// random.
    pub(super) fn choices(&self, plan: &Plan, more: usize, rng: &mut Generator) -> Bits {
        Bits::from_fn(plan.transfers() + more, |transfer| {
            let (tree, level) = (transfer / plan.depth(), transfer % plan.depth());
            match self.places.get(tree) {
                Some(place) => place >> (plan.depth() - 1 - level) & 1 == 0,
                None => rng.next_u64() & 1 == 1,
            }
        })
    }

    /// Both halves of noise that is one at its places: batch k, of at most eight, in bit k of each
    /// byte.
    pub(super) fn bits(&self, plan: &Plan) -> [Zeroizing<Vec<u8>>; 2] {
        let mut halves = [(); 2].map(|()| Zeroizing::new(vec![0; plan.outputs()]));
        for (tree, place) in self.places.iter().enumerate() {
            let (batch, tree) = (tree / TREES, tree % TREES);
            let (half, tree) = (tree / (TREES / 2), tree % (TREES / 2));
            halves[half][tree * plan.leaves() + place] |= 1 << batch;
        }
        halves
    }

    /// The vector A.
    pub(super) fn compressed(&self, plan: &Plan, code: &ExpandConvolute) -> Vec<Gf128> {
        let batches = (0..plan.batches()).into_par_iter();
        compressed(plan, code, batches, |batch, halves, _| {
            for (tree, leaves) in (batch * TREES..).zip(trees_of(plan, halves)) {
                leaves[self.places[tree]] = self.values[tree];
            }
        })
    }
}
