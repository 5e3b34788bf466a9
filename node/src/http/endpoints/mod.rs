//! Everything that can be called.

#![expect(clippy::unused_async, reason = "the table of endpoints takes futures")]

mod events;
mod node;
mod office;
mod people;
pub(super) mod session;
mod tokens;

use http::{Method, StatusCode};
use schemars::SchemaGenerator;

use super::endpoint::{Access, Content, Endpoint, Gives, SchemaOf};
use crate::people::Role;

/// Every endpoint, in the order of the OpenAPI document.
pub(super) fn all() -> impl Iterator<Item = &'static Endpoint> {
    OWN.iter().chain(office::ENDPOINTS.iter())
}

/// The node itself: its health, its people, what happened.
static OWN: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/healthz",
        name: "health",
        summary: "Whether the process answers",
        access: Access::Public,
        takes: None,
        query: None,
        gives: TEXT,
        run: |call| Box::pin(node::health(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/readyz",
        name: "ready",
        summary: "Whether the node serves: its database answers and it is not shutting down",
        access: Access::Public,
        takes: None,
        query: None,
        gives: TEXT,
        run: |call| Box::pin(node::ready(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/metrics",
        name: "metrics",
        summary: "Counters and gauges in the text form of Prometheus",
        access: Access::Roles(&[Role::Operator, Role::ReadOnly]),
        takes: None,
        query: None,
        gives: TEXT,
        run: |call| Box::pin(node::metrics(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1/openapi.json",
        name: "openapi",
        summary: "This document",
        access: Access::Public,
        takes: None,
        query: None,
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<serde_json::Value>),
        run: |call| Box::pin(node::openapi(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1/node",
        name: "node_status",
        summary: "What this node is, and how it is",
        access: Access::SignedIn,
        takes: None,
        query: None,
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<node::NodeStatus>),
        run: |call| Box::pin(node::status(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/v1/session",
        name: "sign_in",
        summary: "Sign in; the answer sets the cookie of the session",
        access: Access::Public,
        takes: Some(SchemaGenerator::subschema_for::<session::Credentials>),
        query: None,
        gives: json(StatusCode::CREATED, SchemaGenerator::subschema_for::<session::Session>),
        run: |call| Box::pin(session::sign_in(call)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/api/v1/session",
        name: "sign_out",
        summary: "Sign out",
        access: Access::OwnAccount,
        takes: None,
        query: None,
        gives: NOTHING,
        run: |call| Box::pin(session::sign_out(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1/session",
        name: "session",
        summary: "The session of this browser, with what forms have to send back",
        access: Access::OwnAccount,
        takes: None,
        query: None,
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<session::Session>),
        run: |call| Box::pin(session::session(call)),
    },
    Endpoint {
        method: Method::PUT,
        path: "/api/v1/session/password",
        name: "choose_password",
        summary: "Choose a password of one's own; signs out all browsers and this one in anew",
        access: Access::OwnAccount,
        takes: Some(SchemaGenerator::subschema_for::<session::NewPassword>),
        query: None,
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<session::Session>),
        run: |call| Box::pin(session::choose_password(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1/whoami",
        name: "whoami",
        summary: "Who calls, and what they may do",
        access: Access::SignedIn,
        takes: None,
        query: None,
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<session::WhoAmI>),
        run: |call| Box::pin(session::whoami(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1/people",
        name: "list_people",
        summary: "Everybody who may use this node",
        access: Access::Roles(&[Role::Operator, Role::Compliance]),
        takes: None,
        query: None,
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<people::PersonList>),
        run: |call| Box::pin(people::list(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/v1/people",
        name: "add_person",
        summary: "Add a person; the answer has a one-time password, shown this once",
        access: Access::BrowserRoles(&[Role::Operator]),
        takes: Some(SchemaGenerator::subschema_for::<people::NewPerson>),
        query: None,
        gives: json(StatusCode::CREATED, SchemaGenerator::subschema_for::<people::AddedPerson>),
        run: |call| Box::pin(people::add(call)),
    },
    Endpoint {
        method: Method::PATCH,
        path: "/api/v1/people/{id}",
        name: "change_person",
        summary: "Change what a person may do; switching off signs out everywhere at once",
        access: Access::BrowserRoles(&[Role::Operator]),
        takes: Some(SchemaGenerator::subschema_for::<people::PersonChange>),
        query: None,
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<people::PersonView>),
        run: |call| Box::pin(people::change(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/v1/people/{id}/password",
        name: "reset_password",
        summary: "Replace a forgotten password by a one-time password, shown this once",
        access: Access::BrowserRoles(&[Role::Operator]),
        takes: None,
        query: None,
        gives: json(StatusCode::CREATED, SchemaGenerator::subschema_for::<people::OneTimePassword>),
        run: |call| Box::pin(people::reset_password(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1/tokens",
        name: "list_tokens",
        summary: "One's own tokens; for an operator, everybody's",
        access: Access::SignedIn,
        takes: None,
        query: None,
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<tokens::TokenList>),
        run: |call| Box::pin(tokens::list(call)),
    },
    Endpoint {
        method: Method::POST,
        path: "/api/v1/tokens",
        name: "add_token",
        summary: "Make a token; its secret is shown this once",
        access: Access::Browser,
        takes: Some(SchemaGenerator::subschema_for::<tokens::TokenRequest>),
        query: None,
        gives: json(StatusCode::CREATED, SchemaGenerator::subschema_for::<tokens::AddedToken>),
        run: |call| Box::pin(tokens::add(call)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/api/v1/tokens/{id}",
        name: "revoke_token",
        summary: "Take a token back: one's own; for an operator, anybody's",
        access: Access::SignedIn,
        takes: None,
        query: None,
        gives: NOTHING,
        run: |call| Box::pin(tokens::revoke(call)),
    },
    Endpoint {
        method: Method::GET,
        path: "/api/v1/events",
        name: "list_events",
        summary: "What happened on this node, the oldest first",
        access: Access::Roles(&[Role::Operator, Role::Compliance]),
        takes: None,
        query: Some(SchemaGenerator::subschema_for::<events::EventQuery>),
        gives: json(StatusCode::OK, SchemaGenerator::subschema_for::<events::EventList>),
        run: |call| Box::pin(events::list(call)),
    },
];

const TEXT: Gives = Gives { status: StatusCode::OK, content: Content::Text };
const NOTHING: Gives = Gives { status: StatusCode::NO_CONTENT, content: Content::Nothing };

const fn json(status: StatusCode, schema: SchemaOf) -> Gives {
    Gives { status, content: Content::Json(schema) }
}
