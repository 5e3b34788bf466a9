//! Stage 4a: a factorisation machine that recommends items, joint and of the guest alone.
//!
//! Every common user trains. The guest alone leaves some interactions out, which the host never
//! hears of: it judges by them, and then recommends to each user items that are new to it, by all
//! of its history. Where the mode lets it, it does so by itself, from all of a user's factors; in
//! `strict` both parties do, on shares ([`strict`]).

mod strict;

use std::collections::HashSet;

use contract::{Audience, STRICT, Text};
use crypto::random::Generator;
use features::FeatureMatrix;
use models::ModelError;
use models::evaluate::recommendation::{Judged, RecommendationComparison, UserFigures};
use models::local::factorization_machine::{
    GuestData, GuestPart, HostPart, Interactions, LeftOut, Settings, best_lists, fit_alone,
};
use models::vertical::factorization_machine::{learn_user_factors, train_as_guest, train_as_host};
use mpc::TwoParty;
use net::Session;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use table::Table;

use super::data::Data;
use super::outcome::ModelPart;
use super::prepare::Prepared;
use super::progress::{Run, Step};
use super::split::public_generator;
use crate::error::JobError;
use crate::interactions::UserItems;
use crate::saved_model::SavedModel;
use crate::spec::{FactorizationMachine, SplitBy, SplitSpec};
use strict::Plan;

/// A guest's part of a model that recommends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestFactors {
    /// The names of the items, in the order of all lists.
    pub items: Vec<String>,
    /// The guest's own features, in the order of their factors.
    pub features: Vec<String>,
    /// Of the joint model.
    pub joint: GuestPart,
    /// Of the guest's own model.
    pub alone: GuestPart,
}

/// A host's part of a model that recommends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFactors {
    /// The host's own features, in the order of their factors.
    pub features: Vec<String>,
    /// Its part of the joint model.
    pub joint: HostPart,
}

/// How good recommendations are, and what they are.
#[derive(Clone, Debug, Serialize)]
pub struct RecommendationOutcome {
    /// Items that can be recommended.
    pub items: usize,
    /// Interactions of common users that the models were fitted on.
    pub interactions: usize,
    /// Interactions that were left out.
    pub left_out: usize,
    /// The models by the interactions that were left out.
    #[serde(flatten)]
    pub comparison: RecommendationComparison,
    /// The same for users by the number of items in their history; none in `strict`.
    pub by_history: Vec<HistoryGroup>,
    /// A list for each common user; none where the job makes no lists.
    #[serde(skip)]
    pub recommended: Option<Recommended>,
}

/// Users with about as many items in their history.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HistoryGroup {
    /// The fewest items.
    pub from: usize,
    /// The most items; none where there is no limit.
    pub to: Option<usize>,
    /// How many users there are.
    pub users: usize,
    /// Mean NDCG of the ranking by popularity.
    pub popularity: f64,
    /// Mean NDCG of the guest's own model.
    pub guest_alone: f64,
    /// Mean NDCG of the joint model.
    pub joint: f64,
}

/// The items that each of some users gets, the best first; users without new items have no line.
#[derive(Clone, Debug, Default)]
pub struct Recommended {
    /// The user, as a place among the common rows.
    pub rows: Vec<u32>,
    /// The place in the list, from 1.
    pub places: Vec<u32>,
    /// The name of the item.
    pub items: Vec<String>,
    /// Its score by the joint model; none where nobody sees it.
    pub joint: Option<Vec<f64>>,
    /// Its score by the guest's own model.
    pub alone: Vec<f64>,
}

impl RecommendationOutcome {
    /// The document of `metrics.json`.
    pub(super) fn metrics(&self) -> Value {
        let mut metrics = json!(self);
        metrics["test_rows"] = json!(self.comparison.joint.figures.users);
        metrics
    }
}

/// Refuses lists that would not fit into memory, before anything of the users is opened for them;
/// both parties know the numbers.
fn check_lists(users: usize, settings: &FactorizationMachine) -> Result<(), JobError> {
    let entries = users.saturating_mul(settings.top as usize);
    if entries <= LIST_ENTRIES_MAX {
        return Ok(());
    }
    Err(ModelError::InvalidInput(format!(
        "{users} common users with {} items each are {entries} entries of lists; at most \
         {LIST_ENTRIES_MAX} are possible; set a smaller `top`",
        settings.top
    ))
    .into())
}

/// The settings as the model takes them.
fn settings_of(settings: &FactorizationMachine) -> Settings {
    Settings {
        factors: settings.factors as usize,
        directions: settings.directions as usize,
        l2: settings.l2,
        hidden: settings.hidden,
        passes: settings.passes as usize,
        ..Settings::default()
    }
}

/// Trains over one step's conversation, and at the guest judges and recommends.
pub(super) async fn train(
    run: &Run<'_>,
    step: &mut Step,
    (mode, settings, spec): (&str, &FactorizationMachine, &SplitSpec),
    data: &Data,
    prepared: &Prepared,
) -> Result<(ModelPart, Option<RecommendationOutcome>), JobError> {
    let (columns, users) = (prepared.matrix.columns(), data.table.rows());
    if mode != STRICT || settings.list_users > 0 {
        check_lists(users, settings)?;
    }
    let plan = if mode == STRICT { Some(Plan::new(run, settings, spec, users)?) } else { None };
    let features: Vec<String> = prepared.matrix.names().map(str::to_owned).collect();
    let of_model = settings_of(settings);
    run.record("train.shape", Audience::All, 1)?;
    let session = step.pair()?;
    let Some(items) = data.interactions() else {
        let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
        let joint = train_as_host(&mut party, &columns, &of_model).await?;
        let own = party.session.compute(|| joint.user_factors(&columns, users)).await?;
        match &plan {
            Some(plan) => plan.answer(run, &mut party, &own).await?,
            None => learn_user_factors(&mut party, USER_FACTORS, own).await.map(|_| ())?,
        }
        return Ok((ModelPart::HostFactors(HostFactors { features, joint }), None));
    };
    let divide = || -> Result<(UserItems, Interactions, LeftOut), JobError> {
        let items = items.frequent(settings.min_item_users as usize);
        let all = interactions(&items)?;
        let left_out = leave_out(run, spec, &items, &all)?;
        Ok((items, all, left_out))
    };
    let (items, all, left_out) = session.compute(divide).await?;
    if let Some(plan) = &plan {
        plan.check(&left_out)?;
    }
    let mut party = TwoParty::setup(session.fork("train")?, run.ledger.clone()).await?;
    let guest =
        GuestData { interactions: &left_out.training, columns: &columns, item_features: &[] };
    let joint = train_as_guest(&mut party, &guest, &of_model).await?;
    let alone = party.session.compute(|| fit_alone(&guest, &of_model)).await?;
    let factors = GuestFactors { items: items.items().to_vec(), features, joint, alone };
    let histories = Histories { all: &all, left_out: &left_out, columns: &columns };
    let outcome = if let Some(plan) = plan {
        plan.ask(&mut party, &factors, histories).await?
    } else {
        let nothing = vec![0.0; users * of_model.factors];
        let theirs = learn_user_factors(&mut party, USER_FACTORS, nothing).await?;
        let (theirs, places) = (theirs.unwrap_or_default(), settings.top as usize);
        party.session.compute(|| factors.judged(histories, &theirs, places)).await?
    };
    Ok((ModelPart::GuestFactors(factors), Some(outcome)))
}

/// Recommends to the users of new tables by a model of an earlier job; `None` at the host.
pub(super) async fn score(
    run: &Run<'_>,
    session: &mut Session,
    saved: &SavedModel,
    (mode, settings): (&str, &FactorizationMachine),
    (table, items): (&Table, Option<&UserItems>),
) -> Result<Option<Recommended>, JobError> {
    check_lists(table.rows(), settings)?;
    let places = settings.top as usize;
    match (&saved.part, items) {
        (ModelPart::GuestFactors(part), Some(items)) => {
            let known = items.among(&part.items);
            note_unknown_items(run, items.pairs() - known.pairs());
            let prepare = || -> Result<_, JobError> {
                Ok((features_of(saved, &part.features, table)?, interactions(&known)?))
            };
            let (matrix, all) = session.compute(prepare).await?;
            let columns = matrix.columns();
            let mut party = TwoParty::setup(session.fork("score")?, run.ledger.clone()).await?;
            if mode == STRICT {
                let lists = strict::lists(run, &mut party, part, (&all, &columns[..]), places);
                return lists.await.map(Some);
            }
            let nothing = vec![0.0; table.rows() * settings.factors as usize];
            let theirs = learn_user_factors(&mut party, SCORED_USER_FACTORS, nothing).await?;
            let theirs = theirs.unwrap_or_default();
            let recommend = || part.recommended(&all, &columns, &theirs, places);
            session.compute(recommend).await.map(Some)
        }
        (ModelPart::HostFactors(part), None) => {
            let factors = || -> Result<_, JobError> {
                let matrix = features_of(saved, &part.features, table)?;
                Ok(part.joint.user_factors(&matrix.columns(), table.rows())?)
            };
            let own = session.compute(factors).await?;
            let mut party = TwoParty::setup(session.fork("score")?, run.ledger.clone()).await?;
            if mode == STRICT {
                strict::answer_lists(run, &mut party, &own, settings).await?;
            } else {
                learn_user_factors(&mut party, SCORED_USER_FACTORS, own).await?;
            }
            Ok(None)
        }
        _ => Err(ModelError::InvalidInput("the model's part is damaged".into()).into()),
    }
}

/// What the guest knows of its users.
#[derive(Clone, Copy)]
struct Histories<'a> {
    all: &'a Interactions,
    left_out: &'a LeftOut,
    columns: &'a [&'a [f64]],
}

impl GuestFactors {
    /// How good the models are by what was left out, and what they recommend.
    fn judged(
        &self,
        Histories { all, left_out, columns }: Histories<'_>,
        theirs: &[f64],
        places: usize,
    ) -> Result<RecommendationOutcome, JobError> {
        let training = &left_out.training;
        let joint = sum(self.joint.user_factors(training, columns)?, theirs);
        let [popularity, guest_alone] = self.judged_alone(left_out, columns, places)?;
        let joint = left_out.judge(&self.joint, &joint, places)?;
        let comparison = RecommendationComparison::new(popularity, guest_alone, joint)?;
        Ok(RecommendationOutcome {
            items: self.items.len(),
            interactions: training.pairs(),
            left_out: all.pairs() - training.pairs(),
            by_history: by_history(left_out, &comparison),
            comparison,
            recommended: Some(self.recommended(all, columns, theirs, places)?),
        })
    }

    /// How good the same list for everybody is, and the guest's own model.
    fn judged_alone(
        &self,
        left_out: &LeftOut,
        columns: &[&[f64]],
        places: usize,
    ) -> Result<[Judged; 2], JobError> {
        let alone = self.alone.user_factors(&left_out.training, columns)?;
        // Without factors of the user what is left of a score is the share of users of the item.
        let nobody = vec![0.0; alone.len()];
        Ok([
            left_out.judge(&self.joint, &nobody, places)?,
            left_out.judge(&self.alone, &alone, places)?,
        ])
    }

    /// A list for each user, by all of its history.
    fn recommended(
        &self,
        all: &Interactions,
        columns: &[&[f64]],
        theirs: &[f64],
        places: usize,
    ) -> Result<Recommended, JobError> {
        let joint = sum(self.joint.user_factors(all, columns)?, theirs);
        let lists = best_lists(&self.joint, &joint, all, places);
        let scores = lists.iter().flatten().map(|(_, score)| *score).collect();
        let items = lists.iter().map(|list| list.iter().map(|(item, _)| *item));
        Ok(Recommended { joint: Some(scores), ..self.named(items, all, columns)? })
    }

    /// Lists with the names of items and their scores by the guest's own model.
    fn named(
        &self,
        lists: impl Iterator<Item = impl Iterator<Item = u32>>,
        all: &Interactions,
        columns: &[&[f64]],
    ) -> Result<Recommended, JobError> {
        let alone = self.alone.user_factors(all, columns)?;
        let factors = alone.chunks_exact(self.alone.offset.len().max(1));
        let mut recommended = Recommended::default();
        for ((row, list), factors) in (0..).zip(lists).zip(factors) {
            for (place, item) in (1..).zip(list) {
                recommended.rows.push(row);
                recommended.places.push(place);
                recommended.items.push(self.items[item as usize].clone());
                recommended.alone.push(self.alone.score(factors, item as usize));
            }
        }
        Ok(recommended)
    }
}

/// The guest's part of the factors of users and the host's.
fn sum(mut own: Vec<f64>, theirs: &[f64]) -> Vec<f64> {
    own.iter_mut().zip(theirs).for_each(|(own, theirs)| *own += theirs);
    own
}

fn interactions(items: &UserItems) -> Result<Interactions, JobError> {
    let pairs = (0..)
        .zip(items.users())
        .flat_map(|(user, items)| items.iter().map(move |(item, _)| (user, *item)));
    Ok(Interactions::new(items.users().len(), items.items().len(), pairs)?)
}

/// What the guest keeps for the test, by the job's public seed or by time.
fn leave_out(
    run: &Run<'_>,
    spec: &SplitSpec,
    items: &UserItems,
    all: &Interactions,
) -> Result<LeftOut, JobError> {
    let mut generator = public_generator(run.job.seed, spec);
    let mut pairs: Vec<(i64, u32, u32)> = Vec::with_capacity(items.pairs());
    for (user, items) in (0..).zip(items.users()) {
        pairs.extend(items.iter().map(|(item, time)| (*time, user, *item)));
    }
    let mut taken: HashSet<(u32, u32)> = HashSet::new();
    let left_out = match spec.by {
        SplitBy::Random | SplitBy::Time => {
            generator.shuffle(&mut pairs);
            if spec.by == SplitBy::Time {
                pairs.sort_by_key(|(time, ..)| *time);
            }
            let count = (spec.test.fraction() * pairs.len() as f64).round() as usize;
            let late = pairs.into_iter().rev().take(count);
            taken.extend(late.map(|(_, user, item)| (user, item)));
            LeftOut::new(all, |user, item| taken.contains(&(user as u32, item)))?
        }
        SplitBy::LeaveOneOut | SplitBy::Stratified if run.job.guest.time.is_some() => {
            note_later_interactions(run);
            for (user, items) in (0..).zip(items.users()).filter(|(_, items)| items.len() >= 2) {
                taken.extend(latest(items, &mut generator).map(|item| (user, item)));
            }
            LeftOut::new(all, |user, item| taken.contains(&(user as u32, item)))?
        }
        SplitBy::LeaveOneOut | SplitBy::Stratified => LeftOut::of(all, &mut generator)?,
    };
    if left_out.users() == 0 {
        return Err(JobError::NothingLeftOut { users: all.users() });
    }
    Ok(left_out)
}

/// The item of the latest time, drawn among those of the same time: by name it would be the same
/// items for every user.
fn latest(items: &[(u32, i64)], generator: &mut Generator) -> Option<u32> {
    let mut items = items.to_vec();
    generator.shuffle(&mut items);
    items.into_iter().max_by_key(|(_, time)| *time).map(|(item, _)| item)
}

/// Mean NDCG of users with short histories and long ones.
fn by_history(left_out: &LeftOut, comparison: &RecommendationComparison) -> Vec<HistoryGroup> {
    /// The fewest items of each group.
    const FROM: [usize; 6] = [0, 2, 4, 8, 16, 32];
    let judged = (0..left_out.items.len()).filter(|user| !left_out.items[*user].is_empty());
    let lengths: Vec<usize> = judged.map(|user| left_out.training.of_user(user).len()).collect();
    let group = |(place, from): (usize, &usize)| {
        let end = FROM.get(place + 1).copied();
        let is_in = |length: usize| length >= *from && end.is_none_or(|end| length < end);
        let users = lengths.iter().filter(|length| is_in(**length)).count();
        let mean = |figures: &[UserFigures]| {
            let of_group = lengths.iter().zip(figures).filter(|(length, _)| is_in(**length));
            of_group.map(|(_, figures)| figures.ndcg).sum::<f64>() / users as f64
        };
        let RecommendationComparison { popularity, guest_alone, joint, .. } = comparison;
        (users > 0).then(|| HistoryGroup {
            from: *from,
            to: end.map(|end| end - 1),
            users,
            popularity: mean(&popularity.figures.by_user),
            guest_alone: mean(&guest_alone.figures.by_user),
            joint: mean(&joint.figures.by_user),
        })
    };
    FROM.iter().enumerate().filter_map(group).collect()
}

/// The party's features of new users, in the order of their factors.
fn features_of(
    saved: &SavedModel,
    names: &[String],
    table: &Table,
) -> Result<FeatureMatrix, JobError> {
    let Some(preparation) = &saved.preparation else {
        return Err(ModelError::InvalidInput("the model prepares nothing".into()).into());
    };
    let matrix = preparation.transform(&features::columns(table))?;
    let place = |name: &String| matrix.names().position(|it| it == name);
    let places: Vec<usize> = names.iter().filter_map(place).collect();
    Ok(matrix.select(&places)?)
}

/// With the latest item of each user left out, what others did later is trained on.
fn note_later_interactions(run: &Run<'_>) {
    run.note(Text::new(
        "the latest item of each user is left out, and what other users did later is trained on: \
         figures of a model that knows a little of the future; a split `by: time` has none of it",
        "留出的是每个用户最新的物品，而其他用户此后的交互仍参与训练，因此指标略含未来信息；`by: time` 划分没有此问题",
    ));
}

fn note_unknown_items(run: &Run<'_>, count: usize) {
    if count > 0 {
        run.note(Text::owned(
            format!("{count} interactions are with items that the model does not know"),
            format!("{count} 条交互涉及模型未知的物品，不予考虑"),
        ));
    }
}

/// Most entries of all lists together.
const LIST_ENTRIES_MAX: usize = 100_000_000;
/// The disclosure of the host's part of users' factors in training.
const USER_FACTORS: &str = "train.user_factors";
/// The same in scoring.
const SCORED_USER_FACTORS: &str = "score.user_factors";

#[cfg(test)]
mod tests;
