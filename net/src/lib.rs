//! The only way out: pairwise [`Session`]s between parties over interchangeable transports.
//!
//! ```text
//!   protocol thread              any thread                 network thread
//!   Session ── Lane ─────────── Switchboard ── Link ─────── connection, reconnect, TLS
//!   steps, occurrences,          routes by path,            order, exactly once,
//!   size bounds, hashes          endings, windows           heartbeats
//! ```
//!
//! A [`Session`] is what protocols see. A [`Conversation`] is what its opener holds. A
//! [`Link`](link::Link) carries frames; [`transport`] has the ways to carry them. [`control`] is
//! what nodes say to each other outside of jobs.

mod attestation;
mod channel;
mod connection;
pub mod control;
mod conversation;
mod error;
pub mod frame;
mod generated;
mod identity;
mod lane;
pub mod link;
mod meter;
mod preparation;
mod route;
mod runtime;
mod seat;
mod session;
mod settings;
mod switchboard;
mod tls;
mod together;
pub mod transport;
pub mod wire;

/// Compiles an `async fn` once, in its own crate, as one that returns a boxed future.
///
/// The body of a plain `async fn` is compiled by whoever polls it: every binary above would
/// compile all protocols below it anew. On every public `async fn` that names its types; the
/// price is one allocation a call.
pub use async_recursion::async_recursion as boxed;
pub use attestation::{Attestation, Attestations};
pub use conversation::Conversation;
pub use crypto::signature::PublicKey;
pub use error::NetError;
pub use identity::Identity;
pub use meter::{Meter, StepTraffic, Totals, Traffic};
pub use preparation::prepare;
pub use route::{Route, RouteError};
pub use runtime::block_on;
pub use seat::{Entropy, Seat};
pub use session::{Session, Size};
pub use settings::{KIB, MIB, Settings};
pub use together::{own_place, together};
