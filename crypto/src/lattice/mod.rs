//! Ring-LWE: private matrices times encrypted vectors, with what depends on the matrix computed
//! once.
//!
//! | module | matrix (evaluator) | vector (key holder) | result |
//! |---|---|---|---|
//! | [`projection`] | rows × few columns, fixed | one number per row | one number per column |
//! | [`expansion`] | rows × few columns, fixed | one number per column | one number per row |
//! | [`slots`] | any vectors | vectors of N numbers | sums of products, slot by slot |
//!
//! Everything here is a pure function over a [`Ring`]. What takes long uses the rayon pool that it
//! is called in: call it inside `Session::compute`.
//!
//! Messages come from a peer: their `from_bytes` checks exact length and range, and nothing that
//! passes it makes a later step panic. Security is against semi-honest parties: the range of a
//! residue is all that can be checked, a peer that encrypts nonsense gets nonsense.

mod columns;
pub mod expansion;
mod fraction;
pub(crate) mod modulus;
mod noise;
mod packing;
mod parameters;
pub mod projection;
mod ring;
mod sample;
mod scale;
pub mod slots;

pub use columns::INTEGER_BITS;
pub use noise::STATISTICAL_BITS;
pub use parameters::{Parameters, SECURITY_TABLE};
pub use ring::{CoefficientPoly, Ring, TransformedPoly};

/// What can go wrong in this module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LatticeError {
    /// The caller's own input does not fit; nothing was sent.
    #[error("invalid input: {0}")]
    InvalidInput(String),
    /// The input's numbers are too large or too many for the parameters to hide the noise.
    #[error(
        "noise and its mask need {needed_bits} bits, the parameters leave {available_bits}: use \
         smaller integers, fewer rows or a smaller plaintext"
    )]
    NoiseBudget {
        /// Bits that would be needed.
        needed_bits: u32,
        /// Bits that are there.
        available_bits: u32,
    },
    /// Received bytes do not have the only possible length: the peer misbehaves.
    #[error("{what}: {expected} bytes expected, {actual} received")]
    WrongLength {
        /// The kind of message.
        what: &'static str,
        /// The only right length.
        expected: usize,
        /// The length received.
        actual: usize,
    },
    /// Received bytes hold a number beyond its modulus or stray bits: the peer misbehaves.
    #[error("{what}: a residue is not reduced or bits are left over")]
    NotReduced {
        /// The kind of message.
        what: &'static str,
    },
}

/// Builds the error that blames the caller's own input.
fn invalid(reason: impl Into<String>) -> LatticeError {
    LatticeError::InvalidInput(reason.into())
}
