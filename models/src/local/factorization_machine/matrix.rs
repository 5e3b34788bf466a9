//! Small dense matrices, and the two decompositions that the guest's side needs of them.

use features::arithmetic::dot;

use crate::local::generalized_linear::linear_system::{backward, forward};
use crate::local::generalized_linear::objective::Triangle;

/// A matrix, row after row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix<T> {
    rows: usize,
    columns: usize,
    entries: Vec<T>,
}

impl<T: Copy> Matrix<T> {
    pub(crate) fn from_fn(
        rows: usize,
        columns: usize,
        mut entry: impl FnMut(usize, usize) -> T,
    ) -> Self {
        let entries = (0..rows * columns).map(|place| entry(place / columns, place % columns));
        Self { rows, columns, entries: entries.collect() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn at(&self, row: usize, column: usize) -> T {
        self.entries[row * self.columns + column]
    }

    pub(crate) fn row(&self, row: usize) -> &[T] {
        &self.entries[row * self.columns..][..self.columns]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.entries[row * self.columns..][..self.columns]
    }

    /// All entries, row after row.
    pub(crate) fn entries(&self) -> &[T] {
        &self.entries
    }

    pub(crate) fn transposed(&self) -> Self {
        Self::from_fn(self.columns, self.rows, |row, column| self.at(column, row))
    }

    /// So many rows from `start` on.
    pub(crate) fn slice(&self, start: usize, rows: usize) -> Self {
        Self::from_fn(rows, self.columns, |row, column| self.at(start + row, column))
    }

    /// The rows of this matrix and below them those of another one as wide.
    pub(crate) fn above(&self, lower: &Self) -> Self {
        let entries = [self.entries.as_slice(), &lower.entries].concat();
        Self { rows: self.rows + lower.rows, columns: self.columns, entries }
    }

    /// Entry by entry with a matrix of the same shape.
    pub(crate) fn with(&self, other: &Self, combine: impl Fn(T, T) -> T) -> Self {
        let pairs = self.entries.iter().zip(&other.entries);
        let entries = pairs.map(|(left, right)| combine(*left, *right)).collect();
        Self { rows: self.rows, columns: self.columns, entries }
    }
}

impl Matrix<f64> {
    /// A matrix of zeros.
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, entries: vec![0.0; rows * columns] }
    }

    pub(crate) fn times(&self, right: &Self) -> Self {
        let mut product = Self::zeros(self.rows, right.columns);
        for row in 0..self.rows {
            for (inner, factor) in self.row(row).iter().enumerate() {
                add_scaled(product.row_mut(row), *factor, right.row(inner));
            }
        }
        product
    }

    /// The transpose of this matrix times another one.
    pub(crate) fn transposed_times(&self, right: &Self) -> Self {
        let mut product = Self::zeros(self.columns, right.columns);
        for row in 0..self.rows {
            for (place, factor) in self.row(row).iter().enumerate() {
                add_scaled(product.row_mut(place), *factor, right.row(row));
            }
        }
        product
    }

    pub(crate) fn scaled(&self, factor: f64) -> Self {
        let entries = self.entries.iter().map(|entry| factor * entry).collect();
        Self { entries, ..*self }
    }

    /// `L⁻ᵀ` times this matrix, for a lower triangular `L`.
    pub(super) fn solved_backward(&self, factor: &Triangle) -> Self {
        self.solved(|column| backward(factor, column))
    }

    /// `L⁻¹` times this matrix, for a lower triangular `L`.
    pub(super) fn solved_forward(&self, factor: &Triangle) -> Self {
        self.solved(|column| forward(factor, column))
    }

    fn solved(&self, solve: impl Fn(&mut [f64])) -> Self {
        let mut columns = self.transposed();
        (0..columns.rows).for_each(|column| solve(columns.row_mut(column)));
        columns.transposed()
    }

    /// Makes the columns orthonormal, one after the other; what is left of a column that depends
    /// on those before it is 0.
    pub(super) fn orthonormalise(&mut self) {
        let mut columns = self.transposed();
        for column in 0..columns.rows {
            let (before, rest) = columns.entries.split_at_mut(column * columns.columns);
            let this = &mut rest[..columns.columns];
            let size = dot(this, this).sqrt();
            // Twice is enough (Giraud and others, 2005).
            for _ in 0..2 {
                for other in before.chunks_exact(columns.columns) {
                    add_scaled(this, -dot(this, other), other);
                }
            }
            let rest = dot(this, this).sqrt();
            let factor = if rest > 1e-10 * size { 1.0 / rest } else { 0.0 };
            for entry in this {
                *entry *= factor;
            }
        }
        *self = columns.transposed();
    }
}

/// `matrix = left·diag(values)·rightᵀ` with orthonormal columns, the largest values first.
pub(super) struct Decomposition {
    /// As many columns as the matrix has; zeros where the value is 0.
    pub(super) left: Matrix<f64>,
    pub(super) values: Vec<f64>,
    pub(super) right: Matrix<f64>,
}

/// The singular values and vectors of a matrix, by rotating pairs of its columns until all are
/// orthogonal (Hestenes 1958; Golub and Van Loan, "Matrix Computations", section 8.6.3).
pub(super) fn decompose(matrix: &Matrix<f64>) -> Decomposition {
    const SWEEPS_MAX: usize = 60;
    let width = matrix.columns;
    let mut columns = matrix.transposed();
    let mut right = Matrix::from_fn(width, width, |row, column| f64::from(u8::from(row == column)));
    for _ in 0..SWEEPS_MAX {
        let mut is_done = true;
        for low in 0..width {
            for high in low + 1..width {
                let (x, y) = (columns.row(low), columns.row(high));
                let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y));
                if xy.abs() <= 1e-15 * (xx * yy).sqrt() {
                    continue;
                }
                is_done = false;
                let slope = (yy - xx) / (2.0 * xy);
                let tangent = slope.signum() / (slope.abs() + (1.0 + slope * slope).sqrt());
                rotate(&mut columns, low, high, tangent);
                rotate(&mut right, low, high, tangent);
            }
        }
        if is_done {
            break;
        }
    }
    let value = |column: usize| dot(columns.row(column), columns.row(column)).sqrt();
    let mut order: Vec<(f64, usize)> = (0..width).map(|column| (value(column), column)).collect();
    order.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    let values: Vec<f64> = order.iter().map(|(value, _)| *value).collect();
    let left = Matrix::from_fn(matrix.rows, width, |row, column| {
        let (value, place) = order[column];
        if value > 0.0 { columns.at(place, row) / value } else { 0.0 }
    });
    let right = Matrix::from_fn(width, width, |row, column| right.at(order[column].1, row));
    Decomposition { left, values, right }
}

/// Rotates two rows into each other.
fn rotate(matrix: &mut Matrix<f64>, low: usize, high: usize, tangent: f64) {
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    let sine = cosine * tangent;
    let (first, second) = matrix.entries.split_at_mut(high * matrix.columns);
    let low = &mut first[low * matrix.columns..][..matrix.columns];
    for (x, y) in low.iter_mut().zip(second) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

/// Adds `factor` times one vector to another.
pub(super) fn add_scaled(sums: &mut [f64], factor: f64, terms: &[f64]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += factor * term);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(rows: usize, columns: usize) -> Matrix<f64> {
        let entry = |row, column| ((row * row * 7 + (row + 1) * column * 3 + column) as f64).sin();
        Matrix::from_fn(rows, columns, entry)
    }

    fn distance(left: &Matrix<f64>, right: &Matrix<f64>) -> f64 {
        let difference = left.with(right, |left, right| (left - right).abs());
        difference.entries().iter().copied().fold(0.0, f64::max)
    }

    fn identity(size: usize) -> Matrix<f64> {
        Matrix::from_fn(size, size, |row, column| f64::from(u8::from(row == column)))
    }

    #[test]
    fn products_agree_with_their_definitions() {
        let (left, right) = (example(3, 4), example(4, 2));
        let product = left.times(&right);
        let entry = |row, column| (0..4).map(|k| left.at(row, k) * right.at(k, column)).sum();
        assert!(distance(&product, &Matrix::from_fn(3, 2, entry)) < 1e-12);
        assert!(distance(&left.transposed().transposed_times(&right), &product) < 1e-12);
        assert_eq!(left.above(&left).slice(3, 3), left);
    }

    #[test]
    fn a_decomposition_gives_the_matrix_back() {
        // The columns 0 and 4 are equal, so that one value is 0.
        let mut matrix = example(9, 5);
        (0..9).for_each(|row| matrix.row_mut(row)[4] = matrix.at(row, 0));
        let Decomposition { left, values, right } = decompose(&matrix);
        let scaled = Matrix::from_fn(9, 5, |row, column| left.at(row, column) * values[column]);
        assert!(distance(&scaled.times(&right.transposed()), &matrix) < 1e-12);
        assert!(distance(&right.transposed_times(&right), &identity(5)) < 1e-12);
        assert!(values.is_sorted_by(|left, right| left >= right) && values[4] < 1e-12);
    }

    #[test]
    fn columns_become_orthonormal_or_zero() {
        let mut matrix = example(9, 4);
        (0..9).for_each(|row| matrix.row_mut(row)[3] = 2.0 * matrix.at(row, 1));
        matrix.orthonormalise();
        let mut expected = identity(4);
        expected.row_mut(3)[3] = 0.0;
        assert!(distance(&matrix.transposed_times(&matrix), &expected) < 1e-12);
    }
}
