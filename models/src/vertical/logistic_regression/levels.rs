//! Coefficients of categories of very many levels, beside those of plain columns.
//!
//! Each category is a block of variables of its own, one for each level, after all other variables
//! of its owner. What a row gets from it and the sums over its levels' rows go through
//! `mpc::indicators`; nothing is ever multiplied by a column of 0 and 1.
//!
//! The block's part of the Hessian is diagonal, `κ·n_l/n + λ` with `λ = κ·level_rows/n`. The owner
//! knows it, and chooses for each level the largest power of two q with `q²·(κ·n_l/n + λ) ≤ 1`, at
//! most 2^7: the coefficient is q·v for the variable v, in which the curvature is at most 1, and
//! more than 1/4 unless q is at its limit. Nobody else learns q. Means are not taken out, as they
//! are from plain columns of a host: with the penalty the direction in which levels stand against
//! the intercept has the curvature `L·λ/(1/2 + L·λ)` for L levels, which is of order 1 for the many
//! levels that this is made for.

use std::ops::Range;

use crypto::hash::digest;
use mpc::TwoParty;
use mpc::conversion::truncate;
use mpc::indicators::{self, Indicators, LIFT_BITS, Levels, SCALE_MAX, WORD_BITS};
use mpc::matrix::Blocks;
use mpc::sigmoid::SCORE_UNIT;

use super::objective::GRADIENT_BITS;
use super::sketch::Sketch;
use super::{Rows, STEEPNESS};
use crate::ModelError;
use crate::levels::{LEVELS_MAX, LevelColumn, LevelColumns};

/// Categories that one party may have.
const CATEGORIES_MAX: usize = 4;

/// What both parties say of their categories: rows, the penalty, the numbers of padded levels,
/// and a part of a seed.
const SHAPE_WORDS: usize = SIZES_START + CATEGORIES_MAX + 4;
const SIZES_START: usize = 2;
const SHAPE: &str = "level_shape";

/// Bits of the penalty's factor, at most: coefficients stay below 2^6.
const PENALTY_FACTOR_BITS: i32 = 12;

/// All categories of both parties; by default none.
#[derive(Default)]
pub(in crate::vertical) struct LevelBlock {
    own: Vec<OwnCategory>,
    theirs: Vec<Indicators>,
    /// λ in units of gradients for a score, times 2^`penalty_shift`.
    penalty: u64,
    penalty_shift: u32,
    /// The bit of residuals from which on they are summed up.
    low: u32,
    seed: [u8; 32],
}

struct OwnCategory {
    indicators: Indicators,
    /// q of each level.
    scales: Vec<f64>,
}

/// Shares of the weights of all levels, own categories first.
pub(in crate::vertical) struct LevelWeights(Vec<Vec<u64>>);

impl LevelBlock {
    /// Agrees with the peer on the categories and sets their products up; both pass theirs, perhaps
    /// none, or both `None`, and nothing is sent. Residuals have `residual_bits`.
    pub(super) async fn agree(
        party: &mut TwoParty,
        levels: Option<&LevelColumns<'_>>,
        rows: Rows,
        residual_bits: u32,
    ) -> Result<Self, ModelError> {
        let Some(levels) = levels else { return Ok(Self::default()) };
        let (theirs, seed) = agree_on_shape(party, levels, rows).await?;
        let lambda = STEEPNESS * levels.level_rows / rows.training as f64;
        // A share of a coefficient, in units of scores, times this is the penalty's gradient.
        let factor = lambda * (1_u64 << GRADIENT_BITS) as f64 / SCORE_UNIT;
        let penalty_shift = PENALTY_FACTOR_BITS - factor.log2().ceil() as i32;
        let mut block = Self {
            penalty: (factor * 2_f64.powi(penalty_shift)).round() as u64,
            penalty_shift: penalty_shift.max(0).unsigned_abs(),
            // Sums are at most 2^(residual_bits + log_rows): factors of rows sum to 2^log_rows
            // and residuals without them are below 1.
            low: residual_bits + rows.log_training() + SUM_MARGIN - WORD_BITS,
            seed,
            ..Self::default()
        };
        // The guest's categories first.
        if party.is_first() {
            block.prepare_own(party, levels, rows).await?;
            block.prepare_theirs(party, &theirs, rows).await?;
        } else {
            block.prepare_theirs(party, &theirs, rows).await?;
            block.prepare_own(party, levels, rows).await?;
        }
        Ok(block)
    }

    async fn prepare_own(
        &mut self,
        party: &mut TwoParty,
        levels: &LevelColumns<'_>,
        rows: Rows,
    ) -> Result<(), ModelError> {
        for column in levels.columns {
            let powers = powers(column, levels.level_rows, rows.training);
            let scales = powers.iter().map(|power| 2_f64.powi(i32::from(*power))).collect();
            let levels = Levels { of_rows: column.of_rows, count: column.count, scales: &powers };
            let indicators = Indicators::prepare_own(party, levels).await?;
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
        for size in sizes {
            self.theirs.push(Indicators::prepare_theirs(party, rows.training, *size).await?);
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
            let variables: Vec<u64> = block[span].iter().map(|v| v << column_bits).collect();
            weights[place] = indicators.scaled(party, &variables).await?;
            let parts = indicators.to_rows(party, &weights[place]).await?;
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
            sums[*place] = indicators.to_levels(party, residuals, self.low).await?;
        }
        // Both parties join them in the order in which they take turns.
        let joined = |parts: &[Vec<u64>]| -> Vec<u64> {
            all.iter().flat_map(|turn| parts[turn.place].iter().copied()).collect()
        };
        let sums = truncate(party, &joined(&sums), SUM_BITS - GRADIENT_BITS).await?;
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

/// Fractional bits of sums over levels for a mean of 1, after the lift of `indicators`.
const SUM_BITS: u32 = WORD_BITS + LIFT_BITS - SUM_MARGIN;
/// Bits that are free above sums of size 1: sign included, and so that they can be truncated.
const SUM_MARGIN: u32 = 4;

/// For each level, the power of two of its q.
fn powers(column: &LevelColumn<'_>, level_rows: f64, rows: usize) -> Vec<u8> {
    let power = |count: usize| {
        let curvature = STEEPNESS * (count as f64 + level_rows) / rows as f64;
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
    let seed = digest("models.logistic_regression.levels", &[&bytes(first), &bytes(second)]);
    Ok((sizes, seed))
}

#[cfg(test)]
mod tests;
