//! What every stage of a run shares: the job, the ledger, and what each step cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{Audience, Observed, Role, Text};
use mpc::reveal::Ledger;
use net::{Meter, Session};

use super::outcome::StepUse;
use crate::error::JobError;
use crate::process::cpu_time;
use crate::spec::JobSpec;
use crate::watch::{Event, Watch};

/// One party's run of a job, as far as it has come.
pub(super) struct Run<'a> {
    /// The job that both parties agreed on.
    pub(super) job: &'a JobSpec,
    /// The part this party plays.
    pub(super) role: Role,
    /// What the job allows to be revealed, and what has been.
    pub(super) ledger: Arc<Ledger>,
    session: Session,
    meter: Arc<Meter>,
    watch: &'a dyn Watch,
    uses: Vec<StepUse>,
}

/// A step that is running.
pub(super) struct Step {
    /// The step's own conversation.
    pub(super) session: Session,
    id: String,
    path: String,
    begun: Instant,
    cpu_before: Duration,
    observed_before: Vec<Observed>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        job: &'a JobSpec,
        role: Role,
        session: Session,
        watch: &'a dyn Watch,
    ) -> Self {
        let declared = job.disclosures().into_iter().flat_map(|step| step.disclosures);
        let ledger = Arc::new(Ledger::new(declared.map(|disclosure| disclosure.key.into_owned())));
        let meter = session.meter();
        Self { job, role, ledger, session, meter, watch, uses: Vec::new() }
    }

    /// Begins a step; `path` names its conversation and must be the same on both sides.
    pub(super) fn begin(&mut self, id: &str, path: &str) -> Result<Step, JobError> {
        self.watch.see(Event::Started { step: id.to_owned() });
        self.meter.report_progress(0, 0);
        let (begun, cpu_before) = (Instant::now(), cpu_time());
        let session = self.session.fork(path)?;
        let path = session.path().to_owned();
        let observed_before = self.observed();
        Ok(Step { session, id: id.to_owned(), path, begun, cpu_before, observed_before })
    }

    /// Ends a step and notes what it cost.
    pub(super) fn end(&mut self, step: Step) {
        let Step { id, path, begun, cpu_before, observed_before, .. } = step;
        let seconds = begun.elapsed().as_secs_f64();
        let traffic = self.meter.totals_below(&path);
        self.uses.push(StepUse {
            id: id.clone(),
            seconds,
            cpu_seconds: cpu_time().saturating_sub(cpu_before).as_secs_f64(),
            bytes_sent: traffic.bytes_sent,
            bytes_received: traffic.bytes_received,
            rounds: traffic.rounds,
            observed: added(self.observed(), &observed_before),
        });
        self.watch.see(Event::Finished { step: id, seconds });
    }

    /// Tells people something about the run.
    pub(super) fn note(&self, text: Text) {
        self.watch.see(Event::Note { text });
    }

    /// Whether this party is the guest.
    pub(super) fn is_guest(&self) -> bool {
        self.role == Role::Guest
    }

    /// Notes that `count` values of the disclosure `key` go to `to`.
    pub(super) fn record(&self, key: &str, to: Audience, count: usize) -> Result<(), JobError> {
        let to = match to {
            Audience::Guest => &self.job.guest.name,
            Audience::Host => &self.job.host.name,
            Audience::All => ALL,
        };
        Ok(self.ledger.record(key, to, count as u64)?)
    }

    /// What was opened, with roles in the place of names.
    pub(super) fn observed(&self) -> Vec<Observed> {
        let audience = |name: &str| match name {
            name if name == self.job.guest.name => Audience::Guest,
            name if name == self.job.host.name => Audience::Host,
            _ => Audience::All,
        };
        let observed = self.ledger.observed().into_iter().map(|observation| Observed {
            to: audience(&observation.to),
            key: observation.key.into(),
            count: observation.count,
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
        let same = |earlier: &&Observed| earlier.to == opened.to && earlier.key == opened.key;
        opened.count -= before.iter().find(same).map_or(0, |earlier| earlier.count);
    }
    now.retain(|opened| opened.count > 0);
    now
}

/// How the ledger calls an opening to both parties.
const ALL: &str = "all";
