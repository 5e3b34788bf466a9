//! Secret exponents as the vectors read them.

use curve25519_dalek::Scalar;
use zeroize::Zeroize;

use super::Eight;

/// Digits of an exponent: 64 of radix 16 hold 256 bits.
pub(super) const DIGITS: usize = 64;

/// The largest magnitude of a digit.
pub(super) const MAGNITUDE_MAX: usize = 8;

/// An exponent in 64 signed digits of radix 16, lowest first, as many copies as lanes.
///
/// No digit is below -8 or above 8. Copies, because a compiler that knew the lanes to be equal
/// might turn a choice among lanes into a branch on the secret. Zeroised on drop.
pub(super) struct Digits([Eight; DIGITS]);

impl Digits {
    /// Takes the same time for every exponent.
    pub(super) fn new(exponent: &Scalar) -> Self {
        let mut bytes = exponent.to_bytes();
        let mut lanes = [[0; 8]; DIGITS];
        let mut carry = 0;
        for (place, lanes) in lanes.iter_mut().enumerate() {
            let nibble = i64::from(bytes[place / 2] >> (place % 2 * 4) & 15);
            let digit = nibble + carry;
            // One just if the digit is 8 or more.
            carry = (digit + 8) >> 4;
            *lanes = [(digit - (carry << 4)) as u64; 8];
        }
        // An exponent is below 2^253: the last carry is zero.
        bytes.zeroize();
        Self(lanes)
    }

    pub(super) fn as_lanes(&self) -> &[Eight; DIGITS] {
        &self.0
    }
}

impl Drop for Digits {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    #[test]
    fn digits_are_small_and_sum_up_to_the_exponent() {
        let mut generator = Generator::from_seed([1; 32]);
        let mut exponents = vec![Scalar::ZERO, Scalar::ONE, -Scalar::ONE, Scalar::from(0x88_u64)];
        exponents.extend((0..50).map(|_| Scalar::random(&mut generator)));
        for exponent in exponents {
            let digits = Digits::new(&exponent);
            let sum = digits.as_lanes().iter().rev().fold(Scalar::ZERO, |sum, lanes| {
                assert!(lanes.iter().all(|digit| digit == &lanes[0]));
                let digit = lanes[0] as i64;
                assert!(digit.unsigned_abs() <= MAGNITUDE_MAX as u64);
                let magnitude = Scalar::from(digit.unsigned_abs());
                let digit = if digit < 0 { -magnitude } else { magnitude };
                sum * Scalar::from(16_u64) + digit
            });
            assert_eq!(sum, exponent);
        }
    }
}
