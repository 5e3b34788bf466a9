//! Models that order rows within groups, on test rows.

use serde::Serialize;

use crate::evaluate::EvaluateError;
use crate::local::boosted_trees::{Labels, judged_groups, ndcg};

/// How good an order is: means over the groups that have rows of different grades.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GradedEvaluation {
    /// Normalised discounted cumulative gain of the first 5 places.
    pub ndcg_5: f64,
    /// The same of the first 10.
    pub ndcg_10: f64,
    /// The same of the first 30.
    pub ndcg_30: f64,
    /// Rows that were ordered.
    pub rows: usize,
    /// Groups with rows of different grades: those that are judged, at least 1.
    pub groups: usize,
}

/// What the partner's data add to an order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GradedComparison {
    /// The model on the guest's own features.
    pub guest_alone: GradedEvaluation,
    /// The model on both parties' features.
    pub joint: GradedEvaluation,
}

impl GradedEvaluation {
    /// Evaluates the order of the rows of each group by falling `scores`; `grades` are at least 0.
    /// `None` where no group has rows of different grades: every order is then as good as another.
    ///
    /// # Errors
    /// [`EvaluateError::NoRows`], [`EvaluateError::LengthsDiffer`],
    /// [`EvaluateError::ScoreNotFinite`].
    pub fn new(
        scores: &[f64],
        grades: &[f64],
        groups: &[u32],
    ) -> Result<Option<Self>, EvaluateError> {
        let rows = scores.len();
        for (what, other) in [("grades", grades.len()), ("groups", groups.len())] {
            if other != rows {
                return Err(EvaluateError::LengthsDiffer { scores: rows, what, other });
            }
        }
        if rows == 0 {
            return Err(EvaluateError::NoRows);
        }
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            return Err(EvaluateError::ScoreNotFinite { row, score: scores[row] });
        }
        let labels = Labels::Graded { grades, groups };
        let all: Vec<u32> = (0..rows as u32).collect();
        let groups = judged_groups(labels, &all);
        let [Some(ndcg_5), Some(ndcg_10), Some(ndcg_30)] =
            [5, 10, 30].map(|places| ndcg(labels, &all, scores, places))
        else {
            return Ok(None);
        };
        Ok(Some(Self { ndcg_5, ndcg_10, ndcg_30, rows, groups }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_places_forgive_less() {
        let grades = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0];
        let scores = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 9.0, 8.0];
        let found = GradedEvaluation::new(&scores, &grades, &[4; 8]).unwrap().unwrap();
        let best = 3.0 + 1.0 / 3_f64.log2();
        assert!((found.ndcg_5 - 3.0 / best).abs() < 1e-12);
        assert!((found.ndcg_10 - (3.0 + 1.0 / 9_f64.log2()) / best).abs() < 1e-12);
        assert!((found.ndcg_30 - found.ndcg_10).abs() < 1e-12);
        assert_eq!((found.rows, found.groups), (8, 1));
        assert!(GradedEvaluation::new(&scores, &grades, &[4; 7]).is_err());
        assert!(GradedEvaluation::new(&[f64::NAN], &[1.0], &[0]).is_err());
    }

    /// Group 1 is the wrong way round; groups 2 and 3 have one grade or one row, and no order.
    #[test]
    fn only_groups_of_different_grades_are_judged() {
        let (grades, groups) = ([0.0, 1.0, 2.0, 2.0, 1.0], [1, 1, 2, 2, 3]);
        let found = GradedEvaluation::new(&[5.0, 4.0, 3.0, 2.0, 1.0], &grades, &groups);
        let found = found.unwrap().unwrap();
        assert!((found.ndcg_5 - 1.0 / 3_f64.log2()).abs() < 1e-12);
        assert_eq!((found.rows, found.groups), (5, 1));
        assert_eq!(GradedEvaluation::new(&[3.0, 2.0, 1.0], &grades[2..], &groups[2..]), Ok(None));
    }
}
