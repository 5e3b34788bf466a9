//! The node itself.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::endpoint::{Answer, Call};
use super::super::openapi;
use super::super::problem::Problem;
use crate::log::time_text;

/// What a node is, and how it is.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct NodeStatus {
    /// The member's name.
    name: String,
    /// The key that partners know it by.
    key: String,
    /// The version of the program.
    version: &'static str,
    /// When it started.
    started_at: String,
    /// Its clock.
    now: String,
    /// Where partners meet it; missing for a node that only dials.
    partners_address: Option<String>,
    /// Where its database is, without any password.
    database: String,
    /// The version of the database's schema.
    schema: u64,
    /// How many events there are.
    events: String,
}

pub(super) async fn status(call: Call) -> Result<Answer, Problem> {
    let server = &call.server;
    let status = NodeStatus {
        name: server.facts.name.clone(),
        key: server.facts.key.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        started_at: time_text(server.facts.started_at),
        now: time_text(call.now),
        partners_address: server.facts.partners_address.clone(),
        database: server.facts.database.clone(),
        schema: server.store.schema().await?,
        events: server.store.last_event().await?.to_string(),
    };
    Answer::json(StatusCode::OK, &status)
}

pub(super) async fn health(_: Call) -> Result<Answer, Problem> {
    Ok(Answer::text(PLAIN, "ok\n"))
}

pub(super) async fn ready(call: Call) -> Result<Answer, Problem> {
    if call.server.is_stopping() {
        return Err(Problem::unavailable("the node is shutting down"));
    }
    call.server.store.last_event().await?;
    Ok(Answer::text(PLAIN, "ready\n"))
}

pub(super) async fn metrics(call: Call) -> Result<Answer, Problem> {
    let events = call.server.store.last_event().await?;
    let text = call.server.metrics.text(events, call.server.facts.started_at);
    Ok(Answer::text("text/plain; version=0.0.4; charset=utf-8", text))
}

pub(super) async fn openapi(_: Call) -> Result<Answer, Problem> {
    Answer::json(StatusCode::OK, &openapi::document())
}

const PLAIN: &str = "text/plain; charset=utf-8";
