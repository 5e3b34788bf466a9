//! Early stopping by the loss of validation rows, which nobody sees.
//!
//! From one tree to the next the loss of a row changes by the integral of its derivative
//! over the margin: the mean of the derivative before and after, times what the tree added (the
//! trapezoidal rule, exact for the squared loss, off by less than (added)³/100 for the log-loss,
//! and for a logarithmic link by some (added)³/12 times the mean). Of several classes the terms of
//! all classes are added up. Their sum over the validation rows is a shared number, and so is the
//! least loss so far. Training ends when that has not become less for as many rounds as the
//! patience says; only this bit is opened, once a round, and not whether it was set because
//! training diverges. Before one round more than the patience there is no such loss to compare
//! with: a bit that is set then can only mean that training diverges, and training fails.

use mpc::Arithmetic;
use mpc::boolean::Bits;
use mpc::product::Form;
use mpc::refresh::Shared;

use super::trainers::Trainers;
use crate::ModelError;

/// Bits that shares of added margins lose, which leaves steps below 2^-14.
const GAIN_SHIFT: u32 = 28;

/// The course of the validation loss, shared.
pub(super) struct Stopping<'a, P: Trainers> {
    products: &'a P::Products,
    /// Trees without a better loss after which training ends.
    patience: usize,
    /// First derivatives of the validation rows before the last tree; empty before the first.
    residuals: Vec<u64>,
    /// The loss now, less that at the start.
    loss: u128,
    /// The least loss after each tree.
    least: Vec<u128>,
}

impl<'a, P: Trainers> Stopping<'a, P> {
    pub(super) fn new(products: &'a P::Products, patience: usize) -> Self {
        Self { products, patience, residuals: Vec::new(), loss: 0, least: Vec::new() }
    }

    /// Adds all that is shared here to a state.
    pub(super) fn save(&self, shared: &mut Shared) {
        shared.words.extend(&self.residuals);
        if !self.residuals.is_empty() {
            shared.wide.push(self.loss);
            shared.wide.extend(&self.least);
        }
    }

    /// Takes over what [`Self::save`] added; whether that fits so many validation rows.
    pub(super) fn load(&mut self, residuals: &[u64], wide: &[u128], rows: usize) -> bool {
        self.residuals = residuals.to_vec();
        if let [loss, least @ ..] = wide {
            (self.loss, self.least) = (*loss, least.to_vec());
        }
        residuals.len() == rows && wide.is_empty() == residuals.is_empty()
    }

    /// Takes the derivatives of the validation rows before the next tree, and what the last one
    /// added to their margins; a share of whether training is to end, once it may.
    pub(super) async fn look(
        &mut self,
        party: &mut P,
        residuals: &[u64],
        added: Option<&[u64]>,
    ) -> Result<Option<u64>, ModelError> {
        let before = std::mem::replace(&mut self.residuals, residuals.to_vec());
        let Some(added) = added else { return Ok(None) };
        let added: Vec<u128> = added.iter().map(|share| u128::from(*share)).collect();
        let added = party.widen(&[(&added, u64::BITS, GAIN_SHIFT)]).await?.swap_remove(0);
        let slopes: Vec<u64> =
            before.iter().zip(residuals).map(|(one, next)| one.wrapping_add(*next)).collect();
        let slopes = party.wide(&slopes).await?;
        let form = [Form::product(0, 1, 0)];
        let products = party.evaluate(self.products, &[&slopes, &added], &form).await?;
        self.loss = products[0].iter().fold(self.loss, |sum, term| sum.wrapping_add(*term));
        let least = match self.least.last() {
            None => self.loss,
            Some(least) => smaller(party, *least, self.loss).await?,
        };
        self.least.push(least);
        let Some(then) = self.least.len().checked_sub(self.patience + 1) else { return Ok(None) };
        let gain = least.wrapping_sub(self.least[then]);
        let better = party.is_negative(&[gain as u64], 64).await?.bit(0);
        Ok(Some(better ^ party.share_of_public(1)))
    }
}

/// The smaller one of two shared numbers.
async fn smaller<P: Arithmetic>(
    party: &mut P,
    left: u128,
    right: u128,
) -> Result<u128, ModelError> {
    let difference = right.wrapping_sub(left);
    let less = party.is_negative(&[difference as u64], 64).await?;
    let less = Bits::from_fn(1, |_| less.bit(0) == 1);
    let moved = party.select(&less, &[difference]).await?;
    Ok(left.wrapping_add(moved[0]))
}

/// A share of whether one or the other bit is set, of those that there are.
pub(super) async fn either<P: Arithmetic>(
    party: &mut P,
    one: Option<u64>,
    other: Option<u64>,
) -> Result<Option<u64>, ModelError> {
    let (Some(one), Some(other)) = (one, other) else { return Ok(one.or(other)) };
    let [left, right] = [one, other].map(|bit| Bits::from_words(vec![bit], 1));
    let mut triples = party.triples(1).await?;
    let both = party.and(&mut triples, &[(&left, &right)]).await?;
    Ok(Some(one ^ other ^ both[0].bit(0)))
}
