//! Sums of derivatives per (feature, bin).

use std::ops::{Add, AddAssign, Sub};

use features::binned::BinnedFeature;
use rayon::prelude::*;

use super::{Direction, Gradient, Gradients};

/// Sums of the derivatives of some rows, in [`Gradients::units`]; below 2^44 each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    /// Sum of first derivatives.
    pub first: i64,
    /// Sum of second derivatives.
    pub second: i64,
}

/// All cells of one node: for each feature the one of missing values, then one a bin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram(pub Vec<Cell>);

/// Where each feature's cells begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Ascending, one more than there are features; the last is the number of cells.
    starts: Vec<usize>,
    /// One a feature; empty: any.
    directions: Vec<Direction>,
}

impl Layout {
    /// The layout of features with these numbers of bins (missing not counted).
    pub fn new(bins: impl IntoIterator<Item = usize>) -> Self {
        let mut starts = vec![0];
        let mut end = 0;
        for bins in bins {
            end += bins + 1;
            starts.push(end);
        }
        Self { starts, directions: Vec::new() }
    }

    /// The same with how predictions may depend on each feature, one direction a feature.
    #[must_use]
    pub fn with_directions(mut self, directions: Vec<Direction>) -> Self {
        debug_assert_eq!(directions.len(), self.features());
        self.directions = directions;
        self
    }

    /// How predictions may depend on a feature.
    pub fn direction(&self, feature: usize) -> Direction {
        self.directions.get(feature).copied().unwrap_or_default()
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of cells of one node.
    pub fn cells(&self) -> usize {
        self.starts[self.features()]
    }

    /// The cells of one feature, the missing one first.
    pub fn of<'a>(&self, cells: &'a [Cell], feature: usize) -> &'a [Cell] {
        &cells[self.starts[feature]..self.starts[feature + 1]]
    }
}

impl Add for Cell {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { first: self.first + other.first, second: self.second + other.second }
    }
}

impl Sub for Cell {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { first: self.first - other.first, second: self.second - other.second }
    }
}

impl AddAssign<Gradient> for Cell {
    fn add_assign(&mut self, gradient: Gradient) {
        self.first += i64::from(gradient.first);
        self.second += i64::from(gradient.second);
    }
}

impl Cell {
    /// Sum over some rows.
    pub fn sum(gradients: &Gradients, rows: &[u32]) -> Self {
        let mut sum = Self::default();
        for &row in rows {
            sum += gradients.values[row as usize];
        }
        sum
    }
}

impl Histogram {
    /// The cells of the rows that are in `self` and not in `part`.
    #[must_use]
    pub fn minus(&self, part: &Self) -> Self {
        Self(self.0.iter().zip(&part.0).map(|(&whole, &part)| whole - part).collect())
    }
}

/// The histograms of several nodes, each given by its rows, over features at hand.
///
/// Uses rayon: call it inside `Session::compute`, or anywhere that is not asynchronous.
pub fn histograms(
    features: &[&BinnedFeature],
    nodes: &[&[u32]],
    gradients: &Gradients,
) -> Vec<Histogram> {
    let ordered: Vec<Vec<Gradient>> = nodes
        .par_iter()
        .map(|rows| rows.iter().map(|&row| gradients.values[row as usize]).collect())
        .collect();
    let node = |(rows, ordered): (&&[u32], &Vec<Gradient>)| {
        let parts: Vec<Vec<Cell>> =
            features.par_iter().map(|feature| feature_cells(feature, rows, ordered)).collect();
        Histogram(parts.concat())
    };
    nodes.par_iter().zip(&ordered).map(node).collect()
}

/// The cells of one feature over one node; `ordered` holds the derivatives of `rows`.
fn feature_cells(feature: &BinnedFeature, rows: &[u32], ordered: &[Gradient]) -> Vec<Cell> {
    // The full 256 cells let the compiler leave out the bounds check of the table.
    let mut table = [Cell::default(); 256];
    let codes = feature.codes.as_slice();
    for (&row, &gradient) in rows.iter().zip(ordered) {
        table[usize::from(codes[row as usize])] += gradient;
    }
    table[..=feature.bins].to_vec()
}
