//! Rankings of a guest's items for each user, without anybody seeing a score or a user's factors.
//!
//! # Functionality
//! The guest (first party) has its part of a factorisation machine and its own part of each user's
//! factors, the host (second party) its part of the same users' factors, in the same order. The
//! score of an item is `b_i + ⟨g_u + h_u, q_i⟩`, of which the guest knows all but `h_u`.
//! [`judge`] gives the guest figures over all users of whom it left an item out: how many of them
//! have that item at each of the first places, its mean AUC, and how far apart these figures of a
//! user are from those of the guest's own model, squared. [`list`] gives the guest for each user
//! the best items that are not in its history, in order, without scores.
//! # Messages
//! 1. `shape` both ways: numbers of users, factors and places, and of the guest's items
//! 2. for each group of users `public_key`, `factors` host → guest: its part of the users' factors,
//!    encrypted, each factor a vector over the users (`crypto::lattice::slots`)
//! 3. `products` guest → host: for each user inner products with vectors that the guest chooses,
//!    masked; back from the prime to words by `mpc::conversion`
//! 4. the figures: `mpc::comparison` of the item that was left out with every other one, counts of
//!    the results (`mpc::conversion`), comparisons of the counts with each place, products with
//!    factors of the guest (`mpc::known`) and squares (`mpc::multiplication`); `share` host →
//!    guest, of the sums over all users
//! 5. the lists: knock-out rounds (`mpc::comparison`, `mpc::conversion`) in blocks of about √items
//!    items, and then for each place among the winners of the blocks; `share` host → guest, of the
//!    place of the winner; the block that it came from is asked for again, without it
//! # Leaks
//! To both: the numbers of users, factors, items and places. To the guest: the figures, or the
//! lists. Nothing else; the host does not learn which users are judged, how many, which items a
//! user had, or a result. What lists say of the host's columns is more than nothing: each place
//! says that one inner product with the host's factors is the largest of those that are left.
//! # Security
//! Semi-honest, from ring-LWE and the transfers; see `mpc` and `crypto::lattice::slots`. Items that
//! do not take part are asked for with a zero vector, so that nothing of the host is in them, and
//! are set apart by a constant that only the guest adds. The index of a winner is opened from words
//! that have gone through a selection since. Figures over few users tell about single ones: the
//! guest refuses fewer than [`USERS_MIN`] with an item left out, the host fewer users at all. The
//! guest can match what it knows of each user, the rank by its own model, with the sums: where only
//! a few users' ranks differ, it can tell of whom. A dishonest guest can leave an item of one user
//! out, pass made-up figures of its own model, or ask for other vectors, and gets the answer to
//! that.
//! # Cost
//! For each group of users 153,632 bytes and as much for each factor; for each user and vector that
//! is asked for 37.5 bytes, in whole answers of 307,200 (which hold the whole group as often as it
//! fits into 8,192: up to 75 bytes for groups of a little more than half), and 12 to bring it to
//! words. A comparison is one of 28 bits (see `mpc::comparison`). Figures: a vector and a
//! comparison for each user and item. Lists from items in c blocks of b: c·b vectors and
//! c·(b - 1) comparisons for the blocks of each user, and for each place c + place - 2 comparisons
//! more, after the first one also b vectors and b - 1 comparisons; with each comparison a selection
//! of a word. Flights do not depend on the numbers of users of a group; each place takes about 9
//! for each of log2(b) + log2(c + place) rounds.
//!
//! Error: factors of a host beyond ±[`FACTOR_MAX`] count as that, and are rounded to 2^-15. Scores
//! of a user are in units of 2^-23 of the largest that it could have: by the guest's part of it,
//! and by any factors of a host within ±[`FACTOR_MAX`]. An item is off by at most half the sum of
//! the absolute values of the host's factors (16·k if all are at the bound) and 6 units: items
//! whose scores are that close may change places. In the figures the guest draws for each user
//! which share of the items with the same score as the one that was left out is above it.
//! # Reference
//! Knock-out rounds in blocks: Knuth, "The Art of Computer Programming" 3, section 5.2.3 (quadratic
//! selection, after Friend 1956). NDCG: Järvelin and Kekäläinen, ACM TOIS 2002. The plaintext
//! reference is `local::factorization_machine` (`LeftOut::judge` and `best_items`).

mod figures;
mod lists;
mod products;
mod rounds;

use mpc::TwoParty;

use crate::ModelError;
use crate::local::factorization_machine::{FACTORS_MAX, GuestPart};

pub use figures::{FIGURES, HiddenRanking, LeftOutItem, judge};
pub use lists::list;
pub use products::FACTOR_MAX;

/// Fewest users with an item left out that are judged: of k + 4 numbers over fewer of them the
/// guest, who knows the rank of each by its own model, could tell some apart.
pub const USERS_MIN: usize = 200;
/// Most users among whom some are judged, so that sums of squares stay in range.
pub const JUDGED_MAX: usize = 1 << 20;
/// Most users at once.
pub const USERS_MAX: usize = 1 << 22;
/// Most items.
pub const ITEMS_MAX: usize = 1 << 16;
/// Pairs of user and item that are worked on at once, which bounds memory.
const PAIRS: usize = 1 << 20;

/// What a party ranks by.
#[derive(Clone, Copy, Debug)]
pub enum Side<'a> {
    /// The first party.
    Guest(Catalogue<'a>),
    /// The second party.
    Host {
        /// Its part of the users' factors, k for each user.
        user_factors: &'a [f64],
        /// k.
        factors: usize,
    },
}

/// A guest's items and users.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue<'a> {
    /// Its part of the model.
    pub part: &'a GuestPart,
    /// Its part of the users' factors, k for each user.
    pub user_factors: &'a [f64],
    /// The items of each user that are not to be ranked, ascending.
    pub taken: &'a [&'a [u32]],
}

/// The public sizes.
#[derive(Clone, Copy, Debug)]
struct Shape {
    users: usize,
    factors: usize,
    items: usize,
    places: usize,
}

impl Shape {
    /// The users of each group.
    fn groups(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let (users, step) = (self.users, (PAIRS / self.items.max(1)).clamp(1, products::USERS_MAX));
        (0..users).step_by(step).map(move |start| start..users.min(start + step))
    }
}

impl<'a> Side<'a> {
    fn guest(&self) -> Option<&Catalogue<'a>> {
        match self {
            Self::Guest(catalogue) => Some(catalogue),
            Self::Host { .. } => None,
        }
    }

    /// Numbers of users and factors, and of items at the guest.
    fn sizes(&self) -> [usize; 3] {
        match self {
            Self::Guest(Catalogue { part, taken, .. }) => {
                [taken.len(), part.offset.len(), part.item_biases.len()]
            }
            Self::Host { user_factors, factors } => {
                [user_factors.len() / (*factors).max(1), *factors, 0]
            }
        }
    }

    /// Refuses parts that do not fit together.
    fn check(&self, is_first: bool) -> Result<(), ModelError> {
        let [users, factors, items] = self.sizes();
        let (is_own, is_whole, user_factors) = match self {
            Self::Guest(Catalogue { part, user_factors, taken }) => {
                let is_below = |own: &&[u32]| {
                    own.is_sorted_by(|left, right| left < right)
                        && own.last().is_none_or(|item| (*item as usize) < items)
                };
                let fits = part.item_factors.len() == items * factors
                    && (1..=ITEMS_MAX).contains(&items)
                    && taken.iter().all(is_below);
                (is_first, fits, user_factors)
            }
            Self::Host { user_factors, .. } => (!is_first, true, user_factors),
        };
        let is_finite = user_factors.iter().all(|factor| factor.is_finite());
        if is_own
            && is_whole
            && is_finite
            && user_factors.len() == users * factors
            && (1..=FACTORS_MAX).contains(&factors)
            && (1..=USERS_MAX).contains(&users)
        {
            return Ok(());
        }
        Err(ModelError::InvalidInput(format!(
            "a hidden ranking needs 1 to {USERS_MAX} users with 1 to {FACTORS_MAX} finite factors \
             each, and at the guest 1 to {ITEMS_MAX} items with as many; it got {users} users, \
             {factors} factors and {items} items"
        )))
    }
}

/// Agrees on the sizes.
async fn agree(party: &mut TwoParty, side: &Side<'_>, places: usize) -> Result<Shape, ModelError> {
    const STEP: &str = "shape";
    side.check(party.is_first())?;
    let [users, factors, own] = side.sizes();
    let mine = [users, factors, places, own].map(|size| size as u64);
    let theirs = party.session.exchange_words(STEP, &mine, mine.len()).await?;
    let other = usize::try_from(theirs[3]).unwrap_or(usize::MAX);
    let is_possible = if party.is_first() { other == 0 } else { (1..=ITEMS_MAX).contains(&other) };
    if theirs[..3] != mine[..3] || places == 0 || !is_possible {
        let rule = format!(
            "both need the same users, factors and places, here {users}, {factors} and {places}, \
             and the guest 1 to {ITEMS_MAX} items; theirs are {theirs:?}"
        );
        return Err(party.session.misbehaved(STEP, rule).into());
    }
    let items = own.max(other);
    Ok(Shape { users, factors, items, places: places.min(items) })
}

#[cfg(test)]
mod tests;
