//! Several Parquet files as one, without decoding them.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::error::TableError;
use crate::table::write_whole;

/// Writes the rows of Parquet files of the same columns, one after the other, into one file.
///
/// Column chunks are copied as they are, so that no rows are ever in memory. An existing file is
/// replaced at the end, by renaming.
///
/// # Errors
/// [`TableError::Io`]; [`TableError::Parquet`] when a part is no Parquet file or has other columns
/// than the first one; [`TableError::EmptyFile`] without any part.
pub fn join_parquet(parts: &[PathBuf], path: impl AsRef<Path>) -> Result<(), TableError> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let Some(first) = parts.first() else {
        return Err(TableError::EmptyFile { file: name });
    };
    let (_, pattern) = open(first)?;
    write_whole(path, |out| {
        let failed = |error| TableError::parquet("write", &name, error);
        let description = pattern.file_metadata();
        let properties = WriterProperties::builder()
            .set_key_value_metadata(description.key_value_metadata().cloned())
            .build();
        let schema = description.schema_descr().root_schema_ptr();
        let mut writer =
            SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(failed)?;
        for part in parts {
            let (file, metadata) = open(part)?;
            if metadata.file_metadata().schema() != description.schema() {
                let error = format!("{} has other columns than the first part", part.display());
                return Err(failed(ParquetError::General(error)));
            }
            for group in metadata.row_groups() {
                copy(&mut writer, &file, group).map_err(failed)?;
            }
        }
        writer.close().map_err(failed)?;
        Ok(())
    })
}

fn open(part: &Path) -> Result<(File, ParquetMetaData), TableError> {
    let name = part.display().to_string();
    let file = File::open(part).map_err(|source| TableError::io("open", &name, source))?;
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .map_err(|error| TableError::parquet("read", &name, error))?;
    Ok((file, metadata))
}

fn copy<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    file: &File,
    group: &RowGroupMetaData,
) -> Result<(), ParquetError> {
    let mut copied = writer.next_row_group()?;
    for column in group.columns() {
        let chunk = ColumnCloseResult {
            bytes_written: column.compressed_size() as u64,
            rows_written: group.num_rows() as u64,
            metadata: column.clone(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        copied.append_column(file, chunk)?;
    }
    copied.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Kind, Role, Schema, Source, Table, Values};

    fn table(rows: std::ops::Range<u32>) -> Table {
        let level = |row: u32| (!row.is_multiple_of(3)).then(|| format!("level {}", row / 4));
        Table::from_columns(vec![
            (
                Column::new("id", Kind::Text, Role::Id),
                Values::texts(rows.clone().map(|row| Some(row.to_string()))),
            ),
            (
                Column::new("level", Kind::Category, Role::Feature),
                Values::categories(rows.map(level)).unwrap(),
            ),
        ])
        .unwrap()
    }

    #[test]
    fn the_rows_of_all_parts_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let mut parts = Vec::new();
        for (at, rows) in [0..40, 40..40, 40..90].into_iter().enumerate() {
            parts.push(place(&format!("{at}.parquet")));
            table(rows).write_parquet(&parts[at]).unwrap();
        }
        join_parquet(&parts, place("all.parquet")).unwrap();
        let whole = table(0..90);
        let schema: &Schema = whole.schema();
        let read = Table::read(&Source::parquet(place("all.parquet")), schema).unwrap();
        read.write_csv(place("read.csv")).unwrap();
        whole.write_csv(place("whole.csv")).unwrap();
        let bytes = |name| std::fs::read(place(name)).unwrap();
        assert_eq!(bytes("read.csv"), bytes("whole.csv"));
    }

    #[test]
    fn parts_that_do_not_fit_are_refused_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        table(0..3).write_parquet(place("a")).unwrap();
        table(0..3).select(&["id"]).unwrap().write_parquet(place("b")).unwrap();
        std::fs::write(place("c"), b"no parquet").unwrap();
        for parts in [vec![], vec![place("a"), place("b")], vec![place("a"), place("c")]] {
            assert!(join_parquet(&parts, place("all")).is_err());
            assert!(!place("all").exists());
        }
    }
}
