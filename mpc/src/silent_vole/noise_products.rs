//! Shares of the products of the receiver's noise values and the sender's Δ.
//!
//! Each base tree has a leaf for each value of four bits of Δ; the sender lacks the leaf of its
//! own. With streams `r_x` of the leaves x, the receiver takes `u = Σ r_x` and `v = Σ x·r_x`, the
//! sender, who lacks h, takes `w = Σ (x ⊕ h)·r_x = v + h·u`, in which the unknown leaf has no part.
//! The correction `u + y` turns `h·u` into `h·y`; the sum over all trees, each times the weight of
//! its bits, is `y·Δ`.
//!
//! Roy, CRYPTO 2022 (eprint 2022/192), section 3.1.

use crypto::field128::{ELEMENT_BYTES, Gf128, add_scaled};
use crypto::random::Generator;
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use super::elements;
use crate::ot_extension::{BLOCK_BITS, BLOCKS, LEAVES, Seed};

/// Bytes of the corrections of `count` values.
pub(super) fn bytes(count: usize) -> usize {
    BLOCKS * count * ELEMENT_BYTES
}

/// The receiver's corrections and its shares: `share = value·Δ + the sender's share`.
pub(super) fn of_receiver(
    values: &[Gf128],
    mut trees: Vec<Vec<Seed>>,
) -> (Vec<u8>, Zeroizing<Vec<Gf128>>) {
    let mut corrections = vec![0; bytes(values.len())];
    let parts: Vec<_> = trees
        .par_iter_mut()
        .zip(corrections.par_chunks_exact_mut(values.len() * ELEMENT_BYTES))
        .enumerate()
        .map(|(block, (tree, correction))| {
            let leaves = tree.iter_mut().map(Some);
            let (sum, share) = expand(block, 0, leaves, values.len());
            let encoded = correction.as_chunks_mut::<ELEMENT_BYTES>().0;
            for (encoded, (sum, value)) in encoded.iter_mut().zip(sum.iter().zip(values)) {
                *encoded = (*sum + *value).to_bytes();
            }
            share
        })
        .collect();
    (corrections, added(&parts, values.len()))
}

/// The sender's shares, from the receiver's corrections.
pub(super) fn of_sender(
    delta: u128,
    trees: &mut [Vec<Option<Seed>>],
    corrections: &[u8],
) -> Zeroizing<Vec<Gf128>> {
    let count = corrections.len() / (BLOCKS * ELEMENT_BYTES);
    let parts: Vec<_> = trees
        .par_iter_mut()
        .zip(corrections.par_chunks_exact(count * ELEMENT_BYTES))
        .enumerate()
        .map(|(block, (tree, correction))| {
            let hole = (delta >> (block * BLOCK_BITS)) as usize % LEAVES;
            let (_, mut share) = expand(block, hole, tree.iter_mut().map(Option::as_mut), count);
            add_scaled(&mut share, &elements(correction), weight(block, hole));
            share
        })
        .collect();
    added(&parts, count)
}

type Elements = Zeroizing<Vec<Gf128>>;

/// The sum of the leaves' streams, and their sum with the factors `leaf ⊕ hole` at the block's
/// weight. The seeds are used once and wiped.
fn expand<'a>(
    block: usize,
    hole: usize,
    leaves: impl Iterator<Item = Option<&'a mut Seed>>,
    count: usize,
) -> (Elements, Elements) {
    let mut sum = Zeroizing::new(vec![Gf128::ZERO; count]);
    let mut weighted = sum.clone();
    let mut stream = Zeroizing::new(vec![0; count * ELEMENT_BYTES]);
    for (leaf, seed) in leaves.enumerate() {
        let Some(seed) = seed else { continue };
        Generator::from_seed(*seed).fill_bytes(&mut stream);
        seed.zeroize();
        let stream = elements(&stream);
        for (sum, element) in sum.iter_mut().zip(stream.iter()) {
            *sum += *element;
        }
        add_scaled(&mut weighted, &stream, weight(block, leaf ^ hole));
    }
    (sum, weighted)
}

/// The element with four bits at the place of a block.
fn weight(block: usize, bits: usize) -> Gf128 {
    Gf128((bits as u128) << (block * BLOCK_BITS))
}

fn added(parts: &[Elements], count: usize) -> Elements {
    let mut total = Zeroizing::new(vec![Gf128::ZERO; count]);
    for part in parts {
        for (total, element) in total.iter_mut().zip(part.iter()) {
            *total += *element;
        }
    }
    total
}
