//! What boosting needs of its parties, of which there are two or several.

use mpc::exponential::{Exponential, Range, Term};
use mpc::reveal::open_bit;
use mpc::sigmoid::{Accuracy, Sigmoid};
use mpc::softmax::{FACTOR_BITS, Factors, Softmax};
use mpc::wide::from_words;
use mpc::{Arithmetic, TwoParty};
use net::Session;

use super::derivatives::RESIDUAL_BITS;
use super::growing::Growing;
use super::sharing::share;
use super::{PartTree, STOP};
use crate::ModelError;
use crate::vertical::course::{Course, State};

/// Parties that train trees together. Results of functions have [`RESIDUAL_BITS`] fractional bits.
pub(super) trait Trainers: Arithmetic + Sized {
    /// What the block of this name needs.
    type Sigmoid: Send + Sync;
    /// What the block of this name needs.
    type Softmax: Send + Sync;
    /// What the block of this name needs.
    type Exponential: Send + Sync;
    /// Bits that second derivatives keep until shares drop them, because a product with a shift is
    /// off by more than a unit. Derivatives of log-losses have at most 20 others.
    const SPARE_BITS: u32;

    /// The conversation with the first of the other parties, for work on this party's pool.
    fn session(&self) -> &Session;

    /// This party's place among all; the guest's is 0.
    fn place(&self) -> usize;

    /// Shares modulo 2^128 of numbers that the guest passes, and nobody else.
    fn share(
        &mut self,
        values: Option<&[u128]>,
        count: usize,
    ) -> impl Future<Output = Result<Vec<u128>, ModelError>> + Send;

    /// Shares modulo 2^128 of numbers that are shared modulo 2^64 and below 2^22 in magnitude.
    fn wide(&mut self, words: &[u64])
    -> impl Future<Output = Result<Vec<u128>, ModelError>> + Send;

    /// Opens the stop bit.
    fn open_stop(&mut self, share: u64) -> impl Future<Output = Result<bool, ModelError>> + Send;

    /// The state to go on from, in new shares.
    fn resume(
        &mut self,
        course: &mut Course<'_>,
    ) -> impl Future<Output = Result<Option<State>, ModelError>> + Send;

    fn prepare_sigmoid(&mut self)
    -> impl Future<Output = Result<Self::Sigmoid, ModelError>> + Send;

    /// Shares of the logistic function of scores.
    fn sigmoid(
        &mut self,
        sigmoid: &Self::Sigmoid,
        scores: &[u64],
    ) -> impl Future<Output = Result<Vec<u64>, ModelError>> + Send;

    fn prepare_softmax(&mut self)
    -> impl Future<Output = Result<Self::Softmax, ModelError>> + Send;

    /// Shares of the probabilities of each class, from scores class by class.
    fn softmax(
        &mut self,
        softmax: &Self::Softmax,
        scores: &[Vec<u64>],
    ) -> impl Future<Output = Result<Vec<Vec<u64>>, ModelError>> + Send;

    fn prepare_exponential(
        &mut self,
    ) -> impl Future<Output = Result<Self::Exponential, ModelError>> + Send;

    /// Shares of the exponentials of scores that are clamped to a range.
    fn exponentials(
        &mut self,
        exponential: &Self::Exponential,
        scores: &[u64],
        term: (Term<'_>, Range),
    ) -> impl Future<Output = Result<Vec<u64>, ModelError>> + Send;
}

/// What grows the trees of a training.
pub(super) trait Grower<P> {
    /// Grows the tree of this number on packed derivatives; also returns shares of what it adds to
    /// the margin of each of `rows`, of which the first ones have derivatives.
    fn grow(
        &self,
        party: &mut P,
        packed: Vec<u64>,
        rows: usize,
        number: usize,
    ) -> impl Future<Output = Result<(PartTree, Vec<u64>), ModelError>> + Send;
}

impl Trainers for TwoParty {
    type Sigmoid = Sigmoid;
    type Softmax = Softmax;
    type Exponential = Exponential;
    const SPARE_BITS: u32 = 0;

    fn session(&self) -> &Session {
        &self.session
    }

    fn place(&self) -> usize {
        usize::from(!self.is_first())
    }

    async fn share(
        &mut self,
        values: Option<&[u128]>,
        count: usize,
    ) -> Result<Vec<u128>, ModelError> {
        share(self, values, count).await
    }

    async fn wide(&mut self, words: &[u64]) -> Result<Vec<u128>, ModelError> {
        Ok(from_words(words, self.is_first()))
    }

    async fn open_stop(&mut self, share: u64) -> Result<bool, ModelError> {
        Ok(open_bit(self, STOP, share).await?)
    }

    async fn resume(&mut self, course: &mut Course<'_>) -> Result<Option<State>, ModelError> {
        course.resume(self).await
    }

    async fn prepare_sigmoid(&mut self) -> Result<Sigmoid, ModelError> {
        Ok(Sigmoid::prepare(self).await?)
    }

    async fn sigmoid(&mut self, sigmoid: &Sigmoid, scores: &[u64]) -> Result<Vec<u64>, ModelError> {
        let scales = if self.is_first() { vec![1.0; scores.len()] } else { Vec::new() };
        Ok(sigmoid.evaluate(self, scores, &scales, RESIDUAL_BITS, Accuracy::Fine).await?)
    }

    async fn prepare_softmax(&mut self) -> Result<Softmax, ModelError> {
        Ok(Softmax::prepare(self).await?)
    }

    async fn softmax(
        &mut self,
        softmax: &Softmax,
        scores: &[Vec<u64>],
    ) -> Result<Vec<Vec<u64>>, ModelError> {
        let even = Factors::Even(1 << FACTOR_BITS);
        Ok(softmax.evaluate(self, scores, even, RESIDUAL_BITS).await?)
    }

    async fn prepare_exponential(&mut self) -> Result<Exponential, ModelError> {
        Ok(Exponential::prepare(self).await?)
    }

    async fn exponentials(
        &mut self,
        exponential: &Exponential,
        scores: &[u64],
        (term, range): (Term<'_>, Range),
    ) -> Result<Vec<u64>, ModelError> {
        Ok(exponential.evaluate(self, scores, &[term], range, RESIDUAL_BITS).await?)
    }
}

impl Grower<TwoParty> for Growing<'_> {
    async fn grow(
        &self,
        party: &mut TwoParty,
        packed: Vec<u64>,
        rows: usize,
        number: usize,
    ) -> Result<(PartTree, Vec<u64>), ModelError> {
        self.tree(party, packed, rows, number).await
    }
}
