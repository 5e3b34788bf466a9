//! Alignment, splits, evaluation and report, and what must fit together.

use contract::{ComponentDescriptor, Share, catalogue};
use serde::{Deserialize, Serialize};

use super::JobSpec;
use super::fields::{Fields, Problems, name, word};
use super::node::{Node, Value};
use super::problem::Problem;
use super::settings;

/// How common rows are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlignSpec {
    /// The protocol, named in the digest by its component.
    #[serde(rename = "component")]
    pub protocol: Protocol,
    /// Who learns the common rows.
    pub learn: Learn,
    /// Which rows a party that learns keeps.
    #[serde(skip_serializing_if = "Join::is_default")]
    pub join: Join,
    /// The curve of the protocol `ecdh`; the others have no such setting.
    #[serde(skip_serializing_if = "Curve::is_default")]
    pub curve: Curve,
}

/// The protocol that finds common rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// Commutative blinding on an elliptic curve: the simplest assumptions, much computation.
    #[default]
    #[serde(rename = "align.ecdh")]
    Ecdh,
    /// A key-value store and linear evaluation: little computation, for large sets.
    #[serde(rename = "align.rr22")]
    Rr22,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ecdh, Self::Rr22];

    /// Its component in the catalogue.
    pub fn component(self) -> &'static ComponentDescriptor {
        match self {
            Self::Ecdh => &catalogue::ECDH,
            Self::Rr22 => &catalogue::RR22,
        }
    }

    /// The protocol of this name in job files, such as `ecdh`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.component().short_name() == name)
    }
}

/// Who learns the common rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Learn {
    /// Both parties.
    Both,
    /// Only the guest.
    Guest,
    /// Only the host.
    Host,
}

/// Which rows the result of an alignment has; only a job without models can ask for other rows
/// than the common ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// The common rows.
    #[default]
    Inner,
    /// At the guest all its rows, the common ones first; at the host the common rows.
    Left,
    /// The party's own rows that are not common.
    Anti,
}

impl Join {
    /// Leaving it out of the canonical form keeps the digests of jobs that do not ask for it.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The curve on which `ecdh` blinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// The fast one.
    #[default]
    Ristretto255,
    /// That of the Chinese standard GB/T 32918.
    Sm2,
}

impl Curve {
    /// Leaving it out of the canonical form keeps the digests of jobs that do not ask for it.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

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

/// Reads `align:`.
pub(super) fn read_align(
    fields: &mut Fields<'_>,
    root: &Node,
    problems: &mut Problems,
) -> Option<AlignSpec> {
    let Some(node) = fields.take("align") else {
        let protocol = Protocol::default();
        let AlignSettings { learn, join, curve } =
            settings::defaults(protocol.component(), root, problems)?;
        return Some(AlignSpec { protocol, learn, join, curve });
    };
    let mut fields = Fields::of(node, "`align`".to_owned(), problems)?;
    let protocol = match fields.take("protocol") {
        Some(node) => {
            let protocols = Protocol::ALL.map(|it| (it.component().short_name(), it));
            word(node, "protocol", &protocols, problems)
        }
        None => Some(Protocol::default()),
    }?;
    let read = settings::take(&mut fields, protocol.component(), node, problems);
    fields.finish(problems);
    let AlignSettings { learn, join, curve } = read?;
    Some(AlignSpec { protocol, learn, join, curve })
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
    if !job.train.is_empty() {
        if guest.label.is_none() {
            let message =
                format!("guest `{}` has no `label`, so nothing can be trained", guest.name);
            add("parties", message, "`label:` the column to predict, or leave `train` out");
        }
        if job.align.learn != Learn::Both {
            let message = "training needs both parties to know the common rows".to_owned();
            add("align", message, "`learn: both`, or leave `train` out");
        }
    }
    check_join(job, &mut add);
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

/// Several keys, joins and payload: what they need of the alignment, and of the job.
fn check_join(job: &JobSpec, add: &mut impl FnMut(&str, String, &str)) {
    let AlignSpec { learn, join, .. } = job.align;
    let has_payload = [&job.guest, &job.host].iter().any(|party| !party.payload.is_empty());
    if job.guest.has_several_keys() && learn != Learn::Both {
        let message = "with several keys both parties must know the common rows".to_owned();
        let help = "`learn: both`, or a single `key`: who does not know which rows were matched \
                    cannot leave them out of the next round";
        add("align", message, help);
    }
    if has_payload && learn != Learn::Both {
        let message = "`payload` needs both parties to know the common rows".to_owned();
        add("align", message, "`learn: both`: who sends must know of which rows");
    }
    if has_payload && join == Join::Anti {
        let message = "`join: anti` keeps rows that the other party does not have".to_owned();
        add("align", message, "leave `payload` out, or `join: left`");
    }
    if join == Join::Left && learn == Learn::Host {
        let message = "`join: left` is the guest's, which does not learn the rows".to_owned();
        add("align", message, "`learn: both` or `learn: guest`");
    }
    if !job.train.is_empty() && (has_payload || join != Join::Inner) {
        let message = "`payload` and `join` are for jobs that only align".to_owned();
        add("align", message, "leave `train` out; models need no column of the other party");
    }
}

fn stops_early(step: &super::TrainStep) -> bool {
    let patience = match &step.model {
        super::Model::LogisticRegression { settings, .. } => settings.early_stopping,
        super::Model::BoostedTrees { settings, .. } => settings.early_stopping,
    };
    patience > 0
}

/// `align` without its protocol: what the descriptor lists as parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlignSettings {
    learn: Learn,
    join: Join,
    #[serde(default)]
    curve: Curve,
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
    let read = settings::take(&mut fields, &catalogue::SPLIT, node, problems);
    fields.finish(problems);
    Some(named(name, &read?))
}

fn named(name: Option<String>, read: &SplitSettings) -> SplitSpec {
    let by = match read.by {
        SplitBy::Time => "time",
        SplitBy::Random => "random",
        SplitBy::Stratified => "stratified",
    };
    SplitSpec {
        name: name.unwrap_or_else(|| by.to_owned()),
        by: read.by,
        test: read.test,
        validation: read.validation,
    }
}

fn named_key(root: &Node, key: &str) -> bool {
    matches!(&root.value, Value::Mapping(entries) if entries.iter().any(|(it, _)| it.text == key))
}

/// Where a key of the job stands, or the job itself when it is left out.
fn place_of(root: &Node, key: &str) -> super::Place {
    match &root.value {
        Value::Mapping(entries) => entries
            .iter()
            .find(|(found, _)| found.text == key)
            .map_or(root.place, |(found, _)| found.place),
        _ => root.place,
    }
}

/// The largest number of splits of a job.
const SPLITS_MAX: usize = 20;
