//! How well a user's items are ranked: AUC, NDCG@k and HR@k, averaged over users.
//!
//! For each user there is a list of candidates (usually all items that are not in its history),
//! each with a score, some of which are *relevant* (the user took them later). With the
//! candidates in descending order of score:
//!
//! - *AUC*: the share of pairs of a relevant and another candidate in which the relevant one has
//!   the higher score, ties counting half;
//! - *NDCG@k*: `Σ 1/log2(place + 1)` over the relevant candidates among the first k places, counted
//!   from 1, divided by the largest value it could have (Järvelin and Kekäläinen, ACM TOIS 2002,
//!   with relevance 0 or 1);
//! - *HR@k* (hit rate): whether a relevant candidate is among the first k places. With one relevant
//!   item a user, as when one is left out, it is also recall@k.
//!
//! Where scores are equal, each figure is its expected value over all orders of the tied
//! candidates, so that a constant score gets what chance would. Lists are taken in full: no
//! sample of candidates, which would give other figures (Krichene and Rendle, KDD 2020). Users
//! without a relevant candidate have no figures; they are counted and left out. A user whose
//! candidates are all relevant has NDCG and HR, and no AUC.

use serde::{Deserialize, Serialize};

use super::ranking::descending;
use super::{EvaluateError, check_scores};

/// The mean figures of some users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The number of places that are looked at.
    pub k: usize,
    /// Users with a relevant candidate, over whom NDCG and HR are averaged.
    pub users: usize,
    /// Users without one.
    pub users_left_out: usize,
    /// Mean AUC of the users with candidates of both kinds; none where no user has them.
    pub auc: Option<f64>,
    /// Mean NDCG@k.
    pub ndcg: f64,
    /// Mean HR@k.
    pub hit_rate: f64,
    /// Mean HR of the first place, of the first two, and so on up to k.
    pub hit_rates: Vec<f64>,
    /// The figures of each of the `users`, in the order in which they were added.
    #[serde(skip)]
    pub by_user: Vec<UserFigures>,
}

/// The figures of a user with a relevant candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UserFigures {
    /// AUC; none where all candidates are relevant.
    pub auc: Option<f64>,
    /// NDCG@k.
    pub ndcg: f64,
    /// HR@k.
    pub hit_rate: f64,
}

/// Takes users one by one.
#[derive(Clone, Debug)]
pub struct Recommendations {
    k: usize,
    users_left_out: usize,
    by_user: Vec<UserFigures>,
    /// The sums of hit rates at 1, 2, … k places.
    hits: Vec<f64>,
}

/// How one user's candidates are ranked.
#[derive(Clone, Debug)]
pub struct RankedUser {
    /// None without a relevant candidate.
    figures: Option<UserFigures>,
    /// The hit rates at 1, 2, … k places.
    hits: Vec<f64>,
}

/// How a model ranks what its users took, and how much of the catalogue it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The figures of the rankings.
    #[serde(flatten)]
    pub figures: Recommendation,
    /// The share of all items that are among the first k candidates of some judged user; none of a
    /// ranking that nobody saw.
    pub coverage: Option<f64>,
}

/// Three models that rank the same candidates of the same users.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecommendationComparison {
    /// The same order for everybody: the items that most users have first.
    pub popularity: Judged,
    /// The guest's own model.
    pub guest_alone: Judged,
    /// The joint model.
    pub joint: Judged,
    /// How the joint model differs from the guest's own.
    pub differences: PairedDifferences,
}

/// Differences of mean figures over the same users, second model minus first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedDifferences {
    /// Of AUC.
    pub auc: Option<PairedDifference>,
    /// Of NDCG@k.
    pub ndcg: Option<PairedDifference>,
    /// Of HR@k.
    pub hit_rate: Option<PairedDifference>,
}

/// A mean of differences with its 95 % interval by the normal approximation: users are
/// independent, and there are many ([`INTERVAL_USERS_MIN`] at least).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedDifference {
    /// The mean over the users.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Of fewer users there is no interval: the normal approximation would be too narrow.
pub const INTERVAL_USERS_MIN: usize = 30;

/// Candidates of equal score.
struct Tie {
    /// Places before them.
    before: usize,
    count: usize,
    relevant: usize,
}

impl Recommendations {
    /// Figures at the first `k` places.
    ///
    /// # Errors
    /// [`EvaluateError::Setting`] for no places.
    pub fn new(k: usize) -> Result<Self, EvaluateError> {
        if k == 0 {
            return Err(EvaluateError::setting("k", &k, "a number of places, at least 1"));
        }
        let hits = vec![0.0; k];
        Ok(Self { k, users_left_out: 0, by_user: Vec::new(), hits })
    }

    /// Adds a user, with the score of each candidate and whether it is relevant.
    ///
    /// # Errors
    /// [`EvaluateError`] for columns of different lengths or scores that are not finite.
    pub fn add(&mut self, scores: &[f64], relevant: &[bool]) -> Result<(), EvaluateError> {
        self.add_ranked(&RankedUser::new(self.k, scores, relevant)?);
        Ok(())
    }

    /// Adds a user whose candidates are ranked already, for as many places.
    pub fn add_ranked(&mut self, RankedUser { figures, hits }: &RankedUser) {
        self.hits.iter_mut().zip(hits).for_each(|(sum, hits)| *sum += hits);
        self.users_left_out += usize::from(figures.is_none());
        self.by_user.extend(figures);
    }

    /// The means.
    ///
    /// # Errors
    /// [`EvaluateError::NoRows`] where no user had a relevant candidate.
    pub fn finish(self) -> Result<Recommendation, EvaluateError> {
        let Self { k, users_left_out, by_user, hits } = self;
        if by_user.is_empty() {
            return Err(EvaluateError::NoRows);
        }
        let users = by_user.len() as f64;
        let with_auc: Vec<f64> = by_user.iter().filter_map(|user| user.auc).collect();
        let mean =
            |figure: fn(&UserFigures) -> f64| by_user.iter().map(figure).sum::<f64>() / users;
        Ok(Recommendation {
            k,
            users: by_user.len(),
            users_left_out,
            auc: (!with_auc.is_empty())
                .then(|| with_auc.iter().sum::<f64>() / with_auc.len() as f64),
            ndcg: mean(|user| user.ndcg),
            hit_rate: mean(|user| user.hit_rate),
            hit_rates: hits.into_iter().map(|hits| hits / users).collect(),
            by_user,
        })
    }
}

impl RankedUser {
    /// The figures at the first `k` places of a user with the score of each candidate and whether
    /// it is relevant.
    ///
    /// # Errors
    /// [`EvaluateError`] for columns of different lengths or scores that are not finite.
    pub fn new(k: usize, scores: &[f64], relevant: &[bool]) -> Result<Self, EvaluateError> {
        if relevant.len() != scores.len() {
            let (scores, other) = (scores.len(), relevant.len());
            return Err(EvaluateError::LengthsDiffer { scores, what: "candidates", other });
        }
        check_scores(scores)?;
        let total = relevant.iter().filter(|relevant| **relevant).count();
        if total == 0 {
            return Ok(Self { figures: None, hits: Vec::new() });
        }
        let ties = ties(scores, relevant);
        let gained = ties.iter().map(|tie| tie.gain(k)).sum::<f64>();
        let figures = UserFigures {
            auc: (total < scores.len()).then(|| auc(&ties, total, scores.len() - total)),
            ndcg: gained / gain(0, total.min(k)),
            hit_rate: hit_rate(&ties, k),
        };
        let hits = (1..=k).map(|places| hit_rate(&ties, places)).collect();
        Ok(Self { figures: Some(figures), hits })
    }
}

impl RecommendationComparison {
    /// Sets the models side by side; all three ranked the same users in the same order.
    ///
    /// # Errors
    /// [`EvaluateError::LengthsDiffer`] if they did not.
    pub fn new(
        popularity: Judged,
        guest_alone: Judged,
        joint: Judged,
    ) -> Result<Self, EvaluateError> {
        let [first, second] = [&guest_alone, &joint].map(|judged| &judged.figures.by_user);
        for other in [first, &popularity.figures.by_user] {
            if other.len() != second.len() {
                let (scores, other) = (second.len(), other.len());
                return Err(EvaluateError::LengthsDiffer { scores, what: "users", other });
            }
        }
        let pairs = || first.iter().zip(second);
        let of = |figure: fn(&UserFigures) -> Option<f64>| {
            let both = |(first, second)| Some(figure(second)? - figure(first)?);
            PairedDifference::of(&pairs().filter_map(both).collect::<Vec<f64>>())
        };
        let differences = PairedDifferences {
            auc: of(|user| user.auc),
            ndcg: of(|user| Some(user.ndcg)),
            hit_rate: of(|user| Some(user.hit_rate)),
        };
        Ok(Self { popularity, guest_alone, joint, differences })
    }
}

impl PairedDifference {
    /// The quantile of the normal distribution that leaves 2.5 % beyond it.
    const NORMAL_975: f64 = 1.959_964;

    /// Of the differences of single users; none of fewer than [`INTERVAL_USERS_MIN`].
    fn of(differences: &[f64]) -> Option<Self> {
        let value = differences.iter().sum::<f64>() / differences.len() as f64;
        let squares = differences.iter().map(|it| (it - value).powi(2)).sum::<f64>();
        Self::about(differences.len(), value, squares)
    }

    /// Of the sum of so many differences and that of their squares.
    pub(crate) fn of_sums(count: usize, sum: f64, squares: f64) -> Option<Self> {
        let value = sum / count as f64;
        Self::about(count, value, (squares - sum * value).max(0.0))
    }

    /// Of a mean and the sum of squared distances from it.
    fn about(count: usize, value: f64, squares: f64) -> Option<Self> {
        if count < INTERVAL_USERS_MIN {
            return None;
        }
        let count = count as f64;
        let half = Self::NORMAL_975 * (squares / (count - 1.0) / count).sqrt();
        Some(Self { value, low: value - half, high: value + half })
    }
}

impl Tie {
    /// The expected sum of `1/log2(place + 1)` of its relevant candidates at the first `k` places.
    fn gain(&self, k: usize) -> f64 {
        let end = (self.before + self.count).min(k);
        let share = self.relevant as f64 / self.count as f64;
        if end > self.before { share * gain(self.before, end) } else { 0.0 }
    }
}

/// Groups of equal scores, the highest first.
#[expect(clippy::float_cmp, reason = "exactly equal scores are ties")]
fn ties(scores: &[f64], relevant: &[bool]) -> Vec<Tie> {
    let order = descending(scores);
    let mut ties = Vec::new();
    let mut before = 0;
    for group in order.chunk_by(|left, right| scores[*left as usize] == scores[*right as usize]) {
        let relevant = group.iter().filter(|place| relevant[**place as usize]).count();
        ties.push(Tie { before, count: group.len(), relevant });
        before += group.len();
    }
    ties
}

/// The sum of `1/log2(place + 1)` over places, of which `start` come before and `end` up to the
/// last.
fn gain(start: usize, end: usize) -> f64 {
    (start..end).map(|before| 1.0 / (before as f64 + 2.0).log2()).sum()
}

/// The probability that a relevant candidate is among the first `k`.
fn hit_rate(ties: &[Tie], k: usize) -> f64 {
    let Some(tie) = ties.iter().find(|tie| tie.relevant > 0) else { return 0.0 };
    let places = k.saturating_sub(tie.before).min(tie.count);
    // All places go to the others: Π (others - i)/(count - i).
    let others = tie.count - tie.relevant;
    let missed: f64 = (0..places)
        .map(|taken| others.saturating_sub(taken) as f64 / (tie.count - taken) as f64)
        .product();
    1.0 - missed
}

fn auc(ties: &[Tie], relevant: usize, others: usize) -> f64 {
    let mut above = 0.0;
    let mut others_left = others as f64;
    for tie in ties {
        let others = (tie.count - tie.relevant) as f64;
        others_left -= others;
        above += tie.relevant as f64 * (others_left + others / 2.0);
    }
    above / (relevant as f64 * others as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evaluate::{Ranking, discrimination};

    fn figures(k: usize, scores: &[f64], relevant: &[bool]) -> Recommendation {
        let mut users = Recommendations::new(k).unwrap();
        users.add(scores, relevant).unwrap();
        users.finish().unwrap()
    }

    #[test]
    fn figures_of_a_list_without_ties() {
        // Order: c (relevant), a, d (relevant), b.
        let found = figures(3, &[0.5, 0.1, 0.9, 0.3], &[false, false, true, true]);
        assert!((found.auc.unwrap() - 0.75).abs() < 1e-12);
        let ideal = 1.0 + 1.0 / 3_f64.log2();
        assert!((found.ndcg - 1.5 / ideal).abs() < 1e-12);
        assert!((found.hit_rate - 1.0).abs() < 1e-12);
        let first = figures(1, &[0.5, 0.1, 0.9, 0.3], &[true, false, false, false]);
        assert!(first.ndcg.abs() < 1e-12 && first.hit_rate.abs() < 1e-12);
    }

    #[test]
    fn figures_without_meaning_are_left_out_or_refused() {
        assert!(matches!(Recommendations::new(0), Err(EvaluateError::Setting { .. })));
        let mut users = Recommendations::new(2).unwrap();
        assert!(users.add(&[1.0], &[true, false]).is_err());
        assert!(users.add(&[f64::NAN], &[true]).is_err());
        users.add(&[1.0, 2.0], &[false, false]).unwrap();
        users.add(&[], &[]).unwrap();
        assert_eq!(users.clone().finish(), Err(EvaluateError::NoRows));
        users.add(&[1.0, 2.0], &[true, true]).unwrap();
        let found = users.finish().unwrap();
        assert_eq!((found.users, found.users_left_out, found.auc), (1, 2, None));
        assert!((found.ndcg - 1.0).abs() < 1e-12 && (found.hit_rate - 1.0).abs() < 1e-12);
    }

    #[test]
    fn hit_rates_rise_with_the_places() {
        // The relevant candidate is tied for the second and third place.
        let found = figures(4, &[0.9, 0.5, 0.5, 0.1], &[false, true, false, false]);
        for (found, expected) in found.hit_rates.iter().zip([0.0, 0.5, 1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
        assert!((found.hit_rates[3] - found.hit_rate).abs() < 1e-12);
    }

    #[test]
    fn differences_are_those_of_the_same_users() {
        let judged = |relevant: &[usize]| {
            let mut users = Recommendations::new(1).unwrap();
            for place in relevant {
                let is_relevant: Vec<bool> = (0..3).map(|it| it == *place).collect();
                users.add(&[3.0, 2.0, 1.0], &is_relevant).unwrap();
            }
            Judged { figures: users.finish().unwrap(), coverage: None }
        };
        let [alone, joint] = [[0, 1, 2, 1], [0, 0, 2, 0]].map(|it| judged(&it.repeat(8)));
        let compared = RecommendationComparison::new(alone.clone(), alone, joint).unwrap();
        // Every second user gains a hit: 16 differences of 0 and 16 of 1, a variance of 8/31.
        let PairedDifference { value, low, high } = compared.differences.hit_rate.unwrap();
        let half = 1.959_964 * (8.0_f64 / 31.0 / 32.0).sqrt();
        assert!((value - 0.5).abs() < 1e-12);
        assert!((low - (0.5 - half)).abs() < 1e-12 && (high - (0.5 + half)).abs() < 1e-12);
        assert!((compared.differences.auc.unwrap().value - 0.25).abs() < 1e-12);
        let [few, enough] = [29, 30].map(|users| judged(&vec![0; users]));
        let of = |alone: &Judged, joint: &Judged| {
            RecommendationComparison::new(alone.clone(), alone.clone(), joint.clone())
        };
        assert!(of(&few, &enough).is_err());
        assert_eq!(of(&few, &few).unwrap().differences.ndcg, None);
        assert!(of(&enough, &enough).unwrap().differences.ndcg.is_some());
    }

    /// All orders of up to six tied and untied candidates, one by one.
    fn by_all_orders(k: usize, scores: &[f64], relevant: &[bool]) -> [f64; 2] {
        fn visit(left: &mut Vec<usize>, taken: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
            if left.is_empty() {
                found.push(taken.clone());
            }
            for index in 0..left.len() {
                let place = left.remove(index);
                taken.push(place);
                visit(left, taken, found);
                taken.pop();
                left.insert(index, place);
            }
        }
        let mut orders = Vec::new();
        visit(&mut (0..scores.len()).collect(), &mut Vec::new(), &mut orders);
        orders.retain(|order| order.is_sorted_by(|left, right| scores[*left] >= scores[*right]));
        let total = relevant.iter().filter(|relevant| **relevant).count();
        let ideal: f64 = (0..total.min(k)).map(|place| 1.0 / (place as f64 + 2.0).log2()).sum();
        let mut sums = [0.0; 2];
        for order in &orders {
            let hits = order.iter().take(k).enumerate().filter(|(_, place)| relevant[**place]);
            let gains: Vec<f64> =
                hits.map(|(place, _)| 1.0 / (place as f64 + 2.0).log2()).collect();
            sums[0] += gains.iter().sum::<f64>() / ideal;
            sums[1] += f64::from(u8::from(!gains.is_empty()));
        }
        sums.map(|sum| sum / orders.len() as f64)
    }

    proptest! {
        #[test]
        fn ties_count_as_expected_over_their_orders(
            scores in prop::collection::vec(0_i32..3, 1..6),
            relevant in prop::collection::vec(any::<bool>(), 6),
            k in 1_usize..8,
        ) {
            let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
            let relevant = &relevant[..scores.len()];
            prop_assume!(relevant.contains(&true));
            let found = figures(k, &scores, relevant);
            let [ndcg, hit_rate] = by_all_orders(k, &scores, relevant);
            prop_assert!((found.ndcg - ndcg).abs() < 1e-9);
            prop_assert!((found.hit_rate - hit_rate).abs() < 1e-9);
            let labels: Vec<u8> = relevant.iter().map(|relevant| u8::from(*relevant)).collect();
            let expected = Ranking::new(&scores, &labels, None).ok();
            let expected = expected.map(|ranking| discrimination::auc(&ranking));
            prop_assert!(found.auc.zip(expected).is_none_or(|(a, b)| (a - b).abs() < 1e-9));
            prop_assert_eq!(found.auc.is_some(), expected.is_some());
        }
    }
}
