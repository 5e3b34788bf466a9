//! What goes over the wire.

use core::ops::Range;

use rayon::prelude::*;

use super::Expansion;
use crate::lattice::LatticeError;
use crate::lattice::fraction::{Cut, FractionPoly};
use crate::lattice::ring::TransformedPoly;

/// A query: `b_k` of every tile of columns and `b_x`, in transformed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedWeights {
    pub(super) polys: Vec<TransformedPoly>,
    pub(super) extra: TransformedPoly,
}

impl EncryptedWeights {
    /// Bytes of a query of this expansion: 153,600 per tile and one more, for N = 8192.
    pub fn byte_count(expansion: &Expansion) -> usize {
        (expansion.tiles() + 1) * expansion.ring.poly_bytes()
    }

    /// The wire form: element after element.
    pub fn to_bytes(&self, expansion: &Expansion) -> Vec<u8> {
        self.polys
            .iter()
            .chain([&self.extra])
            .flat_map(|poly| expansion.ring.pack(&poly.words))
            .collect()
    }

    /// Reads exactly [`EncryptedWeights::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(expansion: &Expansion, bytes: &[u8]) -> Result<Self, LatticeError> {
        let what = "encrypted weights";
        let expected = Self::byte_count(expansion);
        if bytes.len() != expected {
            return Err(LatticeError::WrongLength { what, expected, actual: bytes.len() });
        }
        let ring = &expansion.ring;
        let read = |bytes: &[u8]| -> Result<_, LatticeError> {
            Ok(TransformedPoly { words: ring.unpack(bytes, what)? })
        };
        let (polys, extra) = bytes.split_at(expansion.tiles() * ring.poly_bytes());
        let polys = polys.par_chunks_exact(ring.poly_bytes()).map(read);
        Ok(Self { polys: polys.collect::<Result<_, _>>()?, extra: read(extra)? })
    }
}

/// What the evaluator sends once per chunk of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentHint {
    pub(super) poly: FractionPoly,
}

impl SentHint {
    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.poly.to_bytes()
    }
}

/// What the key holder keeps of a [`SentHint`]: the element in transformed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub(super) poly: TransformedPoly,
}

impl Hint {
    /// Bytes of a hint: 118,784 for N = 8192.
    pub fn byte_count(expansion: &Expansion) -> usize {
        FractionPoly::byte_count(&expansion.ring)
    }

    /// Reads exactly [`Hint::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`]: the peer misbehaves. Every content is a hint.
    pub fn from_bytes(expansion: &Expansion, bytes: &[u8]) -> Result<Self, LatticeError> {
        let poly = FractionPoly::from_bytes(&expansion.ring, bytes, "hint")?;
        Ok(Self { poly: expansion.ring.forward(poly.to_poly(&expansion.ring)) })
    }
}

/// The answers to one query: one masked number per row of some chunks, as a fraction of Q.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The chunks that were answered.
    pub(super) chunks: Range<usize>,
    pub(super) cut: Cut,
    /// Of each of their rows the first bits, see `fraction`.
    pub(super) fractions: Vec<u128>,
}

impl Answers {
    /// Bytes of the answers for some chunks to one query: 14 or 8 per row.
    pub fn byte_count(expansion: &Expansion, chunks: &Range<usize>) -> usize {
        expansion.cut.byte_count(expansion.rows_of(chunks))
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.cut.write(&self.fractions)
    }

    /// Reads exactly [`Answers::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`]: the peer misbehaves. Every content is an answer.
    pub fn from_bytes(
        expansion: &Expansion,
        chunks: Range<usize>,
        bytes: &[u8],
    ) -> Result<Self, LatticeError> {
        let cut = expansion.cut;
        let fractions = cut.read(bytes, expansion.rows_of(&chunks))?;
        Ok(Self { chunks, cut, fractions })
    }
}
