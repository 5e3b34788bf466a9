//! The softmax on shares among several parties.
//!
//! # Functionality
//! That of [`crate::softmax`] for two parties, among n: for shares of a score `z_ik` of each class
//! k and a factor `s_i` of each row, which the first party knows or all know, shares of
//! `s_i·exp(z_ik)/Σ_j exp(z_ij)`. Of the error at most `(K + 3)·10⁻⁵·max(s_i, 1)` is a function of
//! the scores; the rest comes from the rounding of the exponentials, and its deviation is at most
//! √2 times the probability and the factor times what [`deviation`] states, which is 1.4e-5 with
//! three parties and 2.4e-3 with five.
//! # Messages
//! 1. those of [`exponential`](super::exponential) and [`product`](super::product), once: keys
//! 2. comparisons and selections between each two: about the largest score of each row
//! 3. the exponentials of the scores less this
//! 4. products: the reciprocal of their sum
//! 5. where factors are the first party's, products with them; then the probabilities
//! # Leaks
//! Nothing but the numbers of rows and classes, and whether factors are public.
//! # Security
//! Semi-honest, against any n - 1 parties together, as the blocks that it is made of.
//! # Cost
//! For each row and K classes what the blocks say: K exponentials, K - 1 comparisons of 27 bits and
//! as many selections, some ten products for the reciprocal, and K for the probabilities.
//! # Reference
//! See [`crate::softmax`]. There a comparison of coarse shares misses one step, here n - 1, so that
//! the score which is taken for the largest lies up to 0.025·n below it for each round.

use super::Parties;
pub use super::exponential::deviation;
use super::exponential::{Exponential, Range, Term};
use super::product::Products;
use super::words::{multiply_by, select};
use crate::boolean::Bits;
use crate::softmax::{Blocks, Engine, POWER_BITS};
pub use crate::softmax::{CLASSES_MAX, FACTOR_BITS, FRACTION_BITS_MAX, Factors};
use crate::{Arithmetic, MpcError};

/// The state of one party.
pub struct Softmax(Engine<Parties>);

impl Softmax {
    /// Makes keys and hands the public ones over.
    ///
    /// # Errors
    /// [`MpcError::Net`] when a peer fails or sends what is no key.
    #[net::boxed]
    pub async fn prepare(parties: &mut Parties) -> Result<Self, MpcError> {
        let exponential = Exponential::prepare(parties).await?;
        let products = Products::prepare(parties).await?;
        Ok(Self(Engine { exponential, products }))
    }

    /// Shares of the probabilities of each class times the factors, which have [`FACTOR_BITS`];
    /// `scores` has a vector for each class.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for vectors, factors or fractional bits beyond their bounds,
    /// [`MpcError::Net`] when a peer fails.
    #[net::boxed]
    pub async fn evaluate<'a>(
        &'a self,
        parties: &'a mut Parties,
        scores: &'a [Vec<u64>],
        factors: Factors<'a>,
        fraction_bits: u32,
    ) -> Result<Vec<Vec<u64>>, MpcError> {
        self.0.evaluate(parties, scores, factors, fraction_bits).await
    }
}

impl Blocks for Parties {
    type Exponential = Exponential;

    async fn powers(
        &mut self,
        exponential: &Exponential,
        scores: &[u64],
        range: Range,
    ) -> Result<Vec<u128>, MpcError> {
        let ones = if self.is_first() { vec![1.0; scores.len()] } else { Vec::new() };
        let term = Term { rate: 1.0, factors: &ones };
        let powers = exponential.evaluate(self, scores, &[term], range, POWER_BITS).await?;
        let powers: Vec<u128> = powers.into_iter().map(u128::from).collect();
        Ok(self.widen(&[(&powers, u64::BITS, 0)]).await?.swap_remove(0))
    }

    async fn select_words(&mut self, bits: &Bits, values: &[u64]) -> Result<Vec<u64>, MpcError> {
        select(self, bits, values).await
    }

    async fn multiply_by(
        &mut self,
        factors: Factors<'_>,
        bits: u32,
        shares: &[u64],
    ) -> Result<Vec<u64>, MpcError> {
        multiply_by(self, factors, bits, shares).await
    }
}

#[cfg(test)]
mod tests;
