//! The column by which rows are matched, and what its values are.

use matching::idmap::{Digest, DuplicateKeys, Form, InvalidKeys, KeyRule};
use serde::Serialize;

use super::fields::{Fields, Problems, bounded_text, text, word};
use super::node::{Node, Value};
use super::party::{PartySpec, column_name};
use super::problem::Problem;

/// The key column of a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeySpec {
    /// Its name; always read as text.
    pub column: String,
    /// How its values become keys.
    pub rule: KeyRule,
}

/// Reads `key: phone`, or `key: { column: phone, form: phone, … }`.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<KeySpec> {
    if let Value::Scalar { .. } = node.value {
        let column = column_name(node, "key", problems)?;
        return Some(KeySpec { column, rule: KeyRule::default() });
    }
    let mut fields = Fields::of(node, "`key`".to_owned(), problems)?;
    let column = fields
        .require("column", "the name of the key column", problems)
        .and_then(|node| column_name(node, "column", problems));
    let country = match fields.take("country") {
        Some(node) => read_country(node, problems)?,
        None => CHINA,
    };
    let mut optional = |name, read: &mut dyn FnMut(&Node)| {
        if let Some(node) = fields.take(name) {
            read(node);
        }
    };
    let mut rule = KeyRule::default();
    let before = problems.len();
    optional("form", &mut |node| {
        rule.form = word(node, "form", &forms(country), problems).unwrap_or_default();
    });
    optional("digest", &mut |node| rule.digest = word(node, "digest", &DIGESTS, problems));
    optional("salt", &mut |node| {
        rule.salt = bounded_text(node, "salt", SALT_MAX, problems).unwrap_or_default();
    });
    optional("digested", &mut |node| {
        rule.is_digested = word(node, "digested", &TRUTH, problems).unwrap_or_default();
        if rule.is_digested && rule.digest.is_none() {
            let message = "`digested: true` needs `digest`, the digest that the column holds";
            problems.push(Problem::new(node.place, message));
        }
    });
    optional("invalid", &mut |node| {
        rule.invalid = word(node, "invalid", &INVALID, problems).unwrap_or_default();
    });
    optional("duplicates", &mut |node| {
        rule.duplicates = word(node, "duplicates", &DUPLICATES, problems).unwrap_or_default();
    });
    fields.finish(problems);
    (problems.len() == before).then_some(KeySpec { column: column?, rule })
}

/// Two parties have keys in common only if both make them alike.
pub(super) fn check_alike(guest: &PartySpec, host: &PartySpec, at: &Node, problems: &mut Problems) {
    let rules = [&guest.key.rule, &host.key.rule];
    let [ours, theirs] = rules;
    let forms = ours.form == theirs.form || rules.iter().any(|rule| rule.is_digested);
    if ours.digest == theirs.digest && ours.salt == theirs.salt && forms {
        return;
    }
    let message = format!(
        "the keys of `{}` and `{}` are made in different ways, so that none could be equal",
        guest.name, host.name
    );
    let help = "give both parties the same `form`, `digest` and `salt`";
    problems.push(Problem::new(at.place, message).help(help));
}

fn read_country(node: &Node, problems: &mut Problems) -> Option<u16> {
    let given = text(node, "country", problems)?;
    let country = given.parse().ok().filter(|country| (1..=999).contains(country));
    if country.is_none() {
        let message = format!("`country` cannot be {}", node.describe());
        let help = "the calling code of a country, such as 86";
        problems.push(Problem::new(node.place, message).help(help));
    }
    country
}

fn forms(country: u16) -> [(&'static str, Form); 10] {
    [
        ("text", Form::Text),
        ("phone", Form::Phone { country }),
        ("email", Form::Email),
        ("email_mailbox", Form::EmailMailbox),
        ("imei", Form::Imei),
        ("idfa", Form::Idfa),
        ("gaid", Form::Gaid),
        ("oaid", Form::Oaid),
        ("national_id", Form::NationalId),
        ("card", Form::Card),
    ]
}

const DIGESTS: [(&str, Digest); 3] =
    [("sha256", Digest::Sha256), ("md5", Digest::Md5), ("sm3", Digest::Sm3)];

const INVALID: [(&str, InvalidKeys); 2] =
    [("refuse", InvalidKeys::Refuse), ("drop", InvalidKeys::Drop)];

const DUPLICATES: [(&str, DuplicateKeys); 3] = [
    ("refuse", DuplicateKeys::Refuse),
    ("first", DuplicateKeys::First),
    ("drop", DuplicateKeys::Drop),
];

const TRUTH: [(&str, bool); 2] = [("true", true), ("false", false)];

/// The country of numbers that do not say theirs, if the job does not either.
const CHINA: u16 = 86;

/// The longest salt, in characters.
const SALT_MAX: usize = 256;
