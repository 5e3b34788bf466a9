//! What can go wrong, and whose fault it is.

/// Why features could not be made. Each is a fault of the data or settings handed in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FeaturesError {
    /// There are no rows to fit on.
    #[error("{what} has no rows; check the split and the alignment, they left this part empty")]
    NoRows {
        /// What has no rows, such as "the training part".
        what: &'static str,
    },
    /// A class has too few rows for a split that keeps its share in every part.
    #[error(
        "class {class}, counted from 0, has {rows} rows: too few for every part of a stratified \
         split to have one"
    )]
    ClassTooSmall {
        /// The class.
        class: u8,
        /// Its rows.
        rows: usize,
    },
    /// Two columns that belong together differ in length.
    #[error("{what} has {got} rows where {expected} were expected")]
    LengthsDiffer {
        /// What has the wrong length.
        what: String,
        /// The length it should have.
        expected: usize,
        /// The length it has.
        got: usize,
    },
    /// A row number points outside of the table.
    #[error("row {row} was asked for, but there are only {rows} rows")]
    RowOutside {
        /// The row number, counted from 0.
        row: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A number is infinite. (NaN means missing.)
    #[error(
        "column {column:?} is infinite at row {row}; replace it in the data or name it as a \
         missing-value token"
    )]
    Infinite {
        /// Name of the column.
        column: String,
        /// Row, counted from 0.
        row: usize,
    },
    /// A category code points outside of the list of levels.
    #[error("column {column:?} has the code {code} at row {row}, but only {levels} levels")]
    CodeOutside {
        /// Name of the column.
        column: String,
        /// Row, counted from 0.
        row: usize,
        /// The code.
        code: u32,
        /// Number of levels.
        levels: usize,
    },
    /// A column that something was fitted on is not there.
    #[error("column {column:?} is needed but not there; prepare the data as in training")]
    ColumnMissing {
        /// Name of the column.
        column: String,
    },
    /// Two columns have the same name.
    #[error("there are two columns named {column:?}; rename one of them")]
    ColumnTwice {
        /// The name.
        column: String,
    },
    /// A column has numbers where categories are needed, or the other way round.
    #[error("column {column:?} holds {got}, but {expected} are needed here")]
    WrongKind {
        /// Name of the column.
        column: String,
        /// What it holds: "numbers" or "categories".
        got: &'static str,
        /// What is needed.
        expected: &'static str,
    },
    /// A column has no value in any training row.
    #[error("column {column:?} has no value in any training row; leave it out")]
    AllMissing {
        /// Name of the column.
        column: String,
    },
    /// A label is neither 0 nor 1.
    #[error("the label of row {row} is {label}; a label is 0 or 1")]
    LabelNotBinary {
        /// Row, counted from 0.
        row: usize,
        /// The label.
        label: u8,
    },
    /// Labels are needed and are not there.
    #[error("{what} needs labels; only the party that holds them can use it")]
    LabelsNeeded {
        /// What needs them.
        what: &'static str,
    },
    /// Something that was fitted earlier and read from a file cannot have been fitted here.
    #[error("what was fitted on column {column:?} is damaged: {rule}")]
    Damaged {
        /// Name of the column.
        column: String,
        /// What does not hold.
        rule: &'static str,
    },
    /// All rows have the same label.
    #[error("all training rows have the same label; both classes are needed")]
    OneClass,
    /// Codes and bins of a binned matrix do not fit together.
    #[error(transparent)]
    Binned(#[from] crate::binned::BinnedError),
    /// A setting is out of its range.
    #[error("the setting {name} is {value}; it must be {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Its value, as text.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
}

impl FeaturesError {
    /// An out-of-range setting.
    pub(crate) fn setting(
        name: &'static str,
        value: &impl ToString,
        expected: &'static str,
    ) -> Self {
        Self::Setting { name, value: value.to_string(), expected }
    }
}

/// The rows that everything is fitted on, in messages.
pub(crate) const TRAINING: &str = "the training part";

/// Checks that labels are 0 or 1 and that there is one for each of `rows` rows.
pub(crate) fn check_labels(rows: usize, labels: &[u8]) -> Result<(), FeaturesError> {
    if labels.len() != rows {
        let what = "the label column".to_owned();
        return Err(FeaturesError::LengthsDiffer { what, expected: rows, got: labels.len() });
    }
    match labels.iter().position(|label| *label > 1) {
        Some(row) => Err(FeaturesError::LabelNotBinary { row, label: labels[row] }),
        None => Ok(()),
    }
}

/// Checks that a part such as [`TRAINING`] has rows and that each points into the table.
pub(crate) fn check_rows(
    rows: usize,
    chosen: &[u32],
    what: &'static str,
) -> Result<(), FeaturesError> {
    if chosen.is_empty() {
        return Err(FeaturesError::NoRows { what });
    }
    match chosen.iter().find(|row| **row as usize >= rows) {
        Some(row) => Err(FeaturesError::RowOutside { row: *row as usize, rows }),
        None => Ok(()),
    }
}
