//! Everything that follows from what the office remembers.

use std::collections::{BTreeMap, BTreeSet};

use contract::{JobDigest, Text};
use crypto::signature::PublicKey;
use governance::agreements::{Agreement, Request, Terms};
use governance::books::{Books, Record};
use governance::canonical::{Digest, Signed};
use governance::jobs::{Job, Submission};
use governance::letter::Letter;
use governance::members::{Card, MemberId};
use jobs::spec::JobSpec;

use super::event::OfficeEvent;
use super::models::Models;
use super::request;
use super::schedules::{self, Scheduled};
use super::shows::Shows;
use super::tables::{Table, TableEvent};

/// The state of a node's office: a fold of its events.
#[derive(Debug)]
pub struct State {
    /// What is known of others and agreed with them.
    pub books: Books,
    /// This member's tables by name.
    pub tables: BTreeMap<String, Table>,
    /// The models that runs have trained, as far as they are registered.
    pub models: Models,
    /// What partners are told of them.
    pub shows: Shows,
    /// Agreements under which runs are approved without asking anybody.
    pub by_rule: BTreeSet<Digest>,
    /// Runs that are asked for again and again, by number.
    pub schedules: BTreeMap<u32, Scheduled>,
    /// The number of the last schedule.
    pub(super) schedules_made: u32,
    /// Runs as this node reads them, by name.
    plans: BTreeMap<Digest, Result<Plan, Text>>,
    /// Job files that have come, by the digests of the jobs.
    files: BTreeMap<JobDigest, String>,
    /// Files whose runs have not come yet.
    waiting_files: BTreeSet<JobDigest>,
    /// The names under which partners' parties of the newest attempts listen.
    routes: BTreeMap<Digest, (u32, BTreeMap<MemberId, net::Route>)>,
    /// The number of the last event that is in it.
    pub sequence: u64,
}

/// What a run does, by this node's own copy of the job.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The job.
    pub job: JobSpec,
    /// What it asks of the agreement.
    pub request: Request,
}

impl State {
    /// The state of a member that has done nothing yet.
    pub(super) fn new(own: Signed<Card>) -> Self {
        Self {
            books: Books::new(own),
            tables: BTreeMap::new(),
            models: Models::default(),
            shows: Shows::default(),
            by_rule: BTreeSet::new(),
            schedules: BTreeMap::new(),
            schedules_made: 0,
            plans: BTreeMap::new(),
            files: BTreeMap::new(),
            waiting_files: BTreeSet::new(),
            routes: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// This member.
    pub fn own(&self) -> MemberId {
        self.books.own()
    }

    /// The name of a member, its own or another's; the key of one that is not known.
    pub fn name_of(&self, member: &MemberId) -> String {
        let directory = self.books.directory();
        if *member == self.own() {
            return directory.own().content().name.clone();
        }
        match directory.members().get(member) {
            Some(member) => member.card.content().name.clone(),
            None => member.to_string(),
        }
    }

    /// The partner whose present key this is.
    pub fn partner_of_key(&self, key: &PublicKey) -> Option<MemberId> {
        let partners = self.books.directory().partners();
        partners.into_iter().find_map(|(member, current)| (current == *key).then_some(member))
    }

    /// The terms of a digest.
    pub fn terms(&self, version: &Digest) -> Option<Terms> {
        self.books.agreement(version)?.versions().remove(version).map(|version| version.terms)
    }

    /// What a run does, or why it cannot be told here.
    ///
    /// # Errors
    /// The reason, for everybody who reads about the run.
    pub fn plan(&self, run: &Digest) -> Result<&Plan, Text> {
        match self.plans.get(run) {
            Some(plan) => plan.as_ref().map_err(Clone::clone),
            None => Err(Text::new("there is no such run here", "本节点没有该任务")),
        }
    }

    /// The file of a job.
    pub fn job_file(&self, job: &JobDigest) -> Option<&str> {
        self.files.get(job).map(String::as_str)
    }

    /// The names under which partners' parties of an attempt listen, as far as these have come.
    pub fn routes(&self, run: &Digest, attempt: u32) -> BTreeMap<MemberId, net::Route> {
        let kept = self.routes.get(run).filter(|(newest, _)| *newest == attempt);
        kept.map(|(_, routes)| routes.clone()).unwrap_or_default()
    }

    /// Whether there is room for a letter of a partner: what it may open here is bounded.
    ///
    /// # Errors
    /// What there is too much of.
    pub(super) fn has_room(&self, from: &MemberId, letter: &Letter) -> Result<(), &'static str> {
        match letter {
            Letter::Submission(_) => {
                let is_open = |job: &Job| {
                    job.submission().content().submitter == *from && !job.view().state.is_final()
                };
                let open = self.books.jobs().filter(|(_, job)| is_open(job)).count();
                if open < OPEN_RUNS_MAX { Ok(()) } else { Err("too many of its runs are open") }
            }
            Letter::Agreement(entry) if self.books.agreement(&entry.content().topic).is_none() => {
                let with = |agreement: &Agreement| {
                    agreement.journal().authors().any(|author| author == *from)
                };
                let count = self.books.agreements().filter(|(_, it)| with(it)).count();
                if count < AGREEMENTS_MAX { Ok(()) } else { Err("it has too many agreements here") }
            }
            _ => Ok(()),
        }
    }

    /// Whether there is room for another file whose run has not come yet.
    pub(super) fn has_room_for_file(&self) -> bool {
        self.waiting_files.len() < WAITING_FILES_MAX
    }

    /// Puts what has happened into the state.
    pub(super) fn apply(&mut self, event: &OfficeEvent) {
        match event {
            OfficeEvent::Book(record) => {
                self.books.apply(record.clone());
                if let Record::Submission(submission) = record {
                    self.waiting_files.remove(&submission.content().job);
                    let plan = self.read(submission.content());
                    self.plans.insert(submission.content().run(), plan);
                }
            }
            OfficeEvent::JobFile { job, text } => {
                if self.files.insert(*job, text.clone()).is_none() {
                    self.waiting_files.insert(*job);
                }
            }
            OfficeEvent::Table(TableEvent::Registered(table)) => {
                self.tables.insert(table.name.clone(), (**table).clone());
            }
            OfficeEvent::Table(TableEvent::Retired(name)) => {
                self.tables.remove(name);
                self.shows.forget(name);
            }
            OfficeEvent::Schedule(event) => schedules::apply(self, event),
            OfficeEvent::Model(event) => self.models.apply(event),
            OfficeEvent::Show(event) => self.shows.apply(event),
            OfficeEvent::ByRule { agreement, is_on: true } => {
                self.by_rule.insert(*agreement);
            }
            OfficeEvent::ByRule { agreement, is_on: false } => {
                self.by_rule.remove(agreement);
            }
            OfficeEvent::Route { from, run, attempt, route } => {
                let kept = self.routes.entry(*run).or_default();
                if kept.0 < *attempt {
                    *kept = (*attempt, BTreeMap::new());
                }
                if let (true, Ok(route)) = (kept.0 == *attempt, route.parse()) {
                    kept.1.insert(*from, route);
                }
            }
            OfficeEvent::Refused { .. } => {}
        }
    }

    fn read(&self, submission: &Submission) -> Result<Plan, Text> {
        let terms = self.terms(&submission.agreement).ok_or_else(|| {
            Text::new("the run names an agreement that is not here", "任务所引用的协议不在本节点")
        })?;
        let text = self
            .files
            .get(&submission.job)
            .ok_or_else(|| Text::new("the file of the job did not come", "尚未收到任务文件"))?;
        let job = request::parse(text)?;
        let request = request::request_of(&job, &terms, &submission.tables)?;
        Ok(Plan { job, request })
    }
}

/// Runs of one partner that are not over.
const OPEN_RUNS_MAX: usize = 200;
/// Agreements with one partner.
const AGREEMENTS_MAX: usize = 1_000;
/// Job files whose runs have not come yet.
const WAITING_FILES_MAX: usize = 64;
