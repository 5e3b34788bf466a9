//! A part of a whole, kept exactly so that both parties compute the same digest from it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A share of a whole between 0 % and 100 %, in parts per million.
///
/// Written `30%` or `0.3`. It is an integer inside, so that `30%` and `0.3` are the same share in
/// every party's job file, to the last bit.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(try_from = "u32", into = "u32")]
pub struct Share {
    parts_per_million: u32,
}

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self { parts_per_million: 0 };
    /// The smallest share that is something: a millionth.
    pub const SMALLEST: Self = Self { parts_per_million: 1 };
    /// Everything.
    pub const WHOLE: Self = Self { parts_per_million: PARTS };

    /// A share of whole percents; more than 100 counts as 100.
    pub const fn percent(percent: u32) -> Self {
        if percent >= 100 {
            Self::WHOLE
        } else {
            Self { parts_per_million: percent * (PARTS / 100) }
        }
    }

    /// The share as a fraction in `0.0..=1.0`.
    pub fn fraction(self) -> f64 {
        f64::from(self.parts_per_million) / f64::from(PARTS)
    }

    /// The share in parts per million, in `0..=1_000_000`.
    pub const fn parts_per_million(self) -> u32 {
        self.parts_per_million
    }

    /// `floor(count * share)`: how many of `count` things this share is, without rounding error.
    pub const fn of(self, count: usize) -> usize {
        (count as u128 * self.parts_per_million as u128 / PARTS as u128) as usize
    }
}

/// The text is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShareError {
    /// Neither `30%` nor `0.3`.
    NotANumber,
    /// More digits than a millionth can hold.
    TooFine,
    /// Below 0 % or above 100 %.
    OutOfRange,
}

impl fmt::Display for ShareError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotANumber => "a share is written 30% or 0.3",
            Self::TooFine => "a share has at most 4 digits after the point of its percents",
            Self::OutOfRange => "a share lies between 0% and 100%",
        })
    }
}

impl std::error::Error for ShareError {}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let (number, fine_digits) = match text.strip_suffix('%') {
            Some(percents) => (percents.trim_end(), 4),
            None => (text, 6),
        };
        if number.starts_with('-') {
            return Err(ShareError::OutOfRange);
        }
        let (whole, fine) = number.split_once('.').unwrap_or((number, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fine.is_empty()) || !digits(whole) || !digits(fine) {
            return Err(ShareError::NotANumber);
        }
        let fine = fine.trim_end_matches('0');
        if fine.len() > fine_digits {
            return Err(ShareError::TooFine);
        }
        if whole.trim_start_matches('0').len() > 3 {
            return Err(ShareError::OutOfRange);
        }
        let scaled = format!("{whole}{fine:0<fine_digits$}");
        let parts = scaled.parse::<u64>().map_err(|_| ShareError::NotANumber)?;
        let parts = u32::try_from(parts).map_err(|_| ShareError::OutOfRange)?;
        Self::try_from(parts)
    }
}

impl TryFrom<u32> for Share {
    type Error = ShareError;

    fn try_from(parts_per_million: u32) -> Result<Self, ShareError> {
        if parts_per_million > PARTS {
            return Err(ShareError::OutOfRange);
        }
        Ok(Self { parts_per_million })
    }
}

impl From<Share> for u32 {
    fn from(share: Share) -> Self {
        share.parts_per_million
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.parts_per_million / (PARTS / 100);
        let rest = self.parts_per_million % (PARTS / 100);
        if rest == 0 {
            return write!(formatter, "{percent}%");
        }
        let rest = format!("{rest:04}");
        write!(formatter, "{percent}.{}%", rest.trim_end_matches('0'))
    }
}

const PARTS: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::{Share, ShareError};

    #[test]
    fn percents_and_fractions_are_the_same_share() {
        for (left, right) in [("30%", "0.3"), ("0.5 %", ".005"), ("100%", "1"), ("0", "0.00%")] {
            assert_eq!(left.parse::<Share>(), right.parse::<Share>(), "{left} {right}");
            assert!(left.parse::<Share>().is_ok());
        }
        assert_eq!("12.5%".parse::<Share>().unwrap().to_string(), "12.5%");
        assert_eq!(Share::percent(30).fraction().to_bits(), 0.3_f64.to_bits());
    }

    #[test]
    fn what_is_no_share_is_named() {
        for (text, error) in [
            ("", ShareError::NotANumber),
            ("%", ShareError::NotANumber),
            ("1e-1", ShareError::NotANumber),
            ("a third", ShareError::NotANumber),
            ("0.12345%", ShareError::TooFine),
            ("-1%", ShareError::OutOfRange),
            ("101%", ShareError::OutOfRange),
            ("1.000001", ShareError::OutOfRange),
            ("99999999999999999999%", ShareError::OutOfRange),
        ] {
            assert_eq!(text.parse::<Share>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_share_of_a_count_is_exact() {
        assert_eq!("70%".parse::<Share>().unwrap().of(41_188), 28_831);
        assert_eq!(Share::WHOLE.of(usize::MAX), usize::MAX);
        assert_eq!(Share::ZERO.of(7), 0);
    }
}
