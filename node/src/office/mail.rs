//! What goes over the line between two nodes: letters of governance, and what runs need besides.

use governance::canonical::{self, Digest};
use governance::letter::Letter;
use net::control::LETTER_BYTES_MAX;
use serde::{Deserialize, Serialize};

/// One piece of mail. Letters carry their signatures; the rest counts because the line is known by
/// the sender's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Mail {
    /// A signed document.
    Letter(Letter),
    /// The file of a job, before the run that is submitted for it.
    JobFile(String),
    /// The sender's party of a run listens behind its node's port.
    Route(Route),
}

/// Under which name the party of an attempt is dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    /// The run.
    pub(super) run: Digest,
    /// The attempt.
    pub(super) attempt: u32,
    /// The name, as [`net::Route`] writes it.
    pub(super) name: String,
}

impl Mail {
    /// The form on the line.
    pub(super) fn bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads a piece of mail; the signatures in it hold then.
    ///
    /// # Errors
    /// What is wrong, in words that repeat nothing of it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        canonical::decode(bytes, LETTER_BYTES_MAX).map_err(|error| error.to_string())
    }
}
