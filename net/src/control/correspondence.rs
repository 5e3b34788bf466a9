//! What the line asks of the node: who the partners are, and where letters are kept.

use std::net::IpAddr;
use std::pin::Pin;

use bytes::Bytes;
use crypto::signature::PublicKey;

/// Longest letter, in bytes.
pub const LETTER_BYTES_MAX: usize = 1 << 20;
/// Longest introduction and longest answer to one, in bytes.
pub const INTRODUCTION_BYTES_MAX: usize = 64 << 10;

/// A member whose key is pinned here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// The pinned key.
    pub key: PublicKey,
    /// Its name, for errors.
    pub name: String,
    /// Where it can be dialled (`host:port`); `None` for one that dials only.
    pub address: Option<String>,
}

/// A letter to a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its place among the letters to this partner: 1, 2, 3 and so on.
    pub number: u64,
    /// What it says; at most [`LETTER_BYTES_MAX`].
    pub bytes: Bytes,
}

/// How far the letters of a partner have come, both ways. Zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The highest number of the partner's letters that is stored here.
    pub received: u64,
    /// The highest number of the letters to it that are stored here, sent or not.
    pub written: u64,
}

/// Why the node could not do what the line asked for. The line is closed and tried again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorrespondenceError {
    /// This side's store does not work at the moment.
    #[error("this node's store failed: {cause}")]
    Store {
        /// What failed.
        cause: String,
    },
    /// The partner sent what it may not send.
    #[error("{rule}")]
    Refused {
        /// The rule that it broke.
        rule: String,
    },
}

/// What a method of [`Correspondence`] will come to.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CorrespondenceError>> + Send + 'a>>;

/// The node behind the lines.
///
/// Futures are polled on the network's threads and must not block them. Those of one partner are
/// asked for one after another and always polled to their end, also when the line is cut
/// meanwhile; those of several partners at the same time.
pub trait Correspondence: Send + Sync + 'static {
    /// Who is pinned now. Asked at the start and at each [`Post::refresh`](super::Post::refresh).
    fn partners(&self) -> Vec<Partner>;

    /// How far the letters of `partner` have come.
    fn standing(&self, partner: PublicKey) -> Answer<'_, Standing>;

    /// The letter to `partner` that comes after number `after`; `None` if none is written yet.
    ///
    /// Letters are kept after they were acknowledged: a partner that was restored from a backup
    /// asks for them once more.
    fn letter_after(&self, partner: PublicKey, after: u64) -> Answer<'_, Option<Letter>>;

    /// Stores a letter durably; when this returns `Ok`, the partner is told that it never needs to
    /// send it again. `number` is one more than [`Standing::received`] was; should the letter be
    /// stored nevertheless, by a process that was stopped meanwhile, it is not stored twice.
    fn take_in(&self, partner: PublicKey, number: u64, letter: Bytes) -> Answer<'_, ()>;

    /// The partner has stored all letters up to `number`. May be said more than once.
    fn acknowledged(&self, partner: PublicKey, number: u64) -> Answer<'_, ()>;

    /// Somebody who holds `key`, pinned or not, introduces itself from `address` with `bytes`: the
    /// acceptance of an invitation, for instance. Returns what it is told, at most
    /// [`INTRODUCTION_BYTES_MAX`]; a refusal reaches it as its rule.
    fn introduce(&self, key: PublicKey, address: IpAddr, bytes: Bytes) -> Answer<'_, Vec<u8>>;
}
