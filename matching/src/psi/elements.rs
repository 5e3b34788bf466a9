//! Elements of GF(2^128), and numbers of fewer bytes, on the wire.

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

/// The lowest `width` bytes of each number, little endian.
pub(super) fn encode_cut(numbers: impl ExactSizeIterator<Item = u128>, width: usize) -> Vec<u8> {
    let count = numbers.len();
    let mut bytes = vec![0; count * width + ELEMENT_BYTES];
    for (index, number) in numbers.enumerate() {
        // The next number overwrites the bytes beyond the cut.
        let at = index * width;
        bytes[at..at + ELEMENT_BYTES].copy_from_slice(&number.to_le_bytes());
    }
    bytes.truncate(count * width);
    bytes
}

/// Numbers of `width` bytes, at most 16, from the wire, a whole number of them.
pub(super) fn decode_cut(mut bytes: Vec<u8>, width: usize) -> Vec<u128> {
    let count = bytes.len() / width;
    bytes.resize(bytes.len() + ELEMENT_BYTES, 0);
    let kept = u128::MAX >> (8 * (ELEMENT_BYTES - width));
    let number = |index: usize| {
        let mut number = [0; ELEMENT_BYTES];
        let at = index * width;
        number.copy_from_slice(&bytes[at..at + ELEMENT_BYTES]);
        u128::from_le_bytes(number) & kept
    };
    (0..count).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_numbers_survive_the_wire() {
        let numbers: Vec<u128> = (0..40).map(|it| (u128::MAX / 7).wrapping_mul(it)).collect();
        for width in 1..=ELEMENT_BYTES {
            let bytes = encode_cut(numbers.iter().copied(), width);
            assert_eq!(bytes.len(), 40 * width);
            let kept: Vec<u128> =
                numbers.iter().map(|it| it << (128 - 8 * width) >> (128 - 8 * width)).collect();
            assert_eq!(decode_cut(bytes, width), kept);
        }
    }
}
