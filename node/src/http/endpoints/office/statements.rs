//! What months have cost.

use governance::canonical::Digest;
use governance::members::MemberId;
use governance::metering::{Difference, UsageEvent};
use governance::time::Month;
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::super::endpoint::{Answer, Call};
use super::super::super::problem::Problem;
use super::named;
use crate::office::{Account, Settling};

/// What is signed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct Signing {
    /// The digest of the statement, as it was shown.
    statement: String,
}

pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let (partner, month) = place(&call)?;
    let account = Account::of(&call.server.office.state(), partner, month)?;
    let shown = json!({
        "items": account.statements.iter().map(settling).collect::<Vec<_>>(),
        "differences": account.differences.iter().map(difference).collect::<Vec<_>>(),
    });
    Answer::json(StatusCode::OK, &shown)
}

pub(super) async fn csv(call: Call) -> Result<Answer, Problem> {
    let (partner, month) = place(&call)?;
    let text = {
        let state = call.server.office.state();
        Account::of(&state, partner, month)?.csv(|member| state.name_of(member))
    };
    let disposition = format!("attachment; filename=\"statements-{month}.csv\"");
    Answer::text("text/csv; charset=utf-8", text).header(header::CONTENT_DISPOSITION, &disposition)
}

pub(super) async fn settle(call: Call) -> Result<Answer, Problem> {
    let (partner, month) = place(&call)?;
    let Signing { statement } = call.json()?;
    let statement: Digest =
        statement.parse().map_err(|_| Problem::invalid("the statement is no digest"))?;
    call.server.office.settle(&call.caller()?.person, partner, month, statement).await?;
    Ok(Answer::nothing())
}

fn place(call: &Call) -> Result<(MemberId, Month), Problem> {
    Ok((named(call, 0, "member")?, named(call, 1, "month")?))
}

fn settling(settling: &Settling) -> Value {
    let Settling { statement, digest, signed_by } = settling;
    json!({ "digest": digest, "statement": statement, "signed_by": signed_by })
}

fn difference(difference: &Difference) -> Value {
    let Difference { key, ours, theirs } = difference;
    let count = |it: &Option<UsageEvent>| it.as_ref().map(|event| event.count);
    json!({ "of": key, "our_count": count(ours), "their_count": count(theirs) })
}
