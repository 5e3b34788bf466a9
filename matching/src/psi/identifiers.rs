//! A party's ids, checked to be a set.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hint::black_box;

use crate::MatchingError;
use crate::psi::ROWS_MAX;
use crate::psi::buckets::KeyHash;
use crate::psi::positions::Positions;

/// The ids of a table in the order of its rows: normalised, none empty, no two equal.
///
/// Normalising here is trimming white space at both ends, which files add by accident. Everything
/// that changes what an id *means* (case, country codes, hyphens) is the schema's decision and has
/// happened before.
pub struct Identifiers<'a> {
    keys: Keys<'a>,
    /// The same ids, hashed.
    hashes: Vec<u128>,
    /// Of how many buckets this one is, 1 for a whole set.
    buckets_count: usize,
}

/// What is known of the ids.
enum Keys<'a> {
    /// The ids themselves.
    Texts(Vec<&'a str>),
    /// Nothing but their hashes.
    Hashes,
}

impl<'a> Identifiers<'a> {
    /// Normalises and checks ids, one for each row of the table.
    ///
    /// # Errors
    ///
    /// [`MatchingError::TooManyRows`], [`MatchingError::EmptyIds`] or
    /// [`MatchingError::DuplicateIds`], with counts and the first rows concerned. Which of two rows
    /// with one id is right is for the owner of the data to say, so none is dropped silently.
    pub fn new(ids: impl IntoIterator<Item = &'a str>) -> Result<Self, MatchingError> {
        let mut ids: Vec<&str> = ids.into_iter().collect();
        if ids.len() > ROWS_MAX {
            return Err(MatchingError::TooManyRows { rows: ids.len(), rows_max: ROWS_MAX });
        }
        let hashes = trim_and_hash(&mut ids);
        refuse_empty(&ids)?;
        refuse_duplicates(&hashes)?;
        Ok(Self { keys: Keys::Texts(ids), hashes, buckets_count: 1 })
    }

    /// One of `buckets_count` buckets, of which only the hashes are known. Both parties match by
    /// these then.
    pub(super) fn from_hashes(
        hashes: Vec<u128>,
        buckets_count: usize,
    ) -> Result<Identifiers<'static>, MatchingError> {
        refuse_duplicates(&hashes)?;
        Ok(Identifiers { keys: Keys::Hashes, hashes, buckets_count })
    }

    /// How many ids, which is how many rows.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The hash of the id at a position: the same on both sides for the same id.
    pub fn hash(&self, position: u32) -> u128 {
        self.hashes[position as usize]
    }

    /// The hashes of all ids, in the order of the rows: the same on both sides for the same id.
    pub(super) fn hashes(&self) -> &[u128] {
        &self.hashes
    }

    /// Of how many buckets of one set this is, 1 for a whole set: failures that are rare in one
    /// have that many chances.
    pub(super) fn buckets_count(&self) -> usize {
        self.buckets_count
    }

    /// What stands for the ids at `positions` where a protocol takes bytes.
    pub(super) fn pick(&self, positions: impl IntoIterator<Item = u32>) -> Vec<Cow<'a, [u8]>> {
        let bytes = |position: u32| match &self.keys {
            Keys::Texts(texts) => Cow::Borrowed(texts[position as usize].as_bytes()),
            Keys::Hashes => Cow::Owned(self.hashes[position as usize].to_be_bytes().to_vec()),
        };
        positions.into_iter().map(bytes).collect()
    }
}

/// Trims each id and hashes it, a batch at a time.
fn trim_and_hash(ids: &mut [&str]) -> Vec<u128> {
    let hash = KeyHash::default();
    let mut hashes = Vec::with_capacity(ids.len());
    for batch in ids.chunks_mut(BATCH) {
        // All first bytes at once, so that the waits for memory overlap.
        black_box(batch.iter().filter(|id| id.as_bytes().first() == Some(&b' ')).count());
        for id in batch.iter_mut() {
            *id = id.trim();
            hashes.push(hash.of(id));
        }
    }
    hashes
}

fn refuse_empty(ids: &[&str]) -> Result<(), MatchingError> {
    let mut empty = (1..).zip(ids).filter(|(_, id)| id.is_empty()).map(|(row, _)| row);
    let examples: Vec<String> =
        empty.by_ref().take(EXAMPLES_MAX).map(|row: u64| format!("row {row}")).collect();
    let count = examples.len() + empty.count();
    if count == 0 {
        return Ok(());
    }
    Err(MatchingError::EmptyIds { count, examples: examples.join(", ") })
}

/// Ids whose hashes of 128 bits are equal are equal.
fn refuse_duplicates(hashes: &[u128]) -> Result<(), MatchingError> {
    let mut repeated = BTreeSet::new();
    let mut examples = Vec::new();
    Positions::of(hashes, |first, position| {
        if repeated.insert(first) && examples.len() < EXAMPLES_MAX {
            examples.push(format!("rows {} and {}", first + 1, position + 1));
        }
    });
    if repeated.is_empty() {
        return Ok(());
    }
    Err(MatchingError::DuplicateIds { count: repeated.len(), examples: examples.join(", ") })
}

/// Ids that are fetched from memory at once.
const BATCH: usize = 32;

/// Examples in an error.
const EXAMPLES_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn error(ids: &[&str]) -> String {
        Identifiers::new(ids.iter().copied()).err().unwrap().to_string()
    }

    #[test]
    fn ids_are_trimmed_and_keep_leading_zeros() {
        let ids = Identifiers::new([" 007 ", "\t13800000001\r", "客户 一"]).unwrap();
        assert_eq!(ids.pick([2, 0, 1]), ["客户 一", "007", "13800000001"].map(str::as_bytes));
        assert_eq!(ids.len(), 3);
        assert!(Identifiers::new([]).unwrap().is_empty());
    }

    #[test]
    fn duplicates_are_counted_once_each_and_shown_by_row() {
        let text = error(&["a", "b", "a ", "c", "b", "a"]);
        assert!(text.starts_with("2 ids stand in more than one row"), "{text}");
        assert!(text.contains("rows 1 and 3, rows 2 and 5;"), "{text}");
    }

    #[test]
    fn empty_ids_are_counted_and_shown_by_row() {
        let ids = ["x", "", "  ", "", "", "", ""];
        let text = error(&ids);
        assert!(
            text.starts_with("6 rows have an empty id, first row 2, row 3, row 4, row 5, row 6;")
        );
    }

    #[test]
    fn no_error_shows_an_id() {
        assert!(!error(&["13812345678", "13812345678"]).contains("138"));
    }
}
