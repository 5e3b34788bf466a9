//! All parties of a job as processes on this machine.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use contract::Text;
use jobs::TotalsOutcome;
use jobs::child::{Contact, FailureCode, KEEP_MEMORY, Message, ModelFigures};
use jobs::folder::Draft;
use jobs::spec::{JobSpec, PartySpec};
use net::Identity;
use report::message::Language;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::arguments::NetworkArguments;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::work_folder::WorkFolder;

/// What a party's process left behind.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The folder with its results.
    pub(crate) folder: PathBuf,
    /// The headline figures, at the guest.
    pub(crate) figures: Vec<ModelFigures>,
    /// Numbers about the common rows, if the job is for these.
    pub(crate) totals: Option<TotalsOutcome>,
}

/// Where the parties of a job put files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folders<'a> {
    /// For the results.
    pub(crate) out: &'a Path,
    /// For what is kept between runs, if not there too.
    pub(crate) cache: Option<&'a Path>,
    /// The results of the job that trained the model, for a job that scores.
    pub(crate) models: Option<&'a Path>,
}

/// Which parties of a job run on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Here<'a> {
    /// All, with keys for this run only, on loopback.
    All,
    /// One, which meets the others over the network.
    One {
        /// Its name.
        party: &'a str,
        /// The folder of its key.
        keys: &'a Path,
        /// How it meets the others.
        network: &'a NetworkArguments,
        /// How long they may take to come.
        wait: Duration,
    },
}

/// Runs the job to its end and returns what each party here left behind, by name.
pub(crate) fn launch(
    path: &Path,
    job: &JobSpec,
    here: &Here<'_>,
    folders: Folders<'_>,
    language: Language,
) -> Result<BTreeMap<String, Outcome>, Failure> {
    let work = WorkFolder::create(folders.out)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::job)?;
    runtime.block_on(async {
        let mut launch = Launch::new(path, job, here, folders, &work, language)?;
        let outcome = tokio::select! {
            outcome = launch.run() => outcome,
            () = interruption() => Err(Failure::Interrupted),
        };
        launch.clean_up().await;
        outcome
    })
}

/// Ends when the user interrupts the program, or the system asks it to end.
pub(crate) async fn interruption() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminated) = signal(SignalKind::terminate()) {
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    drop(interrupted.await);
}

/// One line of a party, or its end.
enum News {
    Said(Message),
    Gibberish(String),
    Ended,
}

struct Launch<'a> {
    path: &'a Path,
    job: &'a JobSpec,
    here: &'a Here<'a>,
    folders: Folders<'a>,
    work: &'a WorkFolder,
    language: Language,
    keys: BTreeMap<String, Identity>,
    /// Where the parties listen that run already, in the order of the job.
    addresses: Vec<String>,
    progress: Progress,
    sender: UnboundedSender<(String, News)>,
    receiver: UnboundedReceiver<(String, News)>,
    children: BTreeMap<String, Child>,
    outcomes: BTreeMap<String, Outcome>,
    failures: BTreeMap<String, (String, FailureCode)>,
    /// Whether the parties have met.
    has_met: bool,
}

impl<'a> Launch<'a> {
    fn new(
        path: &'a Path,
        job: &'a JobSpec,
        here: &'a Here<'a>,
        folders: Folders<'a>,
        work: &'a WorkFolder,
        language: Language,
    ) -> Result<Self, Failure> {
        let mut keys = BTreeMap::new();
        let is_here = |name: &str| match here {
            Here::All => true,
            Here::One { party, .. } => *party == name,
        };
        let made = job.parties().filter(|_| matches!(here, Here::All));
        for party in made {
            let identity = Identity::generate(&party.name).map_err(Failure::job)?;
            identity.save(&work.path().join(&party.name)).map_err(Failure::job)?;
            keys.insert(party.name.clone(), identity);
        }
        let names = job.parties().map(|party| party.name.as_str()).filter(|name| is_here(name));
        let (sender, receiver) = unbounded_channel();
        Ok(Self {
            path,
            job,
            here,
            folders,
            work,
            language,
            keys,
            addresses: Vec::new(),
            progress: Progress::new(names, language),
            sender,
            receiver,
            children: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            failures: BTreeMap::new(),
            has_met: false,
        })
    }

    async fn run(&mut self) -> Result<BTreeMap<String, Outcome>, Failure> {
        self.start_next()?;
        let mut open = 1;
        while open > 0 {
            let next = tokio::time::timeout(self.patience(), self.receiver.recv()).await;
            let Ok(Some((party, news))) = next else { break };
            match news {
                News::Said(Message::Listening { address }) if self.is_alone() => {
                    let text = Text::owned(
                        format!("waits for its partners on {address}"),
                        format!("正在 {address} 等待合作方"),
                    );
                    self.progress.note(&party, self.language.of(&text));
                }
                News::Said(Message::Listening { address }) => {
                    self.addresses.push(address);
                    self.start_next()?;
                    open += 1;
                }
                News::Said(message) => self.note(&party, message),
                News::Gibberish(line) => self.progress.note(&party, &line),
                News::Ended => {
                    open -= 1;
                    self.note_end(&party).await;
                }
            }
        }
        self.conclude()
    }

    /// Once one party has failed, the others get a little time to say what they saw, unless
    /// they never met.
    fn patience(&self) -> Duration {
        match (self.failures.is_empty(), self.has_met) {
            (true, _) => Duration::MAX,
            (false, true) => GRACE,
            (false, false) => Duration::ZERO,
        }
    }

    /// Ends what still runs and removes what it had begun.
    async fn clean_up(&mut self) {
        self.progress.finish();
        for (party, child) in &mut self.children {
            // It may have ended by itself, and what cannot be removed the next run removes.
            let _ = child.kill().await;
            let _ = Draft::discard(self.folders.out, party);
        }
    }

    /// Whether all other parties run elsewhere.
    fn is_alone(&self) -> bool {
        matches!(self.here, Here::One { .. })
    }

    /// Starts the party that is here, or the one behind those that listen already: it dials all of
    /// these, and later ones dial it.
    fn start_next(&mut self) -> Result<(), Failure> {
        if let Here::One { party, keys, network, wait } = self.here {
            return self.start(party, keys, network, *wait);
        }
        let job = self.job;
        let Some(party) = job.parties().nth(self.addresses.len()) else {
            return Err(Failure::job("a party listens although all the others run"));
        };
        let party = party.name.as_str();
        let contact = |(place, other): (usize, &PartySpec)| {
            let key = self.keys.get(&other.name)?.public_key();
            let address = self.addresses.get(place).cloned();
            Some(Contact { name: other.name.clone(), key, address, route: None })
        };
        let others = job.parties().enumerate().filter(|(_, other)| other.name != party);
        let peers = others.filter_map(contact).collect();
        let is_awaited = self.addresses.len() + 1 < job.parties().count();
        let listen = is_awaited.then(|| "127.0.0.1:0".to_owned());
        let network =
            NetworkArguments { peers, listen, reconnect_window: RECONNECT_WINDOW_SECONDS };
        self.start(party, &self.work.path().join(party), &network, CONNECT_TIMEOUT)
    }

    /// Starts the process of a party.
    fn start(
        &mut self,
        party: &str,
        keys: &Path,
        network: &NetworkArguments,
        wait: Duration,
    ) -> Result<(), Failure> {
        let program = env::current_exe().map_err(Failure::job)?;
        let mut command = Command::new(program);
        command.arg("party");
        if let Some(models) = self.folders.models {
            command.arg("--models").arg(models);
        }
        for peer in &network.peers {
            command.args(["--peer", &peer.to_string()]);
        }
        if let Some(address) = &network.listen {
            command.args(["--listen", address]);
        }
        let mut child = command
            .arg("--leash")
            .arg("--job")
            .arg(self.path)
            .args(["--party", party])
            .arg("--keys")
            .arg(keys)
            .args(["--reconnect-window", &network.reconnect_window.to_string()])
            .args(["--wait", &wait.as_secs().to_string()])
            .arg("--out")
            .arg(self.folders.out)
            .arg("--cache")
            .arg(self.folders.cache.unwrap_or(self.folders.out))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .envs(KEEP_MEMORY)
            .spawn()
            .map_err(|error| Failure::job(format!("could not start {party}: {error}")))?;
        if let Some(stdout) = child.stdout.take() {
            let (sender, party) = (self.sender.clone(), party.to_owned());
            tokio::spawn(async move {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let news = match serde_json::from_str(&line) {
                        Ok(message) => News::Said(message),
                        Err(_) => News::Gibberish(line),
                    };
                    // The receiver lives as long as this runtime.
                    let _ = sender.send((party.clone(), news));
                }
                let _ = sender.send((party, News::Ended));
            });
        }
        self.children.insert(party.to_owned(), child);
        Ok(())
    }

    fn note(&mut self, party: &str, message: Message) {
        match message {
            Message::Done { folder, figures, totals } => {
                let outcome = Outcome { folder: PathBuf::from(folder), figures, totals };
                self.outcomes.insert(party.to_owned(), outcome);
            }
            Message::Failed { error, code } => {
                self.failures.insert(party.to_owned(), (error, code));
            }
            Message::Progress(event) => {
                self.progress.see(party, &event);
            }
            Message::Traffic { bytes, done, planned } => {
                self.progress.count(party, bytes, (done, planned));
            }
            Message::Met => self.has_met = true,
            Message::Listening { .. } => {}
        }
    }

    /// A process that ends without a last word was killed or has crashed.
    async fn note_end(&mut self, party: &str) {
        let status = match self.children.get_mut(party) {
            Some(child) => {
                child.wait().await.map_or_else(|error| error.to_string(), |s| s.to_string())
            }
            None => return,
        };
        if !self.outcomes.contains_key(party) && !self.failures.contains_key(party) {
            let error = format!("its process ended without saying why ({status})");
            self.failures.insert(party.to_owned(), (error, FailureCode::Internal));
        }
    }

    fn conclude(&mut self) -> Result<BTreeMap<String, Outcome>, Failure> {
        if self.failures.is_empty() && self.outcomes.len() == self.children.len() {
            return Ok(std::mem::take(&mut self.outcomes));
        }
        let mut lines: Vec<String> =
            self.failures.iter().map(|(party, (error, _))| format!("{party}: {error}")).collect();
        for party in self.children.keys().filter(|party| !self.failures.contains_key(*party)) {
            if !self.outcomes.contains_key(party) {
                lines.push(format!("{party}: stopped, because another party had failed"));
            }
        }
        let message = format!("the job failed\n  {}", lines.join("\n  "));
        if self.failures.values().any(|(_, code)| *code == FailureCode::Usage) {
            return Err(Failure::Usage(message));
        }
        Err(Failure::Job(message))
    }
}

/// How long a party may go on after another one has failed: longer than the reconnect window, so
/// that it can say what it saw.
const GRACE: Duration = Duration::from_secs(15);

/// On one machine a connection breaks only when a process ends.
const RECONNECT_WINDOW_SECONDS: u64 = 3;
/// How long parties on one machine may take to meet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
