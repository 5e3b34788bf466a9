//! What a guest makes of its interactions and columns before training, and its part of a model.

use crypto::random::Generator;
use features::arithmetic::dot;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::host_side::{offset, penalised_factor, user_factors};
use super::matrix::{Decomposition, Matrix, add_scaled, decompose};
use super::{Interactions, MULTIPLE, Settings, check_columns, means};
use crate::ModelError;

/// What a guest has.
#[derive(Clone, Copy, Debug)]
pub struct GuestData<'a> {
    /// What its users did with its items.
    pub interactions: &'a Interactions,
    /// Columns of one value for each user (standardise them before).
    pub columns: &'a [&'a [f64]],
    /// Columns of one value for each item, such as 1 for the items of a kind and 0 for the others.
    pub item_features: &'a [&'a [f64]],
}

/// A guest's features of the users and what is to be predicted, in coordinates in which its own
/// problem is solved.
///
/// Item vectors are written in an orthonormal basis V of the directions in which interactions vary
/// most. Features are the history in that basis and the guest's columns, whitened as the
/// objective says. Both sides are rotated so that the products of features with what is predicted
/// are diagonal: these are the *strengths*, scaled so that none is above 1. Features beyond the
/// directions have none; they count as soon as the host's columns go together with them.
#[derive(Debug)]
pub struct GuestSide {
    popularity: Vec<f64>,
    centres: Vec<f64>,
    /// Items × directions, rotated.
    basis: Matrix<f64>,
    /// From directions (before they were rotated) and columns to features.
    map: Matrix<f64>,
    /// The same from items, and the basis before it was rotated.
    history: Matrix<f64>,
    scale: f64,
    strengths: Vec<f64>,
    /// Users × features, of which the last ones may be 0.
    user_columns: Matrix<f64>,
    /// Users × directions: what is predicted, divided by `scale`.
    targets: Matrix<f64>,
}

/// A guest's part of a model of k factors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuestPart {
    /// The share of users that each item has, which is the score of an average user.
    pub item_biases: Vec<f64>,
    /// k for each item as a candidate, item after item.
    pub item_factors: Vec<f64>,
    /// k for each item in a history.
    pub history_factors: Vec<f64>,
    /// k for each column of the guest.
    pub column_factors: Vec<f64>,
    /// What is added to the factors of every user, k numbers.
    pub offset: Vec<f64>,
}

impl GuestSide {
    /// Solves the guest's own problem.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for settings that do not fit, columns of another length or
    /// with values that are not finite, fewer items than factors, or items that all users or none
    /// have.
    pub fn new(data: &GuestData<'_>, settings: &Settings) -> Result<Self, ModelError> {
        let GuestData { interactions, columns, item_features } = *data;
        settings.check()?;
        check_columns(columns, interactions.users(), "users")?;
        check_columns(item_features, interactions.items(), "items")?;
        let users = interactions.users() as f64;
        let popularity = interactions.popularity();
        let directions = settings.directions.min(popularity.len() / MULTIPLE * MULTIPLE);
        let variances: Vec<f64> = popularity.iter().map(|share| share * (1.0 - share)).collect();
        let variance = variances.iter().sum::<f64>() / variances.len() as f64;
        if directions < settings.factors || variance.is_nan() || variance <= 0.0 {
            return Err(ModelError::InvalidInput(format!(
                "{} items of {users} users and {} interactions carry no {} factors",
                popularity.len(),
                interactions.pairs(),
                settings.factors
            )));
        }
        let likeness = Likeness::new(item_features, popularity.len(), settings.spread);
        let basis = principal_directions(interactions, &popularity, &likeness, directions);
        let centres = means(columns);
        let history = centred_sums(interactions, &basis, &popularity);
        let features = beside(&history, columns, &centres);
        let moments = features.transposed_times(&features).scaled(1.0 / users);
        let own = diagonal_in(&basis, &variances);
        let hidden = settings.hidden / (1.0 - settings.hidden);
        let is_history = |row: usize, column: usize| row < directions && column < directions;
        let with = |factor: f64| {
            Matrix::from_fn(moments.rows(), moments.rows(), |row, column| {
                let own = if is_history(row, column) { own.at(row, column) } else { 0.0 };
                moments.at(row, column) + factor * own
            })
        };
        let penalty = |row| settings.l2 * if row < directions { variance } else { 1.0 };
        let factor = penalised_factor(&with(hidden), penalty)?;
        let predicted = with(-1.0);
        let products =
            Matrix::from_fn(moments.rows(), directions, |row, column| predicted.at(row, column));
        let Decomposition { left, values, right } = decompose(&products.solved_forward(&factor));
        // No strength, and no norm of what is predicted, is above 1 when divided by this.
        let largest = largest_moment(&moments.slice(0, directions)).sqrt();
        let scale = values.first().copied().unwrap_or(0.0).max(largest);
        let map = completed(&left, &values).solved_backward(&factor);
        Ok(Self {
            user_columns: features.times(&map),
            targets: history.times(&right).scaled(1.0 / scale),
            history: basis.times(&map.slice(0, directions)),
            basis: basis.times(&right),
            strengths: values.iter().map(|value| value / scale).collect(),
            popularity,
            centres,
            map,
            scale,
        })
    }

    /// Users × features: the directions and the guest's columns, filled up to a multiple of
    /// [`MULTIPLE`].
    pub(crate) fn user_columns(&self) -> &Matrix<f64> {
        &self.user_columns
    }

    /// What is predicted, users × directions.
    pub(crate) fn targets(&self) -> &Matrix<f64> {
        &self.targets
    }

    /// The products of features with what is predicted, from 0 to 1, the largest first.
    pub(crate) fn strengths(&self) -> &[f64] {
        &self.strengths
    }

    /// The optimum of the guest alone for its features.
    pub(crate) fn start_of_features(&self, factors: usize) -> Matrix<f64> {
        self.start(self.user_columns.columns(), factors)
    }

    /// The optimum of the guest alone for directions of items.
    pub(crate) fn start_of_items(&self, factors: usize) -> Matrix<f64> {
        self.start(self.strengths.len(), factors)
    }

    fn start(&self, rows: usize, factors: usize) -> Matrix<f64> {
        Matrix::from_fn(
            rows,
            factors,
            |row, column| {
                if row == column { self.strengths[row].sqrt() } else { 0.0 }
            },
        )
    }

    /// The part of the model with these parameters of features and of directions of items.
    pub(crate) fn part(&self, features: &Matrix<f64>, items: &Matrix<f64>) -> GuestPart {
        let history = self.history.times(features);
        let directions = self.basis.columns();
        let columns = self.map.slice(directions, self.centres.len()).times(features);
        let of_history = offset(&self.popularity, &history);
        let of_columns = offset(&self.centres, &columns);
        GuestPart {
            item_biases: self.popularity.clone(),
            item_factors: self.basis.times(items).scaled(self.scale).entries().to_vec(),
            history_factors: history.entries().to_vec(),
            column_factors: columns.entries().to_vec(),
            offset: of_history.iter().zip(&of_columns).map(|(one, other)| one + other).collect(),
        }
    }
}

impl GuestPart {
    /// The guest's part of each user's factors, k for each, from histories and plain columns.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] for items or columns that are not those of the model.
    pub fn user_factors(
        &self,
        interactions: &Interactions,
        columns: &[&[f64]],
    ) -> Result<Vec<f64>, ModelError> {
        if interactions.items() != self.item_biases.len() {
            return Err(ModelError::InvalidInput(format!(
                "histories of {} items for a model of {}",
                interactions.items(),
                self.item_biases.len()
            )));
        }
        let users = interactions.users();
        let mut factors = user_factors(&self.column_factors, &self.offset, columns, users)?;
        let k = self.offset.len();
        factors.par_chunks_exact_mut(k.max(1)).enumerate().for_each(|(user, factors)| {
            for item in interactions.of_user(user) {
                add_scaled(factors, 1.0, &self.history_factors[*item as usize * k..][..k]);
            }
        });
        Ok(factors)
    }

    /// The score of every item for the user with these k factors, the sum of both parties'.
    pub fn scores(&self, user: &[f64]) -> Vec<f64> {
        let of_items = self.item_factors.chunks_exact(self.offset.len().max(1));
        of_items.zip(&self.item_biases).map(|(item, bias)| bias + dot(user, item)).collect()
    }

    /// The score of one item.
    pub fn score(&self, user: &[f64], item: usize) -> f64 {
        let k = self.offset.len();
        self.item_biases[item] + dot(user, &self.item_factors[item * k..][..k])
    }
}

/// Vectors of items, of which the part that features of items tell counts more.
struct Likeness {
    /// Orthonormal, items × features.
    features: Matrix<f64>,
    spread: f64,
}

impl Likeness {
    fn new(features: &[&[f64]], items: usize, spread: f64) -> Self {
        let mut features =
            Matrix::from_fn(items, features.len(), |item, feature| features[feature][item]);
        features.orthonormalise();
        Self { features, spread }
    }

    fn applied(&self, vectors: &Matrix<f64>) -> Matrix<f64> {
        let told = self.features.times(&self.features.transposed_times(vectors));
        vectors.with(&told, |vector, told| vector + self.spread * told)
    }
}

/// An orthonormal basis of the directions of items in which interactions vary most, the strongest
/// first, by orthogonal iteration (Golub and Van Loan, "Matrix Computations", section 8.2.4).
fn principal_directions(
    interactions: &Interactions,
    popularity: &[f64],
    likeness: &Likeness,
    directions: usize,
) -> Matrix<f64> {
    const ITERATIONS: usize = 30;
    // Where the iteration starts matters to nobody.
    let mut rng = Generator::from_seed([1; 32]);
    let mut vectors = Matrix::from_fn(popularity.len(), directions, |_, _| {
        rng.below(1 << 20) as f64 / f64::from(1 << 19) - 1.0
    });
    vectors.orthonormalise();
    for _ in 0..ITERATIONS {
        let sums = centred_sums(interactions, &likeness.applied(&vectors), popularity);
        let mut products = interactions.scatter(&sums);
        let mut total = vec![0.0; directions];
        (0..sums.rows()).for_each(|user| add_scaled(&mut total, 1.0, sums.row(user)));
        for (item, share) in popularity.iter().enumerate() {
            add_scaled(products.row_mut(item), -share, &total);
        }
        vectors = likeness.applied(&products);
        vectors.orthonormalise();
    }
    let mut basis = likeness.applied(&vectors);
    basis.orthonormalise();
    basis
}

/// Centred interactions times vectors of items.
fn centred_sums(
    interactions: &Interactions,
    vectors: &Matrix<f64>,
    popularity: &[f64],
) -> Matrix<f64> {
    let mut mean = vec![0.0; vectors.columns()];
    for (item, share) in popularity.iter().enumerate() {
        add_scaled(&mut mean, *share, vectors.row(item));
    }
    interactions.gather(vectors, &mean)
}

/// The history and beside it centred columns.
fn beside(history: &Matrix<f64>, columns: &[&[f64]], centres: &[f64]) -> Matrix<f64> {
    let width = history.columns();
    Matrix::from_fn(history.rows(), width + columns.len(), |user, place| {
        match place.checked_sub(width) {
            None => history.at(user, place),
            Some(column) => columns[column][user] - centres[column],
        }
    })
}

/// Orthonormal columns for all features: those at the left of a decomposition, and where the value
/// is 0 and behind them what completes them, as far as there is anything.
fn completed(left: &Matrix<f64>, values: &[f64]) -> Matrix<f64> {
    let (features, width) = (left.rows(), left.columns());
    let least = 1e-12 * values.first().copied().unwrap_or(0.0);
    let counts = |column: usize| column < width && values[column] > least;
    let mut all = Matrix::from_fn(features, width + features, |row, column| {
        if counts(column) {
            left.at(row, column)
        } else {
            f64::from(u8::from(row + width == column))
        }
    });
    all.orthonormalise();
    let is_new = |column: &usize| (0..features).any(|row| all.at(row, *column) != 0.0);
    let mut further = (width..width + features).filter(is_new);
    let width = features.next_multiple_of(MULTIPLE);
    let sources: Vec<Option<usize>> = (0..width)
        .map(|column| if counts(column) { Some(column) } else { further.next() })
        .collect();
    Matrix::from_fn(features, width, |row, column| {
        sources[column].map_or(0.0, |source| all.at(row, source))
    })
}

/// A diagonal matrix of items in the basis.
fn diagonal_in(basis: &Matrix<f64>, diagonal: &[f64]) -> Matrix<f64> {
    let mut scaled = basis.clone();
    for (item, factor) in diagonal.iter().enumerate() {
        scaled.row_mut(item).iter_mut().for_each(|entry| *entry *= factor);
    }
    basis.transposed_times(&scaled)
}

/// The largest eigenvalue of the square matrix at the left of some rows, as the largest of its
/// diagonal: the first direction is the strongest one.
fn largest_moment(moments: &Matrix<f64>) -> f64 {
    (0..moments.rows()).map(|row| moments.at(row, row)).fold(0.0, f64::max)
}
