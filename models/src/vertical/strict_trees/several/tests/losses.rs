//! Losses of numbers and of several classes, weights, early stopping, and trainings that go on.

use super::*;
use crate::vertical::course::tests::InMemory;

/// The trees that the reference keeps are as many as all parties have.
fn assert_stops_alike(data: &Data, settings: &Settings) {
    let kept = data.reference(settings).model.trees.len();
    let outputs = settings.loss.outputs();
    assert!(
        (1..(settings.trees - 1) * outputs).contains(&kept),
        "the reference keeps {kept} trees"
    );
    for part in run(data, settings).results {
        assert_eq!(part.unwrap().0.trees.len(), kept);
    }
}

#[test]
fn correct_for_amounts_with_weights() {
    let data = data(6, 500, &[1, 1, 1], 5, 0).with_amounts();
    for loss in [Loss::Poisson, Loss::Tweedie { power: 1.5 }] {
        let settings = Settings { loss, learning_rate: 0.5, row_fraction: 0.9, ..settings(2, 2) };
        assert_same(&data, &settings, 12, 0.01);
    }
    let mut data = data;
    data.numbers.iter_mut().for_each(|number| *number += 0.2);
    let gamma = Settings { loss: Loss::Gamma, ..settings(1, 2) };
    assert_same(&data, &gamma, 6, 0.01);
}

/// Weights of rows, and samples of these.
#[test]
fn correct_for_the_squared_loss_with_weights_on_samples() {
    let mut data = data(7, 600, &[1, 1, 1], 5, 0);
    data.weights = Some((0..600).map(|row| f64::from(1 + row % 4)).collect());
    let settings = Settings { loss: Loss::Squared, row_fraction: 0.7, l2: 5.0, ..settings(2, 2) };
    assert_same(&data, &settings, 12, 0.01);
}

#[test]
fn correct_with_several_classes() {
    let mut data = data(8, 600, &[1, 1, 1], 5, 0);
    let numbers = data.classes.iter_mut().zip(&data.numbers);
    numbers.for_each(|(class, number)| *class += u8::from(*number > 50.0));
    let settings = Settings { loss: Loss::Softmax { classes: 3 }, ..settings(1, 2) };
    assert_same(&data, &settings, 15, 0.01);
}

/// The log-loss with weights of classes, whose validation loss rises after some trees.
#[test]
fn training_stops_early_where_the_reference_does() {
    let mut data = data(9, 300, &[1, 1, 1], 12, 0);
    (data.training, data.validation) = ((0..200).collect(), (200..300).collect());
    let settings = Settings {
        class_weights: vec![1.0, 3.0],
        early_stopping_rounds: 1,
        learning_rate: 1.0,
        l2: 0.1,
        ..settings(8, 3)
    };
    assert_stops_alike(&data, &settings);
}

/// Predictions of eight times the mean, of which the terms of the derivatives are made, end the
/// training.
#[test]
fn terms_that_have_grown_are_noticed() {
    const ROWS: usize = 64;
    let settings = &Settings { loss: Loss::Poisson, ..settings(1, 1) };
    let units = Units::new(ROWS, settings).unwrap();
    let (numbers, training) = ([0.5, 1.5].repeat(ROWS / 2), (0..ROWS as u32).collect::<Vec<_>>());
    let labels = Labels::Numbers(&numbers);
    let examples = Examples { labels, weights: None, training: &training, validation: &[] };
    let targets = &Targets::new(&examples, settings, ROWS).unwrap();
    let outcome = mesh(10, 3, async |number, sessions| {
        let parties = &mut three(sessions).await;
        let products = &Products::prepare(parties).await.unwrap();
        let known = (number == 0).then_some(targets);
        let rows = (false, ROWS);
        let derivatives = Derivatives::prepare(parties, products, units, settings, known, rows);
        let derivatives = derivatives.await.unwrap();
        let mut shares = Vec::new();
        for margin in [0.0, 8_f64.ln()] {
            let margin = parties.share_of_public((margin * SCORE_UNIT) as u64);
            let derived = derivatives.at(parties, &[vec![margin; ROWS]], ROWS).await.unwrap();
            shares.push(derived.diverges.unwrap());
        }
        shares
    });
    let bit = |place: usize| outcome.results.iter().fold(0, |sum, shares| sum ^ shares[place]) & 1;
    assert_eq!([0, 1].map(bit), [0, 1]);
}

/// A run that takes up the state after the first tree ends with the same trees, in other shares.
#[test]
fn a_training_goes_on_with_new_shares() {
    let mut data = data(11, 150, &[1, 1, 1], 4, 0);
    (data.training, data.validation) = ((0..120).collect(), (120..150).collect());
    let settings = Settings { early_stopping_rounds: 2, ..settings(3, 1) };
    let play = |seed: u64, before: Option<&[InMemory]>| {
        let outcome = mesh(seed, 3, async |number, sessions| {
            let ledger = Arc::new(Ledger::new(DISCLOSURES));
            let mut parties = Parties::setup(sessions, ledger).await.unwrap();
            let known = (number == 0).then(|| data.known(&settings));
            let mut kept =
                before.map_or_else(InMemory::default, |before| before[number].resuming(1));
            let course = Course { checkpoints: Some(&mut kept), start: None };
            let (matrix, rows) = (&data.matrices[number], data.rows());
            let trained = train(&mut parties, matrix, known, rows, &settings, course).await;
            (trained.unwrap(), kept)
        });
        outcome.results.into_iter().unzip::<_, _, Vec<_>, Vec<_>>()
    };
    let (whole, kept) = play(1, None);
    let (resumed, later) = play(2, Some(&kept[..]));
    let splits = |training: &Training| -> Vec<Option<Cut>> {
        let nodes = training.model.trees.iter().flat_map(|tree| &tree.nodes);
        nodes
            .map(|node| match node {
                PartNode::Split { cut, .. } => *cut,
                PartNode::Leaf { .. } => None,
            })
            .collect()
    };
    for party in 0..3 {
        assert_eq!((kept[party].numbers(), later[party].numbers()), (vec![1, 2, 3], vec![2, 3]));
        assert_eq!(splits(&whole[party]), splits(&resumed[party]));
        let first = |training: &Training| training.model.trees[0].nodes.clone();
        assert_ne!(first(&whole[party]), first(&resumed[party]), "leaves are shared anew");
    }
    let margin = |of: &[Training], row: usize| {
        let sum = of.iter().fold(0_u64, |sum, part| sum.wrapping_add(part.margins[row]));
        sum as i64 as f64 / SCORE_UNIT
    };
    for row in 0..data.training.len() {
        let (one, other) = (margin(&whole, row), margin(&resumed, row));
        assert!((one - other).abs() < 2e-3, "{one} {other}");
    }
}
