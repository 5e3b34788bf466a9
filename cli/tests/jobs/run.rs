//! A whole job as two processes: what comes out, and that it is right.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::support::{breast, json, run};
use features::prepare::{Preparation, Settings};
use features::{FeatureMatrix, prepare};
use models::evaluate::{Ranking, discrimination::auc};
use models::local::logistic_regression as local;
use serde_json::Value;
use table::{Schema, Source, Table};

/// The most that joint figures may differ from pooled plaintext.
const BOUND: f64 = 1e-3;

#[test]
fn a_job_gives_what_pooled_plaintext_gives_and_each_party_its_own_folder() {
    let folder = breast();
    let output = run(folder.path());
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{messages}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("lift@5%"));
    let out = folder.path().join("out");
    let mut entries: Vec<_> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    entries.sort();
    assert_eq!(entries, ["clinic", "laboratory"], "nothing hidden is left");

    let metrics = json(&out.join("clinic/metrics.json"));
    assert_eq!((&metrics["job"], &metrics["seed"]), (&"small".into(), &7.into()));
    for step in ["logistic_regression.stratified", "boosted_trees.stratified"] {
        let model = &metrics["models"][step];
        assert_eq!(model["test_rows"], 171, "{model}");
        for side in ["guest_alone", "joint"] {
            let auc = model[side]["auc"].as_f64().unwrap();
            assert!((0.9..=1.0).contains(&auc), "{step} {side}: {auc}");
        }
    }
    assert!(metrics["steps"].as_array().unwrap().len() >= 5);
    assert!(metrics["disclosed"].as_array().unwrap().iter().all(|it| it["count"] != 0));
    let theirs = json(&out.join("laboratory/metrics.json"));
    let text = theirs["models"].to_string();
    assert!(!text.contains("auc"), "the host must not see how good the model is: {text}");
    assert_eq!(theirs["disclosed"], metrics["disclosed"], "both count the same openings");
    compare_with_pooled(&out, &metrics);
    compare_records(&out);
}

#[test]
fn weight_of_evidence_enters_training_without_the_host_seeing_it() {
    let folder = breast();
    let job = crate::support::JOB
        .replace("- select: { iv: 0.0, correlation: 0.999 }", "- encode: { numbers: woe }")
        .replace("boosted_trees: { privacy", "boosted_trees: { columns: 50%, privacy");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let output = run(folder.path());
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{messages}");
    let out = folder.path().join("out");
    let metrics = json(&out.join("clinic/metrics.json"));
    let model = &metrics["models"]["logistic_regression.stratified"];
    let auc = |side: &str| model[side]["auc"].as_f64().unwrap();
    assert!(auc("joint") > 0.97 && auc("joint") > auc("guest_alone") - 0.01, "{model}");
    assert_eq!(coefficients(&out, "laboratory").len(), 20);
    let theirs = json(&out.join("laboratory/model/logistic_regression.stratified.json"));
    assert!(theirs["weighed"]["host_values"].is_null(), "the values stay with the guest");
    assert_eq!(json(&out.join("laboratory/metrics.json"))["disclosed"], metrics["disclosed"]);
}

/// Every alignment gives the same rows in the same order, and discloses the same.
#[test]
fn alignments_agree() {
    let aligned = |protocol: &str| {
        let folder = breast();
        let head = &crate::support::JOB[..crate::support::JOB.find("split:").unwrap()];
        let head = head.replace(", label: y", "").replace(", other_columns: number", "");
        let job = format!("{head}align: {{ protocol: {protocol} }}\n");
        fs::write(folder.path().join("job.yaml"), job).unwrap();
        let output = run(folder.path());
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{messages}");
        let out = folder.path().join("out");
        let tables = ["clinic", "laboratory"]
            .map(|party| fs::read(out.join(party).join("tables/aligned.parquet")).unwrap());
        (tables, json(&out.join("clinic/metrics.json"))["disclosed"].clone())
    };
    let (tables, disclosed) = aligned("ecdh");
    assert_eq!(disclosed.as_array().unwrap().len(), 3);
    assert!((tables, disclosed) == aligned("rr22"), "the protocols found different rows");
}

/// What one party sent, the other one received; each line holds the hash of the one before.
fn compare_records(out: &Path) {
    let lines = |party: &str| -> Vec<Value> {
        let text = fs::read_to_string(out.join(party).join("audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (ours, theirs) = (lines("clinic"), lines("laboratory"));
    for record in [&ours, &theirs] {
        for pair in record.windows(2) {
            assert_eq!(pair[1]["previous"], pair[0]["hash"]);
        }
    }
    let messages = |lines: &[Value]| -> Vec<Value> {
        lines.iter().filter(|line| line["record"] == "messages").cloned().collect()
    };
    let (ours, theirs) = (messages(&ours), messages(&theirs));
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!((&ours["path"], &ours["step"]), (&theirs["path"], &theirs["step"]));
        assert_eq!(ours["hash_sent"], theirs["hash_received"]);
        assert_eq!(ours["hash_received"], theirs["hash_sent"]);
    }
}

/// Trains the logistic regression on both parties' columns in plaintext.
fn compare_with_pooled(out: &Path, metrics: &Value) {
    let step = "logistic_regression.stratified";
    let read = |path: &str| {
        let source = Source::parquet(out.join(path));
        let schema = Schema::propose(&source, &overrides()).unwrap().confirm().unwrap();
        Table::read(&source, &schema).unwrap()
    };
    let (guest, host) =
        (read("clinic/tables/aligned.parquet"), read("laboratory/tables/aligned.parquet"));
    let ids: Vec<&str> = guest.ids().unwrap().collect();
    assert_eq!(ids, host.ids().unwrap().collect::<Vec<_>>(), "one order on both sides");
    let scores = read(&format!("clinic/tables/scores.{step}.parquet"));
    let tested: HashSet<&str> = scores.ids().unwrap().collect();
    let rows = |is_test: bool| -> Vec<u32> {
        let rows = ids.iter().enumerate().filter(|(_, id)| tested.contains(*id) == is_test);
        rows.map(|(row, _)| row as u32).collect()
    };
    let (training, test) = (rows(false), rows(true));
    let own = |table: &Table| -> FeatureMatrix {
        let columns: Vec<_> = features::columns(table);
        let default = prepare::ColumnSettings {
            imputation: prepare::Imputation::Median,
            ..prepare::ColumnSettings::default()
        };
        let settings = Settings { default, ..Settings::default() };
        Preparation::fit(&columns, &training, &settings).unwrap().transform(&columns).unwrap()
    };
    let matrices = [kept(own(&guest), out, "clinic"), kept(own(&host), out, "laboratory")];
    let pooled = |rows: &[u32]| -> Vec<Vec<f64>> {
        let taken = matrices.iter().map(|matrix| matrix.take(rows).unwrap());
        taken
            .flat_map(|matrix| matrix.columns().iter().map(|it| it.to_vec()).collect::<Vec<_>>())
            .collect()
    };
    let labels = |rows: &[u32]| -> Vec<u8> {
        let labels = guest.numeric("y").unwrap();
        rows.iter().map(|row| labels[*row as usize] as u8).collect()
    };
    let (fitted, tested) = (pooled(&training), pooled(&test));
    let settings = local::Settings { l2: 0.1, ..local::Settings::default() };
    let fit = local::fit(&slices(&fitted), &labels(&training), None, settings).unwrap();
    let scores = local::probabilities(&fit, &slices(&tested), test.len()).unwrap();
    let expected = auc(&Ranking::new(&scores, &labels(&test), None).unwrap());
    let found = metrics["models"][step]["joint"]["auc"].as_f64().unwrap();
    assert!((found - expected).abs() < BOUND, "joint AUC {found}, pooled {expected}");

    let weights = [coefficients(out, "clinic"), coefficients(out, "laboratory")].concat();
    assert_eq!(weights.len(), fit.weights.len());
    for ((name, joint), pooled) in weights.iter().zip(&fit.weights) {
        assert!((joint - pooled).abs() < BOUND, "{name}: joint {joint}, pooled {pooled}");
    }
}

/// The features that a party's part of the model has.
fn kept(matrix: FeatureMatrix, out: &Path, party: &str) -> FeatureMatrix {
    let names: Vec<String> = coefficients(out, party).into_iter().map(|(name, _)| name).collect();
    let places: Vec<usize> =
        names.iter().map(|name| matrix.names().position(|known| known == name).unwrap()).collect();
    matrix.select(&places).unwrap()
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

fn coefficients(out: &Path, party: &str) -> Vec<(String, f64)> {
    let model = json(&out.join(party).join("model/logistic_regression.stratified.json"));
    let list = model["part"]["logistic_regression"]["coefficients"].as_array().unwrap().clone();
    list.iter()
        .map(|it| (it["feature"].as_str().unwrap().to_owned(), it["weight"].as_f64().unwrap()))
        .collect()
}

fn overrides() -> table::Overrides {
    table::Overrides { id: Some("id".to_owned()), ..table::Overrides::default() }
}
