//! What partners are told of this member's data, and what they tell of theirs.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::super::super::endpoint::{Answer, Call};
use super::super::super::problem::Problem;
use crate::office::Description;

/// What the owner of a table says about it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct NewDescription {
    /// What it is about, in a sentence.
    about: String,
    /// Whom and what it covers: regions, ages, channels, years.
    coverage: String,
    /// How new it is.
    freshness: String,
    /// What its use costs, for people; agreements have the binding lines.
    price: Option<String>,
    /// The columns that name people or things.
    #[serde(default)]
    keys: BTreeSet<String>,
    /// Every column that is not hidden.
    columns: BTreeMap<String, NewColumn>,
}

/// What the owner of a table says about a column.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct NewColumn {
    /// What its values mean.
    meaning: String,
    /// The unit of numbers.
    unit: Option<String>,
}

/// Whether the next catalogue has a table.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct Choice {
    /// Whether it has it.
    is_shown: bool,
}

/// What is looked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct DataQuery {
    /// Words that all have to occur, at most 200 characters; without any everything is found.
    #[serde(default)]
    words: String,
}

pub(super) async fn describe(call: Call) -> Result<Answer, Problem> {
    let new: NewDescription = call.json()?;
    let columns = new.columns.into_iter().map(|(name, it)| (name, (it.meaning, it.unit)));
    let description = Description {
        about: new.about,
        coverage: new.coverage,
        freshness: new.freshness,
        price: new.price,
        keys: new.keys,
        columns: columns.collect(),
    };
    let name = call.parameter(0)?;
    let office = &call.server.office;
    office.describe(&call.caller()?.person, name, description).await?;
    let described = office.state().shows.described.get(name).cloned();
    Answer::json(StatusCode::CREATED, &described)
}

pub(super) async fn choose(call: Call) -> Result<Answer, Problem> {
    let choice: Choice = call.json()?;
    let name = call.parameter(0)?;
    call.server.office.choose(&call.caller()?.person, name, choice.is_shown).await?;
    Ok(Answer::nothing())
}

pub(super) async fn preview(call: Call) -> Result<Answer, Problem> {
    let (published, next) = {
        let state = call.server.office.state();
        let published = state.shows.published.as_ref().map(|it| it.content().clone());
        (published, state.next_catalogue())
    };
    Answer::json(StatusCode::OK, &json!({ "published": published, "next": next }))
}

pub(super) async fn publish(call: Call) -> Result<Answer, Problem> {
    let catalogue = call.server.office.publish(&call.caller()?.person).await?;
    Answer::json(StatusCode::CREATED, &catalogue)
}

pub(super) async fn find(call: Call) -> Result<Answer, Problem> {
    let query: DataQuery = call.query()?;
    let (items, left_off) = call.server.office.state().find_data(&query.words)?;
    Answer::json(StatusCode::OK, &json!({ "items": items, "left_off": left_off }))
}
