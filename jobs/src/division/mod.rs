//! A table that is too large for memory, divided over files by its keys.
//!
//! The folder of a division holds, for each of 256 shards, the rows (`rows.007`) and the hashes of
//! their keys (`keys.007`); what a later run needs to go on from here (`state.json`); and of each
//! bucket that is matched the common rows (`common.012.parquet`). It belongs to the party alone, is
//! as confidential as its table, and is removed when the results are complete.

mod divide;
mod key_file;
mod state;

use std::fs;
use std::path::{Path, PathBuf};

use matching::idmap::DuplicateKeys;
use matching::psi::buckets::Buckets;
use table::{Schema, Table, join_parquet, read_spools};

use crate::error::JobError;
pub(crate) use divide::{Divider, Origin};
pub(crate) use state::Progress;
use state::State;

/// A party's rows, divided over files.
#[derive(Debug)]
pub(crate) struct Division {
    folder: PathBuf,
    schema: Schema,
    duplicates: DuplicateKeys,
    state: State,
}

/// The keys of one bucket.
pub(crate) struct BucketKeys {
    /// The hash of each key that takes part.
    pub(crate) hashes: Vec<u128>,
    /// The row of the bucket's table that each one stands for.
    pub(crate) rows: Vec<u32>,
}

impl Division {
    /// Rows of the table.
    pub(crate) fn rows(&self) -> usize {
        self.state.counts.rows
    }

    /// Keys that take part in matching.
    pub(crate) fn keys(&self) -> usize {
        self.state.counts.keys
    }

    /// Rows that take no part because their value cannot be a key.
    pub(crate) fn invalid_rows(&self) -> usize {
        self.state.counts.invalid
    }

    /// Rows that take no part because another one has their key.
    pub(crate) fn duplicate_rows(&self) -> usize {
        self.state.counts.duplicate
    }

    /// The number of buckets that this table wants.
    pub(crate) fn wanted_buckets(&self) -> usize {
        Buckets::wanted(self.rows(), self.state.counts.bytes)
    }

    /// The keys of a bucket.
    ///
    /// # Errors
    /// [`JobError::File`].
    pub(crate) fn bucket_keys(
        &self,
        buckets: Buckets,
        bucket: usize,
    ) -> Result<BucketKeys, JobError> {
        let mut keys = BucketKeys { hashes: Vec::new(), rows: Vec::new() };
        let mut before = 0;
        for shard in buckets.shards(bucket) {
            let entries = key_file::read(&self.keys_path(shard))?;
            for at in key_file::kept(&entries, self.duplicates) {
                keys.hashes.push(entries[at as usize].hash);
                keys.rows.push(before + at);
            }
            // A shard has at most 2^30 rows, as the table has.
            before += entries.len() as u32;
        }
        Ok(keys)
    }

    /// Writes the common rows of a bucket: these of its rows, in this order.
    ///
    /// # Errors
    /// [`JobError::Table`].
    pub(crate) fn write_common(
        &self,
        buckets: Buckets,
        bucket: usize,
        order: &[u32],
    ) -> Result<(), JobError> {
        let paths: Vec<PathBuf> =
            buckets.shards(bucket).map(|shard| self.rows_path(shard)).collect();
        let rows = read_spools(&paths, &self.schema)?;
        Ok(rows.take(order)?.write_parquet(self.common_path(bucket))?)
    }

    /// Joins the common rows of all buckets into one file.
    ///
    /// # Errors
    /// [`JobError::Table`].
    pub(crate) fn join_common(&self, path: &Path) -> Result<(), JobError> {
        let buckets = self.state.progress.as_ref().map_or(0, |progress| progress.buckets);
        let parts: Vec<PathBuf> = (0..buckets).map(|bucket| self.common_path(bucket)).collect();
        Ok(join_parquet(&parts, path)?)
    }

    /// How far an earlier run came, if there was one.
    pub(crate) fn progress(&self) -> Option<&Progress> {
        self.state.progress.as_ref()
    }

    /// Notes on the disk how far this run has come.
    ///
    /// # Errors
    /// [`JobError::File`].
    pub(crate) fn note(&self, progress: &Progress) -> Result<(), JobError> {
        let state = State { progress: Some(progress.clone()), ..self.state.clone() };
        state.write(&self.folder)
    }

    /// The division after a run that has come so far.
    pub(crate) fn progressed(&mut self, progress: Progress) {
        self.state.progress = Some(progress);
    }

    /// Removes all files: the results are complete.
    ///
    /// # Errors
    /// [`JobError::File`].
    pub(crate) fn remove(self) -> Result<(), JobError> {
        remove_folder(&self.folder)
    }

    /// Makes the rows seem to take this much memory, so that few of them want many buckets.
    #[cfg(test)]
    pub(crate) fn pretend_bytes(&mut self, bytes: usize) {
        self.state.counts.bytes = bytes;
    }

    fn keys_path(&self, shard: usize) -> PathBuf {
        keys_path(&self.folder, shard)
    }

    fn rows_path(&self, shard: usize) -> PathBuf {
        rows_path(&self.folder, shard)
    }

    fn common_path(&self, bucket: usize) -> PathBuf {
        self.folder.join(format!("common.{bucket:03}.parquet"))
    }
}

fn keys_path(folder: &Path, shard: usize) -> PathBuf {
    folder.join(format!("keys.{shard:03}"))
}

fn rows_path(folder: &Path, shard: usize) -> PathBuf {
    folder.join(format!("rows.{shard:03}"))
}

fn remove_folder(folder: &Path) -> Result<(), JobError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(JobError::file("remove", folder, error))
        }
        _ => Ok(()),
    }
}

/// The memory that the values of a table take, in bytes.
fn memory_bytes(table: &Table) -> usize {
    table.values().iter().map(table::Values::memory_bytes).sum()
}
