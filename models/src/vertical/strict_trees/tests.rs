//! The five tests of every protocol, against the plaintext reference.

use std::sync::Arc;

use crypto::random::Generator;
use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::reveal::Ledger;
use mpc::sigmoid::SCORE_UNIT;
use net::Session;
use net::transport::faulty::FaultKind;
use world::{Fault, Side};

use super::*;
use crate::local::boosted_trees::{self as local, Cut, Ensemble, Examples, Loss, Node};

mod attacks;
mod losses;

struct Data {
    guest: BinnedMatrix,
    host: BinnedMatrix,
    labels: Vec<u8>,
    /// Labels of losses of numbers, above 0.
    numbers: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
    training: Vec<u32>,
    validation: Vec<u32>,
}

/// Features of both parties, labels that depend on all of them; `missing` rows in so many have no
/// value in the first feature of each party.
fn data(seed: u8, rows: usize, features: [usize; 2], bins: usize, missing: u64) -> Data {
    let mut rng = Generator::from_seed([seed; 32]);
    let mut score = vec![-1.0; rows];
    let mut matrix = |features: usize, party: &str| {
        let column = |number: usize| {
            let mut codes: Vec<u8> = (0..rows).map(|_| rng.below(bins as u64) as u8 + 1).collect();
            for (score, &code) in score.iter_mut().zip(&codes) {
                let place = f64::from(code) / bins as f64 - 0.5;
                *score += (2.0 + number as f64) * [place, place * place][number % 2];
            }
            if number == 0 && missing > 0 {
                codes.iter_mut().filter(|_| rng.below(missing) == 0).for_each(|code| *code = 0);
            }
            BinnedFeature { name: format!("{party}{number}"), codes, bins }
        };
        BinnedMatrix::new(rows, (0..features).map(column).collect()).unwrap()
    };
    let (guest, host) = (matrix(features[0], "guest"), matrix(features[1], "host"));
    let draw = |score: &f64| rng.below(1000) as f64 / 1000.0 < local::probability(*score);
    let labels = score.iter().map(draw).map(u8::from).collect();
    let (training, validation) = ((0..rows as u32 * 8 / 10).collect(), Vec::new());
    Data { guest, host, labels, numbers: None, weights: None, training, validation }
}

/// The same with numbers from 100 up that depend on the labels, and weights of 0 to 500.
fn numbers(data: Data, seed: u8) -> Data {
    let mut rng = Generator::from_seed([seed + 100; 32]);
    let number = |label: &u8| 100.0 * (1 + 2 * u64::from(*label) + rng.below(3)) as f64;
    let numbers = Some(data.labels.iter().map(number).collect());
    let mut weight = |_: &u8| rng.below(501) as f64;
    let weights = Some(data.labels.iter().map(&mut weight).collect());
    Data { numbers, weights, ..data }
}

fn settings(trees: usize, depth: usize) -> Settings {
    Settings { trees, depth, min_split_rows: 2, early_stopping_rounds: 0, ..Settings::default() }
}

async fn play(
    session: Session,
    data: &Data,
    settings: &Settings,
) -> Result<(StrictTrees, Vec<u64>), ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut party = TwoParty::setup(session, ledger).await?;
    let guest = party.is_first();
    let matrix = if guest { &data.guest } else { &data.host };
    let known = guest.then(|| data.known());
    let model = train(&mut party, matrix, known, data.rows(), settings).await?.model;
    let margins = score(&mut party, &model, matrix).await?;
    Ok((model, margins))
}

struct Joint {
    guest: StrictTrees,
    host: StrictTrees,
    margins: Vec<f64>,
}

fn train_jointly(data: &Data, settings: &Settings) -> Joint {
    let side = async |session| play(session, data, settings).await.unwrap();
    let outcome = world::pair(1, side, side);
    let ((guest, one), (host, other)) = (outcome.first, outcome.second);
    let sums: Vec<u64> =
        one.iter().zip(&other).map(|(one, other)| one.wrapping_add(*other)).collect();
    let margins = guest.margins(&sums);
    Joint { guest, host, margins }
}

impl Data {
    fn rows(&self) -> Rows<'_> {
        let weighted = self.weights.is_some();
        Rows { training: &self.training, validation: &self.validation, weighted }
    }

    fn known(&self) -> Known<'_> {
        let labels = match &self.numbers {
            Some(numbers) => local::Labels::Numbers(numbers),
            None => local::Labels::Classes(&self.labels),
        };
        Known { labels, weights: self.weights.as_deref() }
    }

    fn reference(&self, settings: &Settings) -> local::Training {
        let features = [self.guest.features(), self.host.features()].concat();
        let matrix = BinnedMatrix::new(self.labels.len(), features).unwrap();
        let Known { labels, weights } = self.known();
        let (training, validation) = (&self.training, &self.validation);
        let examples = Examples { labels, weights, training, validation };
        local::train(&matrix, &examples, settings).unwrap()
    }
}

impl Joint {
    /// How many nodes of the reference's trees are the same here, of how many, as long as their
    /// parents are the same.
    fn equal_nodes(&self, reference: &local::BoostedTrees) -> (usize, usize) {
        let (mut equal, mut all) = (0, 0);
        let guest_features = self.guest.features.len();
        for (tree, expected) in reference.trees.iter().enumerate() {
            let (guest, host) = (&self.guest.trees[tree].nodes, &self.host.trees[tree].nodes);
            let mut open = vec![(0, 0)];
            while let Some((place, there)) = open.pop() {
                all += 1;
                let cut = match (&guest[place], &host[place]) {
                    (PartNode::Split { cut, left, .. }, PartNode::Split { cut: other, .. }) => {
                        let moved =
                            other.map(|cut| Cut { feature: cut.feature + guest_features, ..cut });
                        cut.or(moved).map(|cut| (cut, *left))
                    }
                    _ => None,
                };
                match (&expected.nodes()[there], cut) {
                    (Node::Leaf { weight }, None) => {
                        let share = |node: &PartNode| match node {
                            PartNode::Leaf { share } => *share,
                            PartNode::Split { .. } => 0,
                        };
                        let sum = share(&guest[place]).wrapping_add(share(&host[place]));
                        let found = sum as i64 as f64 / SCORE_UNIT;
                        let expected = weight / self.guest.scale;
                        assert!((found - expected).abs() < 2e-3, "{found} for {expected}");
                        equal += 1;
                    }
                    (Node::Split { question, left, .. }, Some((cut, here))) => {
                        let same = (question.feature, question.bin) == (cut.feature, cut.bin);
                        if same {
                            equal += 1;
                            open.push((here, *left));
                            open.push((here + 1, left + 1));
                        }
                    }
                    _ => {}
                }
            }
        }
        (equal, all)
    }
}

#[test]
fn correct() {
    let data = data(1, 3000, [3, 2], 8, 0);
    let settings = settings(3, 3);
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let (equal, all) = joint.equal_nodes(&reference.model);
    assert!(all > 30 && equal * 100 >= all * 97, "{equal} of {all} nodes");
    let errors = joint.margins.iter().zip(&reference.margins).map(|(a, b)| (a - b).abs());
    let mean = errors.sum::<f64>() / joint.margins.len() as f64;
    assert!(mean < 0.01, "margins are off by {mean} on average");
}

#[test]
fn correct_with_missing_values_and_samples() {
    let data = data(2, 2000, [2, 3], 6, 9);
    let settings = Settings { row_fraction: 0.7, column_fraction: 0.6, ..settings(3, 3) };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let (equal, all) = joint.equal_nodes(&reference.model);
    assert!(all > 20 && equal * 100 >= all * 95, "{equal} of {all} nodes");
}

#[test]
fn correct_with_weights_of_rows_and_classes_and_a_least_gain() {
    let data = data(6, 2500, [3, 2], 8, 0);
    let mut rng = Generator::from_seed([6; 32]);
    let weights = data.labels.iter().map(|_| rng.below(4) as f64 * 1e4).collect();
    let data = Data { weights: Some(weights), ..data };
    let settings = Settings {
        class_weights: vec![1.0, 5.0],
        base_score: Some(0.4),
        l2: 1e4,
        min_child_weight: 2e4,
        min_gain: 8e4,
        ..settings(3, 4)
    };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let (equal, all) = joint.equal_nodes(&reference.model);
    assert!(all > 20 && equal * 100 >= all * 97, "{equal} of {all} nodes");
    // It is the least gain that keeps trees small.
    let without = Settings { min_gain: 0.0, ..settings };
    assert!(data.reference(&without).model.trees[0].nodes().len() > all / 3);
    assert!((joint.guest.base_score - reference.model.base_scores[0]).abs() < f64::EPSILON);
}

#[test]
fn a_least_gain_beyond_all_cuts_leaves_one_leaf() {
    let data = data(7, 400, [2, 1], 4, 0);
    // The second one is 1.5 for each row: far beyond any cut, and still no reason to refuse.
    for min_gain in [50.0, 500.0] {
        let settings = Settings { min_gain, ..settings(1, 3) };
        assert_eq!(data.reference(&settings).model.trees[0].nodes().len(), 1);
        assert_eq!(train_jointly(&data, &settings).host.trees[0].nodes.len(), 1);
    }
}

/// Cuts with nothing on a side have a denominator of 0 where lambda is 0.
#[test]
fn correct_without_any_penalty() {
    let data = data(13, 1500, [2, 2], 5, 0);
    let settings = Settings { l2: 0.0, min_child_weight: 0.0, ..settings(2, 3) };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let (equal, all) = joint.equal_nodes(&reference.model);
    assert!(all > 20 && equal * 100 >= all * 97, "{equal} of {all} nodes");
}

#[test]
fn light_nodes_stay_leaves() {
    let data = data(3, 400, [2, 1], 4, 0);
    // 320 rows weigh 80 at most: one split of about half each, and no more.
    let settings = Settings { min_child_weight: 25.0, ..settings(1, 3) };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    assert_eq!(joint.guest.trees[0].nodes.len(), reference.model.trees[0].nodes().len());
    let (equal, all) = joint.equal_nodes(&reference.model);
    assert_eq!(equal, all);
    let settings = Settings { min_child_weight: 50.0, ..settings };
    assert_eq!(train_jointly(&data, &settings).host.trees[0].nodes.len(), 1);
}

#[test]
fn training_stops_early_where_the_reference_does() {
    let mut data = data(5, 700, [2, 2], 12, 0);
    data.validation = (560..700).collect();
    // Large steps overfit soon.
    let settings =
        Settings { early_stopping_rounds: 2, learning_rate: 1.0, l2: 0.1, ..settings(12, 4) };
    let (joint, reference) = (train_jointly(&data, &settings), data.reference(&settings));
    let kept = reference.model.trees.len();
    assert!((1..10).contains(&kept), "the reference keeps {kept} trees");
    assert_eq!((joint.guest.trees.len(), joint.host.trees.len()), (kept, kept));
}

/// One tree with one split over 40 rows.
fn small() -> (Data, Settings) {
    let data = data(4, 50, [1, 1], 2, 0);
    (data, Settings { min_child_weight: 0.5, ..settings(1, 1) })
}

#[test]
fn known_answer() {
    let (data, settings) = small();
    let side = async |session| play(session, &data, &settings).await.unwrap();
    let outcome = world::pair(2, side, side);
    assert_eq!(
        outcome.transcript.hash(),
        "8c6badbb441c87d32508feb3398d848c760b72c56637d9480b02a5b31e2f6798"
    );
}

#[test]
fn cost() {
    let (data, settings) = small();
    let side = async |session| play(session, &data, &settings).await.unwrap();
    let transcript = world::pair(3, side, side).transcript;
    assert_eq!(transcript.bytes_of(Side::First, "features"), 4 + 2);
    // Three penalties.
    assert_eq!(transcript.bytes_of(Side::First, "guest_numbers"), 3 * 16);
    // Two bins of each party.
    assert_eq!(transcript.bytes_of(Side::First, "hints"), 2 * 118_784);
    assert_eq!(transcript.bytes_of(Side::Second, "hints"), 2 * 118_784);
    // 40 rows of 150 bits and one short element of the ring.
    assert_eq!(transcript.bytes_of(Side::First, "vectors"), 118_784 + 750);
    // One node: whether it is split, whose split it is.
    assert_eq!(transcript.bytes_of(Side::First, "opened_bits"), 2 * 8);
    // 50 rows are scored, after 40 were trained on.
    assert!(transcript.bytes_of(Side::Second, "correlations") > 0);
}

#[test]
fn tampered() {
    let (data, settings) = small();
    let side = async |session| play(session, &data, &settings).await;
    // All other steps are those of the blocks below.
    let own = |sent: &world::Sent| sent.path_step == "features";
    let report = world::hostile::sweep_where(5, own, side, side);
    // What is well formed and another feature count does not pass the number of cells.
    assert!(report.unnoticed.is_empty(), "{:?}", report.unnoticed);
}

#[test]
fn peer_drops() {
    let (data, settings) = small();
    let side = async |session| play(session, &data, &settings).await.err();
    let (path_step, kind) = ("opened_bits".to_owned(), FaultKind::Close);
    let fault = Fault { path_step, occurrence: 0, kind, from: Side::Second };
    let outcome = world::pair_with_fault(7, fault, side, side);
    for error in [outcome.first, outcome.second] {
        assert!(matches!(error, Some(ModelError::Secure(_))), "{error:?}");
    }
}

#[test]
fn nothing_is_opened_that_is_not_declared() {
    let (data, settings) = small();
    let side = async |session: Session| {
        let declared: Vec<&str> = DISCLOSURES.into_iter().filter(|key| *key != SHAPE).collect();
        let ledger = Arc::new(Ledger::new(declared));
        let mut party = TwoParty::setup(session, ledger).await.unwrap();
        let guest = party.is_first();
        let matrix = if guest { &data.guest } else { &data.host };
        let known = guest.then(|| data.known());
        train(&mut party, matrix, known, data.rows(), &settings).await.err()
    };
    let outcome = world::pair(8, side, side);
    let refused = |error: &Option<ModelError>| match error {
        Some(ModelError::Secure(mpc::MpcError::Undeclared(key))) => key == SHAPE,
        _ => false,
    };
    assert!(refused(&outcome.first) && refused(&outcome.second));
}

#[test]
fn input_that_does_not_fit_is_refused() {
    let (data, settings) = small();
    let refused = |change: fn(&mut Settings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        let side = async |session| play(session, &data, &settings).await.err();
        matches!(world::pair(9, side, side).first, Some(ModelError::InvalidInput(_)))
    };
    assert!(refused(|settings| settings.min_gain = 1e9));
    assert!(refused(|settings| settings.l2 = 1e9));
    assert!(refused(|settings| settings.loss = Loss::Quantile { level: 0.5 }));
    assert!(refused(|settings| settings.loss = Loss::Softmax { classes: 33 }));
}
