//! From shared counts in bands to figures.

use mpc::boolean::Bits;
use mpc::comparison::is_negative;
use mpc::conversion::{select, truncate};
use mpc::multiplication::{multiply, scale};
use mpc::product::{Form, Products};
use mpc::reciprocal::{FRACTION_BITS, reciprocals};
use mpc::reveal::{self, Learner};
use mpc::wide::widen;
use mpc::{MpcError, TwoParty};

use super::bands::chances_of;
use super::counts::Counts;
use super::{Figures, Places, Scale};
use crate::ModelError;
use crate::evaluate::EvaluateError;
use crate::evaluate::top::TopShare;
use crate::vertical::logistic_regression::optimiser::{difference, sum};

/// The disclosure that lists the figures.
pub const FIGURES: &str = "evaluate.figures";
/// Best-scored shares that can be looked at.
pub const SHARES_MAX: usize = 20;

/// The share of the headline.
const HEADLINE: f64 = 0.05;
/// Fractional bits of the losses of a band.
const LOSS_BITS: u32 = 20;
/// Binary digits of mean losses that are opened.
const MEAN_BITS: u32 = 16;
/// Fractional bits of numbers of places at a cut.
const CUT_BITS: u32 = 8;
/// Fractional bits of the positive share of a band at a cut.
const RATE_BITS: u32 = 24;
/// More than the error of what is shortened.
const ROUNDING: i64 = 4;
/// Bits of the number of places in a band.
const BAND_BITS: u32 = 21;

/// Counts from the best band on.
struct Ranked {
    all: Vec<u64>,
    positives: Vec<u64>,
    /// The sums of both up to a band and with it.
    all_so_far: Vec<u64>,
    positives_so_far: Vec<u64>,
}

impl Ranked {
    fn new(counts: &Counts) -> Self {
        let reversed = |counts: &[u64]| counts.iter().rev().copied().collect::<Vec<u64>>();
        let (all, positives) = (reversed(&counts.all), reversed(&counts.positives));
        let [all_so_far, positives_so_far] = [&all, &positives].map(|counts| {
            let add = |sum: &mut u64, count: &u64| {
                *sum = sum.wrapping_add(*count);
                Some(*sum)
            };
            counts.iter().scan(0, add).collect()
        });
        Self { all, positives, all_so_far, positives_so_far }
    }

    fn bands(&self) -> usize {
        self.all.len()
    }

    fn negatives(&self) -> Vec<u64> {
        difference(&self.all, &self.positives)
    }

    fn positives_in_all(&self) -> u64 {
        self.positives_so_far.last().copied().unwrap_or_default()
    }
}

/// Opens the figures of the `places` to the guest.
pub(super) async fn learn(
    party: &mut TwoParty,
    counts: &Counts,
    places: &Places<'_>,
    shares: &[f64],
) -> Result<Option<Figures>, ModelError> {
    let (count, scale) = (places.count, places.scale);
    let ranked = Ranked::new(counts);
    let shares: Vec<f64> = std::iter::once(HEADLINE).chain(shares.iter().copied()).collect();
    let [order, ties] = pairs_in_order(party, &ranked).await?;
    let distance = distance(party, &ranked, count).await?;
    let mut words = vec![ranked.positives_in_all(), order, ties, distance];
    words.extend(losses(party, counts, count, scale).await?);
    words.extend(found(party, &ranked, count, &shares).await?);
    let learnt = reveal::learn(party, FIGURES, Learner::First, &words).await?;
    let Some(words) = learnt else { return Ok(None) };
    let [positives, order, ties, distance, brier, log_loss, ref found @ ..] = words[..] else {
        return Err(MpcError::InvalidInput("figures are missing".to_owned()).into());
    };
    let [brier, log_loss] = [brier, log_loss].map(not_negative);
    let found: Vec<u64> = found.iter().map(|found| not_negative(*found)).collect();
    let negatives = count as u64 - positives.min(count as u64);
    let pairs = positives.saturating_mul(negatives);
    let found_max = positives.saturating_add(1) << CUT_BITS;
    let is_sound = positives <= count as u64
        && order <= 2 * pairs
        && ties <= pairs
        && distance <= pairs
        && [brier, log_loss].iter().all(|loss| *loss < 1 << (MEAN_BITS + 6))
        && found.iter().all(|found| *found <= found_max);
    if !is_sound {
        let rule = "the figures of so many places cannot be these";
        return Err(party.session.misbehaved("share", rule).into());
    }
    if pairs == 0 {
        return Err(EvaluateError::OneClass { positive: positives > 0, rows: count }.into());
    }
    let (rows, pairs) = (count as f64, pairs as f64);
    let mean = |loss: u64| mean_loss(loss, count);
    let tops = shares.iter().zip(found).map(|(share, found)| {
        let found = found as f64 / f64::from(1 << CUT_BITS);
        let (selected, recall) = (share * rows, found / positives as f64);
        let (precision, lift) = (found / selected, recall / share);
        TopShare { share: *share, selected, positives: found, precision, recall, lift }
    });
    let mut top: Vec<TopShare> = tops.collect();
    let headline = top.remove(0);
    Ok(Some(Figures {
        rows: count,
        positives: positives as usize,
        base_rate: positives as f64 / rows,
        auc: order as f64 / (2.0 * pairs),
        auc_error: ties as f64 / (2.0 * pairs),
        ks: distance as f64 / pairs,
        lift_5pct: headline.lift,
        top,
        brier: mean(brier),
        log_loss: mean(log_loss),
    }))
}

/// A number that rounding may have taken below 0; whatever is far below stays far too large.
fn not_negative(word: u64) -> u64 {
    if (-ROUNDING..0).contains(&word.cast_signed()) { 0 } else { word }
}

/// Twice the number of pairs of a positive and a negative place in the right order, where a pair in
/// one band counts by half; and the number of pairs in one band.
async fn pairs_in_order(party: &mut TwoParty, ranked: &Ranked) -> Result<[u64; 2], MpcError> {
    let negatives = ranked.negatives();
    // Positives above a band twice, and those in it once.
    let twice = ranked.positives_so_far.iter().zip(&ranked.positives);
    let above: Vec<u64> =
        twice.map(|(so_far, here)| so_far.wrapping_mul(2).wrapping_sub(*here)).collect();
    let left = [&negatives[..], &negatives].concat();
    let products = multiply(party, &left, &[&above[..], &ranked.positives].concat()).await?;
    let (order, ties) = products.split_at(negatives.len());
    Ok([order, ties].map(sum))
}

/// The largest distance between the two classes' shares above an edge, times the number of pairs of
/// a positive and a negative place.
async fn distance(party: &mut TwoParty, ranked: &Ranked, count: usize) -> Result<u64, MpcError> {
    // p/P - n/N, times P·N, is p·(all places) - P·(places so far); at the last edge it is 0.
    let scaled = scale(party, ranked.positives_in_all(), &ranked.all_so_far).await?;
    let pairs = ranked.positives_so_far.iter().zip(scaled);
    let mut distances: Vec<u64> =
        pairs.map(|(so_far, all)| so_far.wrapping_mul(count as u64).wrapping_sub(all)).collect();
    while distances.len() > 1 {
        let right = distances.split_off(distances.len().div_ceil(2));
        let gains = difference(&right, &distances);
        let margins = difference(&distances[..right.len()], &right);
        let is_larger = is_negative(party, &margins, 64).await?;
        let gains = select(party, &is_larger, &gains).await?;
        distances.iter_mut().zip(gains).for_each(|(it, gain)| *it = it.wrapping_add(gain));
    }
    Ok(sum(&distances))
}

/// The mean squared error and the mean log-loss, with [`MEAN_BITS`] digits.
async fn losses(
    party: &mut TwoParty,
    counts: &Counts,
    count: usize,
    scale: Scale,
) -> Result<Vec<u64>, MpcError> {
    let unit = f64::from(1 << LOSS_BITS);
    let word = |loss: f64| (loss * unit).round() as u64;
    let mut sums = [0_u64; 2];
    for (band, (all, positives)) in counts.all.iter().zip(&counts.positives).enumerate() {
        let negatives = all.wrapping_sub(*positives);
        let [probability, rest] = chances_of(band, scale);
        let of_band = [[rest * rest, probability * probability], [-probability.ln(), -rest.ln()]];
        for (sum, [positive, negative]) in sums.iter_mut().zip(of_band) {
            *sum = sum
                .wrapping_add(positives.wrapping_mul(word(positive)))
                .wrapping_add(negatives.wrapping_mul(word(negative)));
        }
    }
    truncate(party, &sums, dropped_bits(count)).await
}

/// Bits that sums of losses over so many places lose.
fn dropped_bits(count: usize) -> u32 {
    count.next_power_of_two().ilog2() + LOSS_BITS - MEAN_BITS
}

fn mean_loss(opened: u64, count: usize) -> f64 {
    let unit = f64::from(1 << LOSS_BITS) / (1_u64 << dropped_bits(count)) as f64;
    opened as f64 / unit / count as f64
}

/// How many positives are in each best-scored share, with [`CUT_BITS`].
async fn found(
    party: &mut TwoParty,
    ranked: &Ranked,
    count: usize,
    shares: &[f64],
) -> Result<Vec<u64>, MpcError> {
    let first = party.is_first();
    let unit = 1_u64 << CUT_BITS;
    let wanted: Vec<u64> =
        shares.iter().map(|share| (share * count as f64 * unit as f64).round() as u64).collect();
    // At which bands fewer places are taken than wanted.
    let margins = wanted.iter().flat_map(|wanted| {
        let wanted = if first { *wanted } else { 0 };
        ranked.all_so_far.iter().map(move |all| all.wrapping_mul(unit).wrapping_sub(wanted))
    });
    let margins: Vec<u64> = margins.collect();
    let is_short = is_negative(party, &margins, 64).await?;
    // The band of the cut is the first one that is not short.
    let bands = ranked.bands();
    let is_cut = |at: usize| {
        let before = if at.is_multiple_of(bands) { u64::from(first) } else { is_short.bit(at - 1) };
        before ^ is_short.bit(at) == 1
    };
    let parts = [
        ranked.positives.clone(),
        ranked.all.clone(),
        difference(&ranked.positives_so_far, &ranked.positives),
        difference(&ranked.all_so_far, &ranked.all),
    ];
    let bits = Bits::from_fn(parts.len() * margins.len(), |at| is_cut(at % margins.len()));
    let values: Vec<u64> = parts.iter().flat_map(|part| part.repeat(shares.len())).collect();
    let selected = select(party, &bits, &values).await?;
    let selected: Vec<u64> = selected.chunks_exact(bands).map(sum).collect();
    let [positives, all, positives_before, all_before] =
        [0, 1, 2, 3].map(|part| &selected[part * shares.len()..][..shares.len()]);
    let rates = rates(party, positives, all).await?;
    let taken = all_before.iter().zip(&wanted).map(|(before, wanted)| {
        let wanted = if first { *wanted } else { 0 };
        wanted.wrapping_sub(before.wrapping_mul(unit))
    });
    let within = multiply(party, &rates, &taken.collect::<Vec<u64>>()).await?;
    let within = truncate(party, &within, RATE_BITS).await?;
    let pairs = positives_before.iter().zip(within);
    Ok(pairs.map(|(before, within)| before.wrapping_mul(unit).wrapping_add(within)).collect())
}

/// Shared quotients of numbers of places, at most 1, with [`RATE_BITS`].
async fn rates(party: &mut TwoParty, positives: &[u64], all: &[u64]) -> Result<Vec<u64>, MpcError> {
    let joined: Vec<u128> = positives.iter().chain(all).map(|share| u128::from(*share)).collect();
    let joined = widen(party, &joined, 1 << 64, 0).await?;
    let (positives, all) = joined.split_at(positives.len());
    let products = Products::prepare(party).await?;
    let (normalisers, halves) = reciprocals(party, &products, all, BAND_BITS).await?;
    let form = Form::product(0, 1, 0);
    let normal = products.evaluate(party, &[positives, &normalisers], &[form]).await?.concat();
    // A half is 2^(b-1)/(all·normaliser).
    let form = Form::product(0, 1, BAND_BITS - 1 + FRACTION_BITS - RATE_BITS);
    let rates = products.evaluate(party, &[&normal, &halves], &[form]).await?.concat();
    Ok(rates.into_iter().map(|share| share as u64).collect())
}
