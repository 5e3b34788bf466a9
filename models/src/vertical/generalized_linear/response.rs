//! How residuals follow from shared linear predictors: the only part of a pass that differs between
//! the families.
//!
//! A residual is the derivative of a row's loss times its factor `s_i = ω_i·2^m/Σω` (see
//! `objective`), which only the guest knows. [`Response::Logistic`] and [`Response::Log`] put the
//! factors into the guest's side of an inner product; [`Response::Identity`] multiplies by them, or
//! by their public value where rows have no weights.

use mpc::TwoParty;
use mpc::exponential::{Exponential, FACTORS_MAX, Range, Term};
use mpc::known;
use mpc::sigmoid::{Accuracy, ROW_SCALE_MAX, SCORE_UNIT, Sigmoid};

use super::information::identity_residuals;
use super::scaling::Scaling;
use crate::ModelError;
use crate::family::Family;
use crate::vertical::logistic_regression::objective::VALIDATION_SUM_BITS;
use crate::vertical::logistic_regression::{Labels, Rows};

/// The rows' targets and factors with what the mean function needs; targets and factors are the
/// guest's and empty at the host.
pub(in crate::vertical) enum Response {
    /// s·(sigmoid(z) - y).
    Logistic {
        /// The block.
        sigmoid: Sigmoid,
        /// The factors; ones at the host.
        scales: Vec<f64>,
        /// s·y, in units of the residual.
        targets: Vec<u64>,
    },
    /// s·(z - y).
    Identity {
        /// The factors.
        factors: Factors,
        /// y without the offset, in [`SCORE_UNIT`].
        targets: Vec<u64>,
        /// Fractional bits of residuals.
        residual_bits: u32,
    },
    /// s·(exp((2 - p)·z) - y·exp((1 - p)·z)), z clamped.
    Log {
        /// The block.
        exponential: Exponential,
        /// What z is clamped to.
        range: Range,
        /// The rate of each exponential that is not constant, with its factors.
        terms: Vec<(f64, Vec<f64>)>,
        /// The constant part, in units of the residual.
        constants: Vec<u64>,
        /// The offsets, in [`SCORE_UNIT`].
        offsets: Vec<u64>,
        /// p.
        power: f64,
    },
}

/// Where neither exp((2 - p)·z) nor exp((1 - p)·z), for the power p, is above 403 or so, and z
/// within 12: what z is clamped to.
pub(in crate::vertical) fn exponent_range(power: f64) -> Result<Range, ModelError> {
    let bound = |rate: f64| (EXPONENT_MAX / rate).min(PREDICTOR_MAX);
    Range::around(-bound(power - 1.0), bound(2.0 - power))
        .ok_or_else(|| ModelError::InvalidInput(format!("the power {power} is not within 1 to 2")))
}

/// What gives residuals says in which units.
pub(in crate::vertical) trait Residuals {
    /// Fractional bits of residuals.
    fn residual_bits(&self) -> u32;
}

/// The factors of the rows.
pub(in crate::vertical) enum Factors {
    /// All rows have this one.
    Even(i64),
    /// Only the guest knows them; empty at the host. With [`FACTOR_BITS`].
    Own(Vec<i64>),
}

/// Fractional bits of residuals whose mean function is bounded or whose steps are safe; with at
/// most 2^22 rows their weighted sums stay below 2^61.
pub(in crate::vertical) const RESIDUAL_BITS: u32 = 30;
/// Fractional bits of residuals of exponentials, which are up to 2^9 times as large while a step is
/// tried that is too long.
pub(in crate::vertical) const LOG_RESIDUAL_BITS: u32 = 22;
/// Bits that scores lose before they are multiplied by factors; 2^30.4 is left of a score of 1.
pub(in crate::vertical) const SCORE_SHIFT: u32 = 12;
/// Fractional bits of the factors of rows.
pub(in crate::vertical) const FACTOR_BITS: u32 = 20;
/// Units of a factor of 1: the residual's unit is 2^30, that of a score after its shift 2^36/50.
pub(super) const FACTOR_UNIT: f64 =
    (1_u64 << (FACTOR_BITS + RESIDUAL_BITS + SCORE_SHIFT)) as f64 / SCORE_UNIT;
/// Bits of these factors as integers, sign included: they are at most 4.
pub(in crate::vertical) const FACTOR_WIDTH: u32 = FACTOR_BITS + 4;
/// The largest exponent of e before exponentials are clamped: 403 times the mean target.
pub(super) const EXPONENT_MAX: f64 = 6.0;
/// The largest magnitude of a linear predictor before it is clamped.
pub(super) const PREDICTOR_MAX: f64 = 12.0;

impl Response {
    /// Of logistic regression.
    pub(in crate::vertical) async fn logistic(
        party: &mut TwoParty,
        labels: Option<Labels<'_>>,
        rows: Rows,
    ) -> Result<Self, ModelError> {
        let scales = row_scales(labels.and_then(|labels| labels.weights), rows)?;
        let targets = labels.map_or_else(Vec::new, |labels| {
            let unit = (1_u64 << RESIDUAL_BITS) as f64;
            let pairs = labels.values.iter().zip(&scales);
            pairs.map(|(label, scale)| (f64::from(*label) * scale * unit).round() as u64).collect()
        });
        Ok(Self::Logistic { sigmoid: Sigmoid::prepare(party).await?, scales, targets })
    }

    /// Of the squared loss.
    pub(super) fn identity(
        scaling: &Scaling,
        weights: Option<&[f64]>,
        rows: Rows,
        weighted: bool,
    ) -> Result<Self, ModelError> {
        let factors = Factors::new(weights, rows, weighted)?;
        let targets = in_score_units(&scaling.targets);
        Ok(Self::Identity { factors, targets, residual_bits: RESIDUAL_BITS })
    }

    /// Of a family with the logarithm as its link and this power of the mean as its variance.
    pub(super) async fn log(
        party: &mut TwoParty,
        scaling: &Scaling,
        power: f64,
        weights: Option<&[f64]>,
        rows: Rows,
    ) -> Result<Self, ModelError> {
        let link = LogLink::new(scaling, power, weights, rows)?;
        Self::exponentials(party, link, power).await
    }

    /// Of any family, where each of so many rows has the factor `scale`; the guest passes targets
    /// in the units of `scaling`, or labels of 0 or 1.
    pub(in crate::vertical) async fn even(
        party: &mut TwoParty,
        family: Family,
        scaling: &Scaling,
        targets: &[f64],
        (rows, scale): (usize, f64),
    ) -> Result<Self, ModelError> {
        if let Some(power) = family.log_link_power() {
            let link = LogLink::of(scaling, power, (targets, &vec![scale; rows]))?;
            return Self::exponentials(party, link, power).await;
        }
        if family == Family::Binomial {
            let unit = scale * (1_u64 << RESIDUAL_BITS) as f64;
            let targets = targets.iter().map(|target| (target * unit).round() as u64).collect();
            let sigmoid = Sigmoid::prepare(party).await?;
            return Ok(Self::Logistic { sigmoid, scales: vec![scale; rows], targets });
        }
        let factors = Factors::Even((scale * FACTOR_UNIT).round() as i64);
        // Here steps may be too long, and residuals with them as large as those of exponentials.
        let residual_bits = LOG_RESIDUAL_BITS;
        Ok(Self::Identity { factors, targets: in_score_units(targets), residual_bits })
    }

    async fn exponentials(
        party: &mut TwoParty,
        link: LogLink,
        power: f64,
    ) -> Result<Self, ModelError> {
        let LogLink { range, terms, constants, offsets } = link;
        let exponential = Exponential::prepare(party).await?;
        Ok(Self::Log { exponential, range, terms, constants, offsets, power })
    }

    /// Shares of the residuals of the first rows, from shares of their linear predictors in
    /// [`SCORE_UNIT`]. Only those of logistic regression are less exact if `accuracy` allows it.
    pub(in crate::vertical) async fn residuals(
        &self,
        party: &mut TwoParty,
        mut scores: Vec<u64>,
        accuracy: Accuracy,
    ) -> Result<Vec<u64>, ModelError> {
        match self {
            Self::Logistic { sigmoid, scales, targets } => {
                let mut residuals = sigmoid
                    .evaluate(party, &scores, &scales[..scores.len()], RESIDUAL_BITS, accuracy)
                    .await?;
                subtract(&mut residuals, targets);
                Ok(residuals)
            }
            Self::Identity { factors, targets, residual_bits } => {
                identity_residuals(party, factors, targets, scores, *residual_bits).await
            }
            Self::Log { exponential, range, terms, constants, offsets, .. } => {
                add(&mut scores, offsets);
                let terms: Vec<Term<'_>> =
                    terms.iter().map(|(rate, factors)| Term { rate: *rate, factors }).collect();
                let mut residuals =
                    exponential.evaluate(party, &scores, &terms, *range, LOG_RESIDUAL_BITS).await?;
                add(&mut residuals, constants);
                Ok(residuals)
            }
        }
    }
}

/// What residuals with a logarithmic link are made of.
pub(in crate::vertical) struct LogLink {
    /// What linear predictors are clamped to.
    pub(in crate::vertical) range: Range,
    /// The rate of each exponential that is not constant, with its factors.
    pub(in crate::vertical) terms: Vec<(f64, Vec<f64>)>,
    /// The constant part, with [`LOG_RESIDUAL_BITS`].
    pub(in crate::vertical) constants: Vec<u64>,
    /// The offsets, in [`SCORE_UNIT`].
    pub(in crate::vertical) offsets: Vec<u64>,
}

impl LogLink {
    /// Of a family with this power of the mean as its variance; at hosts without factors.
    pub(in crate::vertical) fn new(
        scaling: &Scaling,
        power: f64,
        weights: Option<&[f64]>,
        rows: Rows,
    ) -> Result<Self, ModelError> {
        let scales = row_scales(weights, rows)?;
        Self::of(scaling, power, (&scaling.targets, &scales))
    }

    /// See [`new`](Self::new), with the targets and factors of the rows.
    fn of(
        scaling: &Scaling,
        power: f64,
        (targets, scales): (&[f64], &[f64]),
    ) -> Result<Self, ModelError> {
        let (rise, fall) = (2.0 - power, 1.0 - power);
        let range = exponent_range(power)?;
        let rows = targets.iter().zip(scales);
        let (means, targets): (Vec<f64>, Vec<f64>) = rows
            .map(|(target, scale)| {
                let scale = scale * scaling.factor;
                (scale, -scale * target)
            })
            .unzip();
        if let Some(largest) = targets.iter().find(|target| target.abs() > FACTORS_MAX / 2.0) {
            return Err(ModelError::InvalidInput(format!(
                "a target is about {:.0} times the mean, weights included; fixed point allows \
                 {:.0} times; cap large targets",
                largest.abs(),
                FACTORS_MAX / 2.0
            )));
        }
        let unit = f64::from(1 << LOG_RESIDUAL_BITS);
        let word = |value: &f64| (value * unit).round() as i64 as u64;
        let (mut terms, mut constants) = (Vec::new(), vec![0_u64; means.len()]);
        for (rate, factors) in [(rise, means), (fall, targets)] {
            if rate == 0.0 {
                constants = factors.iter().map(word).collect();
            } else {
                terms.push((rate, factors));
            }
        }
        Ok(Self { range, terms, constants, offsets: in_score_units(&scaling.offsets) })
    }
}

impl Residuals for Response {
    fn residual_bits(&self) -> u32 {
        match self {
            Self::Logistic { .. } => RESIDUAL_BITS,
            Self::Identity { residual_bits, .. } => *residual_bits,
            Self::Log { .. } => LOG_RESIDUAL_BITS,
        }
    }
}

impl Factors {
    /// Those of the squared loss, which all parties know if the rows are not `weighted`.
    pub(in crate::vertical) fn new(
        weights: Option<&[f64]>,
        rows: Rows,
        weighted: bool,
    ) -> Result<Self, ModelError> {
        let factor = |scale: &f64| (scale * FACTOR_UNIT).round() as i64;
        let scales = row_scales(weights, rows)?;
        Ok(if !weighted {
            let even = (1_u64 << rows.log_training()) as f64 / rows.training as f64;
            Self::Even(factor(&even))
        } else if weights.is_some() {
            Self::Own(scales.iter().map(factor).collect())
        } else {
            Self::Own(Vec::new())
        })
    }

    /// For products with shares of [`FACTOR_WIDTH`] bits.
    pub(in crate::vertical) fn known(&self, is_guest: bool) -> known::Factors<'_> {
        match self {
            Self::Even(factor) => known::Factors::Even(*factor),
            Self::Own(factors) if is_guest => known::Factors::Own(factors),
            Self::Own(_) => known::Factors::Theirs,
        }
    }

    pub(super) async fn times(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
    ) -> Result<Vec<u64>, ModelError> {
        let factors = self.known(party.is_first());
        Ok(known::multiply_by(party, factors, FACTOR_WIDTH, scores).await?)
    }
}

/// Numbers of the guest in [`SCORE_UNIT`].
pub(in crate::vertical) fn in_score_units(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| (value * SCORE_UNIT).round() as i64 as u64).collect()
}

/// Subtracts the guest's terms, which the host does not have.
pub(in crate::vertical) fn subtract(shares: &mut [u64], terms: &[u64]) {
    shares.iter_mut().zip(terms).for_each(|(share, term)| *share = share.wrapping_sub(*term));
}

/// Adds the guest's terms, which the host does not have.
pub(in crate::vertical) fn add(shares: &mut [u64], terms: &[u64]) {
    shares.iter_mut().zip(terms).for_each(|(share, term)| *share = share.wrapping_add(*term));
}

/// What each row's residual is multiplied by: see `objective`.
pub(in crate::vertical) fn row_scales(
    weights: Option<&[f64]>,
    rows: Rows,
) -> Result<Vec<f64>, ModelError> {
    let even = vec![1.0; rows.all()];
    let weights = weights.unwrap_or(&even);
    let valid = |weights: &[f64]| {
        let sum: f64 = weights.iter().sum();
        weights.iter().all(|weight| *weight >= 0.0) && sum > 0.0 && sum.is_finite()
    };
    let is_long_enough = weights.len() == rows.all();
    let (training, validation) = weights.split_at(rows.training.min(weights.len()));
    if !(is_long_enough && valid(training) && (validation.is_empty() || valid(validation))) {
        return Err(ModelError::InvalidInput(
            "weights must be finite, not negative, not all zero, one for each row".to_owned(),
        ));
    }
    let mut scales = training_scales(training, rows.log_training())?;
    scales.extend(validation_scales(validation));
    Ok(scales)
}

fn training_scales(weights: &[f64], log_rows: u32) -> Result<Vec<f64>, ModelError> {
    let (rows, sum) = (weights.len() as f64, weights.iter().sum::<f64>());
    let even = 2_f64.powi(log_rows as i32) / rows;
    let scales: Vec<f64> = weights.iter().map(|weight| weight / sum * rows * even).collect();
    let largest = scales.iter().copied().fold(0.0, f64::max);
    if largest > ROW_SCALE_MAX {
        return Err(ModelError::InvalidInput(format!(
            "the largest row weight is {:.1} times the mean; fixed point allows {:.1}; cap the \
             weights",
            largest / even,
            ROW_SCALE_MAX / even
        )));
    }
    Ok(scales)
}

fn validation_scales(weights: &[f64]) -> impl Iterator<Item = f64> {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let sum: f64 = weights.iter().sum();
    let scale = (1.0 / largest).min(f64::from(1 << VALIDATION_SUM_BITS) / sum);
    weights.iter().map(move |weight| weight * scale)
}
