//! Charts of two scores on the same test rows, from finished figures.

use features::stability::Stability;
use models::evaluate::bands::Band;
use models::evaluate::discrimination::CurvePoint;
use models::evaluate::profit::{Profit, ProfitPoint};
use models::evaluate::{Comparison, Evaluation};
use report::chart::{Chart, Line, Tone};
use report::figure::{self, KsPlace, ScoreBand};
use report::message::{self, Text, neutral};
use report::table::Table;

use super::wording;

/// A lift over fewer rows than this share is noise that would stretch the axis.
const LIFT_SHARE_MIN: f64 = 0.01;

/// Groups of equal width in which scores are counted.
const SCORE_GROUPS: usize = 20;

/// The names of the two scores.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The guest's own model.
    pub(super) alone: Text,
    /// The joint model.
    pub(super) joint: Text,
}

impl Names {
    /// One line for each score, the joint one last so that it is drawn on top.
    fn lines(
        &self,
        comparison: &Comparison,
        points: impl Fn(&Evaluation) -> Vec<(f64, f64)>,
    ) -> Vec<Line> {
        vec![
            Line::new(self.alone.clone(), Tone::Guest, points(&comparison.guest_alone)),
            Line::new(self.joint.clone(), Tone::Joint, points(&comparison.joint)),
        ]
    }
}

pub(super) fn roc(comparison: &Comparison, names: &Names) -> Chart {
    let named = Names {
        alone: figure::named_auc(&names.alone, comparison.guest_alone.auc),
        joint: figure::named_auc(&names.joint, comparison.joint.auc),
    };
    figure::roc(named.lines(comparison, |evaluation| {
        from_origin(evaluation, |point| (point.false_positive_rate, point.true_positive_rate))
    }))
}

pub(super) fn gains(comparison: &Comparison, names: &Names) -> Chart {
    let lines = names.lines(comparison, |evaluation| {
        from_origin(evaluation, |point| (point.selected, point.true_positive_rate))
    });
    figure::gains(lines, Some(comparison.joint.base_rate))
}

pub(super) fn lift(comparison: &Comparison, names: &Names) -> Chart {
    figure::lift(names.lines(comparison, |evaluation| {
        let points = evaluation.curve.iter().filter(|point| point.selected >= LIFT_SHARE_MIN);
        points.map(|point| (point.selected, point.true_positive_rate / point.selected)).collect()
    }))
}

pub(super) fn precision_recall(comparison: &Comparison, names: &Names) -> Chart {
    let lines = names.lines(comparison, |evaluation| {
        let points = evaluation.curve.iter().filter(|point| point.selected >= LIFT_SHARE_MIN);
        points.map(|point| (point.true_positive_rate, point.precision)).collect()
    });
    figure::precision_recall(lines, comparison.joint.base_rate)
}

/// The KS curve of one score.
pub(super) fn kolmogorov_smirnov(name: &Text, evaluation: &Evaluation) -> Chart {
    let positives = from_origin(evaluation, |point| (point.selected, point.true_positive_rate));
    let negatives = from_origin(evaluation, |point| (point.selected, point.false_positive_rate));
    let distance = |point: &CurvePoint| point.true_positive_rate - point.false_positive_rate;
    let widest =
        evaluation.curve.iter().max_by(|left, right| distance(left).total_cmp(&distance(right)));
    let place = widest.map_or(KsPlace { share: 0.0, positives: 0.0, negatives: 0.0 }, |point| {
        // The drawn curve is thinned and may miss the place by less than a pixel; the exact
        // statistic is what the label has to say.
        let missed = (evaluation.ks - distance(point)) / 2.0;
        KsPlace {
            share: point.selected,
            positives: point.true_positive_rate + missed,
            negatives: point.false_positive_rate - missed,
        }
    });
    figure::kolmogorov_smirnov(name, positives, negatives, place)
}

/// `None` where scores are not probabilities.
pub(super) fn calibration(comparison: &Comparison, names: &Names) -> Option<Chart> {
    let points = |evaluation: &Evaluation| {
        let bins = evaluation.calibration.iter().flat_map(|calibration| &calibration.bins);
        bins.map(|bin| (bin.predicted, bin.observed)).collect()
    };
    comparison.joint.calibration.as_ref()?;
    Some(figure::calibration(names.lines(comparison, points)))
}

/// `None` where the job states no cost and value.
pub(super) fn profit(comparison: &Comparison, names: &Names) -> Option<Chart> {
    let joint = comparison.joint.profit.as_ref()?;
    let curve = |profit: &Profit, value: fn(&ProfitPoint) -> f64| {
        let start = std::iter::once((0.0, 0.0));
        start.chain(profit.curve.iter().map(|point| (point.share, value(point)))).collect()
    };
    let at_random = curve(joint, |point| point.profit_of_random);
    let mut lines = vec![Line::new(message::chance(), Tone::Reference, at_random)];
    lines.extend(names.lines(comparison, |evaluation| {
        let profit = evaluation.profit.as_ref();
        profit.map_or_else(Vec::new, |profit| curve(profit, |point| point.profit))
    }));
    // Where even contacting everybody pays there is no share at which gains turn into losses.
    let break_even = joint.break_even.map(|point| point.share).filter(|share| *share < 1.0);
    let best = joint.best.map(|point| (point.share, point.profit));
    Some(figure::profit(lines, &wording::currency_of_the_job(), break_even, best))
}

/// How one score spreads over the two classes of the test rows, in groups of equal width.
pub(super) fn score_distribution(name: &Text, scores: &[f64], labels: &[f64]) -> Chart {
    let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = ((high - low) / SCORE_GROUPS as f64).max(f64::MIN_POSITIVE);
    let mut counts = [[0_u64; SCORE_GROUPS]; 2];
    for (score, label) in scores.iter().zip(labels) {
        let group = (((score - low) / width) as usize).min(SCORE_GROUPS - 1);
        counts[usize::from(*label > 0.5)][group] += 1;
    }
    let groups = if scores.is_empty() { 0 } else { SCORE_GROUPS };
    let label = |group: usize| {
        let from = low + width * group as f64;
        neutral(format!("{from:.2}–{:.2}", from + width))
    };
    let [negatives, positives] = counts.map(|counts| shares(&counts[..groups]));
    figure::score_distribution(name, (0..groups).map(label).collect(), positives, negatives)
}

pub(super) fn stability(name: &Text, stability: &Stability) -> Chart {
    let bins = &stability.bins;
    figure::stability(
        name,
        bins.iter().map(|bin| neutral(&bin.label)).collect(),
        bins.iter().map(|bin| bin.expected).collect(),
        bins.iter().map(|bin| bin.actual).collect(),
        stability.index,
    )
}

pub(super) fn score_bands(bands: &[Band]) -> Table {
    let band = |band: &Band| ScoreBand {
        name: neutral(format!("{} · {:.3}–{:.3}", band.place, band.score_min, band.score_max)),
        rows: band.rows as u64,
        positives: band.positives,
        rate: band.rate,
        lift: band.lift,
        cumulative_share: band.cumulative_share,
        cumulative_recall: band.cumulative_recall,
        cumulative_ks: band.cumulative_ks,
    };
    figure::score_bands(&bands.iter().map(band).collect::<Vec<_>>())
}

/// The points of a curve after the one at which nothing is selected.
fn from_origin(
    evaluation: &Evaluation,
    point: impl Fn(&CurvePoint) -> (f64, f64),
) -> Vec<(f64, f64)> {
    std::iter::once((0.0, 0.0)).chain(evaluation.curve.iter().map(point)).collect()
}

fn shares(counts: &[u64]) -> Vec<f64> {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    counts.iter().map(|count| *count as f64 / total).collect()
}
