//! What can be wrong with a party's own tables.

use std::fmt;

use crate::fault::{Faults, Location};
use crate::schema::Kind;
use crate::source::Source;
use crate::suggestion::{closest, question};

/// Why a table could not be read, used or written.
///
/// Every one of these is about the party's own input or disk; no peer can cause one. Messages
/// quote values of the data so that people can find them: they are for the party's own people.
/// What may be said to a peer is [`TableError::for_peers`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The operating system refused.
    #[error("cannot {action} {file}; check the path, the permissions and the free space")]
    Io {
        /// What was tried: "open", "read", "write".
        action: &'static str,
        /// The file.
        file: String,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing in the file.
    #[error("{file} is empty; check that its export finished")]
    EmptyFile {
        /// The file.
        file: String,
    },
    /// There is a header but no row.
    #[error("{file} has columns but no rows; check the export and its filters")]
    NoRows {
        /// The file, or the first of several.
        file: String,
    },
    /// The bytes are no text in the encoding.
    #[error("{at}: the text is not valid {encoding}; state the file's `encoding` (utf-8 or gbk)")]
    Encoding {
        /// Where the first invalid character stands.
        at: Location,
        /// The encoding that was stated or found.
        encoding: &'static str,
    },
    /// The file is something else than it was said to be.
    #[error("{file} is {found}, not {expected}; {advice}")]
    WrongFormat {
        /// The file.
        file: String,
        /// What it looks like.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Two delimiters explain the file equally well.
    #[error("{file} could be split at {candidates}; state its `delimiter`")]
    AmbiguousDelimiter {
        /// The file.
        file: String,
        /// The equally good ones, for people.
        candidates: String,
    },
    /// A quoted field never ends.
    #[error(
        "{at}: a quote opened in this record is never closed; close it, double it inside a \
         quoted field, or state `quote: none`"
    )]
    UnclosedQuote {
        /// Where the record begins.
        at: Location,
    },
    /// Text follows a closing quote.
    #[error(
        "{at}: text follows a closing quote; double the quotes inside quoted fields, or state \
         `quote: none`"
    )]
    TextAfterQuote {
        /// Where the quote closes.
        at: Location,
    },
    /// One record is longer than any sensible one.
    #[error(
        "{at}: the record beginning here is longer than {limit_bytes} bytes; most probably a \
         quote is not closed or the delimiter or line ends are not those of a CSV file"
    )]
    RecordTooLong {
        /// Where it begins.
        at: Location,
        /// The bound.
        limit_bytes: usize,
    },
    /// Lines have more or fewer fields than the header.
    #[error(
        "lines with another number of fields than the {expected} of the header, {faults}; quote \
         fields that contain the delimiter, or correct the export"
    )]
    Ragged {
        /// Fields of the header.
        expected: usize,
        /// Where, with the number of fields found.
        faults: Faults,
    },
    /// A header names a column twice or not at all.
    #[error("{file}: {rule}; give every column one name of its own")]
    Header {
        /// The file.
        file: String,
        /// What is wrong.
        rule: String,
    },
    /// More columns than the bound.
    #[error("{file} has {count} columns; at most {limit} are read, so split the file")]
    TooManyColumns {
        /// The file.
        file: String,
        /// How many it has.
        count: usize,
        /// The bound.
        limit: usize,
    },
    /// More rows than a table holds.
    #[error("{file} brings the table above {limit} rows; split the job")]
    TooManyRows {
        /// The file in which the bound was passed.
        file: String,
        /// The bound.
        limit: u64,
    },
    /// A column does not exist.
    #[error("{place} has no column `{column}`{}", meant(suggestion.as_deref()))]
    MissingColumn {
        /// The file, or "the table".
        place: String,
        /// The column that was asked for.
        column: String,
        /// The column that was probably meant.
        suggestion: Option<String>,
    },
    /// Values are not of their column's kind.
    #[error(
        "values of another kind than the schema says: {}; correct them, or state another kind \
         or the tokens that mean missing",
        Joined(columns)
    )]
    WrongType {
        /// The columns with wrong values, in schema order.
        columns: Vec<ColumnFaults>,
    },
    /// Values are missing where none may be.
    #[error(
        "`{column}` is the table's {role} and may not be missing, but is, {faults}; fill it or \
         drop these rows"
    )]
    MissingValues {
        /// The column.
        column: String,
        /// Its role.
        role: &'static str,
        /// Where.
        faults: Faults,
    },
    /// A category has more levels than the bound.
    #[error(
        "`{column}` has more than {limit} different values ({at} passes the bound); declare it \
         as text with the role ignore, or group its values"
    )]
    TooManyLevels {
        /// The column.
        column: String,
        /// The bound.
        limit: usize,
        /// Where the bound was passed.
        at: Location,
    },
    /// A stored type cannot become the kind that the schema says.
    #[error(
        "{file}: column `{column}` is stored as {stored}, which cannot be read as {kind}; \
             {advice}"
    )]
    UnsupportedType {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The stored type.
        stored: String,
        /// The kind of the schema.
        kind: Kind,
        /// What to do.
        advice: &'static str,
    },
    /// The same id stands in several rows.
    #[error(
        "{ids} ids of `{column}` stand in more than one row, {faults}; keep one row per id, or \
         state which row to keep"
    )]
    DuplicateIds {
        /// The id column.
        column: String,
        /// How many different ids repeat.
        ids: u64,
        /// The rows that repeat an earlier id.
        faults: Faults,
    },
    /// A label is not one of the two expected values.
    #[error("the label `{column}` has other values than {expected}, {faults}; {advice}")]
    LabelValues {
        /// The label column.
        column: String,
        /// The two values.
        expected: String,
        /// Where others stand.
        faults: Faults,
        /// What to do.
        advice: &'static str,
    },
    /// All labels are equal.
    #[error(
        "all {rows} labels of `{column}` are {value}; a model needs both classes, so check the \
         filter of the export and the stated positive value"
    )]
    OneClass {
        /// The label column.
        column: String,
        /// How many rows there are.
        rows: usize,
        /// The only class, 0 or 1.
        value: u8,
    },
    /// A label has more different values than a model of classes takes.
    #[error(
        "the label `{column}` has more than {most} different values, and a model of classes takes \
         at most {most}; put rare ones together, or choose a model of numbers"
    )]
    TooManyClasses {
        /// The label column.
        column: String,
        /// The most classes.
        most: u8,
    },
    /// Weights are negative or not finite.
    #[error("the weight `{column}` must be zero or more, but is not, {faults}; correct it")]
    NegativeWeight {
        /// The weight column.
        column: String,
        /// Where.
        faults: Faults,
    },
    /// No column has a role that is needed.
    #[error("no column has the role {role}; name one in the job's party settings")]
    NoSuchRole {
        /// The role.
        role: &'static str,
    },
    /// A column was used as something it is not.
    #[error("column `{column}` is {kind}, but is used as {used}; state another kind for it")]
    KindMismatch {
        /// The column.
        column: String,
        /// Its kind.
        kind: Kind,
        /// What it was used as.
        used: &'static str,
    },
    /// A schema contradicts itself.
    #[error("the schema is not usable: {rule}")]
    Schema {
        /// What is wrong and what to do.
        rule: String,
    },
    /// Columns or positions do not fit a table.
    #[error("the parts of the table do not fit: {rule}")]
    Shape {
        /// What does not fit.
        rule: String,
    },
    /// The Parquet library refused.
    #[error("cannot {action} the Parquet file {file}; check that it is complete")]
    Parquet {
        /// What was tried.
        action: &'static str,
        /// The file.
        file: String,
        /// The reason.
        #[source]
        source: parquet::errors::ParquetError,
    },
}

impl TableError {
    /// One sentence without any value, name or place of the data, fit to be told to a peer.
    pub fn for_peers(&self) -> &'static str {
        match self {
            Self::Io { .. } => "the party could not access its table",
            Self::DuplicateIds { .. } => "the party's table repeats ids",
            Self::LabelValues { .. } | Self::OneClass { .. } | Self::TooManyClasses { .. } => {
                "the party's label is not fit for training"
            }
            Self::Schema { .. } | Self::MissingColumn { .. } | Self::NoSuchRole { .. } => {
                "the party's table does not match its schema"
            }
            _ => "the party's table is not readable as its schema says",
        }
    }

    /// The error of a source without rows.
    pub fn no_rows(source: &Source) -> Self {
        Self::NoRows { file: source.inputs()[0].name.to_string() }
    }

    pub(crate) fn io(action: &'static str, file: &str, source: std::io::Error) -> Self {
        Self::Io { action, file: file.to_owned(), source }
    }

    pub(crate) fn parquet(
        action: &'static str,
        file: &str,
        source: parquet::errors::ParquetError,
    ) -> Self {
        Self::Parquet { action, file: file.to_owned(), source }
    }

    pub(crate) fn missing_column<'a>(
        place: &str,
        column: &str,
        present: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::MissingColumn {
            place: place.to_owned(),
            column: column.to_owned(),
            suggestion: closest(column, present).map(str::to_owned),
        }
    }
}

/// The wrong values of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFaults {
    /// The column's name.
    pub column: String,
    /// What its values should be, for people.
    pub expected: &'static str,
    /// Which are not.
    pub faults: Faults,
}

/// How many columns a [`TableError::WrongType`] message spells out.
const COLUMNS_SHOWN_MAX: usize = 5;

/// What to do about a column that is not there.
fn meant(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(_) => question(suggestion),
        None => "; compare the names with its header".to_owned(),
    }
}

struct Joined<'a>(&'a [ColumnFaults]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, column) in self.0.iter().take(COLUMNS_SHOWN_MAX).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let ColumnFaults { column, expected, faults } = column;
            write!(formatter, "{separator}`{column}` should be {expected}, is not {faults}")?;
        }
        match self.0.len().saturating_sub(COLUMNS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more columns"),
        }
    }
}
