//! What boosting needs of several parties.

use mpc::Arithmetic;
use mpc::exponential::{Range, Term};
use mpc::several::Parties;
use mpc::several::exponential::Exponential;
use mpc::several::reveal::open_bit;
use mpc::several::sigmoid::Sigmoid;
use mpc::several::softmax::{FACTOR_BITS, Factors, Softmax};
use net::Session;

use super::super::derivatives::RESIDUAL_BITS;
use super::super::sharing::share_among;
use super::super::trainers::{Grower, Trainers};
use super::super::{PartTree, STOP};
use super::growing::Growing;
use crate::ModelError;
use crate::vertical::course::{Course, State};

impl Trainers for Parties {
    type Sigmoid = Sigmoid;
    type Softmax = Softmax;
    type Exponential = Exponential;
    // A product with a shift is off by up to half a unit for each party and each bit of the wraps,
    // in every row alike. With bits to spare that is a small part of a unit.
    const SPARE_BITS: u32 = 8;

    fn session(&self) -> &Session {
        Self::session(self)
    }

    fn place(&self) -> usize {
        self.number()
    }

    async fn share(
        &mut self,
        values: Option<&[u128]>,
        count: usize,
    ) -> Result<Vec<u128>, ModelError> {
        share_among(self, values, count).await
    }

    async fn wide(&mut self, words: &[u64]) -> Result<Vec<u128>, ModelError> {
        let words: Vec<u128> = words.iter().map(|word| u128::from(*word)).collect();
        Ok(self.widen(&[(&words, u64::BITS, 0)]).await?.swap_remove(0))
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
        Ok(sigmoid.evaluate(self, scores, &scales, RESIDUAL_BITS).await?)
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

impl Grower<Parties> for Growing<'_> {
    async fn grow(
        &self,
        parties: &mut Parties,
        packed: Vec<u64>,
        rows: usize,
        number: usize,
    ) -> Result<(PartTree, Vec<u64>), ModelError> {
        self.tree(parties, packed, rows, number).await
    }
}
