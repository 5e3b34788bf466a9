//! A node as a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::PROGRAM;

fn node(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["--language", "en", "node"]).args(arguments).arg("--folder").arg(folder);
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_node_is_made_runs_is_backed_up_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("bank");
    let answers = ["init", "--yes", "--name", "bank", "--people", "127.0.0.1:0"];
    let made = node(&home, &answers);
    let told = text(&made.stderr);
    assert_eq!(made.status.code(), Some(0), "{told}");
    assert!(told.contains("tombolo node start --folder") && told.contains("SHA-256"), "{told}");
    assert!(told.contains("warning: the node's key is under no passphrase"), "{told}");
    assert_eq!(text(&made.stdout).trim().len(), 23, "the one-time password alone");
    assert_eq!(node(&home, &answers).status.code(), Some(2), "the folder is taken");
    assert_eq!(node(&home, &["status"]).status.code(), Some(1));

    let begun = Instant::now();
    let mut command = Command::new(PROGRAM);
    command.args(["node", "start", "--folder"]).arg(&home).stdin(Stdio::null());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["message"], "serving", "{first}");
    // A second is what it may take; a machine that tests all else too has other things to do.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let address = first["address"].as_str().unwrap();
    std::net::TcpStream::connect(address).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes: u64 = memory.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap();
    assert!(kibibytes < 100 << 10, "an idle node uses {kibibytes} KiB");

    let status = node(&home, &["status"]);
    assert_eq!(status.status.code(), Some(0), "{}", text(&status.stderr));
    assert!(text(&status.stdout).contains(address), "{}", text(&status.stdout));
    let second = node(&home, &["start"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains(&format!("as process {}", child.id())));
    let backup = folder.path().join("backup.jsonl");
    let backed_up = node(&home, &["backup", backup.to_str().unwrap()]);
    assert_eq!(backed_up.status.code(), Some(0), "{}", text(&backed_up.stderr));

    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let last: Value = serde_json::from_str(&lines.last().unwrap().unwrap()).unwrap();
    assert_eq!(last["message"], "stopped");

    // The database is lost; what the operator's guide says to keep is not.
    fs::rename(home.join("node.db"), home.join("lost.db")).unwrap();
    let restored = node(&home, &["restore", backup.to_str().unwrap()]);
    assert_eq!(restored.status.code(), Some(0), "{}", text(&restored.stderr));
    let again = node(&home, &["restore", backup.to_str().unwrap()]);
    assert!(text(&again.stderr).contains("is in use"), "{}", text(&again.stderr));
    let password = node(&home, &["password", "operator"]);
    assert_eq!(text(&password.stdout).trim().len(), 23, "{}", text(&password.stderr));
    assert_eq!(node(&home, &["password", "nobody"]).status.code(), Some(2));
}
