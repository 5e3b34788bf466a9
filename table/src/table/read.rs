//! From a source to tables, all at once or in batches.

use std::mem;
use std::vec;

use super::Table;
use crate::column::ColumnBuilder;
use crate::delimited::{DelimitedReader, ROWS_MAX};
use crate::error::TableError;
use crate::fault::{Origin, Unit};
use crate::parquet_file::ParquetReader;
use crate::schema::Schema;
use crate::source::{Format, Input, Source};

impl Table {
    /// Reads all rows of a source.
    ///
    /// Text is streamed: beside the columns themselves only a few hundred kilobytes are held.
    /// The whole source is looked at before wrong values are reported, so that one error counts
    /// all of them.
    ///
    /// # Errors
    /// Everything that [`TableError`] lists about files and values; [`TableError::NoRows`] for
    /// a source without rows. Repeated ids are not an error here: see
    /// [`Table::check_unique_ids`].
    pub fn read(source: &Source, schema: &Schema) -> Result<Self, TableError> {
        match Batches::new(source, schema, usize::MAX).next() {
            Some(table) => table,
            None => Err(TableError::no_rows(source)),
        }
    }

    /// Reads a source in tables of `rows_max` rows (the last one has fewer), in bounded memory.
    ///
    /// Categories have codes of their own in each batch. The iteration ends with its first
    /// error; wrong values are counted per batch.
    pub fn batches(source: &Source, schema: &Schema, rows_max: usize) -> Batches {
        Batches::new(source, schema, rows_max.max(1))
    }
}

/// The tables of a source, one batch of rows after the other.
pub struct Batches {
    inputs: vec::IntoIter<Input>,
    format: Format,
    schema: Schema,
    rows_max: usize,
    open: Option<OpenInput>,
    has_failed: bool,
}

/// A file that is being read.
enum OpenInput {
    /// With the field of each column of the schema.
    Delimited(Box<DelimitedReader>, Vec<usize>),
    Parquet(Box<ParquetReader>),
}

impl Batches {
    fn new(source: &Source, schema: &Schema, rows_max: usize) -> Self {
        Self {
            inputs: source.inputs().to_vec().into_iter(),
            format: source.format().clone(),
            schema: schema.without_ignored(),
            rows_max,
            open: None,
            has_failed: false,
        }
    }

    fn read_batch(&mut self) -> Result<Option<Table>, TableError> {
        let mut rows = Rows::new(&self.schema);
        while rows.count < self.rows_max as u64 {
            if self.open.is_none() {
                let Some(input) = self.inputs.next() else { break };
                self.open = Some(OpenInput::new(&input, &self.format, &self.schema)?);
            }
            let Some(open) = &mut self.open else { break };
            if open.read_into(&mut rows, self.rows_max as u64)? {
                self.open = None;
            }
        }
        if let Some(OpenInput::Delimited(reader, _)) = &self.open {
            reader.check_ragged()?;
        }
        if rows.count == 0 { Ok(None) } else { rows.finish(&self.schema).map(Some) }
    }
}

impl Iterator for Batches {
    type Item = Result<Table, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let batch = self.read_batch();
        self.has_failed = batch.is_err();
        batch.transpose()
    }
}

impl OpenInput {
    fn new(input: &Input, format: &Format, schema: &Schema) -> Result<Self, TableError> {
        let options = match format {
            Format::Parquet => {
                return Ok(Self::Parquet(Box::new(ParquetReader::open(input, schema)?)));
            }
            Format::Csv(options) => options,
        };
        let reader = DelimitedReader::open(input, options)?;
        let header = reader.header();
        let fields: Result<Vec<usize>, TableError> = schema
            .columns()
            .iter()
            .map(|column| {
                header.iter().position(|name| *name == column.name).ok_or_else(|| {
                    let names = header.iter().map(String::as_str);
                    TableError::missing_column(&input.name, &column.name, names)
                })
            })
            .collect();
        Ok(Self::Delimited(Box::new(reader), fields?))
    }

    /// Moves rows until there are `rows_max`; true at the end of the file.
    fn read_into(&mut self, rows: &mut Rows, rows_max: u64) -> Result<bool, TableError> {
        match self {
            Self::Delimited(reader, fields) => {
                while rows.count < rows_max {
                    if !reader.advance()? {
                        return Ok(true);
                    }
                    let row = rows.begin(reader.file(), Unit::Line, reader.line())?;
                    for (column, field) in rows.columns.iter_mut().zip(&*fields) {
                        column.push_text(row, reader.field(*field));
                    }
                }
                Ok(false)
            }
            Self::Parquet(reader) => reader.read_into(rows, rows_max),
        }
    }
}

/// Rows on their way into a table.
pub(crate) struct Rows {
    pub(crate) columns: Vec<ColumnBuilder>,
    pub(crate) count: u64,
    origin: Origin,
}

impl Rows {
    fn new(schema: &Schema) -> Self {
        let columns = schema.columns().iter().cloned().map(ColumnBuilder::new).collect();
        Self { columns, count: 0, origin: Origin::empty() }
    }

    /// Begins a row, to which every column then adds one value; gives its number from 0.
    pub(crate) fn begin(
        &mut self,
        file: &std::sync::Arc<str>,
        unit: Unit,
        number: u64,
    ) -> Result<u64, TableError> {
        if self.count == ROWS_MAX {
            return Err(TableError::TooManyRows { file: file.to_string(), limit: ROWS_MAX });
        }
        self.origin.note(self.count, file, unit, number);
        self.count += 1;
        Ok(self.count - 1)
    }

    fn finish(mut self, schema: &Schema) -> Result<Table, TableError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        let mut wrong = Vec::new();
        for builder in mem::take(&mut self.columns) {
            let (values, faults) = builder.finish(&self.origin)?;
            columns.push(values);
            wrong.extend(faults);
        }
        if !wrong.is_empty() {
            return Err(TableError::WrongType { columns: wrong });
        }
        Ok(Table {
            schema: schema.clone(),
            columns,
            rows: self.count as usize,
            origin: self.origin,
        })
    }
}
