//! Scores far beyond the series, and what many evaluations are on average.

use std::f64::consts::FRAC_PI_2;

use super::vectors::SERIES;
use super::*;
use crate::several::tests::{all, shares, sums};

/// Out to the end of the ring there is no score that counts as another one: a multiple of the
/// period, or of a power of two of it.
#[test]
fn correct_far_out() {
    let magnitudes = [50.0, 1.6e3, 2e3, 3.2e3, 6.4e3, 5e4, 102_400.0, 819_200.0, 1.6e6];
    let scores: Vec<f64> = magnitudes.iter().flat_map(|score| [*score, -score]).collect();
    let values: Vec<u64> =
        scores.iter().map(|score| (score * SCORE_UNIT).round() as i64 as u64).collect();
    let all_shares = shares(5, 3, &values, 1 << 64);
    let scales = vec![1.5; scores.len()];
    let outcome = all(8, 3, async |parties| {
        let sigmoid = Sigmoid::prepare(parties).await.unwrap();
        sigmoid.evaluate(parties, &all_shares[parties.number()], &scales, 30).await.unwrap()
    });
    let found = sums(&outcome.results.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for (found, score) in found.iter().zip(&scores) {
        let expected = if *score > 0.0 { 3 << 29 } else { 0 };
        assert_eq!(*found, expected, "{score}");
    }
}

/// Where the series' terms all have their peaks, rounding to the nearest integer would move what
/// five parties get by five times the bound.
#[test]
fn correct_on_average() {
    const COUNT: usize = 5;
    const ROWS: usize = 8192;
    let score = (12.5 * SCORE_UNIT) as u64;
    let all_shares = shares(6, COUNT, &vec![score; ROWS], 1 << 64);
    let scales = vec![1.0; ROWS];
    let outcome = all(9, COUNT, async |parties| {
        let sigmoid = Sigmoid::prepare(parties).await.unwrap();
        sigmoid.series(parties, &all_shares[parties.number()], &scales).await.unwrap()
    });
    let value = |row: usize| {
        let sum: u128 = outcome.results.iter().map(|shares| u128::from(shares[row])).sum();
        let slot = (sum % u128::from(PRIME)) as i64;
        let prime = PRIME as i64;
        let signed = if slot > prime / 2 { slot - prime } else { slot };
        signed as f64 / (1_u64 << PRODUCT_BITS) as f64
    };
    let mean = (0..ROWS).map(value).sum::<f64>() / ROWS as f64;
    let term =
        |(index, term): (usize, &f64)| term * (f64::from(2 * index as u32 + 1) * FRAC_PI_2).sin();
    let expected: f64 = SERIES.iter().enumerate().map(term).sum();
    let bound = 5.0 * deviation(COUNT) / (ROWS as f64).sqrt();
    assert!((mean - expected).abs() < bound, "{mean} for {expected} within {bound}");
}
