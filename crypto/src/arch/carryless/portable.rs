//! Carry-less products from integer products, in constant time.
//!
//! Bits are spread over words with holes of three zeros, so that the carries of an integer product
//! fall into the holes. Pornin, "`BearSSL`: constant-time crypto", section on GHASH (`ctmul64`).

use super::POLYNOMIAL;
use crate::field128::Gf128;

/// The product of two elements.
pub(super) fn multiply(Gf128(left): Gf128, Gf128(right): Gf128) -> Gf128 {
    let [l0, l1] = [left as u64, (left >> 64) as u64];
    let [r0, r1] = [right as u64, (right >> 64) as u64];
    let low = carryless(l0, r0);
    let high = carryless(l1, r1);
    let middle = carryless(l0 ^ l1, r0 ^ r1) ^ low ^ high;
    let (low, high) = (low ^ middle << 64, high ^ middle >> 64);
    let folded = carryless((high >> 64) as u64, POLYNOMIAL);
    let rest = high as u64 ^ (folded >> 64) as u64;
    Gf128(low ^ folded << 64 ^ carryless(rest, POLYNOMIAL))
}

/// The product of two polynomials of degree below 64.
fn carryless(left: u64, right: u64) -> u128 {
    // The upper half is the lower half of the product of the mirrored factors, mirrored.
    let low = carryless_low(left, right);
    let high = carryless_low(left.reverse_bits(), right.reverse_bits()).reverse_bits() >> 1;
    u128::from(low) | u128::from(high) << 64
}

/// The lower 64 coefficients of a product. Below place 64 at most 16 ones meet in one place, and 16
/// of them in the last hole only, so that no carry reaches the next place that counts.
fn carryless_low(left: u64, right: u64) -> u64 {
    let left = HOLES.map(|holes| left & holes);
    let right = HOLES.map(|holes| right & holes);
    let mut product = 0;
    for (place, holes) in HOLES.into_iter().enumerate() {
        let sum = (0..4)
            .fold(0, |sum, index| sum ^ left[index].wrapping_mul(right[(4 + place - index) % 4]));
        product |= sum & holes;
    }
    product
}

const HOLES: [u64; 4] =
    [0x1111_1111_1111_1111, 0x2222_2222_2222_2222, 0x4444_4444_4444_4444, 0x8888_8888_8888_8888];
