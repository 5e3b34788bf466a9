//! Jobs whose common rows nobody learns, and jobs whose scores nobody sees.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::pooled::{BOUND, succeed};
use crate::support::{JOB, PROGRAM, breast, documented, failure, json as read};

/// The clinic has the first 450 patients of `breast`, the laboratory all but the first 120.
fn partly_common() -> tempfile::TempDir {
    let folder = breast();
    for (file, first, last) in [("guest.csv", 0, 450), ("host.csv", 120, usize::MAX)] {
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        let mut rows: Vec<&str> = lines.collect();
        // By id, so that both halves are cut alike.
        rows.sort_by_key(|row| row.split(',').next().unwrap().parse::<u32>().unwrap());
        let kept = &rows[first..last.min(rows.len())];
        fs::write(&path, format!("{header}\n{}\n", kept.join("\n"))).unwrap();
    }
    folder
}

/// The job of the manual, with these tables.
fn job() -> String {
    let job = documented("hidden-customers.md");
    ["guest", "host"].into_iter().fold(job, |job, role| {
        job.replace(&format!("../data/fate/breast_hetero_{role}.csv"), &format!("{role}.csv"))
    })
}

fn opened(metrics: &Value) -> Vec<(&str, &str, u64)> {
    let lines = metrics["disclosed"].as_array().unwrap().iter();
    lines
        .map(|it| {
            let [what, to] = ["what", "to"].map(|key| it[key].as_str().unwrap());
            (what, to, it["count"].as_u64().unwrap())
        })
        .collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The example of the manual, over tables that share some rows.
#[test]
fn a_model_is_trained_and_judged_on_common_rows_that_nobody_learns() {
    let folder = partly_common();
    assert_eq!(documented("hidden-customers.md"), documented("hidden-customers.zh-CN.md"));
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/breast-hidden.yaml");
    let example = fs::read_to_string(example).unwrap();
    assert!(example.ends_with(&documented("hidden-customers.md")), "the example is the manual's");
    // About 99 of the 330 common rows are for the test.
    let job = job().replace("minimum: 100", "minimum: 64");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    succeed(folder.path());
    let out = folder.path().join("out");
    let step = "logistic_regression.random";
    let guest = read(&out.join("clinic/metrics.json"));
    let model = &guest["models"][step];
    let (alone, joint) = (&model["guest_alone"], &model["joint"]);
    // The guest's own model is judged on its test rows, common or not: 450 in all, 330 common.
    assert!(number(&alone["rows"]) > number(&joint["rows"]), "{model}");
    assert!(number(&alone["positives"]) > number(&joint["positives"]), "{model}");
    assert!(number(&alone["auc_error"]) < f64::EPSILON, "nothing of it was rounded");
    assert!(number(&joint["auc"]) > 0.97 && number(&joint["auc_error"]) < 0.01, "{joint}");
    assert!(number(&joint["brier"]) < 0.06, "{joint}");
    assert_eq!(joint["top"].as_array().unwrap().len(), 4);

    // Ten columns and the intercept, and twenty; one score of seven figures and four shares.
    let passes = opened(&guest).iter().find(|it| it.0 == "train.stop").unwrap().2;
    let expected = [
        ("evaluate.figures", "guest", 11),
        ("hidden.columns", "all", 1),
        ("hidden.rows", "all", 2),
        ("model.own_coefficients", "guest", 11),
        ("model.own_coefficients", "host", 20),
        ("table.rows", "all", 1),
        ("train.columns", "all", 1),
        ("train.stop", "all", passes),
    ];
    let mut found = opened(&guest);
    found.sort_unstable();
    assert_eq!(found, expected);
    let host = read(&out.join("laboratory/metrics.json"));
    assert_eq!((&host["models"], &host["disclosed"]), (&json!({}), &guest["disclosed"]));

    for party in ["clinic", "laboratory"] {
        assert!(!out.join(party).join("tables").exists(), "there are no rows to write");
        let card = read(&out.join(party).join(format!("model/{step}.card.json")));
        // Ids 120 to 449 are in both tables.
        assert_eq!(card["data"]["common_rows"], 330);
        let rows = ["training_rows", "test_rows"].map(|part| card["data"][part].as_u64().unwrap());
        assert_eq!(rows[0] + rows[1], 330);
        assert!(rows[1] > 60 && rows[1] < 140, "{rows:?}");
    }
    let page = fs::read_to_string(out.join("clinic/report.html")).unwrap();
    assert!(page.contains("Nobody saw a joint score") && page.contains("任何一方都未见到联合得分"));
    assert!(page.contains("Nobody learnt which rows are common"));
    assert!(page.contains("clinic alone, on all its test rows"));
    assert!(page.contains("Everything that was opened had been approved"));
    scores_of_the_model(folder.path());
}

/// The saved model scores rows that both know, as any other.
fn scores_of_the_model(folder: &Path) {
    let job = "\
job: scores
purpose: research.diagnosis
parties:
  clinic: { role: guest, table: guest.csv, key: id, label: y }
  laboratory: { role: host, table: host.csv, key: id }
score: { model: breast-hidden, step: logistic_regression }
";
    fs::write(folder.join("scores.yaml"), job).unwrap();
    let output = Command::new(PROGRAM)
        .args(["--language", "en", "run"])
        .arg(folder.join("scores.yaml"))
        .arg("--models")
        .arg(folder.join("out"))
        .arg("--out")
        .arg(folder.join("scored"))
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
    let metrics = read(&folder.join("scored/clinic/metrics.json"));
    let models = metrics["models"].as_object().unwrap();
    let model = models.values().next().unwrap();
    assert_eq!(model["test_rows"], 330);
    assert!(number(&model["joint"]["auc"]) > 0.97, "{model}");
}

#[test]
fn too_few_common_rows_end_the_job() {
    let folder = partly_common();
    let job = job().replace("minimum: 100", "minimum: 200");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let text = failure(folder.path());
    assert!(text.contains("training rows and") && text.contains("at least 200 of each"), "{text}");
}

/// Known rows, hidden scores: the same model, and figures within their bounds of those of a job
/// with open scores.
#[test]
fn figures_of_hidden_scores_are_those_of_open_ones() {
    let folder = breast();
    let (kept, _) = JOB.split_once("\ntrain:").unwrap();
    let job = |evaluate: &str| {
        let train = "train:\n  - logistic_regression: { l2: 0.01 }\n  - boosted_trees: { trees: 2, \
                     early_stopping: 0, depth: 2, bins: 8 }\n  - boosted_trees: { name: forest, \
                     ensemble: forest, trees: 2, depth: 2, bins: 8 }";
        format!("{kept}\n{train}\nevaluate: {{ {evaluate} }}\n")
    };
    let metrics = |evaluate: &str| {
        fs::write(folder.path().join("job.yaml"), job(evaluate)).unwrap();
        succeed(folder.path());
        let metrics = read(&folder.path().join("out/clinic/metrics.json"));
        let scores = folder.path().join("out/clinic/tables");
        let scores = fs::read_dir(scores).unwrap().map(|it| it.unwrap().file_name());
        (metrics, scores.filter(|it| it.to_string_lossy().starts_with("scores")).count())
    };
    let ((open, tables), (hidden, none)) = (metrics("bootstrap: 100"), metrics("scores: hidden"));
    assert_eq!((tables, none), (3, 0), "one for each model");
    for model in ["logistic_regression", "boosted_trees", "forest"] {
        let step = format!("{model}.stratified");
        let of = |metrics: &Value, model: &str, figure: &str| {
            number(&metrics["models"][&step][model][figure])
        };
        for figure in ["auc", "ks", "lift_5pct"] {
            let [open, hidden] = [&open, &hidden].map(|it| of(it, "guest_alone", figure));
            assert!((open - hidden).abs() < 1e-9, "the guest knows its own scores");
        }
        let (auc, error) = (of(&hidden, "joint", "auc"), of(&hidden, "joint", "auc_error"));
        assert!((auc - of(&open, "joint", "auc")).abs() <= error + BOUND, "{model}: {hidden}");
        let [open, hidden] = [&open, &hidden].map(|it| of(it, "joint", "ks"));
        assert!((hidden - open).abs() < 0.03, "{model}: {hidden} {open}");
    }
    let page = fs::read_to_string(folder.path().join("out/clinic/report.html")).unwrap();
    assert!(page.contains("bands of 0.024 in log-odds") && page.contains("bands of 1/1024"));
    let learnt = opened(&hidden);
    assert!(learnt.iter().all(|(what, ..)| !what.starts_with("score.")), "{learnt:?}");
    assert!(learnt.contains(&("evaluate.figures", "guest", 33)), "{learnt:?}");
    assert!(opened(&open).iter().any(|(what, ..)| *what == "score.test_rows"));
}

/// Numbers: the figures of predictions that nobody sees are those of open ones.
#[test]
fn errors_of_hidden_predictions_are_those_of_open_ones() {
    let folder = breast();
    let (kept, _) = JOB.split_once("\nsplit:").unwrap();
    let metrics = |evaluate: &str| {
        let job = format!(
            "{kept}\nsplit: {{ by: random, test: 30% }}\ntrain:\n  - linear_regression: {{}}\n  - \
             poisson_regression: {{ tolerance: 1e-4 }}\n  - boosted_trees: {{ loss: squared, \
             early_stopping: 0, trees: 2, depth: 2, bins: 8 }}\n  - boosted_trees: {{ name: \
             counts, loss: poisson, base_score: 0.2, early_stopping: 0, trees: 2, depth: 2, bins: \
             8 }}\nevaluate: {{ {evaluate} }}\n"
        );
        fs::write(folder.path().join("job.yaml"), job).unwrap();
        succeed(folder.path());
        read(&folder.path().join("out/clinic/metrics.json"))
    };
    let (open, hidden) = (metrics("bootstrap: 100"), metrics("scores: hidden"));
    let names = ["linear_regression", "poisson_regression", "boosted_trees", "counts"];
    for step in names.map(|name| format!("{name}.random")) {
        let [open, hidden] = [&open, &hidden].map(|it| &it["models"][&step]);
        assert_eq!(open["guest_alone"], hidden["guest_alone"], "{step}");
        for figure in ["rmse", "mae", "r2", "bias", "deviance", "d2"] {
            let [open, hidden] = [open, hidden].map(|it| number(&it["joint"][figure]));
            assert!((open - hidden).abs() < BOUND, "{step} {figure}: {open} {hidden}");
        }
    }
    let learnt = opened(&hidden);
    assert!(learnt.iter().all(|(what, ..)| !what.starts_with("score.")), "{learnt:?}");
    // Three sums of linear regression and of trees, four of counts.
    assert!(learnt.contains(&("evaluate.figures", "guest", 14)), "{learnt:?}");
    // Each regression tells its scale once.
    assert!(learnt.contains(&("train.label_scale", "host", 2)), "{learnt:?}");
    let page = fs::read_to_string(folder.path().join("out/clinic/report.html")).unwrap();
    assert!(page.contains("Nobody saw a joint prediction"));
}
