//! The state of a run, as a function of what its parties have said.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{JobAct, Submission};
use crate::canonical::Digest;
use crate::journal::Journal;
use crate::members::MemberId;
use crate::time::Time;

/// Everything that follows from the journal of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Where the run is.
    pub state: State,
    /// Who has approved, and when.
    pub approvals: BTreeMap<MemberId, Time>,
    /// All attempts by number, the present one last.
    pub attempts: BTreeMap<u32, Attempt>,
    /// Who is waited for.
    pub waiting: Vec<Waiting>,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// These parties have signed contradictory statements. Nothing goes on.
    Disputed(BTreeSet<MemberId>),
    /// These parties do not agree to the run.
    Refused(BTreeMap<MemberId, String>),
    /// Every party has finished its part.
    Finished {
        /// In which attempt.
        attempt: u32,
        /// The digests of results, by party and name.
        results: BTreeMap<MemberId, BTreeMap<String, Digest>>,
    },
    /// These parties have cancelled it.
    Cancelled(BTreeMap<MemberId, String>),
    /// Parties have not approved yet.
    AwaitingApproval,
    /// All have approved, and nobody has begun.
    Queued,
    /// A party cannot go on without another.
    Interrupted {
        /// In which attempt.
        attempt: u32,
        /// Who waits for whom, and since when.
        waits: BTreeMap<MemberId, (MemberId, Time)>,
    },
    /// The present attempt has failed; a further one may follow.
    Failed {
        /// Which attempt.
        attempt: u32,
        /// What happened, by the parties that say so: code, party, sentence.
        failures: BTreeMap<MemberId, (String, MemberId, String)>,
    },
    /// It goes on.
    Running {
        /// In which attempt.
        attempt: u32,
        /// The latest step that a party has begun.
        step: u32,
        /// How many steps there are.
        of: u32,
        /// The parties in that step.
        at: BTreeSet<MemberId>,
    },
}

impl State {
    /// Whether the run is over: nothing that arrives later lets it go on, or unfinishes it.
    ///
    /// A refusal and a cancellation that cross each other show as a refusal in the end, and
    /// evidence that a party contradicted itself turns every state into [`Self::Disputed`], a
    /// finished one too.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Disputed(_) | Self::Refused(_) | Self::Finished { .. } | Self::Cancelled(_)
        )
    }
}

/// How far each party came in one attempt, by its own last word.
pub type Attempt = BTreeMap<MemberId, (Progress, Time)>;

/// How far a party came in an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has begun, and no step yet.
    Begun,
    /// It is in this step.
    Step(u32),
    /// It waits for another party.
    Interrupted(MemberId),
    /// It has given up: code, party, sentence.
    Failed(String, MemberId, String),
    /// It is done, with these results.
    Finished(BTreeMap<String, Digest>),
}

/// Somebody is waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    /// Who is waited for.
    pub party: MemberId,
    /// On what.
    pub what: WaitingFor,
    /// Since when.
    pub since: Time,
}

/// On what somebody is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitingFor {
    /// Its approval.
    Approval,
    /// That it begins.
    Start,
    /// That it reaches this step, where others are.
    Step(u32),
    /// That it can be reached again.
    Connection,
    /// That it finishes.
    Finish,
    /// That somebody there decides whether to try again.
    Retry,
}

/// What one party has said about the run, up to its last word.
#[derive(Default)]
struct Said {
    approved: Option<Time>,
    refused: Option<String>,
    cancelled: Option<String>,
    attempts: BTreeMap<u32, (Progress, Time)>,
}

impl Said {
    /// Reads one party's log. What makes no sense behind what it said before is passed over, by
    /// every reader alike. So nothing counts behind refusing or cancelling, and whoever has
    /// finished an attempt cannot cancel: what is final stays so, whatever else arrives.
    fn read(journal: &Journal<JobAct>, party: &MemberId, submission: &Submission) -> Self {
        let mut said = Self::default();
        if *party == submission.submitter {
            said.approved = Some(submission.submitted_at);
        }
        for entry in journal.log(party) {
            let entry = entry.content();
            said.add(&entry.act, entry.made_at, submission);
        }
        said
    }

    fn add(&mut self, act: &JobAct, at: Time, submission: &Submission) {
        if self.refused.is_some() || self.cancelled.is_some() {
            return;
        }
        match act {
            JobAct::Approve => {
                self.approved.get_or_insert(at);
            }
            // Whoever approved can cancel, and no longer refuse.
            JobAct::Refuse { reason } if self.approved.is_none() => {
                self.refused = Some(reason.clone());
            }
            JobAct::Cancel { reason } if !self.has_finished() => {
                self.cancelled = Some(reason.clone());
            }
            JobAct::Refuse { .. } | JobAct::Cancel { .. } => {}
            JobAct::Retry { attempt } => self.progress(*attempt, Progress::Begun, at),
            JobAct::Step { attempt, step } => {
                let last = match self.attempts.get(attempt) {
                    Some((Progress::Step(last), _)) => Some(*last),
                    _ => None,
                };
                let exists = (*step as usize) < submission.steps.len();
                if exists && last.is_none_or(|last| *step > last) {
                    self.progress(*attempt, Progress::Step(*step), at);
                }
            }
            JobAct::Interrupted { attempt, waits_for } => {
                if submission.parties.contains(waits_for) {
                    self.progress(*attempt, Progress::Interrupted(*waits_for), at);
                }
            }
            JobAct::Failed { attempt, code, at: party, sentence } => {
                if submission.parties.contains(party) {
                    let failed = Progress::Failed(code.clone(), *party, sentence.clone());
                    self.progress(*attempt, failed, at);
                }
            }
            JobAct::Finished { attempt, results } => {
                self.progress(*attempt, Progress::Finished(results.clone()), at);
            }
        }
    }

    /// Sets how far the party is, unless it was in a later attempt, or done with this one.
    fn progress(&mut self, attempt: u32, progress: Progress, at: Time) {
        let later = self.attempts.range(attempt + 1..).next().is_some();
        let last = self.attempts.get(&attempt).map(|(progress, _)| progress);
        let over = matches!(last, Some(Progress::Failed(..) | Progress::Finished(_)));
        if self.approved.is_some() && !later && !over {
            self.attempts.insert(attempt, (progress, at));
        }
    }

    fn has_finished(&self) -> bool {
        self.attempts.values().any(|(progress, _)| matches!(progress, Progress::Finished(_)))
    }
}

/// What follows from the journal of a run.
pub(super) fn view(journal: &Journal<JobAct>, submission: &Submission) -> View {
    let said: BTreeMap<MemberId, Said> = submission
        .parties
        .iter()
        .map(|party| (*party, Said::read(journal, party, submission)))
        .collect();
    let approvals: BTreeMap<MemberId, Time> =
        said.iter().filter_map(|(party, said)| Some((*party, said.approved?))).collect();
    let mut attempts = BTreeMap::<u32, Attempt>::new();
    for (party, said) in &said {
        for (attempt, progress) in &said.attempts {
            attempts.entry(*attempt).or_default().insert(*party, progress.clone());
        }
    }
    let disputed: BTreeSet<_> = journal.contradictions().into_keys().collect();
    if !disputed.is_empty() {
        // How far the others came depends on which of the two statements arrived first.
        let (approvals, attempts) = (BTreeMap::new(), BTreeMap::new());
        let state = State::Disputed(disputed);
        return View { state, approvals, attempts, waiting: Vec::new() };
    }
    let state = state(&said, &approvals, &attempts, submission);
    let mut waiting = waiting(&state, &approvals, &attempts, submission);
    waiting.sort();
    View { state, approvals, attempts, waiting }
}

fn state(
    said: &BTreeMap<MemberId, Said>,
    approvals: &BTreeMap<MemberId, Time>,
    attempts: &BTreeMap<u32, Attempt>,
    submission: &Submission,
) -> State {
    let reasons = |reason: fn(&Said) -> Option<&String>| -> BTreeMap<MemberId, String> {
        said.iter().filter_map(|(party, said)| Some((*party, reason(said)?.clone()))).collect()
    };
    let refused = reasons(|said| said.refused.as_ref());
    if !refused.is_empty() {
        return State::Refused(refused);
    }
    for (number, attempt) in attempts {
        let results = attempt.iter().filter_map(|(party, (progress, _))| match progress {
            Progress::Finished(results) => Some((*party, results.clone())),
            _ => None,
        });
        let results: BTreeMap<_, _> = results.collect();
        if results.len() == submission.parties.len() {
            return State::Finished { attempt: *number, results };
        }
    }
    let cancelled = reasons(|said| said.cancelled.as_ref());
    if !cancelled.is_empty() {
        return State::Cancelled(cancelled);
    }
    if approvals.len() < submission.parties.len() {
        return State::AwaitingApproval;
    }
    match attempts.last_key_value() {
        Some((number, attempt)) => state_of(*number, attempt, submission),
        None => State::Queued,
    }
}

/// The state of an attempt that is neither finished nor cancelled.
fn state_of(number: u32, attempt: &Attempt, submission: &Submission) -> State {
    let failures = attempt.iter().filter_map(|(party, (progress, _))| match progress {
        Progress::Failed(code, at, sentence) => {
            Some((*party, (code.clone(), *at, sentence.clone())))
        }
        _ => None,
    });
    let failures: BTreeMap<_, _> = failures.collect();
    if !failures.is_empty() {
        return State::Failed { attempt: number, failures };
    }
    let waits = attempt.iter().filter_map(|(party, (progress, since))| match progress {
        Progress::Interrupted(waits_for) => Some((*party, (*waits_for, *since))),
        _ => None,
    });
    let waits: BTreeMap<_, _> = waits.collect();
    if !waits.is_empty() {
        return State::Interrupted { attempt: number, waits };
    }
    let of = submission.steps.len() as u32;
    let step_of = |progress: &Progress| match progress {
        Progress::Step(step) => *step,
        Progress::Finished(_) => of - 1,
        _ => 0,
    };
    let step = attempt.values().map(|(progress, _)| step_of(progress)).max().unwrap_or_default();
    let there = |(party, (progress, _)): (&MemberId, &(Progress, Time))| {
        (step_of(progress) == step).then_some(*party)
    };
    let at = attempt.iter().filter_map(there).collect();
    State::Running { attempt: number, step, of, at }
}

fn waiting(
    state: &State,
    approvals: &BTreeMap<MemberId, Time>,
    attempts: &BTreeMap<u32, Attempt>,
    submission: &Submission,
) -> Vec<Waiting> {
    let parties = submission.parties.iter().copied();
    match state {
        State::AwaitingApproval => {
            let silent = parties.filter(|party| !approvals.contains_key(party));
            let since = submission.submitted_at;
            let waiting = |party| Waiting { party, what: WaitingFor::Approval, since };
            silent.map(waiting).collect()
        }
        State::Queued => {
            let since = approvals.values().copied().max().unwrap_or_default();
            parties.map(|party| Waiting { party, what: WaitingFor::Start, since }).collect()
        }
        State::Interrupted { waits, .. } => {
            let waiting = |(party, since): &(MemberId, Time)| {
                let (party, since) = (*party, *since);
                Waiting { party, what: WaitingFor::Connection, since }
            };
            waits.values().map(waiting).collect()
        }
        State::Failed { attempt, failures } => {
            let attempt = attempts.get(attempt);
            let since =
                |party: &MemberId| attempt.and_then(|it| it.get(party)).map(|(_, since)| *since);
            let waiting = |party: &MemberId| {
                let since = since(party).unwrap_or_default();
                Waiting { party: *party, what: WaitingFor::Retry, since }
            };
            failures.keys().map(waiting).collect()
        }
        State::Running { attempt, step, at, .. } => {
            attempts.get(attempt).map_or_else(Vec::new, |it| behind(it, *step, at, submission))
        }
        State::Disputed(_) | State::Refused(_) | State::Finished { .. } | State::Cancelled(_) => {
            Vec::new()
        }
    }
}

/// Who is behind in a running attempt: those that others are ahead of.
fn behind(
    attempt: &Attempt,
    step: u32,
    at: &BTreeSet<MemberId>,
    submission: &Submission,
) -> Vec<Waiting> {
    let finished = attempt.values().filter_map(|(progress, since)| {
        matches!(progress, Progress::Finished(_)).then_some(*since)
    });
    // Others have waited since the first of them came so far.
    let ahead_since =
        at.iter().filter_map(|party| attempt.get(party)).map(|(_, since)| *since).min();
    let first_finished = finished.min();
    let mut waiting = Vec::new();
    for party in submission.parties.iter().copied() {
        let progress = attempt.get(&party).map(|(progress, _)| progress);
        let what = match progress {
            Some(Progress::Finished(_)) => continue,
            None => WaitingFor::Start,
            Some(_) if first_finished.is_some() => WaitingFor::Finish,
            Some(_) if !at.contains(&party) => WaitingFor::Step(step),
            Some(_) => continue,
        };
        let since = first_finished.or(ahead_since).unwrap_or_default();
        waiting.push(Waiting { party, what, since });
    }
    waiting
}
