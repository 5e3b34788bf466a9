//! The server's side of what is prepared: its key and the filters of its ids.

use core::fmt;
use std::path::Path;

use crypto::group::{BlindingKey, KEY_BYTES};
use crypto::random::Generator;
use zeroize::Zeroizing;

use super::file::{self, CacheError, Kind};
use super::filter::Filter;
use super::{ID_DOMAIN, NAME_BYTES, hash_tags, state};
use crate::psi::Identifiers;
use crate::psi::sets::chunks;

/// A server's key and the filters that it made of its ids with it.
///
/// The key makes guesses testable for who holds the filters, so that this is as secret as the ids:
/// no content in `Debug`, cannot be cloned, and its file is for its owner only.
pub struct Server {
    pub(super) key: BlindingKey,
    /// Of the key, to be told from others by.
    pub(super) name: [u8; NAME_BYTES],
    /// The sum of the hashes of all ids: another set has another sum but by chance.
    digest: u128,
    /// First that of the ids prepared at once, then those of ids that came later.
    pub(super) filters: Vec<Filter>,
    /// The tags in all filters but the first, so that these can be merged.
    later_tags: Vec<u128>,
}

impl Server {
    /// Draws a key and prepares the ids: one multiplication for each. Runs on the current rayon
    /// pool; `generator` has to be secret. `progress` hears from time to time how many are done.
    pub fn prepare(
        ids: &Identifiers<'_>,
        generator: &mut Generator,
        progress: impl FnMut(usize),
    ) -> Self {
        let key = BlindingKey::random(generator);
        let mut name = [0; NAME_BYTES];
        generator.fill_bytes(&mut name);
        let filters = vec![Filter::new(evaluate(&key, ids, progress))];
        Self { key, name, digest: sum(ids.hashes()), filters, later_tags: Vec::new() }
    }

    /// Adds those of the ids that it does not have and returns how many these were; clients have to
    /// fetch the update. Runs on the current rayon pool: one multiplication for each of the ids,
    /// old ones too. `progress` as in [`Self::prepare`].
    ///
    /// They go into a filter of their own. When there are `FILTERS_MAX` already, all filters but
    /// the first become one, which clients then have to fetch whole.
    pub fn extend(&mut self, ids: &Identifiers<'_>, progress: impl FnMut(usize)) -> usize {
        let tags = evaluate(&self.key, ids, progress);
        let is_new = |tag: u128| !self.filters.iter().any(|filter| filter.contains(tag));
        let (new, hashes): (Vec<u128>, Vec<u128>) =
            tags.into_iter().zip(ids.hashes()).filter(|(tag, _)| is_new(*tag)).unzip();
        if new.is_empty() {
            return 0;
        }
        self.digest = self.digest.wrapping_add(sum(&hashes));
        self.later_tags.extend_from_slice(&new);
        if self.filters.len() < FILTERS_MAX {
            self.filters.push(Filter::new(new));
        } else {
            self.filters.truncate(1);
            self.filters.push(Filter::new(self.later_tags.clone()));
        }
        hashes.len()
    }

    /// How many ids it has.
    pub fn rows(&self) -> usize {
        self.filters.iter().map(|filter| filter.header().rows).sum()
    }

    /// Whether it has exactly these ids. If not after [`Self::extend`] with them, ids went away:
    /// prepare anew, which also changes the key.
    pub fn holds(&self, ids: &Identifiers<'_>) -> bool {
        self.rows() == ids.len() && self.digest == sum(ids.hashes())
    }

    /// Keeps it in a file that only its owner may read, in place of any that was there: at most 6
    /// bytes for an id prepared at once (from 2^17 ids on), 16 more for one added later.
    ///
    /// # Errors
    ///
    /// [`CacheError::File`].
    pub fn save(&self, path: &Path) -> Result<(), CacheError> {
        let tags_bytes = 8 + 16 * self.later_tags.len();
        let size = KEY_BYTES + NAME_BYTES + 16 + tags_bytes + file::filters_bytes(&self.filters);
        let mut content = Zeroizing::new(Vec::with_capacity(size));
        content.extend(&*self.key.to_bytes());
        content.extend(self.name);
        content.extend(self.digest.to_le_bytes());
        content.extend((self.later_tags.len() as u64).to_le_bytes());
        content.extend(self.later_tags.iter().flat_map(|tag| tag.to_le_bytes()));
        file::write_filters(&mut content, &self.filters);
        file::save(path, Kind::Server, &content)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    ///
    /// [`CacheError::File`], and [`CacheError::Refused`] if others may read the file, another
    /// version wrote it or anything in it was changed.
    pub fn load(path: &Path) -> Result<Self, CacheError> {
        file::load(path, Kind::Server, |mut reader| {
            let key = BlindingKey::from_bytes(&Zeroizing::new(reader.array()?))?;
            let name = reader.array()?;
            let digest = u128::from_le_bytes(reader.array()?);
            let mut later_tags = Vec::new();
            for _ in 0..reader.word()? {
                later_tags.push(u128::from_le_bytes(reader.array()?));
            }
            let filters = reader.filters(FILTERS_MAX)?;
            let later: usize = filters.iter().skip(1).map(|filter| filter.header().rows).sum();
            let consistent = !filters.is_empty() && later == later_tags.len() && reader.is_at_end();
            consistent.then_some(Self { key, name, digest, filters, later_tags })
        })
    }

    pub(super) fn state(&self) -> [u8; 32] {
        state(&self.name, &self.filters)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("rows", &self.rows()).finish_non_exhaustive()
    }
}

/// The tags of ids under the server's key.
fn evaluate(
    key: &BlindingKey,
    ids: &Identifiers<'_>,
    mut progress: impl FnMut(usize),
) -> Vec<u128> {
    let mut tags = Vec::with_capacity(ids.len());
    for range in chunks(ids.len(), CHUNK_IDS) {
        progress(range.start);
        let ids = ids.pick(range.start as u32..range.end as u32);
        tags.extend(hash_tags(&ids, &key.hash_and_blind(ID_DOMAIN, &ids)));
    }
    tags
}

fn sum(hashes: &[u128]) -> u128 {
    hashes.iter().fold(0, |sum, hash| sum.wrapping_add(*hash))
}

/// Filters of one server: each makes the chance of a wrong match larger by as much as the first.
pub(super) const FILTERS_MAX: usize = 8;

/// Ids that are evaluated at once: 2 MB of points instead of half a gigabyte.
const CHUNK_IDS: usize = 1 << 16;
