//! Hashing very many short values for one purpose.

use core::fmt;

/// BLAKE3 under a key that binds the purpose, for values hashed by the million.
///
/// The framing of [`digest`](super::digest) is paid once for the key, so that a value of up to 64
/// bytes costs one compression. Hashes under keys of different purposes never agree by
/// construction; the value's length is bound in by BLAKE3 itself.
#[derive(Clone)]
pub struct Keyed {
    key: [u8; 32],
}

impl Keyed {
    /// The hash for the purpose `domain`, further set apart by `parts` (a session's salt, say).
    pub fn new(domain: &str, parts: &[&[u8]]) -> Self {
        Self { key: super::digest(domain, parts) }
    }

    /// Hashes `value` to 256 bits.
    pub fn hash_256(&self, value: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, value).as_bytes()
    }

    /// Hashes `value` to 128 bits: two of n values agree with probability below n² / 2^129.
    pub fn hash_128(&self, value: &[u8]) -> u128 {
        let hash = self.hash_256(value);
        let (half, _) = hash.split_at(16);
        half.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte))
    }
}

impl fmt::Debug for Keyed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keyed").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer_is_keyed_blake3() {
        let key = crate::hash::digest("test", &[b"salt"]);
        let expected = blake3::keyed_hash(&key, b"13800000001");
        let hashed = Keyed::new("test", &[b"salt"]).hash_128(b"13800000001");
        assert_eq!(hashed.to_le_bytes(), expected.as_bytes()[..16]);
        let whole = Keyed::new("test", &[b"salt"]).hash_256(b"13800000001");
        assert_eq!(whole, *expected.as_bytes());
    }

    #[test]
    fn purposes_parts_and_values_separate() {
        let hashes = [
            Keyed::new("a", &[]).hash_128(b"x"),
            Keyed::new("b", &[]).hash_128(b"x"),
            Keyed::new("a", &[b""]).hash_128(b"x"),
            Keyed::new("a", &[]).hash_128(b"x\0"),
        ];
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "hash at index {index}");
        }
    }
}
