//! A whole job as two processes: what comes out, and that it is right.

use std::fs;
use std::path::Path;

use serde_json::Value;

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
    let theirs = json(&out.join("laboratory/model/logistic_regression.stratified.json"));
    assert_eq!(pooled::coefficients(&theirs).len(), 20);
    assert!(theirs["weighed"]["host_values"].is_null(), "the values stay with the guest");
    assert_eq!(json(&out.join("laboratory/metrics.json"))["disclosed"], metrics["disclosed"]);
}

/// What one party sent, the other one received; each line holds the hash of the one before.
pub(crate) fn compare_records(out: &Path) {
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
