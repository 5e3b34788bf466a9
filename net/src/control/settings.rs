//! Times of the lines between members.

use std::time::Duration;

/// How long things may take. Both ends may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostSettings {
    /// Time between two heartbeats on an otherwise idle line.
    pub heartbeat_interval: Duration,
    /// A line on which nothing whole was heard for so long counts as cut. A letter of 1 MiB has to
    /// come through in it.
    pub silence_timeout: Duration,
    /// How long one attempt to dial may take, from the name to the partner's hello.
    pub attempt_timeout: Duration,
    /// The pause after the first failed attempt, less a random part of up to a half; doubled after
    /// each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How often this side dials back when a partner asks; in between it says the same again.
    pub dial_back_interval: Duration,
    /// A connection that is passed on ends when nothing has moved for so long.
    pub splice_idle_timeout: Duration,
}

impl Default for PostSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(5),
            silence_timeout: Duration::from_secs(30),
            attempt_timeout: Duration::from_secs(20),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
            dial_back_interval: Duration::from_secs(5),
            splice_idle_timeout: Duration::from_mins(1),
        }
    }
}
