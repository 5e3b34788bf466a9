//! The audit record: who agreed to what, what was opened, and the hashes of all messages.
//!
//! One JSON object a line. Every line holds the hash of the line before it, so that a line that is
//! changed, moved or removed in the middle shows: `hash = BLAKE3(previous ‖ line without its hash)`
//! as [`crypto::hash::digest`] frames them. The two parties' records can be compared: what one has
//! sent, the other has received.

use contract::Disclosure;
use net::{Attestation, Conversation, StepTraffic};
use serde_json::{Value, json};

use super::{Draft, hex};
use crate::error::JobError;
use crate::run::{Outcome, opening};
use crate::spec::JobSpec;

/// Writes `audit.jsonl`.
pub(super) fn write(
    draft: &Draft,
    job: &JobSpec,
    outcome: &Outcome,
    conversations: &[Conversation],
) -> Result<(), JobError> {
    let mut record = Record::default();
    record.add(json!({
        "record": "job",
        "job": outcome.job,
        "purpose": outcome.purpose,
        "digest": outcome.digest,
        "version": env!("CARGO_PKG_VERSION"),
        "party": outcome.party,
        "role": outcome.role,
        "canonical": job.canonical(),
    }));
    for attestations in conversations.iter().filter_map(Conversation::attestations) {
        record.add(attestation("own", &attestations.mine));
        record.add(attestation("peer", &attestations.theirs));
    }
    for step in &outcome.declared {
        for disclosure in &step.disclosures {
            record.add(declared(&step.step, disclosure));
        }
    }
    for opened in outcome.disclosed() {
        let mut line = opening(opened);
        line["record"] = "opened".into();
        record.add(line);
    }
    for conversation in conversations {
        for line in conversation.meter().snapshot() {
            record.add(messages(conversation.peer(), &line));
        }
    }
    draft.write_text("audit.jsonl", &record.text)
}

#[derive(Default)]
struct Record {
    text: String,
    previous: [u8; 32],
}

impl Record {
    fn add(&mut self, mut line: Value) {
        line["previous"] = hex(&self.previous).into();
        let hash = crypto::hash::digest(DOMAIN, &[&self.previous, line.to_string().as_bytes()]);
        line["hash"] = hex(&hash).into();
        self.previous = hash;
        self.text.push_str(&line.to_string());
        self.text.push('\n');
    }
}

fn attestation(whose: &str, attestation: &Attestation) -> Value {
    json!({
        "record": "attestation",
        "whose": whose,
        "party": attestation.party,
        "key": attestation.key.to_string(),
        "statement": hex(&attestation.statement),
        "signature": hex(&attestation.signature),
    })
}

fn messages(peer: &str, line: &StepTraffic) -> Value {
    json!({
        "record": "messages",
        "peer": peer,
        "path": line.path,
        "step": line.step,
        "sent": line.traffic.messages_sent,
        "bytes_sent": line.traffic.bytes_sent,
        "hash_sent": hex(&line.traffic.hash_sent),
        "received": line.traffic.messages_received,
        "bytes_received": line.traffic.bytes_received,
        "hash_received": hex(&line.traffic.hash_received),
    })
}

fn declared(step: &str, disclosure: &Disclosure) -> Value {
    json!({
        "record": "declared",
        "step": step,
        "to": disclosure.to.name(),
        "what": disclosure.key,
        "kind": disclosure.kind,
        "how_often": disclosure.count,
    })
}

const DOMAIN: &str = "jobs/folder/audit";
