//! Bins of numbers and groups of levels, as codes of one byte.
//!
//! Code 0 is the missing value; the bins are 1, 2, … in the order of the values. A bin of numbers
//! is open at its lower end and closed at its upper one, "(1.5, 3.2]". Bins are fitted on training
//! rows and applied to all rows; a number beyond the training rows' range falls into the first or
//! last bin, a level that was not seen into "other levels" where there is such a group and counts
//! as missing elsewhere.

mod chi_merge;
mod cuts;
mod levels;

pub use chi_merge::{CHI_SQUARE_95, chi_merge};

use crate::binned::{BinnedFeature, BinnedMatrix};
use crate::column::{Column, Values};
use crate::error::{TRAINING, check_labels, check_rows};
use crate::{FeaturesError, binned};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How numbers are cut into bins. Categories are always grouped by level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Bins that hold about equally many training rows.
    Quantile,
    /// Bins of equal width between the smallest and the largest training value.
    EqualWidth,
    /// Fine quantile bins, neighbours merged while their event rates do not differ; needs labels.
    ChiMerge {
        /// Neighbours are merged while their χ² is below this; see [`CHI_SQUARE_95`].
        threshold: f64,
    },
}

/// The fitted bins of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binning {
    feature: String,
    rule: Rule,
}

/// How values become codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    /// Strictly ascending finite inner edges: bin b holds the values in (cuts[b-2], cuts[b-1]].
    Cuts(Vec<f64>),
    /// For each bin its level; `other` says that one more bin takes all other levels.
    Levels { levels: Vec<String>, other: bool },
}

impl Binning {
    /// Fits bins to the training rows of a column.
    ///
    /// `bins` is the largest number of bins, the missing one not counted: 2 to 255. Heavy ties,
    /// few distinct values or χ² merging give fewer. `labels`, one per row of the column and 0 or
    /// 1, are needed by [`Method::ChiMerge`] only.
    ///
    /// # Errors
    ///
    /// Settings out of range, row numbers outside of the column, invalid values or labels, labels
    /// that are needed and not there, or [`FeaturesError::AllMissing`].
    pub fn fit(
        column: &Column<'_>,
        training_rows: &[u32],
        method: Method,
        bins: usize,
        labels: Option<&[u8]>,
    ) -> Result<Self, FeaturesError> {
        if !(2..=255).contains(&bins) {
            return Err(FeaturesError::setting("bins", &bins, "between 2 and 255"));
        }
        let rows = column.values.rows();
        column.check(rows)?;
        check_rows(rows, training_rows, TRAINING)?;
        let rule = match column.values {
            Values::Categories { codes, levels } => {
                let (levels, other) = levels::group(codes, levels, training_rows, bins);
                (!levels.is_empty() || other).then_some(Rule::Levels { levels, other })
            }
            Values::Numbers(values) => {
                let sorted = cuts::sorted_present(values, training_rows);
                let cuts = match method {
                    Method::Quantile => cuts::quantile(&sorted, bins),
                    Method::EqualWidth => cuts::equal_width(&sorted, bins),
                    Method::ChiMerge { threshold } => {
                        let needed = FeaturesError::LabelsNeeded { what: "chi-merge binning" };
                        let labels = labels.ok_or(needed)?;
                        check_labels(rows, labels)?;
                        let fine = cuts::quantile(&sorted, chi_merge::FINE_BINS);
                        let counts = cuts::count(&fine, values, training_rows, labels);
                        chi_merge::merged_cuts(&fine, &counts, bins, threshold)?
                    }
                };
                (!sorted.is_empty()).then_some(Rule::Cuts(cuts))
            }
        };
        let feature = column.name.to_owned();
        match rule {
            Some(rule) => Ok(Self { feature, rule }),
            None => Err(FeaturesError::AllMissing { column: feature }),
        }
    }

    /// Bins that hold about equally many training rows: [`Binning::fit`] by [`Method::Quantile`].
    ///
    /// # Errors
    ///
    /// Those of [`Binning::fit`].
    pub fn quantile(
        column: &Column<'_>,
        training_rows: &[u32],
        bins: usize,
    ) -> Result<Self, FeaturesError> {
        Self::fit(column, training_rows, Method::Quantile, bins, None)
    }

    /// Name of the column the bins were fitted on.
    pub fn feature(&self) -> &str {
        &self.feature
    }

    /// Number of bins, the missing one not counted; codes are `0..=bins`.
    pub fn bins(&self) -> usize {
        match &self.rule {
            Rule::Cuts(cuts) => cuts.len() + 1,
            Rule::Levels { levels, other } => levels.len() + usize::from(*other),
        }
    }

    /// Number of codes: the bins and the missing one.
    pub fn codes_count(&self) -> usize {
        self.bins() + 1
    }

    /// Whether the bins have the order of numbers, so that neighbours are alike.
    pub fn is_ordered(&self) -> bool {
        matches!(self.rule, Rule::Cuts(_))
    }

    /// The inner edges, strictly ascending; none for a column of categories.
    pub fn cuts(&self) -> Option<&[f64]> {
        match &self.rule {
            Rule::Cuts(cuts) => Some(cuts),
            Rule::Levels { .. } => None,
        }
    }

    /// Refuses bins that were read from a file and cannot have been fitted here.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::Damaged`].
    pub fn check(&self) -> Result<(), FeaturesError> {
        let rule = match &self.rule {
            Rule::Cuts(cuts)
                if !cuts.iter().all(|cut| cut.is_finite())
                    || !cuts.windows(2).all(|pair| pair[0] < pair[1]) =>
            {
                "its edges must be finite and ascending"
            }
            Rule::Levels { levels, .. }
                if levels.iter().collect::<BTreeSet<_>>().len() < levels.len() =>
            {
                "a level must be in one bin only"
            }
            _ if !(1..=255).contains(&self.bins()) => "there must be 1 to 255 bins",
            _ => return Ok(()),
        };
        Err(FeaturesError::Damaged { column: self.feature.clone(), rule })
    }

    /// The code of every row.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::WrongKind`] for categories where numbers were fitted or the other way
    /// round, and what [`Column::check`] finds.
    pub fn codes(&self, column: &Column<'_>) -> Result<Vec<u8>, FeaturesError> {
        column.check(column.values.rows())?;
        match &self.rule {
            Rule::Cuts(cuts) => {
                let values = column.as_numbers()?;
                Ok(values.iter().map(|value| cuts::code(cuts, *value)).collect())
            }
            Rule::Levels { levels: fitted, other } => {
                let (codes, levels) = column.as_categories()?;
                Ok(levels::codes(fitted, *other, codes, levels))
            }
        }
    }

    /// What each code stands for, for tables: "missing", "(-∞, 1.5]", … or the level.
    pub fn labels(&self) -> Vec<String> {
        let mut labels = vec!["missing".to_owned()];
        match &self.rule {
            Rule::Cuts(cuts) => labels.extend(cuts::labels(cuts)),
            Rule::Levels { levels, other } => {
                labels.extend(levels.iter().cloned());
                labels.extend(other.then(|| "other levels".to_owned()));
            }
        }
        labels
    }

    /// What the codes of `members` stand for together, such as "(-∞, 3.2]" or "blue, red".
    ///
    /// Neighbouring bins of numbers are written as one interval.
    pub fn label_of(&self, members: &[u8]) -> String {
        let labels = self.labels();
        let missing = members.contains(&binned::MISSING).then(|| labels[0].clone());
        let mut bins: Vec<usize> = members.iter().map(|code| usize::from(*code)).collect();
        bins.retain(|bin| *bin > 0 && *bin < labels.len());
        bins.sort_unstable();
        let texts: Vec<String> = match &self.rule {
            Rule::Levels { .. } => bins.iter().map(|bin| labels[*bin].clone()).collect(),
            Rule::Cuts(cuts) => {
                let neighbours = bins.chunk_by(|left, right| left + 1 >= *right);
                neighbours.map(|run| cuts::interval(cuts, run[0], run[run.len() - 1])).collect()
            }
        };
        missing.into_iter().chain(texts).collect::<Vec<_>>().join(", ")
    }
}

/// How the columns of a table are binned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How numbers are cut.
    pub method: Method,
    /// Largest number of bins, the missing one not counted: 2 to 255.
    pub bins: usize,
    /// Other methods and numbers of bins for the columns named.
    pub columns: BTreeMap<String, (Method, usize)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { method: Method::Quantile, bins: 10, columns: BTreeMap::new() }
    }
}

/// Fits the bins of every column that has a value in some training row.
///
/// Columns without any are left out; compare names to say which. Uses rayon.
///
/// # Errors
///
/// Those of [`Binning::fit`], or [`FeaturesError::ColumnMissing`] for an exception without column.
pub fn fit(
    columns: &[Column<'_>],
    training_rows: &[u32],
    settings: &Settings,
    labels: Option<&[u8]>,
) -> Result<Vec<Binning>, FeaturesError> {
    for name in settings.columns.keys() {
        if !columns.iter().any(|column| column.name == name) {
            return Err(FeaturesError::ColumnMissing { column: name.clone() });
        }
    }
    let fit = |column: &Column<'_>| {
        let default = (settings.method, settings.bins);
        let (method, bins) = settings.columns.get(column.name).copied().unwrap_or(default);
        match Binning::fit(column, training_rows, method, bins, labels) {
            Err(FeaturesError::AllMissing { .. }) => None,
            fitted => Some(fitted),
        }
    };
    columns.par_iter().filter_map(fit).collect()
}

/// The codes of all rows for every fitted binning, in the order of `binnings`. Uses rayon.
///
/// # Errors
///
/// [`FeaturesError::ColumnMissing`], and those of [`Binning::codes`].
pub fn apply(
    binnings: &[Binning],
    columns: &[Column<'_>],
    rows: usize,
) -> Result<BinnedMatrix, FeaturesError> {
    let features = binnings.par_iter().map(|binning| {
        let column = columns.iter().find(|column| column.name == binning.feature);
        let missing = || FeaturesError::ColumnMissing { column: binning.feature.clone() };
        let column = column.ok_or_else(missing)?;
        let (name, bins) = (binning.feature.clone(), binning.bins());
        Ok(BinnedFeature { name, codes: binning.codes(column)?, bins })
    });
    let features = features.collect::<Result<Vec<_>, FeaturesError>>()?;
    Ok(BinnedMatrix::new(rows, features)?)
}

#[cfg(test)]
mod tests;
