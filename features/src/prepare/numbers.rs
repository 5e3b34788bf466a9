//! Filling, clipping and scaling numbers.

use super::{ColumnSettings, DropReason, Formula};
use crate::{FeaturesError, Provenance};
use serde::{Deserialize, Serialize};

/// What a missing number becomes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Imputation {
    /// The mean of the training values, outliers clipped.
    Mean,
    /// The median of the training values: of an even number the mean of the middle two.
    Median,
    /// This number, finite.
    Constant(f64),
}

/// What happens to extreme numbers, in training and later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outliers {
    /// Nothing.
    Keep,
    /// Clipped at these two quantiles of the training values, `0 <= low < high <= 1`.
    Quantiles {
        /// Lower quantile, such as 0.01.
        low: f64,
        /// Upper quantile, such as 0.99.
        high: f64,
    },
    /// Clipped at so many standard deviations around the mean of the training values; above 0.
    Deviations(f64),
}

/// Fill, clip, move, scale: (clip(x or fill) − centre) / scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberStep {
    fill: f64,
    clip: Option<(f64, f64)>,
    centre: f64,
    scale: f64,
}

impl NumberStep {
    /// Fits on the chosen rows; also says how many of them are missing.
    ///
    /// The scale is the standard deviation with divisor n, as is usual for scaling. The inner
    /// `Err` says why the column gives no feature.
    pub(super) fn fit(
        values: &[f64],
        chosen: &[u32],
        settings: &ColumnSettings,
    ) -> Result<(Result<Self, DropReason>, usize), FeaturesError> {
        let mut present: Vec<f64> = chosen.iter().map(|row| values[*row as usize]).collect();
        present.retain(|value| !value.is_nan());
        let missing = chosen.len() - present.len();
        check(settings)?;
        if present.is_empty() {
            return Ok((Err(DropReason::AllMissing), missing));
        }
        let clip = clip_bounds(&mut present, settings.outliers);
        for value in &mut present {
            *value = clipped(*value, clip);
        }
        let fill = match settings.imputation {
            Imputation::Mean => mean(&present),
            Imputation::Median => quantile(&mut present, 0.5),
            Imputation::Constant(constant) => clipped(constant, clip),
        };
        present.resize(chosen.len(), fill);
        let smallest = present.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = present.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if smallest >= largest {
            return Ok((Err(DropReason::Constant), missing));
        }
        let (centre, scale) =
            if settings.standardise { mean_and_deviation(&present) } else { (0.0, 1.0) };
        // Values that differ by less than rounding can have a deviation of 0 (or, near the largest
        // number, one that is not finite): no model can use them.
        if !(scale.is_finite() && scale > 0.0) {
            return Ok((Err(DropReason::Constant), missing));
        }
        Ok((Ok(Self { fill, clip, centre, scale }), missing))
    }

    /// What does not hold of a step that was read from a file.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let Self { fill, clip, centre, scale } = *self;
        let (low, high) = clip.unwrap_or((0.0, 0.0));
        if ![fill, low, high, centre, scale].into_iter().all(f64::is_finite) {
            return Some("its numbers must be finite");
        }
        if low > high {
            return Some("its lower limit must not be above the upper one");
        }
        (scale <= 0.0).then_some("its scale must be above 0")
    }

    /// The same, for people.
    pub(super) fn formula(&self, provenance: &Provenance) -> Formula {
        let Self { fill, clip, centre, scale } = *self;
        Formula { provenance: provenance.clone(), fill: Some(fill), clip, centre, scale }
    }

    /// The feature of every row.
    pub(super) fn apply(&self, values: &[f64]) -> Vec<f64> {
        let apply = |value: &f64| {
            let value = if value.is_nan() { self.fill } else { clipped(*value, self.clip) };
            (value - self.centre) / self.scale
        };
        values.iter().map(apply).collect()
    }
}

/// 1 where a number is missing, else 0.
pub(super) fn is_missing(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| f64::from(u8::from(value.is_nan()))).collect()
}

/// Checks the settings for numbers.
fn check(settings: &ColumnSettings) -> Result<(), FeaturesError> {
    if let Imputation::Constant(constant) = settings.imputation
        && !constant.is_finite()
    {
        return Err(FeaturesError::setting("imputation constant", &constant, "a finite number"));
    }
    match settings.outliers {
        Outliers::Quantiles { low, high } if !(0.0 <= low && low < high && high <= 1.0) => {
            let expected = "two quantiles, 0 <= low < high <= 1";
            Err(FeaturesError::setting("outlier quantiles", &format!("{low} to {high}"), expected))
        }
        Outliers::Deviations(count) if !(count.is_finite() && count > 0.0) => {
            Err(FeaturesError::setting("outlier deviations", &count, "a number above 0"))
        }
        _ => Ok(()),
    }
}

/// The bounds outside of which numbers are clipped. Reorders `present`.
fn clip_bounds(present: &mut [f64], outliers: Outliers) -> Option<(f64, f64)> {
    match outliers {
        Outliers::Keep => None,
        Outliers::Quantiles { low, high } => {
            Some((quantile(present, low), quantile(present, high)))
        }
        Outliers::Deviations(count) => {
            let (mean, deviation) = mean_and_deviation(present);
            let reach = count * deviation;
            let bounds = (mean - reach, mean + reach);
            (bounds.0.is_finite() && bounds.1.is_finite()).then_some(bounds)
        }
    }
}

fn clipped(value: f64, clip: Option<(f64, f64)>) -> f64 {
    clip.map_or(value, |(low, high)| value.max(low).min(high))
}

/// Mean of at least one number.
fn mean(values: &[f64]) -> f64 {
    let rough = values.iter().sum::<f64>() / values.len() as f64;
    // A second pass takes most of the rounding out, and makes the mean of equal values exact.
    rough + values.iter().map(|value| value - rough).sum::<f64>() / values.len() as f64
}

/// Mean and standard deviation (divisor n) of at least one number.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / values.len() as f64).sqrt())
}

/// Quantile of at least one number by linear interpolation (Hyndman and Fan, 1996, definition 7).
/// Reorders the numbers instead of sorting them.
fn quantile(values: &mut [f64], probability: f64) -> f64 {
    let place = probability * (values.len() - 1) as f64;
    let below = (place.floor() as usize).min(values.len() - 1);
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    low + (place - below as f64) * (high - low)
}
