//! What a host makes of its own columns before training, and its part of a model.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::matrix::{Matrix, add_scaled};
use super::{Settings, check_columns, means};
use crate::ModelError;
use crate::local::generalized_linear::linear_system::{factor, forward};
use crate::local::generalized_linear::objective::Triangle;

/// A host's columns of the users, whitened: centred, with second moments that together with the
/// penalty are the identity.
#[derive(Debug)]
pub struct HostSide {
    centres: Vec<f64>,
    factor: Triangle,
    columns: Matrix<f64>,
}

/// A host's part of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostPart {
    /// k for each of its columns, column after column.
    pub column_factors: Vec<f64>,
    /// What is added to the factors of every user, k numbers.
    pub offset: Vec<f64>,
}

impl HostSide {
    /// From columns of one value for each of `users`.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for no columns, too many, of another length or with values that
    /// are not finite; for no more independent columns than factors: a user's k factors, which the
    /// guest gets, would tell all of them, whatever their values; or for settings that do not fit.
    /// That there are more is a necessary minimum: columns of few values follow from the k factors
    /// all the same (see the module's documentation).
    pub fn new(columns: &[&[f64]], users: usize, settings: &Settings) -> Result<Self, ModelError> {
        settings.check()?;
        check_columns(columns, users, "users")?;
        let centres = means(columns);
        let mut centred = Matrix::from_fn(users, columns.len(), |user, column| {
            columns[column][user] - centres[column]
        });
        let moments = centred.transposed_times(&centred).scaled(1.0 / users as f64);
        let independent = independent_columns(&moments, &centres);
        if independent <= settings.factors {
            return Err(ModelError::InvalidInput(format!(
                "{} columns of the host, {independent} of them independent, and {} factors: a \
                 user's factors would tell all columns; set \
                 `factors` below the number of independent columns, or add columns",
                columns.len(),
                settings.factors
            )));
        }
        let factor = penalised_factor(&moments, |_| settings.l2)?;
        (0..users).for_each(|user| forward(&factor, centred.row_mut(user)));
        Ok(Self { centres, factor, columns: centred })
    }

    /// The whitened columns, users × columns.
    pub(crate) fn columns(&self) -> &Matrix<f64> {
        &self.columns
    }

    /// The part of the model with these parameters of the whitened columns.
    pub(crate) fn part(&self, parameters: &Matrix<f64>) -> HostPart {
        let factors = parameters.solved_backward(&self.factor);
        let offset = offset(&self.centres, &factors);
        HostPart { column_factors: factors.entries().to_vec(), offset }
    }
}

impl HostPart {
    /// The host's part of each user's factors, k for each of `users`, from its plain columns.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for columns that are not those of the model.
    pub fn user_factors(&self, columns: &[&[f64]], users: usize) -> Result<Vec<f64>, ModelError> {
        user_factors(&self.column_factors, &self.offset, columns, users)
    }
}

/// How many columns of these second moments are no combination of others, even nearly: the pivots
/// of an elimination that takes the column next of which most is left.
///
/// The bound is a statistical one, and not one of rounding: a column that others tell up to a
/// hundredth of its variance hides nobody behind the rest.
fn independent_columns(moments: &Matrix<f64>, centres: &[f64]) -> usize {
    /// A column of whose variance the others leave no more than this share follows from them.
    const LEFT_OVER: f64 = 0.01;
    /// A variance of no more than this share of the squared mean is rounding.
    const ROUNDING: f64 = 1e-27;
    let columns = moments.rows();
    let mut rest = moments.clone();
    let is_varied =
        |(column, centre): (usize, &f64)| moments.at(column, column) > ROUNDING * centre * centre;
    let mut is_open: Vec<bool> = centres.iter().enumerate().map(is_varied).collect();
    for count in 0..columns {
        let share = |column: usize| rest.at(column, column) / moments.at(column, column);
        let open = (0..columns).filter(|column| is_open[*column] && share(*column) > LEFT_OVER);
        let Some(pivot) = open.max_by(|left, right| share(*left).total_cmp(&share(*right))) else {
            return count;
        };
        is_open[pivot] = false;
        let of_pivot = rest.row(pivot).to_vec();
        for (column, factor) in of_pivot.iter().enumerate() {
            add_scaled(rest.row_mut(column), -factor / of_pivot[pivot], &of_pivot);
        }
    }
    columns
}

/// The offset and the columns' values times their factors, for each user.
pub(super) fn user_factors(
    column_factors: &[f64],
    offset: &[f64],
    columns: &[&[f64]],
    users: usize,
) -> Result<Vec<f64>, ModelError> {
    check_columns(columns, users, "users")?;
    if columns.len() * offset.len() != column_factors.len() {
        return Err(ModelError::InvalidInput(format!(
            "{} columns for a model of {}",
            columns.len(),
            column_factors.len() / offset.len().max(1)
        )));
    }
    let k = offset.len().max(1);
    let mut factors = offset.repeat(users);
    factors.par_chunks_exact_mut(k).enumerate().for_each(|(user, factors)| {
        for (column, of_column) in columns.iter().zip(column_factors.chunks_exact(k)) {
            add_scaled(factors, column[user], of_column);
        }
    });
    Ok(factors)
}

/// What centred columns add to the factors of every user.
pub(super) fn offset(centres: &[f64], factors: &Matrix<f64>) -> Vec<f64> {
    let mut offset = vec![0.0; factors.columns()];
    for (row, centre) in centres.iter().enumerate() {
        add_scaled(&mut offset, -centre, factors.row(row));
    }
    offset
}

/// The Cholesky factor of second moments with a penalty for each column.
pub(super) fn penalised_factor(
    moments: &Matrix<f64>,
    penalty: impl Fn(usize) -> f64,
) -> Result<Triangle, ModelError> {
    let size = moments.rows();
    let mut entries = Vec::with_capacity(size * (size + 1) / 2);
    for row in 0..size {
        entries.extend(&moments.row(row)[..row]);
        entries.push(moments.at(row, row) + penalty(row));
    }
    factor(Triangle { size, entries }).ok_or_else(|| {
        ModelError::InvalidInput(
            "columns are too large, or so close to combinations of each other that l2 does not \
             tell them apart; standardise them, or raise l2"
                .to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_follow_from_others_do_not_hide_a_user() {
        let [first, second, constant]: [Vec<f64>; 3] = [
            (0..50).map(|user| f64::from(user % 7)).collect(),
            (0..50).map(|user| f64::from(user * user % 11)).collect(),
            vec![0.1; 50],
        ];
        let both: Vec<f64> =
            first.iter().zip(&second).map(|(first, second)| 2.0 * first - second + 1.0).collect();
        // All but some thousandths of its variance follows from the first column.
        let nearly: Vec<f64> = (0..50_u32)
            .zip(&first)
            .map(|(user, first)| first + f64::from(user * user % 13) / 60.0)
            .collect();
        let of_period = |period: u32| -> Vec<f64> {
            (0..50_u32).map(|user| f64::from(user % period)).collect()
        };
        let further = [2, 3].map(of_period);
        let mut columns: Vec<&[f64]> = vec![&first, &second, &constant, &both, &nearly];
        columns.extend(further.iter().map(Vec::as_slice));
        let settings = Settings { factors: 4, directions: 4, ..Settings::default() };
        let error = HostSide::new(&columns, 50, &settings).unwrap_err().to_string();
        assert!(error.contains("7 columns of the host, 4 of them independent"), "{error}");
        let fifth = of_period(5);
        columns.push(&fifth);
        assert!(HostSide::new(&columns, 50, &settings).is_ok());
    }
}
