//! Derivatives of losses with a logarithmic link, on shares.
//!
//! For the power p of the loss, from 1 (Poisson) to 2 (gamma), and in the units of
//! [`targets`](super::targets), where the prediction is exp(m) and the weight ω,
//!
//! ```text
//! A = ω·exp((2 - p)·m)     B = ω·y·exp((1 - p)·m)     g = A - B     h = (2 - p)·A + (p - 1)·B
//! ```
//!
//! (Jørgensen, "The Theory of Dispersion Models", 1997, section 4.1). An exponential of rate 0 is a
//! constant that the guest knows; the factors ω and ω·y of others are the guest's as well. Margins
//! are clamped to a public range first, [`exponent_range`]: beyond it a row's derivatives stay
//! those at its end, where neither exponential is above 600.
//!
//! The sum of |g|, and that of h, over any rows is at most the sum of A and B over all rows. Before
//! the first tree this is at most twice the number of rows, and a Newton step that does not
//! overshoot brings both sums of a leaf closer to one another. Steps may overshoot, also on the
//! rows that a sample leaves out: whether the sum has grown to [`GROWN`] times the rows is
//! therefore compared before each tree, on shares, and becomes part of the one stop bit.

use mpc::exponential::{Range, Term};

use super::Units;
use super::derivatives::RESIDUAL_BITS;
use super::targets::Targets;
use super::trainers::Trainers;
use crate::ModelError;
use crate::local::boosted_trees::Loss;
use crate::vertical::generalized_linear::response::exponent_range;

/// How many times the rows A and B may add up to.
pub(super) const GROWN: u64 = 4;
/// Fractional bits of 2 - p and p - 1.
const COEFFICIENT_BITS: u32 = 20;

/// A loss with a logarithmic link.
pub(super) struct LogLink<P: Trainers> {
    exponential: P::Exponential,
    range: Range,
    /// p.
    power: f64,
}

/// Shares modulo 2^128 for all rows, and of one bit.
pub(super) struct Both {
    /// g, with [`RESIDUAL_BITS`] fractional bits.
    pub(super) firsts: Vec<u128>,
    /// h; see [`second_shift`].
    pub(super) seconds: Vec<u128>,
    /// Whether the sum of A and B over training rows is beyond [`GROWN`] times these.
    pub(super) diverges: u64,
}

impl<P: Trainers> LogLink<P> {
    pub(super) async fn prepare(party: &mut P, loss: Loss) -> Result<Self, ModelError> {
        let power = loss.power().unwrap_or_default();
        let range = exponent_range(power)?;
        Ok(Self { exponential: party.prepare_exponential().await?, range, power })
    }

    /// Both derivatives at these margins, of which the first `training` are learned from.
    pub(super) async fn derivatives(
        &self,
        party: &mut P,
        margins: &[u64],
        targets: Option<&Targets>,
        training: usize,
    ) -> Result<Both, ModelError> {
        let means = targets.map(|targets| targets.weights.clone());
        let totals = targets.map(|targets| {
            let rows = targets.weights.iter().zip(&targets.labels);
            rows.map(|(weight, label)| weight * label).collect()
        });
        let rise = self.part(party, margins, 2.0 - self.power, means).await?;
        let fall = self.part(party, margins, 1.0 - self.power, totals).await?;
        let both = || rise.iter().zip(&fall);
        let firsts = both().map(|(rise, fall)| rise.wrapping_sub(*fall)).collect();
        let coefficient = |value: f64| (value * f64::from(1 << COEFFICIENT_BITS)).round() as u128;
        let (of_rise, of_fall) = (coefficient(2.0 - self.power), coefficient(self.power - 1.0));
        let second = |(rise, fall): (&u128, &u128)| {
            rise.wrapping_mul(of_rise).wrapping_add(fall.wrapping_mul(of_fall))
        };
        let sum = both()
            .take(training)
            .fold(0_u128, |sum, (rise, fall)| sum.wrapping_add(*rise).wrapping_add(*fall));
        let most = party.share_of_public((GROWN * training as u64) << RESIDUAL_BITS);
        let room = most.wrapping_sub(sum as u64);
        let diverges = party.is_negative(&[room], 64).await?.bit(0);
        Ok(Both { firsts, seconds: both().map(second).collect(), diverges })
    }

    /// The factors, which the guest passes, times the exponentials of this rate.
    async fn part(
        &self,
        party: &mut P,
        margins: &[u64],
        rate: f64,
        factors: Option<Vec<f64>>,
    ) -> Result<Vec<u128>, ModelError> {
        let factors = factors.unwrap_or_default();
        if rate == 0.0 {
            let unit = (1_u64 << RESIDUAL_BITS) as f64;
            let mut constants: Vec<u128> =
                factors.iter().map(|factor| (factor * unit).round() as u128).collect();
            constants.resize(margins.len(), 0);
            return Ok(constants);
        }
        let term = Term { rate, factors: &factors };
        let words = party.exponentials(&self.exponential, margins, (term, self.range)).await?;
        let words: Vec<u128> = words.into_iter().map(u128::from).collect();
        Ok(party.widen(&[(&words, u64::BITS, 0)]).await?.swap_remove(0))
    }
}

/// Bits that h has to lose.
pub(super) fn second_shift(units: Units) -> u32 {
    COEFFICIENT_BITS + RESIDUAL_BITS - units.second_bits
}
