//! Factorisation machine for recommendation over two parties' users, in the mode
//! `user_factors_known_to_guest`.
//!
//! # Functionality
//! The guest (first party) holds interactions of users with items, columns of the users and perhaps
//! of the items; the host (second party) holds other columns of the same users in the same order.
//! Both end with their own part of the model of `local::factorization_machine`, which scores an
//! item for a user by inner products of k factors: the guest with the factors of items, of items in
//! a history and of its own columns, the host with those of its own columns. [`learn_user_factors`]
//! gives the guest the factors of users, from which it ranks all items.
//! # Messages
//! 1. `shape` both ways: numbers of users, factors and passes, of the guest's directions and
//!    features, of the host's columns
//! 2. `seed` host → guest, `hints` guest → host, in groups; per host's column `query` host → guest
//!    (encrypted), `answers` guest → host (masked): the products of the guest's features and
//!    targets with the host's columns (`features::federated::products`), and their truncation
//! 3. `start` guest → host: random numbers, the host's shares of where training starts
//! 4. per pass: products of shared matrices in three groups (`mpc::product`), a truncation
//! 5. `share` both ways, at the end: each party's own parameters
//! 6. for the users that are scored: `user_factors` host → guest
//! # Leaks
//! To both: numbers of users, of the guest's directions (that of the settings, or of its items if
//! they are fewer) and columns (in whole fours), of the host's columns, and of passes. To each
//! party: its own final parameters. Nothing else: statistics, factors and gradients stay shared
//! until the end, no stop bit is opened. The host learns neither the number of interactions nor,
//! where it is above that of directions, the number of items. With [`learn_user_factors`] the guest
//! learns the host's part of each scored user's factors: k fixed but unknown combinations of its
//! columns, fewer than there are columns. They would follow from the scores of k items. Columns of
//! few values (0/1, categories, bins, counts) the guest can compute from them for nearly every
//! user: only columns that the host may tell the guest should go in
//! (`local::factorization_machine`).
//! # Security
//! Semi-honest, two parties, no third. Ring-LWE at 128 bits (quantum) and correlated transfers, see
//! `mpc`. What the host gets as `start` is uniformly random.
//! # Cost
//! Once, for n users, r directions, f features of the guest (directions and columns) and d columns
//! of the host (both in whole fours): 118,784 bytes for each of f + r, `18.75·n` and 118,784 bytes
//! for each of d. Per pass 14 flights, more above 65,536 places; three groups of
//! `(f + r)·d·k/2 + 2·r·k + r·k²/4`, `(f + d)·k²/2` and `r·k²/4` places of four products each, at
//! 3,072,512 bytes for each 8,192 or part of them and 20 for each place; groups of at most 256
//! places by transfers. Independent of the numbers of items and interactions. See the bench
//! `recommendation`.
//! # Reference
//! Rendle, "Factorization Machines", ICDM 2010. The plaintext reference is
//! `local::factorization_machine::fit`, which goes the same way in floating point.
//!
//! Error: columns are rounded to at least 2^-7 of their deviation before they are summed over all
//! users, products to 2^-29. In the tests scores differ from the reference's by less than 1e-5.

mod descent;
mod scoring;
mod statistics;
mod sums;

pub use scoring::learn_user_factors;

use mpc::TwoParty;
use mpc::product::Products;
use mpc::reveal::{Learner, learn_wide};

use super::logistic_regression::{ROWS_MAX, ROWS_MIN};
use crate::ModelError;
use crate::local::factorization_machine::matrix::Matrix;
use crate::local::factorization_machine::{
    COLUMNS_MAX, DIRECTIONS_MAX, GuestData, GuestPart, GuestSide, HostPart, HostSide, MULTIPLE,
    Settings,
};
use descent::{Descent, Point};
use statistics::Statistics;

/// Fractional bits of everything that is shared.
const FRACTION_BITS: u32 = 30;
/// The disclosure of each party's own parameters.
pub const OWN_FACTORS: &str = "model.own_factors";

/// The public sizes.
#[derive(Clone, Copy, Debug)]
struct Shape {
    users: usize,
    directions: usize,
    /// Of the guest: directions and columns, filled up to whole groups of products.
    features: usize,
    /// Of the host.
    columns: usize,
    factors: usize,
}

impl Shape {
    /// The host's columns, filled up to whole groups of products.
    fn padded_columns(&self) -> usize {
        self.columns.next_multiple_of(MULTIPLE)
    }
}

/// The guest's side of training.
///
/// # Errors
/// [`ModelError::InvalidInput`] for data or settings that do not fit (see `GuestSide::new`),
/// [`ModelError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn train_as_guest(
    party: &mut TwoParty,
    data: &GuestData<'_>,
    settings: &Settings,
) -> Result<GuestPart, ModelError> {
    let users = data.interactions.users();
    check_users(users)?;
    let side = party.session.compute(|| GuestSide::new(data, settings)).await?;
    let sizes = [side.strengths().len(), side.user_columns().columns()];
    let shape = agree(party, settings, users, sizes).await?;
    let statistics = Statistics::of_guest(party, &side, shape).await?;
    let (start, quarters) = descent::share_start(party, &side, shape).await?;
    let end = descend(party, statistics, (start, quarters), settings).await?;
    let features = end.guest.above(&end.items);
    let learnt = learn_wide(party, OWN_FACTORS, Learner::First, features.entries()).await?;
    learn_wide(party, OWN_FACTORS, Learner::Second, own_columns(&end, shape).entries()).await?;
    let Shape { directions, features: count, factors, .. } = shape;
    let both = fixed(count + directions, factors, &learnt.unwrap_or_default());
    let (features, items) = (both.slice(0, count), both.slice(count, directions));
    Ok(party.session.compute(|| side.part(&features, &items)).await)
}

/// The host's side of training, with columns of a finite number for each user (standardise them
/// before), more of them than factors.
///
/// # Errors
/// [`ModelError::InvalidInput`] for data or settings that do not fit (see `HostSide::new`),
/// [`ModelError::Secure`] when the peer fails or misbehaves.
#[net::boxed]
pub async fn train_as_host(
    party: &mut TwoParty,
    columns: &[&[f64]],
    settings: &Settings,
) -> Result<HostPart, ModelError> {
    let users = columns.first().map_or(0, |column| column.len());
    check_users(users)?;
    let side = party.session.compute(|| HostSide::new(columns, users, settings)).await?;
    let shape = agree(party, settings, users, [columns.len(), 0]).await?;
    let statistics = Statistics::of_host(party, &side, shape).await?;
    let start = descent::receive_start(party, shape).await?;
    let end = descend(party, statistics, start, settings).await?;
    learn_wide(party, OWN_FACTORS, Learner::First, end.guest.above(&end.items).entries()).await?;
    let own = own_columns(&end, shape);
    let learnt = learn_wide(party, OWN_FACTORS, Learner::Second, own.entries()).await?;
    Ok(side.part(&fixed(shape.columns, shape.factors, &learnt.unwrap_or_default())))
}

/// All passes, from shares of the start to shares of the end.
async fn descend(
    party: &mut TwoParty,
    statistics: Statistics,
    (start, quarters): (Point, Vec<u128>),
    settings: &Settings,
) -> Result<Point, ModelError> {
    let products = Products::prepare(party).await?;
    let mut descent = Descent::new(statistics, quarters, start);
    for pass in 0..settings.passes {
        party.session.report_progress(pass, settings.passes);
        descent.step(party, &products).await?;
    }
    Ok(descent.end())
}

/// The parameters of the host's columns without what fills them up.
fn own_columns(end: &Point, shape: Shape) -> Matrix<u128> {
    end.host.slice(0, shape.columns)
}

/// Opened numbers in floating point; what the peer did not send is 0.
fn fixed(rows: usize, columns: usize, words: &[u128]) -> Matrix<f64> {
    let unit = f64::from(1_u32 << FRACTION_BITS);
    Matrix::from_fn(rows, columns, |row, column| {
        words.get(row * columns + column).map_or(0.0, |word| *word as i128 as f64 / unit)
    })
}

fn check_users(users: usize) -> Result<(), ModelError> {
    if (ROWS_MIN..=ROWS_MAX).contains(&users) {
        return Ok(());
    }
    Err(ModelError::InvalidInput(format!(
        "{users} users; from {ROWS_MIN} to {ROWS_MAX} are possible"
    )))
}

/// Agrees on the sizes. `own` are the numbers of directions and features at the guest, of columns
/// at the host.
async fn agree(
    party: &mut TwoParty,
    settings: &Settings,
    users: usize,
    own: [usize; 2],
) -> Result<Shape, ModelError> {
    const STEP: &str = "shape";
    let Settings { factors, passes, .. } = *settings;
    let mine = [users, factors, passes, own[0], own[1]].map(|size| size as u64);
    let theirs = party.session.exchange_words(STEP, &mine, mine.len()).await?;
    let size = |place: usize| usize::try_from(theirs[place]).unwrap_or(usize::MAX);
    let ([guest, host], is_possible) = if party.is_first() {
        let columns = size(3);
        ([own, [columns, 0]], columns > factors && columns <= COLUMNS_MAX && theirs[4] == 0)
    } else {
        let [directions, features] = [size(3), size(4)];
        let is_possible = (factors..=DIRECTIONS_MAX).contains(&directions)
            && (directions..=directions + COLUMNS_MAX).contains(&features)
            && [directions, features].iter().all(|size| size.is_multiple_of(MULTIPLE));
        ([[directions, features], own], is_possible)
    };
    if theirs[..3] != mine[..3] || !is_possible {
        let rule = format!(
            "both need the same users, factors and passes, here {users}, {factors} and {passes}, \
             and possible sizes of their own; theirs are {theirs:?}"
        );
        return Err(party.session.misbehaved(STEP, rule).into());
    }
    Ok(Shape { users, directions: guest[0], features: guest[1], columns: host[0], factors })
}

#[cfg(test)]
mod tests;
