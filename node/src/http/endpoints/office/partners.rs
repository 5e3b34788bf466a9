//! Other members.

use governance::members::{MemberId, Standing};
use http::StatusCode;
use net::control::{LineReport, LineState, Outcome, Post};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::endpoint::{Answer, Call};
use super::super::super::problem::Problem;
use super::{Reason, named};
use crate::log::time_text;

/// Members.
#[derive(Serialize, JsonSchema)]
pub(in super::super::super) struct PartnerList {
    /// By their keys.
    items: Vec<PartnerView>,
}

/// Another member.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Partner")]
struct PartnerView {
    /// Its first key, for ever.
    member: String,
    /// The organisation.
    name: String,
    /// Whom to call.
    contact: String,
    /// Where its node listens.
    address: Option<String>,
    /// What it is to this member: `known`, `invited`, `introduced` or `blocked`.
    standing: &'static str,
    /// Whether two keys of it are known, and nobody has settled which is its own.
    is_forked: bool,
    /// The line to it; nothing for whoever is no partner.
    line: Option<LineView>,
}

/// A line to a partner.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Line")]
struct LineView {
    /// Whether it is open.
    is_open: bool,
    /// Since when it is so.
    since: String,
    /// The partner's program.
    software: Option<String>,
    /// How far the partner's clock is ahead, in milliseconds.
    clock_difference_ms: Option<i64>,
    /// How long an answer takes, in milliseconds.
    round_trip_ms: Option<f64>,
    /// What went wrong last.
    last_error: Option<String>,
}

/// An invitation that is asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct NewInvitation {
    /// For whom it is meant.
    meant_for: String,
    /// How many days it holds: 1 to 30.
    days: u32,
}

/// An invitation that was written.
#[derive(Serialize, JsonSchema)]
pub(in super::super::super) struct WrittenInvitation {
    /// One line of text, to be sent to one person.
    invitation: String,
    /// From when on it is no longer accepted.
    expires: String,
}

/// The acceptance of an invitation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct Acceptance {
    /// The line of text that came.
    invitation: String,
}

/// A member that is a partner now.
#[derive(Serialize, JsonSchema)]
pub(in super::super::super) struct NewPartner {
    /// Its first key.
    member: String,
    /// What both sides read to each other over the telephone.
    pair_code: [String; 2],
}

/// The check of a connection.
#[derive(Serialize, JsonSchema)]
pub(in super::super::super) struct Check {
    /// Whether nothing failed.
    is_passed: bool,
    /// What both sides read to each other over the telephone.
    pair_code: [String; 2],
    /// Step by step, up to the first that failed.
    steps: Vec<CheckStep>,
}

/// One step of a check.
#[derive(Serialize, JsonSchema)]
struct CheckStep {
    /// Its name.
    step: &'static str,
    /// `passed`, `warned`, `failed` or `skipped`.
    outcome: &'static str,
    /// What was seen.
    seen: String,
    /// The likely cause of a failure.
    cause: Option<String>,
    /// What mends it.
    fix: Option<String>,
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let office = &call.server.office;
    let reports = office.post().map(Post::reports).unwrap_or_default();
    let items = {
        let state = office.state();
        let directory = state.books.directory();
        let view = |(member, known): (&MemberId, &governance::members::Member)| {
            let card = known.card.content();
            let key = directory.keys().current(member);
            let line = reports.iter().find(|it| Some(it.partner.key) == key).map(line_of);
            PartnerView {
                member: member.to_string(),
                name: card.name.clone(),
                contact: card.contact.clone(),
                address: card.endpoints.first().cloned(),
                standing: match known.standing {
                    Standing::Known => "known",
                    Standing::Invited { .. } => "invited",
                    Standing::Introduced { .. } => "introduced",
                    Standing::Blocked { .. } => "blocked",
                },
                is_forked: known.is_forked(),
                line,
            }
        };
        directory.members().iter().map(view).collect()
    };
    Answer::json(StatusCode::OK, &PartnerList { items })
}

fn line_of(report: &LineReport) -> LineView {
    let (is_open, since) = match report.state {
        LineState::Open { since, .. } => (true, since),
        LineState::Apart { since, .. } => (false, since),
    };
    let since = since.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    LineView {
        is_open,
        since: time_text(since.as_millis() as u64),
        software: report.software.clone(),
        clock_difference_ms: report.clock_difference_ms,
        round_trip_ms: report.round_trip.map(|it| it.as_secs_f64() * 1000.0),
        last_error: report.last_error.as_ref().map(|(_, error)| error.to_string()),
    }
}

pub(super) async fn invite(call: Call) -> Result<Answer, Problem> {
    let NewInvitation { meant_for, days } = call.json()?;
    let by = &call.caller()?.person;
    let invited = call.server.office.invite(by, &meant_for, days).await?;
    let (invitation, expires) = (invited.line, invited.expires.to_string());
    Answer::json(StatusCode::CREATED, &WrittenInvitation { invitation, expires })
}

pub(super) async fn accept(call: Call) -> Result<Answer, Problem> {
    let Acceptance { invitation } = call.json()?;
    let office = &call.server.office;
    let member = office.accept(&call.caller()?.person, &invitation).await?;
    let pair_code = office.pair_code(member)?;
    Answer::json(StatusCode::CREATED, &NewPartner { member: member.to_string(), pair_code })
}

pub(super) async fn check(call: Call) -> Result<Answer, Problem> {
    let check = call.server.office.examine(named(&call, 0, "member")?).await?;
    let step = |finding: &net::control::Finding| CheckStep {
        step: finding.step.name(),
        outcome: match finding.outcome {
            Outcome::Passed => "passed",
            Outcome::Warned => "warned",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        },
        seen: finding.seen.clone(),
        cause: finding.advice.as_ref().map(|it| it.cause.en.to_string()),
        fix: finding.advice.as_ref().map(|it| it.fix.en.to_string()),
    };
    let check = Check {
        is_passed: check.examination.is_passed(),
        pair_code: check.pair_code,
        steps: check.examination.findings.iter().map(step).collect(),
    };
    Answer::json(StatusCode::CREATED, &check)
}

pub(super) async fn block(call: Call) -> Result<Answer, Problem> {
    let Reason { reason } = call.json()?;
    let member = named(&call, 0, "member")?;
    call.server.office.block(&call.caller()?.person, member, &reason).await?;
    Ok(Answer::nothing())
}

pub(super) async fn unblock(call: Call) -> Result<Answer, Problem> {
    let member = named(&call, 0, "member")?;
    call.server.office.unblock(&call.caller()?.person, member).await?;
    Ok(Answer::nothing())
}
