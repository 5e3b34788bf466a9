//! Cutting numbers into intervals.

use crate::binned;
use crate::woe::BinCounts;

/// The present values of the chosen rows in ascending order.
pub(crate) fn sorted_present(values: &[f64], chosen: &[u32]) -> Vec<f64> {
    let mut sorted: Vec<f64> = chosen.iter().map(|row| values[*row as usize]).collect();
    sorted.retain(|value| !value.is_nan());
    // Adding 0 turns -0 into 0, so that the two are one value in every order.
    for value in &mut sorted {
        *value += 0.0;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// Inner edges of at most `bins` bins that hold about equally many of the sorted values.
///
/// Edges are values that occur (the b/bins quantile of Hyndman and Fan's definition 1), so that
/// equal values are never torn apart. At most `bins` distinct values get a bin each.
#[expect(clippy::float_cmp, reason = "exactly equal values are ties")]
pub(super) fn quantile(sorted: &[f64], bins: usize) -> Vec<f64> {
    let Some(&largest) = sorted.last() else { return Vec::new() };
    let runs = sorted.chunk_by(|left, right| left == right).take(bins + 1);
    let mut cuts: Vec<f64> = runs.map(|run| run[0]).collect();
    if cuts.len() > bins {
        let edge = |bin: usize| sorted[(bin * sorted.len()).div_ceil(bins) - 1];
        cuts = (1..bins).map(edge).collect();
        cuts.dedup();
    }
    // A cut at the largest value would leave an empty last bin.
    cuts.retain(|cut| *cut < largest);
    cuts
}

/// Inner edges of `bins` bins of equal width between the smallest and the largest value.
pub(super) fn equal_width(sorted: &[f64], bins: usize) -> Vec<f64> {
    let (Some(&smallest), Some(&largest)) = (sorted.first(), sorted.last()) else {
        return Vec::new();
    };
    // Weighted ends instead of a width: the width of an extreme range may not be finite.
    let edge = |bin: usize| {
        let part = bin as f64 / bins as f64;
        smallest * (1.0 - part) + largest * part
    };
    let mut cuts: Vec<f64> = (1..bins).map(edge).collect();
    cuts.retain(|cut| *cut >= smallest && *cut < largest);
    cuts.dedup();
    cuts
}

/// The code of a value: 0 for NaN, else one more than the number of cuts below it.
pub(super) fn code(cuts: &[f64], value: f64) -> u8 {
    if value.is_nan() {
        binned::MISSING
    } else {
        cuts.partition_point(|cut| *cut < value) as u8 + 1
    }
}

/// For each bin (the missing one left out) how many chosen rows of either label it holds.
pub(super) fn count(cuts: &[f64], values: &[f64], chosen: &[u32], labels: &[u8]) -> Vec<BinCounts> {
    let mut counts = vec![BinCounts::default(); cuts.len() + 1];
    for row in chosen.iter().map(|row| *row as usize) {
        if let Some(bin) = usize::from(code(cuts, values[row])).checked_sub(1) {
            counts[bin].add(labels[row]);
        }
    }
    counts
}

/// The label of each bin.
pub(super) fn labels(cuts: &[f64]) -> impl Iterator<Item = String> {
    let texts = texts(cuts);
    (1..=cuts.len() + 1).map(move |bin| between(&texts, bin, bin))
}

/// The label of the bins from `first` to `last` (counted from 1) together.
pub(super) fn interval(cuts: &[f64], first: usize, last: usize) -> String {
    between(&texts(cuts), first, last)
}

fn between(texts: &[String], first: usize, last: usize) -> String {
    let lower = if first > 1 { &texts[first - 2] } else { "-∞" };
    match texts.get(last - 1) {
        Some(upper) => format!("({lower}, {upper}]"),
        None => format!("({lower}, ∞)"),
    }
}

/// The cuts with as few digits, at least 4, as keep them apart.
fn texts(cuts: &[f64]) -> Vec<String> {
    for digits in 4..17 {
        let texts: Vec<String> = cuts.iter().map(|cut| rounded(*cut, digits)).collect();
        if texts.windows(2).all(|pair| pair[0] != pair[1]) {
            return texts;
        }
    }
    cuts.iter().map(f64::to_string).collect()
}

/// A number with at most so many significant digits and no needless zeros.
fn rounded(value: f64, digits: usize) -> String {
    // Integers below a million million are read better in full.
    if value.fract() == 0.0 && value.abs() < 1e12 {
        return value.to_string();
    }
    let short: f64 = format!("{value:.*e}", digits - 1).parse().unwrap_or(value);
    let magnitude = short.abs();
    if (1e-4..1e15).contains(&magnitude) { short.to_string() } else { format!("{short:e}") }
}
