//! Jobs whose label is one of several classes.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use table::{Overrides, Schema, Source, Table};

use crate::audit::compare_records;
use crate::pooled::{BOUND, compare_classes, succeed};
use crate::support::{PROGRAM, failure, json};

const STEP: &str = "multinomial_regression.stratified";
const TREES: &str = "boosted_trees.stratified";

/// A folder with the job of `examples/vehicle.yaml`.
fn vehicle() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let job = fs::read_to_string(root.join("examples/vehicle.yaml")).unwrap();
    let data = root.join("data").display().to_string();
    fs::write(folder.path().join("job.yaml"), job.replace("../data", &data)).unwrap();
    folder
}

/// The example, from the plan to the scores of the same rows by the saved model.
#[test]
fn four_vehicles_are_told_apart_as_on_pooled_data() {
    let folder = vehicle();
    let folder = folder.path();
    succeed(folder);
    compare_classes(folder, STEP, BOUND);
    let out = folder.join("out");
    compare_records(&out, ["camera", "workshop"]);
    let [metrics, theirs] =
        ["camera", "workshop"].map(|party| json(&out.join(party).join("metrics.json")));
    let model = &metrics["models"][STEP];
    assert_eq!((&model["test_rows"], model["classes"].as_array().unwrap().len()), (&254.into(), 4));
    let figure =
        |step: &str, side: &str, name: &str| metrics["models"][step][side][name].as_f64().unwrap();
    let [alone, joint] = ["guest_alone", "joint"].map(|side| figure(STEP, side, "accuracy"));
    assert!(joint > alone + 0.05, "{joint} after {alone}");
    // Eight small trees for each class are too few to be right more often, but not to know more.
    for (name, sign) in [("macro_auc", 1.0), ("log_loss", -1.0)] {
        let [alone, joint] = ["guest_alone", "joint"].map(|side| figure(TREES, side, name));
        assert!(sign * joint > sign * alone, "{name}: {joint} after {alone}");
    }
    assert_eq!(theirs["disclosed"], metrics["disclosed"], "both count the same openings");
    let opened = metrics["disclosed"].as_array().unwrap();
    let classes = opened.iter().find(|it| it["what"] == "train.classes").unwrap();
    assert_eq!((&classes["to"], &classes["count"]), (&"host".into(), &2.into()), "once a model");
    assert_eq!(theirs["models"], Value::Object(serde_json::Map::new()), "the host sees no metric");
    let page = fs::read_to_string(out.join("camera/report.html")).unwrap();
    for text in ["Confusion matrix: Joint model", "混淆矩阵", "Class by class", "逐类指标"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("NaN"));
    let page = fs::read_to_string(out.join("workshop/report.html")).unwrap();
    assert!(page.contains("class 4") && page.contains("only camera knows"));
    let export = fs::read_to_string(out.join(format!("workshop/model/{STEP}.csv"))).unwrap();
    // Nine columns and an intercept of each class.
    assert_eq!(export.lines().count(), 1 + 4 * 10, "{export}");

    let nodes = fs::read_to_string(out.join(format!("camera/model/{TREES}.csv"))).unwrap();
    assert!(nodes.starts_with("class,tree,node") && nodes.contains("\n3,(base score)"), "{nodes}");

    the_saved_model_scores_the_same(folder, (STEP, "step: multinomial_regression"), 0.7);
    let trees = "step: boosted_trees, privacy: secureboost";
    the_saved_model_scores_the_same(folder, (TREES, trees), 0.7);
}

/// A guest with two hosts, each of which has some of the workshop's columns; both models score the
/// same rows alike afterwards.
#[test]
fn vehicles_are_told_apart_with_two_workshops() {
    let folder = vehicle();
    let folder = folder.path();
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let (guest, rest) = job.split_once("  workshop:\n").unwrap();
    let (table, _) = rest.split_once("    key: id\n").unwrap();
    let host = |name: &str, columns: &str| {
        let of_table = format!("columns: {{ {columns} }}\n    other_columns: ignore\n");
        format!("  {name}:\n{table}    key: id\n    {of_table}")
    };
    let hosts = [
        host("workshop", "x0: number, x1: number, x2: number, x3: number"),
        host("garage", "x4: number, x5: number, x6: number"),
    ];
    let rows = "align: { protocol: multiparty }\nsplit: { by: stratified, test: 30% }\n";
    let models = "train:\n  - multinomial_regression: { l2: 0.1, tolerance: 1e-3 }\n  - \
                  boosted_trees: { privacy: strict, loss: softmax, trees: 1, depth: 1, bins: 4 }\n";
    let job = [guest, &hosts.concat(), "\n", rows, models].concat();
    fs::write(folder.join("job.yaml"), job).unwrap();
    succeed(folder);
    compare_classes(folder, STEP, 1e-2);
    let model = json(&folder.join("out/camera/metrics.json"))["models"][TREES].clone();
    assert!(model["joint"]["macro_auc"].as_f64().unwrap() > 0.7, "{model}");
    let opened = json(&folder.join("out/garage/metrics.json"))["disclosed"].to_string();
    assert!(opened.contains("train.classes"), "{opened}");

    the_saved_model_scores_the_same(folder, (STEP, "step: multinomial_regression"), 0.7);
    the_saved_model_scores_the_same(folder, (TREES, "step: boosted_trees, privacy: strict"), 0.38);
}

/// More than this part of the rows are taken for what they are: a little less than a right model
/// reaches, which of one stump for each of four classes is 0.40.
fn the_saved_model_scores_the_same(folder: &Path, (name, step): (&str, &str), right: f64) {
    let job = fs::read_to_string(folder.join("job.yaml")).unwrap();
    let (parties, _) = job.split_once("\nsplit:").unwrap();
    let job = parties.replace("job: vehicle", "job: again")
        + &format!("\nscore: {{ model: vehicle, {step} }}\n");
    fs::write(folder.join("score.yaml"), job).unwrap();
    let output = Command::new(PROGRAM)
        .current_dir(folder)
        .args(["--language", "en", "run", "score.yaml", "--models", "out", "--out", "scored"])
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{messages}");
    let scored = folder.join("scored/camera");
    let before = table(&folder.join(format!("out/camera/tables/scores.{name}.parquet")));
    let now = table(&scored.join("tables/scores.parquet"));
    assert_eq!((before.rows(), now.rows()), (254, 846));
    let place = |id: &str| now.ids().unwrap().position(|it| it == id).unwrap();
    let places: Vec<usize> = before.ids().unwrap().map(place).collect();
    for class in 0..4 {
        let column = format!("joint.{class}");
        let [before, now] = [&before, &now].map(|table| table.numeric(&column).unwrap());
        for (before, place) in before.iter().zip(&places) {
            assert_eq!(before.to_bits(), now[*place].to_bits(), "{column}");
        }
    }
    let metrics = json(&scored.join("metrics.json"));
    let figures = &metrics["models"][name]["joint"];
    assert!(figures["accuracy"].as_f64().unwrap() > right, "{metrics}");
    let page = fs::read_to_string(scored.join("report.html")).unwrap();
    assert!(page.contains("What the rows are taken for") && page.contains("Confusion matrix"));
}

#[test]
fn the_plan_says_what_is_opened_of_the_classes() {
    let folder = vehicle();
    let output = Command::new(PROGRAM)
        .args(["--language", "en", "plan"])
        .arg(folder.path().join("job.yaml"))
        .output()
        .unwrap();
    let plan = String::from_utf8(output.stdout).unwrap();
    for text in ["how many classes the", "train.multinomial_regression.stratified"] {
        assert!(plan.contains(text), "{plan}");
    }
}

#[test]
fn two_classes_and_rare_ones_are_named() {
    let folder = vehicle();
    let job = fs::read_to_string(folder.path().join("job.yaml")).unwrap();
    let source = "data/fate/vehicle_scale_hetero_guest.csv";
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(source);
    let table = fs::read_to_string(&root).unwrap();
    let with = |label: &dyn Fn(usize, &str) -> String| {
        let lines = table.lines().enumerate().map(|(row, line)| {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            if row > 0 {
                cells[1] = label(row, &cells[1]);
            }
            cells.join(",")
        });
        fs::write(folder.path().join("guest.csv"), lines.collect::<Vec<_>>().join("\n")).unwrap();
        let table = root.display().to_string();
        let job = job.replace(&table, "guest.csv");
        assert!(job.contains("table: guest.csv"), "{job}");
        fs::write(folder.path().join("job.yaml"), job).unwrap();
        failure(folder.path())
    };
    let error = with(&|_, label| if label == "0" { "a".to_owned() } else { "b".to_owned() });
    assert!(
        error.contains("2 different values") && error.contains("logistic_regression"),
        "{error}"
    );
    let error = with(&|row, _| format!("n{}", row % 50));
    assert!(error.contains("more than 32 different values"), "{error}");
    // One row of a class of its own: no split can have it in every part.
    let error = with(&|row, label| if row == 5 { "rare".to_owned() } else { format!("c{label}") });
    assert!(error.contains("the class `rare` has 1 rows"), "{error}");
}

fn table(path: &Path) -> Table {
    let source = Source::parquet(path);
    let overrides = Overrides { id: Some("id".to_owned()), ..Overrides::default() };
    let schema = Schema::propose(&source, &overrides).unwrap().confirm().unwrap();
    Table::read(&source, &schema).unwrap()
}
