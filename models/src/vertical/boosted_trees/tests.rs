//! The five tests of every protocol, against the plaintext reference.

mod losses;
mod several_hosts;

use crypto::random::Generator;
use features::binned::{BinnedFeature, BinnedMatrix};
use mpc::reveal::Ledger;
use net::Session;
use net::transport::faulty::FaultKind;
use world::{Fault, Side};

use super::*;
use crate::ModelError;
use crate::local::boosted_trees::{
    self as local, Cut, Direction, Ensemble, Examples, Labels, Loss, OneSide, Settings,
};

/// Features of both parties over the same rows, labels that depend on both, and parts.
struct Data {
    guest: BinnedMatrix,
    host: BinnedMatrix,
    labels: Vec<u8>,
    /// Grades and groups in place of the labels.
    graded: Option<(Vec<f64>, Vec<u32>)>,
    weights: Vec<f64>,
    training: Vec<u32>,
    validation: Vec<u32>,
}

fn data(seed: u8, rows: usize, guest: usize, host: usize, bins: usize) -> Data {
    let mut generator = Generator::from_seed([seed; 32]);
    let mut score = vec![0.0; rows];
    let mut matrix = |features: usize, party: &str| {
        let column = |number: usize| {
            let codes: Vec<u8> =
                (0..rows).map(|_| generator.below(bins as u64 + 1) as u8).collect();
            for (score, &code) in score.iter_mut().zip(&codes) {
                *score += 3.0 * f64::from(code) / bins as f64 - 1.5;
            }
            BinnedFeature { name: format!("{party}{number}"), codes, bins }
        };
        BinnedMatrix::new(rows, (0..features).map(column).collect()).unwrap()
    };
    let (guest, host) = (matrix(guest, "guest"), matrix(host, "host"));
    let draw = |score: &f64| generator.below(1000) as f64 / 1000.0 < local::probability(*score);
    let labels: Vec<u8> = score.iter().map(draw).map(u8::from).collect();
    let weights = (0..rows).map(|row| 0.5 + (row % 5) as f64 / 4.0).collect();
    let part = |from: usize, to: usize| (from as u32..to as u32).collect();
    let (training, validation) = (part(0, rows * 6 / 10), part(rows * 6 / 10, rows * 8 / 10));
    Data { guest, host, labels, graded: None, weights, training, validation }
}

impl Data {
    fn examples(&self) -> Examples<'_> {
        Examples {
            labels: match &self.graded {
                Some((grades, groups)) => Labels::Graded { grades, groups },
                None => Labels::Classes(&self.labels),
            },
            weights: Some(&self.weights),
            training: &self.training,
            validation: &self.validation,
        }
    }

    /// The reference on the guest's features and then the host's in the order of `host_names`.
    fn reference(&self, host_names: &[String], settings: &Settings) -> local::Training {
        let host = |name: &String| {
            self.host.features().iter().find(|feature| feature.name == *name).unwrap().clone()
        };
        let columns = self.guest.features().iter().cloned().chain(host_names.iter().map(host));
        let pooled = BinnedMatrix::new(self.labels.len(), columns.collect()).unwrap();
        local::train(&pooled, &self.examples(), settings).unwrap()
    }

    async fn as_guest(
        &self,
        mut session: Session,
        settings: &Settings,
    ) -> Result<GuestTraining, ModelError> {
        let ledger = Ledger::new(DISCLOSURES);
        train_as_guest(
            std::slice::from_mut(&mut session),
            &self.guest,
            &self.examples(),
            settings,
            &ledger,
        )
        .await
    }

    async fn as_host(
        &self,
        mut session: Session,
        settings: &Settings,
    ) -> Result<HostTrees, ModelError> {
        let ledger = Ledger::new(DISCLOSURES);
        train_as_host(&mut session, &self.host, &self.training, settings, &ledger).await
    }
}

fn settings(trees: usize, depth: usize) -> Settings {
    Settings { trees, depth, seed: 7, min_split_rows: 2, ..Settings::default() }
}

/// What a tree asks at each node and weighs in each leaf, with the host's features by name.
fn outline<Q>(trees: &[local::Tree<Q>], name: impl Fn(&Q) -> (String, u8, bool)) -> Vec<String> {
    let node = |node: &local::Node<Q>| match node {
        local::Node::Leaf { weight } => format!("{weight:?}"),
        local::Node::Split { question, gain, left } => {
            format!("{:?} {gain:?} {left}", name(question))
        }
    };
    trees.iter().flat_map(|tree| tree.nodes().iter().map(node)).collect()
}

fn joint_outline(guest: &GuestTrees, hosts: &[HostTrees]) -> Vec<String> {
    outline(&guest.trees, |question| match *question {
        Question::Own(Cut { feature, bin, missing_left }) => {
            (guest.features[feature].clone(), bin, missing_left)
        }
        Question::Host { host, split } => {
            let HostSplit { feature, bin, missing_left } = &hosts[host].splits[split];
            (feature.clone(), *bin, *missing_left)
        }
    })
}

/// Every node, gain and leaf is the reference's, to the last bit.
fn assert_lossless(data: &Data, settings: &Settings) {
    let outcome = world::pair(
        1,
        |session| data.as_guest(session, settings),
        |session| data.as_host(session, settings),
    );
    let (guest, host) = (outcome.first.unwrap(), outcome.second.unwrap());
    assert!(!host.splits.is_empty(), "the host took no part: {settings:?}");
    // Ties between the host's features depend on the order in which it shuffled them.
    let found = joint_outline(&guest.model, std::slice::from_ref(&host));
    let reference = orders_of_host(data).into_iter().find_map(|names| {
        let reference = data.reference(&names, settings);
        let expected = outline(&reference.model.trees, |cut: &Cut| {
            (reference.model.features[cut.feature].clone(), cut.bin, cut.missing_left)
        });
        (expected == found).then_some(reference)
    });
    let reference = reference.expect("the trees are the reference's in no order of features");
    assert_eq!(guest.margins, reference.margins);
    assert_eq!(guest.progress, reference.progress);
}

/// The names of the host's three features in every order.
fn orders_of_host(data: &Data) -> Vec<Vec<String>> {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    orders.map(|order| order.map(|place| data.host.features()[place].name.clone()).into()).into()
}

#[test]
fn correct() {
    let data = data(1, 900, 2, 3, 6);
    assert_lossless(&data, &settings(4, 3));
    let stopping = Settings { learning_rate: 1.0, early_stopping_rounds: 2, ..settings(30, 2) };
    assert_lossless(&data, &stopping);
    assert_lossless(&data, &Settings { row_fraction: 0.5, ..settings(3, 3) });
    // More nodes than one batch.
    assert_lossless(&data, &Settings { min_child_weight: 0.1, ..settings(1, 6) });
}

#[test]
fn directions_are_kept_on_both_sides() {
    let data = data(9, 400, 2, 3, 5);
    let directions = [("guest0", Direction::Decreasing), ("host1", Direction::Decreasing)];
    let directions = directions.map(|(name, direction)| (name.to_owned(), direction)).into();
    let directed = Settings { directions, ..settings(3, 3) };
    assert_lossless(&data, &directed);
}

#[test]
fn sampled_features_are_those_of_the_public_seed() {
    let data = data(2, 400, 3, 4, 4);
    let settings = Settings { column_fraction: 0.5, ..settings(6, 2) };
    let outcome = world::pair(
        1,
        |session| data.as_guest(session, &settings),
        |session| data.as_host(session, &settings),
    );
    let (guest, _) = (outcome.first.unwrap(), outcome.second.unwrap());
    for (number, tree) in guest.model.trees.iter().enumerate() {
        let columns = local::columns_of_tree(&settings, number, 7);
        for question in tree.questions() {
            if let Question::Own(cut) = question {
                assert!(columns.contains(&cut.feature));
            }
        }
    }
}

#[test]
fn scoring_repeats_the_margins_of_training() {
    let data = data(3, 300, 2, 2, 5);
    let settings = settings(3, 3);
    let outcome = world::pair(
        2,
        async |mut session: Session| {
            let ledger = Ledger::new(DISCLOSURES);
            let examples = data.examples();
            let training = train_as_guest(
                std::slice::from_mut(&mut session),
                &data.guest,
                &examples,
                &settings,
                &ledger,
            )
            .await?;
            let text = serde_json::to_string(&training.model).unwrap();
            let model = serde_json::from_str(&text).unwrap();
            let margins =
                score_as_guest(std::slice::from_mut(&mut session), &model, &data.guest, &ledger)
                    .await?;
            assert_eq!(margins, training.margins);
            Ok::<_, ModelError>(ledger.observed())
        },
        async |mut session: Session| {
            let ledger = Ledger::new(DISCLOSURES);
            let model =
                train_as_host(&mut session, &data.host, &data.training, &settings, &ledger).await?;
            let text = serde_json::to_string(&model).unwrap();
            let model = serde_json::from_str(&text).unwrap();
            score_as_host(&mut session, &model, &data.host, &ledger).await?;
            Ok::<_, ModelError>(ledger.observed())
        },
    );
    assert_eq!(outcome.first.unwrap(), outcome.second.unwrap());
}

#[test]
fn known_answer() {
    let data = data(4, 200, 1, 1, 3);
    let settings = settings(1, 2);
    let run = || {
        world::pair(
            5,
            |session| data.as_guest(session, &settings),
            |session| data.as_host(session, &settings),
        )
    };
    let (one, two) = (run(), run());
    assert_eq!(one.transcript.hash(), two.transcript.hash());
    let guest = one.first.unwrap().model;
    let outline = joint_outline(&guest, &[one.second.unwrap()]);
    assert_eq!(outline, KNOWN_OUTLINE);
}

const KNOWN_OUTLINE: [&str; 7] = [
    r#"("guest0", 1, true) 18.652228559864586 1"#,
    r#"("host0", 2, true) 6.086554701561424 3"#,
    r#"("host0", 3, false) 4.433989659199845 5"#,
    "-0.11570850690722904",
    "0.04619935095126232",
    "0.09351801401976981",
    "-0.024109966259394832",
];

#[test]
fn cost() {
    let data = data(5, 500, 1, 2, 4);
    let settings = settings(2, 3);
    let outcome = world::pair(
        1,
        |session| data.as_guest(session, &settings),
        |session| data.as_host(session, &settings),
    );
    let host = outcome.second.unwrap();
    let of = |step: &str| {
        let steps = outcome.transcript.steps.iter().filter(|found| found.step == step);
        steps.fold((0, 0), |sum, step| (sum.0 + step.messages, sum.1 + step.bytes))
    };
    // 300 training rows; 2 features of 4 bins and a missing one; words of 50 bits, 3 a number.
    let packed = |numbers: u64| (numbers * 150).div_ceil(8);
    let (nodes, bytes) = of("gradients");
    assert!((2..=8).contains(&nodes));
    assert_eq!(bytes, nodes * packed(300 + 8192));
    assert_eq!(of("sums"), (nodes, nodes * packed(10)));
    assert_eq!(of("hints"), (1, 10 * 153_600));
    let splits = host.splits.len() as u64;
    assert_eq!(of("sides"), (splits, splits * 8 * 8));
}

/// A protocol small enough to be run a few hundred times.
fn small() -> (Data, Settings) {
    (data(6, 80, 1, 1, 2), settings(1, 1))
}

#[test]
fn tampered() {
    let (data, settings) = small();
    let report = world::hostile::sweep(
        3,
        |session| data.as_guest(session, &settings),
        |session| data.as_host(session, &settings),
    );
    // Changed ciphertexts and sums do not add up any more. A lie about sides is only another
    // feature, and the last command consists of zeros, so that zeroing does not change it.
    let unnoticed = |fault: &Fault| ["sides", "command"].contains(&fault.path_step.as_str());
    assert!(report.unnoticed.iter().all(unnoticed), "{:?}", report.unnoticed);
}

#[test]
fn tampered_directions_that_nobody_asked_for_are_refused() {
    let (data, settings) = small();
    let kind = FaultKind::replace(|bytes| {
        let (_, front) = bytes.split_last().unwrap();
        [front, &[Direction::Increasing as u8]].concat()
    });
    let fault = Fault { path_step: "features".into(), occurrence: 0, kind, from: Side::Second };
    let outcome = world::pair_with_fault(
        1,
        fault,
        |session| data.as_guest(session, &settings),
        |session| data.as_host(session, &settings),
    );
    let error = outcome.first.unwrap_err().to_string();
    assert!(error.contains("the settings give none"), "{error}");
}

#[test]
fn peer_drops() {
    let (data, settings) = small();
    for kind in [FaultKind::Close, FaultKind::Stall] {
        for (path_step, from) in [("hints", Side::Second), ("gradients", Side::First)] {
            let fault =
                Fault { path_step: path_step.into(), occurrence: 0, kind: kind.clone(), from };
            let outcome = world::pair_with_fault(
                1,
                fault,
                |session| data.as_guest(session, &settings),
                |session| data.as_host(session, &settings),
            );
            assert!(outcome.first.is_err() || outcome.second.is_err());
        }
    }
}

/// Runs an honest host against a guest that sends one command of its own making.
fn host_against(command: &messages::Command) -> ModelError {
    let (data, settings) = small();
    let outcome = world::pair(
        1,
        async |mut session: Session| {
            let agreement = messages::agreement(80, &data.training, &settings);
            let terms = messages::Terms { seed: [1; 32], agreement };
            let ledger = Ledger::new(DISCLOSURES);
            let (rows, training) = (80, data.training.as_slice());
            let hosts = std::slice::from_mut(&mut session);
            remotes::Remotes::open(hosts, &ledger, &terms, &settings, rows, training).await?;
            session.send("command", command).await?;
            Ok::<_, ModelError>(())
        },
        |session| data.as_host(session, &settings),
    );
    outcome.second.unwrap_err()
}

#[test]
fn the_host_refuses_what_it_was_not_asked_to_give() {
    let cut = |feature, bin| Cut { feature, bin, missing_left: false };
    let sides = |cuts| messages::Command::Sides { cuts };
    for (command, rule) in [
        (sides(vec![cut(1, 1)]), "must name a feature and a bin that exist"),
        (sides(vec![cut(0, 3)]), "must name a feature and a bin that exist"),
        (sides(vec![cut(0, 0)]), "must name a feature and a bin that exist"),
        (sides(vec![cut(0, 1), cut(0, 2)]), "than the settings' trees can need"),
        (messages::Command::Sums { nodes: 2 }, "than the settings' trees can need"),
    ] {
        let error = host_against(&command).to_string();
        assert!(error.contains(rule), "{error}");
    }
}

#[test]
fn disagreement_ends_before_anything_is_said() {
    let (data, settings) = small();
    let other = Settings { depth: 2, ..settings.clone() };
    let outcome = world::pair(
        1,
        |session| data.as_guest(session, &settings),
        |session| data.as_host(session, &other),
    );
    let error = outcome.second.unwrap_err().to_string();
    assert!(error.contains("must be the same on both sides"), "{error}");
    assert!(outcome.first.is_err());
}

#[test]
fn nothing_undeclared_is_revealed() {
    let (data, settings) = small();
    let outcome = world::pair(
        1,
        |session| data.as_guest(session, &settings),
        async |mut session: Session| {
            let ledger = Ledger::new(["trees.host_bins", "trees.shape"]);
            train_as_host(&mut session, &data.host, &data.training, &settings, &ledger).await
        },
    );
    assert!(outcome.second.unwrap_err().to_string().contains("trees.bin_sums"));
}

#[test]
fn parts_of_different_trainings_do_not_score_together() {
    let (data, _) = small();
    let part = |training_id: &str| HostTrees { training_id: training_id.into(), splits: vec![] };
    let model = GuestTrees {
        training_id: "one".into(),
        loss: Loss::Logistic,
        base_scores: vec![0.0],
        features: vec!["guest0".into()],
        hosts: vec![HostPart { party: "second".into(), splits: 0 }],
        trees: vec![],
    };
    let ledger = Ledger::new(DISCLOSURES);
    let score = |other: HostTrees| {
        world::pair(
            1,
            async |mut session: Session| {
                score_as_guest(std::slice::from_mut(&mut session), &model, &data.guest, &ledger)
                    .await
            },
            async |mut session: Session| {
                let ledger = Ledger::new(DISCLOSURES);
                score_as_host(&mut session, &other, &data.host, &ledger).await
            },
        )
    };
    assert!(score(part("one")).second.is_ok());
    let error = score(part("two")).second.unwrap_err().to_string();
    assert!(error.contains("training two") && error.contains("training one"), "{error}");

    let missing = HostSplit { feature: "gone".into(), bin: 1, missing_left: true };
    let splits = vec![missing];
    let outcome = score(HostTrees { training_id: "one".into(), splits });
    assert!(outcome.second.unwrap_err().to_string().contains("gone"));
}

#[test]
fn damaged_parts_are_refused() {
    let model = |splits| GuestTrees {
        training_id: "one".into(),
        loss: Loss::Logistic,
        base_scores: vec![0.0],
        features: vec![],
        hosts: vec![HostPart { party: "second".into(), splits }],
        trees: serde_json::from_str(
            r#"[[{"split":{"question":{"host":{"host":0,"split":0}},"gain":1.0,"left":1}},
                 {"leaf":{"weight":0.1}},{"leaf":{"weight":-0.1}}]]"#,
        )
        .unwrap(),
    };
    assert!(model(1).check().is_ok());
    assert!(model(0).check().is_err());
}
