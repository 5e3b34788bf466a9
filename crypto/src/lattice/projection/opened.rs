//! Answers that are opened to the key holder: flooding them, and reading them.

use rayon::prelude::*;
use zeroize::Zeroizing;

use super::answer::GROUP_OUTPUTS;
use super::messages::Numbers;
use super::{Answers, EncryptedVector, Evaluator, Hint, Projection, Purpose, QueryKey};
use crate::lattice::noise::{check_opened, flood_bits};
use crate::lattice::scale::round_to_bits;
use crate::lattice::{LatticeError, invalid};
use crate::random::Generator;

impl Evaluator<'_> {
    /// Answers a query in opened form: the key holder gets the sums and nothing else.
    ///
    /// # Errors
    ///
    /// [`LatticeError::NoiseBudget`] if the columns are too large for the flood to hide the noise.
    pub fn answer_opened(
        &self,
        query: &EncryptedVector,
        rng: &mut Generator,
    ) -> Result<Answers, LatticeError> {
        let answers = self.answer_opened_batch(core::slice::from_ref(query), rng)?;
        answers.into_iter().next().ok_or_else(|| invalid("a batch without queries"))
    }

    /// Answers many queries in opened form in one pass over the columns.
    ///
    /// # Errors
    ///
    /// As [`Evaluator::answer_opened`].
    pub fn answer_opened_batch(
        &self,
        queries: &[EncryptedVector],
        rng: &mut Generator,
    ) -> Result<Vec<Answers>, LatticeError> {
        self.projection.check_purpose(Purpose::Opened)?;
        let ring = &self.projection.ring;
        let bits = self.projection.plaintext_bits();
        check_opened(ring, self.noise_bits, bits)?;
        let words = Zeroizing::new(self.unmasked(queries)?);
        let flood_bits = flood_bits(ring, bits);
        let mut answers = vec![Vec::new(); queries.len()];
        for output in words.chunks_exact((queries.len() * ring.primes()).max(1)) {
            for (answer, words) in answers.iter_mut().zip(output.chunks_exact(ring.primes())) {
                let flood = flood(flood_bits, rng);
                for (modulus, word) in ring.moduli().zip(words) {
                    answer.push(modulus.add(*word, modulus.reduce_signed(flood)));
                }
            }
        }
        Ok(answers.into_iter().map(|words| Answers(Numbers::Residues(words))).collect())
    }

    /// `Σ_i x_ij·b_i + const(u_j·b_x)` of every output, query and prime.
    fn unmasked(&self, queries: &[EncryptedVector]) -> Result<Vec<u64>, LatticeError> {
        let ring = &self.projection.ring;
        let width = queries.len() * ring.primes();
        if width == 0 {
            return Ok(Vec::new());
        }
        let extras = queries.iter().map(|query| query.extra.residues());
        let extras: Vec<&[u64]> =
            extras.collect::<Option<_>>().ok_or_else(|| invalid("a query for shared answers"))?;
        let mut sums = self.sums(queries);
        sums.par_chunks_mut(GROUP_OUTPUTS * width)
            .zip(self.secrets.par_chunks(GROUP_OUTPUTS))
            .for_each(|(sums, secrets)| {
                for (index, extra) in extras.iter().enumerate() {
                    for (sums, secret) in sums.chunks_exact_mut(width).zip(secrets) {
                        let sums = &mut sums[index * ring.primes()..];
                        let moduli = ring.moduli().zip(secret.dot(ring, extra));
                        for (sum, (modulus, term)) in sums.iter_mut().zip(moduli) {
                            *sum = modulus.add(*sum, term);
                        }
                    }
                }
            });
        Ok(sums)
    }
}

/// A number uniform in -2^bits..2^bits.
fn flood(bits: u32, rng: &mut Generator) -> i128 {
    let random = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    (random >> (127 - bits)) as i128 - (1 << bits)
}

/// What the hints add to the answers to some queries, `const(hint_j·s)` of every output, query and
/// prime; as secret as the keys, wiped when dropped.
pub struct Openings {
    terms: Zeroizing<Vec<u64>>,
    queries: usize,
    outputs: usize,
}

impl core::fmt::Debug for Openings {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { queries, outputs, .. } = self;
        write!(formatter, "Openings of {outputs} outputs of {queries} queries")
    }
}

impl Projection {
    /// The opened sums, read as signed numbers below 2^(bits - 1) in magnitude.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if the numbers of hints and answers differ.
    pub fn decrypt_opened(
        &self,
        key: &QueryKey,
        hints: &[Hint],
        answers: &Answers,
    ) -> Result<Vec<i128>, LatticeError> {
        let sums = self.decrypt_opened_batch(&[(key, answers)], hints)?;
        sums.into_iter().next().ok_or_else(|| invalid("a batch without queries"))
    }

    /// The opened sums of many queries in one pass over the hints, which are the larger part.
    ///
    /// # Errors
    ///
    /// As [`Projection::decrypt_opened`].
    pub fn decrypt_opened_batch(
        &self,
        queries: &[(&QueryKey, &Answers)],
        hints: &[Hint],
    ) -> Result<Vec<Vec<i128>>, LatticeError> {
        let (keys, answers): (Vec<&QueryKey>, Vec<&Answers>) = queries.iter().copied().unzip();
        self.open(&self.openings(&keys, hints)?, &answers)
    }

    /// Takes the hints off in advance: nearly all of the work of opening the answers to queries
    /// under these keys, to be done while the evaluator is at work on them.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] for hints of shared answers.
    pub fn openings(&self, keys: &[&QueryKey], hints: &[Hint]) -> Result<Openings, LatticeError> {
        let (queries, outputs) = (keys.len(), hints.len());
        let hints = hints.iter().map(|hint| hint.element.residues());
        let hints: Vec<&[u64]> =
            hints.collect::<Option<_>>().ok_or_else(|| invalid("a hint for shared answers"))?;
        let terms = |hint: &&[u64]| {
            let mut terms = Vec::with_capacity(queries * self.ring.primes());
            for key in keys {
                terms.extend(key.reversed.dot(&self.ring, hint));
            }
            terms
        };
        let terms = Zeroizing::new(hints.par_iter().flat_map_iter(terms).collect());
        Ok(Openings { terms, queries, outputs })
    }

    /// The opened sums of the answers to the queries that `openings` are of, in their order, read
    /// as signed numbers below 2^(bits - 1) in magnitude.
    ///
    /// # Errors
    ///
    /// [`LatticeError::InvalidInput`] if the numbers of queries or outputs differ.
    pub fn open(
        &self,
        openings: &Openings,
        answers: &[&Answers],
    ) -> Result<Vec<Vec<i128>>, LatticeError> {
        let bits = self.plaintext_bits();
        let fractions = self.fractions(openings, answers)?;
        let mut sums = vec![Vec::with_capacity(openings.outputs); answers.len()];
        for output in fractions.chunks_exact(answers.len().max(1)) {
            for (sums, fraction) in sums.iter_mut().zip(output) {
                let sum = round_to_bits(*fraction, bits) << (128 - bits);
                sums.push((sum as i128) >> (128 - bits));
            }
        }
        Ok(sums)
    }

    /// `(answer_j - const(hint_j·s))/Q` of every output and query.
    fn fractions(
        &self,
        openings: &Openings,
        answers: &[&Answers],
    ) -> Result<Vec<u128>, LatticeError> {
        let primes = self.ring.primes();
        let Openings { terms, queries, outputs } = openings;
        if answers.len() != *queries {
            return Err(invalid(format!("answers to {} of {queries} queries", answers.len())));
        }
        let answers = answers.iter().map(|answers| answers.residues(*outputs, primes));
        let answers: Vec<&[u64]> = answers.collect::<Result<_, _>>()?;
        let fraction = |(index, terms): (usize, &[u64])| {
            let (output, query) = (index / queries, index % queries);
            let answer = &answers[query][output * primes..(output + 1) * primes];
            let residues = self.ring.moduli().zip(answer).zip(terms);
            self.fractions
                .of(residues.map(|((modulus, word), term)| modulus.subtract(*word, *term)))
        };
        Ok(terms.par_chunks_exact(primes).enumerate().map(fraction).collect())
    }
}
