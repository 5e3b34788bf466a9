//! The permit of a job: the digest that all parties sign.

use contract::JobDigest;

/// Bound into the digest, so that a later grammar never has the digest of an earlier one.
pub const GRAMMAR: &str = "tombolo job file version 1";

/// BLAKE3 over the canonical form of a job, keyed by the [`GRAMMAR`].
pub fn digest(canonical: &str) -> JobDigest {
    let mut hasher = blake3::Hasher::new_derive_key(GRAMMAR);
    hasher.update(canonical.as_bytes());
    JobDigest::new(*hasher.finalize().as_bytes())
}
