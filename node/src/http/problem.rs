//! Answers that say no, in the form of RFC 9457.

use contract::Text;
use http::StatusCode;
use report::message::Language;
use schemars::JsonSchema;
use serde::Serialize;

use crate::messages;
use crate::office::OfficeError;
use crate::people::PeopleError;
use crate::store::StoreError;

/// Why a call was not done.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// What programs go by; never translated.
    pub(super) code: &'static str,
    /// When to try again, in seconds.
    pub(super) retry_after: Option<u64>,
    /// What the log says and the caller does not learn.
    pub(super) cause: Option<String>,
    words: Box<Words>,
}

/// What the caller reads of a problem.
#[derive(Debug)]
struct Words {
    title: Text,
    /// What exactly, in English.
    detail: Option<String>,
    /// What to do next.
    hint: Option<Text>,
}

/// What the caller reads.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemBody {
    /// A URN that ends in the code.
    r#type: String,
    /// What kind of problem, in the caller's language.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What programs go by.
    code: &'static str,
    /// What exactly, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What to do next, in the caller's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The request as the node's log names it.
    request_id: String,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: Text) -> Self {
        let words = Box::new(Words { title, detail: None, hint: None });
        Self { status, code, retry_after: None, cause: None, words }
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.words.detail = Some(detail.into());
        self
    }

    fn hint(mut self, hint: Text) -> Self {
        self.words.hint = Some(hint);
        self
    }

    /// What kind of problem, for people.
    pub(super) fn title(&self) -> &Text {
        &self.words.title
    }

    /// The body in a language.
    pub(super) fn body(&self, language: Language, request_id: &str) -> ProblemBody {
        ProblemBody {
            r#type: format!("urn:tombolo:problem:{}", self.code),
            title: language.of(&self.words.title).to_owned(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.words.detail.clone(),
            hint: self.words.hint.as_ref().map(|hint| language.of(hint).to_owned()),
            request_id: request_id.to_owned(),
        }
    }

    /// Nobody has signed in.
    pub(super) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", messages::unauthenticated())
            .hint(messages::sign_in_first())
    }

    /// Somebody has, who may not do this.
    pub(super) fn forbidden(needed: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", messages::forbidden())
            .detail(format!("this needs {needed}"))
            .hint(messages::ask_an_operator())
    }

    /// Somebody with a one-time password.
    pub(super) fn must_choose_password() -> Self {
        let title = messages::must_choose_password();
        Self::new(StatusCode::FORBIDDEN, "must_choose_password", title)
    }

    /// A form of another site, or of an earlier session.
    pub(super) fn foreign_form(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "foreign_form", messages::foreign_form()).detail(detail)
    }

    /// Nothing is there.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", messages::not_found()).detail(detail)
    }

    /// The path takes other methods.
    pub(super) fn wrong_method() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "wrong_method", messages::wrong_method())
    }

    /// The body or the query is not what the endpoint takes.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", messages::invalid()).detail(detail)
    }

    /// The body is not JSON.
    pub(super) fn wrong_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_type", messages::wrong_type())
    }

    /// The body is too large.
    pub(super) fn too_large(bytes_max: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", messages::too_large())
            .detail(format!("at most {bytes_max} bytes are read"))
    }

    /// The call took too long, by the caller's fault or the node's.
    pub(super) fn timed_out(status: StatusCode) -> Self {
        Self::new(status, "timed_out", messages::timed_out())
    }

    /// Too many calls or tries.
    pub(super) fn too_many(seconds: u64) -> Self {
        let title = messages::too_many();
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", title);
        Self { retry_after: Some(seconds), ..problem }.detail(format!("try again in {seconds} s"))
    }

    /// The node cannot do it now.
    pub(super) fn unavailable(cause: impl Into<String>) -> Self {
        let title = messages::unavailable();
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title);
        Self { retry_after: Some(5), cause: Some(cause.into()), ..problem }
    }

    /// The program is at fault.
    pub(super) fn internal(cause: impl Into<String>) -> Self {
        let title = messages::internal();
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title);
        Self { cause: Some(cause.into()), ..problem }.hint(messages::look_into_the_log())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unreachable { .. } | StoreError::Busy { .. } => {
                Self::unavailable(error.to_string())
            }
            error => Self::internal(error.to_string()),
        }
    }
}

impl From<OfficeError> for Problem {
    fn from(error: OfficeError) -> Self {
        match error {
            OfficeError::Store(error) => error.into(),
            OfficeError::Unreadable { .. } => Self::internal(error.to_string()),
            OfficeError::Unknown(what) => Self::not_found(format!("there is no such {what} here")),
            error => {
                let status = StatusCode::CONFLICT;
                Self::new(status, "refused", messages::refused())
                    .detail(error.text().en.into_owned())
            }
        }
    }
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        let detail = error.to_string();
        let conflict = |code, title| Self::new(StatusCode::CONFLICT, code, title);
        match error {
            PeopleError::WrongPassword => {
                let title = messages::wrong_password();
                Self::new(StatusCode::UNAUTHORIZED, "wrong_password", title)
            }
            PeopleError::Wait { seconds } => Self::too_many(seconds),
            PeopleError::Unknown(_) => Self::not_found(detail),
            PeopleError::Taken(_) => conflict("name_taken", messages::name_taken()).detail(detail),
            PeopleError::LastOperator => {
                conflict("last_operator", messages::last_operator()).detail(detail)
            }
            PeopleError::TooManyRoles => Self::forbidden("roles that you have yourself"),
            PeopleError::BadName
            | PeopleError::Weak(_)
            | PeopleError::NoRole
            | PeopleError::TooLong => Self::invalid(detail),
            PeopleError::Store(error) => error.into(),
            PeopleError::Password(_) | PeopleError::Internal(_) => Self::internal(detail),
        }
    }
}
