//! Hashing: [`digest`] and [`expand`] for data, [`Keyed`] for many short values of one purpose,
//! [`CorrelationRobust`] for oblivious transfer, [`SeedDoubling`] for trees of seeds.
//!
//! Every hash names what it is for. Two hashes with different domains never agree by construction,
//! and the parts of one hash are framed, so that moving a byte from one part to the next changes
//! the result.

mod correlation_robust;
mod keyed;
mod seed_doubling;

pub use correlation_robust::CorrelationRobust;
pub use keyed::Keyed;
pub use seed_doubling::SeedDoubling;

/// Hashes `parts` for the purpose `domain` to 32 bytes with BLAKE3.
///
/// `domain` names the use in the manner `"matching/psi/ecdh commitment"`. Version of the house
/// format, domain, number of parts and the length of each part are all bound in.
pub fn digest(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    frame(&mut hasher, domain, parts);
    *hasher.finalize().as_bytes()
}

/// Hashes like [`digest`] to as many bytes as `out` has; a shorter result is a prefix of a longer.
pub fn expand(domain: &str, parts: &[&[u8]], out: &mut [u8]) {
    let mut hasher = blake3::Hasher::new();
    frame(&mut hasher, domain, parts);
    hasher.finalize_xof().fill(out);
}

/// Bytes as text, two lower-case hexadecimal digits each.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes that a text of hexadecimal digits stands for; `None` for any other text.
pub fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

/// Feeds a hasher in its place: it is 2 KB large, as long to copy as a short part is to hash.
fn frame(hasher: &mut blake3::Hasher, domain: &str, parts: &[&[u8]]) {
    hasher.update(VERSION);
    hasher.update(&(domain.len() as u64).to_le_bytes());
    hasher.update(domain.as_bytes());
    hasher.update(&(parts.len() as u64).to_le_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
}

/// Changes with any change to what is hashed, so that old and new never agree by accident.
const VERSION: &[u8; 16] = b"tombolo hash v1\0";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn hexadecimal_texts_are_read_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes_of_hex(&hex(&bytes)), Some(bytes));
        assert_eq!(bytes_of_hex("0F"), Some(vec![15]));
        for wrong in ["0", "0g", "+1", "é"] {
            assert_eq!(bytes_of_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn known_answer_is_blake3_of_the_framed_parts() {
        let mut message = Vec::from(*b"tombolo hash v1\0");
        message.extend([4, 0, 0, 0, 0, 0, 0, 0]);
        message.extend(b"test");
        message.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        message.extend([3, 0, 0, 0, 0, 0, 0, 0]);
        message.extend(b"abc");
        message.extend([0; 8]);
        assert_eq!(digest("test", &[b"abc", b""]), *blake3::hash(&message).as_bytes());
    }

    #[test]
    fn domain_and_framing_separate() {
        let inputs: [(&str, &[&[u8]]); 7] = [
            ("a", &[]),
            ("a", &[b""]),
            ("a", &[b"", b""]),
            ("a", &[b"xy"]),
            ("a", &[b"x", b"y"]),
            ("ax", &[b"y"]),
            ("b", &[b"xy"]),
        ];
        let digests: BTreeSet<_> =
            inputs.iter().map(|(domain, parts)| digest(domain, parts)).collect();
        assert_eq!(digests.len(), inputs.len());
    }

    #[test]
    fn expand_continues_the_digest() {
        let mut long = [0; 100];
        expand("test", &[b"abc"], &mut long);
        assert_eq!(long[..32], digest("test", &[b"abc"]));
    }
}
