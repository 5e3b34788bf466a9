//! Predictions rise or fall with a feature where that is asked for.

use std::collections::BTreeMap;

use super::losses::{Sample, assert_close};
use super::*;

fn directed(pairs: &[(&str, Direction)], depth: usize, trees: usize) -> Settings {
    let directions: BTreeMap<String, Direction> =
        pairs.iter().map(|(name, direction)| ((*name).to_owned(), *direction)).collect();
    Settings { loss: Loss::Squared, directions, learning_rate: 0.3, ..settings(trees, depth) }
}

/// As in `losses`, of `XGBoost` 3.2.0 with `monotone_constraints` (-1, 0, 1) and (0, 1, -1), the
/// base score 1 and no weights.
#[test]
fn margins_are_those_of_another_library() {
    let sample = Sample::new();
    let (up, down) = (Direction::Increasing, Direction::Decreasing);
    for (pairs, expected) in [
        ([("x0", down), ("x2", up)], [1.51073, 1.40718, 1.40718, 1.51073, 0.485751, 0.939149]),
        ([("x1", up), ("x2", down)], [1.85518, 0.815074, 0.495849, 1.26993, 0.815074, 1.01258]),
    ] {
        let settings = Settings { base_score: Some(1.0), ..directed(&pairs, 3, 5) };
        let labels = Labels::Numbers(&sample.score);
        let training = sample.training.as_slice();
        let examples = Examples { labels, weights: None, training, validation: &[] };
        assert_close(&train(&sample.matrix, &examples, &settings).unwrap().margins, &expected);
    }
}

#[test]
fn predictions_follow_the_directions_everywhere() {
    let (up, down) = (Direction::Increasing, Direction::Decreasing);
    for seed in 0..4 {
        let (matrix, labels) = example(seed, 500, 3, 6);
        let training = all(500);
        let labels = Labels::Classes(&labels);
        let examples = Examples { labels, weights: None, training: &training, validation: &[] };
        let settings = Settings {
            loss: Loss::Logistic,
            min_child_weight: 0.1,
            ..directed(&[("x0", down), ("x1", up)], 5, 20)
        };
        let model = train(&matrix, &examples, &settings).unwrap().model;
        // Every combination of bins.
        let codes = |step: usize| (0..216).map(|row| 1 + (row / step % 6) as u8).collect();
        let feature = |(number, step)| BinnedFeature {
            name: format!("x{number}"),
            codes: codes(step),
            bins: 6,
        };
        let columns = [36, 6, 1].into_iter().enumerate().map(feature).collect();
        let margins = model.margins(&BinnedMatrix::new(216, columns).unwrap()).unwrap();
        let (mut falls, mut rises, mut any) = (0, 0, [0, 0]);
        for row in 0..216 {
            if row + 36 < 216 {
                assert!(margins[row + 36] <= margins[row]);
                falls += usize::from(margins[row + 36] < margins[row]);
            }
            if row / 6 % 6 < 5 {
                assert!(margins[row + 6] >= margins[row]);
                rises += usize::from(margins[row + 6] > margins[row]);
            }
            if row % 6 < 5 {
                any[usize::from(margins[row + 1] > margins[row])] += 1;
            }
        }
        // The labels rise with x0 and x1, so that only the second direction leaves something.
        assert!(falls == 0 || falls < rises, "{falls} {rises}");
        assert!(rises > 20 && any[0] > 20 && any[1] > 20, "{rises} {any:?}");
    }
}

#[test]
fn quantiles_have_no_directions() {
    let sample = Sample::new();
    let labels = Labels::Numbers(&sample.score);
    let training = sample.training.as_slice();
    let examples = Examples { labels, weights: None, training, validation: &[] };
    let settings = Settings {
        loss: Loss::Quantile { level: 0.5 },
        ..directed(&[("x0", Direction::Increasing)], 3, 5)
    };
    let error = train(&sample.matrix, &examples, &settings).unwrap_err().to_string();
    assert!(error.contains("quantile"), "{error}");
}
