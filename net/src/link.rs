//! The border between sessions and transports.

use std::pin::Pin;

use crate::frame::Frame;

/// One direction of a transport. Carries frames in order, each exactly once, or ends the
/// conversation; never blocks the caller (how much is under way is bounded by the sessions'
/// windows, not by the link).
pub trait Link: Send + Sync {
    /// Takes a frame to be carried to the peer.
    fn transmit(&self, frame: Frame);

    /// Closes the connection for good: both sides end with a lost connection, for this cause.
    fn cut(&self, cause: &str);

    /// Resolves when everything transmitted so far has reached the peer's program, or cannot any
    /// more.
    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
