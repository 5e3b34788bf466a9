//! Derivatives of the log-loss, rounded to integers.

use rayon::prelude::*;

/// Fractional bits of a derivative, where the number of rows leaves room for them.
const FRACTION_BITS_MAX: u32 = 24;
/// A sum over all rows stays below 2 to this power in absolute value, so that two such sums fit
/// into one encrypted number beside its noise.
const SUM_BITS_MAX: u32 = 44;

/// Rows that one thread takes at a time.
const CHUNK: usize = 4096;

/// First and second derivative of one row's loss, in units of [`Gradients::unit`].
///
/// The first is within `-2^24..=2^24`, the second within `0..=2^22`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gradient {
    /// First derivative: weight times (probability - label).
    pub first: i32,
    /// Second derivative: weight times probability times (1 - probability).
    pub second: i32,
}

/// The derivatives for one tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// One a row of the matrix; zero for rows that this tree does not see.
    pub values: Vec<Gradient>,
    /// The rows that this tree sees, ascending.
    pub rows: Vec<u32>,
    /// What the integer 1 stands for: `w_max / 2^f`, with `w_max` the greatest training weight
    /// and `f` = 24 fractional bits, or fewer from 2^20 training rows on so that no sum reaches
    /// 2^44. Each derivative is off by at most half a unit.
    pub unit: f64,
}

impl Gradients {
    /// Derivatives at `margins` for the sampled `rows`; `unit` as from [`unit()`].
    pub(super) fn at(
        margins: &[f64],
        labels: &[u8],
        weight: impl Fn(usize) -> f64 + Sync,
        rows: Vec<u32>,
        unit: f64,
    ) -> Self {
        let derivative = |&row: &u32| {
            let row = row as usize;
            let chance = probability(margins[row]);
            let scale = weight(row) / unit;
            let first = (chance - f64::from(labels[row])) * scale;
            let second = chance * (1.0 - chance) * scale;
            Gradient {
                first: first.round_ties_even() as i32,
                second: second.round_ties_even() as i32,
            }
        };
        let sampled: Vec<Gradient> = rows.par_iter().with_min_len(CHUNK).map(derivative).collect();
        let mut values = vec![Gradient::default(); margins.len()];
        for (&row, gradient) in rows.iter().zip(sampled) {
            values[row as usize] = gradient;
        }
        Self { values, rows, unit }
    }
}

/// The value of the integer 1 for weights up to `weight_max` on `rows` training rows.
pub(super) fn unit(weight_max: f64, rows: usize) -> f64 {
    weight_max / f64::from(1u32 << (sum_bits(rows) - rows_bits(rows)))
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

/// The probability of label 1 that a margin (log-odds) stands for.
pub fn probability(margin: f64) -> f64 {
    1.0 / (1.0 + (-margin).exp())
}

/// Weighted mean log-loss of `margins` on `rows`, in nats; NaN where the rows weigh nothing.
///
/// Uses rayon, and adds in one fixed order whatever the number of threads.
pub fn log_loss(
    margins: &[f64],
    labels: &[u8],
    weight: impl Fn(usize) -> f64 + Sync,
    rows: &[u32],
) -> f64 {
    let of_chunk = |rows: &[u32]| {
        rows.iter().fold((0.0, 0.0), |(loss, total), &row| {
            let row = row as usize;
            let toward = if labels[row] == 1 { margins[row] } else { -margins[row] };
            // ln(1 + e^-x), written so that e^x cannot overflow.
            let row_loss = (-toward).max(0.0) + (-toward.abs()).exp().ln_1p();
            (loss + weight(row) * row_loss, total + weight(row))
        })
    };
    let chunks: Vec<(f64, f64)> = rows.par_chunks(CHUNK).map(of_chunk).collect();
    let (loss, total) =
        chunks.iter().fold((0.0, 0.0), |sum, chunk| (sum.0 + chunk.0, sum.1 + chunk.1));
    loss / total
}
