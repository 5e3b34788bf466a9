//! What can go wrong between two parties, whose fault it is, and what to do next.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An error of a conversation. Every variant names the peer and, where there is one, the step.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The peer broke a rule of the protocol. It runs other software, or it is dishonest.
    #[error(
        "{peer} misbehaved at step {step}: {rule}; ask {peer} which software it runs, and do not \
         simply retry"
    )]
    PeerMisbehaved {
        /// The party that broke the rule.
        peer: String,
        /// Path and name of the step.
        step: String,
        /// The rule that was broken.
        rule: String,
    },
    /// Both parties are honest, yet they cannot work together as they are set up.
    #[error("{peer} is incompatible in {what}: ours is {ours}, theirs is {theirs}; {hint}")]
    PeerIncompatible {
        /// The other party.
        peer: String,
        /// What differs, e.g. `job digest`.
        what: String,
        /// Our value.
        ours: String,
        /// The peer's value.
        theirs: String,
        /// What to do.
        hint: String,
    },
    /// The peer did not prove the identity that is pinned for it.
    #[error(
        "identity of peer {peer} does not match the pinned key; expected {expected}, saw {seen}; \
         compare the fingerprints with {peer} over another channel before changing the pin"
    )]
    IdentityMismatch {
        /// The party that was expected.
        peer: String,
        /// Fingerprint of the pinned key.
        expected: String,
        /// Fingerprint of the key that was presented, or what was presented instead.
        seen: String,
    },
    /// The peer ended with an error of its own and said so.
    #[error("{peer} stopped while we were at step {step}: {reason}; look into the log of {peer}")]
    PeerAborted {
        /// The party that stopped.
        peer: String,
        /// Path and name of the step at which we were.
        step: String,
        /// The reason that the peer gave.
        reason: String,
    },
    /// The peer finished its part in good order although we still had something to do with it.
    #[error(
        "{peer} finished its part while we were at step {step}; the two sides run different \
         protocols, check that both have the same version and job file"
    )]
    PeerFinished {
        /// The other party.
        peer: String,
        /// Path and name of the step at which we were.
        step: String,
    },
    /// The peer is connected but did not do its part of a step in time.
    #[error(
        "no answer from {peer}: waited {} for {waiting_for} at step {step}, since {}; look \
         whether {peer} still computes, or raise step_timeout",
        Seconds(*.waited), TimeOfDay(*.since)
    )]
    Timeout {
        /// The party that was waited for.
        peer: String,
        /// What was waited for, e.g. `its message`.
        waiting_for: &'static str,
        /// Path and name of the step.
        step: String,
        /// When the wait began.
        since: SystemTime,
        /// How long it lasted.
        waited: Duration,
    },
    /// The connection was lost and did not come back in time.
    #[error(
        "lost the connection to {peer} at step {step}, since {}: {cause}; check the network and \
         whether {peer} still runs, then start the job again",
        TimeOfDay(*.since)
    )]
    Disconnected {
        /// The party at the other end.
        peer: String,
        /// Path and name of the step at which we were.
        step: String,
        /// When the peer was last heard.
        since: SystemTime,
        /// What the transport saw.
        cause: String,
    },
    /// The connection could not be opened in the first place.
    #[error("could not connect to {peer}: {cause}; check that it runs and the address dialled")]
    Unreachable {
        /// The party at the other end.
        peer: String,
        /// What the transport saw.
        cause: String,
    },
    /// The caller asked for something that cannot be: a mistake on this side.
    #[error("invalid use of the network: {what}")]
    InvalidInput {
        /// What was wrong and what would be right.
        what: String,
    },
    /// This side could not go on with the letters of a partner.
    #[error("letters with {peer} stopped on this side: {cause}; they go on when that is mended")]
    Letters {
        /// The partner.
        peer: String,
        /// What does not work here.
        cause: String,
    },
    /// This machine could not run the network's threads.
    #[error("the network's threads do not run: {cause}; look at this machine's limits")]
    Runtime {
        /// What failed.
        cause: String,
    },
    /// A key or certificate of this party could not be made, read or written.
    #[error("{what}: {cause}")]
    Identity {
        /// What was tried.
        what: String,
        /// Why it failed.
        cause: String,
    },
}

impl NetError {
    /// Whether the connection, and neither party, is at fault: the step may be tried again.
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Disconnected { .. } | Self::Unreachable { .. })
    }

    /// The peer whose conversation it is about; `None` for what is wrong on this side alone.
    pub fn peer(&self) -> Option<&str> {
        match self {
            Self::PeerMisbehaved { peer, .. }
            | Self::PeerIncompatible { peer, .. }
            | Self::IdentityMismatch { peer, .. }
            | Self::PeerAborted { peer, .. }
            | Self::PeerFinished { peer, .. }
            | Self::Timeout { peer, .. }
            | Self::Disconnected { peer, .. }
            | Self::Letters { peer, .. }
            | Self::Unreachable { peer, .. } => Some(peer),
            Self::InvalidInput { .. } | Self::Runtime { .. } | Self::Identity { .. } => None,
        }
    }
}

/// A duration as people read it.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.1} s", self.0.as_secs_f64())
    }
}

/// The time of day in UTC, to compare with the logs of both sides.
struct TimeOfDay(SystemTime);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(formatter, "{hour:02}:{minute:02}:{second:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_says_who_what_and_since_when() {
        let error = NetError::Timeout {
            peer: "bank".into(),
            waiting_for: "its message",
            step: "align/points".into(),
            since: UNIX_EPOCH + Duration::from_secs(86_400 + 3_661),
            waited: Duration::from_millis(1_500),
        };
        let text = error.to_string();
        for part in ["bank", "align/points", "01:01:01 UTC", "1.5 s", "step_timeout"] {
            assert!(text.contains(part), "{part} missing in: {text}");
        }
        assert!(error.is_connection());
    }
}
