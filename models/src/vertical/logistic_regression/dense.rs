//! Products of a party's own columns with each other and with its change of variables, in blocks
//! that stay in the cache: for a thousand columns these are most of what is computed in the plain.

use std::ops::Range;

use crypto::dense::{LEFT, RIGHT, Sums, add_outer_products};
use rayon::prelude::*;

/// Rows whose columns are multiplied at once: two panels of them fit a first-level cache.
const GRAM_ROWS: usize = 256;
/// Rows that go through the change of variables at once: with all columns they fit a second-level
/// cache.
const CHANGE_ROWS: usize = 4 * LEFT;
/// Rows of one round of tasks.
const ROUND_ROWS: usize = 256 * CHANGE_ROWS;

/// `scale·(X - centres)ᵀ(X - centres)`, the lower triangle.
pub(super) fn gram(columns: &[&[f64]], centres: &[f64], scale: f64) -> Vec<Vec<f64>> {
    let (width, rows) = (columns.len(), columns.first().map_or(0, |column| column.len()));
    let rights = width.div_ceil(RIGHT);
    let mut sums = vec![Sums::default(); width.div_ceil(LEFT) * rights];
    for start in (0..rows).step_by(GRAM_ROWS) {
        let block = start..rows.min(start + GRAM_ROWS);
        let left = panels::<LEFT>(columns, centres, &block);
        let right = panels::<RIGHT>(columns, centres, &block);
        sums.par_chunks_mut(rights.max(1)).zip(left).enumerate().for_each(|(i, (sums, left))| {
            let lower = right.iter().zip(sums).take(((i + 1) * LEFT).div_ceil(RIGHT));
            lower.for_each(|(right, sums)| add_outer_products(&left, right, sums));
        });
    }
    let entry = |row: usize, column: usize| {
        let sums = &sums[row / LEFT * rights + column / RIGHT];
        scale * sums[column % RIGHT][row % LEFT]
    };
    (0..width).map(|row| (0..=row).map(|column| entry(row, column)).collect()).collect()
}

/// For every `WIDTH` columns, the values of some rows less the centres; zeros fill up.
fn panels<const WIDTH: usize>(
    columns: &[&[f64]],
    centres: &[f64],
    rows: &Range<usize>,
) -> Vec<Vec<[f64; WIDTH]>> {
    let pairs = columns.par_chunks(WIDTH).zip(centres.par_chunks(WIDTH));
    let panel = |(columns, centres): (&[&[f64]], &[f64])| {
        let mut panel = vec![[0.0; WIDTH]; rows.len()];
        for (place, (column, centre)) in columns.iter().zip(centres).enumerate() {
            for (values, value) in panel.iter_mut().zip(&column[rows.clone()]) {
                values[place] = value - centre;
            }
        }
        panel
    };
    pairs.map(panel).collect()
}

/// A change of variables, ready to be applied: an upper triangular matrix, times a factor.
pub(super) struct Change<'a> {
    columns: &'a [&'a [f64]],
    centres: &'a [f64],
    /// For every [`RIGHT`] new variables, their weights of each old one that counts.
    weights: Vec<Vec<[f64; RIGHT]>>,
}

impl<'a> Change<'a> {
    /// To `(X - centres)·matrix·factor`, where `matrix[j]` is column j, entries 0..=j.
    pub(super) fn new(
        columns: &'a [&'a [f64]],
        centres: &'a [f64],
        matrix: &[Vec<f64>],
        factor: f64,
    ) -> Self {
        let weights = |columns: &[Vec<f64>]| {
            let count = columns.last().map_or(0, Vec::len);
            let mut weights = vec![[0.0; RIGHT]; count];
            for (place, column) in columns.iter().enumerate() {
                for (weights, entry) in weights.iter_mut().zip(column) {
                    weights[place] = entry * factor;
                }
            }
            weights
        };
        Self { columns, centres, weights: matrix.par_chunks(RIGHT).map(weights).collect() }
    }

    /// The new columns, each number made an integer by `round`, which also gets its row.
    pub(super) fn apply<E: Send>(
        &self,
        round: impl Fn(f64, usize) -> Result<i32, E> + Sync,
    ) -> Result<Vec<Vec<i32>>, E> {
        let rows = self.columns.first().map_or(0, |column| column.len());
        let mut changed = vec![Vec::with_capacity(rows + self.columns.len()); self.columns.len()];
        for start in (0..rows).step_by(ROUND_ROWS) {
            let starts = (start..rows.min(start + ROUND_ROWS)).into_par_iter();
            let blocks = starts
                .step_by(CHANGE_ROWS)
                .map(|start| self.block(start..rows.min(start + CHANGE_ROWS), &round));
            let blocks = blocks.collect::<Result<Vec<_>, E>>()?;
            changed.par_iter_mut().enumerate().for_each(|(index, column)| {
                for block in &blocks {
                    column.extend(&block[index]);
                }
            });
        }
        Ok(changed)
    }

    /// Some rows of every new column.
    fn block<E>(
        &self,
        rows: Range<usize>,
        round: &impl Fn(f64, usize) -> Result<i32, E>,
    ) -> Result<Vec<Vec<i32>>, E> {
        let starts = rows.clone().step_by(LEFT);
        let panels: Vec<Vec<[f64; LEFT]>> =
            starts.map(|start| self.panel(start..rows.end.min(start + LEFT))).collect();
        let mut block = vec![Vec::with_capacity(rows.len()); self.columns.len()];
        for (columns, weights) in block.chunks_mut(RIGHT).zip(&self.weights) {
            for (index, panel) in panels.iter().enumerate() {
                let mut sums = Sums::default();
                add_outer_products(panel, weights, &mut sums);
                let first = rows.start + index * LEFT;
                for (column, sums) in columns.iter_mut().zip(&sums) {
                    for (row, sum) in (first..rows.end).zip(sums) {
                        column.push(round(*sum, row)?);
                    }
                }
            }
        }
        Ok(block)
    }

    /// Up to [`LEFT`] rows of all old columns; zeros fill up.
    fn panel(&self, rows: Range<usize>) -> Vec<[f64; LEFT]> {
        let pairs = self.columns.iter().zip(self.centres);
        let values = pairs.map(|(column, centre)| {
            let mut values = [0.0; LEFT];
            for (place, value) in values.iter_mut().zip(&column[rows.clone()]) {
                *place = value - centre;
            }
            values
        });
        values.collect()
    }
}
