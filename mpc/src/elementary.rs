//! Logarithms, square roots and inverse square roots of shared numbers.
//!
//! # Functionality
//! The parties hold shares modulo 2^128 of whole numbers 1 ≤ x < 2^bits, bits from 2 to
//! [`BITS_MAX`](crate::reciprocal::BITS_MAX). [`logarithms`] gives shares of ln x with
//! [`FRACTION_BITS`] fractional bits and an error below 2^-25. [`square_roots`] gives √x with
//! [`FRACTION_BITS`], [`inverse_square_roots`] 1/√x with [`INVERSE_FRACTION_BITS`], both with an
//! error below 2^-25 of the result. For x = 0 the result means nothing. Numbers with fractional
//! bits are whole ones times a public power of two, which each result can make up for.
//! # Messages
//! 1. comparisons that find the leading bit (see `reciprocal`)
//! 2. products: x brought to one size, and a polynomial of it (see `product`, `wide`); for roots
//!    one more with the root of the power of two
//! # Leaks
//! Nothing but lengths.
//! # Security
//! Semi-honest, as the blocks that it is made of; nothing depends on a value.
//! # Cost
//! As for the normaliser of `reciprocal`, six products and three shortened numbers each, for roots
//! one product more; some 24 flights for a function of few numbers.
//! # Reference
//! x = m·2^e with m in 1/2..1, the leading bit from a thermometer of comparisons as in
//! `reciprocal`; ln x = ln m + e·ln 2 and √x = √m·√2^e, where what depends on e alone is a sum of
//! public numbers over the shared places of the leading bit. Functions of m by polynomials of
//! degree 11 that agree with them in the Chebyshev points (Muller, "Elementary Functions", 3rd ed.,
//! 2016, section 3.3), with few products: Paterson, Stockmeyer, SIAM Journal on Computing 2
//! (1973).

use std::f64::consts::LN_2;

use crate::product::{Form, Products};
use crate::reciprocal::{BITS_MAX, LeadingBits, check_bits, leading_bits};
use crate::wide::shorten;
use crate::{MpcError, TwoParty};

/// Fractional bits of logarithms and square roots.
pub const FRACTION_BITS: u32 = 30;
/// Fractional bits of inverse square roots, which are below 1 and may be as small as 2^-20.
pub const INVERSE_FRACTION_BITS: u32 = 50;

/// A polynomial of t = 4m - 3, in -1..1: coefficients with [`COEFFICIENT_BITS`], the lowest first.
type Polynomial = [i64; 12];

/// Fractional bits of coefficients.
const COEFFICIENT_BITS: u32 = 40;

/// ln m, off by at most 2^-32.6.
const LOGARITHM: Polynomial = [
    -316_309_783_650,
    366_503_875_890,
    -61_083_987_473,
    13_574_220_143,
    -3_393_459_952,
    904_918_685,
    -251_771_691,
    71_943_875,
    -20_202_264,
    5_976_723,
    -2_487_237,
    757_038,
];
/// √m, off by at most 2^-36.4.
const SQUARE_ROOT: Polynomial = [
    952_205_001_418,
    158_700_833_566,
    -13_225_070_044,
    2_204_178_416,
    -459_197_079,
    107_145_562,
    -26_815_193,
    7_023_997,
    -1_846_832,
    512_036,
    -194_377,
    56_311,
];
/// 1/√m, off by at most 2^-31.4.
const INVERSE_SQUARE_ROOT: Polynomial = [
    1_269_606_668_288,
    -211_601_111_341,
    52_900_296_517,
    -14_694_527_618,
    4_285_686_048,
    -1_285_701_266,
    393_782_258,
    -121_895_424,
    36_301_042,
    -11_417_632,
    5_207_439,
    -1_660_731,
];

/// Shares of ln x for shared x in 1..2^bits.
///
/// # Errors
/// Those of [`normalisers`](crate::reciprocal::normalisers).
#[net::boxed]
pub async fn logarithms(
    party: &mut TwoParty,
    products: &Products,
    shares: &[u128],
    bits: u32,
) -> Result<Vec<u128>, MpcError> {
    let number = Scaled::new(party, products, shares, bits).await?;
    let of_fraction = number.polynomial(party, products, &LOGARITHM).await?;
    let of_power = number.by_exponent(|exponent| f64::from(exponent) * LN_2 * UNIT);
    Ok(of_fraction.iter().zip(&of_power).map(|(left, right)| left.wrapping_add(*right)).collect())
}

/// Shares of √x for shared x in 1..2^bits.
///
/// # Errors
/// Those of [`normalisers`](crate::reciprocal::normalisers).
#[net::boxed]
pub async fn square_roots(
    party: &mut TwoParty,
    products: &Products,
    shares: &[u128],
    bits: u32,
) -> Result<Vec<u128>, MpcError> {
    let root = |exponent: i32| 2_f64.powi(exponent).sqrt() * UNIT;
    power_function(party, products, shares, bits, &SQUARE_ROOT, root).await
}

/// Shares of 1/√x for shared x in 1..2^bits.
///
/// # Errors
/// Those of [`normalisers`](crate::reciprocal::normalisers).
#[net::boxed]
pub async fn inverse_square_roots(
    party: &mut TwoParty,
    products: &Products,
    shares: &[u128],
    bits: u32,
) -> Result<Vec<u128>, MpcError> {
    let unit = (1_u64 << INVERSE_FRACTION_BITS) as f64;
    let root = |exponent: i32| 2_f64.powi(-exponent).sqrt() * unit;
    power_function(party, products, shares, bits, &INVERSE_SQUARE_ROOT, root).await
}

/// The polynomial of m times what belongs to the exponent.
async fn power_function(
    party: &mut TwoParty,
    products: &Products,
    shares: &[u128],
    bits: u32,
    polynomial: &Polynomial,
    of_exponent: impl Fn(i32) -> f64,
) -> Result<Vec<u128>, MpcError> {
    let number = Scaled::new(party, products, shares, bits).await?;
    let of_fraction = number.polynomial(party, products, polynomial).await?;
    let of_power = number.by_exponent(of_exponent);
    let form = Form::product(0, 1, FRACTION_BITS);
    Ok(products.evaluate(party, &[&of_fraction, &of_power], &[form]).await?.swap_remove(0))
}

/// Shared numbers m·2^e.
struct Scaled {
    bits: u32,
    leading: LeadingBits,
    /// t = 4m - 3, with [`FRACTION_BITS`].
    point: Vec<u128>,
}

impl Scaled {
    async fn new(
        party: &mut TwoParty,
        products: &Products,
        shares: &[u128],
        bits: u32,
    ) -> Result<Self, MpcError> {
        check_bits(bits, BITS_MAX)?;
        let leading = leading_bits(party, shares, bits).await?;
        let powers = leading.powers(0..shares.len(), |above| above);
        // x times its power is m·2^bits; four times m is to have the fractional bits.
        let form = Form::product(0, 1, bits.saturating_sub(FRACTION_BITS + 2));
        let normal = products.evaluate(party, &[shares, &powers], &[form]).await?.swap_remove(0);
        let three = if party.is_first() { 3 << FRACTION_BITS } else { 0 };
        let lacking = (FRACTION_BITS + 2).saturating_sub(bits);
        let point = normal.iter().map(|normal| (normal << lacking).wrapping_sub(three)).collect();
        Ok(Self { bits, leading, point })
    }

    /// Shares of a public function of the exponents e, rounded.
    fn by_exponent(&self, function: impl Fn(i32) -> f64) -> Vec<u128> {
        let values: Vec<u128> =
            (1..=self.bits).map(|exponent| function(exponent as i32).round() as u128).collect();
        self.leading.choose(&values)
    }

    /// Shares of a polynomial of the points, with [`FRACTION_BITS`].
    async fn polynomial(
        &self,
        party: &mut TwoParty,
        products: &Products,
        polynomial: &Polynomial,
    ) -> Result<Vec<u128>, MpcError> {
        let product = |left, right| Form::product(left, right, FRACTION_BITS);
        let point = &self.point;
        let second = products.evaluate(party, &[point], &[product(0, 0)]).await?.swap_remove(0);
        let forms = [product(0, 1), product(1, 1)];
        let higher = products.evaluate(party, &[point, &second], &forms).await?;
        let [third, fourth] = &higher[..] else { return Ok(Vec::new()) };
        // Four coefficients together need no products; each four come with a power of t^4.
        let first = party.is_first();
        let quarter = |coefficients: &[i64], place: usize| {
            let one = if first { 1 << FRACTION_BITS } else { 0 };
            let powers = [one, point[place], second[place], third[place]];
            let terms = coefficients.iter().zip(powers);
            terms.fold(0_u128, |sum, (coefficient, power)| {
                sum.wrapping_add(power.wrapping_mul(i128::from(*coefficient) as u128))
            })
        };
        let count = point.len();
        let long: Vec<u128> = polynomial
            .chunks_exact(4)
            .flat_map(|part| (0..count).map(move |place| (part, place)))
            .map(|(part, place)| quarter(part, place))
            .collect();
        let short = shorten(party, &long, COEFFICIENT_BITS).await?;
        let mut quarters = short.chunks(count.max(1)).rev();
        let mut sum = quarters.next().unwrap_or_default().to_vec();
        for quarter in quarters {
            sum = products.evaluate(party, &[&sum, fourth], &[product(0, 1)]).await?.swap_remove(0);
            sum.iter_mut().zip(quarter).for_each(|(sum, term)| *sum = sum.wrapping_add(*term));
        }
        Ok(sum)
    }
}

/// One, with [`FRACTION_BITS`].
const UNIT: f64 = (1_u64 << FRACTION_BITS) as f64;

#[cfg(test)]
mod tests;
