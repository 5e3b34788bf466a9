//! One run of a job: its journal, and what a party may say next.

use super::act::{ATTEMPTS_MAX, JobAct, Submission};
use super::state::{Attempt, Progress, State, View, view};
use crate::canonical::{Flaw, Signed, rule};
use crate::journal::{self, Journal, Taken};
use crate::members::{Keyring, MemberId};

/// One run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    submission: Signed<Submission>,
    journal: Journal<JobAct>,
}

/// Why a party cannot say something now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It takes no part.
    #[error("this member is no party of the job")]
    NoParty,
    /// The run is over.
    #[error("the run is over; submit the job again")]
    Over,
    /// It has been said.
    #[error("this party has said so already")]
    Already,
    /// It approved and may only cancel.
    #[error("this party has approved the run; it can cancel it")]
    Approved,
    /// Not all have approved.
    #[error("not every party has approved the run")]
    NotApproved,
    /// It belongs to another attempt.
    #[error("attempt {0} is the present one")]
    OtherAttempt(u32),
    /// There is no such step, or it lies behind.
    #[error("there is no such step, or this party is beyond it")]
    NoStep,
    /// The attempt goes on.
    #[error("the present attempt has not failed, nor is it interrupted")]
    NotFailed,
    /// It has finished its part once.
    #[error("this party has finished its part of an attempt; others can cancel the run")]
    Finished,
    /// This party gave it up.
    #[error("this party has given the attempt up; it can begin another")]
    GivenUp,
    /// There were too many.
    #[error("the run has had {ATTEMPTS_MAX} attempts; submit the job again")]
    TooManyAttempts,
}

impl Job {
    /// The run that a submitter asks for, when it arrives.
    ///
    /// # Errors
    /// [`Flaw`], if somebody else signed in its name.
    pub fn new(submission: Signed<Submission>, keys: &Keyring) -> Result<Self, Flaw> {
        let own = keys.speaks_for(submission.key(), &submission.content().submitter);
        rule(own, "submitter", "is not who signed")?;
        Ok(Self::restore(submission))
    }

    /// A run whose submission was taken before and stored.
    pub fn restore(submission: Signed<Submission>) -> Self {
        let content = submission.content();
        let journal = Journal::new(content.run(), content.parties.iter().copied());
        Self { submission, journal }
    }

    /// What was submitted.
    pub fn submission(&self) -> &Signed<Submission> {
        &self.submission
    }

    /// Its entries, to write, send and ask for.
    pub fn journal(&self) -> &Journal<JobAct> {
        &self.journal
    }

    /// Takes an entry from anybody.
    ///
    /// # Errors
    /// [`journal::Refusal`].
    pub fn take(
        &mut self,
        entry: Signed<journal::Entry<JobAct>>,
        keys: &Keyring,
    ) -> Result<Taken, journal::Refusal> {
        self.journal.take(entry, keys)
    }

    /// Takes an entry that was taken before and stored.
    pub fn restore_entry(&mut self, entry: Signed<journal::Entry<JobAct>>) {
        self.journal.restore(entry);
    }

    /// Everything that follows from what the parties have said.
    pub fn view(&self) -> View {
        view(&self.journal, self.submission.content())
    }

    /// Whether `party` can say `act` now; what it then writes into the journal.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decide(&self, party: &MemberId, act: JobAct) -> Result<JobAct, Refusal> {
        let submission = self.submission.content();
        if !submission.parties.contains(party) {
            return Err(Refusal::NoParty);
        }
        let view = self.view();
        if view.state.is_final() {
            return Err(Refusal::Over);
        }
        let approved = view.approvals.contains_key(party);
        match &act {
            JobAct::Approve if approved => return Err(Refusal::Already),
            JobAct::Refuse { .. } if approved => return Err(Refusal::Approved),
            JobAct::Cancel { .. } if has_finished(&view, party) => return Err(Refusal::Finished),
            JobAct::Approve | JobAct::Refuse { .. } | JobAct::Cancel { .. } => {}
            JobAct::Retry { attempt } => may_retry(&view, party, *attempt)?,
            JobAct::Step { attempt, .. }
            | JobAct::Interrupted { attempt, .. }
            | JobAct::Failed { attempt, .. }
            | JobAct::Finished { attempt, .. } => {
                if view.approvals.len() < submission.parties.len() {
                    return Err(Refusal::NotApproved);
                }
                let present = view.attempts.keys().next_back().copied().unwrap_or(1);
                if *attempt != present {
                    return Err(Refusal::OtherAttempt(present));
                }
                let own = view.attempts.get(attempt).and_then(|it| it.get(party));
                let own = own.map(|(progress, _)| progress);
                match own {
                    Some(Progress::Failed(..)) => return Err(Refusal::GivenUp),
                    Some(Progress::Finished(_)) => return Err(Refusal::Already),
                    _ => {}
                }
                if let JobAct::Step { step, .. } = &act {
                    let beyond = matches!(own, Some(Progress::Step(last)) if last >= step);
                    if beyond || *step as usize >= submission.steps.len() {
                        return Err(Refusal::NoStep);
                    }
                }
            }
        }
        Ok(act)
    }
}

fn has_finished(view: &View, party: &MemberId) -> bool {
    let own = |attempt: &Attempt| attempt.get(party).map(|(progress, _)| progress.clone());
    view.attempts.values().filter_map(own).any(|it| matches!(it, Progress::Finished(_)))
}

/// A party begins the next attempt, or joins the one that another party has begun.
fn may_retry(view: &View, party: &MemberId, attempt: u32) -> Result<(), Refusal> {
    let present = view.attempts.keys().next_back().copied().unwrap_or_default();
    if attempt > ATTEMPTS_MAX {
        return Err(Refusal::TooManyAttempts);
    }
    if attempt == present {
        let joined = view.attempts.get(&present).is_some_and(|it| it.contains_key(party));
        return if joined { Err(Refusal::Already) } else { Ok(()) };
    }
    if attempt != present + 1 {
        return Err(Refusal::OtherAttempt(present));
    }
    match view.state {
        State::Failed { .. } | State::Interrupted { .. } => Ok(()),
        _ => Err(Refusal::NotFailed),
    }
}
