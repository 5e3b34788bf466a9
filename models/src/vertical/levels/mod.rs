//! Coefficients of categories of very many levels, beside those of plain columns: for regressions
//! of two parties.
//!
//! # Functionality
//! Each category is a block of variables of its own, one for each level, after all other variables
//! of its owner. What a row gets from it and the sums over its levels' rows go through
//! `mpc::indicators`; nothing is ever multiplied by a column of 0 and 1.
//!
//! The block's part of the Hessian is diagonal, `κ·n_l/n + λ` with `λ = κ·level_rows/n` and the
//! loss's κ. The owner knows it, and chooses for each level the largest power of two q with
//! `q²·(κ·n_l/n + λ) ≤ 1`, at most 2^7: the coefficient is q·v for the variable v, in which the
//! curvature is at most 1, and more than 1/4 unless q is at its limit. Nobody else learns q. With a
//! logarithmic link κ is the curvature of a row with the average mean; where others curve more,
//! secret steps make up for it as they do for plain columns (`damped`). Means are not taken out, as
//! they are from plain columns of a host: with the penalty the direction in which levels stand
//! against the intercept has the curvature `L·λ/(1/2 + L·λ)` for L levels, which is of order 1 for
//! the many levels that this is made for.
//! # Messages
//! 1. once: `level_shape` both ways, the padded numbers of levels; what sets `mpc::indicators` up
//! 2. per pass, for each category: products and scales of `mpc::indicators`, and truncations
//! # Leaks
//! To the peer: the number of categories and of the levels of each, rounded up.
//! # Security
//! That of `mpc::indicators`. What is summed up of a level's rows has to fit a word: residuals are
//! at most 2^`mean_bits` on average over all rows, counted without signs and with the rows'
//! factors, so no level has more, whatever its rows ([`Loss`]). Residuals keep 2^-17 of their unit
//! at least, rounded without bias and anew in each pass: for L levels and n rows that moves the
//! gradient, in its variables, by some `0.4·2^-17·√(L/(κ·n))`, about the default tolerance at most.
//! # Cost
//! For a category of L levels and S steps (`mpc::indicators`) a pass has 2 products of words of 5
//! bytes, 6 or 7 (the more rows and the larger residuals the more), 2 scalings and 2 truncations.
//! # Reference
//! ADR 24; the sketch of long vectors: see [`sketch`].

pub(in crate::vertical) mod sketch;

use std::ops::Range;

use crypto::hash::digest;
use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::indicators::{self, Indicators, Levels, SCALE_MAX, WORD_BITS_MAX, WORD_BITS_MIN};
use mpc::matrix::Blocks;

use super::course::Course;
use super::logistic_regression::objective::{GRADIENT_BITS, coefficient_unit};
use super::logistic_regression::{Rows, Settings};
use crate::ModelError;
use crate::levels::{LEVELS_MAX, LevelColumn, LevelColumns};
use sketch::Sketch;

/// Categories that one party may have.
const CATEGORIES_MAX: usize = 4;

/// What both parties say of their categories: rows, the penalty, the numbers of padded levels,
/// and a part of a seed.
const SHAPE_WORDS: usize = SIZES_START + CATEGORIES_MAX + 4;
const SIZES_START: usize = 2;
const SHAPE: &str = "level_shape";

/// Bits of the penalty's factor, at most: coefficients stay below 2^14.
const PENALTY_FACTOR_BITS: i32 = 12;

/// Bits of a residual that count, at least, in sums over levels.
const ROUNDING_BITS: u32 = 17;

/// What a loss is like for levels.
#[derive(Clone, Copy, Debug)]
pub(in crate::vertical) struct Loss {
    /// κ, the curvature of a row's loss.
    pub(in crate::vertical) steepness: f64,
    /// Fractional bits of residuals.
    pub(in crate::vertical) residual_bits: u32,
    /// The largest mean of residuals over all rows, each without its sign and times its factor, is
    /// below 2 to this power.
    pub(in crate::vertical) mean_bits: u32,
}

impl Loss {
    /// How residuals of so many rows are summed up.
    fn sums(self, log_rows: u32) -> Sums {
        // Factors of rows sum to 2^log_rows.
        let bits = log_rows + self.mean_bits + SUM_MARGIN;
        let word_bits = (bits + ROUNDING_BITS).next_multiple_of(8);
        let word_bits = word_bits.clamp(WORD_BITS_MIN, WORD_BITS_MAX);
        let low = (self.residual_bits + bits).saturating_sub(word_bits);
        let bits = self.residual_bits + log_rows - low + (64 - word_bits);
        Sums { word_bits, low, bits }
    }
}

/// How residuals are summed up.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// Bits of the words that go through the networks.
    word_bits: u32,
    /// The bit of residuals from which on they are summed up.
    low: u32,
    /// Fractional bits of a sum over a level's rows, in units of a mean over all rows.
    bits: u32,
}

/// All categories of both parties; by default none.
#[derive(Default)]
pub(in crate::vertical) struct LevelBlock {
    own: Vec<OwnCategory>,
    theirs: Vec<Indicators>,
    /// λ in units of gradients for a coefficient, times 2^`penalty_shift`.
    penalty: u64,
    penalty_shift: u32,
    sums: Sums,
    seed: [u8; 32],
}

struct OwnCategory {
    indicators: Indicators,
    /// q of each level.
    scales: Vec<f64>,
}

/// Shares of the weights of all levels, own categories first.
pub(in crate::vertical) struct LevelWeights(Vec<Vec<u64>>);

/// Refuses what categories of very many levels do not go with.
pub(in crate::vertical) fn check(
    party: &TwoParty,
    columns: &[&[f64]],
    settings: &Settings,
    course: &Course<'_>,
) -> Result<(), ModelError> {
    let refused = [
        (settings.l1 > 0.0, "an l1 penalty"),
        (settings.early_stopping.is_some(), "early stopping"),
        (settings.standard_errors, "standard errors"),
        (course.start.is_some(), "coefficients to begin with"),
        (!party.is_first() && columns.is_empty(), "a host without any other column"),
    ];
    let Some((_, what)) = refused.iter().find(|(is_asked, _)| *is_asked) else { return Ok(()) };
    Err(ModelError::InvalidInput(format!("categories of very many levels do not go with {what}")))
}

/// Takes the coefficients of the levels of each own category off the party's weights, after whose
/// others they stand.
pub(in crate::vertical) fn split_off(
    weights: &mut Vec<f64>,
    levels: Option<&LevelColumns<'_>>,
) -> Vec<Vec<f64>> {
    let levels = levels.map_or(&[][..], |levels| levels.columns);
    let count = levels.iter().map(|column| column.count).sum();
    let mut rest = weights.split_off(weights.len().saturating_sub(count));
    let mut of_levels = Vec::with_capacity(levels.len());
    for column in levels {
        let tail = rest.split_off(column.count.min(rest.len()));
        of_levels.push(std::mem::replace(&mut rest, tail));
    }
    of_levels
}

impl LevelBlock {
    /// Agrees with the peer on the categories and sets their products up; both pass theirs, perhaps
    /// none, or both `None`, and nothing is sent. Plain columns have `column_bits`.
    pub(in crate::vertical) async fn agree(
        party: &mut TwoParty,
        levels: Option<&LevelColumns<'_>>,
        rows: Rows,
        column_bits: u32,
        loss: Loss,
    ) -> Result<Self, ModelError> {
        let Some(levels) = levels else { return Ok(Self::default()) };
        let (theirs, seed) = agree_on_shape(party, levels, rows).await?;
        let lambda = levels.penalty(rows.training, loss.steepness);
        // A share of a coefficient, in units of variables, times this is the penalty's gradient.
        let unit = coefficient_unit(column_bits);
        let factor = lambda * (1_u64 << GRADIENT_BITS) as f64 / unit;
        let penalty_shift = (PENALTY_FACTOR_BITS - factor.log2().ceil() as i32).max(0);
        let mut block = Self {
            penalty: (factor * 2_f64.powi(penalty_shift)).round() as u64,
            penalty_shift: penalty_shift.unsigned_abs(),
            sums: loss.sums(rows.log_training()),
            seed,
            ..Self::default()
        };
        // The guest's categories first.
        let steepness = loss.steepness;
        if party.is_first() {
            block.prepare_own(party, levels, rows, steepness).await?;
            block.prepare_theirs(party, &theirs, rows).await?;
        } else {
            block.prepare_theirs(party, &theirs, rows).await?;
            block.prepare_own(party, levels, rows, steepness).await?;
        }
        Ok(block)
    }

    async fn prepare_own(
        &mut self,
        party: &mut TwoParty,
        levels: &LevelColumns<'_>,
        rows: Rows,
        steepness: f64,
    ) -> Result<(), ModelError> {
        let word_bits = self.sums.word_bits;
        for column in levels.columns {
            let penalty = levels.penalty(rows.training, steepness);
            let powers = powers(column, penalty, steepness / rows.training as f64);
            let scales = powers.iter().map(|power| 2_f64.powi(i32::from(*power))).collect();
            let levels = Levels { of_rows: column.of_rows, count: column.count, scales: &powers };
            let indicators = Indicators::prepare_own(party, levels, word_bits).await?;
            self.own.push(OwnCategory { indicators, scales });
        }
        Ok(())
    }

    async fn prepare_theirs(
        &mut self,
        party: &mut TwoParty,
        sizes: &[usize],
        rows: Rows,
    ) -> Result<(), ModelError> {
        let (rows, word_bits) = (rows.training, self.sums.word_bits);
        for size in sizes {
            self.theirs.push(Indicators::prepare_theirs(party, rows, *size, word_bits).await?);
        }
        Ok(())
    }

    /// The number of categories.
    pub(in crate::vertical) fn categories(&self) -> usize {
        self.own.len() + self.theirs.len()
    }

    /// The numbers of variables: own and the peer's.
    pub(in crate::vertical) fn variables(&self) -> [usize; 2] {
        let own = self.own.iter().map(|it| it.indicators.levels());
        [own.sum(), self.theirs.iter().map(Indicators::levels).sum()]
    }

    /// A point without the variables of levels, and these.
    pub(in crate::vertical) fn split(&self, point: &Blocks) -> (Blocks, Blocks) {
        let [own, theirs] = self.variables();
        let split = |block: &[u64], tail: usize| {
            let (plain, levels) = block.split_at(block.len().saturating_sub(tail));
            (plain.to_vec(), levels.to_vec())
        };
        let (own, own_levels) = split(&point.own, own);
        let (theirs, their_levels) = split(&point.theirs, theirs);
        (Blocks { own, theirs }, Blocks { own: own_levels, theirs: their_levels })
    }

    /// Adds shares of what each row gets from its levels, whose variables are v in `columns` of
    /// 2^`column_bits`; the shared weights.
    pub(in crate::vertical) async fn add_scores(
        &self,
        party: &mut TwoParty,
        point: &Blocks,
        column_bits: u32,
        scores: &mut [u64],
    ) -> Result<LevelWeights, ModelError> {
        let all = self.in_turn(party);
        let mut weights = vec![Vec::new(); all.len()];
        for Turn { place, indicators, own, span } in all {
            let block = if own { &point.own } else { &point.theirs };
            weights[place] = indicators.scaled(party, &block[span]).await?;
            let raised: Vec<u64> = weights[place].iter().map(|it| it << column_bits).collect();
            let parts = indicators.to_rows(party, &raised).await?;
            for (score, part) in scores.iter_mut().zip(parts) {
                *score = score.wrapping_add(part);
            }
        }
        Ok(LevelWeights(weights))
    }

    /// Shares of the gradient of the levels' variables, at 2^[`GRADIENT_BITS`].
    pub(in crate::vertical) async fn gradient(
        &self,
        party: &mut TwoParty,
        residuals: &[u64],
        weights: LevelWeights,
    ) -> Result<Blocks, ModelError> {
        let mut gradient = Blocks::default();
        if self.categories() == 0 {
            return Ok(gradient);
        }
        let all = self.in_turn(party);
        let mut sums = vec![Vec::new(); all.len()];
        for Turn { place, indicators, .. } in &all {
            sums[*place] = indicators.to_levels(party, residuals, self.sums.low).await?;
        }
        // Both parties join them in the order in which they take turns.
        let joined = |parts: &[Vec<u64>]| -> Vec<u64> {
            all.iter().flat_map(|turn| parts[turn.place].iter().copied()).collect()
        };
        let sums = truncate(party, &joined(&sums), self.sums.bits - GRADIENT_BITS).await?;
        let pulls: Vec<u64> =
            joined(&weights.0).iter().map(|weight| weight.wrapping_mul(self.penalty)).collect();
        let pulls = truncate(party, &pulls, self.penalty_shift).await?;
        let slopes: Vec<u64> =
            sums.iter().zip(&pulls).map(|(sum, pull)| sum.wrapping_add(*pull)).collect();
        let mut slopes = &slopes[..];
        for Turn { indicators, own, .. } in all {
            let (mine, rest) = slopes.split_at(indicators.levels());
            slopes = rest;
            let scaled = indicators.scaled(party, mine).await?;
            let block = if own { &mut gradient.own } else { &mut gradient.theirs };
            block.extend(scaled);
        }
        Ok(gradient)
    }

    /// The coefficients of each own category's levels, from the last of the own variables, which
    /// are taken off.
    pub(in crate::vertical) fn coefficients(&self, variables: &mut Vec<f64>) -> Vec<Vec<f64>> {
        let mut rest = variables.split_off(variables.len().saturating_sub(self.variables()[0]));
        let mut coefficients = Vec::with_capacity(self.own.len());
        for OwnCategory { indicators, scales } in &self.own {
            let tail = rest.split_off(indicators.levels().min(rest.len()));
            let pairs = rest.iter().zip(scales);
            coefficients.push(pairs.map(|(variable, scale)| variable * scale).collect());
            rest = tail;
        }
        coefficients
    }

    /// What vectors are compared by in place of all variables, of which there are `own` and
    /// `theirs` in all; `None` without categories.
    pub(in crate::vertical) fn sketch(
        &self,
        first: bool,
        own: usize,
        theirs: usize,
    ) -> Option<Sketch> {
        let [own_levels, their_levels] = self.variables();
        let spans = |guest: usize, guest_levels: usize, host: usize, host_levels: usize| {
            let all = guest + host;
            [guest - guest_levels..guest, all - host_levels..all]
        };
        let spans = if first {
            spans(own, own_levels, theirs, their_levels)
        } else {
            spans(theirs, their_levels, own, own_levels)
        };
        (self.categories() > 0).then(|| Sketch::new(spans, self.seed))
    }

    /// All categories, the guest's first.
    fn in_turn(&self, party: &TwoParty) -> Vec<Turn<'_>> {
        let own = turns(self.own.iter().map(|it| &it.indicators), 0, true);
        let theirs = turns(self.theirs.iter(), self.own.len(), false);
        let (mut all, others) = if party.is_first() { (own, theirs) } else { (theirs, own) };
        all.extend(others);
        all
    }
}

/// One category in the order that both parties go by.
struct Turn<'a> {
    /// Its place among the weights.
    place: usize,
    indicators: &'a Indicators,
    own: bool,
    /// Its variables among those of all of its owner's categories.
    span: Range<usize>,
}

/// The categories of one party, whose weights begin at a place.
fn turns<'a>(
    categories: impl Iterator<Item = &'a Indicators>,
    first_place: usize,
    own: bool,
) -> Vec<Turn<'a>> {
    let mut start = 0;
    let turn = |(index, indicators): (usize, &'a Indicators)| {
        let span = start..start + indicators.levels();
        start = span.end;
        Turn { place: first_place + index, indicators, own, span }
    };
    categories.enumerate().map(turn).collect()
}

/// Bits that are free above the largest sum: sign included, and so that it can be truncated.
const SUM_MARGIN: u32 = 4;

/// For each level, the power of two of its q, where each of its rows adds so much to the curvature
/// of the penalty.
fn powers(column: &LevelColumn<'_>, penalty: f64, of_row: f64) -> Vec<u8> {
    let power = |count: usize| {
        let curvature = of_row * count as f64 + penalty;
        (-0.5 * curvature.log2()).floor().clamp(0.0, f64::from(SCALE_MAX)) as u8
    };
    column.counts().into_iter().map(power).collect()
}

/// The numbers of levels of the peer's categories, and a seed that neither party chose alone.
async fn agree_on_shape(
    party: &mut TwoParty,
    levels: &LevelColumns<'_>,
    rows: Rows,
) -> Result<(Vec<usize>, [u8; 32]), ModelError> {
    levels.check(rows.training)?;
    if rows.training > indicators::ROWS_MAX {
        return Err(ModelError::InvalidInput(format!(
            "{} training rows beside categories of very many levels; possible are {}",
            rows.training,
            indicators::ROWS_MAX
        )));
    }
    if levels.columns.len() > CATEGORIES_MAX {
        return Err(ModelError::InvalidInput(format!(
            "{} categories of very many levels; a party may have {CATEGORIES_MAX}",
            levels.columns.len()
        )));
    }
    let mut mine = [0; SHAPE_WORDS];
    mine[..SIZES_START].copy_from_slice(&[rows.training as u64, levels.level_rows.to_bits()]);
    for (word, column) in mine[SIZES_START..].iter_mut().zip(levels.columns) {
        *word = indicators::padded(column.count) as u64;
    }
    party.session.rng().fill_words(&mut mine[SIZES_START + CATEGORIES_MAX..]);
    party.ledger.record("train.levels", "all", 1)?;
    let theirs = party.session.exchange_words(SHAPE, &mine, SHAPE_WORDS).await?;
    let all = &theirs[SIZES_START..][..CATEGORIES_MAX];
    let sizes: Vec<usize> = all
        .iter()
        .map(|size| usize::try_from(*size).unwrap_or(usize::MAX))
        .take_while(|size| *size > 0)
        .collect();
    // Each level has a row.
    let size_max = indicators::padded(rows.training).min(LEVELS_MAX);
    let is_size = |size: &usize| *size <= size_max && indicators::padded(*size) == *size;
    let fits = sizes.iter().all(is_size) && all[sizes.len()..].iter().all(|word| *word == 0);
    if theirs[..SIZES_START] != mine[..SIZES_START] || !fits {
        let rule = format!(
            "needed are the same {} rows and penalty, and at most {CATEGORIES_MAX} rounded numbers \
             of levels up to {size_max}",
            rows.training
        );
        return Err(party.session.misbehaved(SHAPE, rule).into());
    }
    let (first, second) =
        if party.is_first() { (&mine[..], &theirs[..]) } else { (&theirs[..], &mine[..]) };
    let bytes = |words: &[u64]| words.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<_>>();
    let seed = digest("models.levels", &[&bytes(first), &bytes(second)]);
    Ok((sizes, seed))
}

#[cfg(test)]
mod tests;
