//! A record that was read and holds together by itself.

use contract::JobDigest;
use crypto::signature::PublicKey;
use serde::Deserialize;

/// What a verified record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name of the job.
    pub job: String,
    /// What its results may be used for.
    pub purpose: String,
    /// The digest of the job, which follows from the job in the record.
    pub digest: JobDigest,
    /// Whose record this is.
    pub party: String,
    /// What all parties signed before anything ran.
    pub attestations: Vec<Attested>,
    /// The declared disclosures, a text each that is the same in every party's record.
    pub declared: Vec<String>,
    /// How many lines say what was opened.
    pub opened: usize,
    /// How many trainings went on behind a checkpoint of an earlier run; its messages are not here.
    pub continued: usize,
    /// The traffic with the other parties.
    pub messages: Vec<Messages>,
    /// Lines, the seal included.
    pub lines: usize,
    /// When the record was sealed, by the clock of its party.
    pub written: String,
    /// The key that sealed it.
    pub key: PublicKey,
    pub(super) hashes: Vec<[u8; 32]>,
}

/// One party's signature that it takes part in the job, with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// Whether it is that of the record's owner.
    pub own: bool,
    /// Who signed.
    pub party: String,
    /// By which key.
    pub key: PublicKey,
    /// What was signed; with a nonce of both sides.
    pub statement: Vec<u8>,
}

/// What went to another party and came from it in one step.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Messages {
    /// The other party.
    pub peer: String,
    /// The path of the session.
    pub path: String,
    /// The step.
    pub step: String,
    /// Messages sent.
    pub sent: u64,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// Hash chain over the messages sent, 64 hexadecimal digits.
    pub hash_sent: String,
    /// Messages received.
    pub received: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Hash chain over the messages received.
    pub hash_received: String,
}
