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
    /// Makes the folder inside `out`, and removes those of programs that were killed.
    pub(crate) fn create(out: &Path) -> Result<Self, Failure> {
        for stale in stale(out) {
            // Whoever cannot remove it cannot use it either.
            let _ = fs::remove_dir_all(stale);
        }
        let path = out.join(format!("{PREFIX}{}", std::process::id()));
        let failed = |error| Failure::job(format!("could not make {}: {error}", path.display()));
        fs::create_dir_all(&path).map_err(failed)?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Folders of programs that run no more, where the system tells which do.
fn stale(out: &Path) -> Vec<PathBuf> {
    let processes = Path::new("/proc");
    let entries = fs::read_dir(out).into_iter().flatten().flatten();
    let is_stale = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok());
        number.is_some_and(|number| !processes.join(number.to_string()).exists())
    };
    let known = processes.join("self").exists();
    entries.map(|entry| entry.path()).filter(|path| known && is_stale(path)).collect()
}

const PREFIX: &str = ".work-";

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // It holds nothing that is needed, and there is nobody to tell.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_programs_that_were_killed_go_and_others_stay() {
        let out = tempfile::tempdir().unwrap();
        let at = |name: &str| out.path().join(name);
        // No process has so high a number.
        for name in [".work-4294967295", ".work-notes", "bank"] {
            fs::create_dir(at(name)).unwrap();
        }
        let running = WorkFolder::create(out.path()).unwrap();
        let second = WorkFolder::create(out.path()).unwrap();
        assert!(running.path().exists() && second.path().exists());
        assert!(at(".work-notes").exists() && at("bank").exists());
        assert!(!at(".work-4294967295").exists() || !Path::new("/proc/self").exists());
    }
}
