//! A fixed private integer matrix times a short encrypted vector: one result per row, shared.
//!
//! The evaluator owns d columns `x_j` of n integers. The key holder owns, query after query, d
//! numbers `w_j` modulo 2^64. Each query gives `Σ_j x_ij·w_j` for every row `i` as additive shares
//! modulo 2^64.
//!
//! # Construction
//!
//! The transpose of [`super::projection`], whose notation is used, hints cut to 116 bits included;
//! `t = 2^64`. One element carries the numbers of `T` columns, a power of two; rows are worked on
//! in chunks of `h = N/T`. Public, from a seed: uniform `a_k` for every tile of T columns, and
//! `a_x`.
//!
//! Once, the evaluator sends per chunk `c` of h rows, with fresh ternary `u_c` and error `e_c`,
//!
//! ```text
//! hint_c = Σ_k x_kc·a_k + u_c·a_x + e_c    x_kc = Σ_i Σ_j x_(ch + i, kT + j)·X^(i - jh)
//! ```
//!
//! with i below h and j below T, so that no two entries meet in one coefficient. Per query, the key
//! holder draws a fresh ternary `s` and sends an element for each tile and one more:
//!
//! ```text
//! b_k = a_k·s + e_k + round(Q·w_k/t)       b_x = a_x·s + e_x       w_k = Σ_j w_(kT + j)·X^(jh)
//! ```
//!
//! Coefficient i of `x_kc·w_k` is `Σ_j x_(ch + i, kT + j)·w_(kT + j)`: what other pairs of columns
//! add lies a multiple of h away. The evaluator masks the first h coefficients of each chunk with
//! `r`, uniform modulo Q, and sends of each, as a fraction of Q, the first f bits, 112 or 64; both
//! sides round:
//!
//! ```text
//! answer_c  = ⌊2^f/Q·(Σ_k x_kc·b_k + u_c·b_x + r)⌋
//! evaluator = -round(t·r/Q)
//! holder    = round(t·((answer_c + 1/2)/2^f - hint_c·s/Q))
//! ```
//!
//! # Security
//!
//! Semi-honest parties; the argument is that of [`super::projection`]: fresh secrets under common
//! public a's hide the vector, a fresh `u_c` makes each hint pseudo-random, and every coefficient
//! of an answer is uniform before it is cut. Shares of a row are off by one with probability below
//! 2^-40, for noise within `9.5·sqrt(10.75·S + 21·N)`, S the largest sum of squares of a chunk over
//! all columns, and 2^42.8 for the hints' cut; that of answers to 112 bits adds 2^-47 to the
//! probability. With answers of 64 bits they are off by one at random (`fraction::Cut`): the last
//! place of a sum is rounded by a coin.
//!
//! # Cost
//!
//! Hint: 118,784 bytes per h rows. Query: 153,600 bytes per T columns and one more. Answer: 14
//! bytes per row, or 8. T is the power of two for which hints and a stated number of queries are
//! the fewest bytes together. Time per answer: n·d/N products of N values per prime, and as many
//! transforms more where the columns do not fit the memory budget in transformed form.

mod evaluator;
mod messages;
#[cfg(test)]
mod tests;

use core::ops::Range;

use rayon::prelude::*;
use zeroize::Zeroizing;

pub use evaluator::Evaluator;
pub use messages::{Answers, EncryptedWeights, Hint, SentHint};

use super::fraction::Cut;
use super::ring::{Ring, SecretPoly, TransformedPoly};
use super::sample::{Ternary, add_errors};
use super::scale::{Fractions, PowerScale, round_to_bits};
use super::{LatticeError, invalid};
use crate::random::Generator;

/// What both sides agree on: ring, public randomness, numbers of rows and columns.
#[derive(Debug)]
pub struct Expansion {
    ring: Ring,
    rows: usize,
    columns: usize,
    /// T, the columns of an element.
    tile: usize,
    cut: Cut,
    scale: PowerScale,
    fractions: Fractions,
    /// `a_k` of every tile.
    public: Vec<TransformedPoly>,
    /// `a_x`.
    public_extra: TransformedPoly,
}

/// The secret of one query; wiped when dropped.
pub struct QueryKey {
    transformed: SecretPoly,
}

impl core::fmt::Debug for QueryKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("QueryKey").finish_non_exhaustive()
    }
}

impl Expansion {
    /// Prepares expansions of `columns` numbers to `rows`, packed for so many `queries`.
    ///
    /// `seed` is public and fixed with the columns; it may be the seed of a projection too.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] for no rows or no columns.
    pub fn new(
        ring: &Ring,
        seed: [u8; 32],
        rows: usize,
        columns: usize,
        queries: usize,
    ) -> Result<Self, LatticeError> {
        if rows == 0 || columns == 0 || u32::try_from(rows).is_err() {
            return Err(invalid(format!("no expansion of {columns} columns to {rows} rows")));
        }
        let tile = tile(ring.degree(), rows, columns, queries);
        let element = |index| ring.public(&seed, "lattice/expansion public", index);
        let public_extra = element(0);
        let public = (1..=columns.div_ceil(tile) as u64).into_par_iter().map(element).collect();
        Ok(Self {
            ring: ring.clone(),
            rows,
            columns,
            tile,
            cut: Cut::Long,
            scale: PowerScale::new(ring, 64),
            fractions: Fractions::new(ring),
            public,
            public_extra,
        })
    }

    /// The same with shares that are off by one at random, and answers of 8 bytes in place of 14.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self { cut: Cut::Short, ..self }
    }

    /// The ring.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// n, the number of results.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// d, the length of vectors.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// h, the rows of a chunk.
    pub fn height(&self) -> usize {
        self.ring.degree() / self.tile
    }

    /// The number of hints: one per h rows.
    pub fn chunks(&self) -> usize {
        self.rows.div_ceil(self.height())
    }

    /// The elements that carry numbers in a query: one per T columns.
    pub fn tiles(&self) -> usize {
        self.public.len()
    }

    /// Rows of one chunk.
    fn chunk_rows(&self, chunk: usize) -> Range<usize> {
        let start = chunk * self.height();
        start..self.rows.min(start + self.height())
    }

    /// How many rows some chunks have together.
    fn rows_of(&self, chunks: &Range<usize>) -> usize {
        self.rows.min(chunks.end * self.height()) - self.rows.min(chunks.start * self.height())
    }

    /// Encrypts one number per column under a fresh secret.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if the length is not the number of columns.
    pub fn encrypt(
        &self,
        weights: &[u64],
        rng: &mut Generator,
    ) -> Result<(QueryKey, EncryptedWeights), LatticeError> {
        if weights.len() != self.columns {
            let count = weights.len();
            return Err(invalid(format!("{count} weights for {} columns", self.columns)));
        }
        let secret = Ternary::random(self.ring.degree(), rng);
        let transformed = Zeroizing::new(self.ring.forward(secret.to_poly(&self.ring)));
        let extra = self.encrypt_tile(&transformed, &self.public_extra, &[], rng);
        let rngs: Vec<Generator> = self.public.iter().map(|_| rng.child()).collect();
        let polys = self
            .public
            .par_iter()
            .zip(weights.par_chunks(self.tile))
            .zip(rngs)
            .map(|((public, weights), mut rng)| {
                self.encrypt_tile(&transformed, public, weights, &mut rng)
            })
            .collect();
        Ok((QueryKey { transformed }, EncryptedWeights { polys, extra }))
    }

    /// `a·s + e`, plus `round(Q·weight/t)` in every h-th coefficient.
    fn encrypt_tile(
        &self,
        secret: &SecretPoly,
        public: &TransformedPoly,
        weights: &[u64],
        rng: &mut Generator,
    ) -> TransformedPoly {
        let ring = &self.ring;
        let mut poly = ring.zero();
        add_errors(ring, &mut poly, rng);
        if let Some(last) = weights.len().checked_sub(1) {
            let mut spread = Zeroizing::new(vec![0_u64; last * self.height() + 1]);
            for (place, weight) in spread.iter_mut().step_by(self.height()).zip(weights) {
                *place = *weight;
            }
            let values = spread.iter().map(|weight| u128::from(*weight));
            self.scale.add(ring, &mut poly, values, rng);
        }
        let mut sum = ring.forward(poly);
        let mut product = Zeroizing::new(public.clone());
        ring.multiply(&mut product, secret);
        ring.add(&mut sum.words, &product.words);
        sum
    }

    /// The key holder's shares modulo 2^64, one per row of the chunks that were answered.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if hints or answers are not one per chunk.
    pub fn decrypt(
        &self,
        key: &QueryKey,
        hints: &[Hint],
        answers: &Answers,
    ) -> Result<Vec<u64>, LatticeError> {
        let chunks = answers.chunks.clone();
        if hints.len() != self.chunks() || chunks.end > hints.len() {
            let count = hints.len();
            return Err(invalid(format!("{count} hints for {} chunks", self.chunks())));
        }
        let shares = |(hint, answer): (&Hint, &[u128])| {
            let mut product = hint.poly.clone();
            self.ring.multiply(&mut product, &key.transformed);
            let product = Zeroizing::new(self.ring.inverse(product));
            let share = |(row, answer): (usize, &u128)| {
                let masked = self.cut.middle(*answer);
                let product = self.fractions.of_coefficient(&product.words, row);
                round_to_bits(masked.wrapping_sub(product), 64) as u64
            };
            answer.iter().enumerate().map(share).collect::<Vec<u64>>()
        };
        let answers = answers.fractions.par_chunks(self.height());
        Ok(hints[chunks].par_iter().zip(answers).map(shares).flatten_iter().collect())
    }
}

/// The columns of an element for which so many queries and all hints are the fewest bits.
fn tile(degree: usize, rows: usize, columns: usize, queries: usize) -> usize {
    const QUERY_BITS: usize = 150;
    const HINT_BITS: usize = 116;
    let bits = |tile: &usize| {
        let (query, hints) = (columns.div_ceil(*tile), rows.div_ceil(degree / *tile));
        let queries = query.saturating_mul(queries).saturating_mul(QUERY_BITS);
        queries.saturating_add(hints.saturating_mul(HINT_BITS))
    };
    let most = columns.next_power_of_two().min(degree);
    let tiles = (0..=most.ilog2()).map(|log| 1_usize << log);
    tiles.min_by_key(bits).unwrap_or(1)
}
