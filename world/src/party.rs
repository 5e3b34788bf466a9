//! The parties of a world: names, seeds, threads.

use std::pin::Pin;
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
    seats_between(FIRST, SECOND, key, settings)
}

/// The seats of two parties with these names, the first of which is listed first. A `key` is for
/// one pair: a party's randomness on a path derives from it, its name and the path.
pub(crate) fn seats_between(
    first: &str,
    second: &str,
    key: [u8; 32],
    settings: &Settings,
) -> (Seat, Seat) {
    let seat = |me: &str, peer: &str, is_first| Seat {
        settings: settings.clone(),
        entropy: Entropy::Injected(key),
        pool: pool(),
        ..Seat::new(me, peer, is_first)
    };
    (seat(first, second, true), seat(second, first, false))
}

/// What a party does with its session, without the type of its future or of what it returns: the
/// threads and loops around it are compiled once, and not for each test.
pub(crate) type Role<'a> = Box<dyn FnOnce(Session) -> Played<'a> + Send + 'a>;

/// The same for a party that has a session with each other one.
pub(crate) type RoleAmongAll<'a> = Box<dyn FnOnce(Vec<Session>) -> Played<'a> + Send + 'a>;

type Played<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Puts what a role returns into `result`.
pub(crate) fn stored<'a, A>(
    role: impl Future<Output = A> + 'a,
    result: &'a mut Option<A>,
) -> Played<'a> {
    Box::pin(async { *result = Some(role.await) })
}

/// What a role returned that has been played.
pub(crate) fn returned<A>(result: Option<A>) -> A {
    #[expect(clippy::expect_used, reason = "the role panicked or stored what it returned")]
    result.expect("a role that was played")
}

/// Plays one party on this thread and closes the conversation.
pub(crate) fn play(mut conversation: Conversation, role: Role<'_>) -> Result<(), NetError> {
    // A panic drops the conversation, which tells the peer that this side gave up.
    let session = root(&mut conversation);
    block_on(async {
        role(session).await;
        conversation.close().await
    })
}

/// Plays one party of several, which has a conversation with each other one, and closes them all.
pub(crate) fn play_with_all(
    mut conversations: Vec<Conversation>,
    role: RoleAmongAll<'_>,
) -> Result<(), NetError> {
    let sessions = conversations.iter_mut().map(root).collect();
    block_on(async {
        role(sessions).await;
        // Nobody may wait for this party while it waits for another one to finish.
        conversations.iter_mut().for_each(Conversation::finish);
        let mut closed = Ok(());
        for conversation in conversations {
            closed = closed.and(conversation.close().await);
        }
        closed
    })
}

fn root(conversation: &mut Conversation) -> Session {
    let session = conversation.session();
    #[expect(clippy::unwrap_used, reason = "the root session is asked for once, before a role")]
    session.unwrap()
}

fn block_on<T>(play: impl Future<Output = T>) -> T {
    #[expect(clippy::expect_used, reason = "tests cannot go on without an event queue")]
    net::block_on(play).expect("a runtime for the party")
}

/// What was opened for the parties; a world without connections is no use to a test.
pub(crate) fn opened<T>(opened: Result<T, NetError>) -> T {
    opened.unwrap_or_else(|error| panic!("the parties cannot talk: {error}"))
}

/// What a party that ended returned, or its panic again, after printing how to replay it.
pub(crate) fn or_panic<T>(seed: &str, ended: thread::Result<T>) -> T {
    ended.unwrap_or_else(|panic| {
        #[expect(clippy::print_stderr, reason = "the seed must reach whoever reads the failure")]
        {
            eprintln!("a party panicked; the seed was {seed}; TOMBOLO_SEED replays it");
        }
        std::panic::resume_unwind(panic)
    })
}

/// One pool for all parties of the test process: a pool for each of hundreds of runs would cost
/// more than the protocols.
fn pool() -> Option<Arc<rayon::ThreadPool>> {
    static POOL: OnceLock<Option<Arc<rayon::ThreadPool>>> = OnceLock::new();
    let build = || rayon::ThreadPoolBuilder::new().build().ok().map(Arc::new);
    POOL.get_or_init(build).clone()
}
