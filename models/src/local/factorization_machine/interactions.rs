//! Which users had to do with which items.

use super::matrix::{Matrix, add_scaled};
use crate::ModelError;

/// The items that each user bought, visited or rated: pairs without numbers, each counted once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interactions {
    items: usize,
    /// Where each user's items start in `list`, and its length at the end.
    starts: Vec<usize>,
    list: Vec<u32>,
}

impl Interactions {
    /// From pairs (user, item) in any order, of users below `users` and items below `items`; pairs
    /// that occur more than once count once.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for a user or an item beyond its number.
    pub fn new(
        users: usize,
        items: usize,
        pairs: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<Self, ModelError> {
        let mut pairs: Vec<(u32, u32)> = pairs.into_iter().collect();
        let is_beyond =
            |(user, item): &&(u32, u32)| *user as usize >= users || *item as usize >= items;
        if let Some((user, item)) = pairs.iter().find(is_beyond) {
            return Err(ModelError::InvalidInput(format!(
                "an interaction of user {user} with item {item}, where there are {users} users \
                 and {items} items"
            )));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let start = |user: usize| pairs.partition_point(|pair| (pair.0 as usize) < user);
        let starts = (0..=users).map(start).collect();
        Ok(Self { items, starts, list: pairs.into_iter().map(|(_, item)| item).collect() })
    }

    /// The number of users.
    pub fn users(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of items.
    pub fn items(&self) -> usize {
        self.items
    }

    /// The number of pairs.
    pub fn pairs(&self) -> usize {
        self.list.len()
    }

    /// The items of a user, ascending.
    pub fn of_user(&self, user: usize) -> &[u32] {
        &self.list[self.starts[user]..self.starts[user + 1]]
    }

    /// The share of users that each item has.
    pub(super) fn popularity(&self) -> Vec<f64> {
        let mut counts = vec![0_u32; self.items];
        self.list.iter().for_each(|item| counts[*item as usize] += 1);
        counts.into_iter().map(|count| f64::from(count) / self.users() as f64).collect()
    }

    /// For each user the sum of the rows of its items, less `offset`.
    pub(super) fn gather(&self, rows: &Matrix<f64>, offset: &[f64]) -> Matrix<f64> {
        let mut sums = Matrix::zeros(self.users(), rows.columns());
        for user in 0..self.users() {
            let sum = sums.row_mut(user);
            add_scaled(sum, -1.0, offset);
            self.of_user(user)
                .iter()
                .for_each(|item| add_scaled(sum, 1.0, rows.row(*item as usize)));
        }
        sums
    }

    /// For each item the sum of the rows of its users.
    pub(super) fn scatter(&self, rows: &Matrix<f64>) -> Matrix<f64> {
        let mut sums = Matrix::zeros(self.items, rows.columns());
        for user in 0..self.users() {
            for item in self.of_user(user) {
                add_scaled(sums.row_mut(*item as usize), 1.0, rows.row(user));
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_counted_once() {
        let pairs = [(2, 1), (0, 3), (2, 0), (2, 1), (0, 0)];
        let interactions = Interactions::new(4, 4, pairs).unwrap();
        assert_eq!((interactions.users(), interactions.items(), interactions.pairs()), (4, 4, 4));
        let lists: Vec<&[u32]> = (0..4).map(|user| interactions.of_user(user)).collect();
        assert_eq!(lists, [&[0, 3][..], &[], &[0, 1], &[]]);
        assert_eq!(interactions.popularity(), [0.5, 0.25, 0.0, 0.25]);
    }

    #[test]
    fn pairs_beyond_the_numbers_are_refused() {
        for pair in [(4, 0), (0, 4)] {
            assert!(Interactions::new(4, 4, [pair]).is_err());
        }
    }

    #[test]
    fn sums_over_items_and_users_are_transposes() {
        let interactions = Interactions::new(3, 2, [(0, 0), (0, 1), (2, 1)]).unwrap();
        let rows = Matrix::from_fn(2, 1, |row, _| [1.0, 10.0][row]);
        assert_eq!(interactions.gather(&rows, &[0.5]).entries(), [10.5, -0.5, 9.5]);
        let rows = Matrix::from_fn(3, 1, |row, _| [1.0, 10.0, 100.0][row]);
        assert_eq!(interactions.scatter(&rows).entries(), [1.0, 101.0]);
    }
}
