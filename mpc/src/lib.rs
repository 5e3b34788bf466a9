//! Interactive building blocks for two parties: oblivious transfer, shares, comparison, equality,
//! conversion, products, the sigmoid, the exponential, logarithms and roots, shuffling, and the
//! only two ways to reveal a secret ([`reveal::open`] and [`reveal::learn`]). For three parties
//! there are [`replicated`] shares, and for any number, all but one of which may collude,
//! [`several`].
//!
//! Every other block but [`silent_vole`], which needs a session only, runs on a [`TwoParty`]: a
//! [`net::Session`] with one peer plus the state of the oblivious-transfer extension in both
//! directions. Additive shares live in `Z_2^64` (`first + second = value`, wrapping); bit shares
//! are XOR shares packed 64 to a word ([`boolean::Bits`]). All blocks are secure against a
//! semi-honest peer, [`silent_vole::checked`] against a malicious one; see `docs/THREATS.md`.
//! [`elementary`], [`shuffle`] and [`replicated`] serve no job yet.

mod arithmetic;
pub mod base_ot;
pub mod boolean;
pub mod comparison;
pub mod conversion;
pub mod elementary;
pub mod equality;
mod error;
pub mod exponential;
pub mod gram;
pub mod hints;
pub mod histogram;
pub mod indicators;
pub mod inverse;
pub mod known;
pub mod matrix;
pub mod maximum;
pub mod multiplication;
pub mod ot_extension;
pub mod product;
pub mod reciprocal;
pub mod refresh;
pub mod replicated;
pub mod reveal;
pub mod several;
pub mod shuffle;
pub mod sigmoid;
pub mod silent_vole;
pub mod softmax;
#[cfg(test)]
mod test_support;
pub mod transfers;
mod two_party;
pub mod wide;
mod word;

pub use arithmetic::Arithmetic;
pub use error::MpcError;
pub use two_party::TwoParty;
pub use word::{Element, Word};
