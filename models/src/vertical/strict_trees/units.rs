//! Which fractional bits sums and derivatives have, and the penalties in these units.
//!
//! Derivatives are those of scaled labels and of weights with mean 1, see
//! [`targets`](super::targets). Over all training rows the first ones then sum up to at most `2^a`
//! times the rows in absolute value, the second ones to at most `2^b` times, where a and b follow
//! from the loss ([`Bounds::of`]). Both sums go into one word of 64 bits, each with three bits of
//! room: the modulus of a part is more than six times its largest sum, which is what it takes to
//! widen it. What is left are fractional bits, `2·log2 rows + a + b + first + second = 58`.

use crypto::random::Generator;
use mpc::TwoParty;
use mpc::several::Parties;
use mpc::softmax::CLASSES_MAX;

use super::sharing::{share, share_among};
use super::targets::Targets;
use crate::ModelError;
use crate::local::boosted_trees::{Ensemble, Loss, Settings};

/// How derivatives are packed: the first above [`low_bits`](Self::low_bits), below it the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// Fractional bits of first derivatives.
    pub first_bits: u32,
    /// Fractional bits of second derivatives.
    pub second_bits: u32,
    /// Low bits of a packed sum; six times the sum of second derivatives of all rows fits.
    pub low_bits: u32,
    /// Magnitudes of sums of first derivatives are below 2 to this power.
    pub first_sum_bits: u32,
    /// Sums of second derivatives are below 2 to this power.
    pub second_sum_bits: u32,
}

/// Weights of nodes, penalties included, are below 2 to this power: see `fractions`.
pub(super) const WEIGHT_BITS: u32 = 30;
/// Two sums share a word, each with room for six times itself.
const BOTH_SUMS_BITS: u32 = 64 - 2 * 3;
const FIRST_BITS_MAX: u32 = 20;
/// Fewer would make derivatives too coarse.
const FIRST_BITS_MIN: u32 = 5;
/// Second derivatives of losses other than log-losses are rounded to this or fewer bits, and
/// first ones keep the rest: what rounding does to a sum of weights matters less.
const SECOND_BITS_MAX: u32 = 10;
/// Largest number of bits of a sum of first derivatives: its square has to fit a product.
const FIRST_SUM_BITS_MAX: u32 = 40;
/// Rounding of the sums that a node's weight is made of.
const SLACK: f64 = 64.0;
/// By how many roots of the largest weight those that are rounded by chance may add up to more: as
/// there are no more rows than units, with a probability below 2^-70 (Hoeffding).
const CHANCE: f64 = 5.0;

/// Means over all training rows, as powers of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    first: i32,
    second: i32,
}

impl Bounds {
    /// The log-loss: first derivatives within 1, second ones within a quarter.
    const LOGISTIC: Self = Self { first: 0, second: -2 };
    /// The same for one of several classes, whose second derivatives are doubled.
    const SOFTMAX: Self = Self { first: 0, second: -1 };
    /// The squared loss of labels whose root mean square is 1. Boosting cannot raise it on rows
    /// that trees are grown on: a leaf moves its rows' mean towards 0 and not beyond, because each
    /// row has the same weight, rounded once, in both sums ([`Targets::round_weights`]). By Cauchy
    /// and Schwarz first derivatives are then within 1 on average; 2 bits are for rounding, and for
    /// samples, where [`Derivatives`](super::derivatives::Derivatives) watches.
    const SQUARED: Self = Self { first: 2, second: 0 };
    /// Losses with a logarithmic link: see [`log_link`](super::log_link), which watches.
    const LOG: Self = Self { first: 2, second: 2 };
    /// At the base score a mean and a label, each 1 on average.
    const AT_BASE: Self = Self { first: 1, second: 0 };

    fn of(loss: Loss, ensemble: Ensemble) -> Option<Self> {
        match (loss, ensemble) {
            (Loss::Logistic, Ensemble::Boosting) => Some(Self::LOGISTIC),
            (Loss::Softmax { classes }, Ensemble::Boosting) if classes <= CLASSES_MAX => {
                Some(Self::SOFTMAX)
            }
            (Loss::Squared, Ensemble::Boosting) => Some(Self::SQUARED),
            (Loss::Poisson | Loss::Gamma | Loss::Tweedie { .. }, Ensemble::Boosting) => {
                Some(Self::LOG)
            }
            (
                Loss::Squared | Loss::Poisson | Loss::Gamma | Loss::Tweedie { .. },
                Ensemble::Forest,
            ) => Some(Self::AT_BASE),
            _ => None,
        }
    }
}

impl Units {
    /// For so many training rows: as many fractional bits as fit.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for a loss that strict trees do not have, and for more rows
    /// than fit.
    pub fn new(rows: usize, settings: &Settings) -> Result<Self, ModelError> {
        let Some(bounds) = Bounds::of(settings.loss, settings.ensemble) else {
            let rule = "strict trees have no such loss; secureboost trees do";
            return Err(ModelError::InvalidInput(rule.to_owned()));
        };
        let row_bits = (usize::BITS - rows.leading_zeros()) as i32;
        let spare = BOTH_SUMS_BITS as i32 - 2 * row_bits - bounds.first - bounds.second;
        let (first, second) = if bounds.second < 0 {
            let each = (spare / 2).min(FIRST_BITS_MAX as i32);
            (each, each)
        } else {
            let second = (spare / 3).min(SECOND_BITS_MAX as i32);
            let most = FIRST_SUM_BITS_MAX as i32 - row_bits - bounds.first;
            (most.min(spare - second).min(FIRST_BITS_MAX as i32), second)
        };
        if first < FIRST_BITS_MIN as i32 {
            let rule = format!("{rows} training rows are too many for strict trees");
            return Err(ModelError::InvalidInput(rule));
        }
        let second_sum_bits = (row_bits + bounds.second + second).max(1) as u32;
        Ok(Self {
            first_bits: first as u32,
            second_bits: second as u32,
            low_bits: second_sum_bits + 3,
            first_sum_bits: (row_bits + bounds.first + first) as u32,
            second_sum_bits,
        })
    }

    /// A first and a second derivative in one word; both modulo what is left for them.
    pub(super) fn pack(self, first: u64, second: u64) -> u64 {
        (first << self.low_bits).wrapping_add(second)
    }

    /// A derivative that one party knows, rounded.
    pub(super) fn first(self, value: f64) -> u64 {
        (value * f64::from(1 << self.first_bits)).round_ties_even() as i64 as u64
    }

    /// A value of at least 0 as a multiple of the unit of second derivatives: the one above or the
    /// one below by chance, so that the mean is the value. What is lighter than a unit thus counts
    /// as it should on average, where rounding to the nearest would make nothing of any number of
    /// such rows.
    pub(super) fn by_chance(self, value: f64, rng: &mut Generator) -> f64 {
        let unit = f64::from(1 << self.second_bits);
        let below = (value * unit).floor();
        let draw = (rng.next_u64() >> 11) as f64 / 2_f64.powi(53);
        let above = f64::from(u8::from(draw < value * unit - below));
        (below + above) / unit
    }

    /// See [`first`](Self::first); exact for what is rounded already.
    pub(super) fn second(self, value: f64) -> u64 {
        (value * f64::from(1 << self.second_bits)).round_ties_even() as i64 as u64
    }
}

/// Units that a child weighs at least, so that no cut leaves a side without rows: Q of such a cut
/// is 0, and the least Q allowed has to be above it by what rounding may make of both.
const LEAST: f64 = 1.0;
/// The same among several parties, who round more coarsely. H' is below 2^29 where the penalty is
/// not large by itself, so that u is at least 2 and the least Q at least 32 in the size of
/// denominators (see `fractions`): above what rounding makes of two numbers, 6 each, and the margin
/// of 10 that cuts are given.
const LEAST_AMONG_SEVERAL: f64 = 8.0;

/// Shares modulo 2^128 of what a node is compared with, in units of second derivatives, which
/// depend on the guest's scale: see [`targets`](super::targets).
pub(super) struct Penalties {
    /// The squared penalty on leaves.
    pub(super) lambda: u128,
    /// The least weight of a child, at least [`LEAST`] or [`LEAST_AMONG_SEVERAL`].
    pub(super) child: u128,
    /// What a split must gain, in units of a squared first derivative over a second one; nothing
    /// where the settings ask for none.
    pub(super) gain: Option<u128>,
}

impl Penalties {
    /// The guest works the penalties out and shares them.
    pub(super) async fn share(
        party: &mut TwoParty,
        units: Units,
        settings: &Settings,
        targets: Option<&Targets>,
        rows: usize,
    ) -> Result<Self, ModelError> {
        let of = |targets| values(units, settings, targets, rows, LEAST);
        let values = targets.map(of).transpose()?;
        let shares = share(party, values.as_ref().map(<[u128; 3]>::as_slice), 3).await?;
        Ok(Self::of(&shares, settings))
    }

    /// [`Self::share`] among a guest and several hosts.
    pub(super) async fn share_among(
        parties: &mut Parties,
        units: Units,
        settings: &Settings,
        targets: Option<&Targets>,
        rows: usize,
    ) -> Result<Self, ModelError> {
        let of = |targets| values(units, settings, targets, rows, LEAST_AMONG_SEVERAL);
        let values = targets.map(of).transpose()?;
        let shares = share_among(parties, values.as_ref().map(<[u128; 3]>::as_slice), 3).await?;
        Ok(Self::of(&shares, settings))
    }

    fn of(shares: &[u128], settings: &Settings) -> Self {
        let has_gain = settings.min_gain > 0.0;
        Self { lambda: shares[0], child: shares[1], gain: has_gain.then_some(shares[2]) }
    }
}

/// Lambda, the least weight of a child and the least gain, in the units of derivatives. A child
/// weighs `least` units or more, whatever the settings ask for.
fn values(
    units: Units,
    settings: &Settings,
    targets: &Targets,
    rows: usize,
    least: f64,
) -> Result<[u128; 3], ModelError> {
    let (first, second) = (f64::from(1 << units.first_bits), f64::from(1 << units.second_bits));
    let largest = 2_f64.powi(units.second_sum_bits as i32);
    let lambda = (targets.penalty(settings.l2) * second).round();
    let heaviest = largest + CHANCE * largest.sqrt() + SLACK;
    let most = (2_f64.powi(WEIGHT_BITS as i32) - heaviest) / 2.0;
    if lambda > most {
        return Err(ModelError::InvalidInput(format!(
            "lambda {} is too large for {rows} rows of these weights in fixed point: at most {:.3}",
            settings.l2,
            settings.l2 * most / lambda
        )));
    }
    // More than all rows weigh is as much as any more.
    let child = (targets.penalty(settings.min_child_weight) * second).round();
    let child = child.min(largest).max(least);
    let gain = targets.gain(settings.min_gain) * first * first / second;
    // Its product with H' takes the room of one more square of a sum: see `fractions`.
    let most = 2_f64.powi(2 * units.first_sum_bits as i32) / (heaviest + 2.0 * lambda);
    if gain > most {
        return Err(ModelError::InvalidInput(format!(
            "min_gain {} is too large for {rows} rows in fixed point: at most {:.3}",
            settings.min_gain,
            settings.min_gain * most / gain
        )));
    }
    let gain = if settings.min_gain > 0.0 { gain.round().max(1.0) } else { 0.0 };
    Ok([lambda as u128, child as u128, gain as u128])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(rows: usize, loss: Loss, ensemble: Ensemble) -> Units {
        let settings = Settings { loss, ensemble, early_stopping_rounds: 0, ..Settings::default() };
        Units::new(rows, &settings).unwrap()
    }

    #[test]
    fn fewer_bits_for_more_rows() {
        let bits = |rows| Units::new(rows, &Settings::default()).unwrap().first_bits;
        assert_eq!([100, 5000, 50_000, 300_000, 1 << 20].map(bits), [20, 17, 14, 11, 9]);
        let bits = |rows| {
            let units = units(rows, Loss::Squared, Ensemble::Boosting);
            (units.first_bits, units.second_bits)
        };
        assert_eq!([100, 50_000, 1 << 20].map(bits), [(20, 10), (16, 8), (10, 4)]);
        assert!(matches!(
            Units::new(1 << 26, &Settings::default()),
            Err(ModelError::InvalidInput(_))
        ));
    }

    #[test]
    fn chance_keeps_the_mean() {
        let units = units(1000, Loss::Squared, Ensemble::Boosting);
        let unit = 1.0 / f64::from(1 << units.second_bits);
        let mut rng = Generator::from_seed([1; 32]);
        let mut sum =
            |value: f64| -> f64 { (0..10_000).map(|_| units.by_chance(value, &mut rng)).sum() };
        // Of 10,000 draws 2000 go up, give or take 40.
        let light = sum(0.2 * unit);
        assert!((1800.0..2200.0).contains(&(light / unit)), "{light}");
        let whole = sum(3.0 * unit);
        assert!((whole / unit - 30_000.0).abs() < 1e-6, "{whole}");
    }

    #[test]
    fn packed_sums_fit() {
        let cases = [
            (Loss::Logistic, Ensemble::Boosting, 1.0, 0.25),
            (Loss::Softmax { classes: 5 }, Ensemble::Boosting, 1.0, 0.5),
            (Loss::Squared, Ensemble::Boosting, 4.0, 1.0),
            (Loss::Poisson, Ensemble::Boosting, 4.0, 4.0),
            (Loss::Poisson, Ensemble::Forest, 2.0, 1.0),
        ];
        for rows in [2, 1000, 65_535, 65_536, 1 << 22] {
            for (loss, ensemble, first, second) in cases {
                let units = units(rows, loss, ensemble);
                let sum = |mean: f64, bits: u32| rows as f64 * mean * 2_f64.powi(bits as i32);
                let (first, second) =
                    (sum(first, units.first_bits), sum(second, units.second_bits));
                assert!(6.0 * second < 2_f64.powi(units.low_bits as i32));
                assert!(6.0 * (first + 1.0) < 2_f64.powi(64 - units.low_bits as i32));
                assert!(first < 2_f64.powi(units.first_sum_bits as i32));
                assert!(second < 2_f64.powi(units.second_sum_bits as i32));
                assert!(units.second_sum_bits < WEIGHT_BITS);
            }
        }
    }
}
