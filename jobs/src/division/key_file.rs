//! The hashes of the keys of one shard.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use matching::idmap::DuplicateKeys;

use crate::error::JobError;

/// One row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The hash of the key.
    pub(super) hash: u128,
    /// The row of the whole table, from 0.
    pub(super) row: u32,
}

/// A file to which entries are added.
pub(super) struct KeyWriter {
    file: BufWriter<File>,
    path: PathBuf,
}

impl KeyWriter {
    pub(super) fn create(path: PathBuf) -> Result<Self, JobError> {
        let file = File::create(&path).map_err(|error| JobError::file("write", &path, error))?;
        Ok(Self { file: BufWriter::new(file), path })
    }

    pub(super) fn push(&mut self, entry: Entry) -> Result<(), JobError> {
        let mut bytes = [0; ENTRY_BYTES];
        let (hash, row) = bytes.split_at_mut(HASH_BYTES);
        hash.copy_from_slice(&entry.hash.to_le_bytes());
        row.copy_from_slice(&entry.row.to_le_bytes());
        let written = self.file.write_all(&bytes);
        written.map_err(|error| JobError::file("write", &self.path, error))
    }

    /// Ends the file, which is on the disk when this returns.
    pub(super) fn finish(self) -> Result<(), JobError> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error);
        let kept = file.and_then(|file| file.sync_data());
        kept.map_err(|error| JobError::file("write", &self.path, error))
    }
}

/// All entries of a file, in the order of the rows.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, JobError> {
    let bytes = fs::read(path).map_err(|error| JobError::file("read", path, error))?;
    let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        let cause = io::Error::other("it is cut off; remove the folder");
        return Err(JobError::file("read", path, cause));
    }
    let number = |bytes: &[u8]| {
        bytes.iter().rev().fold(0_u128, |number, byte| number << 8 | u128::from(*byte))
    };
    let entry = |bytes: &[u8; ENTRY_BYTES]| {
        let (hash, row) = bytes.split_at(HASH_BYTES);
        Entry { hash: number(hash), row: number(row) as u32 }
    };
    Ok(entries.iter().map(entry).collect())
}

/// The positions of the entries that take part in matching, ascending.
pub(super) fn kept(entries: &[Entry], policy: DuplicateKeys) -> Vec<u32> {
    // A shard has at most 2^30 rows, as the table has.
    let all = 0..entries.len() as u32;
    if policy == DuplicateKeys::Refuse {
        return all.collect();
    }
    let mut order: Vec<u32> = all.collect();
    order.sort_unstable_by_key(|at| (entries[*at as usize].hash, *at));
    let same = |a: &u32, b: &u32| entries[*a as usize].hash == entries[*b as usize].hash;
    let mut kept: Vec<u32> = order
        .chunk_by(same)
        .filter(|group| group.len() == 1 || policy == DuplicateKeys::First)
        .map(|group| group[0])
        .collect();
    kept.sort_unstable();
    kept
}

/// Pairs of rows with one key: for each key that several rows have, its first two.
pub(super) fn repeated(entries: &mut [Entry]) -> Vec<[u32; 2]> {
    entries.sort_unstable_by_key(|entry| (entry.hash, entry.row));
    let groups = entries.chunk_by(|a, b| a.hash == b.hash);
    groups.filter(|group| group.len() > 1).map(|group| [group[0].row, group[1].row]).collect()
}

const HASH_BYTES: usize = size_of::<u128>();
const ENTRY_BYTES: usize = HASH_BYTES + size_of::<u32>();

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let hashes = [5, u128::MAX, 5, 7, 5, 7, 1];
        hashes.into_iter().zip(10..).map(|(hash, row)| Entry { hash, row }).collect()
    }

    #[test]
    fn entries_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let mut writer = KeyWriter::create(path.clone()).unwrap();
        for entry in entries() {
            writer.push(entry).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(read(&path).unwrap(), entries());
        fs::write(&path, [0; 30]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("cut off"));
    }

    #[test]
    fn policies_keep_what_they_say() {
        assert_eq!(kept(&entries(), DuplicateKeys::First), [0, 1, 3, 6]);
        assert_eq!(kept(&entries(), DuplicateKeys::Drop), [1, 6]);
        assert_eq!(kept(&entries(), DuplicateKeys::Refuse), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(repeated(&mut entries()), [[10, 12], [13, 15]]);
    }
}
