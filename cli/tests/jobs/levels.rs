//! A host's category of many levels: the job of the manual, the same for counts, and new rows
//! scored by their models.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::pooled::succeed;
use crate::score::scores;
use crate::support::{PROGRAM, documented, json};

const ROWS: u32 = 1500;
const TOWNS: u32 = 60;

/// Numbers that look random and are the same in every run.
fn noise(row: u32, salt: u32) -> f64 {
    let mixed = (row.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(40_503)).wrapping_mul(69_069);
    f64::from(mixed >> 8) / f64::from(1 << 24)
}

fn town(row: u32) -> u32 {
    (noise(row, 1).powi(2) * f64::from(TOWNS)) as u32
}

/// The label goes with the town, and little else; so does the number of claims.
fn write_tables(folder: &Path) {
    let (mut guest, mut host) =
        ("id,defaulted,age,claims,log_years\n".to_owned(), "id,income,town\n".to_owned());
    for row in 0..ROWS {
        let effect = f64::from(town(row) * 7 % 5) - 2.0;
        let age = 20.0 + 40.0 * noise(row, 2);
        let score = 1.5 * effect + 0.05 * (age - 40.0);
        let label = u8::from(noise(row, 3) < 1.0 / (1.0 + (-score).exp()));
        let years = f64::from(1 + row % 3);
        let claims = (years * (0.4 * effect).exp() * 2.0 * noise(row, 5)).round();
        writeln!(guest, "{row},{label},{age:.1},{claims},{:.4}", years.ln()).unwrap();
        writeln!(host, "{row},{:.3},town {}", noise(row, 4), town(row)).unwrap();
    }
    fs::write(folder.join("guest.csv"), guest).unwrap();
    fs::write(folder.join("host.csv"), host).unwrap();
}

fn weights(folder: &Path, party: &str) -> Vec<(String, f64)> {
    named_weights(folder, party, ["logistic_regression.random", "logistic_regression"])
}

fn named_weights(folder: &Path, party: &str, [step, kind]: [&str; 2]) -> Vec<(String, f64)> {
    let part = json(&folder.join(format!("out/{party}/model/{step}.json")));
    let coefficients = part["part"][kind]["coefficients"].as_array().unwrap();
    let pair =
        |it: &Value| (it["feature"].as_str().unwrap().to_owned(), it["weight"].as_f64().unwrap());
    coefficients.iter().map(pair).collect()
}

#[test]
fn towns_are_learnt_and_looked_up() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tables(folder);
    let ignored = "columns: { claims: ignore, log_years: ignore }";
    let job = documented("many-levels.md")
        .replace("label: defaulted }", &format!("label: defaulted, {ignored} }}"));
    fs::write(folder.join("job.yaml"), &job).unwrap();
    succeed(folder);

    let host = weights(folder, "telco");
    let towns: Vec<&(String, f64)> =
        host.iter().filter(|(name, _)| name.starts_with("town = ")).collect();
    assert!(towns.len() > 50 && towns.len() <= TOWNS as usize, "{}", towns.len());
    assert_eq!(towns.len() + 1, host.len(), "and the income");
    // Coefficients follow the effects that the labels were made with.
    let effect = |name: &str| {
        let town: u32 = name.trim_start_matches("town = town ").parse().unwrap();
        f64::from(town * 7 % 5) - 2.0
    };
    let agreeing = towns.iter().filter(|(name, weight)| effect(name) * weight > 0.0).count();
    let clear = towns.iter().filter(|(name, _)| effect(name) != 0.0).count();
    assert!(agreeing * 10 >= clear * 8, "{agreeing} of {clear}");
    assert!(weights(folder, "bank").iter().all(|(name, _)| name == "age"));

    let metrics = json(&folder.join("out/bank/metrics.json"));
    let figures = &metrics["models"]["logistic_regression.random"];
    let auc = |side: &str| figures[side]["auc"].as_f64().unwrap();
    assert!(auc("joint") > auc("guest_alone") + 0.1, "{figures}");
    let disclosed = metrics["disclosed"].as_array().unwrap();
    assert!(disclosed.iter().any(|it| it["what"] == "train.levels"), "{disclosed:?}");
    let table = fs::read_to_string(folder.join("out/telco/model/logistic_regression.random.csv"));
    assert!(table.unwrap().lines().filter(|line| line.contains("town = ")).count() == towns.len());

    score_with_a_town_gone(folder, &job, "logistic_regression");
}

/// Claims by town and exposure: a Poisson regression of the host's towns.
#[test]
fn claims_are_learnt_by_town() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_tables(folder);
    let job = documented("many-levels.md").replace(
        "label: defaulted }",
        "label: claims, offset: log_years, columns: { defaulted: ignore } }",
    );
    let job = job.replace("logistic_regression: { l2: 0.01 }", "poisson_regression: { l2: 0.001 }");
    fs::write(folder.join("job.yaml"), &job).unwrap();
    succeed(folder);
    let host = named_weights(folder, "telco", ["poisson_regression.random", "regression"]);
    let mut means = [[0.0; 2]; 5];
    for (name, weight) in host.iter().filter(|(name, _)| name.starts_with("town = ")) {
        let town: u32 = name.trim_start_matches("town = town ").parse().unwrap();
        let of_effect = &mut means[(town * 7 % 5) as usize];
        *of_effect = [of_effect[0] + weight, of_effect[1] + 1.0];
    }
    // Coefficients rise with the effects that the counts were made with.
    let means = means.map(|[sum, count]| sum / count);
    assert!(means.windows(2).all(|pair| pair[1] > pair[0] + 0.1), "{means:?}");
    let metrics = json(&folder.join("out/bank/metrics.json"));
    let figures = &metrics["models"]["poisson_regression.random"];
    let d2 = |side: &str| figures[side]["d2"].as_f64().unwrap();
    assert!(d2("joint") > d2("guest_alone") + 0.1, "{figures}");
    score_with_a_town_gone(folder, &job, "poisson_regression");
}

/// Scores the same rows again, but those of one town come from another, which training did not see:
/// their scores move, and those of other rows are the ones of the test.
fn score_with_a_town_gone(folder: &Path, job: &str, step: &str) {
    let (parties, _) = job.split_once("split:").unwrap();
    let score = format!("score: {{ model: defaults, step: {step} }}\n");
    let job = format!("{parties}{score}").replace("job: defaults", "job: next");
    fs::write(folder.join("score.yaml"), job).unwrap();
    let host = fs::read_to_string(folder.join("host.csv")).unwrap();
    fs::write(folder.join("host.csv"), host.replace(",town 0\n", ",elsewhere\n")).unwrap();
    let output = std::process::Command::new(PROGRAM)
        .current_dir(folder)
        .args(["--language", "en", "run", "score.yaml", "--models", "out", "--out", "scored"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let tested = scores(&folder.join(format!("out/bank/tables/scores.{step}.random.parquet")));
    let scored = scores(&folder.join("scored/bank/tables/scores.parquet"));
    assert_eq!(scored.len(), ROWS as usize);
    let (mut same, mut moved) = (0, 0);
    for (id, score) in &tested {
        let difference = (scored[id] - score).abs();
        let row: u32 = id.parse().unwrap();
        if town(row) == 0 {
            moved += usize::from(difference > 1e-6);
        } else {
            assert!(difference < 1e-9, "{id}: {difference}");
            same += 1;
        }
    }
    assert!(same > 300 && moved > 10, "{same} {moved}");
}
