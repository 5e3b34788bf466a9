//! Signing in and out, and one's own account.

use http::StatusCode;
use http::header::SET_COOKIE;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::super::endpoint::{Answer, Call};
use super::super::gate::{DEVICE_COOKIE, SESSION_COOKIE};
use super::super::problem::Problem;
use crate::people::{Caller, Roles, SignedIn, Via};

/// What somebody signs in with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Credentials {
    /// The person's name.
    name: String,
    /// The password, or the one-time password.
    #[serde(deserialize_with = "secret")]
    #[schemars(with = "String")]
    password: Zeroizing<String>,
}

/// A session of a browser.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Session {
    /// Who has signed in.
    who: WhoAmI,
    /// What has to be sent back with every change, as the header `X-CSRF-Token`.
    csrf_token: String,
}

/// Who calls.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct WhoAmI {
    /// The person's id.
    id: String,
    /// The person's name.
    name: String,
    /// What the call may do; a token may do less than its owner.
    roles: Roles,
    /// Whether a password has to be chosen before anything else can be done.
    must_choose_password: bool,
    /// The token's id, if the call came with one.
    token: Option<String>,
}

/// A password in the place of another.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NewPassword {
    /// The password until now.
    #[serde(deserialize_with = "secret")]
    #[schemars(with = "String")]
    old: Zeroizing<String>,
    /// The password from now on: 12 characters or more.
    #[serde(deserialize_with = "secret")]
    #[schemars(with = "String")]
    new: Zeroizing<String>,
}

/// A text that is overwritten when it is no longer needed.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

impl WhoAmI {
    fn of(caller: &Caller) -> Self {
        let token = match &caller.via {
            Via::Token { id } => Some(id.clone()),
            Via::Session { .. } => None,
        };
        Self {
            id: caller.person.clone(),
            name: caller.name.clone(),
            roles: caller.roles.clone(),
            must_choose_password: caller.must_choose_password,
            token,
        }
    }
}

pub(super) async fn sign_in(call: Call) -> Result<Answer, Problem> {
    let given: Credentials = call.json()?;
    let people = &call.server.people;
    let signed_in = people.sign_in(&given.name, &given.password, &call.origin, call.now).await?;
    session_begins(StatusCode::CREATED, signed_in)
}

pub(super) async fn sign_out(call: Call) -> Result<Answer, Problem> {
    call.server.people.sign_out(call.caller()?, call.now).await?;
    Answer::nothing().header(SET_COOKIE, &ended_cookie())
}

pub(super) async fn session(call: Call) -> Result<Answer, Problem> {
    let caller = call.caller()?;
    let Via::Session { csrf, .. } = &caller.via else { return Err(Problem::unauthenticated()) };
    let session = Session { who: WhoAmI::of(caller), csrf_token: csrf.clone() };
    Answer::json(StatusCode::OK, &session)
}

pub(super) async fn choose_password(call: Call) -> Result<Answer, Problem> {
    let NewPassword { old, new } = call.json()?;
    let people = &call.server.people;
    let signed_in = people.choose_password(call.caller()?, &old, &new, call.now).await?;
    session_begins(StatusCode::OK, signed_in)
}

/// The answer that gives a browser its cookies.
fn session_begins(status: StatusCode, signed_in: SignedIn) -> Result<Answer, Problem> {
    let (who, cookies) = (WhoAmI::of(&signed_in.caller), cookies(&signed_in));
    let session = Session { who, csrf_token: signed_in.csrf };
    let [secret, device] = cookies;
    Answer::json(status, &session)?.header(SET_COOKIE, &secret)?.header(SET_COOKIE, &device)
}

/// The cookies of a session, and of the browser for the next time.
pub(in super::super) fn cookies(signed_in: &SignedIn) -> [Zeroizing<String>; 2] {
    let secret = format!("{SESSION_COOKIE}={}; {FLAGS}", *signed_in.secret);
    let device = format!("{DEVICE_COOKIE}={}; {FLAGS}; Max-Age={DEVICE_SECONDS}", signed_in.device);
    [Zeroizing::new(secret), Zeroizing::new(device)]
}

/// What takes the cookie of a session away.
pub(in super::super) fn ended_cookie() -> String {
    format!("{SESSION_COOKIE}=; {FLAGS}; Max-Age=0")
}

pub(super) async fn whoami(call: Call) -> Result<Answer, Problem> {
    Answer::json(StatusCode::OK, &WhoAmI::of(call.caller()?))
}

/// No script sees the cookies, no other site sends them, no other host gets them.
const FLAGS: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";
/// A browser is known for 180 days.
const DEVICE_SECONDS: u64 = 180 * 86_400;
