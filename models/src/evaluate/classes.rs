//! How good the probabilities of several classes are.

use serde::Serialize;

use super::{EvaluateError, Ranking, check_weights, weight_of};
use crate::evaluate::discrimination::auc;

/// Figures of the probabilities of several classes on labelled rows. Where rows have weights, all
/// figures are by weight.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassEvaluation {
    /// Number of rows.
    pub rows: usize,
    /// Share of the rows whose largest probability is that of their class (of ties the first).
    pub accuracy: f64,
    /// Mean −ln of the probability given to what happened, in nats; probabilities below 1e-15 count
    /// as that.
    pub log_loss: f64,
    /// The mean of the classes' areas under the ROC curve, each against all others. Source: Provost
    /// and Domingos, "Tree Induction for Probability-Based Ranking", Machine Learning 52 (2003);
    /// there weighted.
    pub macro_auc: f64,
    /// The same, each class weighted by its share of the rows.
    pub weighted_auc: f64,
    /// The mean of the classes' F1.
    pub macro_f1: f64,
    /// What is said of each class.
    pub classes: Vec<OneAgainstRest>,
    /// Rows of each actual class by predicted class.
    pub confusion: Vec<Vec<f64>>,
}

/// Figures of one class against all others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OneAgainstRest {
    /// Rows of the class.
    pub rows: f64,
    /// Share of the rows that are taken for the class which are of it; `None` if none are.
    pub precision: Option<f64>,
    /// Share of the rows of the class that are taken for it; `None` if there are none.
    pub recall: Option<f64>,
    /// The harmonic mean of both, 0 where no row of the class is taken for it; `None` if the class
    /// has no rows and is not predicted.
    pub f1: Option<f64>,
    /// Area under the ROC curve of its probability; `None` where the rows are all of the class or
    /// none is.
    pub auc: Option<f64>,
}

/// Two models on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassComparison {
    /// The names of the classes, in the order of all lists.
    pub names: Vec<String>,
    /// The guest's own model.
    pub guest_alone: ClassEvaluation,
    /// The joint model.
    pub joint: ClassEvaluation,
}

impl ClassEvaluation {
    /// Judges `probabilities`, for each class those of all rows, by the class of each row, counted
    /// from 0.
    ///
    /// # Errors
    /// No rows, unequal lengths, a label beyond the classes, a number that is no probability, an
    /// invalid weight, or rows of one class only: each named in [`EvaluateError`].
    pub fn new(
        probabilities: &[Vec<f64>],
        labels: &[u8],
        weights: Option<&[f64]>,
    ) -> Result<Self, EvaluateError> {
        check(probabilities, labels, weights)?;
        let count = probabilities.len();
        let (mut confusion, mut loss, mut total) = (vec![vec![0.0; count]; count], 0.0, 0.0);
        let predicted = predicted(probabilities);
        for (row, label) in labels.iter().enumerate() {
            let (actual, weight) = (usize::from(*label), weight_of(weights, row));
            confusion[actual][predicted[row]] += weight;
            loss -= weight * probabilities[actual][row].max(1e-15).ln();
            total += weight;
        }
        let of = |class| OneAgainstRest::new(class, &confusion, probabilities, labels, weights);
        let classes: Vec<OneAgainstRest> = (0..count).map(of).collect::<Result<_, _>>()?;
        let known = || classes.iter().filter_map(|class| Some((class.auc?, class.rows)));
        let areas = known().count() as f64;
        if areas == 0.0 {
            return Err(EvaluateError::SameClass { rows: labels.len() });
        }
        let weighed: f64 = known().map(|(_, rows)| rows).sum();
        let scores: Vec<f64> = classes.iter().filter_map(|class| class.f1).collect();
        let right: f64 = (0..count).map(|class| confusion[class][class]).sum();
        Ok(Self {
            rows: labels.len(),
            accuracy: right / total,
            log_loss: loss / total,
            macro_auc: known().map(|(auc, _)| auc).sum::<f64>() / areas,
            weighted_auc: known().map(|(auc, rows)| auc * rows).sum::<f64>() / weighed,
            macro_f1: scores.iter().sum::<f64>() / scores.len() as f64,
            classes,
            confusion,
        })
    }
}

impl OneAgainstRest {
    fn new(
        class: usize,
        confusion: &[Vec<f64>],
        probabilities: &[Vec<f64>],
        labels: &[u8],
        weights: Option<&[f64]>,
    ) -> Result<Self, EvaluateError> {
        let hits = confusion[class][class];
        let rows: f64 = confusion[class].iter().sum();
        let taken: f64 = confusion.iter().map(|actual| actual[class]).sum();
        let share = |of: f64, hits: f64| (of > 0.0).then(|| hits / of);
        let is_of_class: Vec<u8> =
            labels.iter().map(|label| u8::from(usize::from(*label) == class)).collect();
        let auc = match Ranking::new(&probabilities[class], &is_of_class, weights) {
            Ok(ranking) => Some(auc(&ranking)),
            Err(EvaluateError::OneClass { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            rows,
            precision: share(taken, hits),
            recall: share(rows, hits),
            f1: share(taken + rows, 2.0 * hits),
            auc,
        })
    }
}

/// For each row the class of the largest probability, the first of equal ones. `probabilities` are,
/// for each class, those of all rows, the same number of them.
pub fn predicted(probabilities: &[Vec<f64>]) -> Vec<usize> {
    let rows = probabilities.iter().map(Vec::len).min().unwrap_or_default();
    let best = |row: usize| {
        let larger = |best: usize, class: usize| {
            if probabilities[class][row] > probabilities[best][row] { class } else { best }
        };
        (1..probabilities.len()).fold(0, larger)
    };
    (0..rows).map(best).collect()
}

fn check(
    probabilities: &[Vec<f64>],
    labels: &[u8],
    weights: Option<&[f64]>,
) -> Result<(), EvaluateError> {
    let rows = labels.len();
    if rows == 0 {
        return Err(EvaluateError::NoRows);
    }
    check_weights(rows, weights)?;
    for scores in probabilities {
        if scores.len() != rows {
            let (scores, what) = (scores.len(), "labels");
            return Err(EvaluateError::LengthsDiffer { scores, what, other: rows });
        }
        if let Some(row) = scores.iter().position(|score| !(0.0..=1.0).contains(score)) {
            return Err(EvaluateError::NotAProbability { row, score: scores[row] });
        }
    }
    match labels.iter().position(|label| usize::from(*label) >= probabilities.len()) {
        Some(row) => Err(EvaluateError::NoSuchClass {
            row,
            label: labels[row],
            classes: probabilities.len(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
    }

    /// Four rows of three classes, worked out by hand.
    #[test]
    fn figures_are_those_of_their_definitions() {
        let probabilities =
            [vec![0.7, 0.2, 0.1, 0.5], vec![0.2, 0.5, 0.6, 0.3], vec![0.1, 0.3, 0.3, 0.2]];
        let labels = [0, 1, 2, 0];
        let found = ClassEvaluation::new(&probabilities, &labels, None).unwrap();
        let expected = [vec![2.0, 0.0, 0.0], vec![0.0, 1.0, 0.0], vec![0.0, 1.0, 0.0]];
        assert_eq!(found.confusion, expected);
        assert_near(found.accuracy, 0.75);
        let loss = -(0.7_f64.ln() + 0.5_f64.ln() + 0.3_f64.ln() + 0.5_f64.ln()) / 4.0;
        assert_near(found.log_loss, loss);
        // Of class 1 one of three rows is ranked above; of class 2 one of three ties.
        for (class, expected) in found.classes.iter().zip([1.0, 2.0 / 3.0, 2.5 / 3.0]) {
            assert_near(class.auc.unwrap(), expected);
        }
        assert_near(found.macro_auc, 2.5 / 3.0);
        assert_near(found.weighted_auc, (2.0 + 2.0 / 3.0 + 2.5 / 3.0) / 4.0);
        let [first, second, third] = found.classes[..] else { panic!("three classes") };
        assert_eq!((first.precision, first.recall, first.f1), (Some(1.0), Some(1.0), Some(1.0)));
        assert_eq!((second.precision, second.recall), (Some(0.5), Some(1.0)));
        assert_near(second.f1.unwrap(), 2.0 / 3.0);
        assert_eq!((third.precision, third.recall, third.f1), (None, Some(0.0), Some(0.0)));
        assert_near(found.macro_f1, 5.0 / 9.0);
    }

    #[test]
    fn weights_count_and_a_class_without_rows_has_no_area() {
        let probabilities = [vec![0.6, 0.3], vec![0.3, 0.6], vec![0.1, 0.1]];
        let found = ClassEvaluation::new(&probabilities, &[0, 0], Some(&[3.0, 1.0]));
        assert_eq!(found, Err(EvaluateError::SameClass { rows: 2 }));
        let found = ClassEvaluation::new(&probabilities, &[0, 1], Some(&[3.0, 1.0])).unwrap();
        let areas: Vec<Option<f64>> = found.classes.iter().map(|class| class.auc).collect();
        assert_eq!(areas, [Some(1.0), Some(1.0), None]);
        assert_eq!(found.classes[2].f1, None);
        assert_eq!(found.confusion[0], [3.0, 0.0, 0.0]);
    }

    #[test]
    fn what_is_no_probability_or_class_is_named() {
        let of = |probabilities: &[Vec<f64>], labels: &[u8]| {
            ClassEvaluation::new(probabilities, labels, None).unwrap_err()
        };
        assert_eq!(of(&[vec![], vec![]], &[]), EvaluateError::NoRows);
        let found = of(&[vec![0.5], vec![0.5]], &[2]);
        assert!(matches!(found, EvaluateError::NoSuchClass { row: 0, label: 2, classes: 2 }));
        let found = of(&[vec![0.5], vec![1.5]], &[1]);
        assert!(matches!(found, EvaluateError::NotAProbability { row: 0, .. }));
        let found = of(&[vec![0.5, 0.5], vec![0.5]], &[1, 0]);
        assert!(matches!(found, EvaluateError::LengthsDiffer { .. }));
    }
}
