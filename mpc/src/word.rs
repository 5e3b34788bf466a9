//! The two rings that numbers are shared in: words of 64 bits, and wide ones of 128.

use crate::ot_extension::Key;

/// What correlated transfers carry: an element of a group that is written in whole bytes.
pub trait Element: Key + Sync {
    /// Bytes on the wire.
    const BYTES: usize;
    /// A bit, 0 or 1, as a number.
    fn from_bit(bit: u64) -> Self;
    /// The sum in the group.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// The difference in the group.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// The number itself if `bit` is 1, zero if it is 0; in the same time.
    #[must_use]
    fn times_bit(self, bit: u64) -> Self;
    /// Appends the little-endian bytes.
    fn write(self, out: &mut Vec<u8>);
    /// Reads [`Self::BYTES`] little-endian bytes; missing ones count as zero.
    fn read(bytes: &[u8]) -> Self;
}

/// An element of `Z_2^64` or `Z_2^128`.
pub trait Word: Element {
    /// The product in the ring.
    #[must_use]
    fn times(self, other: Self) -> Self;
    /// The number times 2^`bits`, in the ring.
    #[must_use]
    fn shifted(self, bits: u32) -> Self;
    /// Its 64-bit words, the lowest first.
    fn words(self) -> impl Iterator<Item = u64>;
}

macro_rules! word {
    ($type:ty) => {
        impl Element for $type {
            const BYTES: usize = size_of::<Self>();

            fn from_bit(bit: u64) -> Self {
                Self::from(bit)
            }

            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            fn times_bit(self, bit: u64) -> Self {
                self & Self::from(bit).wrapping_neg()
            }

            fn write(self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Self {
                let mut word = [0; size_of::<Self>()];
                word.iter_mut().zip(bytes).for_each(|(target, byte)| *target = *byte);
                Self::from_le_bytes(word)
            }
        }

        impl Word for $type {
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            fn shifted(self, bits: u32) -> Self {
                self << bits
            }

            fn words(self) -> impl Iterator<Item = u64> {
                (0..Self::BITS / 64).map(move |word| (self >> (64 * word)) as u64)
            }
        }
    };
}

word!(u64);
word!(u128);
