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

/// Bits that second derivatives keep until shares drop them. They have at most 20 others, so that
/// the product's shift is 16 or more.
const SPARE_BITS: u32 = 8;

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

    /// Shares of the packed derivatives at these margins. Rounding is without bias in first ones
    /// and adds less than a fiftieth of a unit to second ones.
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
        // A product with a shift is off by up to half a unit for each party and each bit of the
        // wraps, in every row alike. With bits to spare that is a small part of a unit; what the
        // parties lose when they drop these is added back.
        let shift = 2 * RESIDUAL_BITS - self.units.second_bits - SPARE_BITS;
        let form = [Form::product(0, 1, shift)];
        let seconds = parties.evaluate(self.products, &[&chances, &others], &form).await?;
        let seconds = drop_bits(parties, &seconds[0], SPARE_BITS).collect();
        Ok(self.pack(parties, chances, RESIDUAL_BITS, seconds))
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
        drop_bits(parties, &predictions, bits - self.units.first_bits)
            .zip(seconds)
            .map(|(first, second)| self.units.pack(first, second))
            .collect()
    }
}

/// Shares modulo 2^64 of small numbers without their low bits, rounded without bias.
///
/// Shares modulo 2^128 of a small number sum up to a multiple of 2^128 more than it, of which
/// modulo 2^64 nothing is left when each drops its low bits. That loses half a unit on average at
/// each party, which is added before.
fn drop_bits(parties: &Parties, shares: &[u128], bits: u32) -> impl Iterator<Item = u64> {
    let lost = u128::from(parties.share_of_public(parties.count() as u64)) << bits >> 1;
    shares.iter().map(move |share| (share.wrapping_add(lost) >> bits) as u64)
}
