//! Splits delimited text into records and fields.
//!
//! Own code and not the `csv` crate's reader, because that one accepts an unclosed quote and
//! text after a closing quote in silence, does not bound a record's length, and its line numbers
//! are behind after `\r\n`. The tests compare the two on everything that is well formed. Format:
//! RFC 4180, with any delimiter, either line end, and quotes in unquoted fields taken literally.

use std::io::{self, Read};

/// How long one record may be. A thousand times the widest sensible one; what is longer is a
/// file with an unclosed quote or without line ends, and must not fill the memory.
pub(crate) const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

const BUFFER_BYTES: usize = 256 * 1024;

/// A stream of records; one is current at a time.
pub(crate) struct Records<R> {
    input: R,
    delimiter: u8,
    quote: Option<u8>,
    buffer: Vec<u8>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    input_is_used_up: bool,
    fields: Vec<Span>,
    /// Line in which the current record begins.
    line: u64,
    next_line: u64,
}

/// The bytes of one field in the buffer, quotes around it excluded.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    /// Whether quotes inside are still doubled.
    is_doubled: bool,
}

#[derive(Debug)]
pub(crate) enum RecordError {
    Read(io::Error),
    UnclosedQuote { line: u64 },
    TextAfterQuote { line: u64 },
    TooLong { line: u64 },
}

/// How the look at a record ended.
enum Scan {
    /// The record takes this many bytes, its end included, and contains this many line breaks.
    Whole { end: usize, line_breaks: u64 },
    /// The buffer ends before the record does.
    Cut { in_quotes: bool },
    /// Text follows a closing quote this many line breaks into the record.
    TextAfterQuote { line_breaks: u64 },
}

impl<R: Read> Records<R> {
    pub(crate) fn new(input: R, delimiter: u8, quote: Option<u8>) -> Self {
        Self {
            input,
            delimiter,
            quote,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            input_is_used_up: false,
            fields: Vec::new(),
            line: 0,
            next_line: 1,
        }
    }

    /// Goes to the next record; false at the end of the input.
    pub(crate) fn advance(&mut self) -> Result<bool, RecordError> {
        loop {
            self.line = self.next_line;
            if self.start == self.end && self.input_is_used_up {
                self.fields.clear();
                return Ok(false);
            }
            let line = self.line;
            match self.scan() {
                Scan::Whole { end, line_breaks } => {
                    self.start = end;
                    self.next_line = line + line_breaks;
                    self.undouble_quotes();
                    return Ok(true);
                }
                Scan::TextAfterQuote { line_breaks } => {
                    return Err(RecordError::TextAfterQuote { line: line + line_breaks });
                }
                Scan::Cut { in_quotes: true } if self.input_is_used_up => {
                    return Err(RecordError::UnclosedQuote { line });
                }
                Scan::Cut { .. } => self.fill()?,
            }
        }
    }

    /// The number of fields of the current record.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether the current record is an empty line.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.fields.as_slice(), [only] if only.start == only.end)
    }

    /// A field of the current record; empty beyond the last one.
    pub(crate) fn field(&self, index: usize) -> &[u8] {
        self.fields.get(index).map_or(&[], |span| &self.buffer[span.start..span.end])
    }

    /// The line in which the current record begins, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Reads more behind the unread bytes, which move to the front.
    fn fill(&mut self) -> Result<(), RecordError> {
        let unread = self.end - self.start;
        if unread > RECORD_BYTES_MAX {
            return Err(RecordError::TooLong { line: self.line });
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, unread);
        if self.buffer.len() < (2 * unread).max(BUFFER_BYTES) {
            self.buffer.resize((2 * unread).max(BUFFER_BYTES), 0);
        }
        // A record is looked at from its beginning again after each filling, so the buffer is
        // filled to the brim: the work stays linear however little a read gives.
        while self.end < self.buffer.len() && !self.input_is_used_up {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.input_is_used_up = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(RecordError::Read(error)),
            }
        }
        Ok(())
    }

    fn scan(&mut self) -> Scan {
        self.fields.clear();
        let bytes = &self.buffer[..self.end];
        let mut position = self.start;
        let mut line_breaks = 0;
        loop {
            let is_quoted = self.quote.is_some() && bytes.get(position).copied() == self.quote;
            let (span, next) = if is_quoted {
                let quote = bytes[position];
                let Some((span, after)) = quoted_field(bytes, position + 1, quote) else {
                    return Scan::Cut { in_quotes: true };
                };
                let inside = &bytes[span.start..span.end];
                line_breaks += memchr::memchr_iter(b'\n', inside).count() as u64;
                (span, after)
            } else {
                let end = unquoted_end(bytes, position, self.delimiter);
                (Span { start: position, end, is_doubled: false }, end)
            };
            match bytes.get(next) {
                Some(byte) if *byte == self.delimiter => {
                    self.fields.push(span);
                    position = next + 1;
                }
                Some(b'\n') => {
                    self.fields.push(if is_quoted { span } else { without_return(bytes, span) });
                    return Scan::Whole { end: next + 1, line_breaks: line_breaks + 1 };
                }
                Some(b'\r') if bytes.get(next + 1) == Some(&b'\n') => {
                    self.fields.push(span);
                    return Scan::Whole { end: next + 2, line_breaks: line_breaks + 1 };
                }
                None if self.input_is_used_up => {
                    self.fields.push(if is_quoted { span } else { without_return(bytes, span) });
                    return Scan::Whole { end: next, line_breaks };
                }
                None => return Scan::Cut { in_quotes: false },
                Some(b'\r') if next + 1 == bytes.len() => {
                    if !self.input_is_used_up {
                        return Scan::Cut { in_quotes: false };
                    }
                    self.fields.push(span);
                    return Scan::Whole { end: next + 1, line_breaks };
                }
                Some(_) => return Scan::TextAfterQuote { line_breaks },
            }
        }
    }

    /// Turns doubled quotes of the current record into single ones, in place.
    fn undouble_quotes(&mut self) {
        for span in self.fields.iter_mut().filter(|span| span.is_doubled) {
            let mut to = span.start;
            let mut from = span.start;
            while from < span.end {
                self.buffer[to] = self.buffer[from];
                from += if Some(self.buffer[from]) == self.quote { 2 } else { 1 };
                to += 1;
            }
            span.end = to;
            span.is_doubled = false;
        }
    }
}

/// The field that begins behind an opening quote, and the position behind its closing quote;
/// `None` when it does not close within the bytes.
///
/// A quote as the very last byte counts as closing: with more input the record is looked at
/// again, since its end was not found.
fn quoted_field(bytes: &[u8], start: usize, quote: u8) -> Option<(Span, usize)> {
    let mut is_doubled = false;
    let mut position = start;
    loop {
        let end = position + memchr::memchr(quote, bytes.get(position..)?)?;
        if bytes.get(end + 1) != Some(&quote) {
            return Some((Span { start, end, is_doubled }, end + 1));
        }
        is_doubled = true;
        position = end + 2;
    }
}

/// Where an unquoted field ends: at the delimiter, the line feed, or the end of the bytes.
#[inline]
fn unquoted_end(bytes: &[u8], start: usize, delimiter: u8) -> usize {
    // Fields are short, so a plain loop beats a vector search.
    let is_end = |byte: &u8| *byte == delimiter || *byte == b'\n';
    bytes[start..].iter().position(is_end).map_or(bytes.len(), |length| start + length)
}

/// The field without the carriage return of its line end.
fn without_return(bytes: &[u8], span: Span) -> Span {
    let has_return = span.end > span.start && bytes[span.end - 1] == b'\r';
    Span { end: span.end - usize::from(has_return), ..span }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out few bytes at a time, so that every cut is met.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(out.len()).min(self.1);
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    type Lines = Vec<(u64, Vec<String>)>;

    fn split(text: &[u8]) -> Result<Lines, RecordError> {
        let mut records = Records::new(Trickle(text, 3), b',', Some(b'"'));
        let mut lines = Vec::new();
        while records.advance()? {
            let text = |index| String::from_utf8_lossy(records.field(index)).into_owned();
            lines.push((records.line(), (0..records.len()).map(text).collect()));
        }
        Ok(lines)
    }

    fn lines(expected: &[(u64, &[&str])]) -> Lines {
        let owned = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect();
        expected.iter().map(|(line, fields)| (*line, owned(fields))).collect()
    }

    #[test]
    fn quotes_line_ends_and_line_numbers() {
        let text = b"a,\"b\"\r\n\"x\ny\",\"say \"\"hi\"\"\"\r\n5\" disk,\n\n,\"\"";
        let expected = lines(&[
            (1, &["a", "b"]),
            (2, &["x\ny", "say \"hi\""]),
            (4, &["5\" disk", ""]),
            (5, &[""]),
            (6, &["", ""]),
        ]);
        assert_eq!(split(text).unwrap(), expected);
        assert_eq!(split(b"").unwrap(), lines(&[]));
        assert_eq!(split(b"a\r").unwrap(), lines(&[(1, &["a"])]));
        assert_eq!(split(b"\"a\"\r").unwrap(), lines(&[(1, &["a"])]));
    }

    #[test]
    fn broken_quotes_are_errors_with_lines() {
        assert!(matches!(split(b"a,b\n1,\"2\n3,4\n"), Err(RecordError::UnclosedQuote { line: 2 })));
        assert!(matches!(
            split(b"a,b\n1,\"x\ny\"z\n"),
            Err(RecordError::TextAfterQuote { line: 3 })
        ));
    }

    #[test]
    fn an_endless_record_is_refused_in_bounded_memory() {
        let mut records = Records::new(io::repeat(b'x'), b',', Some(b'"'));
        assert!(matches!(records.advance(), Err(RecordError::TooLong { line: 1 })));
        assert!(records.buffer.len() <= 4 * RECORD_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn agrees_with_the_csv_crate(
            rows in prop::collection::vec(prop::collection::vec("[a-c,;\"\r\n é]{0,6}", 2), 0..6),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let fields: Vec<Vec<String>> =
                split(&text).unwrap().into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(fields, rows);
        }

        #[test]
        fn any_bytes_end_in_records_or_an_error(bytes in prop::collection::vec(
            prop::sample::select(b"\"\",\n\r\0ax\xff".to_vec()), 0..60,
        )) {
            let _ = split(&bytes);
        }
    }
}
