//! Factorisation machine for recommendation: the reference of the joint one, and what a guest fits
//! alone.
//!
//! # Model
//! A user's features are the items of its history, columns of the guest and columns of the host;
//! every feature f and every item i has a vector of k factors, `p_f` and `q_i`. The score of an
//! item for a user u with features `x_uf` is
//!
//! ```text
//! score(u, i) = b_i + Σ_f x_uf·⟨p_f, q_i⟩
//! ```
//!
//! which is Rendle's factorisation machine with the pairs of a user's feature and an item. Pairs of
//! two features of one user are left out: they move all items of a user alike, hence no ranking.
//! `b_i` is the share of users that have the item.
//!
//! # Objective
//! The mean over *all* pairs of user and item of `(seen(u, i) - score(u, i))²/2`, seen being 1 or
//! 0: nothing is sampled. A history that contains the item it is to predict would predict it
//! perfectly; therefore it is the expectation of this loss when each entry of the history, seen or
//! not, is hidden with probability [`Settings::hidden`] (it counts as the item's average then, and
//! the others more), and no entry earns anything by predicting itself. That has a closed form
//! (after Steck, "Autoencoders that don't overfit towards the Identity", `NeurIPS` 2020): with N
//! the centred co-occurrences of items and D their diagonal, the history's second moments are
//! `N + D·hidden/(1 - hidden)`, and its products with what is predicted are `N - D`. The penalty is
//! `l2/2·Σ_fi ⟨p_f, q_i⟩²` (that of ridge regression), a history's features being measured in the
//! mean variance of an item.
//!
//! The item factors, and the factors of the history, lie in the span of [`Settings::directions`]
//! directions of items in which the guest's interactions vary most (see [`GuestSide`]); that
//! bounds what has to be computed jointly, whatever the number of items. Features of items, if the
//! guest has them, shape these directions: what is done with an item counts in part for items with
//! like features, so that an item that nobody had yet gets the factors of its like.
//!
//! # Fitting
//! With each party's features whitened by its owner, all that is needed of the users are products
//! of the guest's features, and of the directions, with the host's columns. [`fit`] starts where
//! the guest alone would end and goes [`Settings::passes`] steps down the gradient with momentum
//! (Polyak 1964), with step sizes that are public constants; the joint protocol does the same on
//! shares.
//!
//! # What the host's part of a user's factors tells
//! A ranking needs the k numbers `Σ_f x_uf·p_f` over the host's columns, at the guest. Columns of
//! few values (0/1, categories, bins, counts) follow from them for nearly every user, since a
//! generic combination of few values determines these: of 32 columns of 0 and 1, with k = 16, all
//! values of 94.6 % of 15,844 users from the opened numbers alone, up to the names of the columns.
//! That a host has more independent columns than k ([`HostSide::new`]) is a necessary minimum and
//! hides only real numbers. Whoever knows the columns of k + 1 users solves for the combinations.
//!
//! # Reference
//! Rendle, "Factorization Machines", ICDM 2010; reduced-rank regression: Izenman 1975.

mod descent;
mod guest_side;
mod host_side;
mod interactions;
mod left_out;
pub(crate) mod matrix;

pub use guest_side::{GuestData, GuestPart, GuestSide};
pub use host_side::{HostPart, HostSide};
pub use interactions::Interactions;
pub use left_out::{LeftOut, best_items, best_lists};

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// Factors and directions are multiples of this, which is how many products are added at once.
pub const MULTIPLE: usize = 4;
/// Most factors.
pub const FACTORS_MAX: usize = 64;
/// Most directions of items.
pub const DIRECTIONS_MAX: usize = 256;
/// Most columns of one party.
pub const COLUMNS_MAX: usize = 512;

/// What is fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Numbers in a factor vector: a multiple of [`MULTIPLE`] up to [`FACTORS_MAX`].
    pub factors: usize,
    /// Directions in which item factors lie: a multiple of [`MULTIPLE`], at least the factors and
    /// at most [`DIRECTIONS_MAX`]; of a guest with fewer items as many as it has.
    pub directions: usize,
    /// Weight of the squared penalty, above 0.
    pub l2: f64,
    /// Probability of hiding an interaction from the history, above 0 and below 1.
    pub hidden: f64,
    /// How much of what is done with an item counts for items with like features, at least 0: the
    /// part of interactions that features of items tell counts 1 + `spread` times.
    pub spread: f64,
    /// Steps of the descent.
    pub passes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { factors: 16, directions: 64, l2: 0.3, hidden: 0.5, spread: 1.0, passes: 20 }
    }
}

impl Settings {
    /// Refuses what no party can fit.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] naming the setting.
    pub fn check(&self) -> Result<(), ModelError> {
        let Self { factors, directions, l2, hidden, spread, passes } = *self;
        let is_multiple = |count: usize| count > 0 && count.is_multiple_of(MULTIPLE);
        let problem = if !is_multiple(factors) || factors > FACTORS_MAX {
            format!("factors: {factors}; a multiple of {MULTIPLE} up to {FACTORS_MAX} is possible")
        } else if !is_multiple(directions) || !(factors..=DIRECTIONS_MAX).contains(&directions) {
            format!(
                "directions: {directions}; a multiple of {MULTIPLE} from the number of factors, \
                 {factors}, to {DIRECTIONS_MAX} is possible"
            )
        } else if !(l2.is_finite() && l2 > 0.0) {
            format!("l2: {l2}; a number above 0 is needed")
        } else if !(hidden > 0.0 && hidden < 1.0) {
            format!("hidden: {hidden}; a share above 0 and below 1 is needed")
        } else if !(spread.is_finite() && spread >= 0.0) {
            format!("spread: {spread}; a number of at least 0 is needed")
        } else if passes == 0 {
            "passes: 0; at least one is needed".to_owned()
        } else {
            return Ok(());
        };
        Err(ModelError::InvalidInput(problem))
    }
}

/// The joint model on pooled data: the parts that the two parties end with.
///
/// The columns have one value for each user; the parties' own are used as they are (standardise
/// them before).
///
/// # Errors
/// [`ModelError::InvalidInput`] for settings or columns that do not fit (see [`GuestSide::new`] and
/// [`HostSide::new`]).
pub fn fit(
    data: &GuestData<'_>,
    host_columns: &[&[f64]],
    settings: &Settings,
) -> Result<(GuestPart, HostPart), ModelError> {
    let guest = GuestSide::new(data, settings)?;
    let host = HostSide::new(host_columns, data.interactions.users(), settings)?;
    let point = descent::descend(&guest, &host, settings);
    Ok((guest.part(&point.guest, &point.items), host.part(&point.host)))
}

/// The best model of the guest without the host: the optimum, in closed form.
///
/// # Errors
/// See [`GuestSide::new`].
pub fn fit_alone(data: &GuestData<'_>, settings: &Settings) -> Result<GuestPart, ModelError> {
    let guest = GuestSide::new(data, settings)?;
    let factors = settings.factors;
    Ok(guest.part(&guest.start_of_features(factors), &guest.start_of_items(factors)))
}

/// Checks columns of one value for each of so many users or items.
fn check_columns(columns: &[&[f64]], count: usize, of: &str) -> Result<(), ModelError> {
    let sound =
        |column: &&[f64]| column.len() == count && column.iter().all(|value| value.is_finite());
    if columns.len() <= COLUMNS_MAX && columns.iter().all(sound) {
        return Ok(());
    }
    Err(ModelError::InvalidInput(format!(
        "{} columns of {of}; at most {COLUMNS_MAX} are possible, with a finite number for each of \
         {count} {of}",
        columns.len()
    )))
}

/// Mean of each column.
fn means(columns: &[&[f64]]) -> Vec<f64> {
    columns.iter().map(|column| column.iter().sum::<f64>() / column.len() as f64).collect()
}

#[cfg(test)]
pub(crate) mod tests;
