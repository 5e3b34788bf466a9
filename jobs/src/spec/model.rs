//! The models that a job trains.

use std::collections::BTreeMap;

use contract::{ComponentDescriptor, Share, catalogue};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::fields::{Fields, Problems, name, suggestion, text};
use super::node::{Node, Value, shortened};
use super::prepare::single;
use super::problem::Problem;
use super::score::{self, WarmStart};
use super::settings;

/// One entry of `train:`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainStep {
    /// The name of the step; by default that of the component.
    pub name: String,
    /// The model uses only so many columns of all parties, those of the greatest information value
    /// among the selected ones; `None`: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<u32>,
    /// The earlier model that training begins with; `None`: it begins at zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<WarmStart>,
    /// The model and its settings.
    pub model: Model,
}

/// A model with its privacy mode and settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// `train.logistic_regression`
    LogisticRegression {
        /// The privacy mode, one of the component's modes.
        privacy: String,
        /// The settings.
        settings: LogisticRegression,
    },
    /// `train.linear_regression`, `train.poisson_regression`, `train.gamma_regression` and
    /// `train.tweedie_regression`
    Regression {
        /// What the label is taken for.
        of: RegressionOf,
        /// The privacy mode, one of the component's modes.
        privacy: String,
        /// The settings.
        settings: Regression,
    },
    /// `train.multinomial_regression`
    MultinomialRegression {
        /// The privacy mode, one of the component's modes.
        privacy: String,
        /// The settings.
        settings: MultinomialRegression,
    },
    /// `train.boosted_trees`
    BoostedTrees {
        /// The privacy mode, one of the component's modes.
        privacy: String,
        /// The settings.
        settings: BoostedTrees,
    },
    /// `train.factorization_machine`
    FactorizationMachine {
        /// The privacy mode, one of the component's modes.
        privacy: String,
        /// The settings.
        settings: FactorizationMachine,
    },
}

impl Model {
    /// The description of the component.
    pub fn component(&self) -> &'static ComponentDescriptor {
        match self {
            Self::LogisticRegression { .. } => &catalogue::LOGISTIC_REGRESSION,
            Self::Regression { of, .. } => of.component(),
            Self::MultinomialRegression { .. } => &catalogue::MULTINOMIAL_REGRESSION,
            Self::BoostedTrees { .. } => &catalogue::BOOSTED_TREES,
            Self::FactorizationMachine { .. } => &catalogue::FACTORIZATION_MACHINE,
        }
    }

    /// The model of the component of this name with settings as [`Model::settings`] gives them;
    /// `None` if these do not fit together.
    pub(crate) fn of_parts(component: &str, privacy: &str, settings: &Json) -> Option<Self> {
        let component = catalogue::stage("train").find(|it| it.name == component)?;
        let privacy = component.mode(privacy)?.name.to_owned();
        let values = settings.as_object()?.clone();
        let regression = RegressionOf::ALL.into_iter().find(|of| of.component() == component);
        Some(if let Some(of) = regression {
            Self::Regression { of, privacy, settings: settings::typed(values).ok()? }
        } else if component.name == catalogue::LOGISTIC_REGRESSION.name {
            Self::LogisticRegression { privacy, settings: settings::typed(values).ok()? }
        } else if component.name == catalogue::MULTINOMIAL_REGRESSION.name {
            Self::MultinomialRegression { privacy, settings: settings::typed(values).ok()? }
        } else if component.name == catalogue::FACTORIZATION_MACHINE.name {
            Self::FactorizationMachine { privacy, settings: settings::typed(values).ok()? }
        } else {
            Self::BoostedTrees { privacy, settings: settings::typed(values).ok()? }
        })
    }

    /// The settings with every default filled in.
    pub(crate) fn settings(&self) -> Json {
        match self {
            Self::LogisticRegression { settings, .. } => json!(settings),
            Self::Regression { settings, .. } => json!(settings),
            Self::MultinomialRegression { settings, .. } => json!(settings),
            Self::BoostedTrees { settings, .. } => json!(settings),
            Self::FactorizationMachine { settings, .. } => json!(settings),
        }
    }

    /// What the model takes the label for.
    pub fn target(&self) -> Target {
        match self {
            Self::LogisticRegression { .. } => Target::TwoClasses,
            Self::Regression { .. } => Target::Number,
            Self::MultinomialRegression { .. } => Target::SeveralClasses,
            Self::BoostedTrees { settings, .. } => match settings.loss {
                TreeLoss::Logistic => Target::TwoClasses,
                TreeLoss::Softmax => Target::SeveralClasses,
                TreeLoss::Ranking => Target::Graded,
                _ => Target::Number,
            },
            Self::FactorizationMachine { .. } => Target::Items,
        }
    }

    /// Whether each party learns the standard errors of its own coefficients.
    pub fn has_standard_errors(&self) -> bool {
        match self {
            Self::LogisticRegression { settings, .. } => settings.standard_errors,
            Self::Regression { settings, .. } => settings.standard_errors,
            Self::MultinomialRegression { .. }
            | Self::BoostedTrees { .. }
            | Self::FactorizationMachine { .. } => false,
        }
    }

    /// The privacy mode.
    pub fn privacy(&self) -> &str {
        match self {
            Self::LogisticRegression { privacy, .. }
            | Self::Regression { privacy, .. }
            | Self::MultinomialRegression { privacy, .. }
            | Self::BoostedTrees { privacy, .. }
            | Self::FactorizationMachine { privacy, .. } => privacy,
        }
    }
}

/// What a model takes the label for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One of two classes.
    TwoClasses,
    /// A number to be predicted.
    Number,
    /// One of several classes, which are the different values of the label.
    SeveralClasses,
    /// How good a row is among those of its group: a whole number, the more the better.
    Graded,
    /// Which items a user takes: there is no label, but a table of interactions.
    Items,
}

/// The settings of `train.logistic_regression`; bounds stand in its descriptor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogisticRegression {
    /// Weight of the squared penalty.
    pub l2: f64,
    /// Weight of the absolute penalty.
    pub l1: f64,
    /// The largest number of training rounds.
    pub rounds: u32,
    /// Training stops when the norm of the gradient, in whitened variables, is at most this.
    pub tolerance: f64,
    /// Rounds in a row with a rising validation loss after which training stops; 0: never.
    pub early_stopping: u32,
    /// Whether each party learns the standard errors of its own coefficients.
    pub standard_errors: bool,
}

/// The settings of `train.multinomial_regression`; bounds stand in its descriptor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultinomialRegression {
    /// Weight of the squared penalty.
    pub l2: f64,
    /// The largest number of training rounds.
    pub rounds: u32,
    /// Training stops when the norm of the gradient, in whitened variables, is at most this.
    pub tolerance: f64,
    /// Rounds in a row with a rising validation loss after which training stops; 0: never.
    pub early_stopping: u32,
}

/// The settings of `train.factorization_machine`; bounds stand in its descriptor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorizationMachine {
    /// Numbers in a vector of factors.
    pub factors: u32,
    /// Directions of items in which item factors lie.
    pub directions: u32,
    /// Weight of the squared penalty.
    pub l2: f64,
    /// Share of a history that is hidden and predicted from the rest.
    pub hidden: f64,
    /// Steps of the descent.
    pub passes: u32,
    /// Items that are recommended to each user.
    pub top: u32,
    /// Items of fewer common users are left out.
    pub min_item_users: u32,
    /// In strict: users among whom some are judged.
    #[serde(default = "test_users")]
    pub test_users: u32,
    /// In strict: most common users for whom training makes lists.
    #[serde(default = "list_users")]
    pub list_users: u32,
}

/// What the label of a regression is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegressionOf {
    /// Any number.
    Linear,
    /// A count.
    Poisson,
    /// An amount above 0.
    Gamma,
    /// An amount that is often 0.
    Tweedie,
}

impl RegressionOf {
    const ALL: [Self; 4] = [Self::Linear, Self::Poisson, Self::Gamma, Self::Tweedie];

    fn component(self) -> &'static ComponentDescriptor {
        match self {
            Self::Linear => &catalogue::LINEAR_REGRESSION,
            Self::Poisson => &catalogue::POISSON_REGRESSION,
            Self::Gamma => &catalogue::GAMMA_REGRESSION,
            Self::Tweedie => &catalogue::TWEEDIE_REGRESSION,
        }
    }
}

/// The settings of the regressions; bounds stand in their descriptors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regression {
    /// Weight of the squared penalty.
    pub l2: f64,
    /// Weight of the absolute penalty.
    pub l1: f64,
    /// The largest number of training rounds.
    pub rounds: u32,
    /// Training stops when the norm of the gradient, in whitened variables, is at most this.
    pub tolerance: f64,
    /// Whether each party learns the standard errors of its own coefficients.
    pub standard_errors: bool,
    /// The power of the mean that the variance is; `train.tweedie_regression` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
}

/// The settings of `train.boosted_trees`; bounds stand in its descriptor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoostedTrees {
    /// What is minimised; it says what kind of label there is.
    pub loss: TreeLoss,
    /// Power of the Tweedie loss.
    pub tweedie_power: f64,
    /// Which quantile the quantile loss predicts.
    pub quantile: f64,
    /// Whether trees are boosted or averaged.
    pub ensemble: TreeEnsemble,
    /// Number of trees.
    pub trees: u32,
    /// Levels of splits of a tree.
    pub depth: u32,
    /// Bins of a feature.
    pub bins: u32,
    /// Weight of each new tree.
    pub learning_rate: f64,
    /// Squared penalty on leaf weights.
    pub lambda: f64,
    /// The smallest gain that is worth a split.
    pub min_gain: f64,
    /// The smallest sum of second derivatives in a child.
    pub min_child_weight: f64,
    /// A node in which a tree sees fewer training rows is not split.
    pub min_split_rows: u32,
    /// Share of the rows drawn for each tree.
    pub subsample: Share,
    /// How rows are drawn for each tree.
    #[serde(default, skip_serializing_if = "TreeSampling::is_default")]
    pub sampling: TreeSampling,
    /// With `goss`: share of the rows, those with the greatest derivatives, that all trees see.
    #[serde(default = "top_rate", skip_serializing_if = "is_top_rate")]
    pub top_rate: Share,
    /// With `goss`: share of the rows that is drawn from the others.
    #[serde(default = "other_rate", skip_serializing_if = "is_other_rate")]
    pub other_rate: Share,
    /// Share of the features drawn for each tree.
    pub columns: Share,
    /// The prediction before the first tree.
    pub base_score: Option<f64>,
    /// Factor on the weights of positive rows.
    pub positive_weight: f64,
    /// In which direction predictions may move with columns of numbers, by party and column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub directions: BTreeMap<String, BTreeMap<String, TreeDirection>>,
    /// Trees without a better validation loss after which training stops; 0: never.
    pub early_stopping: u32,
}

/// What trees minimise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeLoss {
    /// Log-loss of two classes; in a forest their shares.
    Logistic,
    /// Log-loss of several classes.
    Softmax,
    /// Squared error.
    Squared,
    /// Poisson deviance.
    Poisson,
    /// Gamma deviance.
    Gamma,
    /// Tweedie deviance.
    Tweedie,
    /// Pinball loss.
    Quantile,
    /// The order of rows within groups.
    Ranking,
}

/// How predictions may move when a column grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeDirection {
    /// They must not fall.
    Up,
    /// They must not rise.
    Down,
}

/// How the rows that a tree sees are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeSampling {
    /// All alike.
    #[default]
    Uniform,
    /// Gradient-based one-side sampling: all with great derivatives, and some of the others.
    Goss,
}

impl TreeSampling {
    /// Leaving it out of the canonical form keeps the digests of jobs that do not ask for it.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What models say that were saved before there was the setting, and jobs that do not set it.
pub(super) fn test_users() -> u32 {
    5_000
}

pub(super) fn list_users() -> u32 {
    20_000
}

fn top_rate() -> Share {
    Share::percent(20)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_top_rate(share: &Share) -> bool {
    *share == top_rate()
}

fn other_rate() -> Share {
    Share::percent(10)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_other_rate(share: &Share) -> bool {
    *share == other_rate()
}

/// How trees make up for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeEnsemble {
    /// Each corrects those before it.
    Boosting,
    /// Their mean is the prediction.
    Forest,
}

impl BoostedTrees {
    /// Trees without a better validation loss after which training stops; 0: never, as forests.
    pub fn patience(&self) -> u32 {
        match self.ensemble {
            TreeEnsemble::Boosting => self.early_stopping,
            TreeEnsemble::Forest => 0,
        }
    }

    /// Whether rows are drawn by their derivatives.
    pub fn is_one_sided(&self) -> bool {
        self.sampling == TreeSampling::Goss
    }

    /// Whether it is said how many rows are drawn so.
    pub fn has_rates(&self) -> bool {
        !is_top_rate(&self.top_rate) || !is_other_rate(&self.other_rate)
    }

    /// Whether nothing is asked for that only `secureboost` has.
    pub fn is_in_strict(&self) -> bool {
        let has_loss = !matches!(self.loss, TreeLoss::Quantile | TreeLoss::Ranking);
        has_loss && self.directions.is_empty() && !self.is_one_sided()
    }

    /// Whether positive rows count more or less than others.
    pub fn weighs_classes(&self) -> bool {
        (self.positive_weight - 1.0).abs() > f64::EPSILON
    }
}

/// Reads `train:`; every step has a name of its own.
pub(super) fn read_all(node: Option<&Node>, problems: &mut Problems) -> Option<Vec<TrainStep>> {
    let Some(node) = node.filter(|node| !node.is_nothing()) else { return Some(Vec::new()) };
    let Value::List(items) = &node.value else {
        let message = format!("`train` is {}; expected a list of models", node.describe());
        let help = "such as `- logistic_regression: { privacy: strict }`, one model a line";
        problems.push(Problem::new(node.place, message).help(help));
        return None;
    };
    if items.len() > MODELS_MAX {
        let message = format!("`train` has {} models; at most {MODELS_MAX}", items.len());
        problems.push(Problem::new(node.place, message));
        return None;
    }
    let mut steps: Vec<TrainStep> = Vec::new();
    for item in items {
        let Some(step) = read_one(item, problems) else { continue };
        if steps.iter().any(|other| other.name == step.name) {
            let message = format!("a second model is called `{}`", step.name);
            let help = "give it a name of its own: `name: …` among its settings";
            problems.push(Problem::new(item.place, message).help(help));
        }
        steps.push(step);
    }
    Some(steps)
}

fn read_one(item: &Node, problems: &mut Problems) -> Option<TrainStep> {
    let (key, node) = single(item, "train", problems)?;
    let component = catalogue::stage("train").find(|it| it.short_name() == key.text);
    let Some(component) = component else {
        let names: Vec<&str> =
            catalogue::stage("train").map(ComponentDescriptor::short_name).collect();
        let message = format!("there is no model `{}`", shortened(&key.text));
        problems.push(Problem::new(key.place, message).help(suggestion(&key.text, &names)));
        return None;
    };
    let mut fields = Fields::of(node, format!("`{}`", key.text), problems)?;
    let step_name = match fields.take("name") {
        Some(node) => text(node, "name", problems)
            .and_then(|text| name(text, "a model", node.place, problems)),
        None => Some(key.text.clone()),
    };
    let best = fields.take("best").and_then(|node| best(node, problems));
    let warm_start =
        fields.take("warm_start").and_then(|node| score::read_warm_start(node, problems));
    // A missing mode is reported at the component's name, where one would write it.
    let place = Node { place: key.place, value: Value::List(Vec::new()) };
    let privacy = settings::take_mode(&mut fields, component, &place, problems);
    let regression = RegressionOf::ALL.into_iter().find(|of| of.component() == component);
    let model = if let Some(of) = regression {
        settings::take(&mut fields, component, node, problems)
            .zip(privacy)
            .map(|(settings, privacy)| Model::Regression { of, privacy, settings })
    } else if component.name == catalogue::LOGISTIC_REGRESSION.name {
        settings::take(&mut fields, component, node, problems)
            .zip(privacy)
            .map(|(settings, privacy)| Model::LogisticRegression { privacy, settings })
    } else if component.name == catalogue::MULTINOMIAL_REGRESSION.name {
        settings::take(&mut fields, component, node, problems)
            .zip(privacy)
            .map(|(settings, privacy)| Model::MultinomialRegression { privacy, settings })
    } else if component.name == catalogue::FACTORIZATION_MACHINE.name {
        settings::take(&mut fields, component, node, problems)
            .zip(privacy)
            .map(|(settings, privacy)| Model::FactorizationMachine { privacy, settings })
    } else {
        settings::take(&mut fields, component, node, problems)
            .zip(privacy)
            .map(|(settings, privacy)| Model::BoostedTrees { privacy, settings })
    };
    fields.finish(problems);
    Some(TrainStep { name: step_name?, best, warm_start, model: model? })
}

fn best(node: &Node, problems: &mut Problems) -> Option<u32> {
    let count = text(node, "best", problems)?.parse().ok();
    let count = count.filter(|count| (1..=BEST_MAX).contains(count));
    if count.is_none() {
        let message = format!(
            "`best` is {}; expected a number of columns from 1 to {BEST_MAX}",
            node.describe()
        );
        problems.push(Problem::new(node.place, message).help("such as `best: 100`"));
    }
    count
}

/// The largest number of models of a job.
const MODELS_MAX: usize = 50;
/// The largest number of columns that a model may be limited to.
const BEST_MAX: u32 = 1_000_000;
