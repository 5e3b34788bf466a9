//! A table as a Parquet file.

use std::io::Write;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema as ArrowSchema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::column::{MISSING_CODE, MISSING_TIME, Values};
use crate::error::TableError;
use crate::schema::{Column, Kind};
use crate::table::Table;

/// Rows that are converted at a time; bounds the memory above the table's own.
const CHUNK_ROWS: usize = 64 * 1024;

/// Writes all rows; `name` is the file's for messages.
pub(crate) fn write(table: &Table, out: impl Write + Send, name: &str) -> Result<(), TableError> {
    write_chunks(table, out).map_err(|error| match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => TableError::io("write", name, *source),
            Err(source) => TableError::parquet("write", name, ParquetError::External(source)),
        },
        other => TableError::parquet("write", name, other),
    })
}

fn write_chunks(table: &Table, out: impl Write + Send) -> Result<(), ParquetError> {
    let columns = table.schema().columns();
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(&column.name, stored_type(column.kind), true))
        .collect();
    let schema = Arc::new(ArrowSchema::new(fields));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))?;
    for start in (0..table.rows()).step_by(CHUNK_ROWS) {
        let count = CHUNK_ROWS.min(table.rows() - start);
        let arrays: Result<Vec<ArrayRef>, ArrowError> = columns
            .iter()
            .zip(table.values())
            .map(|(column, values)| stored(column, values, start, count))
            .collect();
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), arrays?)?)?;
    }
    writer.close()?;
    Ok(())
}

fn stored_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::LargeUtf8,
        Kind::Number => DataType::Float64,
        Kind::Integer => DataType::Int64,
        Kind::Category => {
            DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8))
        }
        Kind::Boolean => DataType::Boolean,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
    }
}

const UTC: &str = "UTC";

fn stored(
    column: &Column,
    values: &Values,
    start: usize,
    count: usize,
) -> Result<ArrayRef, ArrowError> {
    let rows = start..start + count;
    Ok(match values {
        Values::Text(texts) => Arc::new(texts.slice(start, count)),
        Values::Numeric(numbers) => {
            let known =
                numbers.values()[rows].iter().map(|number| (!number.is_nan()).then_some(*number));
            match column.kind {
                Kind::Integer => {
                    // Integer columns hold whole numbers up to 2^53.
                    let integers = known.map(|number| number.map(|number| number as i64));
                    Arc::new(integers.collect::<Int64Array>())
                }
                Kind::Boolean => {
                    let truths = known.map(|number| number.map(|number| number > 0.5));
                    Arc::new(truths.collect::<BooleanArray>())
                }
                _ => Arc::new(known.collect::<Float64Array>()),
            }
        }
        Values::Categorical(categories) => {
            let view = categories.view();
            let codes = view.codes[rows].iter();
            let keys: UInt32Array =
                codes.map(|code| (*code != MISSING_CODE).then_some(*code)).collect();
            let levels: StringArray = view.levels.iter().map(Some).collect();
            Arc::new(DictionaryArray::<UInt32Type>::try_new(keys, Arc::new(levels))?)
        }
        Values::Time(times) => {
            let known =
                times.values()[rows].iter().map(|time| (*time != MISSING_TIME).then_some(*time));
            Arc::new(known.collect::<TimestampMicrosecondArray>().with_timezone(UTC))
        }
    })
}
