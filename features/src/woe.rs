//! Weight of evidence and information value from counts per bin.
//!
//! With p and n the shares of all positives and of all negatives that a bin holds:
//! WOE = ln(p / n), IV = Σ (p − n) ln(p / n). A positive WOE means more positives than on average.
//! (Siddiqi's book has ln(good / bad): the sign of WOE is the other way round there when the
//! positives are the bad ones; IV is the same.) A bin in which one class is not there would have an
//! infinite WOE: it counts 0.5 rows more of either class, the totals staying as they are.
//!
//! Everything is a pure function of counts, so that it also serves where the counts of one party's
//! bins against another party's labels come out of a protocol. Sources: Kullback, "Information
//! Theory and Statistics", 1959 (the divergence); Siddiqi, "Credit Risk Scorecards", 2006,
//! chapter 6.

mod merging;

pub use merging::{MergeRule, Merged, merge_small};

use crate::binned::BinnedMatrix;
use crate::binning::Binning;
use crate::error::{TRAINING, check_labels, check_rows};
use crate::{Derivation, Feature, FeatureMatrix, FeaturesError, Provenance};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// What a class that is not in a bin counts there, in rows.
pub const ZERO_CELL_ROWS: f64 = 0.5;

/// How many rows of either class a bin holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BinCounts {
    /// Rows with label 1.
    pub positives: u64,
    /// Rows with label 0.
    pub negatives: u64,
}

impl BinCounts {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.positives + self.negatives
    }

    /// Counts one row with this label (0 or 1).
    pub fn add(&mut self, label: u8) {
        if label == 1 { self.positives += 1 } else { self.negatives += 1 }
    }

    /// Positives among the rows; 0 where there are none.
    pub fn rate(&self) -> f64 {
        self.positives as f64 / (self.rows() as f64).max(1.0)
    }
}

impl AddAssign for BinCounts {
    fn add_assign(&mut self, other: Self) {
        self.positives += other.positives;
        self.negatives += other.negatives;
    }
}

/// Counts the chosen rows of either class for each code in `0..codes_count`.
///
/// # Errors
///
/// Labels that are not 0 or 1 or of another length, a row outside of the column, or a code beyond
/// `codes_count`.
pub fn count(
    codes: &[u8],
    codes_count: usize,
    labels: &[u8],
    chosen: &[u32],
) -> Result<Vec<BinCounts>, FeaturesError> {
    check_labels(codes.len(), labels)?;
    check_rows(codes.len(), chosen, TRAINING)?;
    let mut counts = vec![BinCounts::default(); codes_count];
    for row in chosen.iter().map(|row| *row as usize) {
        let code = u32::from(codes[row]);
        let outside = || FeaturesError::CodeOutside {
            column: "of bin codes".to_owned(),
            row,
            code,
            levels: codes_count,
        };
        counts.get_mut(code as usize).ok_or_else(outside)?.add(labels[row]);
    }
    Ok(counts)
}

/// How much a feature tells about the label, in the customary words for its information value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Below 0.02: not useful.
    None,
    /// From 0.02 on.
    Weak,
    /// From 0.1 on.
    Medium,
    /// From 0.3 on.
    Strong,
    /// Above 0.5: too good; look whether the feature knows the outcome.
    Suspicious,
}

impl Strength {
    /// The word for an information value.
    pub fn of(iv: f64) -> Self {
        match iv {
            iv if iv < 0.02 => Self::None,
            iv if iv < 0.1 => Self::Weak,
            iv if iv < 0.3 => Self::Medium,
            iv if iv <= 0.5 => Self::Strong,
            _ => Self::Suspicious,
        }
    }
}

/// One line of a WOE table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WoeBin {
    /// The codes that were merged into this line, ascending.
    pub codes: Vec<u8>,
    /// What is in it, such as "(1.5, 3.2]".
    pub label: String,
    /// Its rows.
    pub counts: BinCounts,
    /// Its share of all rows.
    pub share: f64,
    /// Its positives among its rows.
    pub rate: f64,
    /// Its weight of evidence.
    pub woe: f64,
    /// What it adds to the information value.
    pub iv: f64,
}

/// The weight of evidence of a binned feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WoeTable {
    /// Name of the feature.
    pub feature: String,
    /// The lines: the missing value where it stands alone, then the bins in their order.
    pub bins: Vec<WoeBin>,
    /// Information value.
    pub iv: f64,
    /// The customary word for it.
    pub strength: Strength,
    /// The weight of evidence of each code.
    woe_of_code: Vec<f64>,
}

impl WoeTable {
    /// Makes the table of a feature from its training counts per code, small bins merged by `rule`.
    ///
    /// `label_of` says what codes stand for together, such as [`Binning::label_of`]; of the codes
    /// merged into a line it is given those that hold rows.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::OneClass`] where the counts hold only one class or no rows at all.
    pub fn new(
        feature: &str,
        counts: &[BinCounts],
        rule: MergeRule,
        label_of: impl Fn(&[u8]) -> String,
    ) -> Result<Self, FeaturesError> {
        let merged = merge_small(counts, rule);
        let mut total = BinCounts::default();
        for counts in counts {
            total += *counts;
        }
        if total.positives == 0 || total.negatives == 0 {
            return Err(FeaturesError::OneClass);
        }
        let line = |(group, counts): (usize, &BinCounts)| {
            let codes: Vec<u8> = merged.members(group).map(|code| code as u8).collect();
            let (woe, iv) = evidence(*counts, total);
            WoeBin { label: String::new(), codes, counts: *counts, share: 0.0, rate: 0.0, woe, iv }
        };
        let mut bins: Vec<WoeBin> = merged.counts.iter().enumerate().map(line).collect();
        for bin in &mut bins {
            bin.share = bin.counts.rows() as f64 / total.rows() as f64;
            bin.rate = bin.counts.rate();
            let mut shown = bin.codes.clone();
            shown.retain(|code| counts[usize::from(*code)].rows() > 0);
            bin.label = label_of(&shown);
        }
        let iv = bins.iter().map(|bin| bin.iv).sum();
        let woe_of_code = merged.group_of_bin.iter().map(|group| bins[*group].woe).collect();
        let (feature, strength) = (feature.to_owned(), Strength::of(iv));
        Ok(Self { feature, bins, iv, strength, woe_of_code })
    }

    /// The table of a feature of one's own: [`count`] over the training rows, then
    /// [`WoeTable::new`].
    ///
    /// # Errors
    ///
    /// Those of [`count`] and [`WoeTable::new`].
    pub fn fit(
        binning: &Binning,
        codes: &[u8],
        labels: &[u8],
        training_rows: &[u32],
        rule: MergeRule,
    ) -> Result<Self, FeaturesError> {
        let counts = count(codes, binning.codes_count(), labels, training_rows)?;
        Self::new(binning.feature(), &counts, rule, |codes| binning.label_of(codes))
    }

    /// The weight of evidence of each code; a code that held no training row has that of the line
    /// it was merged into.
    pub fn woe_of_code(&self) -> &[f64] {
        &self.woe_of_code
    }

    /// The weight of evidence of every row; 0, no evidence, for a code that was never fitted.
    pub fn values(&self, codes: &[u8]) -> Vec<f64> {
        let woe = |code: &u8| self.woe_of_code.get(usize::from(*code)).copied().unwrap_or(0.0);
        codes.iter().map(woe).collect()
    }
}

/// The weight-of-evidence features of all rows: one column per table that has a binned feature of
/// its name, in the order of the tables.
///
/// # Errors
///
/// [`FeaturesError::ColumnMissing`] for a table without binned feature.
pub fn encode(tables: &[WoeTable], binned: &BinnedMatrix) -> Result<FeatureMatrix, FeaturesError> {
    let feature = |table: &WoeTable| {
        let missing = || FeaturesError::ColumnMissing { column: table.feature.clone() };
        let binned = binned.features().iter().find(|feature| feature.name == table.feature);
        let values = table.values(&binned.ok_or_else(missing)?.codes);
        let source = table.feature.clone();
        let provenance = Provenance { source, derivation: Derivation::Woe };
        Ok(Feature { name: provenance.to_string(), provenance, values })
    };
    let features = tables.iter().map(feature).collect::<Result<_, FeaturesError>>()?;
    FeatureMatrix::new(binned.rows(), features)
}

/// WOE of a bin and what it adds to the IV.
fn evidence(counts: BinCounts, total: BinCounts) -> (f64, f64) {
    let added = match counts {
        BinCounts { positives: 0, negatives: 0 } => return (0.0, 0.0),
        BinCounts { positives: 0, .. } | BinCounts { negatives: 0, .. } => ZERO_CELL_ROWS,
        BinCounts { .. } => 0.0,
    };
    let positives = (counts.positives as f64 + added) / total.positives as f64;
    let negatives = (counts.negatives as f64 + added) / total.negatives as f64;
    let woe = (positives / negatives).ln();
    (woe, (positives - negatives) * woe)
}

#[cfg(test)]
mod tests;
