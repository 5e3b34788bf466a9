//! Both derivatives of the log-loss on shares, packed.

use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::product::{Form, Products};
use mpc::sigmoid::{Accuracy, Sigmoid};
use mpc::wide::from_words;

use super::Units;
use crate::ModelError;

/// Fractional bits of probabilities: their shares wrap around but with probability 2^-41.
const PROBABILITY_BITS: u32 = 22;

/// What the derivatives of a training need.
pub(super) struct Derivatives<'a> {
    pub(super) sigmoid: &'a Sigmoid,
    pub(super) products: &'a Products,
    pub(super) labels: Option<&'a [u8]>,
    pub(super) units: Units,
}

/// Derivatives of one tree.
pub(super) struct Derived {
    /// Of the training rows, packed.
    pub(super) packed: Vec<u64>,
    /// Shares of p - y of the validation rows, with [`PROBABILITY_BITS`] fractional bits.
    pub(super) residuals: Vec<u64>,
}

impl Derivatives<'_> {
    /// Shares of `first·2^second_bits + second` for each of the first `training` rows, with first =
    /// p - y and second = p·(1 - p), both rounded to the units' fractional bits, without bias; and
    /// of p - y for the rows behind them.
    pub(super) async fn at(
        &self,
        party: &mut TwoParty,
        margins: &[u64],
        training: usize,
    ) -> Result<Derived, ModelError> {
        let Units { fraction_bits, second_bits, .. } = self.units;
        let first = party.is_first();
        let scales = if first { vec![1.0; margins.len()] } else { Vec::new() };
        let chances = self
            .sigmoid
            .evaluate(party, margins, &scales, PROBABILITY_BITS, Accuracy::Fine)
            .await?;
        let label =
            |row: usize, bits: u32| self.labels.map_or(0, |labels| u64::from(labels[row]) << bits);
        let residual = |row: usize| chances[row].wrapping_sub(label(row, PROBABILITY_BITS));
        let residuals = (training..chances.len()).map(residual).collect();
        let chances = &chances[..training];

        let wide = from_words(chances, first);
        let one = if first { 1_u128 << PROBABILITY_BITS } else { 0 };
        let others: Vec<u128> = wide.iter().map(|share| one.wrapping_sub(*share)).collect();
        let form = Form::product(0, 1, 2 * PROBABILITY_BITS - fraction_bits);
        let seconds = self.products.evaluate(party, &[&wide, &others], &[form]).await?;

        // Dropping bits of both shares loses one unit on average.
        let unit = party.share_of_public(1);
        let firsts = truncate(party, chances, PROBABILITY_BITS - fraction_bits).await?;
        let packed = firsts.iter().zip(&seconds[0]).enumerate().map(|(row, (chance, second))| {
            let first = chance.wrapping_add(unit).wrapping_sub(label(row, fraction_bits));
            let second = (*second as u64).wrapping_add(unit);
            (first << second_bits).wrapping_add(second)
        });
        Ok(Derived { packed: packed.collect(), residuals })
    }
}
