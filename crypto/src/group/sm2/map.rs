//! Hashing to the curve: the suite `SM2_XMD:SM3_SSWU_RO_`, built as RFC 9380 builds that of P-256.
//!
//! RFC 9380 registers no suite for SM2. This one has its hash function SM3 (GB/T 32905), its
//! expansion `expand_message_xmd` (section 5.3.1), 48 bytes for an element (section 5.1), the
//! simplified map of Shallue, van de Woestijne and Ulas (section 6.6.2) with `Z = -9`, which is
//! what appendix H.2 finds, and the cofactor 1. The sum of two mapped elements is indifferentiable
//! from a random oracle as long as SM3's compression function behaves as one (sections 2.2.3 and
//! 5.3.1).

use sm3::{Digest, Sm3};
use zeroize::Zeroizing;

use super::field::Element;
use super::point::{B, Point, equation_over};

/// Hashes `message` to a point for the purpose `domain`. Takes the same time for all messages of
/// one length.
pub(super) fn hash_to_curve(domain: &str, message: &[u8]) -> Point {
    let uniform = expand(&[domain.as_bytes(), SUITE].concat(), message);
    let [first, second] = [0, 1].map(|half| {
        let mut bytes = Zeroizing::new([0; ELEMENT_BYTES]);
        bytes.copy_from_slice(&uniform[half * ELEMENT_BYTES..(half + 1) * ELEMENT_BYTES]);
        map_to_curve(Element::from_wide(&bytes))
    });
    first + second
}

/// The simplified map: RFC 9380, appendix F.2, without its last division.
pub(super) fn map_to_curve(element: Element) -> Point {
    let twist = -Element::from_small(MINUS_Z) * element.square();
    let sum = twist.square() + twist;
    let numerator = B * (sum + Element::ONE);
    // A = -3 times the sum negated, or times Z where the sum is zero.
    let denominator = sum.or(Element::from_small(MINUS_Z), sum.is_zero()).triple();
    let (first, divisor) = equation_over(numerator, denominator);
    let (root, is_first) = first.root_of_ratio(divisor);
    // Otherwise the second abscissa, Z u^2 times the first, is one of the curve. Its ordinate is
    // Z u^3 times a root of Z times the ratio; the square of what was found is minus the ratio.
    let failed = root * Element::from_small(ROOT_OF_MINUS_Z);
    let x = (twist * numerator).or(numerator, is_first);
    let y = (twist * element * failed).or(root, is_first);
    let y = y.or(-y, y.parity() ^ element.parity());
    Point { x, y: y * denominator, z: denominator }
}

/// `expand_message_xmd`: RFC 9380, section 5.3.1, for two elements.
fn expand(domain: &[u8], message: &[u8]) -> Zeroizing<[u8; 2 * ELEMENT_BYTES]> {
    // Domains are names in the source, shorter than this by far.
    assert!(domain.len() <= DOMAIN_BYTES_MAX);
    let domain = [domain, &[domain.len() as u8]].concat();
    let first: [u8; DIGEST_BYTES] = Sm3::new()
        .chain_update([0; BLOCK_BYTES])
        .chain_update(message)
        .chain_update([0, 2 * ELEMENT_BYTES as u8, 0])
        .chain_update(&domain)
        .finalize()
        .into();
    let first = Zeroizing::new(first);
    let mut uniform = Zeroizing::new([0; 2 * ELEMENT_BYTES]);
    let mut block = Zeroizing::new([0; DIGEST_BYTES]);
    for (index, part) in (1..).zip(uniform.as_chunks_mut::<DIGEST_BYTES>().0) {
        block.iter_mut().zip(first.iter()).for_each(|(block, first)| *block ^= first);
        let digest = Sm3::new().chain_update(*block).chain_update([index]).chain_update(&domain);
        *block = digest.finalize().into();
        *part = *block;
    }
    uniform
}

/// What RFC 9380, section 8.10, asks a suite to be called.
const SUITE: &[u8] = b" SM2_XMD:SM3_SSWU_RO_";

/// `-Z`; a test runs the search of appendix H.2.
pub(super) const MINUS_Z: u64 = 9;
const ROOT_OF_MINUS_Z: u64 = 3;

/// Bytes that become an element: 256 bits and 128 more, so that it is uniform.
const ELEMENT_BYTES: usize = 48;
const DIGEST_BYTES: usize = 32;
const BLOCK_BYTES: usize = 64;
const DOMAIN_BYTES_MAX: usize = 255;
