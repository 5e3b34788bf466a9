//! Times and months as values: nothing here asks a clock.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, SecondsFormat, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::canonical::Flaw;

/// Milliseconds since the beginning of 1970 in UTC, up to the end of the year 9999.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Time(u64);

impl Time {
    /// The last millisecond of the year 9999.
    pub const LATEST: Self = Self(253_402_300_799_999);

    /// A time of so many milliseconds; later than [`Self::LATEST`] counts as that.
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        if milliseconds > Self::LATEST.0 { Self::LATEST } else { Self(milliseconds) }
    }

    /// Milliseconds since 1970.
    pub const fn milliseconds(self) -> u64 {
        self.0
    }

    /// The time so many milliseconds later.
    #[must_use]
    pub const fn plus(self, milliseconds: u64) -> Self {
        Self::from_milliseconds(self.0.saturating_add(milliseconds))
    }

    /// The month in which the time lies where clocks are so many minutes ahead of UTC.
    pub fn month(self, utc_offset_minutes: i16) -> Month {
        let utc = DateTime::from_timestamp_millis(self.0 as i64).unwrap_or_default();
        let offset = TimeDelta::minutes(i64::from(utc_offset_minutes));
        let there = utc.checked_add_signed(offset).unwrap_or(utc);
        Month { year: there.year() as u16, month: there.month() as u8 }
    }
}

impl TryFrom<u64> for Time {
    type Error = Flaw;

    fn try_from(milliseconds: u64) -> Result<Self, Flaw> {
        let late = Flaw { field: "time", rule: "lies behind the year 9999" };
        if milliseconds > Self::LATEST.0 { Err(late) } else { Ok(Self(milliseconds)) }
    }
}

impl From<Time> for u64 {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = DateTime::from_timestamp_millis(self.0 as i64).unwrap_or_default();
        formatter.write_str(&utc.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A month of a year, `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: u16,
    month: u8,
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        let read = || {
            let (year, month) = text.split_once('-')?;
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let fits = year.len() == 4 && month.len() == 2 && digits(year) && digits(month);
            let month = Self { year: year.parse().ok()?, month: month.parse().ok()? };
            (fits && (1..=12).contains(&month.month)).then_some(month)
        };
        read().ok_or(Flaw { field: "month", rule: "is not written as in 2026-11" })
    }
}

impl TryFrom<String> for Month {
    type Error = Flaw;

    fn try_from(text: String) -> Result<Self, Flaw> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{Month, Time};

    #[test]
    fn a_month_begins_when_it_does_where_it_is_counted() {
        // 2026-11-30T16:30:00Z is half past midnight of 1 December in Beijing.
        let time = Time::from_milliseconds(1_796_056_200_000);
        assert_eq!(time.to_string(), "2026-11-30T16:30:00.000Z");
        assert_eq!(time.month(0).to_string(), "2026-11");
        assert_eq!(time.month(8 * 60).to_string(), "2026-12");
        assert_eq!(Time::default().month(-60).to_string(), "1969-12");
        assert_eq!(Time::LATEST.month(i16::MAX).to_string(), "10000-01");
        assert_eq!(Time::LATEST.plus(u64::MAX), Time::LATEST);
    }

    #[test]
    fn what_is_no_month_is_refused() {
        assert_eq!("2026-11".parse::<Month>().unwrap().to_string(), "2026-11");
        for wrong in
            ["", "2026", "2026-13", "2026-00", "2026-1", "+026-01", "2026-11-01", "٢٠٢٦-11"]
        {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }
}
