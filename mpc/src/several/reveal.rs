//! The only ways from shares among several parties to values.
//!
//! [`open_bit`] and [`open_bits`] reveal bits to all, [`learn_each`] and [`learn_each_wide`] to
//! each party numbers of its own.
//!
//! # Functionality
//! Afterwards the learners hold the values.
//! # Messages
//! 1. `blinding` between each two parties, both ways: random words
//! 2. `opened_bit` or `opened_bits` between each two, or `share` to the learner: the blinded shares
//! # Leaks
//! Exactly the values, under a key that the job declares; see `reveal` for two parties.
//! # Security
//! A party adds to its shares what it has drawn for each other party and subtracts what it got,
//! which changes no sum. Shares of two parties that did not collude with the learner are uniform
//! then but for their sum: none says by itself how it came about.
//! # Cost
//! 2 flights; between each two parties, each way, 8 bytes for each value of all learners and 8 for
//! each of the receiver's, twice that modulo 2^128; for a bit 8 and 1.

use net::{Size, together};

use super::Parties;
use super::words::accumulate;
use crate::boolean::Bits;
use crate::{MpcError, Word};

/// Reveals one XOR-shared bit to all parties.
///
/// # Errors
/// [`MpcError::Undeclared`] for a key that the job does not declare, [`MpcError::Net`] when a peer
/// fails.
#[net::boxed]
pub async fn open_bit(parties: &mut Parties, key: &str, share: u64) -> Result<bool, MpcError> {
    const STEP: &str = "opened_bit";
    parties.ledger.record(key, "all", 1)?;
    // The XOR of bits is the lowest bit of the sum.
    let blinded = blind(parties, &[share & 1]).await?;
    let own = blinded.first().map_or(0, |word| word & 1);
    let theirs = together(parties.links().iter_mut().map(|link| async move {
        let session = &mut link.session;
        let theirs = session.exchange_bytes(STEP, vec![own as u8], Size::Exactly(1)).await?;
        match theirs.as_slice() {
            [bit @ (0 | 1)] => Ok(u64::from(*bit)),
            _ => Err(MpcError::from(session.misbehaved(STEP, "a bit must be 0 or 1"))),
        }
    }))
    .await?;
    Ok(theirs.iter().fold(own, |sum, bit| sum ^ bit) == 1)
}

/// Reveals XOR-shared bits to all parties; the ledger counts them as one value each.
///
/// # Errors
/// [`MpcError::Undeclared`] for a key that the job does not declare, [`MpcError::Net`] when a peer
/// fails.
#[net::boxed]
pub async fn open_bits(parties: &mut Parties, key: &str, shares: &Bits) -> Result<Bits, MpcError> {
    parties.ledger.record(key, "all", shares.len() as u64)?;
    let mut blinded = shares.words().to_vec();
    for (mine, theirs) in drawn(parties, blinded.len()).await? {
        for (word, (mine, theirs)) in blinded.iter_mut().zip(mine.iter().zip(&theirs)) {
            *word ^= mine ^ theirs;
        }
    }
    // Bits behind the last one stay random.
    let blinded = &blinded;
    let theirs = together(parties.links().iter_mut().map(|link| async move {
        link.session.exchange_words("opened_bits", blinded, blinded.len()).await
    }))
    .await?;
    let own = Bits::from_words(blinded.clone(), shares.len());
    let bits = |words| Bits::from_words(words, shares.len());
    Ok(theirs.into_iter().map(bits).fold(own, |sum, bits| sum.xor(&bits)))
}

/// Reveals to each party the numbers of which the shares stand at its place; returns this party's.
///
/// # Errors
/// [`MpcError::InvalidInput`] unless there are shares for each party, [`MpcError::Undeclared`] for
/// a key that the job does not declare, [`MpcError::Net`] when a peer fails.
#[net::boxed]
pub async fn learn_each(
    parties: &mut Parties,
    key: &str,
    shares: &[Vec<u64>],
) -> Result<Vec<u64>, MpcError> {
    learn_words(parties, key, shares).await
}

/// [`learn_each`] for numbers shared modulo 2^128, at twice the bytes.
///
/// # Errors
/// Those of [`learn_each`].
#[net::boxed]
pub async fn learn_each_wide(
    parties: &mut Parties,
    key: &str,
    shares: &[Vec<u128>],
) -> Result<Vec<u128>, MpcError> {
    learn_words(parties, key, shares).await
}

async fn learn_words<W: Word>(
    parties: &mut Parties,
    key: &str,
    shares: &[Vec<W>],
) -> Result<Vec<W>, MpcError> {
    if shares.len() != parties.count() {
        let text = format!("shares for {} of {} parties", shares.len(), parties.count());
        return Err(MpcError::InvalidInput(text));
    }
    for (place, shares) in shares.iter().enumerate() {
        parties.ledger.record(key, parties.name(place), shares.len() as u64)?;
    }
    let blinded = blind(parties, &shares.concat()).await?;
    let mut rest = blinded.as_slice();
    let mut parts = Vec::with_capacity(shares.len());
    for shares in shares {
        let (part, further) = rest.split_at(shares.len());
        parts.push(part);
        rest = further;
    }
    let number = parties.number();
    let mut values = parts[number].to_vec();
    let received = together(parties.peers().map(|(place, link)| {
        let theirs: Vec<u64> = parts[place].iter().flat_map(|share| share.words()).collect();
        let count = parts[number].len() * W::BYTES / 8;
        async move { link.session.exchange_words("share", &theirs, count).await }
    }))
    .await?;
    for shares in &received {
        accumulate(&mut values, &joined(shares));
    }
    Ok(values)
}

/// Other shares of the same numbers, which say nothing about how the given ones came about.
async fn blind<W: Word>(parties: &mut Parties, shares: &[W]) -> Result<Vec<W>, MpcError> {
    let mut blinded = shares.to_vec();
    for (mine, theirs) in drawn(parties, shares.len() * W::BYTES / 8).await? {
        let pairs = joined::<W>(&mine).into_iter().zip(joined::<W>(&theirs));
        for (share, (mine, theirs)) in blinded.iter_mut().zip(pairs) {
            *share = share.plus(mine).minus(theirs);
        }
    }
    Ok(blinded)
}

/// Numbers from their 64-bit words, the lowest of each first.
fn joined<W: Word>(words: &[u64]) -> Vec<W> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.chunks_exact(W::BYTES).map(W::read).collect()
}

/// With each other party, random words that this party drew and those that the other one drew.
async fn drawn(parties: &mut Parties, count: usize) -> Result<Vec<(Vec<u64>, Vec<u64>)>, MpcError> {
    together(parties.links().iter_mut().map(|link| async move {
        let mut mine = vec![0; count];
        link.session.rng().fill_words(&mut mine);
        let theirs = link.session.exchange_words("blinding", &mine, count).await?;
        Ok((mine, theirs))
    }))
    .await
}
