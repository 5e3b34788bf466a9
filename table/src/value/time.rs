//! Points in time as text.

use chrono::{DateTime, NaiveDate};

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// Reads a point in time as microseconds since 1970-01-01 UTC; `None` when it is not one.
///
/// Taken are `2024-05-31`, `2024/5/31`, `20240531`, `2024-05` (the month's first day), each
/// dated form also with a time of day (`2024-05-31 23:59:58.123`, `T` or a blank between), a
/// time of day also with `Z` or an offset such as `+08:00`, and seconds (10 digits) or
/// milliseconds (13 digits) since 1970. A time without an offset is read as UTC.
pub(crate) fn parse_time(text: &[u8]) -> Option<i64> {
    if text.iter().all(u8::is_ascii_digit) {
        return parse_digits(text);
    }
    let text = std::str::from_utf8(text).ok()?;
    let (date, clock) = match text.split_once(['T', ' ']) {
        Some((date, clock)) => (date, Some(clock.trim_start())),
        None => (text, None),
    };
    let date_microseconds = parse_date(date)?;
    let clock_microseconds = clock.map_or(Some(0), parse_clock)?;
    date_microseconds.checked_add(clock_microseconds)
}

/// The time as RFC 3339 in UTC; whole seconds are written without a fraction.
///
/// Times further away than the calendar reaches are written as their number of microseconds.
pub(crate) fn format_time(microseconds: i64) -> String {
    let Some(time) = DateTime::from_timestamp_micros(microseconds) else {
        return microseconds.to_string();
    };
    if microseconds.rem_euclid(MICROSECONDS_PER_SECOND) == 0 {
        time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    } else {
        time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }
}

fn parse_digits(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    match text.len() {
        8 => midnight(number / 10_000, number / 100 % 100, number % 100),
        10 => number.checked_mul(MICROSECONDS_PER_SECOND),
        13 => number.checked_mul(1_000),
        _ => None,
    }
}

fn parse_date(text: &str) -> Option<i64> {
    let separator = if text.contains('/') { '/' } else { '-' };
    let mut parts = text.split(separator);
    let year = parts.next().filter(|year| year.len() == 4).and_then(parse_part)?;
    let month = parts.next().and_then(parse_part)?;
    let day = parts.next().map_or(Some(1), parse_part)?;
    if parts.next().is_some() {
        return None;
    }
    midnight(year, month, day)
}

fn midnight(year: i64, month: i64, day: i64) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(year).ok()?,
        u32::try_from(month).ok()?,
        u32::try_from(day).ok()?,
    )?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

/// Microseconds since midnight UTC of `hh:mm`, `hh:mm:ss` or `hh:mm:ss.ffffff`, offset applied.
fn parse_clock(text: &str) -> Option<i64> {
    let (text, offset_minutes) = split_offset(text)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':').map(parse_part);
    let hours = parts.next()??;
    let minutes = parts.next()??;
    let seconds = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let all_digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits {
        return None;
    }
    // Digits beyond microseconds are dropped.
    let microseconds: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let total_seconds = (hours * 60 + minutes - offset_minutes) * 60 + seconds;
    Some(total_seconds * MICROSECONDS_PER_SECOND + microseconds)
}

fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(position) = text.rfind(['+', '-']) else {
        return Some((text, 0));
    };
    let (clock, offset) = text.split_at(position);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset[1..].chars().filter(|character| *character != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (parse_part(&digits)?, 0),
        4 => (parse_part(digits.get(..2)?)?, parse_part(digits.get(2..)?)?),
        _ => return None,
    };
    (hours <= 18 && minutes <= 59).then_some((clock, sign * (hours * 60 + minutes)))
}

/// One to four digits.
fn parse_part(text: &str) -> Option<i64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_usual_forms() {
        for (text, formatted) in [
            ("2024-05-31", "2024-05-31T00:00:00Z"),
            ("2024/5/1", "2024-05-01T00:00:00Z"),
            ("20240531", "2024-05-31T00:00:00Z"),
            ("2024-05", "2024-05-01T00:00:00Z"),
            ("2024-05-31 23:59", "2024-05-31T23:59:00Z"),
            ("2024-05-31T07:00:00+08:00", "2024-05-30T23:00:00Z"),
            ("2024-05-31T07:00:00.25Z", "2024-05-31T07:00:00.250000Z"),
            ("1700000000", "2023-11-14T22:13:20Z"),
            ("1700000000123", "2023-11-14T22:13:20.123000Z"),
            ("1969-12-31 23:59:59.5", "1969-12-31T23:59:59.500000Z"),
        ] {
            let parsed = parse_time(text.as_bytes()).map(format_time);
            assert_eq!(parsed.as_deref(), Some(formatted), "{text}");
        }
        for text in [
            "",
            "may",
            "2024-13-01",
            "2024-02-30",
            "24-02-03",
            "12",
            "2024-05-31 25:00",
            "2024-05-31 7",
            "2024-05-31T07:00:00+99",
            "2024-05-31T07:00:00.Z",
            "2024-05-31-01",
        ] {
            assert_eq!(parse_time(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_survive_their_own_text(
            microseconds in -1_000_000_000_000_000..4_000_000_000_000_000_i64,
        ) {
            let text = format_time(microseconds);
            prop_assert_eq!(parse_time(text.as_bytes()), Some(microseconds));
        }

        #[test]
        fn takes_any_text(text in "\\PC{0,30}", stamp in "[0-9T:.+Z -]{0,30}") {
            let _ = parse_time(text.as_bytes());
            let _ = parse_time(stamp.as_bytes());
        }
    }
}
