//! Writing a record.

use crypto::hash::hex;
use crypto::signature::PublicKey;
use serde_json::{Value, json};

use super::{end_of_line, hash_of_line, sealed, tree};

/// A record that grows line by line until it is sealed.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
    hashes: Vec<[u8; 32]>,
    previous: [u8; 32],
}

impl Writer {
    /// Adds a line: an object whose `record` says what it is.
    pub fn add(&mut self, mut line: Value) {
        line["previous"] = hex(&self.previous).into();
        let text = line.to_string();
        let before_hash = text.strip_suffix('}').unwrap_or(&text);
        self.previous = hash_of_line(&self.previous, before_hash);
        self.hashes.push(self.previous);
        self.text.push_str(before_hash);
        self.text.push_str(&end_of_line(&self.previous));
        self.text.push('\n');
    }

    /// Ends the record with the seal of the party: `written` is the time, `sign` signs by `key`.
    /// Returns the whole text.
    pub fn seal(
        mut self,
        written: &str,
        key: PublicKey,
        sign: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> String {
        let (lines, root) = (self.hashes.len() as u64, tree::root(&self.hashes));
        let signature = sign(&sealed(&self.previous, lines, &root, written));
        self.add(json!({
            "record": SEAL,
            "lines": lines,
            "root": hex(&root),
            "written": written,
            "key": key.to_string(),
            "signature": hex(&signature),
        }));
        self.text
    }
}

/// The name of the last line.
pub(super) const SEAL: &str = "seal";
