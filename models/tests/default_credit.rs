//! Boosted trees on the credit-card default data (UCI, CC BY 4.0; FATE's vertical halves: guest 13
//! features, host 10), against scikit-learn 1.9 on the same rows
//! (`HistGradientBoostingClassifier` with the same depth, rate, penalty and number of bins).
//!
//! Reads the folder that the variable `TOMBOLO_DATA` names and is skipped where it is not set.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use features::binned::BinnedMatrix;
use features::{binning, columns};
use mpc::reveal::Ledger;
use net::Session;
use std::path::PathBuf;
use table::{Overrides, Schema, Source, Table};
use tombolo_models::evaluate::{Ranking, discrimination};
use tombolo_models::local::boosted_trees::{self as local, Examples, Node, Settings, Tree};
use tombolo_models::vertical::boosted_trees::{
    DISCLOSURES, Question, train_as_guest, train_as_host,
};

struct Data {
    guest: BinnedMatrix,
    host: BinnedMatrix,
    labels: Vec<u8>,
    training: Vec<u32>,
    test: Vec<u32>,
}

/// The binned halves, or none (said aloud) where the data folder is not named.
fn default_credit() -> Option<Data> {
    let Some(folder) = std::env::var_os("TOMBOLO_DATA").map(PathBuf::from) else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: TOMBOLO_DATA does not name the data folder");
        }
        return None;
    };
    let half = |party: &str, label: Option<&str>| {
        let file = format!("fate/default_credit_hetero_{party}.csv.gz");
        let overrides = Overrides {
            label: label.map(str::to_owned),
            positive: label.map(|_| "1".to_owned()),
            ..Overrides::default()
        };
        let source = Source::csv(folder.join(file));
        let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
        Table::read(&source, &schema).unwrap()
    };
    // Both halves list the same ids in the same order.
    let (guest, host) = (half("guest", Some("y")), half("host", None));
    let rows = guest.rows() as u32;
    let (training, test): (Vec<u32>, Vec<u32>) = (0..rows).partition(|row| row % 10 < 7);
    let binned = |table: &Table| {
        let settings = binning::Settings { bins: 32, ..binning::Settings::default() };
        let fitted = binning::fit(&columns(table), &training, &settings, None).unwrap();
        binning::apply(&fitted, &columns(table), table.rows()).unwrap()
    };
    let labels = guest.label().unwrap();
    Some(Data { guest: binned(&guest), host: binned(&host), labels, training, test })
}

impl Data {
    fn examples(&self) -> Examples<'_> {
        Examples {
            labels: local::Labels::Classes(&self.labels),
            weights: None,
            training: &self.training,
            validation: &[],
        }
    }

    fn pooled(&self) -> BinnedMatrix {
        let features = self.guest.features().iter().chain(self.host.features()).cloned();
        BinnedMatrix::new(self.guest.rows(), features.collect()).unwrap()
    }

    fn auc(&self, margins: &[f64]) -> f64 {
        let scores: Vec<f64> = self.test.iter().map(|&row| margins[row as usize]).collect();
        let labels: Vec<u8> = self.test.iter().map(|&row| self.labels[row as usize]).collect();
        discrimination::auc(&Ranking::new(&scores, &labels, None).unwrap())
    }
}

fn settings(trees: usize) -> Settings {
    Settings { trees, depth: 5, learning_rate: 0.2, ..Settings::default() }
}

#[test]
fn plain_trees_are_as_good_as_those_of_a_known_library() {
    let Some(data) = default_credit() else { return };
    let auc = |matrix: &BinnedMatrix| {
        let training = local::train(matrix, &data.examples(), &settings(50)).unwrap();
        data.auc(&training.margins)
    };
    let (joint, alone) = (auc(&data.pooled()), auc(&data.guest));
    assert!((joint - 0.7870).abs() < 0.003, "{joint}");
    assert!((alone - 0.7359).abs() < 0.003, "{alone}");
}

#[test]
fn joint_trees_are_the_plain_ones() {
    let Some(data) = default_credit() else { return };
    let settings = settings(3);
    let outcome = world::pair(
        1,
        async |mut session: Session| {
            let (examples, ledger) = (data.examples(), Ledger::new(DISCLOSURES));
            train_as_guest(
                std::slice::from_mut(&mut session),
                &data.guest,
                &examples,
                &settings,
                &ledger,
            )
            .await
        },
        async |mut session: Session| {
            let ledger = Ledger::new(DISCLOSURES);
            train_as_host(&mut session, &data.host, &data.training, &settings, &ledger).await
        },
    );
    let (joint, host) = (outcome.first.unwrap(), outcome.second.unwrap());
    let plain = local::train(&data.pooled(), &data.examples(), &settings).unwrap();

    let joint_nodes = outline(&joint.model.trees, |question| match *question {
        Question::Own(cut) => (joint.model.features[cut.feature].clone(), cut.bin),
        Question::Host { split, .. } => {
            (host.splits[split].feature.clone(), host.splits[split].bin)
        }
    });
    let plain_nodes =
        outline(&plain.model.trees, |cut| (plain.model.features[cut.feature].clone(), cut.bin));
    assert_eq!(joint_nodes.len(), plain_nodes.len());
    let equal = joint_nodes.iter().zip(&plain_nodes).filter(|(joint, plain)| joint == plain);
    // Ties between two features of the host depend on its shuffling.
    assert!(equal.count() * 100 >= plain_nodes.len() * 99);
    assert!((data.auc(&joint.margins) - data.auc(&plain.margins)).abs() < 1e-3);
    assert!(!host.splits.is_empty());
}

/// Every node: what it asks, or what it weighs.
fn outline<Q>(trees: &[Tree<Q>], name: impl Fn(&Q) -> (String, u8)) -> Vec<String> {
    let node = |node: &Node<Q>| match node {
        Node::Leaf { weight } => format!("{weight:?}"),
        Node::Split { question, .. } => format!("{:?}", name(question)),
    };
    trees.iter().flat_map(|tree| tree.nodes().iter().map(node)).collect()
}
