//! The permit of a job: the digest that all parties sign, and the leave to run it.
//!
//! Before a run the submitter writes a [`Permit`] for it. Each party's node checks the run against
//! the agreement by its own copy of the job, counts it in a [`RunLog`] of its own
//! ([`RunLog::claim`]), and only then signs. A session opens with the permits of all parties, which
//! every node checks again, each time, and counts as an attempt ([`RunLog::open`]). So no node
//! depends on another's count: what one has let happen, it knows.

use std::collections::BTreeMap;

use contract::JobDigest;
use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use crate::agreements::{Agreement, Breach, Request, State, Terms, Usage, covers, reserved};
use crate::canonical::{Digest, Document, Flaw, Signed, digest_of, rule};
use crate::decimal::Decimal;
use crate::jobs::Submission;
use crate::members::{Keyring, MemberId};
use crate::time::Time;

/// Bound into the digest, so that a later grammar never has the digest of an earlier one.
pub const GRAMMAR: &str = "tombolo job file version 1";

/// BLAKE3 over the canonical form of a job, keyed by the [`GRAMMAR`].
pub fn digest(canonical: &str) -> JobDigest {
    let mut hasher = blake3::Hasher::new_derive_key(GRAMMAR);
    hasher.update(canonical.as_bytes());
    JobDigest::new(*hasher.finalize().as_bytes())
}

/// One party's leave for one run of one job under one version of an agreement, which says how often
/// the run may be started.
///
/// All parties sign the same permit, and a run has one at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    /// The digest of the terms.
    pub agreement: Digest,
    /// The digest of the job.
    pub job: JobDigest,
    /// The run of the job, as [`Submission::run`] names it.
    pub run: Digest,
    /// When it was written: the month in which the run counts.
    pub issued_at: Time,
    /// From when on it opens nothing any more.
    pub expires: Time,
}

/// How long a permit may hold, in milliseconds: thirty days.
const HOLDS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// How old a permit may be when a node sees it first, in milliseconds: a day.
const OLD_MAX: u64 = 24 * 60 * 60 * 1000;
/// How far the clocks of two members may lie apart, in milliseconds: an hour.
const CLOCKS_APART_MAX: u64 = 60 * 60 * 1000;

impl Document for Permit {
    const DOMAIN: &'static str = "governance/permit";
    const BYTES_MAX: usize = 2048;

    fn check(&self, _signer: &PublicKey) -> Result<(), Flaw> {
        rule(self.issued_at < self.expires, "expires", "is not after issued_at")?;
        let short = self.expires <= self.issued_at.plus(HOLDS_MAX);
        rule(short, "expires", "is more than thirty days after issued_at")
    }
}

/// A run as one node sees it: what was submitted, and what the job asks for by the node's own copy.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What was submitted.
    pub submission: &'a Submission,
    /// What the job asks for.
    pub request: &'a Request,
}

/// The permits that parties have signed for a run.
pub type Permits = BTreeMap<MemberId, Signed<Permit>>;

/// Why a permit opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoPermit {
    /// The agreement is not in force.
    #[error("the agreement is not in force")]
    NotInForce(Box<State>),
    /// It is for other terms than those in force.
    #[error("the permit or the run is for another version of the agreement than the one in force")]
    OtherAgreement,
    /// It is for another job.
    #[error("the permit or the run is for another job than the one at hand")]
    OtherJob,
    /// It is for another run of the job.
    #[error("the permit is for another run of the job")]
    OtherRun,
    /// The run has other parties.
    #[error("the run was submitted with other parties than those of the agreement")]
    OtherParties,
    /// This node has signed another permit for the run.
    #[error("this node has signed another permit for this run; submit the job again")]
    OtherPermit,
    /// Its time is over.
    #[error("the permit has expired; submit the job again")]
    Expired,
    /// It was written in the future.
    #[error("the permit was written in the future; the clocks of the parties do not agree")]
    Future,
    /// Somebody's signature is missing or for something else.
    #[error("{0} has not signed this permit")]
    NotSigned(MemberId),
    /// This node has not counted the run.
    #[error("this node has not counted the run; was a backup restored?")]
    NotCounted,
    /// It was written long ago and this node never saw it: it would count in another month.
    #[error("the permit was written more than a day ago; submit the job again")]
    Old,
    /// The run is over.
    #[error("the run is over; a new one needs a permit of its own")]
    RunOver,
    /// The run was started too often.
    #[error("the run was started {0} times; the agreement allows no more")]
    AttemptsUsed(u32),
    /// The job is not within the terms.
    #[error("the agreement does not cover the job, for {} reasons", .0.len())]
    NotCovered(Vec<Breach>),
}

/// What happened to a run at one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RunEvent {
    /// This node counts the run, and may sign its permit.
    Claimed {
        /// The permit.
        permit: Permit,
        /// What is set aside of the privacy budget, for all attempts.
        budget: Decimal,
    },
    /// An attempt begins.
    Opened(Digest),
    /// The run is over.
    Closed(Digest),
}

/// The runs of one agreement that a node has agreed to, over all versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLog {
    agreement: Digest,
    runs: BTreeMap<Digest, Used>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Used {
    permit: Digest,
    at: Time,
    budget: Decimal,
    attempts: u32,
    over: bool,
}

impl RunLog {
    /// The log of an agreement without runs.
    pub fn new(agreement: &Agreement) -> Self {
        Self { agreement: agreement.journal().topic(), runs: BTreeMap::new() }
    }

    /// Whether this node may sign a permit for a run. Store the event that is returned, and apply
    /// it, before the signature leaves the house: whatever becomes of the run, it stays counted,
    /// since its permit can be used as long as it holds.
    ///
    /// A repetition returns the same event, which changes nothing.
    ///
    /// # Errors
    /// [`NoPermit`].
    pub fn claim(
        &self,
        agreement: &Agreement,
        run: Run<'_>,
        permit: &Permit,
        now: Time,
    ) -> Result<RunEvent, NoPermit> {
        let terms = self.check(agreement, run, permit, now)?;
        let budget = reserved(&terms, run.request).unwrap_or(Decimal::LARGEST);
        Ok(RunEvent::Claimed { permit: permit.clone(), budget })
    }

    /// Whether the permits of all parties open a session for a run, by this node's own copies of
    /// everything. Store the event that is returned, and apply it, before the session opens.
    ///
    /// # Errors
    /// [`NoPermit`].
    pub fn open(
        &self,
        agreement: &Agreement,
        run: Run<'_>,
        (permits, keys): (&Permits, &Keyring),
        now: Time,
    ) -> Result<RunEvent, NoPermit> {
        let mut permit: Option<&Permit> = None;
        for party in &run.submission.parties {
            let not_signed = || NoPermit::NotSigned(*party);
            let signed = permits.get(party).ok_or_else(not_signed)?;
            let same = permit.is_none_or(|permit| permit == signed.content());
            if !same || !keys.speaks_for(signed.key(), party) {
                return Err(not_signed());
            }
            permit = Some(signed.content());
        }
        let permit = permit.ok_or(NoPermit::OtherParties)?;
        let terms = self.check(agreement, run, permit, now)?;
        let used = self.runs.get(&permit.run).ok_or(NoPermit::NotCounted)?;
        if used.attempts >= terms.attempts {
            return Err(NoPermit::AttemptsUsed(used.attempts));
        }
        Ok(RunEvent::Opened(permit.run))
    }

    /// A run has finished, or was cancelled: its permit opens nothing any more. `None` if it is not
    /// counted here, or over already.
    pub fn close(&self, run: Digest) -> Option<RunEvent> {
        let used = self.runs.get(&run)?;
        (!used.over).then_some(RunEvent::Closed(run))
    }

    /// What holds for claiming and opening alike; the terms in force.
    fn check(
        &self,
        agreement: &Agreement,
        Run { submission, request }: Run<'_>,
        permit: &Permit,
        now: Time,
    ) -> Result<Terms, NoPermit> {
        let (digest, terms) =
            agreement.in_force(now).map_err(|state| NoPermit::NotInForce(Box::new(state)))?;
        let ours = agreement.journal().topic() == self.agreement;
        if !ours || permit.agreement != digest || submission.agreement != digest {
            return Err(NoPermit::OtherAgreement);
        }
        if permit.job != request.job || submission.job != request.job {
            return Err(NoPermit::OtherJob);
        }
        if permit.run != submission.run() {
            return Err(NoPermit::OtherRun);
        }
        if !submission.parties.iter().eq(terms.parties.keys()) {
            return Err(NoPermit::OtherParties);
        }
        if permit.issued_at > now.plus(CLOCKS_APART_MAX) {
            return Err(NoPermit::Future);
        }
        if now >= permit.expires {
            return Err(NoPermit::Expired);
        }
        match self.runs.get(&permit.run) {
            None if permit.issued_at.plus(OLD_MAX) < now => return Err(NoPermit::Old),
            Some(used) if used.permit != digest_of(permit) => return Err(NoPermit::OtherPermit),
            Some(used) if used.over => return Err(NoPermit::RunOver),
            _ => {}
        }
        let usage = self.usage(&terms, permit);
        covers(&terms, request, &usage, now).map_err(NoPermit::NotCovered)?;
        Ok(terms)
    }

    /// What other runs than the permit's have used.
    fn usage(&self, terms: &Terms, permit: &Permit) -> Usage {
        let month = |at: Time| at.month(terms.utc_offset_minutes);
        let mut usage = Usage::default();
        for (_, used) in self.runs.iter().filter(|(run, _)| **run != permit.run) {
            usage.runs += 1;
            usage.runs_this_month += u32::from(month(used.at) == month(permit.issued_at));
            // Budgets that cannot be added are more than any terms allow.
            let spent = usage.privacy_budget.checked_add(used.budget);
            usage.privacy_budget = spent.unwrap_or(Decimal::LARGEST);
        }
        usage
    }

    /// Folds what happened.
    pub fn apply(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Claimed { permit, budget } => {
                let (at, budget) = (permit.issued_at, *budget);
                let digest = digest_of(permit);
                let used = Used { permit: digest, at, budget, attempts: 0, over: false };
                self.runs.entry(permit.run).or_insert(used);
            }
            RunEvent::Opened(run) => self.change(run, |used| used.attempts += 1),
            RunEvent::Closed(run) => self.change(run, |used| used.over = true),
        }
    }

    fn change(&mut self, run: &Digest, change: impl FnOnce(&mut Used)) {
        if let Some(used) = self.runs.get_mut(run) {
            change(used);
        }
    }
}

#[cfg(test)]
mod tests;
