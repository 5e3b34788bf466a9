//! Parquet files in and out.

mod cells;
mod reader;
mod writer;

pub(crate) use reader::{ParquetReader, first_rows};
pub(crate) use writer::write;
