//! How far numeric predictions are from what happened, without anybody seeing a prediction.
//!
//! # Functionality
//! For each place the parties hold an additive share of a linear predictor and an XOR share of
//! whether the place counts; the guest (first party) has a target for each. The guest gets a
//! [`NumericEvaluation`] over the places that count: RMSE, mean absolute error, bias, R² and the
//! mean deviance of the [`Family`], and D² where it knows which places count. Predictors come in a
//! [`Unit`] of the guest, in which targets are about 1. With a logarithmic link they are clamped to
//! ±6.64, predictions to 1/765 to 765 times the unit, before anything is computed from them.
//!
//! In this unit a residual is off by less than 2^-18, with a logarithmic link by as much of the
//! larger of 1 and the prediction; a term of the deviance by less than 2^-17 of the largest of 1,
//! the prediction, its inverse, the target and the target over the prediction, and with the Tweedie
//! family so often as much as 1 goes into (p - 1)·(2 - p). Of each mean the guest gets twenty
//! binary digits behind the point, in its unit, and those before it: of the mean square fourteen
//! more where one of 64 targets is at the limit, with a logarithmic link twenty; a mean square far
//! below the unit has fewer than twenty. Where it does not know which places count, R² rests on the
//! variance of the targets that count, of which it gets nine digits behind the point (`spread`):
//! 1 - R² is then off by one part in twenty at the lower end to one in four hundred at the upper
//! one. There is no R² where that variance is below an eighth or above four times that of the
//! targets at all places that hold a row of the guest.
//! # Messages
//! 1. with a logarithmic link: which predictors are beyond the ends (`mpc::comparison`,
//!    `mpc::conversion`), and exponentials of the others (`mpc::exponential`); products with
//!    targets (`mpc::known`)
//! 2. what counts, and the sign and the square of each residual (`mpc::conversion`,
//!    `mpc::comparison`, `mpc::product`)
//! 3. the sums over places, shortened (`mpc::wide`), and of the spread what is beyond its end
//!    (`mpc::comparison`, `mpc::conversion`); `share` host → guest
//! # Leaks
//! To both: the numbers of places and of those that count. To the guest: the figures. Nothing else.
//! # Security
//! Semi-honest, from ring-LWE and the transfers; see `mpc`. Each figure is a mean over at least
//! [`COUNT_MIN`] places and has no more digits than said. It is an equation in predictions, which
//! the guest does not know, in targets, which it does, and in which places count. A target far
//! beyond the others outweighs all predictions: bias, RMSE and deviance tell whether its place
//! counts. Where the partner's columns say nothing the guest knows the predictions too, and each
//! figure tells it as much of which places count as it has digits. Figures of two runs over places
//! that differ little are an equation in these.
//! # Cost
//! For each place, both ways together and beside whole ciphertexts, 0.6 KB, with a logarithmic link
//! 1.9 KB (gamma) to 2.3 KB (Tweedie); few places take transfers where these are fewer bytes than
//! ciphertexts. In all 17 flights, with a logarithmic link 38 to 56, for each [`GROUP`] places.
//! Where the guest does not know which places count, 0.1 KB and 12 flights more.
//! # Reference
//! Definitions of the figures: [`evaluate::regression`](crate::evaluate::regression). Sums of
//! squares and of absolute values on shares are elementary; exponentials: `mpc::exponential`.

mod spread;
mod sums;

use mpc::TwoParty;
use mpc::boolean::Bits;
use mpc::exponential::FACTORS_MAX;
use mpc::reveal::{self, Learner};
use mpc::wide::shorten;

use super::generalized_linear::LabelScale;
pub use super::hidden_evaluation::FIGURES;
use super::hidden_evaluation::PLACES_MAX;
use crate::ModelError;
use crate::evaluate::regression::{NumericEvaluation, RegressionErrors};
use crate::family::Family;
use spread::Standardised;
use sums::{Judge, Own, Sums};

/// Places that have to count: figures over fewer would tell of single ones.
pub const COUNT_MIN: usize = 64;
/// Places that are worked on at once, which bounds memory.
pub const GROUP: usize = 1 << 16;

/// Fractional bits of means that are opened.
const MEAN_BITS: u32 = 20;
/// Fractional bits, about, of the sums that they come from.
const SUM_BITS: u32 = 40;
/// Largest magnitude of a target without a logarithmic link in the guest's unit.
const TARGET_MAX: f64 = 1e3;
/// More than what is opened can be.
const SOUND_MAX: i64 = 1 << 62;
/// More than the mean of magnitudes can be off by, in its last places.
const ROUNDING: i64 = 16;

/// In which unit of the guest the linear predictors are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// What is added to a predictor, after the scale; 0 at the host.
    pub shift: f64,
    /// What a predictor is multiplied by; 1 with a logarithmic link. At the host as at the guest,
    /// or 1 where its predictors are in this unit already.
    pub scale: f64,
}

/// What the guest knows of the places.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// A target that the family allows for each place; those of places that do not count may be any
    /// such ones.
    pub targets: &'a [f64],
    /// Which places hold a row of the guest, all without it. Only such places count, and R² is told
    /// in units of the spread of their targets.
    pub filled: Option<&'a [bool]>,
    /// The unit of the predictors.
    pub unit: Unit,
}

/// What is to be judged.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// For each place an additive share of the linear predictor in the guest's unit, in
    /// [`mpc::sigmoid::SCORE_UNIT`]. Those of places that do not count may be anything.
    pub scores: &'a [u64],
    /// For each place an XOR share of whether it counts.
    pub present: &'a Bits,
    /// How many count, which both parties know. If all do, the guest knows which.
    pub count: usize,
    /// At the guest.
    pub known: Option<Known<'a>>,
}

impl Known<'_> {
    /// Refuses what [`evaluate`] would refuse at the guest alone, before anything is computed.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for a unit that is none, and for targets that the family does
    /// not allow or that are far beyond the unit.
    pub fn check(&self, family: Family) -> Result<(), ModelError> {
        self.scaled(family).map(drop)
    }

    /// The targets in the guest's unit.
    fn scaled(&self, family: Family) -> Result<Vec<f64>, ModelError> {
        let Self { targets, unit, .. } = *self;
        let size = unit.size(family);
        if !(size > 0.0 && size.is_finite() && unit.shift.is_finite()) {
            return invalid(format!("the targets' unit is {size}"));
        }
        let is_log = family.log_link_power().is_some();
        let most = if is_log { FACTORS_MAX } else { TARGET_MAX };
        let scaled: Vec<f64> = targets.iter().map(|target| unit.of(family, *target)).collect();
        let is_fit =
            |(target, scaled): (&f64, &f64)| family.allows(*target).1 && scaled.abs() <= most;
        let Some((target, _)) = targets.iter().zip(&scaled).find(|pair| !is_fit(*pair)) else {
            return Ok(scaled);
        };
        let within = if is_log {
            format!("at most {most} times the mean of the training rows (in trees `base_score`)")
        } else {
            format!(
                "within about {most} standard deviations of the mean of the training rows (in \
                 trees of `base_score`)"
            )
        };
        invalid(format!(
            "the target of a test row is {target}; it must be {}, and {within}: correct it, or \
             leave the row out",
            family.allows(0.0).0
        ))
    }
}

impl Places<'_> {
    /// Whether the guest knows which places count.
    fn are_known(&self) -> bool {
        self.count == self.scores.len()
    }
}

impl Unit {
    /// Of the predictors of a regression: the mean of its targets, in linear regression also their
    /// scale, which training gave. The guest passes the targets of the training, the host `None`.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for targets without a mean that the family allows.
    pub fn of_regression(
        family: Family,
        scale: LabelScale,
        training: Option<&[f64]>,
    ) -> Result<Self, ModelError> {
        let is_log = family.log_link_power().is_some();
        let scale = if is_log { 1.0 } else { scale.power() };
        let Some(targets) = training else { return Ok(Self { shift: 0.0, scale }) };
        let mean = targets.iter().sum::<f64>() / targets.len() as f64;
        let shift = if is_log { mean.ln() } else { mean };
        if shift.is_finite() {
            return Ok(Self { shift, scale });
        }
        Err(ModelError::InvalidInput(format!("the mean of the training targets is {mean}")))
    }

    /// A prediction of 1 in this unit, in that of the target.
    fn size(self, family: Family) -> f64 {
        if family.log_link_power().is_some() { self.shift.exp() } else { self.scale }
    }

    /// A target in this unit.
    fn of(self, family: Family, target: f64) -> f64 {
        let shift = if family.log_link_power().is_some() { 0.0 } else { self.shift };
        (target - shift) / self.size(family)
    }
}

/// Judges the places by their predictors. The guest gets the figures, the host `None`.
///
/// # Errors
/// [`ModelError::InvalidInput`] for lengths that do not fit, fewer than [`COUNT_MIN`] places that
/// count, the binomial family, and targets that the family does not allow or that are far beyond
/// the unit; [`ModelError::Secure`] when the peer fails or [`FIGURES`] is not declared.
#[net::boxed]
pub async fn evaluate(
    party: &mut TwoParty,
    places: &Places<'_>,
    family: Family,
) -> Result<Option<NumericEvaluation>, ModelError> {
    evaluate_by(GROUP, party, places, family).await
}

/// [`evaluate`], so many places at once.
async fn evaluate_by(
    size: usize,
    party: &mut TwoParty,
    places: &Places<'_>,
    family: Family,
) -> Result<Option<NumericEvaluation>, ModelError> {
    let targets = check(party, places, family)?;
    let filled = places.known.and_then(|known| known.filled);
    let standardised = targets.as_deref().map(|targets| Standardised::new(targets, filled));
    let judge = Judge::prepare(party, family, places.are_known()).await?;
    let mut sums = Sums::default();
    for start in (0..places.scores.len()).step_by(size) {
        let group = start..places.scores.len().min(start + size);
        let present = Bits::from_fn(group.len(), |at| places.present.bit(start + at) == 1);
        let own = targets.as_ref().zip(standardised.as_ref());
        let own = own.map(|(targets, standardised)| Own {
            targets: &targets[group.clone()],
            standardised: &standardised.targets[group.clone()],
        });
        sums.add(judge.sums(party, &places.scores[group], &present, own).await?);
    }
    let Some((words, spread)) = learn(party, places, &judge, &sums).await? else { return Ok(None) };
    let variance = spread.zip(standardised).and_then(|(word, it)| it.variance(word));
    Ok(places.known.map(|known| figures(&words, places, known, (family, variance))))
}

/// Opens the means to the guest: of the residuals, of their magnitudes, of their squares and, with
/// a logarithmic link, of half the deviance; and the spread of the targets that count where the
/// guest does not know which do.
async fn learn(
    party: &mut TwoParty,
    places: &Places<'_>,
    judge: &Judge,
    sums: &Sums,
) -> Result<Option<(Vec<i64>, Option<i64>)>, ModelError> {
    let log_count = places.count.next_power_of_two().ilog2();
    let shift = SUM_BITS - MEAN_BITS + log_count;
    let short = shorten(party, &judge.together(sums), shift).await?;
    let mut words: Vec<u64> = short.into_iter().map(|share| share as u64).collect();
    let of_targets = sums.of_targets();
    if let Some(of_targets) = of_targets {
        words.push(spread::variance(party, of_targets, places.count).await?);
    }
    let learnt = reveal::learn(party, FIGURES, Learner::First, &words).await?;
    let Some(words) = learnt else { return Ok(None) };
    let mut words: Vec<i64> = words.into_iter().map(u64::cast_signed).collect();
    let spread = of_targets.and_then(|_| words.pop());
    let bias = words.first().copied().unwrap_or_default();
    let absolute = words.get(1).copied().unwrap_or_default();
    // Half the deviance is a difference of exponentials, and less exact.
    let is_sound = (-ROUNDING..SOUND_MAX).contains(&absolute)
        && bias.unsigned_abs() <= (absolute + ROUNDING).unsigned_abs()
        && words.iter().skip(2).all(|word| (-(1 << MEAN_BITS)..SOUND_MAX).contains(word))
        && spread.is_none_or(spread::is_sound);
    if !is_sound {
        let rule = "the figures of so many places cannot be these";
        return Err(party.session.misbehaved("share", rule).into());
    }
    Ok(Some((words, spread)))
}

/// The figures in the unit of the target; `opened` is the variance in the guest's unit of the
/// targets that count, where the guest does not know which do.
fn figures(
    words: &[i64],
    places: &Places<'_>,
    known: Known<'_>,
    (family, opened): (Family, Option<f64>),
) -> NumericEvaluation {
    let (count, size) = (places.count as f64, known.unit.size(family));
    let log_count = places.count.next_power_of_two().ilog2();
    let per_place = 2_f64.powi(log_count as i32) / count;
    let at = |place: usize| words.get(place).copied().unwrap_or_default() as f64;
    let mean = |place: usize| at(place) * per_place / f64::from(1 << MEAN_BITS);
    let unit = Judge::residual_unit(family);
    let [bias, absolute] = [0, 1].map(|place| mean(place) / unit * size);
    let squared = (mean(2) / (unit * unit)).max(0.0) * size * size;
    let deviance = match family.log_link_power() {
        None => squared,
        Some(power) => 2.0 * mean(3).max(0.0) * size.powf(2.0 - power),
    };
    let (variance, spread) = if places.are_known() {
        let targets = known.targets;
        let target_mean = targets.iter().sum::<f64>() / count;
        let mean_of = |term: &dyn Fn(f64) -> f64| targets.iter().copied().map(term).sum::<f64>();
        let variance = mean_of(&|target| (target - target_mean).powi(2)) / count;
        let spread = mean_of(&|target| family.deviance(target, target_mean)) / count;
        (Some(variance), Some(spread))
    } else {
        let variance = opened.map(|variance| variance * size * size);
        (variance, variance.filter(|_| family.log_link_power().is_none()))
    };
    let share = |loss: f64, spread: Option<f64>| {
        spread.filter(|spread| *spread > 0.0).map(|spread| 1.0 - loss / spread)
    };
    NumericEvaluation {
        errors: RegressionErrors {
            rows: places.count,
            rmse: squared.sqrt(),
            mae: absolute.max(0.0),
            bias,
            r2: share(squared, variance),
        },
        deviance,
        d2: share(deviance, spread),
    }
}

/// The targets in the guest's unit, at the guest.
fn check(
    party: &TwoParty,
    places: &Places<'_>,
    family: Family,
) -> Result<Option<Vec<f64>>, ModelError> {
    let length = places.scores.len();
    let fits = length <= PLACES_MAX
        && places.present.len() == length
        && places.known.is_some() == party.is_first()
        && places.known.is_none_or(|known| {
            let filled = known.filled.map_or(length, <[bool]>::len);
            [known.targets.len(), filled] == [length; 2]
        });
    if !fits || family == Family::Binomial {
        return invalid(format!(
            "hidden errors need 1 to {PLACES_MAX} places with a score, targets that are numbers, \
             and these at the guest alone; it got {length} places"
        ));
    }
    let own = places.known.and_then(|known| known.filled);
    let own = own.map_or(length, |filled| filled.iter().filter(|filled| **filled).count());
    if places.count > own {
        return invalid(format!("of {own} places with a row {} cannot count", places.count));
    }
    if places.count < COUNT_MIN {
        return invalid(format!(
            "figures over {} rows would tell of single ones: hidden scores need {COUNT_MIN} test \
             rows. Take a larger share for the test, or `evaluate: {{ scores: open }}`",
            places.count
        ));
    }
    places.known.map(|known| known.scaled(family)).transpose()
}

fn invalid<T>(what: String) -> Result<T, ModelError> {
    Err(ModelError::InvalidInput(what))
}

#[cfg(test)]
mod tests;
