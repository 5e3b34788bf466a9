//! Two nodes as processes that make a run happen, whatever is killed meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::PROGRAM;

fn dev(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["dev", "--once", "--any-port", "--folder"]).arg(folder);
    command.stdin(Stdio::null());
    command
}

fn start(folder: &Path, name: &str) -> Child {
    let log = fs::File::create(folder.join(format!("{name}.log"))).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["node", "start", "--folder"]).arg(folder.join(name));
    command.stdin(Stdio::null()).stderr(log).spawn().unwrap()
}

/// Waits until something is there.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "{what} did not come");
        sleep(Duration::from_millis(50));
    }
}

/// The folder of the only run of a node.
fn run_of(home: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(home.join("runs")).ok()?;
    let mut folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    folders.find(|path| path.join("job.yaml").exists())
}

fn results(home: &Path, party: &str) -> Option<PathBuf> {
    let results = run_of(home)?.join("results").join(party);
    results.is_dir().then_some(results)
}

#[test]
fn a_run_survives_the_death_of_everything_and_then_of_one_node() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [bank, operator] = ["bank", "operator"].map(|name| folder.join(name));
    // Both nodes, in one process, and the parties of the run, which are on a leash.
    let mut both = dev(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the run", || run_of(&bank).zip(run_of(&operator)));
    both.kill().unwrap();
    both.wait().unwrap();
    assert_eq!(results(&bank, "bank"), None, "it was killed in time");

    let mut nodes = [start(folder, "bank"), start(folder, "operator")];
    let log = || fs::read_to_string(folder.join("operator.log")).unwrap_or_default();
    until("a further attempt", || log().contains("attempt started").then_some(()));
    nodes[1].kill().unwrap();
    nodes[1].wait().unwrap();
    nodes[1] = start(folder, "operator");
    let of_bank = until("the bank's results", || results(&bank, "bank"));
    let of_operator = until("the operator's results", || results(&operator, "operator"));
    for node in &mut nodes {
        node.kill().unwrap();
        node.wait().unwrap();
    }
    let mut compare = Command::new(PROGRAM);
    let compared = compare.args(["audit", "compare"]).arg(of_bank).arg(of_operator).output();
    let compared = compared.unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
}
