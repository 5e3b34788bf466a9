//! Models that order rows within groups, on test rows.

use serde::Serialize;

use crate::evaluate::EvaluateError;
use crate::local::boosted_trees::{Labels, ndcg};

/// How good an order is: means over the groups that have a grade above 0.
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
    /// Evaluates the order of rows of one group by falling `scores`; `grades` are at least 0.
    ///
    /// # Errors
    /// [`EvaluateError::NoRows`], [`EvaluateError::LengthsDiffer`],
    /// [`EvaluateError::ScoreNotFinite`].
    pub fn new(scores: &[f64], grades: &[f64], groups: &[u32]) -> Result<Self, EvaluateError> {
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
        let of_places = |places| ndcg(labels, &all, scores, places);
        Ok(Self { ndcg_5: of_places(5), ndcg_10: of_places(10), ndcg_30: of_places(30), rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_places_forgive_less() {
        let grades = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0];
        let scores = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 9.0, 8.0];
        let found = GradedEvaluation::new(&scores, &grades, &[4; 8]).unwrap();
        let best = 3.0 + 1.0 / 3_f64.log2();
        assert!((found.ndcg_5 - 3.0 / best).abs() < 1e-12);
        assert!((found.ndcg_10 - (3.0 + 1.0 / 9_f64.log2()) / best).abs() < 1e-12);
        assert!((found.ndcg_30 - found.ndcg_10).abs() < 1e-12 && found.rows == 8);
        assert!(GradedEvaluation::new(&scores, &grades, &[4; 7]).is_err());
        assert!(GradedEvaluation::new(&[f64::NAN], &[1.0], &[0]).is_err());
    }
}
