//! Derivatives of the loss, rounded to integers.

use rayon::prelude::*;

use super::loss::{Derivatives, Loss};

/// Fractional bits of a derivative, where the number of rows leaves room for them.
const FRACTION_BITS_MAX: u32 = 24;
/// A sum over all rows stays below 2 to this power in absolute value, so that two such sums fit
/// into one encrypted number beside its noise.
const SUM_BITS_MAX: u32 = 44;

/// Rows that one thread takes at a time.
const CHUNK: usize = 4096;

/// First and second derivative of one row's loss, in [`Gradients::units`].
///
/// The first is within `-2^24..=2^24`, the second within `0..=2^22`, whatever the loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gradient {
    /// First derivative times weight; for the log-loss weight times (probability - label).
    pub first: i32,
    /// Second derivative times weight; for the log-loss weight times probability times
    /// (1 - probability).
    pub second: i32,
}

/// What the integer 1 stands for in derivatives and their sums.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Units {
    /// In first derivatives.
    pub first: f64,
    /// In second derivatives.
    pub second: f64,
}

/// The derivatives for one tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// One a row of the matrix; zero for rows that this tree does not see.
    pub values: Vec<Gradient>,
    /// The rows that this tree sees, ascending.
    pub rows: Vec<u32>,
    /// What the integer 1 stands for. With `f` = 24 fractional bits, or fewer from 2^20 training
    /// rows on so that no sum reaches 2^44, `first` is the greatest derivative possible over `2^f`,
    /// and `second` over `2^(f - 2)`. For log-losses this is the same for all trees (and for the
    /// logistic loss both are `w_max / 2^f`, with `w_max` the greatest training weight); for other
    /// losses it follows from the greatest derivative of this tree's rows, rounded up to a power of
    /// two times `w_max`. Each derivative is off by at most half a unit.
    pub units: Units,
}

/// How derivatives are rounded, for all trees of a training.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounding {
    weight_max: f64,
    fraction_bits: u32,
}

impl Rounding {
    /// For weights up to `weight_max` on `rows` training rows.
    pub(super) fn new(weight_max: f64, rows: usize) -> Self {
        Self { weight_max, fraction_bits: sum_bits(rows) - rows_bits(rows) }
    }

    /// The units for derivatives, of rows of the greatest weight, up to these.
    fn units(self, greatest: Derivatives) -> Units {
        let steps = f64::from(1u32 << self.fraction_bits);
        Units {
            first: self.weight_max * greatest.first / steps,
            second: self.weight_max * greatest.second * 4.0 / steps,
        }
    }
}

impl Gradients {
    /// Rounds the derivatives `at` the sampled `rows` out of `row_count`.
    pub(super) fn new(
        loss: Loss,
        at: impl Fn(usize) -> Derivatives + Sync,
        weight: impl Fn(usize) -> f64 + Sync,
        rows: Vec<u32>,
        row_count: usize,
        rounding: Rounding,
    ) -> Self {
        let greatest = loss.bounds().unwrap_or_else(|| greatest(&at, &weight, &rows, rounding));
        let units = rounding.units(greatest);
        let derivative = |&row: &u32| {
            let row = row as usize;
            let (at, weight) = (at(row), weight(row));
            Gradient {
                first: (at.first * (weight / units.first)).round_ties_even() as i32,
                second: (at.second * (weight / units.second)).round_ties_even() as i32,
            }
        };
        let sampled: Vec<Gradient> = rows.par_iter().with_min_len(CHUNK).map(derivative).collect();
        let mut values = vec![Gradient::default(); row_count];
        for (&row, gradient) in rows.iter().zip(sampled) {
            values[row as usize] = gradient;
        }
        Self { values, rows, units }
    }
}

/// Powers of two that neither derivative exceeds, weights being shares of the greatest; 1 where all
/// derivatives are zero.
fn greatest(
    at: impl Fn(usize) -> Derivatives + Sync,
    weight: impl Fn(usize) -> f64 + Sync,
    rows: &[u32],
    rounding: Rounding,
) -> Derivatives {
    let nothing = || Derivatives { first: 0.0, second: 0.0 };
    let larger = |one: Derivatives, other: Derivatives| Derivatives {
        first: one.first.max(other.first),
        second: one.second.max(other.second),
    };
    let weighed = |&row: &u32| {
        let share = weight(row as usize) / rounding.weight_max;
        let Derivatives { first, second } = at(row as usize);
        Derivatives { first: first.abs() * share, second: second * share }
    };
    let found = rows.par_iter().with_min_len(CHUNK).map(weighed).reduce(nothing, larger);
    let power = |value: f64| if value > 0.0 { value.log2().ceil().exp2() } else { 1.0 };
    Derivatives { first: power(found.first), second: power(found.second) }
}

/// Sums of first derivatives over `rows` training rows stay below 2 to this power in absolute
/// value, those of second derivatives below a quarter of that.
pub(crate) fn sum_bits(rows: usize) -> u32 {
    (rows_bits(rows) + FRACTION_BITS_MAX).min(SUM_BITS_MAX)
}

/// `rows`, which are fewer than 2^32, are below 2 to this power.
fn rows_bits(rows: usize) -> u32 {
    usize::BITS - rows.leading_zeros()
}

/// Weighted mean of `loss` over `rows`; NaN where the rows weigh nothing.
///
/// Uses rayon, and adds in one fixed order whatever the number of threads.
pub(super) fn mean_loss(
    loss: impl Fn(usize) -> f64 + Sync,
    weight: impl Fn(usize) -> f64 + Sync,
    rows: &[u32],
) -> f64 {
    let of_chunk = |rows: &[u32]| {
        rows.iter().fold((0.0, 0.0), |(sum, total), &row| {
            let weight = weight(row as usize);
            (sum + weight * loss(row as usize), total + weight)
        })
    };
    let chunks: Vec<(f64, f64)> = rows.par_chunks(CHUNK).map(of_chunk).collect();
    let (sum, total) =
        chunks.iter().fold((0.0, 0.0), |sum, chunk| (sum.0 + chunk.0, sum.1 + chunk.1));
    sum / total
}
