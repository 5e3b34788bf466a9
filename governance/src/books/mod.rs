//! The books of one member: everything that it knows of others and has agreed with them.
//!
//! [`Books`] is a fold of [`Record`]s. What decides returns records and changes nothing; store
//! them, [`Books::apply`] them, and then send [`Books::letters`]. A node that starts reads its
//! store and applies every record again.
//!
//! ```text
//!   a letter from a partner ── take_in ──┐
//!   a person or the node here ── propose, negotiate, submit, say, permit, open, count, settle
//!                                        └── records ── store ── apply ── letters
//! ```

mod act;
mod letters;
mod record;
mod take_in;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use record::{Record, Refusal};

use crate::agreements::{Agreement, AgreementAct, Terms};
use crate::canonical::{Digest, Signed};
use crate::jobs::{Job, WaitingFor};
use crate::journal::Entry;
use crate::members::{Card, Directory, MemberId};
use crate::metering::{self, Difference, Meter, Statement, StatementError, reconcile};
use crate::permit::{Permits, RunLog};
use crate::time::{Month, Time};

/// One member's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    directory: Directory,
    /// By the digest of the first version, with the runs under it.
    agreements: BTreeMap<Digest, (Agreement, RunLog)>,
    /// By the name of the run.
    jobs: BTreeMap<Digest, (Job, Permits)>,
    meter: Meter,
    /// What partners say that they have counted.
    reports: BTreeMap<MemberId, Meter>,
    /// Signed months by digest, and who signed each.
    statements: BTreeMap<Digest, BTreeMap<MemberId, Signed<Statement>>>,
    /// What partners have not taken, by the digest of the document.
    rejections: BTreeMap<MemberId, BTreeMap<Digest, String>>,
}

/// Somebody is waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    /// Since when.
    pub since: Time,
    /// Who is waited for.
    pub party: MemberId,
    /// On what.
    pub matter: Matter,
}

/// On what somebody is waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// A word about a version of an agreement.
    Signature {
        /// The digest of the agreement's first version.
        agreement: Digest,
        /// The digest of the version.
        version: Digest,
    },
    /// Something in a run.
    Run {
        /// The name of the run.
        run: Digest,
        /// What.
        what: WaitingFor,
    },
}

impl Books {
    /// The books of a member that knows only itself, by its own card.
    pub fn new(own: Signed<Card>) -> Self {
        Self {
            directory: Directory::new(own),
            agreements: BTreeMap::new(),
            jobs: BTreeMap::new(),
            meter: Meter::default(),
            reports: BTreeMap::new(),
            statements: BTreeMap::new(),
            rejections: BTreeMap::new(),
        }
    }

    /// This member.
    pub fn own(&self) -> MemberId {
        self.directory.own().content().member
    }

    /// Members, invitations and keys. What it decides becomes records by `Record::from`.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// All agreements by the digests of their first versions.
    pub fn agreements(&self) -> impl Iterator<Item = (&Digest, &Agreement)> {
        self.agreements.iter().map(|(topic, (agreement, _))| (topic, agreement))
    }

    /// The agreement to which a version belongs, by the digest of the version.
    pub fn agreement(&self, version: &Digest) -> Option<&Agreement> {
        self.runs_under(version).map(|(agreement, _)| agreement)
    }

    fn runs_under(&self, version: &Digest) -> Option<&(Agreement, RunLog)> {
        let first = self.agreements.get(version);
        first.or_else(|| self.agreements.values().find(|(agreement, _)| agreement.has(version)))
    }

    /// All runs by name.
    pub fn jobs(&self) -> impl Iterator<Item = (&Digest, &Job)> {
        self.jobs.iter().map(|(run, (job, _))| (run, job))
    }

    /// A run by its name.
    pub fn job(&self, run: &Digest) -> Option<&Job> {
        self.jobs.get(run).map(|(job, _)| job)
    }

    /// The permits that are here for a run: what a session opens with.
    pub fn permits(&self, run: &Digest) -> Option<&Permits> {
        self.jobs.get(run).map(|(_, permits)| permits)
    }

    /// Who is waited for, in agreements and runs, longest first.
    pub fn waiting(&self, now: Time) -> Vec<Wait> {
        let mut waits = Vec::new();
        for (topic, agreement) in self.agreements() {
            for open in agreement.waiting(now) {
                let (since, version) = (open.version.proposed_at, open.digest);
                let matter = Matter::Signature { agreement: *topic, version };
                let wait = |party| Wait { since, party, matter: matter.clone() };
                waits.extend(open.silent.into_iter().map(wait));
            }
        }
        for (run, job) in self.jobs() {
            let wait = |it: crate::jobs::Waiting| {
                let matter = Matter::Run { run: *run, what: it.what };
                Wait { since: it.since, party: it.party, matter }
            };
            waits.extend(job.view().waiting.into_iter().map(wait));
        }
        waits.sort();
        waits
    }

    /// What a month costs between this member and a partner: what it pays, and what it is paid.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn month(
        &self,
        partner: MemberId,
        month: Month,
    ) -> Result<[Vec<Statement>; 2], StatementError> {
        let with_partner =
            self.agreements().filter(|(_, it)| it.journal().authors().any(|it| it == partner));
        let known: BTreeMap<Digest, Terms> = with_partner
            .flat_map(|(_, agreement)| agreement.versions())
            .map(|(digest, version)| (digest, version.terms))
            .collect();
        let (own, other) = (self.own(), partner);
        let paid = |parties| metering::statement(&self.meter, parties, month, &known);
        Ok([paid((own, other))?, paid((other, own))?])
    }

    /// Who has signed a statement.
    pub fn signatures(&self, statement: &Digest) -> Vec<&Signed<Statement>> {
        self.statements.get(statement).into_iter().flat_map(BTreeMap::values).collect()
    }

    /// In which events this member's counts and a partner's are not the same.
    pub fn differences(&self, partner: MemberId) -> Vec<Difference> {
        let nothing = Meter::default();
        let theirs = self.reports.get(&partner).unwrap_or(&nothing);
        reconcile(&self.meter, theirs, [self.own(), partner])
    }

    /// What a partner has not taken, by the digest of the document, and why.
    pub fn rejections(&self, partner: &MemberId) -> impl Iterator<Item = (&Digest, &String)> {
        self.rejections.get(partner).into_iter().flatten()
    }

    /// Takes a record into the books: one that was decided here, or that was stored. Nothing is
    /// asked of keys any more.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Member(event) => self.directory.apply(*event),
            Record::Agreement(entry) => self.apply_entry(*entry),
            Record::Submission(submission) => {
                let job = Job::restore(*submission);
                let run = job.journal().topic();
                self.jobs.entry(run).or_insert_with(|| (job, Permits::new()));
            }
            Record::Job(entry) => {
                if let Some((job, _)) = self.jobs.get_mut(&entry.content().topic) {
                    job.restore_entry(*entry);
                }
            }
            Record::Permit { by, permit } => {
                if let Some((_, permits)) = self.jobs.get_mut(&permit.content().run) {
                    // The same permit may be signed again by a later key.
                    let other = permits.get(&by).is_some_and(|it| it.digest() != permit.digest());
                    if !other {
                        permits.insert(by, *permit);
                    }
                }
            }
            Record::Run { agreement, event } => {
                if let Some((_, runs)) = self.agreements.get_mut(&agreement) {
                    runs.apply(&event);
                }
            }
            Record::Usage(event) => self.meter.count(*event),
            Record::Report(report) => {
                let report = report.content();
                let meter = self.reports.entry(report.by).or_default();
                report.events.iter().for_each(|event| meter.count(event.clone()));
            }
            Record::Statement { by, statement } => {
                let signed = self.statements.entry(statement.digest()).or_default();
                signed.entry(by).or_insert(*statement);
            }
            Record::Rejection { by, rejection } => {
                let rejection = rejection.content();
                let rejections = self.rejections.entry(by).or_default();
                rejections.insert(rejection.document, rejection.reason.clone());
            }
        }
    }

    fn apply_entry(&mut self, entry: Signed<Entry<AgreementAct>>) {
        let topic = entry.content().topic;
        if let AgreementAct::Propose(terms) = &entry.content().act {
            let begin = || {
                let agreement = Agreement::new(terms);
                let runs = RunLog::new(&agreement);
                (agreement, runs)
            };
            self.agreements.entry(topic).or_insert_with(begin);
        }
        if let Some((agreement, _)) = self.agreements.get_mut(&topic) {
            agreement.restore(entry);
        }
    }
}
