//! One CSV file as rows of a schema.

use std::io::{self, Read};
use std::sync::Arc;

use super::records::{RECORD_BYTES_MAX, RecordError, Records};
use crate::error::TableError;
use crate::fault::{Location, Origin, RowFaults, Unit};
use crate::schema::COLUMNS_MAX;
use crate::source::{CsvOptions, DecodeFailure, Decoded, Dialect, Encoding, Input};

/// The most rows that a table of 32-bit row numbers holds.
pub(crate) const ROWS_MAX: u64 = u32::MAX as u64;

/// A CSV file between its header and its end.
pub(crate) struct DelimitedReader {
    file: Arc<str>,
    records: Records<Decoded<Box<dyn Read + Send>>>,
    encoding: Encoding,
    header: Vec<String>,
    ragged: RowFaults,
    ragged_origin: Origin,
}

impl DelimitedReader {
    /// Opens a file and reads its header.
    pub(crate) fn open(input: &Input, options: &CsvOptions) -> Result<Self, TableError> {
        let dialect = Dialect::find(input, options)?;
        let (bytes, _) = input.read()?;
        let decoded = Decoded::new(bytes, dialect.encoding)
            .map_err(|source| TableError::io("read", &input.name, source))?;
        let mut reader = Self {
            file: Arc::clone(&input.name),
            records: Records::new(decoded, dialect.delimiter, dialect.quote),
            encoding: dialect.encoding,
            header: Vec::new(),
            ragged: RowFaults::default(),
            ragged_origin: Origin::empty(),
        };
        reader.header = match &options.names {
            Some(names) => names.clone(),
            None => reader.read_header()?,
        };
        check_header(&reader.file, &reader.header)?;
        Ok(reader)
    }

    /// The file's name.
    pub(crate) fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The names of the columns.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// Goes to the next row; false at the end. Blank lines are passed over in files of several
    /// columns; lines with a wrong number of fields are counted.
    pub(crate) fn advance(&mut self) -> Result<bool, TableError> {
        let width = self.header.len();
        loop {
            if !self.records.advance().map_err(|error| self.explain(error))? {
                return self.check_ragged().map(|()| false);
            }
            if self.records.len() == width {
                return Ok(true);
            }
            if !self.records.is_blank() {
                let (line, found) = (self.records.line(), self.records.len());
                self.ragged_origin.note(line, &self.file, Unit::Line, line);
                self.ragged.push(line, || format!("{found} fields"));
            }
        }
    }

    /// A field of the current row.
    pub(crate) fn field(&self, index: usize) -> &[u8] {
        self.records.field(index)
    }

    /// The line in which the current row begins.
    pub(crate) fn line(&self) -> u64 {
        self.records.line()
    }

    /// Lines of another width, met so far, as an error.
    pub(crate) fn check_ragged(&self) -> Result<(), TableError> {
        if self.ragged.is_empty() {
            return Ok(());
        }
        let faults = self.ragged.locate(&self.ragged_origin);
        Err(TableError::Ragged { expected: self.header.len(), faults })
    }

    fn read_header(&mut self) -> Result<Vec<String>, TableError> {
        loop {
            if !self.records.advance().map_err(|error| self.explain(error))? {
                return Err(TableError::EmptyFile { file: self.file.to_string() });
            }
            if !self.records.is_blank() {
                break;
            }
        }
        (0..self.records.len())
            .map(|index| match std::str::from_utf8(self.records.field(index)) {
                Ok(name) => Ok(name.trim().to_owned()),
                Err(_) => Err(self.encoding_error(self.records.line())),
            })
            .collect()
    }

    fn encoding_error(&self, line: u64) -> TableError {
        TableError::Encoding { at: self.at(line), encoding: self.encoding.name() }
    }

    fn explain(&self, error: RecordError) -> TableError {
        match error {
            RecordError::UnclosedQuote { line } => TableError::UnclosedQuote { at: self.at(line) },
            RecordError::TextAfterQuote { line } => {
                TableError::TextAfterQuote { at: self.at(line) }
            }
            RecordError::TooLong { line } => {
                TableError::RecordTooLong { at: self.at(line), limit_bytes: RECORD_BYTES_MAX }
            }
            RecordError::Read(error) => match decode_failure(&error) {
                Some(failure) => self.encoding_error(failure.line),
                None => TableError::io("read", &self.file, error),
            },
        }
    }

    fn at(&self, line: u64) -> Location {
        Location { file: Arc::clone(&self.file), unit: Unit::Line, number: line }
    }
}

fn decode_failure(error: &io::Error) -> Option<&DecodeFailure> {
    error.get_ref()?.downcast_ref()
}

/// Column names must be there, few enough, and different.
pub(crate) fn check_header(file: &str, names: &[String]) -> Result<(), TableError> {
    let file = file.to_owned();
    if names.len() > COLUMNS_MAX {
        return Err(TableError::TooManyColumns { file, count: names.len(), limit: COLUMNS_MAX });
    }
    let mut seen = std::collections::HashMap::new();
    for (index, name) in names.iter().enumerate() {
        let number = index + 1;
        if name.is_empty() {
            return Err(TableError::Header { file, rule: format!("column {number} has no name") });
        }
        if let Some(first) = seen.insert(name.as_str(), number) {
            let rule = format!("columns {first} and {number} are both named `{name}`");
            return Err(TableError::Header { file, rule });
        }
    }
    Ok(())
}
