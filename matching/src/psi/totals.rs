//! What a hidden intersection amounts to: how many rows match, and sums of payloads over them.
//!
//! # Functionality
//! [`cardinality`]: from shares of which rows match ([`circuit`](super::circuit)) each learning
//! party gets how many do. [`sums`]: also the sum, modulo 2^64, of each payload column over these
//! rows, if there are as many of them as agreed. Payloads are the sender's and, after
//! [`HiddenMatches::add_payloads_of_receiver`], also the receiver's. [`Learn`] says who learns.
//!
//! # Messages
//! 1. `corrections`, `correlations`: the flags become additive shares (see [`mpc::conversion`])
//! 2. `opened` both ways, or `share` to the one learner: the number of matches
//! 3. for sums, `enough` from the one learner to the other: whether they are as many as agreed;
//!    if both learn, both know. If not, the protocol ends here
//! 4. for each payload 1 again: it is kept where the flag is set, and zero elsewhere
//! 5. `opened` both ways, or `share` to the one learner: all sums
//!
//! # Leaks
//! To a learning party the number of matches and the sums: values that the job's disclosure
//! statement must list under [`CARDINALITY`] and [`SUM`]. To a party that does not learn, if there
//! are payloads, whether the number of matches reaches the agreed one, listed under [`ENOUGH`].
//! A sum over one match is that row's number, and totals of two runs whose sets differ in one row
//! tell about that row: agree on the least number of rows and on the number of runs.
//!
//! # Security
//! Semi-honest, from the transfers. Each party adds up its shares by itself, so that only sums are
//! opened. A dishonest party can shift the totals; nothing authenticates shares. The least number
//! of matches therefore binds honest parties only: who shifts the number of matches, or says
//! `enough` without having enough, gets sums over fewer.
//!
//! # Cost
//! For β bins: a number of matches, 3 flights, 12·β bytes and 8 for each learner; each payload
//! 24·β bytes and 8 for each learner, 3 flights each and one for all sums; a byte and a flight for
//! `enough`. A third of the bytes at β come in whole groups of 128.
//!
//! # Reference
//! Pinkas, Schneider, Tkachenko, Yanai, EUROCRYPT 2019 (eprint 2019/241), section 6, with the
//! conversion of Asharov, Lindell, Schneider, Zohner, CCS 2013, in place of a Boolean adder.

use mpc::conversion::{bits_to_words, select};
use mpc::reveal::{self, Learner};
use mpc::{MpcError, TwoParty};
use net::Size;

use crate::MatchingError;
use crate::psi::Learn;
use crate::psi::circuit::HiddenMatches;

/// The disclosure that lists the number of matches.
pub const CARDINALITY: &str = "psi.cardinality";

/// The disclosure that lists the sums of payloads over the matches.
pub const SUM: &str = "psi.sum";

/// The disclosure that lists whether sums are opened, to a party that does not learn them.
pub const ENOUGH: &str = "psi.enough";

/// What came out for a party.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows match; `None` for a party that does not learn it.
    pub cardinality: Option<u64>,
    /// Whether they are as many as agreed; `None` for a party that does not learn how many they
    /// are, if there are no payloads.
    pub is_enough: Option<bool>,
    /// The sum of each payload modulo 2^64; `None` for a party that does not learn them, and for
    /// everybody if too few rows match.
    pub sums: Option<Vec<u64>>,
}

/// How many rows match; `None` for a party that does not learn it. Both parties pass their shares.
///
/// # Errors
///
/// [`MatchingError::Computation`] if the job does not declare [`CARDINALITY`], before it is sent;
/// [`MatchingError::Net`] when the peer is gone or breaks a rule.
#[net::boxed]
pub async fn cardinality(
    party: &mut TwoParty,
    matches: &HiddenMatches,
    learn: Learn,
) -> Result<Option<u64>, MatchingError> {
    let flags = bits_to_words(party, &matches.flags).await?;
    let opened = release(party, CARDINALITY, learn, &[add_up(&flags)]).await?;
    Ok(opened.and_then(|mut numbers| numbers.pop()))
}

/// How many rows match and, if these are at least `minimum`, the sum of each payload over them.
/// Both parties pass their shares, of equally many payloads.
///
/// # Errors
///
/// As of [`cardinality`], with [`SUM`] and, unless both learn, [`ENOUGH`] to be declared too.
#[net::boxed]
pub async fn sums(
    party: &mut TwoParty,
    matches: &HiddenMatches,
    learn: Learn,
    minimum: u64,
) -> Result<Totals, MatchingError> {
    let cardinality = cardinality(party, matches, learn).await?;
    let is_enough = cardinality.map(|count| count >= minimum);
    if matches.payloads.is_empty() {
        return Ok(Totals { cardinality, is_enough, sums: None });
    }
    let is_enough = match learn {
        Learn::Both => is_enough == Some(true),
        Learn::First | Learn::Second => tell_whether_enough(party, is_enough).await?,
    };
    if !is_enough {
        return Ok(Totals { cardinality, is_enough: Some(false), sums: None });
    }
    let mut shares = Vec::with_capacity(matches.payloads.len());
    for payload in &matches.payloads {
        shares.push(add_up(&select(party, &matches.flags, payload).await?));
    }
    let sums = release(party, SUM, learn, &shares).await?;
    Ok(Totals { cardinality, is_enough: Some(true), sums })
}

/// The learner, who knows, tells the other, who has `None`.
async fn tell_whether_enough(
    party: &mut TwoParty,
    is_enough: Option<bool>,
) -> Result<bool, MatchingError> {
    let session = &mut party.session;
    let learns = if is_enough.is_some() { session.peer() } else { session.me() };
    party.ledger.record(ENOUGH, learns, 1)?;
    if let Some(is_enough) = is_enough {
        session.send_bytes("enough", vec![u8::from(is_enough)]).await?;
        return Ok(is_enough);
    }
    match session.receive_bytes("enough", Size::Exactly(1)).await?.as_slice() {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(session.misbehaved("enough", "a truth value must be 0 or 1").into()),
    }
}

fn add_up(shares: &[u64]) -> u64 {
    shares.iter().fold(0, |sum, share| sum.wrapping_add(*share))
}

/// Reveals numbers to those who learn.
async fn release(
    party: &mut TwoParty,
    key: &str,
    learn: Learn,
    shares: &[u64],
) -> Result<Option<Vec<u64>>, MpcError> {
    let learner = match learn {
        Learn::Both => return Ok(Some(reveal::open(party, key, shares).await?)),
        Learn::First => Learner::First,
        Learn::Second => Learner::Second,
    };
    reveal::learn(party, key, learner, shares).await
}

#[cfg(test)]
mod tests;
