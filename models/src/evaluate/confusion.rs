//! Decisions at one threshold.

use super::Ranking;
use serde::Serialize;

/// Counts (weights, where there are any) of right and wrong decisions when every row with a score
/// of at least the threshold is called positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Confusion {
    /// The threshold.
    pub threshold: f64,
    /// Positives called positive.
    pub true_positives: f64,
    /// Negatives called positive.
    pub false_positives: f64,
    /// Negatives called negative.
    pub true_negatives: f64,
    /// Positives called negative.
    pub false_negatives: f64,
}

impl Confusion {
    /// Decides at `threshold`: a score of at least the threshold is called positive.
    pub fn at(ranking: &Ranking, threshold: f64) -> Self {
        let selected = ranking.groups().iter().take_while(|group| group.score >= threshold);
        let (true_positives, false_positives) = selected
            .fold((0.0, 0.0), |(right, wrong), group| {
                (right + group.positives, wrong + group.negatives)
            });
        Self {
            threshold,
            true_positives,
            false_positives,
            true_negatives: ranking.negatives() - false_positives,
            false_negatives: ranking.positives() - true_positives,
        }
    }

    /// Right decisions among all, in 0 to 1.
    pub fn accuracy(&self) -> f64 {
        let right = self.true_positives + self.true_negatives;
        right / (right + self.false_positives + self.false_negatives)
    }

    /// Positives among those called positive; 0 where nothing is.
    pub fn precision(&self) -> f64 {
        let called = self.true_positives + self.false_positives;
        if called > 0.0 { self.true_positives / called } else { 0.0 }
    }

    /// Those called positive among the positives.
    pub fn recall(&self) -> f64 {
        self.true_positives / (self.true_positives + self.false_negatives)
    }

    /// Harmonic mean of precision and recall; 0 where both are 0.
    pub fn f1(&self) -> f64 {
        2.0 * self.true_positives
            / (2.0 * self.true_positives + self.false_positives + self.false_negatives)
    }
}
