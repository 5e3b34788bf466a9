//! What a job may say and this version does not do.

use crate::error::JobError;
use crate::spec::JobSpec;

/// Refuses a job that would fail half-way because a part of it is not available.
///
/// # Errors
/// [`JobError::Unsupported`] with what to write instead.
pub fn check_available(job: &JobSpec) -> Result<(), JobError> {
    let encode = &job.prepare.encode;
    if encode.uses_woe() && encode.privacy != contract::STRICT {
        return Err(JobError::Unsupported {
            what: format!("`encode` with `privacy: {}`", encode.privacy),
            instead: "write `privacy: strict`, which tells the host less",
        });
    }
    Ok(())
}
