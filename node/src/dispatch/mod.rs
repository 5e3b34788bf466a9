//! The part of a node that lets agreed runs happen: it gives leave, starts this member's party of
//! each attempt in a process of its own, tells the partners how far that has come, and begins a
//! further attempt where that may help.
//!
//! It has no state that has to survive: what to do follows from what the parties have said
//! ([`moves`]) and from the processes that run here.

mod moves;
mod order;
#[cfg(test)]
pub(crate) mod tests;
mod watching;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::Text;
use governance::canonical::Digest;
use governance::jobs::JobAct;
use governance::members::MemberId;
use governance::time::Time;
use jobs::child::{Contact, FailureCode};
use net::control::Passage;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::log::{Level, Log, now};
use crate::office::{self, Figures, ModelName, Office, OfficeError, State};
use crate::people::THE_NODE;
use crate::runner::{self, Attempt, Failure, Progress, Update};

use moves::{Move, Situation};
use order::{Seat, seats};

/// How runs are started.
#[derive(Clone)]
pub struct Settings {
    /// The program `tombolo`.
    pub program: PathBuf,
    /// The folder of the node's key.
    pub keys: PathBuf,
    /// The passphrase of that key, if it is under one.
    pub passphrase: Option<Zeroizing<String>>,
    /// Where runs have their folders.
    pub folder: PathBuf,
    /// Runs that this node begins at a time; further ones that partners begin come on top.
    pub at_once: usize,
    /// Attempts that are begun without asking people.
    pub attempts_max: u32,
}

/// Lets agreed runs happen.
pub struct Dispatcher {
    office: Arc<Office>,
    settings: Settings,
    log: Arc<Log>,
    active: Mutex<BTreeMap<Digest, Active>>,
}

/// A process of this node.
struct Active {
    attempt: u32,
    control: watching::Control,
    /// Where it listens behind the node's port, if it does.
    passage: Option<Passage>,
}

/// A party of a run as the dispatcher sees it.
struct Party {
    seats: Vec<Seat>,
    place: usize,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Dispatcher").finish_non_exhaustive()
    }
}

impl Dispatcher {
    /// A dispatcher that has started nothing yet.
    pub fn new(office: Arc<Office>, settings: Settings, log: Arc<Log>) -> Arc<Self> {
        Arc::new(Self { office, settings, log, active: Mutex::default() })
    }

    /// How far the process of a run has come, if one runs here.
    pub fn progress(&self, run: Digest) -> Option<Progress> {
        self.active().get(&run).map(|active| active.control.progress())
    }

    /// The folder of a run.
    pub fn folder(&self, run: Digest) -> PathBuf {
        let name: String = run.to_string().chars().filter(char::is_ascii_hexdigit).collect();
        self.settings.folder.join(name)
    }

    /// The results of this member's party of a run, if they are there.
    pub fn results(&self, run: Digest) -> Option<PathBuf> {
        let name = {
            let state = self.office.state();
            names(&state, run)?.remove(&state.own())?
        };
        runner::results(&self.folder(run), &name)
    }

    /// Looks after runs until `stop` ends; then kills what runs, which goes on after the next
    /// start.
    pub async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut news = self.office.news();
        let (sender, mut updates) = mpsc::channel(UPDATES_MAX);
        let mut stop = std::pin::pin!(stop);
        loop {
            self.look(&sender).await;
            tokio::select! {
                changed = news.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(LOOK_EVERY) => {}
                update = updates.recv() => {
                    if let Some((run, update)) = update {
                        self.follow(run, update).await;
                    }
                }
                () = &mut stop => break,
            }
        }
        // Dropped processes are killed; their states stay.
        self.active().clear();
    }

    /// Does for every run what is to be done now.
    async fn look(&self, sender: &mpsc::Sender<(Digest, Update)>) {
        for (run, why) in self.office.to_decide() {
            let done = match &why {
                None => self.office.approve(THE_NODE, run).await,
                Some(why) => self.office.refuse(THE_NODE, run, why).await,
            };
            self.note("decide", run, done.as_ref().err());
        }
        if let Err(error) = self.office.begin_due().await {
            let fields = [("error", error.to_string().into())];
            self.log.write(Level::Warning, "schedules not looked after", &fields);
        }
        for (run, next) in self.moves() {
            let done = self.make(run, next, sender).await;
            if let Err(error) = done {
                self.note("move", run, Some(&error));
                if let Move::Start { attempt } = next {
                    self.give_up(run, attempt, FailureCode::Refused).await;
                }
            }
        }
    }

    /// What is to be done.
    fn moves(&self) -> Vec<(Digest, Move)> {
        let state = self.office.state();
        let active = self.active();
        let mut room = self.settings.at_once.saturating_sub(active.len());
        let mut moves = Vec::new();
        for (run, job) in state.books.jobs() {
            let view = job.view();
            let is_closed = view.state.is_final() && state.books.close(run).is_none();
            if is_closed && !active.contains_key(run) {
                continue;
            }
            let Some(party) = party(&state, *run) else { continue };
            let permits = state.books.permits(run);
            let has = |member: &MemberId| permits.is_some_and(|it| it.contains_key(member));
            let present = view.attempts.keys().next_back().copied().unwrap_or(1);
            let routes = state.routes(run, present);
            let before = &party.seats[..party.place];
            let situation = Situation {
                own: state.own(),
                has_permitted: has(&state.own()),
                is_permitted: job.submission().content().parties.iter().all(has),
                active: active.get(run).map(|active| active.attempt),
                is_first: party.place == 0,
                has_room: room > 0,
                can_dial: before.iter().all(|seat| routes.contains_key(&seat.member)),
                attempts_max: self.settings.attempts_max,
                now: Time::from_milliseconds(now()),
            };
            let next = moves::next(&view, &situation);
            if matches!(next, Move::Start { .. }) {
                room = room.saturating_sub(1);
            }
            if next != Move::Wait {
                moves.push((*run, next));
            }
        }
        moves
    }

    async fn make(
        &self,
        run: Digest,
        next: Move,
        sender: &mpsc::Sender<(Digest, Update)>,
    ) -> Result<(), OfficeError> {
        match next {
            Move::Wait => Ok(()),
            Move::Permit => self.office.permit(run).await,
            Move::Close => {
                let figures = self.figures(run).await;
                self.office.close_run(run, figures).await
            }
            Move::Retry { attempt } => {
                self.office.say(THE_NODE, run, JobAct::Retry { attempt }).await
            }
            Move::Stop => {
                if let Some(active) = self.active().get(&run) {
                    active.control.cancel();
                }
                Ok(())
            }
            Move::Lost { attempt } => {
                // Results are there as a whole or not at all, whatever became of the process.
                match self.results(run) {
                    Some(folder) => {
                        let results = watching::digests(&folder).await;
                        self.say(run, JobAct::Finished { attempt, results }).await;
                    }
                    None => self.give_up(run, attempt, FailureCode::Killed).await,
                }
                Ok(())
            }
            Move::Start { attempt } => self.start(run, attempt, sender).await,
        }
    }

    /// What this member's record of a run counts; nothing without a record that holds together.
    async fn figures(&self, run: Digest) -> Figures {
        let job = self.office.state().books.job(&run).map(|it| it.submission().content().job);
        let (Some(job), Some(folder)) = (job, self.results(run)) else {
            return Figures::default();
        };
        let record = tokio::fs::read_to_string(folder.join(RECORD)).await;
        record.map(|text| Figures::of_record(&text, &job)).unwrap_or_default()
    }

    /// Counts an attempt and starts the process of this member's party.
    async fn start(
        &self,
        run: Digest,
        attempt: u32,
        sender: &mpsc::Sender<(Digest, Update)>,
    ) -> Result<(), OfficeError> {
        let models = self.models(run).await?;
        self.office.open_attempt(run).await?;
        let started = self.attempt(run, attempt, models)?;
        match runner::start(started) {
            Ok(running) => {
                let control = watching::follow(run, running, sender.clone());
                let active = Active { attempt, control, passage: None };
                self.active().insert(run, active);
                // So that a later life of this node knows that there was a process.
                self.say(run, JobAct::Step { attempt, step: 0 }).await;
                self.log.write(
                    Level::Info,
                    "attempt started",
                    &[("run", run.to_string().into()), ("attempt", attempt.into())],
                );
            }
            Err(failure) => self.failed(run, attempt, &failure).await,
        }
        Ok(())
    }

    /// Where the published model is that a run scores with, if it does: its file has to be the one
    /// that was registered.
    async fn models(&self, run: Digest) -> Result<Option<PathBuf>, OfficeError> {
        let version = {
            let state = self.office.state();
            let plan = state.plan(&run).map_err(OfficeError::Job)?;
            let Some(score) = &plan.job.score else { return Ok(None) };
            let wanted = ModelName { job: score.model.clone(), step: score.step.clone() };
            state.models.published(&wanted)?.version.clone()
        };
        let results = self.results(version.run);
        office::check_file(&version, results.as_deref()).await?;
        // What is named is the folder that has those of the parties.
        Ok(results.and_then(|results| results.parent().map(Path::to_owned)))
    }

    /// What the process needs.
    fn attempt(
        &self,
        run: Digest,
        attempt: u32,
        models: Option<PathBuf>,
    ) -> Result<Attempt, OfficeError> {
        let state = self.office.state();
        let unknown = || OfficeError::Unknown("run");
        let job = state.books.job(&run).ok_or_else(unknown)?;
        let submission = job.submission().content();
        let text = state.job_file(&submission.job).ok_or_else(unknown)?.to_owned();
        let table = submission.tables.get(&state.own()).ok_or_else(unknown)?;
        let table = state.tables.get(table).ok_or(OfficeError::Unknown("table"))?;
        let party = party(&state, run).ok_or_else(unknown)?;
        let routes = state.routes(&run, attempt);
        let keys = state.books.directory().keys();
        let mut peers = Vec::with_capacity(party.seats.len());
        for (place, seat) in party.seats.iter().enumerate().filter(|(it, _)| *it != party.place) {
            let key = keys.current(&seat.member).ok_or(OfficeError::Unknown("partner"))?;
            let is_dialled = place < party.place;
            if is_dialled && seat.address.is_none() {
                return Err(OfficeError::Job(NO_WAY));
            }
            peers.push(Contact {
                name: seat.name.clone(),
                key,
                address: seat.address.clone().filter(|_| is_dialled),
                route: routes.get(&seat.member).copied().filter(|_| is_dialled),
            });
        }
        Ok(Attempt {
            program: self.settings.program.clone(),
            folder: self.folder(run),
            job: text,
            party: party.seats[party.place].name.clone(),
            table: self.office.place_of(table)?,
            models,
            cache: Some(self.settings.folder.join("cache")),
            keys: self.settings.keys.clone(),
            passphrase: self.settings.passphrase.clone(),
            peers,
            wait: WAIT,
            reconnect_window: RECONNECT_WINDOW,
        })
    }

    /// Does what follows from an update of a process.
    async fn follow(&self, run: Digest, update: Update) {
        let Some(attempt) = self.active().get(&run).map(|active| active.attempt) else { return };
        match update {
            Update::Listening(address) => {
                if let Err(error) = self.lead(run, attempt, address).await {
                    self.note("lead", run, Some(&error));
                    if let Some(active) = self.active().get(&run) {
                        active.control.cancel();
                    }
                }
            }
            Update::Step { step, .. } => self.say_step(run, attempt, &step).await,
            Update::Done(finished) => {
                self.active().remove(&run);
                let results = watching::digests(&finished.folder).await;
                self.say(run, JobAct::Finished { attempt, results }).await;
            }
            Update::Failed(failure) => {
                self.active().remove(&run);
                self.failed(run, attempt, &failure).await;
            }
            Update::Cancelled => {
                self.active().remove(&run);
                self.give_up(run, attempt, FailureCode::Killed).await;
            }
            Update::Met | Update::StepDone { .. } | Update::Counted | Update::Remark(_) => {}
        }
    }

    /// Opens the node's port to a process that listens, and tells those that dial it.
    async fn lead(
        &self,
        run: Digest,
        attempt: u32,
        address: std::net::SocketAddr,
    ) -> Result<(), OfficeError> {
        let behind = {
            let state = self.office.state();
            let party = party(&state, run).ok_or(OfficeError::Unknown("run"))?;
            party.seats.into_iter().skip(party.place + 1).map(|seat| seat.member).collect()
        };
        let route = net::Route::fresh();
        let post = self.office.post().ok_or(OfficeError::Unknown("port for partners"))?;
        let passage = post.lead(route, address)?;
        if let Some(active) = self.active().get_mut(&run) {
            active.passage = Some(passage);
        }
        self.office.announce(run, attempt, route, behind).await
    }

    async fn say_step(&self, run: Digest, attempt: u32, step: &str) {
        let place = {
            let state = self.office.state();
            let job = state.books.job(&run);
            job.and_then(|it| it.submission().content().steps.iter().position(|it| it == step))
        };
        // The first one is where a party is from its start.
        if let Some(place) = place.filter(|place| *place > 0) {
            self.say(run, JobAct::Step { attempt, step: place as u32 }).await;
        }
    }

    async fn failed(&self, run: Digest, attempt: u32, failure: &Failure) {
        let fields = [("run", run.to_string().into()), ("error", failure.error.as_str().into())];
        self.log.write(Level::Warning, "attempt failed", &fields);
        self.give_up(run, attempt, failure.code).await;
    }

    /// Tells the parties that this one has given an attempt up.
    async fn give_up(&self, run: Digest, attempt: u32, code: FailureCode) {
        let at = self.office.state().own();
        let sentence = code.sentence().en.into_owned();
        let code = code.name().to_owned();
        self.say(run, JobAct::Failed { attempt, code, at, sentence }).await;
    }

    /// Says something; what the run's state no longer lets it say is of no interest any more.
    async fn say(&self, run: Digest, act: JobAct) {
        let said = self.office.say(THE_NODE, run, act).await;
        self.note("say", run, said.as_ref().err());
    }

    fn note(&self, what: &str, run: Digest, error: Option<&OfficeError>) {
        let Some(error) = error else { return };
        let fields = [
            ("what", what.into()),
            ("run", run.to_string().into()),
            ("error", error.to_string().into()),
        ];
        self.log.write(Level::Warning, "run not looked after", &fields);
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<Digest, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The parties of a run in the order in which they start, and this member's place.
fn party(state: &State, run: Digest) -> Option<Party> {
    let seats = seats(state, &names(state, run)?);
    let place = seats.iter().position(|seat| seat.member == state.own())?;
    Some(Party { seats, place })
}

/// The names of a run's parties, as agreement and job have them.
fn names(state: &State, run: Digest) -> Option<BTreeMap<MemberId, String>> {
    let submission = state.books.job(&run)?.submission().content();
    let terms = state.terms(&submission.agreement)?;
    let names = terms.parties.iter().map(|(member, party)| (*member, party.name.clone()));
    Some(names.collect())
}

const NO_WAY: Text = Text::new(
    "two parties of the run have nodes that only dial; one of them needs a port for partners",
    "有两个参与方的节点都只能主动连接；其中一方需开放合作方端口",
);
/// The audit record among a party's results.
const RECORD: &str = "audit.jsonl";
/// Updates that wait to be looked at.
const UPDATES_MAX: usize = 64;
/// How often runs are looked after when nothing happens: pauses end, and clocks go on.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long the other parties of an attempt may take to come.
const WAIT: Duration = Duration::from_mins(2);
/// How long a cut connection may take to come back.
const RECONNECT_WINDOW: Duration = Duration::from_mins(2);
