//! The keys of members over time.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use super::{Card, Rotation};
use crate::canonical::{Flaw, Signed};

/// A member's name for good: its first key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberId(PublicKey);

impl MemberId {
    /// The member whose first key this is.
    pub const fn of_key(key: PublicKey) -> Self {
        Self(key)
    }

    /// The member's first key; it may have a later one by now.
    pub const fn first_key(&self) -> &PublicKey {
        &self.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for MemberId {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        let key = text.parse().map_err(|_| Flaw { field: "member", rule: "is no key" })?;
        Ok(Self(key))
    }
}

impl TryFrom<String> for MemberId {
    type Error = Flaw;

    fn try_from(text: String) -> Result<Self, Flaw> {
        text.parse()
    }
}

impl From<MemberId> for String {
    fn from(member: MemberId) -> Self {
        member.to_string()
    }
}

/// Which keys speak for which members; only those whose word counts here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keyring {
    chains: BTreeMap<MemberId, Vec<Signed<Rotation>>>,
}

impl Keyring {
    /// Puts the keys of a card's owner on the ring, in place of those that it had there.
    pub fn insert(&mut self, card: &Signed<Card>) {
        let Card { member, rotations, .. } = card.content();
        self.chains.insert(*member, rotations.clone());
    }

    /// Takes a member's keys off the ring.
    pub fn remove(&mut self, member: &MemberId) {
        self.chains.remove(member);
    }

    /// Whether the member is on the ring.
    pub fn has(&self, member: &MemberId) -> bool {
        self.chains.contains_key(member)
    }

    /// The key by which a member signs now.
    pub fn current(&self, member: &MemberId) -> Option<PublicKey> {
        let chain = self.chains.get(member)?;
        Some(chain.last().map_or(*member.first_key(), |last| last.content().to))
    }

    /// Whether a signature by `key` speaks for `member`: its present key, or an earlier one that it
    /// gave up before it could be stolen.
    ///
    /// Earlier keys count because statements travel: what a member signed a minute before its key
    /// changed must be the same to everybody, whenever it arrives.
    pub fn speaks_for(&self, key: &PublicKey, member: &MemberId) -> bool {
        self.chains.get(member).is_some_and(|chain| is_believed(key, member, chain))
    }
}

/// Whether a member's chain of rotations leaves `key` believed.
pub(super) fn is_believed(key: &PublicKey, member: &MemberId, chain: &[Signed<Rotation>]) -> bool {
    let safe_from = chain.iter().rposition(|it| it.content().compromised).map_or(0, |at| at + 1);
    let later = chain.iter().map(|it| it.content().to);
    std::iter::once(*member.first_key()).chain(later).skip(safe_from).any(|it| it == *key)
}
