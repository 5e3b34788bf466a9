//! The way into the console: the same gate as the API's, for browsers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use report::message::Language;

use super::Server;
use super::endpoints::session;
use super::gate::{self, DEVICE_COOKIE, Trace, cookie};
use super::problem::Problem;
use crate::console::{self, Call, House, LANGUAGE_COOKIE, Reply, SessionChange};
use crate::log::now;
use crate::people::Origin;

/// Answers a browser.
pub(super) async fn answer(server: Arc<Server>, request: Request<Body>) -> Response<Body> {
    let start = Instant::now();
    let number = server.requests.fetch_add(1, Ordering::Relaxed);
    let request_id = format!("{}-{number}", server.request_prefix);
    let address = request.extensions().get::<SocketAddr>().map(SocketAddr::ip);
    let mut trace = Trace::default();
    let language = language_of(request.headers());
    let entered = enter(&server, request, address, language, &mut trace);
    let outcome = tokio::time::timeout(gate::ANSWER_MAX, entered)
        .await
        .unwrap_or_else(|_| Err(Problem::timed_out(StatusCode::GATEWAY_TIMEOUT)));
    let problem = outcome.as_ref().err();
    let status = outcome.as_ref().map_or_else(|problem| problem.status, |reply| reply.status);
    gate::note(&server, &request_id, ("page", status, start), address, (&trace, problem));
    let (reply, problem) = match outcome {
        Ok(reply) => (reply, None),
        Err(problem) => {
            (console::problem(language, problem.status, problem.title()), Some(problem))
        }
    };
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    let mut response = gate::finished(response, &request_id, &trace);
    let headers = response.headers_mut();
    // Forms would otherwise come without an origin, as those of other sites do.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    gate::put(headers, header::CONTENT_LANGUAGE, language.tag());
    if let Some(seconds) = problem.and_then(|problem| problem.retry_after) {
        gate::put(headers, header::RETRY_AFTER, &seconds.to_string());
    }
    let set = |headers: &mut HeaderMap, name: HeaderName, value: HeaderValue| {
        if name == header::SET_COOKIE {
            headers.append(name, value);
        } else {
            headers.insert(name, value);
        }
    };
    for (name, value) in reply.headers {
        set(headers, name, value);
    }
    for cookie in cookies(&reply.session) {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            set(headers, header::SET_COOKIE, value);
        }
    }
    response
}

/// From a request to its page, or to the first reason against it.
async fn enter(
    server: &Server,
    request: Request<Body>,
    address: Option<IpAddr>,
    language: Language,
    trace: &mut Trace,
) -> Result<Reply, Problem> {
    let now = now();
    let Some(address) = address else { return Err(Problem::internal("no address")) };
    gate::take(&server.per_address.take(&address.to_string(), now), trace)?;
    let (parts, body) = request.into_parts();
    if !matches!(parts.method, Method::GET | Method::HEAD | Method::POST) {
        return Err(Problem::wrong_method());
    }
    let is_form = parts.method == Method::POST;
    if is_form {
        gate::refuse_other_sites(&parts.headers, &parts.uri)?;
        if gate::content_type(&parts.headers) != FORM_TYPE {
            return Err(Problem::wrong_type());
        }
    }
    // Tokens are for programs: what they send reaches the API and no page.
    let is_token = parts.headers.contains_key(header::AUTHORIZATION);
    let caller =
        if is_token { None } else { gate::authenticate(server, &parts.headers, now).await? };
    if let Some(caller) = &caller {
        trace.person = Some(caller.person.clone());
        gate::take(&server.per_person.take(&caller.person, now), trace)?;
    }
    let bytes_max = match (&caller, is_form) {
        (_, false) => 0,
        (None, true) => STRANGER_BYTES_MAX,
        (Some(_), true) => FORM_BYTES_MAX,
    };
    let body = gate::collected(body, bytes_max).await?;
    let device = cookie(&parts.headers, DEVICE_COOKIE).map(str::to_owned);
    let call = Call {
        method: if is_form { Method::POST } else { Method::GET },
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
        caller,
        origin: Origin { address, device },
        language,
        now,
    };
    let results = |run| server.dispatcher.results(run);
    let house = House {
        office: &server.office,
        people: &server.people,
        store: &server.store,
        results: Some(&results),
    };
    let reply = console::answer(house, call).await;
    trace.cause.clone_from(&reply.cause);
    Ok(reply)
}

/// What the reader has chosen, or what the browser says.
fn language_of(headers: &HeaderMap) -> Language {
    match cookie(headers, LANGUAGE_COOKIE) {
        Some("zh") => Language::Chinese,
        Some("en") => Language::English,
        _ => gate::language_of(headers),
    }
}

fn cookies(session: &SessionChange) -> Vec<zeroize::Zeroizing<String>> {
    match session {
        SessionChange::Stays => Vec::new(),
        SessionChange::Begins(signed_in) => session::cookies(signed_in).into(),
        SessionChange::Ends => vec![session::ended_cookie().into()],
    }
}

/// How browsers send forms.
const FORM_TYPE: &str = "application/x-www-form-urlencoded";
/// The largest form: a job file of 512 KiB, each byte of which may take three.
const FORM_BYTES_MAX: usize = 2 << 20;
/// The largest form of somebody who has not signed in.
const STRANGER_BYTES_MAX: usize = 8 << 10;

#[cfg(test)]
mod tests;
