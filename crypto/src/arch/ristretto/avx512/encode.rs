//! Encoding the doubles of many points, with one inversion for all of them in a lane.
//!
//! A double is a point that has a half, for which the inverse square root of ENCODE (RFC 9496,
//! section 4.3.2) is a fraction of the half's own coordinates: Hamburg's isogenies, as in
//! `RistrettoPoint::double_and_compress_batch` of curve25519-dalek, whose names these are.
//! Inverting many numbers at once: Montgomery, "Speeding the Pollard and Elliptic Curve Methods of
//! Factorization", 1987, section 10.3.1.

use super::field::Element;
use super::point::{D, Point};
use super::root::{SQRT_M1, inverse};
use crate::arch::ristretto::Eight;

/// A point on its way to the encoding of its double.
pub(super) struct Half {
    e: Element,
    f: Element,
    g: Element,
    h: Element,
    eg: Element,
    fh: Element,
}

impl Half {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn new(point: &Point) -> Self {
        let (xx, yy, zz) = (point.x.square(), point.y.square(), point.z.square());
        let dtt = point.t.squared().multiply(&Element::constant(D));
        let e = point.x.times(&point.y.plus(&point.y));
        let (f, h) = (zz.plus(&dtt).carry(), zz.minus(&dtt).carry());
        let g = yy.plus(&xx).carry();
        Self { e, f, g, h, eg: e.times(&g), fh: f.times(&h) }
    }

    /// ENCODE of the double, in words, from the inverse of `eg · fh`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn encode(&self, inverse: &Element) -> [Eight; 4] {
        let sqrt_m1 = Element::constant(SQRT_M1);
        let z_inverse = self.eg.times(inverse);
        let t_inverse = self.fh.times(inverse);
        let turns = self.eg.times(&z_inverse).is_negative();
        let e = self.e.or_if(turns, &self.g);
        let g = self.g.or_if(turns, &self.e.negated());
        let h = self.h.or_if(turns, &self.f.times(&sqrt_m1));
        let factor = Element::constant(INVSQRT_A_MINUS_D).or_if(turns, &sqrt_m1);
        let g = g.negated_if(h.times(&e).times(&z_inverse).is_negative());
        let s = h.minus(&g).times(&factor.times(&g.times(&t_inverse)));
        s.absolute().to_words()
    }
}

/// Encodes the doubles of all points, in words, the lowest first.
///
/// Where `eg · fh` is zero, for the neutral element, one takes its place in the lane's product and
/// its inverse is zero.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn encode_doubles(halves: &[Half]) -> Vec<[Eight; 4]> {
    let one = Element::one();
    let mut product = one;
    let mut before = Vec::with_capacity(halves.len());
    for half in halves {
        let factor = half.eg.times(&half.fh);
        let is_zero = factor.is_zero();
        before.push((product, factor, is_zero));
        product = product.times(&factor.or_if(is_zero, &one));
    }
    let mut rest = inverse(&product);
    let mut encoded = vec![[[0; 8]; 4]; halves.len()];
    for ((half, (before, factor, is_zero)), words) in
        halves.iter().zip(before).zip(&mut encoded).rev()
    {
        let inverse = rest.times(&before).or_if(is_zero, &Element::zero());
        rest = rest.times(&factor.or_if(is_zero, &one));
        *words = half.encode(&inverse);
    }
    encoded
}

/// 1 / sqrt(a - d), for a = -1.
const INVSQRT_A_MINUS_D: [u64; 5] = [
    278_908_739_862_762,
    821_645_201_101_625,
    8_113_234_426_968,
    1_777_959_178_193_151,
    2_118_520_810_568_447,
];
