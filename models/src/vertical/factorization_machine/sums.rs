//! Products of shared matrices, several at once.

use std::iter;

use mpc::TwoParty;
use mpc::product::{Form, Products};

use super::FRACTION_BITS;
use crate::ModelError;
use crate::local::factorization_machine::MULTIPLE;
use crate::local::factorization_machine::matrix::Matrix;

/// One matrix to be computed from shared ones.
pub(super) enum Task<'a> {
    /// The product of two matrices, whose inner size is a multiple of [`MULTIPLE`].
    Product(&'a Matrix<u128>, &'a Matrix<u128>),
    /// Each row times a number, given as shares of its [`MULTIPLE`]th part.
    ///
    /// Shares of zeros could not fill a sum up: the products take shares that wrap around (see
    /// `mpc::wide`), which zeros at both parties do not. So the sum is that of equal products.
    ScaledRows(&'a [u128], &'a Matrix<u128>),
}

impl Task<'_> {
    fn shape(&self) -> (usize, usize) {
        match self {
            Self::Product(left, right) => (left.rows(), right.columns()),
            Self::ScaledRows(_, matrix) => (matrix.rows(), matrix.columns()),
        }
    }

    /// Sums of [`MULTIPLE`] products that an entry is made of.
    fn groups(&self) -> usize {
        match self {
            Self::Product(_, right) => right.rows() / MULTIPLE,
            Self::ScaledRows(..) => 1,
        }
    }

    /// The two numbers of one product.
    fn pair(&self, row: usize, column: usize, place: usize) -> (u128, u128) {
        match self {
            Self::Product(left, right) => (left.at(row, place), right.at(place, column)),
            Self::ScaledRows(parts, matrix) => (parts[row], matrix.at(row, column)),
        }
    }
}

/// Shares of all results, in the order of the tasks.
pub(super) async fn evaluate<const N: usize>(
    party: &mut TwoParty,
    products: &Products,
    tasks: [Task<'_>; N],
) -> Result<[Matrix<u128>; N], ModelError> {
    let vectors = party.session.compute(|| vectors(&tasks)).await;
    let slices: Vec<&[u128]> = vectors.iter().map(Vec::as_slice).collect();
    let terms = (0..MULTIPLE).map(|place| (1, place, MULTIPLE + place)).collect();
    let form = Form { terms, shift: FRACTION_BITS };
    let sums = products.evaluate(party, &slices, &[form]).await?;
    let mut sums = sums.into_iter().flatten();
    Ok(tasks.map(|task| {
        let ((rows, columns), groups) = (task.shape(), task.groups());
        Matrix::from_fn(rows, columns, |_, _| {
            sums.by_ref().take(groups).fold(0, u128::wrapping_add)
        })
    }))
}

/// The left numbers of each product of a sum, and then the right ones.
fn vectors(tasks: &[Task<'_>]) -> Vec<Vec<u128>> {
    let mut vectors: Vec<Vec<u128>> = iter::repeat_with(Vec::new).take(2 * MULTIPLE).collect();
    for task in tasks {
        let (rows, columns) = task.shape();
        for entry in 0..rows * columns {
            for place in 0..task.groups() * MULTIPLE {
                let (left, right) = task.pair(entry / columns, entry % columns, place);
                vectors[place % MULTIPLE].push(left);
                vectors[MULTIPLE + place % MULTIPLE].push(right);
            }
        }
    }
    vectors
}
