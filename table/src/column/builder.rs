//! A column while its rows arrive.

use arrow_array::builder::LargeStringBuilder;

use super::{Levels, MISSING_CODE, MISSING_TIME, Values};
use crate::error::{ColumnFaults, TableError};
use crate::fault::{Origin, RowFaults};
use crate::schema::{Column, Kind, LEVELS_MAX};
use crate::value::{format_time, parse_boolean, parse_number, parse_time};

/// A value as typed formats store it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    Missing,
    Text(&'a str),
    Number(f64),
    /// Wide enough for unsigned 64-bit ids.
    Integer(i128),
    Boolean(bool),
    /// Microseconds since 1970-01-01 UTC.
    Time(i64),
}

impl Cell<'_> {
    /// The value as text; a missing one is empty.
    pub(crate) fn to_text(self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Text(text) => text.to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Integer(integer) => integer.to_string(),
            Self::Boolean(truth) => truth.to_string(),
            Self::Time(time) => format_time(time),
        }
    }
}

/// Takes the values of one column in row order.
///
/// A wrong value is counted and stands as missing, so that one pass over a file finds all.
pub(crate) struct ColumnBuilder {
    column: Column,
    store: Store,
    wrong: RowFaults,
    missing: RowFaults,
    /// The row in which a category passed its bound.
    too_many_levels: Option<u64>,
}

enum Store {
    Text(LargeStringBuilder),
    Numeric(Vec<f64>),
    Categorical { levels: Levels, codes: Vec<u32> },
    Time(Vec<i64>),
}

impl ColumnBuilder {
    pub(crate) fn new(column: Column) -> Self {
        let store = match column.kind {
            Kind::Text => Store::Text(LargeStringBuilder::new()),
            Kind::Number | Kind::Integer | Kind::Boolean => Store::Numeric(Vec::new()),
            Kind::Category => Store::Categorical { levels: Levels::default(), codes: Vec::new() },
            Kind::Time => Store::Time(Vec::new()),
        };
        Self {
            column,
            store,
            wrong: RowFaults::default(),
            missing: RowFaults::default(),
            too_many_levels: None,
        }
    }

    /// What the column is.
    pub(crate) fn column(&self) -> &Column {
        &self.column
    }

    /// Takes the text of a cell.
    #[inline]
    pub(crate) fn push_text(&mut self, row: u64, text: &[u8]) {
        let trimmed = text.trim_ascii();
        // Numbers first: nearly all cells of numeric columns are, and few tokens are.
        if let (Kind::Number | Kind::Integer, Some(number)) =
            (self.column.kind, parse_number(trimmed))
        {
            return self.push_number(row, number);
        }
        if self.column.missing.covers(trimmed) {
            return self.push_missing(row);
        }
        match &mut self.store {
            Store::Text(texts) => match std::str::from_utf8(text) {
                Ok(text) => texts.append_value(text),
                Err(_) => self.push_wrong(row, text),
            },
            Store::Numeric(numbers) if self.column.kind == Kind::Boolean => {
                match parse_boolean(trimmed) {
                    Some(truth) => numbers.push(f64::from(u8::from(truth))),
                    None => self.push_wrong(row, text),
                }
            }
            Store::Numeric(_) => self.push_wrong(row, text),
            Store::Categorical { levels, codes } => match std::str::from_utf8(trimmed) {
                Ok(level) => {
                    let code = levels.code(level);
                    if code.is_none() {
                        self.too_many_levels.get_or_insert(row);
                    }
                    codes.push(code.unwrap_or(MISSING_CODE));
                }
                Err(_) => self.push_wrong(row, text),
            },
            Store::Time(times) => match parse_time(trimmed) {
                Some(time) => times.push(time),
                None => self.push_wrong(row, text),
            },
        }
    }

    /// Takes a typed value; what has another type than the column is taken as its text.
    pub(crate) fn push_cell(&mut self, row: u64, cell: Cell<'_>) {
        let is_numeric = self.column.kind.is_numeric();
        match (cell, self.column.kind) {
            (Cell::Missing, _) => self.push_missing(row),
            (Cell::Text(text), _) => self.push_text(row, text.as_bytes()),
            (Cell::Number(number), Kind::Number | Kind::Integer) if number.is_nan() => {
                self.push_text(row, b"NaN");
            }
            (Cell::Number(number), Kind::Number | Kind::Integer) => self.push_number(row, number),
            (Cell::Integer(integer), Kind::Number) => self.push_number(row, integer as f64),
            (Cell::Boolean(truth), _) if is_numeric => {
                self.push_number(row, f64::from(u8::from(truth)));
            }
            (Cell::Time(time), Kind::Time) => match &mut self.store {
                Store::Time(times) => times.push(time),
                _ => self.push_missing(row),
            },
            (other, _) => self.push_text(row, other.to_text().as_bytes()),
        }
    }

    /// Ends the column.
    ///
    /// # Errors
    /// Too many levels, or missing values in a role that needs all; wrong values are given
    /// back, to be reported together with those of other columns.
    pub(crate) fn finish(
        self,
        origin: &Origin,
    ) -> Result<(Values, Option<ColumnFaults>), TableError> {
        let Self { column, store, wrong, missing, too_many_levels } = self;
        if let Some(row) = too_many_levels {
            let (column, at) = (column.name, origin.locate(row));
            return Err(TableError::TooManyLevels { column, limit: LEVELS_MAX, at });
        }
        if !missing.is_empty() {
            let (role, faults) = (column.role.name(), missing.locate(origin));
            return Err(TableError::MissingValues { column: column.name, role, faults });
        }
        let faults = (!wrong.is_empty()).then(|| ColumnFaults {
            column: column.name,
            expected: expected(column.kind),
            faults: wrong.locate(origin),
        });
        let values = match store {
            Store::Text(mut texts) => Values::Text(texts.finish()),
            Store::Numeric(numbers) => Values::Numeric(numbers.into()),
            Store::Categorical { levels, codes } => Values::Categorical(levels.into_sorted(codes)),
            Store::Time(times) => Values::Time(times.into()),
        };
        Ok((values, faults))
    }

    #[inline]
    fn push_number(&mut self, row: u64, number: f64) {
        let Store::Numeric(numbers) = &mut self.store else { return self.push_missing(row) };
        if self.column.missing.covers_number(number) {
            return self.push_missing(row);
        }
        if self.column.kind.holds(number) {
            numbers.push(number);
        } else {
            self.push_wrong(row, number.to_string().as_bytes());
        }
    }

    fn push_missing(&mut self, row: u64) {
        if self.column.role.needs_all() {
            self.missing.push(row, String::new);
        }
        self.push_nothing();
    }

    fn push_wrong(&mut self, row: u64, text: &[u8]) {
        self.wrong.push(row, || String::from_utf8_lossy(text).into_owned());
        self.push_nothing();
    }

    fn push_nothing(&mut self) {
        match &mut self.store {
            Store::Text(texts) => texts.append_null(),
            Store::Numeric(numbers) => numbers.push(f64::NAN),
            Store::Categorical { codes, .. } => codes.push(MISSING_CODE),
            Store::Time(times) => times.push(MISSING_TIME),
        }
    }
}

/// What the values of a kind are, for people.
fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Category => "text in the file's encoding (state it if it is gbk)",
        Kind::Number => "a finite number",
        Kind::Integer => "a whole number up to 2^53",
        Kind::Boolean => "true or false",
        Kind::Time => "a point in time such as 2024-05-31",
    }
}
