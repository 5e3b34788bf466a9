//! Recommendation in `strict`: figures over test users, and lists, from scores that nobody sees.

use contract::{Audience, Text};
use crypto::hash;
use crypto::random::Generator;
use models::ModelError;
use models::evaluate::recommendation::{Judged, RecommendationComparison};
use models::local::factorization_machine::{Interactions, LeftOut};
use models::vertical::hidden_ranking::{
    Catalogue, FACTOR_MAX, HiddenRanking, ITEMS_MAX, LeftOutItem, Side, USERS_MIN, judge, list,
};
use mpc::TwoParty;

use super::{GuestFactors, Histories, RecommendationOutcome, Recommended};
use crate::error::JobError;
use crate::run::progress::Run;
use crate::spec::{FactorizationMachine, SplitSpec};

/// What both parties know of the test and the lists before they train.
pub(super) struct Plan {
    /// The users among whom some are judged, ascending.
    sample: Vec<u32>,
    users: usize,
    factors: usize,
    places: usize,
    makes_lists: bool,
}

impl Plan {
    /// Draws the test users by the job's public seed; refuses lists that cost more than the job
    /// says.
    pub(super) fn new(
        run: &Run<'_>,
        settings: &FactorizationMachine,
        spec: &SplitSpec,
        users: usize,
    ) -> Result<Self, JobError> {
        let (most, makes_lists) = (settings.list_users as usize, settings.list_users > 0);
        if makes_lists && users > most {
            return Err(ModelError::InvalidInput(format!(
                "{users} common users are to get lists, and `list_users` is {most}: in `strict` \
                 each list takes some 0.7 kB for each item of the guest, with 142 items 0.1 MB; \
                 set `list_users` higher, or to 0 and let a job with `score` make lists for the \
                 users who need one"
            ))
            .into());
        }
        if users < USERS_MIN {
            return Err(ModelError::InvalidInput(format!(
                "{users} common users; `strict` judges at least {USERS_MIN}, since figures over \
                 fewer tell about single users; look at the columns `key`"
            ))
            .into());
        }
        let mut sample: Vec<u32> = (0..users as u32).collect();
        let count = settings.test_users as usize;
        if users > count {
            // Another number is another sample: samples that differ by one user would tell of it.
            let of_job = [run.job.seed, count as u64].map(u64::to_le_bytes);
            let parts: [&[u8]; 2] = [of_job.as_flattened(), spec.name.as_bytes()];
            Generator::from_seed(hash::digest("jobs/run/test_users", &parts)).shuffle(&mut sample);
            sample.truncate(count);
            sample.sort_unstable();
            run.note(Text::owned(
                format!("figures are of a random sample of {count} of {users} common users"),
                format!("指标取自 {users} 个共有用户中随机抽取的 {count} 个"),
            ));
        }
        run.record("train.ranking_shape", Audience::All, 1)?;
        Ok(Self {
            sample,
            users,
            factors: settings.factors as usize,
            places: settings.top as usize,
            makes_lists,
        })
    }

    /// Refuses a test that would tell about single users, and more items than can be compared,
    /// before anything is trained for it.
    pub(super) fn check(&self, left_out: &LeftOut) -> Result<(), JobError> {
        let items = left_out.training.items();
        if items > ITEMS_MAX {
            return Err(ModelError::InvalidInput(format!(
                "{items} items; `strict` compares at most {ITEMS_MAX} for each user; set \
                 `min_item_users` higher, which leaves rare items out"
            ))
            .into());
        }
        let is_judged = |user: &&u32| !left_out.items[**user as usize].is_empty();
        let count = self.sample.iter().filter(is_judged).count();
        if count >= USERS_MIN {
            return Ok(());
        }
        // Where all users are test users a larger sample is none.
        let advice =
            if self.sample.len() < self.users { "set `test_users` higher, or " } else { "" };
        Err(ModelError::InvalidInput(format!(
            "of {count} of {} test users an item can be left out; `strict` judges at least \
             {USERS_MIN}, since figures over fewer tell about single users; {advice}look at \
             columns `key` and `item`",
            self.sample.len()
        ))
        .into())
    }

    /// The host's side.
    pub(super) async fn answer(
        &self,
        run: &Run<'_>,
        party: &mut TwoParty,
        own: &[f64],
    ) -> Result<(), JobError> {
        let factors = self.factors;
        note_large_factors(run, own, factors);
        let of_sample = rows(own, &self.sample, self.users);
        let side = Side::Host { user_factors: &of_sample, factors };
        judge(party, &side, &[], self.places).await?;
        if self.makes_lists {
            let side = Side::Host { user_factors: own, factors };
            list(party, &side, LISTS, self.places).await?;
        }
        Ok(())
    }

    /// The guest's side.
    pub(super) async fn ask(
        &self,
        party: &mut TwoParty,
        factors: &GuestFactors,
        histories: Histories<'_>,
    ) -> Result<RecommendationOutcome, JobError> {
        let Histories { all, left_out, columns } = histories;
        let training = &left_out.training;
        let comparison = self.judged(party, factors, (left_out, columns)).await?;
        let mut recommended = None;
        if self.makes_lists {
            let lists = lists_of(party, factors, (all, columns), LISTS, self.places).await?;
            recommended = Some(lists);
        }
        Ok(RecommendationOutcome {
            items: factors.items.len(),
            interactions: training.pairs(),
            left_out: all.pairs() - training.pairs(),
            by_history: Vec::new(),
            comparison,
            recommended,
        })
    }

    /// The three models by the test users.
    async fn judged(
        &self,
        party: &mut TwoParty,
        factors: &GuestFactors,
        (left_out, columns): (&LeftOut, &[&[f64]]),
    ) -> Result<RecommendationComparison, JobError> {
        let prepare = || -> Result<_, JobError> {
            let own = factors.joint.user_factors(&left_out.training, columns)?;
            let left_out = left_out.of_users(&self.sample)?;
            let columns: Vec<Vec<f64>> =
                columns.iter().map(|column| rows(column, &self.sample, self.users)).collect();
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let judged = factors.judged_alone(&left_out, &columns, self.places)?;
            Ok((rows(&own, &self.sample, self.users), left_out, judged))
        };
        let (own, left_out, [popularity, guest_alone]) = party.session.compute(prepare).await?;
        let taken = histories_of(&left_out.training);
        let catalogue = Catalogue { part: &factors.joint, user_factors: &own, taken: &taken };
        let mut alone = guest_alone.figures.by_user.iter();
        let wanted = |items: &Vec<u32>| {
            let item = *items.first()?;
            Some(LeftOutItem { item, alone: *alone.next()? })
        };
        let wanted: Vec<Option<LeftOutItem>> = left_out.items.iter().map(wanted).collect();
        let judged = judge(party, &Side::Guest(catalogue), &wanted, self.places).await?;
        let Some(HiddenRanking { joint, differences }) = judged else {
            return Err(ModelError::InvalidInput("the guest gets the figures".to_owned()).into());
        };
        let joint = Judged { figures: joint, coverage: None };
        Ok(RecommendationComparison { popularity, guest_alone, joint, differences })
    }
}

/// Lists for the users of new tables, at the guest.
pub(super) async fn lists(
    run: &Run<'_>,
    party: &mut TwoParty,
    factors: &GuestFactors,
    users: (&Interactions, &[&[f64]]),
    places: usize,
) -> Result<Recommended, JobError> {
    run.record("score.items", Audience::All, 1)?;
    lists_of(party, factors, users, SCORED_LISTS, places).await
}

/// The same at the host.
pub(super) async fn answer_lists(
    run: &Run<'_>,
    party: &mut TwoParty,
    own: &[f64],
    settings: &FactorizationMachine,
) -> Result<(), JobError> {
    run.record("score.items", Audience::All, 1)?;
    note_large_factors(run, own, settings.factors as usize);
    let side = Side::Host { user_factors: own, factors: settings.factors as usize };
    list(party, &side, SCORED_LISTS, settings.top as usize).await?;
    Ok(())
}

/// A list for each user, by all of its history.
async fn lists_of(
    party: &mut TwoParty,
    factors: &GuestFactors,
    (all, columns): (&Interactions, &[&[f64]]),
    key: &str,
    places: usize,
) -> Result<Recommended, JobError> {
    let own = party.session.compute(|| factors.joint.user_factors(all, columns)).await?;
    let taken = histories_of(all);
    let catalogue = Catalogue { part: &factors.joint, user_factors: &own, taken: &taken };
    let lists = list(party, &Side::Guest(catalogue), key, places).await?.unwrap_or_default();
    let name = || factors.named(lists.into_iter().map(Vec::into_iter), all, columns);
    party.session.compute(name).await
}

/// Tells the host of users who are ranked by other factors than those of its model.
fn note_large_factors(run: &Run<'_>, own: &[f64], factors: usize) {
    let is_large = |user: &&[f64]| user.iter().any(|factor| factor.abs() > FACTOR_MAX);
    let count = own.chunks_exact(factors.max(1)).filter(is_large).count();
    if count > 0 {
        run.note(Text::owned(
            format!(
                "of {count} users a factor of yours is beyond ±{FACTOR_MAX} and counts as that \
                 when items are compared; clip outliers of your columns"
            ),
            format!(
                "{count} 个用户有己方因子超出 ±{FACTOR_MAX}，比较物品时按 ±{FACTOR_MAX} 计；请对己方列的异常值截尾"
            ),
        ));
    }
}

fn histories_of(interactions: &Interactions) -> Vec<&[u32]> {
    (0..interactions.users()).map(|user| interactions.of_user(user)).collect()
}

/// The numbers of these users, of as many for each of all users.
fn rows(all: &[f64], users: &[u32], count: usize) -> Vec<f64> {
    let width = all.len() / count.max(1);
    users.iter().flat_map(|user| &all[*user as usize * width..][..width]).copied().collect()
}

/// The disclosure of lists in training.
const LISTS: &str = "train.lists";
/// The same in scoring.
const SCORED_LISTS: &str = "score.lists";
