//! Points of the twisted Edwards curve -x² + y² = 1 + d x² y², eight at a time, and their products
//! with secret exponents.
//!
//! Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited", ASIACRYPT 2008: extended
//! coordinates x = X/Z, y = Y/Z, x y = T/Z; sums of section 3.1, complete because d is no square;
//! doubles of section 3.3, which need no T and so let the step before leave it out.
//!
//! In multiplications of the processor: a double takes 313 (369 with T), a sum 394 (450 with T),
//! the product of eight points with an exponent 111,298, table and all.

use core::arch::x86_64::{
    __m512i, __mmask8, _mm512_abs_epi64, _mm512_cmpeq_epi64_mask, _mm512_movepi64_mask,
    _mm512_set1_epi64,
};

use super::field::{Element, Wide};
use super::load;
use crate::arch::ristretto::Eight;
use crate::arch::ristretto::digits::{Digits, MAGNITUDE_MAX};

/// d, the constant of the curve: -121665/121666.
pub(super) const D: [u64; 5] = [
    929_955_233_495_203,
    466_365_720_129_213,
    1_662_059_464_998_953,
    2_033_849_074_728_123,
    1_442_794_654_840_575,
];

/// 2d.
const TWICE_D: [u64; 5] = [
    1_859_910_466_990_425,
    932_731_440_258_426,
    1_072_319_116_312_658,
    1_815_898_335_770_999,
    633_789_495_995_903,
];

/// Eight points.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) x: Element,
    pub(super) y: Element,
    pub(super) z: Element,
    /// Of some earlier point after a step whose `WITH_T` is `false`.
    pub(super) t: Element,
}

/// Eight points as products: X = E F, Y = G H, Z = F G, T = E H.
#[derive(Clone, Copy)]
struct Factors {
    e: Wide,
    f: Wide,
    g: Wide,
    h: Wide,
}

/// Eight points that will be added to others: Y + X, Y - X, 2 Z, 2 d T.
#[derive(Clone, Copy)]
struct Addend {
    sum: Element,
    difference: Element,
    twice_z: Element,
    twice_dt: Element,
}

/// Multiplies `N` vectors of points, every point by the exponent of its lane, in the same time
/// whatever the exponents.
///
/// From the highest digit on: four doubles and one sum a digit, zero or not. The multiple is picked
/// by reading all eight. The vectors take each step in turn, so that one keeps the multiplier busy
/// while the other's sums settle.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn products<const N: usize>(points: &[Point; N], exponents: &Digits) -> [Point; N] {
    let mut factors = [Factors::zero(); N];
    let mut multiples = [[Addend::identity(); MAGNITUDE_MAX]; N];
    fill(&mut multiples, points, &mut factors);
    let mut products = [Point::identity(); N];
    let [lowest, higher @ ..] = exponents.as_lanes();
    for digits in higher.iter().rev() {
        add_multiples::<N, false>(&mut products, &mut factors, &multiples, digits);
        for _ in 0..3 {
            double::<N, false>(&mut products, &mut factors);
        }
        double::<N, true>(&mut products, &mut factors);
    }
    add_multiples::<N, true>(&mut products, &mut factors, &multiples, lowest);
    products
}

/// Writes the first eight multiples of every point.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn fill<const N: usize>(
    multiples: &mut [[Addend; MAGNITUDE_MAX]; N],
    points: &[Point; N],
    factors: &mut [Factors; N],
) {
    let mut points = *points;
    for (multiples, point) in multiples.iter_mut().zip(&points) {
        multiples[0] = point.addend();
    }
    for index in 1..MAGNITUDE_MAX {
        for ((point, factors), multiples) in points.iter().zip(factors.iter_mut()).zip(&*multiples)
        {
            point.plus_addend(&multiples[0], factors);
        }
        for ((point, factors), multiples) in
            points.iter_mut().zip(factors.iter()).zip(&mut *multiples)
        {
            factors.multiply::<true>(point);
            multiples[index] = point.addend();
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn double<const N: usize, const WITH_T: bool>(points: &mut [Point; N], factors: &mut [Factors; N]) {
    for (point, factors) in points.iter().zip(factors.iter_mut()) {
        point.double(factors);
    }
    for (point, factors) in points.iter_mut().zip(factors) {
        factors.multiply::<WITH_T>(point);
    }
}

/// Adds what each lane's digit says of the multiples.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn add_multiples<const N: usize, const WITH_T: bool>(
    points: &mut [Point; N],
    factors: &mut [Factors; N],
    multiples: &[[Addend; MAGNITUDE_MAX]; N],
    digits: &Eight,
) {
    let digits = load(digits);
    for ((point, factors), multiples) in points.iter().zip(factors.iter_mut()).zip(multiples) {
        point.plus_multiple(multiples, digits, factors);
    }
    for (point, factors) in points.iter_mut().zip(factors) {
        factors.multiply::<WITH_T>(point);
    }
}

impl Point {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn identity() -> Self {
        let (zero, one) = (Element::zero(), Element::one());
        Self { x: zero, y: one, z: one, t: zero }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let (mut sum, mut factors) = (*self, Factors::zero());
        self.plus_addend(&other.addend(), &mut factors);
        factors.multiply::<true>(&mut sum);
        sum
    }

    /// Four squares. All signs are turned against the paper's, which leaves the point as it is.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn double(&self, factors: &mut Factors) {
        let (xx, yy, zz) = (self.x.square(), self.y.square(), self.z.square());
        let h = xx.plus(&yy);
        let g = xx.minus(&yy);
        let f = g.plus(&zz).plus(&zz);
        let e = h.minus(&self.x.plus(&self.y).square());
        *factors = Factors { e, f, g, h };
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn plus_addend(&self, other: &Addend, factors: &mut Factors) {
        *factors = self.plus_signed(|coordinate| *coordinate(other), 0);
    }

    /// Adds the multiple that each lane's digit says.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn plus_multiple(
        &self,
        multiples: &[Addend; MAGNITUDE_MAX],
        digits: __m512i,
        factors: &mut Factors,
    ) {
        let magnitudes = _mm512_abs_epi64(digits);
        let identity = Addend::identity();
        let pick = |coordinate: Coordinate| {
            let mut picked = *coordinate(&identity);
            for (multiple, magnitude) in multiples.iter().zip(1..) {
                let is_it = _mm512_cmpeq_epi64_mask(magnitudes, _mm512_set1_epi64(magnitude));
                picked = picked.or_if(is_it, coordinate(multiple));
            }
            picked
        };
        *factors = self.plus_signed(pick, _mm512_movepi64_mask(digits));
    }

    /// Adds an addend, or takes it off in the lanes of `is_negative`: four products.
    ///
    /// Asks for each coordinate when it needs it, so that reading a table for the next one does not
    /// keep the multiplier waiting.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn plus_signed(
        &self,
        addend: impl Fn(Coordinate) -> Element,
        is_negative: __mmask8,
    ) -> Factors {
        let d = self.z.multiply(&addend(|addend| &addend.twice_z));
        let c = self.t.multiply(&addend(|addend| &addend.twice_dt));
        let (minus, plus) = (d.minus(&c), d.plus(&c));
        // The negative point has the negative T, which exchanges the two.
        let f = minus.or_if(is_negative, &plus);
        let g = plus.or_if(is_negative, &minus);
        let (sum, difference) = (addend(|addend| &addend.sum), addend(|addend| &addend.difference));
        let a = self.y.minus(&self.x).multiply(&difference.or_if(is_negative, &sum));
        let b = self.y.plus(&self.x).multiply(&sum.or_if(is_negative, &difference));
        Factors { e: b.minus(&a), f, g, h: b.plus(&a) }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn addend(&self) -> Addend {
        Addend {
            sum: self.y.plus(&self.x),
            difference: self.y.minus(&self.x),
            twice_z: self.z.plus(&self.z),
            twice_dt: self.t.times(&Element::constant(TWICE_D)),
        }
    }
}

impl Factors {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn zero() -> Self {
        let zero = Element::zero().wide();
        Self { e: zero, f: zero, g: zero, h: zero }
    }

    /// Writes the point: three products, or four with T.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn multiply<const WITH_T: bool>(&self, point: &mut Point) {
        let (g, h) = (self.g.carry(), self.h.carry());
        point.y = g.times(&h);
        let f = self.f.carry();
        point.z = f.times(&g);
        let e = self.e.carry();
        point.x = e.times(&f);
        if WITH_T {
            point.t = e.times(&h);
        }
    }
}

impl Addend {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn identity() -> Self {
        let (zero, one) = (Element::zero(), Element::one());
        Self {
            sum: one,
            difference: one,
            twice_z: Element::constant([2, 0, 0, 0, 0]),
            twice_dt: zero,
        }
    }
}

/// One of the four coordinates.
type Coordinate = fn(&Addend) -> &Element;
