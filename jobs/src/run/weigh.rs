//! Stage 3c: weight of evidence in the place of values, for the columns that the job says.
//!
//! The guest replaces its own columns by itself. Of the host's columns it learns the merged counts
//! of anonymous bins and keeps their weight of evidence; the host keeps which bin each row is in.
//! Training joins the two without showing either (`models::vertical::logistic_regression::woe`).
//!
//! In the mode `woe_known_to_host` the guest sends the values of the bins instead, and the host's
//! columns enter training as plain columns.

use contract::Audience;
use features::binned::BinnedMatrix;
use features::binning::{self, Binning};
use features::federated::evidence::{Anonymity, gather, offer};
use features::split::Split;
use features::woe::WoeTable;
use features::{
    Column, Derivation, Feature, FeatureMatrix, FeaturesError, Provenance, Values, correlation,
};
use models::vertical::logistic_regression::woe::{
    AnonymousColumn, Woe, anonymous_columns, standardised,
};
use mpc::TwoParty;
use net::{Session, Size};

use super::data::{Data, GuestRows, training_period};
use super::outcome::{OwnWoe, Weighed};
use super::prepare::{Prepared, bin_settings, merge_rule};
use super::progress::{Run, Step};
use super::select::of_rows;
use crate::error::JobError;
use crate::spec::{EncodeCategories, EncodeNumbers, EncodeSpec, SplitSpec};

/// A party's part of the host's features whose weight of evidence the guest keeps.
pub(super) enum HostWoe {
    /// The guest's: the value of each bin of each anonymous feature.
    Values(Vec<Vec<f64>>),
    /// The host's: the bin of every row, and the names of the columns.
    Bins {
        /// In the order that the guest knows.
        columns: Vec<AnonymousColumn>,
        /// In the same order.
        names: Vec<String>,
    },
}

/// The part for some rows, as models take it.
pub(super) enum WoeOfRows<'a> {
    Values(&'a [Vec<f64>]),
    Bins(Vec<AnonymousColumn>),
}

impl HostWoe {
    /// The part for these rows, in their order.
    pub(super) fn of_rows(&self, rows: &[u32]) -> WoeOfRows<'_> {
        match self {
            Self::Values(values) => WoeOfRows::Values(values),
            Self::Bins { columns, .. } => {
                let column = |column: &AnonymousColumn| AnonymousColumn {
                    codes: rows.iter().map(|row| column.codes[*row as usize]).collect(),
                    bins: column.bins,
                };
                WoeOfRows::Bins(columns.iter().map(column).collect())
            }
        }
    }

    /// The names of the host's columns; the guest does not know them.
    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::Values(_) => &[],
            Self::Bins { names, .. } => names,
        }
    }
}

impl WoeOfRows<'_> {
    pub(super) fn part(&self) -> Woe<'_> {
        match self {
            Self::Values(values) => Woe::Values(values),
            Self::Bins(columns) => Woe::Bins(columns),
        }
    }
}

/// Replaces values by weight of evidence; `index` is the split's place in the job.
pub(super) async fn weigh(
    run: &mut Run<'_>,
    data: &Data,
    split: &Split,
    spec: &SplitSpec,
    index: usize,
    prepared: Prepared,
) -> Result<Prepared, JobError> {
    if !run.job.prepare.encode.uses_woe() {
        return Ok(prepared);
    }
    let id = format!("prepare.encode.{}", spec.name);
    let mut step = run.begin(&id, &format!("encode.{index}"))?;
    let rows = training_period(split);
    let weighed =
        replace(run, &mut step, data, &rows, prepared).await.map_err(|error| error.at(&id))?;
    run.end(step);
    Ok(weighed)
}

async fn replace(
    run: &Run<'_>,
    step: &mut Step,
    data: &Data,
    rows: &[u32],
    mut prepared: Prepared,
) -> Result<Prepared, JobError> {
    let columns: Vec<Column<'_>> = features::columns(&data.table)
        .into_iter()
        .filter(|column| prepared.columns.iter().any(|name| name == column.name))
        .filter(|column| is_weighed(column, &run.job.prepare.encode))
        .collect();
    let plain: Vec<usize> = prepared
        .matrix
        .features()
        .iter()
        .enumerate()
        .filter(|(_, it)| !columns.iter().any(|column| column.name == it.provenance.source))
        .map(|(place, _)| place)
        .collect();
    prepared.matrix = prepared.matrix.select(&plain)?;
    let labels = data.guest().map(GuestRows::labels);
    let settings = bin_settings(&run.job.prepare, run.role);
    let bin = || -> Result<(Vec<Binning>, BinnedMatrix), JobError> {
        let binnings = binning::fit(&columns, rows, &settings, labels)?;
        let binned = binning::apply(&binnings, &columns, data.table.rows())?;
        Ok((binnings, binned))
    };
    let (binnings, binned) = step.compute(bin).await?;
    if let Some(guest) = data.guest() {
        let own = own_woe(&prepared, &binned, rows);
        prepared.matrix = with_own(&prepared.matrix, &own, &binned)?;
        let mut values = as_guest(run, step, &guest.labels_of(rows)).await?;
        if let Some(known) = values.take_if(|_| is_known_to_host(run)) {
            tell_values(run, step.pair()?, &known).await?;
        }
        prepared.weighed = Some(Weighed::guest(binnings, own, values.as_ref()));
        prepared.host_woe = values.map(HostWoe::Values);
        return Ok(prepared);
    }
    let mut host = as_host(run, step, &binned, rows).await?;
    let mut weighed = Weighed::host(binnings, host.as_ref().map(|host| &host.anonymity));
    if let Some(known) = host.take_if(|_| is_known_to_host(run)) {
        let values = hear_values(run, step.pair()?, &known.columns, rows.len()).await?;
        let Host { columns, names, .. } = &known;
        prepared.matrix = with_known(&prepared.matrix, columns, names, &values)?;
        weighed.host_values = Some(values);
    }
    prepared.weighed = Some(weighed);
    prepared.host_woe = host.map(|Host { columns, names, .. }| HostWoe::Bins { columns, names });
    Ok(prepared)
}

/// The host's columns as the guest knows them.
struct Host {
    anonymity: Anonymity,
    /// In the order that the guest knows.
    columns: Vec<AnonymousColumn>,
    /// In the same order.
    names: Vec<String>,
}

/// Whether the host gets the weight of evidence of its own bins.
fn is_known_to_host(run: &Run<'_>) -> bool {
    run.job.prepare.encode.privacy == contract::catalogue::WOE_KNOWN_TO_HOST
}

/// Tells the host the value of each bin of each of its features.
async fn tell_values(
    run: &Run<'_>,
    session: &mut Session,
    values: &[Vec<f64>],
) -> Result<(), JobError> {
    let words: Vec<u64> = values.iter().flatten().map(|value| value.to_bits()).collect();
    run.record(HOST_WOE, Audience::Host, words.len())?;
    Ok(session.send_words(HOST_VALUES, &words).await?)
}

/// The value of each bin of each of the host's features.
async fn hear_values(
    run: &Run<'_>,
    session: &mut Session,
    columns: &[AnonymousColumn],
    rows: usize,
) -> Result<Vec<Vec<f64>>, JobError> {
    let count = columns.iter().map(|column| column.bins).sum();
    run.record(HOST_WOE, Audience::Host, count)?;
    let words = session.receive_words(HOST_VALUES, count).await?;
    by_feature(words, columns, rows).ok_or_else(|| {
        let rule = "the weight of evidence of a bin is standardised over the training rows";
        session.misbehaved(HOST_VALUES, rule).into()
    })
}

/// The values of the bins of each feature; `None` if one cannot be standardised over so many rows.
fn by_feature(words: Vec<u64>, columns: &[AnonymousColumn], rows: usize) -> Option<Vec<Vec<f64>>> {
    // A standardised value is at most the root of the number of rows.
    let limit = (rows as f64).sqrt() * (1.0 + 1e-9);
    let value = |word| Some(f64::from_bits(word)).filter(|value| value.abs() <= limit);
    let mut values = words.into_iter().map(value).collect::<Option<Vec<f64>>>()?.into_iter();
    Some(columns.iter().map(|column| values.by_ref().take(column.bins).collect()).collect())
}

/// The host's plain features and then its columns as weight of evidence.
pub(super) fn with_known(
    matrix: &FeatureMatrix,
    columns: &[AnonymousColumn],
    names: &[String],
    values: &[Vec<f64>],
) -> Result<FeatureMatrix, JobError> {
    let known = columns.iter().zip(names).zip(values).map(|((column, name), values)| {
        let values = column.codes.iter().map(|code| values[usize::from(*code)]).collect();
        woe_feature(name, values)
    });
    let features = matrix.features().iter().cloned().chain(known).collect();
    Ok(FeatureMatrix::new(matrix.rows(), features)?)
}

/// Whether the job replaces the values of this column.
fn is_weighed(column: &Column<'_>, spec: &EncodeSpec) -> bool {
    match column.values {
        Values::Numbers(_) => spec.numbers == EncodeNumbers::Woe,
        Values::Categories { .. } => spec.categories == EncodeCategories::Woe,
    }
}

/// The guest's own columns as weight of evidence, with mean 0 and deviation 1 over the training
/// period like the host's.
fn own_woe(prepared: &Prepared, binned: &BinnedMatrix, rows: &[u32]) -> Vec<OwnWoe> {
    let of_column = |table: &WoeTable| {
        let feature = binned.features().iter().find(|feature| feature.name == table.feature)?;
        let chosen: Vec<u8> = rows.iter().map(|row| feature.codes[*row as usize]).collect();
        let (mean, scale) = mean_and_scale(&table.values(&chosen));
        let value = |woe: &f64| (woe - mean) * scale;
        let values = table.woe_of_code().iter().map(value).collect();
        Some(OwnWoe { column: table.feature.clone(), values })
    };
    prepared.evidence.iter().filter_map(of_column).collect()
}

/// Plain features and then the guest's own columns as weight of evidence.
pub(super) fn with_own(
    matrix: &FeatureMatrix,
    own: &[OwnWoe],
    binned: &BinnedMatrix,
) -> Result<FeatureMatrix, JobError> {
    let feature = |woe: &OwnWoe| {
        let missing = || FeaturesError::ColumnMissing { column: woe.column.clone() };
        let binned = binned.features().iter().find(|feature| feature.name == woe.column);
        let binned =
            binned.filter(|feature| feature.bins < woe.values.len()).ok_or_else(missing)?;
        let values = binned.codes.iter().map(|code| woe.values[usize::from(*code)]).collect();
        Ok(woe_feature(&woe.column, values))
    };
    let weighed = own.iter().map(feature).collect::<Result<Vec<_>, FeaturesError>>()?;
    let features = matrix.features().iter().cloned().chain(weighed).collect();
    Ok(FeatureMatrix::new(binned.rows(), features)?)
}

/// The mean of values, and the factor that gives them deviation 1; 0 for values that are constant.
fn mean_and_scale(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let is_constant = correlation::unit(values).iter().all(|value| *value == 0.0);
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, if is_constant { 0.0 } else { 1.0 / variance.sqrt() })
}

fn woe_feature(column: &str, values: Vec<f64>) -> Feature {
    let provenance = Provenance { source: column.to_owned(), derivation: Derivation::Woe };
    Feature { name: provenance.to_string(), provenance, values }
}

/// The values of the host's bins; `None` if the host has no column to replace.
async fn as_guest(
    run: &Run<'_>,
    step: &mut Step,
    labels: &[u8],
) -> Result<Option<Vec<Vec<f64>>>, JobError> {
    match step.pair()?.receive_bytes(OFFERED, Size::Exactly(1)).await?[..] {
        [0] => return Ok(None),
        [1] => {}
        _ => {
            let rule = "the host has columns to replace (1) or not (0)";
            return Err(step.pair()?.misbehaved(OFFERED, rule).into());
        }
    }
    let mut party = TwoParty::setup(step.pair()?.fork("evidence")?, run.ledger.clone()).await?;
    let anonymous = gather(&mut party, labels, merge_rule(&run.job.prepare)).await?;
    Ok(Some(standardised(&anonymous)?))
}

/// The host's columns to replace; `None` without any.
async fn as_host(
    run: &Run<'_>,
    step: &mut Step,
    binned: &BinnedMatrix,
    rows: &[u32],
) -> Result<Option<Host>, JobError> {
    let has_columns = !binned.features().is_empty();
    step.pair()?.send_bytes(OFFERED, vec![u8::from(has_columns)]).await?;
    if !has_columns {
        return Ok(None);
    }
    let training = of_rows(binned, rows)?;
    let mut party = TwoParty::setup(step.pair()?.fork("evidence")?, run.ledger.clone()).await?;
    let anonymity = offer(&mut party, &training, merge_rule(&run.job.prepare)).await?;
    let columns = anonymous_columns(&anonymity, binned)?;
    let name = |place: &usize| binned.features()[*place].name.clone();
    let names = anonymity.feature_of_number.iter().map(name).collect();
    Ok(Some(Host { anonymity, columns, names }))
}

const OFFERED: &str = "offered";
const HOST_VALUES: &str = "host_values";
/// The disclosure of the mode `woe_known_to_host`.
const HOST_WOE: &str = "encode.host_woe";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_host_are_finite_and_no_larger_than_standardised_ones() {
        let columns = [2, 1].map(|bins| AnonymousColumn { codes: vec![0; 100], bins });
        let parsed =
            |values: [f64; 3]| by_feature(values.map(f64::to_bits).to_vec(), &columns, 100);
        assert_eq!(parsed([-10.0, 0.5, 1.0]), Some(vec![vec![-10.0, 0.5], vec![1.0]]));
        for bad in [f64::NAN, f64::INFINITY, -10.1] {
            assert_eq!(parsed([0.0, bad, 0.0]), None);
        }
    }
}
