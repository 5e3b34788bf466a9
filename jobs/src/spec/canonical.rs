//! The form of a job that is the same on both sides, and its digest.

use contract::JobDigest;
use serde::Serialize;

use super::JobSpec;

/// Bound into the digest, so that a later grammar never has the digest of an earlier one.
const DOMAIN: &str = "tombolo job file version 1";

#[derive(Serialize)]
struct Canonical<'a> {
    version: &'static str,
    #[serde(flatten)]
    job: &'a JobSpec,
}

/// The canonical form as JSON: fields in the order of the structs, columns sorted by name,
/// numbers in their shortest exact form.
pub(super) fn text(job: &JobSpec) -> String {
    #[expect(clippy::expect_used, reason = "plain structs, text keys, no fallible serialiser")]
    // Unwrap safety: serialising to memory fails only for maps whose keys are not texts.
    serde_json::to_string(&Canonical { version: DOMAIN, job }).expect("plain data")
}

/// BLAKE3 over the canonical form, keyed by the domain.
pub(super) fn digest(job: &JobSpec) -> JobDigest {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    hasher.update(text(job).as_bytes());
    JobDigest::new(*hasher.finalize().as_bytes())
}
