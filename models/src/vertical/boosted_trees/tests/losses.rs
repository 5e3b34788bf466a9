//! Every loss, and rows chosen by derivatives, node by node as in the reference.

use super::*;

#[test]
fn every_loss_is_lossless() {
    let data = data(8, 300, 2, 3, 5);
    for loss in [
        Loss::Squared,
        Loss::Softmax { classes: 2 },
        Loss::Poisson,
        Loss::Tweedie { power: 1.5 },
        // Labels of 1 are above the start of 0, without which all first derivatives are equal.
        Loss::Quantile { level: 0.2 },
    ] {
        assert_lossless(&data, &Settings { loss, ..settings(2, 3) });
    }
    let forest = Settings {
        ensemble: Ensemble::Forest,
        loss: Loss::Squared,
        row_fraction: 0.6,
        column_fraction: 0.9,
        early_stopping_rounds: 0,
        ..settings(3, 3)
    };
    assert_lossless(&data, &forest);
}

#[test]
fn rows_chosen_by_their_derivatives_are_nobody_elses_affair() {
    let data = data(10, 600, 2, 3, 6);
    let one_side = Some(OneSide { top: 0.2, other: 0.1 });
    let settings = Settings { one_side, ..settings(3, 3) };
    assert_lossless(&data, &settings);
    let sampled = data.reference(&orders_of_host(&data)[0], &settings);
    let all = data.reference(&orders_of_host(&data)[0], &Settings { one_side: None, ..settings });
    assert_ne!(sampled.model.trees, all.model.trees);
    // Sums of a sample are about right: so is what the model knows after a few trees.
    let last = |training: &local::Training| training.progress.last().unwrap().training_loss;
    assert!((last(&sampled) - last(&all)).abs() < 0.03, "{} and {}", last(&sampled), last(&all));
}

/// Groups of some twelve rows whose grades depend on the features of both parties.
#[test]
fn rankings_are_lossless() {
    let data = data(11, 700, 2, 3, 6);
    let codes = [&data.guest, &data.host].map(|matrix| &matrix.features()[0].codes);
    let grade = |row: usize| f64::from((codes[0][row] + codes[1][row]) / 3);
    let graded = Some(((0..700).map(grade).collect(), (0..700).map(|row| row % 57).collect()));
    let data = Data { graded, ..data };
    let settings = Settings { loss: Loss::Ranking, min_child_weight: 0.1, ..settings(5, 3) };
    assert_lossless(&data, &settings);
    let progress = data.reference(&orders_of_host(&data)[0], &settings).progress;
    let found = progress.last().unwrap().validation_loss.unwrap();
    let Examples { labels, validation, .. } = data.examples();
    let without = 1.0 - local::ndcg(labels, validation, &[0.0; 700], local::PLACES).unwrap();
    assert!(found < without / 2.0, "{found} after {without}");
}
