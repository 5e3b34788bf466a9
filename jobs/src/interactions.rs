//! A guest's table of interactions, in which a user has a row for each item, as a table of users
//! and the items of each.
//!
//! A row without an item says that there is such a user, and no more. Other columns of the table
//! say something about the user; all its rows agree on them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use contract::Text;
use matching::idmap::{DuplicateKeys, KeyRule};
use table::{Role, Table, Values};

use crate::error::JobError;
use crate::open_table::KeyReader;
use crate::spec::PartySpec;

/// What users did with items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserItems {
    /// The names of the items, in their order.
    items: Vec<String>,
    /// For each user the places of its items, ascending, and when they were first taken, since they
    /// were new to the user then; without times 0.
    users: Vec<Vec<(u32, i64)>>,
}

/// A table of interactions, taken apart.
#[derive(Debug)]
pub(crate) struct Users {
    /// A row for each user: its key, and columns that say something about it.
    pub(crate) table: Table,
    /// Its items.
    pub(crate) items: UserItems,
    /// What was read, for people.
    pub(crate) note: Text,
}

impl Users {
    /// Takes the table of a party with `item` apart; rows belong to one user if they have one key.
    ///
    /// # Errors
    /// [`JobError::Matching`] for keys that the job's policy refuses; [`JobError::NotOfUser`] for a
    /// column that differs among the rows of a user; [`JobError::Table`].
    pub(crate) fn of(
        table: &Table,
        party: &PartySpec,
        item: &str,
        reader: &KeyReader,
    ) -> Result<Self, JobError> {
        // Rows of one key are one user here, whatever the policy for them.
        let rule = KeyRule { duplicates: DuplicateKeys::First, ..reader.rule().clone() };
        let invalid = reader.clone().with_rule(rule).keys(table)?.invalid_rows();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut first_rows: Vec<u32> = Vec::new();
        let mut user_of_row = Vec::with_capacity(table.rows());
        for (row, text) in (0..).zip(table.texts(&party.key.column)?) {
            let key = reader.key(text.unwrap_or_default());
            user_of_row.push(key.map(|key| {
                *places.entry(key.into_owned()).or_insert_with(|| {
                    first_rows.push(row);
                    first_rows.len() - 1
                })
            }));
        }
        let columns = table.schema().columns().iter().zip(table.values());
        for (column, values) in columns.clone().filter(|(column, _)| column.role == Role::Feature) {
            check_constant(&column.name, values, &user_of_row, &first_rows)?;
        }
        let items = UserItems::of(table, party, item, (&user_of_row, first_rows.len()))?;
        let kept = columns.map(|(column, _)| column);
        let kept = kept.filter(|column| matches!(column.role, Role::Id | Role::Feature));
        let names: Vec<&str> = kept.map(|column| column.name.as_str()).collect();
        let note = note(table.rows(), &items, invalid);
        Ok(Self { table: table.select(&names)?.take(&first_rows)?, items, note })
    }
}

impl UserItems {
    fn of(
        table: &Table,
        party: &PartySpec,
        item: &str,
        (user_of_row, users_count): (&[Option<usize>], usize),
    ) -> Result<Self, JobError> {
        let times = match party.time {
            Some(_) => Some(table.time()?),
            None => None,
        };
        let names: Vec<Option<&str>> = table
            .texts(item)?
            .map(|name| name.map(str::trim).filter(|name| !name.is_empty()))
            .collect();
        let mut places: BTreeMap<&str, u32> =
            names.iter().flatten().map(|name| (*name, 0)).collect();
        for (number, place) in (0..).zip(places.values_mut()) {
            *place = number;
        }
        let mut users: Vec<BTreeMap<u32, i64>> = vec![BTreeMap::new(); users_count];
        for (row, name) in names.iter().enumerate() {
            let place = name.and_then(|name| places.get(name));
            let (Some(user), Some(place)) = (user_of_row[row], place) else { continue };
            let time = times.as_ref().map_or(0, |times| times[row]);
            let first = users[user].entry(*place).or_insert(time);
            *first = time.min(*first);
        }
        Ok(Self {
            items: places.into_keys().map(str::to_owned).collect(),
            users: users.into_iter().map(|items| items.into_iter().collect()).collect(),
        })
    }

    /// The names of the items.
    pub(crate) fn items(&self) -> &[String] {
        &self.items
    }

    /// For each user the places of its items, ascending, and when they were first taken.
    pub(crate) fn users(&self) -> &[Vec<(u32, i64)>] {
        &self.users
    }

    /// Pairs of user and item, each once.
    pub(crate) fn pairs(&self) -> usize {
        self.users.iter().map(Vec::len).sum()
    }

    /// Those of these users, in this order; positions that are no user are left out.
    pub(crate) fn take(&self, order: &[u32]) -> Self {
        let users = order.iter().filter_map(|place| self.users.get(*place as usize));
        Self { items: self.items.clone(), users: users.cloned().collect() }
    }

    /// Those with the items of this list alone, at their places in it.
    pub(crate) fn among(&self, items: &[String]) -> Self {
        let known: HashMap<&str, u32> = items.iter().map(String::as_str).zip(0..).collect();
        let place = |item: u32| known.get(self.items[item as usize].as_str()).copied();
        let of_user = |own: &Vec<(u32, i64)>| {
            let mut own: Vec<(u32, i64)> =
                own.iter().filter_map(|(item, time)| Some((place(*item)?, *time))).collect();
            own.sort_unstable();
            own
        };
        Self { items: items.to_vec(), users: self.users.iter().map(of_user).collect() }
    }

    /// Those with the items that at least `users_min` of the users have.
    pub(crate) fn frequent(&self, users_min: usize) -> Self {
        let mut counts = vec![0_usize; self.items.len()];
        for (item, _) in self.users.iter().flatten() {
            counts[*item as usize] += 1;
        }
        let items = self.items.iter().zip(counts).filter(|(_, count)| *count >= users_min);
        self.among(&items.map(|(item, _)| item.clone()).collect::<Vec<String>>())
    }
}

/// All rows of a user have one value in a column that says something about it.
fn check_constant(
    column: &str,
    values: &Values,
    user_of_row: &[Option<usize>],
    first_rows: &[u32],
) -> Result<(), JobError> {
    let is_same = |row: usize, first: usize| match values {
        Values::Numeric(numbers) => {
            let [one, other] = [row, first].map(|row| numbers.values()[row]);
            // As numbers: 0 and -0 are one value.
            one.partial_cmp(&other).is_some_and(Ordering::is_eq) || (one.is_nan() && other.is_nan())
        }
        other => other.text(row) == other.text(first),
    };
    for (row, user) in user_of_row.iter().enumerate() {
        let Some(first) = user.map(|user| first_rows[user] as usize) else { continue };
        if !is_same(row, first) {
            let (rows, column) = ([first + 1, row + 1], column.to_owned());
            return Err(JobError::NotOfUser { column, rows });
        }
    }
    Ok(())
}

fn note(rows: usize, items: &UserItems, invalid: usize) -> Text {
    let (pairs, users, catalogue) = (items.pairs(), items.users().len(), items.items().len());
    Text::owned(
        format!(
            "{rows} rows are {pairs} interactions of {users} users with {catalogue} items; \
             {invalid} rows without a valid key are left out"
        ),
        format!(
            "{rows} 行为 {users} 个用户与 {catalogue} 个物品的 {pairs} 条交互；{invalid} 行因键无效而未参与"
        ),
    )
}

#[cfg(test)]
mod tests;
