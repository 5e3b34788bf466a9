//! Categories of very many levels, such as postcodes or merchants, as linear models take them: for
//! each row the number of its level, in place of a column of 0 and 1 for each level.

pub use mpc::indicators::{LEVELS_MAX, NO_LEVEL};

use crate::ModelError;

/// One category.
#[derive(Clone, Copy, Debug)]
pub struct LevelColumn<'a> {
    /// The level of each row, below `count`; [`NO_LEVEL`] for a row that has none of its own.
    pub of_rows: &'a [u32],
    /// How many levels there are, from 1 to [`LEVELS_MAX`]; in training each has a row.
    pub count: usize,
}

/// The categories of one party.
#[derive(Clone, Copy, Debug)]
pub struct LevelColumns<'a> {
    /// Each of them, without an order of importance.
    pub columns: &'a [LevelColumn<'a>],
    /// The penalty, in rows: the coefficient of a level counts in the objective as
    /// κ/n·`level_rows`/2·w², where n is the number of rows and κ the curvature of a row's loss:
    /// the largest for the logistic one, 1/4, and the squared one, 1; with a logarithmic link that
    /// of a row with the average mean, as near as a power of two. A level with so many rows, in
    /// which the loss is as curved as that, gets half of what it would get without a penalty.
    pub level_rows: f64,
}

impl LevelColumns<'_> {
    /// λ, what w²/2 of a level's coefficient counts in the objective, for a κ.
    pub fn penalty(&self, rows: usize, curvature: f64) -> f64 {
        curvature * self.level_rows / rows as f64
    }

    /// Refuses columns of other than `rows` rows, or with levels that do not exist or have no row.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`].
    pub fn check(&self, rows: usize) -> Result<(), ModelError> {
        let invalid = |rule: String| Err(ModelError::InvalidInput(rule));
        if !(1.0..=rows as f64).contains(&self.level_rows) {
            return invalid(format!(
                "levels are penalised by {} rows; needed are 1 up to the {rows} training rows",
                self.level_rows
            ));
        }
        for column in self.columns {
            let LevelColumn { of_rows, count } = column;
            let exist = |level: &u32| *level == NO_LEVEL || (*level as usize) < *count;
            let fits = (1..=LEVELS_MAX).contains(count) && of_rows.len() == rows;
            if !fits || !of_rows.iter().all(exist) || column.counts().contains(&0) {
                return invalid(format!(
                    "a category of {count} levels and {} rows, where there are {rows} rows; \
                     possible are 1 to {LEVELS_MAX} levels, each with a row",
                    of_rows.len()
                ));
            }
        }
        Ok(())
    }
}

impl LevelColumn<'_> {
    /// The number of rows of each level.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.count];
        for level in self.of_rows {
            if let Some(count) = counts.get_mut(*level as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// Adds to each row the weight of its level.
    pub fn add_scores(&self, weights: &[f64], scores: &mut [f64]) {
        for (score, level) in scores.iter_mut().zip(self.of_rows) {
            *score += weights.get(*level as usize).copied().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_level_is_refused() {
        let column = LevelColumn { of_rows: &[0, NO_LEVEL, 1, 1], count: 2 };
        let check = |column, level_rows, rows| {
            LevelColumns { columns: &[column], level_rows }.check(rows).is_ok()
        };
        assert!(check(column, 2.0, 4));
        assert!(!check(column, 0.5, 4) && !check(column, 5.0, 4) && !check(column, 2.0, 3));
        assert!(!check(LevelColumn { count: 1, ..column }, 2.0, 4));
        assert!(!check(LevelColumn { count: 3, ..column }, 2.0, 4));
        assert!(!check(LevelColumn { count: 0, ..column }, 2.0, 4));
        assert_eq!(column.counts(), [1, 2]);
        let mut scores = [1.0; 4];
        column.add_scores(&[10.0, 20.0], &mut scores);
        assert_eq!(scores.map(|score| score as u32), [11, 1, 21, 21]);
    }
}
