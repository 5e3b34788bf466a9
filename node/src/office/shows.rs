//! What partners are told about this member's tables: descriptions, which of them are shown, and
//! the catalogue that goes to all partners. No value of a table is ever in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contract::Text;
use governance::books::Record;
use governance::canonical::Signed;
use governance::letter::Letter;
use governance::members::{
    Catalogue, ColumnDescription, ColumnKind, DataDescription, Event, MemberId, rounded_rows,
    search,
};
use serde::{Deserialize, Serialize};
use table::{Role, Schema, Source, Table as Rows};

use super::event::OfficeEvent;
use super::mail::Mail;
use super::state::State;
use super::{Office, OfficeError, Outcome, partners, tables, time};

/// What happened to what partners are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ShowEvent {
    /// A table was described.
    Described {
        /// The table.
        table: String,
        /// What partners would read.
        description: Box<DataDescription>,
    },
    /// The next catalogue has a table, or has it no longer.
    Chosen {
        /// The table.
        table: String,
        /// Whether it has it.
        is_shown: bool,
    },
    /// A catalogue went to all partners.
    Published(Box<Signed<Catalogue>>),
}

/// What the owner of a table says about it; all else is taken from the table itself.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// What it is about, in a sentence.
    pub about: String,
    /// Whom and what it covers.
    pub coverage: String,
    /// How new it is.
    pub freshness: String,
    /// What its use costs, for people.
    pub price: Option<String>,
    /// The columns that name people or things.
    pub keys: BTreeSet<String>,
    /// The meaning and the unit of each column that may be given.
    pub columns: BTreeMap<String, (String, Option<String>)>,
}

/// What partners are told, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shows {
    /// Descriptions by table.
    pub described: BTreeMap<String, DataDescription>,
    /// The tables that the next catalogue has.
    pub chosen: BTreeSet<String>,
    /// The catalogue that partners have.
    pub published: Option<Signed<Catalogue>>,
}

/// A partner's data set that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Whose it is.
    pub member: MemberId,
    /// That member's name.
    pub member_name: String,
    /// The name that agreements use.
    pub data: String,
    /// Columns in which a word occurs.
    pub columns: BTreeSet<String>,
    /// What its owner says about it.
    pub description: DataDescription,
}

impl ShowEvent {
    /// The table, or the version of the catalogue.
    pub fn subject(&self) -> String {
        match self {
            Self::Described { table, .. } | Self::Chosen { table, .. } => table.clone(),
            Self::Published(catalogue) => catalogue.content().version.to_string(),
        }
    }
}

impl Shows {
    /// Puts what has happened into it.
    pub(super) fn apply(&mut self, event: &ShowEvent) {
        match event {
            ShowEvent::Described { table, description } => {
                self.described.insert(table.clone(), (**description).clone());
            }
            ShowEvent::Chosen { table, is_shown: true } => {
                self.chosen.insert(table.clone());
            }
            ShowEvent::Chosen { table, is_shown: false } => {
                self.chosen.remove(table);
            }
            ShowEvent::Published(catalogue) => self.published = Some((**catalogue).clone()),
        }
    }

    /// A table is no longer there: one of the same name begins anew, and is not shown.
    pub(super) fn forget(&mut self, table: &str) {
        self.described.remove(table);
        self.chosen.remove(table);
    }
}

impl State {
    /// What the next catalogue says: exactly what partners will see. Columns that were hidden after
    /// they were described are not in it.
    pub fn next_catalogue(&self) -> Catalogue {
        let shown = |name: &String| {
            let table = self.tables.get(name)?;
            let mut description = self.shows.described.get(name)?.clone();
            description.columns.retain(|column, _| {
                table.columns.get(column).is_some_and(|column| !column.is_hidden)
            });
            Some((name.clone(), description))
        };
        let before = self.shows.published.as_ref().map_or(0, |it| it.content().version);
        Catalogue {
            member: self.own(),
            version: before.saturating_add(1),
            issued_at: time(),
            data: self.shows.chosen.iter().filter_map(shown).collect(),
        }
    }

    /// The data of partners in whose descriptions all words occur, at most [`FOUND_MAX`]; and how
    /// many more there are. Without words everything is found.
    ///
    /// # Errors
    /// [`OfficeError::Job`], if it is too much to look for.
    pub fn find_data(&self, words: &str) -> Result<(Vec<Found>, usize), OfficeError> {
        if words.chars().count() > WORDS_MAX {
            return Err(OfficeError::Job(LONG_SEARCH));
        }
        let members = self.books.directory().members();
        let told = members.iter().filter(|(_, member)| partners::is_partner(&member.standing));
        let catalogues = told.clone().filter_map(|(_, member)| member.catalogue.as_ref());
        let hits = search(catalogues, words);
        let left_off = hits.len().saturating_sub(FOUND_MAX);
        let found = hits.into_iter().take(FOUND_MAX).filter_map(|hit| {
            let catalogue = members.get(hit.member)?.catalogue.as_ref()?;
            Some(Found {
                member: *hit.member,
                member_name: self.name_of(hit.member),
                data: hit.data.to_owned(),
                columns: hit.columns.into_iter().map(str::to_owned).collect(),
                description: catalogue.content().data.get(hit.data)?.clone(),
            })
        });
        Ok((found.collect(), left_off))
    }
}

/// The mail that follows from an event: a new catalogue goes to all partners, and a new partner
/// gets the one that there is.
pub(super) fn mail(state: &State, event: &OfficeEvent) -> Vec<(MemberId, Mail)> {
    let directory = state.books.directory();
    let to: Vec<MemberId> = match event {
        OfficeEvent::Show(ShowEvent::Published(_)) => directory.partners().into_keys().collect(),
        OfficeEvent::Book(Record::Member(event)) => match &**event {
            Event::Standing { member, standing } if partners::is_partner(standing) => vec![*member],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let Some(catalogue) = &state.shows.published else { return Vec::new() };
    let mail = |to| (to, Mail::Letter(Letter::Catalogue(Box::new(catalogue.clone()))));
    to.into_iter().map(mail).collect()
}

/// The number of rows, and for how many in a hundred each column is known. Blocks while it reads.
fn measure(folder: &Path, path: &Path) -> Result<(u64, BTreeMap<String, u8>), OfficeError> {
    let proposed = tables::look(folder, path)?;
    let carried = proposed.columns.into_iter().map(|proposed| {
        let mut column = proposed.column;
        // Values of columns that are carried may be missing.
        column.role = Role::Carried;
        column
    });
    let schema = Schema::new(carried.collect())?;
    let source = Source::open(tables::place(folder, path)?)?;
    let (mut rows, mut missing) = (0_u64, BTreeMap::<String, u64>::new());
    for batch in Rows::batches(&source, &schema, BATCH_ROWS) {
        let batch = batch?;
        rows += batch.rows() as u64;
        for column in schema.columns() {
            let count = batch.missing_count(&column.name)? as u64;
            *missing.entry(column.name.clone()).or_default() += count;
        }
    }
    let known = |missing: u64| {
        let percent = rows.saturating_sub(missing).saturating_mul(100) / rows.max(1);
        u8::try_from(percent).unwrap_or(100)
    };
    Ok((rows, missing.into_iter().map(|(name, count)| (name, known(count))).collect()))
}

/// What a description says of the columns that may be given.
fn columns_of(
    table: &tables::Table,
    known: &BTreeMap<String, u8>,
    description: &Description,
) -> Result<BTreeMap<String, ColumnDescription>, OfficeError> {
    let mut columns = BTreeMap::new();
    let seen = table.columns.iter().filter(|(_, column)| !column.is_hidden);
    for (name, column) in seen {
        let Some((meaning, unit)) = description.columns.get(name) else {
            return Err(OfficeError::Job(no_meaning(name)));
        };
        let is_key = description.keys.contains(name);
        let described = ColumnDescription {
            kind: if is_key { ColumnKind::Key } else { column.kind },
            meaning: meaning.trim().to_owned(),
            unit: unit.as_deref().map(|unit| unit.trim().to_owned()),
            known_percent: known.get(name).copied().unwrap_or_default(),
        };
        columns.insert(name.clone(), described);
    }
    let mut named = description.columns.keys().chain(&description.keys);
    match named.find(|name| !columns.contains_key(*name)) {
        Some(name) => {
            let breach = tables::PolicyBreach::Column(table.name.clone(), name.clone());
            Err(OfficeError::Policy(vec![breach]))
        }
        None => Ok(columns),
    }
}

impl Office {
    /// Describes a table for partners; reads all of it to count. Nothing is shown by that.
    #[net::boxed]
    pub async fn describe(
        &self,
        by: &str,
        name: &str,
        description: Description,
    ) -> Result<(), OfficeError> {
        let table = self.state().tables.get(name).cloned();
        let table = table.ok_or(OfficeError::Unknown("table"))?;
        let (folder, path) = (self.data.clone(), table.path.clone());
        let measured = tokio::task::spawn_blocking(move || measure(&folder, &path)).await;
        let (rows, known) = measured.map_err(|error| {
            let (path, cause) = (table.path.clone(), error.to_string());
            OfficeError::Path { path, cause }
        })??;
        let described = DataDescription {
            about: description.about.trim().to_owned(),
            coverage: description.coverage.trim().to_owned(),
            rows: rounded_rows(rows),
            freshness: description.freshness.trim().to_owned(),
            price: description.price.as_deref().map(|price| price.trim().to_owned()),
            columns: columns_of(&table, &known, &description)?,
        };
        let turn = self.turn().await;
        if self.state().tables.get(name) != Some(&table) {
            return Err(OfficeError::Job(CHANGED));
        }
        // Whatever a catalogue may not say is refused now, and not when it is published.
        let data = BTreeMap::from([(name.to_owned(), described.clone())]);
        let catalogue = Catalogue { data, ..self.state().next_catalogue() };
        Signed::new(catalogue, &self.signer())?;
        let description = Box::new(described);
        let event = ShowEvent::Described { table: name.to_owned(), description };
        self.commit(&turn, by, outcome(event), None).await
    }

    /// Chooses whether the next catalogue has a table.
    #[net::boxed]
    pub async fn choose(&self, by: &str, name: &str, is_shown: bool) -> Result<(), OfficeError> {
        let turn = self.turn().await;
        {
            let state = self.state();
            if !state.tables.contains_key(name) {
                return Err(OfficeError::Unknown("table"));
            }
            if is_shown && !state.shows.described.contains_key(name) {
                return Err(OfficeError::Job(NOT_DESCRIBED));
            }
        }
        let event = ShowEvent::Chosen { table: name.to_owned(), is_shown };
        self.commit(&turn, by, outcome(event), None).await
    }

    /// Signs the next catalogue and sends it to all partners.
    #[net::boxed]
    pub async fn publish(&self, by: &str) -> Result<Catalogue, OfficeError> {
        let turn = self.turn().await;
        let catalogue = self.state().next_catalogue();
        let signed = Signed::new(catalogue.clone(), &self.signer())?;
        let event = ShowEvent::Published(Box::new(signed));
        self.commit(&turn, by, outcome(event), None).await?;
        Ok(catalogue)
    }
}

fn outcome(event: ShowEvent) -> Outcome {
    Outcome { events: vec![OfficeEvent::Show(event)], mail: Vec::new() }
}

fn no_meaning(column: &str) -> Text {
    Text::owned(
        format!("say what the column `{column}` means, or hide it"),
        format!("请说明列“{column}”的含义，或将其隐藏"),
    )
}

/// Data sets that one search gives.
pub const FOUND_MAX: usize = 100;
/// Characters that one search looks for.
const WORDS_MAX: usize = 200;
/// Rows that are held at once while a table is counted.
const BATCH_ROWS: usize = 1 << 16;
const LONG_SEARCH: Text =
    Text::new("a search has at most 200 characters", "搜索内容最多 200 个字符");
const NOT_DESCRIBED: Text =
    Text::new("describe the table before you show it", "请先填写数据表说明，再对合作方展示");
const CHANGED: Text = Text::new(
    "the table was registered anew meanwhile; describe it again",
    "数据表在此期间已重新登记，请重新填写说明",
);
