//! The files that both sides keep between runs: a versioned header, the content, a checksum.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crypto::hash;
use zeroize::Zeroizing;

use super::filter::{Filter, HEADER_BYTES, Header};

/// Why something that was prepared earlier cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The operating system refused.
    #[error("could not {action} the cache {}", path.display())]
    File {
        /// What was to be done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not one that this program wrote and nobody changed.
    #[error("the cache {} cannot be used: {rule}; delete it and prepare it anew", path.display())]
    Refused {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        rule: &'static str,
    },
    /// The client's filters are not the server's present ones.
    #[error("the client's filters are not the server's present ones; fetch the update first")]
    OutOfStep,
}

impl CacheError {
    fn refused(path: &Path, rule: &'static str) -> Self {
        Self::Refused { path: path.to_owned(), rule }
    }
}

/// Which side's file it is: the first bytes.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Server,
    Client,
}

impl Kind {
    fn magic(self) -> &'static [u8; 16] {
        match self {
            Self::Server => b"tombolo psi keep",
            Self::Client => b"tombolo psi sets",
        }
    }
}

/// Writes a file (permissions 0600) in place of any that was there, or leaves that one alone.
pub(super) fn save(path: &Path, kind: Kind, content: &[u8]) -> Result<(), CacheError> {
    let failed = |source| CacheError::File { action: "write", path: path.to_owned(), source };
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    // A run that was stopped may have left one, perhaps with other permissions.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let head = head(kind, content.len());
    let checksum = hash::digest(CHECKSUM_DOMAIN, &[&head, content]);
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&new).map_err(failed)?;
    file.write_all(&head)
        .and_then(|()| file.write_all(content))
        .and_then(|()| file.write_all(&checksum))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&new, path))
        .map_err(failed)
}

/// Reads a file that [`save`] wrote; one that others may read or that was changed is refused.
pub(super) fn load<T>(
    path: &Path,
    kind: Kind,
    parse: impl FnOnce(Reader<'_>) -> Option<T>,
) -> Result<T, CacheError> {
    let failed = |source| CacheError::File { action: "read", path: path.to_owned(), source };
    let mut file = fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(CacheError::refused(path, "other users may read it"));
    }
    // With room for all, so that no copy of a key is left where a buffer grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    file.read_to_end(&mut bytes).map_err(failed)?;
    let content = open(kind, &bytes).map_err(|rule| CacheError::refused(path, rule))?;
    parse(Reader(content)).ok_or_else(|| CacheError::refused(path, "its content is not consistent"))
}

/// The content of a file of this kind, or what is wrong with the file.
fn open(kind: Kind, bytes: &[u8]) -> Result<&[u8], &'static str> {
    let (magic, rest) = bytes.split_first_chunk::<16>().ok_or("it is too short")?;
    if magic != kind.magic() {
        return Err("it is a file of another kind");
    }
    let (version, rest) = rest.split_first_chunk::<4>().ok_or("it is too short")?;
    if *version != VERSION.to_le_bytes() {
        return Err("it was written by another version of the program");
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or("it is too short")?;
    let (content, checksum) = rest.split_last_chunk::<32>().ok_or("it is too short")?;
    if u64::from_le_bytes(*length) != content.len() as u64 {
        return Err("it is not as long as it says");
    }
    if hash::digest(CHECKSUM_DOMAIN, &[&head(kind, content.len()), content]) != *checksum {
        return Err("its checksum is wrong");
    }
    Ok(content)
}

fn head(kind: Kind, length: usize) -> [u8; 28] {
    let mut head = [0; 28];
    head[..16].copy_from_slice(kind.magic());
    head[16..20].copy_from_slice(&VERSION.to_le_bytes());
    head[20..].copy_from_slice(&(length as u64).to_le_bytes());
    head
}

/// What of a content has not been read yet.
pub(super) struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// The next bytes, if there are so many.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    /// The next word, little endian.
    pub(super) fn word(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A list of filters that [`write_filters`] wrote.
    pub(super) fn filters(&mut self, most: usize) -> Option<Vec<Filter>> {
        let count = self.word().filter(|count| *count <= most as u64)?;
        let mut filters = Vec::new();
        for _ in 0..count {
            let header = Header::from_bytes(self.array::<HEADER_BYTES>()?)?;
            let (cells, rest) = self.0.split_at_checked(header.cells_bytes())?;
            self.0 = rest;
            filters.push(Filter::from_parts(header, cells.to_vec()));
        }
        Some(filters)
    }

    /// Whether all has been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends filters to the content of a file.
pub(super) fn write_filters(content: &mut Vec<u8>, filters: &[Filter]) {
    content.extend((filters.len() as u64).to_le_bytes());
    for filter in filters {
        content.extend(filter.header().to_bytes());
        content.extend(filter.cells());
    }
}

/// Bytes that [`write_filters`] appends.
pub(super) fn filters_bytes(filters: &[Filter]) -> usize {
    8 + filters.iter().map(|filter| HEADER_BYTES + filter.cells().len()).sum::<usize>()
}

/// Changes with any change to the files or to how tags are made.
const VERSION: u32 = 1;
const CHECKSUM_DOMAIN: &str = "matching/psi/unbalanced file";
