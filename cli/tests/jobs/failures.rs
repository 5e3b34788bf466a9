//! Wrong input and lost parties: errors that say what happened, at whose side, and leave nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use world::Proxy;

use crate::audit::compare_records;
use crate::pooled;
use crate::support::{JOB, PROGRAM, Parties, STAGES, assert_nothing_is_left, breast, failure};

fn edit(path: &Path, change: impl Fn(&str) -> String) {
    fs::write(path, change(&fs::read_to_string(path).unwrap())).unwrap();
}

#[test]
fn wrong_tables_are_named_with_their_owner() {
    type Change = fn(&str) -> String;
    let cases: [(&str, Change, &[&str]); 6] = [
        ("host.csv", |text| text.replacen("id,", "key,", 1), &["laboratory: ", "`id`"]),
        ("guest.csv", |text| text.replacen("id,y,", "id,z,", 1), &["clinic: ", "`y`"]),
        ("guest.csv", |text| text.replacen("\n273,", "\n133,", 1), &["clinic: ", "`id`"]),
        ("host.csv", |text| text.replacen("0.449512", "inf", 1), &["laboratory: ", "`x0`"]),
        ("guest.csv", |text| text.replace(",0,", ",1,"), &["clinic: ", "`y`", "class"]),
        (
            "host.csv",
            |text| text.trim_end().replace('\n', "\nother-"),
            &["no row in common", "clinic", "laboratory"],
        ),
    ];
    for (file, change, expected) in cases {
        let folder = breast();
        edit(&folder.path().join(file), change);
        let error = failure(folder.path());
        for part in expected {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }
}

#[test]
fn a_part_with_one_class_is_named_before_anything_is_trained() {
    let folder = breast();
    edit(&folder.path().join("job.yaml"), |text| text.replace("by: stratified", "by: random"));
    edit(&folder.path().join("guest.csv"), |text| {
        text.replace(",0,", ",1,").replacen(",1,", ",0,", 1)
    });
    let error = failure(folder.path());
    assert!(error.contains("one label") && error.contains("by: stratified"), "{error}");
}

#[test]
fn job_files_that_differ_are_refused() {
    let folder = breast();
    let theirs = JOB.replace("seed: 7", "seed: 8");
    fs::write(folder.path().join("theirs.yaml"), theirs).unwrap();
    let parties = Parties::new(folder.path(), 1);
    let (guest, address) = parties.guest("job.yaml");
    let host = parties.host("theirs.yaml", &address);
    for (error, peer) in [(host.error(), "clinic"), (guest.error(), "laboratory")] {
        assert!(error.contains("job") && error.contains(peer), "{error}");
    }
    assert_nothing_is_left(&folder.path().join("out"));
}

#[test]
fn a_party_that_is_killed_is_named_by_the_other_one_at_every_stage() {
    std::thread::scope(|scope| {
        for (index, stage) in STAGES.into_iter().enumerate() {
            scope.spawn(move || kill_one_at(stage, index % 2 == 0));
        }
    });
}

#[test]
fn a_connection_that_is_cut_at_every_stage_comes_back_and_nothing_is_lost() {
    let folder = breast();
    let parties = Parties::new(folder.path(), 20);
    let proxy = Proxy::start().unwrap();
    let (mut guest, address) = parties.guest("job.yaml");
    proxy.lead_to(address.parse().unwrap());
    let host = parties.host("job.yaml", &proxy.address().to_string());
    for stage in STAGES {
        guest.wait_for_step(stage);
        proxy.cut();
        proxy.restore();
    }
    guest.succeed();
    host.succeed();
    assert!(proxy.connections() > STAGES.len(), "a cut was noticed");
    pooled::compare(folder.path(), "logistic_regression.stratified");
    compare_records(&folder.path().join("out"), ["clinic", "laboratory"]);
}

fn kill_one_at(stage: &str, kill_host: bool) {
    let folder = breast();
    let parties = Parties::new(folder.path(), 1);
    let (mut guest, address) = parties.guest("job.yaml");
    let mut host = parties.host("job.yaml", &address);
    // Both are in the step: before, the one may still wait for the connection to open.
    guest.wait_for_step(stage);
    host.wait_for_step(stage);
    let ((code, error), lost) = if kill_host {
        host.kill();
        (guest.failure(), "laboratory")
    } else {
        guest.kill();
        (host.failure(), "clinic")
    };
    assert_eq!(code, "partner_unreachable", "{stage}: {error}");
    assert!(error.contains(lost) && error.contains("step"), "{stage}: {error}");
    // What the killed party had begun stays hidden until its next run.
    let out = folder.path().join("out");
    assert!(!out.join("clinic").exists() && !out.join("laboratory").exists());
}

#[test]
fn mistakes_in_the_command_and_the_job_file_have_a_code_of_their_own() {
    let folder = breast();
    edit(&folder.path().join("job.yaml"), |text| text.replace("test: 30%", "test: 300%"));
    for command in ["run", "plan"] {
        let output = Command::new(PROGRAM)
            .arg(command)
            .arg(folder.path().join("job.yaml"))
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("job.yaml:7:"), "the place is named: {error}");
    }
    let output = Command::new(PROGRAM).args(["components", "train.magic"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = Command::new(PROGRAM).args(["plan", "nowhere.yaml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_folder_with_something_else_is_not_overwritten() {
    let folder = breast();
    let own = folder.path().join("out/clinic");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("letter.txt"), "dear").unwrap();
    let output = crate::support::run(folder.path());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("--out"), "{error}");
    assert_eq!(fs::read_to_string(own.join("letter.txt")).unwrap(), "dear");
}
