//! The form of a job that is the same on both sides, and its digest.

use contract::JobDigest;
use governance::permit::{self, GRAMMAR};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{JobSpec, PartySpec};

#[derive(Serialize)]
struct Canonical<'a> {
    version: &'static str,
    #[serde(flatten)]
    job: &'a JobSpec,
}

/// The hosts: one alone stands under `host`, as it did before a job could have several, so that
/// the digests of such jobs stay what they were; the others follow under `further_hosts`.
pub(super) fn hosts<S: Serializer>(hosts: &[PartySpec], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    if let [first, further @ ..] = hosts {
        map.serialize_entry("host", first)?;
        if !further.is_empty() {
            map.serialize_entry("further_hosts", further)?;
        }
    }
    map.end()
}

/// The canonical form as JSON: fields in the order of the structs, columns sorted by name,
/// numbers in their shortest exact form.
pub(super) fn text(job: &JobSpec) -> String {
    #[expect(clippy::expect_used, reason = "plain structs, text keys, no fallible serialiser")]
    // Unwrap safety: serialising to memory fails only for maps whose keys are not texts.
    serde_json::to_string(&Canonical { version: GRAMMAR, job }).expect("plain data")
}

/// The digest of the canonical form.
pub(super) fn digest(job: &JobSpec) -> JobDigest {
    permit::digest(&text(job))
}
