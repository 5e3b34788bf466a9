//! A party's own rows, in memory or divided over files.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::Text;
use table::{Schema, Source, Table, TableError};

use crate::division::{Divider, Division, Origin};
use crate::error::JobError;
use crate::folder::remove_checkpoints;
use crate::interactions::UserItems;
use crate::open_table::KeyReader;
use crate::saved_model::SavedModel;
use crate::watch::{Event, Watch};

/// A party's own rows, in memory or divided over files.
#[derive(Debug)]
pub struct OwnRows {
    table: Option<Table>,
    division: Option<Division>,
    keys: KeyReader,
    origin: Origin,
    kept: Option<PathBuf>,
    checkpoints: Option<PathBuf>,
    model: Option<Arc<SavedModel>>,
    interactions: Option<UserItems>,
    starts: Arc<BTreeMap<String, SavedModel>>,
}

impl OwnRows {
    /// Rows that are in memory.
    pub(crate) fn in_memory(table: Table, keys: KeyReader, origin: Origin) -> Self {
        Self::new(Some(table), None, keys, origin)
    }

    /// Reads a source, into memory if its rows fit there.
    ///
    /// # Errors
    /// [`JobError::Table`], [`JobError::File`]; [`JobError::Matching`] for keys that the job's
    /// policy refuses.
    pub(crate) fn read(
        source: &Source,
        schema: &Schema,
        keys: KeyReader,
        origin: Origin,
        watch: &dyn Watch,
    ) -> Result<Self, JobError> {
        if let Some(division) = origin.existing(schema, keys.rule().duplicates) {
            watch.see(Event::Note { text: found(&division, &origin) });
            return Ok(Self::divided(division, keys, origin));
        }
        let rows_max = rows_in_memory(schema);
        let mut batches = Table::batches(source, schema, rows_max);
        let Some(first) = batches.next().transpose()? else {
            return Err(TableError::no_rows(source).into());
        };
        if first.rows() < rows_max {
            return Ok(Self::in_memory(first, keys, origin));
        }
        watch.see(Event::Note { text: dividing(&origin) });
        let mut divider = Divider::begin(&origin, &keys, schema)?;
        divider.add(&first)?;
        drop(first);
        for batch in batches {
            watch.see(Event::Read { rows: divider.rows() });
            divider.add(&batch?)?;
        }
        let division = divider.finish()?;
        Ok(Self::divided(division, keys, origin))
    }

    fn divided(division: Division, keys: KeyReader, origin: Origin) -> Self {
        Self::new(None, Some(division), keys, origin)
    }

    fn new(
        table: Option<Table>,
        division: Option<Division>,
        keys: KeyReader,
        origin: Origin,
    ) -> Self {
        Self {
            table,
            division,
            keys,
            origin,
            kept: None,
            checkpoints: None,
            model: None,
            interactions: None,
            starts: Arc::default(),
        }
    }

    /// Names the folder for what a small query against a large table keeps between runs; without
    /// it nothing is kept. The folder is made when it is needed, and is the party's own.
    #[must_use]
    pub fn keep_in(self, folder: PathBuf) -> Self {
        Self { kept: Some(folder), ..self }
    }

    /// Names the folder for the states of this job's trainings, from which a run that was stopped
    /// goes on; without it every run begins anew. It is made when it is needed, is the party's own,
    /// and goes with [`Self::remove_files`], as does the folder above it if that is empty then. See
    /// [`checkpoints_folder`](crate::folder::checkpoints_folder).
    #[must_use]
    pub fn checkpoints_in(self, folder: PathBuf) -> Self {
        Self { checkpoints: Some(folder), ..self }
    }

    /// The folder of [`Self::checkpoints_in`].
    pub(crate) fn checkpoints(&self) -> Option<&Path> {
        self.checkpoints.as_deref()
    }

    /// With the party's part of the model that scores them.
    #[must_use]
    pub(crate) fn with_model(self, model: Option<SavedModel>) -> Self {
        Self { model: model.map(Arc::new), ..self }
    }

    /// With the party's parts of the models that trainings begin with, by the name of the step.
    #[must_use]
    pub(crate) fn with_starts(self, starts: BTreeMap<String, SavedModel>) -> Self {
        Self { starts: Arc::new(starts), ..self }
    }

    /// The models of [`Self::with_starts`].
    pub(crate) fn starts(&self) -> Arc<BTreeMap<String, SavedModel>> {
        Arc::clone(&self.starts)
    }

    /// The party's part of the model that scores them, in a job that scores.
    pub(crate) fn model(&self) -> Option<Arc<SavedModel>> {
        self.model.clone()
    }

    /// With what the users, of whom each has a row, did with items.
    #[must_use]
    pub(crate) fn with_interactions(self, interactions: Option<UserItems>) -> Self {
        Self { interactions, ..self }
    }

    /// What the users did with items, at the guest of a job that recommends.
    pub(crate) fn interactions(&self) -> Option<&UserItems> {
        self.interactions.as_ref()
    }

    /// The folder of [`Self::keep_in`].
    pub(crate) fn kept_in(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// Rows of the whole table.
    pub fn count(&self) -> usize {
        let divided = self.division.as_ref().map(Division::rows);
        divided.or(self.table.as_ref().map(Table::rows)).unwrap_or_default()
    }

    /// Removes the files over which rows are divided, and the states of the job's trainings: the
    /// results are complete.
    ///
    /// # Errors
    /// [`JobError::File`].
    pub fn remove_files(self) -> Result<(), JobError> {
        if let Some(folder) = &self.checkpoints {
            remove_checkpoints(folder)?;
        }
        self.division.map_or(Ok(()), Division::remove)
    }

    /// The table, if it is in memory.
    pub fn table(&self) -> Option<&Table> {
        self.table.as_ref()
    }

    /// The division over files, if there is one.
    pub(crate) fn division(&self) -> Option<&Division> {
        self.division.as_ref()
    }

    /// The rows divided over files, because they or the peer's do not fit in memory.
    ///
    /// # Errors
    /// [`JobError::File`], [`JobError::Table`]; [`JobError::Matching`] for keys that the job's
    /// policy refuses.
    pub(crate) fn divide(&mut self) -> Result<&mut Division, JobError> {
        let division = match self.division.take() {
            Some(division) => division,
            None => self.divide_table()?,
        };
        self.table = None;
        Ok(self.division.insert(division))
    }

    fn divide_table(&self) -> Result<Division, JobError> {
        let Some(table) = &self.table else {
            let cause = io::Error::other("there are no rows");
            return Err(JobError::file("divide", &self.origin.folder, cause));
        };
        let duplicates = self.keys.rule().duplicates;
        if let Some(division) = self.origin.existing(table.schema(), duplicates) {
            return Ok(division);
        }
        let mut divider = Divider::begin(&self.origin, &self.keys, table.schema())?;
        divider.add(table)?;
        divider.finish()
    }
}

/// Rows of a table with these columns that are held in memory at once.
fn rows_in_memory(schema: &Schema) -> usize {
    let columns = schema.columns().len().max(1);
    (BYTES_IN_MEMORY / (columns * BYTES_OF_VALUE)).clamp(ROWS_IN_MEMORY_MIN, ROWS_IN_MEMORY_MAX)
}

fn dividing(origin: &Origin) -> Text {
    let folder = origin.folder.display();
    Text::owned(
        format!(
            "the table is larger than what is held in memory; its rows are divided over files in \
             {folder}, which are removed at the end"
        ),
        format!("数据表超出内存上限；各行按键分存于 {folder} 下的文件中，任务完成后删除"),
    )
}

fn found(division: &Division, origin: &Origin) -> Text {
    let (rows, folder) = (division.rows(), origin.folder.display());
    let done = division.progress().map_or(0, |progress| progress.common.len());
    let of = division.progress().map_or(0, |progress| progress.buckets);
    Text::owned(
        format!(
            "an earlier run left {rows} rows divided in {folder}, {done} of {of} buckets matched; \
             it is continued (remove the folder to begin anew)"
        ),
        format!(
            "此前的运行已将 {rows} 行分存于 {folder}，已匹配 {done}/{of} 个分桶；现从该处继续（删除该文件夹\
             即可重新开始）"
        ),
    )
}

/// What a table may take in memory, by a rough count before it is read.
const BYTES_IN_MEMORY: usize = 1 << 29;

/// Roughly what one value takes.
const BYTES_OF_VALUE: usize = 16;

const ROWS_IN_MEMORY_MIN: usize = 1 << 16;

const ROWS_IN_MEMORY_MAX: usize = 1 << 22;
