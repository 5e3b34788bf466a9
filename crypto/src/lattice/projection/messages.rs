//! What goes over the wire.

use core::ops::Range;

use super::Projection;
use crate::lattice::LatticeError;
use crate::lattice::packing::{Packer, Unpacker, packed_bytes};
use crate::lattice::ring::CoefficientPoly;

/// A query: the numbers `b` of every row, and `b_x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedVector {
    pub(super) degree: usize,
    pub(super) rows: usize,
    /// Chunk after chunk; in a chunk all rows modulo the first prime, then modulo the next.
    pub(super) words: Vec<u64>,
    pub(super) extra: CoefficientPoly,
}

impl EncryptedVector {
    /// The words of some rows, all of one chunk, modulo one prime.
    pub(super) fn residues(&self, prime: usize, rows: Range<usize>) -> &[u64] {
        let chunk = rows.start - rows.start % self.degree;
        let chunk_rows = self.degree.min(self.rows - chunk);
        let primes = self.words.len() / self.rows;
        let start = chunk * primes + prime * chunk_rows + (rows.start - chunk);
        &self.words[start..start + rows.len()]
    }

    pub(super) fn extra(&self) -> &[u64] {
        &self.extra.words
    }

    /// Bytes of a query of this projection: 18.75 per row and per coefficient of the ring.
    pub fn byte_count(projection: &Projection) -> usize {
        packed_bytes(projection.rows * projection.ring.primes() + projection.ring.poly_words())
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut packer = Packer::new(self.words.len() + self.extra.words.len());
        packer.push(&self.words);
        packer.push(&self.extra.words);
        packer.finish()
    }

    /// Reads exactly [`EncryptedVector::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(projection: &Projection, bytes: &[u8]) -> Result<Self, LatticeError> {
        let ring = &projection.ring;
        let count = projection.rows * ring.primes();
        let mut unpacker = Unpacker::new(bytes, count + ring.poly_words(), "encrypted vector")?;
        let mut words = Vec::with_capacity(count);
        for chunk in (0..projection.rows).step_by(ring.degree()) {
            let chunk_rows = ring.degree().min(projection.rows - chunk);
            for modulus in ring.moduli() {
                unpacker.take(chunk_rows, modulus, &mut words)?;
            }
        }
        let extra = CoefficientPoly { words: ring.unpack_poly(&mut unpacker)? };
        unpacker.finish()?;
        Ok(Self { degree: ring.degree(), rows: projection.rows, words, extra })
    }
}

/// What the evaluator sends once per column: lets the key holder take the a's off every answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub(super) poly: CoefficientPoly,
}

impl Hint {
    /// Bytes of a hint: 153,600 for N = 8192.
    pub fn byte_count(projection: &Projection) -> usize {
        projection.ring.poly_bytes()
    }

    /// The wire form.
    pub fn to_bytes(&self, projection: &Projection) -> Vec<u8> {
        projection.ring.pack(&self.poly.words)
    }

    /// Reads exactly [`Hint::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(projection: &Projection, bytes: &[u8]) -> Result<Self, LatticeError> {
        let words = projection.ring.unpack(bytes, "hint")?;
        Ok(Self { poly: CoefficientPoly { words } })
    }
}

/// The answers to one query: one masked number modulo Q per column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The residues modulo every prime, column after column.
    pub(super) words: Vec<u64>,
}

impl Answers {
    /// Bytes of the answers to one query: 18.75 per column.
    pub fn byte_count(projection: &Projection, outputs: usize) -> usize {
        packed_bytes(outputs * projection.ring.primes())
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut packer = Packer::new(self.words.len());
        packer.push(&self.words);
        packer.finish()
    }

    /// Reads exactly [`Answers::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(
        projection: &Projection,
        outputs: usize,
        bytes: &[u8],
    ) -> Result<Self, LatticeError> {
        let count = outputs * projection.ring.primes();
        let mut unpacker = Unpacker::new(bytes, count, "answers")?;
        let mut words = Vec::with_capacity(count);
        for _ in 0..outputs {
            for modulus in projection.ring.moduli() {
                unpacker.take(1, modulus, &mut words)?;
            }
        }
        unpacker.finish()?;
        Ok(Self { words })
    }
}
