//! Two organisations, each with its own command, key, copy of the job and folder.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::audit::compare_records;
use crate::pooled;
use crate::support::{JOB, PROGRAM, breast, documented};

/// What `tombolo keys` prints for the key in a folder.
fn key(folder: &Path) -> String {
    let output = Command::new(PROGRAM).arg("keys").arg(folder).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn join(folder: &Path, job: &str, party: &str, peer: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--language", "en", "join"]).arg(folder.join(job)).args(["--as", party]);
    command.arg("--keys").arg(folder.join(party)).args(["--peer", peer]);
    command.arg("--out").arg(folder.join("out")).args(["--reconnect-window", "1"]);
    command
}

/// Starts the clinic, which listens, and returns its address.
fn clinic(folder: &Path, peer: &str) -> (Child, String) {
    let mut child = join(folder, "job.yaml", "clinic", peer)
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.as_mut().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let (_, address) = line.trim().split_once("waits for its partners on ").unwrap();
    (child, address.to_owned())
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn two_organisations_meet_over_the_network() {
    let folder = breast();
    let job = JOB.lines().filter(|line| !line.contains("boosted_trees")).collect::<Vec<_>>();
    fs::write(folder.path().join("job.yaml"), job.join("\n")).unwrap();
    // The laboratory does not know where the clinic keeps its table, and need not.
    let theirs = job.join("\n").replace("guest.csv", "elsewhere.csv");
    fs::write(folder.path().join("theirs.yaml"), theirs).unwrap();
    let [clinic_key, laboratory_key] =
        ["clinic", "laboratory"].map(|party| key(&folder.path().join(party)));
    assert_eq!(key(&folder.path().join("clinic")), clinic_key, "a key is made once");

    let (child, address) = clinic(folder.path(), &format!("laboratory={laboratory_key}"));
    let peer = format!("clinic={clinic_key}@{address}");
    let laboratory = join(folder.path(), "theirs.yaml", "laboratory", &peer).output().unwrap();
    assert!(laboratory.status.success(), "{}", error(&laboratory));
    let clinic = child.wait_with_output().unwrap();
    assert!(clinic.status.success(), "{}", error(&clinic));
    assert!(String::from_utf8(clinic.stdout).unwrap().contains("lift@5%"));
    compare_records(&folder.path().join("out"), ["clinic", "laboratory"]);
    pooled::compare(folder.path(), "logistic_regression.stratified");
}

#[test]
fn the_manual_has_one_job_in_both_languages_that_can_be_planned() {
    let job = documented("two-machines.md");
    assert_eq!(job, documented("two-machines.zh-CN.md"));
    let folder = breast();
    let file = folder.path().join("job.yaml");
    let plan = |job: &str| {
        fs::write(&file, job).unwrap();
        let mut command = Command::new(PROGRAM);
        let planned = command.args(["--language", "en", "plan"]).arg(&file).output().unwrap();
        assert!(planned.status.success(), "{}", error(&planned));
        String::from_utf8(planned.stdout).unwrap()
    };
    assert!(!plan(&job).contains("syndrome decoding"));
    // What a slow line rests on besides is said before anybody agrees.
    let slow = job.replacen("\nparties:", "\nbandwidth: 100\nparties:", 1);
    assert!(plan(&slow).contains("syndrome decoding"));
}

#[test]
fn who_is_not_expected_is_refused() {
    let folder = breast();
    let [clinic_key, laboratory_key] =
        ["clinic", "laboratory"].map(|party| key(&folder.path().join(party)));
    let (mut child, address) = clinic(folder.path(), &format!("laboratory={clinic_key}"));
    let peer = format!("clinic={clinic_key}@{address}");
    let refused = join(folder.path(), "job.yaml", "laboratory", &peer)
        .args(["--wait", "0"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", error(&refused));
    child.kill().unwrap();
    let mut rest = String::new();
    child.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("panicked"), "{rest}");

    let peer = format!("laboratory={laboratory_key}");
    for (party, peer, expected) in [
        ("nurse", peer.as_str(), "there are clinic, laboratory"),
        ("clinic", &peer, "give --listen"),
        ("clinic", &format!("nurse={laboratory_key}"), "give one --peer for each"),
        ("clinic", "laboratory", "NAME=ed25519"),
    ] {
        let output = join(folder.path(), "job.yaml", party, peer).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(expected), "{}", error(&output));
    }
}
