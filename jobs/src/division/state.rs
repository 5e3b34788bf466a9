//! What a later run needs to go on from here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::JobError;

/// The contents of `state.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// What was divided, for which job and by which program: an older division is good for nothing
    /// else.
    pub(super) origin: String,
    /// What was counted while dividing.
    pub(super) counts: Counts,
    /// How far matching came.
    pub(super) progress: Option<Progress>,
}

/// What was counted while dividing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Rows of the table.
    pub(super) rows: usize,
    /// Keys that take part in matching.
    pub(super) keys: usize,
    /// Rows whose value cannot be a key.
    pub(super) invalid: usize,
    /// Rows left out because another one has their key.
    pub(super) duplicate: usize,
    /// Memory that all rows would take, in bytes.
    pub(super) bytes: usize,
}

/// How far matching came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Names the run; both parties hold the same name.
    pub(crate) token: [u64; 2],
    /// The number of buckets.
    pub(crate) buckets: usize,
    /// The buckets that are done, with their common rows (0 for a party that does not learn).
    pub(crate) common: BTreeMap<usize, usize>,
}

impl State {
    /// The state of a division, if it is whole and has this origin.
    pub(super) fn read(folder: &Path, origin: &str) -> Option<Self> {
        let text = fs::read_to_string(folder.join(NAME)).ok()?;
        serde_json::from_str::<Self>(&text).ok().filter(|state| state.origin == origin)
    }

    /// Writes the state so that there is always a whole one.
    pub(super) fn write(&self, folder: &Path) -> Result<(), JobError> {
        let path = folder.join(NAME);
        let next = folder.join(NEXT_NAME);
        let failed = |error: std::io::Error| JobError::file("write", &path, error);
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        let write = || {
            fs::write(&next, text)?;
            fs::File::open(&next)?.sync_all()?;
            fs::rename(&next, &path)
        };
        write().map_err(failed)
    }
}

const NAME: &str = "state.json";
const NEXT_NAME: &str = "state.json.next";
