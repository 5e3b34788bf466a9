//! The register of models.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::super::endpoint::{Answer, Call};
use super::super::super::problem::Problem;
use super::{SIGNERS, named};
use crate::office::{Decided, Decision, ModelEntry, ModelName, Standing, State};

/// A model that is to be registered.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct NewModel {
    /// The finished run.
    run: String,
    /// The step that trained it, such as `logistic_regression.time`.
    step: String,
}

/// What is decided about a version.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct NewDecision {
    /// What.
    decision: Word,
    /// Why, where it is refused.
    #[serde(default)]
    reason: String,
}

/// What can be decided.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// Scoring uses the version from now on.
    Publish,
    /// It is not published.
    Refuse,
    /// Nothing uses it any more, for good.
    Retire,
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let state = call.server.office.state();
    let items: Vec<Value> =
        state.models.all().map(|(name, entries)| shown(&state, name, entries)).collect();
    drop(state);
    Answer::json(StatusCode::OK, &json!({ "items": items }))
}

pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let name = name_of(&call)?;
    let model = {
        let state = call.server.office.state();
        let entries = state.models.versions(&name);
        let entries = entries.ok_or_else(|| Problem::not_found("no such model"))?;
        shown(&state, &name, entries)
    };
    Answer::json(StatusCode::OK, &model)
}

pub(super) async fn register(call: Call) -> Result<Answer, Problem> {
    let NewModel { run, step } = call.json()?;
    let run = run.parse().map_err(|_| Problem::invalid("`run` is no digest"))?;
    let results = call.server.dispatcher.results(run);
    let by = &call.caller()?.person;
    let (name, version) = call.server.office.register_model(by, run, &step, results).await?;
    let model = json!({ "job": name.job, "step": name.step, "version": version });
    Answer::json(StatusCode::CREATED, &model)
}

pub(super) async fn decide(call: Call) -> Result<Answer, Problem> {
    let NewDecision { decision, reason } = call.json()?;
    let decision = match decision {
        Word::Publish => Decision::Publish,
        Word::Refuse => Decision::Refuse { reason: reason.trim().to_owned() },
        Word::Retire => Decision::Retire,
    };
    let (name, number) = (name_of(&call)?, named(&call, 2, "version")?);
    let run = {
        let state = call.server.office.state();
        let entry = state.models.entry(&name, number);
        entry.ok_or_else(|| Problem::not_found("no such version"))?.version.run
    };
    let by = &call.caller()?.person;
    let may = SIGNERS.roles().unwrap_or_default();
    let is_only = call.server.people.is_only_one(by, |roles| roles.has_any(may)).await?;
    let results = call.server.dispatcher.results(run);
    call.server.office.decide_model(by, is_only, (&name, number), decision, results).await?;
    Ok(Answer::nothing())
}

fn name_of(call: &Call) -> Result<ModelName, Problem> {
    let [job, step] = [0, 1].map(|index| call.parameter(index).map(str::to_owned));
    Ok(ModelName { job: job?, step: step? })
}

/// A model with all its versions.
fn shown(state: &State, name: &ModelName, entries: &[ModelEntry]) -> Value {
    let versions: Vec<Value> = entries.iter().map(|entry| version(state, entry)).collect();
    let published = entries.iter().find(|entry| entry.standing == Standing::Published);
    json!({
        "job": name.job,
        "step": name.step,
        "published": published.map(|entry| entry.version.number),
        "versions": versions,
    })
}

fn version(state: &State, entry: &ModelEntry) -> Value {
    let word = match entry.standing {
        Standing::Waiting => "waiting",
        Standing::Published => "published",
        Standing::Replaced => "replaced",
        Standing::Refused(_) => "refused",
        Standing::Retired => "retired",
    };
    let decision = |decided: &Decided| {
        let Decided { decision, by, at } = decided;
        json!({ "decision": decision, "by": by, "at": at.to_string() })
    };
    let version = &entry.version;
    let tables = state.books.job(&version.run).map(|job| &job.submission().content().tables);
    json!({
        "version": version.number,
        "state": word,
        "run": version.run,
        "agreement": version.agreement,
        "tables": tables,
        "file": version.file,
        "metrics": version.metrics,
        "registered_by": version.by,
        "registered_at": version.at.to_string(),
        "decisions": entry.decisions.iter().map(decision).collect::<Vec<_>>(),
    })
}
