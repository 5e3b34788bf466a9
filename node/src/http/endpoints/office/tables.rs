//! This member's tables.

use std::collections::BTreeSet;
use std::path::PathBuf;

use governance::members::MemberId;
use governance::time::Time;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::super::super::endpoint::{Answer, Call};
use super::super::super::problem::Problem;
use crate::office::{Policy, Registration};

/// A table that is to be registered.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct NewTable {
    /// The name that agreements and runs will use.
    name: String,
    /// The file or folder, relative to the node's folder of data.
    path: String,
    /// What it is about, in a sentence.
    #[serde(default)]
    about: String,
    /// Columns that no agreement may give.
    #[serde(default)]
    hidden: BTreeSet<String>,
    /// Keys of the partners with whom it may be used; with all if none is named.
    #[serde(default)]
    partners: BTreeSet<String>,
    /// The purposes for which it may be used; for all if none is named.
    #[serde(default)]
    purposes: BTreeSet<String>,
    /// No figures of groups of fewer rows.
    #[serde(default)]
    minimum_group: u32,
    /// From when on nothing may use it, in milliseconds since 1970.
    until: Option<u64>,
    /// On which legal basis its rows may be used.
    #[serde(default)]
    legal_basis: String,
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let tables: Vec<_> = call.server.office.state().tables.values().cloned().collect();
    Answer::json(StatusCode::OK, &json!({ "items": tables }))
}

pub(super) async fn register(call: Call) -> Result<Answer, Problem> {
    let new: NewTable = call.json()?;
    let partner = |key: &String| {
        let member: Result<MemberId, _> = key.parse();
        member.map_err(|_| Problem::invalid(format!("{key:.80?} is no member's key")))
    };
    let policy = Policy {
        partners: new.partners.iter().map(partner).collect::<Result<_, _>>()?,
        purposes: new.purposes,
        minimum_group: new.minimum_group,
        until: new.until.map(Time::from_milliseconds),
        legal_basis: new.legal_basis,
    };
    let (name, path) = (new.name, PathBuf::from(new.path));
    let registration = Registration { name, path, about: new.about, hidden: new.hidden, policy };
    let office = &call.server.office;
    office.register(&call.caller()?.person, &registration).await?;
    let table = office.state().tables.get(&registration.name).cloned();
    Answer::json(StatusCode::CREATED, &table)
}

pub(super) async fn retire(call: Call) -> Result<Answer, Problem> {
    let name = call.parameter(0)?;
    call.server.office.retire(&call.caller()?.person, name).await?;
    Ok(Answer::nothing())
}
