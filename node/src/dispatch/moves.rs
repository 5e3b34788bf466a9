//! What this node does next about a run: a function of what the parties have said.

use governance::jobs::{Progress, State, View};
use governance::members::MemberId;
use governance::time::Time;

/// What is known about a run besides what its parties have said.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Situation {
    /// This member.
    pub(super) own: MemberId,
    /// Whether this member has given its leave.
    pub(super) has_permitted: bool,
    /// Whether all have.
    pub(super) is_permitted: bool,
    /// The attempt whose process runs here.
    pub(super) active: Option<u32>,
    /// Whether this party starts first; it decides when.
    pub(super) is_first: bool,
    /// Whether another process may start.
    pub(super) has_room: bool,
    /// Whether the parties before this one listen, in the present attempt.
    pub(super) can_dial: bool,
    /// Attempts that are begun without asking people, the first one included.
    pub(super) attempts_max: u32,
    /// The present time.
    pub(super) now: Time,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Nothing now.
    Wait,
    /// Give this member's leave.
    Permit,
    /// Start this party's process.
    Start {
        /// The attempt.
        attempt: u32,
    },
    /// The process of this attempt is gone: it ran in an earlier life of the node.
    Lost {
        /// The attempt.
        attempt: u32,
    },
    /// Begin a further attempt.
    Retry {
        /// Its number.
        attempt: u32,
    },
    /// Stop the process: the run or its attempt is over.
    Stop,
    /// Nothing runs any more under its leave.
    Close,
}

/// What to do next.
pub(super) fn next(view: &View, situation: &Situation) -> Move {
    if view.state.is_final() {
        return if situation.active.is_some() { Move::Stop } else { Move::Close };
    }
    if matches!(view.state, State::AwaitingApproval) {
        return Move::Wait;
    }
    if !situation.has_permitted {
        return Move::Permit;
    }
    if !situation.is_permitted {
        return Move::Wait;
    }
    let present = view.attempts.keys().next_back().copied().unwrap_or(1);
    match &view.state {
        State::Failed { attempt, failures } => failed(view, situation, *attempt, failures.values()),
        _ => within(view, situation, present),
    }
}

/// In an attempt that may go on.
fn within(view: &View, situation: &Situation, attempt: u32) -> Move {
    let own = view.attempts.get(&attempt).and_then(|it| it.get(&situation.own));
    match (situation.active, own.map(|(progress, _)| progress)) {
        (Some(active), _) if active < attempt => Move::Stop,
        (Some(_), _) | (None, Some(Progress::Finished(_) | Progress::Failed(..))) => Move::Wait,
        // A step was begun, and no process is here to go on with it.
        (None, Some(Progress::Step(_) | Progress::Interrupted(_))) => Move::Lost { attempt },
        (None, None | Some(Progress::Begun)) => {
            let may = if situation.is_first { situation.has_room } else { situation.can_dial };
            if may { Move::Start { attempt } } else { Move::Wait }
        }
    }
}

/// After a party has given an attempt up.
fn failed<'a>(
    view: &View,
    situation: &Situation,
    attempt: u32,
    failures: impl Iterator<Item = &'a (String, MemberId, String)>,
) -> Move {
    let parties = view.attempts.get(&attempt);
    let own = parties.and_then(|it| it.get(&situation.own)).map(|(progress, _)| progress);
    let last = parties.into_iter().flat_map(|it| it.values()).map(|(_, at)| *at).max();
    match (situation.active, own) {
        // It may see by itself that another is gone, and say what it saw.
        (Some(active), _) => {
            let is_time = last.is_none_or(|last| situation.now >= last.plus(GRACE));
            return if active <= attempt && is_time { Move::Stop } else { Move::Wait };
        }
        (None, Some(Progress::Step(_) | Progress::Interrupted(_))) => {
            return Move::Lost { attempt };
        }
        _ => {}
    }
    let may_pass = failures.map(|(code, ..)| code.as_str()).all(may_pass);
    let pause = PAUSE.saturating_mul(1 << attempt.min(6));
    let is_time = last.is_none_or(|last| situation.now >= last.plus(pause));
    let again = situation.is_first && attempt < situation.attempts_max;
    if may_pass && again && is_time { Move::Retry { attempt: attempt + 1 } } else { Move::Wait }
}

/// Whether a further attempt may succeed without anybody changing the job or the data.
fn may_pass(code: &str) -> bool {
    let code: Result<jobs::child::FailureCode, _> = code.parse();
    code.is_ok_and(jobs::child::FailureCode::may_pass)
}

/// How long a process may go on after another party has given up, in milliseconds.
const GRACE: u64 = 3_000;
/// The pause before the second attempt, in milliseconds, halved; doubled before each further one.
const PAUSE: u64 = 2_500;

#[cfg(test)]
mod tests;
