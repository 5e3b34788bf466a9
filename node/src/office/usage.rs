//! What a finished run costs, counted from what both sides know of it.

use contract::JobDigest;
use governance::audit;
use governance::canonical::Digest;
use governance::jobs::{Job, State as RunState};
use governance::metering::{PriceLine, UsageEvent, UsageKey, UsageKind};
use serde::Deserialize;

use super::state::State;

/// What this member's sealed record says of a finished run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many of its rows matched; `None` for a party that does not learn it.
    pub hits: Option<u64>,
}

/// A line about what a party has learnt; other lines lack some of it.
#[derive(Deserialize)]
struct Opened {
    record: String,
    party: String,
    what: String,
    count: u64,
}

impl Figures {
    /// The figures of an audit record of the job with this digest; none if it is of another one, or
    /// was changed after it was sealed.
    pub fn of_record(text: &str, job: &JobDigest) -> Self {
        let Ok(record) = audit::verify(text) else { return Self::default() };
        if record.digest != *job {
            return Self::default();
        }
        let opened = text.lines().filter_map(|line| serde_json::from_str::<Opened>(line).ok());
        let mut hits = opened.filter(|it| {
            it.record == "opened" && it.party == record.party && it.what == MATCHED_ROWS
        });
        Self { hits: hits.next().map(|it| it.count) }
    }

    /// How many of a kind were used. Rows and questions are in no record that both sides have, so
    /// that nobody counts them.
    fn count(self, kind: UsageKind) -> Option<u64> {
        match kind {
            UsageKind::Jobs => Some(1),
            UsageKind::Hits => self.hits,
            UsageKind::Rows | UsageKind::Calls => None,
        }
    }
}

/// What a finished run costs between this member and others, by the terms and the permit that both
/// have signed: every kind that has a price and that this member can count.
pub(super) fn usage(state: &State, run: &Digest, figures: Figures) -> Vec<UsageEvent> {
    let finished = |job: &Job| match job.view().state {
        RunState::Finished { attempt, .. } => Some(attempt),
        _ => None,
    };
    let Some((job, attempt)) = state.books.job(run).and_then(|job| Some((job, finished(job)?)))
    else {
        return Vec::new();
    };
    let submission = job.submission().content();
    let permit = state.books.permits(run).and_then(|it| it.get(&submission.submitter));
    let (Some(permit), Some(terms)) = (permit, state.terms(&submission.agreement)) else {
        return Vec::new();
    };
    let own = state.own();
    let ours = terms.prices.iter().filter(|price| [price.payer, price.payee].contains(&own));
    let event = |price: &PriceLine| {
        let PriceLine { payer, payee, kind, .. } = *price;
        Some(UsageEvent {
            key: UsageKey { payer, payee, run: *run, step: 0, attempt, kind },
            terms: submission.agreement,
            count: figures.count(kind)?,
            at: permit.content().issued_at,
        })
    };
    ours.filter_map(event).collect()
}

/// What records call the rows that matched.
const MATCHED_ROWS: &str = "intersection.rows";
