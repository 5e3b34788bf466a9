//! Attempts whose process is a script, for every way in which a process can end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jobs::child::{Contact, FailureCode};
use tempfile::TempDir;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{Attempt, Failure, Phase, Progress, StepState, Update, start};

/// A job of two parties.
pub(super) const JOB: &str = "\
job: small
purpose: test
parties:
  clinic: { role: guest, key: id, label: y }
  laboratory: { role: host, key: id }
split: { by: random, test: 30% }
train:
  - logistic_regression: {}
";

/// An attempt in whose place `script` is played.
fn attempt(folder: &TempDir, script: &str) -> Attempt {
    let run = folder.path().join("jobs/run-1");
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("script"), script).unwrap();
    let key = format!("ed25519:{}", "0f".repeat(32));
    Attempt {
        program: Path::new(env!("CARGO_MANIFEST_DIR")).join("src/runner/tests/party.sh"),
        folder: run,
        job: JOB.to_owned(),
        party: "clinic".to_owned(),
        table: "/data/-table.csv".into(),
        models: None,
        cache: None,
        keys: folder.path().to_owned(),
        passphrase: None,
        peers: vec![format!("laboratory={key}").parse::<Contact>().unwrap()],
        wait: Duration::from_mins(10),
        reconnect_window: Duration::from_secs(20),
    }
}

/// All updates, and what was known at the end.
async fn play(attempt: Attempt) -> (Vec<Update>, Progress) {
    let mut running = start(attempt).unwrap();
    let mut updates = Vec::new();
    while let Some(update) = running.next_update().await {
        updates.push(update);
    }
    (updates, running.progress())
}

async fn failure(attempt: Attempt) -> Failure {
    let (mut updates, progress) = play(attempt).await;
    assert_eq!(progress.phase, Phase::Failed);
    match updates.pop() {
        Some(Update::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// Where the scripts leave something.
fn left(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join("jobs/run-1").join(name)
}

const PLAYED: &str = r#"
read -r passphrase; echo "$passphrase" > "$run/told"
printf '%s\n' "$@" > "$run/arguments"
env > "$run/environment"
echo '{"message":"listening","address":"127.0.0.1:4711"}'
echo '{"message":"met"}'
echo '{"message":"progress","event":"started","step":"align"}'
echo '{"message":"traffic","bytes":100,"done":3,"planned":5}'
echo '{"message":"progress","event":"note","text":{"en":"7 rows","zh":"7 行"}}'
echo 'no message' && echo 'a warning' >&2
echo '{"message":"progress","event":"finished","step":"align","seconds":1.5}'
mkdir -p "$out/clinic"
echo '{"message":"done","folder":"elsewhere","figures":[],"totals":null}'
"#;

#[tokio::test]
async fn an_attempt_is_told_what_it_needs_and_tells_how_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = Some(Zeroizing::new("open sesame".to_owned()));
    let (updates, progress) = play(Attempt { passphrase, ..attempt(&folder, PLAYED) }).await;
    let told: Vec<&Update> =
        updates.iter().filter(|update| !matches!(update, Update::Counted)).collect();
    let [
        Update::Listening(address),
        Update::Met,
        Update::Step { step, place: 0 },
        Update::Remark(remark),
        Update::StepDone { .. },
        Update::Done(finished),
    ] = told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((address.port(), step.as_str(), &*remark.en), (4711, "align", "7 rows"));
    assert_eq!(finished.folder, left(&folder, "results/clinic"));
    assert_eq!((progress.phase, progress.bytes), (Phase::Done, 100));
    assert_eq!(progress.steps[0].state, StepState::Done);

    let read = |name: &str| fs::read_to_string(left(&folder, name)).unwrap();
    assert_eq!((read("job.yaml").as_str(), read("told").as_str()), (JOB, "open sesame\n"));
    let arguments = read("arguments");
    for expected in [
        "--leash",
        "--table=/data/-table.csv",
        "--listen\n127.0.0.1:0",
        "--wait\n600",
        "--peer\nlaboratory=ed25519:0f0f",
        "--passphrase-stdin",
    ] {
        assert!(arguments.contains(expected), "{expected}: {arguments}");
    }
    let environment = read("environment");
    assert!(environment.contains("MALLOC_TRIM_THRESHOLD_"), "{environment}");
    // The test itself has this variable.
    for secret in ["CARGO_MANIFEST_DIR", "sesame"] {
        assert!(!environment.contains(secret) && !arguments.contains(secret), "{secret}");
    }
    let log = read("log.txt");
    assert!(log.starts_with("== attempt of 2") && log.contains("a warning"), "{log}");
    assert!(log.contains("no message") && !log.contains("\"met\""), "{log}");
}

#[tokio::test]
async fn a_later_attempt_finds_what_an_earlier_one_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
mkdir -p "$out/.clinic.partial" "$out/.clinic.checkpoints" && echo first >&2
echo '{"message":"failed","error":"row 7 of `y` is 3","code":"data"}'; exit 1"#;
    let failed = failure(attempt(&folder, script)).await;
    assert_eq!(failed.code, FailureCode::Data);
    assert!(failed.error.contains("row 7") && !failed.sentence().en.contains('7'));
    assert!(!left(&folder, "results/.clinic.partial").exists(), "the draft is gone");

    let script = r#"
[ -d "$out/.clinic.checkpoints" ] && [ ! -d "$out/clinic" ] && mkdir "$out/clinic"
echo '{"message":"done","folder":"","figures":[],"totals":null}'"#;
    let (updates, _) = play(attempt(&folder, script)).await;
    assert!(matches!(updates[..], [Update::Done(_)]), "{updates:?}");
    let log = fs::read_to_string(left(&folder, "log.txt")).unwrap();
    assert_eq!(log.matches("== attempt of 2").count(), 2, "{log}");
    assert!(log.contains("first"), "{log}");
    let mode = fs::metadata(left(&folder, "log.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_process_that_ends_without_a_word_is_a_failure_with_what_is_known() {
    let long = "head -c 1100000 /dev/zero | tr '\\0' x";
    let hangs = "echo '{\"message\":\"failed\",\"error\":\"lost\",\"code\":\"partner_failed\"}'
exec sleep 30";
    let mut cases = JoinSet::new();
    for (script, code, part) in [
        ("kill -9 $$", FailureCode::Killed, "ran out of memory"),
        ("kill -15 $$", FailureCode::Killed, "signal 15"),
        ("echo 'panicked at row' >&2; exit 101", FailureCode::Internal, "panicked at row"),
        ("exit 0", FailureCode::Internal, "exit code 0"),
        (long, FailureCode::Internal, "in one line"),
        (hangs, FailureCode::PartnerFailed, "lost"),
        ("exec >&-; exec sleep 30", FailureCode::Internal, "fell silent"),
        (
            "echo '{\"message\":\"listening\",\"address\":\"192.0.2.1:7\"}'; exec sleep 30",
            FailureCode::Internal,
            "listens at",
        ),
        (
            "echo '{\"message\":\"done\",\"folder\":\"/\",\"figures\":[],\"totals\":null}'",
            FailureCode::Internal,
            "no results",
        ),
    ] {
        cases.spawn(async move {
            let folder = tempfile::tempdir().unwrap();
            let failed = failure(attempt(&folder, script)).await;
            assert_eq!(failed.code, code, "{script}: {failed}");
            assert!(failed.error.contains(part), "{script}: {failed}");
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn results_that_are_there_count_whatever_became_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let killed = "mkdir -p \"$out/clinic\"; kill -9 $$";
    let (updates, progress) = play(attempt(&folder, killed)).await;
    assert!(matches!(updates[..], [Update::Done(_)]), "{updates:?}");
    assert_eq!(progress.phase, Phase::Done);
    // Those of an earlier attempt do not.
    assert_eq!(failure(attempt(&folder, "kill -9 $$")).await.code, FailureCode::Killed);
}

const ENDLESS: &str = r#"
mkdir -p "$out/.clinic.partial"
echo '{"message":"progress","event":"started","step":"align"}'
"#;

fn is_there(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    // One that nobody has waited for yet is gone all the same.
    !status.is_empty() && !status.contains("State:\tZ")
}

#[tokio::test]
async fn an_attempt_is_cancelled_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // A process of the process holds the outputs open.
    let mut running = start(attempt(&folder, &format!("{ENDLESS}sleep 8"))).unwrap();
    let process = running.process().unwrap();
    assert!(matches!(running.next_update().await, Some(Update::Step { .. })));
    assert!(is_there(process));
    let begun = Instant::now();
    running.cancel();
    let last = running.next_update().await;
    assert!(matches!(last, Some(Update::Cancelled)), "{last:?}");
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(!is_there(process) && !left(&folder, "results/.clinic.partial").exists());
    assert!(running.next_update().await.is_none());
    let progress = running.progress();
    assert_eq!((progress.phase, progress.steps[0].state), (Phase::Cancelled, StepState::Stopped));
}

#[tokio::test]
async fn a_process_whose_updates_nobody_reads_is_cancelled_too() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"while :; do echo '{"message":"met"}'; done"#;
    let mut running = start(attempt(&folder, script)).unwrap();
    let process = running.process().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(is_there(process), "it waits");
    running.cancel();
    let mut last = None;
    while let Some(update) = running.next_update().await {
        last = Some(update);
    }
    assert!(matches!(last, Some(Update::Cancelled)), "{last:?}");
}

#[tokio::test]
async fn an_attempt_that_is_dropped_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = start(attempt(&folder, &format!("{ENDLESS}exec sleep 30"))).unwrap();
    let process = running.process().unwrap();
    assert!(matches!(running.next_update().await, Some(Update::Step { .. })));
    drop(running);
    let begun = Instant::now();
    while is_there(process) || left(&folder, "results/.clinic.partial").exists() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let good = || attempt(&folder, "");
    let two_lines = Some(Zeroizing::new("open\nsesame".to_owned()));
    for (attempt, code, part) in [
        (Attempt { party: "bank".to_owned(), ..good() }, FailureCode::Usage, "no party `bank`"),
        (Attempt { job: "job: 1".to_owned(), ..good() }, FailureCode::Usage, "job.yaml"),
        (Attempt { passphrase: two_lines, ..good() }, FailureCode::Usage, "one line"),
        (Attempt { program: "/nowhere".into(), ..good() }, FailureCode::Internal, "/nowhere"),
        (Attempt { folder: "/dev/null/x".into(), ..good() }, FailureCode::Files, "/dev/null/x"),
    ] {
        assert!(!format!("{attempt:?}").contains("sesame"));
        let failed = start(attempt).unwrap_err();
        assert_eq!(failed.code, code, "{failed}");
        assert!(failed.error.contains(part), "{failed}");
    }
}
