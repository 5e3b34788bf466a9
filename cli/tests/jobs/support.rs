//! Starting the program and its parties as processes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use net::Identity;
use serde_json::Value;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tombolo");

/// A small job on `breast`, quick enough for every test run.
pub(crate) const JOB: &str = "\
job: small
purpose: test
seed: 7
parties:
  clinic: { role: guest, table: guest.csv, key: id, label: y }
  laboratory: { role: host, table: host.csv, key: id, other_columns: number }
split: { by: stratified, test: 30% }
prepare:
  - select: { iv: 0.0, correlation: 0.999 }
train:
  - logistic_regression: { l2: 0.1, tolerance: 1e-5 }
  - boosted_trees: { privacy: secureboost, trees: 2, depth: 2, bins: 8, early_stopping: 0 }
evaluate: { bootstrap: 100 }
";

/// The steps of the job in which parties talk to each other.
pub(crate) const STAGES: [&str; 4] = [
    "align",
    "prepare.select.stratified",
    "train.logistic_regression.stratified",
    "train.boosted_trees.stratified",
];

/// A folder with the two tables of `breast` and the small job.
pub(crate) fn breast() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/fate"));
    fs::copy(data.join("breast_hetero_guest.csv"), folder.path().join("guest.csv")).unwrap();
    fs::copy(data.join("breast_hetero_host.csv"), folder.path().join("host.csv")).unwrap();
    fs::write(folder.path().join("job.yaml"), JOB).unwrap();
    folder
}

/// The whole job that stands in a page of the manual.
pub(crate) fn documented(page: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).join(page);
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
    let mut jobs = blocks.filter(|block| block.starts_with("job:"));
    jobs.next().unwrap_or_else(|| panic!("{page} holds no job")).to_owned()
}

/// `tombolo run` on the job in a folder.
pub(crate) fn run(folder: &Path) -> Output {
    Command::new(PROGRAM)
        .args(["--language", "en", "run"])
        .arg(folder.join("job.yaml"))
        .arg("--out")
        .arg(folder.join("out"))
        .output()
        .unwrap()
}

/// Runs the job and returns its error, after checking that it is one of the job and that nothing
/// was left behind.
pub(crate) fn failure(folder: &Path) -> String {
    let output = run(folder);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert_nothing_is_left(&folder.join("out"));
    text[text.find("error: ").unwrap_or(0)..].to_owned()
}

/// No results, and no half-written ones.
pub(crate) fn assert_nothing_is_left(out: &Path) {
    let left: Vec<PathBuf> = match fs::read_dir(out) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    };
    assert!(left.is_empty(), "{left:?}");
}

/// A JSON file of the results.
pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Parties that are started one by one, as organisations do.
pub(crate) struct Parties {
    folder: PathBuf,
    names: Vec<&'static str>,
    reconnect_window: u64,
}

/// One party's process.
pub(crate) struct Party {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Parties {
    /// The clinic and the laboratory; see [`Self::named`].
    pub(crate) fn new(folder: &Path, reconnect_window: u64) -> Self {
        Self::named(&["clinic", "laboratory"], folder, reconnect_window)
    }

    /// Makes all identities in `folder`, of the parties in the order of the job; a cut connection
    /// may take `reconnect_window` seconds to come back.
    pub(crate) fn named(names: &[&'static str], folder: &Path, reconnect_window: u64) -> Self {
        for name in names {
            Identity::generate(name).unwrap().save(&folder.join(name)).unwrap();
        }
        Self { folder: folder.to_owned(), names: names.to_vec(), reconnect_window }
    }

    /// Starts the guest with a job file and waits until it listens; returns its address too.
    pub(crate) fn guest(&self, job: &str) -> (Party, String) {
        self.listening(0, job, &[])
    }

    /// Starts the host with a job file.
    pub(crate) fn host(&self, job: &str, address: &str) -> Party {
        self.start(1, job, &[address.to_owned()], &[])
    }

    /// Starts all parties, each of which dials the earlier ones.
    pub(crate) fn all(&self, job: &str) -> Vec<Party> {
        let last = self.names.len() - 1;
        let (mut parties, addresses) = self.all_but_last(job);
        parties.push(self.start(last, job, &addresses, &[]));
        parties
    }

    /// Starts all parties but the last one; returns where they listen too.
    pub(crate) fn all_but_last(&self, job: &str) -> (Vec<Party>, Vec<String>) {
        let (mut parties, mut addresses) = (Vec::new(), Vec::new());
        for place in 0..self.names.len() - 1 {
            let (party, address) = self.listening(place, job, &addresses);
            parties.push(party);
            addresses.push(address);
        }
        (parties, addresses)
    }

    /// The identity of a party.
    pub(crate) fn identity(&self, name: &str) -> Identity {
        Identity::load(&self.folder.join(name)).unwrap()
    }

    fn listening(&self, place: usize, job: &str, addresses: &[String]) -> (Party, String) {
        let mut party = self.start(place, job, addresses, &["--listen", "127.0.0.1:0"]);
        let address = party.wait_for("listening")["address"].as_str().unwrap().to_owned();
        (party, address)
    }

    /// Starts a party with further `options`. It dials those that have `addresses`, the first in
    /// the order of the job, by a route if that stands behind the address and a `/`.
    pub(crate) fn start(
        &self,
        place: usize,
        job: &str,
        addresses: &[String],
        options: &[&str],
    ) -> Party {
        let name = self.names[place];
        let mut command = Command::new(PROGRAM);
        command.args(["party", "--party", name]);
        for (place, other) in self.names.iter().enumerate().filter(|(_, other)| **other != name) {
            let key = self.identity(other).public_key();
            let address = addresses.get(place).map(|address| format!("@{address}"));
            let contact = format!("{other}={key}{}", address.unwrap_or_default());
            command.args(["--peer", &contact]);
        }
        let mut child = command
            .args(["--reconnect-window", &self.reconnect_window.to_string()])
            .args(options)
            .arg("--job")
            .arg(self.folder.join(job))
            .arg("--keys")
            .arg(self.folder.join(name))
            .arg("--out")
            .arg(self.folder.join("out"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Party { child, lines }
    }
}

impl Party {
    /// Reads until a message of this kind comes.
    pub(crate) fn wait_for(&mut self, kind: &str) -> Value {
        self.find(|message| message["message"] == kind)
            .unwrap_or_else(|| panic!("the party ended without {kind}"))
    }

    /// Reads until a step begins.
    pub(crate) fn wait_for_step(&mut self, step: &str) {
        let found = self.find(|message| message["event"] == "started" && message["step"] == step);
        assert!(found.is_some(), "the party ended before {step}");
    }

    /// Reads until people are told something with these words.
    pub(crate) fn wait_for_note(&mut self, words: &str) {
        let says = |message: &Value| message["text"]["en"].as_str().map(|en| en.contains(words));
        let found = self.find(|message| message["event"] == "note" && says(message) == Some(true));
        assert!(found.is_some(), "the party ended without saying {words}");
    }

    /// Waits for the results.
    pub(crate) fn succeed(mut self) {
        self.wait_for("done");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    /// Kills the process.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The error with which the party ends.
    pub(crate) fn error(self) -> String {
        self.failure().1
    }

    /// The code and the error with which the party ends.
    pub(crate) fn failure(mut self) -> (String, String) {
        let failed = self.wait_for("failed");
        let [code, error] = ["code", "error"].map(|name| failed[name].as_str().unwrap().to_owned());
        let status: ExitStatus = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{error}");
        (code, error)
    }

    fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let messages =
            self.lines.by_ref().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        messages.into_iter().find(wanted)
    }
}
