//! One byte form for each value that is hashed or signed, and values that carry their signature.
//!
//! The form is JSON without white space: fields in the order of the struct, maps and sets sorted,
//! whole numbers only. [`decode`] reads a value, writes it again and compares the bytes. So unknown
//! and repeated fields, trailing bytes, other orders and other spellings are all refused by one
//! rule.

use std::fmt;
use std::str::FromStr;

use contract::JobDigest;
use crypto::hash::{self, bytes_of_hex, hex};
use crypto::signature::PublicKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that members sign or name by its digest.
pub trait Document: Serialize + DeserializeOwned {
    /// What it is, in every hash and signature: `governance/card`.
    const DOMAIN: &'static str;
    /// The longest canonical form, with its signature.
    const BYTES_MAX: usize;

    /// Checks what its type cannot say: lengths, ranges, and who may sign it.
    ///
    /// # Errors
    /// [`Flaw`], the first one.
    fn check(&self, signer: &PublicKey) -> Result<(), Flaw>;
}

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct Flaw {
    /// The field.
    pub field: &'static str,
    /// The rule that it breaks: "has more than 200 characters".
    pub rule: &'static str,
}

/// `Ok` if `holds`, else the flaw.
pub(crate) fn rule(holds: bool, field: &'static str, rule: &'static str) -> Result<(), Flaw> {
    if holds { Ok(()) } else { Err(Flaw { field, rule }) }
}

/// A line of text for people: not empty, at most `characters_max`, and nothing that a terminal or a
/// page would obey instead of showing it.
pub(crate) fn line(field: &'static str, text: &str, characters_max: usize) -> Result<(), Flaw> {
    rule(!text.trim().is_empty(), field, "is empty")?;
    rule(text.chars().count() <= characters_max, field, "is too long")?;
    rule(text.chars().all(shows), field, "has characters that do not show")
}

/// Whether a character shows, and leaves the order of the others as it is.
fn shows(character: char) -> bool {
    let steers = matches!(character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let blank = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}');
    !character.is_control() && !steers && !blank
}

/// The canonical bytes of a value.
///
/// # Panics
/// If `T` has a map whose keys are no texts. No type of this crate has one.
#[expect(clippy::expect_used, reason = "plain structs, text keys, no fallible serialiser")]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("a document has a JSON form")
}

/// Reads canonical bytes; only what [`encode`] writes is read.
///
/// # Errors
/// [`DecodeError`].
pub fn decode<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    bytes_max: usize,
) -> Result<T, DecodeError> {
    if bytes.len() > bytes_max {
        return Err(DecodeError::TooLong { bytes: bytes.len(), bytes_max });
    }
    let value: T =
        serde_json::from_slice(bytes).map_err(|error| DecodeError::Form(said(&error)))?;
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

/// What a parser says, without a word of the sender: it stands in logs and on pages.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // Only these messages quote; all others consist of this program's own words.
    let quotes = text.starts_with("unknown ") || text.starts_with("invalid ");
    if !quotes {
        return text;
    }
    format!("a field or value is none that is known here, at byte {}", error.column())
}

/// The bytes are no document of the kind that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Longer than documents of this kind may be.
    #[error("it has {bytes} bytes; at most {bytes_max} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// Not of this form, or with a wrong signature, or against a rule.
    #[error("it is not well formed: {0}")]
    Form(String),
    /// Another spelling of a document.
    #[error("it is not in canonical form, so that its signature covers other bytes")]
    NotCanonical,
}

/// The name of a document: the hash of its canonical form, by what it is.
pub fn digest_of<T: Document>(document: &T) -> Digest {
    Digest(hash::digest(T::DOMAIN, &[&encode(document)]))
}

/// A key that signs; the secret half stays where it is.
pub trait Signer {
    /// The public half.
    fn key(&self) -> PublicKey;

    /// The Ed25519 signature of `statement`, 64 bytes.
    fn signature_of(&self, statement: &[u8]) -> Vec<u8>;
}

/// A document with a signature that was checked.
///
/// There is no value of this type whose signature is wrong or whose content breaks its rules:
/// signing, decoding and reading from a store all check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked<T>", bound(deserialize = "T: Document"))]
pub struct Signed<T> {
    content: T,
    #[serde(with = "key_text")]
    key: PublicKey,
    signature: Signature,
    #[serde(skip)]
    digest: Digest,
    /// Bytes of the content.
    #[serde(skip)]
    length: usize,
}

impl<T: Document> Signed<T> {
    /// Signs `content`.
    ///
    /// # Errors
    /// [`Flaw`], if the content breaks a rule, is too long, or the signature is of another key.
    pub fn new(content: T, signer: &dyn Signer) -> Result<Self, Flaw> {
        let key = signer.key();
        let signature = signer.signature_of(&statement::<T>(&encode(&content), &key));
        let wrong = Flaw { field: "signature", rule: "is not of 64 bytes" };
        let signature = Signature(signature.try_into().map_err(|_| wrong)?);
        Self::try_from(Unchecked { content, key, signature })
    }

    /// Reads a document and checks its signature.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, T::BYTES_MAX)
    }

    /// The canonical bytes, signature included.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

impl<T> Signed<T> {
    /// The name of the content, whoever signed it.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The length of the content in bytes, without its signature.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// What was signed.
    pub fn content(&self) -> &T {
        &self.content
    }

    /// By which key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl<T: Document> TryFrom<Unchecked<T>> for Signed<T> {
    type Error = Flaw;

    fn try_from(unchecked: Unchecked<T>) -> Result<Self, Flaw> {
        let Unchecked { content, key, signature } = unchecked;
        rule(key.is_sound(), "key", "is one under which anybody can sign")?;
        let bytes = encode(&content);
        rule(bytes.len() + SIGNATURE_BYTES_MAX <= T::BYTES_MAX, "document", "is too long")?;
        let holds = key.verify(&statement::<T>(&bytes, &key), &signature.0);
        rule(holds, "signature", "is not that of the key beside it: it was forged or changed")?;
        content.check(&key)?;
        let digest = Digest(hash::digest(T::DOMAIN, &[&bytes]));
        Ok(Self { content, key, signature, digest, length: bytes.len() })
    }
}

/// What key, signature and the names of fields add to a content, rounded up.
const SIGNATURE_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked<T> {
    content: T,
    #[serde(with = "key_text")]
    key: PublicKey,
    signature: Signature,
}

/// What is signed: which kind of document, by which key, and all its bytes.
fn statement<T: Document>(content: &[u8], key: &PublicKey) -> [u8; 32] {
    let parts = [T::DOMAIN.as_bytes(), key.as_bytes(), content];
    hash::digest("governance/signed document", &parts)
}

/// Thirty-two bytes that name a document; lower-case hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps the bytes of a hash.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<JobDigest> for Digest {
    fn from(digest: JobDigest) -> Self {
        Self(*digest.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        let bytes = bytes_of_hex(text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(Flaw { field: "digest", rule: "has not 64 hexadecimal digits" })
    }
}

impl TryFrom<String> for Digest {
    type Error = Flaw;

    fn try_from(text: String) -> Result<Self, Flaw> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// A signature by Ed25519; 128 hexadecimal digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Signature([u8; 64]);

impl TryFrom<String> for Signature {
    type Error = Flaw;

    fn try_from(text: String) -> Result<Self, Flaw> {
        let bytes = bytes_of_hex(&text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(Flaw { field: "signature", rule: "has not 128 hexadecimal digits" })
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        hex(&signature.0)
    }
}

/// Reads and writes a key as its text.
pub(crate) mod key_text {
    use super::{Deserialize, Deserializer, PublicKey, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        key: &PublicKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PublicKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        let flaw = super::Flaw { field: "key", rule: "is none of Ed25519" };
        text.parse().map_err(|_| super::to_serde(flaw))
    }
}

fn to_serde<E: serde::de::Error>(flaw: Flaw) -> E {
    E::custom(flaw)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::members::{Card, Catalogue};
    use crate::sample::{bank, operator};

    #[test]
    fn only_the_canonical_form_is_read() {
        let signed = bank().sign(bank().card(1));
        let text = String::from_utf8(signed.encode()).unwrap();
        assert_eq!(Signed::<Card>::decode(text.as_bytes()), Ok(signed));
        for other in [
            format!("{text} "),
            format!(" {text}"),
            text.replacen("\"version\":1", "\"version\": 1", 1),
            text.replacen("\"version\":1", "\"version\":1.0", 1),
            text.replacen("\"version\":1", "\"version\":1,\"more\":0", 1),
            text.replacen("\"version\":1", "\"version\":1,\"version\":1", 1),
            text.replacen("bank", "\\u0062ank", 1),
            text[..text.len() - 1].to_owned(),
            text.replacen("8a88e3", "8A88E3", 1),
        ] {
            assert_ne!(other, text);
            assert!(Signed::<Card>::decode(other.as_bytes()).is_err(), "{other}");
        }
        let long = vec![b' '; Card::BYTES_MAX + 1];
        let refused = Signed::<Card>::decode(&long).unwrap_err();
        assert!(matches!(refused, DecodeError::TooLong { .. }));
    }

    /// A signature of the same bytes as another kind of document, or by another key, is none.
    #[test]
    fn signatures_are_of_one_kind_and_one_key() {
        let (card, key) = (bank().card(1), bank().key());
        let bytes = encode(&card);
        let by = |statement: [u8; 32], key| {
            let signature = Signature(bank().signature_of(&statement).try_into().unwrap());
            Signed::try_from(Unchecked { content: card.clone(), key, signature })
        };
        assert!(by(statement::<Card>(&bytes, &key), key).is_ok());
        let refused = |signed: Result<Signed<Card>, Flaw>| signed.unwrap_err().field;
        assert_eq!(refused(by(statement::<Catalogue>(&bytes, &key), key)), "signature");
        assert_eq!(refused(by(statement::<Card>(&bytes, &operator().key()), key)), "signature");
        let theirs = operator().key();
        assert_eq!(refused(by(statement::<Card>(&bytes, &theirs), theirs)), "signature");
        let nobody = PublicKey::new([0; 32]);
        assert_eq!(refused(by(statement::<Card>(&bytes, &nobody), nobody)), "key");
    }

    #[test]
    fn refusals_repeat_no_word_of_the_sender() {
        let text = String::from_utf8(bank().sign(bank().card(1)).encode()).unwrap();
        for other in [
            text.replacen("\"version\":1", "\"evil\":1", 1),
            text.replacen("\"version\":1", "\"version\":\"evil\"", 1),
            text.replacen("ed25519:8a", "evil:8a", 2),
        ] {
            let refused = Signed::<Card>::decode(other.as_bytes()).unwrap_err().to_string();
            assert!(refused.starts_with("it is not well formed: "), "{refused}");
            assert!(!refused.contains("evil"), "{refused}");
        }
        let own = text.replacen("\"version\":1", "\"version\":2", 1);
        let refused = Signed::<Card>::decode(own.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains("signature is not that of the key"), "{refused}");
    }

    /// The bytes that are signed: a change of the form needs a new domain.
    #[test]
    fn known_answer() {
        let signed = bank().sign(bank().card(1));
        let text = String::from_utf8(signed.encode()).unwrap();
        assert!(text.starts_with("{\"content\":{\"member\":\"ed25519:8a88e3dd7409f195"), "{text}");
        assert_eq!(
            signed.digest().to_string(),
            "cad89bde7170e31a4b79612468117d0916e0337a284574e45b219512a0125923"
        );
    }

    #[test]
    fn texts_that_steer_a_terminal_or_a_page_are_refused() {
        for text in [
            "",
            "  ",
            "a\u{1b}[",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}b",
            "\u{feff}a",
            "abcd",
            "\u{2800}",
            "a\u{61c}b",
            "\u{3164}",
            "a\u{e0061}",
            "a\u{ad}b",
            "a\u{fe0f}",
        ] {
            assert!(line("name", text, 3).is_err(), "{text:?}");
        }
        assert_eq!(line("name", "数据办", 3), Ok(()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_changed_byte_is_noticed(index in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = bank().sign(bank().card(1)).encode();
            let index = index.index(bytes.len());
            prop_assume!(bytes[index] != to);
            bytes[index] = to;
            prop_assert!(Signed::<Card>::decode(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert!(Signed::<Card>::decode(&bytes).is_err());
        }
    }
}
