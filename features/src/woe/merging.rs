//! Merging bins that are too small to be shown or relied on.

use super::BinCounts;
use serde::{Deserialize, Serialize};

/// When a bin is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRule {
    /// Fewest rows of a bin.
    pub rows_min: u64,
    /// Fewest rows of either class in a bin.
    pub class_min: u64,
}

impl Default for MergeRule {
    fn default() -> Self {
        Self { rows_min: 50, class_min: 5 }
    }
}

impl MergeRule {
    /// Whether a bin may stay on its own.
    pub fn accepts(&self, counts: BinCounts) -> bool {
        counts.rows() >= self.rows_min.max(1)
            && counts.positives.min(counts.negatives) >= self.class_min
    }
}

/// Bins after merging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// For each bin the merged bin it went into.
    pub group_of_bin: Vec<usize>,
    /// The counts of each merged bin, in the order of the values; a missing value that was merged
    /// is where the bin is that it joined.
    pub counts: Vec<BinCounts>,
    /// Whether every merged bin keeps to the rule. If not, there is one merged bin, and all rows
    /// together are too few: its counts must not be shown to anybody who may not see them.
    pub accepted: bool,
}

impl Merged {
    /// The bins that went into a merged bin, ascending.
    pub fn members(&self, group: usize) -> impl Iterator<Item = usize> + '_ {
        let places = self.group_of_bin.iter().enumerate();
        places.filter(move |(_, of)| **of == group).map(|(bin, _)| bin)
    }
}

/// Merges bins until each keeps to the rule or one is left. Bin 0 is the missing value.
///
/// The smallest bin that breaks the rule goes first (of equal ones the first). A bin joins its
/// neighbour with fewer rows, the lower one of equal ones; the missing value, which has no
/// neighbour, joins the bin with the most rows, where it changes least. A bin of values joins the
/// missing one only when no other is left.
pub fn merge_small(counts: &[BinCounts], rule: MergeRule) -> Merged {
    // Each merged bin: its members, its counts. The missing value stays at place 0 while alone.
    let mut groups: Vec<(Vec<usize>, BinCounts)> =
        counts.iter().enumerate().map(|(bin, counts)| (vec![bin], *counts)).collect();
    let mut missing_apart = true;
    while groups.len() > 1 {
        let broken = groups.iter().enumerate().filter(|(_, group)| !rule.accepts(group.1));
        let Some((place, _)) = broken.min_by_key(|(_, group)| group.1.rows()) else { break };
        let target = partner(&groups, place, missing_apart);
        let is_missing = missing_apart && place == 0;
        missing_apart &= place != 0 && target != 0;
        // The missing value goes to the other's place; of two neighbours the lower place stays.
        let from = if is_missing { place } else { place.max(target) };
        let (members, counts) = groups.remove(from);
        let into = if is_missing { target - 1 } else { place.min(target) };
        groups[into].0.extend(members);
        groups[into].1 += counts;
    }
    let mut group_of_bin = vec![0; counts.len()];
    for (group, (members, _)) in groups.iter().enumerate() {
        for bin in members {
            group_of_bin[*bin] = group;
        }
    }
    let accepted = groups.iter().all(|group| rule.accepts(group.1));
    Merged { group_of_bin, counts: groups.into_iter().map(|group| group.1).collect(), accepted }
}

/// The merged bin that the one at `place` joins. There are at least two.
fn partner(groups: &[(Vec<usize>, BinCounts)], place: usize, missing_apart: bool) -> usize {
    let rows = |place: usize| groups[place].1.rows();
    let first = usize::from(missing_apart);
    if place < first {
        let largest = (first..groups.len()).rev().max_by_key(|place| rows(*place));
        return largest.unwrap_or(1);
    }
    let lower = (place > first).then(|| place - 1);
    let upper = (place + 1 < groups.len()).then_some(place + 1);
    match (lower, upper) {
        (Some(lower), Some(upper)) => {
            if rows(lower) <= rows(upper) {
                lower
            } else {
                upper
            }
        }
        (Some(only), None) | (None, Some(only)) => only,
        // Only the missing value and this bin are left.
        (None, None) => 0,
    }
}
