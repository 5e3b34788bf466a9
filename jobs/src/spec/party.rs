//! The parties of a job, their tables and the roles of columns.

use std::collections::BTreeMap;
use std::path::PathBuf;

use contract::Role;
use matching::idmap::InvalidKeys;
use serde::Serialize;

use super::columns::{self, ColumnKind, ColumnSpec, OtherColumns};
use super::fields::{Fields, Problems, bounded_text, name, text, word};
use super::key::{self, KeySpec};
use super::node::{Node, Value};
use super::problem::Problem;

/// One party and its table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartySpec {
    /// The name of the party, also of its folder in the results.
    pub name: String,
    /// The part it plays.
    pub role: Role,
    /// Where its table is, relative to the job file. It is the party's own affair: not part of
    /// the digest, and the other party's copy of the job may leave it out.
    #[serde(skip)]
    pub table: Option<PathBuf>,
    /// The folder with its part of the model, in a job that scores, relative to the job file; as
    /// much its own affair as `table`.
    #[serde(skip)]
    pub models: Option<PathBuf>,
    /// How the table is written.
    pub format: FormatSpec,
    /// Whether the data are real.
    pub data: Provenance,
    /// The column by which rows are matched, or the first of several.
    pub key: KeySpec,
    /// The columns by which rows are matched that no earlier key matched, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further_keys: Vec<KeySpec>,
    /// Columns whose values of the common rows the other party gets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payload: Vec<String>,
    /// Columns of numbers that are added up over the common rows, in a job for totals.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sum: Vec<String>,
    /// The column that is to be predicted; the guest's only.
    pub label: Option<LabelSpec>,
    /// The column that names the item of each row, an interaction of a user with it; the guest's
    /// only, in a job that recommends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// The column of row weights; the guest's only.
    pub weight: Option<String>,
    /// The column that orders rows in time; the guest's only.
    pub time: Option<String>,
    /// The column with a known part of the linear predictor, such as the logarithm of an exposure;
    /// the guest's only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    /// The column whose rows of one value are ranked among each other; the guest's only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Texts that mean "not known" in every column, beside the usual ones.
    pub missing: Vec<String>,
    /// What is said about single columns, by name.
    pub columns: BTreeMap<String, ColumnSpec>,
    /// What happens to all other columns.
    pub other_columns: OtherColumns,
}

impl PartySpec {
    /// The columns by which rows are matched, those that are tried first first.
    pub fn keys(&self) -> impl Iterator<Item = &KeySpec> {
        std::iter::once(&self.key).chain(&self.further_keys)
    }

    /// Whether rows are matched by several keys, one after the other.
    pub fn has_several_keys(&self) -> bool {
        !self.further_keys.is_empty()
    }
}

/// The label column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabelSpec {
    /// Its name.
    pub column: String,
    /// The value that counts as positive; `None` means 1 against 0.
    pub positive: Option<String>,
}

/// Whether data are real; every figure made from them says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Observed in reality.
    #[default]
    Real,
    /// Made up.
    Simulated,
}

/// How a table is written; what is `None` is found out and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FormatSpec {
    /// CSV or Parquet; by default the name of the file says.
    pub kind: Option<FormatKind>,
    /// The character between the fields of a CSV file.
    pub delimiter: Option<char>,
    /// The encoding of a CSV file.
    pub encoding: Option<Encoding>,
}

/// The kinds of files that hold tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatKind {
    /// Text with delimiters, plain or gzip.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// The encodings of text files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// GBK (GB 18030 for the characters they share).
    Gbk,
}

/// Reads `parties:`, which must be one guest and at least one host.
pub(super) fn read_all(
    fields: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<(PartySpec, Vec<PartySpec>)> {
    let node = fields.require("parties", "one guest and its hosts, by name", problems)?;
    let Value::Mapping(entries) = &node.value else {
        let message = format!("`parties` is {}; expected `name: {{ … }}` pairs", node.describe());
        problems.push(Problem::new(node.place, message));
        return None;
    };
    if entries.len() > PARTIES_MAX {
        let message = format!("{} parties, where {PARTIES_MAX} are possible", entries.len());
        problems.push(Problem::new(node.place, message));
        return None;
    }
    let before = problems.len();
    let (mut guest, mut hosts) = (None, Vec::new());
    for (key, node) in entries {
        let name = name(&key.text, "a party", key.place, problems);
        let party = read_party(name.unwrap_or_default(), node, problems);
        let Some(party) = party else { continue };
        match party.role {
            Role::Host => hosts.push(party),
            Role::Guest if guest.is_none() => guest = Some(party),
            Role::Guest => {
                let message = "a second guest: a job has one guest, who holds the label";
                let help = "`role: host` for the others, of which there may be several";
                problems.push(Problem::new(key.place, message).help(help));
            }
        }
    }
    // A party that could not be read is not reported as lacking too.
    if problems.len() == before {
        for (role, missing) in [(Role::Guest, guest.is_none()), (Role::Host, hosts.is_empty())] {
            if missing {
                let message = format!("no party has the role `{role}`");
                problems.push(Problem::new(node.place, message));
            }
        }
    }
    let guest = guest.filter(|_| !hosts.is_empty())?;
    for host in &hosts {
        key::check_alike(&guest, host, node, problems);
    }
    Some((guest, hosts))
}

fn read_party(name: String, node: &Node, problems: &mut Problems) -> Option<PartySpec> {
    let mut fields = Fields::of(node, format!("party `{name}`"), problems)?;
    let role = fields
        .require("role", "`guest` (holds the label) or `host` (brings features)", problems)
        .and_then(|node| word(node, "role", &ROLES, problems));
    // What may be left out is `None` also when it cannot be read, which the problem then says.
    let table = fields
        .take("table")
        .and_then(|node| bounded_text(node, "table", PATH_MAX, problems))
        .map(PathBuf::from);
    let models = fields
        .take("models")
        .and_then(|node| bounded_text(node, "models", PATH_MAX, problems))
        .map(PathBuf::from);
    let format = read_format(&mut fields, problems);
    let data = match fields.take("data") {
        Some(node) => word(node, "data", &PROVENANCE, problems),
        None => Some(Provenance::default()),
    };
    let keys = read_keys(&mut fields, node, problems);
    let [label_at, item_at, weight_at, time_at, offset_at, group_at] =
        ["label", "item", "weight", "time", "offset", "group"].map(|role| fields.take(role));
    let label = label_at.and_then(|node| read_label(node, problems));
    let item = item_at.and_then(|node| column_name(node, "item", problems));
    let weight = weight_at.and_then(|node| column_name(node, "weight", problems));
    let time = time_at.and_then(|node| column_name(node, "time", problems));
    let offset = offset_at.and_then(|node| column_name(node, "offset", problems));
    let group = group_at.and_then(|node| column_name(node, "group", problems));
    let [payload_at, sum_at] = ["payload", "sum"].map(|list| fields.take(list));
    let payload = columns::read_list(payload_at, "payload", problems);
    let sum = columns::read_list(sum_at, "sum", problems);
    let missing = columns::read_missing(fields.take("missing"), problems);
    let columns = columns::read(fields.take("columns"), &name, problems);
    let other_columns = columns::read_other(fields.take("other_columns"), problems);
    fields.finish(problems);
    let (key_at, mut keys) = keys?;
    let party = PartySpec {
        name,
        role: role?,
        table,
        models,
        format,
        data: data?,
        key: keys.remove(0),
        further_keys: keys,
        payload: payload?,
        sum: sum?,
        label,
        item,
        weight,
        time,
        offset,
        group,
        missing: missing?,
        columns: columns?,
        other_columns: other_columns?,
    };
    let roles = [
        ("key", Some(key_at)),
        ("label", label_at),
        ("item", item_at),
        ("weight", weight_at),
        ("time", time_at),
        ("offset", offset_at),
        ("group", group_at),
    ];
    check_roles(&party, roles, problems);
    check_carried(&party, key_at, payload_at, problems);
    check_sums(&party, sum_at, problems);
    Some(party)
}

/// Reads `key:` (one) or `keys:` (several, in the order in which they are tried); never empty.
fn read_keys<'n>(
    fields: &mut Fields<'n>,
    party: &Node,
    problems: &mut Problems,
) -> Option<(&'n Node, Vec<KeySpec>)> {
    let Some(several) = fields.take("keys") else {
        let node = fields.require("key", "the column by which rows are matched", problems)?;
        return Some((node, vec![key::read(node, InvalidKeys::Refuse, problems)?]));
    };
    if fields.take("key").is_some() {
        let message = "the party has both `key` and `keys`";
        let help = "use `keys:` with the one to try first in the first place";
        problems.push(Problem::new(party.place, message).help(help));
        return None;
    }
    Some((several, key::read_several(several, problems)?))
}

fn read_label(node: &Node, problems: &mut Problems) -> Option<LabelSpec> {
    if let Value::Scalar { .. } = node.value {
        let column = column_name(node, "label", problems)?;
        return Some(LabelSpec { column, positive: None });
    }
    let mut fields = Fields::of(node, "`label`".to_owned(), problems)?;
    let column = fields
        .require("column", "the name of the label column", problems)
        .and_then(|node| column_name(node, "column", problems));
    let positive = fields
        .take("positive")
        .and_then(|node| bounded_text(node, "positive", COLUMN_CHARACTERS_MAX, problems));
    fields.finish(problems);
    Some(LabelSpec { column: column?, positive })
}

fn read_format(fields: &mut Fields<'_>, problems: &mut Problems) -> FormatSpec {
    let kind = fields.take("format").and_then(|node| word(node, "format", &FORMATS, problems));
    let delimiter = fields.take("delimiter").and_then(|node| read_delimiter(node, problems));
    let encoding =
        fields.take("encoding").and_then(|node| word(node, "encoding", &ENCODINGS, problems));
    FormatSpec { kind, delimiter, encoding }
}

fn read_delimiter(node: &Node, problems: &mut Problems) -> Option<char> {
    let given = text(node, "delimiter", problems)?;
    let mut characters = given.chars();
    let found = match (characters.next(), characters.next()) {
        _ if given == "tab" => Some('\t'),
        (Some(only), None) if only.is_ascii() && !only.is_ascii_alphanumeric() => Some(only),
        _ => None,
    };
    let found = found.filter(|found| !matches!(found, '"' | '\n' | '\r' | '\0'));
    if found.is_none() {
        let message = format!("`delimiter` cannot be {}", node.describe());
        let help = "one character that is no letter or digit, such as `\";\"`, or `tab`";
        problems.push(Problem::new(node.place, message).help(help));
    }
    found
}

pub(super) fn column_name(node: &Node, what: &str, problems: &mut Problems) -> Option<String> {
    bounded_text(node, what, COLUMN_CHARACTERS_MAX, problems)
}

/// A column with a role, and where the job says so.
type RoleOf<'n> = (&'static str, Option<&'n Node>);

/// Label, item, weight, time, offset and group belong to the guest, and one column has one role.
fn check_roles(party: &PartySpec, nodes: [RoleOf<'_>; 7], problems: &mut Problems) {
    let columns = [
        Some(party.key.column.as_str()),
        party.label.as_ref().map(|label| label.column.as_str()),
        party.item.as_deref(),
        party.weight.as_deref(),
        party.time.as_deref(),
        party.offset.as_deref(),
        party.group.as_deref(),
    ];
    for (index, (role, node)) in nodes.iter().enumerate() {
        let (Some(column), Some(node)) = (columns[index], node) else { continue };
        let mut add = |message| problems.push(Problem::new(node.place, message));
        if party.role == Role::Host && *role != "key" {
            add(format!("host `{}` has `{role}`, which only the guest has", party.name));
        }
        if let Some(other) = columns[..index].iter().position(|it| *it == Some(column)) {
            let other = nodes[other].0;
            add(format!("column `{column}` is already the `{other}`; a column has one role"));
        }
        if party.columns.get(column).is_some_and(|column| column.ignore) {
            add(format!("column `{column}` is the `{role}` and cannot be ignored"));
        }
    }
}

/// Further keys have no other role, and no column that is matched or sent can be ignored.
fn check_carried(
    party: &PartySpec,
    keys_at: &Node,
    payload_at: Option<&Node>,
    problems: &mut Problems,
) {
    let label = party.label.as_ref().map(|label| &label.column);
    let [weight, time] = [party.weight.as_ref(), party.time.as_ref()];
    let roles = [label, weight, time, party.offset.as_ref(), party.group.as_ref()];
    let is_ignored = |column: &String| party.columns.get(column).is_some_and(|it| it.ignore);
    for KeySpec { column, .. } in &party.further_keys {
        let rule = match column {
            _ if roles.contains(&Some(column)) => "has another role too",
            _ if is_ignored(column) => "cannot be ignored",
            _ => continue,
        };
        let message = format!("column `{column}` is one of `keys` and {rule}");
        problems.push(Problem::new(keys_at.place, message));
    }
    for column in party.payload.iter().filter(|column| is_ignored(column)) {
        let message = format!("column `{column}` is in `payload` and cannot be ignored");
        problems.push(Problem::new(payload_at.unwrap_or(keys_at).place, message));
    }
}

/// Sums are over numbers that are there for nothing else.
fn check_sums(party: &PartySpec, sum_at: Option<&Node>, problems: &mut Problems) {
    let label = party.label.as_ref().map(|label| &label.column);
    let [weight, time] = [party.weight.as_ref(), party.time.as_ref()];
    let roles = [label, weight, time, party.offset.as_ref(), party.group.as_ref()];
    for column in &party.sum {
        let spec = party.columns.get(column);
        let kind = spec.and_then(|it| it.kind).unwrap_or(ColumnKind::Number);
        let rule = match kind {
            _ if party.keys().any(|key| key.column == *column) => "is a key",
            _ if roles.contains(&Some(column)) => "has another role too",
            _ if spec.is_some_and(|it| it.ignore) => "cannot be ignored",
            ColumnKind::Number | ColumnKind::Integer | ColumnKind::Boolean => continue,
            ColumnKind::Text | ColumnKind::Category | ColumnKind::Time => "holds no numbers",
        };
        if let Some(node) = sum_at {
            let message = format!("column `{column}` is in `sum` and {rule}");
            problems.push(Problem::new(node.place, message));
        }
    }
}

const ROLES: [(&str, Role); 2] = [("guest", Role::Guest), ("host", Role::Host)];

const PROVENANCE: [(&str, Provenance); 2] =
    [("real", Provenance::Real), ("simulated", Provenance::Simulated)];

const FORMATS: [(&str, FormatKind); 2] =
    [("csv", FormatKind::Csv), ("parquet", FormatKind::Parquet)];

const ENCODINGS: [(&str, Encoding); 2] = [("utf8", Encoding::Utf8), ("gbk", Encoding::Gbk)];

/// The most parties of a job: each two have a conversation.
const PARTIES_MAX: usize = 8;

/// The longest path, in characters.
const PATH_MAX: usize = 4_096;

/// The longest column name or label value, in characters.
const COLUMN_CHARACTERS_MAX: usize = 256;
