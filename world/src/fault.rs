//! Runs in which one message goes wrong, and the list of messages to choose from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use net::link::Link;
use net::transport::faulty::{self, FaultKind, FaultyLink};
use net::transport::memory;
use net::{Conversation, Seat, Session, Settings};

use crate::party;
use crate::transcript::{Side, Transcript};
use crate::{Outcome, pair, run};

/// One message that goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Path and step, e.g. `align/points`; just the step on the root path.
    pub path_step: String,
    /// Which occurrence, from 0.
    pub occurrence: u64,
    /// What happens.
    pub kind: FaultKind,
    /// Who sends the message.
    pub from: Side,
}

/// One message of a clean run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    /// Path and step, as [`Fault::path_step`] wants it.
    pub path_step: String,
    /// Which occurrence, from 0.
    pub occurrence: u64,
    /// Who sent it.
    pub from: Side,
}

/// The messages of a clean run, ordered by path, step and sender.
pub fn steps<A: Send, B: Send, FA, FB>(
    seed: u64,
    first: impl FnOnce(Session) -> FA + Send,
    second: impl FnOnce(Session) -> FB + Send,
) -> Vec<Sent>
where
    FA: Future<Output = A>,
    FB: Future<Output = B>,
{
    pair(seed, first, second).transcript.sent()
}

impl Transcript {
    /// Every message, ordered by path, step and sender.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let all = self.steps.iter().flat_map(|step| {
            (0..step.messages).map(|occurrence| Sent {
                path_step: step.label(),
                occurrence,
                from: step.from,
            })
        });
        all.collect()
    }
}

/// Like [`pair`], with one message that goes wrong. Waits are short where a message is lost, so
/// that tests are not slow.
///
/// # Panics
///
/// When a party panics, or when no message met the fault.
pub fn pair_with_fault<A, B, FA, FB>(
    seed: u64,
    fault: Fault,
    first: impl FnOnce(Session) -> FA + Send,
    second: impl FnOnce(Session) -> FB + Send,
) -> Outcome<A, B>
where
    A: Send,
    B: Send,
    FA: Future<Output = A>,
    FB: Future<Output = B>,
{
    let (step_timeout, text) = (patience(&fault.kind), format!("seed {seed}, {fault:?}"));
    met(&text, pair_with_patience(seed, fault, step_timeout, first, second))
}

/// Like [`pair_with_fault`], with a longest wait for a step; `None` when no message met the fault,
/// as when the wait was too short for the parties to come so far.
pub(crate) fn pair_with_patience<A, B, FA, FB>(
    seed: u64,
    fault: Fault,
    step_timeout: Duration,
    first: impl FnOnce(Session) -> FA + Send,
    second: impl FnOnce(Session) -> FB + Send,
) -> Option<Outcome<A, B>>
where
    A: Send,
    B: Send,
    FA: Future<Output = A>,
    FB: Future<Output = B>,
{
    let seed = party::seed_from_environment().unwrap_or(seed);
    let settings = Settings { step_timeout, ..Settings::rendezvous() };
    let happened = Happened::default();
    let text = format!("{seed}, the fault {fault:?}");
    let conversations = open_with_fault(party::seats(seed, &settings), fault, &happened);
    let outcome = run(&text, conversations, first, second);
    happened.is_true().then_some(outcome)
}

/// The outcome of a run whose fault a message met: a test with another one would test nothing.
pub(crate) fn met<O>(run: &str, outcome: Option<O>) -> O {
    outcome.unwrap_or_else(|| panic!("no message met the fault: {run}"))
}

/// A conversation in memory in which one message goes wrong.
pub(crate) fn open_with_fault(
    (one, two): (Seat, Seat),
    fault: Fault,
    happened: &Happened,
) -> (Conversation, Conversation) {
    let Fault { path_step: label, occurrence, kind, from } = fault;
    let fault = faulty::Fault { label, occurrence, kind };
    let wrap = |side: Side| {
        let (fault, happened) = (fault.clone(), Arc::clone(&happened.0));
        move |link: Arc<dyn Link>| -> Arc<dyn Link> {
            if side == from { Arc::new(FaultyLink::new(link, fault, happened)) } else { link }
        }
    };
    party::opened(memory::pair_through(one, two, wrap(Side::First), wrap(Side::Second)))
}

/// Whether a message met the fault.
#[derive(Default)]
pub(crate) struct Happened(Arc<AtomicBool>);

impl Happened {
    pub(crate) fn is_true(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Longest wait for a step. Where bytes are lost the wait is sure to run out, and that an honest
/// computation runs out of time as well does no harm: the run must end in an error anyway.
pub(crate) fn patience(kind: &FaultKind) -> Duration {
    match kind {
        FaultKind::Truncate | FaultKind::Drop | FaultKind::Stall => Duration::from_millis(300),
        _ => Duration::from_secs(20),
    }
}
