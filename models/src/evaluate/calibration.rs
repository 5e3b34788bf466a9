//! Whether a score of 0.2 means that 20 in 100 are positive.

use super::{EvaluateError, Ranking};
use serde::Serialize;

/// How well scores read as probabilities agree with what happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Mean squared distance between probability and label: Brier, "Verification of Forecasts
    /// Expressed in Terms of Probability", 1950, in its two-class form. In 0 to 1, 0 is perfect.
    pub brier: f64,
    /// Brier score of always saying the base rate: what any useful score stays under.
    pub brier_of_base_rate: f64,
    /// Mean −ln of the probability given to what happened, in nats. Probabilities are taken into
    /// [1e-15, 1 − 1e-15] first, so that one certain mistake does not make it infinite.
    pub log_loss: f64,
    /// Expected calibration error: distance between mean probability and rate, averaged over the
    /// bins by their weight. Source: Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated
    /// Probabilities Using Bayesian Binning", 2015; here with bins of equal weight.
    pub expected_error: f64,
    /// The largest such distance in any bin.
    pub largest_error: f64,
    /// The bins, lowest probability first.
    pub bins: Vec<CalibrationBin>,
}

/// One bin of the reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CalibrationBin {
    /// Number of rows.
    pub rows: usize,
    /// Weight of the rows.
    pub weight: f64,
    /// Mean probability.
    pub predicted: f64,
    /// Positive share.
    pub observed: f64,
}

/// Calibration over at most `bins` bins of about equal weight.
///
/// Equal scores are never torn apart; a tie group goes to the bin in which its middle lies. Bins of
/// equal weight are used because a score for a rare event leaves most bins of equal width empty.
///
/// # Errors
///
/// [`EvaluateError::NotAProbability`] for a score outside 0 to 1 (the row given is its place in the
/// ranking, best first), [`EvaluateError::Setting`] for fewer than 1 or more than 1,000 bins.
pub fn calibration(ranking: &Ranking, bins: usize) -> Result<Calibration, EvaluateError> {
    if !(1..=1000).contains(&bins) {
        return Err(EvaluateError::setting("calibration bins", &bins, "between 1 and 1000"));
    }
    let mut place = 0;
    for group in ranking.groups() {
        if !(0.0..=1.0).contains(&group.score) {
            return Err(EvaluateError::NotAProbability { row: place, score: group.score });
        }
        place += group.rows;
    }
    let bins = fill_bins(ranking, bins);
    let error = |bin: &CalibrationBin| (bin.predicted - bin.observed).abs();
    let base_rate = ranking.base_rate();
    Ok(Calibration {
        brier: mean(ranking, |score, label| (score - label) * (score - label)),
        brier_of_base_rate: base_rate * (1.0 - base_rate),
        log_loss: mean(ranking, log_loss),
        expected_error: bins.iter().map(|bin| error(bin) * bin.weight).sum::<f64>()
            / ranking.weight(),
        largest_error: bins.iter().map(error).fold(0.0, f64::max),
        bins,
    })
}

/// Weighted mean of a loss of (score, label) over all rows.
fn mean(ranking: &Ranking, loss: impl Fn(f64, f64) -> f64) -> f64 {
    let total: f64 = (ranking.groups().iter())
        .map(|group| {
            group.positives * loss(group.score, 1.0) + group.negatives * loss(group.score, 0.0)
        })
        .sum();
    total / ranking.weight()
}

/// −ln of the probability that `score` gives to `label`.
fn log_loss(score: f64, label: f64) -> f64 {
    let probability = score.clamp(1e-15, 1.0 - 1e-15);
    if label > 0.5 { -probability.ln() } else { -(-probability).ln_1p() }
}

/// Bins of about equal weight, lowest probability first, without empty ones.
fn fill_bins(ranking: &Ranking, bins: usize) -> Vec<CalibrationBin> {
    let mut filled: Vec<(usize, CalibrationBin)> = Vec::new();
    let mut passed = 0.0;
    for group in ranking.groups().iter().rev().filter(|group| group.weight() > 0.0) {
        let middle = (passed + group.weight() / 2.0) / ranking.weight();
        passed += group.weight();
        let place = ((middle * bins as f64) as usize).min(bins - 1);
        if filled.last().is_none_or(|(last, _)| *last != place) {
            filled.push((
                place,
                CalibrationBin { rows: 0, weight: 0.0, predicted: 0.0, observed: 0.0 },
            ));
        }
        if let Some((_, bin)) = filled.last_mut() {
            bin.rows += group.rows;
            bin.weight += group.weight();
            // Sums here; they become means below.
            bin.predicted += group.score * group.weight();
            bin.observed += group.positives;
        }
    }
    let mean = |bin: CalibrationBin| CalibrationBin {
        predicted: bin.predicted / bin.weight,
        observed: bin.observed / bin.weight,
        ..bin
    };
    filled.into_iter().map(|(_, bin)| mean(bin)).collect()
}
