//! The party's own part of each model: what scoring needs, the same for people, and the card.

use super::Draft;
use crate::error::JobError;
use crate::own_rows::OwnRows;
use crate::run::Outcome;
use crate::saved_model::{CARD_SUFFIX, SavedModel, card, own_part, text};
use crate::spec::JobSpec;

/// Writes for each model that the job trained `model/<step>.json`, `model/<step>.csv` and
/// `model/<step>.card.json`.
pub(super) fn write(
    draft: &Draft,
    job: &JobSpec,
    rows: &OwnRows,
    outcome: &Outcome,
) -> Result<(), JobError> {
    let Some(table) = rows.table().filter(|_| outcome.scored.is_none()) else { return Ok(()) };
    for model in &outcome.models {
        let saved = SavedModel::of(job, table, outcome, model)?;
        let name = format!("model/{}", model.step);
        let text = text(&saved)
            .map_err(|error| JobError::file("write", draft.hidden.join(&name), error))?;
        draft.write_private(&format!("{name}.json"), &text)?;
        draft.write_private(&format!("{name}.csv"), &own_part(&saved))?;
        draft.write_json(&format!("{name}{CARD_SUFFIX}"), &card(&saved, outcome, model))?;
    }
    Ok(())
}
