//! At which place the item that was left out stands, summed over all users.

use std::ops::Range;

use crypto::random::Generator;
use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::known::{Factors, multiply_by};
use mpc::multiplication::multiply;
use mpc::reveal::{Learner, learn};

use super::products::{Ask, BITS, Products, Scale};
use super::rounds::{DIFFERENCE_BITS, numbers, signs};
use super::{Catalogue, JUDGED_MAX, PAIRS, Shape, Side, USERS_MIN, agree};
use crate::ModelError;
use crate::evaluate::recommendation::{
    PairedDifference, PairedDifferences, Recommendation, UserFigures,
};

/// The disclosure of the figures.
pub const FIGURES: &str = "evaluate.ranking";

/// Fractional bits of a user's figures.
const FIGURE_BITS: u32 = 20;
/// Fractional bits of a user's share of pairs.
const SHARE_BITS: u32 = 40;
/// Fractional bits of the sum of differences of AUC that is opened.
const SUM_BITS: u32 = 16;
/// Fractional bits of sums of squares that are opened.
const SQUARE_BITS: u32 = 14;
/// More than the number of items: added to the rank of a user who is not judged.
const UNJUDGED: u64 = 1 << 17;
/// Bits of such a rank, with a sign.
const RANK_BITS: usize = 19;
/// More than the error of a shortened difference of scores.
const TIE: u64 = 3;
/// Users whose figures are computed at once at most, which bounds memory.
const BATCH: usize = 1 << 14;
/// More than what rounding adds to a sum over [`JUDGED_MAX`] users of numbers of at most 1.
const ROUNDED_MAX: f64 = 4.0;

/// The item of a user that was left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeftOutItem {
    /// Its place among the items.
    pub item: u32,
    /// How the guest's own model ranks it.
    pub alone: UserFigures,
}

/// How good rankings are that nobody saw.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenRanking {
    /// The figures, without those of single users.
    pub joint: Recommendation,
    /// How they differ from those of the guest's own model.
    pub differences: PairedDifferences,
}

/// What the guest knows of the users who are judged: nothing of the others.
struct Judged<'a> {
    left_out: &'a [Option<LeftOutItem>],
    /// For each user the pairs of the item with another one.
    pairs: Vec<usize>,
}

/// Shares of sums over users.
struct Sums {
    /// Users whose item is among so many places, for each number of places.
    counts: Vec<u64>,
    /// Of the differences of AUC from the guest's own model, in 2^-20.
    auc: u64,
    /// Of squared differences of AUC, NDCG and hit rate from it, in 2^-40.
    squares: [u64; 3],
}

/// Shares of some users' figures: NDCG, hit rate and AUC less those of the guest's own model, in
/// 2^-20.
struct Distances {
    counts: Vec<u64>,
    ndcg: Vec<u64>,
    hit_rate: Vec<u64>,
    auc: Vec<u64>,
}

/// Judges the ranking of the item that was left out of each user among all that were not taken, at
/// so many `places`. The guest passes for each user such an item, or none, and gets the figures;
/// the host passes nothing and gets `None`.
///
/// # Errors
/// [`ModelError::InvalidInput`] for parts that do not fit together, fewer than [`USERS_MIN`] users
/// with an item left out, or more than [`JUDGED_MAX`] users; [`ModelError::Secure`] when the peer
/// fails or misbehaves, or [`FIGURES`] is not declared.
#[net::boxed]
pub async fn judge(
    party: &mut TwoParty,
    side: &Side<'_>,
    left_out: &[Option<LeftOutItem>],
    places: usize,
) -> Result<Option<HiddenRanking>, ModelError> {
    let judged = side.guest().map(|catalogue| Judged::new(catalogue, left_out)).transpose()?;
    let shape = agree(party, side, places).await?;
    if !(USERS_MIN..=JUDGED_MAX).contains(&shape.users) {
        // All that the host can tell: it does not see which of them are judged.
        return Err(ModelError::InvalidInput(format!(
            "{} users are to be judged; needed are at least {USERS_MIN}, since figures over fewer \
             tell about single users, and at most {JUDGED_MAX}",
            shape.users
        )));
    }
    let scale = Scale::of(party, side).await?;
    let mut ranks = Vec::with_capacity(shape.users);
    for group in shape.groups() {
        party.session.report_progress(group.start, shape.users);
        let products = Products::prepare(party, side, scale.as_ref(), shape, &group).await?;
        let asked = match (side.guest(), &scale) {
            (Some(catalogue), Some(scale)) => {
                let mut rng = party.session.rng();
                let ask = || ask(catalogue, scale, left_out, &group, &mut rng);
                party.session.compute(ask).await
            }
            _ => (Vec::new(), Vec::new()),
        };
        ranks.extend(ranks_of(party, &products, shape.items, group.len(), asked).await?);
    }
    let sums = sums(party, shape, &ranks, judged.as_ref()).await?;
    let opened = open(party, &sums).await?;
    let figures = judged.zip(opened).map(|(judged, opened)| judged.figures(&opened, places));
    let figures = figures.transpose();
    figures.map_err(|rule| party.session.misbehaved("share", rule).into())
}

/// What the guest asks for, item after item: how far the item that was left out is above the other
/// one; and what it adds to its shares. An item that does not count is below it by a constant. Of
/// items with the same score a share that is drawn for each user is above it: so many of n as in an
/// order that is drawn among all orders, each number from 0 to n alike.
fn ask(
    catalogue: &Catalogue<'_>,
    scale: &Scale<'_>,
    left_out: &[Option<LeftOutItem>],
    group: &Range<usize>,
    rng: &mut Generator,
) -> (Vec<Ask>, Vec<u64>) {
    let own = |user: usize, item: u32| catalogue.own(user, item as usize);
    let wanted: Vec<Option<(u32, f64)>> =
        group.clone().map(|user| left_out[user].map(|it| (it.item, own(user, it.item)))).collect();
    let limits: Vec<u64> = group.clone().map(|_| rng.next_u64()).collect();
    let (mut asks, mut added) = (Vec::new(), Vec::new());
    for item in 0..catalogue.part.item_biases.len() as u32 {
        for ((user, wanted), limit) in group.clone().zip(&wanted).zip(&limits) {
            let counts = |wanted: &&(u32, f64)| {
                wanted.0 != item && catalogue.taken[user].binary_search(&item).is_err()
            };
            let Some((wanted, of_wanted)) = wanted.as_ref().filter(counts) else {
                asks.push(Ask::default());
                added.push(4 << BITS);
                continue;
            };
            let own = scale.whole(user, of_wanted - own(user, item));
            asks.push(Ask { plus: Some(*wanted), minus: Some(item), own });
            added.push(if rng.next_u64() < *limit { TIE } else { TIE.wrapping_neg() });
        }
    }
    (asks, added)
}

/// Shares of the number of items before the one that was left out, for each user of a group.
async fn ranks_of(
    party: &mut TwoParty,
    products: &Products<'_>,
    items: usize,
    users: usize,
    (asks, added): (Vec<Ask>, Vec<u64>),
) -> Result<Vec<u64>, ModelError> {
    let mut distances = products.evaluate(party, items, &asks).await?;
    for (distance, added) in distances.iter_mut().zip(added) {
        *distance = distance.wrapping_add(added);
    }
    let is_before = signs(party, &distances, DIFFERENCE_BITS).await?;
    let before = numbers(party, &is_before).await?;
    let mut ranks = vec![0_u64; users];
    for item in before.chunks(users) {
        add(&mut ranks, item);
    }
    Ok(ranks)
}

/// Sums over all users, from shares of the number of items before the one that was left out.
async fn sums(
    party: &mut TwoParty,
    shape: Shape,
    ranks: &[u64],
    judged: Option<&Judged<'_>>,
) -> Result<Sums, ModelError> {
    let mut sums = Sums { counts: vec![0; shape.places], auc: 0, squares: [0; 3] };
    let step = (PAIRS / shape.places).clamp(1, BATCH);
    for start in (0..shape.users).step_by(step) {
        let users = start..shape.users.min(start + step);
        let of_users = ranks[users.clone()].to_vec();
        let judged = judged.map(|judged| judged.of(users));
        let distances = distances(party, shape.places, of_users, judged.as_ref()).await?;
        add(&mut sums.counts, &distances.counts);
        sums.auc = sums.auc.wrapping_add(sum(&distances.auc));
        let Distances { ndcg, hit_rate, auc, .. } = distances;
        for (total, figures) in sums.squares.iter_mut().zip([auc, ndcg, hit_rate]) {
            let squares = multiply(party, &figures, &figures).await?;
            *total = total.wrapping_add(sum(&squares));
        }
    }
    Ok(sums)
}

/// Some users' figures, from their ranks.
async fn distances(
    party: &mut TwoParty,
    places: usize,
    mut ranks: Vec<u64>,
    judged: Option<&Judged<'_>>,
) -> Result<Distances, ModelError> {
    let users = ranks.len();
    let factors: Option<Vec<i64>> = judged.map(Judged::shares_of_pairs);
    let factors = factors.as_deref().map_or(Factors::Theirs, Factors::Own);
    let lost = multiply_by(party, factors, SHARE_BITS + 2, &ranks).await?;
    let lost = truncate(party, &lost, SHARE_BITS - FIGURE_BITS).await?;
    if let Some(judged) = judged {
        judged.put_others_last(&mut ranks);
    }
    let mut moved = Vec::with_capacity(places * users);
    for place in 1..=places as u64 {
        let place = party.share_of_public(place);
        moved.extend(ranks.iter().map(|rank| rank.wrapping_sub(place)));
    }
    let is_within = signs(party, &moved, RANK_BITS).await?;
    let within = numbers(party, &is_within).await?;
    let mut ndcg = vec![0_u64; users];
    let mut counts = Vec::with_capacity(places);
    for (place, within) in within.chunks(users).enumerate() {
        counts.push(sum(within));
        let step = gain(place) - if place + 1 < places { gain(place + 1) } else { 0 };
        let gained: Vec<u64> = within.iter().map(|within| within.wrapping_mul(step)).collect();
        add(&mut ndcg, &gained);
    }
    let last = within.chunks(users).next_back().unwrap_or_default();
    let hit_rate = last.iter().map(|within| within << FIGURE_BITS).collect();
    let auc = lost.iter().map(|lost| lost.wrapping_neg()).collect();
    let mut distances = Distances { counts, ndcg, hit_rate, auc };
    if let Some(judged) = judged {
        judged.take_off_own(&mut distances);
    }
    Ok(distances)
}

/// The guest learns the counts, the sum of differences of AUC, and the sums of squares of all
/// differences.
async fn open(party: &mut TwoParty, sums: &Sums) -> Result<Option<Vec<u64>>, ModelError> {
    let squares = truncate(party, &sums.squares, 2 * FIGURE_BITS - SQUARE_BITS).await?;
    let auc = truncate(party, &[sums.auc], FIGURE_BITS - SUM_BITS).await?;
    let all = [&sums.counts[..], &auc, &squares].concat();
    Ok(learn(party, FIGURES, Learner::First, &all).await?)
}

impl<'a> Judged<'a> {
    /// Refuses what cannot be judged.
    fn new(
        catalogue: &Catalogue<'_>,
        left_out: &'a [Option<LeftOutItem>],
    ) -> Result<Self, ModelError> {
        let items = catalogue.part.item_biases.len();
        let fits = |(left_out, taken): (&Option<LeftOutItem>, &&[u32])| {
            left_out.is_none_or(|LeftOutItem { item, alone }| {
                (item as usize) < items
                    && taken.binary_search(&item).is_err()
                    && [alone.ndcg, alone.hit_rate, alone.auc.unwrap_or(0.0)]
                        .iter()
                        .all(|figure| (0.0..=1.0).contains(figure))
            })
        };
        let (count, users) = (left_out.iter().flatten().count(), catalogue.taken.len());
        let refused = |problem: String| Err(ModelError::InvalidInput(problem));
        if left_out.len() != users {
            let given = left_out.len();
            return refused(format!("there are {users} users, and items left out of {given}"));
        }
        if !left_out.iter().zip(catalogue.taken).all(fits) {
            return refused(format!(
                "an item that is left out is in its user's history or none of {items}, or a figure \
                 of the guest's own model is not from 0 to 1"
            ));
        }
        if count < USERS_MIN {
            return refused(format!(
                "of {count} of {users} users an item is left out; at least {USERS_MIN} are needed, \
                 since figures over fewer tell about single users"
            ));
        }
        let pairs = |(left_out, taken): (&Option<LeftOutItem>, &&[u32])| {
            left_out.map_or(0, |_| items.saturating_sub(taken.len() + 1))
        };
        Ok(Self { left_out, pairs: left_out.iter().zip(catalogue.taken).map(pairs).collect() })
    }

    /// Of these users alone.
    fn of(&self, users: Range<usize>) -> Self {
        Self { left_out: &self.left_out[users.clone()], pairs: self.pairs[users].to_vec() }
    }

    /// What an item before the one that was left out costs a user's AUC, in 2^-40.
    fn shares_of_pairs(&self) -> Vec<i64> {
        let one = f64::from(SHARE_BITS).exp2();
        let share = |pairs: &usize| if *pairs == 0 { 0.0 } else { one / *pairs as f64 };
        self.pairs.iter().map(|pairs| share(pairs).round() as i64).collect()
    }

    /// Users who are not judged have their item at none of the places.
    fn put_others_last(&self, ranks: &mut [u64]) {
        for (rank, left_out) in ranks.iter_mut().zip(self.left_out) {
            *rank = rank.wrapping_add(if left_out.is_some() { 0 } else { UNJUDGED });
        }
    }

    /// Takes the figures of the guest's own model off; an AUC is 1 less what was lost.
    fn take_off_own(&self, distances: &mut Distances) {
        let whole = |figure: f64| (figure * f64::from(FIGURE_BITS).exp2()).round() as i64 as u64;
        for (user, left_out) in self.left_out.iter().enumerate() {
            let Some(LeftOutItem { alone, .. }) = left_out else { continue };
            let Distances { ndcg, hit_rate, auc, .. } = &mut *distances;
            ndcg[user] = ndcg[user].wrapping_sub(whole(alone.ndcg));
            hit_rate[user] = hit_rate[user].wrapping_sub(whole(alone.hit_rate));
            let lost = alone.auc.filter(|_| self.pairs[user] > 0).map_or(0.0, |auc| 1.0 - auc);
            auc[user] = auc[user].wrapping_add(whole(lost));
        }
    }

    /// The figures from what was opened; the rule that the peer broke where it is impossible.
    fn figures(&self, opened: &[u64], k: usize) -> Result<HiddenRanking, String> {
        let own: Vec<&LeftOutItem> = self.left_out.iter().flatten().collect();
        let users = own.len();
        let Some((counts, [auc, squares @ ..])) = opened.split_last_chunk::<4>() else {
            return Err("figures of at least one place".to_owned());
        };
        if !counts.is_sorted() || counts.iter().any(|count| *count > users as u64) {
            return Err("users with their item among the places are no more than users".to_owned());
        }
        let hits: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
        let before = [0.0].into_iter().chain(hits.iter().copied());
        let gains = hits.iter().zip(before).enumerate();
        let unit = f64::from(FIGURE_BITS).exp2();
        let ndcg: f64 =
            gains.map(|(it, (hits, less))| (hits - less) * gain(it) as f64 / unit).sum();
        let hit_rate = hits.last().copied().unwrap_or(0.0);
        let signed = |word: u64, bits: u32| word as i64 as f64 / f64::from(bits).exp2();
        let alone =
            |figure: fn(&UserFigures) -> f64| own.iter().map(|it| figure(&it.alone)).sum::<f64>();
        let with_auc = self.pairs.iter().filter(|pairs| **pairs > 0).count();
        let auc_gain = signed(*auc, SUM_BITS);
        let auc = own.iter().filter_map(|it| it.alone.auc).sum::<f64>() + auc_gain;
        let squares = squares.map(|square| signed(square, SQUARE_BITS));
        let is_sum = |sum: &f64| (-ROUNDED_MAX..=users as f64 + ROUNDED_MAX).contains(sum);
        if !is_sum(&auc) || !squares.iter().all(is_sum) {
            return Err("sums of AUC and of squared differences are no more than users".to_owned());
        }
        let difference =
            |count, sum, square: usize| PairedDifference::of_sums(count, sum, squares[square]);
        let hit_rates = (0..k).map(|it| hits.get(it).copied().unwrap_or(hit_rate) / users as f64);
        Ok(HiddenRanking {
            differences: PairedDifferences {
                auc: difference(with_auc, auc_gain, 0),
                ndcg: difference(users, ndcg - alone(|it| it.ndcg), 1),
                hit_rate: difference(users, hit_rate - alone(|it| it.hit_rate), 2),
            },
            joint: Recommendation {
                k,
                users,
                users_left_out: self.left_out.len() - users,
                auc: (with_auc > 0).then(|| auc / with_auc as f64),
                ndcg: ndcg / users as f64,
                hit_rate: hit_rate / users as f64,
                hit_rates: hit_rates.collect(),
                by_user: Vec::new(),
            },
        })
    }
}

/// What the item at a place, counted from 0, gains, in 2^-20.
fn gain(place: usize) -> u64 {
    (f64::from(FIGURE_BITS).exp2() / (place as f64 + 2.0).log2()).round() as u64
}

fn add(sums: &mut [u64], terms: &[u64]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = sum.wrapping_add(*term));
}

fn sum(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}
