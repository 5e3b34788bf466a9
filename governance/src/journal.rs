//! What several members say about one topic, so that all of them hold the same in the end.
//!
//! Each author writes a log of its own: entries numbered from 0, each signed and naming the one
//! before by its digest. A [`Journal`] is the logs of all authors of a topic. It takes entries in
//! any order and any number of times; what comes too early waits. What a topic's state is, is a
//! function of the logs alone, so that parties with the same entries have the same state, whatever
//! the order in which these arrived, and entries of one author never overtake each other.
//!
//! An author that signs two different entries of one number has contradicted itself. Both are
//! kept as evidence and sent to all others, and the topic's state says so: nothing else is derived
//! from such a log.
//!
//! Whose key an entry was signed by is asked once, when it arrives ([`Journal::take`]). A node that
//! reads its own store asks no more ([`Journal::restore`]): keys change, and what was taken stays.

use std::collections::BTreeMap;

use crypto::signature::PublicKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::canonical::{Digest, Document, Flaw, Signed, Signer, rule};
use crate::members::{Keyring, MemberId};
use crate::time::Time;

/// What stands in the entries of one kind of topic.
pub trait Act: Clone + PartialEq + Serialize + DeserializeOwned {
    /// What an entry is: `governance/job entry`.
    const DOMAIN: &'static str;
    /// The longest entry in canonical form.
    const BYTES_MAX: usize;
    /// How many entries an author may write on one topic.
    const ENTRIES_MAX: u32;

    /// Checks lengths and ranges.
    ///
    /// # Errors
    /// [`Flaw`], the first one.
    fn check(&self) -> Result<(), Flaw>;

    /// Whether a topic begins with it, so that nothing about the topic can be placed before.
    fn begins(&self) -> bool {
        false
    }
}

/// One thing that an author says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<A> {
    /// The agreement or the run it is about.
    pub topic: Digest,
    /// Who says it.
    pub author: MemberId,
    /// Counts the author's entries from 0.
    pub number: u32,
    /// The digest of the author's entry before; of the first one, the topic.
    pub previous: Digest,
    /// When it was written, by the author's clock.
    pub made_at: Time,
    /// What it says.
    pub act: A,
}

impl<A: Act> Document for Entry<A> {
    const DOMAIN: &'static str = A::DOMAIN;
    const BYTES_MAX: usize = A::BYTES_MAX;

    fn check(&self, _signer: &PublicKey) -> Result<(), Flaw> {
        let begins = self.number > 0 || self.previous == self.topic;
        rule(begins, "previous", "is not the topic, though it is the first entry")?;
        self.act.check()
    }
}

/// The logs of all authors of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal<A> {
    topic: Digest,
    logs: BTreeMap<MemberId, Log<A>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Log<A> {
    entries: Vec<Signed<Entry<A>>>,
    /// The length of all these together.
    bytes: usize,
    /// Those behind a gap.
    early: BTreeMap<u32, Signed<Entry<A>>>,
    contradiction: Option<[Signed<Entry<A>>; 2]>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It, and perhaps others that waited for it, count from now on.
    New,
    /// It was here already.
    Known,
    /// It was here already, under a key that is not believed any more: its signature is new.
    Renewed,
    /// It waits for entries before it.
    Early {
        /// The number of the first one that is missing.
        wanted: u32,
    },
    /// It contradicts another entry of its author.
    Contradiction,
}

/// Why an entry was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It was signed for something else.
    #[error("the entry is about another topic; it may be a replayed one")]
    OtherTopic,
    /// Its author is no party here.
    #[error("the author of the entry takes no part in this")]
    NoParty,
    /// The signature is not the author's.
    #[error("the entry was signed by a key that does not speak for its author")]
    Key,
    /// Too many are missing before it.
    #[error("entries from {wanted} on come first")]
    TooEarly {
        /// The number of the first one that is missing.
        wanted: u32,
    },
    /// The author has said too much.
    #[error("the author's log is full: {most} entries or {LOG_BYTES_MAX} bytes")]
    Full {
        /// How many entries are taken.
        most: u32,
    },
}

/// How far behind a gap an entry may be to be kept.
const EARLY_MAX: u32 = 64;
/// How many bytes are kept behind a gap.
const EARLY_BYTES_MAX: usize = 2 << 20;
/// How many bytes an author may write on one topic.
const LOG_BYTES_MAX: usize = 8 << 20;

impl<A: Act> Journal<A> {
    /// The empty journal of a topic and its authors.
    pub fn new(topic: Digest, authors: impl IntoIterator<Item = MemberId>) -> Self {
        let log =
            || Log { entries: Vec::new(), bytes: 0, early: BTreeMap::new(), contradiction: None };
        Self { topic, logs: authors.into_iter().map(|author| (author, log())).collect() }
    }

    /// What it is about.
    pub fn topic(&self) -> Digest {
        self.topic
    }

    /// Who may write.
    pub fn authors(&self) -> impl Iterator<Item = MemberId> {
        self.logs.keys().copied()
    }

    /// The entries of one author that count, in order.
    pub fn log(&self, author: &MemberId) -> &[Signed<Entry<A>>] {
        self.logs.get(author).map_or(&[], |log| log.entries.as_slice())
    }

    /// All entries that count, author by author.
    pub fn entries(&self) -> impl Iterator<Item = &Signed<Entry<A>>> {
        self.logs.values().flat_map(|log| &log.entries)
    }

    /// How many entries of each author count: what another party needs to send the rest.
    pub fn lengths(&self) -> BTreeMap<MemberId, u32> {
        self.logs.iter().map(|(author, log)| (*author, log.entries.len() as u32)).collect()
    }

    /// The entries that a party with these lengths lacks, and the evidence of contradictions; what
    /// the topic begins with comes first.
    pub fn missing(&self, lengths: &BTreeMap<MemberId, u32>) -> Vec<&Signed<Entry<A>>> {
        let mut missing = Vec::new();
        for (author, log) in &self.logs {
            let from = lengths.get(author).map_or(0, |length| *length as usize);
            missing.extend(log.entries.iter().skip(from));
            missing.extend(log.contradiction.iter().flatten());
        }
        missing.sort_by_key(|entry| !entry.content().act.begins());
        missing
    }

    /// Authors that contradicted themselves, each with the evidence: two entries that both signed.
    pub fn contradictions(&self) -> BTreeMap<MemberId, &[Signed<Entry<A>>; 2]> {
        let logs = self.logs.iter();
        logs.filter_map(|(author, log)| Some((*author, log.contradiction.as_ref()?))).collect()
    }

    /// Writes an author's next entry; it counts when it is taken, here as everywhere.
    ///
    /// # Errors
    /// [`Flaw`]: the act breaks a rule, or the log is full.
    pub fn write(
        &self,
        author: MemberId,
        act: A,
        now: Time,
        signer: &dyn Signer,
    ) -> Result<Signed<Entry<A>>, Flaw> {
        let log = self.log(&author);
        let previous = log.last().map_or(self.topic, Signed::digest);
        let number = log.len() as u32;
        let entry = Entry { topic: self.topic, author, number, previous, made_at: now, act };
        let entry = Signed::new(entry, signer)?;
        let room = self.logs.get(&author).is_none_or(|log| log.has_room_for(&entry));
        rule(room, "log", "is full; begin a new agreement or run")?;
        Ok(entry)
    }

    /// An author's own entries under earlier keys, signed again: to be taken and sent after a
    /// change of key that calls the earlier one stolen.
    ///
    /// # Errors
    /// [`Flaw`], as for [`Self::write`].
    pub fn sign_again(
        &self,
        author: &MemberId,
        signer: &dyn Signer,
    ) -> Result<Vec<Signed<Entry<A>>>, Flaw> {
        let old = self.log(author).iter().filter(|entry| *entry.key() != signer.key());
        old.map(|entry| Signed::new(entry.content().clone(), signer)).collect()
    }

    /// What an entry from anybody would be here; nothing changes.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn examine(&self, entry: &Signed<Entry<A>>, keys: &Keyring) -> Result<Taken, Refusal> {
        let Entry { topic, author, number, previous, .. } = *entry.content();
        if topic != self.topic {
            return Err(Refusal::OtherTopic);
        }
        let log = self.logs.get(&author).ok_or(Refusal::NoParty)?;
        if !keys.speaks_for(entry.key(), &author) {
            return Err(Refusal::Key);
        }
        let next = log.entries.len() as u32;
        // One contradiction is enough; a second one tells nothing new.
        let contradiction =
            if log.contradiction.is_some() { Taken::Known } else { Taken::Contradiction };
        if let Some(known) = log.entries.get(number as usize).or_else(|| log.early.get(&number)) {
            return Ok(if known.digest() != entry.digest() {
                contradiction
            } else if keys.speaks_for(known.key(), &author) {
                Taken::Known
            } else {
                Taken::Renewed
            });
        }
        if number >= A::ENTRIES_MAX || (number == next && !log.has_room_for(entry)) {
            return Err(Refusal::Full { most: A::ENTRIES_MAX });
        }
        if number > next {
            let waiting: usize = log.early.values().map(Signed::length).sum();
            let room = waiting + entry.length() <= EARLY_BYTES_MAX;
            let kept = number - next <= EARLY_MAX && room;
            let wanted = next;
            return if kept {
                Ok(Taken::Early { wanted })
            } else {
                Err(Refusal::TooEarly { wanted })
            };
        }
        let follows = log.entries.last().is_none_or(|last| last.digest() == previous);
        Ok(if follows { Taken::New } else { contradiction })
    }

    /// Takes an entry from anybody.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub fn take(&mut self, entry: Signed<Entry<A>>, keys: &Keyring) -> Result<Taken, Refusal> {
        let taken = self.examine(&entry, keys)?;
        if taken != Taken::Known {
            self.restore(entry);
        }
        Ok(taken)
    }

    /// Takes an entry that was taken before and stored, whatever became of its key.
    pub fn restore(&mut self, entry: Signed<Entry<A>>) {
        let Entry { topic, author, .. } = *entry.content();
        if topic != self.topic {
            return;
        }
        if let Some(log) = self.logs.get_mut(&author) {
            log.place(topic, entry);
        }
    }
}

impl<A: Act> Log<A> {
    /// A log that is full at one party is full at all, since only entries that count are counted.
    fn has_room_for(&self, entry: &Signed<Entry<A>>) -> bool {
        entry.content().number < A::ENTRIES_MAX && self.bytes + entry.length() <= LOG_BYTES_MAX
    }

    fn place(&mut self, topic: Digest, entry: Signed<Entry<A>>) {
        let number = entry.content().number;
        let known = match self.entries.get_mut(number as usize) {
            Some(known) => Some(known),
            None => self.early.get_mut(&number),
        };
        match known {
            // The same words, signed by a later key.
            Some(known) if known.digest() == entry.digest() => *known = entry,
            Some(known) => {
                let known = known.clone();
                self.contradicts(known, entry);
            }
            None => {
                self.early.insert(number, entry);
                self.append(topic);
            }
        }
    }

    /// Moves entries that waited behind the last one that counts.
    fn append(&mut self, topic: Digest) {
        while let Some(entry) = self.early.remove(&(self.entries.len() as u32)) {
            let previous = self.entries.last().map_or(topic, Signed::digest);
            if entry.content().previous != previous {
                // It follows another entry than the one of that number here: there are two.
                let last = self.entries.last().unwrap_or(&entry).clone();
                self.contradicts(last, entry);
                return;
            }
            if !self.has_room_for(&entry) {
                self.early.clear();
                return;
            }
            self.bytes += entry.length();
            self.entries.push(entry);
        }
    }

    fn contradicts(&mut self, one: Signed<Entry<A>>, other: Signed<Entry<A>>) {
        if self.contradiction.is_none() {
            self.contradiction = Some([one, other]);
        }
    }
}

#[cfg(test)]
mod tests;
