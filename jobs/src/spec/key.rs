//! The columns by which rows are matched, and what their values are.

use matching::idmap::{Digest, DuplicateKeys, Form, InvalidKeys, KeyRule};
use serde::Serialize;

use super::fields::{Fields, Problems, bounded_text, one_or_more, text, word};
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

/// Reads `keys:`, the first of which is tried first; rows without one of them sit out its round.
pub(super) fn read_several(node: &Node, problems: &mut Problems) -> Option<Vec<KeySpec>> {
    let items = one_or_more(node, "keys", problems)?;
    if !(1..=KEYS_MAX).contains(&items.len()) {
        let message = format!("`keys` is {}; expected 1 to {KEYS_MAX} keys", node.describe());
        problems.push(Problem::new(node.place, message));
        return None;
    }
    let keys = items.iter().map(|item| read(item, InvalidKeys::Drop, problems));
    keys.collect::<Vec<_>>().into_iter().collect()
}

/// Reads `key: phone`, or `key: { column: phone, form: phone, … }`.
pub(super) fn read(node: &Node, invalid: InvalidKeys, problems: &mut Problems) -> Option<KeySpec> {
    let mut rule = KeyRule { invalid, ..KeyRule::default() };
    if let Value::Scalar { .. } = node.value {
        let column = column_name(node, "key", problems)?;
        return Some(KeySpec { column, rule });
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
    let counts = [guest, host].map(|party| party.keys().count());
    if counts[0] != counts[1] {
        let (guest, host, [ours, theirs]) = (&guest.name, &host.name, counts);
        let message = format!("`{guest}` has {ours} keys and `{host}` has {theirs}");
        let help = "give both parties as many `keys`, those that mean the same in the same place";
        problems.push(Problem::new(at.place, message).help(help));
        return;
    }
    for (ours, theirs) in guest.keys().zip(host.keys()) {
        let rules = [&ours.rule, &theirs.rule];
        let forms = rules[0].form == rules[1].form || rules.iter().any(|rule| rule.is_digested);
        if rules[0].digest == rules[1].digest && rules[0].salt == rules[1].salt && forms {
            continue;
        }
        let message = if counts[0] == 1 {
            format!("the keys of `{}` and `{}`", guest.name, host.name)
        } else {
            format!(
                "`{}` of `{}` and `{}` of `{}`",
                ours.column, guest.name, theirs.column, host.name
            )
        };
        let message = format!("{message} are made in different ways, so that none could be equal");
        let help = "give both parties the same `form`, `digest` and `salt`";
        problems.push(Problem::new(at.place, message).help(help));
    }
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

/// The largest number of keys of a party: each costs an intersection.
const KEYS_MAX: usize = 8;

/// The longest salt, in characters.
const SALT_MAX: usize = 256;
