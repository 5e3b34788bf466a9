//! What a whole job must give: the optimum of the stated objective on pooled plaintext.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use features::FeatureMatrix;
use features::prepare::Preparation;
use jobs::Unwatched;
use jobs::spec::{JobSpec, PartySpec};
use models::evaluate::{Ranking, discrimination::auc};
use models::local::logistic_regression as local;
use serde_json::Value;
use table::{Schema, Source, Table};

use crate::support::{JOB, PROGRAM, breast, json, run};

/// The most that joint coefficients and the AUC may differ from pooled plaintext.
pub(crate) const BOUND: f64 = 1e-3;

#[test]
fn the_bank_and_the_operator_reach_the_optimum_of_the_pooled_data() {
    let folder = tempfile::tempdir().unwrap();
    let written =
        Command::new(PROGRAM).args(["demo", "--write"]).arg(folder.path()).status().unwrap();
    assert!(written.success());
    let job = fs::read_to_string(folder.path().join("term-deposit.yaml")).unwrap();
    let (kept, _) = job.split_once("\ntrain:").unwrap();
    let job = format!("{kept}\ntrain:\n  - logistic_regression: {{ l2: 0.01 }}\n");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    succeed(folder.path());
    compare(folder.path(), "logistic_regression.time");
    compare(folder.path(), "logistic_regression.stratified");
}

#[test]
fn the_lender_and_its_partner_reach_the_optimum_of_the_pooled_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/fate");
    let job = format!(
        "\
job: default-credit
purpose: test
seed: 3
parties:
  lender: {{ role: guest, table: {data}/default_credit_hetero_guest.csv.gz, key: id, label: y }}
  partner: {{ role: host, table: {data}/default_credit_hetero_host.csv.gz, key: id }}
split: {{ by: stratified, test: 30% }}
train:
  - logistic_regression: {{ l2: 0.01 }}
"
    );
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    succeed(folder.path());
    compare(folder.path(), "logistic_regression.stratified");
}

#[test]
fn the_clinic_and_the_laboratory_reach_the_optimum_of_the_pooled_data() {
    let folder = breast();
    let (kept, _) = JOB.split_once("\ntrain:").unwrap();
    let job = format!("{kept}\ntrain:\n  - logistic_regression: {{ l2: 0.01 }}\n");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    succeed(folder.path());
    compare(folder.path(), "logistic_regression.stratified");
}

fn succeed(folder: &Path) {
    let output = run(folder);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
}

/// Compares the logistic regression `step` of the job in `folder` with one that is trained on both
/// parties' columns in plaintext, to the optimum.
pub(crate) fn compare(folder: &Path, step: &str) {
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let job = JobSpec::parse("job.yaml", &job).unwrap();
    let (guest, host) =
        (Part::read(folder, &job, &job.guest, step), Part::read(folder, &job, &job.host, step));
    assert_eq!(guest.ids, host.ids, "one order on both sides");
    let (training, test) = guest.rows(folder, step);

    let l2 = guest.model["settings"]["l2"].as_f64().unwrap();
    let labels = |rows: &[u32]| -> Vec<u8> {
        let labels = guest.table.label().unwrap();
        rows.iter().map(|row| labels[*row as usize]).collect()
    };
    let pooled = |rows: &[u32]| -> Vec<Vec<f64>> {
        let taken = [&guest, &host].map(|part| part.matrix.take(rows).unwrap());
        let columns = taken.iter().flat_map(FeatureMatrix::columns);
        columns.map(<[f64]>::to_vec).collect()
    };
    let (fitted, tested) = (pooled(&training), pooled(&test));
    let settings = local::Settings { l2, ..local::Settings::default() };
    let fit = local::fit(&slices(&fitted), &labels(&training), None, settings).unwrap();

    let scores = local::probabilities(&fit, &slices(&tested), test.len()).unwrap();
    let expected = auc(&Ranking::new(&scores, &labels(&test), None).unwrap());
    let metrics = json(&folder.join("out").join(&job.guest.name).join("metrics.json"));
    let found = metrics["models"][step]["joint"]["auc"].as_f64().unwrap();
    assert!((found - expected).abs() < BOUND, "joint AUC {found}, pooled {expected}");
    let weights = [coefficients(&guest.model), coefficients(&host.model)].concat();
    assert_eq!(weights.len(), fit.weights.len());
    for ((name, joint), pooled) in weights.iter().zip(&fit.weights) {
        assert!((joint - pooled).abs() < BOUND, "{name}: joint {joint}, pooled {pooled}");
    }
    let intercept: f64 = [&guest, &host]
        .map(|part| part.model["part"]["logistic_regression"]["intercept"].as_f64().unwrap())
        .iter()
        .sum();
    assert!((intercept - fit.intercept).abs() < BOUND, "{intercept}, pooled {}", fit.intercept);
}

/// One party's table in the common order, its part of the model, and its features.
struct Part {
    name: String,
    ids: Vec<String>,
    table: Table,
    model: Value,
    matrix: FeatureMatrix,
}

impl Part {
    fn read(folder: &Path, job: &JobSpec, party: &PartySpec, step: &str) -> Self {
        let out = folder.join("out").join(&party.name);
        let ids = ids(&out.join("tables/aligned.parquet"), &party.key.column);
        let whole = jobs::open_rows(job, party, folder, &out, &Unwatched).unwrap();
        let whole = whole.table().unwrap();
        let place: HashMap<&str, u32> =
            whole.ids().unwrap().enumerate().map(|(row, id)| (id, row as u32)).collect();
        let order: Vec<u32> = ids.iter().map(|id| place[id.as_str()]).collect();
        let table = whole.take(&order).unwrap();
        let model = json(&out.join(format!("model/{step}.json")));
        let preparation: Preparation =
            serde_json::from_value(model["preparation"].clone()).unwrap();
        let matrix = preparation.transform(&features::columns(&table)).unwrap();
        let names: Vec<String> = coefficients(&model).into_iter().map(|(name, _)| name).collect();
        let place = |name: &String| matrix.names().position(|known| known == name).unwrap();
        let places: Vec<usize> = names.iter().map(place).collect();
        let matrix = matrix.select(&places).unwrap();
        Self { name: party.name.clone(), ids, table, model, matrix }
    }

    /// The training rows and the test rows, which are those that have scores.
    fn rows(&self, folder: &Path, step: &str) -> (Vec<u32>, Vec<u32>) {
        let scores = format!("out/{}/tables/scores.{step}.parquet", self.name);
        let key = self.table.id_column().unwrap();
        let tested: HashSet<String> = ids(&folder.join(scores), key).into_iter().collect();
        (0..self.ids.len() as u32).partition(|row| !tested.contains(&self.ids[*row as usize]))
    }
}

/// The ids of a table of the results.
fn ids(path: &Path, key: &str) -> Vec<String> {
    let source = Source::parquet(path);
    let overrides = table::Overrides { id: Some(key.to_owned()), ..table::Overrides::default() };
    let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
    let table = Table::read(&source, &schema).unwrap();
    table.ids().unwrap().map(str::to_owned).collect()
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// Names and values of a party's coefficients.
pub(crate) fn coefficients(model: &Value) -> Vec<(String, f64)> {
    let list = model["part"]["logistic_regression"]["coefficients"].as_array().unwrap();
    let pair =
        |it: &Value| (it["feature"].as_str().unwrap().to_owned(), it["weight"].as_f64().unwrap());
    list.iter().map(pair).collect()
}
