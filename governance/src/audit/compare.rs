//! Checking two parties' records of one job against each other.

use std::collections::BTreeMap;

use contract::JobDigest;

use super::{Attested, Messages, Record};

/// How two records fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Steps in which the two talked to each other, by either record.
    pub steps: usize,
    /// Messages of these steps, both ways, by the first record.
    pub messages: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// Where they do not fit; none for honest records.
    pub differences: Vec<Difference>,
}

/// Where two records do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// They are of two jobs.
    Job([JobDigest; 2]),
    /// They are of the same party.
    Party(String),
    /// The first party's signature for the second one stands in only one of the records, or two
    /// different ones do.
    Attestation {
        /// Who signed.
        of: String,
        /// In whose record it should stand too.
        missing_at: String,
    },
    /// They declare different disclosures: that one stands in the record of this party only.
    Declared {
        /// Whose record has it.
        only_at: String,
        /// The line without its hashes.
        line: String,
    },
    /// What one has sent is not what the other has received.
    Messages {
        /// The sender.
        from: String,
        /// Path and step.
        step: String,
        /// Messages, bytes and hash by the sender's record.
        sent: Traffic,
        /// The same by the receiver's.
        received: Traffic,
    },
}

/// One direction of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages.
    pub messages: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Hash chain, 64 hexadecimal digits; empty where there was nothing.
    pub hash: String,
}

/// Compares two records that were verified.
pub fn compare(first: &Record, second: &Record) -> Comparison {
    let mut comparison = Comparison::default();
    if first.digest != second.digest {
        comparison.differences.push(Difference::Job([first.digest, second.digest]));
        return comparison;
    }
    if first.party == second.party {
        comparison.differences.push(Difference::Party(first.party.clone()));
        return comparison;
    }
    for (one, other) in [(first, second), (second, first)] {
        comparison.differences.extend(attestations(one, other));
        comparison.differences.extend(declared(one, other));
    }
    let [ours, theirs] = [(first, second), (second, first)].map(|(of, with)| steps(of, with));
    let mut names: Vec<_> = ours.keys().chain(theirs.keys()).collect();
    names.sort_unstable();
    names.dedup();
    comparison.steps = names.len();
    for name in names {
        let [ours, theirs] = [ours.get(name), theirs.get(name)];
        let directions = [
            (&first.party, sent(ours), received(theirs)),
            (&second.party, sent(theirs), received(ours)),
        ];
        for (from, sent, received) in directions {
            comparison.messages += sent.messages;
            comparison.bytes += sent.bytes;
            if sent != received {
                let step = format!("{} {}", name.0, name.1).trim_start().to_owned();
                let from = from.clone();
                comparison.differences.push(Difference::Messages { from, step, sent, received });
            }
        }
    }
    comparison
}

/// The own signatures of `one` that `other` does not have, if the two talked to each other.
fn attestations<'a>(
    one: &'a Record,
    other: &'a Record,
) -> impl Iterator<Item = Difference> + use<'a> {
    let have = |record: &'a Record, own| {
        let of_pair = move |it: &&Attested| it.own == own && it.party == one.party;
        record.attestations.iter().filter(of_pair)
    };
    let known = have(other, false).collect::<Vec<_>>();
    // A guest signs once for each host, with another nonce each time.
    let talked = other.messages.iter().any(|it| it.peer == one.party);
    let fits = have(one, true)
        .any(|own| known.iter().any(|it| (it.key, &it.statement) == (own.key, &own.statement)));
    let difference =
        Difference::Attestation { of: one.party.clone(), missing_at: other.party.clone() };
    (talked && !fits).then_some(difference).into_iter()
}

fn declared<'a>(one: &'a Record, other: &'a Record) -> impl Iterator<Item = Difference> + use<'a> {
    let only_here = one.declared.iter().filter(|line| !other.declared.contains(line));
    only_here.map(|line| Difference::Declared { only_at: one.party.clone(), line: line.clone() })
}

/// What one has written of its steps with the other, by path and step.
fn steps<'a>(of: &'a Record, with: &Record) -> BTreeMap<(&'a str, &'a str), &'a Messages> {
    let with_other = of.messages.iter().filter(|it| it.peer == with.party);
    with_other.map(|it| ((it.path.as_str(), it.step.as_str()), it)).collect()
}

fn sent(messages: Option<&&Messages>) -> Traffic {
    messages.filter(|it| it.sent > 0).map_or_else(Traffic::default, |it| Traffic {
        messages: it.sent,
        bytes: it.bytes_sent,
        hash: it.hash_sent.clone(),
    })
}

fn received(messages: Option<&&Messages>) -> Traffic {
    messages.filter(|it| it.received > 0).map_or_else(Traffic::default, |it| Traffic {
        messages: it.received,
        bytes: it.bytes_received,
        hash: it.hash_received.clone(),
    })
}
