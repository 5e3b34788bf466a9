//! Splits, evaluation and report, and what must fit together.

use std::collections::BTreeMap;

use contract::{Share, catalogue};
use serde::{Deserialize, Serialize};

use super::align;
use super::fields::{Fields, Problems, name, quoted_list};
use super::hidden;
use super::hosts;
use super::node::{Node, Value};
use super::problem::Problem;
use super::recommendation;
use super::score;
use super::settings;
use super::sparse;
use super::{EncodeNumbers, JobSpec, Target, TreeEnsemble, TreeLoss};

/// One division of the common rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitSpec {
    /// Its name; by default how it divides.
    pub name: String,
    /// How test rows are chosen.
    pub by: SplitBy,
    /// Share of the common rows kept for the test.
    pub test: Share,
    /// Share of the training rows kept for validation.
    pub validation: Share,
}

/// How test rows are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// The latest rows by the guest's time column.
    Time,
    /// Rows drawn with the public seed.
    Random,
    /// Rows drawn with the public seed within each class.
    Stratified,
    /// One interaction of each user, where items are recommended.
    LeaveOneOut,
}

/// The settings of `evaluate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateSpec {
    /// Score from which a row counts as positive.
    pub threshold: f64,
    /// Number of bootstrap samples.
    pub bootstrap: u32,
    /// Cost of one contact; the profit curve needs it and `value`.
    pub cost: Option<f64>,
    /// Value of one positive.
    pub value: Option<f64>,
    /// Whether the guest sees the scores of the test rows.
    #[serde(skip_serializing_if = "ScoresSeen::is_default")]
    pub scores: ScoresSeen,
}

/// What the guest gets of the joint scores of the test rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoresSeen {
    /// The scores.
    #[default]
    Open,
    /// Figures about them.
    Hidden,
}

impl ScoresSeen {
    /// Leaving it out of the canonical form keeps the digests of jobs that do not ask for it.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The settings of `report`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSpec {
    /// Number of score bands.
    pub bands: u32,
    /// Shares of best-scored rows whose precision is shown.
    pub top: Vec<Share>,
}

/// Reads `split:` (one) or `splits:` (several by name).
pub(super) fn read_splits(
    fields: &mut Fields<'_>,
    root: &Node,
    problems: &mut Problems,
) -> Option<Vec<SplitSpec>> {
    match (fields.take("split"), fields.take("splits")) {
        (Some(_), Some(several)) => {
            let message = "the job has both `split` and `splits`";
            let help = "use `splits:` with a name for each";
            problems.push(Problem::new(several.place, message).help(help));
            None
        }
        (Some(one), None) => Some(vec![read_split(None, one, problems)?]),
        (None, Some(several)) => read_named_splits(several, problems),
        (None, None) => {
            let read = settings::defaults(&catalogue::SPLIT, root, problems)?;
            Some(vec![named(None, &read)])
        }
    }
}

/// Reads `evaluate:`.
pub(super) fn read_evaluate(
    fields: &mut Fields<'_>,
    root: &Node,
    problems: &mut Problems,
) -> Option<EvaluateSpec> {
    let Some(node) = fields.take("evaluate") else {
        return settings::defaults(&catalogue::EVALUATE, root, problems);
    };
    let mut fields = Fields::of(node, "`evaluate`".to_owned(), problems)?;
    let read: Option<EvaluateSpec> =
        settings::take(&mut fields, &catalogue::EVALUATE, node, problems);
    fields.finish(problems);
    let read = read?;
    if read.scores == ScoresSeen::Hidden {
        for key in ["threshold", "bootstrap"].into_iter().filter(|key| named_key(node, key)) {
            let message = format!("hidden scores do not go with `{key}`, which needs each score");
            problems.push(Problem::new(place_of(node, key), message).help("leave it out"));
        }
    }
    if read.cost.is_some() != read.value.is_some() {
        let message = "`evaluate` has only one of `cost` and `value`";
        let help = "the profit curve needs both; leave both out to have none";
        problems.push(Problem::new(node.place, message).help(help));
    }
    Some(read)
}

/// Reads `report:`.
pub(super) fn read_report(
    fields: &mut Fields<'_>,
    root: &Node,
    problems: &mut Problems,
) -> Option<ReportSpec> {
    let Some(node) = fields.take("report") else {
        return settings::defaults(&catalogue::REPORT, root, problems);
    };
    let mut fields = Fields::of(node, "`report`".to_owned(), problems)?;
    let read = settings::take(&mut fields, &catalogue::REPORT, node, problems);
    fields.finish(problems);
    read
}

/// What single parts cannot check: that they fit together.
pub(super) fn check_together(job: &JobSpec, root: &Node, problems: &mut Problems) {
    let mut add = |key: &str, message: String, help: &str| {
        let place = place_of(root, key);
        problems.push(Problem::new(place, message).help(help));
    };
    let guest = &job.guest;
    if !job.train.is_empty() && !job.recommends() && guest.label.is_none() {
        let message = format!("guest `{}` has no `label`, so nothing can be trained", guest.name);
        add("parties", message, "`label:` the column to predict, or leave `train` out");
    }
    align::check(job, &mut add);
    score::check(job, |key| named_key(root, key), &mut add);
    hosts::check(job, &mut add);
    hidden::check(job, &mut add);
    recommendation::check(job, &mut add);
    sparse::check(job, &mut add);
    check_target(job, &mut add);
    check_trees(job, &mut add);
    check_best(job, &mut add);
    check_errors(job, &mut add);
    let splits = if named_key(root, "splits") { "splits" } else { "split" };
    for split in &job.splits {
        if split.by == SplitBy::Time && guest.time.is_none() {
            let message = format!(
                "split `{}` is by time, but guest `{}` has no `time`",
                split.name, guest.name
            );
            add(splits, message, "`time:` the column of the guest's table that orders its rows");
        }
        let early =
            job.train.iter().find(|step| stops_early(step) && split.validation == Share::ZERO);
        if let Some(step) = early {
            let message = format!(
                "`{}` stops early, but split `{}` keeps no rows for validation",
                step.name, split.name
            );
            add(splits, message, "`validation: 20%`, or `early_stopping: 0`");
        }
    }
}

/// What trees offer in modes other than `strict` only.
fn check_trees(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    for step in &job.train {
        let super::Model::BoostedTrees { privacy, settings } = &step.model else { continue };
        if privacy == contract::STRICT && !settings.is_in_strict() {
            let help = "leave it out, take another loss, or `privacy: secureboost`";
            let rule =
                "all losses but `quantile` and `ranking`, no `directions` and no `sampling: goss`";
            add("train", format!("`{}` is strict, which has {rule}", step.name), help);
        }
        let is_softmax = settings.loss == TreeLoss::Softmax;
        let is_forest = settings.ensemble == TreeEnsemble::Forest;
        let is_ranking = settings.loss == TreeLoss::Ranking;
        if is_ranking && job.guest.group.is_none() {
            let help = "`group:` the column whose rows of one value are ranked among each other";
            let what = "orders rows within groups, and the guest has no `group`";
            add("parties", format!("`{}` {what}", step.name), help);
        }
        for (is_asked, what, help) in [
            (
                is_softmax && is_forest,
                "a forest of several classes",
                "take `ensemble: boosting`, or a forest of one class against the others",
            ),
            (
                is_ranking && is_forest,
                "a forest and the ranking loss",
                "take `ensemble: boosting`: before the first tree there is no order to learn from",
            ),
            (
                is_softmax && settings.weighs_classes(),
                "`positive_weight` and several classes",
                "leave it out; the column `weight:` of the guest weighs rows",
            ),
            (
                is_softmax && !settings.directions.is_empty(),
                "`directions` and several classes",
                "leave them out: what makes one class likelier makes others less so",
            ),
            (
                settings.loss == TreeLoss::Quantile && !settings.directions.is_empty(),
                "`directions` and the quantile loss",
                "leave them out: its leaves are quantiles, which nothing bounds",
            ),
        ] {
            if is_asked {
                add("train", format!("`{}` has {what}", step.name), help);
            }
        }
        check_sampling(&step.name, settings, add);
        check_directions(job, &step.name, settings, add);
    }
}

/// What goes together with rows that are drawn by their derivatives.
fn check_sampling(
    step: &str,
    settings: &super::BoostedTrees,
    add: &mut impl FnMut(&str, String, &str),
) {
    let of = |share: Share| share.fraction();
    let is_asked = settings.is_one_sided();
    for (is_wrong, what, help) in [
        (
            is_asked && settings.ensemble == TreeEnsemble::Forest,
            "`sampling: goss` and a forest",
            "leave it out: all trees of a forest have the same derivatives",
        ),
        (
            is_asked && settings.loss == TreeLoss::Quantile,
            "`sampling: goss` and the quantile loss",
            "leave it out: all derivatives of this loss are alike",
        ),
        (
            is_asked && settings.subsample != Share::WHOLE,
            "`sampling: goss` and a `subsample`",
            "leave one of them out; with goss the rates say how many rows a tree sees",
        ),
        (
            is_asked && of(settings.top_rate) + of(settings.other_rate) > 1.0,
            "a `top_rate` and an `other_rate` of more than all rows",
            "together they are at most 100%",
        ),
        (
            !is_asked && settings.has_rates(),
            "a `top_rate` or an `other_rate` without `sampling: goss`",
            "add it, or leave them out; `subsample` draws rows alike",
        ),
    ] {
        if is_wrong {
            add("train", format!("`{step}` has {what}"), help);
        }
    }
}

/// Directions are of columns of parties of the job. Features are told apart by their names alone,
/// so that columns of one name have one direction.
fn check_directions(
    job: &JobSpec,
    step: &str,
    settings: &super::BoostedTrees,
    add: &mut impl FnMut(&str, String, &str),
) {
    let mut known: BTreeMap<&String, super::TreeDirection> = BTreeMap::new();
    for (party, columns) in &settings.directions {
        if job.party_named(party).is_none() {
            let message = format!("`directions` of `{step}` name the party `{party}`");
            let names: Vec<&str> = job.parties().map(|party| party.name.as_str()).collect();
            add("train", message, &format!("the parties are {}", quoted_list(&names)));
        }
        for (column, direction) in columns {
            if known.insert(column, *direction).is_some_and(|other| other != *direction) {
                let message = format!("`directions` of `{step}` have two for columns `{column}`");
                add("train", message, "rename the column of one party");
            }
        }
    }
}

/// What a limit to the best columns needs.
fn check_best(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    for step in job.train.iter().filter(|step| step.best.is_some()) {
        if job.prepare.select.is_none() {
            let message =
                format!("`{}` takes the `best` columns, but none are compared", step.name);
            let help = "`- select: { iv: 0, correlation: 1 }` in `prepare` ranks all columns and \
                        drops none";
            add("train", message, help);
        }
        let is_linear = !matches!(step.model, super::Model::BoostedTrees { .. });
        if is_linear && job.prepare.encode.uses_woe() {
            let message =
                format!("`{}` has `best` beside columns as weight of evidence", step.name);
            let help = "encode otherwise, or let `select` leave columns out of all models";
            add("train", message, help);
        }
    }
}

/// What standard errors do not go together with.
fn check_errors(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    for step in job.train.iter().filter(|step| step.model.has_standard_errors()) {
        let (l1, patience) = match &step.model {
            super::Model::LogisticRegression { settings, .. } => {
                (settings.l1, settings.early_stopping)
            }
            super::Model::Regression { settings, .. } => (settings.l1, 0),
            super::Model::MultinomialRegression { .. }
            | super::Model::BoostedTrees { .. }
            | super::Model::FactorizationMachine { .. } => continue,
        };
        let encode = &job.prepare.encode;
        let keeps_woe = encode.uses_woe() && encode.privacy == contract::STRICT;
        for (is_asked, what, help) in [
            (
                l1 > 0.0,
                "an `l1` penalty",
                "take `l1: 0`: estimates of a lasso have no usual errors",
            ),
            (patience > 0, "`early_stopping`", "take `early_stopping: 0`: errors are an optimum's"),
            (
                encode.numbers == EncodeNumbers::None,
                "numbers as they are (`numbers: none`)",
                "take `numbers: standardise`: a number far from 0 looks collinear with the intercept",
            ),
            (
                keeps_woe,
                "weight of evidence that stays with the guest",
                "encode otherwise: errors need the values of the host's columns",
            ),
        ] {
            if is_asked {
                let help = format!("{help}; or `standard_errors: false`");
                add("train", format!("`{}` has `standard_errors` and {what}", step.name), &help);
            }
        }
    }
}

/// A label that is no class of two does not go together with some parts of a job.
fn check_target(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    if job.guest.offset.is_some() && !job.train.is_empty() && job.target() != Target::Number {
        // Whether a model that scores takes an offset only its own file says.
        let help = "leave it out, or train a regression of numbers, such as `poisson_regression`";
        add("parties", "no model of the job takes the guest's `offset`".to_owned(), help);
    }
    if job.guest.group.is_some() && !job.train.is_empty() && job.target() != Target::Graded {
        let help = "leave it out, or train `boosted_trees` with `loss: ranking`";
        add("parties", "no model of the job takes the guest's `group`".to_owned(), help);
    }
    let target = job.target();
    let Some(step) = job.train.iter().find(|step| step.model.target() == target) else { return };
    let described = |target| match target {
        Target::TwoClasses => "one of two classes",
        Target::Number => "numbers",
        Target::SeveralClasses => "one of several classes",
        Target::Graded => "an order within groups",
        Target::Items => "which items users take",
    };
    let what = format!("`{}` predicts {}", step.name, described(target));
    if let Some(other) = job.train.iter().find(|step| step.model.target() != target) {
        let help = "put them into two jobs: a label is a number, one of two classes, or one of \
                    several, and where items are recommended there is none";
        let others = described(other.model.target());
        add("train", format!("{what}, and `{}` predicts {others}", other.name), help);
    }
    if target == Target::TwoClasses {
        return;
    }
    if job.guest.label.as_ref().is_some_and(|label| label.positive.is_some()) {
        let help = "`label:` the name of the column alone";
        add("parties", format!("{what}, and the label has a `positive` value"), help);
    }
    let prepare = &job.prepare;
    for (is_asked, part) in
        [(prepare.select.is_some(), "select"), (prepare.encode.uses_woe(), "woe")]
    {
        if is_asked {
            let help = if target == Target::Items {
                "leave it out: it weighs features by a label, and there is none"
            } else {
                "leave it out: it weighs features by two classes of the label"
            };
            add("prepare", format!("{what}, and `prepare` has `{part}`"), help);
        }
    }
    let stratified = job.splits.iter().find(|split| split.by == SplitBy::Stratified);
    if let Some(split) = stratified.filter(|_| matches!(target, Target::Number | Target::Graded)) {
        let help = "`by: random` or `by: time`: a number has no classes to divide evenly";
        let key = if job.splits.len() > 1 { "splits" } else { "split" };
        add(key, format!("{what}, and split `{}` is stratified", split.name), help);
    }
}

fn stops_early(step: &super::TrainStep) -> bool {
    let patience = match &step.model {
        super::Model::LogisticRegression { settings, .. } => settings.early_stopping,
        super::Model::Regression { .. } | super::Model::FactorizationMachine { .. } => 0,
        super::Model::MultinomialRegression { settings, .. } => settings.early_stopping,
        super::Model::BoostedTrees { settings, .. } => settings.patience(),
    };
    patience > 0
}

/// `split` without its name: what the descriptor lists as parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SplitSettings {
    by: SplitBy,
    test: Share,
    validation: Share,
}

fn read_named_splits(node: &Node, problems: &mut Problems) -> Option<Vec<SplitSpec>> {
    let entries = match &node.value {
        Value::Mapping(entries) if (1..=SPLITS_MAX).contains(&entries.len()) => entries,
        _ => {
            let message = format!("`splits` is {}", node.describe());
            let help = format!("expected 1 to {SPLITS_MAX} entries `name: {{ by: …, test: 30% }}`");
            problems.push(Problem::new(node.place, message).help(help));
            return None;
        }
    };
    let mut splits = Vec::new();
    for (key, node) in entries {
        let name = name(&key.text, "a split", key.place, problems)?;
        splits.push(read_split(Some(name), node, problems)?);
    }
    Some(splits)
}

fn read_split(name: Option<String>, node: &Node, problems: &mut Problems) -> Option<SplitSpec> {
    let mut fields = Fields::of(node, "the split".to_owned(), problems)?;
    let read: Option<SplitSettings> =
        settings::take(&mut fields, &catalogue::SPLIT, node, problems);
    fields.finish(problems);
    let read = read?;
    let share = ["test", "validation"].into_iter().find(|key| named_key(node, key));
    if let Some(key) = share.filter(|_| read.by == SplitBy::LeaveOneOut) {
        let message = format!("a split by `leave_one_out` has `{key}`");
        let help = "leave it out: one interaction of each user is for the test; or `by: random`";
        problems.push(Problem::new(place_of(node, key), message).help(help));
    }
    Some(named(name, &read))
}

fn named(name: Option<String>, read: &SplitSettings) -> SplitSpec {
    let by = match read.by {
        SplitBy::Time => "time",
        SplitBy::Random => "random",
        SplitBy::Stratified => "stratified",
        SplitBy::LeaveOneOut => return leave_one_out(name),
    };
    SplitSpec {
        name: name.unwrap_or_else(|| by.to_owned()),
        by: read.by,
        test: read.test,
        validation: read.validation,
    }
}

/// The split that keeps one interaction of each user, and no share of anything.
pub(super) fn leave_one_out(name: Option<String>) -> SplitSpec {
    SplitSpec {
        name: name.unwrap_or_else(|| "leave_one_out".to_owned()),
        by: SplitBy::LeaveOneOut,
        test: Share::ZERO,
        validation: Share::ZERO,
    }
}

pub(super) fn named_key(node: &Node, key: &str) -> bool {
    matches!(&node.value, Value::Mapping(entries) if entries.iter().any(|(it, _)| it.text == key))
}

/// Where a key of the job or of a part of it stands, or that itself when it is left out.
pub(super) fn place_of(node: &Node, key: &str) -> super::Place {
    match &node.value {
        Value::Mapping(entries) => entries
            .iter()
            .find(|(found, _)| found.text == key)
            .map_or(node.place, |(found, _)| found.place),
        _ => node.place,
    }
}

/// The largest number of splits of a job.
const SPLITS_MAX: usize = 20;
