//! Points of the curve `y^2 = x^3 - 3 x + b`, with formulas that hold for all of them.

use core::ops::{Add, Neg};

use zeroize::Zeroize;

use super::field::{Element, Words};
use super::{ENCODED_BYTES, Encoded};

/// A point `(x / z, y / z)`, or the neutral element if `z` is zero.
///
/// The complete addition of Renes, Costello and Batina ("Complete addition formulas for prime order
/// elliptic curves", EUROCRYPT 2016, section 3.2) has no exceptional case, hence no branch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) x: Element,
    pub(super) y: Element,
    pub(super) z: Element,
}

impl Point {
    pub(super) const NEUTRAL: Self = Self { x: Element::ZERO, y: Element::ONE, z: Element::ZERO };

    /// Reads a compressed point; `None` unless it is the one encoding of a point of the curve other
    /// than the neutral one. As the order of the curve is prime, that point generates the group.
    pub(super) fn decode(encoded: &Encoded) -> Option<Self> {
        let (prefix, coordinate) = encoded.split_first_chunk::<1>()?;
        let odd = match prefix {
            [EVEN] => 0,
            [ODD] => 1,
            _ => return None,
        };
        let x = Element::from_bytes(coordinate.first_chunk()?)?;
        let (square, _) = equation_over(x, Element::ONE);
        let (root, exists) = square.root_of_ratio(Element::ONE);
        let y = root.or(-root, root.parity() ^ odd);
        // No point has y = 0, which would be its own inverse: the order of the curve is odd.
        (exists == 1).then_some(Self { x, y, z: Element::ONE })
    }

    /// Sixteen times the point: four doublings in Jacobian coordinates, which take 8 products each
    /// in place of the 13 of the complete formula.
    ///
    /// They hold for all points but the neutral one, as no point is its own inverse; and for that
    /// one they give `z = 0`, which is all that marks it.
    pub(super) fn sixteenfold(&self) -> Self {
        // (x / z, y / z) is (x z / z^2, y z^2 / z^3).
        let mut x = self.x * self.z;
        let mut y = self.y * self.z.square();
        let mut z = self.z;
        for _ in 0..4 {
            // Bernstein, Explicit-Formulas Database, "dbl-2001-b", for a = -3.
            let (delta, gamma) = (z.square(), y.square());
            let beta = x * gamma;
            let alpha = ((x - delta) * (x + delta)).triple();
            let four_beta = beta.double().double();
            z = (y + z).square() - gamma - delta;
            x = alpha.square() - four_beta.double();
            y = alpha * (four_beta - x) - gamma.square().double().double().double();
        }
        let is_neutral = z.is_zero();
        Self { x: x * z, y: y.or(Element::ONE, is_neutral), z: z.square() * z }
    }

    /// The product with the exponent of the digits; the same time for all exponents and points.
    pub(super) fn times(&self, digits: &Digits) -> Self {
        let mut multiples = [*self; MAGNITUDE_MAX];
        for index in 1..MAGNITUDE_MAX {
            multiples[index] = multiples[index - 1] + *self;
        }
        digits
            .0
            .iter()
            .rev()
            .fold(Self::NEUTRAL, |product, digit| product.sixteenfold() + pick(&multiples, *digit))
    }

    fn or(self, other: &Self, choice: u64) -> Self {
        Self {
            x: self.x.or(other.x, choice),
            y: self.y.or(other.y, choice),
            z: self.z.or(other.z, choice),
        }
    }
}

impl Add for Point {
    type Output = Self;

    /// Algorithm 4 of the paper, for equal points too: 14 products, 2 of them with `b`.
    fn add(self, other: Self) -> Self {
        let (xx, yy, zz) = (self.x * other.x, self.y * other.y, self.z * other.z);
        let xy = (self.x + self.y) * (other.x + other.y) - xx - yy;
        let yz = (self.y + self.z) * (other.y + other.z) - yy - zz;
        let xz = (self.x + self.z) * (other.x + other.z) - xx - zz;
        let zz_part = (xz - B * zz).triple();
        let (minus, plus) = (yy - zz_part, yy + zz_part);
        let zz = zz.triple();
        let xz_part = (B * xz - zz - xx).triple();
        let xx_part = xx.triple() - zz;
        Self {
            x: plus * xy - yz * xz_part,
            y: plus * minus + xx_part * xz_part,
            z: minus * yz + xy * xx_part,
        }
    }
}

impl Neg for Point {
    type Output = Self;

    fn neg(self) -> Self {
        Self { y: -self.y, ..self }
    }
}

/// An exponent in 65 signed digits of radix 16, lowest first, none below -8 or above 7 (the last
/// is 0 or 1). Zeroised on drop.
pub(super) struct Digits([i8; DIGITS]);

impl Digits {
    /// Takes the same time for every exponent.
    pub(super) fn new(exponent: &Words) -> Self {
        let mut digits = [0; DIGITS];
        let mut carry = 0;
        for (place, slot) in digits[..DIGITS - 1].iter_mut().enumerate() {
            let digit = (exponent[place / 16] >> (place % 16 * 4) & 15) as i8 + carry;
            // One just if the digit is 8 or more.
            carry = (digit + 8) >> 4;
            *slot = digit - (carry << 4);
        }
        digits[DIGITS - 1] = carry;
        Self(digits)
    }
}

impl Drop for Digits {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Encodes all points with one inversion; the neutral element becomes zeros.
pub(super) fn encode(points: &[Point], encoded: &mut [Encoded]) {
    assert_eq!(points.len(), encoded.len());
    // Montgomery's trick: the products of all denominators before each one, then backwards.
    let denominator = |point: &Point| point.z.or(Element::ONE, point.z.is_zero());
    let mut products = Vec::with_capacity(points.len());
    let mut product = Element::ONE;
    for point in points {
        products.push(product);
        product = product * denominator(point);
    }
    let mut inverse = product.invert();
    for ((point, before), encoded) in points.iter().zip(products).zip(encoded).rev() {
        let one = inverse * before;
        inverse = inverse * denominator(point);
        let is_neutral = point.z.is_zero();
        encoded[0] = (EVEN + (point.y * one).parity() as u8) * (1 ^ is_neutral as u8);
        let coordinate = (point.x * one).or(Element::ZERO, is_neutral);
        encoded[1..ENCODED_BYTES].copy_from_slice(&coordinate.to_bytes());
    }
}

/// `x^3 - 3 x + b` for `x = numerator / denominator`, as a numerator and a denominator: the square
/// of `y` just for the points of the curve.
pub(super) fn equation_over(numerator: Element, denominator: Element) -> (Element, Element) {
    let square = denominator.square();
    let cube = square * denominator;
    ((numerator.square() - square.triple()) * numerator + B * cube, cube)
}

/// The multiple that `digit` asks for, found by looking at all of them.
fn pick(multiples: &[Point; MAGNITUDE_MAX], digit: i8) -> Point {
    let is_negative = u64::from((digit as u8) >> 7);
    let magnitude = u64::from(digit.unsigned_abs());
    let picked = (1..).zip(multiples).fold(Point::NEUTRAL, |picked, (index, multiple)| {
        let difference = magnitude ^ index;
        picked.or(multiple, difference.wrapping_sub(1) >> 63)
    });
    picked.or(&-picked, is_negative)
}

/// `b` of GB/T 32918.5, section 2, in Montgomery form.
pub(super) const B: Element = Element::from_montgomery([
    0x90D2_3063_2BC0_DD42,
    0x71CF_379A_E9B5_37AB,
    0x5279_8150_5EA5_1C3C,
    0x240F_E188_BA20_E2C8,
]);

/// The first byte of a compressed point: SEC 1, section 2.3.3; GB/T 32918.1, section 4.2.9.
const EVEN: u8 = 2;
const ODD: u8 = 3;

/// Digits of an exponent below 2^256, with the last carry.
const DIGITS: usize = 65;
/// The largest magnitude of a digit.
const MAGNITUDE_MAX: usize = 8;
