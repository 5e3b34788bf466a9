//! Residues on the wire: 50 bits each, little endian, exact length, checked range.

use super::LatticeError;
use super::modulus::Modulus;

/// Bits of a residue on the wire.
const BITS: u32 = 50;

/// Bytes of `words` residues.
pub(super) fn packed_bytes(words: usize) -> usize {
    (words * BITS as usize).div_ceil(8)
}

/// Writes residues into one stream of bits.
pub(super) struct Packer {
    bytes: Vec<u8>,
    pending: u128,
    pending_bits: u32,
}

impl Packer {
    /// Starts a stream for `words` residues.
    pub(super) fn new(words: usize) -> Self {
        Self { bytes: Vec::with_capacity(packed_bytes(words) + 8), pending: 0, pending_bits: 0 }
    }

    /// Appends residues of less than 50 bits.
    pub(super) fn push(&mut self, words: &[u64]) {
        for word in words {
            self.pending |= u128::from(*word) << self.pending_bits;
            self.pending_bits += BITS;
            if self.pending_bits >= 64 {
                self.bytes.extend_from_slice(&(self.pending as u64).to_le_bytes());
                self.pending >>= 64;
                self.pending_bits -= 64;
            }
        }
    }

    /// The stream, filled up to whole bytes with zero bits.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let rest = self.pending_bits.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.pending.to_le_bytes()[..rest]);
        self.bytes
    }
}

/// Reads what a [`Packer`] wrote, from a peer that may lie.
pub(super) struct Unpacker<'a> {
    what: &'static str,
    words: core::slice::ChunksExact<'a, u8>,
    last: &'a [u8],
    pending: u128,
    pending_bits: u32,
}

impl<'a> Unpacker<'a> {
    /// Starts reading `words` residues; the length of `bytes` must be exact.
    pub(super) fn new(
        bytes: &'a [u8],
        words: usize,
        what: &'static str,
    ) -> Result<Self, LatticeError> {
        let expected = packed_bytes(words);
        if bytes.len() != expected {
            return Err(LatticeError::WrongLength { what, expected, actual: bytes.len() });
        }
        let words = bytes.chunks_exact(8);
        let last = words.remainder();
        Ok(Self { what, words, last, pending: 0, pending_bits: 0 })
    }

    /// Appends the next `count` residues to `out`; each must be reduced.
    pub(super) fn take(
        &mut self,
        count: usize,
        modulus: &Modulus,
        out: &mut Vec<u64>,
    ) -> Result<(), LatticeError> {
        let mut largest = 0;
        for _ in 0..count {
            if self.pending_bits < BITS {
                self.refill();
            }
            let word = self.pending as u64 & ((1 << BITS) - 1);
            self.pending >>= BITS;
            self.pending_bits -= BITS;
            largest = largest.max(word);
            out.push(word);
        }
        if largest >= modulus.value() {
            return Err(LatticeError::NotReduced { what: self.what });
        }
        Ok(())
    }

    /// Checks that nothing but zero bits is left.
    pub(super) fn finish(self) -> Result<(), LatticeError> {
        let clean = self.pending == 0 && self.words.len() == 0 && self.last.is_empty();
        if clean { Ok(()) } else { Err(LatticeError::NotReduced { what: self.what }) }
    }

    fn refill(&mut self) {
        let (bytes, bits) = match self.words.next() {
            Some(bytes) => (bytes, 64),
            None => (std::mem::take(&mut self.last), 64),
        };
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        self.pending |= u128::from(u64::from_le_bytes(word)) << self.pending_bits;
        self.pending_bits += bits;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn modulus() -> Modulus {
        Modulus::new(1_125_899_904_679_937)
    }

    fn unpack(bytes: &[u8], count: usize) -> Result<Vec<u64>, LatticeError> {
        let mut unpacker = Unpacker::new(bytes, count, "test words")?;
        let mut out = Vec::new();
        unpacker.take(count, &modulus(), &mut out)?;
        unpacker.finish()?;
        Ok(out)
    }

    proptest! {
        #[test]
        fn round_trip(words in prop::collection::vec(0..1_125_899_904_679_937u64, 0..40)) {
            let mut packer = Packer::new(words.len());
            packer.push(&words);
            let bytes = packer.finish();
            prop_assert_eq!(bytes.len(), packed_bytes(words.len()));
            prop_assert_eq!(unpack(&bytes, words.len()), Ok(words));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let count = bytes.len() * 8 / 50;
            if let Ok(words) = unpack(&bytes, count) {
                let mut packer = Packer::new(count);
                packer.push(&words);
                prop_assert_eq!(packer.finish(), bytes);
            }
        }
    }

    #[test]
    fn refuses_wrong_lengths_large_residues_and_stray_bits() {
        let wrong = LatticeError::WrongLength { what: "test words", expected: 7, actual: 8 };
        assert_eq!(unpack(&[0; 8], 1), Err(wrong));
        let large = LatticeError::NotReduced { what: "test words" };
        assert_eq!(unpack(&[255, 255, 255, 255, 255, 255, 3], 1), Err(large.clone()));
        assert_eq!(unpack(&[0, 0, 0, 0, 0, 0, 4], 1), Err(large));
    }
}
