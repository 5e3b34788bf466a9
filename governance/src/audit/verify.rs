//! Checking one record alone.

use std::fmt;

use contract::JobDigest;
use crypto::hash::bytes_of_hex;
use crypto::signature::PublicKey;
use serde_json::Value;

use super::writer::SEAL;
use super::{
    Attested, END_BYTES, HASH, Record, end_of_line, hash_of_line, hash_of_text, sealed, tree,
};
use crate::permit;

/// Where a record stops to be one, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not of the form that records have.
    Form,
    /// Its hash does not fit what stands in it.
    Content,
    /// It does not follow the line before it.
    Order,
    /// The first line does not name the job, or another one does.
    Job,
    /// The digest is not that of the job in the record.
    Digest,
    /// The signature of an attestation is not that of its key.
    Attestation,
    /// An attestation is for another job.
    OtherJob,
    /// The record's owner signed by another key than the seal's.
    Key,
    /// The record ends without its seal.
    NoSeal,
    /// Lines follow the seal.
    AfterSeal,
    /// The seal is for other lines.
    Lines,
    /// The seal's signature is not that of its key.
    Signature,
}

/// Reads a record and checks everything that can be checked of it alone.
///
/// # Errors
/// [`Fault`], the first one from the top.
pub fn verify(text: &str) -> Result<Record, Fault> {
    let chain = Chain::read(text)?;
    let (first, _) = chain.named(0).filter(|(_, name)| *name == "job").ok_or(fault(0, Why::Job))?;
    let mut record = head(first).ok_or(fault(0, Why::Form))?;
    if permit::digest(text_of(first, "canonical").unwrap_or_default()) != record.digest {
        return Err(fault(0, Why::Digest));
    }
    let mut seal = None;
    for index in 1..chain.lines.len() {
        let (line, name) = chain.named(index).ok_or(fault(index, Why::Form))?;
        if seal.is_some() {
            return Err(fault(index, Why::AfterSeal));
        }
        match name {
            "job" => return Err(fault(index, Why::Job)),
            "attestation" => record.attestations.push(attested(line, record.digest, index)?),
            "declared" => record.declared.push(without_chain(line)),
            "opened" => record.opened += 1,
            // What went before stands in no record: time, traffic and hashes are of the last run.
            "continued" => record.continued += 1,
            "messages" => {
                let messages = serde_json::from_value(line.clone());
                record.messages.push(messages.map_err(|_| fault(index, Why::Form))?);
            }
            SEAL => seal = Some((index, line)),
            _ => return Err(fault(index, Why::Form)),
        }
    }
    let (at, seal) = seal.ok_or(fault(chain.lines.len(), Why::NoSeal))?;
    check_seal(&mut record, &chain, seal, at)?;
    let mut own = record.attestations.iter().filter(|it| it.own);
    if own.any(|it| it.key != record.key || it.party != record.party) {
        return Err(fault(at, Why::Key));
    }
    record.lines = chain.lines.len();
    record.hashes = chain.hashes;
    Ok(record)
}

/// Lines that follow each other.
struct Chain {
    lines: Vec<Value>,
    hashes: Vec<[u8; 32]>,
}

impl Chain {
    fn read(text: &str) -> Result<Self, Fault> {
        let mut chain = Self { lines: Vec::new(), hashes: Vec::new() };
        let mut previous = [0; 32];
        let Some(text) = text.strip_suffix('\n') else {
            let lines = text.lines().count();
            return Err(fault(lines.saturating_sub(1), Why::Form));
        };
        for (index, text) in text.split('\n').enumerate() {
            let (before_hash, hash) = parts(text).ok_or(fault(index, Why::Form))?;
            let line: Value = serde_json::from_str(text).map_err(|_| fault(index, Why::Form))?;
            let claimed = text_of(&line, "previous").and_then(hash_of_text);
            let claimed = claimed.ok_or(fault(index, Why::Form))?;
            if hash_of_line(&claimed, before_hash) != hash {
                return Err(fault(index, Why::Content));
            }
            if claimed != previous {
                return Err(fault(index, Why::Order));
            }
            previous = hash;
            chain.lines.push(line);
            chain.hashes.push(hash);
        }
        Ok(chain)
    }

    fn named(&self, index: usize) -> Option<(&Value, &str)> {
        let line = self.lines.get(index)?;
        Some((line, text_of(line, "record")?))
    }
}

/// A line's bytes before its hash, and the hash.
pub(super) fn parts(line: &str) -> Option<(&str, [u8; 32])> {
    let at = line.len().checked_sub(END_BYTES)?;
    let (before_hash, end) = line.split_at_checked(at)?;
    let hash = hash_of_text(end.strip_prefix(HASH)?.strip_suffix("\"}")?)?;
    // In capitals it would be another text with the same hash.
    (end == end_of_line(&hash)).then_some((before_hash, hash))
}

pub(super) fn text_of<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line.get(name)?.as_str()
}

fn head(line: &Value) -> Option<Record> {
    let text = |name| text_of(line, name).map(str::to_owned);
    Some(Record {
        job: text("job")?,
        purpose: text("purpose")?,
        digest: text("digest")?.parse().ok()?,
        party: text("party")?,
        attestations: Vec::new(),
        declared: Vec::new(),
        opened: 0,
        continued: 0,
        messages: Vec::new(),
        lines: 0,
        written: String::new(),
        key: PublicKey::new([0; 32]),
        hashes: Vec::new(),
    })
}

fn attested(line: &Value, digest: JobDigest, index: usize) -> Result<Attested, Fault> {
    let read = || {
        let bytes = |name| text_of(line, name).and_then(bytes_of_hex);
        let attested = Attested {
            own: text_of(line, "whose")? == "own",
            party: text_of(line, "party")?.to_owned(),
            key: text_of(line, "key")?.parse().ok()?,
            statement: bytes("statement")?,
        };
        Some((attested, bytes("signature")?))
    };
    let (attested, signature) = read().ok_or(fault(index, Why::Form))?;
    if !attested.key.verify(&attested.statement, &signature) {
        return Err(fault(index, Why::Attestation));
    }
    // The statement begins with a title, the version of the protocol and the digest of the job.
    let rest = attested.statement.strip_prefix(STATEMENT_TITLE).and_then(|rest| rest.get(4..36));
    if rest != Some(digest.as_bytes()) {
        return Err(fault(index, Why::OtherJob));
    }
    Ok(attested)
}

fn check_seal(record: &mut Record, chain: &Chain, line: &Value, index: usize) -> Result<(), Fault> {
    let read = || {
        let lines = line.get("lines")?.as_u64()?;
        let root = text_of(line, "root").and_then(hash_of_text)?;
        let key: PublicKey = text_of(line, "key")?.parse().ok()?;
        let signature = text_of(line, "signature").and_then(bytes_of_hex)?;
        Some((lines, root, key, signature, text_of(line, "written")?.to_owned()))
    };
    let (lines, root, key, signature, written) = read().ok_or(fault(index, Why::Form))?;
    let before = &chain.hashes[..index];
    let previous = before.last().copied().unwrap_or_default();
    if lines != index as u64 || root != tree::root(before) {
        return Err(fault(index, Why::Lines));
    }
    if !key.verify(&sealed(&previous, lines, &root, &written), &signature) {
        return Err(fault(index, Why::Signature));
    }
    (record.key, record.written) = (key, written);
    Ok(())
}

/// A line without what chains it to the others.
fn without_chain(line: &Value) -> String {
    let mut line = line.clone();
    if let Value::Object(fields) = &mut line {
        fields.retain(|name, _| name != "previous" && name != "hash");
    }
    line.to_string()
}

fn fault(index: usize, why: Why) -> Fault {
    Fault { line: index + 1, why }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Form => "not a line of an audit record",
            Self::Content => "its hash does not fit what stands in it: it was changed",
            Self::Order => {
                "it does not follow the line before it: lines were removed, added or moved"
            }
            Self::Job => "a record names its job in the first line and nowhere else",
            Self::Digest => "the digest is not that of the job that stands beside it",
            Self::Attestation => "the signature is not that of the key beside it",
            Self::OtherJob => "the signature is for another job",
            Self::Key => "whoever sealed the record did not take part in the job by the same key",
            Self::NoSeal => {
                "the seal is missing: the end of the record was removed, or it was never finished"
            }
            Self::AfterSeal => "it stands after the seal",
            Self::Lines => "the seal is for other lines than these",
            Self::Signature => "the seal's signature is not that of the key beside it",
        })
    }
}

impl std::error::Error for Fault {}

/// What every attestation begins with, see `net`.
const STATEMENT_TITLE: &[u8] = b"tombolo session v1";
