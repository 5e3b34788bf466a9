//! What goes over the wire.

use core::ops::Range;

use super::element::Element;
use super::{Projection, Purpose};
use crate::lattice::fraction::Cut;
use crate::lattice::packing::{Packer, Unpacker, packed_bytes};
use crate::lattice::{LatticeError, invalid};

/// A query: the numbers `b` of every row, and `b_x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedVector {
    pub(super) degree: usize,
    pub(super) rows: usize,
    /// Chunk after chunk; in a chunk all rows modulo the first prime, then modulo the next.
    pub(super) words: Vec<u64>,
    pub(super) extra: Element,
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

    /// Bytes of a query of this projection: 18.75 per row, and 14.5 per coefficient of the ring, or
    /// 18.75 for opened answers.
    pub fn byte_count(projection: &Projection) -> usize {
        words_bytes(projection) + Element::byte_count(projection)
    }

    /// The wire form.
    pub fn to_bytes(&self, projection: &Projection) -> Vec<u8> {
        let mut packer = Packer::new(self.words.len());
        packer.push(&self.words);
        let mut bytes = packer.finish();
        bytes.extend(self.extra.to_bytes(projection));
        bytes
    }

    /// Reads exactly [`EncryptedVector::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(projection: &Projection, bytes: &[u8]) -> Result<Self, LatticeError> {
        let what = "encrypted vector";
        let (expected, actual) = (Self::byte_count(projection), bytes.len());
        if expected != actual {
            return Err(LatticeError::WrongLength { what, expected, actual });
        }
        let (bytes, extra) = bytes.split_at(words_bytes(projection));
        let ring = &projection.ring;
        let count = projection.rows * ring.primes();
        let mut unpacker = Unpacker::new(bytes, count, what)?;
        let mut words = Vec::with_capacity(count);
        for chunk in (0..projection.rows).step_by(ring.degree()) {
            let chunk_rows = ring.degree().min(projection.rows - chunk);
            for modulus in ring.moduli() {
                unpacker.take(chunk_rows, modulus, &mut words)?;
            }
        }
        unpacker.finish()?;
        let extra = Element::from_bytes(projection, extra, what)?;
        Ok(Self { degree: ring.degree(), rows: projection.rows, words, extra })
    }
}

/// Bytes of the numbers of every row.
fn words_bytes(projection: &Projection) -> usize {
    packed_bytes(projection.rows * projection.ring.primes())
}

/// What the evaluator sends once per column: lets the key holder take the a's off every answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub(super) element: Element,
}

impl Hint {
    /// Bytes of a hint: 118,784 for N = 8192, and 153,600 for opened answers.
    pub fn byte_count(projection: &Projection) -> usize {
        Element::byte_count(projection)
    }

    /// The wire form.
    pub fn to_bytes(&self, projection: &Projection) -> Vec<u8> {
        self.element.to_bytes(projection)
    }

    /// Reads exactly [`Hint::byte_count`] bytes.
    ///
    /// # Errors
    ///
    /// [`LatticeError::WrongLength`] or [`LatticeError::NotReduced`]: the peer misbehaves.
    pub fn from_bytes(projection: &Projection, bytes: &[u8]) -> Result<Self, LatticeError> {
        Ok(Self { element: Element::from_bytes(projection, bytes, "hint")? })
    }
}

/// The answers to one query: one masked number per column, a fraction of Q or, if answers are
/// opened, modulo Q.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers(pub(super) Numbers);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// For shared answers: fractions of Q, see `fraction`.
    Fractions(Vec<u128>),
    /// For opened answers: the residues modulo every prime, column after column.
    Residues(Vec<u64>),
}

impl Answers {
    /// Shared answers, one for each of so many outputs.
    pub(super) fn fractions(&self, outputs: usize) -> Result<&[u128], LatticeError> {
        match &self.0 {
            Numbers::Fractions(numbers) if numbers.len() == outputs => Ok(numbers),
            _ => Err(misfit(outputs)),
        }
    }

    /// Opened answers, one modulo each of `primes` for each of so many outputs.
    pub(super) fn residues(&self, outputs: usize, primes: usize) -> Result<&[u64], LatticeError> {
        match &self.0 {
            Numbers::Residues(words) if words.len() == outputs * primes => Ok(words),
            _ => Err(misfit(outputs)),
        }
    }

    /// Bytes of the answers to one query: 14 per column, and 18.75 for opened answers.
    pub fn byte_count(projection: &Projection, outputs: usize) -> usize {
        match projection.purpose {
            Purpose::Shared => Cut::Long.byte_count(outputs),
            Purpose::Opened => packed_bytes(outputs * projection.ring.primes()),
        }
    }

    /// The wire form.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Numbers::Fractions(fractions) => Cut::Long.write(fractions),
            Numbers::Residues(words) => {
                let mut packer = Packer::new(words.len());
                packer.push(words);
                packer.finish()
            }
        }
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
        if projection.purpose == Purpose::Shared {
            return Ok(Self(Numbers::Fractions(Cut::Long.read(bytes, outputs)?)));
        }
        let count = outputs * projection.ring.primes();
        let mut unpacker = Unpacker::new(bytes, count, "answers")?;
        let mut words = Vec::with_capacity(count);
        for _ in 0..outputs {
            for modulus in projection.ring.moduli() {
                unpacker.take(1, modulus, &mut words)?;
            }
        }
        unpacker.finish()?;
        Ok(Self(Numbers::Residues(words)))
    }
}

fn misfit(outputs: usize) -> LatticeError {
    invalid(format!("other answers than one for each of {outputs} hints"))
}
