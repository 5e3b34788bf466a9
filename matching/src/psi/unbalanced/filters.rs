//! The client's side of what is prepared: the server's filters.

use core::fmt;
use std::path::Path;

use super::file::{self, CacheError, Kind};
use super::filter::Filter;
use super::server::FILTERS_MAX;
use super::{NAME_BYTES, state};

/// What a client keeps of a server: its filters, from one [`fetch`](super::fetch) to the next.
///
/// They say nothing about an id without the server's help in [`query`](super::query).
#[derive(Default)]
pub struct Filters {
    /// Of the server's key; zeros before the first update.
    pub(super) name: [u8; NAME_BYTES],
    pub(super) filters: Vec<Filter>,
}

impl Filters {
    /// Those of a client that has never met the server.
    pub fn none() -> Self {
        Self::default()
    }

    /// How many ids the server had at the last update.
    pub fn rows(&self) -> usize {
        self.filters.iter().map(|filter| filter.header().rows).sum()
    }

    /// Keeps them in a file, in place of any that was there: at most 6 bytes for each of the
    /// server's ids, from 2^17 on.
    ///
    /// # Errors
    ///
    /// [`CacheError::File`].
    pub fn save(&self, path: &Path) -> Result<(), CacheError> {
        let mut content = Vec::with_capacity(NAME_BYTES + file::filters_bytes(&self.filters));
        content.extend(self.name);
        file::write_filters(&mut content, &self.filters);
        file::save(path, Kind::Client, &content)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    ///
    /// [`CacheError::File`], and [`CacheError::Refused`] if others may read the file, another
    /// version wrote it or anything in it was changed.
    pub fn load(path: &Path) -> Result<Self, CacheError> {
        file::load(path, Kind::Client, |mut reader| {
            let (name, filters) = (reader.array()?, reader.filters(FILTERS_MAX)?);
            reader.is_at_end().then_some(Self { name, filters })
        })
    }

    pub(super) fn contain(&self, tag: u128) -> bool {
        self.filters.iter().any(|filter| filter.contains(tag))
    }

    pub(super) fn state(&self) -> [u8; 32] {
        state(&self.name, &self.filters)
    }
}

impl fmt::Debug for Filters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Filters").field("rows", &self.rows()).finish_non_exhaustive()
    }
}
