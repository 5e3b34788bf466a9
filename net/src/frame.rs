//! What travels between two parties: a payload with its full address, or a word about the flow.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

/// One unit of transport. Links carry frames in order, each exactly once.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A message, or a piece of one.
    Data(Piece),
    /// The receiver's protocol has taken frames off a path.
    Credit {
        /// Which path.
        path: Arc<str>,
        /// How many frames were taken on this path since the beginning.
        taken: u64,
        /// How many bytes may be under way from now on.
        window: u64,
    },
    /// The sender's protocol ended in good order; it sends nothing more and needs nothing more.
    Finish,
    /// The sender's protocol ended with an error.
    Abort {
        /// Why, without anything secret.
        reason: String,
    },
}

/// A piece of one message. Each piece carries the whole address, so that every frame can be judged
/// by itself.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Path of the session.
    pub path: Arc<str>,
    /// Name of the step.
    pub step: Cow<'static, str>,
    /// How often this side had sent this step on this path before.
    pub occurrence: u64,
    /// Length of the whole message, in bytes.
    pub length: u64,
    /// BLAKE3 of the whole message.
    pub hash: [u8; 32],
    /// Where the payload begins within the message, in bytes.
    pub offset: u64,
    /// The bytes.
    pub payload: Bytes,
}

impl Piece {
    /// What the piece counts against the window, in bytes: a frame without payload is not free.
    pub(crate) fn cost(&self) -> usize {
        self.payload.len() + OVERHEAD_BYTES
    }

    /// Whether both pieces belong to the same message.
    pub(crate) fn same_message(&self, other: &Self) -> bool {
        (&self.step, self.occurrence, self.length, self.hash)
            == (&other.step, other.occurrence, other.length, other.hash)
    }
}

/// Path and step as one label, e.g. `align/points`.
pub(crate) fn label(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}/{step}") }
}

/// About what the address of a piece takes in memory.
const OVERHEAD_BYTES: usize = 256;
