//! The evaluator: columns, hints of chunks, and answers.

use core::ops::Range;

use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use super::{Answers, EncryptedWeights, Expansion, Hint};
use crate::hash;
use crate::lattice::columns::check_columns;
use crate::lattice::noise::{FRESH_VARIANCE, bound_bits, check_shared, hint_variance};
use crate::lattice::ring::{Accumulator, SecretPoly, TransformedPoly};
use crate::lattice::sample::{Ternary, add_errors};
use crate::lattice::scale::round_to_bits;
use crate::lattice::{LatticeError, invalid};
use crate::random::Generator;

/// The side that owns the columns.
pub struct Evaluator<'a> {
    expansion: &'a Expansion,
    columns: Vec<&'a [i32]>,
    /// Columns of the first chunks in transformed form, as many chunks as fit the memory budget.
    cached: Vec<Vec<SecretPoly>>,
    /// Every hint's secret and error come from this, one stream per chunk.
    seed: Zeroizing<[u8; 32]>,
}

impl<'a> Evaluator<'a> {
    /// Prepares columns of integers, of magnitude below 2^20 ([`crate::lattice::INTEGER_BITS`]).
    ///
    /// Up to `cache_bytes` are spent on transformed columns (24 bytes per row and column); what
    /// does not fit is transformed again for every answer.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if number or length of columns are not those of the
    /// expansion or a number is too large; [`LatticeError::NoiseBudget`] if the columns together
    /// are too large for the mask to hide the noise.
    pub fn new(
        expansion: &'a Expansion,
        columns: Vec<&'a [i32]>,
        cache_bytes: usize,
        rng: &mut Generator,
    ) -> Result<Self, LatticeError> {
        if columns.len() != expansion.columns {
            let count = columns.len();
            return Err(invalid(format!("{count} columns for {}", expansion.columns)));
        }
        check_columns(&columns, expansion.rows)?;
        check_noise(expansion, &columns)?;
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        let mut evaluator = Self { expansion, columns, cached: Vec::new(), seed };
        let chunk_bytes = expansion.columns * expansion.ring.poly_words() * size_of::<u64>();
        let chunks = expansion.chunks().min(cache_bytes / chunk_bytes);
        let transformed = |chunk| {
            let column = |column| evaluator.transformed(column, chunk);
            (0..expansion.columns).map(column).collect()
        };
        evaluator.cached = (0..chunks).into_par_iter().map(transformed).collect();
        Ok(evaluator)
    }

    /// `x_jc` in transformed form.
    fn transformed(&self, column: usize, chunk: usize) -> SecretPoly {
        let ring = &self.expansion.ring;
        let rows = self.expansion.chunk_rows(chunk);
        Zeroizing::new(ring.forward(ring.small(&self.columns[column][rows])))
    }

    /// `u_c`, and the generator that goes on to `e_c`.
    fn secret(&self, chunk: usize) -> (SecretPoly, Generator) {
        let ring = &self.expansion.ring;
        let index = (chunk as u64).to_le_bytes();
        let seed = hash::digest("lattice/expansion hint", &[&*self.seed, &index]);
        let mut rng = Generator::from_seed(seed);
        let secret = Ternary::random(ring.degree(), &mut rng).to_poly(ring);
        (Zeroizing::new(ring.forward(secret)), rng)
    }

    /// `Σ_j x_jc·elements_j + u_c·extra`.
    fn combine(
        &self,
        chunk: usize,
        secret: &SecretPoly,
        elements: &[TransformedPoly],
        extra: &TransformedPoly,
    ) -> TransformedPoly {
        let ring = &self.expansion.ring;
        let mut sum = Accumulator::new(ring);
        sum.add(ring, &[(secret, extra)]);
        if let Some(cached) = self.cached.get(chunk) {
            let pairs: Vec<_> = cached.iter().map(|column| &**column).zip(elements).collect();
            sum.add(ring, &pairs);
        } else {
            let mut factor = ring.forward(ring.zero());
            for (column, element) in self.columns.iter().zip(elements) {
                let rows = self.expansion.chunk_rows(chunk);
                factor = ring.forward(ring.refilled(factor, &column[rows]));
                sum.add(ring, &[(&factor, element)]);
            }
            factor.zeroize();
        }
        sum.finish(ring)
    }

    /// The hints of some chunks, in order; the same chunk always gives the same hint.
    ///
    /// # Panics
    ///
    /// If the range goes beyond [`Expansion::chunks`].
    pub fn hints(&self, chunks: Range<usize>) -> Vec<Hint> {
        assert!(chunks.end <= self.expansion.chunks(), "the last chunk is {chunks:?}");
        let ring = &self.expansion.ring;
        let hint = |chunk| {
            let (secret, mut rng) = self.secret(chunk);
            let mut poly =
                self.combine(chunk, &secret, &self.expansion.public, &self.expansion.public_extra);
            let mut errors = ring.zero();
            add_errors(ring, &mut errors, &mut rng);
            let errors = Zeroizing::new(ring.forward(errors));
            ring.add(&mut poly.words, &errors.words);
            Hint { poly }
        };
        chunks.into_par_iter().map(hint).collect()
    }

    /// Answers a query: the answers to send, and the evaluator's own shares modulo 2^64, one per
    /// row.
    pub fn answer(&self, query: &EncryptedWeights, rng: &mut Generator) -> (Answers, Vec<u64>) {
        let rngs: Vec<Generator> = (0..self.expansion.chunks()).map(|_| rng.child()).collect();
        let answer = |(chunk, mut rng): (usize, Generator)| self.chunk(chunk, query, &mut rng);
        let answers: Vec<(Vec<u64>, Vec<u64>)> =
            rngs.into_par_iter().enumerate().map(answer).collect();
        let mut shares = Vec::with_capacity(self.expansion.rows);
        let mut chunks = Vec::with_capacity(answers.len());
        for (answer, own) in answers {
            chunks.push(answer);
            shares.extend(own);
        }
        (Answers { chunks }, shares)
    }

    /// The masked rows of one chunk, and the shares that go with them.
    fn chunk(
        &self,
        chunk: usize,
        query: &EncryptedWeights,
        rng: &mut Generator,
    ) -> (Vec<u64>, Vec<u64>) {
        let ring = &self.expansion.ring;
        let (secret, _) = self.secret(chunk);
        let sum = self.combine(chunk, &secret, &query.polys, &query.extra);
        let poly = Zeroizing::new(ring.inverse(sum));
        let mask = Zeroizing::new(ring.uniform(rng));
        let rows = self.expansion.chunk_rows(chunk).len();
        let mut answer = Vec::with_capacity(rows * ring.primes());
        let words = poly.words.chunks_exact(ring.degree()).zip(mask.chunks_exact(ring.degree()));
        for (modulus, (words, mask)) in ring.moduli().zip(words) {
            let masked = words.iter().zip(mask).map(|(word, mask)| modulus.add(*word, *mask));
            answer.extend(masked.take(rows));
        }
        let share = |row| {
            let fraction = self.expansion.fractions.of_coefficient(&mask, row);
            (round_to_bits(fraction, 64) as u64).wrapping_neg()
        };
        (answer, (0..rows).map(share).collect())
    }
}

/// The coefficients of `Σ_j x_jc·e_j` have the proxy `Σ_j ‖x_jc‖²` times that of an error.
fn check_noise(expansion: &Expansion, columns: &[&[i32]]) -> Result<(), LatticeError> {
    let square = |chunk: usize| {
        let rows = expansion.chunk_rows(chunk);
        let weights = columns.iter().flat_map(|column| &column[rows.clone()]);
        weights.map(|weight| f64::from(*weight).powi(2)).sum()
    };
    let squares: Vec<f64> = (0..expansion.chunks()).into_par_iter().map(square).collect();
    let largest = squares.into_iter().fold(0.0, f64::max);
    let variance = FRESH_VARIANCE * largest + hint_variance(&expansion.ring);
    check_shared(&expansion.ring, bound_bits(variance), 64.0)
}

impl core::fmt::Debug for Evaluator<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Evaluator").finish_non_exhaustive()
    }
}
