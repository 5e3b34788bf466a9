//! How columns become features.

use contract::{ComponentDescriptor, Share, catalogue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::fields::{Fields, Problems, suggestion};
use super::node::{Key, Node, Value, shortened};
use super::problem::Problem;
use super::settings;

/// The preparation of both parties' columns, fitted on training rows only.
///
/// The steps run in the order of these fields, whatever a job leaves out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrepareSpec {
    /// What replaces missing values.
    pub missing: MissingSpec,
    /// How extreme numbers are pulled in; `None`: not at all.
    pub outliers: Option<OutlierSpec>,
    /// How values are grouped for WOE, information value and selection.
    pub bin: BinSpec,
    /// Which features are kept; `None`: all.
    pub select: Option<SelectSpec>,
    /// How values become numbers for models that need numbers.
    pub encode: EncodeSpec,
}

/// The settings of `prepare.missing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingSpec {
    /// What replaces a missing number.
    pub numbers: MissingNumbers,
    /// Whether a column says which numbers were missing.
    pub indicator: bool,
}

/// What replaces a missing number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingNumbers {
    /// The median of the training rows.
    Median,
    /// The mean of the training rows.
    Mean,
    /// Zero.
    Zero,
}

/// The settings of `prepare.outliers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlierSpec {
    /// How the limits are found.
    pub method: OutlierMethod,
    /// The lower quantile.
    pub lower: Share,
    /// The upper quantile.
    pub upper: Share,
    /// Standard deviations from the mean.
    pub deviations: f64,
}

/// How the limits of numbers are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutlierMethod {
    /// At two quantiles of the training rows.
    Quantiles,
    /// At a number of standard deviations from their mean.
    Deviations,
}

/// The settings of `prepare.bin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinSpec {
    /// How bin edges are found.
    pub method: BinMethod,
    /// The largest number of bins of a column, in `2..=255`.
    pub bins: u32,
    /// Bins with fewer training rows are merged.
    pub min_bin_rows: u32,
    /// Bins with fewer rows of one class are merged.
    pub min_class_rows: u32,
}

/// How bin edges are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinMethod {
    /// About equally many training rows in each bin.
    Quantile,
    /// Bins of equal width.
    EqualWidth,
    /// Neighbours with like class ratios merged; the guest's columns only.
    ChiMerge,
}

/// The settings of `prepare.select`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectSpec {
    /// The smallest information value that is kept.
    pub iv: f64,
    /// The largest absolute correlation of two kept features; 1 compares none.
    pub correlation: f64,
}

impl SelectSpec {
    /// Whether columns are compared with each other, within a party and across two.
    pub fn compares_columns(&self) -> bool {
        self.correlation < 1.0
    }
}

/// The settings of `prepare.encode`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EncodeSpec {
    /// The privacy mode, one of the component's modes.
    pub privacy: String,
    /// How numbers are encoded.
    pub numbers: EncodeNumbers,
    /// How categories are encoded.
    pub categories: EncodeCategories,
    /// Levels with fewer training rows get no indicator column of their own.
    pub min_level_rows: u32,
    /// Which categories are sparse; `None`: none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse: Option<SparseSpec>,
}

/// Categories whose levels get coefficients and no columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SparseSpec {
    /// Categories of more levels than this are sparse; at least 1.
    pub above: u32,
    /// Rows that the penalty of a level stands for.
    pub level_rows: u32,
}

impl EncodeSpec {
    /// Whether any column is replaced by weights of evidence.
    pub fn uses_woe(&self) -> bool {
        self.numbers == EncodeNumbers::Woe || self.categories == EncodeCategories::Woe
    }
}

/// How numbers are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodeNumbers {
    /// Mean 0 and standard deviation 1 over the training rows.
    Standardise,
    /// The weight of evidence of the bin.
    Woe,
    /// As they are.
    None,
}

/// How categories are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodeCategories {
    /// A column of 0 and 1 for each level.
    OneHot,
    /// The weight of evidence of the level.
    Woe,
}

/// Reads `prepare:`, a list of steps in the order in which they run.
pub(super) fn read(
    node: Option<&Node>,
    root: &Node,
    problems: &mut Problems,
) -> Option<PrepareSpec> {
    let steps = read_steps(node, problems)?;
    let step =
        |name: &str| steps.iter().find(|(key, _)| key.text == name).map(|(_, settings)| *settings);
    let missing = plain(&catalogue::MISSING, step("missing"), root, problems);
    let outliers = optional(&catalogue::OUTLIERS, step("outliers"), problems);
    let bin = plain(&catalogue::BIN, step("bin"), root, problems);
    let select = optional(&catalogue::SELECT, step("select"), problems);
    let encode = read_encode(step("encode"), root, problems);
    Some(PrepareSpec { missing: missing?, outliers, bin: bin?, select, encode: encode? })
}

/// The steps by name, each once and in running order.
fn read_steps<'n>(
    node: Option<&'n Node>,
    problems: &mut Problems,
) -> Option<Vec<(&'n Key, &'n Node)>> {
    let Some(node) = node.filter(|node| !node.is_nothing()) else { return Some(Vec::new()) };
    let order: Vec<&str> =
        catalogue::stage("prepare").map(ComponentDescriptor::short_name).collect();
    let Value::List(items) = &node.value else {
        let message = format!("`prepare` is {}; expected a list of steps", node.describe());
        let help = "such as `- bin: { bins: 10 }`, one step a line";
        problems.push(Problem::new(node.place, message).help(help));
        return None;
    };
    let mut steps: Vec<(&Key, &Node)> = Vec::new();
    let mut last = None;
    for item in items {
        let (key, settings) = single(item, "prepare", problems)?;
        let Some(rank) = order.iter().position(|name| *name == key.text) else {
            let message = format!("there is no preparation step `{}`", shortened(&key.text));
            problems.push(Problem::new(key.place, message).help(suggestion(&key.text, &order)));
            return None;
        };
        if last.is_some_and(|last| rank <= last) {
            let message = format!("`{}` stands too late", key.text);
            let help = format!("each step once, in the order {}", order.join(", "));
            problems.push(Problem::new(key.place, message).help(help));
            return None;
        }
        last = Some(rank);
        steps.push((key, settings));
    }
    Some(steps)
}

/// The only key of a list item such as `- bin: { bins: 10 }`.
pub(super) fn single<'n>(
    item: &'n Node,
    list: &str,
    problems: &mut Problems,
) -> Option<(&'n Key, &'n Node)> {
    match &item.value {
        Value::Mapping(entries) if entries.len() == 1 => {
            entries.first().map(|(key, node)| (key, node))
        }
        _ => {
            let message = format!("a step of `{list}` is {}", item.describe());
            let help = "expected one component a line: `- component: { setting: value }`";
            problems.push(Problem::new(item.place, message).help(help));
            None
        }
    }
}

/// The settings of a step that always runs.
fn plain<T: DeserializeOwned>(
    component: &ComponentDescriptor,
    node: Option<&Node>,
    root: &Node,
    problems: &mut Problems,
) -> Option<T> {
    let Some(node) = node else { return settings::defaults(component, root, problems) };
    let mut fields = Fields::of(node, format!("`{}`", component.short_name()), problems)?;
    let read = settings::take(&mut fields, component, node, problems);
    fields.finish(problems);
    read
}

/// The settings of a step that runs only when the job names it; `None` also when they cannot be
/// read, which the problem then says.
fn optional<T: DeserializeOwned>(
    component: &ComponentDescriptor,
    node: Option<&Node>,
    problems: &mut Problems,
) -> Option<T> {
    let node = node?;
    plain(component, Some(node), node, problems)
}

/// `prepare.encode` without its mode: what the descriptor lists as parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EncodeSettings {
    numbers: EncodeNumbers,
    categories: EncodeCategories,
    min_level_rows: u32,
    sparse_above: u32,
    level_rows: u32,
}

fn read_encode(node: Option<&Node>, root: &Node, problems: &mut Problems) -> Option<EncodeSpec> {
    let component = &catalogue::ENCODE;
    let (privacy, read) = match node {
        None => (
            Some(contract::STRICT.to_owned()),
            settings::defaults::<EncodeSettings>(component, root, problems),
        ),
        Some(node) => {
            let mut fields = Fields::of(node, "`encode`".to_owned(), problems)?;
            let privacy = settings::take_mode(&mut fields, component, node, problems);
            let read = settings::take::<EncodeSettings>(&mut fields, component, node, problems);
            fields.finish(problems);
            (privacy, read)
        }
    };
    let EncodeSettings { numbers, categories, min_level_rows, sparse_above, level_rows } = read?;
    if sparse_above == 0
        && let Some(Value::Mapping(entries)) = node.map(|node| &node.value)
        && let Some((key, _)) = entries.iter().find(|(key, _)| key.text == "level_rows")
    {
        let message = "`level_rows` is the penalty of sparse categories, and none is sparse";
        let help = "leave it out, or say with `sparse_above: 50` that categories of more than 50 \
                    levels are sparse";
        problems.push(Problem::new(key.place, message.to_owned()).help(help));
    }
    let sparse = (sparse_above > 0).then_some(SparseSpec { above: sparse_above, level_rows });
    Some(EncodeSpec { privacy: privacy?, numbers, categories, min_level_rows, sparse })
}
