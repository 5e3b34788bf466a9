//! What an attempt needs, and where it puts files.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jobs::child::{Contact, KEEP_MEMORY};
use jobs::spec::JobSpec;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::failure::Failure;

/// One party's attempt of a job.
pub struct Attempt {
    /// The program `tombolo`: this process's own.
    pub program: PathBuf,
    /// The folder of the run, the same for all its attempts.
    pub folder: PathBuf,
    /// The job file's text. Paths in it are not used.
    pub job: String,
    /// Which of the job's parties this is.
    pub party: String,
    /// The party's table.
    pub table: PathBuf,
    /// The `results` folder of the run that trained the model, for a job that scores or goes on.
    pub models: Option<PathBuf>,
    /// Where `protocol: unbalanced` keeps what later runs need; the run's own folder without.
    pub cache: Option<PathBuf>,
    /// The folder of the party's key and certificate.
    pub keys: PathBuf,
    /// The passphrase of the key, if it is under one: one line of at most
    /// [`Attempt::PASSPHRASE_BYTES_MAX`].
    pub passphrase: Option<Zeroizing<String>>,
    /// The other parties. One that has no address dials this one, which then listens on loopback.
    pub peers: Vec<Contact>,
    /// How long the others may take to come; whole seconds.
    pub wait: Duration,
    /// How long a cut connection may take to come back; whole seconds.
    pub reconnect_window: Duration,
}

impl Attempt {
    /// The longest passphrase: what is written into a pipe at once, whoever reads it when.
    pub const PASSPHRASE_BYTES_MAX: usize = 4096;

    /// The job, if this attempt can be started.
    pub(super) fn check(&self) -> Result<JobSpec, Failure> {
        let job = JobSpec::parse(JOB_FILE, &self.job).map_err(Failure::usage)?;
        if job.party_named(&self.party).is_none() {
            return Err(Failure::usage(format!("the job has no party `{}`", self.party)));
        }
        let is_line = |text: &str| text.len() < Self::PASSPHRASE_BYTES_MAX && !text.contains('\n');
        if self.passphrase.as_deref().is_some_and(|text| !is_line(text)) {
            let rule = "the passphrase of the key has to be one line of less than 4096 bytes";
            return Err(Failure::usage(rule));
        }
        Ok(job)
    }

    /// Makes the run's folder, which only its owner can look into, and writes the job into it.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let write = || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            let next = self.folder.join(NEXT_JOB_FILE);
            fs::write(&next, &self.job)?;
            fs::rename(&next, self.folder.join(JOB_FILE))
        };
        write().map_err(|error: io::Error| Failure::files("write into", &self.folder, &error))
    }

    /// The folder that the party's own results folder is made in.
    pub(super) fn out(&self) -> PathBuf {
        self.folder.join(RESULTS)
    }

    /// How the process is started.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["party", "--leash", "--party", &self.party])
            .arg(option("--job", &self.folder.join(JOB_FILE)))
            .arg(option("--table", &self.table))
            .arg(option("--keys", &self.keys))
            .arg(option("--out", &self.out()))
            .args(["--wait", &self.wait.as_secs().to_string()])
            .args(["--reconnect-window", &self.reconnect_window.as_secs().to_string()]);
        let folders = [("--models", &self.models), ("--cache", &self.cache)];
        let folders = folders.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?)));
        command.args(folders.map(|(name, path)| option(name, path)));
        for peer in &self.peers {
            command.args(["--peer", &peer.to_string()]);
        }
        if self.peers.iter().any(|peer| peer.address.is_none()) {
            command.args(["--listen", LISTEN]);
        }
        if self.passphrase.is_some() {
            command.arg("--passphrase-stdin");
        }
        command.env_clear();
        command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(KEEP_MEMORY).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

/// A path behind a name, whatever the path begins with.
fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push("=");
    option.push(path);
    option
}

/// The results of `party` in the folder of a run, if they are there: as a whole, whatever became of
/// the process that wrote them.
pub fn results(folder: &Path, party: &str) -> Option<PathBuf> {
    let results = folder.join(RESULTS).join(party);
    results.is_dir().then_some(results)
}

impl fmt::Debug for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attempt")
            .field("folder", &self.folder)
            .field("party", &self.party)
            .finish_non_exhaustive()
    }
}

const JOB_FILE: &str = "job.yaml";
const NEXT_JOB_FILE: &str = "job.yaml.new";
const RESULTS: &str = "results";

/// Any free port that only this machine reaches: the node's own port leads there.
const LISTEN: &str = "127.0.0.1:0";

/// What a party's process needs to know of the machine, and nothing else of the environment.
const PASSED_ON: [&str; 8] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "TZ",
    "LD_LIBRARY_PATH",
    "RAYON_NUM_THREADS",
    "RUST_BACKTRACE",
];
