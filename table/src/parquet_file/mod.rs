//! Parquet files in and out.

mod cells;
mod join;
mod reader;
mod writer;

pub use join::join_parquet;
pub(crate) use reader::{ParquetReader, first_rows};
pub(crate) use writer::write;
