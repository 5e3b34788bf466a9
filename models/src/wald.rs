//! Wald's test of a coefficient: whether an estimate is farther from 0 than chance puts it.
//!
//! Source: Wald, "Tests of statistical hypotheses concerning several parameters", 1943; series and
//! continued fraction of the error function: Abramowitz and Stegun, "Handbook of Mathematical
//! Functions", 1964, 7.1.6 and 7.1.14.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use serde::{Deserialize, Serialize};

/// A coefficient's standard error, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Wald {
    /// The standard deviation of the estimate.
    pub standard_error: f64,
    /// The estimate by its standard error.
    pub z: f64,
    /// The probability that a standard normal number is at least as far from 0 as z, on either
    /// side.
    pub p: f64,
}

impl Wald {
    /// The test of an estimate with a standard error above 0.
    pub fn new(estimate: f64, standard_error: f64) -> Self {
        let z = estimate / standard_error;
        Self { standard_error, z, p: two_sided(z) }
    }
}

/// The probability that a standard normal number is at least as far from 0 as `z`: to 13 digits
/// up to |z| = 37, beyond which it is 0 in double precision.
pub fn two_sided(z: f64) -> f64 {
    complementary_error(z.abs() * FRAC_1_SQRT_2)
}

/// `2/√π·∫ exp(-t²) dt` from x to infinity, for x of at least 0.
fn complementary_error(x: f64) -> f64 {
    let density = (-x * x).exp() / PI.sqrt();
    if x < 2.0 {
        // erf x = 2/√π·exp(-x²)·Σ 2^k·x^(2k+1)/(1·3·…·(2k+1)); every term is positive.
        let (mut term, mut sum, mut odd) = (x, x, 1.0);
        while term > f64::EPSILON * sum {
            odd += 2.0;
            term *= 2.0 * x * x / odd;
            sum += term;
        }
        1.0 - 2.0 * density * sum
    } else {
        // x + (1/2)/(x + 1/(x + (3/2)/(x + …))), from far enough inside.
        let inner = (1..=DEPTH).rev().fold(x, |rest, k| x + f64::from(k) / 2.0 / rest);
        density / inner
    }
}

/// Terms of the continued fraction that give 13 digits from 2 on.
const DEPTH: u32 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two-sided tails of the normal distribution, from R's `2 * pnorm(-z)`.
    #[test]
    fn tails_are_those_of_tables() {
        for (z, expected) in [
            (0.0, 1.0),
            (0.5, 0.617_075_077_451_974),
            (1.0, 0.317_310_507_862_914),
            (1.959_963_984_540_054, 0.05),
            (2.575_829_303_548_901, 0.01),
            (3.0, 0.002_699_796_063_260),
            (5.0, 5.733_031_437_583_88e-7),
            (8.0, 1.244_192_114_854_36e-15),
        ] {
            for z in [z, -z] {
                let p = two_sided(z);
                assert!((p / expected - 1.0).abs() < 1e-11, "{z}: {p:e} for {expected:e}");
            }
        }
        assert!(two_sided(60.0) >= 0.0);
    }

    /// Both ways of computing it meet.
    #[test]
    fn series_and_fraction_agree_where_they_meet() {
        let [below, above] = [2.0 - 1e-12, 2.0 + 1e-12].map(complementary_error);
        assert!((below / above - 1.0).abs() < 1e-10, "{below} {above}");
    }

    #[test]
    fn an_estimate_of_two_errors_is_just_significant() {
        let test = Wald::new(-0.4, 0.2);
        assert!((test.z + 2.0).abs() < 1e-12 && test.p < 0.05 && test.p > 0.04);
    }
}
