//! Invitations that survive e-mail, their acceptance, and introductions by partners.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::hash::{bytes_of_hex, digest, hex};
use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use super::Card;
use crate::canonical::{DecodeError, Digest, Document, Flaw, Signed, line, rule};
use crate::time::Time;

/// One use of one invitation; from the operating system's generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(pub [u8; 16]);

impl TryFrom<String> for Nonce {
    type Error = Flaw;

    fn try_from(text: String) -> Result<Self, Flaw> {
        let bytes = bytes_of_hex(&text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(Flaw { field: "nonce", rule: "has not 32 hexadecimal digits" })
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> Self {
        hex(&nonce.0)
    }
}

/// An offer to become partners. Signed by the inviter.
///
/// Whoever has it can accept it, once: send it to one person, and compare the [`pair_code`]s of
/// both sides by another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The inviter's card.
    pub card: Signed<Card>,
    /// What makes it single.
    pub nonce: Nonce,
    /// For whom it is meant, in the inviter's words.
    pub meant_for: String,
    /// From when on it is no longer accepted.
    pub expires: Time,
}

impl Document for Invitation {
    const DOMAIN: &'static str = "governance/invitation";
    const BYTES_MAX: usize = 40 << 10;

    fn check(&self, signer: &PublicKey) -> Result<(), Flaw> {
        rule(self.card.key() == signer, "card", "was signed by another key than the invitation")?;
        line("meant_for", &self.meant_for, 120)
    }
}

/// What a line of text of an invitation begins with; its version in it.
const PREFIX: &str = "tombolo-invitation-1.";

impl Signed<Invitation> {
    /// The invitation as one line of letters, digits, `-`, `_` and a point.
    pub fn to_line(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.encode()))
    }

    /// Reads a line, also one that a mail program has wrapped, quoted or put in angle brackets.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub fn from_line(text: &str) -> Result<Self, InvitationError> {
        // Before anything is copied: four characters for three bytes, and as many for white space.
        if text.len() > Invitation::BYTES_MAX * 3 {
            return Err(InvitationError::NoInvitation);
        }
        let inside = |it: &char| !it.is_whitespace() && !matches!(it, '<' | '>' | '"');
        let text: String = text.chars().filter(inside).collect();
        let code = text.strip_prefix(PREFIX).ok_or(InvitationError::NoInvitation)?;
        let bytes = URL_SAFE_NO_PAD.decode(code).map_err(|_| InvitationError::CutOff)?;
        Self::decode(&bytes).map_err(InvitationError::Document)
    }
}

/// The text is no whole invitation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// It is something else.
    #[error("this is no invitation: one begins with {PREFIX}")]
    NoInvitation,
    /// Characters are missing or were changed.
    #[error("the invitation is not whole: copy all of it, from {PREFIX} to its last character")]
    CutOff,
    /// It is not what its sender signed.
    #[error("the invitation is not as its sender signed it, or was cut off: {0}")]
    Document(DecodeError),
}

/// The answer to an invitation; signed by whoever accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The digest of the invitation.
    pub invitation: Digest,
    /// Its nonce.
    pub nonce: Nonce,
    /// The card of the new partner.
    pub card: Signed<Card>,
}

impl Document for Acceptance {
    const DOMAIN: &'static str = "governance/acceptance";
    const BYTES_MAX: usize = 40 << 10;

    fn check(&self, signer: &PublicKey) -> Result<(), Flaw> {
        rule(self.card.key() == signer, "card", "was signed by another key than the acceptance")
    }
}

/// One partner's word that it knows another member, for an alliance if it names one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introduction {
    /// The card of the member.
    pub card: Signed<Card>,
    /// The alliance it is vouched for.
    pub alliance: Option<String>,
    /// When it was signed.
    pub at: Time,
}

impl Document for Introduction {
    const DOMAIN: &'static str = "governance/introduction";
    const BYTES_MAX: usize = 40 << 10;

    fn check(&self, signer: &PublicKey) -> Result<(), Flaw> {
        rule(self.card.key() != signer, "card", "is the introducer's own")?;
        self.alliance.iter().try_for_each(|name| line("alliance", name, 120))
    }
}

/// What two people compare by telephone: the same on both sides if nobody stands between them.
///
/// Eighty bits of each key, in five groups; the lesser key first. One hash of both keys would have
/// to be twice as long: somebody in between chooses a key for either side, and looks for two that
/// meet.
pub fn pair_code(one: &PublicKey, other: &PublicKey) -> [String; 2] {
    [one.min(other), one.max(other)].map(|key| {
        let code = digest("governance/pair code", &[key.as_bytes()]);
        let groups: Vec<String> = code[..10].chunks(2).map(hex).collect();
        groups.join("-")
    })
}
