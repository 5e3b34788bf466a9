//! Tables as files that are either whole or not there.

use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::Table;
use crate::error::TableError;
use crate::{delimited, parquet_file};

impl Table {
    /// Writes the table as a CSV file: comma, UTF-8, a header, empty for missing.
    ///
    /// An existing file is replaced at the end, by renaming; a failure leaves it as it was.
    /// The file can be read by its owner only.
    ///
    /// # Errors
    /// [`TableError::Io`].
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), TableError> {
        let path = path.as_ref();
        let failed = |source| TableError::io("write", &path.display().to_string(), source);
        write_whole(path, |file| {
            delimited::write(self, BufWriter::new(file)).map_err(|error| failed(error.into()))
        })
    }

    /// Writes the table as a Parquet file (zstd, dictionaries, missing as null), in the same
    /// way as [`Table::write_csv`].
    ///
    /// # Errors
    /// [`TableError::Io`], [`TableError::Parquet`].
    pub fn write_parquet(&self, path: impl AsRef<Path>) -> Result<(), TableError> {
        let path = path.as_ref();
        write_whole(path, |file| parquet_file::write(self, file, &path.display().to_string()))
    }
}

/// Writes to a file beside the target and renames it when everything is on the disk.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn WriteSend) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let failed = |source| TableError::io("write", &path.display().to_string(), source);
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// What the Parquet writer needs of its output.
pub(crate) trait WriteSend: Write + Send {}

impl<T: Write + Send> WriteSend for T {}
