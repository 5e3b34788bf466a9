//! `cargo xtask nightly`: what is too long for every change.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::check::cargo;
use crate::say;

/// How often the demo runs, and how often it is killed, unless the caller says otherwise.
pub(crate) const REPETITIONS: u32 = 20;

/// Property tests run with this many cases instead of the 256 of every day.
const PROPERTY_CASES: &str = "20000";

/// The longest that one run of the demo may take.
const DEMO_LIMIT: Duration = Duration::from_mins(3);

/// Many property cases, a table larger than memory, then the demo again and again, whole and with
/// one process killed.
pub(crate) fn run(root: &Path, repetitions: u32) -> anyhow::Result<()> {
    let cases = [("PROPTEST_CASES", PROPERTY_CASES)];
    cargo(root, &["test", "--workspace", "--release"], &cases)?;
    let large = ["test", "--release", "-p", "tombolo-cli", "--test", "jobs", "--", "--ignored"];
    cargo(root, &large, &[])?;
    cargo(root, &["build", "--release"], &[])?;
    let binary = target_folder(root).join("release/tombolo");
    for repetition in 0..repetitions {
        whole_demo(&binary, repetition)?;
        killed_demo(&binary, repetition)?;
        say(&format!("demo: {} of {repetitions} repetitions passed", repetition + 1));
    }
    Ok(())
}

fn target_folder(root: &Path) -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into)
}

/// The demo ends well and leaves a result for each party.
fn whole_demo(binary: &Path, repetition: u32) -> anyhow::Result<()> {
    let out = output_folder(repetition, "whole")?;
    let status = wait(start_demo(binary, &out)?)?;
    ensure!(status.success(), "the demo ended with {status}");
    let results = std::fs::read_dir(&out)?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("metrics.json").is_file())
        .count();
    ensure!(results == 2, "the demo left {results} results; expected one for each party");
    std::fs::remove_dir_all(&out)?;
    Ok(())
}

/// The demo with one child killed after a while ends by itself, with an error, and leaves no
/// half-written result.
fn killed_demo(binary: &Path, repetition: u32) -> anyhow::Result<()> {
    let out = output_folder(repetition, "killed")?;
    let demo = start_demo(binary, &out)?;
    // Later each time, so that over the repetitions every phase is hit.
    std::thread::sleep(Duration::from_millis(300 + 700 * u64::from(repetition)));
    if let Some(child) = children(demo.id())?.first() {
        let status = Command::new("kill").args(["-9", child]).status()?;
        ensure!(status.success(), "party {child} could not be killed");
        let status = wait(demo)?;
        ensure!(!status.success(), "the demo succeeded although a party was killed");
        for entry in std::fs::read_dir(&out)? {
            let metrics = entry?.path().join("metrics.json");
            ensure!(!metrics.exists(), "{} was written by a killed job", metrics.display());
        }
    } else {
        wait(demo)?;
    }
    std::fs::remove_dir_all(&out)?;
    Ok(())
}

fn start_demo(binary: &Path, out: &Path) -> anyhow::Result<Child> {
    Command::new(binary)
        .args(["demo", "--out"])
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} cannot be started", binary.display()))
}

fn output_folder(repetition: u32, kind: &str) -> anyhow::Result<std::path::PathBuf> {
    let name = format!("tombolo-nightly-{}-{repetition}-{kind}", std::process::id());
    let out = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&out)?;
    Ok(out)
}

/// The process ids of a process's children.
fn children(parent: u32) -> anyhow::Result<Vec<String>> {
    let output = Command::new("ps").args(["-o", "pid=", "--ppid", &parent.to_string()]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Waits for a process, and ends it when it takes too long.
fn wait(mut process: Child) -> anyhow::Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > DEMO_LIMIT {
            process.kill()?;
            process.wait()?;
            bail!("the demo took longer than {} s", DEMO_LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
