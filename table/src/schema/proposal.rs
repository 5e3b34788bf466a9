//! A schema for people to look at before it is used.

use std::collections::BTreeMap;
use std::fmt;

use super::inference::{Hint, Reason, infer};
use super::{Column, ColumnSample, Kind, Role, Schema, write_grid};
use crate::delimited::DelimitedReader;
use crate::error::TableError;
use crate::parquet_file;
use crate::source::{Dialect, Format, Source};
use crate::value::Missing;

/// How many rows are looked at: many, since files sorted by time begin with one kind of rows.
const SAMPLE_ROWS: usize = 100_000;

/// How many cells are looked at, so that a proposal for a wide file takes no longer.
const SAMPLE_CELLS: usize = 4_000_000;

/// How many examples of a column are shown.
const EXAMPLES_SHOWN: usize = 3;

/// What is already stated about a source, by a job file or a person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// The id column.
    pub id: Option<String>,
    /// The label column.
    pub label: Option<String>,
    /// The text of the label's positive class.
    pub positive: Option<String>,
    /// The weight column.
    pub weight: Option<String>,
    /// The time column.
    pub time: Option<String>,
    /// Tokens that mean missing in every column, beside the default ones.
    pub missing: Vec<String>,
    /// What is stated about single columns.
    pub columns: BTreeMap<String, ColumnOverride>,
}

/// What is stated about one column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnOverride {
    /// Its kind.
    pub kind: Option<Kind>,
    /// Its role.
    pub role: Option<Role>,
    /// Exactly the tokens that mean missing in it; the default ones no longer do.
    pub missing: Option<Vec<String>>,
}

/// A schema with the reason for each column, not yet confirmed by anybody.
///
/// `Display` shows it as a table for people.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedSchema {
    /// How the file is written; `None` for Parquet.
    pub dialect: Option<Dialect>,
    /// The columns in the file's order.
    pub columns: Vec<ProposedColumn>,
    /// How many rows were looked at.
    pub sample_rows: usize,
}

/// One column of a proposal.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedColumn {
    /// What is proposed.
    pub column: Column,
    /// Why.
    pub reason: Reason,
    /// What a person should look at.
    pub hint: Option<Hint>,
    /// The first different values: the party's own data.
    pub examples: Vec<String>,
    /// How many of the rows looked at have no value.
    pub missing_count: usize,
}

impl Schema {
    /// Proposes a schema from what is stated and from the first rows of a source.
    ///
    /// What is stated is taken as it is. No column is proposed as id, label, weight or time
    /// unless it is stated: those roles are decisions.
    ///
    /// # Errors
    /// Everything that can be wrong with a file's form; [`TableError::MissingColumn`] when a
    /// stated column is not in the file; [`TableError::NoRows`].
    pub fn propose(source: &Source, overrides: &Overrides) -> Result<ProposedSchema, TableError> {
        let input = &source.inputs()[0];
        let dialect = source.dialect()?;
        let (names, samples) = match source.format() {
            Format::Csv(options) => first_rows(DelimitedReader::open(input, options)?)?,
            Format::Parquet => parquet_file::first_rows(input, rows_max)?,
        };
        let sample_rows = samples.iter().map(ColumnSample::rows).max().unwrap_or(0);
        if sample_rows == 0 {
            return Err(TableError::NoRows { file: input.name.to_string() });
        }
        for stated in overrides.stated_columns() {
            if !names.iter().any(|name| name == stated) {
                let names = names.iter().map(String::as_str);
                return Err(TableError::missing_column(&input.name, stated, names));
            }
        }
        let columns = names
            .into_iter()
            .zip(&samples)
            .map(|(name, sample)| overrides.propose_column(name, sample))
            .collect();
        Ok(ProposedSchema { dialect, columns, sample_rows })
    }
}

impl ProposedSchema {
    /// Takes the proposal as it stands: a person has seen it, or a job file states it.
    ///
    /// # Errors
    /// [`TableError::Schema`] when what was stated contradicts itself.
    pub fn confirm(self) -> Result<Schema, TableError> {
        Schema::new(self.columns.into_iter().map(|proposed| proposed.column).collect())
    }
}

impl Overrides {
    fn stated_columns(&self) -> impl Iterator<Item = &str> {
        let roles = [&self.id, &self.label, &self.weight, &self.time].into_iter().flatten();
        roles.chain(self.columns.keys()).map(String::as_str)
    }

    fn stated_role(&self, name: &str) -> Option<Role> {
        let roles = [
            (&self.id, Role::Id),
            (&self.label, Role::Label),
            (&self.weight, Role::Weight),
            (&self.time, Role::Time),
        ];
        let by_role = roles.into_iter().find(|(column, _)| column.as_deref() == Some(name));
        by_role
            .map(|(_, role)| role)
            .or_else(|| self.columns.get(name).and_then(|column| column.role))
    }

    fn propose_column(&self, name: String, sample: &ColumnSample) -> ProposedColumn {
        let stated = self.columns.get(&name);
        let missing = match stated.and_then(|column| column.missing.as_ref()) {
            Some(tokens) => Missing::only(tokens),
            None => Missing::default().and(&self.missing),
        };
        let inferred = infer(sample, &missing);
        let stated_kind = stated.and_then(|column| column.kind);
        let stated_role = self.stated_role(&name);
        let kind = match (stated_kind, stated_role) {
            (Some(kind), _) => kind,
            (None, Some(Role::Id)) => Kind::Text,
            // 1/0 columns are whole numbers already; texts of any number are classes.
            (None, Some(Role::Label | Role::Feature)) if inferred.kind == Kind::Text => {
                Kind::Category
            }
            (None, Some(Role::Label))
                if inferred.kind == Kind::Boolean && self.positive.is_some() =>
            {
                Kind::Category
            }
            (None, Some(Role::Time)) if inferred.kind != Kind::Integer => Kind::Time,
            (None, _) => inferred.kind,
        };
        let role = stated_role.unwrap_or(match (stated_kind, inferred.role) {
            // A stated kind says that the column is wanted; texts and times cannot be features.
            (Some(Kind::Text | Kind::Time), _) => Role::Carried,
            (Some(_), _) => Role::Feature,
            (None, role) => role,
        });
        let reason = match (stated_kind, stated_role) {
            (Some(_), _) => Reason::Stated,
            (None, Some(_)) => Reason::StatedRole,
            (None, None) => inferred.reason,
        };
        let hint = inferred.hint.filter(|_| role != Role::Id && stated_kind.is_none());
        let mut column = Column::new(name, kind, role).with_missing(missing);
        if role == Role::Label {
            column.positive.clone_from(&self.positive);
        }
        let is_missing = |text: &str| column.missing.covers_value(text.as_bytes());
        let counts = sample.counts();
        let missing_count =
            counts.iter().filter(|(text, _)| is_missing(text)).map(|(_, count)| count).sum();
        let known = sample.first().iter().filter(|text| !is_missing(text));
        let examples = known.take(EXAMPLES_SHOWN).cloned().collect();
        ProposedColumn { column, reason, hint, examples, missing_count }
    }
}

/// The header and the first rows, column by column.
fn first_rows(mut reader: DelimitedReader) -> Result<(Vec<String>, Vec<ColumnSample>), TableError> {
    let names = reader.header().to_vec();
    let mut columns: Vec<ColumnSample> = names.iter().map(|_| ColumnSample::default()).collect();
    for _ in 0..rows_max(names.len()) {
        if !reader.advance()? {
            break;
        }
        for (index, column) in columns.iter_mut().enumerate() {
            column.push(&String::from_utf8_lossy(reader.field(index)));
        }
    }
    reader.check_ragged()?;
    Ok((names, columns))
}

fn rows_max(columns: usize) -> usize {
    SAMPLE_ROWS.min(SAMPLE_CELLS / columns.max(1)).max(1)
}

impl fmt::Display for ProposedSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.dialect {
            Some(dialect) => writeln!(formatter, "{dialect}")?,
            None => writeln!(formatter, "Parquet")?,
        }
        writeln!(formatter, "proposed from the first {} rows:", self.sample_rows)?;
        let rows = self.columns.iter().map(|proposed| {
            let ProposedColumn { column, reason, hint, examples, missing_count } = proposed;
            let mut why = vec![reason.to_string()];
            why.extend(column.positive_remark());
            if *missing_count > 0 {
                why.push(format!("{missing_count} missing"));
                why.extend(column.missing_remark());
            }
            why.extend(hint.as_ref().map(ToString::to_string));
            let examples: Vec<String> =
                examples.iter().map(|text| crate::fault::shortened(text)).collect();
            [
                column.name.clone(),
                column.kind.to_string(),
                column.role.to_string(),
                why.join("; "),
                examples.join(", "),
            ]
        });
        write_grid(
            formatter,
            ["column", "kind", "role", "why", "examples"],
            &rows.collect::<Vec<_>>(),
        )
    }
}
