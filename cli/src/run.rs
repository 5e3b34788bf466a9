//! `tombolo run`: a job with every party on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jobs::spec::JobSpec;
use report::message::Language;

use crate::arguments::JoinArguments;
use crate::failure::Failure;
use crate::launch::{self, Folders, Here};
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
    check_models(&job, models)?;
    let folders = Folders { out: &out, cache, models };
    let outcomes = launch::launch(path, &job, &Here::All, folders, language)?;
    summary::print(&job, &outcomes, language);
    Ok(())
}

/// Runs one party of the job file.
pub(crate) fn join(arguments: &JoinArguments, language: Language) -> Result<(), Failure> {
    let job = read_job(&arguments.job)?;
    let party = arguments.party.as_str();
    if job.party_named(party).is_none() {
        let names: Vec<&str> = job.parties().map(|party| party.name.as_str()).collect();
        let names = names.join(", ");
        return Err(Failure::usage(format!("the job has no party `{party}`; there are {names}")));
    }
    let (cache, models) = (arguments.cache.as_deref(), arguments.models.as_deref());
    check_models(&job, models)?;
    let out = arguments.out.clone().unwrap_or_else(|| default_folder(&job.job));
    let (keys, network, wait) = (&arguments.keys, &arguments.network, arguments.wait);
    let here = Here::One { party, keys, network, wait: Duration::from_mins(wait) };
    let folders = Folders { out: &out, cache, models };
    let outcomes = launch::launch(&arguments.job, &job, &here, folders, language)?;
    summary::print(&job, &outcomes, language);
    Ok(())
}

fn check_models(job: &JobSpec, models: Option<&Path>) -> Result<(), Failure> {
    if models.is_some() && !job.uses_models() {
        let rule = "`--models` is for a job with `score:` or `warm_start:`, which this one lacks";
        return Err(Failure::usage(rule));
    }
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
