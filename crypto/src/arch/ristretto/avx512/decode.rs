//! From encodings and from uniform bytes to points.

use core::arch::x86_64::__mmask8;

use super::field::Element;
use super::point::{D, Point};
use super::root::{SQRT_M1, square_roots};
use crate::arch::ristretto::Eight;

/// DECODE of RFC 9496, section 4.3.1, for `N` vectors of encodings in words, the lowest first.
///
/// Gives the points and which of them are the elements that these bytes encode.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn decode<const N: usize>(encoded: &[[Eight; 4]; N]) -> [(Point, __mmask8); N] {
    let one = Element::one();
    let parts = encoded.each_ref().map(|words| {
        let s = Element::from_words(words);
        let is_canonical = equal_words(&s.to_words(), words) & !s.is_negative();
        let square = s.squared();
        let (u1, u2) = (one.minus(&square), one.plus(&square));
        let u2_square = u2.squared();
        let product = u1.squared().times(&Element::constant(D));
        let v = product.plus(&u2_square).negated();
        Parts { s, u1, u2, v, v_u2_square: v.times(&u2_square), is_canonical }
    });
    let roots = square_roots(&parts.each_ref().map(|parts| (one, parts.v_u2_square)));
    std::array::from_fn(|index| {
        let Parts { s, u1, u2, v, is_canonical, .. } = &parts[index];
        let (root, is_square) = &roots[index];
        let dx = root.times(u2);
        let dy = root.times(&dx).times(v);
        let x = s.plus(s).times(&dx).absolute();
        let y = u1.times(&dy);
        let t = x.times(&y);
        let is_element = is_canonical & is_square & !t.is_negative() & !y.is_zero();
        (Point { x, y, z: one, t }, is_element)
    })
}

/// What decoding computes before the root.
struct Parts {
    s: Element,
    u1: Element,
    u2: Element,
    v: Element,
    v_u2_square: Element,
    is_canonical: __mmask8,
}

fn equal_words(left: &[Eight; 4], right: &[Eight; 4]) -> __mmask8 {
    let is_equal = |lane: usize| (0..4).all(|word| left[word][lane] == right[word][lane]);
    (0..8).fold(0, |mask, lane| mask | u8::from(is_equal(lane)) << lane)
}

/// MAP of RFC 9496, section 4.3.4, for `N` vectors of uniform bytes in words, the lowest first.
///
/// Takes the same time whatever the bytes.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn map<const N: usize>(uniform: &[[Eight; 4]; N]) -> [Point; N] {
    let one = Element::one();
    let d = Element::constant(D);
    let inputs = uniform.each_ref().map(|words| {
        let t = Element::from_words(words);
        (t, t.squared().times(&Element::constant(SQRT_M1)))
    });
    let fractions = inputs.each_ref().map(|(_, r)| {
        let u = r.plus(&one).times(&Element::constant(ONE_MINUS_D_SQUARED));
        let v = r.times(&d).plus(&one).negated().times(&r.plus(&d));
        (u, v)
    });
    let roots = square_roots(&fractions);
    std::array::from_fn(|index| {
        let ((t, r), (_, v)) = (&inputs[index], &fractions[index]);
        let (root, is_square) = &roots[index];
        let other = root.times(t).absolute().negated();
        let s = other.or_if(*is_square, root);
        let c = r.or_if(*is_square, &one.negated());
        let factor = Element::constant(D_MINUS_ONE_SQUARED);
        let n = c.times(&r.minus(&one)).times(&factor).minus(v);
        let square = s.squared();
        let w0 = s.plus(&s).times(v);
        let w1 = n.times(&Element::constant(SQRT_AD_MINUS_ONE));
        let (w2, w3) = (one.minus(&square), one.plus(&square));
        Point { x: w0.times(&w3), y: w2.times(&w1), z: w1.times(&w3), t: w0.times(&w2) }
    })
}

/// 1 - d².
const ONE_MINUS_D_SQUARED: [u64; 5] = [
    1_136_626_929_484_150,
    1_998_550_399_581_263,
    496_427_632_559_748,
    118_527_312_129_759,
    45_110_755_273_534,
];

/// (d - 1)².
const D_MINUS_ONE_SQUARED: [u64; 5] = [
    1_507_062_230_895_904,
    1_572_317_787_530_805,
    683_053_064_812_840,
    317_374_165_784_489,
    1_572_899_562_415_810,
];

/// The nonnegative square root of a d - 1, for a = -1.
const SQRT_AD_MINUS_ONE: [u64; 5] = [
    2_241_493_124_984_347,
    425_987_919_032_274,
    2_207_028_919_301_688,
    1_220_490_630_685_848,
    974_799_131_293_748,
];
