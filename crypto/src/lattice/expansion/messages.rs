//! What goes over the wire.

use rayon::prelude::*;

use super::Expansion;
use crate::lattice::LatticeError;
use crate::lattice::packing::{Packer, Unpacker, packed_bytes};
use crate::lattice::ring::TransformedPoly;

/// A query: `b_j` of every column and `b_x`, in transformed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedWeights {
    pub(super) polys: Vec<TransformedPoly>,
    pub(super) extra: TransformedPoly,
}

impl EncryptedWeights {
    /// Bytes of a query of this expansion: 153,600 per column and one more, for N = 8192.
    pub fn byte_count(expansion: &Expansion) -> usize {
        (expansion.columns + 1) * expansion.ring.poly_bytes()
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
        let (polys, extra) = bytes.split_at(expansion.columns * ring.poly_bytes());
        let polys = polys.par_chunks_exact(ring.poly_bytes()).map(read);
        Ok(Self { polys: polys.collect::<Result<_, _>>()?, extra: read(extra)? })
    }
}

/// What the evaluator sends once per chunk of N rows, in transformed form.
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

/// The answers to one query: one masked number modulo Q per row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Per chunk: the rows modulo the first prime, then modulo the next.
    pub(super) chunks: Vec<Vec<u64>>,
}

impl Answers {
    /// Bytes of the answers to one query: 18.75 per row.
    pub fn byte_count(expansion: &Expansion) -> usize {
        packed_bytes(expansion.rows * expansion.ring.primes())
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut packer = Packer::new(self.chunks.iter().map(Vec::len).sum());
        self.chunks.iter().for_each(|chunk| packer.push(chunk));
        packer.finish()
    }

    /// Reads exactly [`Answers::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(expansion: &Expansion, bytes: &[u8]) -> Result<Self, LatticeError> {
        let ring = &expansion.ring;
        let mut unpacker = Unpacker::new(bytes, expansion.rows * ring.primes(), "answers")?;
        let mut chunks = Vec::with_capacity(expansion.chunks());
        for chunk in 0..expansion.chunks() {
            let rows = expansion.chunk_rows(chunk).len();
            let mut words = Vec::with_capacity(rows * ring.primes());
            for modulus in ring.moduli() {
                unpacker.take(rows, modulus, &mut words)?;
            }
            chunks.push(words);
        }
        unpacker.finish()?;
        Ok(Self { chunks })
    }
}
