//! Answers that are shared: masking them, and reading them.

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::messages::Numbers;
use super::{Answers, EncryptedVector, Evaluator, Hint, Projection, Purpose, QueryKey};
use crate::lattice::fraction::{Cut, FractionPoly};
use crate::lattice::noise::check_shared;
use crate::lattice::scale::round_to_bits;
use crate::lattice::{LatticeError, invalid};
use crate::random::Generator;

/// Outputs whose secrets or hints are worked on together, so that a query's words stay in cache.
pub(super) const GROUP_OUTPUTS: usize = 16;

impl Evaluator<'_> {
    /// Answers a query in shared form: the answers to send, and the evaluator's own shares modulo
    /// 2^64.
    ///
    /// # Errors
    ///
    /// [`LatticeError::NoiseBudget`] if the columns are too large for the mask to hide the noise,
    /// [`LatticeError::InvalidInput`] if the projection is for opened answers.
    pub fn answer_shared(
        &self,
        query: &EncryptedVector,
        rng: &mut Generator,
    ) -> Result<(Answers, Vec<u64>), LatticeError> {
        let answers = self.answer_shared_batch(core::slice::from_ref(query), rng)?;
        answers.into_iter().next().ok_or_else(|| invalid("a batch without queries"))
    }

    /// Answers many queries in shared form in one pass over the columns.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::answer_shared`].
    pub fn answer_shared_batch(
        &self,
        queries: &[EncryptedVector],
        rng: &mut Generator,
    ) -> Result<Vec<(Answers, Vec<u64>)>, LatticeError> {
        self.projection.check_purpose(Purpose::Shared)?;
        check_shared(&self.projection.ring, self.noise_bits, 64.0)?;
        let fractions = self.unmasked_fractions(queries)?;
        let mut masked = vec![Vec::with_capacity(self.outputs()); queries.len()];
        let mut shares = vec![Vec::with_capacity(self.outputs()); queries.len()];
        let mut mask = Zeroizing::new([0; 2]);
        for output in fractions.chunks_exact(queries.len().max(1)) {
            for ((masked, shares), fraction) in masked.iter_mut().zip(&mut shares).zip(output) {
                rng.fill_words(&mut *mask);
                let mask = u128::from(mask[0]) << 64 | u128::from(mask[1]);
                masked.push(Cut::Long.of(fraction.wrapping_add(mask)));
                shares.push((round_to_bits(mask, 64) as u64).wrapping_neg());
            }
        }
        let answers = masked.into_iter().map(|masked| Answers(Numbers::Fractions(masked)));
        Ok(answers.zip(shares).collect())
    }

    /// `(Σ_i x_ij·b_i + const(u_j·b_x))/Q` of every output and query, as fractions of 128 bits.
    fn unmasked_fractions(
        &self,
        queries: &[EncryptedVector],
    ) -> Result<Zeroizing<Vec<u128>>, LatticeError> {
        let (ring, width) = (&self.projection.ring, queries.len());
        let mut fractions = Zeroizing::new(vec![0; self.outputs() * width]);
        if width == 0 {
            return Ok(fractions);
        }
        let extras = queries.iter().map(|query| query.extra.fractions());
        let extras: Vec<&FractionPoly> =
            extras.collect::<Option<_>>().ok_or_else(|| invalid("a query for opened answers"))?;
        let words = ring.primes();
        let sums = Zeroizing::new(self.sums(queries));
        fractions
            .par_chunks_mut(GROUP_OUTPUTS * width)
            .zip(sums.par_chunks(GROUP_OUTPUTS * width * words))
            .zip(self.secrets.par_chunks(GROUP_OUTPUTS))
            .for_each(|((fractions, sums), secrets)| {
                for (query, extra) in extras.iter().enumerate() {
                    for (output, secret) in secrets.iter().enumerate() {
                        let place = output * width + query;
                        let residues = sums[place * words..][..words].iter().copied();
                        let sum = self.projection.fractions.of(residues);
                        fractions[place] = sum.wrapping_add(extra.dot(ring, secret));
                    }
                }
            });
        Ok(fractions)
    }
}

impl Projection {
    /// The key holder's shares modulo 2^64: with the evaluator's they add up to the sums.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if the numbers of hints and answers differ, or the projection
    /// is for opened answers.
    pub fn decrypt_shared(
        &self,
        key: &QueryKey,
        hints: &[Hint],
        answers: &Answers,
    ) -> Result<Vec<u64>, LatticeError> {
        let shares = self.decrypt_shared_batch(&[(key, answers)], hints)?;
        shares.into_iter().next().ok_or_else(|| invalid("a batch without queries"))
    }

    /// The key holder's shares of many queries in one pass over the hints, the larger part.
    ///
    /// # Errors
    ///
    /// As [`Projection::decrypt_shared`].
    pub fn decrypt_shared_batch(
        &self,
        queries: &[(&QueryKey, &Answers)],
        hints: &[Hint],
    ) -> Result<Vec<Vec<u64>>, LatticeError> {
        self.check_purpose(Purpose::Shared)?;
        let answers = queries.iter().map(|(_, answers)| answers.fractions(hints.len()));
        let answers: Vec<&[u128]> = answers.collect::<Result<_, _>>()?;
        let hints = hints.iter().map(|hint| hint.element.fractions());
        let hints: Vec<&FractionPoly> =
            hints.collect::<Option<_>>().ok_or_else(|| invalid("a hint for opened answers"))?;
        let shares = |(output, hint): (usize, &&FractionPoly)| {
            let share = |((key, _), answers): (&(&QueryKey, &Answers), &&[u128])| {
                let term = hint.dot(&self.ring, &key.reversed);
                round_to_bits(Cut::Long.middle(answers[output]).wrapping_sub(term), 64) as u64
            };
            queries.iter().zip(&answers).map(share).collect::<Vec<u64>>()
        };
        let by_output: Vec<Vec<u64>> = hints.par_iter().enumerate().map(shares).collect();
        let of_query = |query: usize| by_output.iter().map(|shares| shares[query]).collect();
        Ok((0..queries.len()).map(of_query).collect())
    }
}
