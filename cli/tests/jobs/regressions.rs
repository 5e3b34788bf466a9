//! Jobs that predict numbers, against the optimum on pooled plaintext.
//!
//! The data are FATE's examples (`student`, `motor`, `dvisits`), read from the folder that the
//! variable `TOMBOLO_DATA` names; the tests say so when they are skipped.

use std::fs;
use std::path::PathBuf;

use models::family::Family;
use serde_json::Value;

use crate::pooled::{compare_numbers, succeed};
use crate::support::{breast, failure, json};

/// Trains one model in a job and compares it with the pooled optimum; the guest's metrics.
fn train(set: &str, label: &str, key: &str, model: &str, family: Family, bound: f64) {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = data.display();
    let job = format!(
        "\
job: {set}
purpose: test
seed: 3
parties:
  guest: {{ role: guest, table: {data}/{set}_hetero_guest.csv, key: {key}, label: {label}, \
         other_columns: number }}
  host: {{ role: host, table: {data}/{set}_hetero_host.csv, key: {key}, other_columns: number }}
split: {{ by: random, test: 30% }}
train:
  - {model}
"
    );
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    succeed(folder.path());
    let name = model.split(':').next().unwrap();
    let step = format!("{name}.random");
    compare_numbers(folder.path(), &step, family, bound);
    let metrics = json(&folder.path().join("out/guest/metrics.json"));
    let figures = &metrics["models"][&step];
    for side in ["guest_alone", "joint"] {
        for figure in ["rmse", "mae", "r2", "deviance", "d2"] {
            assert!(figures[side][figure].is_f64(), "{side} {figure}: {figures}");
        }
    }
    let d2 = |side: &str| figures[side]["d2"].as_f64().unwrap();
    // The partner's columns help; of the students, 119 test rows are too few to tell.
    assert!(set == "student" || d2("joint") > d2("guest_alone"), "{figures}");
    let page = fs::read_to_string(folder.path().join("out/guest/report.html")).unwrap();
    assert!(page.contains("Root mean squared error") && page.contains("均方根误差"));
    assert!(!page.contains("NaN"));
    let host = json(&folder.path().join("out/host/metrics.json"));
    assert_eq!(host["models"], Value::Object(serde_json::Map::new()), "the host sees no metric");
}

#[test]
fn a_motor_turns_as_on_pooled_data() {
    let model = "linear_regression: { l2: 0.001, standard_errors: true }";
    train("motor", "motor_speed", "idx", model, Family::Gaussian, 1e-3);
}

#[test]
fn grades_with_an_elastic_net_are_as_on_pooled_data() {
    let model = "linear_regression: { l2: 0.01, l1: 0.05, tolerance: 1e-5 }";
    train("student", "y", "id", model, Family::Gaussian, 1e-2);
}

#[test]
fn doctors_are_visited_as_on_pooled_data() {
    let model = "poisson_regression: { l2: 0.001, standard_errors: true }";
    train("dvisits", "doctorco", "id", model, Family::Poisson, 1e-3);
}

#[test]
fn visits_with_a_tweedie_model_are_as_on_pooled_data() {
    let model = "tweedie_regression: { l2: 0.001, power: 1.3, standard_errors: true }";
    train("dvisits", "doctorco", "id", model, Family::Tweedie { power: 1.3 }, 1e-3);
}

#[test]
fn a_label_that_the_model_excludes_is_named() {
    let folder = breast();
    let job = fs::read_to_string(folder.path().join("job.yaml")).unwrap();
    let (parties, _) = job.split_once("\nsplit:").unwrap();
    let job = format!("{parties}\nsplit: {{ by: random }}\ntrain: [ gamma_regression: {{}} ]\n");
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    let error = failure(folder.path());
    assert!(error.contains("label `y`") && error.contains("above 0"), "{error}");
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("TOMBOLO_DATA").map(|folder| PathBuf::from(folder).join("fate"));
    if folder.is_none() {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: TOMBOLO_DATA does not name the data folder");
        }
    }
    folder
}
