//! What a job may say and this version does not do.

use crate::error::JobError;
use crate::spec::{JobSpec, Model};

/// Refuses a job that would fail half-way because a part of it is not available.
///
/// # Errors
/// [`JobError::Unsupported`] with what to write instead.
pub fn check_available(job: &JobSpec) -> Result<(), JobError> {
    if job.prepare.encode.uses_woe() {
        return Err(JobError::Unsupported {
            what: "`encode` with `woe`".to_owned(),
            instead: "write `numbers: standardise` and `categories: one_hot`",
        });
    }
    let stops_early = job.train.iter().find(|step| match &step.model {
        Model::LogisticRegression { settings, .. } => settings.early_stopping > 0,
        Model::BoostedTrees { .. } => false,
    });
    if let Some(step) = stops_early {
        return Err(JobError::Unsupported {
            what: format!("early stopping of `{}`", step.name),
            instead: "write `early_stopping: 0`; the penalties `l2` and `l1` prevent overfitting",
        });
    }
    Ok(())
}
