//! Times that come again, in the five fields of cron.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, Days, TimeDelta, Timelike as _};

use crate::time::Time;

/// When something happens again and again: minute, hour, day of the month, month and day of the
/// week, as POSIX `crontab` has them.
///
/// Each field is `*` or a list of numbers and ranges (`1-5`), each with an optional step (`*/15`,
/// `8-18/2`); Sunday is 0 or 7. Where both days are given, either is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day has to fit both fields, since one of them is `*`.
    is_by_both_days: bool,
}

/// Why a text says no times.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecurrenceError {
    /// Not five fields.
    #[error("a schedule has five fields: minute, hour, day of the month, month, day of the week")]
    Fields,
    /// A field is wrong.
    #[error("the {field} {given:?} is neither * nor made of numbers from {least} to {most}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What stands there.
        given: String,
        /// The least number that it may have.
        least: u8,
        /// The greatest one.
        most: u8,
    },
    /// There is no such day.
    #[error("no day of any year fits the schedule")]
    Never,
}

impl Recurrence {
    /// The first of its times after `after`, where clocks are so many minutes ahead of UTC; `None`
    /// if that is later than a [`Time`] can be.
    pub fn next(&self, after: Time, utc_offset_minutes: i16) -> Option<Time> {
        let offset = TimeDelta::minutes(i64::from(utc_offset_minutes));
        let after = DateTime::from_timestamp_millis(after.milliseconds() as i64)?;
        let there = after.checked_add_signed(offset)?.naive_utc();
        let today = there.date();
        let minute_of_day = there.hour() * 60 + there.minute();
        for ahead in 0..DAYS_MAX {
            let day = today.checked_add_days(Days::new(ahead))?;
            let weekday = day.weekday().num_days_from_sunday();
            if !self.has_day(day.day(), day.month(), weekday) {
                continue;
            }
            let from = if ahead == 0 { minute_of_day + 1 } else { 0 };
            let Some(minute) = self.minute_from(from) else { continue };
            let time = day.and_hms_opt(0, 0, 0)?.and_utc() + TimeDelta::minutes(i64::from(minute));
            let milliseconds = time.checked_sub_signed(offset)?.timestamp_millis();
            return Time::try_from(u64::try_from(milliseconds).ok()?).ok();
        }
        None
    }

    fn has_day(&self, day: u32, month: u32, weekday: u32) -> bool {
        let (day, weekday) = (has(self.days, day), has(self.weekdays, weekday));
        let fits = if self.is_by_both_days { day && weekday } else { day || weekday };
        has(self.months, month) && fits
    }

    /// The first of its minutes of a day that is not before `from`.
    fn minute_from(&self, from: u32) -> Option<u32> {
        (from..MINUTES_OF_A_DAY)
            .find(|minute| has(self.hours, minute / 60) && has(self.minutes, minute % 60))
    }
}

fn has(set: u64, number: u32) -> bool {
    set >> number & 1 == 1
}

impl FromStr for Recurrence {
    type Err = RecurrenceError;

    fn from_str(text: &str) -> Result<Self, RecurrenceError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(RecurrenceError::Fields);
        };
        let is_any = |field: &str| field.starts_with('*');
        let mut of_week = numbers("day of the week", weekdays, 0, 7)?;
        if has(of_week, 7) {
            of_week |= 1;
        }
        let read = Self {
            text: fields.join(" "),
            minutes: numbers("minute", minutes, 0, 59)?,
            hours: numbers("hour", hours, 0, 23)?,
            days: numbers("day of the month", days, 1, 31)?,
            months: numbers("month", months, 1, 12)?,
            weekdays: of_week,
            is_by_both_days: is_any(days) || is_any(weekdays),
        };
        match read.next(Time::default(), 0) {
            Some(_) => Ok(read),
            None => Err(RecurrenceError::Never),
        }
    }
}

impl fmt::Display for Recurrence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The numbers of a field as bits.
fn numbers(field: &'static str, given: &str, least: u8, most: u8) -> Result<u64, RecurrenceError> {
    let set = given.split(',').try_fold(0, |set, part| Some(set | part_of(part, least, most)?));
    set.ok_or_else(|| {
        let given = given.chars().take(40).collect();
        RecurrenceError::Field { field, given, least, most }
    })
}

fn part_of(part: &str, least: u8, most: u8) -> Option<u64> {
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u8 = text.parse().ok().filter(|_| is_number)?;
        (least..=most).contains(&number).then_some(number)
    };
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|step| *step > 0)?)),
        None => (part, None),
    };
    let (from, to) = match range.split_once('-') {
        Some((from, to)) => (number(from)?, number(to)?),
        None if range == "*" => (least, most),
        None if step.is_some() => (number(range)?, most),
        None => (number(range)?, number(range)?),
    };
    let chosen = (from..=to).step_by(usize::from(step.unwrap_or(1)));
    (from <= to).then(|| chosen.fold(0, |set, number| set | 1 << number))
}

/// Eight years and a day: the longest way from one 29 February to the next.
const DAYS_MAX: u64 = 8 * 366 + 1;
const MINUTES_OF_A_DAY: u32 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-12-01T03:42:00Z, a Tuesday.
    const NOW: u64 = 1_796_096_520_000;

    fn next(text: &str, offset: i16) -> String {
        let recurrence: Recurrence = text.parse().unwrap();
        recurrence.next(Time::from_milliseconds(NOW), offset).unwrap().to_string()
    }

    #[test]
    fn the_next_time_is_the_first_that_fits() {
        let cases = [
            ("* * * * *", 0, "2026-12-01T03:43:00.000Z"),
            ("*/15 * * * *", 0, "2026-12-01T03:45:00.000Z"),
            ("42 3 * * *", 0, "2026-12-02T03:42:00.000Z"),
            ("0 3 * * *", 480, "2026-12-01T19:00:00.000Z"),
            ("30 8-18/2 * * 1-5", 0, "2026-12-01T08:30:00.000Z"),
            ("0 0 1 * *", 0, "2027-01-01T00:00:00.000Z"),
            ("0 0 * * 7", 0, "2026-12-06T00:00:00.000Z"),
            // Either day is enough: Thursday comes before the thirteenth.
            ("0 0 13 * 4", 0, "2026-12-03T00:00:00.000Z"),
            ("0 0 29 2 *", 0, "2028-02-29T00:00:00.000Z"),
            ("5,10 0 * 1,2 *", -60, "2027-01-01T01:05:00.000Z"),
        ];
        for (text, offset, expected) in cases {
            assert_eq!(next(text, offset), expected, "{text} at {offset}");
        }
        assert_eq!("0  3 * * *".parse::<Recurrence>().unwrap().to_string(), "0 3 * * *");
        let last: Recurrence = "* * * * *".parse().unwrap();
        assert_eq!(last.next(Time::LATEST, 0), None);
    }

    #[test]
    fn what_says_no_times_is_refused() {
        let fields = ["", "* * * *", "* * * * * *", "@daily"];
        for wrong in fields {
            assert_eq!(wrong.parse::<Recurrence>(), Err(RecurrenceError::Fields), "{wrong}");
        }
        for wrong in [
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "a * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "1,,2 * * * *",
            "+1 * * * *",
            "1- * * * *",
            "-1 * * * *",
            "1/ * * * *",
            "٣ * * * *",
        ] {
            let refused = wrong.parse::<Recurrence>();
            assert!(matches!(refused, Err(RecurrenceError::Field { .. })), "{wrong}: {refused:?}");
        }
        assert_eq!("0 0 31 2 *".parse::<Recurrence>(), Err(RecurrenceError::Never));
    }
}
