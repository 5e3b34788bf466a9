//! What the best-scored share of the rows holds: lift, precision, recall, gains.
//!
//! "The top 5 %" is exactly 5 % of the weight: a row or tie group that the cut goes through counts
//! in proportion (see [`Ranking::positives_within`]), so nothing depends on rounding or row order.

use super::{EvaluateError, Ranking};
use serde::Serialize;

/// What selecting the best-scored share gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TopShare {
    /// The share of all weight that is selected, in (0, 1].
    pub share: f64,
    /// Selected weight (number of rows where there are no weights).
    pub selected: f64,
    /// Weight of the positives among them.
    pub positives: f64,
    /// Positives among the selected: the response rate in the selection.
    pub precision: f64,
    /// Selected among the positives; also called cumulative gain or capture rate.
    pub recall: f64,
    /// Response rate of the selection over that of everybody: recall / share.
    ///
    /// 1 means no better than a random selection. (Some texts subtract 1; this one does not.)
    pub lift: f64,
}

/// Precision, recall and lift of the best-scored `share`, which is in (0, 1].
///
/// Source of the definitions: Řezáč and Řezáč, "How to Measure the Quality of Credit Scoring
/// Models", 2011, section 4 (cumulative lift).
///
/// # Errors
///
/// [`EvaluateError::Setting`] for a share outside (0, 1].
pub fn top(ranking: &Ranking, share: f64) -> Result<TopShare, EvaluateError> {
    if !(share > 0.0 && share <= 1.0) {
        return Err(EvaluateError::setting("top share", &share, "above 0 and at most 1"));
    }
    let selected = share * ranking.weight();
    let positives = ranking.positives_within(share);
    let recall = positives / ranking.positives();
    let (precision, lift) = (positives / selected, recall / share);
    Ok(TopShare { share, selected, positives, precision, recall, lift })
}

/// Lift of the best-scored 5 %: the marketing headline of `metrics.json`.
pub fn lift_5pct(ranking: &Ranking) -> f64 {
    ranking.positives_within(0.05) / ranking.positives() / 0.05
}

/// The cumulative gains table: [`top`] at 1/parts, 2/parts, …, 1. Ten parts are deciles.
///
/// # Errors
///
/// [`EvaluateError::Setting`] for fewer than 1 or more than 10,000 parts.
pub fn gains(ranking: &Ranking, parts: usize) -> Result<Vec<TopShare>, EvaluateError> {
    if !(1..=10_000).contains(&parts) {
        return Err(EvaluateError::setting("gains parts", &parts, "between 1 and 10000"));
    }
    (1..=parts).map(|part| top(ranking, part as f64 / parts as f64)).collect()
}
