//! The leaves of all trees: grown by the sender, punctured by the receiver, batch by batch.

use crypto::expand_convolute::ExpandConvolute;
use crypto::field128::Gf128;
use crypto::hash::SeedDoubling;
use crypto::random::Generator;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::noise::Noise;
use super::parameters::{Plan, TREES};
use super::trees::{self, Nodes, Pair, SALT_BYTES};

/// What the sender grows trees from.
pub(super) struct Growing<'a> {
    plan: &'a Plan,
    salt: [u8; SALT_BYTES],
    roots: Zeroizing<Vec<Gf128>>,
    keys: &'a [Pair],
    products: &'a [Gf128],
}

impl<'a> Growing<'a> {
    /// Draws salt and roots.
    pub(super) fn new(
        plan: &'a Plan,
        rng: &mut Generator,
        keys: &'a [Pair],
        products: &'a [Gf128],
    ) -> Self {
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        let roots = (0..plan.trees()).map(|_| Gf128::random(rng)).collect();
        Self { plan, salt, roots: Zeroizing::new(roots), keys, products }
    }

    /// The message about the trees as long as these are not grown: the salt, then zeros.
    pub(super) fn message(&self) -> Vec<u8> {
        let mut message = vec![0; trees::bytes(self.plan)];
        message[..SALT_BYTES].copy_from_slice(&self.salt);
        message
    }

    /// Grows the trees of a batch, and writes their parts of the message.
    pub(super) fn fill(&self, batch: usize, leaves: [&mut [Gf128]; 2], parts: &mut [u8]) {
        let mut nodes = Nodes::new(self.plan.leaves());
        let parts = parts.chunks_exact_mut(trees::part_bytes(self.plan));
        for (tree, (leaves, part)) in (batch * TREES..).zip(trees_of(self.plan, leaves).zip(parts))
        {
            let doubling = SeedDoubling::new(&self.salt, tree as u64);
            let keys = &self.keys[tree * self.plan.depth()..][..self.plan.depth()];
            let secret = [self.roots[tree], self.products[tree]];
            nodes.grow(&doubling, keys, secret, leaves, part);
        }
    }
}

/// What the receiver grows punctured trees from.
pub(super) struct Puncturing<'a> {
    plan: &'a Plan,
    noise: &'a Noise,
    salt: &'a [u8],
    parts: &'a [u8],
    keys: &'a [u128],
    products: &'a [Gf128],
}

impl<'a> Puncturing<'a> {
    /// From the sender's message.
    pub(super) fn new(
        plan: &'a Plan,
        noise: &'a Noise,
        message: &'a [u8],
        keys: &'a [u128],
        products: &'a [Gf128],
    ) -> Self {
        let (salt, parts) = message.split_at(SALT_BYTES);
        Self { plan, noise, salt, parts, keys, products }
    }

    /// Grows the punctured trees of a batch.
    pub(super) fn fill(&self, batch: usize, leaves: [&mut [Gf128]; 2]) {
        let mut nodes = Nodes::new(self.plan.leaves());
        let bytes = trees::part_bytes(self.plan);
        for (tree, leaves) in (batch * TREES..).zip(trees_of(self.plan, leaves)) {
            let doubling = SeedDoubling::new(self.salt, tree as u64);
            let keys = &self.keys[tree * self.plan.depth()..][..self.plan.depth()];
            let secret = (self.noise.places[tree], self.products[tree]);
            let part = &self.parts[tree * bytes..][..bytes];
            nodes.puncture(&doubling, keys, secret, leaves, part);
        }
    }
}

/// The parts of the message about the trees, batch by batch.
pub(super) fn parts_mut<'a>(
    plan: &Plan,
    message: &'a mut [u8],
) -> impl IndexedParallelIterator<Item = &'a mut [u8]> {
    message[SALT_BYTES..].par_chunks_mut(TREES * trees::part_bytes(plan))
}

/// The trees of one batch: those of the kept half, then those of the folded half.
pub(super) fn trees_of<'a>(
    plan: &Plan,
    [kept, folded]: [&'a mut [Gf128]; 2],
) -> impl Iterator<Item = &'a mut [Gf128]> {
    kept.chunks_exact_mut(plan.leaves()).chain(folded.chunks_exact_mut(plan.leaves()))
}

/// Elements of all batches from leaves that `fill` writes and the code compresses, batch by batch,
/// so that the leaves of a batch stay in the cache. Each batch takes its item of `parts`.
pub(super) fn compressed<P: Send>(
    plan: &Plan,
    code: &ExpandConvolute,
    parts: impl IndexedParallelIterator<Item = P>,
    fill: impl Fn(usize, [&mut [Gf128]; 2], P) + Sync,
) -> Vec<Gf128> {
    let mut outputs = vec![Gf128::ZERO; plan.batches() * plan.outputs()];
    outputs.par_chunks_mut(plan.outputs()).zip(parts).enumerate().for_each(
        |(batch, (kept, part))| {
            let mut folded = vec![Gf128::ZERO; plan.outputs()];
            fill(batch, [kept, &mut folded], part);
            code.compress(kept, &mut folded);
        },
    );
    outputs
}
