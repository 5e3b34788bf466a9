//! The only two ways from shares to values: [`open`] (both parties learn) and [`learn`] (one does).
//!
//! # Functionality
//! The parties hold additive shares; afterwards both, or the named one, hold the values.
//! # Messages
//! 1. `opened`, `opened_bit` or `opened_bits` both ways, or `share` to the learner: the shares
//! # Leaks
//! Exactly the values, which the job's disclosure statement must list under `key`: an undeclared
//! key is an error before anything is sent, and every release is counted in the [`Ledger`].
//! # Security
//! Semi-honest; a peer that lies about its share changes the result (nothing authenticates shares).
//! # Cost
//! One flight, 8 bytes for each value and learner, 16 for a wide one; 1 byte for one bit, 8 for 64
//! bits.
//! # Reference
//! Standard; the gate-keeping follows habit 21 of `docs/STYLE.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::boolean::Bits;
use crate::{MpcError, TwoParty};

/// What a job may reveal, and what it has revealed.
#[derive(Debug, Default)]
pub struct Ledger {
    declared: BTreeSet<String>,
    observed: Mutex<BTreeMap<(String, String), u64>>,
}

/// One line of what was revealed: how many values of which disclosure went to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The disclosure's key, for instance `train.stop_bit`.
    pub key: String,
    /// The party that learned the values, or `all`.
    pub to: String,
    /// Number of values.
    pub count: u64,
}

/// Who learns a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learner {
    /// The party that the job lists first.
    First,
    /// The other party.
    Second,
}

impl Ledger {
    /// A ledger that lets exactly the disclosures with these keys through.
    pub fn new<K: Into<String>>(declared: impl IntoIterator<Item = K>) -> Self {
        Self {
            declared: declared.into_iter().map(Into::into).collect(),
            observed: Mutex::default(),
        }
    }

    /// Notes that `count` values of disclosure `key` are about to go to `to`.
    ///
    /// # Errors
    /// [`MpcError::Undeclared`] if the job does not declare the key.
    pub fn record(&self, key: &str, to: &str, count: u64) -> Result<(), MpcError> {
        if !self.declared.contains(key) {
            return Err(MpcError::Undeclared(key.to_owned()));
        }
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        *observed.entry((key.to_owned(), to.to_owned())).or_insert(0) += count;
        Ok(())
    }

    /// Everything revealed so far, by key and learner.
    pub fn observed(&self) -> Vec<Observation> {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        observed
            .iter()
            .map(|((key, to), &count)| Observation { key: key.clone(), to: to.clone(), count })
            .collect()
    }
}

/// Reveals additively shared words to both parties.
#[net::boxed]
pub async fn open(party: &mut TwoParty, key: &str, shares: &[u64]) -> Result<Vec<u64>, MpcError> {
    party.ledger.record(key, "all", shares.len() as u64)?;
    let theirs = party.session.exchange_words("opened", shares, shares.len()).await?;
    Ok(shares.iter().zip(theirs).map(|(mine, theirs)| mine.wrapping_add(theirs)).collect())
}

/// Reveals additively shared words to one party; the other gets `None`.
#[net::boxed]
pub async fn learn(
    party: &mut TwoParty,
    key: &str,
    learner: Learner,
    shares: &[u64],
) -> Result<Option<Vec<u64>>, MpcError> {
    let mine = record(party, key, learner, shares.len())?;
    if !mine {
        party.session.send_words("share", shares).await?;
        return Ok(None);
    }
    let theirs = party.session.receive_words("share", shares.len()).await?;
    let values = shares.iter().zip(theirs).map(|(mine, theirs)| mine.wrapping_add(theirs));
    Ok(Some(values.collect()))
}

/// [`learn`] for words shared modulo 2^128, at 16 bytes each.
#[net::boxed]
pub async fn learn_wide(
    party: &mut TwoParty,
    key: &str,
    learner: Learner,
    shares: &[u128],
) -> Result<Option<Vec<u128>>, MpcError> {
    let mine = record(party, key, learner, shares.len())?;
    if !mine {
        let halves: Vec<u64> =
            shares.iter().flat_map(|share| [*share as u64, (share >> 64) as u64]).collect();
        party.session.send_words("share", &halves).await?;
        return Ok(None);
    }
    let theirs = party.session.receive_words("share", 2 * shares.len()).await?;
    let theirs = theirs.as_chunks::<2>().0.iter();
    let values = shares.iter().zip(theirs).map(|(mine, [low, high])| {
        mine.wrapping_add(u128::from(*low)).wrapping_add(u128::from(*high) << 64)
    });
    Ok(Some(values.collect()))
}

/// Notes what one party is about to learn; true at that party.
fn record(party: &TwoParty, key: &str, learner: Learner, count: usize) -> Result<bool, MpcError> {
    let mine = party.is_first() == (learner == Learner::First);
    let to = if mine { party.session.me() } else { party.session.peer() }.to_owned();
    party.ledger.record(key, &to, count as u64)?;
    Ok(mine)
}

/// Reveals one XOR-shared bit to both parties.
#[net::boxed]
pub async fn open_bit(party: &mut TwoParty, key: &str, share: u64) -> Result<bool, MpcError> {
    party.ledger.record(key, "all", 1)?;
    let theirs =
        party.session.exchange_bytes("opened_bit", vec![share as u8 & 1], net::Size::Exactly(1));
    let theirs = theirs.await?;
    match theirs.as_slice() {
        [bit @ (0 | 1)] => Ok(u64::from(*bit) ^ (share & 1) == 1),
        _ => Err(party.session.misbehaved("opened_bit", "a bit must be 0 or 1").into()),
    }
}

/// Reveals XOR-shared bits to both parties; the ledger counts them as one value each.
#[net::boxed]
pub async fn open_bits(party: &mut TwoParty, key: &str, shares: &Bits) -> Result<Bits, MpcError> {
    party.ledger.record(key, "all", shares.len() as u64)?;
    let words = shares.words();
    let theirs = party.session.exchange_words("opened_bits", words, words.len()).await?;
    Ok(shares.xor(&Bits::from_words(theirs, shares.len())))
}

#[cfg(test)]
mod tests;
