//! Dividing a table while it is read.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use matching::MatchingError;
use matching::idmap::{DuplicateKeys, InvalidKeys};
use matching::psi::ROWS_MAX;
use matching::psi::buckets::{KeyHash, SHARDS, shard_of};
use table::{Schema, SpoolWriter, Table};

use super::key_file::{self, Entry, KeyWriter};
use super::state::{Counts, State};
use super::{Division, keys_path, memory_bytes, remove_folder, rows_path};
use crate::error::JobError;
use crate::folder::make_private;
use crate::open_table::KeyReader;

/// Where a division lies and what it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The folder of the division.
    pub(crate) folder: PathBuf,
    text: String,
}

impl Origin {
    /// The division for a job with this digest, in `folder`, of a table read from `source`: a file,
    /// or a folder of them.
    ///
    /// # Errors
    /// [`JobError::File`] if the source cannot be looked at.
    pub(crate) fn new(folder: PathBuf, digest: &str, source: &Path) -> Result<Self, JobError> {
        let failed = |error: std::io::Error| JobError::file("look at", source, error);
        let mut text = format!("{} {digest}", env!("CARGO_PKG_VERSION"));
        let mut files = vec![source.to_owned()];
        if source.is_dir() {
            for entry in source.read_dir().map_err(failed)? {
                files.push(entry.map_err(failed)?.path());
            }
            files.sort();
        }
        for file in files {
            let metadata = file.metadata().map_err(failed)?;
            let changed =
                metadata.modified().ok().and_then(|it| it.duration_since(UNIX_EPOCH).ok());
            let changed = changed.unwrap_or_default().as_nanos();
            let (file, bytes) = (file.display(), metadata.len());
            text = format!("{text} {file}:{bytes}:{changed}");
        }
        Ok(Self { folder, text })
    }

    /// The division that an earlier run made, if it can be used.
    pub(crate) fn existing(&self, schema: &Schema, duplicates: DuplicateKeys) -> Option<Division> {
        let state = State::read(&self.folder, &self.text)?;
        let (folder, schema) = (self.folder.clone(), schema.clone());
        Some(Division { folder, schema, duplicates, state })
    }
}

/// A division that is being made.
pub(crate) struct Divider<'a> {
    origin: &'a Origin,
    keys: &'a KeyReader,
    hash: KeyHash,
    schema: Schema,
    shards: Vec<Shard>,
    counts: Counts,
    /// The first rows whose value cannot be a key.
    invalid: Vec<String>,
}

/// The files of one shard, and the rows of the present table that go there.
struct Shard {
    rows: SpoolWriter,
    keys: KeyWriter,
    chosen: Vec<u32>,
}

impl<'a> Divider<'a> {
    /// Begins a division of tables of `schema`, and removes an older one in its place.
    ///
    /// # Errors
    /// [`JobError::File`], [`JobError::Table`].
    pub(crate) fn begin(
        origin: &'a Origin,
        keys: &'a KeyReader,
        schema: &Schema,
    ) -> Result<Self, JobError> {
        remove_folder(&origin.folder)?;
        make_private(&origin.folder)?;
        let shard = |shard| {
            Ok(Shard {
                rows: SpoolWriter::create(rows_path(&origin.folder, shard), schema)?,
                keys: KeyWriter::create(keys_path(&origin.folder, shard))?,
                chosen: Vec::new(),
            })
        };
        Ok(Self {
            origin,
            keys,
            hash: KeyHash::default(),
            schema: schema.clone(),
            shards: (0..SHARDS).map(shard).collect::<Result<_, JobError>>()?,
            counts: Counts::default(),
            invalid: Vec::new(),
        })
    }

    /// Adds the rows of the next table.
    ///
    /// # Errors
    /// [`JobError::File`], [`JobError::Table`]; [`MatchingError::TooManyRows`].
    pub(crate) fn add(&mut self, table: &Table) -> Result<(), JobError> {
        let first_row = self.counts.rows;
        self.counts.rows += table.rows();
        self.counts.bytes += memory_bytes(table);
        if self.counts.rows > ROWS_MAX {
            let rows = self.counts.rows;
            return Err(MatchingError::TooManyRows { rows, rows_max: ROWS_MAX }.into());
        }
        for (at, text) in (0..).zip(table.ids()?) {
            // At most ROWS_MAX, which is below 2^32.
            let row = first_row as u32 + at;
            let Some(key) = self.keys.key(text) else {
                self.note_invalid(row);
                continue;
            };
            let hash = self.hash.of(&key);
            let shard = &mut self.shards[shard_of(hash)];
            shard.keys.push(Entry { hash, row })?;
            shard.chosen.push(at);
        }
        for shard in &mut self.shards {
            if !shard.chosen.is_empty() {
                shard.rows.append(&table.take(&shard.chosen)?)?;
                shard.chosen.clear();
            }
        }
        Ok(())
    }

    /// Rows added so far.
    pub(crate) fn rows(&self) -> usize {
        self.counts.rows
    }

    /// Ends the division: from here on a later run can use it.
    ///
    /// # Errors
    /// [`JobError::Matching`] for rows that the job's policy for invalid and duplicate keys
    /// refuses; [`JobError::File`], [`JobError::Table`].
    pub(crate) fn finish(mut self) -> Result<Division, JobError> {
        let rule = self.keys.rule();
        if rule.invalid == InvalidKeys::Refuse && self.counts.invalid > 0 {
            let (count, examples) = (self.counts.invalid, self.invalid.join(", "));
            return Err(MatchingError::InvalidKeys { count, examples }.into());
        }
        for shard in self.shards.drain(..) {
            shard.rows.finish()?;
            shard.keys.finish()?;
        }
        self.count_keys(rule.duplicates)?;
        let state = State { origin: self.origin.text.clone(), counts: self.counts, progress: None };
        let folder = self.origin.folder.clone();
        state.write(&folder)?;
        Ok(Division { folder, schema: self.schema, duplicates: rule.duplicates, state })
    }

    fn note_invalid(&mut self, row: u32) {
        self.counts.invalid += 1;
        if self.invalid.len() < EXAMPLES_MAX {
            self.invalid.push(format!("row {}", u64::from(row) + 1));
        }
    }

    /// Counts the keys that take part; refuses repeated ones if the policy does.
    fn count_keys(&mut self, policy: DuplicateKeys) -> Result<(), JobError> {
        let mut repeated: Vec<[u32; 2]> = Vec::new();
        let mut repeated_count = 0;
        for shard in 0..SHARDS {
            let mut entries = key_file::read(&keys_path(&self.origin.folder, shard))?;
            let kept = key_file::kept(&entries, policy).len();
            self.counts.keys += kept;
            self.counts.duplicate += entries.len() - kept;
            if policy == DuplicateKeys::Refuse {
                let pairs = key_file::repeated(&mut entries);
                repeated_count += pairs.len();
                repeated.extend(pairs);
                repeated.sort_unstable();
                repeated.truncate(EXAMPLES_MAX);
            }
        }
        if repeated_count == 0 {
            return Ok(());
        }
        let pair = |[first, second]: &[u32; 2]| {
            format!("rows {} and {}", u64::from(*first) + 1, u64::from(*second) + 1)
        };
        let examples: Vec<String> = repeated.iter().map(pair).collect();
        let examples = examples.join(", ");
        Err(MatchingError::DuplicateIds { count: repeated_count, examples }.into())
    }
}

/// Examples in an error.
const EXAMPLES_MAX: usize = 5;
