//! The score-band table: rows cut into bands of about equal size by score.

use super::{EvaluateError, Ranking};
use serde::Serialize;

/// One band of scores, with what it holds and what all bands down to it hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// Place from the best, counted from 1. Places that ties leave empty are skipped.
    pub place: usize,
    /// Lowest score in the band.
    pub score_min: f64,
    /// Highest score in the band.
    pub score_max: f64,
    /// Number of rows.
    pub rows: usize,
    /// Weight of the rows (their number where there are no weights).
    pub weight: f64,
    /// Weight of the positives.
    pub positives: f64,
    /// Positive share of the band's weight.
    pub rate: f64,
    /// Rate of the band over the rate of everybody.
    pub lift: f64,
    /// Share of all weight in this band and all better ones.
    pub cumulative_share: f64,
    /// Share of all positives in this band and all better ones.
    pub cumulative_recall: f64,
    /// Positive share of the weight in this band and all better ones.
    pub cumulative_rate: f64,
    /// True minus false positive rate when this band and all better ones are selected.
    pub cumulative_ks: f64,
}

/// Cuts the ranking into at most `bands` bands of about equal weight, best band first.
///
/// A band is an interval of scores, so tied rows are never torn apart: a tie group goes to the band
/// in which its middle lies. With many ties there are fewer bands than asked for.
///
/// # Errors
///
/// [`EvaluateError::Setting`] for fewer than 1 or more than 10,000 bands.
pub fn bands(ranking: &Ranking, bands: usize) -> Result<Vec<Band>, EvaluateError> {
    if !(1..=10_000).contains(&bands) {
        return Err(EvaluateError::setting("bands", &bands, "between 1 and 10000"));
    }
    let (mut passed, mut table) = (0.0, Vec::<Band>::new());
    for group in ranking.groups() {
        let middle = (passed + group.weight() / 2.0) / ranking.weight();
        passed += group.weight();
        let place = ((middle * bands as f64) as usize).min(bands - 1) + 1;
        match table.last_mut().filter(|band| band.place == place) {
            Some(band) => {
                band.score_min = group.score;
                band.rows += group.rows;
                band.weight += group.weight();
                band.positives += group.positives;
            }
            None => table.push(Band {
                place,
                score_min: group.score,
                score_max: group.score,
                rows: group.rows,
                weight: group.weight(),
                positives: group.positives,
                rate: 0.0,
                lift: 0.0,
                cumulative_share: 0.0,
                cumulative_recall: 0.0,
                cumulative_rate: 0.0,
                cumulative_ks: 0.0,
            }),
        }
    }
    accumulate(&mut table, ranking);
    Ok(table)
}

/// Fills in the rates and the cumulative columns.
fn accumulate(table: &mut [Band], ranking: &Ranking) {
    let (mut weight, mut positives) = (0.0, 0.0);
    for band in table {
        weight += band.weight;
        positives += band.positives;
        band.rate = ratio(band.positives, band.weight);
        band.lift = band.rate / ranking.base_rate();
        band.cumulative_share = weight / ranking.weight();
        band.cumulative_recall = positives / ranking.positives();
        band.cumulative_rate = ratio(positives, weight);
        band.cumulative_ks = band.cumulative_recall - (weight - positives) / ranking.negatives();
    }
}

/// `part / whole`, and 0 for a band in which every row has weight 0.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
