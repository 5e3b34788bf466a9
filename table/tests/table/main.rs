//! Tables from the outside: files in, tables out, and every way in which files are wrong.

#![expect(clippy::unwrap_used, reason = "the whole file is tests; a panic is their report")]

mod csv_files;
mod faults;
mod parquet_files;
mod real_data;

use tombolo_table::{Column, CsvOptions, Format, Kind, Role, Schema, Source, Table, TableError};

fn column(name: &str, kind: Kind, role: Role) -> Column {
    Column::new(name, kind, role)
}

fn feature(name: &str, kind: Kind) -> Column {
    column(name, kind, Role::Feature)
}

fn csv(text: impl AsRef<[u8]>) -> Source {
    let bytes = text.as_ref().to_vec();
    Source::bytes("t.csv", bytes, Format::Csv(CsvOptions::default()))
}

fn read(text: impl AsRef<[u8]>, columns: Vec<Column>) -> Result<Table, TableError> {
    Table::read(&csv(text), &Schema::new(columns)?)
}

/// What an error says, with its cause.
fn message(result: Result<Table, TableError>) -> String {
    match result {
        Ok(table) => format!("no error: {table:?}"),
        Err(error) => error.to_string(),
    }
}
