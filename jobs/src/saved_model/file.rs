//! The file of a saved model: found by the name of its step, read, and known to be unchanged.

use std::fs;
use std::path::{Path, PathBuf};

use crypto::hash::hex;
use serde_json::Value;

use super::{FORMAT, SavedModel};
use crate::error::JobError;
use crate::spec::{PartySpec, ScoreSpec};

/// How the name of a model's card ends; what stands before is the step.
pub(crate) const CARD_SUFFIX: &str = ".card.json";

/// The text of the file. Its last field is a hash of the others, so that a file that was changed
/// by hand or cut off shows; it proves nothing to anybody else.
pub(crate) fn text(model: &SavedModel) -> serde_json::Result<String> {
    let mut document = serde_json::to_value(model)?;
    document[HASH] = hash(&document).into();
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Reads the part of `party` of the model that `score` names from `folder`, every value checked.
///
/// # Errors
/// [`JobError::SavedModel`] with what is wrong and what to do, [`JobError::File`].
pub(crate) fn read(
    folder: &Path,
    score: &ScoreSpec,
    party: &PartySpec,
) -> Result<SavedModel, JobError> {
    let fault = |path: &Path, rule: String| fault(party, path, rule);
    let (step, path) = find(folder, score).map_err(|rule| fault(folder, rule))?;
    let source = fs::read_to_string(&path).map_err(|error| JobError::file("read", &path, error))?;
    let model = parse(&source).map_err(|rule| fault(&path, rule))?;
    model.check(&step, score, party).map_err(|rule| fault(&path, rule))?;
    Ok(model)
}

/// An error about the file of a party.
pub(super) fn fault(party: &PartySpec, path: &Path, rule: String) -> JobError {
    JobError::SavedModel { party: party.name.clone(), path: path.to_owned(), rule }
}

/// The step and the file that a job means, or why there is none.
fn find(folder: &Path, score: &ScoreSpec) -> Result<(String, PathBuf), String> {
    let advice = "`--models` names the folder of the results of the job that trained the model, \
                  `models:` of a party its folder `model` in there";
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("the folder cannot be read ({error}); {advice}"))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names = names.filter(|name| !name.ends_with(CARD_SUFFIX));
    let mut steps: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    steps.sort_unstable();
    let quoted = |steps: &[String]| {
        let quoted: Vec<String> = steps.iter().map(|step| format!("`{step}`")).collect();
        quoted.join(", ")
    };
    if steps.is_empty() {
        return Err(format!("there is no model in the folder; {advice}"));
    }
    let wanted = &score.step;
    let is_wanted = |step: &&String| {
        *step == wanted || step.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
    };
    let found: Vec<String> = match steps.iter().find(|step| *step == wanted) {
        Some(step) => vec![step.clone()],
        None => steps.iter().filter(is_wanted).cloned().collect(),
    };
    match &found[..] {
        [step] => Ok((step.clone(), folder.join(format!("{step}.json")))),
        [] => Err(format!("there is no step `{wanted}`; there are {}", quoted(&steps))),
        several => Err(format!(
            "`{wanted}` was trained under several splits; say which one after `step:`, {}",
            quoted(several)
        )),
    }
}

fn parse(source: &str) -> Result<SavedModel, String> {
    let mut document: Value = serde_json::from_str(source)
        .map_err(|error| format!("the file is not whole ({error}); restore it, or train again"))?;
    let format = document.get("format").and_then(Value::as_u64);
    if format != Some(u64::from(FORMAT)) {
        return Err(match format {
            Some(format) => format!(
                "the file has the form {format}, and this program reads {FORMAT}; use the program \
                 that wrote it, or train again"
            ),
            None => "this is not the file of a model of this program (or of one before models \
                     could score); give the folder of a run, or train again"
                .to_owned(),
        });
    }
    let stated = document.as_object_mut().and_then(|fields| fields.shift_remove(HASH));
    if stated != Some(hash(&document).into()) {
        return Err("the file was changed after training; restore it, or train again. (To change \
                    a model by hand, change what is exported, and keep this file)"
            .to_owned());
    }
    serde_json::from_value(document)
        .map_err(|error| format!("the file holds what no training writes: {error}; train again"))
}

/// BLAKE3 over the document as it stands, without its hash.
fn hash(document: &Value) -> String {
    hex(&crypto::hash::digest("jobs/saved_model", &[document.to_string().as_bytes()]))
}

const HASH: &str = "hash";
