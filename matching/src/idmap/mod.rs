//! From the keys that files hold to the keys that are matched.
//!
//! Two parties match only where both write the same thing in the same way. A [`KeyRule`] says what
//! a column of keys means (a telephone number, an address of electronic mail, a device) and brings
//! every value into one form; [`Keys`] applies it to a whole column, with a stated policy for
//! values that cannot be such a key and for rows that share one. Partners that hold digests of keys
//! instead of keys are matched by digesting this side's keys in the same way.
//!
//! Rows that have several keys are matched key by key; [`Cascade`] keeps the books.
//!
//! A digest hides nothing from somebody who can guess keys: there are about 10^10 mobile numbers in
//! a country. It is here because partners have nothing else, not for secrecy.

mod cascade;
mod device;
mod digest;
mod documents;
mod email;
mod phone;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::MatchingError;

pub use cascade::{Cascade, Round};
pub use digest::Digest;

/// What a key is, and so which form it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Any text; white space at both ends is dropped, everything else counts.
    #[default]
    Text,
    /// A telephone number, in E.164; numbers without a country get this one (86 for China).
    Phone {
        /// The country calling code, 1 to 999.
        country: u16,
    },
    /// An address of electronic mail, in lower case.
    Email,
    /// The same, and the addresses that are one mailbox of Gmail are one.
    EmailMailbox,
    /// An IMEI, as 15 digits.
    Imei,
    /// Apple's advertising identifier: a UUID in upper case.
    Idfa,
    /// Google's advertising identifier: a UUID in lower case.
    Gaid,
    /// An open anonymous device identifier, as the device gives it.
    Oaid,
    /// A Chinese resident identity number, as 18 characters.
    NationalId,
    /// The number of a payment card.
    Card,
}

impl Form {
    /// The value in its one form; `None` if it cannot be such a key.
    pub fn normalise(self, text: &str) -> Option<Cow<'_, str>> {
        let made = match self {
            Self::Text => return Some(text.trim()).filter(|it| !it.is_empty()).map(Cow::Borrowed),
            Self::Phone { country } => phone::normalise(text, country),
            Self::Email => email::normalise(text, false),
            Self::EmailMailbox => email::normalise(text, true),
            Self::Imei => device::imei(text),
            Self::Idfa => device::uuid(text, true),
            Self::Gaid => device::uuid(text, false),
            Self::Oaid => device::oaid(text),
            Self::NationalId => documents::national_id(text),
            Self::Card => documents::card(text),
        };
        made.map(Cow::Owned)
    }
}

/// How a column's values become keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyRule {
    /// What the keys are.
    pub form: Form,
    /// The digest under which both parties match, if any.
    pub digest: Option<Digest>,
    /// What stands before the key in the digest's input; the same text for both parties.
    pub salt: String,
    /// Whether the column holds digests already; they are only checked and lower-cased then.
    pub is_digested: bool,
    /// What happens to rows whose value cannot be such a key.
    pub invalid: InvalidKeys,
    /// What happens to rows that share a key.
    pub duplicates: DuplicateKeys,
}

/// What happens to rows whose value cannot be a key of the stated form, empty ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InvalidKeys {
    /// Nothing is matched; the error counts them.
    #[default]
    Refuse,
    /// They take no part in matching and are counted.
    Drop,
}

/// What happens to rows that share a key once keys have one form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateKeys {
    /// Nothing is matched; the error counts them.
    #[default]
    Refuse,
    /// The first row of each key takes part.
    First,
    /// No row of such a key takes part.
    Drop,
}

impl KeyRule {
    /// The key of one value; `None` if it cannot be one.
    pub fn key<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        match self.digest {
            Some(digest) if self.is_digested => digest.parse(text).map(Cow::Owned),
            Some(digest) => Some(Cow::Owned(digest.of(&self.salt, &self.form.normalise(text)?))),
            None => self.form.normalise(text),
        }
    }
}

/// The keys of a table that take part in matching: a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys<'a> {
    texts: Vec<Cow<'a, str>>,
    rows: Vec<u32>,
    invalid: usize,
    duplicate: usize,
}

impl<'a> Keys<'a> {
    /// Applies a rule to the values of a column, one for each row of the table.
    ///
    /// # Errors
    /// [`MatchingError::InvalidKeys`] or [`MatchingError::DuplicateIds`] where the rule refuses
    /// such rows, with counts and the first rows concerned; [`MatchingError::TooManyRows`].
    pub fn new(
        values: impl IntoIterator<Item = &'a str>,
        rule: &KeyRule,
    ) -> Result<Self, MatchingError> {
        let mut keys = Self::default();
        let mut refused = Vec::new();
        for (row, value) in values.into_iter().enumerate() {
            let row = u32::try_from(row).map_err(|_| too_many(row))?;
            if let Some(key) = rule.key(value) {
                keys.texts.push(key);
                keys.rows.push(row);
            } else {
                keys.invalid += 1;
                if refused.len() < EXAMPLES_MAX {
                    refused.push(format!("row {}", u64::from(row) + 1));
                }
            }
        }
        if rule.invalid == InvalidKeys::Refuse && keys.invalid > 0 {
            let examples = refused.join(", ");
            return Err(MatchingError::InvalidKeys { count: keys.invalid, examples });
        }
        if rule.duplicates != DuplicateKeys::Refuse {
            keys.thin_out(rule.duplicates == DuplicateKeys::First);
        }
        Ok(keys)
    }

    /// The keys, in the order of their rows.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(AsRef::as_ref)
    }

    /// The key at a position of [`texts`](Self::texts).
    pub fn text(&self, position: u32) -> &str {
        &self.texts[position as usize]
    }

    /// The row of the table that a position of [`texts`](Self::texts) stands for.
    pub fn row(&self, position: u32) -> u32 {
        self.rows[position as usize]
    }

    /// Rows whose value cannot be such a key.
    pub fn invalid_rows(&self) -> usize {
        self.invalid
    }

    /// Rows that take no part because another row has their key.
    pub fn duplicate_rows(&self) -> usize {
        self.duplicate
    }

    /// Makes sure that no two rows share a key, and says which do.
    fn check_unique(&self) -> Result<(), MatchingError> {
        let mut first_rows = HashMap::with_capacity(self.texts.len());
        let (mut repeated, mut examples) = (HashSet::new(), Vec::new());
        for (text, row) in self.texts.iter().zip(&self.rows) {
            let first = *first_rows.entry(text.as_ref()).or_insert(*row);
            if first != *row && repeated.insert(text.as_ref()) && examples.len() < EXAMPLES_MAX {
                examples.push(format!("rows {} and {}", u64::from(first) + 1, u64::from(*row) + 1));
            }
        }
        if repeated.is_empty() {
            return Ok(());
        }
        let (count, examples) = (repeated.len(), examples.join(", "));
        Err(MatchingError::DuplicateIds { count, examples })
    }

    /// Keeps one row of each key, or none of the keys that several rows have.
    fn thin_out(&mut self, keep_first: bool) {
        let mut count = HashMap::with_capacity(self.texts.len());
        for text in &self.texts {
            *count.entry(text.as_ref()).or_insert(0_u32) += 1;
        }
        let mut is_kept = Vec::with_capacity(self.texts.len());
        for text in &self.texts {
            let Some(count) = count.get_mut(text.as_ref()) else { continue };
            is_kept.push(*count == 1 || (keep_first && *count != SEEN));
            if *count > 1 && keep_first {
                *count = SEEN;
            }
        }
        let before = self.texts.len();
        let mut kept = is_kept.iter();
        self.texts.retain(|_| kept.next() == Some(&true));
        let mut kept = is_kept.iter();
        self.rows.retain(|_| kept.next() == Some(&true));
        self.duplicate = before - self.texts.len();
    }
}

fn too_many(rows: usize) -> MatchingError {
    MatchingError::TooManyRows { rows, rows_max: crate::psi::ROWS_MAX }
}

/// Marks a key of which one row was kept.
const SEEN: u32 = u32::MAX;

/// Examples in an error.
const EXAMPLES_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn phones() -> KeyRule {
        KeyRule { form: Form::Phone { country: 86 }, ..KeyRule::default() }
    }

    const COLUMN: [&str; 6] =
        ["138 0000 0001", "", "+8613800000002", "8613800000001", "n/a", "13800000003"];

    #[test]
    fn invalid_and_duplicate_keys_follow_their_policy() {
        let error = Keys::new(COLUMN, &phones()).err().unwrap().to_string();
        assert!(error.starts_with("2 rows") && error.contains("row 2, row 5"), "{error}");

        let mut rule = phones();
        rule.invalid = InvalidKeys::Drop;
        let all = Keys::new(COLUMN, &rule).unwrap();
        assert_eq!((all.texts().len(), all.invalid_rows(), all.duplicate_rows()), (4, 2, 0));

        rule.duplicates = DuplicateKeys::First;
        let first = Keys::new(COLUMN, &rule).unwrap();
        let texts: Vec<&str> = first.texts().collect();
        assert_eq!(texts, ["+8613800000001", "+8613800000002", "+8613800000003"]);
        assert_eq!([0, 1, 2].map(|position| first.row(position)), [0, 2, 5]);
        assert_eq!(first.duplicate_rows(), 1);

        rule.duplicates = DuplicateKeys::Drop;
        let dropped = Keys::new(COLUMN, &rule).unwrap();
        assert_eq!(dropped.texts().collect::<Vec<_>>(), ["+8613800000002", "+8613800000003"]);
        assert_eq!(dropped.duplicate_rows(), 2);
    }

    #[test]
    fn a_partner_that_holds_digests_is_matched_by_digesting() {
        let ours = KeyRule { digest: Some(Digest::Sha256), salt: "s1".to_owned(), ..phones() };
        let theirs = KeyRule { is_digested: true, ..ours.clone() };
        let key = ours.key("138-0000-0001").unwrap();
        assert_eq!(key, Digest::Sha256.of("s1", "+8613800000001"));
        assert_eq!(theirs.key(&format!(" {} ", key.to_uppercase())), Some(key.clone()));
        assert_eq!(theirs.key("13800000001"), None, "a number is no digest");
    }

    #[test]
    fn texts_keep_everything_but_white_space_at_the_ends() {
        let keys = [" 007 ", "客户 一", "1234567890123456789", "É"];
        let keys = Keys::new(keys, &KeyRule::default()).unwrap();
        let texts: Vec<&str> = keys.texts().collect();
        assert_eq!(texts, ["007", "客户 一", "1234567890123456789", "É"]);
    }
}
