//! Exactly once, in order, across cut connections: numbers frames, keeps them until they are
//! acknowledged, and forgets repeated ones.
//!
//! What is kept is bounded by the sessions' windows plus what is acknowledged with delay
//! ([`ACKNOWLEDGE_BYTES`]).

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

use super::codec::content_of;
use crate::frame::Frame;
use crate::generated::envelope::Content;
use crate::generated::{Envelope, Heartbeat};
use crate::link::Link;

/// The state of a conversation that outlives its connections.
pub(super) struct Relay {
    state: Mutex<State>,
    /// Rings when there is something to write.
    pub(super) work: Notify,
    /// Rings when the last frame was acknowledged, or never will be.
    drained: Notify,
    /// Rings when this side asks for the connection to be closed for good.
    pub(super) cut: Notify,
}

struct State {
    /// Frames not yet acknowledged, the first of which has the number `first`.
    unacknowledged: VecDeque<Frame>,
    first: u64,
    /// How many of them were written to the current connection.
    written: usize,
    /// Highest number taken in from the peer, and what of it is not yet acknowledged.
    received: u64,
    received_unacknowledged: usize,
    last_heard: SystemTime,
    /// Whether this side has sent its last frame, and the peer its last.
    ended_here: bool,
    ended_there: bool,
    is_closed: bool,
    cut_cause: Option<String>,
}

impl Relay {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                unacknowledged: VecDeque::new(),
                first: 1,
                written: 0,
                received: 0,
                received_unacknowledged: 0,
                last_heard: SystemTime::now(),
                ended_here: false,
                ended_there: false,
                is_closed: false,
                cut_cause: None,
            }),
            work: Notify::new(),
            drained: Notify::new(),
            cut: Notify::new(),
        }
    }

    /// Highest number taken in from the peer.
    pub(super) fn received(&self) -> u64 {
        self.state().received
    }

    pub(super) fn last_heard(&self) -> SystemTime {
        self.state().last_heard
    }

    pub(super) fn cut_cause(&self) -> Option<String> {
        self.state().cut_cause.clone()
    }

    /// Begins to write to a new connection, from what the peer has not received.
    pub(super) fn resume(&self, peer_received: u64) -> Result<(), String> {
        self.state().written = 0;
        self.acknowledged(peer_received)?;
        self.state().last_heard = SystemTime::now();
        Ok(())
    }

    /// The next envelope to write, if anything is due.
    pub(super) fn next(&self) -> Option<Envelope> {
        let mut state = self.state();
        let acknowledged = state.received;
        let envelope = if let Some(frame) = state.unacknowledged.get(state.written).cloned() {
            let sequence = state.first + state.written as u64;
            state.written += 1;
            Envelope { sequence, acknowledged, content: Some(content_of(frame)) }
        } else if state.received_unacknowledged >= ACKNOWLEDGE_BYTES {
            heartbeat(acknowledged)
        } else {
            return None;
        };
        state.received_unacknowledged = 0;
        Some(envelope)
    }

    /// An envelope that says nothing but that this side is alive, and how far it is.
    pub(super) fn heartbeat(&self) -> Envelope {
        let mut state = self.state();
        state.received_unacknowledged = 0;
        heartbeat(state.received)
    }

    /// Takes in the peer's acknowledgement; an error is the rule that the peer broke.
    pub(super) fn acknowledged(&self, sequence: u64) -> Result<(), String> {
        let mut state = self.state();
        let Some(count) = sequence.checked_sub(state.first - 1) else {
            return Ok(());
        };
        if count > state.unacknowledged.len() as u64 {
            return Err("acknowledged frames that were never sent".to_owned());
        }
        let count = count as usize;
        state.unacknowledged.drain(..count);
        state.first += count as u64;
        state.written = state.written.saturating_sub(count);
        if state.unacknowledged.is_empty() {
            self.drained.notify_waiters();
            self.work.notify_one();
        }
        Ok(())
    }

    /// Whether a frame with this number is the next one. One that came before is forgotten; a gap
    /// is an error that names the rule which the peer broke.
    pub(super) fn accept(&self, sequence: u64, bytes: usize) -> Result<bool, String> {
        let mut state = self.state();
        if sequence <= state.received {
            return Ok(false);
        }
        if sequence != state.received + 1 {
            return Err(format!("left out frames {} to {sequence}", state.received + 1));
        }
        state.received = sequence;
        state.received_unacknowledged += bytes + FRAME_BYTES;
        if state.received_unacknowledged >= ACKNOWLEDGE_BYTES {
            self.work.notify_one();
        }
        Ok(true)
    }

    /// Notes that the peer was heard.
    pub(super) fn heard(&self) {
        self.state().last_heard = SystemTime::now();
    }

    /// Notes that the peer sent its last frame.
    pub(super) fn peer_ended(&self) {
        let mut state = self.state();
        state.ended_there = true;
        // The peer waits for nothing else: tell it now.
        state.received_unacknowledged = ACKNOWLEDGE_BYTES;
        self.work.notify_one();
    }

    /// Whether both sides have said their last word and the peer has all of ours.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        let all_said = state.ended_here && state.ended_there;
        let all_told = state.received_unacknowledged < ACKNOWLEDGE_BYTES;
        all_said && all_told && state.unacknowledged.is_empty()
    }

    /// Whether the peer has said its last word: it needs nothing more from this side, and a cut
    /// connection harms nobody.
    pub(super) fn has_peer_ended(&self) -> bool {
        self.state().ended_there
    }

    /// Gives up: nothing will be acknowledged any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.unacknowledged.clear();
        self.drained.notify_waiters();
    }

    fn is_drained(&self) -> bool {
        let state = self.state();
        state.is_closed || state.unacknowledged.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The relay as a session's link.
pub(super) struct RelayLink(pub(super) Arc<Relay>);

impl Link for RelayLink {
    fn transmit(&self, frame: Frame) {
        let mut state = self.0.state();
        if state.is_closed || state.ended_here {
            return;
        }
        state.ended_here = matches!(frame, Frame::Finish | Frame::Abort { .. });
        state.unacknowledged.push_back(frame);
        drop(state);
        self.0.work.notify_one();
    }

    fn cut(&self, cause: &str) {
        self.0.state().cut_cause = Some(cause.to_owned());
        self.0.cut.notify_one();
    }

    fn flush(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            loop {
                let drained = self.0.drained.notified();
                tokio::pin!(drained);
                drained.as_mut().enable();
                if self.0.is_drained() {
                    return;
                }
                drained.await;
            }
        })
    }
}

/// After how many bytes an acknowledgement is due at the latest (heartbeats carry it as well).
const ACKNOWLEDGE_BYTES: usize = 4 << 20;
/// What a frame counts beside its payload.
const FRAME_BYTES: usize = 4096;

fn heartbeat(acknowledged: u64) -> Envelope {
    Envelope { sequence: 0, acknowledged, content: Some(Content::Heartbeat(Heartbeat {})) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences(relay: &Relay) -> Vec<u64> {
        std::iter::from_fn(|| relay.next()).map(|envelope| envelope.sequence).collect()
    }

    fn relay_with(frames: u64) -> Arc<Relay> {
        let relay = Arc::new(Relay::new());
        for taken in 0..frames {
            let path = Arc::from("path");
            RelayLink(Arc::clone(&relay)).transmit(Frame::Credit { path, taken, window: 0 });
        }
        relay
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_after_a_cut() {
        let relay = relay_with(4);
        assert_eq!(sequences(&relay), [1, 2, 3, 4]);
        relay.acknowledged(2).unwrap();
        assert_eq!(sequences(&relay), [0; 0]);
        // The peer had received one more than it could acknowledge.
        relay.resume(3).unwrap();
        assert_eq!(sequences(&relay), [4]);
        relay.acknowledged(4).unwrap();
        assert!(relay.is_drained());
    }

    #[test]
    fn repeated_frames_are_forgotten_and_gaps_are_a_breach() {
        let relay = Relay::new();
        assert_eq!(relay.accept(1, 0), Ok(true));
        assert_eq!(relay.accept(1, 0), Ok(false));
        assert_eq!(relay.accept(2, 0), Ok(true));
        assert!(relay.accept(4, 0).is_err());
        assert_eq!(relay.received(), 2);
    }

    #[test]
    fn acknowledging_what_was_never_sent_is_a_breach() {
        let relay = relay_with(2);
        assert!(relay.acknowledged(3).is_err());
        assert!(relay.acknowledged(u64::MAX).is_err());
        assert!(relay.resume(3).is_err());
        relay.acknowledged(2).unwrap();
        // An old acknowledgement says nothing new.
        relay.acknowledged(0).unwrap();
    }

    #[test]
    fn it_is_over_when_both_have_ended_and_everything_is_acknowledged() {
        let relay = relay_with(0);
        RelayLink(Arc::clone(&relay)).transmit(Frame::Finish);
        assert_eq!(sequences(&relay), [1]);
        assert_eq!(relay.accept(1, 0), Ok(true));
        relay.peer_ended();
        relay.acknowledged(1).unwrap();
        assert!(!relay.is_over(), "the peer's last frame is not acknowledged yet");
        assert_eq!(sequences(&relay), [0]);
        assert!(relay.is_over());
    }
}
