//! Where a table comes from: files or bytes, CSV or Parquet.

mod decoded;
mod dialect;

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

pub(crate) use decoded::{DecodeFailure, Decoded};
pub use dialect::{Dialect, Encoding};

use crate::error::TableError;

/// How the bytes of a source are laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text with one row a line (quoted fields may contain line breaks); gzip is recognised by
    /// its first bytes.
    Csv(CsvOptions),
    /// Apache Parquet.
    Parquet,
}

/// What is stated about a CSV file; the rest is found in its first bytes and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// The byte between fields; found among `,` `;` tab and `|` when not stated.
    pub delimiter: Option<u8>,
    /// The byte around fields that contain delimiters, quotes or line breaks.
    pub quote: Option<u8>,
    /// The encoding; found among UTF-8, UTF-16 with a byte order mark, and GBK when not stated.
    pub encoding: Option<Encoding>,
    /// The names of the columns for a file that has no header line.
    pub names: Option<Vec<String>>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: None, quote: Some(b'"'), encoding: None, names: None }
    }
}

/// One or more files, or bytes in memory, of one format and with the same columns.
///
/// Nothing is opened before the source is read.
#[derive(Clone, Debug)]
pub struct Source {
    inputs: Vec<Input>,
    format: Format,
}

#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// How messages call it.
    pub(crate) name: Arc<str>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Path(PathBuf),
    Memory(Bytes),
}

impl Source {
    /// A CSV file, its dialect to be found.
    pub fn csv(path: impl Into<PathBuf>) -> Self {
        Self::file(path, Format::Csv(CsvOptions::default()))
    }

    /// A Parquet file.
    pub fn parquet(path: impl Into<PathBuf>) -> Self {
        Self::file(path, Format::Parquet)
    }

    /// A file of a stated format.
    pub fn file(path: impl Into<PathBuf>, format: Format) -> Self {
        Self { inputs: vec![Input::path(path.into())], format }
    }

    /// Bytes in memory under a name for messages; static bytes are not copied.
    pub fn bytes(name: &str, bytes: impl Into<Bytes>, format: Format) -> Self {
        let place = Place::Memory(bytes.into());
        Self { inputs: vec![Input { name: Arc::from(name), place }], format }
    }

    /// The source with another file of the same columns after the present ones.
    #[must_use]
    pub fn and(mut self, path: impl Into<PathBuf>) -> Self {
        self.inputs.push(Input::path(path.into()));
        self
    }

    /// A file or folder: Parquet when the name ends in `.parquet`, CSV otherwise; of a folder
    /// all `.parquet` files in the order of their names.
    ///
    /// # Errors
    /// [`TableError::Io`] when a folder cannot be listed, [`TableError::EmptyFile`] when it
    /// holds no Parquet file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TableError> {
        let path = path.as_ref();
        if !path.is_dir() {
            return Ok(if is_parquet(path) { Self::parquet(path) } else { Self::csv(path) });
        }
        let list = || -> std::io::Result<Vec<PathBuf>> {
            let entries: std::io::Result<Vec<_>> = path.read_dir()?.collect();
            Ok(entries?.into_iter().map(|entry| entry.path()).collect())
        };
        let file = path.display().to_string();
        let mut files = list().map_err(|source| TableError::io("read", &file, source))?;
        files.retain(|file| is_parquet(file));
        files.sort();
        if files.is_empty() {
            return Err(TableError::EmptyFile { file: format!("{file} (no .parquet in it)") });
        }
        let inputs = files.into_iter().map(Input::path).collect();
        Ok(Self { inputs, format: Format::Parquet })
    }

    /// The source with a stated layout.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// How the bytes are laid out, as far as stated.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// How the first file is laid out, with everything that was not stated found in its first
    /// bytes; `None` for Parquet. Show it to the person who confirms the schema.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, is no text, or leaves the delimiter open.
    pub fn dialect(&self) -> Result<Option<Dialect>, TableError> {
        match &self.format {
            Format::Csv(options) => Dialect::find(&self.inputs[0], options).map(Some),
            Format::Parquet => Ok(None),
        }
    }

    pub(crate) fn inputs(&self) -> &[Input] {
        &self.inputs
    }
}

fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

impl Input {
    fn path(path: PathBuf) -> Self {
        Self { name: Arc::from(path.display().to_string()), place: Place::Path(path) }
    }

    /// The bytes, decompressed when they begin as gzip does; and whether they did.
    pub(crate) fn read(&self) -> Result<(Box<dyn Read + Send>, bool), TableError> {
        let mut raw: Box<dyn Read + Send> = match self.seekable()? {
            Seekable::File(file) => Box::new(file),
            Seekable::Memory(bytes) => Box::new(Cursor::new(bytes)),
        };
        let failed = |source| TableError::io("read", &self.name, source);
        let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
        raw.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic).map_err(failed)?;
        let is_gzip = magic == GZIP_MAGIC;
        let whole = Cursor::new(magic).chain(raw);
        if is_gzip {
            let buffered = BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, whole);
            Ok((Box::new(MultiGzDecoder::new(buffered)), true))
        } else {
            Ok((Box::new(whole), false))
        }
    }

    /// The bytes as they are stored, for formats that seek.
    pub(crate) fn seekable(&self) -> Result<Seekable, TableError> {
        match &self.place {
            Place::Path(path) => File::open(path)
                .map(Seekable::File)
                .map_err(|source| TableError::io("open", &self.name, source)),
            Place::Memory(bytes) => Ok(Seekable::Memory(bytes.clone())),
        }
    }
}

/// Stored bytes that can be read from any position.
pub(crate) enum Seekable {
    File(File),
    Memory(Bytes),
}

/// The first two bytes of a gzip member (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

const COMPRESSED_BUFFER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_parquet_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Source::open(folder.path()).is_err());
        for name in ["b.parquet", "a.PARQUET", "c.txt"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let source = Source::open(folder.path()).unwrap();
        let ends: Vec<bool> = source
            .inputs()
            .iter()
            .zip(["a.PARQUET", "b.parquet"])
            .map(|(input, end)| input.name.ends_with(end))
            .collect();
        assert_eq!(ends, [true, true]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Source::csv("/nowhere/customers.csv").dialect().unwrap_err().to_string();
        assert!(error.starts_with("cannot open /nowhere/customers.csv"), "{error}");
    }
}
