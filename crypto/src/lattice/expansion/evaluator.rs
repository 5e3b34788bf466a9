//! The evaluator: columns, hints of chunks, and answers.

use core::ops::Range;

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::{Answers, EncryptedWeights, Expansion, SentHint};
use crate::hash;
use crate::lattice::columns::check_columns;
use crate::lattice::fraction::{FractionPoly, rounding_variance};
use crate::lattice::noise::{FRESH_VARIANCE, bound_bits, check_shared, hint_variance};
use crate::lattice::ring::{Accumulator, SecretPoly, TransformedPoly, reject};
use crate::lattice::sample::{Ternary, add_errors};
use crate::lattice::scale::round_to_bits;
use crate::lattice::{LatticeError, invalid};
use crate::random::Generator;

/// The side that owns the columns.
pub struct Evaluator<'a> {
    expansion: &'a Expansion,
    columns: Vec<&'a [i32]>,
    /// Tiles of the first chunks in transformed form, as many chunks as fit the memory budget.
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
        let chunk_bytes = expansion.tiles() * expansion.ring.poly_words() * size_of::<u64>();
        let chunks = expansion.chunks().min(cache_bytes / chunk_bytes);
        let transformed = |chunk| {
            let ring = &expansion.ring;
            let mut entries = Zeroizing::new(vec![0_i32; ring.degree()]);
            let mut tile = |tile| {
                evaluator.fill(tile, chunk, &mut entries);
                Zeroizing::new(ring.forward(ring.small(&entries)))
            };
            (0..expansion.tiles()).map(&mut tile).collect()
        };
        evaluator.cached = (0..chunks).into_par_iter().map(transformed).collect();
        Ok(evaluator)
    }

    /// Writes `x_kc` into N `entries`: column j of the tile begins at coefficient -jh, and
    /// X^-jh = -X^(N - jh).
    fn fill(&self, tile: usize, chunk: usize, entries: &mut [i32]) {
        let (width, height) = (self.expansion.tile, self.expansion.height());
        let rows = self.expansion.chunk_rows(chunk);
        entries.fill(0);
        let columns = &self.columns[tile * width..self.columns.len().min((tile + 1) * width)];
        for (index, column) in columns.iter().enumerate() {
            let column = &column[rows.clone()];
            if index == 0 {
                entries[..column.len()].copy_from_slice(column);
            } else {
                let start = entries.len() - index * height;
                for (entry, value) in entries[start..].iter_mut().zip(column) {
                    *entry = -value;
                }
            }
        }
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

    /// `Σ_k x_kc·elements_k + u_c·extra`.
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
            let pairs: Vec<_> = cached.iter().map(|tile| &**tile).zip(elements).collect();
            sum.add(ring, &pairs);
        } else {
            let mut entries = Zeroizing::new(vec![0; ring.degree()]);
            let mut scratch = Zeroizing::new(vec![0; ring.degree()]);
            for (tile, element) in elements.iter().enumerate() {
                self.fill(tile, chunk, &mut entries);
                sum.add_small(ring, &entries, element, &mut scratch);
            }
        }
        sum.finish(ring)
    }

    /// The hints of some chunks, in order; the same chunk always gives the same hint.
    ///
    /// # Panics
    ///
    /// If the range goes beyond [`Expansion::chunks`].
    pub fn hints(&self, chunks: Range<usize>) -> Vec<SentHint> {
        assert!(chunks.end <= self.expansion.chunks(), "the last chunk is {chunks:?}");
        let ring = &self.expansion.ring;
        let hint = |chunk| {
            let (secret, mut rng) = self.secret(chunk);
            let sum =
                self.combine(chunk, &secret, &self.expansion.public, &self.expansion.public_extra);
            let mut poly = ring.inverse(sum);
            add_errors(ring, &mut poly, &mut rng);
            SentHint { poly: FractionPoly::of(ring, &self.expansion.fractions, &poly) }
        };
        chunks.into_par_iter().map(hint).collect()
    }

    /// Answers a query for some chunks: the answers to send, and the evaluator's own shares modulo
    /// 2^64, one per row.
    ///
    /// # Panics
    ///
    /// If the range goes beyond [`Expansion::chunks`].
    pub fn answer(
        &self,
        query: &EncryptedWeights,
        chunks: Range<usize>,
        rng: &mut Generator,
    ) -> (Answers, Vec<u64>) {
        assert!(chunks.end <= self.expansion.chunks(), "the last chunk is {chunks:?}");
        let rngs: Vec<Generator> = chunks.clone().map(|_| rng.child()).collect();
        let answer = |(chunk, mut rng): (usize, Generator)| self.chunk(chunk, query, &mut rng);
        let answers: Vec<(Vec<u128>, Vec<u64>)> =
            chunks.clone().into_par_iter().zip(rngs).map(answer).collect();
        let mut shares = Vec::with_capacity(self.expansion.rows_of(&chunks));
        let mut fractions = Vec::with_capacity(shares.capacity());
        for (answer, own) in answers {
            fractions.extend(answer);
            shares.extend(own);
        }
        (Answers { chunks, cut: self.expansion.cut, fractions }, shares)
    }

    /// The masked rows of one chunk, and the shares that go with them.
    fn chunk(
        &self,
        chunk: usize,
        query: &EncryptedWeights,
        rng: &mut Generator,
    ) -> (Vec<u128>, Vec<u64>) {
        let ring = &self.expansion.ring;
        let fractions = &self.expansion.fractions;
        let (secret, _) = self.secret(chunk);
        let sum = self.combine(chunk, &secret, &query.polys, &query.extra);
        let poly = Zeroizing::new(ring.inverse(sum));
        let rows = self.expansion.chunk_rows(chunk).len();
        let mut mask = Zeroizing::new(vec![0; rows * ring.primes()]);
        rng.fill_words(&mut mask);
        for (modulus, words) in ring.moduli().zip(mask.chunks_exact_mut(rows)) {
            reject(words, modulus, rng);
        }
        let answer = |row: usize| {
            let words = poly.words[row..].iter().step_by(ring.degree());
            let masks = mask[row..].iter().step_by(rows);
            let residues = ring.moduli().zip(words.zip(masks));
            let masked = residues.map(|(modulus, (word, mask))| modulus.add(*word, *mask));
            self.expansion.cut.of(fractions.of(masked))
        };
        let share = |row: usize| {
            let fraction = fractions.of(mask[row..].iter().step_by(rows).copied());
            (round_to_bits(fraction, 64) as u64).wrapping_neg()
        };
        ((0..rows).map(answer).collect(), (0..rows).map(share).collect())
    }
}

/// The coefficients of `Σ_k x_kc·e_k` have the proxy `Σ_k ‖x_kc‖²` times that of an error.
fn check_noise(expansion: &Expansion, columns: &[&[i32]]) -> Result<(), LatticeError> {
    let square = |chunk: usize| {
        let rows = expansion.chunk_rows(chunk);
        let weights = columns.iter().flat_map(|column| &column[rows.clone()]);
        weights.map(|weight| f64::from(*weight).powi(2)).sum()
    };
    let squares: Vec<f64> = (0..expansion.chunks()).into_par_iter().map(square).collect();
    let largest = squares.into_iter().fold(0.0, f64::max);
    let rounding = rounding_variance(&expansion.ring);
    let variance = FRESH_VARIANCE * largest + hint_variance(&expansion.ring) + rounding;
    check_shared(&expansion.ring, bound_bits(variance), 64.0)
}

impl core::fmt::Debug for Evaluator<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Evaluator").finish_non_exhaustive()
    }
}
