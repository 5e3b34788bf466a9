//! What a job says about the columns of a party's table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fields::{Fields, Problems, bounded_text, one_or_more, suggestion, text, word};
use super::node::{Node, Value, shortened};
use super::party::column_name;
use super::problem::Problem;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Any text; never a feature.
    Text,
    /// A real number.
    Number,
    /// A whole number.
    Integer,
    /// One of a limited number of levels.
    Category,
    /// True or false.
    Boolean,
    /// A date or a point in time.
    Time,
}

/// What a job says about one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ColumnSpec {
    /// The kind; `None` lets the reader of the table propose one, to be shown and confirmed.
    pub kind: Option<ColumnKind>,
    /// Whether the column is left out.
    pub ignore: bool,
    /// Texts that mean "not known" in this column, beside those of the table.
    pub missing: Vec<String>,
}

/// What happens to columns that the job does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherColumns {
    /// Their kinds are proposed from the first rows and shown.
    #[default]
    Propose,
    /// They are left out.
    Ignore,
    /// They all have this kind.
    Kind(ColumnKind),
}

/// Reads `columns:`, a mapping from column names to a kind, `ignore`, or both in long form.
pub(super) fn read(
    node: Option<&Node>,
    party: &str,
    problems: &mut Problems,
) -> Option<BTreeMap<String, ColumnSpec>> {
    let Some(node) = node.filter(|node| !node.is_nothing()) else {
        return Some(BTreeMap::new());
    };
    let Value::Mapping(entries) = &node.value else {
        let message = format!("`columns` of party `{party}` is {}", node.describe());
        let help = "expected `column: kind` pairs, such as `age: number`";
        problems.push(Problem::new(node.place, message).help(help));
        return None;
    };
    let mut columns = BTreeMap::new();
    for (key, node) in entries {
        if key.text.is_empty() || key.text.len() > COLUMN_BYTES_MAX {
            let message = format!("a column name has 1 to {COLUMN_BYTES_MAX} bytes");
            problems.push(Problem::new(key.place, message));
        } else if let Some(column) = read_column(node, &key.text, problems) {
            columns.insert(key.text.clone(), column);
        }
    }
    Some(columns)
}

/// Reads `other_columns:`.
pub(super) fn read_other(node: Option<&Node>, problems: &mut Problems) -> Option<OtherColumns> {
    let Some(node) = node else { return Some(OtherColumns::default()) };
    let given = text(node, "other_columns", problems)?;
    match given {
        "propose" => Some(OtherColumns::Propose),
        "ignore" => Some(OtherColumns::Ignore),
        _ => {
            let kind = KINDS.iter().find(|(word, _)| *word == given).map(|(_, kind)| *kind);
            if kind.is_none() {
                let message = format!("`other_columns` cannot be `{}`", shortened(given));
                let words: Vec<&str> =
                    ["propose", "ignore"].into_iter().chain(KINDS.map(|(word, _)| word)).collect();
                problems.push(Problem::new(node.place, message).help(suggestion(given, &words)));
            }
            kind.map(OtherColumns::Kind)
        }
    }
}

/// Reads a list of texts that mean "not known".
pub(super) fn read_missing(node: Option<&Node>, problems: &mut Problems) -> Option<Vec<String>> {
    let Some(node) = node else { return Some(Vec::new()) };
    let items = one_or_more(node, "missing", problems)?;
    if items.len() > MISSING_MAX {
        let message =
            format!("`missing` has {} entries; expected at most {MISSING_MAX}", items.len());
        problems.push(Problem::new(node.place, message));
        return None;
    }
    items.iter().map(|item| bounded_text(item, "missing", MISSING_CHARACTERS, problems)).collect()
}

/// Reads the list of columns under `what`: `payload`, which the other party gets, or `sum`.
pub(super) fn read_list(
    node: Option<&Node>,
    what: &str,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let Some(node) = node else { return Some(Vec::new()) };
    let items = one_or_more(node, what, problems)?;
    let mut columns: Vec<String> = Vec::new();
    for item in items {
        let column = column_name(item, what, problems)?;
        if columns.contains(&column) {
            let message = format!("column `{column}` stands in `{what}` twice");
            problems.push(Problem::new(item.place, message));
        }
        columns.push(column);
    }
    if !(1..=LISTED_MAX).contains(&columns.len()) {
        let message =
            format!("`{what}` is {}; expected 1 to {LISTED_MAX} columns", node.describe());
        problems.push(Problem::new(node.place, message));
    }
    Some(columns)
}

fn read_column(node: &Node, name: &str, problems: &mut Problems) -> Option<ColumnSpec> {
    if let Value::Scalar { .. } = node.value {
        return match word(node, name, &KINDS_AND_IGNORE, problems)? {
            Some(kind) => Some(ColumnSpec { kind: Some(kind), ..ColumnSpec::default() }),
            None => Some(ColumnSpec { ignore: true, ..ColumnSpec::default() }),
        };
    }
    let mut fields = Fields::of(node, format!("column `{}`", shortened(name)), problems)?;
    let kind = match fields.take("kind") {
        Some(kind) => Some(word(kind, "kind", &KINDS, problems)?),
        None => None,
    };
    let missing = read_missing(fields.take("missing"), problems);
    fields.finish(problems);
    Some(ColumnSpec { kind, ignore: false, missing: missing? })
}

impl ColumnKind {
    /// The word that a job file writes.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

const KINDS: [(&str, ColumnKind); 6] = [
    ("text", ColumnKind::Text),
    ("number", ColumnKind::Number),
    ("integer", ColumnKind::Integer),
    ("category", ColumnKind::Category),
    ("boolean", ColumnKind::Boolean),
    ("time", ColumnKind::Time),
];

const KINDS_AND_IGNORE: [(&str, Option<ColumnKind>); 7] = [
    ("text", Some(ColumnKind::Text)),
    ("number", Some(ColumnKind::Number)),
    ("integer", Some(ColumnKind::Integer)),
    ("category", Some(ColumnKind::Category)),
    ("boolean", Some(ColumnKind::Boolean)),
    ("time", Some(ColumnKind::Time)),
    ("ignore", None),
];

/// The longest column name, in bytes.
const COLUMN_BYTES_MAX: usize = 256;

/// The largest number of columns that the other party gets.
const LISTED_MAX: usize = 256;

/// The largest number of texts that mean "not known".
const MISSING_MAX: usize = 100;

/// The longest of them, in characters.
const MISSING_CHARACTERS: usize = 100;
