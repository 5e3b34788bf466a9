//! Beginning and end of what two parties say to each other.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::attestation::Attestations;
use crate::error::NetError;
use crate::frame::Frame;
use crate::meter::Meter;
use crate::session::Session;
use crate::switchboard::{Ending, Switchboard};

/// The owner's handle of a conversation: hands out the root [`Session`] and ends everything.
///
/// A conversation that is dropped without [`close`](Self::close) tells the peer that this side
/// gave up, so that the peer does not wait.
pub struct Conversation {
    switchboard: Arc<Switchboard>,
    attestations: Option<Attestations>,
    is_over: bool,
}

impl Conversation {
    pub(crate) fn new(switchboard: Arc<Switchboard>) -> Self {
        Self { switchboard, attestations: None, is_over: false }
    }

    pub(crate) fn attested(switchboard: Arc<Switchboard>, attestations: Attestations) -> Self {
        Self { switchboard, attestations: Some(attestations), is_over: false }
    }

    /// The peer's name in the job.
    pub fn peer(&self) -> &str {
        &self.switchboard.seat.peer
    }

    /// What both parties signed at the beginning, for the audit record; `None` in memory, where
    /// nobody has a key.
    pub fn attestations(&self) -> Option<&Attestations> {
        self.attestations.as_ref()
    }

    /// The root session. May be asked for once.
    pub fn session(&mut self) -> Result<Session, NetError> {
        Session::open(&self.switchboard, "").ok_or_else(|| NetError::InvalidInput {
            what: "the root session was handed out already; fork it".to_owned(),
        })
    }

    /// The meter of the conversation; outlives it.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.switchboard.meter)
    }

    /// Ends in good order: says that this side is done, waits until the peer is done as well and
    /// everything is delivered.
    ///
    /// Fails if the peer fails first, if it sent something that nobody received, or if it is not
    /// done within the step time-out.
    #[crate::boxed]
    pub async fn close(mut self) -> Result<(), NetError> {
        self.finish();
        let limit = self.switchboard.seat.settings.step_timeout;
        let since = SystemTime::now();
        let ending = tokio::time::timeout(limit, self.peer_ending()).await;
        let Ok(ending) = ending else {
            return Err(NetError::Timeout {
                peer: self.switchboard.seat.peer.clone(),
                waiting_for: "it to finish",
                step: CLOSE.to_owned(),
                since,
                waited: limit,
            });
        };
        if !matches!(ending, Ending::Finished) {
            return Err(self.switchboard.ending_error(ending, CLOSE));
        }
        if let Some(step) = self.switchboard.leftover() {
            return Err(NetError::PeerMisbehaved {
                peer: self.switchboard.seat.peer.clone(),
                step,
                rule: "sent a message that no step of ours expects".to_owned(),
            });
        }
        self.flush().await;
        Ok(())
    }

    /// Tells the peer that this side is done, without waiting for anything.
    pub fn finish(&mut self) {
        self.is_over = true;
        self.switchboard.transmit(Frame::Finish);
    }

    /// Ends with an error: tells the peer why, so that it ends at once. The reason must hold
    /// nothing secret. Waits until the peer's program has it, as far as it can be reached.
    #[crate::boxed]
    pub async fn abort(mut self, reason: &str) {
        self.give_up(reason);
        self.flush().await;
    }

    /// Waits until the peer's program has everything. Bounded: if it cannot be reached, it learns
    /// of the end by silence.
    async fn flush(&self) {
        if let Some(link) = self.switchboard.link() {
            // Both outcomes are fine: delivered, or time is over.
            let _ = tokio::time::timeout(FLUSH_TIMEOUT, link.flush()).await;
        }
    }

    async fn peer_ending(&self) -> Ending {
        loop {
            if let Some(ending) = self.switchboard.ending() {
                return ending;
            }
            self.switchboard.ended.notified().await;
        }
    }

    fn give_up(&mut self, reason: &str) {
        self.is_over = true;
        self.switchboard.transmit(Frame::Abort { reason: reason.to_owned() });
        self.switchboard.end(Ending::ClosedHere);
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if !self.is_over {
            self.give_up("it gave up without saying why");
        }
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Conversation")
            .field("me", &self.switchboard.seat.me)
            .field("peer", &self.switchboard.seat.peer)
            .finish_non_exhaustive()
    }
}

/// Longest wait for the last words to arrive.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// How errors call the end of a conversation.
const CLOSE: &str = "close";
