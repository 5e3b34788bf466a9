//! From shared predictors to shared sums over the places that count.

use mpc::TwoParty;
use mpc::boolean::Bits;
use mpc::comparison::{is_negative, signs_beside};
use mpc::conversion::{select, truncate};
use mpc::exponential::{Exponential, Range, Term};
use mpc::known::{self, Factors};
use mpc::product::{Form, Products};
use mpc::sigmoid::SCORE_UNIT;
use mpc::wide::widen_all;

use super::SUM_BITS;
use crate::ModelError;
use crate::family::Family;

/// Fractional bits of a place's numbers with a logarithmic link, and of what the guest alone knows.
const WORD_BITS: u32 = 24;
/// Fractional bits, about, of the numbers that are squared and added up.
const SHORT_BITS: u32 = SUM_BITS / 2;
/// Bits that scores lose for that: their unit is 2^47/25.
const SCORE_SHIFT: u32 = 22;
/// The end of predictors with a logarithmic link, in steps of `mpc::exponential`.
const END: u64 = 17 << 41;
/// Bits of targets as factors, sign included: below 2^14 with [`FACTOR_BITS`].
const FACTOR_WIDTH: u32 = 15 + FACTOR_BITS;
/// Fractional bits of targets as factors.
const FACTOR_BITS: u32 = 20;

/// What the guest knows of each place.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    /// The target in the guest's unit.
    pub(super) targets: &'a [f64],
    /// See [`spread`](super::spread).
    pub(super) standardised: &'a [f64],
}

/// The blocks that sums are made by.
pub(super) struct Judge {
    products: Products,
    mean: Mean,
    /// Whether the guest knows which places count.
    places_are_known: bool,
}

enum Mean {
    Identity,
    Log {
        exponential: Box<Exponential>,
        range: Range,
        /// The power of the mean that the variance is.
        power: f64,
    },
}

/// Words of all places, of which some bits are dropped on the way to wide shares.
struct Part {
    words: Vec<u64>,
    shift: u32,
}

/// Shares modulo 2^128 of sums over places.
#[derive(Default)]
pub(super) struct Sums {
    /// Of residuals, of their magnitudes and of their squares.
    residuals: [u128; 3],
    /// Of the parts of the deviance, each to be multiplied by a public number.
    deviance: Vec<u128>,
    /// Of standardised targets and of their squares, where it is not known which places count.
    targets: Vec<u128>,
}

impl Sums {
    pub(super) fn add(&mut self, other: Self) {
        let join = |sums: &mut Vec<u128>, others: Vec<u128>| {
            sums.resize(others.len(), 0);
            sums.iter_mut().zip(others).for_each(|(sum, it)| *sum = sum.wrapping_add(it));
        };
        let pairs = self.residuals.iter_mut().zip(other.residuals);
        pairs.for_each(|(sum, it)| *sum = sum.wrapping_add(it));
        join(&mut self.deviance, other.deviance);
        join(&mut self.targets, other.targets);
    }

    /// Of standardised targets and of their squares, with half as many fractional bits as the
    /// other sums.
    pub(super) fn of_targets(&self) -> Option<[u128; 2]> {
        self.targets.as_slice().try_into().ok()
    }
}

impl Judge {
    pub(super) async fn prepare(
        party: &mut TwoParty,
        family: Family,
        places_are_known: bool,
    ) -> Result<Self, ModelError> {
        let products = Products::prepare(party).await?;
        let mean = match family.log_link_power() {
            None => Mean::Identity,
            Some(power) => {
                let end = END as f64 / SCORE_UNIT;
                let range = Range::around(-end, end).ok_or_else(|| {
                    ModelError::InvalidInput("the ends of predictors are not in order".to_owned())
                })?;
                let exponential = Box::new(Exponential::prepare(party).await?);
                Mean::Log { exponential, range, power }
            }
        };
        Ok(Self { products, mean, places_are_known })
    }

    /// A residual of 1 in sums, by two to the power of their fractional bits.
    pub(super) fn residual_unit(family: Family) -> f64 {
        if family.log_link_power().is_some() {
            1.0
        } else {
            SCORE_UNIT / 2_f64.powi((SCORE_SHIFT + SHORT_BITS) as i32)
        }
    }

    /// Sums over some places; `own` is the guest's.
    pub(super) async fn sums(
        &self,
        party: &mut TwoParty,
        scores: &[u64],
        present: &Bits,
        own: Option<Own<'_>>,
    ) -> Result<Sums, ModelError> {
        let (count, targets) = (scores.len(), own.map(|own| own.targets));
        let mut parts = match &self.mean {
            Mean::Identity => {
                let targets = known_words(targets, count, |target| target * SCORE_UNIT);
                vec![Part { words: minus(scores, &targets), shift: SCORE_SHIFT }]
            }
            Mean::Log { exponential, range, power } => {
                let clamped = clamp(party, scores).await?;
                log_parts(party, (&**exponential, *range, *power), &clamped, targets).await?
            }
        };
        let of_deviance = parts.len() - 1;
        if !self.places_are_known {
            let unit = f64::from(1 << WORD_BITS);
            let targets = own.map(|own| own.standardised);
            for power in [1, 2] {
                let words = known_words(targets, count, |target| target.powi(power) * unit);
                parts.push(Part { words, shift: WORD_BITS - SHORT_BITS });
            }
        }
        let words = parts.iter().map(|part| part.words.as_slice()).collect::<Vec<_>>().concat();
        let counts = Bits::from_fn(words.len(), |at| present.bit(at % count) == 1);
        let kept = select(party, &counts, &words).await?;
        let wide = widened(party, &kept, &parts).await?;
        let residuals = &wide[0];
        let is_below = is_negative(party, &kept[..count], 64).await?;
        // What makes a residual below 0 its own negative.
        let turns: Vec<u128> = residuals.iter().map(|it| (it << 1).wrapping_neg()).collect();
        let turned = select(party, &is_below, &turns).await?;
        let form = [Form::product(0, 0, 0)];
        let squares = self.products.evaluate(party, &[residuals], &form).await?;
        let sum = |words: &[u128]| words.iter().fold(0_u128, |sum, it| sum.wrapping_add(*it));
        let others: Vec<u128> = wide[1..].iter().map(|part| sum(part)).collect();
        let (deviance, targets) = others.split_at(of_deviance);
        let of_residuals = sum(residuals);
        let absolute = of_residuals.wrapping_add(sum(&turned));
        let squares = squares.iter().fold(0_u128, |total, it| total.wrapping_add(sum(it)));
        Ok(Sums {
            residuals: [of_residuals, absolute, squares],
            deviance: deviance.to_vec(),
            targets: targets.to_vec(),
        })
    }

    /// The sums that figures come from, all with [`SUM_BITS`]: of residuals, of their magnitudes
    /// and squares and, with a logarithmic link, of half the deviance.
    pub(super) fn together(&self, sums: &Sums) -> Vec<u128> {
        let [residuals, absolute, squares] = sums.residuals;
        let mut all = vec![residuals << SHORT_BITS, absolute << SHORT_BITS, squares];
        if let Mean::Log { power, .. } = &self.mean {
            let unit = f64::from(1 << SHORT_BITS);
            let terms = coefficients(*power);
            let terms = terms.iter().zip(std::iter::once(&residuals).chain(&sums.deviance));
            let sum = terms.fold(0_u128, |sum, (coefficient, term)| {
                sum.wrapping_add(term.wrapping_mul((coefficient * unit).round() as u128))
            });
            all.push(sum);
        }
        all
    }
}

/// Half the deviance in terms of the residuals and of the parts that [`log_parts`] adds to them.
fn coefficients(power: f64) -> Vec<f64> {
    if power <= 1.0 {
        vec![1.0, 1.0]
    } else if power >= 2.0 {
        vec![0.0, 1.0]
    } else {
        vec![0.0, 1.0 / (2.0 - power), 1.0 / (power - 1.0)]
    }
}

/// With μ = exp(z): the residuals μ - y, and what half the deviance is made of besides: of Poisson
/// `y·ln y - y·z`, of gamma `y/μ + z - 1 - ln y`, of Tweedie `μ^(2-p) - y^(2-p)/(p-1)` and
/// `y·μ^(1-p)`.
async fn log_parts(
    party: &mut TwoParty,
    (exponential, range, power): (&Exponential, Range, f64),
    scores: &[u64],
    targets: Option<&[f64]>,
) -> Result<Vec<Part>, ModelError> {
    let count = scores.len();
    let unit = f64::from(1 << WORD_BITS);
    let known = |term: &dyn Fn(f64) -> f64| known_words(targets, count, |it| term(it) * unit);
    let ones = vec![1.0; if targets.is_some() { count } else { 0 }];
    let own = targets.unwrap_or_default();
    let means = exponential.evaluate(party, scores, &[of(1.0, &ones)], range, WORD_BITS).await?;
    let mut parts = vec![minus(&means, &known(&|target| target))];
    if power <= 1.0 {
        let predictors = fixed_point(party, scores).await?;
        let products = times_targets(party, &predictors, targets).await?;
        let entropy = |target: f64| if target > 0.0 { target * target.ln() } else { 0.0 };
        parts.push(minus(&known(&entropy), &products));
    } else if power >= 2.0 {
        let terms = [of(-1.0, own)];
        let ratios = exponential.evaluate(party, scores, &terms, range, WORD_BITS).await?;
        let predictors = fixed_point(party, scores).await?;
        let rest = minus(&known(&|target| 1.0 + target.ln()), &predictors);
        parts.push(minus(&ratios, &rest));
    } else {
        let (rise, fall) = (2.0 - power, 1.0 - power);
        let terms = [of(rise, &ones)];
        let risen = exponential.evaluate(party, scores, &terms, range, WORD_BITS).await?;
        parts.push(minus(&risen, &known(&|target| -target.powf(rise) / fall)));
        let terms = [of(fall, own)];
        parts.push(exponential.evaluate(party, scores, &terms, range, WORD_BITS).await?);
    }
    let part = |words| Part { words, shift: WORD_BITS - SHORT_BITS };
    Ok(parts.into_iter().map(part).collect())
}

fn of(rate: f64, factors: &[f64]) -> Term<'_> {
    Term { rate, factors }
}

/// Shares of scores within ±[`END`].
async fn clamp(party: &mut TwoParty, scores: &[u64]) -> Result<Vec<u64>, ModelError> {
    let ends = [END, END.wrapping_neg()];
    let signs = signs_beside(party, scores, &ends, 64).await?;
    let [below, not_above] = &signs[..] else {
        return Err(ModelError::InvalidInput("two ends have two signs".to_owned()));
    };
    let above = if party.is_first() { not_above.complement() } else { not_above.clone() };
    let count = scores.len();
    let beyond = Bits::from_fn(2 * count, |at| {
        if at < count { below.bit(at) == 1 } else { above.bit(at - count) == 1 }
    });
    let [low, high] = ends.map(|end| party.share_of_public(end.wrapping_neg()));
    let moves = [low, high].map(|end| scores.iter().map(move |it| end.wrapping_sub(*it)));
    let moves: Vec<u64> = moves.into_iter().flatten().collect();
    let moved = select(party, &beyond, &moves).await?;
    let (up, down) = moved.split_at(count);
    let moved = scores.iter().zip(up.iter().zip(down));
    Ok(moved.map(|(score, (up, down))| score.wrapping_add(*up).wrapping_add(*down)).collect())
}

/// Shares of clamped scores with [`WORD_BITS`].
async fn fixed_point(party: &mut TwoParty, scores: &[u64]) -> Result<Vec<u64>, ModelError> {
    // A score of 1 is 2^47/25.
    let raised: Vec<u64> = scores.iter().map(|score| score.wrapping_mul(25)).collect();
    Ok(truncate(party, &raised, 47 - WORD_BITS).await?)
}

/// Shares of the targets times shared numbers with [`WORD_BITS`], which are within ±8.
async fn times_targets(
    party: &mut TwoParty,
    shares: &[u64],
    targets: Option<&[f64]>,
) -> Result<Vec<u64>, ModelError> {
    let unit = f64::from(1 << FACTOR_BITS);
    let own: Option<Vec<i64>> =
        targets.map(|targets| targets.iter().map(|it| (it * unit).round() as i64).collect());
    let factors = own.as_deref().map_or(Factors::Theirs, Factors::Own);
    let products = known::multiply_by(party, factors, FACTOR_WIDTH, shares).await?;
    Ok(truncate(party, &products, FACTOR_BITS).await?)
}

/// Each part as shares modulo 2^128, without the bits that it drops.
async fn widened(
    party: &mut TwoParty,
    words: &[u64],
    parts: &[Part],
) -> Result<Vec<Vec<u128>>, ModelError> {
    let wide: Vec<u128> = words.iter().map(|word| u128::from(*word)).collect();
    let count = words.len() / parts.len();
    let vectors = wide.chunks_exact(count).zip(parts);
    let vectors: Vec<_> = vectors.map(|(words, part)| (words, 1 << 64, part.shift)).collect();
    Ok(widen_all(party, &vectors).await?)
}

/// What the guest knows of each place, rounded; zeros at the host.
fn known_words(targets: Option<&[f64]>, count: usize, term: impl Fn(f64) -> f64) -> Vec<u64> {
    let word = |target: &f64| (term(*target).round() as i64).cast_unsigned();
    targets.map_or_else(|| vec![0; count], |targets| targets.iter().map(word).collect())
}

fn minus(left: &[u64], right: &[u64]) -> Vec<u64> {
    left.iter().zip(right).map(|(left, right)| left.wrapping_sub(*right)).collect()
}
