//! A party that is killed while a model is trained, runs that go on from where it was, and
//! trainings that begin with an earlier model.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::audit::compare_records;
use crate::pooled;
use crate::support::{JOB, PROGRAM, Parties, breast, json};

/// Passes before the kill; training takes several times as many.
const PASSES: u64 = 4;
/// What is trained.
const STEP: &str = "logistic_regression.stratified";
/// The longest that a party's first checkpoints may take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn a_training_that_is_killed_goes_on_from_its_last_checkpoint() {
    let folder = breast();
    let job = JOB.lines().filter(|line| !line.contains("boosted_trees")).collect::<Vec<_>>();
    fs::write(folder.path().join("job.yaml"), job.join("\n")).unwrap();
    let parties = Parties::new(folder.path(), 1);
    let out = folder.path().join("out");
    let [own, theirs] = ["clinic", "laboratory"].map(|it| out.join(format!(".{it}.checkpoints")));

    let (guest, address) = parties.guest("job.yaml");
    let host = parties.host("job.yaml", &address);
    let begun = Instant::now();
    while newest(&own, STEP) < PASSES {
        assert!(begun.elapsed() < PATIENCE, "no pass is done");
        thread::sleep(Duration::from_millis(1));
    }
    guest.kill();
    assert!(host.error().contains("clinic"));
    let (done, at_host) = (newest(&own, STEP), newest(&theirs, STEP));
    assert!(done.abs_diff(at_host) <= 1, "{done} {at_host}");

    let (mut guest, address) = parties.guest("job.yaml");
    let mut host = parties.host("job.yaml", &address);
    for party in [&mut guest, &mut host] {
        party.wait_for_note(&format!("goes on behind its checkpoint {}", done.min(at_host)));
    }
    guest.succeed();
    host.succeed();
    assert!(!own.exists() && !theirs.exists(), "nothing is left beside the results");
    pooled::compare(folder.path(), STEP);
    let model = &json(&out.join("clinic/model/logistic_regression.stratified.json"));
    let passes = model["part"]["logistic_regression"]["passes"].as_u64().unwrap();
    assert!(passes > done, "{passes} passes, {done} of them before the kill");
    let metrics = json(&out.join("clinic/metrics.json"));
    let disclosed = metrics["disclosed"].as_array().unwrap();
    let stops = disclosed.iter().find(|opened| opened["what"] == "train.stop").unwrap();
    assert_eq!(stops["count"].as_u64().unwrap(), passes, "bits before the kill count");
    let step = "train.logistic_regression.stratified";
    let steps = metrics["steps"].as_array().unwrap();
    let trained = steps.iter().find(|it| it["id"] == step).unwrap();
    assert_eq!(trained["continued_behind"], done.min(at_host));
    compare_records(&out, ["clinic", "laboratory"]);
    let record = fs::read_to_string(out.join("clinic/audit.jsonl")).unwrap();
    assert!(record.contains(&format!("{{\"record\":\"continued\",\"step\":\"{step}\"")));
    let page = fs::read_to_string(out.join("clinic/report.html")).unwrap();
    assert!(page.contains("an earlier run was stopped"));
}

/// The same rows again: training begins where the earlier job ended.
#[test]
fn a_training_begins_with_the_model_of_an_earlier_job() {
    let folder = breast();
    let job = JOB.lines().filter(|line| !line.contains("boosted_trees")).collect::<Vec<_>>();
    fs::write(folder.path().join("job.yaml"), job.join("\n")).unwrap();
    pooled::succeed(folder.path());
    let part = |party: &str| {
        json(&folder.path().join(format!("out/{party}/model/logistic_regression.stratified.json")))
    };
    let passes = || part("clinic")["part"]["logistic_regression"]["passes"].as_u64().unwrap();
    let cold = passes();
    fs::rename(folder.path().join("out"), folder.path().join("earlier")).unwrap();

    let warm = "logistic_regression: { warm_start: { model: small, step: logistic_regression },";
    let job = job.join("\n").replace("job: small", "job: again");
    fs::write(folder.path().join("job.yaml"), job.replace("logistic_regression: {", warm)).unwrap();
    let run = |arguments: &[&str]| {
        Command::new(PROGRAM)
            .current_dir(folder.path())
            .args(["--language", "en", "run", "job.yaml", "--out", "out"])
            .args(arguments)
            .output()
            .unwrap()
    };
    let refused = String::from_utf8(run(&[]).stderr).unwrap();
    assert!(refused.contains("--models"), "{refused}");
    let output = run(&["--models", "earlier"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(2 * passes() < cold, "{} passes after {cold}", passes());
    // Without the earlier model the file names the same tables and settings.
    fs::write(folder.path().join("job.yaml"), job).unwrap();
    pooled::compare(folder.path(), STEP);
}

/// The number of the newest checkpoint of a step of the only job in a folder, 0 if there is none.
pub(crate) fn newest(folder: &Path, step: &str) -> u64 {
    let job = fs::read_dir(folder).ok().and_then(|mut jobs| jobs.next()?.ok());
    let number = |turn: &str| -> Option<u64> {
        let name = format!("{step}.{turn}");
        let contents = fs::read(job.as_ref()?.path().join(name)).ok()?;
        let line = contents.split(|byte| *byte == b'\n').next()?;
        let header: serde_json::Value = serde_json::from_slice(line).ok()?;
        header["mark"]["number"].as_u64()
    };
    ["a", "b"].into_iter().filter_map(number).max().unwrap_or_default()
}
