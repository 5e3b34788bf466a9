//! What processes write for people, kept in a file that does not grow without end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The log of a run. The file holds all attempts until it is twice as long as what is kept, and
/// then the end of the newest.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    /// Bytes in the file.
    length: u64,
    /// The end of what this attempt wrote: at most twice [`KEPT_BYTES`].
    end: Vec<u8>,
}

impl LogFile {
    /// Opens the log of the run in `folder` for an attempt, which begins with the line `heading`.
    pub(super) fn open(folder: &Path, heading: &str) -> io::Result<Self> {
        let path = folder.join(NAME);
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        writeln!(file, "{heading}")?;
        let length = file.metadata()?.len();
        Ok(Self { file, length, end: Vec::new() })
    }

    /// Adds what was written. A file that cannot be written, on a full disk for instance, is no
    /// reason to stop a job: the end stays in memory.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.end.extend_from_slice(bytes);
        if self.end.len() > 2 * KEPT_BYTES {
            self.end.drain(..self.end.len() - KEPT_BYTES);
        }
        self.length += bytes.len() as u64;
        let _ = if self.length > 2 * KEPT_BYTES as u64 {
            self.shorten()
        } else {
            self.file.write_all(bytes)
        };
    }

    /// The last [`KEPT_BYTES`] of this attempt, as text.
    pub(super) fn end(&self) -> String {
        String::from_utf8_lossy(kept(&self.end)).into_owned()
    }

    fn shorten(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        let kept = kept(&self.end);
        self.file.write_all(kept)?;
        self.length = kept.len() as u64;
        Ok(())
    }
}

/// The end of what was written.
fn kept(written: &[u8]) -> &[u8] {
    written.get(written.len().saturating_sub(KEPT_BYTES)..).unwrap_or_default()
}

const NAME: &str = "log.txt";
/// How much of the end is kept.
const KEPT_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn attempts_follow_each_other_and_the_file_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        LogFile::open(folder.path(), "== 1").unwrap().append(b"first\n");
        let mut log = LogFile::open(folder.path(), "== 2").unwrap();
        log.append(b"second\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "== 1\nfirst\n== 2\nsecond\n");
        assert_eq!(log.end(), "second\n");
        for round in 0..100 {
            log.append(format!("{round:05}{}\n", "x".repeat(5000)).as_bytes());
            assert!(fs::metadata(&path).unwrap().len() <= 2 * KEPT_BYTES as u64);
            assert!(log.end().len() <= KEPT_BYTES);
        }
        log.append(&vec![b'y'; 5 * KEPT_BYTES]);
        log.append(b"last");
        assert!(log.end().ends_with("yyylast"));
        let kept = fs::read_to_string(&path).unwrap();
        assert!(kept.ends_with("yyylast") && kept.len() <= 2 * KEPT_BYTES);
    }
}
