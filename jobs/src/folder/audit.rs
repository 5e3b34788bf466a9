//! What this party writes into its audit record; [`governance::audit`] has the form.

use contract::Disclosure;
use crypto::hash::hex;
use governance::audit::Writer;
use net::{Attestation, Conversation, StepTraffic};
use serde_json::{Value, json};

use super::{Draft, Seal};
use crate::error::JobError;
use crate::run::{Outcome, opening};
use crate::spec::JobSpec;

/// Writes `audit.jsonl`.
pub(super) fn write(
    draft: &Draft,
    job: &JobSpec,
    outcome: &Outcome,
    conversations: &[Conversation],
    seal: &Seal<'_>,
) -> Result<(), JobError> {
    let mut record = Writer::default();
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
    for step in outcome.steps.iter().filter(|step| step.continued_behind > 0) {
        let (id, behind) = (&step.id, step.continued_behind);
        record.add(json!({ "record": "continued", "step": id, "behind": behind }));
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
    let Seal { identity, written } = seal;
    let text = record.seal(written, identity.public_key(), |statement| identity.sign(statement));
    draft.write_text("audit.jsonl", &text)
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
