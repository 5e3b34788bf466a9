//! Tokens of programs.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::endpoint::{Answer, Call};
use super::super::problem::Problem;
use crate::log::time_text;
use crate::people::{NewToken, Roles};
use crate::store::TokenRow;

/// A token, without its secret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub(in super::super) struct TokenView {
    /// The id.
    id: String,
    /// The id of its owner.
    person: String,
    /// What it is for.
    name: String,
    /// What it may do, as long as its owner may.
    roles: Roles,
    /// When it was made.
    created_at: String,
    /// When it ends.
    expires_at: String,
    /// When it was taken back.
    revoked_at: Option<String>,
}

/// Tokens.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct TokenList {
    /// The newest first.
    items: Vec<TokenView>,
}

/// A token that is asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct TokenRequest {
    /// What it is for.
    name: String,
    /// What it may do: one role or more, none that one does not have.
    roles: Roles,
    /// How many days it lasts: 1 to 366.
    days: u64,
}

/// A token that was made.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct AddedToken {
    /// The token.
    token: TokenView,
    /// What programs send; it is shown this once.
    secret: String,
}

impl TokenView {
    fn of(token: TokenRow) -> Result<Self, Problem> {
        let roles = token.roles.parse::<Roles>();
        Ok(Self {
            roles: roles.map_err(|error| Problem::internal(error.to_string()))?,
            id: token.id,
            person: token.person,
            name: token.name,
            created_at: time_text(token.created_at),
            expires_at: time_text(token.expires_at),
            revoked_at: token.revoked_at.map(time_text),
        })
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let tokens = call.server.people.tokens(call.caller()?).await?;
    let items = tokens.into_iter().map(TokenView::of).collect::<Result<_, _>>()?;
    Answer::json(StatusCode::OK, &TokenList { items })
}

pub(super) async fn add(call: Call) -> Result<Answer, Problem> {
    let TokenRequest { name, roles, days } = call.json()?;
    let new = NewToken { name, roles, days };
    let (token, secret) = call.server.people.add_token(call.caller()?, &new, call.now).await?;
    let token = TokenView::of(token)?;
    Answer::json(StatusCode::CREATED, &AddedToken { token, secret: secret.to_string() })
}

pub(super) async fn revoke(call: Call) -> Result<Answer, Problem> {
    call.server.people.revoke_token(call.caller()?, call.parameter(0)?, call.now).await?;
    Ok(Answer::nothing())
}
