//! Which fractional bits sums and derivatives have.

use crate::ModelError;
use crate::local::boosted_trees::Settings;

/// How derivatives are packed: the first with [`fraction_bits`](Self::fraction_bits), above
/// [`second_bits`](Self::second_bits) for the second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// Fractional bits of derivatives: 20, or fewer for many rows.
    pub fraction_bits: u32,
    /// Low bits of a packed sum; six times the sum of second derivatives of all rows fits.
    pub second_bits: u32,
    /// Magnitudes of sums of first derivatives are below 2 to this power.
    pub first_sum_bits: u32,
    /// Sums of second derivatives and twice lambda are below 2 to this power.
    pub weight_bits: u32,
    /// lambda in units of derivatives.
    pub lambda: u64,
    /// The smallest weight of a child, in units of derivatives.
    pub min_child_weight: u64,
}

/// Most bits of a node's weight: products of two of them have to fit.
const WEIGHT_BITS_MAX: u32 = 30;
const FRACTION_BITS_MAX: u32 = 20;
/// Fewer would make derivatives too coarse.
const FRACTION_BITS_MIN: u32 = 6;

impl Units {
    /// For so many training rows: as many fractional bits as fit.
    ///
    /// # Errors
    /// [`ModelError::InvalidInput`] if lambda is too large for any.
    pub fn new(rows: usize, settings: &Settings) -> Result<Self, ModelError> {
        (FRACTION_BITS_MIN..=FRACTION_BITS_MAX)
            .rev()
            .find_map(|bits| Self::with(rows, settings, bits))
            .ok_or_else(|| {
                ModelError::InvalidInput(format!(
                    "lambda {} is too large for {rows} rows in fixed point: at most about a quarter \
                     of the rows",
                    settings.l2
                ))
            })
    }

    fn with(rows: usize, settings: &Settings, fraction_bits: u32) -> Option<Self> {
        let unit = f64::from(1 << fraction_bits);
        let row_bits = usize::BITS - rows.leading_zeros();
        let first_sum_bits = row_bits + fraction_bits;
        // A second derivative is at most a quarter; a sixth of a modulus can be widened.
        let second_bits = first_sum_bits - 2 + 3;
        let lambda = (settings.l2 * unit).round();
        let weight = rows as f64 * unit / 4.0 + 2.0 * lambda + SLACK;
        let weight_bits = weight.log2() as u32 + 1;
        let fits = first_sum_bits + 3 + second_bits <= 64 && weight_bits <= WEIGHT_BITS_MAX;
        let child = (settings.min_child_weight * unit).round().min(rows as f64 * unit / 4.0);
        fits.then_some(Self {
            fraction_bits,
            second_bits,
            first_sum_bits,
            weight_bits,
            lambda: lambda as u64,
            min_child_weight: child as u64,
        })
    }
}

/// Rounding of the sums that a node's weight is made of.
const SLACK: f64 = 64.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_bits_for_more_rows() {
        let bits = |rows| Units::new(rows, &Settings::default()).unwrap().fraction_bits;
        assert_eq!([100, 5000, 50_000, 300_000, 1 << 20].map(bits), [20, 17, 14, 11, 9]);
    }

    #[test]
    fn packed_sums_fit() {
        for rows in [2, 1000, 65_535, 65_536, 1 << 22] {
            let units = Units::new(rows, &Settings::default()).unwrap();
            let unit = 1_u64 << units.fraction_bits;
            let (first, second) = (rows as u64 * unit, rows as u64 * unit / 4);
            assert!(6 * second < 1 << units.second_bits);
            assert!(6 * (first + 1) < 1 << (64 - units.second_bits));
            assert!(first < 1 << units.first_sum_bits);
            assert!(second + 2 * units.lambda < 1 << units.weight_bits);
        }
    }

    #[test]
    fn a_lambda_beyond_all_bits_is_refused() {
        let settings = Settings { l2: 1e9, ..Settings::default() };
        assert!(matches!(Units::new(1000, &settings), Err(ModelError::InvalidInput(_))));
    }
}
