//! Next month's rows, scored by a model of an earlier run: every party a process of its own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use table::{Overrides, Schema, Source, Table};

use crate::audit::compare_records;
use crate::pooled::{self, succeed};
use crate::support::{PROGRAM, breast, documented, json};

const SCORE: &str = "\
job: next-month
purpose: test
seed: 7
parties:
  clinic: { role: guest, table: guest.csv, key: id, label: y }
  laboratory: { role: host, table: host.csv, key: id }
score: { model: small, STEP }
evaluate: { bootstrap: 100 }
";

/// `tombolo run` of a job that scores, with the models in `out`, into `scored`.
fn score(folder: &Path, step: &str) -> Output {
    fs::write(folder.join("score.yaml"), SCORE.replace("STEP", step)).unwrap();
    run(folder, &["--models", "out", "--out", "scored"])
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .current_dir(folder)
        .args(["--language", "en", "run", "score.yaml"])
        .args(arguments)
        .output()
        .unwrap()
}

fn failure(output: &Output, code: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text[text.find("error: ").unwrap_or(0)..].to_owned()
}

/// The joint scores of a table of the results, by key.
pub(crate) fn scores(path: &Path) -> HashMap<String, f64> {
    let source = Source::parquet(path);
    let overrides = Overrides { id: Some("id".to_owned()), ..Overrides::default() };
    let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
    let table = Table::read(&source, &schema).unwrap();
    let joint = table.numeric("joint").unwrap();
    table.ids().unwrap().map(str::to_owned).zip(joint.iter().copied()).collect()
}

/// A job with a model of all columns and two of the best only, of which one is scored again.
#[test]
fn models_may_take_the_best_columns_only() {
    let folder = breast();
    let folder = folder.path();
    let models =
        "train:\n  - logistic_regression: { name: few, best: 6, l2: 0.1, tolerance: 1e-5 }";
    let job = crate::support::JOB
        .replace("train:", models)
        .replace("boosted_trees: {", "boosted_trees: { best: 4,");
    fs::write(folder.join("job.yaml"), &job).unwrap();
    succeed(folder);
    let parties = ["clinic", "laboratory"];
    let part = |party: &str, step: &str| {
        json(&folder.join(format!("out/{party}/model/{step}.stratified.json")))
    };
    let coefficients = |step| parties.map(|party| pooled::coefficients(&part(party, step)).len());
    let (all, few) = (coefficients("logistic_regression"), coefficients("few"));
    assert!(all.iter().sum::<usize>() > 20, "{all:?}");
    // Fewer where the host drops one of its own that goes along with another.
    assert!(
        (4..=6).contains(&few.iter().sum::<usize>()) && few.iter().all(|it| *it > 0),
        "{few:?}"
    );
    let binned = parties.map(|party| {
        let part = part(party, "boosted_trees")["part"].clone();
        let part = part.as_object().unwrap().values().next().unwrap().clone();
        part["binnings"].as_array().unwrap().len()
    });
    assert!((3..=4).contains(&binned.iter().sum::<usize>()), "{binned:?}");

    let output = score(folder, "step: few, component: logistic_regression");
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{messages}");
    let now = scores(&folder.join("scored/clinic/tables/scores.parquet"));
    let before = scores(&folder.join("out/clinic/tables/scores.few.stratified.parquet"));
    assert!(before.iter().all(|(id, score)| now[id].to_bits() == score.to_bits()));
    let metrics = json(&folder.join("out/clinic/metrics.json"));
    assert_eq!(
        json(&folder.join("out/laboratory/metrics.json"))["disclosed"],
        metrics["disclosed"]
    );
}

#[test]
fn next_month_is_scored_by_the_models_of_an_earlier_run() {
    let folder = breast();
    let folder = folder.path();
    succeed(folder);
    for (component, further, privacy) in [
        ("logistic_regression", "", "strict"),
        ("boosted_trees", ", privacy: secureboost", "secureboost"),
    ] {
        let output = score(folder, &format!("step: {component}{further}"));
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{messages}");
        let scored = folder.join("scored");
        let now = scores(&scored.join("clinic/tables/scores.parquet"));
        let before =
            folder.join(format!("out/clinic/tables/scores.{component}.stratified.parquet"));
        let before = scores(&before);
        assert_eq!((now.len(), before.len()), (569, 171));
        for (id, score) in before {
            assert_eq!(now[&id].to_bits(), score.to_bits(), "{component}, row {id}");
        }
        let metrics = json(&scored.join("clinic/metrics.json"));
        assert_eq!(metrics["scored"]["rows"], 569, "{metrics}");
        let step = format!("{component}.stratified");
        assert!(metrics["models"][&step]["joint"]["auc"].as_f64().unwrap() > 0.9);
        let theirs = json(&scored.join("laboratory/metrics.json"));
        assert_eq!(theirs["disclosed"], metrics["disclosed"], "both count the same openings");
        assert_eq!(
            theirs["models"],
            Value::Object(serde_json::Map::new()),
            "the host sees no metric"
        );
        assert!(!scored.join("laboratory/tables/scores.parquet").exists());
        assert!(!scored.join("clinic/model").exists(), "a job that scores trains nothing");
        let sides = metrics["disclosed"].as_array().unwrap();
        let sides = sides.iter().any(|it| it["what"] == "trees.row_partition");
        assert_eq!(sides, privacy == "secureboost", "{metrics}");
        compare_records(&scored, ["clinic", "laboratory"]);
        let page = fs::read_to_string(scored.join("clinic/report.html")).unwrap();
        assert!(page.contains("How the scores are spread") && page.contains("评分的分布"));
        let page = fs::read_to_string(scored.join("laboratory/report.html")).unwrap();
        assert!(page.contains("The scores are clinic") && !page.contains("How the scores"));
    }
}

/// The job of the manual, which names no label.
#[test]
fn the_job_of_the_manual_scores() {
    let folder = breast();
    let folder = folder.path();
    succeed(folder);
    let job = documented("scoring.md").replace("model: breast", "model: small");
    fs::write(folder.join("score.yaml"), job).unwrap();
    let output = run(folder, &["--models", "out", "--out", "scored"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(scores(&folder.join("scored/clinic/tables/scores.parquet")).len(), 569);
    let metrics = json(&folder.join("scored/clinic/metrics.json"));
    assert_eq!(metrics["models"], Value::Object(serde_json::Map::new()));
    let page = fs::read_to_string(folder.join("scored/clinic/report.html")).unwrap();
    assert!(page.contains("nobody knows before the outcomes"));
}

#[test]
fn what_cannot_be_scored_is_said_before_anything_is_replaced() {
    let folder = breast();
    let folder = folder.path();
    succeed(folder);
    let error = failure(&score(folder, "step: boosted_trees"), 1);
    assert!(error.contains("`secureboost`") && error.contains("`strict`"), "{error}");
    let error = failure(&score(folder, "step: linear_regression"), 1);
    assert!(error.contains("clinic: ") && error.contains("no step `linear_reg"), "{error}");

    score(folder, "step: logistic_regression");
    let error = failure(&run(folder, &["--models", "out", "--out", "out"]), 2);
    assert!(error.contains("--out") && error.contains("model"), "{error}");
    assert!(folder.join("out/clinic/model/logistic_regression.stratified.json").exists());
    let error = failure(&run(folder, &["--out", "elsewhere"]), 1);
    assert!(error.contains("--models") && error.contains("laboratory"), "{error}");

    // The laboratory brings the file of another run of the same job.
    succeed(folder);
    let model = "model/logistic_regression.stratified.json";
    let old = fs::read(folder.join("out/laboratory").join(model)).unwrap();
    succeed(folder);
    fs::write(folder.join("out/laboratory").join(model), old).unwrap();
    let error = failure(&score(folder, "step: logistic_regression"), 1);
    assert!(error.contains("incompatible in model") && error.contains("training run"), "{error}");
}

#[test]
fn each_party_gets_a_card_and_a_readable_part() {
    let folder = breast();
    let folder = folder.path();
    succeed(folder);
    for party in ["clinic", "laboratory"] {
        let models = folder.join("out").join(party).join("model");
        for step in ["logistic_regression.stratified", "boosted_trees.stratified"] {
            let card = json(&models.join(format!("{step}.card.json")));
            assert_eq!(card["intended_purpose"], "test");
            assert_eq!(card["metrics"].is_null(), party == "laboratory", "{card}");
            assert_eq!(card["data"]["test_rows"], 171);
            let own = card["data"]["own_columns"].as_array().unwrap();
            assert!(own.iter().all(|it| it["name"].as_str().unwrap().starts_with('x')));
            assert_eq!(own.len(), if party == "clinic" { 10 } else { 20 });
            let model = json(&models.join(format!("{step}.json")));
            assert_eq!(model["model_id"], card["model"]["model_id"]);
            let limits = card["limits"].as_array().unwrap();
            assert!(limits.iter().all(|it| it["en"].is_string() && it["zh"].is_string()));
            let csv = fs::read_to_string(models.join(format!("{step}.csv"))).unwrap();
            assert!(csv.lines().count() >= 2, "{csv}");
        }
        let page = fs::read_to_string(folder.join("out").join(party).join("report.html")).unwrap();
        assert!(page.contains("Model cards") && page.contains("模型卡"));
    }
    let ids = ["clinic", "laboratory"].map(|party| {
        let file = format!("out/{party}/model/boosted_trees.stratified.json");
        json(&folder.join(file))["model_id"].clone()
    });
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn the_plan_says_what_scoring_opens() {
    let folder = breast();
    let plan = |step: &str| {
        fs::write(folder.path().join("score.yaml"), SCORE.replace("STEP", step)).unwrap();
        let output = Command::new(PROGRAM)
            .args(["--language", "en", "plan"])
            .arg(folder.path().join("score.yaml"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let strict = plan("step: logistic_regression");
    assert!(strict.contains("the joint score of each row"), "{strict}");
    assert!(
        strict.contains("can be inferred") && !strict.contains("side of each split"),
        "{strict}"
    );
    let weaker = plan("step: boosted_trees, privacy: secureboost");
    assert!(weaker.contains("side of each split of the host"), "{weaker}");
}
