//! What two parties said to each other, for cost and known-answer tests.

use net::{Meter, Totals};

/// One of the two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The party listed first.
    First,
    /// The other party.
    Second,
}

/// What one party said at one step, all occurrences together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direction {
    /// Path of the session, empty for the root.
    pub path: String,
    /// Name of the step.
    pub step: String,
    /// Who sent.
    pub from: Side,
    /// How many messages.
    pub messages: u64,
    /// How many payload bytes.
    pub bytes: u64,
    /// Hash chain over the messages.
    pub hash: [u8; 32],
}

/// The record of one run.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// What was sent at each step, ordered by path, step and sender.
    pub steps: Vec<Direction>,
    /// Sums as the first party counted them.
    pub first: Totals,
    /// Sums as the second party counted them.
    pub second: Totals,
}

impl Transcript {
    pub(crate) fn new(first: &Meter, second: &Meter) -> Self {
        let mut steps = Vec::new();
        for (from, meter) in [(Side::First, first), (Side::Second, second)] {
            for line in meter.snapshot() {
                if line.traffic.messages_sent > 0 {
                    steps.push(Direction {
                        path: line.path,
                        step: line.step,
                        from,
                        messages: line.traffic.messages_sent,
                        bytes: line.traffic.bytes_sent,
                        hash: line.traffic.hash_sent,
                    });
                }
            }
        }
        steps.sort_by(|a, b| (&a.path, &a.step, a.from).cmp(&(&b.path, &b.step, b.from)));
        Self { steps, first: first.totals(), second: second.totals() }
    }

    /// Payload bytes of both parties.
    pub fn bytes(&self) -> u64 {
        self.first.bytes_sent + self.second.bytes_sent
    }

    /// Messages of both parties.
    pub fn messages(&self) -> u64 {
        self.first.messages_sent + self.second.messages_sent
    }

    /// Changes of direction: of the two counts the larger one (the party that speaks first sees
    /// one more than the party that speaks last).
    pub fn rounds(&self) -> u64 {
        self.first.rounds.max(self.second.rounds)
    }

    /// Payload bytes that `from` sent at the steps whose label (`path/step`) begins with `prefix`.
    pub fn bytes_of(&self, from: Side, prefix: &str) -> u64 {
        let chosen =
            self.steps.iter().filter(|step| step.from == from && step.label().starts_with(prefix));
        chosen.map(|step| step.bytes).sum()
    }

    /// One hash over everything that was said, as 64 hexadecimal digits; does not depend on how
    /// paths that ran side by side were interleaved.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for step in &self.steps {
            for part in [step.path.as_bytes(), step.step.as_bytes()] {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
            hasher.update(&[step.from as u8]).update(&step.hash);
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl Direction {
    /// Path and step in one, as faults name them: `path/step`.
    pub fn label(&self) -> String {
        if self.path.is_empty() {
            self.step.clone()
        } else {
            format!("{}/{}", self.path, self.step)
        }
    }
}
