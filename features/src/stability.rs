//! Whether something is distributed in new rows as it was in training rows.
//!
//! The stability index (in credit scoring called population or characteristic stability index) is
//! Σ (a − e) ln(a / e) over bins, with e and a the shares of training and new rows in a bin. It is
//! the Jeffreys divergence of the two distributions. Sources: Lewis, "An Introduction to Credit
//! Scoring", 1994; Siddiqi, "Credit Risk Scorecards", 2006. Its bands are conventions, and it grows
//! by about (bins − 1)(1/n + 1/m) from sampling alone (Yurdakul and Naranjo, 2020).

use crate::FeaturesError;
use crate::binning::Binning;
use crate::column::Column;
use crate::error::{TRAINING, check_rows};
use serde::Serialize;

/// What an empty bin counts as, in rows: a share of 0 would make the index infinite.
pub const EMPTY_BIN_ROWS: f64 = 0.5;

/// The rows whose distribution is compared with that of training, in messages.
const COMPARED: &str = "the part compared with training";

/// How much a distribution has moved, in the customary words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// At most 0.1.
    Stable,
    /// Above 0.1 and at most 0.25: look into it.
    Minor,
    /// Above 0.25: the model should be looked at again.
    Major,
}

impl Shift {
    /// The word for a stability index.
    pub fn of(index: f64) -> Self {
        match index {
            index if index <= 0.1 => Self::Stable,
            index if index <= 0.25 => Self::Minor,
            _ => Self::Major,
        }
    }
}

/// The stability of one feature or score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stability {
    /// The stability index, at least 0.
    pub index: f64,
    /// The customary word for it.
    pub shift: Shift,
    /// The bins that hold rows on either side.
    pub bins: Vec<StabilityBin>,
}

/// One bin of a stability table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StabilityBin {
    /// What is in the bin, such as "(1.5, 3.2]".
    pub label: String,
    /// Share of the training rows.
    pub expected: f64,
    /// Share of the new rows.
    pub actual: f64,
    /// What the bin adds to the index.
    pub index: f64,
}

/// The stability index of counts per bin, `expected` in training and `actual` in new rows.
///
/// Bins that are empty on both sides count for nothing; one that is empty on one side counts as
/// [`EMPTY_BIN_ROWS`] there.
///
/// # Errors
///
/// [`FeaturesError::LengthsDiffer`], or [`FeaturesError::NoRows`] where one side is empty.
pub fn stability_index(expected: &[u64], actual: &[u64]) -> Result<f64, FeaturesError> {
    Ok(parts(expected, actual)?.iter().map(|part| part.2).sum())
}

/// The stability of a column between training rows and other rows, over the bins of `binning`.
///
/// # Errors
///
/// Those of [`Binning::codes`] and [`stability_index`], or a row outside of the column.
pub fn feature_stability(
    binning: &Binning,
    column: &Column<'_>,
    training_rows: &[u32],
    new_rows: &[u32],
) -> Result<Stability, FeaturesError> {
    let codes = binning.codes(column)?;
    let count = |chosen: &[u32], what| {
        check_rows(codes.len(), chosen, what)?;
        let mut counts = vec![0_u64; binning.codes_count()];
        for row in chosen {
            counts[usize::from(codes[*row as usize])] += 1;
        }
        Ok::<_, FeaturesError>(counts)
    };
    table(&binning.labels(), &count(training_rows, TRAINING)?, &count(new_rows, COMPARED)?)
}

/// The stability of a score over `bins` bins that hold equally many training rows each.
///
/// # Errors
///
/// An empty side, a score that is NaN or infinite, or a number of bins out of range.
pub fn score_stability(
    training: &[f64],
    new: &[f64],
    bins: usize,
) -> Result<Stability, FeaturesError> {
    let all: Vec<f64> = training.iter().chain(new).copied().collect();
    let rows = |range: std::ops::Range<usize>| range.map(|row| row as u32).collect::<Vec<_>>();
    let training_rows = rows(0..training.len());
    let column = Column::numbers("score", &all);
    let binning = Binning::quantile(&column, &training_rows, bins)?;
    feature_stability(&binning, &column, &training_rows, &rows(training.len()..all.len()))
}

/// A stability table from counts per bin and the bins' labels.
fn table(labels: &[String], expected: &[u64], actual: &[u64]) -> Result<Stability, FeaturesError> {
    let parts = parts(expected, actual)?;
    let bins = labels.iter().zip(&parts).filter(|(_, part)| part.0 > 0.0 || part.1 > 0.0);
    let bins = bins.map(|(label, &(expected, actual, index))| StabilityBin {
        label: label.clone(),
        expected,
        actual,
        index,
    });
    let bins: Vec<_> = bins.collect();
    let index = bins.iter().map(|bin| bin.index).sum();
    Ok(Stability { index, shift: Shift::of(index), bins })
}

/// For each bin the two shares and what they add to the index.
fn parts(expected: &[u64], actual: &[u64]) -> Result<Vec<(f64, f64, f64)>, FeaturesError> {
    if expected.len() != actual.len() {
        let (what, expected, got) = ("the counts".to_owned(), expected.len(), actual.len());
        return Err(FeaturesError::LengthsDiffer { what, expected, got });
    }
    let total = |counts: &[u64], what| match counts.iter().sum::<u64>() {
        0 => Err(FeaturesError::NoRows { what }),
        total => Ok(total as f64),
    };
    let expected_total = total(expected, TRAINING)?;
    let actual_total = total(actual, COMPARED)?;
    let part = |(&expected, &actual): (&u64, &u64)| {
        if expected == 0 && actual == 0 {
            return (0.0, 0.0, 0.0);
        }
        let share = |count: u64, total: f64| (count as f64).max(EMPTY_BIN_ROWS) / total;
        let (e, a) = (share(expected, expected_total), share(actual, actual_total));
        let index = (a - e) * (a / e).ln();
        (expected as f64 / expected_total, actual as f64 / actual_total, index)
    };
    Ok(expected.iter().zip(actual).map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_worked_example() {
        // (0.3-0.2) ln 1.5 + (0.5-0.5) ln 1 + (0.2-0.3) ln(2/3), by hand.
        let index = stability_index(&[20, 50, 30], &[300, 500, 200]).unwrap();
        assert!((index - 0.2 * 1.5_f64.ln()).abs() < 1e-15);
        assert_eq!(Shift::of(index), Shift::Stable);
    }

    #[test]
    fn an_empty_bin_counts_as_half_a_row() {
        let index = stability_index(&[10, 0], &[5, 5]).unwrap();
        let by_hand = (0.5 - 1.0) * 0.5_f64.ln() + (0.5 - 0.05) * 10.0_f64.ln();
        assert!((index - by_hand).abs() < 1e-15);
    }

    #[test]
    fn an_empty_side_is_an_error() {
        assert!(matches!(stability_index(&[1], &[0]), Err(FeaturesError::NoRows { .. })));
        assert!(score_stability(&[], &[0.5], 10).is_err());
        assert!(matches!(stability_index(&[1], &[]), Err(FeaturesError::LengthsDiffer { .. })));
    }

    #[test]
    fn a_moved_score_is_seen() {
        let training: Vec<f64> = (0..1000).map(|row| f64::from(row) / 1000.0).collect();
        let moved: Vec<f64> = training.iter().map(|score| (score * 1.6).min(1.0)).collect();
        assert_eq!(score_stability(&training, &training, 10).unwrap().shift, Shift::Stable);
        let stability = score_stability(&training, &moved, 10).unwrap();
        assert_eq!(stability.shift, Shift::Major);
        assert_eq!(stability.bins.len(), 10);
    }

    proptest! {
        #[test]
        fn never_negative_and_symmetric(
            counts in prop::collection::vec((1_u64..1000, 1_u64..1000), 1..20),
        ) {
            let (expected, actual): (Vec<_>, Vec<_>) = counts.into_iter().unzip();
            let forth = stability_index(&expected, &actual).unwrap();
            let back = stability_index(&actual, &expected).unwrap();
            prop_assert!(forth >= 0.0);
            prop_assert!((forth - back).abs() < 1e-12);
        }
    }
}
