//! The parties of a world: names, seeds, threads.

use std::sync::{Arc, OnceLock};
use std::thread;

use net::{Conversation, Entropy, NetError, Seat, Session, Settings};

/// Name of the party listed first.
pub const FIRST: &str = "first";
/// Name of the other party.
pub const SECOND: &str = "second";

/// The seed to replay, if `TOMBOLO_SEED` holds one.
pub(crate) fn seed_from_environment() -> Option<u64> {
    std::env::var("TOMBOLO_SEED").ok()?.trim().parse().ok()
}

/// Two seats whose secret randomness derives from `seed`, different for each party.
pub(crate) fn seats(seed: u64, settings: &Settings) -> (Seat, Seat) {
    let key = blake3::derive_key("tombolo world 2026-11 secret randomness", &seed.to_le_bytes());
    let seat = |me: &str, peer: &str, is_first| Seat {
        settings: settings.clone(),
        entropy: Entropy::Injected(key),
        pool: pool(),
        ..Seat::new(me, peer, is_first)
    };
    (seat(FIRST, SECOND, true), seat(SECOND, FIRST, false))
}

/// Plays one party on this thread and closes the conversation.
pub(crate) fn play<A, FA: Future<Output = A>>(
    mut conversation: Conversation,
    role: impl FnOnce(Session) -> FA,
) -> (A, Result<(), NetError>) {
    // A panic drops the conversation, which tells the peer that this side gave up.
    let session = conversation.session();
    #[expect(clippy::unwrap_used, reason = "the root session is asked for once, here")]
    let session = session.unwrap();
    let played = net::block_on(async { (role(session).await, conversation.close().await) });
    #[expect(clippy::expect_used, reason = "tests cannot go on without an event queue")]
    played.expect("a runtime for the party")
}

/// What was opened for the parties; a world without connections is no use to a test.
pub(crate) fn opened<T>(opened: Result<T, NetError>) -> T {
    opened.unwrap_or_else(|error| panic!("the parties cannot talk: {error}"))
}

/// The results of both parties, or the first panic again, after printing how to replay it.
pub(crate) fn both_or_panic<A, B>(
    seed: &str,
    first: thread::Result<A>,
    second: thread::Result<B>,
) -> (A, B) {
    match (first, second) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(panic), _) | (_, Err(panic)) => {
            #[expect(
                clippy::print_stderr,
                reason = "the seed must reach whoever reads the failure"
            )]
            {
                eprintln!("a party panicked; the seed was {seed}; TOMBOLO_SEED replays it");
            }
            std::panic::resume_unwind(panic)
        }
    }
}

/// One pool for all parties of the test process: a pool for each of hundreds of runs would cost
/// more than the protocols.
fn pool() -> Option<Arc<rayon::ThreadPool>> {
    static POOL: OnceLock<Option<Arc<rayon::ThreadPool>>> = OnceLock::new();
    let build = || rayon::ThreadPoolBuilder::new().build().ok().map(Arc::new);
    POOL.get_or_init(build).clone()
}
