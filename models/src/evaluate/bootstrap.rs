//! Intervals for the difference between two scores on the same rows.
//!
//! Both scores are looked at on the same resampled rows, so that what they have in common cancels
//! out: the interval of the difference is far narrower than the two separate ones. Resampling keeps
//! the number of positives and of negatives (stratified): no resample is without a class. Sources:
//! Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile
//! interval); Robin et al., "pROC", 2011 (paired, stratified bootstrap of the AUC difference).

use super::ranking::descending;
use super::{EvaluateError, Ranking, discrimination, top};
use crypto::random::Generator;
use rayon::prelude::*;
use serde::Serialize;

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bootstrap {
    /// Number of resamples, 100 to 100,000.
    pub replicates: usize,
    /// Probability that the interval is to cover, in 0.5 to 0.999.
    pub confidence: f64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { replicates: 1000, confidence: 0.95 }
    }
}

/// A difference (second score minus first) with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The difference on the rows as they are.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Share of resamples in which the second score is strictly better.
    pub better: f64,
}

/// Differences of the headline figures between two scores, second minus first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Differences {
    /// Difference of the areas under the ROC curve.
    pub auc: Difference,
    /// Difference of the Kolmogorov–Smirnov statistics.
    pub ks: Difference,
    /// Difference of the lifts in the best-scored 5 %.
    pub lift_5pct: Difference,
    /// How the intervals were made.
    pub bootstrap: Bootstrap,
}

/// Bootstraps the differences between two scores of the same rows.
///
/// `generator` is started from the job's public seed: the same seed gives the same intervals. Uses
/// rayon: call it inside `Session::compute`. The cost is two passes over the rows per resample.
///
/// # Errors
///
/// Whatever makes one of the two scores impossible to rank (see [`Ranking::new`]), and
/// [`EvaluateError::Setting`] for settings out of range.
pub fn differences(
    scores: [&[f64]; 2],
    labels: &[u8],
    weights: Option<&[f64]>,
    bootstrap: Bootstrap,
    generator: &mut Generator,
) -> Result<Differences, EvaluateError> {
    let Bootstrap { replicates, confidence } = bootstrap;
    if !(100..=100_000).contains(&replicates) {
        return Err(EvaluateError::setting("replicates", &replicates, "between 100 and 100000"));
    }
    if !(0.5..=0.999).contains(&confidence) {
        return Err(EvaluateError::setting("confidence", &confidence, "between 0.5 and 0.999"));
    }
    let resamplers =
        [Resampler::new(scores[0], labels, weights)?, Resampler::new(scores[1], labels, weights)?];
    let observed = difference_of(&resamplers[0].ranking, &resamplers[1].ranking);
    let classes = [rows_of(labels, 0), rows_of(labels, 1)];
    let generators: Vec<Generator> = (0..replicates).map(|_| generator.child()).collect();
    let drawn: Vec<[f64; 3]> = generators
        .into_par_iter()
        .map_init(
            || (vec![0_u32; labels.len()], Vec::new()),
            |(counts, words), mut generator| {
                draw(&classes, counts, words, &mut generator);
                let first = resamplers[0].resampled(counts, labels, weights)?;
                let second = resamplers[1].resampled(counts, labels, weights)?;
                Some(difference_of(&first, &second))
            },
        )
        // A resample made of weightless rows only says nothing; it is left out.
        .flatten_iter()
        .collect();
    let difference = |figure: usize| {
        let sample = drawn.iter().map(|drawn| drawn[figure]).collect();
        interval(observed[figure], sample, confidence)
    };
    let [auc, ks, lift_5pct] = [difference(0), difference(1), difference(2)];
    Ok(Differences { auc, ks, lift_5pct, bootstrap })
}

/// A ranking whose rows can be counted anew without sorting again.
struct Resampler {
    ranking: Ranking,
    /// For each row its tie group.
    group_of_row: Vec<u32>,
}

impl Resampler {
    #[expect(clippy::float_cmp, reason = "exactly equal scores are ties")]
    fn new(scores: &[f64], labels: &[u8], weights: Option<&[f64]>) -> Result<Self, EvaluateError> {
        let ranking = Ranking::new(scores, labels, weights)?;
        let mut group_of_row = vec![0; scores.len()];
        let mut group = 0;
        for row in descending(scores) {
            if ranking.groups()[group].score != scores[row as usize] {
                group += 1;
            }
            group_of_row[row as usize] = group as u32;
        }
        Ok(Self { ranking, group_of_row })
    }

    /// The ranking in which row i is there `counts[i]` times; none where a class has no weight.
    fn resampled(&self, counts: &[u32], labels: &[u8], weights: Option<&[f64]>) -> Option<Ranking> {
        let mut groups = self.ranking.groups().to_vec();
        for group in &mut groups {
            (group.rows, group.positives, group.negatives) = (0, 0.0, 0.0);
        }
        for (row, &count) in counts.iter().enumerate() {
            if count > 0 {
                let group = &mut groups[self.group_of_row[row] as usize];
                let weight = f64::from(count) * super::weight_of(weights, row);
                group.rows += count as usize;
                if labels[row] == 1 { group.positives += weight } else { group.negatives += weight }
            }
        }
        Ranking::from_groups(groups).ok()
    }
}

/// AUC, KS and lift at 5 % of the second ranking minus those of the first.
fn difference_of(first: &Ranking, second: &Ranking) -> [f64; 3] {
    let figures = |ranking: &Ranking| {
        [discrimination::auc(ranking), discrimination::ks(ranking).value, top::lift_5pct(ranking)]
    };
    let (first, second) = (figures(first), figures(second));
    [second[0] - first[0], second[1] - first[1], second[2] - first[2]]
}

/// Row numbers of one class.
fn rows_of(labels: &[u8], class: u8) -> Vec<u32> {
    (0..labels.len() as u32).filter(|row| labels[*row as usize] == class).collect()
}

/// Draws, for each class, as many of its rows as it has, with replacement, and counts them.
///
/// Each half word picks a row by multiplication; its bias of at most rows / 2^32 is far below what
/// the sampling itself leaves open.
fn draw(
    classes: &[Vec<u32>; 2],
    counts: &mut [u32],
    words: &mut Vec<u64>,
    generator: &mut Generator,
) {
    counts.fill(0);
    for rows in classes {
        words.resize(rows.len().div_ceil(2), 0);
        generator.fill_words(words);
        let halves = words.iter().flat_map(|word| [word & 0xffff_ffff, word >> 32]);
        for half in halves.take(rows.len()) {
            let picked = (half * rows.len() as u64) >> 32;
            counts[rows[picked as usize] as usize] += 1;
        }
    }
}

/// The percentile interval of a sample of differences.
fn interval(value: f64, mut sample: Vec<f64>, confidence: f64) -> Difference {
    sample.sort_unstable_by(f64::total_cmp);
    let (low, high) = if sample.is_empty() {
        (value, value)
    } else {
        let tail = (1.0 - confidence) / 2.0;
        (quantile(&sample, tail), quantile(&sample, 1.0 - tail))
    };
    let better = sample.iter().filter(|difference| **difference > 0.0).count();
    Difference { value, low, high, better: better as f64 / sample.len().max(1) as f64 }
}

/// Quantile of sorted values by linear interpolation (Hyndman and Fan, 1996, definition 7).
fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = probability * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}
