//! How far two features go together: Pearson's and Spearman's coefficients.

use crate::FeaturesError;
use crate::arithmetic::dot;
use crate::select::CorrelatedPair;
use rayon::prelude::*;

/// Columns of a tile's side, and rows that are multiplied at a time: the blocks of two tiles' sides
/// stay in the second-level cache, and each column is read from memory once per tile, not per pair.
const TILE_COLUMNS: usize = 32;
const BLOCK_ROWS: usize = 512;

/// Pearson's correlation of two columns of finite numbers, in −1 to 1; 0 where one is constant.
///
/// # Errors
///
/// [`FeaturesError::LengthsDiffer`].
pub fn pearson(first: &[f64], second: &[f64]) -> Result<f64, FeaturesError> {
    Ok(matrix(&[first, second])?.at(0, 1))
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank.
///
/// # Errors
///
/// [`FeaturesError::LengthsDiffer`].
pub fn spearman(first: &[f64], second: &[f64]) -> Result<f64, FeaturesError> {
    pearson(&ranks(first), &ranks(second))
}

/// The ranks of finite numbers, from 1; equal values share the mean of their ranks.
///
/// Give ranks to [`matrix`] to get Spearman's coefficients of many columns.
#[expect(clippy::float_cmp, reason = "exactly equal values are ties")]
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order
        .sort_unstable_by(|&left, &right| values[left as usize].total_cmp(&values[right as usize]));
    let mut ranks = vec![0.0; values.len()];
    let mut passed = 0;
    for run in order.chunk_by(|&left, &right| values[left as usize] == values[right as usize]) {
        let mean = passed as f64 + f64::midpoint(run.len() as f64, 1.0);
        for row in run {
            ranks[*row as usize] = mean;
        }
        passed += run.len();
    }
    ranks
}

/// The column moved and scaled so that its sum is 0 and its sum of squares is 1; all zeros for a
/// constant column.
///
/// The dot product of two such columns is their correlation: what two parties multiply when each
/// holds one of the columns.
pub fn unit(column: &[f64]) -> Vec<f64> {
    let mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
    let mut unit: Vec<f64> = column.iter().map(|value| value - mean).collect();
    let norm = unit.iter().map(|value| value * value).sum::<f64>().sqrt();
    // What rounding leaves of a constant column is not a direction.
    let noise = mean.abs() * f64::EPSILON * 8.0 * (column.len() as f64).sqrt();
    let scale = if norm > noise { 1.0 / norm } else { 0.0 };
    for value in &mut unit {
        *value *= scale;
    }
    unit
}

/// The symmetric matrix of correlations of some columns.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationMatrix {
    size: usize,
    /// Row by row.
    values: Vec<f64>,
}

impl CorrelationMatrix {
    /// Number of columns.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The correlation of two columns by their places.
    ///
    /// # Panics
    ///
    /// If a place is not below [`CorrelationMatrix::size`], as indexing a slice does.
    pub fn at(&self, first: usize, second: usize) -> f64 {
        assert!(second < self.size, "column {second} of {}", self.size);
        self.values[first * self.size + second]
    }

    /// The pairs with an absolute correlation above `threshold`, in the order of their places.
    pub fn pairs_above(&self, threshold: f64) -> Vec<CorrelatedPair> {
        let pairs =
            (0..self.size).flat_map(|first| (first + 1..self.size).map(move |b| (first, b)));
        pairs
            .map(|(first, second)| (first, second, self.at(first, second)))
            .filter(|(_, _, correlation)| correlation.abs() > threshold)
            .map(|(first, second, correlation)| CorrelatedPair { first, second, correlation })
            .collect()
    }
}

/// Pearson's correlations of all pairs of columns of finite numbers. Uses rayon.
///
/// A constant column has a correlation of 0 with every other one and of 1 with itself. The result
/// does not depend on the number of threads.
///
/// # Errors
///
/// [`FeaturesError::LengthsDiffer`].
pub fn matrix(columns: &[&[f64]]) -> Result<CorrelationMatrix, FeaturesError> {
    let (size, rows) = (columns.len(), columns.first().map_or(0, |column| column.len()));
    if let Some(place) = columns.iter().position(|column| column.len() != rows) {
        let (what, got) = (format!("column #{place}"), columns[place].len());
        return Err(FeaturesError::LengthsDiffer { what, expected: rows, got });
    }
    let units: Vec<Vec<f64>> = columns.par_iter().map(|column| unit(column)).collect();
    let tiles: Vec<(usize, usize)> = (0..size)
        .step_by(TILE_COLUMNS)
        .flat_map(|first| (first..size).step_by(TILE_COLUMNS).map(move |second| (first, second)))
        .collect();
    let products: Vec<Vec<f64>> = tiles.par_iter().map(|tile| products(&units, *tile)).collect();
    let mut values = vec![0.0; size * size];
    for ((first, second), products) in tiles.into_iter().zip(products) {
        for (place, product) in products.into_iter().enumerate() {
            let (row, column) = (first + place / TILE_COLUMNS, second + place % TILE_COLUMNS);
            if row < column && column < size {
                values[row * size + column] = product.clamp(-1.0, 1.0);
                values[column * size + row] = product.clamp(-1.0, 1.0);
            }
        }
    }
    for place in 0..size {
        values[place * size + place] = 1.0;
    }
    Ok(CorrelationMatrix { size, values })
}

/// Dot products of the columns of a tile, which is given by its first row and column.
fn products(units: &[Vec<f64>], (first, second): (usize, usize)) -> Vec<f64> {
    let side = |start: usize| &units[start..(start + TILE_COLUMNS).min(units.len())];
    let (left, right, rows) = (side(first), side(second), units[first].len());
    let mut sums = vec![0.0; TILE_COLUMNS * TILE_COLUMNS];
    for start in (0..rows).step_by(BLOCK_ROWS) {
        let block = start..(start + BLOCK_ROWS).min(rows);
        for (sums, left) in sums.chunks_exact_mut(TILE_COLUMNS).zip(left) {
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum += dot(&left[block.clone()], &right[block.clone()]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        // numpy.corrcoef and scipy.stats.spearmanr of the same columns.
        let first = [1.0, 2.0, 2.0, 4.0, 7.5, -3.0];
        let second = [0.5, 0.1, 3.0, 2.0, 9.0, 1.0];
        assert!((pearson(&first, &second).unwrap() - 0.770_587_860_574_413_4).abs() < 1e-12);
        assert!((spearman(&first, &second).unwrap() - 0.608_759_587_435_070_9).abs() < 1e-12);
    }

    #[test]
    fn constants_and_lengths() {
        assert_eq!(pearson(&[0.1; 9], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]), Ok(0.0));
        assert!(pearson(&[1.0], &[1.0, 2.0]).is_err());
        assert_eq!(ranks(&[3.0, 1.0, 3.0]), [2.5, 1.0, 2.5]);
    }

    #[test]
    fn many_columns_go_through_several_tiles() {
        let column = |place: usize| -> Vec<f64> {
            (0..700).map(|row| ((row * (place + 3)) % 101) as f64).collect()
        };
        let columns: Vec<Vec<f64>> = (0..70).map(column).collect();
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let matrix = matrix(&slices).unwrap();
        for (first, second) in [(0, 0), (1, 69), (69, 1), (31, 32), (64, 40), (65, 66)] {
            let alone = pearson(slices[first], slices[second]).unwrap();
            assert!((matrix.at(first, second) - alone).abs() < 1e-12, "{first}, {second}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition_and_ignores_scale(
            rows in prop::collection::vec((-1e3_f64..1e3, -1e3_f64..1e3), 3..600),
            scale in 0.1_f64..10.0,
        ) {
            let (first, second): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let (a, b) = (mean(&first), mean(&second));
            let pairs = first.iter().zip(&second);
            let covariance: f64 = pairs.map(|(x, y)| (x - a) * (y - b)).sum();
            let square =
                |values: &[f64], mean: f64| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
            let expected = covariance / (square(&first, a) * square(&second, b)).sqrt();
            let found = pearson(&first, &second).unwrap();
            prop_assert!((found - expected).abs() < 1e-10);
            let scaled: Vec<f64> = first.iter().map(|value| 5.0 - value * scale).collect();
            prop_assert!((pearson(&scaled, &second).unwrap() + found).abs() < 1e-9);
            let pairs = matrix(&[&first, &second, &scaled]).unwrap().pairs_above(0.999);
            prop_assert!(pairs.iter().any(|pair| (pair.first, pair.second) == (0, 2)));
        }
    }
}
