//! Forests: the mean of trees that do not depend on each other.

use super::*;

fn forest(trees: usize) -> Settings {
    Settings {
        ensemble: Ensemble::Forest,
        loss: Loss::Squared,
        l2: 0.0,
        row_fraction: 0.6,
        column_fraction: 0.7,
        min_child_weight: 1.0,
        ..settings(trees, 6)
    }
}

/// With squared loss and no penalty, a tree predicts the mean label of a leaf's rows, and a forest
/// the mean of its trees: the share of positives, as Breiman defines it.
#[test]
fn a_forest_is_the_mean_of_its_trees() {
    let (matrix, labels) = example(4, 1200, 6, 8);
    let training = all(1000);
    let labels = Labels::Classes(&labels);
    let examples = Examples { labels, weights: None, training: &training, validation: &[] };
    let settings = forest(8);
    let result = train(&matrix, &examples, &settings).unwrap();
    assert_eq!(result.model.trees.len(), 8);
    assert_eq!(result.model.margins(&matrix).unwrap(), result.margins);
    let base = result.model.base_scores[0];
    for (number, tree) in result.model.trees.iter().enumerate() {
        let rows = rows_of_tree(&settings, number, &training);
        let leaf = |row: u32| {
            tree.leaf(|cut| cut.is_left(matrix.features()[cut.feature].codes[row as usize]))
        };
        let of_first = |row: &&u32| leaf(**row) == leaf(rows[0]);
        let together: Vec<f64> =
            rows.iter().filter(of_first).map(|&row| labels.at(row as usize)).collect();
        let mean = together.iter().sum::<f64>() / together.len() as f64;
        // Derivatives are rounded to 2^-24 of the greatest.
        assert!((base + 8.0 * leaf(rows[0]) - mean).abs() < 1e-6);
    }
    assert!(result.margins.iter().all(|share| (-1e-6..1.0 + 1e-6).contains(share)));
}

#[test]
fn the_reported_loss_is_that_of_the_trees_so_far() {
    let (matrix, labels) = example(4, 800, 6, 8);
    let (training, validation) = (all(500), (500..800).collect::<Vec<u32>>());
    let examples = Examples {
        labels: Labels::Classes(&labels),
        weights: None,
        training: &training,
        validation: &validation,
    };
    let logistic = |trees| Settings { loss: Loss::Logistic, l2: 1.0, ..forest(trees) };
    let (few, many) = (logistic(3), logistic(30));
    let few = train(&matrix, &examples, &few).unwrap();
    let many = train(&matrix, &examples, &many).unwrap();
    for (few, many) in few.progress.iter().zip(&many.progress) {
        assert!((few.training_loss - many.training_loss).abs() < 1e-12);
    }
    let loss = |result: &Training, round: usize| result.progress[round].validation_loss.unwrap();
    assert!(loss(&many, 29) < loss(&many, 0));
}
