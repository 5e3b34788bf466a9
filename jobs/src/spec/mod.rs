//! The job file: a recipe in YAML that every party of a job holds.
//!
//! [`JobSpec::parse`] checks everything that can be checked without data and reports all mistakes
//! with file, line and column. The typed result has a canonical form; its [`JobSpec::digest`] is
//! the permit that all parties must agree on. The path of a party's table is its own affair and
//! not part of the digest; everything else is.

mod align;
mod canonical;
mod columns;
mod fields;
mod hidden;
mod hosts;
mod key;
mod model;
mod node;
mod party;
mod prepare;
mod problem;
mod recommendation;
mod score;
mod settings;
mod sparse;
mod steps;
#[cfg(test)]
mod tests;

pub use align::{AlignSpec, Curve, Intersection, Join, Learn, Protocol, Security};
pub use columns::{ColumnKind, ColumnSpec, OtherColumns};
pub use key::KeySpec;
pub use model::{
    BoostedTrees, FactorizationMachine, LogisticRegression, Model, MultinomialRegression,
    Regression, RegressionOf, Target, TrainStep, TreeDirection, TreeEnsemble, TreeLoss,
    TreeSampling,
};
pub use party::{Encoding, FormatKind, FormatSpec, LabelSpec, PartySpec, Provenance};
pub use prepare::{
    BinMethod, BinSpec, EncodeCategories, EncodeNumbers, EncodeSpec, MissingNumbers, MissingSpec,
    OutlierMethod, OutlierSpec, PrepareSpec, SelectSpec, SparseSpec,
};
pub use problem::{Place, Problem, SpecError};
pub use score::{ScoreSpec, WarmStart};
pub use steps::{EvaluateSpec, ReportSpec, ScoresSeen, SplitBy, SplitSpec};

/// The reader of job files for other files that people write: YAML as a tree in which every
/// mistake has its place, and mappings that are taken apart key by key.
pub mod document {
    pub use super::fields::{Fields, Problems, bounded_text, name, text, word};
    pub use super::node::{Key, Node, Value, parse};
}

use contract::{Audience, Disclosure, JobDigest, Role, catalogue};
use serde::Serialize;

use fields::{Fields, Problems};
use node::Node;

/// A job as its parties agreed on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobSpec {
    /// The name of the job, also the name of its results.
    pub job: String,
    /// What the result may be used for, in the words of the agreement.
    pub purpose: String,
    /// The public seed of split, order and sampling; no key or mask comes from it.
    pub seed: u64,
    /// Megabits per second between two parties; over a slow line some steps send less and compute
    /// more, and both sides of a conversation have to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<u32>,
    /// The party with the label; first in every session.
    pub guest: PartySpec,
    /// The parties that bring features, in the order of the file; never empty.
    #[serde(flatten, serialize_with = "canonical::hosts")]
    pub hosts: Vec<PartySpec>,
    /// How common rows are found.
    pub align: AlignSpec,
    /// The splits; every model is trained under each of them. Never empty.
    pub splits: Vec<SplitSpec>,
    /// How columns become features.
    pub prepare: PrepareSpec,
    /// The models; empty when the job only aligns the tables.
    pub train: Vec<TrainStep>,
    /// The model that scores the common rows, in a job that trains none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<ScoreSpec>,
    /// What is computed about each model.
    pub evaluate: EvaluateSpec,
    /// What the report shows.
    pub report: ReportSpec,
}

/// One training step: a model under a split.
#[derive(Clone, Debug)]
pub struct ModelStep<'a> {
    /// The name of the step in `metrics.json`, such as `logistic_regression.time`.
    pub id: String,
    /// The model and its settings.
    pub train: &'a TrainStep,
    /// The split it is trained under.
    pub split: &'a SplitSpec,
}

/// What one step of a job lets each role learn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepDisclosures {
    /// The step, such as `align` or `train.logistic_regression.time`.
    pub step: String,
    /// The component in the catalogue.
    pub component: &'static str,
    /// The privacy mode the step runs in.
    pub mode: String,
    /// Everything that is learnt.
    pub disclosures: Vec<Disclosure>,
}

impl JobSpec {
    /// Reads a job. `file` is the name that error messages give.
    ///
    /// # Errors
    /// All mistakes of the author that show without data, each with its place and advice.
    pub fn parse(file: &str, source: &str) -> Result<Self, SpecError> {
        let fail = |problems| SpecError::new(file, source, problems);
        let root = node::parse(source).map_err(|problem| fail(vec![problem]))?;
        let mut problems = Problems::new();
        match read(&root, &mut problems) {
            Some(job) if problems.is_empty() => Ok(job),
            _ => Err(fail(problems)),
        }
    }

    /// The digest of the canonical form: equal on both sides, or nothing runs.
    pub fn digest(&self) -> JobDigest {
        canonical::digest(self)
    }

    /// The canonical form: one JSON document with every default filled in, without the paths of
    /// tables. Two files with the same canonical form are the same job.
    pub fn canonical(&self) -> String {
        canonical::text(self)
    }

    /// Whether the common rows of one key, matched afresh, are all that the job is for.
    pub fn only_intersects(&self) -> bool {
        !self.needs_common_rows()
            && matches!(self.align.protocol, Protocol::Intersection(_))
            && self.align.join == Join::Inner
            && self.parties().all(|party| party.payload.is_empty() && !party.has_several_keys())
    }

    /// Whether a model is trained on the common rows or scores them.
    pub fn needs_common_rows(&self) -> bool {
        !self.train.is_empty() || self.score.is_some()
    }

    /// What the models of the job take the label for; without any, for one of two classes.
    pub fn target(&self) -> Target {
        self.train.first().map_or(Target::TwoClasses, |step| step.model.target())
    }

    /// Whether items are recommended: the guest's table has interactions of users with items.
    pub fn recommends(&self) -> bool {
        let is_scored = self
            .score
            .as_ref()
            .is_some_and(|score| score.component.name == catalogue::FACTORIZATION_MACHINE.name);
        is_scored || self.target() == Target::Items
    }

    /// All parties: the guest and then the hosts, the order of every session between two of them.
    pub fn parties(&self) -> impl Iterator<Item = &PartySpec> {
        std::iter::once(&self.guest).chain(&self.hosts)
    }

    /// The party of this name, to say where its own files are.
    pub fn party_named_mut(&mut self, name: &str) -> Option<&mut PartySpec> {
        std::iter::once(&mut self.guest).chain(&mut self.hosts).find(|party| party.name == name)
    }

    /// The party of this name.
    pub fn party_named(&self, name: &str) -> Option<&PartySpec> {
        self.parties().find(|party| party.name == name)
    }

    /// Every model under every split, split by split, in the order of the file.
    pub fn model_steps(&self) -> Vec<ModelStep<'_>> {
        let mut steps = Vec::with_capacity(self.splits.len() * self.train.len());
        for split in &self.splits {
            steps.extend(self.train.iter().map(|train| ModelStep {
                id: format!("{}.{}", train.name, split.name),
                train,
                split,
            }));
        }
        steps
    }

    /// The disclosure statement: what each role learns in each step, in the order of the job.
    pub fn disclosures(&self) -> Vec<StepDisclosures> {
        let mut statement = vec![self.of_align()];
        statement.extend(self.of_payload());
        if let Some(score) = &self.score {
            let mut step = of_step("score", &catalogue::SCORE, &score.privacy);
            step.disclosures =
                catalogue::score_of(score.component, &score.privacy, self.hosts.len());
            statement.push(step);
        }
        if self.train.is_empty() {
            return statement;
        }
        // Which places are for the test follows from the job; which rows, nobody learns. Which
        // interactions, only the guest knows.
        if !self.hides_rows() && !self.recommends() {
            statement.extend(self.splits.iter().map(of_split));
        }
        if let Some(select) = &self.prepare.select {
            statement.push(of_select(select));
        }
        if self.prepare.encode.uses_woe() {
            let mode = &self.prepare.encode.privacy;
            statement.push(of_step("prepare.encode", &catalogue::ENCODE, mode));
        }
        for step in self.model_steps() {
            let mut model = of_model(&step, self.hosts.len());
            let has_levels = self.prepare.encode.sparse.is_some();
            let of_levels = [
                catalogue::LEVELS,
                catalogue::LABELS_OF_LEVELS,
                catalogue::MEANS_OF_LEVELS,
                catalogue::ROWS_OF_LEVELS,
            ];
            model.disclosures.retain(|it| has_levels || !of_levels.contains(it));
            // Where items are recommended, the mode says what is hidden.
            if self.hides_scores() && !self.recommends() {
                let of_numbers = step.train.model.target() == Target::Number;
                model.disclosures =
                    catalogue::hidden_of(&model.disclosures, self.hides_rows(), of_numbers);
            }
            statement.push(model);
        }
        statement
    }

    /// Whether parties need their parts of models that earlier jobs trained.
    pub fn uses_models(&self) -> bool {
        self.score.is_some() || self.train.iter().any(|step| step.warm_start.is_some())
    }

    /// Whether the parties take silent transfers, because they say that their line is slow; what
    /// these assume besides stands in ADR 18.
    pub fn takes_silent_transfers(&self) -> bool {
        mpc::transfers::are_silent(self.bandwidth)
    }

    /// Whether nobody learns which rows are common, and a model is trained on them all the same.
    pub fn hides_rows(&self) -> bool {
        matches!(self.align.protocol, Protocol::Hidden { .. })
    }

    /// Whether the guest gets figures about the scores of test rows, and no score.
    pub fn hides_scores(&self) -> bool {
        self.evaluate.scores == ScoresSeen::Hidden
    }

    fn of_align(&self) -> StepDisclosures {
        let mut statement = of_step("align", self.align.protocol.component(), contract::STRICT);
        match self.align.protocol {
            Protocol::Intersection(_) if self.guest.has_several_keys() => {
                let pairs = self.hosts.iter().flat_map(|host| self.guest.keys().zip(host.keys()));
                let columns: Vec<[&str; 2]> =
                    pairs.map(|(guest, host)| [guest.column.as_str(), &host.column]).collect();
                statement.disclosures = catalogue::cascade(&columns);
            }
            Protocol::Intersection(_) | Protocol::Multiparty | Protocol::Hidden { .. } => {}
            Protocol::Unbalanced { .. } => {
                let client = if self.align.learn == Learn::Host { Role::Host } else { Role::Guest };
                statement.disclosures = catalogue::unbalanced_of(client);
            }
            Protocol::Totals { .. } => {
                let (learners, other) = match self.align.learn {
                    Learn::Both => (Audience::All, None),
                    Learn::Guest => (Audience::Guest, Some(Audience::Host)),
                    Learn::Host => (Audience::Host, Some(Audience::Guest)),
                };
                let columns: Vec<(&str, &[String])> =
                    self.parties().map(|party| (party.name.as_str(), &party.sum[..])).collect();
                statement.disclosures = catalogue::totals_of(learners, other, &columns);
            }
        }
        statement
    }

    /// What the parties send each other of the common rows, if anything.
    fn of_payload(&self) -> Option<StepDisclosures> {
        let mut statement = of_step("payload", &catalogue::PAYLOAD, contract::STRICT);
        statement.disclosures.clear();
        let hosts = self.hosts.iter().map(|host| (host, Role::Guest));
        for (from, to) in hosts.chain([(&self.guest, Role::Host)]) {
            if !from.payload.is_empty() {
                let sent = catalogue::payload_of(to.into(), &from.name, &from.payload);
                statement.disclosures.push(sent);
            }
        }
        (!statement.disclosures.is_empty()).then_some(statement)
    }
}

fn of_step(
    step: &str,
    component: &'static contract::ComponentDescriptor,
    mode: &str,
) -> StepDisclosures {
    let disclosures = component.mode(mode).map_or(&[][..], |mode| mode.disclosures);
    StepDisclosures {
        step: step.to_owned(),
        component: component.name,
        mode: mode.to_owned(),
        disclosures: disclosures.to_vec(),
    }
}

/// Standard errors are opened only where the job asks for them, and one host's values are set
/// beside another's only where there are several.
fn of_model(step: &ModelStep<'_>, hosts_count: usize) -> StepDisclosures {
    let model = &step.train.model;
    let name = format!("train.{}", step.id);
    let mut statement = of_step(&name, model.component(), model.privacy());
    if !model.has_standard_errors() {
        let of_errors = ["model.standard_errors", "train.collinear"];
        statement.disclosures.retain(|disclosure| !of_errors.contains(&disclosure.key.as_ref()));
    }
    statement.disclosures = catalogue::model_of(&statement.disclosures, hosts_count);
    if step.train.warm_start.is_none() {
        statement.disclosures.retain(|disclosure| *disclosure != catalogue::WARM_START);
    }
    if let Model::FactorizationMachine { settings, .. } = model
        && settings.list_users == 0
    {
        let of_lists = ["train.lists", "score.order_of_lists"];
        statement.disclosures.retain(|disclosure| !of_lists.contains(&disclosure.key.as_ref()));
    }
    if let Model::BoostedTrees { settings, .. } = model {
        let has_directions = !settings.directions.is_empty();
        let has_classes = settings.loss == TreeLoss::Softmax;
        statement.disclosures.retain(|disclosure| match disclosure.key.as_ref() {
            "trees.host_directions" => has_directions,
            "train.classes" => has_classes,
            _ => true,
        });
    }
    statement
}

/// Where no columns are compared, no pairs come out.
fn of_select(select: &SelectSpec) -> StepDisclosures {
    let mut statement = of_step("prepare.select", &catalogue::SELECT, contract::STRICT);
    if !select.compares_columns() {
        statement.disclosures.retain(|disclosure| disclosure.key != "select.correlated_pairs");
    }
    statement
}

/// Only a split by time tells which rows are late.
fn of_split(split: &SplitSpec) -> StepDisclosures {
    let step = format!("split.{}", split.name);
    let mut statement = of_step(&step, &catalogue::SPLIT, contract::STRICT);
    if split.by != SplitBy::Time {
        statement.disclosures.retain(|disclosure| disclosure.key != "split.late_rows");
    }
    statement
}

/// Reads the whole job; `None` when a part could not be read, with the reason in `problems`.
fn read(root: &Node, problems: &mut Problems) -> Option<JobSpec> {
    let mut fields = Fields::of(root, "the job".to_owned(), problems)?;
    let job = read_name(&mut fields, problems);
    let purpose = fields
        .require("purpose", "what the result may be used for, such as `risk.credit`", problems)
        .and_then(|node| fields::bounded_text(node, "purpose", PURPOSE_MAX, problems));
    let seed = match fields.take("seed") {
        Some(node) => read_seed(node, problems),
        None => Some(0),
    };
    let bandwidth_at = fields.take("bandwidth");
    let bandwidth = bandwidth_at.map(|node| read_bandwidth(node, problems));
    let parties = party::read_all(&mut fields, problems);
    let align = align::read(&mut fields, root, problems);
    let splits = steps::read_splits(&mut fields, root, problems);
    let prepare = prepare::read(fields.take("prepare"), root, problems);
    let train = model::read_all(fields.take("train"), problems);
    let splits = recommendation::splits(splits, train.as_deref(), root, problems);
    let score_at = fields.take("score");
    let score = score::read(score_at, problems);
    let evaluate = steps::read_evaluate(&mut fields, root, problems);
    let report = steps::read_report(&mut fields, root, problems);
    fields.finish(problems);
    let (guest, hosts) = parties?;
    if score.is_none() && score_at.is_some() {
        return None;
    }
    let job = JobSpec {
        job: job?,
        purpose: purpose?,
        seed: seed?,
        bandwidth: match bandwidth {
            Some(bandwidth) => Some(bandwidth?),
            None => None,
        },
        guest,
        hosts,
        align: align?,
        splits: splits?,
        prepare: prepare?,
        train: train?,
        score,
        evaluate: evaluate?,
        report: report?,
    };
    steps::check_together(&job, root, problems);
    Some(job)
}

fn read_name(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let node = fields.require("job", "the name of the job, such as `term-deposit`", problems)?;
    fields::name(fields::text(node, "job", problems)?, "a job", node.place, problems)
}

fn read_seed(node: &Node, problems: &mut Problems) -> Option<u64> {
    let seed = fields::text(node, "seed", problems)?.parse::<u64>().ok();
    let seed = seed.filter(|seed| *seed <= SEED_MAX);
    if seed.is_none() {
        let message =
            format!("`seed` is {}; expected a whole number from 0 to {SEED_MAX}", node.describe());
        problems.push(Problem::new(node.place, message));
    }
    seed
}

fn read_bandwidth(node: &Node, problems: &mut Problems) -> Option<u32> {
    let bandwidth = fields::text(node, "bandwidth", problems)?.parse::<u32>().ok();
    let bandwidth = bandwidth.filter(|bandwidth| (1..=BANDWIDTH_MAX).contains(bandwidth));
    if bandwidth.is_none() {
        let message = format!(
            "`bandwidth` is {}; expected the megabits per second between the parties, a whole \
             number from 1 to {BANDWIDTH_MAX}",
            node.describe()
        );
        problems.push(Problem::new(node.place, message));
    }
    bandwidth
}

/// The longest purpose, in characters.
const PURPOSE_MAX: usize = 200;

/// The fastest line that can be stated: a terabit per second.
const BANDWIDTH_MAX: u32 = 1_000_000;

/// The largest seed: every program that reads JSON keeps it exactly.
const SEED_MAX: u64 = (1 << 53) - 1;
