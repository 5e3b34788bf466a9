//! Numbers with a point that both sides read alike, to the last digit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::canonical::Flaw;

/// A number with up to nine digits behind the point, between about ±9.2 thousand million.
///
/// Written `0.01`, without superfluous digits: each number has one text.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal {
    billionths: i64,
}

impl Decimal {
    /// The largest number.
    pub const LARGEST: Self = Self { billionths: i64::MAX };

    /// A whole number.
    pub const fn whole(number: u32) -> Self {
        Self { billionths: number as i64 * BILLION as i64 }
    }

    /// The sum, unless it is too large.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let billionths = self.billionths.checked_add(other.billionths)?;
        Some(Self { billionths })
    }

    /// So many times the number, unless that is too large.
    pub fn checked_times(self, times: u32) -> Option<Self> {
        let billionths = self.billionths.checked_mul(times.into())?;
        Some(Self { billionths })
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.billionths < 0
    }
}

impl FromStr for Decimal {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        let read = || {
            let (negative, digits) = match text.strip_prefix('-') {
                Some(digits) => (true, digits),
                None => (false, text),
            };
            let (whole, fine) = match digits.split_once('.') {
                Some((_, "")) => return None,
                Some(parts) => parts,
                None => (digits, ""),
            };
            let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            if whole.is_empty() || fine.len() > 9 || !all_digits(whole) || !all_digits(fine) {
                return None;
            }
            let whole: u64 = whole.parse().ok()?;
            let fine: u64 = format!("{fine:0<9}").parse().ok()?;
            let size = i64::try_from(whole.checked_mul(BILLION)?.checked_add(fine)?).ok()?;
            Some(Self { billionths: if negative { -size } else { size } })
        };
        let rule = "is not one with at most nine digits behind the point";
        read().ok_or(Flaw { field: "number", rule })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, sign) =
            (self.billionths.unsigned_abs(), if self.billionths < 0 { "-" } else { "" });
        let fine = format!("{:09}", size % BILLION);
        let fine = fine.trim_end_matches('0');
        let point = if fine.is_empty() { "" } else { "." };
        write!(formatter, "{sign}{}{point}{fine}", size / BILLION)
    }
}

impl TryFrom<String> for Decimal {
    type Error = Flaw;

    fn try_from(text: String) -> Result<Self, Flaw> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.to_string()
    }
}

const BILLION: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decimal;

    #[test]
    fn numbers_are_exact_and_what_is_none_is_refused() {
        for (text, written) in
            [("0.01", "0.01"), ("007.50", "7.5"), ("-0", "0"), ("-1.000000001", "-1.000000001")]
        {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), written);
        }
        let read = |text: &str| text.parse::<Decimal>().unwrap();
        let less = |left: &str, right: &str| read(left) < read(right);
        assert!(less("-2", "-1.5") && less("0.1", "0.10000001"));
        assert_eq!(Decimal::whole(u32::MAX).to_string(), u32::MAX.to_string());
        for wrong in ["", ".5", "1e3", "1.0000000001", "--1", "+1", "9999999999", "1.", "½"] {
            assert!(wrong.parse::<Decimal>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn each_number_has_one_text(billionths in any::<i64>()) {
            let decimal = Decimal { billionths };
            let read = decimal.to_string().parse::<Decimal>();
            // The smallest number of 64 bits has no positive twin.
            prop_assert!(read == Ok(decimal) || billionths == i64::MIN);
        }
    }
}
