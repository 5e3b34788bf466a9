//! A party's own change of variables before joint training.
//!
//! Each party replaces its columns X (training rows) by Q = X·R⁻¹ with `RᵀR = κ·XᵀX/n + l2·I`,
//! which needs nothing from the peer. Then every diagonal block of the joint Hessian of the
//! objective is at most the identity if κ bounds the curvature of a row's loss (1/4 for the
//! logistic loss, 1 for the squared one), so the joint Hessian of k parties is at most k·I: step
//! sizes are public constants, and collinearity *within* a party costs no passes. Training finds v
//! = R·w; the owner recovers w = R⁻¹·v alone.
//!
//! The party without an intercept first takes the means out of its columns, because columns that
//! are far from 0 on average compete with the peer's intercept and would cost many passes. The
//! objective's free intercept makes up for it: the owner's part of the score is (x − mean)·w.
//!
//! Validation rows go through the same change of variables and have no part in making it. What
//! fixed point cannot hold of them is pulled to its limit: they only tell when to stop.
//!
//! With an l1 penalty R must keep coordinates apart, so it is a multiple of the identity then, just
//! large enough for the same bound.

use rayon::prelude::*;

use super::dense::{Change, gram};
use crate::ModelError;

/// Fractional bits of the integers that stand for the entries of Q, for `rows` training rows.
///
/// An entry is at most 2√n, because `q_i = R⁻ᵀx_i` and `RᵀR` is at least `XᵀX/(4n)`, so that
/// `‖q_i‖²` is at most 4n times the leverage of row i, which is at most 1. The lattice kernels take
/// integers below 2^20. Rounding moves the gradient by about 2^-bits/√n, far below the tolerance.
pub(in crate::vertical) fn column_bits(rows: usize) -> u32 {
    let log_rows = usize::BITS - (rows.max(2) - 1).leading_zeros();
    18 - log_rows.div_ceil(2)
}

/// Fractional bits of the penalty's curvature, which is at most 1 and often a few hundredths.
pub(in crate::vertical) const PENALTY_BITS: u32 = 17;

/// Whitened columns of one party, in fixed point, and the way back.
pub(in crate::vertical) struct Whitened {
    /// Columns of Q times 2^[`column_bits`] and, below the data rows, of the penalty's curvature
    /// R⁻ᵀ·diag(l2)·R⁻¹ times 2^[`PENALTY_BITS`].
    pub(in crate::vertical) columns: Vec<Vec<i32>>,
    /// R⁻¹, upper triangular: `inverse[j]` is column j, entries 0..=j.
    inverse: Vec<Vec<f64>>,
    /// What was taken out of each column.
    centres: Vec<f64>,
}

/// How a party's columns enter the objective.
pub(in crate::vertical) struct Shape<'a> {
    /// Rows that are trained on, the first ones; the others are for validation.
    pub(in crate::vertical) training: usize,
    /// Fractional bits of the entries, at most those of [`column_bits`].
    pub(in crate::vertical) column_bits: u32,
    /// Whether each column carries `l2`.
    pub(in crate::vertical) penalised: &'a [bool],
    /// Weight of the squared penalty.
    pub(in crate::vertical) l2: f64,
    /// κ, from 1/4 to 1.
    pub(in crate::vertical) steepness: f64,
    /// Whether R has to be a multiple of the identity.
    pub(in crate::vertical) separate: bool,
    /// Whether the means of the columns are taken out.
    pub(in crate::vertical) centred: bool,
}

impl Whitened {
    /// Whitens `columns`, of equally many rows.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] if a value is not finite or a column is constant zero, or so
    /// large after whitening that fixed point cannot hold it (a single row decides the column).
    ///
    /// Call inside `Session::compute`.
    pub(in crate::vertical) fn new(
        columns: &[&[f64]],
        shape: &Shape<'_>,
    ) -> Result<Self, ModelError> {
        let &Shape { training, column_bits, penalised, l2, steepness, separate, centred } = shape;
        let width = columns.len();
        let fitted: Vec<&[f64]> = columns.iter().map(|column| &column[..training]).collect();
        let centres = if centred { means(&fitted) } else { vec![0.0; width] };
        let mut target = gram(&fitted, &centres, steepness / training as f64);
        for (index, row) in target.iter_mut().enumerate() {
            // A relative jitter keeps exactly collinear columns factorable; it moves the optimum of
            // nothing, because it enters the change of variables only.
            let penalty = if penalised[index] { l2 } else { 0.0 };
            row[index] += penalty + 1e-9 * (1.0 + row[index]);
        }
        let inverse = if separate && width > 0 {
            separate_inverse(&target)?
        } else {
            whitening_inverse(&target)?
        };
        let scale = f64::from(1_u32 << column_bits);
        let change = Change::new(columns, &centres, &inverse, scale);
        let mut columns = change.apply(|entry, row| fixed(entry, row, training))?;
        columns.par_iter_mut().enumerate().for_each(|(column, entries)| {
            entries.extend((0..width).map(|row| {
                let products = inverse[row].iter().zip(&inverse[column]).zip(penalised);
                let sum: f64 =
                    products.filter(|(_, counts)| **counts).map(|((x, y), _)| x * y).sum();
                (l2 * sum * f64::from(1 << PENALTY_BITS)).round() as i32
            }));
        });
        Ok(Self { columns, inverse, centres })
    }

    /// The number of columns.
    pub(in crate::vertical) fn width(&self) -> usize {
        self.inverse.len()
    }

    /// The factor 1/r of a column, if R keeps coordinates apart.
    pub(in crate::vertical) fn scale(&self, column: usize) -> f64 {
        self.inverse[column][column]
    }

    /// The coefficients w = R⁻¹·v.
    pub(in crate::vertical) fn coefficients(&self, v: &[f64]) -> Vec<f64> {
        let mut w = vec![0.0; v.len()];
        for (column, value) in self.inverse.iter().zip(v) {
            for (w, entry) in w.iter_mut().zip(column) {
                *w += entry * value;
            }
        }
        w
    }

    /// The variables v = R·w of the coefficients `w`, by substitution in R⁻¹·v = w.
    pub(in crate::vertical) fn variables(&self, w: &[f64]) -> Vec<f64> {
        let mut rest = w.to_vec();
        let mut v = vec![0.0; w.len()];
        for (index, column) in self.inverse.iter().enumerate().take(w.len()).rev() {
            v[index] = rest[index] / column[index];
            for (rest, entry) in rest.iter_mut().zip(column) {
                *rest -= entry * v[index];
            }
        }
        v
    }

    /// What the coefficients `w` of the plain columns leave to an intercept.
    pub(in crate::vertical) fn offset(&self, w: &[f64]) -> f64 {
        -self.centres.iter().zip(w).map(|(centre, w)| centre * w).sum::<f64>()
    }
}

/// R⁻¹ with `RᵀR = matrix`, given by its lower triangle.
fn whitening_inverse(matrix: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, ModelError> {
    Ok(invert_upper(&cholesky(matrix)?))
}

/// R⁻¹ for R = r·I with r² the largest row sum of magnitudes, which bounds the largest eigenvalue.
fn separate_inverse(matrix: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, ModelError> {
    let width = matrix.len();
    let entry = |row: usize, column: usize| matrix[row.max(column)][row.min(column)].abs();
    let bound = (0..width).map(|row| (0..width).map(|column| entry(row, column)).sum::<f64>());
    let bound = bound.fold(0.0, f64::max);
    if !(bound.is_finite() && bound > 0.0) {
        return Err(ModelError::InvalidInput("all features are zero or not finite".to_owned()));
    }
    let inverse = 1.0 / bound.sqrt();
    let column = |index| (0..=index).map(|row| if row == index { inverse } else { 0.0 }).collect();
    Ok((0..width).map(column).collect())
}

fn means(columns: &[&[f64]]) -> Vec<f64> {
    columns.par_iter().map(|column| column.iter().sum::<f64>() / column.len() as f64).collect()
}

/// The upper triangular R with `RᵀR = matrix` (given by its lower triangle); `r[j]` is column j.
fn cholesky(matrix: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, ModelError> {
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
    for (index, row) in matrix.iter().enumerate() {
        let mut column = vec![0.0; index + 1];
        for earlier in 0..=index {
            let known: f64 = (0..earlier)
                .map(|inner| {
                    let left = if earlier < index { factor[earlier][inner] } else { column[inner] };
                    left * column[inner]
                })
                .sum();
            let rest = row[earlier] - known;
            column[earlier] = if earlier < index { rest / factor[earlier][earlier] } else { rest };
        }
        let pivot = column[index];
        if !(pivot.is_finite() && pivot > 0.0) {
            return Err(ModelError::InvalidInput(format!(
                "feature number {} is constant zero, not finite, or an exact combination of the \
                 features before it; leave it out",
                index + 1
            )));
        }
        column[index] = pivot.sqrt();
        factor.push(column);
    }
    Ok(factor)
}

/// The inverse of an upper triangular matrix given by columns.
fn invert_upper(factor: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let width = factor.len();
    (0..width)
        .map(|column| {
            let mut solution = vec![0.0; column + 1];
            for row in (0..=column).rev() {
                let target = if row == column { 1.0 } else { 0.0 };
                let known: f64 =
                    (row + 1..=column).map(|inner| factor[inner][row] * solution[inner]).sum();
                solution[row] = (target - known) / factor[row][row];
            }
            solution
        })
        .collect()
}

/// Entries in fixed point are below this.
const LIMIT: f64 = (1 << 20) as f64;

/// The integer for an entry of a row. Rows from `training` on are for validation and pulled to the
/// limit.
fn fixed(entry: f64, row: usize, training: usize) -> Result<i32, ModelError> {
    let limit = LIMIT - 1.0;
    if row < training && entry.abs() < LIMIT || row >= training && entry.is_finite() {
        return Ok(entry.round().clamp(-limit, limit) as i32);
    }
    Err(ModelError::InvalidInput(if row < training {
        format!(
            "row {} of the training rows is not finite or dominates a feature; clip outliers",
            row + 1
        )
    } else {
        format!("row {} of the validation rows is not finite", row - training + 1)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without penalties and centring, all of `training` rows.
    fn plain(training: usize, penalised: &[bool]) -> Shape<'_> {
        Shape {
            training,
            column_bits: column_bits(training),
            penalised,
            l2: 0.0,
            steepness: 0.25,
            separate: false,
            centred: false,
        }
    }

    /// `RᵀR` and R⁻¹ against their definitions, on columns that nearly coincide.
    #[test]
    fn factor_and_inverse_satisfy_their_definitions() {
        let columns: Vec<Vec<f64>> = (0..4)
            .map(|column| {
                (0..50)
                    .map(|row| f64::from(row * (column + 3)).sin() + 0.9 * f64::from(row).cos())
                    .collect()
            })
            .collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let shape = Shape { l2: 0.01, ..plain(50, &[true; 4]) };
        let whitened = Whitened::new(&columns, &shape).unwrap();
        let scale = f64::from(1 << column_bits(50));
        for left in 0..4 {
            for right in 0..4 {
                let (data, penalty) = whitened.columns[left].split_at(50);
                let products = data.iter().zip(&whitened.columns[right]);
                let gram: f64 =
                    products.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>() / 50.0 / 4.0;
                let entry =
                    gram / scale / scale + f64::from(penalty[right]) / f64::from(1 << PENALTY_BITS);
                let expected = f64::from(u8::from(left == right));
                assert!((entry - expected).abs() < 1e-3, "{left},{right}: {entry}");
            }
        }
    }

    #[test]
    fn variables_and_coefficients_are_each_others_inverse() {
        let columns: Vec<Vec<f64>> = (1..4)
            .map(|column| (0..50).map(|row| f64::from(row * column).sin()).collect())
            .collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        for separate in [false, true] {
            let shape = Shape { l2: 0.01, separate, ..plain(50, &[true; 3]) };
            let whitened = Whitened::new(&columns, &shape).unwrap();
            let w = [0.5, -2.0, 1.25];
            let back = whitened.coefficients(&whitened.variables(&w));
            assert!(back.iter().zip(w).all(|(back, w)| (back - w).abs() < 1e-9), "{back:?}");
        }
    }

    #[test]
    fn a_zero_column_is_named() {
        let zero = [0.0; 8];
        let mut shape = plain(8, &[false]);
        let error = Whitened::new(&[&zero], &shape).err();
        // The jitter alone carries a zero column: it stays zero and gets the coefficient zero.
        assert!(error.is_none());
        let bad = [f64::NAN; 8];
        shape.penalised = &[true];
        assert!(Whitened::new(&[&bad], &shape).is_err());
    }

    /// Centring is the same as whitening columns whose means were taken out beforehand.
    #[test]
    fn centring_takes_the_means_out() {
        let moved: Vec<f64> = (0..50).map(|row| 7.0 + f64::from(row).sin()).collect();
        let mean = moved.iter().sum::<f64>() / 50.0;
        let taken_out: Vec<f64> = moved.iter().map(|value| value - mean).collect();
        let mut shape = Shape { l2: 0.01, centred: true, ..plain(50, &[true]) };
        let centred = Whitened::new(&[&moved], &shape).unwrap();
        shape.centred = false;
        let expected = Whitened::new(&[&taken_out], &shape).unwrap();
        let pairs = centred.columns[0].iter().zip(&expected.columns[0]);
        assert!(pairs.map(|(left, right)| (left - right).abs()).max() <= Some(1));
        assert!((centred.offset(&[2.0]) + 2.0 * mean).abs() < 1e-9);
        assert!(expected.offset(&[2.0]).abs() < 1e-9);
    }

    /// Rows beyond the training rows change nothing but their own entries, and the limit holds.
    #[test]
    fn validation_rows_follow_the_training_rows() {
        let training: Vec<f64> = (0..50).map(|row| 3.0 + f64::from(row).sin()).collect();
        let shape = Shape { l2: 0.01, centred: true, ..plain(50, &[true]) };
        let expected = Whitened::new(&[&training], &shape).unwrap();
        let all = [training.as_slice(), &[training[7], -1e12]].concat();
        let whitened = Whitened::new(&[&all], &shape).unwrap();
        let (rows, penalty) = whitened.columns[0].split_at(52);
        assert_eq!([&rows[..50], penalty].concat(), expected.columns[0]);
        assert_eq!(rows[50..], [expected.columns[0][7], 1 - (1 << 20)]);
        let bad = [training.as_slice(), &[f64::NAN]].concat();
        assert!(Whitened::new(&[&bad], &shape).is_err());
    }
}
