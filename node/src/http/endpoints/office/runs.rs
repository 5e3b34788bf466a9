//! Runs of jobs.

use std::collections::BTreeMap;

use governance::canonical::Digest;
use governance::jobs::{Job, JobAct, Progress, State, View, WaitingFor};
use governance::members::MemberId;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::super::endpoint::{Answer, Call};
use super::super::super::problem::Problem;
use super::{Reason, named};
use crate::office;

/// A run that is asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct NewRun {
    /// The digest of the terms under which it shall run.
    agreement: String,
    /// The job file; parties are named as in the agreement.
    job: String,
    /// The table of each party, by its first key.
    tables: BTreeMap<String, String>,
}

impl NewRun {
    pub(super) fn read(self) -> Result<office::NewRun, Problem> {
        let agreement = self.agreement.parse();
        let agreement = agreement.map_err(|_| Problem::invalid("`agreement` is no digest"))?;
        let table = |(key, table): (String, String)| {
            let member: Result<MemberId, _> = key.parse();
            let wrong = |_| Problem::invalid(format!("{key:.80?} is no member's key"));
            Ok((member.map_err(wrong)?, table))
        };
        let tables = self.tables.into_iter().map(table).collect::<Result<_, Problem>>()?;
        Ok(office::NewRun { agreement, job: self.job, tables })
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let state = call.server.office.state();
    let items: Vec<Value> =
        state.books.jobs().map(|(run, job)| summary(run, job, &job.view())).collect();
    drop(state);
    Answer::json(StatusCode::OK, &json!({ "items": items }))
}

pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let run: Digest = named(&call, 0, "run")?;
    let mut shown = {
        let state = call.server.office.state();
        let job = state.books.job(&run).ok_or_else(|| Problem::not_found("no such run"))?;
        let view = job.view();
        let mut shown = summary(&run, job, &view);
        shown["steps"] = json!(job.submission().content().steps);
        shown["attempts"] = attempts(&view);
        shown["disclosures"] = match state.plan(&run) {
            Ok(plan) => json!(plan.job.disclosures()),
            Err(why) => json!({ "unknown": why.en }),
        };
        shown
    };
    shown["progress"] = json!(call.server.dispatcher.progress(run));
    shown["has_results"] = call.server.dispatcher.results(run).is_some().into();
    Answer::json(StatusCode::OK, &shown)
}

/// A run in a list.
fn summary(run: &Digest, job: &Job, view: &View) -> Value {
    let submission = job.submission().content();
    let reasons = |reasons: &BTreeMap<MemberId, String>| json!(reasons);
    let (word, detail) = match &view.state {
        State::Disputed(parties) => ("disputed", json!(parties)),
        State::Refused(by) => ("refused", reasons(by)),
        State::Finished { attempt, .. } => ("finished", json!({ "attempt": attempt })),
        State::Cancelled(by) => ("cancelled", reasons(by)),
        State::AwaitingApproval => ("awaiting_approval", Value::Null),
        State::Queued => ("queued", Value::Null),
        State::Interrupted { attempt, .. } => ("interrupted", json!({ "attempt": attempt })),
        State::Failed { attempt, failures } => {
            let failures: Vec<Value> = failures
                .values()
                .map(|(code, at, sentence)| json!({ "code": code, "at": at, "sentence": sentence }))
                .collect();
            ("failed", json!({ "attempt": attempt, "failures": failures }))
        }
        State::Running { attempt, step, of, at } => {
            ("running", json!({ "attempt": attempt, "step": step, "of": of, "at": at }))
        }
    };
    let waiting = view.waiting.iter().map(|waiting| {
        json!({
            "party": waiting.party,
            "for": waited_for(waiting.what),
            "since": waiting.since.to_string(),
        })
    });
    json!({
        "run": run,
        "name": submission.name,
        "agreement": submission.agreement,
        "submitter": submission.submitter,
        "submitted_at": submission.submitted_at.to_string(),
        "state": word,
        "detail": detail,
        "waiting": waiting.collect::<Vec<_>>(),
        "approved_by": view.approvals.keys().collect::<Vec<_>>(),
    })
}

fn waited_for(what: WaitingFor) -> Value {
    match what {
        WaitingFor::Approval => "approval".into(),
        WaitingFor::Start => "start".into(),
        WaitingFor::Step(step) => json!({ "step": step }),
        WaitingFor::Connection => "connection".into(),
        WaitingFor::Finish => "finish".into(),
        WaitingFor::Retry => "retry".into(),
    }
}

fn attempts(view: &View) -> Value {
    let party = |(party, (progress, at)): (&MemberId, &(Progress, governance::time::Time))| {
        let progress = match progress {
            Progress::Begun => json!("begun"),
            Progress::Step(step) => json!({ "step": step }),
            Progress::Interrupted(by) => json!({ "waits_for": by }),
            Progress::Failed(code, at, sentence) => {
                json!({ "failed": code, "at": at, "sentence": sentence })
            }
            Progress::Finished(results) => json!({ "finished": results }),
        };
        json!({ "party": party, "progress": progress, "at": at.to_string() })
    };
    let attempt = |(number, parties): (&u32, &governance::jobs::Attempt)| {
        let parties: Vec<Value> = parties.iter().map(party).collect();
        json!({ "attempt": number, "parties": parties })
    };
    view.attempts.iter().map(attempt).collect()
}

pub(super) async fn check(call: Call) -> Result<Answer, Problem> {
    let new = call.json::<NewRun>()?.read()?;
    let plan = call.server.office.check_run(&new)?;
    let findings = call.server.office.preflight(&plan.request).await;
    let finding = |it: &office::Finding| {
        let verdict = it.verdict.word();
        json!({ "what": it.what.en, "verdict": verdict, "found": it.found.en })
    };
    let shown = json!({
        "digest": plan.job.digest(),
        "disclosures": plan.job.disclosures(),
        "preflight": findings.iter().map(finding).collect::<Vec<_>>(),
    });
    Answer::json(StatusCode::CREATED, &shown)
}

pub(super) async fn submit(call: Call) -> Result<Answer, Problem> {
    let new = call.json::<NewRun>()?.read()?;
    let run = call.server.office.submit(&call.caller()?.person, &new).await?;
    Answer::json(StatusCode::CREATED, &json!({ "run": run }))
}

pub(super) async fn approve(call: Call) -> Result<Answer, Problem> {
    let run = named(&call, 0, "run")?;
    call.server.office.approve(&call.caller()?.person, run).await?;
    Ok(Answer::nothing())
}

pub(super) async fn refuse(call: Call) -> Result<Answer, Problem> {
    let Reason { reason } = call.json()?;
    let run = named(&call, 0, "run")?;
    call.server.office.refuse(&call.caller()?.person, run, &reason).await?;
    Ok(Answer::nothing())
}

pub(super) async fn cancel(call: Call) -> Result<Answer, Problem> {
    let Reason { reason } = call.json()?;
    let run = named(&call, 0, "run")?;
    call.server.office.cancel(&call.caller()?.person, run, &reason).await?;
    Ok(Answer::nothing())
}

pub(super) async fn retry(call: Call) -> Result<Answer, Problem> {
    let run: Digest = named(&call, 0, "run")?;
    let attempt = {
        let state = call.server.office.state();
        let job = state.books.job(&run).ok_or_else(|| Problem::not_found("no such run"))?;
        job.view().attempts.keys().next_back().copied().unwrap_or_default() + 1
    };
    let act = JobAct::Retry { attempt };
    call.server.office.say(&call.caller()?.person, run, act).await?;
    Ok(Answer::nothing())
}

pub(super) async fn report(call: Call) -> Result<Answer, Problem> {
    let run = named(&call, 0, "run")?;
    let folder = call.server.dispatcher.results(run);
    let folder = folder.ok_or_else(|| Problem::not_found("the run has no results here"))?;
    let page = tokio::fs::read(folder.join(REPORT)).await;
    let page = page.map_err(|_| Problem::not_found("this party's results have no report"))?;
    Ok(Answer::text("text/html; charset=utf-8", page))
}

/// The page in a party's results.
const REPORT: &str = "report.html";
