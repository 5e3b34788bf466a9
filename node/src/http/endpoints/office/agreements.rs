//! What is agreed.

use governance::agreements::{Agreement, AgreementAct, State, Terms, Version, Word};
use governance::canonical::Digest;
use governance::time::Time;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::super::endpoint::{Answer, Call};
use super::super::super::problem::Problem;
use super::{Reason, named};
use crate::log::now;

/// Whether runs are approved by rule.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct Rule {
    /// Whether they are.
    is_on: bool,
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let state = call.server.office.state();
    let items: Vec<Value> = state.books.agreements().map(|(_, it)| summary(it)).collect();
    drop(state);
    Answer::json(StatusCode::OK, &json!({ "items": items }))
}

pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let version: Digest = named(&call, 0, "agreement")?;
    let shown = {
        let state = call.server.office.state();
        let agreement = state.books.agreement(&version);
        let agreement = agreement.ok_or_else(|| Problem::not_found("no such agreement"))?;
        let mut shown = summary(agreement);
        let versions = agreement.versions();
        shown["versions"] = versions.iter().map(|(digest, it)| version_of(digest, it)).collect();
        shown["by_rule"] = state.by_rule.contains(&agreement.journal().topic()).into();
        shown
    };
    Answer::json(StatusCode::OK, &shown)
}

/// An agreement in a list.
fn summary(agreement: &Agreement) -> Value {
    let now = Time::from_milliseconds(now());
    let state = agreement.state(now);
    let (word, in_force) = match &state {
        State::Negotiating => ("negotiating", None),
        State::Disputed(_) => ("disputed", None),
        State::Revoked(_) => ("revoked", None),
        State::TakenBack(version, _) => ("taken_back", Some(*version)),
        State::Suspended(version, _) => ("suspended", Some(*version)),
        State::NotYet(version) => ("not_yet", Some(*version)),
        State::Active(version) => ("active", Some(*version)),
        State::Expired(version) => ("expired", Some(*version)),
    };
    let versions = agreement.versions();
    let newest = versions.values().max_by_key(|version| version.terms.version);
    let waiting = agreement.waiting(now).into_iter().map(|open| {
        let silent: Vec<String> = open.silent.iter().map(ToString::to_string).collect();
        json!({ "version": open.digest, "waits_for": silent })
    });
    json!({
        "agreement": agreement.journal().topic(),
        "title": newest.map(|version| version.terms.title.clone()),
        "state": word,
        "in_force": in_force,
        "waiting": waiting.collect::<Vec<_>>(),
    })
}

fn version_of(digest: &Digest, version: &Version) -> Value {
    let words = version.words.iter().map(|(party, word)| match word {
        Word::Signed(at) => json!({ "party": party, "word": "signed", "at": at.to_string() }),
        Word::Withdrawn(at) => json!({ "party": party, "word": "withdrawn", "at": at.to_string() }),
        Word::Refused(at, reason) => json!({
            "party": party, "word": "refused", "at": at.to_string(), "reason": reason,
        }),
    });
    json!({
        "version": digest,
        "terms": version.terms,
        "proposed_by": version.proposed_by,
        "proposed_at": version.proposed_at.to_string(),
        "concluded": version.concluded,
        "words": words.collect::<Vec<_>>(),
    })
}

pub(super) async fn propose(call: Call) -> Result<Answer, Problem> {
    let terms: Terms = call.json()?;
    let version = call.server.office.propose(&call.caller()?.person, terms).await?;
    Answer::json(StatusCode::CREATED, &json!({ "version": version }))
}

pub(super) async fn comment(call: Call) -> Result<Answer, Problem> {
    let Reason { reason: text } = call.json()?;
    negotiate(&call, |version| AgreementAct::Comment { version, line: None, text }).await
}

pub(super) async fn withdraw(call: Call) -> Result<Answer, Problem> {
    negotiate(&call, |version| AgreementAct::Withdraw { version }).await
}

pub(super) async fn sign(call: Call) -> Result<Answer, Problem> {
    negotiate(&call, |version| AgreementAct::Sign { version }).await
}

pub(super) async fn refuse(call: Call) -> Result<Answer, Problem> {
    let Reason { reason } = call.json()?;
    negotiate(&call, |version| AgreementAct::Refuse { version, reason }).await
}

pub(super) async fn suspend(call: Call) -> Result<Answer, Problem> {
    let Reason { reason } = call.json()?;
    negotiate(&call, |_| AgreementAct::Suspend { reason }).await
}

pub(super) async fn resume(call: Call) -> Result<Answer, Problem> {
    negotiate(&call, |_| AgreementAct::Resume).await
}

pub(super) async fn revoke(call: Call) -> Result<Answer, Problem> {
    let Reason { reason } = call.json()?;
    negotiate(&call, |_| AgreementAct::Revoke { reason }).await
}

pub(super) async fn rule(call: Call) -> Result<Answer, Problem> {
    let Rule { is_on } = call.json()?;
    let version: Digest = named(&call, 0, "agreement")?;
    call.server.office.approve_by_rule(&call.caller()?.person, version, is_on).await?;
    Ok(Answer::nothing())
}

async fn negotiate(
    call: &Call,
    act: impl FnOnce(Digest) -> AgreementAct,
) -> Result<Answer, Problem> {
    let version: Digest = named(call, 0, "version")?;
    call.server.office.negotiate(&call.caller()?.person, version, act(version)).await?;
    Ok(Answer::nothing())
}
