//! Stage 3b: which columns are worth it, judged over both parties.
//!
//! The guest learns how its labels spread over the host's anonymous bins and so the information
//! value of each of the host's features. Both learn which pairs of numbers across the parties go
//! together too closely. The guest decides and tells the host which of its features stay. Of two
//! columns of the host that go together, the host itself keeps the one that stands first in its
//! table: it must not learn which one says more about the label.

use contract::Audience;
use features::Derivation;
use features::binned::{BinnedFeature, BinnedMatrix};
use features::binning;
use features::correlation;
use features::federated::correlation::correlated_pairs;
use features::federated::evidence::{Anonymity, AnonymousFeature, gather, offer};
use features::select::{CorrelatedPair, Reason, Selection, select};
use features::split::Split;
use features::woe::{BinCounts, MergeRule, WoeTable};
use mpc::TwoParty;
use net::Size;

use super::data::{Data, GuestRows, training_period};
use super::outcome::{SelectedFeature, SelectionOutcome};
use super::prepare::{Prepared, bin_settings, merge_rule};
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::spec::{SelectSpec, SplitSpec};

/// Keeps in `prepared` what is worth it; `index` is the split's place in the job.
pub(super) async fn select_features(
    run: &mut Run<'_>,
    data: &Data,
    split: &Split,
    spec: &SplitSpec,
    index: usize,
    prepared: Prepared,
) -> Result<Prepared, JobError> {
    let Some(settings) = &run.job.prepare.select else { return Ok(prepared) };
    let id = format!("prepare.select.{}", spec.name);
    let mut step = run.begin(&id, &format!("select.{index}"))?;
    let rows = training_period(split);
    let kept = match data.guest() {
        Some(guest) => as_guest(run, &mut step, guest, &rows, settings, prepared).await,
        None => as_host(run, &mut step, data, &rows, settings, prepared).await,
    };
    let kept = kept.map_err(|error| error.at(&id))?;
    run.end(step);
    Ok(kept)
}

async fn as_guest(
    run: &Run<'_>,
    step: &mut Step,
    guest: &GuestRows,
    rows: &[u32],
    settings: &SelectSpec,
    prepared: Prepared,
) -> Result<Prepared, JobError> {
    let rule = merge_rule(&run.job.prepare);
    let mut party = TwoParty::setup(step.session.fork("evidence")?, run.ledger.clone()).await?;
    let anonymous = gather(&mut party, &guest.labels_of(rows), rule).await?;
    run.record("select.host_bins", Audience::Guest, anonymous.len())?;
    let numbers = step.session.compute(|| Numbers::of(&prepared, rows)).await?;
    let across =
        correlated_pairs(&mut party, &numbers.columns(), rows.len(), settings.correlation).await?;

    let own = prepared.columns.len();
    let mut pairs = numbers.pairs_above(settings.correlation)?;
    pairs.extend(across.iter().map(|pair| CorrelatedPair {
        first: numbers.places[pair.guest],
        second: own + pair.host,
        // All that is known of it is that it is above the threshold.
        correlation: settings.correlation,
    }));
    let candidates = candidates(&prepared, &anonymous)?;
    let ivs: Vec<f64> = candidates.iter().map(|it| it.iv.unwrap_or(0.0)).collect();
    let selection = select(&ivs, settings.iv, &pairs)?;

    let bits = (own..candidates.len()).map(|place| u8::from(selection.kept.contains(&place)));
    run.record("select.kept", Audience::Host, candidates.len() - own)?;
    step.session.send_bytes(KEPT, bits.collect()).await?;
    let host_evidence = candidates.iter().filter_map(|it| it.host_table.clone()).collect();
    let features = decided(candidates.into_iter().map(Candidate::feature).collect(), &selection);
    let outcome = SelectionOutcome { features, pairs_across: across.len() };
    keep(run, prepared, &selection, outcome, host_evidence)
}

async fn as_host(
    run: &Run<'_>,
    step: &mut Step,
    data: &Data,
    rows: &[u32],
    settings: &SelectSpec,
    prepared: Prepared,
) -> Result<Prepared, JobError> {
    let rule = merge_rule(&run.job.prepare);
    let binned = step.session.compute(|| bin(run, data, rows)).await?;
    let mut party = TwoParty::setup(step.session.fork("evidence")?, run.ledger.clone()).await?;
    let Anonymity { feature_of_number, .. } = offer(&mut party, &binned, rule).await?;
    let names: Vec<&str> =
        feature_of_number.iter().map(|place| binned.features()[*place].name.as_str()).collect();
    run.record("select.host_bins", Audience::Guest, names.len())?;
    let numbers = step.session.compute(|| Numbers::of(&prepared, rows)).await?;
    // The guest knows a column by the same number as its bins; categories are constant here, so
    // that they go together with nothing.
    let constant = vec![0.0; rows.len()];
    let column = |name: &&str| numbers.named(&prepared, name).unwrap_or(constant.as_slice());
    let columns: Vec<&[f64]> = names.iter().map(column).collect();
    let across = correlated_pairs(&mut party, &columns, rows.len(), settings.correlation).await?;

    run.record("select.kept", Audience::Host, names.len())?;
    let bits = step.session.receive_bytes(KEPT, Size::Exactly(names.len())).await?;
    if bits.iter().any(|bit| *bit > 1) {
        return Err(step.session.misbehaved(KEPT, "a feature is kept (1) or not (0)").into());
    }
    // All wanted columns weigh the same, so that the first of a pair stays.
    let weight = |name: &String| {
        let place = names.iter().position(|known| known == name);
        place.map_or(0.0, |place| f64::from(bits[place]))
    };
    let weights: Vec<f64> = prepared.columns.iter().map(weight).collect();
    let pairs = numbers.pairs_above(settings.correlation)?;
    let selection = select(&weights, 1.0, &pairs)?;
    let features = prepared.columns.iter().map(|name| own_feature(name, None)).collect();
    let outcome =
        SelectionOutcome { features: decided(features, &selection), pairs_across: across.len() };
    keep(run, prepared, &selection, outcome, Vec::new())
}

/// A feature that the guest decides about.
struct Candidate {
    name: String,
    is_own: bool,
    iv: Option<f64>,
    /// Of an anonymous feature with enough rows of each class.
    host_table: Option<WoeTable>,
}

impl Candidate {
    fn feature(self) -> SelectedFeature {
        SelectedFeature { is_own: self.is_own, ..own_feature(&self.name, self.iv) }
    }
}

fn own_feature(name: &str, iv: Option<f64>) -> SelectedFeature {
    SelectedFeature {
        name: name.to_owned(),
        is_own: true,
        iv,
        is_kept: true,
        correlated_with: None,
    }
}

/// The guest's columns, then the host's anonymous features.
fn candidates(
    prepared: &Prepared,
    anonymous: &[AnonymousFeature],
) -> Result<Vec<Candidate>, JobError> {
    let own = |name: &String| {
        let table = prepared.evidence.iter().find(|table| table.feature == *name);
        let iv = table.map(|table| table.iv);
        Candidate { name: name.clone(), is_own: true, iv, host_table: None }
    };
    let mut candidates: Vec<Candidate> = prepared.columns.iter().map(own).collect();
    for (number, feature) in anonymous.iter().enumerate() {
        let name = format!("#{}", number + 1);
        // The groups are merged already, and code 0 would count as the missing value.
        let counts: Vec<BinCounts> =
            std::iter::once(BinCounts::default()).chain(feature.groups.iter().copied()).collect();
        let rule = MergeRule { rows_min: 0, class_min: 0 };
        let label = |codes: &[u8]| {
            let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
            codes.join(", ")
        };
        let table = if feature.groups.is_empty() {
            None
        } else {
            Some(WoeTable::new(&name, &counts, rule, label)?)
        };
        let iv = table.as_ref().map(|table| table.iv);
        candidates.push(Candidate { name, is_own: false, iv, host_table: table });
    }
    Ok(candidates)
}

/// The features with what was decided about each.
fn decided(mut features: Vec<SelectedFeature>, selection: &Selection) -> Vec<SelectedFeature> {
    let names: Vec<String> = features.iter().map(|feature| feature.name.clone()).collect();
    for (place, reason) in &selection.dropped {
        features[*place].is_kept = false;
        if let Reason::Correlated { with, .. } = reason {
            features[*place].correlated_with = Some(names[*with].clone());
        }
    }
    features
}

/// Takes the dropped columns out of what models get.
fn keep(
    run: &Run<'_>,
    prepared: Prepared,
    selection: &Selection,
    outcome: SelectionOutcome,
    host_evidence: Vec<WoeTable>,
) -> Result<Prepared, JobError> {
    let Prepared { matrix, preparation, evidence, columns, .. } = prepared;
    let kept: Vec<String> = columns
        .into_iter()
        .enumerate()
        .filter(|(place, _)| selection.kept.contains(place))
        .map(|(_, name)| name)
        .collect();
    if kept.is_empty() {
        let party = run.job.party(run.role).name.clone();
        return Err(JobError::NoFeatures { party, step: "training".to_owned() });
    }
    let features = matrix.features().iter().enumerate();
    let places: Vec<usize> = features
        .filter(|(_, feature)| kept.contains(&feature.provenance.source))
        .map(|(place, _)| place)
        .collect();
    Ok(Prepared {
        matrix: matrix.select(&places)?,
        preparation,
        evidence,
        columns: kept,
        host_evidence,
        selection: Some(outcome),
        host_woe: None,
        weighed: None,
    })
}

/// The host's columns over the training period, binned without looking at any label.
fn bin(run: &Run<'_>, data: &Data, rows: &[u32]) -> Result<BinnedMatrix, JobError> {
    let columns = features::columns(&data.table);
    let binnings = binning::fit(&columns, rows, &bin_settings(&run.job.prepare, run.role), None)?;
    let all = binning::apply(&binnings, &columns, data.table.rows())?;
    of_rows(&all, rows)
}

/// The codes of some rows, in their order.
pub(super) fn of_rows(all: &BinnedMatrix, rows: &[u32]) -> Result<BinnedMatrix, JobError> {
    let features = all.features().iter().map(|feature| BinnedFeature {
        name: feature.name.clone(),
        codes: rows.iter().map(|row| feature.codes[*row as usize]).collect(),
        bins: feature.bins,
    });
    Ok(BinnedMatrix::new(rows.len(), features.collect()).map_err(features::FeaturesError::from)?)
}

/// The party's number columns, each with mean 0 and deviation 1 over the training period.
struct Numbers {
    /// For each of them its place among the party's columns.
    places: Vec<usize>,
    standardised: Vec<Vec<f64>>,
}

impl Numbers {
    fn of(prepared: &Prepared, rows: &[u32]) -> Result<Self, JobError> {
        let matrix = prepared.matrix.take(rows)?;
        let scale = (rows.len() as f64).sqrt();
        let (mut places, mut standardised) = (Vec::new(), Vec::new());
        for (place, name) in prepared.columns.iter().enumerate() {
            let number = matrix.features().iter().find(|feature| {
                feature.provenance.source == *name
                    && feature.provenance.derivation == Derivation::Number
            });
            if let Some(number) = number {
                let unit = correlation::unit(&number.values);
                places.push(place);
                standardised.push(unit.into_iter().map(|value| value * scale).collect());
            }
        }
        Ok(Self { places, standardised })
    }

    fn columns(&self) -> Vec<&[f64]> {
        self.standardised.iter().map(Vec::as_slice).collect()
    }

    fn named(&self, prepared: &Prepared, name: &str) -> Option<&[f64]> {
        let place = prepared.columns.iter().position(|column| column == name)?;
        let number = self.places.iter().position(|number| *number == place)?;
        self.standardised.get(number).map(Vec::as_slice)
    }

    /// The pairs within the party, by their places among its columns.
    fn pairs_above(&self, threshold: f64) -> Result<Vec<CorrelatedPair>, JobError> {
        let pairs = correlation::matrix(&self.columns())?.pairs_above(threshold);
        let named = |pair: CorrelatedPair| CorrelatedPair {
            first: self.places[pair.first],
            second: self.places[pair.second],
            ..pair
        };
        Ok(pairs.into_iter().map(named).collect())
    }
}

const KEPT: &str = "kept";
