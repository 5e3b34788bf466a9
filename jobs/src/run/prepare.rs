//! Stage 3: from columns to features. Everything is fitted on the training period only.

use std::collections::BTreeMap;

use contract::Role;
use features::binning::{self, Binning, CHI_SQUARE_95, Method};
use features::prepare::{
    Category, ColumnSettings, Encoding, Imputation, Outliers, Preparation, Settings,
};
use features::split::Split;
use features::woe::{MergeRule, WoeTable};
use features::{Column, FeatureMatrix};

use super::data::{Data, GuestRows, training_period};
use super::outcome::{HostEvidence, SelectionOutcome, Weighed};
use super::progress::{Run, Step};
use super::weigh::HostWoe;
use crate::error::JobError;
use crate::spec::{
    BinMethod, EncodeNumbers, MissingNumbers, OutlierMethod, PrepareSpec, SplitSpec,
};

/// A party's features under one split.
pub(super) struct Prepared {
    /// The features of all rows, as linear models take them.
    pub(super) matrix: FeatureMatrix,
    /// The sparse categories of all rows, of which the matrix has no features.
    pub(super) categories: Vec<Category>,
    /// How they were made; a part of the party's model.
    pub(super) preparation: Preparation,
    /// The weight of evidence of each of the guest's own columns; empty at the host.
    pub(super) evidence: Vec<WoeTable>,
    /// The columns that models may use, in the order of the table.
    pub(super) columns: Vec<String>,
    /// At the guest, if features were selected: the evidence of each host's anonymous features.
    pub(super) host_evidence: Vec<HostEvidence>,
    /// What was decided, if features were selected.
    pub(super) selection: Option<SelectionOutcome>,
    /// The columns of each model that takes the best only, by the name of its step.
    pub(super) best: BTreeMap<String, Vec<String>>,
    /// The part of the host's features whose weight of evidence the guest keeps, if there are any.
    pub(super) host_woe: Option<HostWoe>,
    /// How columns were replaced by weight of evidence, if any were; a part of the party's model.
    pub(super) weighed: Option<Weighed>,
}

/// Prepares the party's own columns; `index` is the split's place in the job.
pub(super) async fn prepare(
    run: &mut Run<'_>,
    data: &Data,
    split: &Split,
    spec: &SplitSpec,
    index: usize,
) -> Result<Prepared, JobError> {
    let id = format!("prepare.{}", spec.name);
    let step = run.begin(&id, &format!("prepare.{index}"))?;
    let prepared = fit(run, &step, data, split).await.map_err(|error| error.at(&id))?;
    run.end(step);
    Ok(prepared)
}

async fn fit(run: &Run<'_>, step: &Step, data: &Data, split: &Split) -> Result<Prepared, JobError> {
    let spec = &run.job.prepare;
    let rows = training_period(split);
    let labels = data.guest().filter(|guest| guest.has_two_classes()).map(GuestRows::labels);
    let work = || -> Result<Prepared, JobError> {
        let columns = features::columns(&data.table);
        // Beside its interactions a guest needs no columns.
        let preparation = if columns.is_empty() && data.interactions().is_some() {
            Preparation::default()
        } else {
            Preparation::fit(&columns, &rows, &settings(spec))?
        };
        let matrix = preparation.transform(&columns)?;
        let categories = preparation.categories(&columns)?;
        let evidence = match labels {
            Some(labels) => evidence(spec, &columns, &rows, labels)?,
            None => Vec::new(),
        };
        let columns = columns.iter().map(|column| column.name.to_owned()).collect();
        Ok(Prepared {
            matrix,
            categories,
            preparation,
            evidence,
            columns,
            host_evidence: Vec::new(),
            selection: None,
            best: BTreeMap::new(),
            host_woe: None,
            weighed: None,
        })
    };
    step.compute(work).await
}

/// The bins of the guest's own columns against its labels.
fn evidence(
    spec: &PrepareSpec,
    columns: &[Column<'_>],
    rows: &[u32],
    labels: &[u8],
) -> Result<Vec<WoeTable>, JobError> {
    let rule = merge_rule(spec);
    let binnings = binning::fit(columns, rows, &bin_settings(spec, Role::Guest), Some(labels))?;
    let fit = |binning: &Binning| -> Result<Option<WoeTable>, JobError> {
        let Some(column) = columns.iter().find(|column| column.name == binning.feature()) else {
            return Ok(None);
        };
        let codes = binning.codes(column)?;
        Ok(Some(WoeTable::fit(binning, &codes, labels, rows, rule)?))
    };
    binnings.iter().filter_map(|binning| fit(binning).transpose()).collect()
}

/// Which bins are too small to be opened.
pub(super) fn merge_rule(spec: &PrepareSpec) -> MergeRule {
    MergeRule {
        rows_min: u64::from(spec.bin.min_bin_rows),
        class_min: u64::from(spec.bin.min_class_rows),
    }
}

/// How a party bins its columns; chi-merge looks at labels, which the host has not.
pub(super) fn bin_settings(spec: &PrepareSpec, role: Role) -> binning::Settings {
    let method = match (spec.bin.method, role) {
        (BinMethod::ChiMerge, Role::Guest) => Method::ChiMerge { threshold: CHI_SQUARE_95 },
        (BinMethod::Quantile | BinMethod::ChiMerge, _) => Method::Quantile,
        (BinMethod::EqualWidth, _) => Method::EqualWidth,
    };
    binning::Settings { method, bins: spec.bin.bins as usize, columns: BTreeMap::new() }
}

fn settings(spec: &PrepareSpec) -> Settings {
    let outliers =
        spec.outliers.as_ref().map_or(Outliers::Keep, |outliers| match outliers.method {
            OutlierMethod::Quantiles => Outliers::Quantiles {
                low: outliers.lower.fraction(),
                high: outliers.upper.fraction(),
            },
            OutlierMethod::Deviations => Outliers::Deviations(outliers.deviations),
        });
    let imputation = match spec.missing.numbers {
        MissingNumbers::Median => Imputation::Median,
        MissingNumbers::Mean => Imputation::Mean,
        MissingNumbers::Zero => Imputation::Constant(0.0),
    };
    let rows_min = spec.encode.min_level_rows as usize;
    let encoding = match spec.encode.sparse {
        None => Encoding::Indicators { rows_min },
        Some(sparse) => Encoding::Sparse { rows_min, above: sparse.above as usize },
    };
    let default = ColumnSettings {
        imputation,
        missing_indicator: spec.missing.indicator,
        outliers,
        standardise: spec.encode.numbers == EncodeNumbers::Standardise,
        encoding,
    };
    Settings { default, columns: BTreeMap::new() }
}
