//! Shares of the products of the receiver's noise values and the sender's Δ.
//!
//! Each base tree has a leaf for each value of four bits of Δ; the sender lacks the leaf of its
//! own. With streams `r_x` of the leaves x, the receiver takes `u = Σ r_x` and `v = Σ x·r_x`, the
//! sender, who lacks h, takes `w = Σ (x ⊕ h)·r_x = v + h·u`, in which the unknown leaf has no part.
//! The correction `u + y` turns `h·u` into `h·y`; the sum over all trees, each times the weight of
//! its bits, is `y·Δ`. Streams and corrections are coordinates of elements of the range that the
//! values are from.
//!
//! Roy, CRYPTO 2022 (eprint 2022/192), section 3.1.

use crypto::field128::subspace::Subspace;
use crypto::field128::{Gf128, add_scaled};
use crypto::random::Generator;
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use crate::ot_extension::{BLOCK_BITS, BLOCKS, LEAVES, Seed};

/// Bytes of the corrections of `count` values.
pub(super) fn bytes(count: usize, range: &Subspace) -> usize {
    BLOCKS * count * range.bytes()
}

/// The receiver's corrections and its shares: `share = value·Δ + the sender's share`. The values
/// are from `range`.
pub(super) fn of_receiver(
    values: &[Gf128],
    range: &Subspace,
    mut trees: Vec<Vec<Seed>>,
) -> (Vec<u8>, Elements) {
    let mut corrections = vec![0; bytes(values.len(), range)];
    let parts: Vec<_> = trees
        .par_iter_mut()
        .zip(corrections.par_chunks_exact_mut(values.len() * range.bytes()))
        .enumerate()
        .map(|(block, (tree, correction))| {
            let leaves = tree.iter_mut().map(Some);
            let Sums { plain, weighted } = Sums::new(0, leaves, values.len());
            let encoded = correction.chunks_exact_mut(range.bytes());
            for (encoded, (sum, value)) in encoded.zip(plain.iter().zip(values)) {
                let corrected = (sum ^ range.coordinates(*value)).to_le_bytes();
                encoded.copy_from_slice(&corrected[..range.bytes()]);
            }
            share(block, &weighted, range)
        })
        .collect();
    (corrections, added(&parts, values.len()))
}

/// The sender's shares, from the receiver's corrections.
pub(super) fn of_sender(
    delta: u128,
    range: &Subspace,
    trees: &mut [Vec<Option<Seed>>],
    corrections: &[u8],
) -> Elements {
    let count = corrections.len() / (BLOCKS * range.bytes());
    let parts: Vec<_> = trees
        .par_iter_mut()
        .zip(corrections.par_chunks_exact(count * range.bytes()))
        .enumerate()
        .map(|(block, (tree, correction))| {
            let hole = (delta >> (block * BLOCK_BITS)) as usize % LEAVES;
            let Sums { weighted, .. } = Sums::new(hole, tree.iter_mut().map(Option::as_mut), count);
            let mut share = share(block, &weighted, range);
            let decode = |bytes: &[u8]| {
                let mut coordinates = [0; size_of::<u128>()];
                coordinates[..bytes.len()].copy_from_slice(bytes);
                range.element(u128::from_le_bytes(coordinates))
            };
            let correction: Vec<Gf128> =
                correction.chunks_exact(range.bytes()).map(decode).collect();
            add_scaled(&mut share, &correction, weight(block, hole));
            share
        })
        .collect();
    added(&parts, count)
}

type Elements = Zeroizing<Vec<Gf128>>;
type Coordinates = Zeroizing<Vec<u128>>;

/// Sums of the leaves' streams of one tree, which are coordinates of elements.
struct Sums {
    plain: Coordinates,
    /// For each bit of `leaf ⊕ hole`, the sum over the leaves where it is set.
    weighted: [Coordinates; BLOCK_BITS],
}

impl Sums {
    /// The seeds are used once and wiped.
    fn new<'a>(
        hole: usize,
        leaves: impl Iterator<Item = Option<&'a mut Seed>>,
        count: usize,
    ) -> Self {
        let zeros = || Zeroizing::new(vec![0_u128; count]);
        let mut sums = Self { plain: zeros(), weighted: std::array::from_fn(|_| zeros()) };
        let mut stream = Zeroizing::new(vec![0; count * size_of::<u128>()]);
        for (leaf, seed) in leaves.enumerate() {
            let Some(seed) = seed else { continue };
            Generator::from_seed(*seed).fill_bytes(&mut stream);
            seed.zeroize();
            let add = |sums: &mut Coordinates, mask: u128| {
                for (sum, bytes) in sums.iter_mut().zip(stream.as_chunks().0) {
                    *sum ^= u128::from_le_bytes(*bytes) & mask;
                }
            };
            add(&mut sums.plain, u128::MAX);
            for (bit, sums) in sums.weighted.iter_mut().enumerate() {
                add(sums, ((leaf ^ hole) as u128 >> bit & 1).wrapping_neg());
            }
        }
        sums
    }
}

/// The elements of the weighted sums, each times the weight of its bit in Δ.
fn share(block: usize, weighted: &[Coordinates; BLOCK_BITS], range: &Subspace) -> Elements {
    let mut share = Zeroizing::new(vec![Gf128::ZERO; weighted[0].len()]);
    for (bit, sums) in weighted.iter().enumerate() {
        let elements: Elements =
            Zeroizing::new(sums.iter().map(|sum| range.element(*sum)).collect());
        add_scaled(&mut share, &elements, weight(block, 1 << bit));
    }
    share
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
