//! Why a match could not be made, and whose fault it is.

use mpc::MpcError;
use net::NetError;
use table::TableError;

use crate::okvs::NotEncodable;
use crate::psi::unbalanced::CacheError;

/// An error of a matching protocol.
///
/// No text holds an id: ids are personal data, and errors end up in logs and with the peer. Rows
/// are counted from 1, without any header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatchingError {
    /// The conversation failed, or the peer broke a rule of the protocol.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A block of secure computation failed for another reason than the conversation.
    #[error(transparent)]
    Computation(Box<MpcError>),
    /// The ids have no key-value store under the seed that was drawn: a chance of 2^-39.
    #[error("the ids could not be packed this time; start the job again")]
    NotEncodable(#[from] NotEncodable),
    /// What was prepared for an unbalanced intersection cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The set that a protocol packs is larger than it can pack.
    #[error(
        "the set to be packed has {rows} rows and the protocol packs at most {rows_max}; align by \
         ECDH, or split the tables"
    )]
    TooManyToPack {
        /// Rows of the set, which may be the peer's.
        rows: usize,
        /// The limit.
        rows_max: usize,
    },
    /// The result is not an alignment of this party's table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// This party's own ids are not a set.
    #[error(
        "{count} ids stand in more than one row, first {examples}; keep one row for each id (after \
         trimming spaces) and start again"
    )]
    DuplicateIds {
        /// How many different ids occur at least twice.
        count: usize,
        /// The first few, as pairs of rows.
        examples: String,
    },
    /// This party's own keys are not what the job says they are.
    #[error(
        "{count} rows have no valid key, first {examples}; mend them, or write `invalid: drop` \
         beside the key's column to leave such rows out"
    )]
    InvalidKeys {
        /// How many rows.
        count: usize,
        /// The first few rows.
        examples: String,
    },
    /// This party's own ids have gaps.
    #[error("{count} rows have an empty id, first {examples}; fill them in or remove the rows")]
    EmptyIds {
        /// How many rows.
        count: usize,
        /// The first few rows.
        examples: String,
    },
    /// This party's own ids are not spread as hashes are.
    #[error(
        "{rows} ids fall into one bucket where chance puts at most {capacity}: these ids were made \
         up so that their hashes agree"
    )]
    UnevenIds {
        /// Ids in the bucket.
        rows: usize,
        /// How many there is room for.
        capacity: usize,
    },
    /// A set is larger than the protocol takes.
    #[error(
        "{rows} rows are more than the {rows_max} that one intersection takes; split the table"
    )]
    TooManyRows {
        /// Rows of this party's table.
        rows: usize,
        /// The limit.
        rows_max: usize,
    },
}

impl From<MpcError> for MatchingError {
    fn from(error: MpcError) -> Self {
        match error {
            MpcError::Net(error) => Self::Net(error),
            other => Self::Computation(Box::new(other)),
        }
    }
}
