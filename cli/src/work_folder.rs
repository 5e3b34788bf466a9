//! A folder for what a run needs only while it runs: keys, and the demo's tables.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A hidden folder that is removed when the value is dropped.
#[derive(Debug)]
pub(crate) struct WorkFolder {
    path: PathBuf,
}

impl WorkFolder {
    /// Makes the folder inside `out`.
    pub(crate) fn create(out: &Path) -> Result<Self, Failure> {
        let path = out.join(format!(".work-{}", std::process::id()));
        let failed = |error| Failure::job(format!("could not make {}: {error}", path.display()));
        fs::create_dir_all(&path).map_err(failed)?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // It holds nothing that is needed, and there is nobody to tell.
        let _ = fs::remove_dir_all(&self.path);
    }
}
