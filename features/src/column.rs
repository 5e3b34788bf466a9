//! A borrowed column of a party's own table.

use crate::FeaturesError;
use table::{FeatureValues, MISSING_CODE, Table};

/// The values of a column, one per row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values<'a> {
    /// Numbers; NaN means missing, infinities are not allowed.
    Numbers(&'a [f64]),
    /// Categories.
    Categories {
        /// For each row an index into `levels`, or [`MISSING_CODE`].
        codes: &'a [u32],
        /// The distinct texts.
        levels: &'a [String],
    },
}

impl Values<'_> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Categories { codes, .. } => codes.len(),
        }
    }

    /// "numbers" or "categories", for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Numbers(_) => "numbers",
            Self::Categories { .. } => "categories",
        }
    }
}

/// A named column of a party's own table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column<'a> {
    /// Its name, unique in the table.
    pub name: &'a str,
    /// Its values.
    pub values: Values<'a>,
}

impl<'a> Column<'a> {
    /// A column of numbers; NaN means missing.
    pub fn numbers(name: &'a str, values: &'a [f64]) -> Self {
        Self { name, values: Values::Numbers(values) }
    }

    /// A column of categories: codes into `levels`, or [`MISSING_CODE`].
    pub fn categories(name: &'a str, codes: &'a [u32], levels: &'a [String]) -> Self {
        Self { name, values: Values::Categories { codes, levels } }
    }

    /// Checks the length and that every value is allowed.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::LengthsDiffer`], [`FeaturesError::Infinite`] or
    /// [`FeaturesError::CodeOutside`].
    pub fn check(&self, rows: usize) -> Result<(), FeaturesError> {
        if self.values.rows() != rows {
            let what = format!("column {:?}", self.name);
            let got = self.values.rows();
            return Err(FeaturesError::LengthsDiffer { what, expected: rows, got });
        }
        let column = || self.name.to_owned();
        match self.values {
            Values::Numbers(values) => match values.iter().position(|value| value.is_infinite()) {
                Some(row) => Err(FeaturesError::Infinite { column: column(), row }),
                None => Ok(()),
            },
            Values::Categories { codes, levels } => {
                let outside = |code: &u32| *code != MISSING_CODE && *code as usize >= levels.len();
                match codes.iter().position(outside) {
                    Some(row) => Err(FeaturesError::CodeOutside {
                        column: column(),
                        row,
                        code: codes[row],
                        levels: levels.len(),
                    }),
                    None => Ok(()),
                }
            }
        }
    }

    /// The numbers, where the column holds numbers.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::WrongKind`].
    pub(crate) fn as_numbers(&self) -> Result<&'a [f64], FeaturesError> {
        match self.values {
            Values::Numbers(values) => Ok(values),
            Values::Categories { .. } => Err(self.wrong_kind("numbers")),
        }
    }

    /// Codes and levels, where the column holds categories.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::WrongKind`].
    pub(crate) fn as_categories(&self) -> Result<(&'a [u32], &'a [String]), FeaturesError> {
        match self.values {
            Values::Categories { codes, levels } => Ok((codes, levels)),
            Values::Numbers(_) => Err(self.wrong_kind("categories")),
        }
    }

    fn wrong_kind(&self, expected: &'static str) -> FeaturesError {
        let (column, got) = (self.name.to_owned(), self.values.kind());
        FeaturesError::WrongKind { column, got, expected }
    }
}

impl<'a> From<table::Feature<'a>> for Column<'a> {
    fn from(feature: table::Feature<'a>) -> Self {
        match feature.values {
            FeatureValues::Numeric(values) => Self::numbers(feature.name, values),
            FeatureValues::Categorical(view) => {
                Self::categories(feature.name, view.codes, view.levels)
            }
        }
    }
}

/// The feature columns of a table, in the order of its schema.
pub fn columns(table: &Table) -> Vec<Column<'_>> {
    table.features().map(Column::from).collect()
}

/// How often each level, and a missing value, occurs in the chosen rows of a checked column.
pub(crate) fn count_levels(codes: &[u32], levels: usize, chosen: &[u32]) -> (Vec<usize>, usize) {
    let (mut counts, mut missing) = (vec![0; levels], 0);
    for row in chosen {
        match counts.get_mut(codes[*row as usize] as usize) {
            Some(count) => *count += 1,
            None => missing += 1,
        }
    }
    (counts, missing)
}
