//! `tombolo run`: a job with every party on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use jobs::spec::JobSpec;
use report::message::Language;

use crate::failure::Failure;
use crate::launch::{self, Folders};
use crate::summary;

/// Runs the job file with all parties as processes of their own.
pub(crate) fn run(
    path: &Path,
    out: Option<&Path>,
    cache: Option<&Path>,
    models: Option<&Path>,
    language: Language,
) -> Result<(), Failure> {
    let job = read_job(path)?;
    let out = out.map_or_else(|| default_folder(&job.job), Path::to_path_buf);
    if models.is_some() && !job.uses_models() {
        let rule = "`--models` is for a job with `score:` or `warm_start:`, which this one lacks";
        return Err(Failure::usage(rule));
    }
    let folders = Folders { out: &out, cache, models };
    let outcomes = launch::launch(path, &job, folders, language)?;
    summary::print(&job, &outcomes, language);
    Ok(())
}

/// Reads and checks a job file.
pub(crate) fn read_job(path: &Path) -> Result<JobSpec, Failure> {
    let name = path.display().to_string();
    let source = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("could not read the job file {name}: {error}")))?;
    JobSpec::parse(&name, &source).map_err(Failure::usage)
}

/// Where results go when nobody says.
pub(crate) fn default_folder(job: &str) -> PathBuf {
    Path::new("tombolo-results").join(job)
}
