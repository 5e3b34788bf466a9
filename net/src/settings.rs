//! Limits and time-outs of a conversation.

use std::time::Duration;

use crate::transport::shaped::Shape;

/// One kibibyte, in bytes.
pub const KIB: usize = 1024;
/// One mebibyte, in bytes.
pub const MIB: usize = 1024 * KIB;

/// What one conversation may use and how long it waits. Both parties may differ in everything but
/// `chunk_bytes_max`, which the public protocol bounds to 4 MiB.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Longest wait for one step before [`NetError::Timeout`](crate::NetError::Timeout).
    pub step_timeout: Duration,
    /// How long a cut connection may take to come back before the session ends.
    pub reconnect_window: Duration,
    /// Time between two heartbeats on an otherwise idle connection.
    pub heartbeat_interval: Duration,
    /// A connection on which nothing was heard for so long counts as cut.
    pub silence_timeout: Duration,
    /// How long the first connection may take, from dialling to the end of the handshake.
    pub connect_timeout: Duration,
    /// Largest payload of one frame, in bytes; longer messages travel in several frames.
    pub chunk_bytes_max: usize,
    /// Bytes that may be under way (sent and not yet received by the peer's protocol) on one path
    /// that the peer has opened. Zero is a rendezvous: `send` returns when the peer has received.
    pub window_bytes: usize,
    /// The same before the peer has opened the path (one frame may always be under way).
    pub unopened_window_bytes: usize,
    /// The line to pretend between the parties, on what this side sends; `None` outside benches.
    pub shape: Option<Shape>,
    /// How many paths the peer may write to before this side has opened them.
    pub unopened_paths_max: usize,
}

impl Default for Settings {
    /// Settings for real networks. The memory for frames that nobody has received yet is bounded
    /// by 64 MiB for each open path plus `unopened_paths_max` frames of 1 MiB.
    fn default() -> Self {
        Self {
            step_timeout: Duration::from_mins(10),
            reconnect_window: Duration::from_secs(20),
            heartbeat_interval: Duration::from_secs(2),
            silence_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(30),
            chunk_bytes_max: MIB,
            window_bytes: 64 * MIB,
            unopened_window_bytes: 64 * KIB,
            unopened_paths_max: 1024,
            shape: None,
        }
    }
}

impl Settings {
    /// Settings that hold nothing back: a message is one frame and `send` waits until the peer's
    /// protocol has received it, so that two parties that both send first dead-lock at once.
    pub fn rendezvous() -> Self {
        Self {
            step_timeout: Duration::from_mins(1),
            chunk_bytes_max: usize::MAX,
            window_bytes: 0,
            unopened_window_bytes: 0,
            ..Self::default()
        }
    }
}
