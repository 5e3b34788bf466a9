//! A fixed private integer matrix times encrypted vectors: one sum per column.
//!
//! The evaluator owns columns `x_j` of n integers (or bin codes, one indicator column per bin). The
//! key holder owns, query after query, a vector `m` of n numbers. Each query gives `Σ_i x_ij·m_i`
//! for every column `j`, either shared modulo 2^64 or opened to the key holder.
//!
//! # Construction
//!
//! The hint of `SimplePIR` (Henzinger et al., USENIX Security 2023, section 4) in a ring. All lives
//! in `R_Q = Z_Q[X]/(X^N + 1)`; `const()` is the constant coefficient; chunk `c` holds rows
//! `cN .. cN + N`; `t = 2^bits`. Public, from a seed: uniform `a_c` for every chunk, and `a_x`.
//!
//! Once, the evaluator sends per column, with fresh ternary `u_j` and error `e_j`,
//!
//! ```text
//! hint_j = Σ_c x_jc·a_c + u_j·a_x + e_j    x_jc = Σ_i x_(cN + i, j)·X^(-i)    X^(-i) = -X^(N - i)
//! ```
//!
//! Per query, the key holder draws a fresh ternary `s` and sends n + N coefficients:
//!
//! ```text
//! b_c = a_c·s + e_c + round(Q·m_c/t)       b_x = a_x·s + e_x
//! ```
//!
//! The evaluator answers per column with a plain dot product (a plain histogram for bins), without
//! any transform; the key holder takes all the a's off again and rounds:
//!
//! ```text
//! answer_j = Σ_i x_ij·b_i + const(u_j·b_x) + mask
//! sum_j    = round(t/Q·(answer_j - const(hint_j·s)))
//! ```
//!
//! # Security
//!
//! Semi-honest parties; the seed is chosen jointly or by anybody before the columns and vectors.
//!
//! *The vectors are hidden from the evaluator* by ring-LWE: one query is n/N + 1 samples under one
//! fresh secret, and queries share the public a's but never a secret (multi-instance ring-LWE, by
//! a hybrid over queries). A [`QueryKey`] is only made by drawing a fresh secret.
//!
//! *The columns are hidden from the key holder*: a hint contains `u_j·a_x + e_j`, a ring-LWE
//! sample under the fresh secret `u_j`, hence hints are pseudo-random. An answer's noise depends on
//! columns and hint secrets, therefore
//! - a *shared* answer carries a uniform mask; on its own it is uniform. The two shares
//!   are off by one with probability below 2^-40 per answer ([`super::STATISTICAL_BITS`]), for any
//!   noise within its bound;
//! - an *opened* answer carries flooding noise uniform over 2^40 times the noise's bound: it is
//!   within statistical distance 2^-40 of the same answer simulated from the opened sum alone.
//!
//! The bound is `9.5·sqrt(10.75·Σ_i x_ij² + 21·N)`, exceeded with probability below 2^-64; it is
//! computed from the actual columns and an answer is refused if the parameters leave no room.
//!
//! *Shared answers need fewer bits.* They are worked on as fractions of Q. Hints and `b_x` meet
//! ternary numbers only, and travel as their first 116 bits (`fraction`), of an answer the first
//! 112 bits are sent; 2^43.8 is what this can add to the bound, of the 2^44 that a modulus of 150
//! bits leaves. Opened sums have longer plaintexts and no such room: theirs are residues.
//!
//! A mask and a flood are drawn anew for every answer. Hints come from one secret seed of the
//! evaluator, so that asking twice for a hint gives the same bytes and never a second sample.
//!
//! # Cost
//!
//! Shared: hint: N·116 bits per column (118,784 bytes), n/N + 1 transforms. Query: 18.75 bytes per
//! row and 14.5 per N. Answer: 14 bytes per column. Time per answer: one multiplication per row,
//! column and prime (one addition for bins), and 2·N additions on each side per column for hint and
//! secret. Opened: 150 bits in place of 116 and 112, and 3·N additions.

mod answer;
mod element;
mod evaluator;
mod messages;
mod opened;
mod sums;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use zeroize::Zeroizing;

pub use evaluator::{BinnedColumn, Codes, Evaluator};
pub use messages::{Answers, EncryptedVector, Hint};
pub use opened::Openings;

use element::Element;

use super::ring::{CoefficientPoly, Ring, SecretPoly, TransformedPoly};
use super::sample::{Ternary, add_errors};
use super::scale::{Fractions, PowerScale};
use super::{LatticeError, invalid};
use crate::random::Generator;

/// What both sides agree on: ring, public randomness, number of rows, plaintext modulus.
#[derive(Debug)]
pub struct Projection {
    ring: Ring,
    rows: usize,
    purpose: Purpose,
    scale: PowerScale,
    fractions: Fractions,
    /// `a_c` of every chunk.
    public: Vec<TransformedPoly>,
    /// `a_x`.
    public_extra: TransformedPoly,
}

/// What becomes of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Shared,
    Opened,
}

/// The secret of one query, in the form that decrypts its answers; wiped when dropped.
#[derive(Debug)]
pub struct QueryKey {
    reversed: Ternary,
}

impl Projection {
    /// Prepares projections of `rows` rows with answers shared modulo 2^64.
    ///
    /// `seed` is public and fixed with the columns. Expands 3·8 bytes of public randomness per row;
    /// call it on the party's pool.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] for no rows.
    pub fn shared(ring: &Ring, seed: [u8; 32], rows: usize) -> Result<Self, LatticeError> {
        Self::new(ring, seed, rows, Purpose::Shared, 64)
    }

    /// As [`Projection::shared`] with answers that are opened, of plaintexts modulo
    /// 2^`plaintext_bits`, 64 to 96 (smaller leaves more room: at 92 bits 300,000 binned rows can
    /// be opened).
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] for no rows or other plaintext sizes.
    pub fn opened(
        ring: &Ring,
        seed: [u8; 32],
        rows: usize,
        plaintext_bits: u32,
    ) -> Result<Self, LatticeError> {
        Self::new(ring, seed, rows, Purpose::Opened, plaintext_bits)
    }

    fn new(
        ring: &Ring,
        seed: [u8; 32],
        rows: usize,
        purpose: Purpose,
        plaintext_bits: u32,
    ) -> Result<Self, LatticeError> {
        if rows == 0 || u32::try_from(rows).is_err() {
            return Err(invalid(format!("a projection has 1 to 2^32 - 1 rows, not {rows}")));
        }
        if !(64..=96).contains(&plaintext_bits) {
            return Err(invalid(format!("plaintexts have 64 to 96 bits, not {plaintext_bits}")));
        }
        let chunks = rows.div_ceil(ring.degree());
        let element = |index| ring.public(&seed, "lattice/projection public", index);
        let public_extra = element(0);
        let public = (1..=chunks as u64).into_par_iter().map(element).collect();
        Ok(Self {
            ring: ring.clone(),
            rows,
            purpose,
            scale: PowerScale::new(ring, plaintext_bits),
            fractions: Fractions::new(ring),
            public,
            public_extra,
        })
    }

    /// The ring.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// n, the length of vectors and columns.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// log2 t.
    pub fn plaintext_bits(&self) -> u32 {
        self.scale.bits()
    }

    /// Encrypts a vector, one number per row, under a fresh secret.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if the length is not the number of rows or a number does not
    /// fit into the plaintext modulus.
    pub fn encrypt<P: Plaintext>(
        &self,
        values: &[P],
        rng: &mut Generator,
    ) -> Result<(QueryKey, EncryptedVector), LatticeError> {
        if values.len() != self.rows {
            let count = values.len();
            return Err(invalid(format!("{count} values for {} rows", self.rows)));
        }
        if !values.iter().all(|value| value.fits(self.scale.bits())) {
            let bits = self.scale.bits();
            return Err(invalid(format!("a value does not fit into {bits} bits")));
        }
        let degree = self.ring.degree();
        let secret = Ternary::random(degree, rng);
        let transformed = Zeroizing::new(self.ring.forward(secret.to_poly(&self.ring)));
        let mut extra = self.ring.zero();
        self.encrypt_chunk::<P>(&transformed, &self.public_extra, &[], rng, &mut extra);
        let rngs: Vec<Generator> = self.public.iter().map(|_| rng.child()).collect();
        let mut words = vec![0; self.rows * self.ring.primes()];
        words
            .par_chunks_mut(self.ring.poly_words())
            .zip(values.par_chunks(degree))
            .zip(self.public.par_iter().zip(rngs))
            .for_each_init(
                || self.ring.zero(),
                |poly, ((words, values), (public, mut rng))| {
                    self.encrypt_chunk(&transformed, public, values, &mut rng, poly);
                    let residues = poly.words.chunks_exact(degree);
                    for (words, residues) in words.chunks_exact_mut(values.len()).zip(residues) {
                        words.copy_from_slice(&residues[..values.len()]);
                    }
                },
            );
        let extra = Element::new(self, extra);
        let encrypted = EncryptedVector { degree, rows: self.rows, words, extra };
        Ok((QueryKey { reversed: secret.reversed() }, encrypted))
    }

    /// Refuses what this projection was not made for.
    fn check_purpose(&self, purpose: Purpose) -> Result<(), LatticeError> {
        if self.purpose == purpose {
            return Ok(());
        }
        Err(invalid("a projection is made for shared answers or for opened ones, not for both"))
    }

    /// Writes `a·s + e + round(Q·values/t)`, with errors on every coefficient, into `poly`.
    fn encrypt_chunk<P: Plaintext>(
        &self,
        secret: &SecretPoly,
        public: &TransformedPoly,
        values: &[P],
        rng: &mut Generator,
        poly: &mut CoefficientPoly,
    ) {
        let ring = &self.ring;
        let mut product = TransformedPoly { words: std::mem::take(&mut poly.words) };
        product.words.copy_from_slice(&public.words);
        ring.multiply(&mut product, secret);
        *poly = ring.inverse(product);
        add_errors(ring, poly, rng);
        let residues = values.iter().map(|value| value.residue(self.scale.bits()));
        self.scale.add(ring, poly, residues, rng);
    }
}

/// A number that can be encrypted: it fixes how numbers are read modulo 2^bits.
pub trait Plaintext: Copy + Send + Sync {
    /// Whether the number is in range for a plaintext modulus of 2^`bits`.
    fn fits(self, bits: u32) -> bool;
    /// The number modulo 2^`bits`.
    fn residue(self, bits: u32) -> u128;
}

impl Plaintext for u64 {
    fn fits(self, bits: u32) -> bool {
        bits >= 64
    }

    fn residue(self, _bits: u32) -> u128 {
        u128::from(self)
    }
}

impl Plaintext for i128 {
    fn fits(self, bits: u32) -> bool {
        // Shifted up and down again, a number stays itself only if its sign fills the top.
        self << (128 - bits) >> (128 - bits) == self
    }

    fn residue(self, bits: u32) -> u128 {
        self as u128 & ((1 << bits) - 1)
    }
}
