//! What a whole job must give: the optimum of the stated objective on pooled plaintext.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use features::FeatureMatrix;
use features::prepare::Preparation;
use jobs::Unwatched;
use jobs::spec::{JobSpec, PartySpec};
use models::evaluate::classes::ClassEvaluation;
use models::evaluate::regression::NumericEvaluation;
use models::evaluate::{Ranking, discrimination::auc};
use models::family::Family;
use models::local::{generalized_linear, logistic_regression as local, multinomial_regression};
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
  - logistic_regression: {{ l2: 0.01, standard_errors: true }}
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
    let model = "logistic_regression: { l2: 0.01, standard_errors: true }";
    let job = format!("{kept}\ntrain:\n  - {model}\n");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    succeed(folder.path());
    compare(folder.path(), "logistic_regression.stratified");
    for (party, heading) in [("clinic", "(intercept)"), ("laboratory", "标准误")] {
        let page = fs::read_to_string(folder.path().join(format!("out/{party}/report.html")));
        let page = page.unwrap();
        assert!(page.contains("p-value") && page.contains(heading), "{party}");
        let metrics = json(&folder.path().join(format!("out/{party}/metrics.json")));
        let opened = metrics["disclosed"].as_array().unwrap();
        let count = |to: &str, what: &str| {
            let line = opened.iter().find(|it| it["to"] == to && it["what"] == what);
            line.and_then(|line| line["count"].as_u64())
        };
        // Ten columns and the intercept, and twenty.
        assert_eq!(count("guest", "model.standard_errors"), Some(11), "{metrics}");
        assert_eq!(count("host", "model.standard_errors"), Some(20), "{metrics}");
        assert_eq!(count("all", "train.collinear"), Some(1), "{metrics}");
    }
}

pub(crate) fn succeed(folder: &Path) {
    let output = run(folder);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
}

/// Compares the logistic regression `step` of the job in `folder` with one that is trained on both
/// parties' columns in plaintext, to the optimum.
pub(crate) fn compare(folder: &Path, step: &str) {
    compare_within(folder, step, BOUND);
}

/// [`compare`] with another bound for the coefficients, of a guest with any number of hosts.
pub(crate) fn compare_within(folder: &Path, step: &str, bound: f64) {
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let job = JobSpec::parse("job.yaml", &job).unwrap();
    let read: Vec<Part> =
        job.parties().map(|party| Part::read(folder, &job, party, step)).collect();
    let parts: Vec<&Part> = read.iter().collect();
    let guest = parts[0];
    assert!(parts.iter().all(|part| part.ids == guest.ids), "one order at all parties");
    let (training, test) = guest.rows(folder, step);

    let l2 = guest.model["settings"]["l2"].as_f64().unwrap();
    let labels = |rows: &[u32]| -> Vec<u8> {
        let labels = guest.table.label().unwrap();
        rows.iter().map(|row| labels[*row as usize]).collect()
    };
    let [fitted, tested] = [&training, &test].map(|rows| pooled(&parts, rows));
    let settings = local::Settings { l2, ..local::Settings::default() };
    let fit = local::fit(&slices(&fitted), &labels(&training), None, settings).unwrap();

    let scores = local::probabilities(&fit, &slices(&tested), test.len()).unwrap();
    let expected = auc(&Ranking::new(&scores, &labels(&test), None).unwrap());
    let metrics = json(&folder.join("out").join(&job.guest.name).join("metrics.json"));
    let found = metrics["models"][step]["joint"]["auc"].as_f64().unwrap();
    assert!((found - expected).abs() < BOUND, "joint AUC {found}, pooled {expected}");
    assert_near(&parts, &fit, bound);
    if guest.model["settings"]["standard_errors"] == true {
        let columns = slices(&fitted);
        let errors =
            local::standard_errors(&fit, &columns, &labels(&training), None, settings).unwrap();
        assert_errors([guest, parts[1]], &errors);
    }
}

/// Compares the regression `step` of the job in `folder` with one that is trained on all parties'
/// columns in plaintext, to the optimum, coefficients within `bound`.
pub(crate) fn compare_numbers(folder: &Path, step: &str, family: Family, bound: f64) {
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let job = JobSpec::parse("job.yaml", &job).unwrap();
    let read: Vec<Part> =
        job.parties().map(|party| Part::read(folder, &job, party, step)).collect();
    let parts: Vec<&Part> = read.iter().collect();
    let guest = parts[0];
    assert!(parts.iter().all(|part| part.ids == guest.ids), "one order at all parties");
    let (training, test) = guest.rows(folder, step);
    let targets = |rows: &[u32]| -> Vec<f64> {
        let targets = guest.table.label_values().unwrap();
        rows.iter().map(|row| targets[*row as usize]).collect()
    };
    let [fitted, tested] = [&training, &test].map(|rows| pooled(&parts, rows));
    let (columns, numbers) = (slices(&fitted), targets(&training));
    let data = generalized_linear::Data {
        columns: &columns,
        targets: &numbers,
        weights: None,
        offsets: None,
    };
    let [l2, l1] = ["l2", "l1"].map(|name| guest.model["settings"][name].as_f64().unwrap());
    let settings = generalized_linear::Settings { l2, l1, ..Default::default() };
    let fit = generalized_linear::fit(&data, family, settings).unwrap();
    assert_near(&parts, &fit, bound);
    if guest.model["settings"]["standard_errors"] == true {
        let errors = generalized_linear::standard_errors(&fit, &data, family, settings).unwrap();
        assert_errors([guest, parts[1]], &errors);
    }

    let predictors = generalized_linear::predictors(&fit, &slices(&tested), test.len()).unwrap();
    let means: Vec<f64> = predictors.into_iter().map(|it| family.mean(it)).collect();
    let expected = NumericEvaluation::new(&means, &targets(&test), None, family).unwrap();
    let metrics = json(&folder.join("out").join(&job.guest.name).join("metrics.json"));
    let found = metrics["models"][step]["joint"]["rmse"].as_f64().unwrap();
    let expected = expected.errors.rmse;
    assert!((found / expected - 1.0).abs() < bound, "joint RMSE {found}, pooled {expected}");
}

/// Compares the multinomial regression `step` of the job in `folder` with one that is trained on
/// both parties' columns in plaintext, to the optimum.
pub(crate) fn compare_classes(folder: &Path, step: &str, bound: f64) {
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let job = JobSpec::parse("job.yaml", &job).unwrap();
    let read: Vec<Part> =
        job.parties().map(|party| Part::read(folder, &job, party, step)).collect();
    let parts: Vec<&Part> = read.iter().collect();
    let guest = parts[0];
    assert!(parts.iter().all(|part| part.ids == guest.ids), "one order at all parties");
    let (training, test) = guest.rows(folder, step);
    let (names, classes) = guest.table.label_classes(32).unwrap();
    assert_eq!(part(&guest.model)["names"], serde_json::json!(names));
    let no_names = |host: &&Part| part(&host.model).get("names").is_none();
    assert!(parts[1..].iter().all(no_names), "hosts know no names");
    let labels =
        |rows: &[u32]| -> Vec<u8> { rows.iter().map(|row| classes[*row as usize]).collect() };
    let [fitted, tested] = [&training, &test].map(|rows| pooled(&parts, rows));
    let data = multinomial_regression::Data {
        columns: &slices(&fitted),
        classes: names.len(),
        labels: &labels(&training),
        weights: None,
    };
    let l2 = guest.model["settings"]["l2"].as_f64().unwrap();
    let fit = multinomial_regression::fit(&data, l2).unwrap();
    for (class, name) in names.iter().enumerate() {
        let of_class: Vec<&Value> =
            parts.iter().map(|it| &part(&it.model)["classes"][class]).collect();
        let coefficients = of_class.iter().map(|it| it["coefficients"].as_array().unwrap());
        let joint: Vec<&Value> = coefficients.flatten().collect();
        assert_eq!(joint.len(), fit.weights[class].len());
        for (joint, pooled) in joint.iter().zip(&fit.weights[class]) {
            let weight = joint["weight"].as_f64().unwrap();
            assert!((weight - pooled).abs() < bound, "{name}: {joint}, pooled {pooled}");
        }
        let intercept: f64 = of_class.iter().map(|it| it["intercept"].as_f64().unwrap()).sum();
        let pooled = fit.intercepts[class];
        assert!((intercept - pooled).abs() < bound, "{name}: {intercept}, pooled {pooled}");
    }
    let scores = multinomial_regression::probabilities(&fit, &slices(&tested), test.len()).unwrap();
    let expected = ClassEvaluation::new(&scores, &labels(&test), None).unwrap();
    let metrics = json(&folder.join("out").join(&job.guest.name).join("metrics.json"));
    let found = &metrics["models"][step]["joint"];
    for (name, expected) in [("log_loss", expected.log_loss), ("macro_auc", expected.macro_auc)] {
        let found = found[name].as_f64().unwrap();
        assert!((found - expected).abs() < bound, "joint {name} {found}, pooled {expected}");
    }
}

/// The coefficients of all parties are within `bound` of a fit.
fn assert_near(parts: &[&Part], fit: &local::Fit, bound: f64) {
    let weights: Vec<_> = parts.iter().flat_map(|it| coefficients(&it.model)).collect();
    assert_eq!(weights.len(), fit.weights.len());
    for ((name, joint), pooled) in weights.iter().zip(&fit.weights) {
        assert!((joint - pooled).abs() < bound, "{name}: joint {joint}, pooled {pooled}");
    }
    let intercepts = parts.iter().map(|it| part(&it.model)["intercept"].as_f64().unwrap());
    let intercept: f64 = intercepts.sum();
    assert!((intercept - fit.intercept).abs() < bound, "{intercept}, pooled {}", fit.intercept);
}

/// The standard errors of both parties are those of a plaintext fit to one part in a thousand, and
/// what follows from them is written beside.
fn assert_errors(parts: [&Part; 2], pooled: &local::StandardErrors) {
    let lists = parts.map(|it| part(&it.model)["coefficients"].as_array().unwrap().as_slice());
    let found = lists.concat();
    assert_eq!(found.len(), pooled.weights.len());
    for (found, pooled) in found.iter().zip(&pooled.weights) {
        let value = |key: &str| found[key].as_f64().unwrap();
        let error = value("standard_error");
        assert!((error / pooled - 1.0).abs() < BOUND, "{found}, pooled {pooled}");
        assert!((value("z") * error / value("weight") - 1.0).abs() < 1e-9, "{found}");
        assert_eq!(value("z").abs() > 1.959_964, value("p") < 0.05, "{found}");
    }
    let [guest, host] = parts.map(|it| &part(&it.model)["intercept_test"]);
    let error = guest["standard_error"].as_f64().unwrap();
    assert!((error / pooled.intercept - 1.0).abs() < BOUND, "{guest}, {}", pooled.intercept);
    assert!(host.is_null(), "the intercept is the guest's");
}

/// The columns of all parties of some rows.
fn pooled(parts: &[&Part], rows: &[u32]) -> Vec<Vec<f64>> {
    let taken: Vec<FeatureMatrix> =
        parts.iter().map(|part| part.matrix.take(rows).unwrap()).collect();
    let columns = taken.iter().flat_map(FeatureMatrix::columns);
    columns.map(<[f64]>::to_vec).collect()
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
pub(crate) fn ids(path: &Path, key: &str) -> Vec<String> {
    let source = Source::parquet(path);
    let overrides = table::Overrides { id: Some(key.to_owned()), ..table::Overrides::default() };
    let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
    let table = Table::read(&source, &schema).unwrap();
    table.ids().unwrap().map(str::to_owned).collect()
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

/// A party's part of a model with coefficients.
pub(crate) fn part(model: &Value) -> &Value {
    model["part"].as_object().unwrap().values().next().unwrap()
}

/// Names and values of a party's coefficients.
pub(crate) fn coefficients(model: &Value) -> Vec<(String, f64)> {
    // Of a model of several classes, those of the first.
    let of = part(model).get("classes").map_or(part(model), |classes| &classes[0]);
    let list = of["coefficients"].as_array().unwrap();
    let pair =
        |it: &Value| (it["feature"].as_str().unwrap().to_owned(), it["weight"].as_f64().unwrap());
    list.iter().map(pair).collect()
}
