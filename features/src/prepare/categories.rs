//! Turning categories into numbers.

use crate::column::count_levels;
use mpc::indicators::NO_LEVEL;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use table::MISSING_CODE;

/// How categories become numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// A feature for each level: 1 where the row has it, else 0.
    ///
    /// The most frequent level (of equal ones the first by name) is the reference and has no
    /// feature; a missing category is a level of its own. Levels with fewer training rows than
    /// `rows_min`, and levels that training did not see, are all zeros like the reference.
    OneHot {
        /// Fewest training rows of a level that gets a feature.
        rows_min: usize,
    },
    /// A standardised indicator for each level, the most frequent one included.
    ///
    /// For penalised models: without a reference the penalty treats all levels alike, and rare
    /// levels are not shrunk harder than frequent ones. A missing category is a level of its own.
    Indicators {
        /// Fewest training rows of a level that gets a feature.
        rows_min: usize,
    },
    /// As [`Self::Indicators`] for a column of at most `above` such levels; a column of more is one
    /// category ([`Preparation::categories`](super::Preparation::categories)) and no feature of
    /// the matrix.
    Sparse {
        /// Fewest training rows of a level that counts.
        rows_min: usize,
        /// Levels up to which each has a feature.
        above: usize,
    },
    /// One feature: the place of the level in an order, then treated as a number.
    ///
    /// A level that is not in the order counts as missing.
    Ordinal {
        /// The levels from low to high; empty for the training levels by name.
        order: Vec<String>,
    },
}

/// The levels that get a feature, by name; `None`, at the end, is the missing category.
pub(super) fn one_hot_levels(
    codes: &[u32],
    levels: &[String],
    chosen: &[u32],
    rows_min: usize,
    keep_reference: bool,
) -> Vec<Option<String>> {
    let (counts, missing) = count_levels(codes, levels.len(), chosen);
    let named = levels.iter().cloned().map(Some).zip(counts);
    let mut seen: Vec<(Option<String>, usize)> =
        named.chain([(None, missing)]).filter(|(_, count)| *count > 0).collect();
    // By name, the missing category last.
    seen.sort_by(|(left, _), (right, _)| (left.is_none(), left).cmp(&(right.is_none(), right)));
    let most = seen.iter().map(|(_, count)| *count).max().filter(|_| !keep_reference);
    if let Some(reference) = seen.iter().position(|(_, count)| Some(*count) == most) {
        seen.remove(reference);
    }
    seen.into_iter().filter(|(_, count)| *count >= rows_min).map(|(level, _)| level).collect()
}

/// For each row the place of its level in the list (none: the missing category), or [`NO_LEVEL`].
pub(super) fn places_in(list: &[Option<&str>], codes: &[u32], levels: &[String]) -> Vec<u32> {
    let places: HashMap<Option<&str>, u32> = list.iter().copied().zip(0..).collect();
    let place = |level: Option<&str>| places.get(&level).copied().unwrap_or(NO_LEVEL);
    let place_of_level: Vec<u32> = levels.iter().map(|level| place(Some(level))).collect();
    let if_missing = place(None);
    let of_row = |code: &u32| match *code {
        MISSING_CODE => if_missing,
        code => place_of_level[code as usize],
    };
    codes.iter().map(of_row).collect()
}

/// 1 where the row has this level (none: where its category is missing), else 0.
pub(super) fn is_level(level: Option<&str>, codes: &[u32], levels: &[String]) -> Vec<f64> {
    let is_wanted: Vec<f64> =
        levels.iter().map(|text| f64::from(u8::from(Some(text.as_str()) == level))).collect();
    let if_missing = f64::from(u8::from(level.is_none()));
    let value = |code: &u32| match *code {
        MISSING_CODE => if_missing,
        code => is_wanted[code as usize],
    };
    codes.iter().map(value).collect()
}

/// The order of an ordinal encoding: the one asked for, or the training levels by name.
pub(super) fn order(
    asked: &[String],
    codes: &[u32],
    levels: &[String],
    chosen: &[u32],
) -> Vec<String> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let (counts, _) = count_levels(codes, levels.len(), chosen);
    let seen = levels.iter().zip(counts).filter(|(_, count)| *count > 0);
    let mut order: Vec<String> = seen.map(|(level, _)| level.clone()).collect();
    order.sort_unstable();
    order.dedup();
    order
}

/// The place of each row's level in the order, from 0; NaN where it has none.
pub(super) fn places(order: &[String], codes: &[u32], levels: &[String]) -> Vec<f64> {
    let places: HashMap<&str, usize> =
        order.iter().enumerate().rev().map(|(place, level)| (level.as_str(), place)).collect();
    let place_of_level: Vec<f64> = (levels.iter())
        .map(|level| places.get(level.as_str()).map_or(f64::NAN, |place| *place as f64))
        .collect();
    let place = |code: &u32| match *code {
        MISSING_CODE => f64::NAN,
        code => place_of_level[code as usize],
    };
    codes.iter().map(place).collect()
}
