//! What members send each other outside of jobs.
//!
//! The line between two members knows whose key is at its other end, and carries letters exactly
//! once and in order. A letter is one signed document; whether it counts is decided by the document
//! alone, so that parties may pass on what others wrote, and everything may come twice. What a
//! member may send, and what becomes of it, is [`crate::books::Books::take_in`].

use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use crate::agreements::AgreementAct;
use crate::canonical::{self, DecodeError, Digest, Document, Flaw, Signed, line};
use crate::jobs::{JobAct, Submission};
use crate::journal::Entry;
use crate::members::{Acceptance, Card, Catalogue, Introduction};
use crate::metering::{Statement, UsageReport};
use crate::permit::Permit;

/// The longest letter, in bytes.
pub const LETTER_BYTES_MAX: usize = 1 << 20;

/// One document on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Letter {
    /// The acceptance of an invitation.
    Acceptance(Box<Signed<Acceptance>>),
    /// The sender's card, or that of somebody in an alliance with the receiver.
    Card(Box<Signed<Card>>),
    /// A catalogue of data.
    Catalogue(Box<Signed<Catalogue>>),
    /// An introduction of another member.
    Introduction(Box<Signed<Introduction>>),
    /// An entry about an agreement.
    Agreement(Box<Signed<Entry<AgreementAct>>>),
    /// A run of a job is asked for.
    Submission(Box<Signed<Submission>>),
    /// An entry about a run.
    Job(Box<Signed<Entry<JobAct>>>),
    /// Leave for a run.
    Permit(Box<Signed<Permit>>),
    /// What the sender has counted.
    Usage(Box<Signed<UsageReport>>),
    /// The sender agrees to a month.
    Statement(Box<Signed<Statement>>),
    /// The sender has not taken something that it was sent.
    Rejection(Box<Signed<Rejection>>),
}

impl Letter {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads a letter and checks the signatures in it.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        canonical::decode(bytes, LETTER_BYTES_MAX)
    }

    /// The digest of the document.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Acceptance(it) => it.digest(),
            Self::Card(it) => it.digest(),
            Self::Catalogue(it) => it.digest(),
            Self::Introduction(it) => it.digest(),
            Self::Agreement(it) => it.digest(),
            Self::Submission(it) => it.digest(),
            Self::Job(it) => it.digest(),
            Self::Permit(it) => it.digest(),
            Self::Usage(it) => it.digest(),
            Self::Statement(it) => it.digest(),
            Self::Rejection(it) => it.digest(),
        }
    }
}

/// That a document was not taken, so that its sender does not wait for what will not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// The digest of the document.
    pub document: Digest,
    /// Why, in a sentence for the sender's people.
    pub reason: String,
}

impl Document for Rejection {
    const DOMAIN: &'static str = "governance/rejection";
    const BYTES_MAX: usize = 4096;

    fn check(&self, _signer: &PublicKey) -> Result<(), Flaw> {
        line("reason", &self.reason, 500)
    }
}
