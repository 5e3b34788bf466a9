//! What nodes say to each other outside of jobs, and the one port through which everything comes.
//!
//! ```text
//!   node ── Post ──┬─ Port ── server name s-…  ── bytes passed on ── a session's own listener
//!                  │    └──── any other ── TLS ── Control ──┐
//!                  └─ Line, one for each partner ───────────┴─ Exchange ── Correspondence
//!                       └─ dials if the partner has an address
//! ```
//!
//! A node implements [`Correspondence`] over its store and opens a [`Post`]. The post office keeps
//! a line to each partner: dialled by whoever has the other's address, with growing pauses, and one
//! at a time even if both dial. Over it go *letters*, opaque here, each exactly once and in order:
//! a letter is numbered by the sender's store, stored by the receiver before it is acknowledged,
//! and sent again until then (`net/proto/control.proto`). [`doctor`] says step by step what works
//! between two nodes.
//!
//! # Security
//!
//! Both ends of a line hold Ed25519 keys that the other has pinned, under TLS 1.3; a key that is
//! not pinned any more loses its connections at once. Whoever holds another key reaches `Introduce`
//! and nothing else, seldom. A connection whose TLS hello asks for a [`Route`](crate::Route) is
//! passed on unread to the listener that is registered for it, whose own TLS decides.
//!
//! Bounded are the time of each first word, callers under way, connections, letters and bytes
//! under way, and what a stranger may send; see the constants at the end of each file.

mod advice;
mod correspondence;
mod dialler;
mod doctor;
mod exchange;
mod greeting;
mod introduction;
mod limiter;
mod line;
mod numbers;
mod opening;
mod port;
mod post;
mod service;
mod settings;
mod splice;
mod stream;
mod tally;
#[cfg(test)]
mod tests;

pub use correspondence::{
    Answer, Correspondence, CorrespondenceError, INTRODUCTION_BYTES_MAX, LETTER_BYTES_MAX, Letter,
    Partner, Standing,
};
pub use doctor::{Advice, Examination, Finding, Outcome, Step, doctor};
pub use introduction::introduce;
pub use line::{LineReport, LineState};
pub use post::Post;
pub use settings::PostSettings;
pub use splice::Passage;
