//! How well a score separates positives from negatives.

use super::Ranking;
use serde::Serialize;

/// Area under the ROC curve: the chance that a random positive scores above a random negative,
/// a tie counting one half. In 0 to 1; 0.5 is no better than chance.
///
/// Source: Hanley and `McNeil`, "The Meaning and Use of the Area under a ROC Curve", 1982; with
/// weights, pairs count by the product of their weights.
pub fn auc(ranking: &Ranking) -> f64 {
    let (mut positives_above, mut area) = (0.0, 0.0);
    for group in ranking.groups() {
        area += group.negatives * (positives_above + 0.5 * group.positives);
        positives_above += group.positives;
    }
    area / (ranking.positives() * ranking.negatives())
}

/// Gini coefficient, also called accuracy ratio: 2 AUC − 1, in −1 to 1.
pub fn gini(ranking: &Ranking) -> f64 {
    2.0 * auc(ranking) - 1.0
}

/// The Kolmogorov–Smirnov statistic and where it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KolmogorovSmirnov {
    /// Largest distance between the two classes' cumulative shares, in 0 to 1.
    pub value: f64,
    /// Score at which it is reached: rows with a score of at least this are the selected ones.
    pub threshold: f64,
    /// Share of all weight that is selected at that threshold.
    pub share: f64,
}

/// Largest distance between the shares of positives and of negatives found above a score.
///
/// It is looked at only between distinct scores. Distances in favour of the score count (true
/// minus false positive rate); a score that is the wrong way round has a small KS, never a large
/// one. The highest of several equal thresholds is given. Source: Řezáč and Řezáč, "How to Measure
/// the Quality of Credit Scoring Models", 2011, section 3.
pub fn ks(ranking: &Ranking) -> KolmogorovSmirnov {
    let mut best =
        KolmogorovSmirnov { value: 0.0, threshold: ranking.groups()[0].score, share: 0.0 };
    let (mut positives, mut negatives) = (0.0, 0.0);
    for group in ranking.groups() {
        positives += group.positives;
        negatives += group.negatives;
        let value = positives / ranking.positives() - negatives / ranking.negatives();
        if value > best.value {
            let share = (positives + negatives) / ranking.weight();
            best = KolmogorovSmirnov { value, threshold: group.score, share };
        }
    }
    best
}

/// Average precision: the area under the precision–recall curve as a step function, in 0 to 1.
///
/// Σ (recall step × precision at its end) over distinct scores, without interpolation, which would
/// be too optimistic: Davis and Goadrich, "The Relationship between Precision-Recall and ROC
/// Curves", 2006. A random score reaches the base rate.
pub fn average_precision(ranking: &Ranking) -> f64 {
    let (mut positives, mut selected, mut area) = (0.0, 0.0, 0.0);
    for group in ranking.groups() {
        positives += group.positives;
        selected += group.weight();
        if selected > 0.0 {
            area += group.positives * positives / selected;
        }
    }
    area / ranking.positives()
}

/// One point of the ROC and precision–recall curves: what selecting all scores from `threshold` up
/// gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Rows with at least this score are selected.
    pub threshold: f64,
    /// Share of all weight that is selected.
    pub selected: f64,
    /// Share of the positives that is selected: recall, sensitivity.
    pub true_positive_rate: f64,
    /// Share of the negatives that is selected: one minus specificity.
    pub false_positive_rate: f64,
    /// Share of the selected weight that is positive.
    pub precision: f64,
}

/// The curve over all distinct scores, thinned to at most `points_max` points (2 at least).
///
/// Highest threshold first; the last point selects everything. The point at which nothing is
/// selected, (0, 0), has no threshold and is left out. Thinning keeps points that are evenly spread
/// over the selected share, for drawing; figures are never computed from it.
pub fn curve(ranking: &Ranking, points_max: usize) -> Vec<CurvePoint> {
    let steps = points_max.max(2) as f64;
    let last = ranking.groups().len() - 1;
    let (mut positives, mut negatives, mut next) = (0.0, 0.0, 1.0);
    let mut points = Vec::new();
    for (index, group) in ranking.groups().iter().enumerate() {
        positives += group.positives;
        negatives += group.negatives;
        let selected = (positives + negatives) / ranking.weight();
        // A point for every step that is passed, and the last one: `points_max` at most.
        if index < last && (selected * steps < next || selected >= 1.0) {
            continue;
        }
        next = (selected * steps).floor() + 1.0;
        points.push(CurvePoint {
            threshold: group.score,
            selected,
            true_positive_rate: positives / ranking.positives(),
            false_positive_rate: negatives / ranking.negatives(),
            precision: if selected > 0.0 { positives / (positives + negatives) } else { 0.0 },
        });
    }
    points
}
