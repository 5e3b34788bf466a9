//! Sweeps: every kind of fault on the messages of a protocol, made from a clean run.
//!
//! A protocol's `tampered` and `peer_drops` tests call [`sweep`]. It asserts what holds for every
//! protocol: a broken frame or a lost peer ends in an error on at least one side, nothing panics,
//! nothing hangs. What a hostile payload must lead to is the protocol's own matter: [`sweep`] runs
//! them too and reports which went unnoticed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use net::Session;
use net::transport::faulty::FaultKind;

use crate::fault::{Fault, Sent, met, pair_with_patience, patience, steps};
use crate::mesh::{MeshFault, MeshSent, Pair, mesh, mesh_with_patience};
use crate::transcript::{Side, Transcript};

/// What a sweep did.
#[derive(Debug)]
pub struct Report<F = Fault> {
    /// How many runs with a fault there were.
    pub runs: usize,
    /// Hostile payloads after which all parties ended without an error: fine for a semi-honest
    /// protocol whose output is then wrong, a finding for one that claims more.
    pub unnoticed: Vec<F>,
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
    sweep_where(seed, |_| true, first, second)
}

/// Like [`sweep`], with faults only on the messages that `chosen` picks: for a protocol on top of
/// others that have sweeps of their own.
///
/// # Panics
///
/// As [`sweep`], and when nothing is picked.
pub fn sweep_where<A, B, E, D, FA, FB>(
    seed: u64,
    chosen: impl Fn(&Sent) -> bool,
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
    let mut targets = representatives(steps(seed, &first, &second));
    targets.retain(chosen);
    attack(&targets, start.elapsed(), Sent::fault, |fault, wait| {
        let outcome = pair_with_patience(seed, fault, wait, &first, &second)?;
        let is_clean = outcome.first.is_ok() && outcome.second.is_ok();
        Some(is_clean && outcome.closed.iter().all(Result::is_ok))
    })
}

/// Like [`sweep_where`], for `parties_count` parties that all play `role` (see [`mesh`]).
///
/// # Panics
///
/// As [`sweep_where`].
pub fn sweep_mesh<A, E, FA>(
    seed: u64,
    parties_count: usize,
    chosen: impl Fn(&MeshSent) -> bool,
    role: impl Fn(usize, Vec<Session>) -> FA + Sync,
) -> Report<MeshFault>
where
    A: Send,
    E: Send + Debug,
    FA: Future<Output = Result<A, E>>,
{
    let start = Instant::now();
    let transcripts = mesh(seed, parties_count, &role).transcripts;
    let of_pair = |(&between, transcript): (&Pair, &Transcript)| {
        let sent = representatives(transcript.sent()).into_iter();
        sent.map(move |sent| MeshSent { between, sent })
    };
    let mut targets: Vec<MeshSent> = transcripts.iter().flat_map(of_pair).collect();
    targets.retain(chosen);
    attack(&targets, start.elapsed(), MeshSent::fault, |fault, wait| {
        let outcome = mesh_with_patience(seed, parties_count, fault, wait, &role)?;
        let is_clean = outcome.results.iter().all(Result::is_ok);
        Some(is_clean && outcome.closed.iter().all(Result::is_ok))
    })
}

/// Makes every kind of fault on each target. `is_clean` runs the protocol with a fault and a
/// longest wait, and says whether nobody noticed, or nothing if no message met the fault; a run
/// without a fault took `clean`.
fn attack<T: Debug + Sync, F>(
    targets: &[T],
    clean: Duration,
    fault: impl Fn(&T, &FaultKind) -> F + Sync,
    is_clean: impl Fn(F, Duration) -> Option<bool> + Sync,
) -> Report<F> {
    assert!(!targets.is_empty(), "the protocol sends nothing");
    let mut report = Report { runs: 0, unnoticed: Vec::new() };
    for target in targets {
        let is_noticed = |kind: &FaultKind| {
            // Runs with a lost message wait for as long, so that the wait is short at first. The
            // fault must be reached although as many runs go on side by side, on a machine that
            // may be busier than it was for the clean run.
            let is_clean = [4, 32].into_iter().find_map(|times| {
                let (start, wait) = (Instant::now(), patience(kind).max(times * clean));
                let is_clean = is_clean(fault(target, kind), wait);
                let elapsed = start.elapsed();
                assert!(elapsed < 2 * wait + GRACE, "{kind:?} of {target:?} took {elapsed:?}");
                is_clean
            });
            !met(&format!("{kind:?} of {target:?}"), is_clean)
        };
        report.runs += BROKEN.len();
        // Side by side, because most of them wait for what was lost.
        thread::scope(|scope| {
            let runs = BROKEN.each_ref().map(|kind| scope.spawn(|| is_noticed(kind)));
            for (kind, run) in BROKEN.iter().zip(runs) {
                let is_noticed = run.join().unwrap_or_else(|panic| resume_unwind(panic));
                assert!(is_noticed, "nobody noticed {kind:?} of {target:?}");
            }
        });
        for kind in replacements() {
            report.runs += 1;
            if !is_noticed(&kind) {
                report.unnoticed.push(fault(target, &kind));
            }
        }
    }
    report
}

impl MeshSent {
    fn fault(&self, kind: &FaultKind) -> MeshFault {
        MeshFault { between: self.between, fault: self.sent.fault(kind) }
    }
}

impl Sent {
    fn fault(&self, kind: &FaultKind) -> Fault {
        Fault {
            path_step: self.path_step.clone(),
            occurrence: self.occurrence,
            kind: kind.clone(),
            from: self.from,
        }
    }
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

/// What a broken network does.
const BROKEN: [FaultKind; 8] = [
    FaultKind::Truncate,
    FaultKind::Extend,
    FaultKind::FlipBit,
    FaultKind::Replay,
    FaultKind::WrongStep,
    FaultKind::Drop,
    FaultKind::Stall,
    FaultKind::Close,
];

/// What a hostile peer sends instead of its honest payload.
fn replacements() -> [FaultKind; 6] {
    [
        FaultKind::replace(|_| Vec::new()),
        FaultKind::replace(|bytes| bytes[..bytes.len().saturating_sub(1)].to_vec()),
        FaultKind::replace(|bytes| [bytes, &[0]].concat()),
        FaultKind::replace(|bytes| vec![0; bytes.len()]),
        FaultKind::replace(|bytes| vec![0xff; bytes.len()]),
        FaultKind::replace(|bytes| bytes.iter().map(|byte| byte ^ 1).collect()),
    ]
}

/// How much longer than two waits a run with a fault may take: room for a busy machine.
const GRACE: Duration = Duration::from_secs(20);
