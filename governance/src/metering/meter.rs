//! Counting use, each once.

use std::collections::BTreeMap;

use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use super::UsageKind;
use crate::canonical::{Digest, Document, Flaw, rule};
use crate::members::MemberId;
use crate::time::Time;

/// That something was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageEvent {
    /// What tells it from all others.
    pub key: UsageKey,
    /// The digest of the terms under which the run was permitted: they have the price.
    pub terms: Digest,
    /// How many.
    pub count: u64,
    /// When the run's permit was issued: the same at both sides, so that they agree on the month.
    pub at: Time,
}

/// What one side has counted, for the other to compare. Signed by whoever counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageReport {
    /// Who counted.
    pub by: MemberId,
    /// The events.
    pub events: Vec<UsageEvent>,
}

/// Events of one report.
const EVENTS_MAX: usize = 1_000;

impl Document for UsageReport {
    const DOMAIN: &'static str = "governance/usage report";
    const BYTES_MAX: usize = 768 << 10;

    fn check(&self, _signer: &PublicKey) -> Result<(), Flaw> {
        rule((1..=EVENTS_MAX).contains(&self.events.len()), "events", "are not 1 to 1,000")?;
        self.events.iter().try_for_each(|event| {
            let own = [event.key.payer, event.key.payee].contains(&self.by);
            rule(own, "by", "neither pays nor is paid")?;
            event.check()
        })
    }
}

impl UsageEvent {
    fn check(&self) -> Result<(), Flaw> {
        rule(self.key.payer != self.key.payee, "payee", "is the payer")?;
        let one = self.key.kind != UsageKind::Jobs || self.count == 1;
        rule(one, "count", "of jobs is 1 for each run")
    }
}

/// What tells an event from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageKey {
    /// Who pays.
    pub payer: MemberId,
    /// Whom.
    pub payee: MemberId,
    /// The run.
    pub run: Digest,
    /// The step of the job.
    pub step: u32,
    /// The attempt.
    pub attempt: u32,
    /// What is counted.
    pub kind: UsageKind,
}

/// The events that one side has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    events: BTreeMap<UsageKey, UsageEvent>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It counts.
    New,
    /// It was counted before.
    Known,
}

/// Why an event is not counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCounted {
    /// The same thing was counted before, and otherwise; that stays.
    #[error("this use was counted before as {} and now as {}", .before.count, .now.count)]
    Contradiction {
        /// What was counted.
        before: Box<UsageEvent>,
        /// What was to be counted.
        now: Box<UsageEvent>,
    },
    /// It breaks a rule.
    #[error(transparent)]
    Flaw(#[from] Flaw),
}

impl Meter {
    /// Counts an event, once.
    ///
    /// # Errors
    /// [`NotCounted`]; nothing has changed then.
    pub fn add(&mut self, event: UsageEvent) -> Result<Added, NotCounted> {
        let added = self.examine(&event)?;
        self.count(event);
        Ok(added)
    }

    /// Counts an event that was examined before; what was counted first stays.
    pub(crate) fn count(&mut self, event: UsageEvent) {
        self.events.entry(event.key).or_insert(event);
    }

    /// What would become of an event; nothing changes.
    ///
    /// # Errors
    /// [`NotCounted`].
    pub fn examine(&self, event: &UsageEvent) -> Result<Added, NotCounted> {
        event.check()?;
        match self.events.get(&event.key) {
            None => Ok(Added::New),
            Some(before) if before == event => Ok(Added::Known),
            Some(before) => {
                let before = Box::new(before.clone());
                Err(NotCounted::Contradiction { before, now: Box::new(event.clone()) })
            }
        }
    }

    /// All events in the order of their keys.
    pub fn events(&self) -> impl Iterator<Item = &UsageEvent> {
        self.events.values()
    }
}

/// An event that the two sides have not counted alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub key: UsageKey,
    /// What this side has; `None` if it has none.
    pub ours: Option<UsageEvent>,
    /// What the other side has.
    pub theirs: Option<UsageEvent>,
}

/// All differences between two sides' events of what passed between `parties`, either way.
pub fn reconcile(ours: &Meter, theirs: &Meter, parties: [MemberId; 2]) -> Vec<Difference> {
    let between = |key: &&UsageKey| {
        let [one, other] = parties;
        (key.payer, key.payee) == (one, other) || (key.payer, key.payee) == (other, one)
    };
    let mut keys: Vec<&UsageKey> =
        ours.events.keys().chain(theirs.events.keys()).filter(between).collect();
    keys.sort();
    keys.dedup();
    let difference = |key: &UsageKey| {
        let (ours, theirs) = (ours.events.get(key).cloned(), theirs.events.get(key).cloned());
        (ours != theirs).then_some(Difference { key: *key, ours, theirs })
    };
    keys.into_iter().filter_map(difference).collect()
}
