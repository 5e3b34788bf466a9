//! Gradient-based one-side sampling: each tree sees all rows with great derivatives, and of the
//! others a sample.
//!
//! Ke et al., `LightGBM`, NIPS 2017, section 3.2: what is left of the small derivatives counts as
//! many times as rows were left out, so that sums are right on average. Here a row's size is the
//! magnitude of its first derivative times its weight, for several classes that of the tree's own
//! class, and every tree is grown on a sample, the first ones too.

use crypto::random::Generator;
use serde::{Deserialize, Serialize};

/// How many rows a tree sees, as shares of the training rows; together at most all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneSide {
    /// Of the rows with the greatest derivatives: above 0, below 1.
    pub top: f64,
    /// Of the others, drawn by the public seed: above 0, below 1.
    pub other: f64,
}

/// The rows that a tree sees.
pub(super) struct Sample {
    /// All, ascending.
    pub(super) rows: Vec<u32>,
    /// Those of them that were drawn.
    pub(super) drawn: Vec<u32>,
}

impl OneSide {
    /// Whether the shares are within their ranges.
    pub(super) fn is_valid(self) -> bool {
        let share = |value: f64| value > 0.0 && value < 1.0;
        share(self.top) && share(self.other) && self.top + self.other <= 1.0
    }

    /// Number of rows with the greatest derivatives, and of others that are drawn, of so many.
    fn counts(self, rows: usize) -> (usize, usize) {
        let count = |share: f64| (share * rows as f64).round() as usize;
        let top = count(self.top).clamp(1, rows);
        (top, count(self.other).max(1).min(rows - top))
    }

    /// How many times a drawn row counts, of so many training rows.
    pub(super) fn factor(self, rows: usize) -> f64 {
        let (top, drawn) = self.counts(rows);
        if drawn == 0 { 1.0 } else { (rows - top) as f64 / drawn as f64 }
    }

    /// Chooses among `rows`, ascending, by their size; of equal ones the first are greater.
    pub(super) fn sample(
        self,
        rows: &[u32],
        size: impl Fn(usize) -> f64,
        mut stream: Generator,
    ) -> Sample {
        let (top, drawn) = self.counts(rows.len());
        let mut sized: Vec<(f64, u32)> =
            rows.iter().map(|row| (size(*row as usize), *row)).collect();
        sized.sort_unstable_by(|one, other| {
            other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1))
        });
        let (greatest, rest) = sized.split_at(top);
        let mut rest: Vec<u32> = rest.iter().map(|(_, row)| *row).collect();
        rest.sort_unstable();
        for place in 0..drawn {
            let left = (rest.len() - place) as u64;
            rest.swap(place, place + stream.below(left) as usize);
        }
        rest.truncate(drawn);
        let mut rows: Vec<u32> = greatest.iter().map(|(_, row)| *row).chain(rest.clone()).collect();
        rows.sort_unstable();
        Sample { rows, drawn: rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn great_ones_are_all_there_and_others_count_for_those_that_are_not() {
        let rows: Vec<u32> = (0..1000).map(|row| 2 * row).collect();
        let one_side = OneSide { top: 0.2, other: 0.1 };
        // 200 rows of size 5 and less otherwise; ties go to the first rows.
        let size = |row: usize| if row < 300 { 5.0 } else { 0.001 * (row % 7) as f64 };
        let sample = one_side.sample(&rows, size, Generator::from_seed([1; 32]));
        assert_eq!((sample.rows.len(), sample.drawn.len()), (300, 100));
        assert!(sample.rows.is_sorted_by(|one, next| one < next));
        assert!((0..150).all(|row| sample.rows.contains(&(2 * row))));
        // Of those of size 0.006, which come next, the first fifty.
        let next: Vec<u32> =
            rows.iter().copied().filter(|row| *row >= 300 && row % 7 == 6).collect();
        assert!(next[..50].iter().all(|row| sample.rows.contains(row)));
        assert!(sample.drawn.iter().all(|row| !next[..50].contains(row) && *row >= 300));
        assert!((one_side.factor(1000) - 8.0).abs() < 1e-12);
        let other = one_side.sample(&rows, size, Generator::from_seed([2; 32]));
        assert_ne!(sample.drawn, other.drawn);
    }

    #[test]
    fn few_rows_are_all_seen() {
        let one_side = OneSide { top: 0.5, other: 0.5 };
        for rows in 1..4_u32 {
            let all: Vec<u32> = (0..rows).collect();
            let sample = one_side.sample(&all, |_| 1.0, Generator::from_seed([3; 32]));
            assert_eq!(sample.rows, all);
            assert!((one_side.factor(all.len()) - 1.0).abs() < 1e-12);
        }
    }
}
