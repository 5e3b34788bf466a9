//! What the node says about itself: one JSON object a line.
//!
//! A message is known when the program is compiled; everything that comes from outside is a field.
//! Whatever a field holds, it cannot end its line, drive a terminal or turn text around: such
//! characters are escaped.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The course of things.
    Info,
    /// Somebody should look at it some time.
    Warning,
    /// Something does not work.
    Error,
}

/// Where lines go.
pub struct Log {
    out: Mutex<Box<dyn Write + Send>>,
}

impl Log {
    /// A log that writes to `out`.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        Self { out: Mutex::new(Box::new(out)) }
    }

    /// Writes one line.
    pub fn write(&self, level: Level, message: &'static str, fields: &[(&'static str, Value)]) {
        let mut line = Map::new();
        line.insert("at".to_owned(), time_text(now()).into());
        line.insert("level".to_owned(), level.word().into());
        line.insert("message".to_owned(), message.into());
        for (name, value) in fields {
            line.insert((*name).to_owned(), value.clone());
        }
        let line = escaped(&Value::from(line).to_string());
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that nobody takes is no reason to stop serving.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Log")
    }
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Milliseconds since 1970 by this machine's clock.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A time as RFC 3339 writes it, in UTC.
pub fn time_text(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(chrono::DateTime::from_timestamp_millis);
    time.map_or_else(String::new, |time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

/// Marks that are not seen, end a line or turn the direction of text around.
const MARKS: [RangeInclusive<char>; 4] = [
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2066}'..='\u{2069}',
    '\u{feff}'..='\u{feff}',
];

/// JSON leaves the controls from 7f on and the marks of direction as they are; they stand inside of
/// its texts only, where an escape means the same.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        let is_mark = MARKS.iter().any(|marks| marks.contains(&character));
        if character.is_control() || is_mark {
            // All of them have four digits.
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;

    /// What was written, for tests.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_from_outside_leaves_its_field() {
        let written = Written::default();
        let log = Log::to(written.clone());
        let hostile = "a\n{\"level\":\"error\"}\r\u{1b}[2J\u{9b}\u{7f}\u{202e}\u{2028}\"\\";
        log.write(Level::Info, "tried", &[("name", hostile.into())]);
        let text = written.text();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let bare = text.trim_end();
        assert!(bare.chars().all(|it| (' '..='~').contains(&it)), "{text}");
        let line: Value = serde_json::from_str(bare).unwrap();
        assert_eq!(line["name"], hostile);
        assert_eq!((&line["level"], &line["message"]), (&"info".into(), &"tried".into()));
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(time_text(1_800_000_000_123), "2027-01-15T08:00:00.123Z");
        assert_eq!(time_text(u64::MAX), "");
    }
}
