//! Delimited text (CSV) in and out.

mod reader;
mod records;
mod writer;

pub(crate) use reader::{DelimitedReader, ROWS_MAX, check_header};
pub(crate) use records::Records;
pub(crate) use writer::write;
