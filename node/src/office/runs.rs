//! Runs of jobs: submitted, approved, permitted, steered.

use std::collections::{BTreeMap, BTreeSet};

use crypto::random::Generator;
use governance::agreements::{Usage, covers};
use governance::books::Refusal;
use governance::canonical::{Digest, Signed};
use governance::jobs::{JobAct, State as RunState, Submission};
use governance::letter::Letter;
use governance::members::{MemberId, Nonce};
use governance::metering::UsageReport;
use governance::permit::NoPermit;
use serde::{Deserialize, Serialize};

use super::event::OfficeEvent;
use super::mail::{Mail, Route};
use super::models::ModelName;
use super::state::{Plan, State};
use super::usage::{Figures, usage};
use super::{Key, Office, OfficeError, Outcome, policy, request, time};
use crate::people::THE_NODE;

/// A run that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// The digest of the terms under which it shall run.
    pub agreement: Digest,
    /// The job file.
    pub job: String,
    /// The table of each party.
    pub tables: BTreeMap<MemberId, String>,
}

impl Office {
    /// What a run would do, if nothing keeps it from being submitted here.
    ///
    /// # Errors
    /// Everything that the agreement, the owners of tables or the job file say against it.
    pub fn check_run(&self, new: &NewRun) -> Result<Plan, OfficeError> {
        check(&self.state(), new)
    }

    /// Submits a run for this member, which thereby approves it. Returns its name.
    #[net::boxed]
    pub async fn submit(&self, by: &str, new: &NewRun) -> Result<Digest, OfficeError> {
        let turn = self.turn().await;
        let (run, outcome) = submission(&self.state(), new, &self.signer())?;
        self.commit(&turn, by, outcome, None).await?;
        Ok(run)
    }

    /// Approves a run, if the agreement and the owners of tables allow it now.
    #[net::boxed]
    pub async fn approve(&self, by: &str, run: Digest) -> Result<(), OfficeError> {
        allows(&self.state(), &run)?;
        self.say(by, run, JobAct::Approve).await
    }

    /// Refuses a run.
    #[net::boxed]
    pub async fn refuse(&self, by: &str, run: Digest, reason: &str) -> Result<(), OfficeError> {
        self.say(by, run, JobAct::Refuse { reason: reason.trim().to_owned() }).await
    }

    /// Cancels a run.
    #[net::boxed]
    pub async fn cancel(&self, by: &str, run: Digest, reason: &str) -> Result<(), OfficeError> {
        self.say(by, run, JobAct::Cancel { reason: reason.trim().to_owned() }).await
    }

    /// Says something about a run to all its parties.
    #[net::boxed]
    pub async fn say(&self, by: &str, run: Digest, act: JobAct) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let record = self.state().books.say(&run, act, time(), &self.signer())?;
        self.commit(&turn, by, Outcome::of([record]), None).await
    }

    /// Gives this member's leave for a run that all have approved. Nothing happens where the
    /// submitter has not given its own yet.
    #[net::boxed]
    pub async fn permit(&self, run: Digest) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let records = {
            let state = self.state();
            let plan = allows(&state, &run)?;
            let now = time();
            let expires = now.plus(PERMIT_HOLDS);
            match state.books.permit((&run, &plan.request), expires, now, &self.signer()) {
                Err(Refusal::NoPermitYet) => return Ok(()),
                records => records.map_err(|why| with_terms(&state, &run, why))?,
            }
        };
        self.commit(&turn, THE_NODE, Outcome::of(records), None).await
    }

    /// Counts an attempt before its session opens, if the leaves of all parties allow it now.
    #[net::boxed]
    pub async fn open_attempt(&self, run: Digest) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let record = {
            let state = self.state();
            let plan = allows(&state, &run)?;
            let opened = state.books.open((&run, &plan.request), time());
            opened.map_err(|why| with_terms(&state, &run, why))?
        };
        self.commit(&turn, THE_NODE, Outcome::of([record]), None).await
    }

    /// Notes that no session of a run opens here any more, and counts what it costs if it has
    /// finished; `figures` are those of this member's record of it.
    #[net::boxed]
    pub async fn close_run(&self, run: Digest, figures: Figures) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let outcome = {
            let state = self.state();
            let Some(record) = state.books.close(&run) else { return Ok(()) };
            let mut outcome = Outcome::of([record]);
            for event in usage(&state, &run, figures) {
                let with = [event.key.payer, event.key.payee];
                let Some(record) = state.books.count(event.clone())? else { continue };
                outcome.events.push(OfficeEvent::Book(record));
                let report = UsageReport { by: state.own(), events: vec![event] };
                let report = Box::new(Signed::new(report, &self.signer())?);
                let others = with.into_iter().filter(|member| *member != state.own());
                let mail = |to| (to, Mail::Letter(Letter::Usage(report.clone())));
                outcome.mail.extend(others.map(mail));
            }
            outcome
        };
        self.commit(&turn, THE_NODE, outcome, None).await
    }

    /// Tells the parties that come after this one under which name its party listens.
    #[net::boxed]
    pub async fn announce(
        &self,
        run: Digest,
        attempt: u32,
        route: net::Route,
        to: BTreeSet<MemberId>,
    ) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        let mail = Mail::Route(Route { run, attempt, name: route.to_string() });
        let mail = to.into_iter().map(|member| (member, mail.clone())).collect();
        self.commit(&turn, THE_NODE, Outcome { events: Vec::new(), mail }, None).await
    }

    /// What this node itself says of runs that wait for it: those that its rule approves (`None`),
    /// and those that nothing here allows, with the reason.
    pub fn to_decide(&self) -> Vec<(Digest, Option<String>)> {
        let state = self.state();
        let own = state.own();
        let mut decided = Vec::new();
        for (run, job) in state.books.jobs() {
            let view = job.view();
            let waits = matches!(view.state, RunState::AwaitingApproval);
            if !waits || view.approvals.contains_key(&own) {
                continue;
            }
            match allows(&state, run) {
                Ok(_) => {
                    let agreement = state.books.agreement(&job.submission().content().agreement);
                    let topic = agreement.map(|it| it.journal().topic());
                    if topic.is_some_and(|topic| state.by_rule.contains(&topic)) {
                        decided.push((*run, None));
                    }
                }
                Err(why) => decided.push((*run, Some(shortened(&why.to_string())))),
            }
        }
        decided
    }
}

/// The name of a new run, and what is stored and sent to ask for it.
pub(super) fn submission(
    state: &State,
    new: &NewRun,
    signer: &Key<'_>,
) -> Result<(Digest, Outcome), OfficeError> {
    let Plan { job, request } = check(state, new)?;
    let mut nonce = [0; 16];
    Generator::from_os().fill_bytes(&mut nonce);
    let submission = Submission {
        job: job.digest(),
        name: job.job.clone(),
        agreement: new.agreement,
        parties: request.parties.keys().copied().collect(),
        tables: new.tables.clone(),
        submitter: state.own(),
        submitted_at: time(),
        nonce: Nonce(nonce),
        steps: job.disclosures().into_iter().map(|step| step.step).collect(),
    };
    let (run, job) = (submission.run(), submission.job);
    let others = submission.parties.iter().filter(|party| **party != state.own());
    let mail: Vec<_> = others.map(|party| (*party, Mail::JobFile(new.job.clone()))).collect();
    let record = state.books.submit(submission, signer)?;
    let file = OfficeEvent::JobFile { job, text: new.job.clone() };
    Ok((run, Outcome { events: vec![file, OfficeEvent::Book(record)], mail }))
}

/// That a partner's party of an attempt listens, if that can be.
pub(super) fn route(state: &State, from: MemberId, route: Route) -> Result<OfficeEvent, String> {
    let Route { run, attempt, name: route } = route;
    let job = state.books.job(&run).ok_or("there is no such run here")?;
    if !job.submission().content().parties.contains(&from) || job.view().state.is_final() {
        return Err("the run is over, or not this partner's".to_owned());
    }
    let is_route = route.parse::<net::Route>().is_ok();
    let event = OfficeEvent::Route { from, run, attempt, route };
    if is_route { Ok(event) } else { Err("the route is none".to_owned()) }
}

/// What a run does, if the agreement and the owners of this member's tables allow it now.
pub(super) fn check(state: &State, new: &NewRun) -> Result<Plan, OfficeError> {
    let terms = state.terms(&new.agreement).ok_or(OfficeError::Unknown("agreement"))?;
    let job = request::parse(&new.job).map_err(OfficeError::Job)?;
    let request = request::request_of(&job, &terms, &new.tables).map_err(OfficeError::Job)?;
    let plan = Plan { job, request };
    if let Some(score) = &plan.job.score {
        let wanted = ModelName { job: score.model.clone(), step: score.step.clone() };
        state.models.published(&wanted)?;
    }
    let breaches = policy::of_request(state, &plan.request, time());
    if !breaches.is_empty() {
        return Err(OfficeError::Policy(breaches));
    }
    covered(state, &new.agreement, &plan)?;
    Ok(plan)
}

/// What a submitted run does, if it is allowed now.
fn allows<'a>(state: &'a State, run: &Digest) -> Result<&'a Plan, OfficeError> {
    let job = state.books.job(run).ok_or(OfficeError::Unknown("run"))?;
    let plan = state.plan(run).map_err(OfficeError::Job)?;
    let breaches = policy::of_request(state, &plan.request, time());
    if !breaches.is_empty() {
        return Err(OfficeError::Policy(breaches));
    }
    covered(state, &job.submission().content().agreement, plan)?;
    Ok(plan)
}

/// Whether the terms in force are these, and cover what a job asks; runs are counted later.
fn covered(state: &State, version: &Digest, plan: &Plan) -> Result<(), OfficeError> {
    let now = time();
    let agreement = state.books.agreement(version).ok_or(OfficeError::Unknown("agreement"))?;
    let not_in_force = |state| Refusal::Permit(NoPermit::NotInForce(Box::new(state)));
    let (present, terms) = agreement.in_force(now).map_err(not_in_force)?;
    if present != *version {
        return Err(Refusal::Permit(NoPermit::OtherAgreement).into());
    }
    covers(&terms, &plan.request, &Usage::default(), now).map_err(|breaches| {
        let why = Refusal::Permit(NoPermit::NotCovered(breaches));
        OfficeError::Refused(Box::new(why), Some(Box::new(terms)))
    })
}

/// A refusal with the words of the agreement.
fn with_terms(state: &State, run: &Digest, why: Refusal) -> OfficeError {
    let job = state.books.job(run);
    let terms = job.and_then(|job| state.terms(&job.submission().content().agreement));
    OfficeError::Refused(Box::new(why), terms.map(Box::new))
}

/// As much of a reason as a journal takes, on one line.
fn shortened(reason: &str) -> String {
    let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(REASON_MAX).collect()
}

/// How long a leave holds, in milliseconds: a week.
const PERMIT_HOLDS: u64 = 7 * 24 * 60 * 60 * 1000;
/// The longest reason in a journal, in characters.
const REASON_MAX: usize = 480;
