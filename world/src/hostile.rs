//! Sweeps: every kind of fault on the messages of a protocol, made from a clean run.
//!
//! A protocol's `tampered` and `peer_drops` tests call [`sweep`]. It asserts what holds for every
//! protocol: a broken frame or a lost peer ends in an error on at least one side, nothing panics,
//! nothing hangs. What a hostile payload must lead to is the protocol's own matter: [`sweep`] runs
//! them too and reports which went unnoticed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use net::Session;
use net::transport::faulty::FaultKind;

use crate::fault::{Fault, Sent, pair_with_fault, steps};
use crate::transcript::Side;

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Report {
    /// How many runs with a fault there were.
    pub runs: usize,
    /// Hostile payloads after which both parties ended without an error: fine for a semi-honest
    /// protocol whose output is then wrong, a finding for one that claims more.
    pub unnoticed: Vec<Fault>,
}

/// Runs a protocol with each kind of fault on the first and the last message of each kind of step
/// (paths that differ only in numbers count as one kind).
///
/// # Panics
///
/// When a broken frame goes unnoticed, a party panics, or a run takes much longer than a clean one.
pub fn sweep<A, B, E, D, FA, FB>(
    seed: u64,
    first: impl Fn(Session) -> FA + Sync,
    second: impl Fn(Session) -> FB + Sync,
) -> Report
where
    A: Send,
    B: Send,
    E: Send + Debug,
    D: Send + Debug,
    FA: Future<Output = Result<A, E>>,
    FB: Future<Output = Result<B, D>>,
{
    let start = Instant::now();
    let targets = representatives(steps(seed, &first, &second));
    assert!(!targets.is_empty(), "the protocol sends nothing");
    let limit = start.elapsed() * 5 + GRACE;
    let mut report = Report::default();
    for target in &targets {
        for (kind, is_framed) in kinds() {
            let fault = Fault {
                path_step: target.path_step.clone(),
                occurrence: target.occurrence,
                kind,
                from: target.from,
            };
            let start = Instant::now();
            let outcome = pair_with_fault(seed, fault.clone(), &first, &second);
            assert!(start.elapsed() < limit, "{fault:?} took {:?}", start.elapsed());
            let unnoticed = outcome.first.is_ok()
                && outcome.second.is_ok()
                && outcome.closed.iter().all(Result::is_ok);
            assert!(is_framed || !unnoticed, "nobody noticed {fault:?}");
            report.runs += 1;
            if unnoticed {
                report.unnoticed.push(fault);
            }
        }
    }
    report
}

/// The first and the last message of each kind of step.
fn representatives(sent: Vec<Sent>) -> Vec<Sent> {
    let mut groups: BTreeMap<(String, Side), Vec<Sent>> = BTreeMap::new();
    for message in sent {
        let pattern = message.path_step.replace(|c: char| c.is_ascii_digit(), "");
        groups.entry((pattern, message.from)).or_default().push(message);
    }
    let chosen = groups.into_values().flat_map(|mut group| {
        let last = group.pop();
        let first = group.into_iter().next();
        first.into_iter().chain(last)
    });
    chosen.collect()
}

/// Every fault, and whether it is correctly framed.
fn kinds() -> Vec<(FaultKind, bool)> {
    vec![
        (FaultKind::Truncate, false),
        (FaultKind::Extend, false),
        (FaultKind::FlipBit, false),
        (FaultKind::Replay, false),
        (FaultKind::WrongStep, false),
        (FaultKind::Drop, false),
        (FaultKind::Stall, false),
        (FaultKind::Close, false),
        (FaultKind::replace(|_| Vec::new()), true),
        (FaultKind::replace(|bytes| bytes[..bytes.len().saturating_sub(1)].to_vec()), true),
        (FaultKind::replace(|bytes| [bytes, &[0]].concat()), true),
        (FaultKind::replace(|bytes| vec![0; bytes.len()]), true),
        (FaultKind::replace(|bytes| vec![0xff; bytes.len()]), true),
        (FaultKind::replace(|bytes| bytes.iter().map(|byte| byte ^ 1).collect()), true),
    ]
}

/// How much longer than five clean runs a run with a fault may take: two waits of a second, and
/// room for a busy machine.
const GRACE: Duration = Duration::from_secs(20);
