//! Proving one line of a sealed record without showing the others.

use crypto::hash::{bytes_of_hex, hex};
use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::verify::parts;
use super::{Record, hash_of_line, hash_of_text, sealed, tree};

/// A line, and what shows that it stands in a record that a party sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    record: String,
    /// The line as it stands in the record.
    pub line: String,
    /// Its number, from 1.
    pub number: u64,
    /// Lines of the record without the seal.
    pub lines: u64,
    /// What the root follows from, from the line upwards, 64 hexadecimal digits each.
    path: Vec<String>,
    /// The hash of the last line before the seal.
    previous: String,
    /// When the record was sealed.
    pub written: String,
    /// The key that sealed it: check that it is the party's.
    pub key: String,
    signature: String,
}

impl Proof {
    /// The name by which a proof is told from a record.
    pub const NAME: &'static str = "proof";

    /// Proves the line of this `number`, from 1, of a record whose text was verified; `None` for
    /// the seal and numbers beyond.
    pub fn of(text: &str, record: &Record, number: usize) -> Option<Self> {
        let index = number.checked_sub(1)?;
        let (_, before) = record.hashes.split_last()?;
        let path = tree::path(before, index)?;
        let seal: Value = serde_json::from_str(text.lines().next_back()?).ok()?;
        Some(Self {
            record: Self::NAME.to_owned(),
            line: text.lines().nth(index)?.to_owned(),
            number: number as u64,
            lines: before.len() as u64,
            path: path.iter().map(|hash| hex(hash)).collect(),
            previous: hex(before.last()?),
            written: record.written.clone(),
            key: record.key.to_string(),
            signature: seal["signature"].as_str()?.to_owned(),
        })
    }

    /// The key that sealed the record in which the line stands.
    ///
    /// # Errors
    /// [`NoProof`], if it does not follow that it does.
    pub fn verify(&self) -> Result<PublicKey, NoProof> {
        let checked = || {
            let (before_hash, hash) = parts(&self.line)?;
            let line: Value = serde_json::from_str(&self.line).ok()?;
            let previous = hash_of_text(line["previous"].as_str()?)?;
            if self.record != Self::NAME || hash_of_line(&previous, before_hash) != hash {
                return None;
            }
            let path = self.path.iter().map(|hash| hash_of_text(hash));
            let path: Vec<[u8; 32]> = path.collect::<Option<_>>()?;
            let index = self.number.checked_sub(1)?;
            let root = tree::root_of_path(&hash, index, self.lines, &path)?;
            let key: PublicKey = self.key.parse().ok()?;
            let previous = hash_of_text(&self.previous)?;
            let statement = sealed(&previous, self.lines, &root, &self.written);
            key.verify(&statement, &bytes_of_hex(&self.signature)?).then_some(key)
        };
        checked().ok_or(NoProof)
    }
}

/// The proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not hold: the line, its place or the seal was changed")]
pub struct NoProof;
