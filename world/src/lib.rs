//! In-process parties for tests and benches: seeds, transcripts, faults.
//!
//! [`pair`] runs both sides of a protocol, each on a thread of its own, over a memory transport
//! that holds nothing back: `send` returns when the peer has received, so a protocol in which both
//! send first dead-locks here and not only at a customer. [`mesh()`] does the same for more
//! parties, with a conversation between each two. All secret randomness derives from one seed,
//! which is printed on failure; the variable `TOMBOLO_SEED` replays it.

mod fault;
pub mod hostile;
mod mesh;
mod party;
mod tls;
mod transcript;

use net::{Conversation, NetError, Session, Settings};

pub use fault::{Fault, Sent, pair_with_fault, steps};
pub use mesh::{MeshFault, MeshOutcome, MeshSent, Pair, mesh, mesh_with_fault};
pub use net::transport::faulty::FaultKind;
pub use party::{FIRST, SECOND};
pub use tls::{Proxy, pair_over_tls, peerings};
pub use transcript::{Direction, Side, Transcript};

/// What a run gave.
#[derive(Debug)]
pub struct Outcome<A, B> {
    /// What the first party's function returned.
    pub first: A,
    /// What the second party's function returned.
    pub second: B,
    /// What was said.
    pub transcript: Transcript,
    /// Whether the conversation ended in good order, seen from the first and the second party.
    pub closed: [Result<(), NetError>; 2],
}

/// Runs the two sides of a protocol against each other. The futures need not be `Send`.
///
/// # Panics
///
/// When a party panics, with the seed printed.
pub fn pair<A, B, FA, FB>(
    seed: u64,
    first: impl FnOnce(Session) -> FA + Send,
    second: impl FnOnce(Session) -> FB + Send,
) -> Outcome<A, B>
where
    A: Send,
    B: Send,
    FA: Future<Output = A>,
    FB: Future<Output = B>,
{
    let seed = party::seed_from_environment().unwrap_or(seed);
    let (one, two) = party::seats(seed, &Settings::rendezvous());
    run(&seed.to_string(), party::opened(net::transport::memory::pair(one, two)), first, second)
}

/// Runs both sides over conversations that are open already. `seed` is what a failure prints.
pub(crate) fn run<A, B, FA, FB>(
    seed: &str,
    (one, two): (Conversation, Conversation),
    first: impl FnOnce(Session) -> FA + Send,
    second: impl FnOnce(Session) -> FB + Send,
) -> Outcome<A, B>
where
    A: Send,
    B: Send,
    FA: Future<Output = A>,
    FB: Future<Output = B>,
{
    let (mut results, meters) = ((None, None), (one.meter(), two.meter()));
    let (to_first, to_second) = (&mut results.0, &mut results.1);
    let first = Box::new(move |session| party::stored(first(session), to_first));
    let second = Box::new(move |session| party::stored(second(session), to_second));
    let closed = play_both(seed, (one, two), first, second);
    let transcript = Transcript::new(&meters.0, &meters.1);
    let (first, second) = (party::returned(results.0), party::returned(results.1));
    Outcome { first, second, transcript, closed }
}

/// Plays both without their types, so that this is compiled once and not for each test.
fn play_both(
    seed: &str,
    (one, two): (Conversation, Conversation),
    first: party::Role<'_>,
    second: party::Role<'_>,
) -> [Result<(), NetError>; 2] {
    let (first, second) = std::thread::scope(|scope| {
        let one = scope.spawn(|| party::play(one, first));
        let two = scope.spawn(|| party::play(two, second));
        (one.join(), two.join())
    });
    [party::or_panic(seed, first), party::or_panic(seed, second)]
}
