//! Multinomial regression on the vehicle silhouettes (UCI, CC BY 4.0; FATE's vertical halves of
//! nine columns each, four classes) in `strict` privacy, against the optimum over the pooled rows.

#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::path::Path;
use std::sync::Arc;

use mpc::TwoParty;
use mpc::reveal::Ledger;
use net::Session;
use table::{FeatureValues, Overrides, Schema, Source, Table};
use tombolo_models::evaluate::classes::ClassEvaluation;
use tombolo_models::local::multinomial_regression as local;
use tombolo_models::vertical::logistic_regression::Settings;
use tombolo_models::vertical::multinomial_regression::{ClassCoefficients, Labels, train};

const CLASSES: usize = 4;

fn half(party: &str, label: Option<&str>) -> Table {
    let file = format!("../data/fate/vehicle_scale_hetero_{party}.csv");
    let source = Source::csv(Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
    let overrides = Overrides {
        id: Some("id".to_owned()),
        label: label.map(str::to_owned),
        ..Overrides::default()
    };
    let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
    Table::read(&source, &schema).unwrap()
}

/// The features, each with mean 0 and deviation 1.
fn standardised(table: &Table) -> Vec<Vec<f64>> {
    let column = |feature: table::Feature<'_>| {
        let FeatureValues::Numeric(values) = feature.values else { panic!("not a number") };
        let rows = values.len() as f64;
        let mean = values.iter().sum::<f64>() / rows;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows;
        values.iter().map(|value| (value - mean) / variance.sqrt()).collect()
    };
    table.features().map(column).collect()
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

#[test]
fn strict_coefficients_are_those_of_the_pooled_optimum() {
    let (guest, host) = (half("guest", Some("y")), half("host", None));
    let (names, labels) = guest.label_classes(10).unwrap();
    assert_eq!((names.len(), guest.rows()), (CLASSES, 846));
    let [guest, host] = [standardised(&guest), standardised(&host)];
    let settings = Settings::default();
    let side = async |session: Session| {
        let keys = ["train.stop", "model.own_coefficients", "train.weighted", "train.classes"];
        let mut party = TwoParty::setup(session, Arc::new(Ledger::new(keys))).await.unwrap();
        let is_guest = party.is_first();
        let columns = slices(if is_guest { &guest } else { &host });
        let labels =
            is_guest.then_some(Labels { classes: CLASSES, values: &labels, weights: None });
        train(&mut party, &columns, labels, &settings).await.unwrap()
    };
    let outcome = world::pair(1, side, side);
    let (joint_guest, joint_host) = (outcome.first, outcome.second);
    assert!(joint_guest.converged && joint_host.converged);
    let pooled = [guest.clone(), host.clone()].concat();
    let columns = slices(&pooled);
    let data = local::Data { columns: &columns, classes: CLASSES, labels: &labels, weights: None };
    let optimum = local::fit(&data, settings.l2).unwrap();
    let worst = worst(&joint_guest, &joint_host, &optimum);
    assert!(worst < 1e-3, "{worst}, {} passes", joint_guest.passes);
    // What the coefficients are worth, on the rows they were fitted on.
    let probabilities = local::probabilities(&optimum, &columns, labels.len()).unwrap();
    let pooled = ClassEvaluation::new(&probabilities, &labels, None).unwrap();
    let rows = labels.len();
    let theirs = joint_host.partial_scores(&slices(&host), rows);
    let mut scores = joint_guest.partial_scores(&slices(&guest), rows);
    for (scores, theirs) in scores.iter_mut().flatten().zip(theirs.iter().flatten()) {
        *scores += theirs;
    }
    tombolo_models::family::softmax(&mut scores);
    let joint = ClassEvaluation::new(&scores, &labels, None).unwrap();
    assert!((joint.accuracy - pooled.accuracy).abs() < 2.0 / rows as f64);
    assert!((joint.log_loss - pooled.log_loss).abs() < 1e-4);
    assert!(joint.accuracy > 0.75, "{}", joint.accuracy);
}

/// The largest difference of a coefficient or an intercept to that of the optimum.
fn worst(guest: &ClassCoefficients, host: &ClassCoefficients, optimum: &local::Fit) -> f64 {
    let mut worst: f64 = 0.0;
    for class in 0..CLASSES {
        let joint = guest.weights[class].iter().chain(&host.weights[class]);
        for (joint, pooled) in joint.zip(&optimum.weights[class]) {
            worst = worst.max((joint - pooled).abs());
        }
        let intercept = guest.intercepts[class] + host.intercepts[class];
        worst = worst.max((intercept - optimum.intercepts[class]).abs());
    }
    worst
}
