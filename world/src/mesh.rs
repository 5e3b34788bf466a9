//! More than two parties in one process, with a conversation between each two.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use net::transport::memory;
use net::{Conversation, NetError, Session, Settings};

use crate::fault::{Fault, Happened, Sent, met, open_with_fault, patience};
use crate::party::{self, RoleAmongAll};
use crate::transcript::Transcript;

/// Two parties by their numbers, the smaller one first. It counts as [`Side::First`] of what the
/// two say to each other.
///
/// [`Side::First`]: crate::Side::First
pub type Pair = (usize, usize);

/// What a run of several parties gave.
#[derive(Debug)]
pub struct MeshOutcome<A> {
    /// What each party's function returned.
    pub results: Vec<A>,
    /// What each two parties said to each other.
    pub transcripts: BTreeMap<Pair, Transcript>,
    /// For each party, whether all its conversations ended in good order, or the first error.
    pub closed: Vec<Result<(), NetError>>,
}

/// A message between two of several parties that goes wrong.
#[derive(Clone, Debug)]
pub struct MeshFault {
    /// Between whom.
    pub between: Pair,
    /// What goes wrong there.
    pub fault: Fault,
}

/// One message of a clean run of several parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshSent {
    /// Between whom.
    pub between: Pair,
    /// The message.
    pub sent: Sent,
}

/// Runs `parties_count` parties, numbered from 0, each on a thread of its own. `role` gets the
/// number of its party and a session with each other one, ordered by number; of two parties the
/// one with the smaller number is the first. The futures need not be `Send`.
///
/// # Panics
///
/// When a party panics, with the seed printed.
pub fn mesh<A: Send, FA: Future<Output = A>>(
    seed: u64,
    parties_count: usize,
    role: impl Fn(usize, Vec<Session>) -> FA + Sync,
) -> MeshOutcome<A> {
    let seed = party::seed_from_environment().unwrap_or(seed);
    let open = |pair| {
        let (one, two) = seats(seed, pair, &Settings::rendezvous());
        party::opened(memory::pair(one, two))
    };
    run(&seed.to_string(), parties_count, open, role)
}

/// Like [`mesh`], with one message that goes wrong. Waits are short where a message is lost.
///
/// # Panics
///
/// When a party panics, or when no message met the fault.
pub fn mesh_with_fault<A: Send, FA: Future<Output = A>>(
    seed: u64,
    parties_count: usize,
    fault: MeshFault,
    role: impl Fn(usize, Vec<Session>) -> FA + Sync,
) -> MeshOutcome<A> {
    let (step_timeout, text) = (patience(&fault.fault.kind), format!("seed {seed}, {fault:?}"));
    met(&text, mesh_with_patience(seed, parties_count, fault, step_timeout, role))
}

/// Like [`mesh_with_fault`], with a longest wait for a step; `None` when no message met the fault.
pub(crate) fn mesh_with_patience<A: Send, FA: Future<Output = A>>(
    seed: u64,
    parties_count: usize,
    MeshFault { between, fault }: MeshFault,
    step_timeout: Duration,
    role: impl Fn(usize, Vec<Session>) -> FA + Sync,
) -> Option<MeshOutcome<A>> {
    let seed = party::seed_from_environment().unwrap_or(seed);
    let settings = Settings { step_timeout, ..Settings::rendezvous() };
    let happened = Happened::default();
    let open = |pair| {
        let (one, two) = seats(seed, pair, &settings);
        if pair == between {
            open_with_fault((one, two), fault.clone(), &happened)
        } else {
            party::opened(memory::pair(one, two))
        }
    };
    let text = format!("{seed}, the fault {fault:?} between {between:?}");
    let outcome = run(&text, parties_count, open, role);
    happened.is_true().then_some(outcome)
}

fn run<A: Send, FA: Future<Output = A>>(
    seed: &str,
    parties_count: usize,
    open: impl Fn(Pair) -> (Conversation, Conversation),
    role: impl Fn(usize, Vec<Session>) -> FA + Sync,
) -> MeshOutcome<A> {
    let mut conversations: Vec<Vec<Conversation>> = Vec::new();
    conversations.resize_with(parties_count, Vec::new);
    let mut meters = BTreeMap::new();
    // In this order each party's conversations are ordered by the number of the other one.
    for first in 0..parties_count {
        for second in first + 1..parties_count {
            let (one, two) = open((first, second));
            meters.insert((first, second), (one.meter(), two.meter()));
            conversations[first].push(one);
            conversations[second].push(two);
        }
    }
    let mut results: Vec<Option<A>> = Vec::new();
    results.resize_with(parties_count, || None);
    let role = &role;
    let parties = results.iter_mut().enumerate().map(|(number, result)| -> RoleAmongAll<'_> {
        Box::new(move |sessions| party::stored(role(number, sessions), result))
    });
    let closed = play_all(seed, conversations.into_iter().zip(parties).collect());
    let results = results.into_iter().map(party::returned).collect();
    let transcripts = meters
        .into_iter()
        .map(|(pair, (first, second))| (pair, Transcript::new(&first, &second)))
        .collect();
    MeshOutcome { results, transcripts, closed }
}

fn play_all(
    seed: &str,
    parties: Vec<(Vec<Conversation>, RoleAmongAll<'_>)>,
) -> Vec<Result<(), NetError>> {
    let ended: Vec<_> = thread::scope(|scope| {
        let playing = parties.into_iter().map(|(conversations, role)| {
            scope.spawn(move || party::play_with_all(conversations, role))
        });
        let playing: Vec<_> = playing.collect();
        playing.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    ended.into_iter().map(|ended| party::or_panic(seed, ended)).collect()
}

impl<A> MeshOutcome<A> {
    /// Payload bytes of all parties.
    pub fn bytes(&self) -> u64 {
        self.transcripts.values().map(Transcript::bytes).sum()
    }

    /// One hash over everything that was said, as 64 hexadecimal digits.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for ((first, second), transcript) in &self.transcripts {
            for number in [first, second] {
                hasher.update(&(*number as u64).to_le_bytes());
            }
            hasher.update(transcript.hash().as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// The seats of two parties, with randomness that no other two of the run have.
fn seats(seed: u64, (first, second): Pair, settings: &Settings) -> (net::Seat, net::Seat) {
    let parts = [seed, first as u64, second as u64].map(u64::to_le_bytes);
    let key =
        blake3::derive_key("tombolo world 2026-11 randomness of a pair", parts.as_flattened());
    let name = |number| format!("party.{number}");
    party::seats_between(&name(first), &name(second), key, settings)
}
