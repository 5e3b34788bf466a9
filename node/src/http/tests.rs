//! Every endpoint with every role, and attacks on the way in.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use crypto::password::Cost;
use crypto::signature::PublicKey;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::endpoint::{Access, Endpoint};
use super::endpoints;
use super::gate::{DEVICE_COOKIE, SESSION_COOKIE};
use super::{Facts, Server, openapi, router};
use crate::log::{Log, now, tests::Written};
use crate::people::{NewToken, Origin, People, Role, Roles, SignedIn, THE_NODE};
use crate::store::{Address, Store};
use governance::roles::Action;

const PASSWORD: &str = "a long walk on the tombolo";

struct House {
    server: Arc<Server>,
    router: Router,
    written: Written,
    _folder: tempfile::TempDir,
}

/// What came back.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

impl House {
    async fn new(calls_per_minute: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::parse("sqlite:node.db", folder.path()).unwrap();
        let store = Arc::new(Store::open(&address).await.unwrap());
        let people = People::open(Arc::clone(&store), Cost::TEST).await.unwrap();
        let facts = Facts {
            name: "bank".to_owned(),
            key: PublicKey::new([7; 32]),
            started_at: now(),
            partners_address: None,
            database: address.to_string(),
        };
        let written = Written::default();
        let log = Arc::new(Log::to(written.clone()));
        let office = crate::office::tests::alone(&folder, &store).await;
        let dispatcher = crate::dispatch::tests::idle(&office, &folder, &log);
        let parts = super::Parts { store, people, office, dispatcher, log };
        let server = Arc::new(Server::new(parts, facts, calls_per_minute));
        let router = router(&server);
        Self { server, router, written, _folder: folder }
    }

    /// Somebody with these roles and a password of their own.
    async fn person(&self, name: &str, roles: &[Role]) -> SignedIn {
        let people = &self.server.people;
        let roles = Roles::of(roles);
        let (_, password) = people.add(THE_NODE, name, &roles, now()).await.unwrap();
        let first = self.sign_in(name, &password).await;
        people.choose_password(&first.caller, &password, PASSWORD, now()).await.unwrap()
    }

    async fn sign_in(&self, name: &str, password: &str) -> SignedIn {
        let origin = Origin { address: [127, 0, 0, 1].into(), device: None };
        self.server.people.sign_in(name, password, &origin, now()).await.unwrap()
    }

    async fn send(&self, request: http::request::Builder, body: &str) -> Reply {
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(SocketAddr::from(([10, 0, 0, 1], 5)));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }
}

/// A call as a browser makes it.
fn by_browser(method: &Method, path: &str, who: &SignedIn) -> http::request::Builder {
    let cookie = format!("other=1; {SESSION_COOKIE}={}", *who.secret);
    with_session(method.clone(), path, &cookie, &who.csrf)
}

fn with_session(method: Method, path: &str, cookie: &str, csrf: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path).header("cookie", cookie);
    request.header("x-csrf-token", csrf).header("content-type", "application/json")
}

/// The cookie and the form token of the session that an answer starts.
fn session_of(reply: &Reply) -> (String, String) {
    let cookies: Vec<&str> =
        reply.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for (cookie, name) in cookies.iter().zip([SESSION_COOKIE, DEVICE_COOKIE]) {
        assert!(cookie.starts_with(name), "{cookie}");
        for flag in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
            assert!(cookie.contains(flag), "{cookie}");
        }
    }
    let csrf = reply.json()["csrf_token"].as_str().unwrap().to_owned();
    (cookies[0].split(';').next().unwrap().to_owned(), csrf)
}

fn by_token(method: &Method, path: &str, secret: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    request
        .header("authorization", format!("Bearer {secret}"))
        .header("content-type", "application/json")
}

fn path_of(endpoint: &Endpoint) -> String {
    endpoint.path.replace("{id}", "xx_0")
}

/// Whoever may call an endpoint is not refused, and everybody else is: derived from the table, so
/// that a new endpoint is tested the day it is there. What the table says is in `openapi.json`.
#[tokio::test]
async fn every_endpoint_with_every_role() {
    let house = House::new(100_000).await;
    let one_time = house.server.people.add(THE_NODE, "new", &Roles::of(&Role::ALL), now()).await;
    let one_time = one_time.unwrap().1;
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    for role in Role::ALL {
        house.person(role.word(), &[role]).await;
    }
    for endpoint in endpoints::all() {
        let (method, path) = (&endpoint.method, path_of(endpoint));
        let what = format!("{method} {path}");
        let nobody = Request::builder().method(method).uri(&path);
        let reply = house.send(nobody.header("content-type", "application/json"), "{}").await;
        let expects_401 = endpoint.access != Access::Public;
        assert_eq!(reply.status == StatusCode::UNAUTHORIZED, expects_401, "{what} by nobody");
        if endpoint.access == Access::Public {
            continue;
        }
        let forged = by_token(method, &path, "tombolo_00");
        assert_eq!(house.send(forged, "{}").await.status, StatusCode::UNAUTHORIZED, "{what}");
        for role in Role::ALL {
            // Fresh each time: some endpoints end sessions.
            let who = house.sign_in(role.word(), PASSWORD).await;
            let new = NewToken { name: "t".to_owned(), roles: Roles::of(&[role]), days: 1 };
            let token = house.server.people.add_token(&who.caller, &new, now()).await.unwrap().1;
            let may = endpoint.access.roles().is_none_or(|roles| roles.contains(&role));
            let reply = house.send(by_browser(method, &path, &who), "{}").await;
            let is_refused = refused.contains(&reply.status);
            assert_eq!(is_refused, !may, "{what} by {role:?}: {} {}", reply.status, reply.text);
            let reply = house.send(by_token(method, &path, &token), "{}").await;
            let may = may && !endpoint.access.needs_browser();
            let is_refused = refused.contains(&reply.status);
            assert_eq!(is_refused, !may, "{what} by a token of {role:?}: {}", reply.status);
        }
        let who = house.sign_in("new", &one_time).await;
        let reply = house.send(by_browser(method, &path, &who), "{}").await;
        let may = endpoint.access == Access::OwnAccount;
        assert_eq!(reply.status == StatusCode::FORBIDDEN, !may, "{what} by a one-time password");
    }
}

#[test]
fn the_document_is_the_committed_one() {
    let text = format!("{}\n", serde_json::to_string_pretty(&openapi::document()).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert!(text == golden, "node/openapi.json is out of date; run with UPDATE_GOLDEN=1");
}

/// Who may call what, a second time: the test above believes the table, and this one does not.
#[test]
fn who_may_call_what_is_meant() {
    const OPERATOR: &[Role] = &[Role::Operator];
    const AUDITORS: &[Role] = &[Role::Operator, Role::Compliance];
    let [inviters, blockers, owners] = [Action::Invite, Action::Block, Action::ManageData].map(may);
    let publishers = may(Action::PublishCatalogue);
    let [negotiators, signers] = [Action::NegotiateAgreement, Action::SignAgreement].map(may);
    let meant = [
        ("health", Access::Public),
        ("ready", Access::Public),
        ("metrics", Access::Roles(&[Role::Operator, Role::ReadOnly])),
        ("openapi", Access::Public),
        ("node_status", Access::SignedIn),
        ("sign_in", Access::Public),
        ("sign_out", Access::OwnAccount),
        ("session", Access::OwnAccount),
        ("choose_password", Access::OwnAccount),
        ("whoami", Access::SignedIn),
        ("list_people", Access::Roles(AUDITORS)),
        ("add_person", Access::BrowserRoles(OPERATOR)),
        ("change_person", Access::BrowserRoles(OPERATOR)),
        ("reset_password", Access::BrowserRoles(OPERATOR)),
        ("list_tokens", Access::SignedIn),
        ("add_token", Access::Browser),
        ("revoke_token", Access::SignedIn),
        ("list_events", Access::Roles(AUDITORS)),
        ("list_partners", Access::SignedIn),
        ("invite", inviters),
        ("accept_invitation", inviters),
        ("check_partner", inviters),
        ("block_partner", blockers),
        ("unblock_partner", blockers),
        ("list_tables", Access::SignedIn),
        ("register_table", owners),
        ("retire_table", owners),
        ("describe_table", publishers),
        ("show_table", publishers),
        ("preview_catalogue", publishers),
        ("publish_catalogue", publishers),
        ("find_data", Access::SignedIn),
        ("list_agreements", Access::SignedIn),
        ("show_agreement", Access::SignedIn),
        ("propose_terms", negotiators),
        ("comment_on_terms", negotiators),
        ("withdraw_terms", negotiators),
        ("sign_terms", signers),
        ("refuse_terms", signers),
        ("suspend_agreement", signers),
        ("resume_agreement", signers),
        ("revoke_agreement", signers),
        ("approve_by_rule", signers),
    ];
    let found: Vec<_> = endpoints::all().map(|it| (it.name, it.access)).collect();
    let meant: Vec<_> = meant.into_iter().chain(meant_of_runs()).collect();
    assert_eq!(found, meant);
}

/// Who may call what about runs, and what comes of them.
fn meant_of_runs() -> Vec<(&'static str, Access)> {
    let [signers, modellers, steerers] =
        [Action::ApproveJob, Action::SubmitJob, Action::SteerJob].map(may);
    let readers = may(Action::SeeResults);
    vec![
        ("list_runs", Access::SignedIn),
        ("show_run", Access::SignedIn),
        ("check_run", modellers),
        ("submit_run", modellers),
        ("approve_run", signers),
        ("refuse_run", signers),
        ("cancel_run", steerers),
        ("retry_run", steerers),
        ("run_report", readers),
        ("list_schedules", Access::SignedIn),
        ("schedule_run", modellers),
        ("end_schedule", steerers),
        ("list_models", readers),
        ("show_model", readers),
        ("register_model", modellers),
        ("decide_on_model", may(Action::PublishModel)),
        ("show_statements", may(Action::ReadAudit)),
        ("export_statements", may(Action::ReadAudit)),
        ("settle_statement", may(Action::SettleStatement)),
    ]
}

/// Who may do something, as the house's table of actions has it.
fn may(action: Action) -> Access {
    let roles: Vec<Role> = action.allowed().iter().map(|role| same(*role)).collect();
    Access::Roles(roles.leak())
}

/// The node's word for a role of governance.
fn same(role: governance::roles::Role) -> Role {
    let word = serde_json::to_value(role).unwrap();
    Role::ALL.into_iter().find(|it| word == it.word()).unwrap()
}

#[test]
fn the_table_is_sound() {
    let mut names = BTreeSet::new();
    let mut routes = BTreeSet::new();
    for endpoint in endpoints::all() {
        assert!(names.insert(endpoint.name), "{} twice", endpoint.name);
        let route = (endpoint.path, endpoint.method.to_string());
        assert!(routes.insert(route), "{} twice", endpoint.path);
        let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        assert!(known.contains(&endpoint.method), "{}", endpoint.name);
        let changes = endpoint.method != Method::GET;
        let is_sign_in = endpoint.name == "sign_in";
        assert!(!changes || is_sign_in || endpoint.access != Access::Public, "{}", endpoint.name);
    }
}

#[tokio::test]
async fn a_first_visit() {
    let house = House::new(600).await;
    let roles = Roles::of(&[Role::Operator]);
    let (_, first) = house.server.people.add(THE_NODE, "anna", &roles, now()).await.unwrap();
    let sign_in = || {
        Request::post("/api/v1/session").header("content-type", "application/json; charset=utf-8")
    };
    let body = json!({ "name": "anna", "password": *first }).to_string();
    let reply = house.send(sign_in(), &body).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    assert_eq!(reply.json()["who"]["must_choose_password"], true);
    let (old_cookie, old_csrf) = session_of(&reply);
    let old = |method, path| with_session(method, path, &old_cookie, &old_csrf);
    let reply = house.send(old(Method::GET, "/api/v1/people"), "").await;
    assert_eq!(reply.code(), "must_choose_password");
    let body = json!({ "old": *first, "new": PASSWORD }).to_string();
    let reply = house.send(old(Method::PUT, "/api/v1/session/password"), &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let (cookie, csrf) = session_of(&reply);
    assert!(cookie != old_cookie && csrf != old_csrf);
    let reply = house.send(old(Method::GET, "/api/v1/session"), "").await;
    assert_eq!(reply.code(), "unauthenticated", "the session from before has ended");
    let call = |method, path| with_session(method, path, &cookie, &csrf);
    let body = r#"{ "name": "ben", "roles": ["modeller"] }"#;
    let reply = house.send(call(Method::POST, "/api/v1/people"), body).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    assert_eq!(reply.json()["person"]["roles"], json!(["modeller"]));
    let reply = house.send(call(Method::POST, "/api/v1/people"), body).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::CONFLICT, "name_taken".to_owned()));
    let reply = house.send(call(Method::GET, "/api/v1/events?limit=2&kind=people.added"), "").await;
    let page = reply.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2, "{page}");
    assert_eq!(page["items"][1]["body"]["roles"], json!(["modeller"]));
    assert_eq!(page["next"], Value::Null);
    let reply = house.send(call(Method::GET, "/api/v1/events?limit=1"), "").await;
    let next = reply.json()["next"].as_str().unwrap().to_owned();
    assert_eq!(next, "1");
    let path = format!("/api/v1/events?limit=1&after={next}");
    let reply = house.send(call(Method::GET, &path), "").await;
    assert_eq!(reply.json()["items"][0]["kind"], "people.added");
    let reply = house.send(call(Method::GET, "/metrics"), "").await;
    assert!(reply.text.contains("endpoint=\"add_person\",status=\"2xx\"} 1"), "{}", reply.text);
    let log = house.written.text();
    for secret in [PASSWORD, first.as_str(), &csrf, cookie.split_once('=').unwrap().1] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}

#[tokio::test]
async fn attacks_are_refused() {
    let house = House::new(100_000).await;
    let anna = house.person("anna", &[Role::Operator]).await;
    let add = || by_browser(&Method::POST, "/api/v1/people", &anna);
    let good = r#"{"name":"x","roles":["modeller"]}"#;
    let without = |name: &str| {
        let mut request = add();
        request.headers_mut().unwrap().remove(name);
        request
    };
    let large = format!(r#"{{"name":"{}","roles":[]}}"#, "x".repeat(70_000));
    let deep = format!("{{\"name\":{}", "[".repeat(5_000));
    let traversal = by_browser(&Method::PATCH, "/api/v1/people/..%2f..%2fetc%2fpasswd", &anna);
    for (what, request, body, status, code) in [
        ("no token of the form", without("x-csrf-token"), good, 403, "foreign_form"),
        (
            "another's",
            without("x-csrf-token").header("x-csrf-token", "00"),
            good,
            403,
            "foreign_form",
        ),
        ("other site", add().header("sec-fetch-site", "cross-site"), good, 403, "foreign_form"),
        ("other origin", add().header("origin", "https://evil.example"), good, 403, "foreign_form"),
        ("a plain form", without("content-type"), good, 415, "wrong_type"),
        ("large", add(), large.as_str(), 413, "too_large"),
        ("deep", add(), deep.as_str(), 422, "invalid"),
        ("unknown key", add(), r#"{"name":"x","roles":[],"admin":true}"#, 422, "invalid"),
        ("unknown role", add(), r#"{"name":"x","roles":["root"]}"#, 422, "invalid"),
        ("no role", add(), r#"{"name":"x","roles":[]}"#, 422, "invalid"),
        ("not JSON", add(), "name=x", 422, "invalid"),
        ("a path", traversal, "{}", 404, "not_found"),
        ("no such path", Request::get("/api/v2/%0d%0aX:y"), "", 404, "not_found"),
        ("no such method", Request::patch("/api/v1/whoami"), "", 405, "wrong_method"),
        (
            "two kinds of credentials",
            add().header("authorization", "Basic x"),
            good,
            401,
            "unauthenticated",
        ),
        (
            "bad page",
            by_browser(&Method::GET, "/api/v1/events?after=-1", &anna),
            "",
            422,
            "invalid",
        ),
        (
            "huge page",
            by_browser(&Method::GET, "/api/v1/events?limit=501", &anna),
            "",
            422,
            "invalid",
        ),
    ] {
        let reply = house.send(request, body).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (status, code), "{what}");
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{what}");
    }
}

#[tokio::test]
async fn forms_of_http_2_are_ones_own_and_logs_keep_their_lines() {
    let house = House::new(100_000).await;
    let anna = house.person("anna", &[Role::Operator]).await;
    let good = r#"{"name":"x","roles":["modeller"]}"#;
    // HTTP/2 has no header `Host`: its own name stands in the address.
    let own = |origin: &str| {
        let path = "https://node.example:8443/api/v1/people";
        by_browser(&Method::POST, path, &anna).header("origin", origin)
    };
    let reply = house.send(own("https://node.example:8443"), r#"{"name":"x","roles":[]}"#).await;
    assert_eq!(reply.code(), "invalid", "one's own form is read");
    let reply = house.send(own("https://node.example"), good).await;
    assert_eq!(reply.code(), "foreign_form");
    let before = house.written.text().lines().count();
    let hostile = r#"{"name":"x\n{\"level\":\"error\"}","password":"y"}"#;
    let request = Request::post("/api/v1/session").header("content-type", "application/json");
    let reply = house.send(request, hostile).await;
    assert_eq!(reply.code(), "wrong_password");
    assert_eq!(house.written.text().lines().count(), before + 1, "one line for one call");
}

#[tokio::test]
async fn every_answer_has_its_headers_and_language() {
    let house = House::new(10).await;
    let ask = |language| Request::get("/api/v1/whoami").header("accept-language", language);
    let reply = house.send(ask("zh-CN,zh;q=0.9"), "").await;
    assert_eq!(reply.json()["title"], "尚未登录");
    assert_eq!(reply.headers["content-language"], "zh");
    let reply = house.send(ask("de,en"), "").await;
    assert_eq!(reply.json()["title"], "You are not signed in");
    let csp = reply.headers["content-security-policy"].to_str().unwrap();
    assert!(csp.contains("script-src 'self';") && csp.contains("frame-ancestors 'none'"), "{csp}");
    for (name, value) in [
        ("strict-transport-security", "max-age=63072000"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("ratelimit-limit", "100"),
        ("www-authenticate", "Bearer realm=\"tombolo\""),
    ] {
        assert_eq!(reply.headers[name], value, "{name}");
    }
    assert_eq!(reply.json()["request_id"], reply.headers["x-request-id"].to_str().unwrap());
    let mut reply = house.send(ask("en"), "").await;
    // A few more come back while a slow machine makes them.
    for _ in 0..1_000 {
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        reply = house.send(ask("en"), "").await;
    }
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (429, "too_many"));
    assert_eq!(reply.headers["retry-after"], reply.headers["ratelimit-reset"]);
}
