//! Grouping categories by level.

use crate::binned;
use crate::column::count_levels;
use std::collections::HashMap;
use table::MISSING_CODE;

/// The levels that get a bin of their own, and whether the others share one more bin.
///
/// Levels are taken by how many chosen rows have them, most first, then by name. More than `bins`
/// levels leave the last bin to all others.
pub(super) fn group(
    codes: &[u32],
    levels: &[String],
    chosen: &[u32],
    bins: usize,
) -> (Vec<String>, bool) {
    let (counts, _) = count_levels(codes, levels.len(), chosen);
    let mut seen: Vec<usize> = (0..levels.len()).filter(|level| counts[*level] > 0).collect();
    seen.sort_by(|&left, &right| {
        counts[right].cmp(&counts[left]).then_with(|| levels[left].cmp(&levels[right]))
    });
    let other = seen.len() > bins;
    if other {
        seen.truncate(bins - 1);
    }
    (seen.into_iter().map(|level| levels[level].clone()).collect(), other)
}

/// The code of every row: by the text of its level, which may have another code than in training.
pub(super) fn codes(fitted: &[String], other: bool, codes: &[u32], levels: &[String]) -> Vec<u8> {
    let places: HashMap<&str, u8> =
        fitted.iter().enumerate().map(|(place, level)| (level.as_str(), place as u8 + 1)).collect();
    let unseen = if other { fitted.len() as u8 + 1 } else { binned::MISSING };
    let code_of_level: Vec<u8> =
        levels.iter().map(|level| places.get(level.as_str()).copied().unwrap_or(unseen)).collect();
    let code = |code: &u32| match *code {
        MISSING_CODE => binned::MISSING,
        code => code_of_level[code as usize],
    };
    codes.iter().map(code).collect()
}
