//! The one way into every endpoint: who calls, whether they may, how often, how much, how long; and
//! what every answer carries.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequestParts as _, RawPathParams};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use report::message::Language;

use super::Server;
use super::endpoint::{Answer, Call, Endpoint};
use super::limit::Allowance;
use super::problem::Problem;
use crate::log::{Level, now};
use crate::people::{Caller, Origin, Via};

/// What the log says of a call, as far as it came.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) person: Option<String>,
    pub(super) allowance: Option<Allowance>,
    /// Why a page could not be shown, where the node is at fault.
    pub(super) cause: Option<String>,
}

/// Answers one request. `endpoint` is `Err` for paths and methods that the table does not have.
pub(super) async fn answer(
    server: Arc<Server>,
    endpoint: Result<&'static Endpoint, Problem>,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let number = server.requests.fetch_add(1, Ordering::Relaxed);
    let request_id = format!("{}-{number}", server.request_prefix);
    let address = request.extensions().get::<SocketAddr>().map(SocketAddr::ip);
    let language = language_of(request.headers());
    let name = endpoint.as_ref().map_or("unknown", |endpoint| endpoint.name);
    let mut trace = Trace::default();
    let outcome =
        tokio::time::timeout(ANSWER_MAX, enter(&server, endpoint, request, address, &mut trace))
            .await
            .unwrap_or_else(|_| Err(Problem::timed_out(StatusCode::GATEWAY_TIMEOUT)));
    let problem = outcome.as_ref().err();
    let status = outcome.as_ref().map_or_else(|problem| problem.status, |answer| answer.status);
    note(&server, &request_id, (name, status, start), address, (&trace, problem));
    let response = match outcome {
        Ok(answer) => response_of(answer),
        Err(problem) => response_of_problem(&problem, language, &request_id),
    };
    finished(response, &request_id, &trace)
}

/// Counts an answer and writes it into the log.
pub(super) fn note(
    server: &Server,
    request_id: &str,
    (name, status, start): (&'static str, StatusCode, Instant),
    address: Option<IpAddr>,
    (trace, problem): (&Trace, Option<&Problem>),
) {
    let seconds = start.elapsed().as_secs_f64();
    server.metrics.answered(name, status, seconds);
    let level = if status.is_server_error() { Level::Error } else { Level::Info };
    server.log.write(
        level,
        "answered",
        &[
            ("request", request_id.into()),
            ("endpoint", name.into()),
            ("status", status.as_u16().into()),
            ("seconds", seconds.into()),
            ("address", address.map(|address| address.to_string()).into()),
            ("person", trace.person.clone().into()),
            ("code", problem.map(|problem| problem.code).into()),
            ("cause", problem.map_or(&trace.cause, |problem| &problem.cause).clone().into()),
        ],
    );
}

/// An answer with what every answer carries.
pub(super) fn finished(
    mut response: Response<Body>,
    request_id: &str,
    trace: &Trace,
) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in EVERY_ANSWER {
        headers.insert(name, HeaderValue::from_static(value));
    }
    put(headers, HeaderName::from_static("x-request-id"), request_id);
    if let Some(allowance) = &trace.allowance {
        let of = |name| HeaderName::from_static(name);
        put(headers, of("ratelimit-limit"), &allowance.limit.to_string());
        put(headers, of("ratelimit-remaining"), &allowance.left.to_string());
        put(headers, of("ratelimit-reset"), &allowance.seconds.to_string());
    }
    response
}

/// From a request to the endpoint's answer, or to the first reason against it.
async fn enter(
    server: &Arc<Server>,
    endpoint: Result<&'static Endpoint, Problem>,
    request: Request<Body>,
    address: Option<IpAddr>,
    trace: &mut Trace,
) -> Result<Answer, Problem> {
    let now = now();
    let Some(address) = address else { return Err(Problem::internal("no address")) };
    take(&server.per_address.take(&address.to_string(), now), trace)?;
    let endpoint = endpoint?;
    let (mut parts, body) = request.into_parts();
    let caller = authenticate(server, &parts.headers, now).await?;
    if let Some(caller) = &caller {
        trace.person = Some(caller.person.clone());
        take(&server.per_person.take(&caller.person, now), trace)?;
    }
    endpoint.access.check(caller.as_ref())?;
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        refuse_other_sites(&parts.headers, &parts.uri)?;
        refuse_other_sessions(&parts.headers, caller.as_ref())?;
    }
    let body = read_body(endpoint, &parts.headers, body).await?;
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    let path = path.map_err(|error| Problem::not_found(error.body_text()))?;
    let parameters = path.iter().map(|(_, value)| value.to_owned()).collect();
    let device = cookie(&parts.headers, DEVICE_COOKIE).map(str::to_owned);
    let call = Call {
        server: Arc::clone(server),
        caller,
        origin: Origin { address, device },
        parameters,
        uri: parts.uri,
        body,
        now,
    };
    (endpoint.run)(call).await
}

pub(super) fn take(allowance: &Allowance, trace: &mut Trace) -> Result<(), Problem> {
    trace.allowance = Some(*allowance);
    if allowance.is_allowed { Ok(()) } else { Err(Problem::too_many(allowance.seconds)) }
}

/// Who calls; `None` without credentials. Wrong ones are never taken for none.
pub(super) async fn authenticate(
    server: &Server,
    headers: &HeaderMap,
    now: u64,
) -> Result<Option<Caller>, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or_else(Problem::unauthenticated)?;
        let caller = server.people.caller_of_token(token, now).await?;
        return caller.map(Some).ok_or_else(Problem::unauthenticated);
    }
    match cookie(headers, SESSION_COOKIE) {
        // A session that has ended is as good as none: the browser keeps its cookie for longer.
        Some(secret) => Ok(server.people.caller_of_session(secret, now).await?),
        None => Ok(None),
    }
}

/// Whoever has a browser signed in must not be made to send what they do not mean.
pub(super) fn refuse_other_sites(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if matches!(text("sec-fetch-site"), Some("cross-site" | "same-site")) {
        return Err(Problem::foreign_form("Sec-Fetch-Site names another site"));
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("https://"));
        // HTTP/2 says in the address what HTTP/1.1 says in `Host`.
        let host = text("host").or_else(|| uri.authority().map(Authority::as_str));
        if origin.is_none() || origin != host {
            return Err(Problem::foreign_form("Origin is not this node"));
        }
    }
    Ok(())
}

/// What a browser sends for somebody carries the token of the session.
fn refuse_other_sessions(headers: &HeaderMap, caller: Option<&Caller>) -> Result<(), Problem> {
    if let Some(Caller { via: Via::Session { csrf, .. }, .. }) = caller {
        let given = headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
        let given = given.unwrap_or_default();
        // Hashes are compared, so that the time tells nothing about the token.
        let hash = |text: &str| crypto::hash::digest("node/http csrf", &[text.as_bytes()]);
        if hash(given) != hash(csrf) {
            return Err(Problem::foreign_form("X-CSRF-Token is not that of the session"));
        }
    }
    Ok(())
}

/// The body, if the endpoint takes one; bounded in size and time.
async fn read_body(endpoint: &Endpoint, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let bytes_max = if endpoint.takes.is_some() { BODY_BYTES_MAX } else { 0 };
    let body = collected(body, bytes_max).await?;
    if endpoint.takes.is_some() && content_type(headers) != "application/json" {
        return Err(Problem::wrong_type());
    }
    Ok(body)
}

/// The kind of a body, in small letters and without parameters.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let given = given.unwrap_or_default().split(';').next().unwrap_or_default();
    given.trim().to_ascii_lowercase()
}

/// A whole body; bounded in size and time.
pub(super) async fn collected(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(BODY_TIME_MAX, Limited::new(body, bytes_max).collect()).await;
    let read = read.map_err(|_| Problem::timed_out(StatusCode::REQUEST_TIMEOUT))?;
    let body = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::too_large(bytes_max)
        } else {
            Problem::invalid("the body broke off")
        }
    })?;
    Ok(body.to_bytes())
}

/// The value of a cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split("; "));
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// The language that the caller wants to read.
pub(super) fn language_of(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let first = wanted.and_then(|wanted| wanted.split([',', ';']).next()).unwrap_or_default();
    Language::from_locale(first.trim())
}

fn response_of(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    for (name, value) in answer.headers {
        response.headers_mut().append(name, value);
    }
    response
}

fn response_of_problem(problem: &Problem, language: Language, request_id: &str) -> Response<Body> {
    let body = serde_json::to_vec(&problem.body(language, request_id)).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = problem.status;
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, content_type);
    put(headers, header::CONTENT_LANGUAGE, language.tag());
    if let Some(seconds) = problem.retry_after {
        put(headers, header::RETRY_AFTER, &seconds.to_string());
    }
    if problem.status == StatusCode::UNAUTHORIZED {
        put(headers, header::WWW_AUTHENTICATE, "Bearer realm=\"tombolo\"");
    }
    response
}

pub(super) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The cookie of a session. The prefix binds it to this host and to TLS.
pub(super) const SESSION_COOKIE: &str = "__Host-tombolo-session";
/// The cookie of a browser that somebody has signed in with before.
pub(super) const DEVICE_COOKIE: &str = "__Host-tombolo-device";

/// What every answer carries: nothing of it is run, framed, guessed at, kept or told on.
const EVERY_ANSWER: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The largest body of any endpoint so far.
const BODY_BYTES_MAX: usize = 64 << 10;
/// How long a body may take to come.
const BODY_TIME_MAX: Duration = Duration::from_secs(20);
/// How long an answer may take, body included.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(30);
