//! The logistic function on shares among several parties.
//!
//! # Functionality
//! The parties hold shares of scores `z_i` in units of [`SCORE_UNIT`]; the first party knows a
//! factor `s_i` for each row. All get shares of `s_i/(1 + exp(-z_i))` for |z| up to 1.6 million,
//! with an error of which at most 1.7e-4·max(`s_i`, 1) is a function of `z_i`, and the rest is
//! rounding of expectation 0, since parties round their waves at random, and of the deviation that
//! [`deviation`] states: 5e-5 with three parties, 2.4e-3 with five.
//! # Messages
//! 1. `public_key`, once, from each key holder to who will multiply under its key
//! 2. `waves`, from each party from the third on, one after the other, to all before it but the
//!    first: sines and cosines of the odd multiples of its share, encrypted; `turned` back: the
//!    running product of waves times these, masked
//! 3. `harmonics` from the first party to all others, likewise, with the series' coefficients and
//!    the factors in them; `products` back: what the series sums up to, masked
//! 4. lifting, comparison and selection, see the blocks
//! # Leaks
//! Nothing but the number of rows.
//! # Security
//! Semi-honest, from ring-LWE between each two parties and the blocks. The running product is
//! shared modulo the slots' prime among the parties whose waves are in it; a share of it is
//! multiplied by the waves of the next party by these two alone, and both get fresh random shares.
//! # Cost
//! Between a party from the third on and each before it but the first, for each row in whole 8192:
//! 375 bytes of waves, 750 turned. From the first party to each other 375, and 37.5 back. With
//! three parties lifting takes 19 ANDs of bits, saturation 108, and there are two bits to words and
//! two selections, see `several`.
//! # Reference
//! The exponential of a sum of angles is the product of theirs, on local shares, as two parties do
//! it in [`crate::sigmoid`], which says where it comes from. Series: period 50, ten odd harmonics,
//! minimax on a quarter of the period, largest error 1.6e-4.

mod saturation;
mod vectors;

use std::ops::Range;

use crypto::lattice::slots::{PublicKey, SecretKey, SlotRing};
use crypto::lattice::{Parameters, Ring};
use crypto::random::Generator;

use super::Parties;
use super::chain::{Chain, Exchange, Vectors};
use super::words::{Holders, accumulate, lift, select, times_bits};
use crate::MpcError;
pub use crate::sigmoid::{ROW_SCALE_MAX, SCORE_UNIT};
use saturation::saturation;
pub use vectors::deviation;
pub(super) use vectors::dither;
use vectors::{PRIME, PRODUCT_BITS, VECTORS};

/// Fractional bits that may be asked for.
pub const FRACTION_BITS_MAX: u32 = 38;
/// Ring elements of rows that are worked on at once, which bounds memory.
const GROUP: usize = 4;
/// The state of one party: ring tables and keys.
pub struct Sigmoid {
    slots: SlotRing,
    chain: Chain,
}

/// Waves that travel, and what is made of them.
struct Steps {
    query: &'static str,
    answer: &'static str,
    /// Vectors of an answer for each chunk.
    answers: usize,
}

/// The running product is turned by these waves.
const TURN: Steps = Steps { query: "waves", answer: "turned", answers: VECTORS };
/// It is turned by them and its sines are summed up.
const SUM_UP: Steps = Steps { query: "harmonics", answer: "products", answers: 1 };

impl Sigmoid {
    /// Makes keys and hands the public ones over.
    ///
    /// # Errors
    /// [`MpcError::Net`] when a peer fails or sends what is no key.
    #[net::boxed]
    pub async fn prepare(parties: &mut Parties) -> Result<Self, MpcError> {
        let slots = SlotRing::with_modulus(&Ring::new(Parameters::N8192_Q150), PRIME);
        let chain = Chain::prepare(parties, &slots).await?;
        Ok(Self { slots, chain })
    }

    /// Shares of `s_i·sigmoid(z_i)` with `fraction_bits` fractional bits (at most
    /// [`FRACTION_BITS_MAX`]).
    ///
    /// `scores` are shares in [`SCORE_UNIT`]; `row_scales` are the `s_i` (0 to [`ROW_SCALE_MAX`]),
    /// used by the first party only.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for factors or bits out of range, [`MpcError::Net`] when a peer
    /// fails.
    #[net::boxed]
    pub async fn evaluate(
        &self,
        parties: &mut Parties,
        scores: &[u64],
        row_scales: &[f64],
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        if fraction_bits > FRACTION_BITS_MAX {
            return Err(MpcError::InvalidInput(format!(
                "the sigmoid gives at most {FRACTION_BITS_MAX} fractional bits, not {fraction_bits}"
            )));
        }
        let first = parties.is_first();
        let valid = |scale: &f64| (0.0..=ROW_SCALE_MAX).contains(scale);
        if first && !(row_scales.len() == scores.len() && row_scales.iter().all(valid)) {
            return Err(MpcError::InvalidInput(format!(
                "the sigmoid needs a factor from 0 to {ROW_SCALE_MAX} for each row"
            )));
        }
        let group = GROUP * self.slots.slots();
        let mut results = Vec::with_capacity(scores.len());
        for start in (0..scores.len()).step_by(group) {
            let rows = start..scores.len().min(start + group);
            let scales = if first { &row_scales[rows.clone()] } else { &[] };
            results.extend(self.group(parties, &scores[rows], scales, fraction_bits).await?);
        }
        Ok(results)
    }

    async fn group(
        &self,
        parties: &mut Parties,
        scores: &[u64],
        scales: &[f64],
        fraction_bits: u32,
    ) -> Result<Vec<u64>, MpcError> {
        let series = self.series(parties, scores, scales).await?;
        let mut inside = lift(parties, &series, PRIME.into(), PRODUCT_BITS - fraction_bits).await?;
        let mut whole = vec![0; scores.len()];
        let unit = (1_u64 << fraction_bits) as f64;
        for ((whole, inside), scale) in whole.iter_mut().zip(&mut inside).zip(scales) {
            *whole = (scale * unit).round() as u64;
            *inside = inside.wrapping_add(*whole / 2);
        }
        // Beyond the series: s where z is large, 0 where -z is large.
        let [is_inside, is_high] = saturation(parties, scores).await?;
        let mut results = select(parties, &is_inside, &inside).await?;
        let high = times_bits(parties, &is_high, &whole, Holders::First).await?;
        accumulate(&mut results, &high);
        Ok(results)
    }

    /// Shares modulo the prime of what the series sums up to.
    async fn series(
        &self,
        parties: &mut Parties,
        scores: &[u64],
        scales: &[f64],
    ) -> Result<Vec<u64>, MpcError> {
        let (number, count) = (parties.number(), parties.count());
        let session = parties.session();
        let rng = session.rng();
        let waves = || self.own_waves(number, count, scores, scales, rng);
        let own = session.compute(waves).await;
        // What this party has of the running product.
        let mut running = if number == 1 { own.clone() } else { Vec::new() };
        for next in 2..count {
            if number == next {
                running = self.offer(parties, &own, &TURN, 1..next).await?;
            } else if (1..next).contains(&number) {
                running = self.answer(parties, next, &running, &TURN).await?;
            }
        }
        let sums = if number == 0 {
            self.offer(parties, &own, &SUM_UP, 1..count).await?
        } else {
            self.answer(parties, 0, &running, &SUM_UP).await?
        };
        let mut shares = sums.concat().concat();
        shares.truncate(scores.len());
        Ok(shares)
    }

    /// Sends encrypted waves to the parties at the places `to`; the sums of the shares of what
    /// comes back, for each chunk.
    async fn offer(
        &self,
        parties: &mut Parties,
        chunks: &[Vectors],
        steps: &'static Steps,
        to: Range<usize>,
    ) -> Result<Vec<Vectors>, MpcError> {
        let key = self.chain.secret()?;
        let session = parties.session();
        let rng = session.rng();
        let messages = session.compute(|| self.encrypt(key, chunks, rng)).await?;
        let decrypt = |key: &SecretKey, answer: &[u8]| self.decrypt(key, answer);
        let answers =
            self.chain.offer(parties, &self.exchange(steps), &messages, to, decrypt).await?;
        let add = |mut sums: Vec<Vectors>, terms: Vec<Vectors>| {
            for (sum, terms) in sums.iter_mut().flatten().zip(terms.iter().flatten()) {
                for (sum, term) in sum.iter_mut().zip(terms) {
                    *sum = self.slots.add(*sum, *term);
                }
            }
            sums
        };
        Ok(answers.into_iter().reduce(add).unwrap_or_default())
    }

    /// Multiplies the waves of the party at the place `from` by the own part of the running
    /// product; the own shares of what goes back, for each chunk.
    async fn answer(
        &self,
        parties: &mut Parties,
        from: usize,
        chunks: &[Vectors],
        steps: &'static Steps,
    ) -> Result<Vec<Vectors>, MpcError> {
        let multiply = |key: &PublicKey, query: &[u8], chunk: usize, rng: &mut Generator| {
            self.multiply(key, query, &chunks[chunk], steps, rng)
        };
        self.chain.answer(parties, &self.exchange(steps), from, chunks.len(), multiply).await
    }

    fn exchange(&self, steps: &Steps) -> Exchange {
        Exchange {
            query: steps.query,
            answer: steps.answer,
            query_bytes: VECTORS * self.slots.seeded_bytes(),
            answer_bytes: steps.answers * self.slots.masked_bytes(),
        }
    }
}

#[cfg(test)]
mod range_tests;
#[cfg(test)]
mod tests;
