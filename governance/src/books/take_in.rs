//! What becomes of letters.

use super::{Books, Record, Refusal};
use crate::agreements::{Agreement, AgreementAct};
use crate::canonical::{Digest, Signed};
use crate::jobs::{Job, Submission};
use crate::journal::{Entry, Taken};
use crate::letter::{Letter, Rejection};
use crate::members::{self, MemberId};
use crate::metering::{Added, Meter, Statement, UsageReport};
use crate::permit::{NoPermit, Permit};
use crate::time::Time;

/// Rejections that are kept of one partner.
const REJECTIONS_MAX: usize = 1_000;

impl Books {
    /// What follows from a letter; nothing, if it was taken before. `from` is the partner at the
    /// other end of the line, or `None` if its key is nobody's who is a partner here.
    ///
    /// Answer a refusal with a [`Rejection`], but for that of a rejection; it stops nothing that
    /// comes behind it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn take_in(
        &self,
        from: Option<MemberId>,
        letter: &Letter,
        now: Time,
    ) -> Result<Vec<Record>, Refusal> {
        match letter {
            Letter::Acceptance(it) => return known_or(self.directory.accepted(it, now)),
            Letter::Card(it) => return known_or(self.directory.card(it)),
            _ => {}
        }
        let from = from.ok_or(Refusal::Stranger)?;
        self.directory.partner(&from)?;
        match letter {
            Letter::Acceptance(_) | Letter::Card(_) => Ok(Vec::new()),
            Letter::Catalogue(it) => known_or(self.directory.catalogue(it)),
            Letter::Introduction(it) => known_or(self.directory.introduce(from, it)),
            Letter::Agreement(entry) => self.take_agreement(entry),
            Letter::Submission(submission) => self.take_submission(submission),
            Letter::Job(entry) => {
                let job = self.job(&entry.content().topic).ok_or(Refusal::UnknownTopic)?;
                let taken = job.journal().examine(entry, self.directory.keys())?;
                Ok(unless_known(taken, || Record::Job(entry.clone())))
            }
            Letter::Permit(permit) => self.take_permit(permit),
            Letter::Usage(report) => self.take_report(report),
            Letter::Statement(statement) => self.take_statement(statement),
            Letter::Rejection(rejection) => self.take_rejection(from, rejection),
        }
    }

    fn take_agreement(&self, entry: &Signed<Entry<AgreementAct>>) -> Result<Vec<Record>, Refusal> {
        let begun;
        let agreement = if let Some((known, _)) = self.agreements.get(&entry.content().topic) {
            known
        } else {
            begun = self.begin(entry)?;
            &begun
        };
        let taken = agreement.journal().examine(entry, self.directory.keys())?;
        Ok(unless_known(taken, || Record::Agreement(Box::new(entry.clone()))))
    }

    /// The agreement that an entry about an unknown one begins, if it can.
    pub(super) fn begin(&self, entry: &Signed<Entry<AgreementAct>>) -> Result<Agreement, Refusal> {
        let AgreementAct::Propose(terms) = &entry.content().act else {
            return Err(Refusal::UnknownTopic);
        };
        let agreement = Agreement::new(terms);
        let Entry { topic, number, .. } = *entry.content();
        let first = terms.parent.is_none() && number == 0;
        if agreement.journal().topic() != topic || !first {
            return Err(Refusal::UnknownTopic);
        }
        self.all_known(terms.parties.keys())?;
        Ok(agreement)
    }

    /// This member takes part, and all others are its partners: their keys count here.
    fn all_known<'a>(
        &self,
        parties: impl IntoIterator<Item = &'a MemberId>,
    ) -> Result<(), Refusal> {
        let mut takes_part = false;
        for party in parties {
            if *party == self.own() {
                takes_part = true;
            } else {
                self.directory.partner(party)?;
            }
        }
        if takes_part { Ok(()) } else { Err(Refusal::NotAParty) }
    }

    pub(super) fn take_submission(
        &self,
        submission: &Signed<Submission>,
    ) -> Result<Vec<Record>, Refusal> {
        let content = submission.content();
        let agreement = self.agreement(&content.agreement).ok_or(Refusal::UnknownTopic)?;
        if !content.parties.iter().copied().eq(agreement.journal().authors()) {
            return Err(Refusal::OtherParties);
        }
        self.all_known(&content.parties)?;
        Job::new(submission.clone(), self.directory.keys())?;
        let known = self.jobs.contains_key(&content.run());
        Ok(if known { Vec::new() } else { vec![Record::Submission(Box::new(submission.clone()))] })
    }

    fn take_permit(&self, permit: &Signed<Permit>) -> Result<Vec<Record>, Refusal> {
        let content = permit.content();
        let (job, permits) = self.jobs.get(&content.run).ok_or(Refusal::UnknownTopic)?;
        let submission = job.submission().content();
        if content.agreement != submission.agreement {
            return Err(NoPermit::OtherAgreement.into());
        }
        if content.job != submission.job {
            return Err(NoPermit::OtherJob.into());
        }
        let by = self.signer_among(&submission.parties, permit)?;
        match permits.get(&by) {
            Some(known) if known.digest() != permit.digest() => Err(NoPermit::OtherPermit.into()),
            Some(known) if self.directory.keys().speaks_for(known.key(), &by) => Ok(Vec::new()),
            _ => Ok(vec![Record::Permit { by, permit: Box::new(permit.clone()) }]),
        }
    }

    /// Who of `members` signed.
    fn signer_among<'a, T>(
        &self,
        members: impl IntoIterator<Item = &'a MemberId>,
        document: &Signed<T>,
    ) -> Result<MemberId, Refusal> {
        let keys = self.directory.keys();
        let mut members = members.into_iter();
        members.find(|it| keys.speaks_for(document.key(), it)).copied().ok_or(Refusal::Key)
    }

    fn take_report(&self, report: &Signed<UsageReport>) -> Result<Vec<Record>, Refusal> {
        let UsageReport { by, events } = report.content();
        self.signer_among([by], report)?;
        let (known, mut within) = (self.reports.get(by), Meter::default());
        let mut news = false;
        for event in events {
            if ![event.key.payer, event.key.payee].contains(&self.own()) {
                return Err(Refusal::NotAParty);
            }
            within.add(event.clone())?;
            news |= known.map_or(Ok(Added::New), |known| known.examine(event))? == Added::New;
        }
        Ok(if news { vec![Record::Report(Box::new(report.clone()))] } else { Vec::new() })
    }

    fn take_statement(&self, statement: &Signed<Statement>) -> Result<Vec<Record>, Refusal> {
        let Statement { payer, payee, .. } = statement.content();
        if ![payer, payee].contains(&&self.own()) {
            return Err(Refusal::NotAParty);
        }
        let by = self.signer_among([payer, payee], statement)?;
        let signed = self.statements.get(&statement.digest());
        let known = signed.is_some_and(|signed| signed.contains_key(&by));
        let record = || Record::Statement { by, statement: Box::new(statement.clone()) };
        Ok(if known { Vec::new() } else { vec![record()] })
    }

    fn take_rejection(
        &self,
        from: MemberId,
        rejection: &Signed<Rejection>,
    ) -> Result<Vec<Record>, Refusal> {
        self.signer_among([&from], rejection)?;
        let Rejection { document, reason } = rejection.content();
        let kept = self.rejections.get(&from);
        if kept.and_then(|kept| kept.get::<Digest>(document)) == Some(reason) {
            return Ok(Vec::new());
        }
        if kept.is_some_and(|kept| kept.len() >= REJECTIONS_MAX) {
            return Err(Refusal::Full);
        }
        Ok(vec![Record::Rejection { by: from, rejection: Box::new(rejection.clone()) }])
    }
}

/// The record of an entry that is not here yet.
fn unless_known(taken: Taken, record: impl FnOnce() -> Record) -> Vec<Record> {
    if taken == Taken::Known { Vec::new() } else { vec![record()] }
}

/// What a directory decided; what it has already is no refusal.
fn known_or(
    decided: Result<Vec<members::Event>, members::Refusal>,
) -> Result<Vec<Record>, Refusal> {
    match decided {
        Err(members::Refusal::Already | members::Refusal::Own) => Ok(Vec::new()),
        decided => Ok(decided?.into_iter().map(Record::from).collect()),
    }
}

impl From<members::Event> for Record {
    fn from(event: members::Event) -> Self {
        Self::Member(Box::new(event))
    }
}
