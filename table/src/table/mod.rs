//! A party's own rows, column by column.

mod check;
mod digest;
mod read;
mod write;

use std::borrow::Cow;
use std::fmt;

use arrow_array::{Array, LargeStringArray};

pub use check::{ClassCounts, check_label_classes};
pub use read::Batches;
pub(crate) use read::Rows;
pub(crate) use write::write_whole;

use crate::column::{Categorical, Values};
use crate::error::TableError;
use crate::fault::Origin;
use crate::schema::{Column, Kind, Role, Schema};
use crate::value::format_time;

/// Rows in columns, with a schema that says what they are.
///
/// Holds no ignored columns. `Debug` shows sizes and names, no values; copies share memory.
#[derive(Clone)]
pub struct Table {
    schema: Schema,
    columns: Vec<Values>,
    rows: usize,
    origin: Origin,
}

/// One input column of models.
#[derive(Clone, Copy)]
pub struct Feature<'a> {
    /// The column's name.
    pub name: &'a str,
    /// Its values, one per row.
    pub values: FeatureValues<'a>,
}

/// The values of a feature.
#[derive(Clone, Copy)]
pub enum FeatureValues<'a> {
    /// Numbers, integers, and booleans as 0 and 1; NaN is missing.
    Numeric(&'a [f64]),
    /// Categories.
    Categorical(Categorical<'a>),
}

impl Table {
    /// A table from values in memory: generated data, scores, joined results.
    ///
    /// Ignored columns are left out.
    ///
    /// # Errors
    /// [`TableError::Schema`] as from [`Schema::new`], [`TableError::Shape`] when columns have
    /// different lengths, hold numbers that their kind does not, miss values in a role that
    /// needs all, or are not stored as their kind needs.
    pub fn from_columns(columns: Vec<(Column, Values)>) -> Result<Self, TableError> {
        let (columns, values): (Vec<Column>, Vec<Values>) =
            columns.into_iter().filter(|(column, _)| column.role != Role::Ignore).unzip();
        let schema = Schema::new(columns)?;
        let rows = values.first().map_or(0, Values::len);
        for (column, values) in schema.columns().iter().zip(&values) {
            let invalid = |what: String| {
                Err(TableError::Shape { rule: format!("column `{}` {what}", column.name) })
            };
            if values.len() != rows {
                return invalid(format!("has {} rows, the first column {rows}", values.len()));
            }
            if !values.fits(column.kind) {
                return invalid(format!("is declared as {} but stored otherwise", column.kind));
            }
            if column.role.needs_all() && values.missing_count() > 0 {
                return invalid(format!("is the {} and misses values", column.role));
            }
            if let Values::Numeric(numbers) = values
                && let Some(number) = numbers
                    .values()
                    .iter()
                    .find(|number| !number.is_nan() && !column.kind.holds(**number))
            {
                return invalid(format!("is declared as {} but holds {number}", column.kind));
            }
        }
        Ok(Self { schema, columns: values, rows, origin: Origin::in_memory("table") })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What the columns are.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The values of all columns in schema order.
    pub fn values(&self) -> &[Values] {
        &self.columns
    }

    /// The values of a column.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`].
    pub fn column(&self, name: &str) -> Result<&Values, TableError> {
        Ok(&self.columns[self.schema.position(name)?])
    }

    /// The name of the id column.
    ///
    /// # Errors
    /// [`TableError::NoSuchRole`].
    pub fn id_column(&self) -> Result<&str, TableError> {
        self.column_with_role(Role::Id).map(|(column, _)| column.name.as_str())
    }

    /// The ids in row order; reading has made sure that none is missing.
    ///
    /// # Errors
    /// [`TableError::NoSuchRole`] when the table has no id.
    pub fn ids(&self) -> Result<impl ExactSizeIterator<Item = &str>, TableError> {
        let ids = self.id_array()?;
        Ok((0..ids.len()).map(|row| ids.value(row)))
    }

    /// The ids as an Arrow array.
    ///
    /// # Errors
    /// [`TableError::NoSuchRole`] when the table has no id.
    pub fn id_array(&self) -> Result<&LargeStringArray, TableError> {
        match self.column_with_role(Role::Id)? {
            (_, Values::Text(ids)) => Ok(ids),
            (column, _) => Err(mismatch(column, "an id")),
        }
    }

    /// The values of a number, integer or boolean column; NaN is missing.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`], [`TableError::KindMismatch`].
    pub fn numeric(&self, name: &str) -> Result<&[f64], TableError> {
        let position = self.schema.position(name)?;
        numbers(&self.schema.columns()[position], &self.columns[position])
    }

    /// The values of a category column.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`], [`TableError::KindMismatch`].
    pub fn categorical(&self, name: &str) -> Result<Categorical<'_>, TableError> {
        let position = self.schema.position(name)?;
        match &self.columns[position] {
            Values::Categorical(categories) => Ok(categories.view()),
            _ => Err(mismatch(&self.schema.columns()[position], "a category")),
        }
    }

    /// How many values of a column are missing.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`].
    pub fn missing_count(&self, name: &str) -> Result<usize, TableError> {
        self.column(name).map(Values::missing_count)
    }

    /// The features in schema order.
    pub fn features(&self) -> impl Iterator<Item = Feature<'_>> {
        self.schema.columns().iter().zip(&self.columns).filter_map(|(column, values)| {
            let values = match values {
                _ if column.role != Role::Feature => return None,
                Values::Numeric(numbers) => FeatureValues::Numeric(numbers.values()),
                Values::Categorical(categories) => FeatureValues::Categorical(categories.view()),
                Values::Text(_) | Values::Time(_) => return None,
            };
            Some(Feature { name: &column.name, values })
        })
    }

    /// The label as numbers, for regression.
    ///
    /// # Errors
    /// [`TableError::NoSuchRole`]; [`TableError::KindMismatch`] for a category.
    pub fn label_values(&self) -> Result<&[f64], TableError> {
        let (column, values) = self.column_with_role(Role::Label)?;
        numbers(column, values)
    }

    /// The weights, all zero or more; `None` when no column is a weight.
    ///
    /// # Errors
    /// [`TableError::NegativeWeight`] with the rows.
    pub fn weight(&self) -> Result<Option<&[f64]>, TableError> {
        if self.schema.with_role(Role::Weight).is_none() {
            return Ok(None);
        }
        let (column, values) = self.column_with_role(Role::Weight)?;
        let weights = numbers(column, values)?;
        self.check_weights(column, weights)?;
        Ok(Some(weights))
    }

    /// The time of each row: microseconds since 1970-01-01 UTC, or for an integer column its
    /// own unit.
    ///
    /// # Errors
    /// [`TableError::NoSuchRole`] when no column is a time.
    pub fn time(&self) -> Result<Cow<'_, [i64]>, TableError> {
        match self.column_with_role(Role::Time)? {
            (_, Values::Time(times)) => Ok(Cow::Borrowed(times.values())),
            // Integer columns hold whole numbers up to 2^53.
            (_, Values::Numeric(numbers)) => {
                Ok(numbers.values().iter().map(|number| *number as i64).collect())
            }
            (column, _) => Err(mismatch(column, "a time")),
        }
    }

    /// The first and the last time of these rows, as texts; `None` when no column is a time or no
    /// rows are given. Positions that are no row are left out.
    ///
    /// # Errors
    /// [`TableError::KindMismatch`].
    pub fn time_span(&self, rows: &[u32]) -> Result<Option<[String; 2]>, TableError> {
        let Some(column) = self.schema.with_role(Role::Time) else { return Ok(None) };
        let times = self.time()?;
        let chosen = || rows.iter().filter_map(|row| times.get(*row as usize));
        let text = |time: &i64| match column.kind {
            Kind::Time => format_time(*time),
            _ => time.to_string(),
        };
        let ends = chosen().min().zip(chosen().max());
        Ok(ends.map(|(first, last)| [text(first), text(last)]))
    }

    /// These rows in this order; a row may be taken several times.
    ///
    /// # Errors
    /// [`TableError::Shape`] when a position is not a row of the table.
    pub fn take(&self, rows: &[u32]) -> Result<Self, TableError> {
        if let Some(row) = rows.iter().find(|row| **row as usize >= self.rows) {
            let rule = format!("row {row} was asked for, there are {}", self.rows);
            return Err(TableError::Shape { rule });
        }
        Ok(Self {
            schema: self.schema.clone(),
            columns: self.columns.iter().map(|values| values.take(rows)).collect(),
            rows: rows.len(),
            origin: Origin::in_memory("selected rows"),
        })
    }

    /// The table with these columns only, in this order.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`]; [`TableError::Schema`] when a name repeats.
    pub fn select(&self, names: &[&str]) -> Result<Self, TableError> {
        let positions: Result<Vec<usize>, TableError> =
            names.iter().map(|name| self.schema.position(name)).collect();
        let positions = positions?;
        let columns = positions.iter().map(|index| self.schema.columns()[*index].clone()).collect();
        Ok(Self {
            schema: Schema::new(columns)?,
            columns: positions.iter().map(|index| self.columns[*index].clone()).collect(),
            rows: self.rows,
            origin: self.origin.clone(),
        })
    }

    /// The table with further columns of as many rows behind its own.
    ///
    /// # Errors
    /// As [`Table::from_columns`].
    pub fn with_columns(&self, further: Vec<(Column, Values)>) -> Result<Self, TableError> {
        let own = self.schema.columns().iter().cloned().zip(self.columns.iter().cloned());
        Self::from_columns(own.chain(further).collect())
    }

    /// The texts of a text column in row order; `None` where there is none.
    ///
    /// # Errors
    /// [`TableError::MissingColumn`], [`TableError::KindMismatch`].
    pub fn texts(
        &self,
        name: &str,
    ) -> Result<impl ExactSizeIterator<Item = Option<&str>>, TableError> {
        let position = self.schema.position(name)?;
        match &self.columns[position] {
            Values::Text(texts) => {
                Ok((0..texts.len()).map(|row| texts.is_valid(row).then(|| texts.value(row))))
            }
            _ => Err(mismatch(&self.schema.columns()[position], "a text")),
        }
    }

    fn column_with_role(&self, role: Role) -> Result<(&Column, &Values), TableError> {
        let mut columns = self.schema.columns().iter().zip(&self.columns);
        columns
            .find(|(column, _)| column.role == role)
            .ok_or(TableError::NoSuchRole { role: role.name() })
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            self.schema.columns().iter().map(|column| column.name.as_str()).collect();
        formatter
            .debug_struct("Table")
            .field("rows", &self.rows)
            .field("columns", &names)
            .finish_non_exhaustive()
    }
}

fn numbers<'a>(column: &Column, values: &'a Values) -> Result<&'a [f64], TableError> {
    match values {
        Values::Numeric(numbers) => Ok(numbers.values()),
        _ => Err(mismatch(column, "a number")),
    }
}

fn mismatch(column: &Column, used: &'static str) -> TableError {
    TableError::KindMismatch { column: column.name.clone(), kind: column.kind, used }
}
