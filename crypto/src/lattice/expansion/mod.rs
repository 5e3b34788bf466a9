//! A fixed private integer matrix times a short encrypted vector: one result per row, shared.
//!
//! The evaluator owns d columns `x_j` of n integers. The key holder owns, query after query, d
//! numbers `w_j` modulo 2^64. Each query gives `Σ_j x_ij·w_j` for every row `i` as additive shares
//! modulo 2^64.
//!
//! # Construction
//!
//! The transpose of [`super::projection`], whose notation is used; `t = 2^64`. Public, from a seed:
//! uniform `a_j` for every column, and `a_x`.
//!
//! Once, the evaluator sends per chunk `c` of N rows, with fresh ternary `u_c` and error `e_c`,
//!
//! ```text
//! hint_c = Σ_j x_jc·a_j + u_c·a_x + e_c    x_jc = Σ_i x_(cN + i, j)·X^i
//! ```
//!
//! Per query, the key holder draws a fresh ternary `s` and sends d + 1 elements:
//!
//! ```text
//! b_j = a_j·s + e_j + round(Q·w_j/t)       b_x = a_x·s + e_x
//! ```
//!
//! The evaluator masks its answers with `r` uniform in `R_Q`; both sides round:
//!
//! ```text
//! answer_c  = Σ_j x_jc·b_j + u_c·b_x + r
//! evaluator = -round(t·r/Q)
//! holder    = round(t/Q·(answer_c - hint_c·s))
//! ```
//!
//! # Security
//!
//! Semi-honest parties; the argument is that of [`super::projection`]: fresh secrets under common
//! public a's hide the vector, a fresh `u_c` makes each hint pseudo-random, and every coefficient
//! of an answer is uniform. Shares of a row are off by one with probability below 2^-40, for noise
//! within `9.5·sqrt(10.75·S + 21·N)`, S the largest sum of squares of a chunk over all columns.
//!
//! # Cost
//!
//! Hint: 153,600 bytes per N rows. Query: 153,600 bytes per column and one more. Answer: 18.75
//! bytes per row. Time per answer: d products of N values per chunk and prime, and d transforms
//! more where the columns do not fit the memory budget in transformed form.

mod evaluator;
mod messages;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use zeroize::Zeroizing;

pub use evaluator::Evaluator;
pub use messages::{Answers, EncryptedWeights, Hint};

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
    scale: PowerScale,
    fractions: Fractions,
    /// `a_j` of every column.
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
    /// Prepares expansions of `columns` numbers to `rows`.
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
    ) -> Result<Self, LatticeError> {
        if rows == 0 || columns == 0 || u32::try_from(rows).is_err() {
            return Err(invalid(format!("no expansion of {columns} columns to {rows} rows")));
        }
        let element = |index| ring.public(&seed, "lattice/expansion public", index);
        let public_extra = element(0);
        let public = (1..=columns as u64).into_par_iter().map(element).collect();
        Ok(Self {
            ring: ring.clone(),
            rows,
            columns,
            scale: PowerScale::new(ring, 64),
            fractions: Fractions::new(ring),
            public,
            public_extra,
        })
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

    /// The number of hints: one per N rows.
    pub fn chunks(&self) -> usize {
        self.rows.div_ceil(self.ring.degree())
    }

    /// Rows of one chunk.
    fn chunk_rows(&self, chunk: usize) -> core::ops::Range<usize> {
        let start = chunk * self.ring.degree();
        start..self.rows.min(start + self.ring.degree())
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
        let extra = self.encrypt_constant(&transformed, &self.public_extra, None, rng);
        let rngs: Vec<Generator> = self.public.iter().map(|_| rng.child()).collect();
        let polys = self
            .public
            .par_iter()
            .zip(weights)
            .zip(rngs)
            .map(|((public, weight), mut rng)| {
                self.encrypt_constant(&transformed, public, Some(*weight), &mut rng)
            })
            .collect();
        Ok((QueryKey { transformed }, EncryptedWeights { polys, extra }))
    }

    /// `a·s + e`, plus `round(Q·weight/t)` in the constant coefficient.
    fn encrypt_constant(
        &self,
        secret: &SecretPoly,
        public: &TransformedPoly,
        weight: Option<u64>,
        rng: &mut Generator,
    ) -> TransformedPoly {
        let ring = &self.ring;
        let mut poly = ring.zero();
        add_errors(ring, &mut poly, rng);
        if let Some(weight) = weight {
            self.scale.add(ring, &mut poly, [u128::from(weight)].into_iter(), rng);
        }
        let mut sum = ring.forward(poly);
        let mut product = Zeroizing::new(public.clone());
        ring.multiply(&mut product, secret);
        ring.add(&mut sum.words, &product.words);
        sum
    }

    /// The key holder's shares modulo 2^64, one per row.
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
        let chunks = self.chunks();
        if hints.len() != chunks || answers.chunks.len() != chunks {
            let (hints, answers) = (hints.len(), answers.chunks.len());
            return Err(invalid(format!("{hints} hints, {answers} answers, {chunks} chunks")));
        }
        let shares = |(hint, answer): (&Hint, &Vec<u64>)| {
            let mut product = hint.poly.clone();
            self.ring.multiply(&mut product, &key.transformed);
            let product = Zeroizing::new(self.ring.inverse(product));
            let rows = answer.len() / self.ring.primes();
            let share = |row: usize| {
                let words = product.words[row..].iter().step_by(self.ring.degree());
                let masked = answer[row..].iter().step_by(rows);
                let residues = self.ring.moduli().zip(masked.zip(words));
                let difference =
                    residues.map(|(modulus, (masked, word))| modulus.subtract(*masked, *word));
                round_to_bits(self.fractions.of(difference), 64) as u64
            };
            (0..rows).map(share).collect::<Vec<u64>>()
        };
        Ok(hints.par_iter().zip(&answers.chunks).map(shares).flatten_iter().collect())
    }
}
