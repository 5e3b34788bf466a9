//! What each party signed at the beginning of a conversation: the permit, for the audit record.

use crypto::signature::PublicKey;

use crate::generated::Hello;

/// A party's signature that it takes part in a job. Anyone who holds the key can check it.
#[derive(Clone, Debug)]
pub struct Attestation {
    /// The party's name in the job.
    pub party: String,
    /// Its pinned key.
    pub key: PublicKey,
    /// What it signed: "tombolo session v1", version (u32), job digest (32 bytes), length (u32)
    /// and text of the signer's and of the other's name, the signer's and the other's nonce.
    pub statement: Vec<u8>,
    /// Ed25519, 64 bytes.
    pub signature: Vec<u8>,
}

impl Attestation {
    /// Whether the key signed the statement.
    pub fn is_valid(&self) -> bool {
        self.key.verify(&self.statement, &self.signature)
    }
}

/// The attestations of both parties to one conversation.
#[derive(Clone, Debug)]
pub struct Attestations {
    /// Of this party.
    pub mine: Attestation,
    /// Of the peer.
    pub theirs: Attestation,
}

pub(crate) fn statement(signer: &Hello, other_nonce: &[u8]) -> Vec<u8> {
    let mut out = b"tombolo session v1".to_vec();
    out.extend_from_slice(&signer.version.to_le_bytes());
    out.extend_from_slice(&signer.job_digest);
    crate::wire::put_string(&mut out, &signer.from);
    crate::wire::put_string(&mut out, &signer.to);
    out.extend_from_slice(&signer.nonce);
    out.extend_from_slice(other_nonce);
    out
}
