//! A member's card, and the rotations of its key.

use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use super::MemberId;
use crate::canonical::{Document, Flaw, Signed, key_text, line, rule};
use crate::time::Time;

/// How a member wants to be known and reached.
///
/// Signed by its current key. It carries every rotation since the first key, so that somebody who
/// never saw the member before can check it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Who it is.
    pub member: MemberId,
    /// Counts the cards of this member from 1; a higher one succeeds a lower one.
    pub version: u32,
    /// The organisation, as people know it.
    pub name: String,
    /// Whom to call: a person or an office with address or number.
    pub contact: String,
    /// Where it listens for partners, `host:port`; none if it only dials.
    pub endpoints: Vec<String>,
    /// The version of its software.
    pub software: String,
    /// When the card was written.
    pub issued_at: Time,
    /// From the first key to the one that signed, in order.
    pub rotations: Vec<Signed<Rotation>>,
}

/// How often a key may change in a member's life.
const ROTATIONS_MAX: usize = 32;
/// Listeners on one card.
const ENDPOINTS_MAX: usize = 8;

/// The highest version of a card. It bounds what the gossip about one member can cost others.
const VERSION_MAX: u32 = 10_000;

/// What a card is to the one that is known of its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Succession {
    /// It takes its place.
    Newer,
    /// It is the same one, or an earlier one.
    Older,
    /// Its chain of keys leads elsewhere: two people have had one of the keys.
    Fork,
}

impl Signed<Card> {
    /// What this card is to `present`, of the same member.
    ///
    /// Of two with the same keys and version the one with the larger digest counts, so that all
    /// who know both hold the same one.
    pub(super) fn succeeds(&self, present: &Self) -> Succession {
        let (ours, theirs) = (&self.content().rotations, &present.content().rotations);
        let same =
            |(one, other): (&Signed<Rotation>, &Signed<Rotation>)| one.digest() == other.digest();
        if !ours.iter().zip(theirs).all(same) {
            return Succession::Fork;
        }
        let rank = |card: &Self| {
            let Card { rotations, version, .. } = card.content();
            (rotations.len(), *version, card.digest())
        };
        if rank(self) > rank(present) { Succession::Newer } else { Succession::Older }
    }
}

impl Document for Card {
    const DOMAIN: &'static str = "governance/card";
    const BYTES_MAX: usize = 32 << 10;

    fn check(&self, signer: &PublicKey) -> Result<(), Flaw> {
        rule((1..=VERSION_MAX).contains(&self.version), "version", "is not 1 to 10,000")?;
        line("name", &self.name, 120)?;
        line("contact", &self.contact, 200)?;
        line("software", &self.software, 60)?;
        rule(self.endpoints.len() <= ENDPOINTS_MAX, "endpoints", "are more than 8")?;
        for endpoint in &self.endpoints {
            line("endpoints", endpoint, 260)?;
            let host_and_port = endpoint.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
            });
            let plain = !endpoint.chars().any(char::is_whitespace);
            rule(host_and_port && plain, "endpoints", "are written host:port")?;
        }
        rule(self.rotations.len() <= ROTATIONS_MAX, "rotations", "are more than 32")?;
        let current = current_key(&self.member, &self.rotations)?;
        rule(current == *signer, "member", "has another key than the one that signed")
    }
}

/// A member's own word that another key speaks for it from now on; signed by the key before.
///
/// The new key agrees by signing the card that carries the rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Whose key changes.
    pub member: MemberId,
    /// Counts the rotations of this member from 1.
    pub number: u32,
    /// The new key.
    #[serde(with = "key_text")]
    pub to: PublicKey,
    /// When it was signed.
    pub at: Time,
    /// Whether somebody else may have the old key: nothing signed by it or by earlier ones that
    /// arrives from now on is believed.
    pub compromised: bool,
}

impl Document for Rotation {
    const DOMAIN: &'static str = "governance/rotation";
    const BYTES_MAX: usize = 1024;

    fn check(&self, signer: &PublicKey) -> Result<(), Flaw> {
        rule(self.to.is_sound(), "to", "is a key under which anybody can sign")?;
        rule(self.to != *signer, "to", "is the key that signed")
    }
}

/// The key to which a chain of rotations leads.
fn current_key(member: &MemberId, rotations: &[Signed<Rotation>]) -> Result<PublicKey, Flaw> {
    let mut keys = vec![*member.first_key()];
    for (index, rotation) in rotations.iter().enumerate() {
        let Rotation { member: whose, number, to, .. } = rotation.content();
        let follows =
            whose == member && *number as usize == index + 1 && keys.last() == Some(rotation.key());
        rule(follows, "rotations", "do not follow each other")?;
        rule(!keys.contains(to), "rotations", "come back to an earlier key")?;
        keys.push(*to);
    }
    Ok(keys[keys.len() - 1])
}
