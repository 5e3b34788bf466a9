//! The audit record of a job: who agreed to what, what was opened, and the hashes of all messages.
//!
//! A record is a text of lines, one JSON object each, named by `record`: first the `job`, then
//! `attestation`s, `declared` disclosures, trainings `continued` behind a checkpoint, `opened`
//! disclosures, `messages`, and last the `seal`. Every line
//! ends with the hash of the line before it and its own, which covers all its bytes before that:
//! `hash = BLAKE3(previous ‖ line up to its hash)`, as [`crypto::hash::digest`] frames them. So a
//! line that is changed, moved or removed shows, and where.
//!
//! The seal has the number of lines before it, the root of a [`tree`] over their hashes, the time,
//! and a signature by the party's key over these and the hash before: a tail that was cut off
//! shows by a missing seal, a record written anew by somebody else by the signature. Its owner can
//! sign a false record; [`compare()`] shows that against any other party's, since what one has sent
//! the other has received, and both hold each other's signature of the job.

pub mod compare;
pub mod proof;
pub mod record;
#[cfg(test)]
mod tests;
pub mod tree;
pub mod verify;
mod writer;

pub use compare::compare;
pub use proof::Proof;
pub use record::{Attested, Messages, Record};
pub use verify::{Fault, verify};
pub use writer::Writer;

use crypto::hash::{bytes_of_hex, digest, hex};

/// The hash of a line: of all its bytes before `,"hash":`.
fn hash_of_line(previous: &[u8; 32], before_hash: &str) -> [u8; 32] {
    digest("governance/audit line", &[previous, before_hash.as_bytes()])
}

/// What a seal signs.
fn sealed(previous: &[u8; 32], lines: u64, root: &[u8; 32], written: &str) -> [u8; 32] {
    let parts = [previous, &lines.to_le_bytes()[..], root, written.as_bytes()];
    digest("governance/audit seal", &parts)
}

/// A hash from its text.
fn hash_of_text(text: &str) -> Option<[u8; 32]> {
    bytes_of_hex(text)?.try_into().ok()
}

/// The end of a line: its own hash.
fn end_of_line(hash: &[u8; 32]) -> String {
    format!("{HASH}{}\"}}", hex(hash))
}

/// What stands before the hash of a line.
const HASH: &str = ",\"hash\":\"";
/// What ends a line after `HASH`: 64 digits, a quotation mark and a brace.
const END_BYTES: usize = HASH.len() + 66;
