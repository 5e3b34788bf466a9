//! What every stage of a run shares: the job, the ledger, and what each step cost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use contract::{Audience, Observed, Role, Text};
use mpc::reveal::Ledger;
use net::{Meter, Session, Totals};

use super::outcome::StepUse;
use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::process::cpu_time;
use crate::saved_model::SavedModel;
use crate::spec::{JobSpec, PartySpec};
use crate::watch::{Event, Watch};

/// One party's run of a job, as far as it has come.
pub(super) struct Run<'a> {
    /// The job that all parties agreed on.
    pub(super) job: &'a JobSpec,
    /// This party in it.
    pub(super) own: &'a PartySpec,
    /// The part this party plays.
    pub(super) role: Role,
    /// What the job allows to be revealed, and what has been.
    pub(super) ledger: Arc<Ledger>,
    /// With every other party, in the order of the job.
    peers: Vec<Session>,
    meters: Vec<Arc<Meter>>,
    watch: &'a dyn Watch,
    checkpoints: Option<PathBuf>,
    starts: Arc<BTreeMap<String, SavedModel>>,
    /// The checkpoint behind which the step that runs went on; 0 for none.
    continued: AtomicU64,
    uses: Vec<StepUse>,
}

/// A step that is running.
pub(super) struct Step {
    /// The step's own conversations: the guest's with each host, a host's with the guest; in the
    /// step of a protocol among all parties, with each of these. Never empty.
    pub(super) sessions: Vec<Session>,
    id: String,
    path: String,
    begun: Instant,
    cpu_before: Duration,
    observed_before: Vec<Observed>,
}

impl Step {
    /// The only conversation of a step between two parties.
    ///
    /// # Errors
    /// [`JobError::OneHostOnly`] with several.
    pub(super) fn pair(&mut self) -> Result<&mut Session, JobError> {
        match &mut self.sessions[..] {
            [session] => Ok(session),
            _ => Err(JobError::OneHostOnly { step: self.id.clone() }),
        }
    }

    /// The conversations between the guest and each host, also where all parties talk: the guest's
    /// with all, a host's with the guest, which comes first.
    pub(super) fn with_guest(&mut self, is_guest: bool) -> &mut [Session] {
        let count = if is_guest { self.sessions.len() } else { 1 };
        &mut self.sessions[..count]
    }

    /// Runs heavy work on the party's own pool.
    pub(super) async fn compute<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self.sessions.first() {
            Some(session) => session.compute(work).await,
            None => work(),
        }
    }

    /// Conversations of their own with the same parties.
    pub(super) fn fork(&mut self, name: &str) -> Result<Vec<Session>, JobError> {
        Ok(self.sessions.iter_mut().map(|session| session.fork(name)).collect::<Result<_, _>>()?)
    }

    /// The names of the parties that this one has conversations with.
    pub(super) fn peers(&self) -> Vec<String> {
        self.sessions.iter().map(|session| session.peer().to_owned()).collect()
    }
}

impl<'a> Run<'a> {
    /// `peers` are the sessions with all other parties, in the order of the job.
    ///
    /// # Errors
    /// [`JobError::Peers`] if they are not.
    pub(super) fn new(
        job: &'a JobSpec,
        own: &'a PartySpec,
        peers: Vec<Session>,
        watch: &'a dyn Watch,
    ) -> Result<Self, JobError> {
        // Of two parties the one that the job lists first is the first in their session.
        let place = job.parties().take_while(|party| party.name != own.name).count();
        let others = 0..job.parties().count() - 1;
        if !others.map(|other| other >= place).eq(peers.iter().map(Session::is_first)) {
            return Err(JobError::Peers { party: own.name.clone() });
        }
        let declared = job.disclosures().into_iter().flat_map(|step| step.disclosures);
        let ledger = Arc::new(Ledger::new(declared.map(|disclosure| disclosure.key.into_owned())));
        let meters = peers.iter().map(Session::meter).collect();
        let role = own.role;
        let (checkpoints, starts, uses) = (None, Arc::default(), Vec::new());
        let continued = AtomicU64::new(0);
        Ok(Self {
            job,
            own,
            role,
            ledger,
            peers,
            meters,
            watch,
            checkpoints,
            starts,
            continued,
            uses,
        })
    }

    /// Keeps the states of trainings where the party says, and begins them with its models.
    pub(super) fn with_files_of(self, rows: &OwnRows) -> Self {
        let checkpoints = rows.checkpoints().map(Path::to_owned);
        Self { checkpoints, starts: rows.starts(), ..self }
    }

    /// The earlier model that the training of this name begins with, if it does.
    pub(super) fn start(&self, name: &str) -> Option<&SavedModel> {
        self.starts.get(name)
    }

    /// The names of the training runs that trainings begin with.
    pub(super) fn start_ids(&self) -> impl Iterator<Item = &str> {
        self.starts.values().map(|saved| saved.model_id.as_str())
    }

    /// Begins a step between the guest and each host; `path` names its conversations and must be
    /// the same at all parties.
    pub(super) fn begin(&mut self, id: &str, path: &str) -> Result<Step, JobError> {
        let count = match self.role {
            Role::Guest => self.peers.len(),
            // The guest is the first of the other parties.
            Role::Host => 1,
        };
        self.begin_with(count, id, path)
    }

    /// Begins a step in which hosts also talk to each other.
    pub(super) fn begin_among_all(&mut self, id: &str, path: &str) -> Result<Step, JobError> {
        self.begin_with(self.peers.len(), id, path)
    }

    fn begin_with(&mut self, count: usize, id: &str, path: &str) -> Result<Step, JobError> {
        self.watch.see(Event::Started { step: id.to_owned() });
        for meter in &self.meters {
            meter.report_progress(0, 0);
        }
        let (begun, cpu_before) = (Instant::now(), cpu_time());
        let peers = self.peers.iter_mut().take(count);
        let sessions = peers.map(|peer| peer.fork(path)).collect::<Result<Vec<_>, _>>()?;
        let path = sessions.first().map_or(path, Session::path).to_owned();
        let observed_before = self.observed();
        Ok(Step { sessions, id: id.to_owned(), path, begun, cpu_before, observed_before })
    }

    /// Ends a step and notes what it cost.
    pub(super) fn end(&mut self, step: Step) {
        let Step { id, path, begun, cpu_before, observed_before, .. } = step;
        let seconds = begun.elapsed().as_secs_f64();
        let traffic: Vec<Totals> =
            self.meters.iter().map(|meter| meter.totals_below(&path)).collect();
        self.uses.push(StepUse {
            id: id.clone(),
            seconds,
            cpu_seconds: cpu_time().saturating_sub(cpu_before).as_secs_f64(),
            bytes_sent: traffic.iter().map(|totals| totals.bytes_sent).sum(),
            bytes_received: traffic.iter().map(|totals| totals.bytes_received).sum(),
            rounds: traffic.iter().map(|totals| totals.rounds).sum(),
            continued_behind: self.continued.swap(0, Ordering::Relaxed),
            observed: added(self.observed(), &observed_before),
        });
        self.watch.see(Event::Finished { step: id, seconds });
    }

    /// Where states of trainings are kept, if they are.
    pub(super) fn checkpoints(&self) -> Option<&Path> {
        self.checkpoints.as_deref()
    }

    /// Notes that the step that runs goes on behind a checkpoint.
    pub(super) fn goes_on_behind(&self, checkpoint: u64) {
        self.continued.store(checkpoint, Ordering::Relaxed);
    }

    /// Sees the events of the run.
    pub(super) fn watch(&self) -> &'a dyn Watch {
        self.watch
    }

    /// Tells people something about the run.
    pub(super) fn note(&self, text: Text) {
        self.watch.see(Event::Note { text });
    }

    /// This party and the other one of a job between two.
    ///
    /// # Errors
    /// [`JobError::OneHostOnly`] for `step` in a job with more.
    pub(super) fn own_and_peer(&self, step: &str) -> Result<[&'a PartySpec; 2], JobError> {
        match (&self.job.hosts[..], self.role) {
            ([host], Role::Guest) => Ok([self.own, host]),
            ([_], Role::Host) => Ok([self.own, &self.job.guest]),
            _ => Err(JobError::OneHostOnly { step: step.to_owned() }),
        }
    }

    /// Whether this party is the guest.
    pub(super) fn is_guest(&self) -> bool {
        self.role == Role::Guest
    }

    /// Notes that `count` values of the disclosure `key` go to `to`: of several hosts to each, as
    /// far as this party knows of it.
    pub(super) fn record(&self, key: &str, to: Audience, count: usize) -> Result<(), JobError> {
        match (to, self.role) {
            (Audience::All, _) => self.record_to(key, ALL, count),
            (Audience::Guest, _) => self.record_to(key, &self.job.guest.name, count),
            (Audience::Host, Role::Host) => self.record_to(key, &self.own.name, count),
            (Audience::Host, Role::Guest) => {
                self.job.hosts.iter().try_for_each(|host| self.record_to(key, &host.name, count))
            }
        }
    }

    /// Notes that `count` values of the disclosure `key` go to the party of this name.
    pub(super) fn record_to(&self, key: &str, name: &str, count: usize) -> Result<(), JobError> {
        Ok(self.ledger.record(key, name, count as u64)?)
    }

    /// What was opened, with the roles of those who learnt it.
    pub(super) fn observed(&self) -> Vec<Observed> {
        let observed = self.ledger.observed().into_iter().map(|observation| {
            let party = self.job.party_named(&observation.to);
            Observed {
                to: party.map_or(Audience::All, |party| party.role.into()),
                party: party.map(|party| party.name.clone()),
                key: observation.key.into(),
                count: observation.count,
            }
        });
        observed.collect()
    }

    /// What each step cost, in order.
    pub(super) fn into_uses(self) -> Vec<StepUse> {
        self.uses
    }
}

/// What came on top of an earlier reading of the ledger.
fn added(mut now: Vec<Observed>, before: &[Observed]) -> Vec<Observed> {
    for opened in &mut now {
        let same = |earlier: &&Observed| earlier.party == opened.party && earlier.key == opened.key;
        opened.count -= before.iter().find(same).map_or(0, |earlier| earlier.count);
    }
    now.retain(|opened| opened.count > 0);
    now
}

/// How the ledger calls an opening to every party.
const ALL: &str = "all";
