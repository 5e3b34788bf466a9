//! The member's own tables: where they are, what their columns are, and what their owner allows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use contract::Text;
use governance::members::{ColumnKind, MemberId};
use governance::time::Time;
use serde::{Deserialize, Serialize};
use table::{Format, Kind, Overrides, ProposedSchema, Schema, Source};

use super::event::OfficeEvent;
use super::{Office, OfficeError, Outcome, time};

/// What happened to a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TableEvent {
    /// It was registered, or described anew.
    Registered(Box<Table>),
    /// Nothing new uses it.
    Retired(String),
}

/// A table that jobs may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The name that agreements and jobs use.
    pub name: String,
    /// Where it is, relative to the node's folder of data.
    pub path: PathBuf,
    /// What it is about, in a sentence.
    pub about: String,
    /// Its columns by name.
    pub columns: BTreeMap<String, TableColumn>,
    /// What its owner allows.
    pub policy: Policy,
    /// When it was registered.
    pub registered_at: Time,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableColumn {
    /// What kind of values it has.
    pub kind: ColumnKind,
    /// What they mean; empty if nobody has said.
    pub meaning: String,
    /// Whether no agreement may give it.
    pub is_hidden: bool,
}

/// What the owner of a table allows, whatever an agreement says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// With whom; with every partner if nobody is named.
    pub partners: BTreeSet<MemberId>,
    /// For what; for every purpose if none is named.
    pub purposes: BTreeSet<String>,
    /// No job may show figures of a group of fewer rows.
    pub minimum_group: u32,
    /// From when on nothing may use it.
    pub until: Option<Time>,
    /// On which legal basis its rows may be used: consent, contract, statute.
    pub legal_basis: String,
}

/// What somebody says about a table that is to be registered.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// The name that agreements and jobs will use.
    pub name: String,
    /// The file or folder, relative to the node's folder of data.
    pub path: PathBuf,
    /// What it is about, in a sentence.
    pub about: String,
    /// Columns that no agreement may give.
    pub hidden: BTreeSet<String>,
    /// What its owner allows.
    pub policy: Policy,
}

/// Why the owner's policy does not allow something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyBreach {
    /// There is no such table, or it was retired.
    NoTable(String),
    /// A column is not there, or hidden.
    Column(String, String),
    /// With this partner it is not allowed.
    Partner(String, MemberId),
    /// For this purpose it is not allowed.
    Purpose(String, String),
    /// Smaller groups are shown than are allowed.
    Group(String, u32),
    /// Its time is over.
    Over(String),
}

impl TableEvent {
    /// The table.
    pub fn name(&self) -> &str {
        match self {
            Self::Registered(table) => &table.name,
            Self::Retired(name) => name,
        }
    }
}

impl Table {
    /// Whether the policy allows these columns for something that others take part in.
    pub fn allows<'a>(
        &self,
        columns: impl IntoIterator<Item = &'a String>,
        with: impl IntoIterator<Item = MemberId>,
        purposes: impl IntoIterator<Item = &'a String>,
        minimum_group: u32,
        now: Time,
    ) -> Vec<PolicyBreach> {
        let name = || self.name.clone();
        let mut breaches = Vec::new();
        for column in columns {
            if self.columns.get(column).is_none_or(|column| column.is_hidden) {
                breaches.push(PolicyBreach::Column(name(), column.clone()));
            }
        }
        let Policy { partners, purposes: allowed, until, .. } = &self.policy;
        let stranger = |partner: &MemberId| !partners.is_empty() && !partners.contains(partner);
        let with = with.into_iter().filter(stranger);
        breaches.extend(with.map(|partner| PolicyBreach::Partner(name(), partner)));
        let other = |purpose: &&String| !allowed.is_empty() && !allowed.contains(*purpose);
        let purposes = purposes.into_iter().filter(other);
        breaches.extend(purposes.map(|it| PolicyBreach::Purpose(name(), it.clone())));
        if minimum_group < self.policy.minimum_group {
            breaches.push(PolicyBreach::Group(name(), self.policy.minimum_group));
        }
        if until.is_some_and(|until| now >= until) {
            breaches.push(PolicyBreach::Over(name()));
        }
        breaches
    }
}

impl PolicyBreach {
    /// What is not allowed.
    pub fn text(&self) -> Text {
        match self {
            Self::NoTable(table) => Text::owned(
                format!("there is no table `{table}` here; register it first"),
                format!("本方没有数据表“{table}”，请先登记"),
            ),
            Self::Column(table, column) => Text::owned(
                format!("`{table}` has no column `{column}` that may be given"),
                format!("“{table}”没有可提供的列“{column}”"),
            ),
            Self::Partner(table, _) => Text::owned(
                format!("the owner of `{table}` does not allow this partner"),
                format!("“{table}”的所有者不允许与该合作方使用"),
            ),
            Self::Purpose(table, purpose) => Text::owned(
                format!("the owner of `{table}` does not allow the purpose `{purpose}`"),
                format!("“{table}”的所有者不允许用途“{purpose}”"),
            ),
            Self::Group(table, least) => Text::owned(
                format!("the owner of `{table}` wants no figures of fewer than {least} rows"),
                format!("“{table}”的所有者要求分组不少于{least}行"),
            ),
            Self::Over(table) => Text::owned(
                format!("the owner of `{table}` allowed its use up to a time that is over"),
                format!("“{table}”的授权期限已过"),
            ),
        }
    }
}

/// The place of a table's path under the folder of data.
///
/// # Errors
/// [`OfficeError::Path`], if it leads out of the folder, also by links, or to nothing.
pub(super) fn place(folder: &Path, path: &Path) -> Result<PathBuf, OfficeError> {
    let fail = |cause: String| OfficeError::Path { path: path.to_owned(), cause };
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(fail("it has to lie in the node's folder of data".to_owned()));
    }
    let root = folder.canonicalize().map_err(|error| fail(error.to_string()))?;
    let place = root.join(path).canonicalize().map_err(|error| fail(error.to_string()))?;
    if place.starts_with(&root) && place != root {
        Ok(place)
    } else {
        Err(fail("it leads out of the node's folder of data".to_owned()))
    }
}

/// What the first rows of a file say about its columns. Blocks while it reads.
///
/// # Errors
/// [`OfficeError::Path`], [`OfficeError::Table`].
pub(super) fn look(folder: &Path, path: &Path) -> Result<ProposedSchema, OfficeError> {
    let source = Source::open(place(folder, path)?)?;
    if matches!(source.format(), Format::Csv(_)) && source.dialect()?.is_none() {
        let cause = "it is no table".to_owned();
        return Err(OfficeError::Path { path: path.to_owned(), cause });
    }
    Ok(Schema::propose(&source, &Overrides::default())?)
}

/// The columns as agreements describe them.
fn columns(proposed: &ProposedSchema, hidden: &BTreeSet<String>) -> BTreeMap<String, TableColumn> {
    let column = |column: &table::ProposedColumn| {
        let kind = match column.column.kind {
            Kind::Text => ColumnKind::Text,
            Kind::Number | Kind::Integer => ColumnKind::Number,
            Kind::Category | Kind::Boolean => ColumnKind::Category,
            Kind::Time => ColumnKind::Date,
        };
        let name = column.column.name.clone();
        let is_hidden = hidden.contains(&name);
        (name, TableColumn { kind, meaning: String::new(), is_hidden })
    };
    proposed.columns.iter().map(column).collect()
}

impl Office {
    /// What the first rows of a file in the folder of data say about its columns.
    #[net::boxed]
    pub async fn look(&self, path: &Path) -> Result<ProposedSchema, OfficeError> {
        let (data, path) = (self.data.clone(), path.to_owned());
        let looked = tokio::task::spawn_blocking(move || look(&data, &path));
        looked
            .await
            .map_err(|error| OfficeError::Path { path: PathBuf::new(), cause: error.to_string() })?
    }

    /// Registers a table, or describes it anew.
    #[net::boxed]
    pub async fn register(&self, by: &str, registration: &Registration) -> Result<(), OfficeError> {
        let Registration { name, path, about, hidden, policy } = registration.clone();
        let is_name = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it));
        if !is_name {
            return Err(OfficeError::Job(BAD_NAME));
        }
        let proposed = self.look(&path).await?;
        let table = Table {
            name,
            path,
            about,
            columns: columns(&proposed, &hidden),
            policy,
            registered_at: time(),
        };
        let turn = self.turn().await;
        let event = OfficeEvent::Table(TableEvent::Registered(Box::new(table)));
        let outcome = Outcome { events: vec![event], mail: Vec::new() };
        self.commit(&turn, by, outcome, None).await
    }

    /// Takes a table away: nothing new uses it.
    #[net::boxed]
    pub async fn retire(&self, by: &str, name: &str) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        if !self.state().tables.contains_key(name) {
            return Err(OfficeError::Unknown("table"));
        }
        let event = OfficeEvent::Table(TableEvent::Retired(name.to_owned()));
        let outcome = Outcome { events: vec![event], mail: Vec::new() };
        self.commit(&turn, by, outcome, None).await
    }
}

/// The longest name of a table.
const NAME_BYTES_MAX: usize = 120;
const BAD_NAME: Text = Text::new(
    "a table's name has 1 to 120 letters, digits and . _ -",
    "数据表名称须为 1 至 120 个字母、数字或 . _ -",
);
