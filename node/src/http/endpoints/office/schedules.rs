//! Runs that are asked for again and again.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::super::endpoint::{Answer, Call};
use super::super::super::problem::Problem;
use super::named;
use super::runs::NewRun;
use crate::office::{LedTo, Scheduled};

/// A run and when to ask for it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct NewSchedule {
    /// The run.
    run: NewRun,
    /// Minute, hour, day of the month, month and day of the week as in cron, by the clock of the
    /// agreement: `0 3 * * 1-5`.
    when: String,
}

/// A schedule that was made.
#[derive(Serialize, JsonSchema)]
pub(in super::super::super) struct Made {
    /// Its number.
    number: u32,
}

/// All schedules.
#[derive(Serialize, JsonSchema)]
pub(in super::super::super) struct ScheduleList {
    items: Vec<ShownSchedule>,
}

#[derive(Serialize, JsonSchema)]
struct ShownSchedule {
    number: u32,
    /// The digest of the terms.
    agreement: String,
    /// Five fields as in cron.
    when: String,
    /// How far the clock of the agreement is ahead of UTC, in minutes.
    utc_offset_minutes: i16,
    by: String,
    /// The next time; none if there is none before the year 10000.
    next: Option<String>,
    /// The last time.
    last: Option<String>,
    /// The last run that it led to.
    run: Option<String>,
    /// Why the last time led to no run.
    hindrance: Option<String>,
}

fn shown(kept: &Scheduled) -> ShownSchedule {
    let schedule = &kept.schedule;
    let hindrance = kept.last.as_ref().and_then(|(_, led_to)| match led_to {
        LedTo::Run(_) => None,
        LedTo::Left(before) => Some(format!("the run before is not over: {before}")),
        LedTo::Nothing { en, .. } => Some(en.clone()),
    });
    ShownSchedule {
        number: schedule.number,
        agreement: schedule.run.agreement.to_string(),
        when: schedule.when.clone(),
        utc_offset_minutes: schedule.utc_offset_minutes,
        by: schedule.by.clone(),
        next: kept.next.map(|time| time.to_string()),
        last: kept.last.as_ref().map(|(time, _)| time.to_string()),
        run: kept.run.map(|run| run.to_string()),
        hindrance,
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let items = call.server.office.state().schedules.values().map(shown).collect();
    Answer::json(StatusCode::OK, &ScheduleList { items })
}

pub(super) async fn make(call: Call) -> Result<Answer, Problem> {
    let NewSchedule { run, when } = call.json()?;
    let run = run.read()?;
    let number = call.server.office.schedule(&call.caller()?.person, &run, &when).await?;
    Answer::json(StatusCode::CREATED, &Made { number })
}

pub(super) async fn end(call: Call) -> Result<Answer, Problem> {
    let number = named(&call, 0, "schedule")?;
    call.server.office.end_schedule(&call.caller()?.person, number).await?;
    Ok(Answer::nothing())
}
