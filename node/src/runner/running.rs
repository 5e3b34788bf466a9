//! A process that plays a party, from its start to its end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use contract::Text;
use jobs::child::{Message, ModelFigures};
use jobs::folder::Draft;
use jobs::{Event, TotalsOutcome};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::attempt::{Attempt, results};
use super::failure::Failure;
use super::log_file::LogFile;
use super::output::{LINE_BYTES_MAX, Line, append, keep_text, read_messages};
use super::progress::{Phase, Progress};
use crate::log::now;

/// What happened in an attempt. The last one is `Done`, `Failed` or `Cancelled`; when it comes the
/// process is gone.
#[derive(Clone, Debug)]
pub enum Update {
    /// The process listens on loopback, for parties that have no address.
    Listening(SocketAddr),
    /// The parties have met and read their tables next.
    Met,
    /// A step began; its place is that in [`Progress::steps`].
    Step {
        /// Its name in the job.
        step: String,
        /// Its place, from 0.
        place: usize,
    },
    /// A step is done.
    StepDone {
        /// Its name in the job.
        step: String,
        /// How long it took.
        seconds: f64,
    },
    /// [`Running::progress`] has new counts; left out while nobody reads.
    Counted,
    /// Something that people of this side should know. It may name values of the party's data.
    Remark(Text),
    /// The results are in their place.
    Done(Finished),
    /// The attempt ended without results.
    Failed(Failure),
    /// It was stopped from here.
    Cancelled,
}

/// What an attempt has left behind.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The party's results.
    pub folder: PathBuf,
    /// The headline figures, at the guest; none if the process died before it could tell them.
    pub figures: Vec<ModelFigures>,
    /// Numbers about the common rows, if the job is for these.
    pub totals: Option<TotalsOutcome>,
}

/// A party that plays. Dropped, it kills the process, as [`Running::cancel`] does.
#[derive(Debug)]
pub struct Running {
    updates: mpsc::Receiver<Update>,
    cancel: watch::Sender<bool>,
    shared: Arc<Shared>,
    process: Option<u32>,
}

impl Running {
    /// The next update; `None` after the last one.
    ///
    /// To be called all the time: a process whose updates nobody reads waits in the end.
    #[net::boxed]
    pub async fn next_update(&mut self) -> Option<Update> {
        self.updates.recv().await
    }

    /// Kills the process at once and removes what it had begun; states that a later attempt goes on
    /// from stay. The last update says how it ended: it may have been done already.
    pub fn cancel(&self) {
        // Whoever has ended already need not be told.
        let _ = self.cancel.send(true);
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The end of what the process wrote for people, at most 64 KiB; for this side only.
    pub fn log(&self) -> String {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).end()
    }

    /// The process's number in the system; `None` if it was gone at once.
    pub fn process(&self) -> Option<u32> {
        self.process
    }
}

/// Starts an attempt. Needs a runtime of tokio around it.
///
/// Two attempts of one run must not play at the same time: the last update of the one comes before
/// the start of the next.
///
/// # Errors
/// A [`Failure`] if the attempt cannot be started as it is: the job, the passphrase, the folder, or
/// the program.
pub fn start(attempt: Attempt) -> Result<Running, Failure> {
    let job = attempt.check()?;
    attempt.write()?;
    let begun = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let log = LogFile::open(&attempt.folder, &format!("== attempt of {begun}"))
        .map_err(|error| Failure::files("open the log in", &attempt.folder, &error))?;
    let shared = Arc::new(Shared {
        progress: Mutex::new(Progress::new(&job, now())),
        log: Arc::new(Mutex::new(log)),
    });
    let had_results = results(&attempt.folder, &attempt.party).is_some();
    let mut child = attempt.command().spawn().map_err(|error| {
        Failure::internal(format!("could not start {}: {error}", attempt.program.display()))
    })?;
    let (to_lines, lines) = mpsc::channel(LINES_MAX);
    let mut readers = JoinSet::new();
    if let (Some(output), Some(text)) = (child.stdout.take(), child.stderr.take()) {
        readers.spawn(read_messages(output, Arc::clone(&shared.log), to_lines));
        readers.spawn(keep_text(text, Arc::clone(&shared.log)));
    }
    let (to_updates, updates) = mpsc::channel(UPDATES_MAX);
    let (cancel, cancelled) = watch::channel(false);
    let process = child.id();
    let watcher = Watcher {
        attempt,
        had_results,
        leash: child.stdin.take(),
        child,
        readers,
        lines,
        updates: to_updates,
        cancelled,
        shared: Arc::clone(&shared),
        last_word: None,
    };
    tokio::spawn(watcher.watch());
    Ok(Running { updates, cancel, shared, process })
}

/// What both sides of a [`Running`] see.
#[derive(Debug)]
struct Shared {
    progress: Mutex<Progress>,
    log: Arc<Mutex<LogFile>>,
}

/// What a process said last.
enum LastWord {
    Done { figures: Vec<ModelFigures>, totals: Option<TotalsOutcome> },
    Failed(Failure),
}

/// How watching ended.
enum Ended {
    /// The process is gone.
    Gone(io::Result<ExitStatus>),
    /// It is to be stopped.
    Cancelled,
    /// It cannot go on.
    Fault(Failure),
}

struct Watcher {
    attempt: Attempt,
    /// Whether an earlier attempt had left results.
    had_results: bool,
    child: Child,
    /// Held until the process is gone.
    leash: Option<ChildStdin>,
    readers: JoinSet<()>,
    lines: mpsc::Receiver<Line>,
    updates: mpsc::Sender<Update>,
    cancelled: watch::Receiver<bool>,
    shared: Arc<Shared>,
    last_word: Option<LastWord>,
}

impl Watcher {
    async fn watch(mut self) {
        let ended = match self.hand_over_passphrase().await {
            Ok(()) => self.until_it_ends().await,
            Err(failure) => Ended::Fault(failure),
        };
        if !matches!(ended, Ended::Gone(_)) {
            // It may have ended by itself meanwhile.
            let _ = self.child.kill().await;
        }
        self.drain().await;
        let update = self.conclude(ended);
        let phase = match &update {
            Update::Done(_) => Phase::Done,
            Update::Failed(_) => Phase::Failed,
            _ => Phase::Cancelled,
        };
        if phase != Phase::Done
            && let Err(error) = Draft::discard(&self.attempt.out(), &self.attempt.party)
        {
            // The next attempt tries again.
            append(&self.shared.log, format!("{error}\n").as_bytes());
        }
        self.progress(|progress| progress.end(phase, now()));
        // Whoever dropped the other end wants to know nothing.
        let _ = self.updates.send(update).await;
    }

    /// The first line of the leash. The pipe holds it, whether it is read or not.
    async fn hand_over_passphrase(&mut self) -> Result<(), Failure> {
        let passphrase = self.attempt.passphrase.take();
        let (Some(passphrase), Some(leash)) = (passphrase, &mut self.leash) else { return Ok(()) };
        let written = async {
            leash.write_all(passphrase.as_bytes()).await?;
            leash.write_all(b"\n").await?;
            leash.flush().await
        };
        match written.await {
            // It has ended without reading, and says why in another way.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::internal(format!("no word reaches its process: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    async fn until_it_ends(&mut self) -> Ended {
        // Once it has said its last word it may take so long to go.
        let mut patience = None;
        let mut is_silent = false;
        loop {
            let deadline = patience.unwrap_or_else(Instant::now);
            let line = tokio::select! {
                biased;
                () = stopped(&mut self.cancelled) => return Ended::Cancelled,
                line = self.lines.recv(), if !is_silent => line,
                status = self.child.wait() => return Ended::Gone(status),
                () = sleep_until(deadline), if patience.is_some() => {
                    let error = "its process fell silent and did not end; please report it";
                    return Ended::Fault(Failure::internal(error));
                }
            };
            match line {
                Some(Line::Said(message)) => match self.hear(*message) {
                    Ok(Some(update)) => tokio::select! {
                        biased;
                        () = stopped(&mut self.cancelled) => return Ended::Cancelled,
                        // Whoever dropped the other end has cancelled too.
                        _ = self.updates.send(update) => {}
                    },
                    Ok(None) => {}
                    Err(failure) => return Ended::Fault(failure),
                },
                Some(Line::TooLong) => return Ended::Fault(too_long()),
                None => is_silent = true,
            }
            if is_silent || self.last_word.is_some() {
                patience = patience.or_else(|| Some(Instant::now() + PATIENCE));
            }
        }
    }

    /// Hears what is still under way when the process is gone. Another process that holds its
    /// output open is not waited for.
    async fn drain(&mut self) {
        self.leash = None;
        let rest = async {
            while let Some(line) = self.lines.recv().await {
                let Line::Said(message) = line else { return };
                if let Ok(Some(update)) = self.hear(*message) {
                    let _ = self.updates.send(update).await;
                }
            }
            while self.readers.join_next().await.is_some() {}
        };
        let _ = timeout(DRAIN_TIMEOUT, rest).await;
    }

    /// Takes note of what the process said; the update to pass on, if it is one.
    fn hear(&mut self, message: Message) -> Result<Option<Update>, Failure> {
        self.progress(|progress| progress.note(&message, now()));
        let update = match message {
            Message::Listening { address } => match address.parse::<SocketAddr>() {
                Ok(address) if address.ip().is_loopback() => Update::Listening(address),
                _ => return Err(Failure::internal(format!("it listens at {address:?}"))),
            },
            Message::Met => Update::Met,
            Message::Progress(Event::Started { step }) => {
                let shared = self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner);
                let place = shared.running().map_or(0, |(place, _)| place);
                Update::Step { step, place }
            }
            Message::Progress(Event::Finished { step, seconds }) => {
                Update::StepDone { step, seconds }
            }
            Message::Progress(Event::Note { text }) => Update::Remark(text),
            Message::Progress(Event::Read { .. }) | Message::Traffic { .. } => {
                // One that finds no room says nothing that the next one does not say.
                let _ = self.updates.try_send(Update::Counted);
                return Ok(None);
            }
            Message::Done { figures, totals, .. } => {
                self.last_word = Some(LastWord::Done { figures, totals });
                return Ok(None);
            }
            Message::Failed { error, code } => {
                self.last_word = Some(LastWord::Failed(Failure { code, error }));
                return Ok(None);
            }
        };
        Ok(Some(update))
    }

    /// How the attempt ended. Results that are there count, whatever became of the process: the
    /// other parties have ended well before they are put in their place.
    fn conclude(&mut self, ended: Ended) -> Update {
        let folder = results(&self.attempt.folder, &self.attempt.party);
        match (self.last_word.take(), folder, ended) {
            (Some(LastWord::Done { figures, totals }), Some(folder), _) => {
                Update::Done(Finished { folder, figures, totals })
            }
            (last_word, Some(folder), _) if !self.had_results => {
                if let Some(LastWord::Failed(failure)) = last_word {
                    append(&self.shared.log, format!("{failure}\n").as_bytes());
                }
                Update::Done(Finished { folder, figures: Vec::new(), totals: None })
            }
            (_, _, Ended::Cancelled) => Update::Cancelled,
            (Some(LastWord::Failed(failure)), ..) | (None, _, Ended::Fault(failure)) => {
                Update::Failed(failure)
            }
            (Some(LastWord::Done { .. }), None, _) => {
                Update::Failed(Failure::internal("its process left no results where they belong"))
            }
            (None, _, Ended::Gone(status)) => {
                let log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).end();
                Update::Failed(Failure::unsaid(status, &log))
            }
        }
    }

    fn progress(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Resolves when the attempt is cancelled, or nobody is left who could.
async fn stopped(cancelled: &mut watch::Receiver<bool>) {
    // The sender is gone: its `Running` was dropped.
    let _ = cancelled.wait_for(|is_cancelled| *is_cancelled).await;
}

fn too_long() -> Failure {
    let rule = format!("its process said more than {LINE_BYTES_MAX} bytes in one line");
    Failure::internal(rule)
}

/// Messages of a process that wait to be heard.
const LINES_MAX: usize = 16;
/// Updates that wait to be read.
const UPDATES_MAX: usize = 256;
/// How long a process that has said its last word may take to go.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the rest of the output may take to come when the process is gone.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
