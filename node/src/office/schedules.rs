//! Runs that are asked for again and again.
//!
//! What is due and the run that it leads to are one transaction, so that a node that was killed at
//! any point asks for it once. Times that passed while a node was down lead to one run.

use contract::Text;
use governance::canonical::Digest;
use governance::recurrence::{Recurrence, RecurrenceError};
use governance::time::Time;
use serde::{Deserialize, Serialize};

use super::runs::{NewRun, submission};
use super::{Office, OfficeError, OfficeEvent, Outcome, State, time};
use crate::people::THE_NODE;

/// A run that is asked for whenever it is time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Counts from 1.
    pub number: u32,
    /// What is asked for.
    pub run: NewRun,
    /// When, as [`Recurrence`] reads it.
    pub when: String,
    /// How far clocks are ahead of UTC, in minutes, where `when` is meant: as in the agreement.
    pub utc_offset_minutes: i16,
    /// Who made it.
    pub by: String,
    /// When it was made.
    pub made_at: Time,
}

/// What happened to a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleEvent {
    /// It was made.
    Made(Box<Schedule>),
    /// It was time.
    Due {
        /// Which one.
        number: u32,
        /// When that was seen.
        at: Time,
        /// What followed.
        led_to: LedTo,
    },
    /// It ended.
    Ended(u32),
}

impl ScheduleEvent {
    /// The number of the schedule.
    pub fn number(&self) -> u32 {
        match self {
            Self::Made(schedule) => schedule.number,
            Self::Due { number, .. } | Self::Ended(number) => *number,
        }
    }
}

/// What followed when it was time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LedTo {
    /// A run was asked for.
    Run(Digest),
    /// It was left out, since the one before is not over.
    Left(Digest),
    /// Something kept it from being asked for.
    Nothing {
        /// What, in English.
        en: String,
        /// The same in Chinese.
        zh: String,
    },
}

/// A schedule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The schedule.
    pub schedule: Schedule,
    /// When it was last due, and what followed.
    pub last: Option<(Time, LedTo)>,
    /// The last run that it led to.
    pub run: Option<Digest>,
    /// When it is due next.
    pub next: Option<Time>,
}

/// Puts what happened into the schedules of a state.
pub(super) fn apply(state: &mut State, event: &ScheduleEvent) {
    match event {
        ScheduleEvent::Made(schedule) => {
            state.schedules_made = state.schedules_made.max(schedule.number);
            let next = next(schedule, schedule.made_at);
            let kept = Scheduled { schedule: (**schedule).clone(), last: None, run: None, next };
            state.schedules.insert(schedule.number, kept);
        }
        ScheduleEvent::Due { number, at, led_to } => {
            if let Some(kept) = state.schedules.get_mut(number) {
                if let LedTo::Run(run) = led_to {
                    kept.run = Some(*run);
                }
                kept.last = Some((*at, led_to.clone()));
                kept.next = next(&kept.schedule, *at);
            }
        }
        ScheduleEvent::Ended(number) => {
            state.schedules.remove(number);
        }
    }
}

/// When a schedule is due after a time.
fn next(schedule: &Schedule, after: Time) -> Option<Time> {
    let recurrence: Recurrence = schedule.when.parse().ok()?;
    recurrence.next(after, schedule.utc_offset_minutes)
}

impl Office {
    /// Asks for a run whenever it is time, from now on. Returns the number of the schedule.
    ///
    /// # Errors
    /// What keeps the run from being submitted now, a text that says no times, or too many
    /// schedules.
    #[net::boxed]
    pub async fn schedule(&self, by: &str, run: &NewRun, when: &str) -> Result<u32, OfficeError> {
        let turn = self.turn().await;
        let schedule = {
            let state = self.state();
            super::runs::check(&state, run)?;
            let recurrence: Recurrence =
                when.parse().map_err(|why| OfficeError::Job(said(&why)))?;
            if state.schedules.len() >= SCHEDULES_MAX {
                return Err(OfficeError::Job(TOO_MANY));
            }
            let terms = state.terms(&run.agreement).ok_or(OfficeError::Unknown("agreement"))?;
            Schedule {
                number: state.schedules_made + 1,
                run: run.clone(),
                when: recurrence.to_string(),
                utc_offset_minutes: terms.utc_offset_minutes,
                by: by.to_owned(),
                made_at: time(),
            }
        };
        let number = schedule.number;
        let event = OfficeEvent::Schedule(ScheduleEvent::Made(Box::new(schedule)));
        self.commit(&turn, by, Outcome { events: vec![event], mail: Vec::new() }, None).await?;
        Ok(number)
    }

    /// Ends a schedule; runs that it has led to go on.
    ///
    /// # Errors
    /// There is none of this number.
    #[net::boxed]
    pub async fn end_schedule(&self, by: &str, number: u32) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        if !self.state().schedules.contains_key(&number) {
            return Err(OfficeError::Unknown("schedule"));
        }
        let event = OfficeEvent::Schedule(ScheduleEvent::Ended(number));
        self.commit(&turn, by, Outcome { events: vec![event], mail: Vec::new() }, None).await
    }

    /// Asks for every run that is due.
    #[net::boxed]
    pub async fn begin_due(&self) -> Result<(), OfficeError> {
        loop {
            let turn = self.turn().await;
            let outcome = {
                let (state, now) = (self.state(), time());
                let due = |it: &&Scheduled| it.next.is_some_and(|next| next <= now);
                let Some(due) = state.schedules.values().find(due) else { return Ok(()) };
                self.begin(&state, due, now)
            };
            self.commit(&turn, THE_NODE, outcome, None).await?;
        }
    }

    /// What follows where a schedule is due.
    fn begin(&self, state: &State, due: &Scheduled, at: Time) -> Outcome {
        let is_open =
            |run: &Digest| state.books.job(run).is_some_and(|job| !job.view().state.is_final());
        let (led_to, mut outcome) = match due.run.filter(is_open) {
            Some(before) => (LedTo::Left(before), Outcome::default()),
            None => match submission(state, &due.schedule.run, &self.signer()) {
                Ok((run, outcome)) => (LedTo::Run(run), outcome),
                Err(why) => {
                    let Text { en, zh } = why.text();
                    let (en, zh) = (en.into_owned(), zh.into_owned());
                    (LedTo::Nothing { en, zh }, Outcome::default())
                }
            },
        };
        let number = due.schedule.number;
        let event = ScheduleEvent::Due { number, at, led_to };
        outcome.events.push(OfficeEvent::Schedule(event));
        outcome
    }
}

/// Why a text says no times, in both languages.
fn said(why: &RecurrenceError) -> Text {
    let zh = match why {
        RecurrenceError::Field { given, least, most, .. } => {
            format!("定时规则中的 {given:?} 有误：应为 * 或 {least} 至 {most} 的数字")
        }
        RecurrenceError::Never => "定时规则不对应任何日期".to_owned(),
        _ => "定时规则须有五个字段：分、时、日、月、星期".to_owned(),
    };
    Text::owned(why.to_string(), zh)
}

/// Schedules of one node.
const SCHEDULES_MAX: usize = 100;
const TOO_MANY: Text = Text::new(
    "this node has 100 schedules; end one that is needed no longer",
    "本节点已有 100 个定时任务，请先结束不再需要的",
);
