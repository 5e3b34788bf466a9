//! Both derivatives of the loss on shares among several parties, packed.

use mpc::Arithmetic;
use mpc::product::Form;
use mpc::several::Parties;
use mpc::several::product::Products;
use mpc::several::sigmoid::Sigmoid;
use mpc::sigmoid::SCORE_UNIT;

use super::super::Units;
use super::super::derivatives::{RESIDUAL_BITS, SCORE_BITS, SCORES, constant};
use super::super::targets::Targets;
use crate::ModelError;
use crate::local::boosted_trees::{Ensemble, Loss, Settings};

/// What the derivatives of a training need.
pub(super) struct Derivatives<'a> {
    products: &'a Products,
    units: Units,
    /// The guest's rows.
    targets: Option<&'a Targets>,
    kind: Kind,
}

enum Kind {
    /// The same for all trees.
    Constant(Loss),
    Logistic(Box<Sigmoid>),
    Squared,
}

impl<'a> Derivatives<'a> {
    pub(super) async fn prepare(
        parties: &mut Parties,
        products: &'a Products,
        units: Units,
        settings: &Settings,
        targets: Option<&'a Targets>,
    ) -> Result<Self, ModelError> {
        let kind = match (settings.ensemble, settings.loss) {
            (Ensemble::Forest, loss) => Kind::Constant(loss),
            (Ensemble::Boosting, Loss::Squared) => Kind::Squared,
            (Ensemble::Boosting, _) => Kind::Logistic(Box::new(Sigmoid::prepare(parties).await?)),
        };
        Ok(Self { products, units, targets, kind })
    }

    /// Shares of the packed derivatives at these margins; without bias but for half a unit of
    /// second ones.
    pub(super) async fn at(
        &self,
        parties: &mut Parties,
        margins: &[u64],
    ) -> Result<Vec<u64>, ModelError> {
        match &self.kind {
            Kind::Constant(loss) => Ok(self.targets.map_or_else(
                || vec![0; margins.len()],
                |targets| {
                    let rng = parties.session().rng();
                    constant(targets, self.units, *loss, margins.len(), rng)
                },
            )),
            Kind::Logistic(sigmoid) => self.logistic(parties, sigmoid, margins).await,
            Kind::Squared => self.squared(parties, margins).await,
        }
    }

    async fn logistic(
        &self,
        parties: &mut Parties,
        sigmoid: &Sigmoid,
        margins: &[u64],
    ) -> Result<Vec<u64>, ModelError> {
        let start = self.targets.map_or(0.0, |targets| targets.starts[0] * SCORE_UNIT);
        let start = start.round() as i64 as u64;
        let margins: Vec<u64> = margins.iter().map(|margin| margin.wrapping_add(start)).collect();
        let scales = if parties.is_first() { vec![1.0; margins.len()] } else { Vec::new() };
        let chances = sigmoid.evaluate(parties, &margins, &scales, RESIDUAL_BITS).await?;
        let chances: Vec<u128> = chances.into_iter().map(u128::from).collect();
        let chances = parties.widen(&[(&chances, u64::BITS)]).await?.swap_remove(0);
        let one = u128::from(parties.share_of_public(1)) << RESIDUAL_BITS;
        let others: Vec<u128> = chances.iter().map(|share| one.wrapping_sub(*share)).collect();
        let form = [Form::product(0, 1, 2 * RESIDUAL_BITS - self.units.second_bits)];
        let seconds = parties.evaluate(self.products, &[&chances, &others], &form).await?;
        // Each party loses half a unit on average.
        let lost = parties.share_of_public(parties.count() as u64 / 2);
        let seconds = seconds[0].iter().map(|second| (*second as u64).wrapping_add(lost));
        Ok(self.pack(parties, chances, RESIDUAL_BITS, seconds.collect()))
    }

    async fn squared(
        &self,
        parties: &mut Parties,
        margins: &[u64],
    ) -> Result<Vec<u64>, ModelError> {
        let scores: Vec<u128> =
            margins.iter().map(|margin| u128::from(margin.wrapping_mul(SCORES))).collect();
        let scores = parties.widen(&[(&scores, u64::BITS)]).await?.swap_remove(0);
        let unit = u64::from(self.targets.is_some()) * self.units.second(1.0);
        let seconds = vec![unit; margins.len()];
        Ok(self.pack(parties, scores, SCORE_BITS, seconds))
    }

    /// Predictions with so many fractional bits less the guest's labels, rounded without bias, and
    /// packed with the `seconds`.
    fn pack(
        &self,
        parties: &Parties,
        mut predictions: Vec<u128>,
        bits: u32,
        seconds: Vec<u64>,
    ) -> Vec<u64> {
        if let Some(targets) = self.targets {
            let unit = (1_u64 << bits) as f64;
            for (residual, label) in predictions.iter_mut().zip(&targets.labels) {
                *residual = residual.wrapping_sub((label * unit).round() as i128 as u128);
            }
        }
        // Shares modulo 2^128 of a small number sum up to a multiple of 2^128 more than it, of
        // which modulo 2^64 nothing is left when each drops its low bits. That loses half a unit on
        // average at each party.
        let shift = bits - self.units.first_bits;
        let lost = u128::from(parties.share_of_public(parties.count() as u64)) << shift >> 1;
        let rounded = predictions.iter().map(|it| (it.wrapping_add(lost) >> shift) as u64);
        rounded.zip(seconds).map(|(first, second)| self.units.pack(first, second)).collect()
    }
}
