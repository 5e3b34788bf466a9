//! A whole job as two processes: what comes out, and that it is right.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::audit::{changed_records_are_found, compare_records};
use crate::pooled;
use crate::support::{breast, json, run};

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
    pooled::compare(folder.path(), "logistic_regression.stratified");
    compare_records(&out, ["clinic", "laboratory"]);
    changed_records_are_found(&out);
}

#[test]
fn weight_of_evidence_enters_training_without_the_host_seeing_it() {
    let folder = breast();
    let job = crate::support::JOB
        .replace("- select: { iv: 0.0, correlation: 0.999 }", "- encode: { numbers: woe }")
        .replace("boosted_trees: { privacy", "boosted_trees: { columns: 50%, privacy");
    let out = succeed(folder.path(), &job);
    let metrics = json(&out.join("clinic/metrics.json"));
    let model = &metrics["models"]["logistic_regression.stratified"];
    let auc = |side: &str| model[side]["auc"].as_f64().unwrap();
    assert!(auc("joint") > 0.97 && auc("joint") > auc("guest_alone") - 0.01, "{model}");
    let theirs = json(&out.join("laboratory/model/logistic_regression.stratified.json"));
    assert_eq!(pooled::coefficients(&theirs).len(), 20);
    assert!(theirs["weighed"]["host_values"].is_null(), "the values stay with the guest");
    assert_eq!(json(&out.join("laboratory/metrics.json"))["disclosed"], metrics["disclosed"]);
}

/// The named mode finds the same model, and the host knows the values of its bins.
#[test]
fn weight_of_evidence_known_to_the_host_gives_the_same_model() {
    let model = |privacy: &str, disclosed: u64| {
        let folder = breast();
        let encode = format!("- encode: {{ privacy: {privacy}, numbers: woe }}");
        let job = only_logistic_regression("")
            .replace("- select: { iv: 0.0, correlation: 0.999 }", &encode);
        let out = succeed(folder.path(), &job);
        let metrics = json(&out.join("clinic/metrics.json"));
        assert_eq!(json(&out.join("laboratory/metrics.json"))["disclosed"], metrics["disclosed"]);
        assert_eq!(opened(&metrics, "encode.host_woe", "host") > 0, disclosed > 0);
        assert_eq!(opened(&metrics, "train.weighted", "host"), 1);
        let file = "model/logistic_regression.stratified.json";
        let [ours, theirs] = ["clinic", "laboratory"].map(|it| json(&out.join(it).join(file)));
        assert_eq!(theirs["weighed"]["host_values"].is_null(), disclosed == 0);
        assert_eq!(ours["weighed"]["host_values"].is_null(), disclosed > 0);
        let mut weights = pooled::coefficients(&theirs);
        weights.sort_by(|left, right| left.0.cmp(&right.0));
        let auc = &metrics["models"]["logistic_regression.stratified"]["joint"]["auc"];
        (auc.as_f64().unwrap(), pooled::coefficients(&ours), weights)
    };
    let (strict, known) = (model("strict", 0), model("woe_known_to_host", 1));
    assert!((strict.0 - known.0).abs() < pooled::BOUND, "AUC {} and {}", strict.0, known.0);
    assert_eq!(strict.2.len(), 20);
    let pairs = |strict: &[(String, f64)], known: &[(String, f64)]| {
        assert_eq!(strict.len(), known.len());
        for ((name, strict), (other, known)) in strict.iter().zip(known) {
            assert!(other.starts_with(name.as_str()), "{other} for {name}");
            assert!((strict - known).abs() < pooled::BOUND, "{name}: {strict} and {known}");
        }
    };
    pairs(&strict.1, &known.1);
    pairs(&strict.2, &known.2);
}

/// The validation rows end training long before the optimum of a model with hardly any penalty.
#[test]
fn logistic_regression_stops_early_on_the_validation_rows() {
    let folder = breast();
    let job = only_logistic_regression(", rounds: 60, early_stopping: 5");
    let out = succeed(folder.path(), &job.replace("l2: 0.1", "l2: 0.0001"));
    let metrics = json(&out.join("clinic/metrics.json"));
    let model = json(&out.join("clinic/model/logistic_regression.stratified.json"));
    let part = &model["part"]["logistic_regression"];
    let passes = part["passes"].as_u64().unwrap();
    assert!(part["converged"] == true && (6..60).contains(&passes), "{passes} rounds");
    assert_eq!(opened(&metrics, "train.stop", "all"), passes, "one bit a round");
    let auc = &metrics["models"]["logistic_regression.stratified"]["joint"]["auc"];
    assert!(auc.as_f64().unwrap() > 0.97, "{metrics}");
    let theirs = json(&out.join("laboratory/metrics.json"));
    assert_eq!(theirs["disclosed"], metrics["disclosed"], "both count the same openings");
}

/// Trees on shares: as good as the weaker mode, and nothing is opened but their shape and splits.
#[test]
fn strict_trees_open_their_shape_and_to_each_party_its_splits() {
    let folder = breast();
    let tree =
        "privacy: strict, trees: 6, learning_rate: 0.5, depth: 2, bins: 8, early_stopping: 2";
    let job: String = crate::support::JOB
        .replace("test: 30% }", "test: 30%, validation: 20% }")
        .replace("privacy: secureboost, trees: 2, depth: 2, bins: 8, early_stopping: 0", tree)
        .split_inclusive('\n')
        .filter(|line| !line.contains("logistic_regression"))
        .collect();
    let out = succeed(folder.path(), &job);
    let metrics = json(&out.join("clinic/metrics.json"));
    let model = &metrics["models"]["boosted_trees.stratified"];
    let auc = |side: &str| model[side]["auc"].as_f64().unwrap();
    assert!(auc("joint") > 0.95 && auc("joint") > auc("guest_alone") - 0.02, "{model}");
    let theirs = json(&out.join("laboratory/metrics.json"));
    assert_eq!(theirs["disclosed"], metrics["disclosed"], "both count the same openings");
    let parts = ["clinic", "laboratory"]
        .map(|party| json(&out.join(party).join("model/boosted_trees.stratified.json")));
    let own = parts.each_ref().map(|part| {
        let trees = part["part"]["strict_trees"]["trees"]["trees"].as_array().unwrap();
        let nodes = trees.iter().flat_map(|tree| tree.as_array().unwrap());
        nodes.filter(|node| node["split"]["cut"].is_object()).count() as u64
    });
    // Trees that early stopping cut off again were grown all the same.
    assert!(opened(&metrics, "trees.own_splits", "guest") >= own[0], "{own:?} {metrics}");
    assert!(opened(&metrics, "trees.own_splits", "host") >= own[1] && own[1] > 0, "{own:?}");
    assert_eq!(opened(&metrics, "score.test_rows", "guest"), 171);
    for key in ["trees.bin_sums", "trees.row_partition", "model.trees"] {
        assert_eq!(opened(&metrics, key, "guest") + opened(&metrics, key, "host"), 0, "{key}");
    }
}

/// The small job with nothing but the logistic regression, with further settings.
fn only_logistic_regression(further: &str) -> String {
    let job = crate::support::JOB.replace("1e-5 }", &format!("1e-5{further} }}"));
    job.split_inclusive('\n').filter(|line| !line.contains("boosted_trees")).collect()
}

/// Runs a job and returns the folder of its results.
fn succeed(folder: &Path, job: &str) -> PathBuf {
    fs::write(folder.join("job.yaml"), job).unwrap();
    let output = run(folder);
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{messages}");
    folder.join("out")
}

/// How many values of a disclosure were opened to a party.
fn opened(metrics: &Value, key: &str, to: &str) -> u64 {
    let disclosed = metrics["disclosed"].as_array().unwrap();
    let of_key = disclosed.iter().filter(|it| it["what"] == key && it["to"] == to);
    of_key.map(|it| it["count"].as_u64().unwrap()).sum()
}

/// Every alignment gives the same rows in the same order, and discloses the same.
#[test]
fn alignments_agree() {
    let aligned = |settings: &str| {
        let folder = breast();
        let head = &crate::support::JOB[..crate::support::JOB.find("split:").unwrap()];
        let head = head.replace(", label: y", "").replace(", other_columns: number", "");
        let job = format!("{head}align: {{ {settings} }}\n");
        fs::write(folder.path().join("job.yaml"), job).unwrap();
        let output = run(folder.path());
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{messages}");
        let out = folder.path().join("out");
        let tables = ["clinic", "laboratory"]
            .map(|party| fs::read(out.join(party).join("tables/aligned.parquet")).unwrap());
        (tables, json(&out.join("clinic/metrics.json"))["disclosed"].clone())
    };
    let expected = aligned("protocol: ecdh");
    assert_eq!(expected.1.as_array().unwrap().len(), 3);
    for settings in ["protocol: rr22", "protocol: rr22, security: malicious"] {
        assert!(expected == aligned(settings), "{settings} found different rows");
    }
}
