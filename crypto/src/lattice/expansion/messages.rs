//! What goes over the wire.

use core::ops::Range;

use rayon::prelude::*;

use super::Expansion;
use crate::lattice::LatticeError;
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

/// What the evaluator sends once per chunk of rows, in transformed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub(super) poly: TransformedPoly,
}

impl Hint {
    /// Bytes of a hint: 153,600 for N = 8192.
    pub fn byte_count(expansion: &Expansion) -> usize {
        expansion.ring.poly_bytes()
    }

    /// The wire form.
    pub fn to_bytes(&self, expansion: &Expansion) -> Vec<u8> {
        expansion.ring.pack(&self.poly.words)
    }

    /// Reads exactly [`Hint::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(expansion: &Expansion, bytes: &[u8]) -> Result<Self, LatticeError> {
        let words = expansion.ring.unpack(bytes, "hint")?;
        Ok(Self { poly: TransformedPoly { words } })
    }
}

/// Bits of a masked number on the wire, the first ones of its fraction of Q.
pub(super) const FRACTION_BITS: u32 = 112;
/// Bytes of a masked number.
const FRACTION_BYTES: usize = FRACTION_BITS as usize / 8;

/// The answers to one query: one masked number per row of some chunks, as a fraction of Q.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The chunks that were answered.
    pub(super) chunks: Range<usize>,
    /// Of each of their rows the first [`FRACTION_BITS`] bits.
    pub(super) fractions: Vec<u128>,
}

impl Answers {
    /// Bytes of the answers for some chunks to one query: 14 per row.
    pub fn byte_count(expansion: &Expansion, chunks: &Range<usize>) -> usize {
        expansion.rows_of(chunks) * FRACTION_BYTES
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.fractions.len() * FRACTION_BYTES];
        let places = bytes.as_chunks_mut::<FRACTION_BYTES>().0;
        for (place, fraction) in places.iter_mut().zip(&self.fractions) {
            place.copy_from_slice(&fraction.to_le_bytes()[..FRACTION_BYTES]);
        }
        bytes
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
        let (expected, actual) = (Self::byte_count(expansion, &chunks), bytes.len());
        if expected != actual {
            return Err(LatticeError::WrongLength { what: "answers", expected, actual });
        }
        let fraction = |bytes: &[u8; FRACTION_BYTES]| {
            bytes.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte))
        };
        let fractions = bytes.as_chunks().0.iter().map(fraction).collect();
        Ok(Self { chunks, fractions })
    }
}
