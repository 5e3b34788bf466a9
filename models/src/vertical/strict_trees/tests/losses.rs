//! Losses of numbers and of several classes, against the plaintext reference.

use super::*;

/// Nodes and margins against the reference; margins to a thousandth of the label's scale.
fn check_numbers(data: &Data, settings: &Settings) {
    let (joint, reference) = (train_jointly(data, settings), data.reference(settings));
    let (equal, all) = joint.equal_nodes(&reference.model);
    let loss = settings.loss;
    assert!(all > 20 && equal * 100 >= all * 97, "{loss:?}: {equal} of {all} nodes");
    let errors = joint.margins.iter().zip(&reference.margins).map(|(a, b)| (a - b).abs());
    let mean = errors.sum::<f64>() / joint.margins.len() as f64;
    assert!(mean < 0.01 * joint.guest.scale, "margins are off by {mean} on average");
    let before = unit_of_leaves(&data.guest, data.known(), data.rows(), settings).unwrap();
    let after = [joint.guest.base_score, joint.guest.scale];
    assert_eq!(before.map(f64::to_bits), after.map(f64::to_bits));
}

#[test]
fn correct_with_the_squared_loss_of_weighted_numbers() {
    let data = numbers(data(8, 2500, [3, 2], 8, 9), 8);
    let settings = Settings { loss: Loss::Squared, l2: 300.0, ..settings(3, 3) };
    check_numbers(&data, &settings);
    // Without weights, on samples of rows.
    let data = Data { weights: None, ..data };
    let settings = Settings { l2: 1.0, row_fraction: 0.6, base_score: Some(150.0), ..settings };
    check_numbers(&data, &settings);
}

#[test]
fn the_squared_loss_stops_early_where_the_reference_does() {
    let mut data = numbers(data(5, 700, [2, 2], 12, 0), 5);
    data.validation = (560..700).collect();
    let settings = Settings {
        loss: Loss::Squared,
        early_stopping_rounds: 2,
        learning_rate: 1.0,
        l2: 0.1,
        row_fraction: 0.8,
        ..settings(12, 4)
    };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let kept = reference.model.trees.len();
    assert!((1..10).contains(&kept), "the reference keeps {kept} trees");
    assert_eq!((joint.guest.trees.len(), joint.host.trees.len()), (kept, kept));
}

/// Two of 40 rows are seen by each tree and all others go with them: errors grow from tree to tree.
#[test]
fn squared_errors_that_grow_without_bound_end_the_training() {
    let data = numbers(data(9, 50, [1, 1], 4, 0), 9);
    let numbers = (0..50).map(|row| if row % 40 == 7 { 1e6 } else { 0.0 }).collect();
    let mut data = Data { numbers: Some(numbers), weights: None, ..data };
    // Also with validation rows, as long as there are not more trees than the patience.
    for early_stopping_rounds in [0, 39] {
        if early_stopping_rounds > 0 {
            data.validation = (40..50).collect();
        }
        let settings = Settings {
            loss: Loss::Squared,
            row_fraction: 0.05,
            learning_rate: 1.0,
            l2: 0.0,
            early_stopping_rounds,
            ..settings(40, 1)
        };
        let side = async |session| play(session, &data, &settings).await.err();
        let outcome = world::pair(9, side, side);
        for error in [outcome.first, outcome.second] {
            let Some(ModelError::InvalidInput(rule)) = error else { panic!("{error:?}") };
            assert!(rule.contains("learning_rate"), "{rule}");
        }
    }
}

/// Rows of which six and more are needed for one unit of weight, in leaves of their own: counted
/// in one sum and not in the other, each tree would overshoot, and the next one more so.
#[test]
fn errors_of_light_rows_do_not_grow() {
    let data = numbers(data(14, 1000, [1, 1], 3, 0), 14);
    let light: Vec<bool> = data.guest.features()[0].codes.iter().map(|code| *code == 1).collect();
    let weight = |(row, is_light): (usize, &bool)| match (is_light, row % 50) {
        (true, 0) => 10.0,
        (true, _) => 1.0,
        (false, _) => 1e4,
    };
    let weights = Some(light.iter().enumerate().map(weight).collect());
    let labels = data.numbers.iter().flatten().zip(&light);
    let labels: Vec<f64> =
        labels.map(|(number, is_light)| number + 1000.0 * f64::from(u8::from(*is_light))).collect();
    let data = Data { numbers: Some(labels.clone()), weights, ..data };
    let settings = Settings {
        loss: Loss::Squared,
        learning_rate: 1.0,
        l2: 0.0,
        min_child_weight: 0.0,
        ..settings(6, 4)
    };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let error = |margins: &[f64], of_light: bool| -> f64 {
        let rows = labels.iter().zip(margins).zip(&light).take(data.training.len());
        rows.filter(|(_, is_light)| **is_light == of_light)
            .map(|((label, margin), _)| (label - margin).powi(2))
            .sum()
    };
    // Light rows count by chance, so that their leaves are means over a sixth of them.
    for (of_light, most) in [(true, 2.0), (false, 1.1)] {
        let [found, expected] =
            [&joint.margins, &reference.margins].map(|margins| error(margins, of_light));
        assert!(found < most * expected, "light {of_light}: {found} for {expected}");
    }
}

#[test]
fn correct_with_a_logarithmic_link() {
    let data = numbers(data(15, 2500, [3, 2], 8, 9), 15);
    let losses = [Loss::Poisson, Loss::Gamma, Loss::Tweedie { power: 1.4 }];
    for (place, loss) in losses.into_iter().enumerate() {
        let settings = Settings {
            loss,
            learning_rate: 0.3,
            min_child_weight: 2e3,
            row_fraction: [1.0, 0.7, 1.0][place],
            base_score: [None, None, Some(150.0)][place],
            ..settings(3, 3)
        };
        check_numbers(&data, &settings);
    }
}

#[test]
fn the_gamma_loss_stops_early_where_the_reference_does() {
    let mut data = numbers(data(5, 700, [2, 2], 12, 0), 5);
    (data.weights, data.validation) = (None, (560..700).collect());
    let settings = Settings {
        loss: Loss::Gamma,
        early_stopping_rounds: 2,
        learning_rate: 0.7,
        l2: 0.1,
        ..settings(12, 4)
    };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let kept = reference.model.trees.len();
    assert!((1..10).contains(&kept), "the reference keeps {kept} trees");
    assert_eq!((joint.guest.trees.len(), joint.host.trees.len()), (kept, kept));
}

/// Leaves of amounts far below the mean: a full step divides them by more than there is to divide.
#[test]
fn steps_too_large_for_a_logarithmic_link_end_the_training() {
    let data = numbers(data(16, 60, [1, 1], 3, 0), 16);
    let is_low = |code: &u8| *code == 1;
    let amounts = data.guest.features()[0].codes.iter().map(is_low);
    let numbers = Some(amounts.map(|is_low| if is_low { 1.0 } else { 100.0 }).collect());
    let data = Data { numbers, weights: None, ..data };
    let settings = Settings {
        loss: Loss::Gamma,
        learning_rate: 1.0,
        l2: 0.0,
        min_child_weight: 0.0,
        ..settings(4, 2)
    };
    let side = async |session| play(session, &data, &settings).await.err();
    let outcome = world::pair(16, side, side);
    for error in [outcome.first, outcome.second] {
        let Some(ModelError::InvalidInput(rule)) = error else { panic!("{error:?}") };
        assert!(rule.contains("learning_rate"), "{rule}");
    }
}

/// The same with as many classes as that, told apart by the features of both parties.
fn classes(data: Data, classes: u8) -> Data {
    let mut rng = Generator::from_seed([77; 32]);
    let codes = [data.guest.features(), data.host.features()];
    let label = |row: usize| {
        let [guest, host] = codes.map(|features| features[0].codes[row]);
        let shift = if rng.below(4) == 0 { rng.below(3) as u8 } else { 0 };
        (guest / 3 + host / 4 + shift) % classes
    };
    let labels = (0..data.labels.len()).map(label).collect();
    Data { labels, ..data }
}

#[test]
fn correct_with_several_classes() {
    let data = classes(data(17, 1500, [2, 2], 8, 0), 3);
    let settings = Settings {
        loss: Loss::Softmax { classes: 3 },
        learning_rate: 0.3,
        row_fraction: 0.8,
        ..settings(2, 3)
    };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    assert_eq!(joint.guest.trees.len(), 6);
    let (equal, all) = joint.equal_nodes(&reference.model);
    assert!(all > 40 && equal * 100 >= all * 97, "{equal} of {all} nodes");
    // All margins of a row are less those of the last class.
    assert_eq!(joint.guest.outputs(), 3);
    let mut worst = 0.0_f64;
    let mut mean = 0.0;
    for (joint, reference) in joint.margins.chunks(3).zip(reference.margins.chunks(3)) {
        let [mut found, mut expected] = [joint, reference].map(<[f64]>::to_vec);
        settings.loss.predict(&mut found);
        settings.loss.predict(&mut expected);
        for (found, expected) in found.iter().zip(&expected) {
            worst = worst.max((found - expected).abs());
            mean += (found - expected).abs() / joint.len() as f64;
        }
    }
    mean /= data.labels.len() as f64;
    assert!(mean < 2e-3, "probabilities are off by {mean} on average, {worst} at most");
}

#[test]
fn several_classes_stop_early_where_the_reference_does_with_weights_of_rows() {
    let mut data = classes(data(18, 500, [2, 1], 10, 0), 3);
    data.validation = (400..500).collect();
    data.weights = Some((0..500).map(|row| 1e3 * f64::from(row % 3 + 1)).collect());
    let settings = Settings {
        loss: Loss::Softmax { classes: 3 },
        early_stopping_rounds: 1,
        learning_rate: 1.0,
        l2: 10.0,
        min_child_weight: 10.0,
        ..settings(8, 3)
    };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let kept = reference.model.trees.len();
    assert!((3..18).contains(&kept), "the reference keeps {kept} trees");
    assert_eq!((joint.guest.trees.len(), joint.host.trees.len()), (kept, kept));
}

#[test]
fn correct_as_forests_of_every_loss() {
    let data = numbers(data(10, 2000, [3, 2], 8, 0), 10);
    let losses = [Loss::Squared, Loss::Poisson, Loss::Gamma, Loss::Tweedie { power: 1.4 }];
    for (place, loss) in losses.into_iter().enumerate() {
        let settings = Settings {
            loss,
            ensemble: Ensemble::Forest,
            row_fraction: 0.7,
            column_fraction: 0.8,
            min_child_weight: 2e3,
            // The gamma and Tweedie losses count in relative errors.
            base_score: [None, Some(100.0), None, Some(1000.0)][place],
            ..settings(3, 3)
        };
        check_numbers(&data, &settings);
    }
}

#[test]
fn shares_of_a_forest_of_two_classes() {
    let data = data(12, 1500, [2, 2], 6, 0);
    let settings = Settings { loss: Loss::Squared, ensemble: Ensemble::Forest, ..settings(2, 4) };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let (equal, all) = joint.equal_nodes(&reference.model);
    assert!(all > 30 && equal * 100 >= all * 97, "{equal} of {all} nodes");
}

/// What is judged unseen is what the guest would see: margins of log-losses, probabilities of
/// forests, and of numbers the sums of leaves in their unit, whatever the base score is.
#[test]
fn scores_that_are_judged_stay_shared() {
    let data = data(12, 300, [2, 2], 8, 0);
    let boosting = settings(2, 2);
    let forest = Settings { loss: Loss::Squared, ensemble: Ensemble::Forest, ..settings(2, 3) };
    let squared = Settings { loss: Loss::Squared, base_score: Some(-0.5), ..settings(1, 2) };
    let counts = Settings { loss: Loss::Poisson, base_score: Some(0.2), ..settings(1, 2) };
    for settings in [boosting, forest, squared, counts] {
        let is_forest = settings.ensemble == Ensemble::Forest;
        let is_margin = settings.loss == Loss::Logistic;
        let side = async |session| {
            let ledger = Arc::new(Ledger::new(DISCLOSURES));
            let mut party = TwoParty::setup(session, ledger).await?;
            let guest = party.is_first();
            let matrix = if guest { &data.guest } else { &data.host };
            let known = guest.then(|| data.known());
            let model = train(&mut party, matrix, known, data.rows(), &settings).await?.model;
            let sums = score(&mut party, &model, matrix).await?;
            let shares = if is_forest {
                model.shared_probabilities(&mut party, &sums).await?
            } else if is_margin {
                model.shared_margins(sums.clone())
            } else {
                sums.clone()
            };
            Ok::<_, ModelError>((model, sums, shares))
        };
        let outcome = world::pair(13, side, side);
        let ((guest, sums, shares), (_, others, theirs)) =
            (outcome.first.unwrap(), outcome.second.unwrap());
        let joined = |one: &[u64], other: &[u64]| -> Vec<u64> {
            one.iter().zip(other).map(|(one, other)| one.wrapping_add(*other)).collect()
        };
        let seen = guest.margins(&joined(&sums, &others));
        assert!(seen.iter().any(|margin| (margin - seen[0]).abs() > 0.005), "{seen:?}");
        for (word, seen) in joined(&shares, &theirs).into_iter().zip(seen) {
            let word = word as i64 as f64;
            let judged = if is_forest {
                word / 2_f64.powi(47) + 0.5
            } else if is_margin {
                word / SCORE_UNIT
            } else {
                guest.base_score + guest.scale * word / SCORE_UNIT
            };
            assert!((judged - seen).abs() < 1e-5, "{judged} {seen}");
        }
    }
}
