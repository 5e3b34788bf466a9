//! Oblivious key-value stores: a vector of field elements that maps each of n keys to its value,
//! and, if the values are random, says nothing about which keys those are.
//!
//! # Construction
//! Every key has a *row*: three cells of one bin, chosen by hashing, and the powers k, k², … of a
//! 128-bit hash k of the key. Decoding is the inner product of row and bin, that is cell + cell +
//! cell + k·dense₁ + k²·dense₂ + …, hence linear in the cells. Encoding solves for the cells: rows
//! are *peeled* off, one after the other, each with a cell that no later one has, and filled in
//! backwards; the few rows that no peeling frees (*gaps*) are what the dense cells are for. Keys
//! are thrown into bins of about 2^14, so that a bin stays in a processor's cache, indices fit 16
//! bits and bins are encoded in parallel.
//!
//! A *binary* store has random bits in the place of the powers, and some fifty dense cells in a bin
//! in the place of three. Decoding then adds cells and does nothing else: it is linear over the
//! bits, so that it stays in whatever subspace the cells are from, coordinates of such included.
//!
//! # Failure
//! A seed fails if a bin overflows, or if the gaps of a bin are more than its dense cells or depend
//! on each other. For keys that were fixed before the seed was drawn, either happens with
//! probability at most 2^-40 over all bins together: each bin is given 2^-(40 + log2 bins). The one
//! error says nothing else, and there is no second try, because whether a seed fails depends on the
//! keys, which are secret.
//!
//! # Security
//! [`Okvs::encode`] leaves cells that no row needs zero. Such a store is to be sent masked, as the
//! intersection does, or to somebody who may know how many keys it has.
//! [`Okvs::encode_obliviously`] makes these cells random, so that a store of random values is a
//! vector of random cells, whatever the keys: this one may be sent as it is.
//!
//! # Reference
//! Raghuraman, Rindal, "Blazing Fast PSI from Improved OKVS and Subfield VOLE", CCS 2022 (eprint
//! 2022/320): the improved OKVS with row weight 3, a dense part over GF(2^128) or a binary one, and
//! bins. Three cells for a key: Garimella, Pinkas, Rosulek, Trieu, Yanai, CRYPTO 2021 (eprint
//! 2021/883).

mod dense;
mod layout;
mod peeling;
mod rows;

use crypto::field128::{Gf128, multiply_each};
use crypto::random::Generator;
use rayon::prelude::*;

use layout::{Dense, Layout};
use rows::{BATCH, Batch, RowHash, bits};

/// The public description of a store: how many keys it is for, and the seed of its rows.
///
/// Whoever has it and the cells can decode; whoever has keys and values can encode.
pub struct Okvs {
    layout: Layout,
    rows: RowHash,
}

/// These keys have no store under this seed: two of them are equal, or the seed is one of very few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys cannot be encoded")]
pub struct NotEncodable;

impl Okvs {
    /// A store for `keys_count` keys. The seed is to be drawn after the keys are fixed.
    pub fn new(keys_count: usize, seed: [u8; 16]) -> Self {
        Self { layout: Layout::new(keys_count, Dense::Powers), rows: RowHash::new(seed) }
    }

    /// A binary store: its decoding is linear over the bits, so that any strings of 128 bits can be
    /// values and cells. A little larger, and much larger for a handful of keys.
    pub fn binary(keys_count: usize, seed: [u8; 16]) -> Self {
        Self { layout: Layout::new(keys_count, Dense::Bits), rows: RowHash::new(seed) }
    }

    /// How many cells the store has: about 1.35 for each key from some 2^16 keys on, more if there
    /// are few keys.
    pub fn cells_count(&self) -> usize {
        self.layout.cells_count()
    }

    /// The cells under which `keys[i]` decodes to `values[i]`, for all i.
    ///
    /// The time depends on the keys. Runs on the current rayon pool.
    ///
    /// # Errors
    ///
    /// [`NotEncodable`] for two equal keys, for more keys than the store is for, or with
    /// probability at most 2^-39.
    ///
    /// # Panics
    ///
    /// If there are not as many values as keys.
    pub fn encode(&self, keys: &[u128], values: &[Gf128]) -> Result<Vec<Gf128>, NotEncodable> {
        self.fill(vec![Gf128::ZERO; self.cells_count()], keys, values)
    }

    /// As [`encode`](Self::encode), with all cells that the keys leave free drawn from `rng`: a
    /// doubly oblivious store, the cells of which are uniform if the values are.
    ///
    /// # Errors
    ///
    /// As of [`encode`](Self::encode).
    ///
    /// # Panics
    ///
    /// As [`encode`](Self::encode).
    pub fn encode_obliviously(
        &self,
        keys: &[u128],
        values: &[Gf128],
        rng: &mut Generator,
    ) -> Result<Vec<Gf128>, NotEncodable> {
        let cells = (0..self.cells_count()).map(|_| Gf128::random(rng)).collect();
        self.fill(cells, keys, values)
    }

    /// Changes the cells that keys need so that these decode to their values.
    fn fill(
        &self,
        mut cells: Vec<Gf128>,
        keys: &[u128],
        values: &[Gf128],
    ) -> Result<Vec<Gf128>, NotEncodable> {
        assert_eq!(keys.len(), values.len(), "one value for each key");
        let members = self.distribute(keys)?;
        cells.par_chunks_mut(self.layout.bin_cells()).zip(members.bins()).try_for_each_init(
            peeling::Scratch::default,
            |scratch, (cells, members)| {
                let pairs = members.iter().map(|&index| {
                    let index = index as usize;
                    (keys[index], values[index])
                });
                scratch.load(&self.rows, &self.layout, pairs);
                scratch.solve(cells, &self.layout)
            },
        )?;
        Ok(cells)
    }

    /// The values of `keys`; of a key that was not encoded, an unrelated value.
    ///
    /// Which memory is touched depends on the keys. Runs on the current rayon pool.
    ///
    /// # Panics
    ///
    /// If `cells` does not have [`cells_count`](Self::cells_count) elements.
    pub fn decode(&self, cells: &[Gf128], keys: &[u128]) -> Vec<Gf128> {
        assert_eq!(cells.len(), self.cells_count(), "the cells of another store");
        let sums = match self.layout.kind {
            Dense::Powers => Vec::new(),
            Dense::Bits => self.sums_of_dense(cells),
        };
        let mut values = vec![Gf128::ZERO; keys.len()];
        values.par_chunks_mut(KEYS_PER_TASK).zip(keys.par_chunks(KEYS_PER_TASK)).for_each(
            |(values, keys)| {
                for (values, keys) in values.chunks_mut(BATCH).zip(keys.chunks(BATCH)) {
                    self.decode_batch(cells, &sums, keys, values);
                }
            },
        );
        values
    }

    /// Decodes at most [`BATCH`] keys.
    fn decode_batch(
        &self,
        cells: &[Gf128],
        sums: &[[Gf128; 1 << GROUP]],
        keys: &[u128],
        values: &mut [Gf128],
    ) {
        let batch = self.rows.batch(keys);
        match self.layout.kind {
            Dense::Powers => self.add_powers(cells, &batch, values),
            Dense::Bits => self.add_bits(sums, &batch, values),
        }
        for (value, place) in values.iter_mut().zip(batch.places()) {
            let start = place.bin(&self.layout) * self.layout.bin_cells();
            for column in place.columns(&self.layout) {
                *value += cells[start + usize::from(column)];
            }
        }
    }

    /// What powers make of the dense cells: Horner's rule, from the highest power down.
    fn add_powers(&self, cells: &[Gf128], batch: &Batch, values: &mut [Gf128]) {
        let mut starts = [0; BATCH];
        for (start, place) in starts.iter_mut().zip(batch.places()) {
            *start = place.bin(&self.layout) * self.layout.bin_cells() + self.layout.sparse;
        }
        for power in (0..self.layout.dense).rev() {
            for (value, start) in values.iter_mut().zip(&starts) {
                *value += cells[start + power];
            }
            multiply_each(values, batch.powers());
        }
    }

    /// What bits make of the dense cells, from `sums_of_dense`.
    fn add_bits(&self, sums: &[[Gf128; 1 << GROUP]], batch: &Batch, values: &mut [Gf128]) {
        let groups = self.layout.dense.div_ceil(GROUP);
        for ((value, place), element) in values.iter_mut().zip(batch.places()).zip(batch.powers()) {
            let mut bits = bits(*element);
            for sums in &sums[place.bin(&self.layout) * groups..][..groups] {
                *value += sums[bits as usize % (1 << GROUP)];
                bits >>= GROUP;
            }
        }
    }

    /// Bin by bin and for each [`GROUP`] of dense cells, the sums of all choices of them.
    fn sums_of_dense(&self, cells: &[Gf128]) -> Vec<[Gf128; 1 << GROUP]> {
        let dense = cells.chunks(self.layout.bin_cells()).map(|bin| &bin[self.layout.sparse..]);
        let groups = dense.flat_map(|dense| dense.chunks(GROUP));
        let sums_of = |group: &[Gf128]| {
            std::array::from_fn(|choice| {
                let chosen = (0..).zip(group).filter(|(place, _)| choice >> place & 1 == 1);
                chosen.map(|(_, cell)| *cell).sum()
            })
        };
        groups.map(sums_of).collect()
    }

    /// Sorts the indices of the keys by bin.
    fn distribute(&self, keys: &[u128]) -> Result<Members, NotEncodable> {
        let mut bins = vec![0_u32; keys.len()];
        bins.par_chunks_mut(BATCH).zip(keys.par_chunks(BATCH)).with_min_len(64).for_each(
            |(bins, keys)| {
                for (bin, place) in bins.iter_mut().zip(self.rows.batch(keys).places()) {
                    *bin = place.bin(&self.layout) as u32;
                }
            },
        );
        let mut ends = vec![0_u32; self.layout.bins + 1];
        for bin in &bins {
            ends[*bin as usize + 1] += 1;
        }
        if ends.iter().any(|load| *load as usize > self.layout.capacity) {
            return Err(NotEncodable);
        }
        for bin in 0..self.layout.bins {
            ends[bin + 1] += ends[bin];
        }
        let mut next = ends.clone();
        let mut indices = vec![0; keys.len()];
        for (index, bin) in bins.iter().enumerate() {
            let next = &mut next[*bin as usize];
            indices[*next as usize] = index as u32;
            *next += 1;
        }
        Ok(Members { indices, ends })
    }
}

/// The indices of keys, bin by bin.
struct Members {
    indices: Vec<u32>,
    /// Bin `b` has the indices from `ends[b]` to `ends[b + 1]`.
    ends: Vec<u32>,
}

impl Members {
    fn bins(&self) -> impl IndexedParallelIterator<Item = &[u32]> {
        self.ends.par_windows(2).map(|ends| &self.indices[ends[0] as usize..ends[1] as usize])
    }
}

/// Dense cells of which all sums are kept while a binary store is decoded: 4 KiB for a bin.
const GROUP: usize = 4;

/// Enough for the pool to be worth asking, few enough for all threads to have some.
const KEYS_PER_TASK: usize = 1 << 12;

#[cfg(test)]
mod tests;
