//! The rows of keys: which bin, which three cells, which element for the dense cells.

use crypto::field128::Gf128;
use crypto::hash::{CorrelationRobust, digest};

use super::layout::Layout;

/// Maps keys to rows, pseudo-randomly under a seed.
///
/// Two blocks of AES in a keyed two-call construction per key, one for the place and one for the
/// dense element. For keys fixed before the seed is drawn, rows are as good as random.
pub(super) struct RowHash {
    hash: CorrelationRobust,
}

impl RowHash {
    pub(super) fn new(seed: [u8; 16]) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&digest("matching/okvs rows", &[&seed])[..16]);
        Self { hash: CorrelationRobust::with_key(key) }
    }

    /// The rows of at most [`BATCH`] keys.
    pub(super) fn batch(&self, keys: &[u128]) -> Batch {
        let mut batch = Batch { places: [0; BATCH], powers: [Gf128::ZERO; BATCH], len: keys.len() };
        batch.places[..keys.len()].copy_from_slice(keys);
        let mut elements = batch.places;
        self.hash.hash_each(&[PLACE_TWEAK; BATCH], &mut batch.places);
        self.hash.hash_each(&[POWER_TWEAK; BATCH], &mut elements);
        batch.powers = elements.map(Gf128);
        batch
    }
}

/// The rows of a few keys.
pub(super) struct Batch {
    places: [u128; BATCH],
    powers: [Gf128; BATCH],
    len: usize,
}

impl Batch {
    /// Where the keys stand, in their order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.places[..self.len].iter().map(|hash| Place { hash: *hash })
    }

    /// The elements whose powers the dense cells are multiplied by; the lower half of an element is
    /// the bits in their place, see [`bits`].
    pub(super) fn powers(&self) -> &[Gf128] {
        &self.powers[..self.len]
    }
}

/// The bits that a row with this element has as coefficients of the dense cells, lowest first.
pub(super) fn bits(element: Gf128) -> u64 {
    element.0 as u64
}

/// The place of one key, 32 random bits for each of four choices.
#[derive(Clone, Copy)]
pub(super) struct Place {
    hash: u128,
}

impl Place {
    /// The key's bin.
    pub(super) fn bin(self, layout: &Layout) -> usize {
        scaled(self.hash as u32, layout.bins)
    }

    /// Three different cells of the bin's sparse part, below 2^16 and every triple equally likely
    /// (but for a bias below 2^-16).
    pub(super) fn columns(self, layout: &Layout) -> [u16; 3] {
        let draw = |choice: u32, range| scaled((self.hash >> (32 * choice)) as u32, range);
        let first = draw(1, layout.sparse);
        let mut second = draw(2, layout.sparse - 1);
        second += usize::from(second >= first);
        let mut third = draw(3, layout.sparse - 2);
        third += usize::from(third >= first.min(second));
        third += usize::from(third >= first.max(second));
        [first as u16, second as u16, third as u16]
    }
}

/// A number below `range` from 32 random bits.
fn scaled(bits: u32, range: usize) -> usize {
    ((u64::from(bits) * range as u64) >> 32) as usize
}

/// Keys hashed at once: the widest batch of the AES engines.
pub(super) const BATCH: usize = 64;

const PLACE_TWEAK: u128 = 0;
const POWER_TWEAK: u128 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::okvs::layout::Dense;

    proptest! {
        #[test]
        fn columns_are_three_different_cells(hash: u128, sparse in 3_usize..=1 << 16) {
            let layout = Layout { bins: 7, sparse, ..Layout::new(1, Dense::Powers) };
            let place = Place { hash };
            let [first, second, third] = place.columns(&layout);
            prop_assert!(first != second && first != third && second != third);
            prop_assert!([first, second, third].iter().all(|it| usize::from(*it) < sparse));
            prop_assert!(place.bin(&layout) < 7);
        }
    }

    /// All 60 ordered triples of five cells, equally often.
    #[test]
    fn columns_are_uniform() {
        const ROUNDS: usize = 60_000;
        let layout = Layout { sparse: 5, ..Layout::new(1, Dense::Powers) };
        let keys: Vec<u128> = (0..ROUNDS as u128).collect();
        let rows = RowHash::new([1; 16]);
        let mut counts = std::collections::BTreeMap::new();
        for keys in keys.chunks(BATCH) {
            for place in rows.batch(keys).places() {
                *counts.entry(place.columns(&layout)).or_insert(0_u32) += 1;
            }
        }
        assert_eq!(counts.len(), 60);
        // Six standard deviations of a binomial(60 000, 1/60) are 188.
        assert!(counts.values().all(|count| count.abs_diff(1000) < 188), "{counts:?}");
    }

    #[test]
    fn rows_depend_on_the_seed_and_not_on_the_batch() {
        let keys: Vec<u128> = (0..40).collect();
        let (rows, other) = (RowHash::new([1; 16]), RowHash::new([2; 16]));
        let (whole, alone) = (rows.batch(&keys), rows.batch(&keys[7..8]));
        assert_eq!(whole.powers()[7], alone.powers()[0]);
        assert_eq!(whole.places[7], alone.places[0]);
        assert_ne!(whole.places[7], other.batch(&keys).places[7]);
        assert_ne!(Gf128(whole.places[7]), whole.powers()[7]);
    }
}
