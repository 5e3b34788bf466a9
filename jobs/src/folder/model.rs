//! The party's own part of each model, with how its columns become features.

use serde_json::json;

use super::Draft;
use crate::error::JobError;
use crate::run::Outcome;

/// Writes `model/<step>.json`, one file for each model.
pub(super) fn write(draft: &Draft, outcome: &Outcome) -> Result<(), JobError> {
    for model in &outcome.models {
        let preparation = outcome
            .splits
            .iter()
            .find(|split| split.name == model.split)
            .map(|split| &split.preparation);
        let document = json!({
            "job": outcome.job,
            "digest": outcome.digest,
            "party": outcome.party,
            "role": outcome.role,
            "step": model.step,
            "component": model.component,
            "privacy": model.privacy,
            "settings": model.settings,
            "preparation": preparation,
            "part": model.part,
        });
        draft.write_json(&format!("model/{}.json", model.step), &document)?;
    }
    Ok(())
}
