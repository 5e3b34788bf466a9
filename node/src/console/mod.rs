//! The console: what people see of a node with a browser.
//!
//! Pages are HTML that the node writes: each is a pure function from what is known to elements
//! ([`report::markup`]), so that whatever partners write is escaped. Links and forms work without
//! any script; the one script only saves clicks. What somebody may not do is neither shown nor
//! done.

mod agreements;
mod assets;
mod forms;
mod inbox;
mod models;
mod partners;
mod people;
mod runs;
mod shell;
mod sign_in;
mod statements;
mod tables;
mod terms;
#[cfg(test)]
mod tests;
mod trust;
mod wording;

use std::path::PathBuf;
use std::pin::Pin;

use bytes::Bytes;
use contract::Text;
use governance::canonical::Digest;
use governance::roles::Action;
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode, header};
use report::message::Language;

use crate::office::{Office, OfficeError};
use crate::people::{Caller, Origin, People, PeopleError, SignedIn, Via};
use crate::store::{Store, StoreError};

use forms::Form;
use shell::{Page, Reader};

/// What pages are made of, and what forms change.
#[derive(Clone, Copy)]
pub struct House<'a> {
    /// What the member knows and has agreed.
    pub office: &'a Office,
    /// Who may use the node.
    pub people: &'a People,
    /// Everything that happened.
    pub store: &'a Store,
    /// Where the results of a run are, once this member's party has finished.
    pub results: Option<&'a (dyn Fn(Digest) -> Option<PathBuf> + Send + Sync)>,
}

impl std::fmt::Debug for House<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("House").finish_non_exhaustive()
    }
}

/// A request of a browser, after its origin was checked.
#[derive(Debug)]
pub struct Call {
    /// `GET` and `POST` are answered.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query.
    pub query: String,
    /// The form that was sent.
    pub body: Bytes,
    /// Who has signed in with the browser.
    pub caller: Option<Caller>,
    /// Where the browser is.
    pub origin: Origin,
    /// What its owner reads.
    pub language: Language,
    /// Milliseconds since 1970.
    pub now: u64,
}

/// What the browser is told.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// Headers besides those that every answer carries.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The page.
    pub body: Vec<u8>,
    /// What becomes of the browser's session.
    pub session: SessionChange,
    /// What the log says where the node is at fault; the page does not show it.
    pub cause: Option<String>,
}

/// What becomes of a browser's session.
#[derive(Debug)]
pub enum SessionChange {
    /// Nothing.
    Stays,
    /// Somebody has signed in.
    Begins(Box<SignedIn>),
    /// Somebody has signed out.
    Ends,
}

/// Why a page is not shown, or a form not taken.
#[derive(Debug)]
enum Trouble {
    /// Nobody has signed in.
    SignIn,
    /// A password has to be chosen first.
    ChoosePassword,
    /// None of the person's roles may do this.
    Forbidden(Action),
    /// The form is not of this session.
    ForeignForm,
    /// There is nothing here.
    NotFound,
    /// The office does not do it.
    Office(Box<OfficeError>),
    /// The accounts do not allow it.
    People(PeopleError),
    /// The store failed.
    Store(StoreError),
}

impl Trouble {
    fn cause(&self) -> Option<String> {
        match self {
            Self::Office(error) => Some(error.to_string()),
            Self::People(error) => Some(error.to_string()),
            Self::Store(error) => Some(error.to_string()),
            _ => None,
        }
    }
}

impl From<OfficeError> for Trouble {
    fn from(error: OfficeError) -> Self {
        Self::Office(Box::new(error))
    }
}

impl From<PeopleError> for Trouble {
    fn from(error: PeopleError) -> Self {
        Self::People(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a handler gives back.
type Answered = Result<Reply, Trouble>;

/// Whether a path is a page's: everything that the API does not have.
pub fn is_page(path: &str) -> bool {
    let api = ["/api", "/healthz", "/readyz", "/metrics"];
    let within = |prefix: &&str| {
        path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !api.iter().any(within)
}

/// Answers a browser.
pub fn answer(house: House<'_>, call: Call) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
    Box::pin(answered(house, call))
}

async fn answered(house: House<'_>, call: Call) -> Reply {
    if let Some(file) = call.path.strip_prefix("/assets/") {
        return assets::answer(file);
    }
    let query = Form::parse(call.query.as_bytes());
    let mut call = call;
    let chosen = match query.text("language") {
        "zh" => Some(Language::Chinese),
        "en" => Some(Language::English),
        _ => None,
    };
    call.language = chosen.unwrap_or(call.language);
    let reader = Reader::new(&house, &call);
    let mut reply = match enter(&house, &call, &reader, &query).await {
        Ok(reply) => reply,
        Err(trouble) => refusal(&reader, &trouble),
    };
    if let Some(language) = chosen {
        let cookie = format!("{LANGUAGE_COOKIE}={}; {LANGUAGE_FLAGS}", language.tag());
        reply.put(header::SET_COOKIE, &cookie);
    }
    reply
}

/// A page for what was refused before anybody looked at who calls.
pub fn problem(language: Language, status: StatusCode, what: &Text) -> Reply {
    let reader = Reader::nobody(language);
    Page::new(wording::not_done()).part(shell::caution(&reader, what)).reply(&reader, status)
}

/// From a request to its page, or to the first reason against it.
async fn enter(house: &House<'_>, call: &Call, reader: &Reader, query: &Form) -> Answered {
    let form = Form::parse(&call.body);
    let place: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let is_post = call.method == Method::POST;
    if place == ["sign-in"] {
        return if is_post {
            sign_in::enter(house, call, reader, &form).await
        } else {
            Ok(sign_in::page(reader, "", None))
        };
    }
    let Some(caller) = &call.caller else { return Err(Trouble::SignIn) };
    if is_post {
        check_form(caller, &form)?;
    }
    match (is_post, place.as_slice()) {
        (true, ["sign-out"]) => return sign_in::leave(house, call).await,
        (true, ["password"]) => return sign_in::choose(house, call, reader, &form).await,
        (false, ["password"]) => return Ok(sign_in::password_page(reader, None)),
        _ if caller.must_choose_password => return Err(Trouble::ChoosePassword),
        _ => {}
    }
    reader.need(Action::See)?;
    let at = At { house, call, reader, query, form: &form, by: &caller.person };
    match (is_post, place.as_slice()) {
        (false, [""]) => Ok(Reply::see("/inbox")),
        (false, ["inbox"]) => inbox::show(&at),
        (_, ["partners", rest @ ..]) => partners::answer(&at, is_post, rest).await,
        (_, ["data", rest @ ..]) => tables::answer(&at, is_post, rest).await,
        (_, ["agreements", rest @ ..]) => agreements::answer(&at, is_post, rest).await,
        (_, ["jobs", rest @ ..]) => runs::answer(&at, is_post, rest).await,
        (_, ["models", rest @ ..]) => models::answer(&at, is_post, rest).await,
        (_, ["trust", rest @ ..]) => trust::answer(&at, is_post, rest).await,
        (_, ["people", rest @ ..]) => people::answer(&at, is_post, rest).await,
        (false, ["settings"]) => Ok(people::settings(&at)),
        _ => Err(Trouble::NotFound),
    }
}

/// What a handler knows of a call by somebody who has signed in.
struct At<'a> {
    house: &'a House<'a>,
    call: &'a Call,
    reader: &'a Reader,
    query: &'a Form,
    form: &'a Form,
    /// The person's id.
    by: &'a str,
}

/// Whoever has a browser signed in must not be made to send what they do not mean.
fn check_form(caller: &Caller, form: &Form) -> Result<(), Trouble> {
    let Via::Session { csrf, .. } = &caller.via else { return Err(Trouble::ForeignForm) };
    // Hashes are compared, so that the time tells nothing about the token.
    let hash = |text: &str| crypto::hash::digest("node/console csrf", &[text.as_bytes()]);
    if hash(form.text("csrf")) == hash(csrf) { Ok(()) } else { Err(Trouble::ForeignForm) }
}

/// The page that says why not.
fn refusal(reader: &Reader, trouble: &Trouble) -> Reply {
    let (status, title, what) = match trouble {
        Trouble::SignIn => return Reply::see("/sign-in"),
        Trouble::ChoosePassword => return Reply::see("/password"),
        Trouble::Forbidden(action) => {
            let roles = shell::listed_roles(action.allowed());
            (StatusCode::FORBIDDEN, wording::not_allowed(), wording::needs_role(roles))
        }
        Trouble::ForeignForm => {
            (StatusCode::FORBIDDEN, wording::not_taken(), crate::messages::foreign_form())
        }
        Trouble::NotFound => {
            (StatusCode::NOT_FOUND, crate::messages::not_found(), wording::not_found_advice())
        }
        Trouble::Office(error) => (status_of(error), wording::not_done(), error.text()),
        Trouble::People(error) => {
            let text = error.to_string();
            (status_of_people(error), wording::not_done(), Text::owned(text.clone(), text))
        }
        Trouble::Store(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, wording::not_done(), crate::messages::unavailable())
        }
    };
    let mut reply = Page::new(title).part(shell::caution(reader, &what)).reply(reader, status);
    if status.is_server_error() {
        reply.cause = trouble.cause();
    }
    reply
}

fn status_of(error: &OfficeError) -> StatusCode {
    match error {
        OfficeError::Unknown(_) => StatusCode::NOT_FOUND,
        OfficeError::Store(_) | OfficeError::Unreadable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        OfficeError::Net(_) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn status_of_people(error: &PeopleError) -> StatusCode {
    match error {
        PeopleError::Unknown(_) => StatusCode::NOT_FOUND,
        PeopleError::Wait { .. } => StatusCode::TOO_MANY_REQUESTS,
        PeopleError::Store(_) | PeopleError::Internal(_) | PeopleError::Password(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl Reply {
    fn new(status: StatusCode, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        let session = SessionChange::Stays;
        Self { status, headers, body: body.into(), session, cause: None }
    }

    fn html(status: StatusCode, body: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", body)
    }

    /// Leads on after a form was taken.
    fn see(path: &str) -> Self {
        let mut reply = Self::html(StatusCode::SEE_OTHER, String::new());
        reply.put(header::LOCATION, path);
        reply
    }

    fn put(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
    }
}

/// The cookie that says what the owner of a browser reads.
pub const LANGUAGE_COOKIE: &str = "__Host-tombolo-language";
const LANGUAGE_FLAGS: &str = "Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=31536000";
