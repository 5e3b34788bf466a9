//! What a hidden intersection amounts to: how many rows match, and the sum of a payload over them.
//!
//! # Functionality
//! [`cardinality`]: from shares of which rows match ([`circuit`](super::circuit)) each learning
//! party gets how many do. [`sum`]: also the sum, modulo 2^64, of one payload column of the sender
//! over these rows. [`Learn`] says who learns.
//!
//! # Messages
//! 1. `corrections`, `correlations`: the flags become additive shares (see [`mpc::conversion`])
//! 2. for a sum, the same again: the payload is kept where the flag is set, and zero elsewhere
//! 3. `opened` both ways, or `share` to the one learner: the total; for a sum, the number of
//!    matches and the total
//!
//! # Leaks
//! To a learning party the number of matches and, for a sum, the total: values that the job's
//! disclosure statement must list under [`CARDINALITY`] and [`SUM`]. To others nothing. A sum over
//! one match is that row's number, and totals of two runs whose sets differ in one row tell about
//! that row: agree on the least number of rows and on the number of runs.
//!
//! # Security
//! Semi-honest, from the transfers. Each party adds up its shares by itself, so that only sums are
//! opened. A dishonest party can shift the totals; nothing authenticates shares.
//!
//! # Cost
//! For β bins: a number of matches, 3 flights, 12·β bytes and 8 for each learner; a sum, 6 flights,
//! 36·β bytes and 16 for each learner. A third of the bytes at β come in whole groups of 128.
//!
//! # Reference
//! Pinkas, Schneider, Tkachenko, Yanai, EUROCRYPT 2019 (eprint 2019/241), section 6, with the
//! conversion of Asharov, Lindell, Schneider, Zohner, CCS 2013, in place of a Boolean adder.

use mpc::conversion::{bits_to_words, select};
use mpc::reveal::{self, Learner};
use mpc::{MpcError, TwoParty};

use crate::MatchingError;
use crate::psi::Learn;
use crate::psi::circuit::HiddenMatches;

/// The disclosure that lists the number of matches.
pub const CARDINALITY: &str = "psi.cardinality";

/// The disclosure that lists the sum of a payload over the matches.
pub const SUM: &str = "psi.sum";

/// A payload, summed up over the matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// How many rows match.
    pub cardinality: u64,
    /// The sum of their numbers modulo 2^64.
    pub sum: u64,
}

/// How many rows match; `None` for a party that does not learn it. Both parties pass their shares.
///
/// # Errors
///
/// [`MatchingError::Computation`] if the job does not declare [`CARDINALITY`], before it is sent;
/// [`MatchingError::Net`] when the peer is gone or breaks a rule.
pub async fn cardinality(
    party: &mut TwoParty,
    matches: &HiddenMatches,
    learn: Learn,
) -> Result<Option<u64>, MatchingError> {
    let flags = bits_to_words(party, &matches.flags).await?;
    Ok(release(party, CARDINALITY, learn, add_up(&flags)).await?)
}

/// How many rows match, and the sum of the payload `column` over them; `None` for a party that does
/// not learn it. Both parties pass their shares.
///
/// # Errors
///
/// As of [`cardinality`], with [`SUM`] to be declared too; [`MatchingError::Computation`] if there
/// is no such column.
pub async fn sum(
    party: &mut TwoParty,
    matches: &HiddenMatches,
    column: usize,
    learn: Learn,
) -> Result<Option<Total>, MatchingError> {
    let payload = matches.payloads.get(column).ok_or_else(|| {
        let columns = matches.payloads.len();
        MpcError::InvalidInput(format!("there is no payload {column}, but only {columns}"))
    })?;
    let kept = select(party, &matches.flags, payload).await?;
    let cardinality = cardinality(party, matches, learn).await?;
    let sum = release(party, SUM, learn, add_up(&kept)).await?;
    Ok(cardinality.zip(sum).map(|(cardinality, sum)| Total { cardinality, sum }))
}

fn add_up(shares: &[u64]) -> u64 {
    shares.iter().fold(0, |sum, share| sum.wrapping_add(*share))
}

/// Reveals one number to those who learn.
async fn release(
    party: &mut TwoParty,
    key: &str,
    learn: Learn,
    share: u64,
) -> Result<Option<u64>, MpcError> {
    let learner = match learn {
        Learn::Both => return Ok(reveal::open(party, key, &[share]).await?.pop()),
        Learn::First => Learner::First,
        Learn::Second => Learner::Second,
    };
    Ok(reveal::learn(party, key, learner, &[share]).await?.and_then(|mut values| values.pop()))
}

#[cfg(test)]
mod tests;
