//! What this member itself says: decided, written and signed, as records.

use super::{Books, Record, Refusal};
use crate::agreements::{Agreement, AgreementAct, Request, Terms};
use crate::canonical::{Digest, Signed, Signer};
use crate::jobs::{JobAct, Submission};
use crate::metering::{Added, Statement, UsageEvent};
use crate::permit::{Permit, Permits, Run, RunLog};
use crate::time::Time;

impl Books {
    /// Proposes terms: the first version of an agreement, or the next of one that is here.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn propose(
        &self,
        terms: &Terms,
        now: Time,
        signer: &dyn Signer,
    ) -> Result<Record, Refusal> {
        let act = AgreementAct::Propose(Box::new(terms.clone()));
        if let Some(parent) = &terms.parent {
            return self.negotiate(parent, act, now, signer);
        }
        let agreement = Agreement::new(terms);
        let act = agreement.decide(&self.own(), act, now)?;
        let entry = agreement.journal().write(self.own(), act, now, signer)?;
        self.begin(&entry)?;
        Ok(Record::Agreement(Box::new(entry)))
    }

    /// Says something about the agreement to which `version` belongs.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn negotiate(
        &self,
        version: &Digest,
        act: AgreementAct,
        now: Time,
        signer: &dyn Signer,
    ) -> Result<Record, Refusal> {
        let agreement = self.agreement(version).ok_or(Refusal::UnknownTopic)?;
        let act = agreement.decide(&self.own(), act, now)?;
        let entry = agreement.journal().write(self.own(), act, now, signer)?;
        Ok(Record::Agreement(Box::new(entry)))
    }

    /// Asks for a run of a job.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn submit(&self, submission: Submission, signer: &dyn Signer) -> Result<Record, Refusal> {
        let submission = Signed::new(submission, signer)?;
        let mut records = self.take_submission(&submission)?;
        records.pop().ok_or(Refusal::Job(crate::jobs::Refusal::Already))
    }

    /// Says something about a run.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn say(
        &self,
        run: &Digest,
        act: JobAct,
        now: Time,
        signer: &dyn Signer,
    ) -> Result<Record, Refusal> {
        let job = self.job(run).ok_or(Refusal::UnknownTopic)?;
        let act = job.decide(&self.own(), act)?;
        Ok(Record::Job(Box::new(job.journal().write(self.own(), act, now, signer)?)))
    }

    /// Gives this member's leave for a run that all have approved, after checking it against the
    /// agreement: the submitter writes the permit, which expires as it says; all others sign the
    /// same one. `request` is what the job asks for by this node's own copy.
    ///
    /// The first of the two records counts the run; both have to be stored before the permit is
    /// sent.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn permit(
        &self,
        (run, request): (&Digest, &Request),
        expires: Time,
        now: Time,
        signer: &dyn Signer,
    ) -> Result<Vec<Record>, Refusal> {
        let (submission, permits) = self.approved(run)?;
        let (topic, agreement, runs) = self.runs_of(submission)?;
        let by = self.own();
        let written = permits.get(&by).or_else(|| permits.get(&submission.submitter));
        let permit = match written {
            Some(permit) => permit.content().clone(),
            None if submission.submitter != by => return Err(Refusal::NoPermitYet),
            None => {
                let Submission { agreement, job, .. } = *submission;
                Permit { agreement, job, run: *run, issued_at: now, expires }
            }
        };
        let event = runs.claim(agreement, Run { submission, request }, &permit, now)?;
        let permit = Box::new(Signed::new(permit, signer)?);
        Ok(vec![Record::Run { agreement: topic, event }, Record::Permit { by, permit }])
    }

    /// Whether a session of a run may open now, with the permits that are here. Store and apply the
    /// record before it opens: it counts the attempt.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn open(&self, (run, request): (&Digest, &Request), now: Time) -> Result<Record, Refusal> {
        let (submission, permits) = self.approved(run)?;
        let (topic, agreement, runs) = self.runs_of(submission)?;
        let keys = self.directory.keys();
        let event = runs.open(agreement, Run { submission, request }, (permits, keys), now)?;
        Ok(Record::Run { agreement: topic, event })
    }

    /// That no session of a run opens here any more; `None` if that is so already.
    pub fn close(&self, run: &Digest) -> Option<Record> {
        let (topic, _, runs) = self.runs_of(self.job(run)?.submission().content()).ok()?;
        Some(Record::Run { agreement: topic, event: runs.close(*run)? })
    }

    /// A run that all have approved and that is not over.
    fn approved(&self, run: &Digest) -> Result<(&Submission, &Permits), Refusal> {
        let (job, permits) = self.jobs.get(run).ok_or(Refusal::UnknownTopic)?;
        let (submission, view) = (job.submission().content(), job.view());
        if view.state.is_final() {
            return Err(crate::jobs::Refusal::Over.into());
        }
        if view.approvals.len() < submission.parties.len() {
            return Err(crate::jobs::Refusal::NotApproved.into());
        }
        Ok((submission, permits))
    }

    fn runs_of(&self, submission: &Submission) -> Result<(Digest, &Agreement, &RunLog), Refusal> {
        let known = self.runs_under(&submission.agreement).ok_or(Refusal::UnknownTopic)?;
        let (agreement, runs) = known;
        Ok((agreement.journal().topic(), agreement, runs))
    }

    /// Everything that this member has said about agreements and runs under earlier keys, signed
    /// again: after a change of key that calls an earlier one stolen. Permits are signed again by
    /// [`Self::permit`].
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn sign_again(&self, signer: &dyn Signer) -> Result<Vec<Record>, Refusal> {
        let (own, mut records) = (self.own(), Vec::new());
        for (_, agreement) in self.agreements() {
            let entries = agreement.journal().sign_again(&own, signer)?.into_iter();
            records.extend(entries.map(|entry| Record::Agreement(Box::new(entry))));
        }
        for (_, job) in self.jobs() {
            let entries = job.journal().sign_again(&own, signer)?.into_iter();
            records.extend(entries.map(|entry| Record::Job(Box::new(entry))));
        }
        Ok(records)
    }

    /// Counts use that this node has seen; `None` if it is counted already. Report it to the
    /// partner in a [`UsageReport`](crate::metering::UsageReport).
    ///
    /// # Errors
    /// [`Refusal`]: it is between others, or was counted otherwise.
    pub fn count(&self, event: UsageEvent) -> Result<Option<Record>, Refusal> {
        if ![event.key.payer, event.key.payee].contains(&self.own()) {
            return Err(Refusal::NotAParty);
        }
        let added = self.meter.examine(&event)?;
        Ok((added == Added::New).then(|| Record::Usage(Box::new(event))))
    }

    /// Agrees to a month, after comparing it with this member's own statement of it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn settle(&self, statement: Statement, signer: &dyn Signer) -> Result<Record, Refusal> {
        let by = self.own();
        if ![statement.payer, statement.payee].contains(&by) {
            return Err(Refusal::NotAParty);
        }
        let statement = Box::new(Signed::new(statement, signer)?);
        Ok(Record::Statement { by, statement })
    }
}
