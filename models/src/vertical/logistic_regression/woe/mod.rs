//! Weight of evidence of the host's bins in joint training, known to the guest alone.
//!
//! The host knows which bin each row falls into, the guest the weight of evidence of each bin. The
//! feature `x_ij = woe_j(bin_ij)` is neither's: the host's matrix holds an indicator for each bin
//! instead, and its shared weight is the guest's known value of the bin times the feature's shared
//! coefficient (`mpc::known`). No row of the guest's knowledge, and no sum over rows, reaches the
//! host; it ends with one coefficient for each of its features, like for any other. (A coefficient
//! of exactly 0 without an l1 penalty tells it that the guest found no two groups to tell apart.)

mod block;
mod scoring;

use features::binned::BinnedMatrix;
use features::federated::evidence::{Anonymity, AnonymousFeature};
use features::woe::{BinCounts, MergeRule, WoeTable};
use mpc::TwoParty;
use mpc::matrix::COLUMNS_MAX;
use net::Size;

pub(super) use block::WoeBlock;
pub use scoring::score_with_woe;

use crate::ModelError;

/// Bins of one feature at most: codes are bytes.
const BINS_MAX: usize = 256;

/// A party's part of the features whose weight of evidence the guest keeps.
#[derive(Debug, Clone, Copy)]
pub enum Woe<'a> {
    /// The guest's: for each of the host's features, in anonymous order, the value of each bin. See
    /// [`standardised`].
    Values(&'a [Vec<f64>]),
    /// The host's: for each feature, in the same order, the bin of each row. See
    /// [`anonymous_columns`].
    Bins(&'a [AnonymousColumn]),
}

/// One of the host's features, in bins as the guest knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnonymousColumn {
    /// The bin of each row, below `bins`.
    pub codes: Vec<u8>,
    /// The number of bins, 1 to 256.
    pub bins: usize,
}

/// The guest's values: the weight of evidence of each bin, with mean 0 and standard deviation 1
/// over the training rows. Bins of one group share a value; a feature that was never opened, or
/// whose groups do not differ, has zeros, and its coefficient stays 0.
///
/// # Errors
/// [`ModelError::InvalidInput`] for counts that hold only one class or that skip a group.
pub fn standardised(features: &[AnonymousFeature]) -> Result<Vec<Vec<f64>>, ModelError> {
    features.iter().map(standardised_feature).collect()
}

fn standardised_feature(feature: &AnonymousFeature) -> Result<Vec<f64>, ModelError> {
    if feature.groups.is_empty() {
        return Ok(vec![0.0; feature.group_of_bin.len()]);
    }
    // The groups are merged as far as the job's rule asks for: no further merging.
    let keep = MergeRule { rows_min: 0, class_min: 0 };
    let table = WoeTable::new("anonymous", &feature.groups, keep, |_| String::new())
        .map_err(|error| ModelError::InvalidInput(error.to_string()))?;
    let woe = table.woe_of_code();
    let rows: f64 = feature.groups.iter().map(|group| group.rows() as f64).sum();
    let mean_of = |value: &dyn Fn(f64) -> f64| {
        let groups = feature.groups.iter().map(BinCounts::rows).zip(woe);
        groups.map(|(rows, woe)| rows as f64 * value(*woe)).sum::<f64>() / rows
    };
    let mean = mean_of(&|woe| woe);
    let deviation = mean_of(&|woe| (woe - mean).powi(2)).sqrt();
    let inverse = if deviation > 1e-9 { 1.0 / deviation } else { 0.0 };
    let value = |group: &usize| woe.get(*group).map(|woe| (woe - mean) * inverse);
    feature.group_of_bin.iter().map(value).collect::<Option<_>>().ok_or_else(|| {
        ModelError::InvalidInput("a bin of the host belongs to a group without counts".to_owned())
    })
}

/// The host's features in the order and the bins that the guest knows them by, for any rows that
/// were binned like the training rows.
///
/// # Errors
/// [`ModelError::InvalidInput`] if the features are not those that were offered.
pub fn anonymous_columns(
    anonymity: &Anonymity,
    binned: &BinnedMatrix,
) -> Result<Vec<AnonymousColumn>, ModelError> {
    let column = |(place, bin_of_code): (&usize, &Vec<usize>)| {
        let feature = binned.features().get(*place)?;
        let bin = |code: &u8| u8::try_from(*bin_of_code.get(usize::from(*code))?).ok();
        let codes = feature.codes.iter().map(bin).collect::<Option<_>>()?;
        Some(AnonymousColumn { codes, bins: bin_of_code.iter().max()? + 1 })
    };
    let numbered = anonymity.feature_of_number.iter().zip(&anonymity.bin_of_code);
    numbered.map(column).collect::<Option<_>>().ok_or_else(|| {
        ModelError::InvalidInput("these are not the binned features that were offered".to_owned())
    })
}

impl Woe<'_> {
    /// The number of bins of each feature.
    fn bins(&self) -> Vec<usize> {
        match self {
            Self::Values(values) => values.iter().map(Vec::len).collect(),
            Self::Bins(columns) => columns.iter().map(|column| column.bins).collect(),
        }
    }

    /// The number of rows, which the host's part says.
    pub(super) fn rows(&self) -> Option<usize> {
        match self {
            Self::Values(_) => None,
            Self::Bins(columns) => columns.first().map(|column| column.codes.len()),
        }
    }

    /// Checks the own part, and that the peer counts the same rows and bins.
    async fn agree(&self, party: &mut TwoParty, rows: usize) -> Result<Vec<usize>, ModelError> {
        const STEP: &str = "woe_shape";
        self.check(party.is_first(), rows)?;
        let bins = self.bins();
        let words = std::iter::once(rows).chain(bins.iter().copied());
        let bytes: Vec<u8> = words.flat_map(|word| (word as u64).to_le_bytes()).collect();
        let size = Size::AtMost(8 * (COLUMNS_MAX + 1));
        let theirs = party.session.exchange_bytes(STEP, bytes.clone(), size).await?;
        if theirs != bytes {
            let rule = "both need the same rows, features with weight of evidence, and bins";
            return Err(party.session.misbehaved(STEP, rule).into());
        }
        Ok(bins)
    }

    fn check(&self, guest: bool, rows: usize) -> Result<(), ModelError> {
        let valid = match self {
            Self::Values(values) => guest && values.iter().flatten().all(|value| value.is_finite()),
            Self::Bins(columns) => {
                let sound = |column: &AnonymousColumn| {
                    column.codes.len() == rows
                        && column.codes.iter().all(|code| usize::from(*code) < column.bins)
                };
                !guest && columns.iter().all(sound)
            }
        };
        let bins = self.bins();
        let sizes = bins.iter().all(|bins| (1..=BINS_MAX).contains(bins));
        if valid && sizes && (1..=COLUMNS_MAX).contains(&bins.iter().sum::<usize>()) {
            return Ok(());
        }
        Err(ModelError::InvalidInput(format!(
            "the guest brings finite values, the host a bin of each of {rows} rows, of 1 to \
             {BINS_MAX} bins a feature and {COLUMNS_MAX} in all"
        )))
    }
}

/// A column for each bin of each feature, 1 where a row falls into it, continued by `further`
/// zeros.
fn indicators(columns: &[AnonymousColumn], further: usize) -> Vec<Vec<i32>> {
    let of_bin = |column: &AnonymousColumn, bin: usize| {
        let mut indicator: Vec<i32> =
            column.codes.iter().map(|code| i32::from(usize::from(*code) == bin)).collect();
        indicator.resize(column.codes.len() + further, 0);
        indicator
    };
    columns.iter().flat_map(|column| (0..column.bins).map(move |bin| of_bin(column, bin))).collect()
}

/// Each of `values` as often as its feature has bins.
fn repeated(bins: &[usize], values: &[u64]) -> Vec<u64> {
    let pairs = bins.iter().zip(values);
    pairs.flat_map(|(bins, value)| std::iter::repeat_n(*value, *bins)).collect()
}

#[cfg(test)]
mod tests;
