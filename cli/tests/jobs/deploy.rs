//! What the files in `deploy/` name exists: commands, flags, ports and the compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::PROGRAM;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The arguments of each `tombolo node …` in a text, also in comments and in lists of JSON. A
/// command in a comment goes on in the lines below that are further in.
fn commands(text: &str) -> Vec<Vec<String>> {
    let text = text.replace("\n#     --", " --").replace(['"', '\'', '[', ']', ',', '`'], " ");
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = words.filter_map(|words| {
        let is_command = |pair: &[&str]| pair[0].ends_with("tombolo") && pair[1] == "node";
        let at = words.windows(2).position(is_command)?;
        Some(words[at + 1..].iter().map(ToString::to_string).collect())
    });
    found.collect()
}

/// Whether the program takes the arguments. It looks at them in order, so that `--help` at the
/// end is reached by good ones only, and then nothing else is done.
fn is_taken(arguments: &[String]) -> bool {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--help").stdin(Stdio::null());
    command.output().unwrap().status.success()
}

#[test]
fn files_for_installations_name_what_there_is() {
    assert!(!is_taken(&["node", "start", "--home", "x"].map(str::to_owned)), "a wrong flag");
    let files = ["deploy/Dockerfile", "deploy/compose.yaml", "deploy/tombolo.service"];
    for (file, least) in files.into_iter().zip([2, 2, 1]) {
        let commands = commands(&read(file));
        assert!(commands.len() >= least, "{file}: {commands:?}");
        for arguments in commands {
            assert!(is_taken(&arguments), "{file}: {arguments:?}");
        }
    }
    for page in ["docs/operators.md", "docs/operators.zh-CN.md"] {
        for arguments in commands(&read(page).replace("\\\n", " ")) {
            assert!(is_taken(&arguments), "{page}: {arguments:?}");
        }
    }

    // The ports that a new node has, or that its configuration proposes.
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("bank");
    let mut command = Command::new(PROGRAM);
    command.args(["node", "init", "--yes", "--name", "bank", "--folder"]).arg(&home);
    assert!(command.stdin(Stdio::null()).output().unwrap().status.success());
    let configuration = fs::read_to_string(home.join("node.yaml")).unwrap();
    assert!(configuration.contains("listen: \"127.0.0.1:8443\""), "{configuration}");
    assert!(configuration.contains("listen: 0.0.0.0:7443"), "{configuration}");
    let (image, compose) = (read(files[0]), read(files[1]));
    assert!(image.lines().any(|line| line == "EXPOSE 7443 8443"), "{image}");
    for port in ["- \"7443:7443\"", "- \"127.0.0.1:8443:8443\""] {
        assert!(compose.contains(port), "{port}: {compose}");
    }

    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap();
    let compiler = format!("FROM rust:{}-slim", version.trim_end_matches('"'));
    assert!(image.contains(&compiler), "{compiler}: {image}");
}
