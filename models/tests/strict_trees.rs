//! Strict trees against plaintext trees on the same bins of real data: the credit-card default data
//! and vehicle silhouettes (UCI, CC BY 4.0) and doctor visits (R package `faraway`), in FATE's
//! vertical halves.
//!
//! Reads the folder that the variable `TOMBOLO_DATA` names and is skipped where it is not set.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::path::PathBuf;
use std::sync::Arc;

use features::binned::BinnedMatrix;
use features::{binning, columns};
use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::Session;
use table::{Overrides, Schema, Source, Table};
use tombolo_models::local::boosted_trees::{
    self as local, Cut, Ensemble, Examples, Labels, Loss, Node, Settings, Tree,
};
use tombolo_models::vertical::strict_trees::{self, Known, PartNode, PartTree, Rows};

struct Data {
    guest: BinnedMatrix,
    host: BinnedMatrix,
    classes: Option<Vec<u8>>,
    numbers: Vec<f64>,
    training: Vec<u32>,
}

/// In place of the value that counts as 1: the label has several classes.
const SEVERAL: &str = "several";

/// The binned halves of a set, or none (said aloud) where the data folder is not named. `positive`
/// is the value of the label that counts as 1; without it the label is a number.
fn read(set: &str, label: &str, positive: Option<&str>) -> Option<Data> {
    let Some(folder) = std::env::var_os("TOMBOLO_DATA").map(PathBuf::from) else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: TOMBOLO_DATA does not name the data folder");
        }
        return None;
    };
    let half = |party: &str, label: Option<&str>| {
        let mut path = folder.join(format!("fate/{set}_hetero_{party}.csv"));
        if !path.exists() {
            path = folder.join(format!("fate/{set}_hetero_{party}.csv.gz"));
        }
        let overrides = Overrides {
            label: label.map(str::to_owned),
            positive: label.and(positive).filter(|it| *it != SEVERAL).map(str::to_owned),
            ..Overrides::default()
        };
        let source = Source::csv(path);
        let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
        Table::read(&source, &schema).unwrap()
    };
    // Both halves list the same ids in the same order.
    let (guest, host) = (half("guest", Some(label)), half("host", None));
    let training: Vec<u32> = (0..guest.rows() as u32).filter(|row| row % 10 < 7).collect();
    let binned = |table: &Table| {
        let settings = binning::Settings { bins: 32, ..binning::Settings::default() };
        let fitted = binning::fit(&columns(table), &training, &settings, None).unwrap();
        binning::apply(&fitted, &columns(table), table.rows()).unwrap()
    };
    let classes = match positive {
        Some(SEVERAL) => Some(guest.label_classes(10).unwrap().1),
        _ => positive.map(|_| guest.label().unwrap()),
    };
    let numbers = match &classes {
        Some(classes) => classes.iter().map(|class| f64::from(*class)).collect(),
        None => guest.label_values().unwrap().to_vec(),
    };
    Some(Data { guest: binned(&guest), host: binned(&host), classes, numbers, training })
}

fn default_credit() -> Option<Data> {
    read("default_credit", "y", Some("1"))
}

fn doctor_visits() -> Option<Data> {
    read("dvisits", "doctorco", None)
}

impl Data {
    fn labels(&self, loss: Loss) -> Labels<'_> {
        match &self.classes {
            Some(classes) if loss.is_of_classes() => Labels::Classes(classes),
            _ => Labels::Numbers(&self.numbers),
        }
    }

    /// Weights that look like sums insured.
    fn weights(&self) -> Vec<f64> {
        (0..self.numbers.len()).map(|row| 1000.0 * (1 + row * 7 % 5) as f64).collect()
    }

    /// At least 99 nodes in 100 ask the same, or are leaves on both sides, where their parents do;
    /// and the predictions of training rows are as good.
    fn check(&self, weights: Option<&[f64]>, settings: &Settings) {
        let side = async |session: Session| {
            let ledger = Arc::new(Ledger::new(strict_trees::DISCLOSURES));
            let mut party = TwoParty::setup(session, ledger).await.unwrap();
            let guest = party.is_first();
            let matrix = if guest { &self.guest } else { &self.host };
            let known = guest.then(|| Known { labels: self.labels(settings.loss), weights });
            let weighted = weights.is_some();
            let rows = Rows { training: &self.training, validation: &[], weighted };
            strict_trees::train(&mut party, matrix, known, rows, settings).await.unwrap()
        };
        let outcome = world::pair(2, side, side);
        let (guest, host) = (outcome.first, outcome.second);
        let labels = self.labels(settings.loss);
        let examples = Examples { labels, weights, training: &self.training, validation: &[] };
        let features = self.guest.features().iter().chain(self.host.features()).cloned();
        let pooled = BinnedMatrix::new(self.guest.rows(), features.collect()).unwrap();
        let plain = local::train(&pooled, &examples, settings).unwrap();
        let guest_features = self.guest.features().len();
        let (mut equal, mut all) = (0, 0);
        for (tree, plain) in plain.model.trees.iter().enumerate() {
            let parts = [&guest.model.trees[tree], &host.model.trees[tree]];
            let found = equal_nodes(parts, plain, guest_features);
            equal += found.0;
            all += found.1;
        }
        let loss = settings.loss;
        assert!(all > 40 && equal * 100 >= all * 99, "{loss:?}: {equal} of {all} nodes are equal");
        let sums = guest.margins.iter().zip(&host.margins);
        let sums: Vec<u64> = sums.map(|(one, other)| one.wrapping_add(*other)).collect();
        let outputs = loss.outputs();
        let mut joint = guest.model.margins(&sums);
        let of_row = |row: &u32| &plain.margins[*row as usize * outputs..][..outputs];
        let mut expected: Vec<f64> = self.training.iter().flat_map(of_row).copied().collect();
        for margins in joint.chunks_mut(outputs).chain(expected.chunks_mut(outputs)) {
            loss.predict(margins);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let spread: Vec<f64> = expected.iter().map(|it| (it - mean(&expected)).abs()).collect();
        let errors: Vec<f64> = joint.iter().zip(&expected).map(|(a, b)| (a - b).abs()).collect();
        let (error, spread) = (mean(&errors), mean(&spread));
        assert!(error < 0.02 * spread, "{loss:?}: {error} of {spread}");
    }
}

fn settings(loss: Loss, trees: usize) -> Settings {
    let (depth, learning_rate, min_split_rows) = (5, 0.2, 2);
    Settings { loss, trees, depth, learning_rate, min_split_rows, ..Settings::default() }
}

fn forest(loss: Loss, trees: usize) -> Settings {
    let (row_fraction, column_fraction) = (0.7, 0.7);
    let (ensemble, early_stopping_rounds) = (Ensemble::Forest, 0);
    let settings = settings(loss, trees);
    Settings { ensemble, early_stopping_rounds, row_fraction, column_fraction, ..settings }
}

#[test]
fn defaults_of_credit_cards_are_the_plain_trees_but_for_near_ties() {
    let Some(data) = default_credit() else { return };
    data.check(None, &settings(Loss::Logistic, 3));
}

#[test]
fn defaults_with_weights_of_rows_and_classes_and_a_least_gain() {
    let Some(data) = default_credit() else { return };
    let (class_weights, l2, min_child_weight, min_gain) = (vec![1.0, 3.0], 3e3, 1e4, 2e4);
    let settings = settings(Loss::Logistic, 3);
    let settings = Settings { class_weights, l2, min_child_weight, min_gain, ..settings };
    data.check(Some(&data.weights()), &settings);
}

#[test]
fn defaults_as_a_forest_of_shares() {
    let Some(data) = default_credit() else { return };
    let settings = Settings { min_child_weight: 20.0, ..forest(Loss::Squared, 3) };
    data.check(None, &settings);
}

#[test]
fn visits_with_the_squared_loss() {
    let Some(data) = doctor_visits() else { return };
    let settings = Settings { min_child_weight: 20.0, ..settings(Loss::Squared, 4) };
    data.check(None, &settings);
    let scale = 3e3;
    let settings = Settings { l2: scale, min_child_weight: 20.0 * scale, ..settings };
    data.check(Some(&data.weights()), &settings);
}

#[test]
fn visits_with_a_logarithmic_link() {
    let Some(data) = doctor_visits() else { return };
    for loss in [Loss::Poisson, Loss::Tweedie { power: 1.5 }] {
        let settings = Settings { min_child_weight: 20.0, ..settings(loss, 3) };
        data.check(None, &settings);
    }
    let scale = 3e3;
    let settings =
        Settings { l2: scale, min_child_weight: 20.0 * scale, ..settings(Loss::Poisson, 3) };
    data.check(Some(&data.weights()), &settings);
}

#[test]
fn four_kinds_of_vehicles() {
    let Some(data) = read("vehicle_scale", "y", Some(SEVERAL)) else { return };
    let settings = Settings { depth: 4, ..settings(Loss::Softmax { classes: 4 }, 3) };
    data.check(None, &settings);
}

#[test]
fn visits_as_forests() {
    let Some(data) = doctor_visits() else { return };
    for loss in [Loss::Poisson, Loss::Tweedie { power: 1.5 }] {
        let settings = Settings { min_child_weight: 8.0, ..forest(loss, 4) };
        data.check(None, &settings);
    }
}

/// How many nodes of a plain tree are the same in the parts of a strict one, of how many whose
/// parents are.
fn equal_nodes(
    [guest, host]: [&PartTree; 2],
    plain: &Tree<Cut>,
    guest_features: usize,
) -> (usize, usize) {
    let (mut equal, mut all) = (0, 0);
    let mut open = vec![(0, 0)];
    while let Some((place, there)) = open.pop() {
        all += 1;
        match (&guest.nodes[place], &host.nodes[place], &plain.nodes()[there]) {
            (PartNode::Leaf { .. }, _, Node::Leaf { .. }) => equal += 1,
            (
                PartNode::Split { cut, left, .. },
                PartNode::Split { cut: other, .. },
                Node::Split { question, left: expected, .. },
            ) => {
                let own = cut.map(|cut| (cut.feature, cut.bin));
                let theirs = other.map(|cut| (cut.feature + guest_features, cut.bin));
                if own.or(theirs) == Some((question.feature, question.bin)) {
                    equal += 1;
                    open.extend([(*left, *expected), (left + 1, expected + 1)]);
                }
            }
            _ => {}
        }
    }
    (equal, all)
}
