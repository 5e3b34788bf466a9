//! The five tests of every protocol, against the plaintext reference.

use std::sync::Arc;

use crypto::random::Generator;
use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::reveal::Ledger;
use net::Session;
use net::transport::faulty::FaultKind;
use world::{Fault, Side};

use super::*;
use crate::local::boosted_trees::{self as local, Cut, Examples, Node};

mod attacks;

struct Data {
    guest: BinnedMatrix,
    host: BinnedMatrix,
    labels: Vec<u8>,
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
    Data { guest, host, labels, training, validation }
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
    let labels = guest.then_some(data.labels.as_slice());
    let model = train(&mut party, matrix, labels, data.rows(), settings).await?.model;
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
    let margin = |(one, other): (&u64, &u64)| one.wrapping_add(*other) as i64 as f64 / SCORE_UNIT;
    Joint { guest, host, margins: one.iter().zip(&other).map(margin).collect() }
}

impl Data {
    fn rows(&self) -> Rows<'_> {
        Rows { training: &self.training, validation: &self.validation }
    }

    fn reference(&self, settings: &Settings) -> local::Training {
        let features = [self.guest.features(), self.host.features()].concat();
        let matrix = BinnedMatrix::new(self.labels.len(), features).unwrap();
        let examples = Examples {
            labels: local::Labels::Classes(&self.labels),
            weights: None,
            training: &self.training,
            validation: &self.validation,
        };
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
                        assert!((found - weight).abs() < 2e-3, "{found} for {weight}");
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
        "948a2a3beb4c5732d364cfaa9a16522dffd1f9c74d7e5015679990dd6b042678"
    );
}

#[test]
fn cost() {
    let (data, settings) = small();
    let side = async |session| play(session, &data, &settings).await.unwrap();
    let transcript = world::pair(3, side, side).transcript;
    assert_eq!(transcript.bytes_of(Side::First, "features"), 4 + 2);
    // Two bins of each party, and the guest's two classes.
    assert_eq!(transcript.bytes_of(Side::First, "hints"), 4 * 153_600);
    assert_eq!(transcript.bytes_of(Side::Second, "hints"), 2 * 153_600);
    // 40 rows of 150 bits and one element of the ring.
    assert_eq!(transcript.bytes_of(Side::First, "vectors"), 153_600 + 750);
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
        let labels = guest.then_some(data.labels.as_slice());
        train(&mut party, matrix, labels, data.rows(), &settings).await.err()
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
    assert!(refused(|settings| settings.min_gain = 1.0));
    assert!(refused(|settings| settings.l2 = 1e9));
}
