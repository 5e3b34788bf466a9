//! Both derivatives of the loss on shares, packed, times the rows' weights.
//!
//! Derivatives of a forest are those at the base score, which the guest works out alone. In
//! boosting log-losses take a sigmoid or a softmax, the squared loss nothing but a change of units,
//! and a logarithmic link exponentials (`log_link`), whose factors weights are part of. Else
//! weights, which only the guest knows, are shared once and multiplied in slots (`mpc::product`).
//! Those of the squared loss were rounded to the unit of second derivatives before (`targets`):
//! both derivatives of a row have the same weight.

use crypto::random::Generator;
use mpc::Arithmetic;
use mpc::product::Form;
use mpc::sigmoid::SCORE_UNIT;

use super::log_link::{LogLink, second_shift};
use super::targets::Targets;
use super::trainers::Trainers;
use super::{DIVERGENCE, Units};
use crate::ModelError;
use crate::local::boosted_trees::{Ensemble, Loss, Settings, second_damping};

/// Fractional bits of probabilities and of first derivatives before they are rounded: shares of
/// probabilities wrap around but with probability 2^-41.
pub(super) const RESIDUAL_BITS: u32 = 22;
/// Fractional bits of weights that are multiplied with.
const WEIGHT_FRACTION_BITS: u32 = 20;
/// What makes margins whole powers of two: their unit is 2^48/50.
const SCORES: u64 = 50;
const SCORE_BITS: u32 = 48;

/// What the derivatives of a training need.
pub(super) struct Derivatives<'a, P: Trainers> {
    products: &'a P::Products,
    units: Units,
    /// The guest's rows.
    targets: Option<&'a Targets>,
    kind: Kind<P>,
    /// Whether trees see all training rows.
    sees_all: bool,
    /// Shares of the weights of all rows, where they are not all 1.
    weights: Option<Vec<u128>>,
}

enum Kind<P: Trainers> {
    /// The same for all trees.
    Constant(Loss),
    Logistic(Box<P::Sigmoid>),
    Softmax(Box<P::Softmax>),
    Squared,
    Log(Box<LogLink<P>>),
}

/// Derivatives of one round.
pub(super) struct Derived {
    /// Of the training rows, packed; one vector an output of the loss.
    pub(super) packed: Vec<Vec<u64>>,
    /// Shares of the first derivatives of validation rows, output after output, with
    /// [`RESIDUAL_BITS`] fractional bits.
    pub(super) residuals: Vec<u64>,
    /// A share of whether derivatives are beyond what fits, where they might be.
    pub(super) diverges: Option<u64>,
}

impl<'a, P: Trainers> Derivatives<'a, P> {
    /// Shares the weights of so many `rows` if they are `weighted`.
    pub(super) async fn prepare(
        party: &mut P,
        products: &'a P::Products,
        units: Units,
        settings: &Settings,
        targets: Option<&'a Targets>,
        (weighted, rows): (bool, usize),
    ) -> Result<Self, ModelError> {
        let kind = match (settings.ensemble, settings.loss) {
            (Ensemble::Forest, loss) => Kind::Constant(loss),
            (Ensemble::Boosting, Loss::Squared) => Kind::Squared,
            (Ensemble::Boosting, Loss::Softmax { .. }) => {
                Kind::Softmax(Box::new(party.prepare_softmax().await?))
            }
            (Ensemble::Boosting, loss) if loss.power().is_some() => {
                Kind::Log(Box::new(LogLink::prepare(party, loss).await?))
            }
            _ => Kind::Logistic(Box::new(party.prepare_sigmoid().await?)),
        };
        let has_own_weights = matches!(kind, Kind::Constant(_) | Kind::Log(_));
        let weights = if weighted && !has_own_weights {
            let unit = f64::from(1 << WEIGHT_FRACTION_BITS);
            let word = |weight: &f64| (weight * unit).round() as u128;
            let own: Option<Vec<u128>> =
                targets.map(|targets| targets.weights.iter().map(word).collect());
            Some(party.share(own.as_deref(), rows).await?)
        } else {
            None
        };
        let sees_all = settings.row_fraction >= 1.0;
        Ok(Self { products, units, targets, kind, sees_all, weights })
    }

    /// Shares of the packed derivatives of the first `training` rows at these margins, a vector an
    /// output of the loss, and of the first derivatives of the rows behind them; both without bias,
    /// but for a fiftieth of a unit at most in second derivatives among several parties.
    pub(super) async fn at(
        &self,
        party: &mut P,
        margins: &[Vec<u64>],
        training: usize,
    ) -> Result<Derived, ModelError> {
        let all = margins;
        let margins = all.first().map_or(&[][..], Vec::as_slice);
        match &self.kind {
            Kind::Constant(loss) => Ok(self.constant(party, *loss, training)),
            Kind::Logistic(sigmoid) => self.logistic(party, sigmoid, margins, training).await,
            Kind::Softmax(softmax) => self.softmax(party, softmax, all, training).await,
            Kind::Squared => self.squared(party, margins, training).await,
            Kind::Log(link) => {
                let both = link.derivatives(party, margins, self.targets, training).await?;
                let shift = second_shift(self.units);
                let seconds = drop_bits(party, &both.seconds[..training], shift);
                let derived = self.derived(party, &both.firsts, seconds);
                Ok(Derived { diverges: Some(both.diverges), ..derived })
            }
        }
    }

    /// The guest's shares are the derivatives, the host's are zero.
    fn constant(&self, party: &P, loss: Loss, training: usize) -> Derived {
        let packed = self.targets.map_or_else(
            || vec![0; training],
            |targets| constant(targets, self.units, loss, training, party.session().rng()),
        );
        Derived { packed: vec![packed], residuals: Vec::new(), diverges: None }
    }

    /// Margins with what they begin at.
    fn started(&self, output: usize, margins: &[u64]) -> Vec<u64> {
        let start = self.targets.map_or(0.0, |targets| targets.starts[output] * SCORE_UNIT);
        let start = start.round() as i64 as u64;
        margins.iter().map(|margin| margin.wrapping_add(start)).collect()
    }

    async fn logistic(
        &self,
        party: &mut P,
        sigmoid: &P::Sigmoid,
        margins: &[u64],
        training: usize,
    ) -> Result<Derived, ModelError> {
        let margins = self.started(0, margins);
        let chances = party.sigmoid(sigmoid, &margins).await?;
        self.of_chances(party, &[chances], training, 1).await
    }

    async fn softmax(
        &self,
        party: &mut P,
        softmax: &P::Softmax,
        margins: &[Vec<u64>],
        training: usize,
    ) -> Result<Derived, ModelError> {
        let margins: Vec<Vec<u64>> =
            (0..).zip(margins).map(|it| self.started(it.0, it.1)).collect();
        let chances = party.softmax(softmax, &margins).await?;
        // Twice p·(1 - p): see `Loss::derivatives`.
        self.of_chances(party, &chances, training, 2).await
    }

    /// Of log-losses: from shares of the chances of one class, or of each of several, for all rows.
    /// The second derivatives are p·(1 - p) times a `curvature`.
    async fn of_chances(
        &self,
        party: &mut P,
        chances: &[Vec<u64>],
        training: usize,
        curvature: i64,
    ) -> Result<Derived, ModelError> {
        let rows = chances.first().map_or(0, Vec::len);
        let chances = party.wide(&chances.concat()).await?;
        let one = u128::from(party.share_of_public(1)) << RESIDUAL_BITS;
        let trained = |all: &[u128]| -> Vec<u128> {
            all.chunks(rows.max(1)).flat_map(|all| &all[..training]).copied().collect()
        };
        let others: Vec<u128> =
            trained(&chances).iter().map(|share| one.wrapping_sub(*share)).collect();
        let mut residuals = self.weigh(party, chances).await?;
        let shift = 2 * RESIDUAL_BITS - self.units.second_bits - P::SPARE_BITS;
        let form = Form { terms: vec![(curvature, 0, 1)], shift };
        let factors: [&[u128]; 2] = [&trained(&residuals), &others];
        let seconds = party.evaluate(self.products, &factors, &[form]).await?;
        let (mut packed, mut of_validation) = (Vec::new(), Vec::new());
        let seconds = seconds[0].chunks(training.max(1));
        for (class, (residuals, seconds)) in
            residuals.chunks_mut(rows.max(1)).zip(seconds).enumerate()
        {
            if let Some(targets) = self.targets {
                let unit = (1_u64 << RESIDUAL_BITS) as f64;
                let is_of_several = targets.starts.len() > 1;
                let rows = targets.labels.iter().zip(&targets.weights);
                for (residual, (label, weight)) in residuals.iter_mut().zip(rows) {
                    let is_of_class = f64::from(u8::from(*label as usize == class));
                    let label = if is_of_several { is_of_class } else { *label };
                    *residual = residual.wrapping_sub((label * weight * unit).round() as u128);
                }
            }
            let seconds = drop_bits(party, seconds, P::SPARE_BITS);
            let derived = self.derived(party, residuals, seconds);
            packed.extend(derived.packed);
            of_validation.extend(derived.residuals);
        }
        Ok(Derived { packed, residuals: of_validation, diverges: None })
    }

    async fn squared(
        &self,
        party: &mut P,
        margins: &[u64],
        training: usize,
    ) -> Result<Derived, ModelError> {
        let scores: Vec<u128> =
            margins.iter().map(|margin| u128::from(margin.wrapping_mul(SCORES))).collect();
        let scores = [(&scores[..], u64::BITS, SCORE_BITS - RESIDUAL_BITS)];
        let mut residuals = party.widen(&scores).await?.swap_remove(0);
        if let Some(targets) = self.targets {
            let unit = (1_u64 << RESIDUAL_BITS) as f64;
            for (residual, label) in residuals.iter_mut().zip(&targets.labels) {
                *residual = residual.wrapping_sub((label * unit).round() as i128 as u128);
            }
        }
        let weighed = self.weigh(party, residuals.clone()).await?;
        let diverges = if self.sees_all {
            None
        } else {
            let rows = [&residuals[..training], &weighed[..training]];
            Some(self.diverges(party, rows).await?)
        };
        // The same numbers as those that first derivatives were multiplied by.
        let seconds: Vec<u64> = self.targets.map_or_else(
            || vec![0; training],
            |targets| {
                let weights = targets.weights.iter().take(training);
                weights.map(|weight| self.units.second(*weight)).collect()
            },
        );
        Ok(Derived { diverges, ..self.derived(party, &weighed, seconds.into_iter()) })
    }

    /// Whether the weighted sum of squared residuals is too large, from residuals without and with
    /// weights.
    async fn diverges(
        &self,
        party: &mut P,
        [residuals, weighed]: [&[u128]; 2],
    ) -> Result<u64, ModelError> {
        let form = [Form::product(0, 1, RESIDUAL_BITS)];
        let squares = party.evaluate(self.products, &[residuals, weighed], &form).await?;
        let sum = squares[0].iter().fold(0_u128, |sum, square| sum.wrapping_add(*square));
        let most = u64::from(DIVERGENCE) * residuals.len() as u64;
        let room = party.share_of_public(most << RESIDUAL_BITS).wrapping_sub(sum as u64);
        Ok(party.is_negative(&[room], 64).await?.bit(0))
    }

    /// Shares with [`RESIDUAL_BITS`] fractional bits, of all rows once or several times, times the
    /// weights of the rows.
    async fn weigh(&self, party: &mut P, shares: Vec<u128>) -> Result<Vec<u128>, ModelError> {
        let Some(weights) = &self.weights else { return Ok(shares) };
        let weights: Vec<u128> = weights.iter().copied().cycle().take(shares.len()).collect();
        let form = Form::product(0, 1, WEIGHT_FRACTION_BITS);
        let factors: [&[u128]; 2] = [&shares, &weights];
        Ok(party.evaluate(self.products, &factors, &[form]).await?.swap_remove(0))
    }

    /// Rounds the first derivatives of training rows and packs them with the `seconds`.
    fn derived(
        &self,
        party: &P,
        residuals: &[u128],
        seconds: impl ExactSizeIterator<Item = u64>,
    ) -> Derived {
        let (training, validation) = residuals.split_at(seconds.len());
        let firsts = drop_bits(party, training, RESIDUAL_BITS - self.units.first_bits);
        let packed = firsts.zip(seconds).map(|(first, second)| self.units.pack(first, second));
        let packed = vec![packed.collect()];
        let residuals = validation.iter().map(|share| *share as u64).collect();
        Derived { packed, residuals, diverges: None }
    }
}

/// Shares modulo 2^64 of small numbers without their low bits, rounded without bias.
///
/// Shares modulo 2^128 of a small number sum up to a multiple of 2^128 more than it, of which
/// modulo 2^64 nothing is left when each drops its low bits. That loses half a unit on average at
/// each party, which is added before; of a product of two parties whose bits were dropped already,
/// so many units of these.
fn drop_bits<P: Arithmetic>(
    party: &P,
    shares: &[u128],
    bits: u32,
) -> impl ExactSizeIterator<Item = u64> {
    let lost = u128::from(party.share_of_public(party.count() as u64)) << bits >> 1;
    shares.iter().map(move |share| (share.wrapping_add(lost) >> bits) as u64)
}

/// The packed derivatives of the first `training` rows at the base score, which the guest works out
/// alone.
fn constant(
    targets: &Targets,
    units: Units,
    loss: Loss,
    training: usize,
    mut rng: Generator,
) -> Vec<u64> {
    let damping = second_damping(loss);
    let rows = targets.labels.iter().zip(&targets.weights).take(training);
    rows.map(|(label, weight)| {
        let at = loss.derivatives(targets.starts[0], *label);
        let first = units.first(weight * at.first);
        let second = units.by_chance(weight * at.second / damping, &mut rng);
        units.pack(first, units.second(second))
    })
    .collect()
}
