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
        let mut rest = words;
        if self.pending_bits == 0 {
            let (groups, after) = words.as_chunks::<4>();
            for group in groups {
                self.bytes.extend_from_slice(&packed_group(*group));
            }
            rest = after;
        }
        for word in rest {
            self.pending |= u128::from(*word) << self.pending_bits;
            self.pending_bits += BITS;
            while self.pending_bits >= 8 {
                self.bytes.push(self.pending as u8);
                self.pending >>= 8;
                self.pending_bits -= 8;
            }
        }
    }

    /// The stream, filled up to whole bytes with zero bits.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.pending_bits > 0 {
            self.bytes.push(self.pending as u8);
        }
        self.bytes
    }
}

/// Four residues are 200 bits: 25 whole bytes.
#[inline]
fn packed_group([a, b, c, d]: [u64; 4]) -> [u8; 25] {
    let mut bytes = [0; 25];
    let words = [a | b << 50, b >> 14 | c << 36, c >> 28 | d << 22];
    for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    bytes[24] = (d >> 42) as u8;
    bytes
}

/// Reads what a [`Packer`] wrote, from a peer that may lie.
pub(super) struct Unpacker<'a> {
    what: &'static str,
    bytes: &'a [u8],
    /// How many residues were taken.
    taken: usize,
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
        Ok(Self { what, bytes, taken: 0 })
    }

    /// Appends the next `count` residues to `out`; each must be reduced.
    pub(super) fn take(
        &mut self,
        count: usize,
        modulus: &Modulus,
        out: &mut Vec<u64>,
    ) -> Result<(), LatticeError> {
        let start = out.len();
        out.extend((self.taken..self.taken + count).map(|index| self.word(index)));
        self.taken += count;
        if out[start..].iter().any(|word| *word >= modulus.value()) {
            return Err(LatticeError::NotReduced { what: self.what });
        }
        Ok(())
    }

    /// Checks that nothing but zero bits is left.
    pub(super) fn finish(self) -> Result<(), LatticeError> {
        let bits = self.taken * BITS as usize;
        let stray = self.bytes.get(bits / 8).is_some_and(|byte| byte >> (bits % 8) != 0);
        if stray || self.bytes.len() != packed_bytes(self.taken) {
            return Err(LatticeError::NotReduced { what: self.what });
        }
        Ok(())
    }

    /// The residue number `index`: at most 56 bits from the byte where it begins.
    #[inline]
    fn word(&self, index: usize) -> u64 {
        let bit = index * BITS as usize;
        let bytes = &self.bytes[bit / 8..];
        let word = match bytes.first_chunk::<8>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        word >> (bit % 8) & ((1 << BITS) - 1)
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
