//! What one party may see after a run, as plain data: the report, `metrics.json` and the tables
//! are made from it.

use contract::{Observed, Role, Text};
use features::binning::Binning;
use features::federated::evidence::Anonymity;
use features::prepare::{Dropped, Preparation};
use features::woe::WoeTable;
use models::evaluate::classes::ClassComparison;
use models::evaluate::graded::{GradedComparison, GradedEvaluation};
use models::evaluate::regression::{NumericComparison, NumericEvaluation};
use models::evaluate::{Comparison, Evaluation};
use models::local;
use models::vertical::boosted_trees::{GuestTrees, HostTrees};
use models::vertical::hidden_evaluation::Figures;
use models::vertical::strict_trees::StrictTrees;
use models::wald::Wald;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use table::Table;

use super::classes::{self, ClassScores, ClassesPart, TestClassScores};
use super::recommendation::{GuestFactors, HostFactors, RecommendationOutcome, Recommended};
use crate::spec::{Join, Provenance, SplitBy, StepDisclosures, WarmStart};

/// One party's view of a job that is done.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The name of the job.
    pub job: String,
    /// What the results may be used for.
    pub purpose: String,
    /// The public seed.
    pub seed: u64,
    /// The job's digest, 64 hexadecimal digits.
    pub digest: String,
    /// The name of the party whose view this is.
    pub party: String,
    /// The part it played.
    pub role: Role,
    /// All parties, the guest first and then the hosts in the order of the job.
    pub parties: Vec<PartyFacts>,
    /// Rows of this party's table.
    pub own_rows: usize,
    /// Rows that all parties have; `None` for a party that does not learn them.
    pub common_rows: Option<usize>,
    /// The same rows, as positions in this party's table, in the common order; `None` also for a
    /// table that is divided over files, which hold the common rows then.
    #[serde(skip)]
    pub common_order: Option<Vec<u32>>,
    /// What each key gave, in the order in which they were tried; empty for a job with one key.
    pub key_rounds: Vec<KeyRound>,
    /// Which rows the aligned table has.
    pub join: Join,
    /// The columns that the other party sent, if any, in the common order.
    #[serde(skip)]
    pub payload: Option<Table>,
    /// Numbers about the common rows, if the job is for these.
    pub totals: Option<TotalsOutcome>,
    /// The splits, in the order of the job.
    pub splits: Vec<SplitOutcome>,
    /// The models, in the order in which they were trained; in a job that scores, its model.
    pub models: Vec<ModelOutcome>,
    /// What was scored, in a job that scores.
    pub scored: Option<ScoredOutcome>,
    /// What each step cost, in order.
    pub steps: Vec<StepUse>,
    /// What was declared, step by step.
    pub declared: Vec<StepDisclosures>,
    /// What was opened.
    pub observed: Vec<Observed>,
}

/// Who took part.
#[derive(Clone, Debug, Serialize)]
pub struct PartyFacts {
    /// The name in the job.
    pub name: String,
    /// The part it played.
    pub role: Role,
    /// Whether its data are real.
    pub data: Provenance,
    /// Whether the job names a column of its table that orders rows in time.
    pub has_time: bool,
}

/// What came out of a job for totals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TotalsOutcome {
    /// How many rows are common; `None` for a party that does not learn it.
    pub common_rows: Option<u64>,
    /// The least number of common rows over which sums are opened.
    pub minimum: u32,
    /// To how many decimal places numbers were rounded before they were added.
    pub decimals: u32,
    /// The sums, or why there are none.
    pub sums: Sums,
}

/// Sums over the common rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sums {
    /// They were opened to this party.
    Opened(Vec<ColumnTotal>),
    /// Fewer rows are common than agreed: nobody learns sums.
    BelowMinimum,
    /// Only the other party learns them.
    ForTheOther,
    /// The job asks for none.
    NotAsked,
}

/// A column, added up over the common rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnTotal {
    /// The party that has the column.
    pub party: String,
    /// The column.
    pub column: String,
    /// Its sum over the common rows.
    pub sum: f64,
    /// The sum divided by the number of common rows; `None` if there are none.
    pub mean: Option<f64>,
}

/// The round of one of several keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRound {
    /// This party's column.
    pub column: String,
    /// Its rows that took part: not matched before, and with such a key.
    pub rows: usize,
    /// How many of them were matched.
    pub matches: usize,
}

/// One split and what was fitted under it.
#[derive(Clone, Debug, Serialize)]
pub struct SplitOutcome {
    /// The name in the job.
    pub name: String,
    /// How test rows were chosen.
    pub by: SplitBy,
    /// Training rows without the validation rows.
    pub training_rows: usize,
    /// Validation rows, a part of the training period.
    pub validation_rows: usize,
    /// Test rows.
    pub test_rows: usize,
    /// Share of positives, at the guest.
    pub base_rates: Option<BaseRates>,
    /// The first and the last time of the training period, as the guest's table writes them, if the
    /// job names a column; `None` at the host.
    pub period: Option<[String; 2]>,
    /// Weight of evidence of the guest's own columns; empty at the host.
    pub evidence: Vec<WoeTable>,
    /// Weight of evidence of each host's anonymous features, at the guest, if any are selected.
    pub host_evidence: Vec<HostEvidence>,
    /// Which features were kept, if features are selected.
    pub selection: Option<SelectionOutcome>,
    /// Names of this party's encoded features that models take.
    pub features: Vec<String>,
    /// This party's columns that gave no feature.
    pub dropped: Vec<Dropped>,
    /// How this party's columns became features.
    #[serde(skip)]
    pub preparation: Preparation,
    /// How this party's columns were replaced by weight of evidence, if the job asks for it.
    #[serde(skip)]
    pub weighed: Option<Weighed>,
}

/// What the guest knows of a host's anonymous features.
#[derive(Clone, Debug, Serialize)]
pub struct HostEvidence {
    /// The host's name in the job.
    pub party: String,
    /// Those of its features that have enough rows of each class.
    pub tables: Vec<WoeTable>,
}

/// What a party needs to apply a model with weight of evidence to later rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighed {
    /// The bins of the party's own columns.
    pub binnings: Vec<Binning>,
    /// At the guest: its own columns that were replaced.
    pub own: Vec<OwnWoe>,
    /// The value of each bin of each of the host's anonymous features: at the guest, or in the mode
    /// `woe_known_to_host` at the host.
    pub host_values: Option<Vec<Vec<f64>>>,
    /// At the host: for each anonymous feature its place among `binnings`.
    pub feature_of_number: Option<Vec<usize>>,
    /// At the host: for each anonymous feature and each code, the bin that the guest knows it as.
    pub bin_of_code: Option<Vec<Vec<usize>>>,
}

/// A column of the guest, replaced by weight of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnWoe {
    /// The column.
    pub column: String,
    /// For each code of its bins, the missing one first, the weight of evidence with mean 0 and
    /// deviation 1 over the training period.
    pub values: Vec<f64>,
}

impl Weighed {
    pub(super) fn guest(
        binnings: Vec<Binning>,
        own: Vec<OwnWoe>,
        values: Option<&Vec<Vec<f64>>>,
    ) -> Self {
        let host_values = values.cloned();
        Self { binnings, own, host_values, feature_of_number: None, bin_of_code: None }
    }

    pub(super) fn host(binnings: Vec<Binning>, anonymity: Option<&Anonymity>) -> Self {
        Self {
            binnings,
            own: Vec::new(),
            host_values: None,
            feature_of_number: anonymity.map(|it| it.feature_of_number.clone()),
            bin_of_code: anonymity.map(|it| it.bin_of_code.clone()),
        }
    }
}

/// What feature selection decided, as far as this party knows.
#[derive(Clone, Debug, Serialize)]
pub struct SelectionOutcome {
    /// At the guest all features, its own first and then each host's without names; at a host its
    /// own.
    pub features: Vec<SelectedFeature>,
    /// How many pairs of features across the parties are correlated above the threshold, if any
    /// were compared.
    pub pairs_across: Option<usize>,
}

/// What was decided about one feature.
#[derive(Clone, Debug, Serialize)]
pub struct SelectedFeature {
    /// The column, or the number of an anonymous feature of a host.
    pub name: String,
    /// The party that it belongs to.
    pub party: String,
    /// Its information value, at the guest; `None` where too few rows allow none.
    pub iv: Option<f64>,
    /// Whether models take it.
    pub is_kept: bool,
    /// The kept feature that it is correlated with, if that is why it was dropped.
    pub correlated_with: Option<String>,
}

/// Shares of positives, unweighted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BaseRates {
    /// In the training period, validation rows included.
    pub training: f64,
    /// In the test rows.
    pub test: f64,
}

/// One model under one split.
#[derive(Clone, Debug, Serialize)]
pub struct ModelOutcome {
    /// The step, such as `logistic_regression.time`.
    pub step: String,
    /// The name of the training run of this model, the same at both parties and at no other model.
    pub model_id: String,
    /// The component, such as `train.logistic_regression`.
    pub component: &'static str,
    /// The component's name for people.
    pub title: Text,
    /// The privacy mode.
    pub privacy: String,
    /// The settings with all defaults.
    pub settings: Value,
    /// The earlier model that training began with, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<WarmStart>,
    /// The name of the split.
    pub split: String,
    /// Both models on the test rows, at the guest, if they tell two classes apart.
    pub comparison: Option<Comparison>,
    /// Both models on the test rows, at the guest, if they predict numbers.
    pub numeric: Option<NumericComparison>,
    /// Both models on the test rows, at the guest, if they tell several classes apart.
    pub classes: Option<ClassComparison>,
    /// Both models on the test rows, at the guest, if nobody sees their joint scores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenComparison>,
    /// Both models on the test rows, at the guest, if they order rows within groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graded: Option<GradedComparison>,
    /// How good recommendations are, at the guest, if the model recommends items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<RecommendationOutcome>,
    /// This party's part of the model.
    pub part: ModelPart,
    /// The scores of the test rows, at the guest.
    #[serde(skip)]
    pub scores: Option<TestScores>,
    /// The probabilities of several classes of the test rows, at the guest.
    #[serde(skip)]
    pub class_scores: Option<TestClassScores>,
}

/// Two models by figures about their scores, where nobody sees the joint ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HiddenComparison {
    /// The guest's own model.
    pub guest_alone: Figures,
    /// The joint model.
    pub joint: Figures,
}

/// What came out of a job that scores new rows.
#[derive(Clone, Debug, Serialize)]
pub struct ScoredOutcome {
    /// The job that trained the model.
    pub model: String,
    /// What the model may be used for, in the words of that job.
    pub purpose: String,
    /// The digest of that job.
    pub digest: String,
    /// The step in which it was trained.
    pub step: String,
    /// The name of the training run.
    pub model_id: String,
    /// How many rows were scored.
    pub rows: usize,
    /// The scores, at the guest.
    #[serde(skip)]
    pub scores: Option<NewScores>,
    /// The probabilities of several classes, at the guest.
    #[serde(skip)]
    pub class_scores: Option<ClassScores>,
    /// The items for each user, at the guest, of a model that recommends.
    #[serde(skip)]
    pub recommended: Option<Recommended>,
}

/// The scores of all common rows, in their order.
#[derive(Clone, Debug)]
pub struct NewScores {
    /// What happened, if the job names a label.
    pub labels: Option<Vec<f64>>,
    /// The guest's own model.
    pub alone: Vec<f64>,
    /// The joint model.
    pub joint: Vec<f64>,
}

/// The scores of the test rows, in the order of the common rows.
#[derive(Clone, Debug)]
pub struct TestScores {
    /// The rows, numbered in the common order.
    pub rows: Vec<u32>,
    /// What happened: 0 or 1, or a number.
    pub labels: Vec<f64>,
    /// The guest's own model.
    pub alone: Vec<f64>,
    /// The joint model.
    pub joint: Vec<f64>,
}

/// What a party keeps of a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelPart {
    /// Of a logistic regression.
    LogisticRegression(LinearPart),
    /// Of a linear, Poisson, gamma or Tweedie regression.
    Regression(LinearPart),
    /// Of a multinomial logistic regression.
    MultinomialRegression(ClassesPart),
    /// Of boosted trees, at the guest.
    GuestTrees {
        /// Shape, own splits and leaves.
        trees: GuestTrees,
        /// The bins of the party's own columns.
        binnings: Vec<Binning>,
        /// The model on the guest's own columns.
        alone: local::boosted_trees::BoostedTrees,
        /// Of several classes: their names, in the order in which trees take turns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<Vec<String>>,
    },
    /// Of boosted trees, at the host.
    HostTrees {
        /// Own splits.
        trees: HostTrees,
        /// The bins of the party's own columns.
        binnings: Vec<Binning>,
    },
    /// Of boosted trees in strict privacy, at either party.
    StrictTrees {
        /// Own splits, and shares of the leaves.
        trees: StrictTrees,
        /// The bins of the party's own columns.
        binnings: Vec<Binning>,
        /// At the guest: the model on its own columns.
        alone: Option<local::boosted_trees::BoostedTrees>,
        /// At the guest, of several classes: their names, in the order in which trees take turns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<Vec<String>>,
    },
    /// Of a factorisation machine, at the guest.
    GuestFactors(GuestFactors),
    /// Of a factorisation machine, at the host.
    HostFactors(HostFactors),
}

impl ModelPart {
    /// Whether scores are linear in features that are prepared, not binned.
    pub(crate) fn is_linear(&self) -> bool {
        matches!(
            self,
            Self::LogisticRegression(_) | Self::Regression(_) | Self::MultinomialRegression(_)
        ) || self.recommends()
    }

    /// Whether items are ranked by factors, which are linear in features that are prepared.
    pub(crate) fn recommends(&self) -> bool {
        matches!(self, Self::GuestFactors(_) | Self::HostFactors(_))
    }

    /// At the guest: the names of the classes of a model of several.
    pub(crate) fn class_names(&self) -> Option<&[String]> {
        match self {
            Self::MultinomialRegression(part) => part.names.as_deref(),
            Self::GuestTrees { names, .. } | Self::StrictTrees { names, .. } => names.as_deref(),
            _ => None,
        }
    }
}

/// A party's part of a model with coefficients.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearPart {
    /// The party's own features.
    pub coefficients: Vec<Coefficient>,
    /// What the party's part of a score begins with.
    pub intercept: f64,
    /// At the guest: the standard error of the intercept, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intercept_test: Option<Wald>,
    /// Passes over the data.
    pub passes: usize,
    /// Whether the optimum was reached within the tolerance.
    pub converged: bool,
    /// At the guest: the model on its own columns.
    pub alone: Option<AloneLinear>,
}

/// One coefficient of the joint model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Coefficient {
    /// The encoded feature.
    pub feature: String,
    /// Change of the linear predictor (of a logistic regression, the log-odds) per unit of it.
    pub weight: f64,
    /// Its standard error, z and p-value, if asked for.
    #[serde(flatten)]
    pub test: Option<Wald>,
}

/// The guest's own model with coefficients.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AloneLinear {
    /// Its coefficients.
    pub coefficients: Vec<Coefficient>,
    /// Its intercept.
    pub intercept: f64,
}

/// What a step cost this party.
#[derive(Clone, Debug, Serialize)]
pub struct StepUse {
    /// The step, as the plan names it.
    pub id: String,
    /// From its beginning to its end, waiting included.
    pub seconds: f64,
    /// Processor time of this party's process, all threads.
    pub cpu_seconds: f64,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// How often it waited for an answer.
    pub rounds: u64,
    /// The pass or tree of an earlier run that was stopped, behind which this one went on; 0 for
    /// none. What was opened until then counts here, time and traffic do not.
    #[serde(skip_serializing_if = "is_zero")]
    pub continued_behind: u64,
    /// What was opened in this step.
    #[serde(skip)]
    pub observed: Vec<Observed>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Outcome {
    /// The document `metrics.json`; scripts depend on its form.
    pub fn metrics(&self) -> Value {
        let mut models = Map::new();
        for model in &self.models {
            if let Some(entry) = model.metrics() {
                models.insert(model.step.clone(), entry);
            }
        }
        let disclosed: Vec<Value> = self.disclosed().map(opening).collect();
        let mut metrics = json!({
            "job": self.job,
            "seed": self.seed,
            "models": models,
            "steps": self.steps,
            "disclosed": disclosed,
        });
        if let Some(totals) = &self.totals {
            metrics["totals"] = json!(totals);
        }
        if let Some(scored) = &self.scored {
            metrics["scored"] = json!(scored);
        }
        metrics
    }

    /// What was opened, the way the parties' records say it.
    pub fn disclosed(&self) -> impl Iterator<Item = &Observed> {
        self.observed.iter().filter(|opened| opened.count > 0)
    }
}

/// What was opened, to whom, and how much of it.
pub(crate) fn opening(opened: &Observed) -> Value {
    let mut opening = json!({ "to": opened.to.name(), "what": opened.key, "count": opened.count });
    if let Some(party) = &opened.party {
        opening["party"] = json!(party);
    }
    opening
}

impl ModelOutcome {
    /// How many features of the party the model has: coefficients, or columns that trees may ask
    /// for.
    pub(crate) fn own_features(&self) -> usize {
        match &self.part {
            ModelPart::LogisticRegression(part) | ModelPart::Regression(part) => {
                part.coefficients.len()
            }
            ModelPart::MultinomialRegression(part) => {
                part.classes.first().map_or(0, |class| class.coefficients.len())
            }
            ModelPart::GuestTrees { binnings, .. }
            | ModelPart::HostTrees { binnings, .. }
            | ModelPart::StrictTrees { binnings, .. } => binnings.len(),
            ModelPart::GuestFactors(part) => part.features.len(),
            ModelPart::HostFactors(part) => part.features.len(),
        }
    }

    /// The headline figures, if this party may see them.
    pub(crate) fn metrics(&self) -> Option<Value> {
        if let Some(comparison) = &self.comparison {
            return Some(json!({
                "guest_alone": headline(&comparison.guest_alone),
                "joint": headline(&comparison.joint),
                "test_rows": comparison.joint.rows,
            }));
        }
        if let Some(classes) = &self.classes {
            return Some(json!({
                "classes": classes.names,
                "guest_alone": classes::headline(&classes.guest_alone),
                "joint": classes::headline(&classes.joint),
                "test_rows": classes.joint.rows,
            }));
        }
        if let Some(HiddenComparison { guest_alone, joint }) = &self.hidden {
            return Some(json!({
                "guest_alone": guest_alone,
                "joint": joint,
                "test_rows": joint.rows,
            }));
        }
        if let Some(GradedComparison { guest_alone, joint }) = &self.graded {
            return Some(json!({
                "guest_alone": orders(guest_alone),
                "joint": orders(joint),
                "test_rows": joint.rows,
                "judged_groups": joint.groups,
            }));
        }
        if let Some(recommendation) = &self.recommendation {
            return Some(recommendation.metrics());
        }
        let numeric = self.numeric.as_ref()?;
        Some(json!({
            "guest_alone": numbers(&numeric.guest_alone),
            "joint": numbers(&numeric.joint),
            "test_rows": numeric.joint.errors.rows,
        }))
    }
}

fn headline(evaluation: &Evaluation) -> Value {
    json!({
        "auc": evaluation.auc,
        "ks": evaluation.ks,
        "lift_5pct": evaluation.lift_5pct,
    })
}

fn orders(evaluation: &GradedEvaluation) -> Value {
    let GradedEvaluation { ndcg_5, ndcg_10, ndcg_30, .. } = evaluation;
    json!({ "ndcg_5": ndcg_5, "ndcg_10": ndcg_10, "ndcg_30": ndcg_30 })
}

fn numbers(evaluation: &NumericEvaluation) -> Value {
    let NumericEvaluation { errors, deviance, d2 } = evaluation;
    json!({
        "rmse": errors.rmse,
        "mae": errors.mae,
        "r2": errors.r2,
        "bias": errors.bias,
        "deviance": deviance,
        "d2": d2,
    })
}
