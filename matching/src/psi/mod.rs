//! Private set intersection: which of its own rows does the other party have too?
//!
//! | protocol | learns | cost for one id of each side |
//! |---|---|---|
//! | [`ecdh`] | both or one | 4 scalar multiplications, 96 bytes (80 if one learns) |
//! | [`vole`] | both or one | 2 µs of symmetric work, 33 bytes (2^20 ids) |
//! | [`checked_vole`] | both or one | 2 to 3 times as [`vole`], against malicious parties |
//! | [`unbalanced`] | the client | 3 multiplications, 64 bytes; the server's set is sent once |
//! | [`multiparty`] | all of several, or the first | 44 bytes for each but the first (2^20 ids) |
//! | [`circuit`] | nobody: the result is shared | 775 bytes (2^20 ids) |
//!
//! [`buckets`] divides sets that are too large for memory; every protocol runs on each bucket.
//! [`totals`] turns a shared result into the number of common ids, or a sum over their rows.
//! [`union`] gives both parties one list of random ids for all rows of both, without saying which
//! are common.

pub mod buckets;
pub mod checked_vole;
pub mod circuit;
pub mod ecdh;
mod elements;
mod identifiers;
pub mod multiparty;
mod oprf;
mod positions;
mod sets;
mod tags;
#[cfg(test)]
mod test_support;
pub mod totals;
mod tweaked;
pub mod unbalanced;
pub mod union;
pub mod vole;

pub use identifiers::Identifiers;

/// Who learns the intersection. Named by the order of the parties in the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learn {
    /// Both parties, as training together needs.
    Both,
    /// Only the party listed first (the guest).
    First,
    /// Only the other party (the host).
    Second,
}

impl Learn {
    /// Whether the party learns that is (`true`) or is not (`false`) listed first in the job.
    pub fn includes(self, is_first: bool) -> bool {
        match self {
            Self::Both => true,
            Self::First => is_first,
            Self::Second => !is_first,
        }
    }
}

/// Rows that one intersection takes from each side: 2^30, so that positions fit 32 bits and tags of
/// 128 bits collide with probability below 2^-66.
pub const ROWS_MAX: usize = 1 << 30;
