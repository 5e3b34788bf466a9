//! What happened, page by page.

use crypto::hash::hex;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::endpoint::{Answer, Call};
use super::super::problem::Problem;
use crate::log::time_text;
use crate::store::{Event, EventFilter};

/// Which events are wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct EventQuery {
    /// Where the page before has ended: its `next`.
    after: Option<String>,
    /// Events on a page: 1 to 500, by default 100.
    limit: Option<u32>,
    /// Only of this kind, such as `people.added`.
    kind: Option<String>,
    /// Only about this, such as a person's id.
    subject: Option<String>,
}

/// A page of events.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct EventList {
    /// The oldest first.
    items: Vec<EventView>,
    /// What to ask for as `after`; missing behind the last page there is now.
    next: Option<String>,
}

/// One thing that happened.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(in super::super) struct EventView {
    /// Its place among all events of this node.
    sequence: String,
    /// When, by this node's clock.
    at: String,
    /// The key or the person it comes from; `node` for the node itself.
    author: String,
    /// The author's own number, for signed events.
    number: Option<String>,
    /// What kind of event.
    kind: String,
    /// What it is about.
    subject: String,
    /// The event itself: JSON, or hexadecimal bytes of a signed one.
    body: Value,
}

impl EventView {
    fn of(event: Event) -> Self {
        let body = serde_json::from_slice(&event.bytes);
        Self {
            sequence: event.sequence.to_string(),
            at: time_text(event.at),
            author: event.author,
            number: event.number.map(|number| number.to_string()),
            kind: event.kind,
            subject: event.subject,
            body: body.unwrap_or_else(|_| hex(&event.bytes).into()),
        }
    }
}

pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let query: EventQuery = call.query()?;
    let after = match query.after.as_deref().map(str::parse::<u64>) {
        None => 0,
        Some(Ok(after)) if i64::try_from(after).is_ok() => after,
        Some(_) => return Err(Problem::invalid("`after` is not the `next` of a page")),
    };
    let limit = query.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("`limit` is no number from 1 to {LIMIT_MAX}")));
    }
    let filter = EventFilter { kind: query.kind, subject: query.subject };
    // One more than is shown tells whether a page follows.
    let mut events = call.server.store.events_after(after, &filter, limit + 1).await?;
    let is_more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let last = events.last().filter(|_| is_more).map(|event| event.sequence.to_string());
    let items = events.into_iter().map(EventView::of).collect();
    Answer::json(StatusCode::OK, &EventList { items, next: last })
}

const LIMIT: u32 = 100;
const LIMIT_MAX: u32 = 500;
