//! From a party's raw columns to the features of a linear model.
//!
//! A [`Preparation`] is fitted on the training rows and applied to all rows, to later data too: it
//! is a part of the party's model and can be serialised. For numbers: missing values are filled,
//! outliers clipped, the result standardised. For categories: one-hot or ordinal codes. Columns and
//! features that are constant in the training rows are left out, with a note that says why.

mod categories;
mod numbers;

pub use categories::Encoding;
pub use numbers::{Imputation, Outliers};

use crate::column::{Column, Values};
use crate::error::{TRAINING, check_rows};
use crate::{Derivation, Feature, FeatureMatrix, FeaturesError, Provenance};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// How a column is prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSettings {
    /// What a missing number becomes.
    pub imputation: Imputation,
    /// Whether a feature says which numbers were missing (where some, and not all, were in
    /// training).
    pub missing_indicator: bool,
    /// What happens to extreme numbers.
    pub outliers: Outliers,
    /// Whether numbers are moved and scaled to mean 0 and standard deviation 1.
    pub standardise: bool,
    /// How categories become numbers.
    pub encoding: Encoding,
}

impl Default for ColumnSettings {
    fn default() -> Self {
        Self {
            imputation: Imputation::Mean,
            missing_indicator: true,
            outliers: Outliers::Keep,
            standardise: true,
            encoding: Encoding::OneHot { rows_min: 20 },
        }
    }
}

/// How the columns of a table are prepared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// For all columns but those below.
    pub default: ColumnSettings,
    /// For the columns named.
    pub columns: BTreeMap<String, ColumnSettings>,
}

/// A fitted preparation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    features: Vec<FittedFeature>,
    dropped: Vec<Dropped>,
}

/// One feature: where it comes from and how it is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FittedFeature {
    provenance: Provenance,
    step: Step,
}

/// How one feature is computed from its source column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// Fills, clips and scales a number.
    Number(numbers::NumberStep),
    /// 1 for a missing number, else 0, moved and scaled if numbers are.
    IsMissing(numbers::NumberStep),
    /// 1 for one level (none: for a missing category), else 0.
    IsLevel(Option<String>),
    /// The same, of a category that is no feature of the matrix.
    SparseLevel(Option<String>),
    /// The same as a feature, moved and scaled.
    Indicator { level: Option<String>, number: numbers::NumberStep },
    /// The place of a level in an order, then as a number.
    Ordinal { order: Vec<String>, number: numbers::NumberStep },
}

/// How a feature follows from a value of its column: (x − centre) / scale. Of a number, x is the
/// value, `fill` where it is missing, clipped to the limits; of other features 1 or 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// Where the feature comes from.
    pub provenance: Provenance,
    /// What a missing number becomes; `None` for features that are 1 or 0.
    pub fill: Option<f64>,
    /// The limits to which numbers are clipped, if any.
    pub clip: Option<(f64, f64)>,
    /// What is subtracted.
    pub centre: f64,
    /// By what is divided then, above 0.
    pub scale: f64,
}

/// A category of very many levels, for each row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Name of the column.
    pub source: String,
    /// The names of its levels as features, "source = level".
    pub names: Vec<String>,
    /// For each row the place of its level among the names, or
    /// [`NO_LEVEL`](mpc::indicators::NO_LEVEL).
    pub of_rows: Vec<u32>,
}

/// A column or feature that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Name of the column.
    pub column: String,
    /// Why.
    pub reason: DropReason,
}

/// Why a column gave no feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// No training row has a value.
    AllMissing,
    /// All training rows have the same value once missing ones are filled and outliers clipped.
    Constant,
    /// Beside the reference level no level is frequent enough.
    OneLevel,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AllMissing => "it has no value in any training row",
            Self::Constant => "it is constant in the training rows",
            Self::OneLevel => "beside the most frequent level none is frequent enough",
        })
    }
}

impl Preparation {
    /// Fits the preparation of every column on the training rows.
    ///
    /// Uses rayon. Names of the features are unique and stand in the order of the columns.
    ///
    /// # Errors
    ///
    /// Invalid values or settings, two columns of the same name, columns of different length,
    /// settings for a column that is not there, or row numbers outside of the table.
    pub fn fit(
        columns: &[Column<'_>],
        training_rows: &[u32],
        settings: &Settings,
    ) -> Result<Self, FeaturesError> {
        let rows = columns.first().map_or(0, |column| column.values.rows());
        check_rows(rows, training_rows, TRAINING)?;
        let by_name = by_name(columns)?;
        if let Some(name) =
            settings.columns.keys().find(|name| !by_name.contains_key(name.as_str()))
        {
            return Err(FeaturesError::ColumnMissing { column: name.clone() });
        }
        let fit = |column: &Column<'_>| {
            column.check(rows)?;
            let settings = settings.columns.get(column.name).unwrap_or(&settings.default);
            fit_column(column, training_rows, settings)
        };
        let fitted: Vec<_> = columns.par_iter().map(fit).collect::<Result<_, FeaturesError>>()?;
        let (mut features, mut dropped) = (Vec::new(), Vec::new());
        for (column, (steps, reason)) in columns.iter().zip(fitted) {
            let source = || column.name.to_owned();
            features.extend(steps.into_iter().map(|(derivation, step)| FittedFeature {
                provenance: Provenance { source: source(), derivation },
                step,
            }));
            dropped.extend(reason.map(|reason| Dropped { column: source(), reason }));
        }
        Ok(Self { features, dropped })
    }

    /// Applies the preparation to all rows of a table that has the columns it was fitted on.
    ///
    /// Columns are found by name; others are ignored. Categories are found by their text: the codes
    /// may be others than in training. Uses rayon.
    ///
    /// # Errors
    ///
    /// A column that is missing, of another kind or another length, or with invalid values.
    pub fn transform(&self, columns: &[Column<'_>]) -> Result<FeatureMatrix, FeaturesError> {
        let rows = columns.first().map_or(0, |column| column.values.rows());
        let by_name = by_name(columns)?;
        let mut sources: Vec<&str> = Vec::new();
        for feature in self.of_matrix() {
            let source = feature.provenance.source.as_str();
            if sources.last() != Some(&source) {
                sources.push(source);
            }
        }
        let find = |source: &str| {
            let missing = || FeaturesError::ColumnMissing { column: source.to_owned() };
            by_name.get(source).copied().ok_or_else(missing)
        };
        sources.par_iter().try_for_each(|source| find(source)?.check(rows))?;
        let compute = |feature: &FittedFeature| {
            let values = feature.step.apply(find(&feature.provenance.source)?)?;
            let provenance = feature.provenance.clone();
            Ok(Feature { name: provenance.to_string(), provenance, values })
        };
        let plain: Vec<&FittedFeature> = self.of_matrix().collect();
        let features = plain.into_par_iter().map(compute);
        FeatureMatrix::new(rows, features.collect::<Result<_, FeaturesError>>()?)
    }

    /// The features of the matrix.
    fn of_matrix(&self) -> impl Iterator<Item = &FittedFeature> {
        self.features.iter().filter(|feature| !matches!(feature.step, Step::SparseLevel(_)))
    }

    /// The categories of very many levels of all rows of a table, found as in
    /// [`transform`](Self::transform); a level that training did not see is none.
    ///
    /// # Errors
    ///
    /// A column that is missing, of another kind or another length, or with invalid values.
    pub fn categories(&self, columns: &[Column<'_>]) -> Result<Vec<Category>, FeaturesError> {
        let rows = columns.first().map_or(0, |column| column.values.rows());
        let by_name = by_name(columns)?;
        let mut categories = Vec::new();
        for of_column in self.features.chunk_by(|x, y| x.provenance.source == y.provenance.source) {
            let level = |feature: &FittedFeature| match &feature.step {
                Step::SparseLevel(level) => Some((feature.provenance.to_string(), level.clone())),
                _ => None,
            };
            let (names, list): (Vec<String>, Vec<Option<String>>) =
                of_column.iter().filter_map(level).unzip();
            let Some(first) = of_column.first().filter(|_| !list.is_empty()) else { continue };
            let source = first.provenance.source.clone();
            let Some(column) = by_name.get(source.as_str()) else {
                return Err(FeaturesError::ColumnMissing { column: source });
            };
            column.check(rows)?;
            let (codes, levels) = column.as_categories()?;
            let list: Vec<Option<&str>> = list.iter().map(Option::as_deref).collect();
            let of_rows = categories::places_in(&list, codes, levels);
            categories.push(Category { source, names, of_rows });
        }
        Ok(categories)
    }

    /// The preparation of the features of these names alone, in the order of the matrix, and of all
    /// sparse categories.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let names: HashSet<&str> = names.iter().copied().collect();
        let is_kept = |feature: &&FittedFeature| {
            matches!(feature.step, Step::SparseLevel(_))
                || names.contains(feature.provenance.to_string().as_str())
        };
        let features = self.features.iter().filter(is_kept).cloned().collect();
        Self { features, dropped: self.dropped.clone() }
    }

    /// Refuses a preparation that was read from a file and cannot have been fitted here.
    ///
    /// # Errors
    ///
    /// [`FeaturesError::Damaged`], [`FeaturesError::ColumnTwice`].
    pub fn check(&self) -> Result<(), FeaturesError> {
        let mut names = HashSet::new();
        for feature in &self.features {
            let column = feature.provenance.to_string();
            if let Some(rule) = feature.fault() {
                return Err(FeaturesError::Damaged { column, rule });
            }
            if !names.insert(column.clone()) {
                return Err(FeaturesError::ColumnTwice { column });
            }
        }
        Ok(())
    }

    /// How each feature follows from its column, in the order of the matrix.
    pub fn formulas(&self) -> impl Iterator<Item = Formula> {
        self.features.iter().map(FittedFeature::formula)
    }

    /// Where the features come from, in the order of the matrix.
    pub fn provenance(&self) -> impl ExactSizeIterator<Item = &Provenance> {
        self.features.iter().map(|feature| &feature.provenance)
    }

    /// The columns that gave no feature, or (constant with missing values) only their indicator.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }
}

impl FittedFeature {
    /// What does not hold of a feature that was read from a file.
    fn fault(&self) -> Option<&'static str> {
        let derivation = &self.provenance.derivation;
        let fits = match &self.step {
            Step::Number(_) => *derivation == Derivation::Number,
            Step::IsMissing(_) => *derivation == Derivation::IsMissing,
            Step::IsLevel(level) | Step::SparseLevel(level) | Step::Indicator { level, .. } => {
                let of_level = level.clone().map_or(Derivation::IsMissing, Derivation::IsLevel);
                *derivation == of_level
            }
            Step::Ordinal { .. } => *derivation == Derivation::Ordinal,
        };
        if !fits {
            return Some("its name and its computation do not fit together");
        }
        self.step.number().and_then(numbers::NumberStep::fault)
    }

    fn formula(&self) -> Formula {
        let provenance = &self.provenance;
        let Some(number) = self.step.number() else {
            let provenance = provenance.clone();
            return Formula { provenance, fill: None, clip: None, centre: 0.0, scale: 1.0 };
        };
        let formula = number.formula(provenance);
        match self.step {
            Step::Number(_) | Step::Ordinal { .. } => formula,
            Step::IsMissing(_)
            | Step::IsLevel(_)
            | Step::SparseLevel(_)
            | Step::Indicator { .. } => Formula { fill: None, clip: None, ..formula },
        }
    }
}

impl Step {
    /// How it moves and scales, if it does.
    fn number(&self) -> Option<&numbers::NumberStep> {
        match self {
            Self::IsLevel(_) | Self::SparseLevel(_) => None,
            Self::Number(number)
            | Self::IsMissing(number)
            | Self::Indicator { number, .. }
            | Self::Ordinal { number, .. } => Some(number),
        }
    }

    /// Computes the feature for every row of a checked column.
    fn apply(&self, column: &Column<'_>) -> Result<Vec<f64>, FeaturesError> {
        match self {
            Self::Number(step) => Ok(step.apply(column.as_numbers()?)),
            Self::IsMissing(step) => Ok(step.apply(&numbers::is_missing(column.as_numbers()?))),
            Self::IsLevel(level) | Self::SparseLevel(level) => {
                let (codes, levels) = column.as_categories()?;
                Ok(categories::is_level(level.as_deref(), codes, levels))
            }
            Self::Indicator { level, number } => {
                let (codes, levels) = column.as_categories()?;
                Ok(number.apply(&categories::is_level(level.as_deref(), codes, levels)))
            }
            Self::Ordinal { order, number } => {
                let (codes, levels) = column.as_categories()?;
                Ok(number.apply(&categories::places(order, codes, levels)))
            }
        }
    }
}

/// Standardised indicators of all levels that are frequent enough.
fn indicators(
    codes: &[u32],
    levels: &[String],
    training_rows: &[u32],
    rows_min: usize,
) -> Result<FittedColumn, FeaturesError> {
    let plain = ColumnSettings { standardise: true, ..ColumnSettings::default() };
    let mut steps = Vec::new();
    for level in categories::one_hot_levels(codes, levels, training_rows, rows_min, true) {
        let values = categories::is_level(level.as_deref(), codes, levels);
        // A level that all training rows have is constant and says nothing.
        if let Ok(number) = numbers::NumberStep::fit(&values, training_rows, &plain)?.0 {
            let derivation = level.clone().map_or(Derivation::IsMissing, Derivation::IsLevel);
            steps.push((derivation, Step::Indicator { level, number }));
        }
    }
    let reason = steps.is_empty().then_some(DropReason::OneLevel);
    Ok((steps, reason))
}

/// The features of a column, and why something of it was left out.
type FittedColumn = (Vec<(Derivation, Step)>, Option<DropReason>);

/// The step for one level, and how its feature is derived.
fn of_level(
    level: Option<String>,
    step: impl FnOnce(Option<String>) -> Step,
) -> (Derivation, Step) {
    let derivation = level.clone().map_or(Derivation::IsMissing, Derivation::IsLevel);
    (derivation, step(level))
}

/// Fits one checked column.
fn fit_column(
    column: &Column<'_>,
    training_rows: &[u32],
    settings: &ColumnSettings,
) -> Result<FittedColumn, FeaturesError> {
    match column.values {
        Values::Numbers(values) => {
            let (step, missing) = numbers::NumberStep::fit(values, training_rows, settings)?;
            let (step, reason) = match step {
                Ok(step) => (Some((Derivation::Number, Step::Number(step))), None),
                Err(reason) => (None, Some(reason)),
            };
            let mut steps: Vec<_> = step.into_iter().collect();
            if settings.missing_indicator && missing > 0 {
                let plain = ColumnSettings { outliers: Outliers::Keep, ..settings.clone() };
                let indicator = numbers::is_missing(values);
                // Constant where every training row is missing: no feature then.
                if let Ok(step) = numbers::NumberStep::fit(&indicator, training_rows, &plain)?.0 {
                    steps.push((Derivation::IsMissing, Step::IsMissing(step)));
                }
            }
            Ok((steps, reason))
        }
        Values::Categories { codes, levels } => match &settings.encoding {
            Encoding::OneHot { rows_min } => {
                let shown =
                    categories::one_hot_levels(codes, levels, training_rows, *rows_min, false);
                let reason = shown.is_empty().then_some(DropReason::OneLevel);
                Ok((
                    shown.into_iter().map(|level| of_level(level, Step::IsLevel)).collect(),
                    reason,
                ))
            }
            Encoding::Indicators { rows_min } => {
                indicators(codes, levels, training_rows, *rows_min)
            }
            Encoding::Sparse { rows_min, above } => {
                let shown =
                    categories::one_hot_levels(codes, levels, training_rows, *rows_min, true);
                if shown.len() <= *above {
                    return indicators(codes, levels, training_rows, *rows_min);
                }
                Ok((
                    shown.into_iter().map(|level| of_level(level, Step::SparseLevel)).collect(),
                    None,
                ))
            }
            Encoding::Ordinal { order } => {
                let order = categories::order(order, codes, levels, training_rows);
                let places = categories::places(&order, codes, levels);
                Ok(match numbers::NumberStep::fit(&places, training_rows, settings)?.0 {
                    Ok(number) => {
                        (vec![(Derivation::Ordinal, Step::Ordinal { order, number })], None)
                    }
                    Err(reason) => (Vec::new(), Some(reason)),
                })
            }
        },
    }
}

/// Columns by name.
fn by_name<'a, 'b>(
    columns: &'a [Column<'b>],
) -> Result<HashMap<&'b str, &'a Column<'b>>, FeaturesError> {
    let mut by_name = HashMap::with_capacity(columns.len());
    for column in columns {
        if by_name.insert(column.name, column).is_some() {
            return Err(FeaturesError::ColumnTwice { column: column.name.to_owned() });
        }
    }
    Ok(by_name)
}

#[cfg(test)]
mod tests;
