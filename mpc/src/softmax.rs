//! The softmax on shares: the probabilities of several classes from their scores.
//!
//! # Functionality
//! The parties hold shares of a score `z_ik` of each of K classes k, 2 to [`CLASSES_MAX`], for each
//! row i, in units of [`SCORE_UNIT`] and below 800,000 in magnitude; the first party knows a factor
//! `s_i` of each row from 0 to [`ROW_SCALE_MAX`], or both know one for all rows. Both get shares of
//! `s_i·exp(z_ik)/Σ_j exp(z_ij)` with the stated number of fractional bits. Largest error:
//! `(K + 1)·10⁻⁵·max(s_i, 1)`. Of this up to `6·10⁻⁶` for each class comes from scores that are
//! more than 12 below the largest one, which count as 12 to 12.5 below it.
//! # Messages
//! 1. `public_key` second → first, twice, once: for exponentials and products
//! 2. comparisons and selections: about the largest score of each row (see `comparison`,
//!    `conversion`)
//! 3. the exponentials of the scores less this (see `exponential`)
//! 4. products: the reciprocal of their sum (see `product`, `wide`)
//! 5. where factors are the first party's, products with them (see `known`); then the probabilities
//! # Leaks
//! Nothing but the numbers of rows and classes, and whether factors are public.
//! # Security
//! Semi-honest, as the blocks that it is made of.
//! # Cost
//! For K classes, both ways together and rows in whole 8192: some K·0.8 KB for each row, 1.1 KB for
//! the reciprocal, and 300 bytes more where factors are the first party's. For four classes 39
//! flights for each 131,072 rows, and a few more where factors are the first party's or for twice
//! as many classes.
//! # Reference
//! The largest score first, so that no exponential overflows: Goodfellow, Bengio, Courville, "Deep
//! Learning", 2016, section 4.1. Here any score near the largest will do: the sum stays between 1
//! and a public bound. The reciprocal by repeated squaring of the error of the best line, two
//! products at a time: Goldschmidt's method, Ercegovac and Lang, "Digital Arithmetic", 2004,
//! chapter 7.

use crypto::lattice::Parameters;

use crate::boolean::Bits;
use crate::exponential::{Exponential, Range, Term};
pub use crate::known::Factors;
use crate::product::{Form, Products};
pub use crate::sigmoid::{ROW_SCALE_MAX, SCORE_UNIT};
use crate::wide::from_words;
use crate::{Arithmetic, MpcError, TwoParty, conversion, known};

/// Most classes.
pub const CLASSES_MAX: usize = 32;
/// Fractional bits of the factors of rows.
pub const FACTOR_BITS: u32 = 20;
/// Fractional bits that may be asked for.
pub const FRACTION_BITS_MAX: u32 = 38;

/// Scores are compared from this bit up: in steps of 0.024.
const COARSE_SHIFT: u32 = 37;
/// How far a row's largest score may lie above the one that is taken for it, for each round of
/// comparisons and each party: n - 1 steps that a comparison misses, and one to spare.
const LATE: f64 = (1_u64 << COARSE_SHIFT) as f64 / SCORE_UNIT;
/// Scores farther below the largest are clamped.
const LOWEST: f64 = -12.0;
/// Fractional bits of exponentials, which are below 2^22 as integers (see `wide::from_words`).
pub(crate) const POWER_BITS: u32 = 20;
/// Fractional bits of reciprocals: times a factor they stay below a sixth of 2^64.
const RECIPROCAL_BITS: u32 = 38;
/// Fractional bits of the reciprocals' relative errors.
const ERROR_BITS: u32 = 30;
/// Relative error at which a reciprocal is good enough.
const ERROR_MAX: f64 = 1e-7;
/// Scores that are worked on at once, which bounds memory and messages.
const GROUP_SCORES: usize = 1 << 19;
/// Rows of an element of the ring.
const SLOTS: usize = Parameters::N8192_Q150.degree();
/// Bits of factors as integers, sign included.
const FACTOR_WIDTH: u32 = FACTOR_BITS + 4;

/// The state of one party.
pub struct Softmax(Engine<TwoParty>);

/// What the softmax takes besides [`Arithmetic`], whoever shares the scores.
pub(crate) trait Blocks: Arithmetic {
    /// What exponentials need.
    type Exponential: Send + Sync;

    /// Shares modulo 2^128 of exponentials below 4, with [`POWER_BITS`].
    async fn powers(
        &mut self,
        exponential: &Self::Exponential,
        scores: &[u64],
        range: Range,
    ) -> Result<Vec<u128>, MpcError>;

    /// See [`conversion::select`].
    async fn select_words(&mut self, bits: &Bits, values: &[u64]) -> Result<Vec<u64>, MpcError>;

    /// See [`known::multiply_by`].
    async fn multiply_by(
        &mut self,
        factors: Factors<'_>,
        bits: u32,
        shares: &[u64],
    ) -> Result<Vec<u64>, MpcError>;
}

/// The softmax, whoever shares the scores.
pub(crate) struct Engine<P: Blocks> {
    pub(crate) exponential: P::Exponential,
    pub(crate) products: P::Products,
}

impl Softmax {
    /// Makes the second party's keys and hands the public ones over.
    #[net::boxed]
    pub async fn prepare(party: &mut TwoParty) -> Result<Self, MpcError> {
        let exponential = Exponential::prepare(party).await?;
        let products = Products::prepare(party).await?;
        Ok(Self(Engine { exponential, products }))
    }

    /// Shares of the probabilities of each class times the factors, which have [`FACTOR_BITS`];
    /// `scores` has a vector for each class.
    ///
    /// # Errors
    /// [`MpcError::InvalidInput`] for vectors, factors or fractional bits beyond their bounds,
    /// [`MpcError::Net`] when the peer fails.
    #[net::boxed]
    pub async fn evaluate<'a>(
        &'a self,
        party: &'a mut TwoParty,
        scores: &'a [Vec<u64>],
        factors: Factors<'a>,
        fraction_bits: u32,
    ) -> Result<Vec<Vec<u64>>, MpcError> {
        self.0.evaluate(party, scores, factors, fraction_bits).await
    }
}

impl Blocks for TwoParty {
    type Exponential = Exponential;

    async fn powers(
        &mut self,
        exponential: &Exponential,
        scores: &[u64],
        range: Range,
    ) -> Result<Vec<u128>, MpcError> {
        let ones = if self.is_first() { vec![1.0; scores.len()] } else { Vec::new() };
        let term = Term { rate: 1.0, factors: &ones };
        let powers = exponential.evaluate(self, scores, &[term], range, POWER_BITS).await?;
        Ok(from_words(&powers, self.is_first()))
    }

    async fn select_words(&mut self, bits: &Bits, values: &[u64]) -> Result<Vec<u64>, MpcError> {
        conversion::select(self, bits, values).await
    }

    async fn multiply_by(
        &mut self,
        factors: Factors<'_>,
        bits: u32,
        shares: &[u64],
    ) -> Result<Vec<u64>, MpcError> {
        known::multiply_by(self, factors, bits, shares).await
    }
}

impl<P: Blocks> Engine<P> {
    /// See [`Softmax::evaluate`].
    pub(crate) async fn evaluate(
        &self,
        party: &mut P,
        scores: &[Vec<u64>],
        factors: Factors<'_>,
        fraction_bits: u32,
    ) -> Result<Vec<Vec<u64>>, MpcError> {
        let rows = check(party, scores, factors, fraction_bits)?;
        let mut probabilities = vec![Vec::with_capacity(rows); scores.len()];
        let group = (GROUP_SCORES / scores.len() / SLOTS).max(1) * SLOTS;
        for start in (0..rows).step_by(group) {
            let range = start..rows.min(start + group);
            let of_group: Vec<Vec<u64>> =
                scores.iter().map(|scores| scores[range.clone()].to_vec()).collect();
            let factors = match factors {
                Factors::Own(factors) => Factors::Own(&factors[range]),
                other => other,
            };
            let found = self.group(party, &of_group, factors, fraction_bits).await?;
            for (all, found) in probabilities.iter_mut().zip(found) {
                all.extend(found);
            }
        }
        Ok(probabilities)
    }

    /// [`Self::evaluate`] for rows that are worked on at once, at least one.
    async fn group(
        &self,
        party: &mut P,
        scores: &[Vec<u64>],
        factors: Factors<'_>,
        fraction_bits: u32,
    ) -> Result<Vec<Vec<u64>>, MpcError> {
        let rows = scores.first().map_or(0, Vec::len);
        let (largest, late) = largest(party, scores).await?;
        let powers = self.powers(party, scores, &largest, late).await?;
        let mut sums = vec![0_u128; rows];
        for powers in powers.chunks_exact(rows) {
            for (sum, power) in sums.iter_mut().zip(powers) {
                *sum = sum.wrapping_add(*power);
            }
        }
        let bound = scores.len() as f64 * late.exp();
        let reciprocals = self.reciprocals(party, &sums, bound).await?;
        let scaled = scale(party, &reciprocals, factors).await?;
        let scaled: Vec<u128> = scaled.iter().copied().cycle().take(powers.len()).collect();
        let form = Form::product(0, 1, POWER_BITS + RECIPROCAL_BITS - fraction_bits);
        let vectors: [&[u128]; 2] = [&powers, &scaled];
        let probabilities = party.evaluate(&self.products, &vectors, &[form]).await?;
        let words: Vec<u64> = probabilities.iter().flatten().map(|share| *share as u64).collect();
        Ok(words.chunks(rows).map(<[u64]>::to_vec).collect())
    }

    /// Shares modulo 2^128, with [`POWER_BITS`], of the exponentials of the scores less those that
    /// are taken for the largest; class after class.
    async fn powers(
        &self,
        party: &mut P,
        scores: &[Vec<u64>],
        largest: &[u64],
        late: f64,
    ) -> Result<Vec<u128>, MpcError> {
        let less = |scores: &Vec<u64>| -> Vec<u64> {
            scores.iter().zip(largest).map(|(score, most)| score.wrapping_sub(*most)).collect()
        };
        let differences: Vec<u64> = scores.iter().flat_map(less).collect();
        let range = Range::around(LOWEST, late).ok_or_else(|| {
            MpcError::InvalidInput(format!("no exponentials from {LOWEST} to {late}"))
        })?;
        party.powers(&self.exponential, &differences, range).await
    }

    /// Shares of 1/x with [`RECIPROCAL_BITS`], for x from 1 to `bound` with [`POWER_BITS`]:
    /// y·(1 + e)·(1 + e²)·(1 + e⁴)…, where y is a line in x and e = 1 - x·y.
    async fn reciprocals(
        &self,
        party: &mut P,
        sums: &[u128],
        bound: f64,
    ) -> Result<Vec<u128>, MpcError> {
        let line = Line::new(bound);
        let unit = |bits: u32| (1_u64 << bits) as f64;
        let one = u128::from(party.share_of_public(1));
        let public = |value: f64, bits: u32| one * (value * unit(bits)).round() as u128;
        // With the unit of the sums a reciprocal's.
        let slope = (line.slope * unit(RECIPROCAL_BITS - POWER_BITS)).round() as u128;
        let constant = public(line.constant, RECIPROCAL_BITS);
        let mut reciprocals: Vec<u128> =
            sums.iter().map(|sum| constant.wrapping_sub(sum.wrapping_mul(slope))).collect();
        let form = Form::product(0, 1, POWER_BITS + RECIPROCAL_BITS - ERROR_BITS);
        let products = party.evaluate(&self.products, &[sums, &reciprocals], &[form]).await?;
        let one = public(1.0, ERROR_BITS);
        let mut errors: Vec<u128> =
            products.iter().flatten().map(|product| one.wrapping_sub(*product)).collect();
        let mut error = line.error;
        while error > ERROR_MAX {
            error *= error;
            let mut forms = vec![Form::product(0, 1, ERROR_BITS)];
            if error > ERROR_MAX {
                forms.push(Form::product(1, 1, ERROR_BITS));
            }
            let vectors: [&[u128]; 2] = [&reciprocals, &errors];
            let products = party.evaluate(&self.products, &vectors, &forms).await?;
            let mut products = products.into_iter();
            for (reciprocal, gain) in reciprocals.iter_mut().zip(products.next().iter().flatten()) {
                *reciprocal = reciprocal.wrapping_add(*gain);
            }
            errors = products.next().unwrap_or_default();
        }
        Ok(reciprocals)
    }
}

/// The line `constant - slope·x` nearest to 1/x on 1..bound, relative to it.
struct Line {
    constant: f64,
    slope: f64,
    /// The largest relative error, and a little for the rounding of the slope.
    error: f64,
}

impl Line {
    /// 1 less the line times x is a multiple of the Chebyshev polynomial of degree 2.
    fn new(bound: f64) -> Self {
        let (sum, width) = (1.0 + bound, bound - 1.0);
        let end = sum / width;
        let error = 1.0 / (2.0 * end * end - 1.0);
        let slope = 8.0 * error / (width * width);
        Self { constant: slope * sum, slope, error: error + 0.01 }
    }
}

/// Shares of a score of each row near the largest one, and by how much at most it is below it.
async fn largest<P: Blocks>(
    party: &mut P,
    scores: &[Vec<u64>],
) -> Result<(Vec<u64>, f64), MpcError> {
    let rows = scores.first().map_or(0, Vec::len);
    let mut contenders = scores.to_vec();
    let mut late = 0.0;
    while contenders.len() > 1 {
        late += party.count() as f64 * LATE;
        // How far each second contender is above the first.
        let leads: Vec<u64> = contenders
            .chunks_exact(2)
            .flat_map(|pair| pair[1].iter().zip(&pair[0]).map(|(b, a)| b.wrapping_sub(*a)))
            .collect();
        // The shares of coarse leads add up to the lead in steps, or to up to n - 1 less.
        let coarse: Vec<u64> = leads.iter().map(|lead| lead >> COARSE_SHIFT).collect();
        let behind = party.is_negative(&coarse, 64 - COARSE_SHIFT as usize).await?;
        let ahead = if is_first(party) { behind.complement() } else { behind };
        let gains = party.select_words(&ahead, &leads).await?;
        let odd = contenders.split_off(contenders.len() / 2 * 2);
        contenders = contenders
            .chunks_exact(2)
            .zip(gains.chunks(rows))
            .map(|(pair, gains)| {
                pair[0].iter().zip(gains).map(|(score, gain)| score.wrapping_add(*gain)).collect()
            })
            .chain(odd)
            .collect();
    }
    Ok((contenders.pop().unwrap_or_default(), late))
}

/// Shares modulo 2^128 of reciprocals times the factors, with [`RECIPROCAL_BITS`].
async fn scale<P: Blocks>(
    party: &mut P,
    reciprocals: &[u128],
    factors: Factors<'_>,
) -> Result<Vec<u128>, MpcError> {
    let words: Vec<u64> = reciprocals.iter().map(|share| *share as u64).collect();
    let products = party.multiply_by(factors, FACTOR_WIDTH, &words).await?;
    let products: Vec<u128> = products.into_iter().map(u128::from).collect();
    Ok(party.widen(&[(&products, u64::BITS, FACTOR_BITS)]).await?.swap_remove(0))
}

fn is_first<P: Arithmetic>(party: &P) -> bool {
    party.share_of_public(1) == 1
}

/// The number of rows.
fn check<P: Arithmetic>(
    party: &P,
    scores: &[Vec<u64>],
    factors: Factors<'_>,
    fraction_bits: u32,
) -> Result<usize, MpcError> {
    let rows = scores.first().map_or(0, Vec::len);
    let is_complete = (2..=CLASSES_MAX).contains(&scores.len())
        && scores.iter().all(|scores| scores.len() == rows)
        && (1..=FRACTION_BITS_MAX).contains(&fraction_bits);
    let most = (ROW_SCALE_MAX * f64::from(1 << FACTOR_BITS)) as i64;
    let is_bounded = |factor: &i64| (0..=most).contains(factor);
    let factors_fit = match factors {
        Factors::Even(factor) => is_bounded(&factor),
        Factors::Own(factors) => {
            is_first(party) && factors.len() == rows && factors.iter().all(is_bounded)
        }
        Factors::Theirs => !is_first(party),
    };
    if is_complete && factors_fit {
        return Ok(rows);
    }
    Err(MpcError::InvalidInput(format!(
        "a softmax takes scores of 2 to {CLASSES_MAX} classes for the same rows, factors of the \
         first party from 0 to {ROW_SCALE_MAX}, and gives 1 to {FRACTION_BITS_MAX} fractional bits"
    )))
}

#[cfg(test)]
mod tests;
