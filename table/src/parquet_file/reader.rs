//! One Parquet file as rows of a schema.

use std::collections::HashSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema as ArrowSchema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::cells::Cells;
use crate::delimited::check_header;
use crate::error::TableError;
use crate::fault::Unit;
use crate::schema::{Column, ColumnSample, Kind, Schema};
use crate::source::{Input, Seekable};
use crate::table::Rows;

const BATCH_ROWS: usize = 8_192;

/// A Parquet file between its footer and its last row.
pub(crate) struct ParquetReader {
    file: Arc<str>,
    batches: ParquetRecordBatchReader,
    /// The rows that a limit left over.
    pending: Option<RecordBatch>,
    /// The number of the next row, from 1.
    row: u64,
}

impl ParquetReader {
    /// Opens a file and checks that every column of the schema is there in a usable type.
    pub(crate) fn open(input: &Input, schema: &Schema) -> Result<Self, TableError> {
        let opened = Opened::new(input)?;
        for column in schema.columns() {
            opened.check_column(column)?;
        }
        let wanted: HashSet<&str> =
            schema.columns().iter().map(|column| column.name.as_str()).collect();
        Self::with_columns(opened, |name| wanted.contains(name))
    }

    fn with_columns(opened: Opened, is_wanted: impl Fn(&str) -> bool) -> Result<Self, TableError> {
        let fields = opened.schema().fields();
        let roots: Vec<usize> =
            (0..fields.len()).filter(|index| is_wanted(fields[*index].name())).collect();
        let file = Arc::clone(&opened.file);
        let batches = guarded("open", &file, || opened.into_batches(roots))?;
        Ok(Self { file, batches, pending: None, row: 1 })
    }

    /// Moves rows until there are `rows_max`; true at the end of the file.
    pub(crate) fn read_into(&mut self, rows: &mut Rows, rows_max: u64) -> Result<bool, TableError> {
        while rows.count < rows_max {
            let Some(batch) = self.next_batch()? else { return Ok(true) };
            let room = rows_max - rows.count;
            let count = batch.num_rows().min(usize::try_from(room).unwrap_or(usize::MAX));
            if count < batch.num_rows() {
                self.pending = Some(batch.slice(count, batch.num_rows() - count));
            }
            let first = rows.count;
            for _ in 0..count {
                rows.begin(&self.file, Unit::Row, self.row)?;
                self.row += 1;
            }
            for builder in &mut rows.columns {
                let name = &builder.column().name;
                let array = batch
                    .column_by_name(name)
                    .ok_or_else(|| TableError::missing_column(&self.file, name, []))?;
                let cells = Cells::of(array).ok_or_else(|| {
                    unsupported(&self.file, builder.column(), array.data_type(), ADVICE_TYPE)
                })?;
                for row in 0..count {
                    builder.push_cell(first + row as u64, cells.cell(row));
                }
            }
        }
        Ok(false)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        if let Some(batch) = self.pending.take() {
            return Ok(Some(batch));
        }
        guarded("read", &self.file, || {
            let batch = self.batches.next().transpose();
            batch.map_err(|error| ParquetError::External(Box::new(error)))
        })
    }
}

/// Calls the Parquet library, which panics on some damaged files.
///
/// Its reader is in no defined state afterwards; the error ends the reading of the file.
fn guarded<T>(
    action: &'static str,
    file: &str,
    call: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, TableError> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(ParquetError::General("the file is damaged: its parts contradict each other".into()))
    });
    outcome.map_err(|source| TableError::parquet(action, file, source))
}

/// The names of a file's columns, and the first rows of each, for a proposal.
///
/// `rows_max` is given the number of columns. Columns of nested types have no rows.
pub(crate) fn first_rows(
    input: &Input,
    rows_max: impl Fn(usize) -> usize,
) -> Result<(Vec<String>, Vec<ColumnSample>), TableError> {
    let opened = Opened::new(input)?;
    let fields = opened.schema().fields().iter();
    let names: Vec<String> = fields.map(|field| field.name().clone()).collect();
    let mut reader = ParquetReader::with_columns(opened, |_| true)?;
    let mut columns: Vec<ColumnSample> = names.iter().map(|_| ColumnSample::default()).collect();
    let mut room = rows_max(names.len());
    while room > 0 {
        let Some(batch) = reader.next_batch()? else { break };
        let count = batch.num_rows().min(room);
        for (column, array) in columns.iter_mut().zip(batch.columns()) {
            if let Some(cells) = Cells::of(array) {
                (0..count).for_each(|row| column.push(&cells.cell(row).to_text()));
            }
        }
        room -= count;
    }
    Ok((names, columns))
}

const ADVICE_TYPE: &str = "cast it to text, numbers, booleans or timestamps when exporting";
const ADVICE_TEXT: &str =
    "floating point has damaged long ids already; store it as text or integers when exporting";

fn unsupported(file: &str, column: &Column, stored: &DataType, advice: &'static str) -> TableError {
    TableError::UnsupportedType {
        file: file.to_owned(),
        column: column.name.clone(),
        stored: stored.to_string(),
        kind: column.kind,
        advice,
    }
}

/// A file whose footer has been read.
struct Opened {
    file: Arc<str>,
    bytes: Seekable,
    metadata: ArrowReaderMetadata,
}

impl Opened {
    fn new(input: &Input) -> Result<Self, TableError> {
        let bytes = input.seekable()?;
        let options = ArrowReaderOptions::default();
        let metadata = guarded("open", &input.name, || match &bytes {
            Seekable::File(file) => ArrowReaderMetadata::load(file, options),
            Seekable::Memory(bytes) => ArrowReaderMetadata::load(bytes, options),
        })?;
        let opened = Self { file: Arc::clone(&input.name), bytes, metadata };
        let names: Vec<String> =
            opened.schema().fields().iter().map(|field| field.name().clone()).collect();
        check_header(&opened.file, &names)?;
        Ok(opened)
    }

    fn schema(&self) -> &ArrowSchema {
        self.metadata.schema()
    }

    fn check_column(&self, column: &Column) -> Result<(), TableError> {
        let fields = self.schema().fields();
        let Some(field) = fields.iter().find(|field| *field.name() == column.name) else {
            let names = fields.iter().map(|field| field.name().as_str());
            return Err(TableError::missing_column(&self.file, &column.name, names));
        };
        let stored = field.data_type();
        if !Cells::are_in(stored) {
            return Err(unsupported(&self.file, column, stored, ADVICE_TYPE));
        }
        if column.kind == Kind::Text && stored.is_floating() {
            return Err(unsupported(&self.file, column, stored, ADVICE_TEXT));
        }
        Ok(())
    }

    fn into_batches(self, roots: Vec<usize>) -> Result<ParquetRecordBatchReader, ParquetError> {
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
        match self.bytes {
            Seekable::File(file) => {
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata)
                    .with_projection(mask)
                    .with_batch_size(BATCH_ROWS)
                    .build()
            }
            Seekable::Memory(bytes) => {
                ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, self.metadata)
                    .with_projection(mask)
                    .with_batch_size(BATCH_ROWS)
                    .build()
            }
        }
    }
}
