//! A party's own part of a model, as the file that it keeps: everything that its side of scoring
//! needs, checked when it is read.
//!
//! The file is JSON, one object. It holds no rows. Of a strict model it holds what is useless
//! without the other party's file; it is as confidential as the table all the same, because bins
//! and limits say how its columns are distributed.

mod card;
mod check;
mod export;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use contract::{JobDigest, Role};
use features::binning::Binning;
use features::prepare::Preparation;
use features::woe::WoeTable;
use report::message::listed;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use table::{Table, TableError};

pub(crate) use card::{card, limits};
pub(crate) use export::own_part;
pub(crate) use file::{CARD_SUFFIX, read, text};

use crate::error::JobError;
use crate::open_table::column_kind;
use crate::run::{ModelOutcome, ModelPart, Outcome, SplitOutcome, Weighed};
use crate::spec::{ColumnKind, ColumnSpec, JobSpec, Model, OtherColumns, PartySpec};

/// The version of the file's form; a file of another version is refused.
const FORMAT: u32 = 1;

/// A party's part of a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedModel {
    format: u32,
    /// The program that trained it.
    program: String,
    /// The job that trained it.
    pub(crate) job: String,
    /// What it may be used for, in the words of that job.
    pub(crate) purpose: String,
    /// The digest of that job.
    pub(crate) digest: JobDigest,
    /// The name of the training run, 32 hexadecimal digits, the same in both parties' files.
    pub(crate) model_id: String,
    /// Whose part it is.
    party: String,
    role: Role,
    /// The names of all parties that trained it. None in files from before there could be several
    /// hosts: those are of one guest and one host.
    #[serde(default)]
    parties: Vec<String>,
    /// The step in which it was trained.
    pub(crate) step: String,
    component: String,
    privacy: String,
    settings: Value,
    /// The columns of the party's table that it needs, by name.
    columns: BTreeMap<String, SavedColumn>,
    /// Texts that mean "not known" in all of them, beside the usual ones.
    missing: Vec<String>,
    /// The guest's column with a known part of the linear predictor.
    pub(crate) offset: Option<String>,
    /// How columns become features; of a model with coefficients.
    pub(crate) preparation: Option<Preparation>,
    /// The guest's weight of evidence of its own columns, for people.
    evidence: Option<Vec<WoeTable>>,
    /// How columns are replaced by weight of evidence, if any are.
    pub(crate) weighed: Option<Weighed>,
    /// Coefficients or trees.
    pub(crate) part: ModelPart,
}

/// How a column was read in training.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedColumn {
    kind: ColumnKind,
    /// Texts that mean "not known" in it, beside those of the table.
    missing: Vec<String>,
}

impl SavedModel {
    /// The part of `model` that the party of the outcome keeps; `table` is the one it trained on.
    pub(crate) fn of(
        job: &JobSpec,
        table: &Table,
        outcome: &Outcome,
        model: &ModelOutcome,
    ) -> Result<Self, JobError> {
        let split = outcome.splits.iter().find(|split| split.name == model.split);
        let party = job.party_named(&outcome.party);
        let party = party.ok_or_else(|| JobError::Peers { party: outcome.party.clone() })?;
        // A column of the host that is replaced by weight of evidence is not prepared too, nor one
        // that is not among the best.
        let is_used = |name: &&str| match &model.part {
            ModelPart::LogisticRegression(part) | ModelPart::Regression(part) => {
                part.coefficients.iter().any(|it| it.feature == *name)
            }
            _ => true,
        };
        let prepared = |split: &SplitOutcome| {
            let names: Vec<&str> =
                split.features.iter().map(String::as_str).filter(is_used).collect();
            split.preparation.only(&names)
        };
        let preparation = split.filter(|_| model.part.is_linear()).map(prepared);
        let weighed = split.and_then(|split| split.weighed.clone());
        let weighed = weighed.filter(|_| preparation.is_some());
        let evidence = |split: &SplitOutcome| split.evidence.clone();
        let mut saved = Self {
            format: FORMAT,
            program: concat!("Tombolo ", env!("CARGO_PKG_VERSION")).to_owned(),
            job: outcome.job.clone(),
            purpose: outcome.purpose.clone(),
            digest: job.digest(),
            model_id: model.model_id.clone(),
            party: outcome.party.clone(),
            role: outcome.role,
            parties: names(job),
            step: model.step.clone(),
            component: model.component.to_owned(),
            privacy: model.privacy.clone(),
            settings: model.settings.clone(),
            columns: BTreeMap::new(),
            missing: party.missing.clone(),
            offset: party.offset.clone().filter(|_| matches!(model.part, ModelPart::Regression(_))),
            evidence: split.filter(|_| weighed.is_some()).map(evidence),
            preparation,
            weighed,
            part: model.part.clone(),
        };
        saved.columns = saved.columns_of(party, table)?;
        Ok(saved)
    }

    /// How the columns that the part needs were read.
    fn columns_of(
        &self,
        party: &PartySpec,
        table: &Table,
    ) -> Result<BTreeMap<String, SavedColumn>, JobError> {
        let column = |name: &str| -> Result<(String, SavedColumn), JobError> {
            let kind = column_kind(table.schema().column(name)?.kind);
            let missing = party.columns.get(name).map(|it| it.missing.clone()).unwrap_or_default();
            Ok((name.to_owned(), SavedColumn { kind, missing }))
        };
        self.sources().into_iter().map(column).collect()
    }

    /// The columns that the part needs; some may come twice.
    fn sources(&self) -> Vec<&str> {
        let prepared = self.preparation.iter().flat_map(Preparation::provenance);
        let binned = self.binnings().iter().map(Binning::feature);
        prepared.map(|it| it.source.as_str()).chain(binned).collect()
    }

    /// The bins of the part: of trees, or of columns replaced by weight of evidence.
    pub(crate) fn binnings(&self) -> &[Binning] {
        match &self.part {
            ModelPart::LogisticRegression(_)
            | ModelPart::Regression(_)
            | ModelPart::MultinomialRegression(_) => {
                self.weighed.as_ref().map_or(&[], |weighed| &weighed.binnings)
            }
            ModelPart::GuestTrees { binnings, .. }
            | ModelPart::HostTrees { binnings, .. }
            | ModelPart::StrictTrees { binnings, .. } => binnings,
            ModelPart::GuestFactors(_) | ModelPart::HostFactors(_) => &[],
        }
    }

    /// The names and kinds of the columns that the part needs.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, ColumnKind)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column.kind))
    }

    /// The kind of model with its settings; a file that was read has one.
    pub(crate) fn model(&self) -> Option<Model> {
        Model::of_parts(&self.component, &self.privacy, &self.settings)
    }

    /// Makes sure that `job` names the parties that trained the model, all of them and nobody else:
    /// the guest is to learn the sum of the parts of all hosts, and no less.
    ///
    /// # Errors
    /// [`JobError::SavedModel`] if it does not.
    pub(crate) fn check_parties(&self, job: &JobSpec) -> Result<(), JobError> {
        let named = names(job);
        if self.parties.is_empty() && named.len() == 2 {
            return Ok(());
        }
        if self.parties.is_empty() {
            let rule = format!(
                "it was trained with one host, and this job names {}; name that host only",
                listed(&named).en
            );
            return Err(self.fault(rule));
        }
        let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
        let has_order = matches!(self.part, ModelPart::StrictTrees { .. });
        let [trained, written] = [&self.parties, &named].map(|names| listed(names).en);
        if set(&self.parties) == set(&named) {
            if self.parties == named || !has_order {
                return Ok(());
            }
            let rule = format!(
                "its splits are of hosts by their order in the training, {trained}, and this job \
                 has {written}; name the parties in that order"
            );
            return Err(self.fault(rule));
        }
        Err(self.fault(format!(
            "it was trained by {trained}, and this job names {written}; name the parties that \
             trained it, since a score is made of the parts of all"
        )))
    }

    /// Makes sure that a training can begin with the model's coefficients.
    ///
    /// # Errors
    /// [`JobError::SavedModel`] if some are of weight of evidence, which another training does not
    /// have.
    pub(crate) fn check_start(&self) -> Result<(), JobError> {
        if self.weighed.is_none() {
            return Ok(());
        }
        let rule = "it has coefficients of weight of evidence, with which no training begins; \
                    leave `warm_start` out";
        Err(self.fault(rule.to_owned()))
    }

    /// How the party's new table is read: the columns of the model as in training, those with a
    /// role as the job says, and no others.
    ///
    /// # Errors
    /// [`JobError::SavedModel`] for what the job says otherwise than the model.
    pub(crate) fn reading(&self, party: &PartySpec) -> Result<PartySpec, JobError> {
        let fault = |rule: String| self.fault(rule);
        let mut reading = party.clone();
        reading.other_columns = OtherColumns::Ignore;
        reading.missing.extend(self.missing.iter().cloned());
        for (name, saved) in &self.columns {
            let stated: &mut ColumnSpec = reading.columns.entry(name.clone()).or_default();
            if stated.ignore {
                let rule =
                    format!("it needs column `{name}`, which the job ignores; drop `ignore`");
                return Err(fault(rule));
            }
            if let Some(kind) = stated.kind.filter(|kind| *kind != saved.kind) {
                return Err(fault(format!(
                    "column `{name}` was of the kind `{}` in training, and this job says `{}`; \
                     leave the kind out",
                    saved.kind.name(),
                    kind.name()
                )));
            }
            stated.kind = Some(saved.kind);
            stated.missing.extend(saved.missing.iter().cloned());
        }
        if let Some(offset) = self.offset.as_ref().filter(|_| party.offset.is_none()) {
            return Err(fault(format!(
                "it was trained with the offset `{offset}`; add `offset:` to the party, with the \
                 column of the new table that holds it"
            )));
        }
        if self.offset.is_none() && party.offset.is_some() {
            let rule = "it was trained without an offset; leave `offset` out of the party";
            return Err(fault(rule.to_owned()));
        }
        Ok(reading)
    }

    /// The error of a new table, in words that name the model if it lacks one of its columns.
    pub(crate) fn explain(&self, error: JobError) -> JobError {
        match error {
            JobError::Table(TableError::MissingColumn { place, column, .. })
                if self.columns.contains_key(&column) =>
            {
                self.fault(format!(
                    "it needs column `{column}`, which {place} lacks; add the column, under the \
                     name that it had in training"
                ))
            }
            error => error,
        }
    }

    /// The party's place among those that trained the model; the guest's is 0.
    fn place(&self) -> usize {
        let found = self.parties.iter().position(|name| *name == self.party);
        found.unwrap_or(usize::from(self.role == Role::Host))
    }

    fn fault(&self, rule: String) -> JobError {
        let path = PathBuf::from(format!("{}.json", self.step));
        JobError::SavedModel { party: self.party.clone(), path, rule }
    }
}

/// The names of a job's parties, in its order.
fn names(job: &JobSpec) -> Vec<String> {
    job.parties().map(|party| party.name.clone()).collect()
}
