//! Cholesky factors of a symmetric positive definite matrix.

use super::objective::Triangle;
use features::arithmetic::dot;

/// The solution x of A·x = b; none where A is not (numerically) positive definite.
pub(in crate::local) fn solve(matrix: Triangle, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let factor = factor(matrix)?;
    forward(&factor, &mut right);
    backward(&factor, &mut right);
    Some(right)
}

/// The diagonal of the inverse; none where A is not (numerically) positive definite.
pub(super) fn inverse_diagonal(matrix: Triangle) -> Option<Vec<f64>> {
    let factor = factor(matrix)?;
    let entry = |place: usize| {
        // The squared norm of L⁻¹·e, since A⁻¹ = L⁻ᵀ·L⁻¹.
        let mut unit = vec![0.0; factor.size];
        unit[place] = 1.0;
        forward(&factor, &mut unit);
        dot(&unit, &unit)
    };
    Some((0..factor.size).map(entry).collect())
}

/// The lower factor L with A = L·Lᵀ (Golub and Van Loan, "Matrix Computations", section 4.2).
///
/// A pivot that rounding alone could have left counts as 0: its matrix has no inverse to speak of.
pub(in crate::local) fn factor(mut matrix: Triangle) -> Option<Triangle> {
    for row in 0..matrix.size {
        let start = row * (row + 1) / 2;
        let (above, this) = matrix.entries.split_at_mut(start);
        for column in 0..row {
            let other = &above[column * (column + 1) / 2..][..=column];
            let inner = dot(&this[..column], &other[..column]);
            this[column] = (this[column] - inner) / other[column];
        }
        let diagonal = this[row];
        let pivot = diagonal - dot(&this[..row], &this[..row]);
        let noise = diagonal.abs() * f64::EPSILON * 16.0 * (row + 1) as f64;
        if !(pivot > noise && pivot.is_finite()) {
            return None;
        }
        this[row] = pivot.sqrt();
    }
    Some(matrix)
}

/// Solves L·x = b in place.
pub(in crate::local) fn forward(factor: &Triangle, right: &mut [f64]) {
    for row in 0..factor.size {
        let entries = factor.row(row);
        right[row] = (right[row] - dot(&entries[..row], &right[..row])) / entries[row];
    }
}

/// Solves Lᵀ·x = b in place.
pub(in crate::local) fn backward(factor: &Triangle, right: &mut [f64]) {
    for row in (0..factor.size).rev() {
        let entries = factor.row(row);
        right[row] /= entries[row];
        let solved = right[row];
        let before = right[..row].iter_mut().zip(entries);
        before.for_each(|(value, entry)| *value -= entry * solved);
    }
}
