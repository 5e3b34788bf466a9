//! What standard errors need of the rows: how much each row says about its linear predictor, and
//! how far the targets are off altogether.
//!
//! A row's information is `s_i` times the second derivative of its loss that is expected of targets
//! with the predicted mean (see [`Family::information`](crate::family::Family::information)); with
//! a logarithmic link and power p that is `s_i·μ^(2-p)`. The dispersion is the mean of
//! `s_i·(y_i - μ_i)²/μ_i^p` (Pearson's); each root of a term is an inner product of exponentials
//! again, with `√s_i` in place of `s_i`.

use mpc::conversion::truncate;
use mpc::exponential::{Range, Term};
use mpc::product::{Form, Products};
use mpc::sigmoid::{Accuracy, Sigmoid};
use mpc::wide::from_words;
use mpc::{Arithmetic, TwoParty};

use super::response::{
    EXPONENT_MAX, FACTOR_BITS, FACTOR_UNIT, Factors, LOG_RESIDUAL_BITS, PREDICTOR_MAX,
    RESIDUAL_BITS, Response, SCORE_SHIFT, add, subtract,
};
use crate::ModelError;

/// Shares in fixed point.
pub(in crate::vertical) struct Fixed<T> {
    /// This party's.
    pub(in crate::vertical) shares: T,
    /// Fractional bits.
    pub(in crate::vertical) bits: u32,
}

/// Fractional bits of information that is at most 6: factors are at most 4, the rest of the
/// objective's factor 1.5.
pub(in crate::vertical) const INFORMATION_BITS: u32 = 22;
/// Fractional bits of information that is the mean itself, up to 518 times its average.
pub(in crate::vertical) const MEAN_BITS: u32 = 12;
/// Fractional bits of probabilities and their roots, at most 2, before they are multiplied.
pub(in crate::vertical) const PROBABILITY_BITS: u32 = 20;
/// Fractional bits of the residuals that are squared.
const SQUARED_BITS: u32 = 20;
/// Fractional bits of the dispersion in units of the target's variance, where it is below 4.
pub(in crate::vertical) const DISPERSION_BITS: u32 = 36;
/// And in units of a power of the mean, where it is below 4,096.
pub(in crate::vertical) const LOG_DISPERSION_BITS: u32 = 26;

impl Response {
    /// Whether the variance has a dispersion that has to be estimated.
    pub(in crate::vertical) fn has_dispersion(&self) -> bool {
        match self {
            Self::Logistic { .. } => false,
            Self::Identity { .. } => true,
            Self::Log { power, .. } => *power > 1.0,
        }
    }

    /// Shares of every row's information, from shares of all linear predictors.
    pub(in crate::vertical) async fn information(
        &self,
        party: &mut TwoParty,
        products: &Products,
        mut scores: Vec<u64>,
    ) -> Result<Fixed<Vec<u64>>, ModelError> {
        let exact = |shares| Fixed { shares, bits: INFORMATION_BITS };
        match self {
            Self::Logistic { sigmoid, scales, .. } => {
                Ok(exact(variances(party, products, sigmoid, scales, &scores).await?))
            }
            Self::Identity { factors, .. } => Ok(exact(factors.words(party, scores.len()))),
            Self::Log { exponential, range, terms, constants, offsets, power } => {
                if *power >= 2.0 {
                    // The mean cancels, and what is left is the guest's.
                    const { assert!(LOG_RESIDUAL_BITS == INFORMATION_BITS) };
                    let mut shares = constants.clone();
                    shares.resize(scores.len(), 0);
                    return Ok(exact(shares));
                }
                add(&mut scores, offsets);
                let means: Vec<Term<'_>> = terms
                    .iter()
                    .take(1)
                    .map(|(rate, factors)| Term { rate: *rate, factors })
                    .collect();
                let shares =
                    exponential.evaluate(party, &scores, &means, *range, MEAN_BITS).await?;
                Ok(Fixed { shares, bits: MEAN_BITS })
            }
        }
    }

    /// A share modulo 2^128 of the sum of all squared residuals, in units of the variance and times
    /// `s_i`, by 2^`log_rows`; `None` without a dispersion.
    pub(in crate::vertical) async fn dispersion(
        &self,
        party: &mut TwoParty,
        products: &Products,
        mut scores: Vec<u64>,
        log_rows: u32,
    ) -> Result<Option<Fixed<u128>>, ModelError> {
        if !self.has_dispersion() {
            return Ok(None);
        }
        let residuals = match self {
            Self::Logistic { .. } => return Ok(None),
            Self::Identity { factors, targets, residual_bits } => {
                let roots = factors.roots();
                let shares =
                    identity_residuals(party, &roots, targets, scores, *residual_bits).await?;
                Fixed { shares, bits: *residual_bits }
            }
            Self::Log { exponential, terms, constants, offsets, power, .. } => {
                add(&mut scores, offsets);
                let roots = Roots::new(terms, constants, *power);
                let (range, bits) = (roots.range()?, LOG_RESIDUAL_BITS);
                let shares =
                    exponential.evaluate(party, &scores, &roots.terms(), range, bits).await?;
                roots.residuals(shares)
            }
        };
        let bits = match self {
            Self::Log { .. } => LOG_DISPERSION_BITS,
            _ => DISPERSION_BITS,
        };
        Ok(Some(mean_square(party, products, &residuals, (log_rows, bits)).await?))
    }
}

/// A share modulo 2^128 of the sum of the squares of all residuals by 2^`log_rows`, with so many
/// fractional bits.
pub(in crate::vertical) async fn mean_square<P: Arithmetic>(
    party: &mut P,
    products: &P::Products,
    residuals: &Fixed<Vec<u64>>,
    (log_rows, bits): (u32, u32),
) -> Result<Fixed<u128>, ModelError> {
    let words: Vec<u128> = residuals.shares.iter().map(|share| u128::from(*share)).collect();
    let words = party.widen(&[(&words, 64, residuals.bits - SQUARED_BITS)]).await?;
    let squares = party.evaluate(products, &[&words[0]], &[Form::product(0, 0, 0)]).await?;
    let sum = squares.iter().flatten().fold(0_u128, |sum, square| sum.wrapping_add(*square));
    let mean = party.shorten(&[sum], 2 * SQUARED_BITS + log_rows - bits).await?;
    Ok(Fixed { shares: mean.first().copied().unwrap_or_default(), bits })
}

/// Shares of `s·(z - y)` with so many fractional bits. With [`RESIDUAL_BITS`], the most, they have
/// to be below 2^11; each bit fewer leaves room for twice as much.
pub(super) async fn identity_residuals(
    party: &mut TwoParty,
    factors: &Factors,
    targets: &[u64],
    mut scores: Vec<u64>,
    residual_bits: u32,
) -> Result<Vec<u64>, ModelError> {
    subtract(&mut scores, targets);
    let spare = RESIDUAL_BITS - residual_bits;
    let scores = truncate(party, &scores, SCORE_SHIFT + spare).await?;
    let products = factors.times(party, &scores).await?;
    Ok(truncate(party, &products, FACTOR_BITS).await?)
}

/// Shares of `s·p·(1 - p)`, as the product of `√s·p` and `√s - √s·p`.
async fn variances(
    party: &mut TwoParty,
    products: &Products,
    sigmoid: &Sigmoid,
    scales: &[f64],
    scores: &[u64],
) -> Result<Vec<u64>, ModelError> {
    let roots: Vec<f64> = scales.iter().map(|scale| scale.sqrt()).collect();
    let left = sigmoid.evaluate(party, scores, &roots, PROBABILITY_BITS, Accuracy::Fine).await?;
    let first = party.is_first();
    let unit = f64::from(1 << PROBABILITY_BITS);
    let whole = |row: usize| if first { (roots[row] * unit).round() as u64 } else { 0 };
    let right = left.iter().enumerate().map(|(row, left)| whole(row).wrapping_sub(*left));
    let right = from_words(&right.collect::<Vec<u64>>(), first);
    let form = Form::product(0, 1, 2 * PROBABILITY_BITS - INFORMATION_BITS);
    let variances = products.evaluate(party, &[&from_words(&left, first), &right], &[form]).await?;
    Ok(variances.iter().flatten().map(|share| *share as u64).collect())
}

impl Factors {
    /// Own shares of the factors of so many rows, with [`INFORMATION_BITS`].
    pub(in crate::vertical) fn words<P: Arithmetic>(&self, party: &P, rows: usize) -> Vec<u64> {
        let word =
            |factor: f64| (factor / FACTOR_UNIT * f64::from(1 << INFORMATION_BITS)).round() as u64;
        match self {
            Self::Even(factor) => vec![party.share_of_public(word(*factor as f64)); rows],
            Self::Own(factors) => {
                let mut words: Vec<u64> =
                    factors.iter().map(|factor| word(*factor as f64)).collect();
                words.resize(rows, 0);
                words
            }
        }
    }

    /// The square roots of the factors.
    pub(in crate::vertical) fn roots(&self) -> Self {
        let root = |factor: f64| (factor / FACTOR_UNIT).sqrt() * FACTOR_UNIT;
        match self {
            Self::Even(factor) => Self::Even(root(*factor as f64).round() as i64),
            Self::Own(factors) => {
                let roots = factors.iter().map(|factor| root(*factor as f64).round() as i64);
                Self::Own(roots.collect())
            }
        }
    }
}

/// `√s·(μ - y)/μ^(p/2)` as a sum of exponentials: `√s·μ^(1 - p/2) - √s·y·μ^(-p/2)`.
pub(in crate::vertical) struct Roots {
    power: f64,
    /// `√s`.
    means: Vec<f64>,
    /// `-√s·y`.
    targets: Vec<f64>,
}

impl Roots {
    /// From `s` and `-s·y` of a response whose power is above 1.
    pub(in crate::vertical) fn new(
        terms: &[(f64, Vec<f64>)],
        constants: &[u64],
        power: f64,
    ) -> Self {
        let unit = f64::from(1 << LOG_RESIDUAL_BITS);
        let means: Vec<f64> = if power < 2.0 {
            terms.first().map_or_else(Vec::new, |(_, factors)| factors.clone())
        } else {
            constants.iter().map(|word| *word as f64 / unit).collect()
        };
        let targets = terms.last().map_or(&[][..], |(_, factors)| factors);
        let pairs = targets.iter().zip(&means);
        let targets = pairs.map(|(target, mean)| target / mean.sqrt()).collect();
        Self { power, means: means.iter().map(|mean| mean.sqrt()).collect(), targets }
    }

    /// What linear predictors are clamped to.
    pub(in crate::vertical) fn range(&self) -> Result<Range, ModelError> {
        let bound = |rate: f64| (EXPONENT_MAX / rate).min(PREDICTOR_MAX);
        Range::around(-bound(self.power / 2.0), bound(1.0 - self.power / 2.0)).ok_or_else(|| {
            ModelError::InvalidInput(format!("the power {} is not within 1 to 2", self.power))
        })
    }

    /// The exponentials that are not constant.
    pub(in crate::vertical) fn terms(&self) -> Vec<Term<'_>> {
        let (rise, fall) = (1.0 - self.power / 2.0, -self.power / 2.0);
        let mut terms = vec![Term { rate: fall, factors: &self.targets }];
        if self.power < 2.0 {
            terms.push(Term { rate: rise, factors: &self.means });
        }
        terms
    }

    /// The residuals, from shares of the sums of their [`terms`](Self::terms) with
    /// [`LOG_RESIDUAL_BITS`].
    pub(in crate::vertical) fn residuals(&self, mut shares: Vec<u64>) -> Fixed<Vec<u64>> {
        if self.power >= 2.0 {
            let unit = f64::from(1 << LOG_RESIDUAL_BITS);
            let words: Vec<u64> =
                self.means.iter().map(|mean| (mean * unit).round() as u64).collect();
            add(&mut shares, &words);
        }
        Fixed { shares, bits: LOG_RESIDUAL_BITS }
    }
}
