//! How a CSV file is written: what was stated, and what its first bytes show.

use std::fmt;
use std::io::Read;

use super::decoded::UTF8_MARK;
use super::{CsvOptions, Decoded, Input};
use crate::delimited::Records;
use crate::error::TableError;
use crate::fault::{Location, Unit};

/// How much of a file is looked at, decompressed.
const SAMPLE_BYTES: u64 = 256 * 1024;

/// How many records of the sample are split to find the delimiter.
const SAMPLE_RECORDS: usize = 50;

/// Delimiters that are looked for, in order of preference.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How the characters of a text file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// GBK and its superset GB 18030, the encodings of Chinese office software.
    Gbk,
    /// UTF-16, low byte first.
    Utf16LittleEndian,
    /// UTF-16, high byte first.
    Utf16BigEndian,
}

/// How a CSV file is written, with nothing left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between fields.
    pub delimiter: u8,
    /// The byte around quoted fields.
    pub quote: Option<u8>,
    /// The encoding.
    pub encoding: Encoding,
    /// Whether the file is compressed with gzip.
    pub gzip: bool,
}

impl Encoding {
    /// The name used in job files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gbk => "gbk",
            Self::Utf16LittleEndian => "utf-16le",
            Self::Utf16BigEndian => "utf-16be",
        }
    }

    pub(super) fn decoder(self) -> encoding_rs::Decoder {
        let encoding = match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Gbk => encoding_rs::GB18030,
            Self::Utf16LittleEndian => encoding_rs::UTF_16LE,
            Self::Utf16BigEndian => encoding_rs::UTF_16BE,
        };
        encoding.new_decoder_with_bom_removal()
    }

    /// Judges by a byte order mark, else UTF-8 if the bytes are, else GBK if they are.
    fn find(sample: &[u8], is_whole: bool) -> Option<Self> {
        if sample.starts_with(&UTF8_MARK) {
            return Some(Self::Utf8);
        }
        if sample.starts_with(&[0xff, 0xfe]) {
            return Some(Self::Utf16LittleEndian);
        }
        if sample.starts_with(&[0xfe, 0xff]) {
            return Some(Self::Utf16BigEndian);
        }
        // No text of the other encodings contains a zero byte.
        if sample.contains(&0) {
            return None;
        }
        [Self::Utf8, Self::Gbk].into_iter().find(|encoding| {
            let mut text = vec![0; sample.len().saturating_mul(3) + 16];
            let (result, _, _) =
                encoding.decoder().decode_to_utf8_without_replacement(sample, &mut text, is_whole);
            result == encoding_rs::DecoderResult::InputEmpty
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// `CSV, ';' between fields, quotes '"', utf-8, gzip`
impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CSV, {:?} between fields, ", char::from(self.delimiter))?;
        match self.quote {
            Some(quote) => write!(formatter, "quotes '{}'", char::from(quote))?,
            None => formatter.write_str("no quotes")?,
        }
        write!(formatter, ", {}", self.encoding)?;
        if self.gzip { formatter.write_str(", gzip") } else { Ok(()) }
    }
}

impl Dialect {
    pub(crate) fn find(input: &Input, options: &CsvOptions) -> Result<Self, TableError> {
        check_stated(options)?;
        let (bytes, gzip) = input.read()?;
        let mut sample = Vec::new();
        bytes
            .take(SAMPLE_BYTES)
            .read_to_end(&mut sample)
            .map_err(|source| TableError::io("read", &input.name, source))?;
        if sample.is_empty() {
            return Err(TableError::EmptyFile { file: input.name.to_string() });
        }
        refuse_other_formats(&input.name, &sample)?;
        let is_whole = (sample.len() as u64) < SAMPLE_BYTES;
        let found = options.encoding.or_else(|| Encoding::find(&sample, is_whole));
        let encoding = found.ok_or_else(|| TableError::Encoding {
            at: Location { file: input.name.clone(), unit: Unit::Line, number: 1 },
            encoding: "UTF-8 or GBK",
        })?;
        let delimiter = match options.delimiter {
            Some(stated) => stated,
            None => find_delimiter(&input.name, &sample, encoding, options.quote)?,
        };
        Ok(Self { delimiter, quote: options.quote, encoding, gzip })
    }
}

/// Splitting works on bytes of UTF-8, so the marks must be ASCII; and they must be told apart.
fn check_stated(options: &CsvOptions) -> Result<(), TableError> {
    let CsvOptions { delimiter, quote, .. } = options;
    let is_usable = |mark: &u8| mark.is_ascii() && !matches!(mark, b'\n' | b'\r' | 0);
    let are_usable = delimiter.iter().chain(quote).all(is_usable);
    if are_usable && (delimiter.is_none() || delimiter != quote) {
        return Ok(());
    }
    let rule = "delimiter and quote must be two different ASCII characters and no line breaks";
    Err(TableError::Schema { rule: rule.to_owned() })
}

fn refuse_other_formats(name: &str, sample: &[u8]) -> Result<(), TableError> {
    let (found, advice) = if sample.starts_with(b"PAR1") {
        ("a Parquet file", "state the format parquet, or name the file .parquet")
    } else if sample.starts_with(b"PK\x03\x04") {
        ("an Excel or zip file", "save the sheet as CSV UTF-8")
    } else if sample.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        ("an old Excel file", "save the sheet as CSV UTF-8")
    } else {
        return Ok(());
    };
    Err(TableError::WrongFormat { file: name.to_owned(), found, expected: "CSV text", advice })
}

/// The candidate that splits the sample's records into the same number (at least 2) of fields;
/// of several the one with the most fields. With no such candidate the one that splits the
/// first record into the most fields, so that ragged lines are reported against the header; and
/// a comma for a file of one column.
fn find_delimiter(
    name: &str,
    sample: &[u8],
    encoding: Encoding,
    quote: Option<u8>,
) -> Result<u8, TableError> {
    let splits: Vec<Split> = CANDIDATES
        .into_iter()
        .filter_map(|delimiter| Split::of(sample, encoding, delimiter, quote))
        .collect();
    let rank = |split: &Split| (split.is_even, split.fields);
    let Some(best) = splits.iter().max_by_key(|split| rank(split)) else {
        return Ok(CANDIDATES[0]);
    };
    let equals: Vec<String> = splits
        .iter()
        .filter(|split| rank(split) == rank(best))
        .map(|split| format!("{:?}", char::from(split.delimiter)))
        .collect();
    if equals.len() > 1 {
        let candidates = equals.join(" or ");
        return Err(TableError::AmbiguousDelimiter { file: name.to_owned(), candidates });
    }
    Ok(best.delimiter)
}

/// What one delimiter makes of the sample.
struct Split {
    delimiter: u8,
    fields: usize,
    is_even: bool,
}

impl Split {
    /// `None` when the delimiter does not occur in the first record or quotes do not match.
    fn of(sample: &[u8], encoding: Encoding, delimiter: u8, quote: Option<u8>) -> Option<Self> {
        let decoded = Decoded::new(sample, encoding).ok()?;
        let mut records = Records::new(decoded, delimiter, quote);
        let mut counts = Vec::new();
        // The sample's last record may be cut; a failure there says nothing.
        while counts.len() < SAMPLE_RECORDS && matches!(records.advance(), Ok(true)) {
            if !records.is_blank() {
                counts.push(records.len());
            }
        }
        let is_cut = counts.len() < SAMPLE_RECORDS && sample.len() as u64 == SAMPLE_BYTES;
        if is_cut && counts.len() > 1 {
            counts.pop();
        }
        let fields = *counts.first().filter(|count| **count > 1)?;
        Some(Self { delimiter, fields, is_even: counts.iter().all(|count| *count == fields) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Source};
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let source = Source::bytes("t.csv", bytes.to_vec(), Format::Csv(CsvOptions::default()));
        match source.dialect() {
            Ok(dialect) => dialect.map(|dialect| dialect.to_string()).unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn finds_delimiters() {
        for (text, delimiter) in [
            ("a,b\n1,2\n", "','"),
            ("a;b\n1,5;2,5\n", "';'"),
            ("a\tb\n1\t2", "'\\t'"),
            ("a|b|c\nx,y|1|2\n", "'|'"),
            ("\"a,b,c\";d\n1;2\n", "';'"),
            ("id\n7\n", "','"),
        ] {
            let found = shown(text.as_bytes());
            assert!(found.starts_with(&format!("CSV, {delimiter} between")), "{text}: {found}");
        }
        assert!(shown(b"a,b;c\n1,2;3\n").contains("',' or ';'"));
    }

    #[test]
    fn finds_encodings() {
        let (gbk, _, _) = encoding_rs::GBK.encode("手机号,年龄\n138,40\n");
        assert!(shown(&gbk).ends_with("gbk"));
        assert!(shown("手机号,年龄\n".as_bytes()).ends_with("utf-8"));
        assert!(shown(b"\xff\xfea\0,\0b\0\n\0").ends_with("utf-16le"));
        assert!(shown(b"a,b\n\0\0\0").contains("not valid UTF-8 or GBK"));
    }

    #[test]
    fn unusable_marks_are_refused() {
        for (delimiter, quote) in [(b'"', b'"'), (b'\n', b'"'), (b',', 0x80)] {
            let options = CsvOptions {
                delimiter: Some(delimiter),
                quote: Some(quote),
                ..CsvOptions::default()
            };
            let source = Source::bytes("t.csv", "a,b\n", Format::Csv(options));
            assert!(source.dialect().is_err());
        }
    }

    #[test]
    fn says_what_a_wrong_file_is() {
        assert!(shown(b"PAR1....").contains("is a Parquet file"));
        assert!(shown(b"PK\x03\x04....").contains("save the sheet as CSV"));
        assert!(shown(b"").contains("is empty"));
    }
}
