//! Columns of numbers that models take, each with where it came from.

use crate::FeaturesError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a feature was made of its source column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Derivation {
    /// The number itself, filled, clipped and scaled as the preparation says.
    Number,
    /// 1 where the value is missing, else 0.
    IsMissing,
    /// 1 where the category is this one, else 0.
    IsLevel(String),
    /// The place of the category in an order.
    Ordinal,
    /// The weight of evidence of the value's bin.
    Woe,
}

/// Where a feature came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the source column.
    pub source: String,
    /// How it was derived.
    pub derivation: Derivation,
}

impl fmt::Display for Provenance {
    /// The feature's name: the source's own, or "source = level", "source is missing", ….
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.source;
        match &self.derivation {
            Derivation::Number | Derivation::Ordinal => f.write_str(source),
            Derivation::IsMissing => write!(f, "{source} is missing"),
            Derivation::IsLevel(level) => write!(f, "{source} = {level}"),
            Derivation::Woe => write!(f, "{source} (WOE)"),
        }
    }
}

/// One column of a [`FeatureMatrix`].
#[derive(Clone, PartialEq)]
pub struct Feature {
    /// Unique in the matrix.
    pub name: String,
    /// Where it came from.
    pub provenance: Provenance,
    /// One finite number per row.
    pub values: Vec<f64>,
}

impl fmt::Debug for Feature {
    /// Leaves the values out: a party's rows have no place in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feature")
            .field("name", &self.name)
            .field("provenance", &self.provenance)
            .field("rows", &self.values.len())
            .finish()
    }
}

/// Named columns of finite numbers, all of the same length, in a fixed order.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMatrix {
    rows: usize,
    features: Vec<Feature>,
}

impl FeatureMatrix {
    /// A matrix of the given features, each with `rows` values.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::LengthsDiffer`], [`FeaturesError::ColumnTwice`], or
    /// [`FeaturesError::Infinite`] for a value that is not finite.
    pub fn new(rows: usize, features: Vec<Feature>) -> Result<Self, FeaturesError> {
        let mut names = std::collections::HashSet::new();
        for feature in &features {
            if feature.values.len() != rows {
                let what = format!("feature {:?}", feature.name);
                let got = feature.values.len();
                return Err(FeaturesError::LengthsDiffer { what, expected: rows, got });
            }
            if !names.insert(feature.name.as_str()) {
                return Err(FeaturesError::ColumnTwice { column: feature.name.clone() });
            }
            if let Some(row) = feature.values.iter().position(|value| !value.is_finite()) {
                return Err(FeaturesError::Infinite { column: feature.name.clone(), row });
            }
        }
        Ok(Self { rows, features })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The features in order.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.features.iter().map(|feature| feature.name.as_str())
    }

    /// The columns in order, each with one value per row.
    pub fn columns(&self) -> Vec<&[f64]> {
        self.features.iter().map(|feature| feature.values.as_slice()).collect()
    }

    /// The matrix of the chosen rows, in the order given; a row may be chosen twice.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::RowOutside`].
    pub fn take(&self, chosen: &[u32]) -> Result<Self, FeaturesError> {
        if let Some(row) = chosen.iter().find(|row| **row as usize >= self.rows) {
            return Err(FeaturesError::RowOutside { row: *row as usize, rows: self.rows });
        }
        let features = self.features.iter().map(|feature| Feature {
            name: feature.name.clone(),
            provenance: feature.provenance.clone(),
            values: chosen.iter().map(|row| feature.values[*row as usize]).collect(),
        });
        Ok(Self { rows: chosen.len(), features: features.collect() })
    }

    /// The matrix of the features whose places are given, in that order.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::RowOutside`] for a place beyond the last feature, and
    /// [`FeaturesError::ColumnTwice`] for one given twice.
    pub fn select(mut self, places: &[usize]) -> Result<Self, FeaturesError> {
        let count = self.features.len();
        let mut slots: Vec<Option<Feature>> = self.features.drain(..).map(Some).collect();
        let mut features = Vec::with_capacity(places.len());
        for place in places {
            let slot = slots.get_mut(*place);
            let slot = slot.ok_or(FeaturesError::RowOutside { row: *place, rows: count })?;
            let twice = || FeaturesError::ColumnTwice { column: format!("#{place}") };
            features.push(slot.take().ok_or_else(twice)?);
        }
        Ok(Self { rows: self.rows, features })
    }
}
