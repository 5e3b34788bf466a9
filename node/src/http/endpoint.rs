//! Endpoints as data: one table from which the router, the authorisation check, the OpenAPI
//! document and the test of every endpoint with every role are made. Nothing can be called that
//! does not stand in it, and nothing stands in it without saying who may call it.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Server;
use super::problem::Problem;
use crate::people::{Caller, Origin, Role};

/// One thing that can be called.
pub(super) struct Endpoint {
    pub(super) method: Method,
    /// The path with `{…}` for its parameters.
    pub(super) path: &'static str,
    /// The name that logs, metrics and the OpenAPI document give it.
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) access: Access,
    /// The body that it takes, if it takes one.
    pub(super) takes: Option<SchemaOf>,
    /// What a query may say.
    pub(super) query: Option<SchemaOf>,
    pub(super) gives: Gives,
    pub(super) run: fn(Call) -> Running,
}

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody, without signing in.
    Public,
    /// Whoever has signed in with a browser, even with a one-time password.
    OwnAccount,
    /// Whoever has signed in, whatever the role.
    SignedIn,
    /// Whoever has signed in with a browser: what a stolen token must not be able to do.
    Browser,
    /// Whoever has one of these roles.
    Roles(&'static [Role]),
    /// Whoever has one of these roles, with a browser.
    BrowserRoles(&'static [Role]),
}

/// What an endpoint answers when all is well.
pub(super) struct Gives {
    pub(super) status: StatusCode,
    pub(super) content: Content,
}

/// The body of an answer.
pub(super) enum Content {
    Nothing,
    Json(SchemaOf),
    Text,
}

/// How the schema of a type is made.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// An endpoint at work.
pub(super) type Running = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

/// A call that may be made.
pub(super) struct Call {
    pub(super) server: Arc<Server>,
    pub(super) caller: Option<Caller>,
    pub(super) origin: Origin,
    /// The values of the path's parameters, in order.
    pub(super) parameters: Vec<String>,
    pub(super) uri: Uri,
    pub(super) body: Bytes,
    /// Milliseconds since 1970.
    pub(super) now: u64,
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Vec<u8>,
}

impl Access {
    /// Whether a caller may, and if not, why.
    pub(super) fn check(self, caller: Option<&Caller>) -> Result<(), Problem> {
        if self == Self::Public {
            return Ok(());
        }
        let caller = caller.ok_or_else(Problem::unauthenticated)?;
        if caller.must_choose_password && self != Self::OwnAccount {
            return Err(Problem::must_choose_password());
        }
        if self.needs_browser() && caller.is_token() {
            return Err(Problem::forbidden("a browser, not a token"));
        }
        match self {
            Self::Roles(roles) | Self::BrowserRoles(roles) if !caller.roles.has_any(roles) => {
                let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
                Err(Problem::forbidden(&format!("the role {}", words.join(" or "))))
            }
            _ => Ok(()),
        }
    }

    /// Whether tokens are refused.
    pub(super) fn needs_browser(self) -> bool {
        matches!(self, Self::OwnAccount | Self::Browser | Self::BrowserRoles(_))
    }

    /// The roles that are enough; `None` where any is, or none is needed.
    pub(super) fn roles(self) -> Option<&'static [Role]> {
        match self {
            Self::Roles(roles) | Self::BrowserRoles(roles) => Some(roles),
            Self::Public | Self::OwnAccount | Self::SignedIn | Self::Browser => None,
        }
    }
}

impl Call {
    /// Whoever calls; there is one wherever the endpoint is not public.
    pub(super) fn caller(&self) -> Result<&Caller, Problem> {
        self.caller.as_ref().ok_or_else(Problem::unauthenticated)
    }

    /// The body. Keys that nobody knows are refused.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| Problem::invalid(error.to_string()))
    }

    /// The query. Keys that nobody knows are refused.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let query = axum::extract::Query::<T>::try_from_uri(&self.uri);
        query.map(|query| query.0).map_err(|error| Problem::invalid(error.body_text()))
    }

    /// A parameter of the path.
    pub(super) fn parameter(&self, index: usize) -> Result<&str, Problem> {
        let parameter = self.parameters.get(index).map(String::as_str);
        parameter.ok_or_else(|| Problem::internal("the path has no such parameter"))
    }
}

impl Answer {
    /// JSON.
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|it| Problem::internal(it.to_string()))?;
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Ok(Self { status, headers, body })
    }

    /// Plain text.
    pub(super) fn text(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status: StatusCode::OK, headers, body: body.into() }
    }

    /// Nothing to say.
    pub(super) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, Problem> {
        let value = HeaderValue::from_str(value).map_err(|it| Problem::internal(it.to_string()))?;
        self.headers.push((name, value));
        Ok(self)
    }
}
