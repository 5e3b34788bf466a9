//! One item of each user left out, to see where a model ranks it.

use crypto::random::Generator;

use super::{GuestPart, Interactions};
use crate::ModelError;
use crate::evaluate::EvaluateError;
use crate::evaluate::recommendation::{Recommendation, Recommendations};

/// Interactions without one item of each user that has two or more, and these items.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// What is left.
    pub training: Interactions,
    /// For each user the item that was taken away, if one was.
    pub items: Vec<Option<u32>>,
}

impl LeftOut {
    /// Takes an item at random from each user with at least two.
    ///
    /// # Errors
    /// None in fact: what is left is as valid as the whole.
    pub fn of(all: &Interactions, rng: &mut Generator) -> Result<Self, ModelError> {
        let choose = |user: usize| {
            let own = all.of_user(user);
            (own.len() >= 2).then(|| own[rng.below(own.len() as u64) as usize])
        };
        let items: Vec<Option<u32>> = (0..all.users()).map(choose).collect();
        let left = (0..all.users()).flat_map(|user| {
            let taken = items[user];
            let own = all.of_user(user).iter().filter(move |item| taken != Some(**item));
            own.map(move |item| (user as u32, *item))
        });
        let training = Interactions::new(all.users(), all.items(), left)?;
        Ok(Self { training, items })
    }

    /// How well the item that was left out of a user's history is ranked among all items that are
    /// not in it, by a model and the k factors of each user.
    ///
    /// # Errors
    /// [`EvaluateError`] for scores that are not finite, or no places.
    pub fn judge(
        &self,
        part: &GuestPart,
        user_factors: &[f64],
        places: usize,
    ) -> Result<Recommendation, EvaluateError> {
        let mut users = Recommendations::new(places)?;
        let factors = user_factors.chunks_exact(part.offset.len().max(1));
        for ((user, factors), left_out) in factors.enumerate().zip(&self.items) {
            let Some(left_out) = left_out else { continue };
            let scores = part.scores(factors);
            let own = self.training.of_user(user);
            let candidates: Vec<u32> =
                (0..scores.len() as u32).filter(|item| own.binary_search(item).is_err()).collect();
            let of_candidates: Vec<f64> =
                candidates.iter().map(|item| scores[*item as usize]).collect();
            let relevant: Vec<bool> = candidates.iter().map(|item| item == left_out).collect();
            users.add(&of_candidates, &relevant)?;
        }
        users.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_of_each_user_with_two_is_left_out() {
        let pairs = [(0, 0), (0, 1), (0, 3), (1, 2), (3, 0), (3, 1)];
        let all = Interactions::new(4, 4, pairs).unwrap();
        let left_out = LeftOut::of(&all, &mut Generator::from_seed([1; 32])).unwrap();
        let users: Vec<bool> = left_out.items.iter().map(Option::is_some).collect();
        assert_eq!(users, [true, false, false, true]);
        for user in 0..4 {
            let mut together = left_out.training.of_user(user).to_vec();
            together.extend(left_out.items[user]);
            together.sort_unstable();
            assert_eq!(together, all.of_user(user));
        }
    }

    #[test]
    fn candidates_are_all_items_that_the_history_lacks() {
        let training = Interactions::new(2, 3, [(0, 0), (1, 1)]).unwrap();
        let left_out = LeftOut { training, items: vec![Some(2), None] };
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
            assert_eq!((found.users, found.auc), (1, Some(hit)));
            assert!((found.hit_rate - hit).abs() < 1e-12);
        }
    }
}
