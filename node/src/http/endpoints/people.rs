//! The people of a node.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::endpoint::{Answer, Call};
use super::super::problem::Problem;
use crate::log::time_text;
use crate::people::Roles;
use crate::store::Person;

/// A person who may use this node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Person")]
pub(in super::super) struct PersonView {
    /// The id, for ever.
    id: String,
    /// The name to sign in with.
    name: String,
    /// What they may do.
    roles: Roles,
    /// Whether they may sign in.
    is_active: bool,
    /// When the one-time password ends, if they have not chosen one of their own.
    password_until: Option<String>,
    /// When they were added.
    created_at: String,
}

/// Everybody.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct PersonList {
    /// By name.
    items: Vec<PersonView>,
}

/// A person who is to be added.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NewPerson {
    /// The name to sign in with.
    name: String,
    /// What they may do: one role or more.
    roles: Roles,
}

/// What changes of a person; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PersonChange {
    /// What they may do from now on.
    roles: Option<Roles>,
    /// Whether they may sign in from now on.
    is_active: Option<bool>,
}

/// A password for one use: to choose another.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct OneTimePassword {
    /// The password; it is shown this once and ends after 72 hours.
    one_time_password: String,
}

/// Somebody who was added.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct AddedPerson {
    /// Who.
    person: PersonView,
    /// The password; it is shown this once and ends after 72 hours.
    one_time_password: String,
}

impl PersonView {
    fn of(person: Person) -> Result<Self, Problem> {
        let roles = person.roles.parse::<Roles>();
        Ok(Self {
            roles: roles.map_err(|error| Problem::internal(error.to_string()))?,
            id: person.id,
            name: person.name,
            is_active: person.is_active,
            password_until: person.password_until.map(time_text),
            created_at: time_text(person.created_at),
        })
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let people = call.server.people.people().await?;
    let items = people.into_iter().map(PersonView::of).collect::<Result<_, _>>()?;
    Answer::json(StatusCode::OK, &PersonList { items })
}

pub(super) async fn add(call: Call) -> Result<Answer, Problem> {
    let NewPerson { name, roles } = call.json()?;
    let by = &call.caller()?.person;
    let (person, password) = call.server.people.add(by, &name, &roles, call.now).await?;
    let person = PersonView::of(person)?;
    let added = AddedPerson { person, one_time_password: password.to_string() };
    Answer::json(StatusCode::CREATED, &added)
}

pub(super) async fn change(call: Call) -> Result<Answer, Problem> {
    let PersonChange { roles, is_active } = call.json()?;
    let (by, id) = (&call.caller()?.person, call.parameter(0)?);
    let person = call.server.people.change(by, id, roles.as_ref(), is_active, call.now).await?;
    Answer::json(StatusCode::OK, &PersonView::of(person)?)
}

pub(super) async fn reset_password(call: Call) -> Result<Answer, Problem> {
    let (by, id) = (&call.caller()?.person, call.parameter(0)?);
    let password = call.server.people.reset_password(by, id, call.now).await?;
    let password = OneTimePassword { one_time_password: password.to_string() };
    Answer::json(StatusCode::CREATED, &password)
}
