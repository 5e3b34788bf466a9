//! The values of one column.

mod builder;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, Float64Array, Int64Array, LargeStringArray};
use arrow_buffer::ScalarBuffer;

pub(crate) use builder::{Cell, ColumnBuilder};

use crate::error::TableError;
use crate::schema::{Kind, LEVELS_MAX};

/// The code of a missing value in a categorical column.
pub const MISSING_CODE: u32 = u32::MAX;

/// The missing point in time in a time column.
pub const MISSING_TIME: i64 = i64::MIN;

/// The values of one column, in memory that copies of a table share.
#[derive(Clone)]
pub enum Values {
    /// Texts; null is missing.
    Text(LargeStringArray),
    /// Numbers, integers and booleans; NaN is missing, nothing is infinite.
    Numeric(Float64Array),
    /// Categories.
    Categorical(CategoryArray),
    /// Microseconds since 1970-01-01 UTC; [`MISSING_TIME`] is missing.
    Time(Int64Array),
}

/// Categories as codes into sorted levels.
#[derive(Clone)]
pub struct CategoryArray {
    codes: ScalarBuffer<u32>,
    levels: Arc<[String]>,
}

/// A look at a categorical column.
#[derive(Clone, Copy)]
pub struct Categorical<'a> {
    /// One code per row: a position in `levels`, or [`MISSING_CODE`].
    pub codes: &'a [u32],
    /// The different values in the order of their bytes; a level may have no row.
    pub levels: &'a [String],
}

impl Values {
    /// Texts from optional strings.
    pub fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> Self {
        Self::Text(values.into_iter().collect())
    }

    /// Numbers; NaN is missing.
    pub fn numbers(values: Vec<f64>) -> Self {
        Self::Numeric(values.into())
    }

    /// Points in time in microseconds; [`MISSING_TIME`] is missing.
    pub fn times(values: Vec<i64>) -> Self {
        Self::Time(values.into())
    }

    /// Categories from optional strings.
    ///
    /// # Errors
    /// [`TableError::Shape`] when there are more than [`LEVELS_MAX`] different ones.
    pub fn categories<T: AsRef<str>>(
        values: impl IntoIterator<Item = Option<T>>,
    ) -> Result<Self, TableError> {
        let mut levels = Levels::default();
        let mut codes = Vec::new();
        for value in values {
            let code = match value {
                Some(text) => levels.code(text.as_ref()).ok_or_else(|| TableError::Shape {
                    rule: format!("a category has more than {LEVELS_MAX} levels"),
                })?,
                None => MISSING_CODE,
            };
            codes.push(code);
        }
        Ok(Self::Categorical(levels.into_sorted(codes)))
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(texts) => texts.len(),
            Self::Numeric(numbers) => numbers.len(),
            Self::Categorical(categories) => categories.codes.len(),
            Self::Time(times) => times.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values are missing.
    pub fn missing_count(&self) -> usize {
        (0..self.len()).filter(|row| self.is_missing(*row)).count()
    }

    /// Whether the value of a row, which must exist, is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Text(texts) => texts.is_null(row),
            Self::Numeric(numbers) => numbers.values()[row].is_nan(),
            Self::Categorical(categories) => categories.codes[row] == MISSING_CODE,
            Self::Time(times) => times.values()[row] == MISSING_TIME,
        }
    }

    /// The memory that the values take, in bytes; levels of categories are not counted.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Text(texts) => texts.get_array_memory_size(),
            Self::Numeric(numbers) => numbers.get_array_memory_size(),
            Self::Categorical(categories) => size_of_val(&*categories.codes),
            Self::Time(times) => times.get_array_memory_size(),
        }
    }

    /// Whether these can be the values of a column of this kind.
    pub(crate) fn fits(&self, kind: Kind) -> bool {
        match self {
            Self::Text(_) => kind == Kind::Text,
            Self::Numeric(_) => kind.is_numeric(),
            Self::Categorical(_) => kind == Kind::Category,
            Self::Time(_) => kind == Kind::Time,
        }
    }

    /// The values of these rows, which must exist, in this order.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        let picked = rows.iter().map(|row| *row as usize);
        match self {
            Self::Text(texts) => Self::Text(
                picked.map(|row| texts.is_valid(row).then(|| texts.value(row))).collect(),
            ),
            Self::Numeric(numbers) => {
                let values = numbers.values();
                Self::numbers(picked.map(|row| values[row]).collect())
            }
            Self::Categorical(categories) => Self::Categorical(CategoryArray {
                codes: picked.map(|row| categories.codes[row]).collect(),
                levels: Arc::clone(&categories.levels),
            }),
            Self::Time(times) => {
                let values = times.values();
                Self::times(picked.map(|row| values[row]).collect())
            }
        }
    }
}

impl CategoryArray {
    /// The codes and levels.
    pub fn view(&self) -> Categorical<'_> {
        Categorical { codes: &self.codes, levels: &self.levels }
    }
}

impl<'a> Categorical<'a> {
    /// The value of a row, which must exist; `None` when it is missing.
    pub fn value(&self, row: usize) -> Option<&'a str> {
        self.levels.get(self.codes[row] as usize).map(String::as_str)
    }
}

/// Levels in the order of their first row, until all are known.
#[derive(Default)]
pub(crate) struct Levels {
    codes: HashMap<String, u32>,
}

impl Levels {
    /// The code of a level, a new one if it is new; `None` beyond [`LEVELS_MAX`].
    pub(crate) fn code(&mut self, level: &str) -> Option<u32> {
        if let Some(code) = self.codes.get(level) {
            return Some(*code);
        }
        if self.codes.len() == LEVELS_MAX {
            return None;
        }
        let code = self.codes.len() as u32;
        self.codes.insert(level.to_owned(), code);
        Some(code)
    }

    /// Sorts the levels, so that the codes do not depend on the order of rows.
    pub(crate) fn into_sorted(self, mut codes: Vec<u32>) -> CategoryArray {
        let mut levels: Vec<(String, u32)> = self.codes.into_iter().collect();
        levels.sort();
        let mut sorted_codes = vec![0; levels.len()];
        for (sorted, (_, code)) in levels.iter().enumerate() {
            sorted_codes[*code as usize] = sorted as u32;
        }
        for code in &mut codes {
            if *code != MISSING_CODE {
                *code = sorted_codes[*code as usize];
            }
        }
        let levels = levels.into_iter().map(|(level, _)| level).collect();
        CategoryArray { codes: codes.into(), levels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_sorted_whatever_the_row_order() {
        let Ok(Values::Categorical(categories)) =
            Values::categories([Some("b"), None, Some("a"), Some("b")])
        else {
            panic!("categories are categorical");
        };
        let view = categories.view();
        assert_eq!(view.levels, ["a", "b"]);
        assert_eq!(view.codes, [1, MISSING_CODE, 0, 1]);
        assert_eq!((view.value(0), view.value(1)), (Some("b"), None));
    }

    #[test]
    fn takes_rows_in_order_and_counts_missing() {
        let columns = [
            Values::texts([Some("x"), None, Some("z")]),
            Values::numbers(vec![1.0, f64::NAN, 3.0]),
            Values::categories([Some("x"), None, Some("z")]).unwrap(),
            Values::times(vec![1, MISSING_TIME, 3]),
        ];
        for values in columns {
            let taken = values.take(&[1, 2, 1]);
            assert_eq!((values.len(), taken.len()), (3, 3));
            assert_eq!((values.missing_count(), taken.missing_count()), (1, 2));
        }
    }

    #[test]
    fn too_many_levels_are_refused() {
        let many = (0..=LEVELS_MAX).map(|level| Some(level.to_string()));
        assert!(Values::categories(many).is_err());
    }
}
