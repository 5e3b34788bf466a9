//! The field and the curve by schoolbook means: slow, and different from what is tested.

use super::super::field::{MODULUS, Words, is_below};

/// `x^3 - 3 x + c` has no root just if its greatest common divisor with `x^p - x` is constant.
///
/// Of `x^p - x`, reduced modulo the cubic to a polynomial of degree 2 at most, the resultant with
/// the cubic is zero just if they have a root in common.
pub(super) fn cubic_has_no_root(constant: Words) -> bool {
    let mut power = [[1, 0, 0, 0], ZERO, ZERO];
    let x = [ZERO, [1, 0, 0, 0], ZERO];
    for place in (0..256).rev() {
        power = multiply_polynomials(&power, &power, &constant);
        if MODULUS[place / 64] >> (place % 64) & 1 == 1 {
            power = multiply_polynomials(&power, &x, &constant);
        }
    }
    power[1] = subtract(&power[1], &[1, 0, 0, 0]);
    // The resultant is the determinant of multiplying with it: its rows are it, x times it, x^2
    // times it.
    let second = multiply_polynomials(&power, &x, &constant);
    let third = multiply_polynomials(&second, &x, &constant);
    determinant(&[power, second, third]) != ZERO
}

fn determinant(rows: &[[Words; 3]; 3]) -> Words {
    let minor = |first: usize, second: usize| {
        subtract(
            &multiply(&rows[1][first], &rows[2][second]),
            &multiply(&rows[1][second], &rows[2][first]),
        )
    };
    let [first, second, third] = &rows[0];
    let sum = add(&multiply(first, &minor(1, 2)), &multiply(third, &minor(0, 1)));
    subtract(&sum, &multiply(second, &minor(0, 2)))
}

/// Of degree 2 at most, modulo `x^3 - 3 x + constant`; the constant coefficient first.
fn multiply_polynomials(first: &[Words; 3], second: &[Words; 3], constant: &Words) -> [Words; 3] {
    let mut product = [ZERO; 5];
    for (row, left) in first.iter().enumerate() {
        for (column, right) in second.iter().enumerate() {
            product[row + column] = add(&product[row + column], &multiply(left, right));
        }
    }
    for degree in [4, 3] {
        // x^3 = 3 x - constant.
        let top = product[degree];
        product[degree - 2] = add(&product[degree - 2], &add(&top, &add(&top, &top)));
        product[degree - 3] = subtract(&product[degree - 3], &multiply(&top, constant));
    }
    [product[0], product[1], product[2]]
}

/// A point other than the neutral one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) x: Words,
    pub(super) y: Words,
}

/// Double and add, from the highest bit, by the formulas of the school book, whose exceptional
/// cases do not occur for a generator and exponents that are not near multiples of its order.
pub(super) fn times(point: &Affine, exponent: &Words) -> Affine {
    let bits = (0..256).rev().map(|place| exponent[place / 64] >> (place % 64) & 1);
    let mut bits = bits.skip_while(|bit| *bit == 0);
    assert_eq!(bits.next(), Some(1));
    bits.fold(point.clone(), |product, bit| {
        let double = chord(&product, &product);
        if bit == 1 { chord(&double, point) } else { double }
    })
}

fn chord(first: &Affine, second: &Affine) -> Affine {
    let slope = if first == second {
        let square = multiply(&first.x, &first.x);
        let numerator = subtract(&add(&add(&square, &square), &square), &[3, 0, 0, 0]);
        multiply(&numerator, &invert(&add(&first.y, &first.y)))
    } else {
        multiply(&subtract(&second.y, &first.y), &invert(&subtract(&second.x, &first.x)))
    };
    let x = subtract(&subtract(&multiply(&slope, &slope), &first.x), &second.x);
    let y = subtract(&multiply(&slope, &subtract(&first.x, &x)), &first.y);
    Affine { x, y }
}

/// By Fermat's little theorem.
fn invert(number: &Words) -> Words {
    assert_ne!(*number, ZERO);
    let exponent = minus(&MODULUS, &[2, 0, 0, 0]);
    (0..256).rev().fold([1, 0, 0, 0], |power, place| {
        let square = multiply(&power, &power);
        let bit = exponent[place / 64] >> (place % 64) & 1;
        if bit == 1 { multiply(&square, number) } else { square }
    })
}

/// Double and add.
pub(super) fn multiply(first: &Words, second: &Words) -> Words {
    (0..256).rev().fold(ZERO, |sum, place| {
        let double = add(&sum, &sum);
        if first[place / 64] >> (place % 64) & 1 == 1 { add(&double, second) } else { double }
    })
}

pub(super) fn add(first: &Words, second: &Words) -> Words {
    subtract(first, &subtract(&ZERO, second))
}

pub(super) fn subtract(first: &Words, second: &Words) -> Words {
    if is_below(first, second) {
        // Below the modulus: p - (second - first).
        minus(&MODULUS, &minus(second, first))
    } else {
        minus(first, second)
    }
}

/// The difference of integers, of which the first is not the smaller one.
pub(super) fn minus(first: &Words, second: &Words) -> Words {
    let mut borrow = 0;
    let difference = core::array::from_fn(|word| {
        let wide = i128::from(first[word]) - i128::from(second[word]) - borrow;
        borrow = i128::from(wide < 0);
        wide as u64
    });
    assert_eq!(borrow, 0, "a smaller number minus a larger one");
    difference
}

const ZERO: Words = [0; 4];
