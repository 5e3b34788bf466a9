//! Features as small codes: what tree models and histograms read.

use serde::{Deserialize, Serialize};

/// The code of a missing value.
pub const MISSING: u8 = 0;

/// One feature, binned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinnedFeature {
    /// Name of the feature, as its owner calls it.
    pub name: String,
    /// One code a row: [`MISSING`] or the bin, `1..=bins`, in the order of the values.
    pub codes: Vec<u8>,
    /// Number of bins, the missing one not counted: `1..=255`.
    pub bins: usize,
}

/// Features that are binned over the same rows.
///
/// Every code is within its feature's bins: the constructor checks it, so that readers may index
/// tables of `bins + 1` cells without asking again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinnedMatrix {
    rows: usize,
    features: Vec<BinnedFeature>,
}

/// What is wrong with the features that were handed over: the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BinnedError {
    /// A feature has another number of rows than the matrix.
    #[error("feature {name:?} has {found} rows instead of {rows}: bin all features of one table")]
    Rows {
        /// The feature.
        name: String,
        /// Its rows.
        found: usize,
        /// The rows of the matrix.
        rows: usize,
    },
    /// The number of bins does not fit a code.
    #[error("feature {name:?} has {bins} bins: use 1 to 255")]
    Bins {
        /// The feature.
        name: String,
        /// Its bins.
        bins: usize,
    },
    /// A code is above the feature's number of bins.
    #[error("feature {name:?} has code {code} in row {row}, above its {bins} bins: bin it again")]
    Code {
        /// The feature.
        name: String,
        /// The first row with such a code.
        row: usize,
        /// The code.
        code: u8,
        /// The feature's bins.
        bins: usize,
    },
}

impl BinnedMatrix {
    /// Collects features of `rows` rows each; refuses other lengths and codes beyond the bins.
    pub fn new(rows: usize, features: Vec<BinnedFeature>) -> Result<Self, BinnedError> {
        for feature in &features {
            feature.check(rows)?;
        }
        Ok(Self { rows, features })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The given rows, in the given order; each must be below [`rows`](Self::rows).
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let take = |feature: &BinnedFeature| BinnedFeature {
            name: feature.name.clone(),
            codes: rows.iter().map(|row| feature.codes[*row as usize]).collect(),
            bins: feature.bins,
        };
        Self { rows: rows.len(), features: self.features.iter().map(take).collect() }
    }

    /// The features, in the order in which they were given.
    pub fn features(&self) -> &[BinnedFeature] {
        &self.features
    }
}

impl BinnedFeature {
    fn check(&self, rows: usize) -> Result<(), BinnedError> {
        let name = || self.name.clone();
        if self.codes.len() != rows {
            return Err(BinnedError::Rows { name: name(), found: self.codes.len(), rows });
        }
        if !(1..=255).contains(&self.bins) {
            return Err(BinnedError::Bins { name: name(), bins: self.bins });
        }
        match self.codes.iter().position(|&code| usize::from(code) > self.bins) {
            Some(row) => {
                let code = self.codes[row];
                Err(BinnedError::Code { name: name(), row, code, bins: self.bins })
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(codes: &[u8], bins: usize) -> BinnedFeature {
        BinnedFeature { name: "age".into(), codes: codes.to_vec(), bins }
    }

    #[test]
    fn codes_within_bins_are_accepted() {
        let matrix = BinnedMatrix::new(3, vec![feature(&[0, 1, 2], 2)]).unwrap();
        assert_eq!(matrix.rows(), 3);
        assert_eq!(matrix.features().len(), 1);
    }

    #[test]
    fn wrong_lengths_bins_and_codes_are_refused() {
        let refuse = |codes: &[u8], bins| BinnedMatrix::new(2, vec![feature(codes, bins)]);
        assert!(matches!(refuse(&[1], 2), Err(BinnedError::Rows { found: 1, rows: 2, .. })));
        assert!(matches!(refuse(&[0, 0], 0), Err(BinnedError::Bins { bins: 0, .. })));
        assert!(matches!(refuse(&[0, 0], 256), Err(BinnedError::Bins { bins: 256, .. })));
        assert!(matches!(refuse(&[2, 3], 2), Err(BinnedError::Code { row: 1, code: 3, .. })));
    }
}
