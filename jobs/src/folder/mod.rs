//! Results on disk: one folder per party that is there as a whole or not at all.
//!
//! Everything is written into a hidden folder beside the final one, which is renamed at the end. A
//! crash leaves only the hidden folder behind; the next run of that party removes it. Beside it may
//! lie the folder of a table that is too large for memory ([`work_folder`]), that of states to go
//! on from ([`checkpoints_folder`]), and one that is kept between runs ([`kept_folder`]).

mod audit;
mod model;
mod tables;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use contract::JobDigest;
use crypto::hash::hex;
use net::{Conversation, Identity};
use serde::Serialize;

use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::page::report_html;
use crate::run::Outcome;
use crate::spec::JobSpec;

/// A party's results that nobody sees yet.
#[derive(Debug)]
pub struct Draft {
    hidden: PathBuf,
    target: PathBuf,
}

/// What a party ends its audit record with.
#[derive(Clone, Copy, Debug)]
pub struct Seal<'a> {
    /// The party's key, by which it took part in the job.
    pub identity: &'a Identity,
    /// The time, as people write it.
    pub written: &'a str,
}

impl Draft {
    /// Begins the results of `party` in the folder `out`, which is made if need be.
    ///
    /// Results of an earlier job are replaced when the new ones are complete.
    ///
    /// # Errors
    /// [`JobError::NotOurs`] when something else is in the place, [`JobError::File`].
    pub fn begin(out: &Path, party: &str) -> Result<Self, JobError> {
        let target = out.join(party);
        if target.exists() && !target.join(METRICS).is_file() {
            return Err(JobError::NotOurs { path: target });
        }
        let hidden = hidden(out, party);
        remove(&hidden)?;
        fs::create_dir_all(&hidden).map_err(|error| JobError::file("make", &hidden, error))?;
        Ok(Self { hidden, target })
    }

    /// Removes what a party that was stopped had begun in the folder `out`.
    ///
    /// # Errors
    /// [`JobError::File`].
    pub fn discard(out: &Path, party: &str) -> Result<(), JobError> {
        remove(&hidden(out, party))
    }

    /// Writes everything that the party may see.
    ///
    /// # Errors
    /// [`JobError::File`], [`JobError::Table`].
    pub fn write(
        &self,
        job: &JobSpec,
        rows: &OwnRows,
        outcome: &Outcome,
        conversations: &[Conversation],
        seal: &Seal<'_>,
    ) -> Result<(), JobError> {
        self.write_json(METRICS, &outcome.metrics())?;
        self.write_text("report.html", &report_html(outcome))?;
        model::write(self, job, rows, outcome)?;
        self.write_tables(job, rows, outcome)?;
        audit::write(self, job, outcome, conversations, seal)
    }

    /// Writes the tables of the party's rows.
    pub(crate) fn write_tables(
        &self,
        job: &JobSpec,
        rows: &OwnRows,
        outcome: &Outcome,
    ) -> Result<(), JobError> {
        tables::write(self, job, rows, outcome)
    }

    /// Puts the results in their place, those of an earlier job away, and returns the folder.
    ///
    /// # Errors
    /// [`JobError::File`].
    pub fn publish(mut self) -> Result<PathBuf, JobError> {
        let target = std::mem::take(&mut self.target);
        let old = self.hidden.with_extension("old");
        remove(&old)?;
        if target.exists() {
            rename(&target, &old)?;
        }
        rename(&self.hidden, &target)?;
        remove(&old)?;
        Ok(target)
    }

    /// The place of a file; the folders above it are made.
    fn place(&self, name: &str) -> Result<PathBuf, JobError> {
        let path = self.hidden.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| JobError::file("make", folder, error))?;
        }
        Ok(path)
    }

    fn write_text(&self, name: &str, text: &str) -> Result<(), JobError> {
        let path = self.place(name)?;
        fs::write(&path, text).map_err(|error| JobError::file("write", &path, error))
    }

    /// Writes a file that only its owner can read.
    fn write_private(&self, name: &str, text: &str) -> Result<(), JobError> {
        let path = self.place(name)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let written = options.open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| JobError::file("write", &path, error))
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), JobError> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|error| JobError::file("write", self.hidden.join(name), error))?;
        text.push('\n');
        self.write_text(name, &text)
    }
}

/// What was begun and not published goes away.
impl Drop for Draft {
    fn drop(&mut self) {
        // There is nobody to tell; the next run of the party tries again.
        let _ = remove(&self.hidden);
    }
}

/// Where a party's rows are divided over files while a job runs that cannot hold them in memory.
/// What a run that was stopped left there, the next one of the same job goes on from.
pub fn work_folder(out: &Path, party: &str) -> PathBuf {
    out.join(format!(".{party}.divided"))
}

/// Where a party keeps what small queries against a large table need between runs, in the folder
/// `out` of its results or another that it names. Who removes it pays once more for preparing and
/// downloading.
pub fn kept_folder(out: &Path, party: &str) -> PathBuf {
    out.join(format!(".{party}.kept"))
}

/// Where a party keeps the states of its trainings while a job of this digest runs. What a run that
/// was stopped left there, the next one of the same job goes on from; those of other jobs lie
/// beside it until they end well or somebody removes them.
pub fn checkpoints_folder(out: &Path, party: &str, job: &JobDigest) -> PathBuf {
    let of_job = hex(&job.as_bytes()[..CHECKPOINTS_NAME_BYTES]);
    out.join(format!(".{party}.checkpoints")).join(of_job)
}

/// Removes the folder of a job's states, and the one above it unless other jobs have theirs there.
pub(crate) fn remove_checkpoints(folder: &Path) -> Result<(), JobError> {
    remove(folder)?;
    if let Some(all) = folder.parent() {
        // It is not empty, or was never made.
        let _ = fs::remove_dir(all);
    }
    Ok(())
}

/// Where a party's models are in the folder `out` of the results of the job that trained them.
pub fn models_folder(out: &Path, party: &str) -> PathBuf {
    out.join(party).join("model")
}

/// Makes a folder that only its owner can look into, or makes one that is there so.
pub(crate) fn make_private(folder: &Path) -> Result<(), JobError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|error| JobError::file("make", folder, error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let fault = |error: io::Error| JobError::file("make private", folder, error);
        let is_open = fs::metadata(folder).map_err(fault)?.permissions().mode() & 0o077 != 0;
        if is_open {
            // Which fails for a folder of somebody else.
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(fault)?;
        }
    }
    Ok(())
}

/// Where a party's results are until they are complete.
fn hidden(out: &Path, party: &str) -> PathBuf {
    out.join(format!(".{party}.partial"))
}

fn rename(from: &Path, to: &Path) -> Result<(), JobError> {
    fs::rename(from, to).map_err(|error| JobError::file("rename", from, error))
}

fn remove(folder: &Path) -> Result<(), JobError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(JobError::file("remove", folder, error))
        }
        _ => Ok(()),
    }
}

/// Of the digest; enough to tell jobs apart, and each state says itself what it is of.
const CHECKPOINTS_NAME_BYTES: usize = 8;

const METRICS: &str = "metrics.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_other_jobs_stay() {
        let out = tempfile::tempdir().unwrap();
        let [one, other] = [1, 2].map(|byte| {
            let folder = checkpoints_folder(out.path(), "bank", &JobDigest::new([byte; 32]));
            make_private(&folder).unwrap();
            fs::write(folder.join("train.a"), "a state").unwrap();
            folder
        });
        remove_checkpoints(&one).unwrap();
        assert!(!one.exists() && other.join("train.a").exists());
        remove_checkpoints(&other).unwrap();
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
        // A job that has none.
        remove_checkpoints(&one).unwrap();
    }
}
