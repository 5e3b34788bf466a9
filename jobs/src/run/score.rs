//! New rows, scored by a model that an earlier job trained.
//!
//! Nothing is fitted: each party prepares its columns as its own file of the model says, and both
//! apply their parts in the protocol that scores test rows in training. Before the alignment they
//! make sure that both files come from one training run.

use std::slice;

use contract::{Audience, STRICT, Text};
use features::FeatureMatrix;
use features::binned::BinnedMatrix;
use features::binning;
use features::federated::evidence::Anonymity;
use features::prepare::Category;
use models::ModelError;
use models::evaluate::ModelScores;
use models::family::Family;
use models::vertical::boosted_trees::{score_as_guest, score_as_host};
use models::vertical::logistic_regression::Coefficients;
use models::vertical::logistic_regression::woe::{
    AnonymousColumn, Woe, anonymous_columns, score_with_woe,
};
use models::vertical::strict_trees;
use mpc::TwoParty;
use mpc::reveal::{Learner, learn};
use mpc::several::Parties;
use net::{NetError, Session, Size};
use table::{Table, check_label_classes};

use super::align::is_grade;
use super::boosted_trees::{self, predict, probabilities_of_rows};
use super::classes::{ClassScore, ClassScores, ClassesPart, probabilities};
use super::data::groups;
use super::evaluate::{compare_grades, compare_predictions, compare_scores};
use super::outcome::{Coefficient, LinearPart, ModelOutcome, ModelPart, NewScores, ScoredOutcome};
use super::progress::{Run, Step};
use super::recommendation;
use super::regression::{self, means};
use super::several::{predictors, tree_sums};
use super::sparse;
use super::weigh::{with_known, with_own};
use crate::error::JobError;
use crate::interactions::UserItems;
use crate::saved_model::SavedModel;
use crate::spec::{Model, Target, TreeLoss};

/// What a job that scores ends with.
pub(super) struct Scored {
    pub(super) model: ModelOutcome,
    pub(super) outcome: ScoredOutcome,
}

/// Makes sure that the guest and each host hold parts of one model: one job, one run of it, one
/// step.
pub(super) async fn agree(run: &mut Run<'_>, model: &SavedModel) -> Result<(), JobError> {
    let mut step = run.begin(AGREEMENT, AGREEMENT)?;
    let agreed = compare_ids(run, &mut step, model).await.map_err(|error| error.at(AGREEMENT));
    run.end(step);
    agreed
}

async fn compare_ids(run: &Run<'_>, step: &mut Step, model: &SavedModel) -> Result<(), JobError> {
    run.record("score.model", Audience::All, 1)?;
    for session in &mut step.sessions {
        agree_on_run(session, model).await?;
    }
    Ok(())
}

/// Makes sure that a peer's part is of the same model: one job, one run of it, one step.
pub(super) async fn agree_on_run(
    session: &mut Session,
    model: &SavedModel,
) -> Result<(), JobError> {
    let ours = format!("{} {} {}", model.digest, model.model_id, model.step);
    let size = Size::AtMost(ID_BYTES_MAX);
    let theirs = session.exchange_bytes("model", ours.clone().into_bytes(), size).await?;
    let rule = "the name of a model is text: two names in hexadecimal digits and a step";
    let theirs = String::from_utf8(theirs).ok().filter(|it| is_name(it));
    let theirs = theirs.ok_or_else(|| session.misbehaved("model", rule))?;
    if theirs == ours {
        return Ok(());
    }
    let text = |name: &str| {
        let mut parts = name.split(' ').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let (digest, id, step) = (next(), next(), next());
        format!("step {step} of job {}…, run {id}", digest.get(..8).unwrap_or_default())
    };
    Err(NetError::PeerIncompatible {
        peer: session.peer().to_owned(),
        what: "model".to_owned(),
        ours: text(&ours),
        theirs: text(&theirs),
        hint: "all parties use the files of one and the same training run; find out which \
               of you has another one"
            .to_owned(),
    }
    .into())
}

/// Whether a peer's name of a model has the form of ours.
fn is_name(name: &str) -> bool {
    let lengths = [64, 32];
    let parts: Vec<&str> = name.split(' ').collect();
    let is_step = |it: &u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_-.".contains(it);
    let hexadecimal = parts.iter().zip(lengths).all(|(part, length)| {
        part.len() == length && part.bytes().all(|it| it.is_ascii_hexdigit())
    });
    parts.len() == 3 && hexadecimal && parts[2].bytes().all(|it| is_step(&it))
}

/// Scores the common rows.
pub(super) async fn score(
    run: &mut Run<'_>,
    saved: &SavedModel,
    table: &Table,
    interactions: Option<&UserItems>,
) -> Result<Scored, JobError> {
    let mut step = if run.job.hosts.len() > 1 {
        run.begin_among_all(STEP, STEP)
    } else {
        run.begin(STEP, STEP)
    }?;
    let scored =
        apply(run, &mut step, saved, (table, interactions)).await.map_err(|it| it.at(STEP))?;
    run.end(step);
    Ok(scored)
}

async fn apply(
    run: &Run<'_>,
    step: &mut Step,
    saved: &SavedModel,
    (table, interactions): (&Table, Option<&UserItems>),
) -> Result<Scored, JobError> {
    let Some(model) = saved.model() else {
        return Err(ModelError::InvalidInput("the model's settings are damaged".into()).into());
    };
    if let Model::FactorizationMachine { privacy, settings } = &model {
        run.record("score.count", Audience::All, 1)?;
        let (users, spec) = ((table, interactions), (&privacy[..], settings));
        let recommended = recommendation::score(run, step.pair()?, saved, spec, users).await?;
        let mut scored = finished(outcome(saved, &model), saved, table, None);
        scored.outcome.recommended = recommended;
        return Ok(scored);
    }
    let labels = Labels::of(run, &model, saved.part.class_names(), table)?;
    run.record("score.count", Audience::All, 1)?;
    let scores = match (&saved.part, &model) {
        (ModelPart::LogisticRegression(part) | ModelPart::Regression(part), model) => {
            linear(run, step, saved, (family_of(model), part), table).await?
        }
        (_, Model::BoostedTrees { privacy, settings }) => {
            let binnings = saved.binnings();
            let bin = || -> Result<BinnedMatrix, JobError> {
                Ok(binning::apply(binnings, &features::columns(table), table.rows())?)
            };
            let matrix = step.compute(bin).await?;
            let margins = margins(run, step, privacy, &saved.part, &matrix).await?;
            if settings.loss == TreeLoss::Softmax {
                let scores = margins.map(|margins| class_scores(&saved.part, margins));
                return of_classes(run, step, saved, &model, table, labels, scores).await;
            }
            let predicted = margins.map(|pair| pair.map(|margins| predict(settings, margins)));
            predicted.map(|[alone, joint]| Pair { alone, joint })
        }
        (ModelPart::MultinomialRegression(part), _) => {
            let scores = linear_of_classes(run, step, saved, part, table).await?;
            return of_classes(run, step, saved, &model, table, labels, scores).await;
        }
        _ => return Err(ModelError::InvalidInput("the model's part is damaged".into()).into()),
    };
    let mut outcome = outcome(saved, &model);
    let Some(Pair { alone, joint }) = scores else {
        return Ok(finished(outcome, saved, table, None));
    };
    if let Some(labels) = &labels {
        judge(run, step, &model, table, labels, [&alone, &joint], &mut outcome).await?;
    }
    let labels = labels.map(Labels::into_numbers);
    Ok(finished(outcome, saved, table, Some(NewScores { labels, alone, joint })))
}

/// The probabilities of several classes by a model with coefficients, without labels.
async fn linear_of_classes(
    run: &Run<'_>,
    step: &mut Step,
    saved: &SavedModel,
    part: &ClassesPart,
    table: &Table,
) -> Result<Option<ClassScores>, JobError> {
    let first = part.classes.first().map_or(&[][..], |class| &class.coefficients);
    let prepared = step.compute(|| Prepared::of(saved, first, table)).await?;
    let (columns, rows) = (prepared.matrix.columns(), table.rows());
    let scores = |classes: &[ClassScore]| {
        let of_class = |class: &ClassScore| {
            coefficients(&class.coefficients, class.intercept).partial_scores(&columns, rows)
        };
        classes.iter().flat_map(of_class).collect::<Vec<f64>>()
    };
    let joint = predictors(run, step, scores(&part.classes), SCORES).await?;
    let (Some(joint), Some(alone), Some(names)) = (joint, &part.alone, &part.names) else {
        return Ok(None);
    };
    let [alone, joint] = [scores(alone), joint].map(|it| probabilities(&it, names.len()));
    Ok(Some(ClassScores { names: names.clone(), labels: None, alone, joint }))
}

/// The same by trees, from margins by the guest's own and by the joint ones.
fn class_scores(part: &ModelPart, margins: [Vec<f64>; 2]) -> ClassScores {
    let names = part.class_names().unwrap_or_default().to_vec();
    let [alone, joint] = margins.map(|margins| probabilities_of_rows(&margins, names.len()));
    ClassScores { names, labels: None, alone, joint }
}

/// Judges the scores of a model of several classes where there are labels.
async fn of_classes(
    run: &Run<'_>,
    step: &Step,
    saved: &SavedModel,
    model: &Model,
    table: &Table,
    labels: Option<Labels>,
    scores: Option<ClassScores>,
) -> Result<Scored, JobError> {
    let mut outcome = outcome(saved, model);
    let Some(mut scores) = scores else { return Ok(finished(outcome, saved, table, None)) };
    scores.labels = labels.map(Labels::into_classes);
    if let Some(labels) = &scores.labels {
        if labels.iter().min() == labels.iter().max() {
            run.note(one_label());
        } else {
            outcome.classes = Some(scores.compare(step, labels, table.weight()?).await?);
        }
    }
    let mut scored = finished(outcome, saved, table, None);
    scored.outcome.class_scores = Some(scores);
    Ok(scored)
}

/// What happened, where the job names a label.
enum Labels {
    Classes(Vec<u8>),
    Numbers(Vec<f64>),
    Graded { grades: Vec<f64>, groups: Vec<u32> },
}

impl Labels {
    /// Those of the table; `names` are the classes of a model of several.
    fn of(
        run: &Run<'_>,
        model: &Model,
        names: Option<&[String]>,
        table: &Table,
    ) -> Result<Option<Self>, JobError> {
        if !run.is_guest() || run.job.guest.label.is_none() {
            return Ok(None);
        }
        Ok(Some(match model.target() {
            Target::TwoClasses => Self::Classes(table.label()?),
            Target::Number => Self::Numbers(table.label_values()?.to_vec()),
            Target::SeveralClasses => Self::Classes(table.label_among(names.unwrap_or_default())?),
            Target::Graded => {
                let Some(column) = &run.job.guest.group else {
                    run.note(no_groups());
                    return Ok(None);
                };
                if table.texts(column)?.any(|group| group.is_none()) {
                    run.note(blank_groups(column));
                    return Ok(None);
                }
                let grades = table.label_values()?.to_vec();
                Self::Graded { grades, groups: groups(table, column)? }
            }
            Target::Items => return Ok(None),
        }))
    }

    fn into_classes(self) -> Vec<u8> {
        match self {
            Self::Classes(labels) => labels,
            Self::Numbers(_) | Self::Graded { .. } => Vec::new(),
        }
    }

    fn into_numbers(self) -> Vec<f64> {
        match self {
            Self::Classes(labels) => labels.into_iter().map(f64::from).collect(),
            Self::Numbers(numbers) | Self::Graded { grades: numbers, .. } => numbers,
        }
    }
}

/// The guest's scores of all rows: by its own model, and by the joint one.
struct Pair {
    alone: Vec<f64>,
    joint: Vec<f64>,
}

/// How a model with coefficients makes a mean of its linear predictor.
fn family_of(model: &Model) -> Family {
    match model {
        Model::Regression { of, settings, .. } => regression::family(*of, settings),
        Model::LogisticRegression { .. }
        | Model::MultinomialRegression { .. }
        | Model::BoostedTrees { .. }
        | Model::FactorizationMachine { .. } => Family::Binomial,
    }
}

async fn linear(
    run: &Run<'_>,
    step: &mut Step,
    saved: &SavedModel,
    (family, part): (Family, &LinearPart),
    table: &Table,
) -> Result<Option<Pair>, JobError> {
    let prepared = step.compute(|| Prepared::of(saved, &part.coefficients, table)).await?;
    let (columns, rows) = (prepared.matrix.columns(), table.rows());
    let own = coefficients(&part.coefficients, part.intercept);
    let categories = &prepared.categories;
    let joint = if let Some(woe) = prepared.woe() {
        let session = step.pair()?.fork("score")?;
        let mut party = TwoParty::setup(session, run.ledger.clone()).await?;
        score_with_woe(&mut party, &own, &columns, &woe, rows, SCORES).await?
    } else {
        let mut mine = own.partial_scores(&columns, rows);
        sparse::add_scores(categories, &part.coefficients, &mut mine);
        predictors(run, step, mine, SCORES).await?
    };
    let (Some(joint), Some(alone)) = (joint, &part.alone) else { return Ok(None) };
    let mut predictors =
        coefficients(&alone.coefficients, alone.intercept).partial_scores(&columns, rows);
    sparse::add_scores(categories, &alone.coefficients, &mut predictors);
    let offsets = match &run.job.guest.offset {
        Some(column) => Some(table.numeric(column)?),
        None => None,
    };
    let alone = means(family, predictors, offsets);
    Ok(Some(Pair { alone, joint: means(family, joint, offsets) }))
}

fn coefficients(named: &[Coefficient], intercept: f64) -> Coefficients {
    let weights = named.iter().map(|it| it.weight).collect();
    Coefficients { weights, intercept, passes: 0, converged: true, standard_errors: None }
}

/// A party's features of the new rows, in the order of its coefficients.
struct Prepared {
    matrix: FeatureMatrix,
    /// The sparse categories.
    categories: Vec<Category>,
    /// The part of the host's features whose weight of evidence the guest keeps, if there are any.
    values: Option<Vec<Vec<f64>>>,
    bins: Option<Vec<AnonymousColumn>>,
}

impl Prepared {
    /// The features of these coefficients.
    fn of(
        saved: &SavedModel,
        coefficients: &[Coefficient],
        table: &Table,
    ) -> Result<Self, JobError> {
        let columns = features::columns(table);
        let Some(preparation) = &saved.preparation else {
            return Err(ModelError::InvalidInput("the model prepares nothing".into()).into());
        };
        let mut matrix = preparation.transform(&columns)?;
        let categories = preparation.categories(&columns)?;
        if matrix.rows() != table.rows() {
            // Without plain features it does not know how many rows there are.
            matrix = FeatureMatrix::new(table.rows(), Vec::new())?;
        }
        let (mut values, mut bins) = (None, None);
        if let Some(weighed) = &saved.weighed {
            let binned = binning::apply(&weighed.binnings, &columns, table.rows())?;
            matrix = with_own(&matrix, &weighed.own, &binned)?;
            match (&weighed.feature_of_number, &weighed.bin_of_code) {
                (Some(places), Some(bin_of_code)) => {
                    let anonymity = Anonymity {
                        feature_of_number: places.clone(),
                        bin_of_code: bin_of_code.clone(),
                    };
                    let anonymous = anonymous_columns(&anonymity, &binned)?;
                    let name = |place: &usize| binned.features()[*place].name.clone();
                    let names: Vec<String> = places.iter().map(name).collect();
                    match &weighed.host_values {
                        Some(known) => matrix = with_known(&matrix, &anonymous, &names, known)?,
                        None => bins = Some(anonymous),
                    }
                }
                _ => values.clone_from(&weighed.host_values),
            }
        }
        let place =
            |coefficient: &Coefficient| matrix.names().position(|name| name == coefficient.feature);
        // The host's features with weight of evidence, and levels, are no columns of the matrix.
        let places: Vec<usize> = coefficients.iter().filter_map(place).collect();
        let matrix = matrix.select(&places)?;
        Ok(Self { matrix, categories, values, bins })
    }

    fn woe(&self) -> Option<Woe<'_>> {
        let values = self.values.as_deref().map(Woe::Values);
        values.or_else(|| self.bins.as_deref().map(Woe::Bins))
    }
}

/// The margins of all rows by the guest's own trees and by the joint ones, at the guest.
async fn margins(
    run: &Run<'_>,
    step: &mut Step,
    privacy: &str,
    part: &ModelPart,
    matrix: &BinnedMatrix,
) -> Result<Option<[Vec<f64>; 2]>, JobError> {
    if privacy == STRICT {
        return strict_margins(run, step, part, matrix).await;
    }
    let mut session = step.pair()?.fork("score")?;
    run.record(SCORES, Audience::Guest, matrix.rows())?;
    match part {
        ModelPart::GuestTrees { trees, alone, .. } => {
            let joint =
                score_as_guest(slice::from_mut(&mut session), trees, matrix, &run.ledger).await?;
            let alone = session.compute(|| alone.margins(matrix)).await?;
            Ok(Some([alone, joint]))
        }
        ModelPart::HostTrees { trees, .. } => {
            score_as_host(&mut session, trees, matrix, &run.ledger).await?;
            Ok(None)
        }
        _ => Err(ModelError::InvalidInput("the model's part is damaged".into()).into()),
    }
}

async fn strict_margins(
    run: &Run<'_>,
    step: &mut Step,
    part: &ModelPart,
    matrix: &BinnedMatrix,
) -> Result<Option<[Vec<f64>; 2]>, JobError> {
    let ModelPart::StrictTrees { trees, alone, .. } = part else {
        return Err(ModelError::InvalidInput("the model's part is damaged".into()).into());
    };
    let sums = if run.job.hosts.len() > 1 {
        let parties = Parties::setup(step.fork("score")?, run.ledger.clone()).await?;
        tree_sums(run, step, parties, trees, matrix, SCORES).await?
    } else {
        let session = step.pair()?.fork("score")?;
        let mut party = TwoParty::setup(session, run.ledger.clone()).await?;
        let shares = strict_trees::score(&mut party, trees, matrix).await?;
        learn(&mut party, SCORES, Learner::First, &shares).await?
    };
    let (Some(sums), Some(alone)) = (sums, alone) else { return Ok(None) };
    let alone = step.compute(|| alone.margins(matrix)).await?;
    Ok(Some([alone, trees.margins(&sums)]))
}

/// How good the scores are; nothing where all labels are the same.
async fn judge(
    run: &Run<'_>,
    step: &Step,
    model: &Model,
    table: &Table,
    labels: &Labels,
    [alone, joint]: [&[f64]; 2],
    outcome: &mut ModelOutcome,
) -> Result<(), JobError> {
    let weights = table.weight()?;
    match labels {
        Labels::Graded { grades, groups } => {
            if !grades.iter().all(|grade| is_grade(*grade)) {
                run.note(not_graded());
                return Ok(());
            }
            let orders = [alone, joint];
            outcome.graded = compare_grades(run, step, (grades, groups), orders).await?;
        }
        Labels::Numbers(numbers) => {
            let family = match model {
                Model::BoostedTrees { settings, .. } => boosted_trees::family(settings),
                _ => Some(family_of(model)),
            };
            let family = family.unwrap_or(Family::Gaussian);
            if !numbers.iter().all(|number| family.allows(*number).1) {
                run.note(Text::new(
                    "the label has numbers that such a model cannot predict: the scores are \
                     written, and no metrics",
                    "标签中有此类模型无法预测的数值：仅输出评分，不计算指标",
                ));
                return Ok(());
            }
            let targets = (&numbers[..], weights);
            let predicted = [alone, joint];
            outcome.numeric = Some(compare_predictions(step, family, targets, predicted).await?);
        }
        Labels::Classes(classes) => {
            if check_label_classes("label", classes).is_err() {
                run.note(one_label());
                return Ok(());
            }
            let scores = [alone, joint].map(|test| ModelScores { test, training: None });
            let labels = (&classes[..], weights);
            let comparison = compare_scores(run, step, &outcome.step, labels, scores).await?;
            outcome.comparison = Some(comparison);
        }
    }
    Ok(())
}

fn no_groups() -> Text {
    Text::new(
        "the model orders rows within groups, and the job names no column of them: the scores are \
         written without labels and metrics; add `group:` to the guest",
        "该模型对组内各行排序，而任务未指明分组字段：仅输出评分，不含标签与指标；请在发起方处添加 `group:`",
    )
}

fn blank_groups(column: &str) -> Text {
    Text::owned(
        format!(
            "rows without a value in the group column `{column}` belong to no group: the scores \
             are written without labels and metrics"
        ),
        format!("分组字段 `{column}` 有空值，相应的行不属于任何组：仅输出评分，不含标签与指标"),
    )
}

fn not_graded() -> Text {
    Text::new(
        "the label has values that are no whole numbers from 0 to 31: the scores are written, and \
         no metrics",
        "标签中有不是 0 至 31 整数的取值：仅输出评分，不计算指标",
    )
}

fn one_label() -> Text {
    Text::new(
        "all rows have the same label: the scores are written, and no metrics",
        "所有行的标签相同：仅输出评分，不计算指标",
    )
}

fn outcome(saved: &SavedModel, model: &Model) -> ModelOutcome {
    ModelOutcome {
        step: saved.step.clone(),
        model_id: saved.model_id.clone(),
        component: model.component().name,
        title: model.component().title.clone(),
        privacy: model.privacy().to_owned(),
        settings: model.settings(),
        warm_start: None,
        split: String::new(),
        comparison: None,
        numeric: None,
        classes: None,
        hidden: None,
        graded: None,
        recommendation: None,
        part: saved.part.clone(),
        scores: None,
        class_scores: None,
    }
}

fn finished(
    model: ModelOutcome,
    saved: &SavedModel,
    table: &Table,
    scores: Option<NewScores>,
) -> Scored {
    let outcome = ScoredOutcome {
        model: saved.job.clone(),
        purpose: saved.purpose.clone(),
        digest: saved.digest.to_string(),
        step: saved.step.clone(),
        model_id: saved.model_id.clone(),
        rows: table.rows(),
        scores,
        class_scores: None,
        recommended: None,
    };
    Scored { model, outcome }
}

const STEP: &str = "score";
const AGREEMENT: &str = "score.model";
/// The disclosure of the scores.
const SCORES: &str = "score.rows";
/// The longest name of a model, with the longest names of a step and a split.
const ID_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests;
