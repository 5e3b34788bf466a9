//! The descent on shares; `local::factorization_machine` goes the same way in floating point.

use mpc::TwoParty;
use mpc::product::Products;
use mpc::wide::shorten;

use super::statistics::Statistics;
use super::sums::{Task, evaluate};
use super::{FRACTION_BITS, Shape};
use crate::ModelError;
use crate::local::factorization_machine::matrix::Matrix;
use crate::local::factorization_machine::{GuestSide, MULTIPLE};

/// Shares of the parameters, or of how they move.
pub(super) struct Point {
    /// Of the guest's features, features × factors.
    pub(super) guest: Matrix<u128>,
    /// Of the host's columns, filled up, × factors.
    pub(super) host: Matrix<u128>,
    /// Of the directions of items, directions × factors.
    pub(super) items: Matrix<u128>,
}

impl Point {
    fn of_words(words: &[u128], shape: Shape) -> Self {
        let (guest, host) = (shape.features, shape.padded_columns());
        let rows = guest + host + shape.directions;
        let all = Matrix::from_fn(rows, shape.factors, |row, column| {
            words.get(row * shape.factors + column).copied().unwrap_or(0)
        });
        Self {
            guest: all.slice(0, guest),
            host: all.slice(guest, host),
            items: all.slice(guest + host, shape.directions),
        }
    }

    /// All parameters, in the order of the fields.
    fn stacked(&self) -> Matrix<u128> {
        self.guest.above(&self.host).above(&self.items)
    }
}

/// Words of the start: the strengths' parts, and after them the point.
fn words_of_start(shape: Shape) -> usize {
    let rows = shape.features + shape.padded_columns() + shape.directions;
    shape.directions + rows * shape.factors
}

const START: &str = "start";

/// The guest's optimum as shares, and those of a [`MULTIPLE`]th of its strengths; the host gets
/// random numbers as its own.
pub(super) async fn share_start(
    party: &mut TwoParty,
    side: &GuestSide,
    shape: Shape,
) -> Result<(Point, Vec<u128>), ModelError> {
    let (features, items) =
        (side.start_of_features(shape.factors), side.start_of_items(shape.factors));
    let parts = side.strengths().iter().map(|strength| strength / MULTIPLE as f64);
    let host = vec![0.0; shape.padded_columns() * shape.factors];
    let values = parts.chain(features.entries().iter().copied());
    let values = values.chain(host).chain(items.entries().iter().copied());
    let mut masks = vec![0; 2 * words_of_start(shape)];
    party.session.rng().fill_words(&mut masks);
    party.session.send_words(START, &masks).await?;
    let unit = f64::from(1_u32 << FRACTION_BITS);
    let shares = values.zip(joined(&masks)).map(|(value, mask)| {
        let integer = (value * unit).round() as i128;
        (integer as u128).wrapping_sub(mask)
    });
    Ok(divide(shares.collect(), shape))
}

/// The host's side of [`share_start`].
pub(super) async fn receive_start(
    party: &mut TwoParty,
    shape: Shape,
) -> Result<(Point, Vec<u128>), ModelError> {
    let words = party.session.receive_words(START, 2 * words_of_start(shape)).await?;
    Ok(divide(joined(&words).collect(), shape))
}

fn joined(words: &[u64]) -> impl Iterator<Item = u128> {
    let pairs = words.as_chunks::<2>().0.iter();
    pairs.map(|[low, high]| u128::from(*low) | u128::from(*high) << 64)
}

fn divide(mut words: Vec<u128>, shape: Shape) -> (Point, Vec<u128>) {
    let point = words.split_off(shape.directions);
    (Point::of_words(&point, shape), words)
}

/// The state of the descent.
pub(super) struct Descent {
    statistics: Statistics,
    /// Shares of a [`MULTIPLE`]th of the strengths.
    quarters: Vec<u128>,
    point: Point,
    /// How the stacked parameters moved last.
    moved: Matrix<u128>,
}

impl Descent {
    pub(super) fn new(statistics: Statistics, quarters: Vec<u128>, point: Point) -> Self {
        let stacked = point.stacked();
        let moved = stacked.with(&stacked, |_, _| 0);
        Self { statistics, quarters, point, moved }
    }

    pub(super) fn end(self) -> Point {
        self.point
    }

    /// One step: `moved = 3/4·moved - gradient/2`, for all parameters at once.
    pub(super) async fn step(
        &mut self,
        party: &mut TwoParty,
        products: &Products,
    ) -> Result<(), ModelError> {
        let gradient = self.gradient(party, products).await?;
        let fourfold = self.moved.with(&gradient, |moved, gradient| {
            moved.wrapping_mul(3).wrapping_sub(gradient.wrapping_mul(2))
        });
        let moved = shorten(party, fourfold.entries(), 2).await?;
        let (rows, columns) = (fourfold.rows(), fourfold.columns());
        self.moved = Matrix::from_fn(rows, columns, |row, column| moved[row * columns + column]);
        let stacked = self.point.stacked().with(&self.moved, u128::wrapping_add);
        let (guest, host) = (self.point.guest.rows(), self.point.host.rows());
        self.point = Point {
            guest: stacked.slice(0, guest),
            host: stacked.slice(guest, host),
            items: stacked.slice(guest + host, self.point.items.rows()),
        };
        Ok(())
    }

    /// Shares of the gradient by all parameters; see the formulas of the reference.
    async fn gradient(
        &self,
        party: &mut TwoParty,
        products: &Products,
    ) -> Result<Matrix<u128>, ModelError> {
        let Statistics { cross, cross_transposed, targets, targets_transposed } = &self.statistics;
        let Point { guest, host, items } = &self.point;
        let (items_transposed, all) = (items.transposed(), guest.above(host));
        // Features beyond the directions have no strength.
        let strong_guest = guest.slice(0, items.rows());
        let weak = Matrix::from_fn(guest.rows() - items.rows(), guest.columns(), |_, _| 0);
        let tasks = [
            Task::Product(cross, host),
            Task::Product(cross_transposed, guest),
            Task::Product(targets, host),
            Task::Product(targets_transposed, items),
            Task::Product(&items_transposed, items),
            Task::ScaledRows(&self.quarters, items),
            Task::ScaledRows(&self.quarters, &strong_guest),
        ];
        let [of_host, of_guest, items_of_host, host_of_items, item_moments, strong, items_strong] =
            evaluate(party, products, tasks).await?;
        let guest_with = guest.with(&of_host, u128::wrapping_add);
        let host_with = host.with(&of_guest, u128::wrapping_add);
        let (all_transposed, all_with) = (all.transposed(), guest_with.above(&host_with));
        let tasks =
            [Task::Product(&all_with, &item_moments), Task::Product(&all_transposed, &all_with)];
        let [by_users, user_moments] = evaluate(party, products, tasks).await?;
        let [by_items] = evaluate(party, products, [Task::Product(items, &user_moments)]).await?;
        let by_users =
            by_users.with(&strong.above(&weak).above(&host_of_items), u128::wrapping_sub);
        let predicted = items_strong.with(&items_of_host, u128::wrapping_add);
        Ok(by_users.above(&by_items.with(&predicted, u128::wrapping_sub)))
    }
}
