//! Rows on their way through the disk: files that this program alone writes and reads back.
//!
//! Tables that do not fit in memory are divided over such files. The form is Arrow's stream format,
//! with categories as texts, so that pieces with different levels can follow each other.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, LargeStringArray, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema as ArrowSchema};

use crate::column::Values;
use crate::error::TableError;
use crate::schema::{Kind, Schema};
use crate::table::Table;

/// A file to which tables of one schema are added, for [`read_spools`].
pub struct SpoolWriter {
    writer: StreamWriter<BufWriter<File>>,
    schema: Arc<ArrowSchema>,
    name: String,
}

impl SpoolWriter {
    /// Begins a file, replacing one that is there.
    ///
    /// # Errors
    /// [`TableError::Io`].
    pub fn create(path: impl AsRef<Path>, schema: &Schema) -> Result<Self, TableError> {
        let name = path.as_ref().display().to_string();
        let file = File::create(&path).map_err(|source| TableError::io("write", &name, source))?;
        let schema = Arc::new(stored(schema));
        let writer = StreamWriter::try_new(BufWriter::new(file), &schema)
            .map_err(|error| failed("write", &name, error))?;
        Ok(Self { writer, schema, name })
    }

    /// Adds the rows of a table of the schema.
    ///
    /// # Errors
    /// [`TableError::Io`]; [`TableError::Shape`] for a table of another schema.
    pub fn append(&mut self, table: &Table) -> Result<(), TableError> {
        let arrays = table.values().iter().map(to_array).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        batch
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|error| failed("write", &self.name, error))
    }

    /// Ends the file, which is on the disk when this returns.
    ///
    /// # Errors
    /// [`TableError::Io`].
    pub fn finish(self) -> Result<(), TableError> {
        let name = self.name;
        let rest = self.writer.into_inner().map_err(|error| failed("write", &name, error))?;
        let file = rest.into_inner().map_err(std::io::IntoInnerError::into_error);
        let kept = file.and_then(|file| file.sync_data());
        kept.map_err(|source| TableError::io("write", &name, source))
    }
}

/// All rows of some files, in their order, as one table of `schema`, with which they were written.
///
/// # Errors
/// [`TableError::Io`]; [`TableError::Shape`] for a file that is damaged or of another schema.
pub fn read_spools(paths: &[PathBuf], schema: &Schema) -> Result<Table, TableError> {
    let columns = schema.columns();
    let mut stores: Vec<Store> = columns.iter().map(|column| Store::new(column.kind)).collect();
    for path in paths {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| TableError::io("open", &name, source))?;
        let reader = StreamReader::try_new(BufReader::new(file), None)
            .map_err(|error| failed("read", &name, error))?;
        if *reader.schema() != stored(schema) {
            let rule = format!("{name} holds other columns than the table; remove it");
            return Err(TableError::Shape { rule });
        }
        for batch in reader {
            let batch = batch.map_err(|error| failed("read", &name, error))?;
            for (store, array) in stores.iter_mut().zip(batch.columns()) {
                store.extend(array);
            }
        }
    }
    let values = stores.into_iter().map(Store::finish).collect::<Result<Vec<_>, _>>()?;
    Table::from_columns(columns.iter().cloned().zip(values).collect())
}

/// Values of one column while files are read.
enum Store {
    Text(LargeStringBuilder),
    Category(LargeStringBuilder),
    Numeric(Vec<f64>),
    Time(Vec<i64>),
}

impl Store {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(LargeStringBuilder::new()),
            Kind::Category => Self::Category(LargeStringBuilder::new()),
            Kind::Number | Kind::Integer | Kind::Boolean => Self::Numeric(Vec::new()),
            Kind::Time => Self::Time(Vec::new()),
        }
    }

    /// Adds an array, whose type the file's schema has given.
    fn extend(&mut self, array: &ArrayRef) {
        let array = array.as_any();
        match self {
            Self::Text(texts) | Self::Category(texts) => {
                if let Some(more) = array.downcast_ref::<LargeStringArray>() {
                    more.iter().for_each(|text| texts.append_option(text));
                }
            }
            Self::Numeric(numbers) => {
                if let Some(more) = array.downcast_ref::<Float64Array>() {
                    numbers.extend_from_slice(more.values());
                }
            }
            Self::Time(times) => {
                if let Some(more) = array.downcast_ref::<Int64Array>() {
                    times.extend_from_slice(more.values());
                }
            }
        }
    }

    fn finish(self) -> Result<Values, TableError> {
        Ok(match self {
            Self::Text(mut texts) => Values::Text(texts.finish()),
            Self::Category(mut texts) => Values::categories(texts.finish().iter())?,
            Self::Numeric(numbers) => Values::numbers(numbers),
            Self::Time(times) => Values::times(times),
        })
    }
}

fn stored(schema: &Schema) -> ArrowSchema {
    let field = |name: &str, kind| {
        let stored = match kind {
            Kind::Text | Kind::Category => DataType::LargeUtf8,
            Kind::Number | Kind::Integer | Kind::Boolean => DataType::Float64,
            Kind::Time => DataType::Int64,
        };
        Field::new(name, stored, true)
    };
    let columns = schema.columns().iter();
    ArrowSchema::new(columns.map(|column| field(&column.name, column.kind)).collect::<Vec<_>>())
}

fn to_array(values: &Values) -> ArrayRef {
    match values {
        Values::Text(texts) => Arc::new(texts.clone()),
        Values::Numeric(numbers) => Arc::new(numbers.clone()),
        Values::Time(times) => Arc::new(times.clone()),
        Values::Categorical(categories) => {
            let view = categories.view();
            let texts: LargeStringArray =
                (0..view.codes.len()).map(|row| view.value(row)).collect();
            Arc::new(texts)
        }
    }
}

fn failed(action: &'static str, name: &str, error: ArrowError) -> TableError {
    match error {
        ArrowError::IoError(_, source) => TableError::io(action, name, source),
        other => TableError::Shape { rule: format!("cannot {action} {name}: {other}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Role};

    fn table(rows: std::ops::Range<i64>) -> Table {
        let text = |row: i64| (row % 5 != 0).then(|| format!("键 {row}"));
        let level = |row: i64| (row % 3 != 0).then(|| format!("level {}", row / 4));
        let number = |row| if row % 4 == 1 { f64::NAN } else { row as f64 / 8.0 };
        let column = |name, kind, role| Column::new(name, kind, role);
        Table::from_columns(vec![
            (
                column("id", Kind::Text, Role::Id),
                Values::texts(rows.clone().map(|row| Some(row.to_string()))),
            ),
            (
                column("note", Kind::Category, Role::Feature),
                Values::categories(rows.clone().map(text)).unwrap(),
            ),
            (
                column("level", Kind::Category, Role::Feature),
                Values::categories(rows.clone().map(level)).unwrap(),
            ),
            (
                column("amount", Kind::Number, Role::Feature),
                Values::numbers(rows.clone().map(number).collect()),
            ),
            (
                column("time", Kind::Time, Role::Time),
                Values::times(rows.map(|row| 1000 * row).collect()),
            ),
        ])
        .unwrap()
    }

    fn texts(table: &Table) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        table.write_csv(folder.path().join("t.csv")).unwrap();
        std::fs::read(folder.path().join("t.csv")).unwrap()
    }

    #[test]
    fn rows_of_several_files_come_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let whole = table(0..70);
        let paths = [folder.path().join("a"), folder.path().join("b")];
        for (path, pieces) in paths.iter().zip([[0..10, 10..30], [30..30, 30..70]]) {
            let mut writer = SpoolWriter::create(path, whole.schema()).unwrap();
            for piece in pieces {
                writer.append(&table(piece)).unwrap();
            }
            writer.finish().unwrap();
        }
        let read = read_spools(&paths, whole.schema()).unwrap();
        assert_eq!(texts(&read), texts(&whole));
        assert_eq!(read_spools(&[], whole.schema()).unwrap().rows(), 0);
    }

    #[test]
    fn damaged_and_foreign_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let whole = table(0..70);
        let mut writer = SpoolWriter::create(&path, whole.schema()).unwrap();
        writer.append(&whole).unwrap();
        writer.finish().unwrap();
        let other = whole.select(&["id", "amount"]).unwrap();
        assert!(read_spools(std::slice::from_ref(&path), other.schema()).is_err());
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(read_spools(std::slice::from_ref(&path), whole.schema()).is_err());
        assert!(read_spools(&[folder.path().join("none")], whole.schema()).is_err());
    }
}
