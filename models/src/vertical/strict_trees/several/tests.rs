use std::sync::Arc;

use crypto::random::Generator;
use features::binned::BinnedFeature;
use mpc::MpcError;
use mpc::reveal::{Ledger, Observation};
use mpc::sigmoid::SCORE_UNIT;
use net::Session;
use world::{Fault, FaultKind, MeshFault, MeshOutcome, Side, mesh, mesh_with_fault};

use super::super::choice::Chooser;
use super::super::derivatives::Derivatives;
use super::super::fractions::{FractionMaker, NodeSums};
use super::super::leaves;
use super::super::targets::Targets;
use super::super::{DISCLOSURES, Owner, PartNode, SHAPE, Units};
use super::*;
use crate::local::boosted_trees::{self as local, Cut, Ensemble, Examples, Labels, Loss, Node};
use crate::vertical::attacks::{advantage, chance};

mod losses;

/// The features of each party, and labels that depend on all of them.
struct Data {
    matrices: Vec<BinnedMatrix>,
    classes: Vec<u8>,
    /// Labels of losses of numbers.
    numbers: Vec<f64>,
    weights: Option<Vec<f64>>,
    training: Vec<u32>,
    validation: Vec<u32>,
}

/// Of `missing` rows one has no value in the first feature of each party.
fn data(seed: u8, rows: usize, features: &[usize], bins: u64, missing: u64) -> Data {
    let mut rng = Generator::from_seed([seed; 32]);
    let mut score = vec![-0.5; rows];
    let mut matrix = |party: usize, count: usize| {
        let column = |number: usize| {
            let mut codes: Vec<u8> = (0..rows).map(|_| rng.below(bins) as u8 + 1).collect();
            for (score, code) in score.iter_mut().zip(&codes) {
                let place = f64::from(*code) / bins as f64 - 0.5;
                *score += (2.0 + (party + number) as f64) * place;
            }
            if number == 0 && missing > 0 {
                codes.iter_mut().filter(|_| rng.below(missing) == 0).for_each(|code| *code = 0);
            }
            BinnedFeature { name: format!("{party}.{number}"), codes, bins: bins as usize }
        };
        BinnedMatrix::new(rows, (0..count).map(column).collect()).unwrap()
    };
    let matrices = (0..).zip(features).map(|(party, count)| matrix(party, *count)).collect();
    let mut draw = |score: &f64| rng.below(1000) as f64 / 1000.0 < local::probability(*score);
    let classes: Vec<u8> = score.iter().map(|score| u8::from(draw(score))).collect();
    let numbers = score.iter().map(|score| 40.0 + 30.0 * score).collect();
    let training = (0..rows as u32 * 9 / 10).collect();
    Data { matrices, classes, numbers, weights: None, training, validation: Vec::new() }
}

impl Data {
    fn labels(&self, settings: &Settings) -> Labels<'_> {
        match settings.loss {
            Loss::Logistic | Loss::Softmax { .. } => Labels::Classes(&self.classes),
            _ => Labels::Numbers(&self.numbers),
        }
    }

    fn reference(&self, settings: &Settings) -> local::Training {
        let features = self.matrices.iter().flat_map(BinnedMatrix::features).cloned().collect();
        let matrix = BinnedMatrix::new(self.classes.len(), features).unwrap();
        let Known { labels, weights } = self.known(settings);
        let (training, validation) = (&self.training, &self.validation);
        let examples = Examples { labels, weights, training, validation };
        local::train(&matrix, &examples, settings).unwrap()
    }

    fn known(&self, settings: &Settings) -> Known<'_> {
        Known { labels: self.labels(settings), weights: self.weights.as_deref() }
    }

    fn rows(&self) -> Rows<'_> {
        let weighted = self.weights.is_some();
        Rows { training: &self.training, validation: &self.validation, weighted }
    }

    /// With numbers of at least 0 that grow with the score by orders of magnitude, one in three of
    /// them 0, and weights from 1 to 5.
    fn with_amounts(mut self) -> Self {
        let amount = |(row, number): (usize, &f64)| {
            if row.is_multiple_of(3) { 0.0 } else { ((number - 40.0) / 40.0).exp() }
        };
        self.numbers = self.numbers.iter().enumerate().map(amount).collect();
        self.weights = Some((0..self.numbers.len()).map(|row| (1 + row % 5) as f64).collect());
        self
    }
}

fn settings(trees: usize, depth: usize) -> Settings {
    Settings { trees, depth, min_split_rows: 2, early_stopping_rounds: 0, ..Settings::default() }
}

type Trained = (StrictTrees, Vec<u64>, Vec<Observation>);

async fn play(
    number: usize,
    sessions: Vec<Session>,
    data: &Data,
    settings: &Settings,
) -> Result<Trained, ModelError> {
    let ledger = Arc::new(Ledger::new(DISCLOSURES));
    let mut parties = Parties::setup(sessions, Arc::clone(&ledger)).await?;
    let matrix = &data.matrices[number];
    let known = (number == 0).then(|| data.known(settings));
    let course = Course::default();
    let trained = train(&mut parties, matrix, known, data.rows(), settings, course).await?;
    let model = trained.model;
    let margins = score(&mut parties, &model, matrix).await?;
    Ok((model, margins, ledger.observed()))
}

fn run(data: &Data, settings: &Settings) -> MeshOutcome<Result<Trained, ModelError>> {
    let role = async |number, sessions| play(number, sessions, data, settings).await;
    mesh(1, data.matrices.len(), role)
}

/// The same trees up to near ties, and margins that are those of the reference on average.
fn assert_same(data: &Data, settings: &Settings, nodes: usize, off: f64) {
    let (outcome, reference) = (run(data, settings), data.reference(settings));
    let parts: Vec<&Trained> = outcome.results.iter().map(|it| it.as_ref().unwrap()).collect();
    let (equal, all) = equal_nodes(&parts, &reference.model);
    assert!(all >= nodes && equal * 100 >= all * 95, "{equal} of {all} nodes");
    let rows = parts[0].1.len();
    let sum = |row: usize| parts.iter().fold(0_u64, |sum, part| sum.wrapping_add(part.1[row]));
    let margins = parts[0].0.margins(&(0..rows).map(sum).collect::<Vec<_>>());
    let scale = parts[0].0.scale;
    let both = [&margins, &reference.margins].map(|it| less_last(it, parts[0].0.outputs()));
    let errors = both[0].iter().zip(&both[1]).map(|(a, b)| (a - b).abs() / scale);
    let mean = errors.sum::<f64>() / rows as f64;
    assert!(mean < off, "margins are off by {mean} on average");
}

/// Of several classes the margins less those of the last one.
fn less_last(margins: &[f64], outputs: usize) -> Vec<f64> {
    let less = |row: &[f64]| -> Vec<f64> {
        let last = if outputs > 1 { row[outputs - 1] } else { 0.0 };
        row.iter().map(|margin| margin - last).collect()
    };
    margins.chunks(outputs).flat_map(less).collect()
}

/// How many nodes of the reference's trees are the same here, of how many, as long as their parents
/// are the same.
fn equal_nodes(parts: &[&Trained], reference: &local::BoostedTrees) -> (usize, usize) {
    let (mut equal, mut all) = (0, 0);
    let starts: Vec<usize> = (0..parts.len())
        .map(|place| parts[..place].iter().map(|part| part.0.features.len()).sum())
        .collect();
    for (number, expected) in reference.trees.iter().enumerate() {
        let trees: Vec<&PartTree> = parts.iter().map(|part| &part.0.trees[number]).collect();
        all += expected.nodes().len();
        let mut open = vec![(0, 0)];
        while let Some((here, there)) = open.pop() {
            let cut = trees.iter().zip(&starts).find_map(|(tree, start)| match tree.nodes[here] {
                PartNode::Split { cut: Some(cut), left, .. } => {
                    Some((Cut { feature: cut.feature + start, ..cut }, left))
                }
                _ => None,
            });
            match (&expected.nodes()[there], cut) {
                (Node::Leaf { weight }, None) => {
                    let share = |tree: &&PartTree| match tree.nodes[here] {
                        PartNode::Leaf { share } => share,
                        PartNode::Split { .. } => 0,
                    };
                    let sum = trees.iter().map(share).fold(0, u64::wrapping_add);
                    let found = sum as i64 as f64 / SCORE_UNIT;
                    let expected = weight / parts[0].0.scale;
                    assert!((found - expected).abs() < 5e-3, "{found} for {expected}");
                    equal += 1;
                }
                (Node::Split { question, left, .. }, Some((cut, next)))
                    if (question.feature, question.bin) == (cut.feature, cut.bin) =>
                {
                    equal += 1;
                    open.extend([(next, *left), (next + 1, left + 1)]);
                }
                _ => {}
            }
        }
    }
    (equal, all)
}

/// Fractions of a level are more than transfers take.
#[test]
fn correct() {
    assert_same(&data(1, 1500, &[2, 3, 2], 12, 0), &settings(2, 3), 25, 0.01);
}

#[test]
fn correct_for_numbers_with_four_parties() {
    let data = data(2, 600, &[1, 1, 2, 1], 4, 9);
    let settings = Settings { loss: Loss::Squared, column_fraction: 0.9, ..settings(2, 2) };
    assert_same(&data, &settings, 10, 0.01);
}

#[test]
fn correct_with_five_parties() {
    assert_same(&data(5, 800, &[1, 1, 1, 1, 1], 2, 0), &settings(1, 1), 3, 0.01);
}

#[test]
fn correct_for_a_forest_on_samples() {
    let data = data(3, 500, &[1, 2, 1], 5, 0);
    let settings = Settings {
        loss: Loss::Squared,
        ensemble: Ensemble::Forest,
        row_fraction: 0.7,
        min_gain: 1.0,
        ..settings(2, 2)
    };
    assert_same(&data, &settings, 10, 0.01);
}

/// A party's share of a number.
fn share(number: usize, value: u64) -> u64 {
    let masks = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f_u64];
    let rest = || masks.iter().fold(value, |rest, mask| rest.wrapping_sub(*mask));
    if number == 0 { rest() } else { masks[number - 1] }
}

async fn three(sessions: Vec<Session>) -> Parties {
    Parties::setup(sessions, Arc::new(Ledger::new(DISCLOSURES))).await.unwrap()
}

/// Second derivatives are half a unit each; what they should be, the first ones say.
#[test]
fn second_derivatives_of_rare_labels_are_right_on_average() {
    const ROWS: usize = 4096;
    let (first_bits, second_bits, low_bits) = (20, 9, 30);
    let units =
        Units { first_bits, second_bits, low_bits, first_sum_bits: 33, second_sum_bits: 27 };
    let classes: Vec<u8> = (0..ROWS).map(|row| u8::from(row % 1024 == 0)).collect();
    let (training, settings) = ((0..ROWS as u32).collect::<Vec<_>>(), settings(1, 1));
    let labels = Labels::Classes(&classes);
    let examples = Examples { labels, weights: None, training: &training, validation: &[] };
    let targets = &Targets::new(&examples, &settings, ROWS).unwrap();
    let settings = &settings;
    let outcome = mesh(9, 3, async |number, sessions| {
        let parties = &mut three(sessions).await;
        let products = &Products::prepare(parties).await.unwrap();
        let known = (number == 0).then_some(targets);
        let weighted = (false, ROWS);
        let derivatives = Derivatives::prepare(parties, products, units, settings, known, weighted);
        let derived = derivatives.await.unwrap().at(parties, &[vec![0; ROWS]], ROWS).await;
        derived.unwrap().packed.swap_remove(0)
    });
    let (mut firsts, mut seconds) = (0, 0);
    for row in 0..ROWS {
        let word = outcome.results.iter().fold(0_u64, |sum, it| sum.wrapping_add(it[row]));
        let second = (word << (64 - low_bits)) as i64 >> (64 - low_bits);
        firsts += (word as i64 - second) >> low_bits;
        seconds += second;
    }
    let mean = |sum: i64, bits: u32| sum as f64 / f64::from(1 << bits) / ROWS as f64;
    let chance = mean(firsts, first_bits) + 1.0 / 1024.0;
    assert!((chance - 1.0 / 1024.0).abs() < 1.8e-4, "{chance}");
    let off = mean(seconds, second_bits) - chance * (1.0 - chance);
    assert!(off.abs() * f64::from(1 << second_bits) < 0.1, "off by {off}");
}

/// What three parties make of no penalties and the units of a million rows.
async fn bare(
    parties: &mut Parties,
    data: &Data,
    settings: &Settings,
) -> (Units, Products, Penalties) {
    let (training, rows) = (&data.training, 1 << 20);
    let labels = data.labels(settings);
    let examples = Examples { labels, weights: None, training, validation: &[] };
    let targets = Targets::new(&examples, settings, data.classes.len()).unwrap();
    let targets = parties.is_first().then_some(&targets);
    let units = Units::new(rows, settings).unwrap();
    let products = Products::prepare(parties).await.unwrap();
    let penalties = Penalties::share_among(parties, units, settings, targets, rows).await.unwrap();
    (units, products, penalties)
}

fn without_penalties() -> Settings {
    Settings { l2: 0.0, min_child_weight: 0.0, ..settings(1, 1) }
}

/// The heavier a node, the fewer units of a denominator one unit of weight is.
#[test]
fn cuts_without_rows_are_excluded() {
    let (data, settings) = (small().0, without_penalties());
    let outcome = mesh(10, 3, async |number, sessions| {
        let parties = &mut three(sessions).await;
        let (units, products, penalties) = bare(parties, &data, &settings).await;
        let (products, penalties) = (&products, &penalties);
        let total = units.pack(1000, (1 << 27) + 5);
        let cuts = [0, units.pack(900, 1 << 26), total].map(|sum| share(number, sum));
        let left = vec![cuts.to_vec(), Vec::new(), Vec::new()];
        let nodes = [NodeSums { total: share(number, total), left }];
        let chooser: Chooser<'_, Parties> =
            Chooser { maker: FractionMaker { products, units, penalties } };
        let fractions = chooser.maker.fractions(parties, &nodes, &cuts).await.unwrap();
        chooser.exclude(parties, fractions).await.unwrap().0
    });
    let gains = (0..3).map(|cut| {
        let shares = outcome.results.iter().map(|it| it.numerators[cut]);
        shares.fold(0, u128::wrapping_add)
    });
    let gains: Vec<u128> = gains.collect();
    assert!(gains[0] == 0 && gains[1] > 1000 && gains[2] == 0, "{gains:?}");
}

/// Rounding may leave less than nothing of the weight of a few rows.
#[test]
fn leaves_without_weight_add_next_to_nothing() {
    let (data, settings) = (small().0, without_penalties());
    let outcome = mesh(11, 3, async |number, sessions| {
        let parties = &mut three(sessions).await;
        let (units, products, penalties) = bare(parties, &data, &settings).await;
        let sums = [(-30_i64, 60_i64), (-30, 0), (-30, -2)];
        let totals = sums.map(|(first, second)| units.pack(first as u64, second as u64));
        let totals = totals.map(|sum| share(number, sum));
        let mut tree = PartTree { nodes: vec![PartNode::Leaf { share: 0 }; 3] };
        let scale = (units, &penalties);
        leaves::fill(parties, &products, scale, &settings, &mut tree, &totals).await.unwrap();
        tree
    });
    let leaf = |node: usize| {
        let shares = outcome.results.iter().map(|tree| match tree.nodes[node] {
            PartNode::Leaf { share } => share,
            PartNode::Split { .. } => 0,
        });
        shares.fold(0, u64::wrapping_add) as i64 as f64 / SCORE_UNIT
    };
    let leaves = [0, 1, 2].map(leaf);
    assert!((leaves[0] - 0.5 * settings.shrinkage()).abs() < 0.05, "{leaves:?}");
    assert!(leaves[1..].iter().all(|leaf| leaf.abs() < 1e-4), "{leaves:?}");
}

/// One tree with one split over 40 rows.
fn small() -> (Data, Settings) {
    (data(4, 45, &[1, 1, 1], 2, 0), Settings { min_child_weight: 0.5, ..settings(1, 1) })
}

#[test]
fn known_answer() {
    let (data, settings) = small();
    assert_eq!(
        run(&data, &settings).hash(),
        "a8a3876f95eaece7365fccb3d4514d39a3526581dc955d21a9a2b2621461f343"
    );
}

#[test]
fn cost() {
    let (data, settings) = small();
    let outcome = run(&data, &settings);
    for ((first, second), transcript) in &outcome.transcripts {
        let bytes = |side, step| transcript.bytes_of(side, step);
        for side in [Side::First, Side::Second] {
            assert_eq!(bytes(side, "features"), 4 + 2, "{first} {second}");
            assert_eq!(bytes(side, "feature_digests"), 3 * 8);
            // Two bins of each party, 40 rows of 150 bits and one element of the ring of 116.
            assert_eq!(bytes(side, "hints"), 2 * 118_784);
            assert_eq!(bytes(side, "vectors"), 118_784 + 750);
            // One node: whether it is split, and of two bits where its cut is.
            assert_eq!(bytes(side, "opened_bits"), 2 * 8);
        }
        let penalties = if *first == 0 { 3 * 16 } else { 0 };
        assert_eq!(bytes(Side::First, "guest_numbers"), penalties);
        assert_eq!(bytes(Side::Second, "guest_numbers"), 0);
    }
    // The ledgers say so: one split, two bits for its owner, and whose number was told.
    for result in &outcome.results {
        let (model, _, observed) = result.as_ref().unwrap();
        let count = |key: &str, to: &str| {
            let found = observed.iter().find(|it| it.key == key && it.to == to);
            found.map_or(0, |it| it.count)
        };
        assert_eq!((count("trees.shape", "all"), count("trees.split_owner", "all")), (1, 2));
        let PartNode::Split { owner, .. } = model.trees[0].nodes[0] else { panic!("no split") };
        for place in 0..3 {
            let told = count("trees.own_splits", &format!("party.{place}"));
            assert_eq!(told, u64::from(owner == Owner::at(place)));
        }
    }
}

#[test]
fn tampered() {
    let (data, settings) = small();
    let role = async |number, sessions| play(number, sessions, &data, &settings).await;
    for (step, kind) in [
        // The second party tells the third of other bins, and of two that differ.
        ("features", FaultKind::replace(|bytes| [&bytes[..4], &[3, 0]].concat())),
        ("features", FaultKind::replace(|bytes| bytes[1..].to_vec())),
        ("feature_digests", FaultKind::replace(|bytes| vec![7; bytes.len()])),
    ] {
        let (path_step, from) = (step.to_owned(), Side::First);
        let fault = Fault { path_step, occurrence: 0, kind, from };
        let outcome = mesh_with_fault(5, 3, MeshFault { between: (1, 2), fault }, role);
        let text = outcome.results[2].as_ref().unwrap_err().to_string();
        assert!(text.contains("misbehaved at step feature"), "{text}");
    }
}

#[test]
fn peer_drops() {
    let (data, settings) = small();
    let role = async |number, sessions| play(number, sessions, &data, &settings).await;
    for step in ["feature_digests", "opened_bits"] {
        let (path_step, kind) = (step.to_owned(), FaultKind::Close);
        let fault = Fault { path_step, occurrence: 0, kind, from: Side::Second };
        let outcome = mesh_with_fault(6, 3, MeshFault { between: (1, 2), fault }, role);
        for result in &outcome.results[1..] {
            assert!(matches!(result, Err(ModelError::Secure(_))), "{step}: {result:?}");
        }
    }
}

#[test]
fn nothing_is_opened_that_is_not_declared() {
    let (data, settings) = small();
    let outcome = mesh(7, 3, async |number, sessions| {
        let declared: Vec<&str> = DISCLOSURES.into_iter().filter(|key| *key != SHAPE).collect();
        let ledger = Arc::new(Ledger::new(declared));
        let mut parties = Parties::setup(sessions, ledger).await.unwrap();
        let known = (number == 0).then(|| data.known(&settings));
        let (matrix, course) = (&data.matrices[number], Course::default());
        train(&mut parties, matrix, known, data.rows(), &settings, course).await.err()
    });
    for error in outcome.results {
        let undeclared = ModelError::Secure(MpcError::Undeclared(SHAPE.to_owned()));
        assert_eq!(error.unwrap().to_string(), undeclared.to_string());
    }
}

#[test]
fn trees_of_a_host_that_is_not_there_are_not_scored() {
    let split = PartNode::Split { owner: Owner::at(2), cut: None, left: 1 };
    let leaf = PartNode::Leaf { share: 0 };
    let tree = PartTree { nodes: vec![split, leaf, leaf] };
    assert!(tree.is_sound(0, 1) && check_owners(&tree, 3).is_ok());
    assert!(check_owners(&tree, 2).is_err());
    // The owner knows what it asks, and there is one name for each place.
    assert!(!tree.is_sound(2, 1));
    let split = PartNode::Split { owner: Owner::FurtherHost(1), cut: None, left: 1 };
    assert!(!PartTree { nodes: vec![split, leaf, leaf] }.is_sound(0, 1));
}

/// Two hosts that put together what they hold of the training rows' margins; see the attacks on two
/// parties.
#[test]
fn what_two_hosts_hold_together_says_nothing_about_labels() {
    let (data, settings) = (data(8, 600, &[1, 1, 1], 4, 0), settings(1, 2));
    let outcome = mesh(8, 3, async |number, sessions| {
        let mut parties =
            Parties::setup(sessions, Arc::new(Ledger::new(DISCLOSURES))).await.unwrap();
        let known = (number == 0).then(|| data.known(&settings));
        let (matrix, course) = (&data.matrices[number], Course::default());
        train(&mut parties, matrix, known, data.rows(), &settings, course).await.unwrap()
    });
    let labels = &data.classes[..data.training.len()];
    let [guest, one, other] = [0, 1, 2].map(|number| &outcome.results[number].margins);
    let both: Vec<u64> =
        one.iter().zip(other).map(|(one, other)| one.wrapping_add(*other)).collect();
    let signed: Vec<f64> = both.iter().map(|share| *share as i64 as f64).collect();
    let sizes: Vec<f64> = signed.iter().map(|share| share.abs()).collect();
    for guess in [&signed, &sizes] {
        let found = advantage(guess, labels);
        assert!(found <= chance(labels), "{found} is more than chance");
    }
    // The open variant: what all three hold.
    let sums = guest.iter().zip(&both).map(|(guest, both)| guest.wrapping_add(*both));
    let open: Vec<f64> = sums.map(|sum| sum as i64 as f64).collect();
    assert!(advantage(&open, labels) > chance(labels));
}
