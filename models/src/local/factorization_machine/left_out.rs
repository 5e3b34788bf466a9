//! Items of users left out, to see where a model ranks them, and the lists that users would get.

use crypto::random::Generator;
use rayon::prelude::*;

use super::{GuestPart, Interactions};
use crate::ModelError;
use crate::evaluate::EvaluateError;
use crate::evaluate::recommendation::{Judged, RankedUser, Recommendations};

/// Interactions without some items, and these items.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// What is left.
    pub training: Interactions,
    /// For each user the items that were taken away, ascending.
    pub items: Vec<Vec<u32>>,
}

impl LeftOut {
    /// Takes the items of users away for which `is_taken` says so, by the places of user and item.
    ///
    /// # Errors
    /// None in fact: what is left is as valid as the whole.
    pub fn new(
        all: &Interactions,
        is_taken: impl Fn(usize, u32) -> bool,
    ) -> Result<Self, ModelError> {
        let (mut items, mut left) = (Vec::with_capacity(all.users()), Vec::new());
        for user in 0..all.users() {
            let own = all.of_user(user).iter().copied();
            let (taken, kept): (Vec<u32>, Vec<u32>) = own.partition(|item| is_taken(user, *item));
            items.push(taken);
            left.extend(kept.into_iter().map(|item| (user as u32, item)));
        }
        Ok(Self { training: Interactions::new(all.users(), all.items(), left)?, items })
    }

    /// Takes an item at random from each user with at least two.
    ///
    /// # Errors
    /// As [`LeftOut::new`].
    pub fn of(all: &Interactions, rng: &mut Generator) -> Result<Self, ModelError> {
        let mut choose = |user: usize| {
            let own = all.of_user(user);
            (own.len() >= 2).then(|| own[rng.below(own.len() as u64) as usize])
        };
        let items: Vec<Option<u32>> = (0..all.users()).map(&mut choose).collect();
        Self::new(all, |user, item| items[user] == Some(item))
    }

    /// The same of these users alone, in this order.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for users that there are not.
    pub fn of_users(&self, users: &[u32]) -> Result<Self, ModelError> {
        if users.iter().any(|user| *user as usize >= self.items.len()) {
            let count = self.items.len();
            return Err(ModelError::InvalidInput(format!("users beyond the {count} there are")));
        }
        let pairs = (0..).zip(users).flat_map(|(place, user)| {
            self.training.of_user(*user as usize).iter().map(move |item| (place, *item))
        });
        Ok(Self {
            training: Interactions::new(users.len(), self.training.items(), pairs)?,
            items: users.iter().map(|user| self.items[*user as usize].clone()).collect(),
        })
    }

    /// The number of users of whom something was taken away.
    pub fn users(&self) -> usize {
        self.items.iter().filter(|items| !items.is_empty()).count()
    }

    /// How well the items that were left out of a user's history are ranked among all items that
    /// are not in it, by a model and the k factors of each user.
    ///
    /// # Errors
    /// [`EvaluateError`] for scores that are not finite, or no places.
    pub fn judge(
        &self,
        part: &GuestPart,
        user_factors: &[f64],
        places: usize,
    ) -> Result<Judged, EvaluateError> {
        let mut figures = Recommendations::new(places)?;
        let mut is_shown = vec![false; self.training.items()];
        let judged: Vec<usize> =
            (0..self.items.len()).filter(|user| !self.items[*user].is_empty()).collect();
        for users in judged.chunks(USERS_AT_ONCE) {
            let ranked = |user: &usize| self.ranked(part, user_factors, *user, places);
            let ranked: Result<Vec<(RankedUser, Vec<u32>)>, EvaluateError> =
                users.par_iter().map(ranked).collect();
            for (ranked, best) in ranked? {
                figures.add_ranked(&ranked);
                for item in &best {
                    is_shown[*item as usize] = true;
                }
            }
        }
        let shown = is_shown.iter().filter(|is_shown| **is_shown).count();
        let coverage = shown as f64 / is_shown.len().max(1) as f64;
        Ok(Judged { figures: figures.finish()?, coverage: Some(coverage) })
    }

    /// All items that are not in a user's history, and the first ones by score.
    fn ranked(
        &self,
        part: &GuestPart,
        factors: &[f64],
        user: usize,
        places: usize,
    ) -> Result<(RankedUser, Vec<u32>), EvaluateError> {
        let (k, left_out) = (part.offset.len(), &self.items[user]);
        let scores = part.scores(&factors[user * k..][..k]);
        let own = self.training.of_user(user);
        let is_new = |item: &u32| own.binary_search(item).is_err();
        let candidates: Vec<u32> = (0..scores.len() as u32).filter(is_new).collect();
        let of_new: Vec<f64> = candidates.iter().map(|item| scores[*item as usize]).collect();
        let relevant: Vec<bool> =
            candidates.iter().map(|item| left_out.binary_search(item).is_ok()).collect();
        let ranked = RankedUser::new(places, &of_new, &relevant)?;
        Ok((ranked, best_items(&scores, own, places)))
    }
}

/// Users whose ranked items are in memory at the same time.
const USERS_AT_ONCE: usize = 4096;

/// For each user the `places` best items that are not in its history, with their scores.
/// `user_factors` are k numbers for each user.
pub fn best_lists(
    part: &GuestPart,
    user_factors: &[f64],
    histories: &Interactions,
    places: usize,
) -> Vec<Vec<(u32, f64)>> {
    let of_user = |(user, factors): (usize, &[f64])| {
        let scores = part.scores(factors);
        let best = best_items(&scores, histories.of_user(user), places);
        best.into_iter().map(|item| (item, scores[item as usize])).collect()
    };
    let factors = user_factors.par_chunks_exact(part.offset.len().max(1));
    factors.take(histories.users()).enumerate().map(of_user).collect()
}

/// The `places` items with the highest scores that are not in a user's history (ascending), the
/// best first; of equal ones those that come first among the items.
pub fn best_items(scores: &[f64], history: &[u32], places: usize) -> Vec<u32> {
    let is_new = |item: &u32| history.binary_search(item).is_err();
    let mut items: Vec<u32> = (0..scores.len() as u32).filter(is_new).collect();
    let by_score = |left: &u32, right: &u32| {
        let [left_score, right_score] = [left, right].map(|item| scores[*item as usize]);
        right_score.total_cmp(&left_score).then(left.cmp(right))
    };
    if places > 0 && places < items.len() {
        items.select_nth_unstable_by(places - 1, by_score);
    }
    items.truncate(places);
    items.sort_unstable_by(by_score);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_of_each_user_with_two_is_left_out() {
        let pairs = [(0, 0), (0, 1), (0, 3), (1, 2), (3, 0), (3, 1)];
        let all = Interactions::new(4, 4, pairs).unwrap();
        let left_out = LeftOut::of(&all, &mut Generator::from_seed([1; 32])).unwrap();
        let users: Vec<usize> = left_out.items.iter().map(Vec::len).collect();
        assert_eq!((users, left_out.users()), (vec![1, 0, 0, 1], 2));
        for user in 0..4 {
            let mut together = left_out.training.of_user(user).to_vec();
            together.extend(&left_out.items[user]);
            together.sort_unstable();
            assert_eq!(together, all.of_user(user));
        }
    }

    #[test]
    fn candidates_are_all_items_that_the_history_lacks() {
        let training = Interactions::new(2, 3, [(0, 0), (1, 1)]).unwrap();
        let left_out = LeftOut { training, items: vec![vec![2], Vec::new()] };
        let part = GuestPart {
            item_biases: vec![9.0, 0.5, 0.0],
            item_factors: vec![0.0, 0.0, 1.0],
            history_factors: vec![0.0; 3],
            column_factors: Vec::new(),
            offset: vec![0.0],
        };
        // The item of the history, with the highest score, is no candidate; item 2 scores 0.25
        // and is second, or 0.75 and first.
        for (factor, hit) in [(0.25, 0.0), (0.75, 1.0)] {
            let found = left_out.judge(&part, &[factor, 0.0], 1).unwrap();
            assert_eq!((found.figures.users, found.figures.auc), (1, Some(hit)));
            assert!((found.figures.hit_rate - hit).abs() < 1e-12);
            assert!(
                (found.coverage.unwrap() - 1.0 / 3.0).abs() < 1e-12,
                "one item of three is shown"
            );
        }
    }

    #[test]
    fn lists_hold_the_best_new_items_in_order() {
        let scores = [0.5, 0.9, 0.1, 0.5, 0.7, 0.5];
        assert_eq!(best_items(&scores, &[1], 3), [4, 0, 3]);
        assert_eq!(best_items(&scores, &[0, 1, 3, 4], 3), [5, 2]);
        assert!(best_items(&scores, &[0, 1, 2, 3, 4, 5], 3).is_empty());
        assert!(best_items(&scores, &[], 0).is_empty());
    }
}
