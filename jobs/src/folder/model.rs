//! The party's own part of each model, with how its columns become features.

use serde_json::json;

use super::Draft;
use crate::error::JobError;
use crate::run::Outcome;

/// Writes `model/<step>.json`, one file for each model.
pub(super) fn write(draft: &Draft, outcome: &Outcome) -> Result<(), JobError> {
    for model in &outcome.models {
        let split = outcome.splits.iter().find(|split| split.name == model.split);
        let document = json!({
            "job": outcome.job,
            "digest": outcome.digest,
            "party": outcome.party,
            "role": outcome.role,
            "step": model.step,
            "component": model.component,
            "privacy": model.privacy,
            "settings": model.settings,
            "preparation": split.map(|split| &split.preparation),
            "evidence": split.filter(|it| it.weighed.is_some()).map(|split| &split.evidence),
            "weighed": split.and_then(|split| split.weighed.as_ref()),
            "part": model.part,
        });
        draft.write_json(&format!("model/{}.json", model.step), &document)?;
    }
    Ok(())
}
