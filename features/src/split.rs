//! Which rows are for training, for validation and for the test.
//!
//! Rows are numbered in the common order of the aligned tables: a list of row numbers means the
//! same to both parties. A random split follows from the job's public seed; both parties make
//! it for themselves. A stratified split depends on the labels and a split by time on the time
//! column: the party that holds them makes the split and tells the other one the row numbers, which
//! says which rows are test rows (and, by time, which are late) and is declared as a disclosure.
//!
//! Validation rows are a part of the training period: early stopping looks at them, nothing is
//! fitted on test rows.

use crate::FeaturesError;
use crate::error::TRAINING;
use crypto::random::Generator;
use serde::{Deserialize, Serialize};

/// Row numbers of the three parts, each ascending; together every row exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Rows that everything is fitted on.
    pub training: Vec<u32>,
    /// Rows of the training period that early stopping looks at; empty where none are asked for.
    pub validation: Vec<u32>,
    /// Rows that nothing but the evaluation looks at.
    pub test: Vec<u32>,
}

/// How large the parts are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Share of all rows that are test rows, above 0 and below 1.
    pub test: f64,
    /// Share of the remaining rows that are validation rows, from 0 to below 1.
    pub validation: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { test: 0.3, validation: 0.2 }
    }
}

/// Splits at random: the same seed and number of rows give the same split everywhere.
///
/// # Errors
///
/// Shares out of range, or too few rows for every part to have one.
pub fn random(
    rows: usize,
    shares: Shares,
    generator: &mut Generator,
) -> Result<Split, FeaturesError> {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    generator.shuffle(&mut order);
    Split::of_order(&order, shares)
}

/// Splits at random so that every part has the same share of each class (to within one row).
///
/// `labels` are classes, counted from 0; there are at least two. Needs the labels: made by the
/// party that holds them.
///
/// # Errors
///
/// Shares out of range, or a class with too few rows for every part to have one.
pub fn stratified(
    labels: &[u8],
    shares: Shares,
    generator: &mut Generator,
) -> Result<Split, FeaturesError> {
    let last = labels.iter().copied().max().unwrap_or_default().max(1);
    let mut split = Split { training: Vec::new(), validation: Vec::new(), test: Vec::new() };
    for class in 0..=last {
        let rows = 0..labels.len() as u32;
        let mut order: Vec<u32> = rows.filter(|row| labels[*row as usize] == class).collect();
        generator.shuffle(&mut order);
        let of_class = Split::of_order(&order, shares).map_err(|error| match error {
            FeaturesError::NoRows { .. } => {
                FeaturesError::ClassTooSmall { class, rows: order.len() }
            }
            error => error,
        })?;
        split.training.extend(of_class.training);
        split.validation.extend(of_class.validation);
        split.test.extend(of_class.test);
    }
    Ok(split.sorted())
}

/// Splits by time: the last rows are test rows, the last ones before them validation rows.
///
/// `times` has one entry per row in any unit that grows with time; rows of equal time stand in the
/// common order, which says nothing about time by itself.
///
/// # Errors
///
/// Shares out of range, or too few rows for every part to have one.
pub fn by_time<T: Ord>(times: &[T], shares: Shares) -> Result<Split, FeaturesError> {
    let mut order: Vec<u32> = (0..times.len() as u32).collect();
    order.sort_by(|&left, &right| times[left as usize].cmp(&times[right as usize]));
    Split::of_order(&order, shares)
}

impl Split {
    /// A split of `rows` rows from a list of test rows and one of validation rows that the other
    /// party sent, in any order.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::RowOutside`] for a row beyond the table or given twice, and
    /// [`FeaturesError::NoRows`] where no training or no test row is left.
    pub fn from_lists(
        rows: usize,
        validation: Vec<u32>,
        test: Vec<u32>,
    ) -> Result<Self, FeaturesError> {
        let mut is_training = vec![true; rows];
        for row in validation.iter().chain(&test) {
            let outside = FeaturesError::RowOutside { row: *row as usize, rows };
            match is_training.get_mut(*row as usize) {
                Some(slot) if *slot => *slot = false,
                _ => return Err(outside),
            }
        }
        let training: Vec<u32> =
            (0..rows as u32).filter(|row| is_training[*row as usize]).collect();
        if training.is_empty() || test.is_empty() {
            let what = if test.is_empty() { "the test part" } else { TRAINING };
            return Err(FeaturesError::NoRows { what });
        }
        Ok(Self { training, validation, test }.sorted())
    }

    /// Rows in an order of which the end is for the test and what is before that for validation.
    fn of_order(order: &[u32], shares: Shares) -> Result<Self, FeaturesError> {
        if !(shares.test > 0.0 && shares.test < 1.0) {
            let expected = "above 0 and below 1";
            return Err(FeaturesError::setting("test share", &shares.test, expected));
        }
        if !(0.0..1.0).contains(&shares.validation) {
            let expected = "from 0 to below 1";
            return Err(FeaturesError::setting("validation share", &shares.validation, expected));
        }
        let test = (order.len() as f64 * shares.test).round() as usize;
        let (before, test) = order.split_at(order.len() - test);
        let validation = (before.len() as f64 * shares.validation).round() as usize;
        let (training, validation) = before.split_at(before.len() - validation);
        for (part, what) in [(training, TRAINING), (test, "the test part")] {
            if part.is_empty() {
                return Err(FeaturesError::NoRows { what });
            }
        }
        if validation.is_empty() && shares.validation > 0.0 {
            return Err(FeaturesError::NoRows { what: "the validation part" });
        }
        let (training, validation) = (training.to_vec(), validation.to_vec());
        Ok(Self { training, validation, test: test.to_vec() }.sorted())
    }

    fn sorted(mut self) -> Self {
        for part in [&mut self.training, &mut self.validation, &mut self.test] {
            part.sort_unstable();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn generator() -> Generator {
        Generator::from_seed([7; 32])
    }

    fn assert_partition(split: &Split, rows: usize) {
        let parts = [&split.training, &split.validation, &split.test];
        let mut all: Vec<u32> = parts.into_iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..rows as u32).collect::<Vec<_>>());
        assert!(parts.iter().all(|part| part.is_sorted()));
    }

    #[test]
    fn by_time_tests_on_the_latest_rows() {
        let times = [50, 10, 40, 20, 30, 60, 5, 70, 80, 90];
        let split = by_time(&times, Shares { test: 0.3, validation: 0.3 }).unwrap();
        assert_partition(&split, 10);
        assert_eq!(split.test, [7, 8, 9]);
        assert_eq!(split.validation, [0, 5]);
    }

    #[test]
    fn a_seed_gives_one_split() {
        let split = random(1000, Shares::default(), &mut generator()).unwrap();
        assert_eq!(split, random(1000, Shares::default(), &mut generator()).unwrap());
        let other = random(1000, Shares::default(), &mut Generator::from_seed([8; 32])).unwrap();
        assert_ne!(split, other);
        assert_eq!((split.test.len(), split.validation.len()), (300, 140));
    }

    #[test]
    fn bad_shares_and_tiny_tables_are_errors() {
        for test in [0.0, 1.0, -0.1, f64::NAN, 2.0] {
            let shares = Shares { test, validation: 0.0 };
            assert!(matches!(
                random(10, shares, &mut generator()),
                Err(FeaturesError::Setting { .. })
            ));
        }
        for rows in 0..3 {
            let split = random(rows, Shares { test: 0.3, validation: 0.3 }, &mut generator());
            assert!(matches!(split, Err(FeaturesError::NoRows { .. })), "{rows} rows");
        }
    }

    #[test]
    fn lists_from_the_other_party_are_checked() {
        let split = Split::from_lists(5, vec![3], vec![4, 0]).unwrap();
        assert_eq!((split.training, split.test), (vec![1, 2], vec![0, 4]));
        for (validation, test) in [(vec![], vec![5]), (vec![1], vec![1]), (vec![], vec![2, 2])] {
            let split = Split::from_lists(5, validation, test);
            assert!(matches!(split, Err(FeaturesError::RowOutside { .. })));
        }
        assert!(Split::from_lists(2, vec![0], vec![1]).is_err());
        assert!(Split::from_lists(2, vec![0], vec![]).is_err());
    }

    #[test]
    fn stratified_parts_have_every_class() {
        let labels: Vec<u8> = (0..100).map(|row| (row % 10).min(3)).collect();
        let split = stratified(&labels, Shares::default(), &mut generator()).unwrap();
        assert_partition(&split, labels.len());
        for (class, expected) in [(0, 3), (1, 3), (2, 3), (3, 21)] {
            let of_class = |row: &&u32| labels[**row as usize] == class;
            assert_eq!(split.test.iter().filter(of_class).count(), expected, "class {class}");
        }
        // A class of one row cannot be in every part, and a class that is missing in none.
        for labels in [[0, 0, 0, 0, 1, 1, 1, 1, 2], [0, 0, 0, 0, 2, 2, 2, 2, 2]] {
            let split = stratified(&labels, Shares::default(), &mut generator());
            assert!(matches!(split, Err(FeaturesError::ClassTooSmall { .. })), "{split:?}");
        }
    }

    proptest! {
        #[test]
        fn stratified_parts_have_the_same_rate(
            positives in 10_usize..200,
            negatives in 10_usize..400,
            test in 0.1_f64..0.6,
        ) {
            let labels: Vec<u8> =
                (0..positives + negatives).map(|row| u8::from(row < positives)).collect();
            let shares = Shares { test, validation: 0.2 };
            let split = stratified(&labels, shares, &mut generator()).unwrap();
            assert_partition(&split, labels.len());
            let in_test = split.test.iter().filter(|row| labels[**row as usize] == 1).count();
            prop_assert!((in_test as f64 - positives as f64 * test).abs() <= 0.5);
        }
    }
}
