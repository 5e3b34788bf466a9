//! Elements of GF(2^128) on the wire.

use crypto::field128::{ELEMENT_BYTES, Gf128};

/// Elements as bytes on the wire.
pub(super) fn encode(elements: &[Gf128]) -> Vec<u8> {
    let mut bytes = vec![0; elements.len() * ELEMENT_BYTES];
    for (bytes, element) in bytes.as_chunks_mut().0.iter_mut().zip(elements) {
        *bytes = element.to_bytes();
    }
    bytes
}

/// Elements from bytes on the wire, a whole number of them.
pub(super) fn decode(bytes: &[u8]) -> Vec<Gf128> {
    bytes.as_chunks().0.iter().map(|element| Gf128::from_bytes(*element)).collect()
}
