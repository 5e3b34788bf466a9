//! A party's own table, read as the job describes it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contract::Text;
use matching::idmap::{InvalidKeys, KeyRule, Keys};
use net::{Session, prepare};
use table::{
    ColumnOverride, CsvOptions, Format, Kind, Missing, Overrides, ProposedSchema, Role, Schema,
    Source, Table, TableError,
};

use crate::division::Origin;
use crate::error::JobError;
use crate::interactions::Users;
use crate::own_rows::OwnRows;
use crate::saved_model;
use crate::spec::{
    ColumnKind, ColumnSpec, Encoding, FormatKind, FormatSpec, JobSpec, KeySpec, OtherColumns,
    PartySpec,
};
use crate::watch::{Event, Watch};

/// Opens the table of `party` as [`open_rows`] does, while the peers open theirs.
///
/// # Errors
/// As [`open_rows`]; [`JobError::Net`] if a peer stops before it is ready.
#[net::boxed(?Send)]
pub async fn open_rows_together(
    peers: &mut [Session],
    job: &JobSpec,
    party: &PartySpec,
    folder: &Path,
    work: &Path,
    watch: &'static dyn Watch,
) -> Result<OwnRows, JobError> {
    let (job, party) = (job.clone(), party.clone());
    let (folder, work) = (folder.to_owned(), work.to_owned());
    prepare(peers, "rows", move || open_rows(&job, &party, &folder, &work, watch)).await
}

/// Opens the table of `party`, whose path is relative to `folder`, the job file's.
///
/// What the job leaves open about the columns is found out and shown to `watch` before anything
/// is read. A table of a job that only aligns is divided over files in `work` if it is too large
/// for memory, unless an earlier run of the same job has left such files.
///
/// # Errors
/// [`JobError::Table`], also when the job does not say where the table is; the file, column and
/// lines are named. [`JobError::Matching`] for keys that the job's policy refuses,
/// [`JobError::File`].
pub fn open_rows(
    job: &JobSpec,
    party: &PartySpec,
    folder: &Path,
    work: &Path,
    watch: &dyn Watch,
) -> Result<OwnRows, JobError> {
    let model = match &job.score {
        Some(score) => Some(saved_model::read(&models(party, folder)?, score, party)?),
        None => None,
    };
    if let Some(model) = &model {
        model.check_parties(job)?;
    }
    let mut starts = BTreeMap::new();
    for step in &job.train {
        if let Some(start) = &step.warm_start {
            let wanted = start.wanted(&step.model);
            let saved = saved_model::read(&models(party, folder)?, &wanted, party)?;
            saved.check_parties(job)?;
            saved.check_start()?;
            starts.insert(step.name.clone(), saved);
        }
    }
    let reading = model.as_ref().map(|model| model.reading(party)).transpose()?;
    let party = reading.as_ref().unwrap_or(party);
    let path = path(party, folder)?;
    let source = source(party, &path)?;
    let proposed = match (propose(party, &source), &model) {
        (Err(error), Some(model)) => return Err(model.explain(error)),
        (proposed, _) => proposed?,
    };
    watch.see(Event::Note { text: shown(party, &proposed) });
    let schema = proposed.confirm()?;
    let digest = job.digest().to_string();
    let origin = Origin::new(work.to_owned(), &digest, &path)?;
    let keys = KeyReader::new(party, &party.key);
    if job.only_intersects() {
        return OwnRows::read(&source, &schema, keys, origin, watch);
    }
    let mut table = Table::read(&source, &schema)?;
    let mut interactions = None;
    if let Some(item) = &party.item {
        let users = Users::of(&table, party, item, &keys)?;
        watch.see(Event::Note { text: users.note });
        (table, interactions) = (users.table, Some(users.items));
    }
    let rows = OwnRows::in_memory(table, keys, origin);
    Ok(rows.with_model(model).with_starts(starts).with_interactions(interactions))
}

/// The schema of a party's table as the job describes it, for people to look at.
///
/// # Errors
/// As [`open_rows`].
pub fn propose_schema(party: &PartySpec, folder: &Path) -> Result<ProposedSchema, JobError> {
    propose(party, &source(party, &path(party, folder)?)?)
}

/// Where the party's part of the model is that a job scores with.
fn models(party: &PartySpec, folder: &Path) -> Result<PathBuf, JobError> {
    let Some(path) = &party.models else {
        let rule = "nobody says where it is; run with `--models` and the folder of the results of \
                    the job that trained the model, or add `models:` to the party";
        return Err(JobError::SavedModel {
            party: party.name.clone(),
            path: PathBuf::from("model"),
            rule: rule.to_owned(),
        });
    };
    Ok(folder.join(path))
}

/// Where the party's table is.
fn path(party: &PartySpec, folder: &Path) -> Result<PathBuf, JobError> {
    let Some(path) = &party.table else {
        let rule = format!(
            "the job does not say where the table of `{}` is; add `table:` to the party",
            party.name
        );
        return Err(TableError::Schema { rule }.into());
    };
    Ok(folder.join(path))
}

fn source(party: &PartySpec, path: &Path) -> Result<Source, JobError> {
    let source = Source::open(path)?;
    let FormatSpec { kind, delimiter, encoding } = &party.format;
    let stated = delimiter.is_some() || encoding.is_some();
    let format = match kind {
        Some(FormatKind::Parquet) => Some(Format::Parquet),
        Some(FormatKind::Csv) => Some(csv(*delimiter, *encoding)),
        None if stated && *source.format() != Format::Parquet => Some(csv(*delimiter, *encoding)),
        None => None,
    };
    Ok(match format {
        Some(format) => source.with_format(format),
        None => source,
    })
}

fn csv(delimiter: Option<char>, encoding: Option<Encoding>) -> Format {
    Format::Csv(CsvOptions {
        delimiter: delimiter.and_then(|delimiter| u8::try_from(delimiter).ok()),
        encoding: encoding.map(|encoding| match encoding {
            Encoding::Utf8 => table::Encoding::Utf8,
            Encoding::Gbk => table::Encoding::Gbk,
        }),
        ..CsvOptions::default()
    })
}

fn propose(party: &PartySpec, source: &Source) -> Result<ProposedSchema, JobError> {
    let mut proposed = Schema::propose(source, &overrides(party))?;
    let has_role = |name: &str| {
        let label = party.label.as_ref().map(|label| &label.column);
        let further = [&party.item, &party.weight, &party.time, &party.offset, &party.group];
        let roles = label.into_iter().chain(further.into_iter().flatten());
        roles.chain(party.keys().map(|key| &key.column)).any(|column| column == name)
    };
    for column in &mut proposed.columns {
        let column = &mut column.column;
        if party.columns.contains_key(&column.name) || has_role(&column.name) {
            continue;
        }
        let is_carried = party.payload.contains(&column.name) || party.sum.contains(&column.name);
        match party.other_columns {
            OtherColumns::Ignore if !is_carried => column.role = Role::Ignore,
            OtherColumns::Kind(kind) => {
                column.kind = table_kind(kind);
                column.role = if is_carried { Role::Carried } else { feature_role(kind) };
            }
            OtherColumns::Propose | OtherColumns::Ignore => {}
        }
    }
    Ok(proposed)
}

fn overrides(party: &PartySpec) -> Overrides {
    let columns = party.columns.iter();
    let mut columns: BTreeMap<_, _> =
        columns.map(|(name, column)| (name.clone(), column_override(party, column))).collect();
    let mut id = None;
    for column in &party.payload {
        columns.entry(column.clone()).or_default().role = Some(Role::Carried);
    }
    for column in party.sum.iter().chain(&party.offset) {
        let column = columns.entry(column.clone()).or_default();
        column.role = Some(Role::Carried);
        column.kind = column.kind.or(Some(Kind::Number));
    }
    for name in party.group.iter().chain(&party.item) {
        let column = columns.entry(name.clone()).or_default();
        (column.kind, column.role) = (Some(Kind::Text), Some(Role::Carried));
    }
    if party.has_several_keys() {
        for key in party.keys() {
            let column = columns.entry(key.column.clone()).or_default();
            (column.kind, column.role) = (Some(Kind::Text), Some(Role::Carried));
        }
    } else {
        id = Some(party.key.column.clone());
        if party.key.rule.invalid == InvalidKeys::Drop {
            // Rows without a key are for matching to leave out: no value of the column is missing.
            columns.entry(party.key.column.clone()).or_default().missing = Some(Vec::new());
        }
    }
    Overrides {
        id,
        label: party.label.as_ref().map(|label| label.column.clone()),
        positive: party.label.as_ref().and_then(|label| label.positive.clone()),
        weight: party.weight.clone(),
        time: party.time.clone(),
        missing: party.missing.clone(),
        columns,
    }
}

/// Makes keys of the values of one of a party's key columns.
#[derive(Clone, Debug)]
pub(crate) struct KeyReader {
    column: String,
    missing: Missing,
    rule: KeyRule,
}

impl KeyReader {
    /// For one key column of the party's table, as the job describes it.
    pub(crate) fn new(party: &PartySpec, key: &KeySpec) -> Self {
        let own = party.columns.get(&key.column).map_or(&[][..], |column| &column.missing);
        let missing = Missing::default().and(&party.missing).and(own);
        Self { column: key.column.clone(), missing, rule: key.rule.clone() }
    }

    /// For the same column under another rule.
    #[must_use]
    pub(crate) fn with_rule(self, rule: KeyRule) -> Self {
        Self { rule, ..self }
    }

    /// How values become keys.
    pub(crate) fn rule(&self) -> &KeyRule {
        &self.rule
    }

    /// The key of one value; `None` if it cannot be one.
    pub(crate) fn key<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        self.rule.key(self.value(text))
    }

    /// The keys of a table that take part in matching.
    ///
    /// # Errors
    /// [`JobError::Table`] if the table has no such column of texts; [`JobError::Matching`] for
    /// rows that the job's policy for invalid and duplicate keys refuses.
    pub(crate) fn keys<'a>(&self, table: &'a Table) -> Result<Keys<'a>, JobError> {
        let texts = table.texts(&self.column)?;
        Ok(Keys::new(texts.map(|text| self.value(text.unwrap_or_default())), &self.rule)?)
    }

    /// The value, empty if it means that there is none.
    fn value<'a>(&self, text: &'a str) -> &'a str {
        if self.missing.covers(text.trim().as_bytes()) { "" } else { text }
    }
}

/// A column's own tokens stand beside those of the table, which stand beside the usual ones.
fn column_override(party: &PartySpec, column: &ColumnSpec) -> ColumnOverride {
    let tokens = || Missing::default().and(&party.missing).and(&column.missing).tokens().to_vec();
    ColumnOverride {
        kind: column.kind.map(table_kind),
        role: column.ignore.then_some(Role::Ignore),
        missing: (!column.missing.is_empty()).then(tokens),
    }
}

/// The kind of a column as the reader of tables calls it.
pub(crate) fn table_kind(kind: ColumnKind) -> Kind {
    match kind {
        ColumnKind::Text => Kind::Text,
        ColumnKind::Number => Kind::Number,
        ColumnKind::Integer => Kind::Integer,
        ColumnKind::Category => Kind::Category,
        ColumnKind::Boolean => Kind::Boolean,
        ColumnKind::Time => Kind::Time,
    }
}

/// The same the other way round.
pub(crate) fn column_kind(kind: Kind) -> ColumnKind {
    match kind {
        Kind::Text => ColumnKind::Text,
        Kind::Number => ColumnKind::Number,
        Kind::Integer => ColumnKind::Integer,
        Kind::Category => ColumnKind::Category,
        Kind::Boolean => ColumnKind::Boolean,
        Kind::Time => ColumnKind::Time,
    }
}

/// Texts and times are no features.
fn feature_role(kind: ColumnKind) -> Role {
    match kind {
        ColumnKind::Text | ColumnKind::Time => Role::Carried,
        _ => Role::Feature,
    }
}

fn shown(party: &PartySpec, proposed: &ProposedSchema) -> Text {
    Text::owned(
        format!("table of {}: {proposed}", party.name),
        format!("{} 的数据表：{proposed}", party.name),
    )
}
