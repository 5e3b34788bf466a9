//! What a running job tells about itself, as values.

use contract::Text;
use serde::{Deserialize, Serialize};

/// Sees the events of a run. The run does not depend on what it does with them.
pub trait Watch: Sync {
    /// Called once for each event, in order.
    fn see(&self, event: Event);
}

/// Something that happened in one party's run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step began.
    Started {
        /// The step, as the plan names it.
        step: String,
    },
    /// A step is done.
    Finished {
        /// The step, as the plan names it.
        step: String,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// A table that is read in pieces got further.
    Read {
        /// Rows read so far.
        rows: usize,
    },
    /// Something that people should know.
    Note {
        /// The words.
        text: Text,
    },
}

/// Sees nothing; for callers that only want the result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn see(&self, _event: Event) {}
}
