//! Merging neighbouring bins whose event rates do not differ.

use crate::FeaturesError;
use crate::woe::BinCounts;

/// The 95 % point of χ² with one degree of freedom: the usual threshold.
pub const CHI_SQUARE_95: f64 = 3.841_458_820_694_124;

/// Number of quantile bins that merging starts from.
pub(super) const FINE_BINS: usize = 100;

/// Merges neighbouring bins by χ² and says in which merged bin each bin ends, counted from 0.
///
/// The pair of neighbours with the smallest χ² is merged, the first of equal ones, while there are
/// more than `bins` bins or that χ² is below `threshold`. Source: Kerber, "`ChiMerge`:
/// Discretization of Numeric Attributes", 1992; cells that are expected to be empty add nothing.
pub fn chi_merge(counts: &[BinCounts], bins: usize, threshold: f64) -> Vec<usize> {
    let mut merged: Vec<(usize, BinCounts)> = counts.iter().map(|counts| (1, *counts)).collect();
    while merged.len() > 1 {
        let distances = merged.windows(2).map(|pair| chi_square(pair[0].1, pair[1].1)).enumerate();
        // Of equal distances `min_by` gives the first.
        let closest = distances.min_by(|left, right| left.1.total_cmp(&right.1));
        let Some((place, distance)) = closest else { break };
        if merged.len() <= bins && distance >= threshold {
            break;
        }
        let (members, counts) = merged.remove(place + 1);
        merged[place].0 += members;
        merged[place].1 += counts;
    }
    let places = merged.iter().enumerate();
    places.flat_map(|(place, (members, _))| std::iter::repeat_n(place, *members)).collect()
}

/// The cuts that are left when the bins between them are merged.
pub(super) fn merged_cuts(
    cuts: &[f64],
    counts: &[BinCounts],
    bins: usize,
    threshold: f64,
) -> Result<Vec<f64>, FeaturesError> {
    if !(threshold.is_finite() && threshold >= 0.0) {
        let expected = "a number of at least 0";
        return Err(FeaturesError::setting("chi-merge threshold", &threshold, expected));
    }
    let places = chi_merge(counts, bins, threshold);
    let kept = places.windows(2).zip(cuts).filter(|(pair, _)| pair[0] != pair[1]);
    Ok(kept.map(|(_, cut)| *cut).collect())
}

/// Pearson's χ² of the two-by-two table of two bins and two classes.
fn chi_square(left: BinCounts, right: BinCounts) -> f64 {
    let rows = [left.rows() as f64, right.rows() as f64];
    let classes =
        [(left.positives + right.positives) as f64, (left.negatives + right.negatives) as f64];
    let total = rows[0] + rows[1];
    let cells = [
        (left.positives, rows[0], classes[0]),
        (left.negatives, rows[0], classes[1]),
        (right.positives, rows[1], classes[0]),
        (right.negatives, rows[1], classes[1]),
    ];
    let cell = |(observed, row, class): (u64, f64, f64)| {
        let expected = row * class / total;
        if expected > 0.0 { (observed as f64 - expected).powi(2) / expected } else { 0.0 }
    };
    cells.into_iter().map(cell).sum()
}
