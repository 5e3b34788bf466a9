//! Stage 3b: which columns are worth it, judged over all parties.
//!
//! The guest learns how its labels spread over each host's anonymous bins and so the information
//! value of each of its features. Both learn which pairs of numbers across the two go together too
//! closely. The guest decides and tells each host which of its features stay. Of two columns of a
//! host that go together, the host itself keeps the one that stands first in its table: it must not
//! learn which one says more about the label. Columns of two hosts are not compared; a job with
//! several hosts selects by information value alone (see `spec::hosts`).

use std::collections::BTreeMap;

use contract::Audience;
use features::binned::{BinnedFeature, BinnedMatrix};
use features::binning;
use features::correlation;
use features::federated::correlation::{Pair, correlated_pairs};
use features::federated::evidence::{Anonymity, AnonymousFeature, gather, offer};
use features::select::{CorrelatedPair, Reason, Selection, select};
use features::split::Split;
use features::woe::{BinCounts, MergeRule, WoeTable};
use features::{Derivation, FeatureMatrix};
use mpc::TwoParty;
use net::{Session, Size, together};

use super::data::{Data, GuestRows, training_period};
use super::outcome::{HostEvidence, SelectedFeature, SelectionOutcome};
use super::prepare::{Prepared, bin_settings, merge_rule};
use super::progress::{Run, Step};
use crate::error::JobError;
use crate::spec::{SelectSpec, SplitSpec, TrainStep};

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
    let numbers = step.compute(|| Numbers::of(&prepared, rows)).await?;
    let labels = guest.labels_of(rows);
    let ask = |host| gather_from(run, host, &labels, &numbers, settings);
    let found = together(step.sessions.iter_mut().map(ask)).await?;
    let mut pairs = numbers.pairs_above(settings.correlation)?;
    let mut candidates = own_candidates(&run.own.name, &prepared);
    // Where the candidates of each host begin, and behind the last one's.
    let mut starts = vec![candidates.len()];
    for (host, found) in run.job.hosts.iter().zip(&found) {
        let start = candidates.len();
        pairs.extend(found.across.iter().map(|pair| CorrelatedPair {
            first: numbers.places[pair.guest],
            second: start + pair.host,
            // All that is known of it is that it is above the threshold.
            correlation: settings.correlation,
        }));
        candidates.extend(anonymous_candidates(&host.name, &found.anonymous)?);
        starts.push(candidates.len());
    }
    let ivs: Vec<f64> = candidates.iter().map(|it| it.feature.iv.unwrap_or(0.0)).collect();
    let selection = select(&ivs, settings.iv, &pairs)?;
    let best: Vec<Vec<usize>> =
        limited(run).map(|(_, count)| best_of(&selection.kept, &ivs, count)).collect();

    let mut host_evidence = Vec::new();
    for (session, places) in step.sessions.iter_mut().zip(starts.windows(2)) {
        let places = places[0]..places[1];
        let lists = std::iter::once(&selection.kept).chain(&best);
        let bits = lists.flat_map(|list| places.clone().map(|it| u8::from(list.contains(&it))));
        let bits: Vec<u8> = bits.collect();
        run.record_to("select.kept", session.peer(), bits.len())?;
        session.send_bytes(KEPT, bits).await?;
        let tables = candidates[places].iter().filter_map(|it| it.host_table.clone()).collect();
        host_evidence.push(HostEvidence { party: session.peer().to_owned(), tables });
    }
    let features = decided(candidates.into_iter().map(|it| it.feature).collect(), &selection);
    let pairs_across = found.iter().map(|found| found.across.len()).sum();
    let pairs_across = settings.compares_columns().then_some(pairs_across);
    let outcome = SelectionOutcome { features, pairs_across };
    let own = |places: &Vec<usize>| -> Vec<String> {
        places.iter().filter_map(|place| prepared.columns.get(*place).cloned()).collect()
    };
    let best = named(run, best.iter().map(own));
    keep(run, prepared, &selection, Kept { outcome, host_evidence, best })
}

/// The models of the job that take the best columns only, and how many.
fn limited<'a>(run: &Run<'a>) -> impl Iterator<Item = (&'a TrainStep, usize)> {
    let job = run.job;
    job.train.iter().filter_map(|step| step.best.map(|count| (step, count as usize)))
}

/// The kept columns of the greatest information value, equal ones by place.
fn best_of(kept: &[usize], ivs: &[f64], count: usize) -> Vec<usize> {
    let mut best = kept.to_vec();
    best.sort_by(|left, right| ivs[*right].total_cmp(&ivs[*left]));
    best.truncate(count);
    best
}

/// The columns of each of the [`limited`] models, by its name.
fn named(
    run: &Run<'_>,
    columns: impl Iterator<Item = Vec<String>>,
) -> BTreeMap<String, Vec<String>> {
    limited(run).map(|(step, _)| step.name.clone()).zip(columns).collect()
}

/// What the guest learns of one host's features.
struct Found {
    anonymous: Vec<AnonymousFeature>,
    across: Vec<Pair>,
}

async fn gather_from(
    run: &Run<'_>,
    host: &mut Session,
    labels: &[u8],
    numbers: &Numbers,
    settings: &SelectSpec,
) -> Result<Found, JobError> {
    let rule = merge_rule(&run.job.prepare);
    let mut party = TwoParty::setup(host.fork("evidence")?, run.ledger.clone()).await?;
    let anonymous = gather(&mut party, labels, rule).await?;
    run.record("select.host_bins", Audience::Guest, anonymous.len())?;
    let columns = numbers.columns();
    let across = across(&mut party, &columns, labels.len(), settings).await?;
    Ok(Found { anonymous, across })
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
    let binned = step.compute(|| bin(run, data, rows)).await?;
    let guest = step.pair()?;
    let mut party = TwoParty::setup(guest.fork("evidence")?, run.ledger.clone()).await?;
    let Anonymity { feature_of_number, .. } = offer(&mut party, &binned, rule).await?;
    let names: Vec<&str> =
        feature_of_number.iter().map(|place| binned.features()[*place].name.as_str()).collect();
    run.record("select.host_bins", Audience::Guest, names.len())?;
    let numbers = guest.compute(|| Numbers::of(&prepared, rows)).await?;
    // The guest knows a column by the same number as its bins; categories are constant here, so
    // that they go together with nothing.
    let constant = vec![0.0; rows.len()];
    let column = |name: &&str| numbers.named(&prepared, name).unwrap_or(constant.as_slice());
    let columns: Vec<&[f64]> = names.iter().map(column).collect();
    let across = across(&mut party, &columns, rows.len(), settings).await?;

    let bits = names.len() * (1 + limited(run).count());
    run.record("select.kept", Audience::Host, bits)?;
    let bits = guest.receive_bytes(KEPT, Size::Exactly(bits)).await?;
    if bits.iter().any(|bit| *bit > 1) {
        return Err(guest.misbehaved(KEPT, "a feature is kept (1) or not (0)").into());
    }
    // All wanted columns weigh the same, so that the first of a pair stays.
    let weight = |name: &String| {
        let place = names.iter().position(|known| known == name);
        place.map_or(0.0, |place| f64::from(bits[place]))
    };
    let weights: Vec<f64> = prepared.columns.iter().map(weight).collect();
    let pairs = numbers.pairs_above(settings.correlation)?;
    let selection = select(&weights, 1.0, &pairs)?;
    let own = |name: &String| undecided(&run.own.name, name, None);
    let features = decided(prepared.columns.iter().map(own).collect(), &selection);
    let pairs_across = settings.compares_columns().then_some(across.len());
    let outcome = SelectionOutcome { features, pairs_across };
    let best = bits.chunks(names.len().max(1)).skip(1).map(|bits| {
        let chosen = names.iter().zip(bits).filter(|(_, bit)| **bit == 1);
        chosen.map(|(name, _)| (*name).to_owned()).collect()
    });
    let best = named(run, best);
    keep(run, prepared, &selection, Kept { outcome, host_evidence: Vec::new(), best })
}

/// The pairs of columns of both parties that go together too closely, if the job compares any.
async fn across(
    party: &mut TwoParty,
    columns: &[&[f64]],
    rows: usize,
    settings: &SelectSpec,
) -> Result<Vec<Pair>, JobError> {
    if !settings.compares_columns() {
        return Ok(Vec::new());
    }
    Ok(correlated_pairs(party, columns, rows, settings.correlation).await?)
}

/// A feature that the guest decides about.
struct Candidate {
    feature: SelectedFeature,
    /// Of an anonymous feature with enough rows of each class.
    host_table: Option<WoeTable>,
}

fn undecided(party: &str, name: &str, iv: Option<f64>) -> SelectedFeature {
    SelectedFeature {
        name: name.to_owned(),
        party: party.to_owned(),
        iv,
        is_kept: true,
        correlated_with: None,
    }
}

/// The guest's columns.
fn own_candidates(party: &str, prepared: &Prepared) -> Vec<Candidate> {
    let candidate = |name: &String| {
        let table = prepared.evidence.iter().find(|table| table.feature == *name);
        let iv = table.map(|table| table.iv);
        Candidate { feature: undecided(party, name, iv), host_table: None }
    };
    prepared.columns.iter().map(candidate).collect()
}

/// A host's anonymous features.
fn anonymous_candidates(
    party: &str,
    anonymous: &[AnonymousFeature],
) -> Result<Vec<Candidate>, JobError> {
    let mut candidates = Vec::with_capacity(anonymous.len());
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
        candidates.push(Candidate { feature: undecided(party, &name, iv), host_table: table });
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

/// What is known of a selection.
struct Kept {
    outcome: SelectionOutcome,
    host_evidence: Vec<HostEvidence>,
    /// Own columns of models that take the best only; some may be dropped for their correlation.
    best: BTreeMap<String, Vec<String>>,
}

/// Takes the dropped columns out of what models get.
fn keep(
    run: &Run<'_>,
    prepared: Prepared,
    selection: &Selection,
    Kept { outcome, host_evidence, mut best }: Kept,
) -> Result<Prepared, JobError> {
    let Prepared { matrix, categories, preparation, evidence, columns, .. } = prepared;
    let kept: Vec<String> = columns
        .into_iter()
        .enumerate()
        .filter(|(place, _)| selection.kept.contains(place))
        .map(|(_, name)| name)
        .collect();
    if kept.is_empty() {
        let party = run.own.name.clone();
        return Err(JobError::NoFeatures { party, step: "training".to_owned() });
    }
    for columns in best.values_mut() {
        columns.retain(|column| kept.contains(column));
    }
    let places = places_of(&matrix, &kept);
    Ok(Prepared {
        matrix: matrix.select(&places)?,
        categories,
        preparation,
        evidence,
        columns: kept,
        host_evidence,
        selection: Some(outcome),
        best,
        host_woe: None,
        weighed: None,
    })
}

/// The places of the features that were made of these columns.
fn places_of(matrix: &FeatureMatrix, columns: &[String]) -> Vec<usize> {
    let features = matrix.features().iter().enumerate();
    let of_columns = features.filter(|(_, it)| columns.contains(&it.provenance.source));
    of_columns.map(|(place, _)| place).collect()
}

impl Prepared {
    /// What a model gets that takes the best columns only; `None` for one that takes all.
    pub(super) fn best_for(&self, run: &Run<'_>, step: &str) -> Result<Option<Self>, JobError> {
        let Some(columns) = self.best.get(step) else { return Ok(None) };
        if columns.is_empty() {
            let party = run.own.name.clone();
            return Err(JobError::NoFeatures { party, step: format!("training `{step}`") });
        }
        let places = places_of(&self.matrix, columns);
        let features = places.into_iter().map(|place| self.matrix.features()[place].clone());
        Ok(Some(Self {
            matrix: FeatureMatrix::new(self.matrix.rows(), features.collect())?,
            categories: Vec::new(),
            preparation: self.preparation.clone(),
            evidence: Vec::new(),
            columns: columns.clone(),
            host_evidence: Vec::new(),
            selection: None,
            best: BTreeMap::new(),
            host_woe: None,
            weighed: None,
        }))
    }
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
