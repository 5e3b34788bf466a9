//! How far the targets that count are spread, to a few digits.
//!
//! The guest measures its targets in deviations of those of all its rows, so that the variance of
//! those that count is about 1, whatever they are, and what is opened of it has as many digits.
//! Beyond [`MOST`] it is not opened: where a few targets are far beyond the others, further digits
//! would tell which of these count.

use mpc::comparison::is_negative;
use mpc::conversion::select;
use mpc::multiplication::multiply;
use mpc::wide::shorten;
use mpc::{MpcError, TwoParty};

use super::SUM_BITS;

/// Fractional bits of the variance that is opened.
const BITS: u32 = 9;
/// What larger ones count as.
const MOST: i64 = 4 << BITS;
/// Smaller ones say too little: three steps, by which they may be off, are a twentieth of this.
const LEAST: i64 = 1 << (BITS - 3);
/// Fractional bits of a public factor between 1 and 4.
const FACTOR_BITS: u32 = 10;

/// The guest's targets in units of their deviation.
pub(super) struct Standardised {
    /// At places with a row with a mean of 0 and, unless they are all alike, a mean square of 1;
    /// elsewhere 0.
    pub(super) targets: Vec<f64>,
    deviation: f64,
}

impl Standardised {
    /// Of targets of which `filled` says at which places there is a row, at all without it.
    pub(super) fn new(targets: &[f64], filled: Option<&[bool]>) -> Self {
        let is_filled = |place: usize| filled.is_none_or(|filled| filled[place]);
        let places = targets.iter().copied().enumerate();
        let own = places.clone().filter(|(place, _)| is_filled(*place));
        let own: Vec<f64> = own.map(|(_, target)| target).collect();
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let variance = own.iter().map(|target| (target - mean).powi(2)).sum::<f64>() / count;
        let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        let standardised = |(place, target): (usize, f64)| {
            if is_filled(place) { (target - mean) / deviation } else { 0.0 }
        };
        Self { targets: places.map(standardised).collect(), deviation }
    }

    /// The variance of the targets that count, from what was opened; `None` where that is at one of
    /// its ends.
    pub(super) fn variance(&self, opened: i64) -> Option<f64> {
        let is_within = (LEAST..MOST).contains(&opened);
        is_within.then(|| opened as f64 / f64::from(1 << BITS) * self.deviation.powi(2))
    }
}

/// Whether this can have been opened.
pub(super) fn is_sound(opened: i64) -> bool {
    (-4..=MOST).contains(&opened)
}

/// A share of the variance of `count` standardised targets, at most [`MOST`] and off by at most
/// three steps and a thousandth of itself. `sum` and `squares` are shares of their sum and of the
/// sum of their squares, with half of [`SUM_BITS`].
pub(super) async fn variance(
    party: &mut TwoParty,
    [sum, squares]: [u128; 2],
    count: usize,
) -> Result<u64, MpcError> {
    let log_count = count.next_power_of_two().ilog2();
    let squared_sum = multiply(party, &[sum], &[sum]).await?;
    // The variance times the squared count, which a factor makes a power of two.
    let raised = squares.wrapping_mul(count as u128) << (SUM_BITS / 2);
    let rest = 2_f64.powi(2 * log_count as i32) / (count as f64).powi(2);
    let factor = (rest * f64::from(1 << FACTOR_BITS)).round() as u128;
    let scaled = squared_sum.iter().map(|it| raised.wrapping_sub(*it).wrapping_mul(factor));
    let shift = SUM_BITS + FACTOR_BITS + 2 * log_count - BITS;
    let variance = shorten(party, &scaled.collect::<Vec<u128>>(), shift).await?;
    let words: Vec<u64> = variance.into_iter().map(|share| share as u64).collect();
    let most = party.share_of_public(MOST.cast_unsigned());
    let room: Vec<u64> = words.iter().map(|word| most.wrapping_sub(*word)).collect();
    let is_beyond = is_negative(party, &room, 64).await?;
    let excess = select(party, &is_beyond, &room).await?;
    Ok(words.iter().chain(&excess).fold(0, |sum, word| sum.wrapping_add(*word)))
}
