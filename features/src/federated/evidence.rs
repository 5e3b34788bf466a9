//! Class counts of the guest's labels in the host's anonymous bins, merged before they are opened.
//!
//! # Functionality
//! The guest holds a label for each training row, the host binned features of the same rows. For
//! each feature, in an order that only the host knows, the guest learns groups of neighbouring bins
//! with the number of rows of each class, every group with at least `rows_min` rows and `class_min`
//! rows of each class. From them follow WOE and information value. The host learns nothing.
//! # Messages
//! 1. `shape` host → guest: number of bins of each anonymous feature, bins of few rows merged
//! 2. `seed` guest → host, `hints` host → guest, in groups: set-up of the encrypted counts
//! 3. `query` guest → host: the labels, encrypted; `answers` host → guest: masked counts per bin
//! 4. for each place of a bin: comparison and selection on shares (see `mpc`)
//! 5. `share` host → guest: what the guest learns
//! # Leaks
//! To both: numbers of rows, features and bins. To the guest: the merged counts (disclosure
//! `select.host_bin_counts`). Which bins were merged because a class was rare stays hidden from the
//! host; counts of features whose rows do not suffice for one group are never opened.
//! # Security
//! Semi-honest: ring-LWE for the counts (`crypto::lattice::projection`), transfers for the rest.
//! # Cost
//! 116 KiB for each bin of each feature and once more, 19 bytes for each row, and per place of a
//! bin about 15 flights.
//! # Reference
//! Secure histogram: Lu et al., "Squirrel", USENIX Security 2023, with precomputed hints (see
//! `crypto::lattice::projection`). Merging on shares: scan upwards, close a group as soon as it
//! keeps to the rule; what is left over joins the last closed group.

use crypto::lattice::projection::{BinnedColumn, Codes, Evaluator};
use mpc::TwoParty;
use mpc::boolean::{Bits, and_many, bit_triples};
use mpc::comparison::is_negative;
use mpc::conversion::{bits_to_words, select};
use mpc::reveal::{Learner, learn};
use net::Size;

use super::FederatedError;
use super::products::{KeyHolder, answer, receive_projection, send_hints};
use crate::binned::BinnedMatrix;
use crate::woe::{BinCounts, MergeRule};

/// Features that one host may offer.
pub const FEATURES_MAX: usize = 100_000;
/// Rows that counts of 32 bits can hold.
pub const ROWS_MAX: usize = u32::MAX as usize;

/// The disclosure under which the guest learns the counts.
const KEY: &str = "select.host_bin_counts";
/// Counts and differences of counts fit this many bits, sign included.
const COUNT_BITS: usize = 34;

/// What the guest learns about one of the host's features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnonymousFeature {
    /// For each of the host's bins the group it belongs to.
    pub group_of_bin: Vec<usize>,
    /// Rows of either class in each group; empty if the rows do not suffice for a single group.
    pub groups: Vec<BinCounts>,
}

/// What the host keeps: how its features are numbered towards the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anonymity {
    /// For each anonymous number the place of the feature.
    pub feature_of_number: Vec<usize>,
    /// For each anonymous number and each code, the bin that the guest knows it as.
    pub bin_of_code: Vec<Vec<usize>>,
}

/// The guest's side.
///
/// # Errors
/// [`FederatedError::InvalidInput`] for labels that are not 0 or 1, [`FederatedError::Secure`] when
/// the peer fails or misbehaves.
#[net::boxed]
pub async fn gather(
    party: &mut TwoParty,
    labels: &[u8],
    rule: MergeRule,
) -> Result<Vec<AnonymousFeature>, FederatedError> {
    if labels.is_empty() || labels.len() > ROWS_MAX || labels.iter().any(|label| *label > 1) {
        return Err(FederatedError::InvalidInput("labels must be 0 or 1, of 1 row or more".into()));
    }
    let bins = receive_shape(party).await?;
    let positives = counts_of_guest(party, labels, bins.iter().sum()).await?;
    let zeros = vec![0; positives.len()];
    let merged = merge(party, &bins, &positives, &zeros, rule).await?;
    let opened = learn(party, KEY, Learner::First, &merged).await?.unwrap_or_default();
    read_groups(party, &bins, &opened, labels.len())
}

/// The host's side, for the binned training rows.
///
/// # Errors
/// [`FederatedError::InvalidInput`] without features or rows, [`FederatedError::Secure`] when the
/// peer fails or misbehaves.
#[net::boxed]
pub async fn offer(
    party: &mut TwoParty,
    features: &BinnedMatrix,
    rule: MergeRule,
) -> Result<Anonymity, FederatedError> {
    let count = features.features().len();
    if !(1..=FEATURES_MAX).contains(&count) || !(1..=ROWS_MAX).contains(&features.rows()) {
        return Err(FederatedError::InvalidInput(format!(
            "{count} features of {} rows; needed are 1 to {FEATURES_MAX} features and some rows",
            features.rows()
        )));
    }
    let mut rng = party.session.rng();
    let mut feature_of_number: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut feature_of_number);
    let prepared: Vec<Prepared> = party
        .session
        .compute(|| {
            let places = feature_of_number.iter();
            places.map(|place| Prepared::new(&features.features()[*place], rule.rows_min)).collect()
        })
        .await;
    let bins: Vec<usize> = prepared.iter().map(|feature| feature.rows.len()).collect();
    let words: Vec<u64> =
        std::iter::once(count as u64).chain(bins.iter().map(|bins| *bins as u64)).collect();
    let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    party.session.send_bytes("shape", bytes).await?;
    let positives = counts_of_host(party, &prepared, features.rows()).await?;
    let rows: Vec<u64> = prepared.iter().flat_map(|feature| feature.rows.iter().copied()).collect();
    let merged = merge(party, &bins, &positives, &rows, rule).await?;
    learn(party, KEY, Learner::First, &merged).await?;
    let bin_of_code = prepared.into_iter().map(|feature| feature.bin_of_code).collect();
    Ok(Anonymity { feature_of_number, bin_of_code })
}

/// One of the host's features with bins of few rows merged, which needs no label.
struct Prepared {
    codes: Vec<u8>,
    bin_of_code: Vec<usize>,
    /// Rows of each bin.
    rows: Vec<u64>,
}

impl Prepared {
    fn new(feature: &crate::binned::BinnedFeature, rows_min: u64) -> Self {
        let mut rows_of_code = vec![0_u64; feature.bins + 1];
        for code in &feature.codes {
            rows_of_code[usize::from(*code)] += 1;
        }
        let mut rows: Vec<u64> = Vec::new();
        let mut open = 0;
        let mut bin_of_code = Vec::with_capacity(rows_of_code.len());
        for count in rows_of_code {
            bin_of_code.push(rows.len());
            open += count;
            if open >= rows_min.max(1) {
                rows.push(open);
                open = 0;
            }
        }
        match rows.last_mut() {
            Some(last) => *last += open,
            None => rows.push(open),
        }
        let last = rows.len() - 1;
        for bin in &mut bin_of_code {
            *bin = (*bin).min(last);
        }
        // At most 256 codes, hence at most 256 bins.
        let codes = feature.codes.iter().map(|code| bin_of_code[usize::from(*code)] as u8);
        let codes = codes.collect();
        Self { codes, bin_of_code, rows }
    }
}

async fn receive_shape(party: &mut TwoParty) -> Result<Vec<usize>, FederatedError> {
    const STEP: &str = "shape";
    let session = &mut party.session;
    let bytes = session.receive_bytes(STEP, Size::AtMost(8 * (FEATURES_MAX + 1))).await?;
    let mut words = bytes.chunks_exact(8).map(|word| {
        let word = word.try_into().map_or(u64::MAX, u64::from_le_bytes);
        usize::try_from(word).unwrap_or(usize::MAX)
    });
    let count = words.next().unwrap_or_default();
    let bins: Vec<usize> = words.collect();
    let sound = bins.len() == count && bytes.len() % 8 == 0 && count > 0;
    if !sound || bins.iter().any(|bins| !(1..=256).contains(bins)) {
        let rule = "the shape must list 1 to 256 bins for each feature";
        return Err(session.misbehaved(STEP, rule).into());
    }
    Ok(bins)
}

/// The guest's shares of the positives in each bin.
async fn counts_of_guest(
    party: &mut TwoParty,
    labels: &[u8],
    outputs: usize,
) -> Result<Vec<u64>, FederatedError> {
    let session = &mut party.session;
    let key_holder = KeyHolder::prepare(session, labels.len(), outputs).await?;
    let values: Vec<u64> = labels.iter().map(|label| u64::from(*label)).collect();
    key_holder.query(session, &values).await
}

/// The host's shares of the positives in each bin.
async fn counts_of_host(
    party: &mut TwoParty,
    features: &[Prepared],
    rows: usize,
) -> Result<Vec<u64>, FederatedError> {
    let session = &mut party.session;
    let projection = receive_projection(session, rows).await?;
    let columns = features.iter().map(|feature| BinnedColumn {
        codes: Codes::Narrow(&feature.codes),
        bins: feature.rows.len(),
    });
    let evaluator = Evaluator::binned(&projection, columns.collect(), &mut session.rng())?;
    send_hints(session, &projection, &evaluator).await?;
    answer(session, &projection, &evaluator).await
}

/// Shares of three numbers for each bin: does a group end here, its positives, its negatives (0
/// where none ends). `rows` are the host's row counts; the guest passes zeros.
async fn merge(
    party: &mut TwoParty,
    bins: &[usize],
    positives: &[u64],
    rows: &[u64],
    rule: MergeRule,
) -> Result<Vec<u64>, FederatedError> {
    let places = bins.iter().copied().max().unwrap_or_default();
    let features = bins.len();
    let starts: Vec<usize> =
        bins.iter().scan(0, |next, bins| Some(std::mem::replace(next, *next + bins))).collect();
    // Both classes of all features side by side: positives first, then negatives.
    let at = |place: usize| -> Vec<u64> {
        let word = |values: &dyn Fn(usize) -> u64| -> Vec<u64> {
            let cells = starts.iter().zip(bins);
            cells
                .map(|(start, bins)| if place < *bins { values(start + place) } else { 0 })
                .collect()
        };
        let mut both = word(&|cell| positives[cell]);
        both.extend(word(&|cell| rows[cell].wrapping_sub(positives[cell])));
        both
    };
    let mut open = vec![0_u64; 2 * features];
    let mut ends = Vec::with_capacity(places);
    let mut closed = Vec::with_capacity(places);
    for place in 0..places {
        add(&mut open, &at(place));
        let end = enough(party, &open, rule.class_min).await?;
        let group = select(party, &twice(&end), &open).await?;
        subtract(&mut open, &group);
        ends.push(end);
        closed.push(group);
    }
    // What is left over joins the last group that ended.
    for place in (0..places).rev() {
        let joined = select(party, &twice(&ends[place]), &open).await?;
        add(&mut closed[place], &joined);
        subtract(&mut open, &joined);
    }
    let mut merged = Vec::with_capacity(3 * features * places);
    for (end, group) in ends.iter().zip(&closed) {
        merged.extend(bits_to_words::<u64>(party, end).await?);
        merged.extend(group);
    }
    Ok(merged)
}

/// Shared bits, one for each feature: do both classes reach `class_min`?
async fn enough(
    party: &mut TwoParty,
    open: &[u64],
    class_min: u64,
) -> Result<Bits, FederatedError> {
    let needed = party.share_of_public(class_min);
    let margins: Vec<u64> = open.iter().map(|count| count.wrapping_sub(needed)).collect();
    let few = is_negative(party, &margins, COUNT_BITS).await?;
    let count = open.len() / 2;
    let flip = party.is_first();
    let half = |start: usize| Bits::from_fn(count, |index| (few.bit(start + index) == 1) ^ flip);
    let mut triples = bit_triples(party, count.div_ceil(64)).await?;
    let both = and_many(party, &mut triples, &[(&half(0), &half(count))]).await?;
    Ok(both.into_iter().next().unwrap_or_default())
}

/// The groups of each feature, from what was opened place by place.
fn read_groups(
    party: &TwoParty,
    bins: &[usize],
    opened: &[u64],
    rows: usize,
) -> Result<Vec<AnonymousFeature>, FederatedError> {
    let features = bins.len();
    let invalid = |rule: &str| party.session.misbehaved("share", rule).into();
    bins.iter()
        .enumerate()
        .map(|(feature, bins)| {
            let mut group_of_bin = Vec::with_capacity(*bins);
            let mut groups = Vec::new();
            for place in opened.chunks_exact(3 * features).take(*bins) {
                group_of_bin.push(groups.len());
                let [end, positives, negatives] =
                    [place[feature], place[features + feature], place[2 * features + feature]];
                match end {
                    0 if positives == 0 && negatives == 0 => {}
                    1 => groups.push(BinCounts { positives, negatives }),
                    _ => return Err(invalid("a group ends or it does not")),
                }
            }
            let last = groups.len().saturating_sub(1);
            for group in &mut group_of_bin {
                *group = (*group).min(last);
            }
            let counted = groups.iter().try_fold(0_u64, |sum, group: &BinCounts| {
                sum.checked_add(group.positives)?.checked_add(group.negatives)
            });
            match counted {
                Some(counted) if groups.is_empty() || counted == rows as u64 => {
                    Ok(AnonymousFeature { group_of_bin, groups })
                }
                _ => Err(invalid("the groups of a feature must hold every row once")),
            }
        })
        .collect()
}

fn twice(bits: &Bits) -> Bits {
    let count = bits.len();
    Bits::from_fn(2 * count, |index| bits.bit(index % count) == 1)
}

fn add(target: &mut [u64], terms: &[u64]) {
    target.iter_mut().zip(terms).for_each(|(target, term)| *target = target.wrapping_add(*term));
}

fn subtract(target: &mut [u64], terms: &[u64]) {
    target.iter_mut().zip(terms).for_each(|(target, term)| *target = target.wrapping_sub(*term));
}

#[cfg(test)]
mod tests;
