//! A party's own tables: what their columns are, how they are read and written, and how they
//! are brought into an order that parties share.
//!
//! ```no_run
//! # use tombolo_table as table;
//! use table::{Overrides, Schema, Source, Table};
//!
//! # fn main() -> Result<(), table::TableError> {
//! let source = Source::csv("customers.csv");
//! let overrides = Overrides { id: Some("phone".to_owned()), ..Overrides::default() };
//! let proposed = Schema::propose(&source, &overrides)?;
//! eprintln!("{proposed}"); // a person looks at it, or a job file says the same
//! let table = Table::read(&source, &proposed.confirm()?)?;
//! table.check_unique_ids()?;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing about a file is guessed in silence: delimiter, encoding and kinds are stated, or
//! found and shown. Ids are text. Input of any content ends in a table or in a [`TableError`]
//! that says where, how often, and what to do. Files are streamed; a table in memory is columns
//! of Arrow buffers.
//!
//! This crate knows no network and no partner.

#![forbid(unsafe_code)]

mod alignment;
mod column;
mod delimited;
mod error;
mod fault;
mod parquet_file;
mod schema;
mod source;
mod spool;
mod suggestion;
mod table;
mod value;

pub use alignment::{AlignedTable, Alignment};
pub use column::{Categorical, CategoryArray, MISSING_CODE, MISSING_TIME, Values};
pub use error::{ColumnFaults, TableError};
pub use fault::{EXAMPLES_MAX, Example, Faults, Location, Unit};
pub use parquet_file::join_parquet;
pub use schema::{
    COLUMNS_MAX, Column, ColumnOverride, Hint, Kind, LEVELS_MAX, Overrides, ProposedColumn,
    ProposedSchema, Reason, Role, Schema, UnknownName,
};
pub use source::{CsvOptions, Dialect, Encoding, Format, Source};
pub use spool::{SpoolWriter, read_spools};
pub use suggestion::closest;
pub use table::{Batches, ClassCounts, Feature, FeatureValues, Table, check_label_classes};
pub use value::{INTEGER_MAX, Missing};
