//! Scored rows in order, with equal scores grouped.

use super::{EvaluateError, check_scores, check_weights, weight_of};

/// Rows that have the same score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TieGroup {
    /// The score they share.
    pub score: f64,
    /// Number of rows.
    pub rows: usize,
    /// Total weight of the positive rows (their number where there are no weights).
    pub positives: f64,
    /// Total weight of the negative rows.
    pub negatives: f64,
}

impl TieGroup {
    /// Total weight of the group.
    pub fn weight(&self) -> f64 {
        self.positives + self.negatives
    }
}

/// Scored and labelled rows from the highest score to the lowest, equal scores grouped.
///
/// Both classes are present with a weight above 0, and every number is finite: each ranking figure
/// is a total function of a ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    groups: Vec<TieGroup>,
    positives: f64,
    negatives: f64,
}

impl Ranking {
    /// Orders rows by score.
    ///
    /// `labels` are 0 or 1; `weights`, where given, are finite and at least 0. The three columns
    /// have one entry per row.
    ///
    /// # Errors
    ///
    /// No rows, unequal lengths, a score that is not finite, a label other than 0 and 1, an invalid
    /// weight, or only one class: each named in [`EvaluateError`].
    #[expect(clippy::float_cmp, reason = "exactly equal scores are ties")]
    pub fn new(
        scores: &[f64],
        labels: &[u8],
        weights: Option<&[f64]>,
    ) -> Result<Self, EvaluateError> {
        check(scores, labels, weights)?;
        let order = descending(scores);
        let mut groups: Vec<TieGroup> = Vec::new();
        for row in order {
            let row = row as usize;
            let (score, weight) = (scores[row], weight_of(weights, row));
            if groups.last().is_none_or(|group| group.score != score) {
                groups.push(TieGroup { score, rows: 0, positives: 0.0, negatives: 0.0 });
            }
            if let Some(group) = groups.last_mut() {
                group.rows += 1;
                if labels[row] == 1 { group.positives += weight } else { group.negatives += weight }
            }
        }
        Self::from_groups(groups)
    }

    /// A ranking of groups that are already in strictly descending order of score.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::OneClass`] where a class has no weight.
    pub(super) fn from_groups(groups: Vec<TieGroup>) -> Result<Self, EvaluateError> {
        let positives = groups.iter().map(|group| group.positives).sum();
        let negatives = groups.iter().map(|group| group.negatives).sum();
        if positives <= 0.0 || negatives <= 0.0 {
            let rows = groups.iter().map(|group| group.rows).sum();
            return Err(EvaluateError::OneClass { positive: positives > 0.0, rows });
        }
        Ok(Self { groups, positives, negatives })
    }

    /// The groups of equal score, highest score first.
    pub fn groups(&self) -> &[TieGroup] {
        &self.groups
    }

    /// Total weight of the positive rows; above 0.
    pub fn positives(&self) -> f64 {
        self.positives
    }

    /// Total weight of the negative rows; above 0.
    pub fn negatives(&self) -> f64 {
        self.negatives
    }

    /// Total weight.
    pub fn weight(&self) -> f64 {
        self.positives + self.negatives
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.groups.iter().map(|group| group.rows).sum()
    }

    /// Share of the weight that is positive, in (0, 1).
    pub fn base_rate(&self) -> f64 {
        self.positives / self.weight()
    }

    /// Weight of the positives among the best-scored `share` of the total weight.
    ///
    /// A group that the cut goes through counts in proportion: that is the expected value when tied
    /// rows are taken in random order, and it does not depend on how rows are stored. `share` is
    /// taken into 0 to 1.
    pub fn positives_within(&self, share: f64) -> f64 {
        let wanted = share.clamp(0.0, 1.0) * self.weight();
        let (mut taken, mut found) = (0.0, 0.0);
        for group in &self.groups {
            if taken + group.weight() >= wanted {
                let part =
                    if group.weight() > 0.0 { (wanted - taken) / group.weight() } else { 0.0 };
                return found + part * group.positives;
            }
            taken += group.weight();
            found += group.positives;
        }
        found
    }
}

/// Row numbers from the highest score to the lowest; equal scores in the order of the rows.
pub(super) fn descending(scores: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_by(|&left, &right| scores[right as usize].total_cmp(&scores[left as usize]));
    order
}

/// Checks everything that [`Ranking::new`] promises except that both classes are there.
fn check(scores: &[f64], labels: &[u8], weights: Option<&[f64]>) -> Result<(), EvaluateError> {
    if scores.is_empty() {
        return Err(EvaluateError::NoRows);
    }
    if labels.len() != scores.len() {
        let (scores, other) = (scores.len(), labels.len());
        return Err(EvaluateError::LengthsDiffer { scores, what: "labels", other });
    }
    check_scores(scores)?;
    check_weights(scores.len(), weights)?;
    match labels.iter().position(|label| *label > 1) {
        Some(row) => Err(EvaluateError::LabelNotBinary { row, label: labels[row] }),
        None => Ok(()),
    }
}
