//! Browsers at the gate.

use axum::Router;
use crypto::password::Cost;
use crypto::signature::PublicKey;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::super::{Facts, Parts, Server, router};
use super::*;
use crate::log::{Log, tests::Written};
use crate::people::{People, Role, Roles, THE_NODE};
use crate::store::{Address, Store};

const PASSWORD: &str = "a long walk on the tombolo";

struct Gate {
    router: Router,
    /// Ann's one-time password.
    password: String,
    _folder: tempfile::TempDir,
}

async fn gate() -> Gate {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::parse("sqlite:node.db", folder.path()).unwrap();
    let store = Arc::new(Store::open(&address).await.unwrap());
    let people = People::open(Arc::clone(&store), Cost::TEST).await.unwrap();
    let roles = Roles::of(&[Role::Operator]);
    let (_, password) = people.add(THE_NODE, "ann", &roles, now()).await.unwrap();
    let facts = Facts {
        name: "bank".to_owned(),
        key: PublicKey::new([7; 32]),
        started_at: now(),
        partners_address: None,
        database: address.to_string(),
    };
    let log = Arc::new(Log::to(Written::default()));
    let office = crate::office::tests::alone(&folder, &store).await;
    let dispatcher = crate::dispatch::tests::idle(&office, &folder, &log);
    let parts = Parts { store, people, office, dispatcher, log };
    let router = router(&Arc::new(Server::new(parts, facts, 600)));
    Gate { router, password: password.to_string(), _folder: folder }
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookies that it sets, as a browser sends them back.
    fn cookies(&self) -> String {
        let cookies = self.headers.get_all("set-cookie").iter();
        let cookies = cookies.map(|it| it.to_str().unwrap().split(';').next().unwrap());
        cookies.collect::<Vec<_>>().join("; ")
    }
}

impl Gate {
    async fn send(&self, request: http::request::Builder, body: impl Into<Body>) -> Reply {
        let mut request = request.header("host", "node").body(body.into()).unwrap();
        request.extensions_mut().insert(SocketAddr::from(([10, 0, 0, 1], 5)));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str, cookies: &str) -> Reply {
        self.send(Request::get(path).header("cookie", cookies), "").await
    }

    async fn post(&self, path: &str, cookies: &str, form: &str) -> Reply {
        let request = Request::post(path)
            .header("cookie", cookies)
            .header("origin", "https://node")
            .header("content-type", FORM_TYPE);
        self.send(request, form.to_owned()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_visit_with_a_browser() {
    let gate = gate().await;
    for path in ["/", "/inbox", "/partners", "/people"] {
        let reply = gate.get(path, "").await;
        assert_eq!((reply.status, reply.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    }
    let page = gate.get("/sign-in?language=zh", "").await;
    assert!(page.text.contains("登录") && page.header("set-cookie").contains("language=zh"));
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert_eq!(page.header("cache-control"), "no-store");
    for kind in ["href=\"", "src=\""] {
        let asset = page.text.split(kind).find(|it| it.starts_with("/assets/")).unwrap();
        let asset = gate.get(asset.split('"').next().unwrap(), "").await;
        assert_eq!(asset.status, StatusCode::OK);
        assert!(asset.header("cache-control").contains("immutable"));
    }

    let wrong = gate.post("/sign-in", "", "name=ann&password=wrong").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.cookies().is_empty() && wrong.text.contains("role=\"alert\""));
    let form = format!("name=ann&password={}", gate.password);
    let signed_in = gate.post("/sign-in", "", &form).await;
    assert_eq!(
        (signed_in.status, signed_in.header("location")),
        (StatusCode::SEE_OTHER, "/password")
    );
    let cookies = signed_in.cookies();
    // A password has to be chosen before anything else is shown.
    let reply = gate.get("/inbox", &cookies).await;
    assert_eq!((reply.status, reply.header("location")), (StatusCode::SEE_OTHER, "/password"));
    let page = gate.get("/password", &cookies).await;
    let csrf = page.text.split("name=\"csrf\" value=\"").nth(1).unwrap();
    let csrf = csrf.split('"').next().unwrap();
    let word = PASSWORD.replace(' ', "+");
    let form = format!("old={}&new={word}&again={word}", gate.password);
    let foreign = gate.post("/password", &cookies, &form).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let unlike =
        gate.post("/password", &cookies, &format!("csrf={csrf}&old=a&new=b&again=c")).await;
    assert_eq!(unlike.status, StatusCode::UNPROCESSABLE_ENTITY);
    let chosen = gate.post("/password", &cookies, &format!("csrf={csrf}&{form}")).await;
    assert_eq!((chosen.status, chosen.header("location")), (StatusCode::SEE_OTHER, "/inbox"));
    assert_eq!(gate.get("/inbox", &cookies).await.status, StatusCode::SEE_OTHER, "the old session");
    let cookies = chosen.cookies();
    let page = gate.get("/people", &cookies).await;
    assert_eq!(page.status, StatusCode::OK);

    // Tokens and other methods reach no page, and the API is where it was.
    let request = Request::get("/inbox").header("authorization", "Bearer x");
    let reply = gate.send(request.header("cookie", &cookies), "").await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    let reply = gate.send(Request::put("/inbox").header("cookie", &cookies), "").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    let reply = gate.get("/api/v1/nothing", &cookies).await;
    assert_eq!(reply.header("content-type"), "application/problem+json");

    let csrf = page.text.split("name=\"csrf\" value=\"").nth(1).unwrap();
    let csrf = csrf.split('"').next().unwrap();
    let left = gate.post("/sign-out", &cookies, &format!("csrf={csrf}")).await;
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(gate.get("/inbox", &cookies).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_of_other_sites_are_refused() {
    let gate = gate().await;
    let form = format!("name=ann&password={}", gate.password);
    let base = || Request::post("/sign-in").header("content-type", FORM_TYPE);
    for (name, value) in [
        ("origin", "null"),
        ("origin", "https://elsewhere"),
        ("origin", "http://node"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let reply = gate.send(base().header(name, value), form.clone()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{name}: {value}");
        assert!(reply.cookies().is_empty() && reply.text.starts_with("<!DOCTYPE html>"));
    }
    let json = Request::post("/sign-in").header("content-type", "application/json");
    assert_eq!(gate.send(json, "{}").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = "a".repeat(STRANGER_BYTES_MAX + 1);
    assert_eq!(gate.send(base(), large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}
