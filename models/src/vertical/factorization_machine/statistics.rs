//! What training needs of the users: products of the guest's features and targets with the host's
//! columns, as shares.

use crypto::lattice::projection::Evaluator;
use features::federated::products::{KeyHolder, answer, receive_projection, send_hints};
use mpc::TwoParty;
use mpc::wide::widen;

use super::{FRACTION_BITS, Shape};
use crate::ModelError;
use crate::local::factorization_machine::matrix::Matrix;
use crate::local::factorization_machine::{GuestSide, HostSide};
use crate::vertical::logistic_regression::whitening::column_bits;

/// Shares of means over the users, and their transposes.
pub(super) struct Statistics {
    /// Features × columns.
    pub(super) cross: Matrix<u128>,
    pub(super) cross_transposed: Matrix<u128>,
    /// Directions of items × columns.
    pub(super) targets: Matrix<u128>,
    pub(super) targets_transposed: Matrix<u128>,
}

impl Statistics {
    /// The guest's side.
    pub(super) async fn of_guest(
        party: &mut TwoParty,
        side: &GuestSide,
        shape: Shape,
    ) -> Result<Self, ModelError> {
        let make = || -> Result<Vec<Vec<i32>>, ModelError> {
            let mut columns = integers(side.user_columns(), shape.users)?;
            columns.extend(integers(side.targets(), shape.users)?);
            Ok(columns)
        };
        let session = &mut party.session;
        let columns = session.compute(make).await?;
        let projection = receive_projection(session, shape.users).await?;
        let slices = columns.iter().map(Vec::as_slice).collect();
        let mut rng = session.rng();
        let evaluator =
            session.compute(|| Evaluator::integers(&projection, slices, &mut rng)).await?;
        send_hints(session, &projection, &evaluator).await?;
        let mut shares = Vec::with_capacity(shape.padded_columns() * columns.len());
        for _ in 0..shape.padded_columns() {
            shares.extend(answer(session, &projection, &evaluator).await?);
        }
        Self::of_shares(party, &shares, shape).await
    }

    /// The host's side.
    pub(super) async fn of_host(
        party: &mut TwoParty,
        side: &HostSide,
        shape: Shape,
    ) -> Result<Self, ModelError> {
        let session = &mut party.session;
        let columns = session.compute(|| integers(side.columns(), shape.users)).await?;
        let outputs = shape.features + shape.directions;
        let holder = KeyHolder::prepare(session, shape.users, outputs).await?;
        let mut shares = Vec::with_capacity(shape.padded_columns() * outputs);
        for place in 0..shape.padded_columns() {
            // Zeros fill up to whole groups of products.
            let mut values = vec![0; shape.users];
            if let Some(column) = columns.get(place) {
                let pairs = values.iter_mut().zip(column);
                pairs.for_each(|(value, entry)| *value = i64::from(*entry) as u64);
            }
            shares.extend(holder.query(session, &values).await?);
        }
        Self::of_shares(party, &shares, shape).await
    }

    /// From shares of sums of products of integers, column of the host by column.
    async fn of_shares(
        party: &mut TwoParty,
        shares: &[u64],
        shape: Shape,
    ) -> Result<Self, ModelError> {
        let words: Vec<u128> = shares.iter().map(|share| u128::from(*share)).collect();
        let shift = 2 * column_bits(shape.users) + log_users(shape.users) - FRACTION_BITS;
        let wide = widen(party, &words, 1 << 64, shift).await?;
        let (features, directions) = (shape.features, shape.directions);
        let part = |start: usize, rows: usize| {
            Matrix::from_fn(rows, shape.padded_columns(), |row, column| {
                wide[column * (features + directions) + start + row]
            })
        };
        let (cross, targets) = (part(0, features), part(features, directions));
        Ok(Self {
            cross_transposed: cross.transposed(),
            targets_transposed: targets.transposed(),
            cross,
            targets,
        })
    }
}

fn log_users(users: usize) -> u32 {
    users.next_power_of_two().ilog2()
}

/// Columns whose second moments are at most 1, as integers, times the root of what turns a sum over
/// users into a multiple of a mean by a power of two.
fn integers(columns: &Matrix<f64>, users: usize) -> Result<Vec<Vec<i32>>, ModelError> {
    /// What the lattice kernels take.
    const LIMIT: f64 = (1 << 20) as f64;
    let scale = f64::from(1_u32 << column_bits(users))
        * (users.next_power_of_two() as f64 / users as f64).sqrt();
    let integer = |row: usize, column: usize| {
        let value = (scale * columns.at(row, column)).round();
        if value.abs() < LIMIT {
            return Ok(value as i32);
        }
        Err(ModelError::InvalidInput(format!(
            "user {} of the training users is not finite or dominates a column; clip outliers",
            row + 1
        )))
    };
    let column = |column: usize| (0..users).map(|row| integer(row, column)).collect();
    (0..columns.columns()).map(column).collect()
}
