//! The charts and tables of this field by name, from plain numbers.
//!
//! The numbers are computed elsewhere (`models::evaluate`); these functions know how each figure
//! looks: its axes, its reference lines, what it points out, and how to explain it in two
//! sentences. "Share contacted" runs from the highest score down: 10 % are the tenth with the
//! highest scores.

mod tables;

pub use tables::{InformationValue, ScoreBand, information_values, score_bands};

use crate::chart::{
    Axis, Chart, ColumnChart, ColumnSeries, HeatChart, Line, LineChart, Mark, RankedBar,
    RankingChart, Tone,
};
use crate::message::{self, Quantity, Text, Unit};

/// How many names a ranking or heat table shows at most; the rest is counted in the description.
pub const NAMES_MAX: usize = 25;

/// Receiver operating characteristic: true positive rate over false positive rate.
///
/// Each line's points run from (0, 0) to (1, 1). See [`named_auc`] for the lines' names.
pub fn roc(lines: Vec<Line>) -> Chart {
    Chart::Lines(LineChart {
        title: message::roc_title(),
        description: message::roc_description(),
        x: Axis::share(message::false_positive_rate()),
        y: Axis::share(message::true_positive_rate()),
        lines: behind(vec![diagonal(message::chance())], lines),
        marks: Vec::new(),
    })
}

/// A score's name with its AUC, for legends.
pub fn named_auc(score: &Text, auc: f64) -> Text {
    message::score_auc(score, Quantity::decimal(auc, 3))
}

/// Precision over recall; `base_rate` is the share of positives, which chance reaches.
pub fn precision_recall(lines: Vec<Line>, base_rate: f64) -> Chart {
    let chance =
        Line::new(message::chance(), Tone::Reference, vec![(0.0, base_rate), (1.0, base_rate)]);
    Chart::Lines(LineChart {
        title: message::precision_recall_title(),
        description: message::precision_recall_description(),
        x: Axis::share(message::recall()),
        y: Axis::share(message::precision()),
        lines: behind(vec![chance], lines),
        marks: Vec::new(),
    })
}

/// The two cumulative distributions of a score and their largest distance, the KS statistic.
///
/// Points are (share of all customers from the highest score down, share of the class found);
/// `at` is where the distance is largest.
pub fn kolmogorov_smirnov(
    score: &Text,
    positives: Vec<(f64, f64)>,
    negatives: Vec<(f64, f64)>,
    at: KsPlace,
) -> Chart {
    let statistic = Quantity::decimal((at.positives - at.negatives).abs(), 3);
    let label = message::ks_at(statistic, Quantity::percent(at.share, 1));
    Chart::Lines(LineChart {
        title: message::ks_title(score),
        description: message::ks_description(),
        x: Axis::share(message::share_contacted()),
        y: Axis::share(message::share_of_class()),
        lines: vec![
            Line::new(message::negatives(), Tone::Negative, negatives),
            Line::new(message::positives(), Tone::Positive, positives),
        ],
        marks: vec![Mark::Gap { x: at.share, from: at.positives, to: at.negatives, label }],
    })
}

/// Where the two distributions of a score lie furthest apart.
#[derive(Clone, Copy, Debug)]
pub struct KsPlace {
    /// The share of all customers with a higher score, in `0.0..=1.0`.
    pub share: f64,
    /// The share of the positives among them.
    pub positives: f64,
    /// The share of the negatives among them.
    pub negatives: f64,
}

/// Cumulative gains: the share of all positives found among the share contacted.
pub fn gains(lines: Vec<Line>, base_rate: Option<f64>) -> Chart {
    let mut references = vec![diagonal(message::chance())];
    if let Some(rate) = base_rate.filter(|rate| *rate > 0.0 && *rate < 1.0) {
        let points = vec![(0.0, 0.0), (rate, 1.0), (1.0, 1.0)];
        references.push(Line::new(message::perfect_order(), Tone::Reference, points));
    }
    Chart::Lines(LineChart {
        title: message::gains_title(),
        description: message::gains_description(),
        x: Axis::share(message::share_contacted()),
        y: Axis::share(message::share_of_positives()),
        lines: behind(references, lines),
        marks: Vec::new(),
    })
}

/// Cumulative lift: how many times more positives than by chance among the share contacted.
pub fn lift(lines: Vec<Line>) -> Chart {
    let chance = Line::new(message::chance(), Tone::Reference, vec![(0.0, 1.0), (1.0, 1.0)]);
    Chart::Lines(LineChart {
        title: message::lift_title(),
        description: message::lift_description(),
        x: Axis::share(message::share_contacted()),
        y: Axis::new(message::lift_axis(), Unit::Factor),
        lines: behind(vec![chance], lines),
        marks: Vec::new(),
    })
}

/// Calibration: the observed rate over the predicted probability, one dot per group of rows.
pub fn calibration(mut lines: Vec<Line>) -> Chart {
    let values = lines.iter().flat_map(|line| &line.points).flat_map(|(x, y)| [*x, *y]);
    let largest = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    let end = if largest > 0.0 { (largest * 20.0).ceil().min(20.0) / 20.0 } else { 1.0 };
    for line in &mut lines {
        line.dots = true;
    }
    let ideal =
        Line::new(message::perfect_calibration(), Tone::Reference, vec![(0.0, 0.0), (end, end)]);
    let axis = |label| Axis { label, unit: Unit::Percent, range: Some((0.0, end)) };
    Chart::Lines(LineChart {
        title: message::calibration_title(),
        description: message::calibration_description(),
        x: axis(message::predicted_probability()),
        y: axis(message::observed_rate()),
        lines: behind(vec![ideal], lines),
        marks: Vec::new(),
    })
}

/// Profit over the share contacted, with the break-even share and the best share where they exist.
///
/// Points are (share contacted, profit in `currency`); `best` is a point of the main line.
pub fn profit(
    lines: Vec<Line>,
    currency: &Text,
    break_even: Option<f64>,
    best: Option<(f64, f64)>,
) -> Chart {
    let mut marks = Vec::new();
    if let Some((share, value)) = best {
        let label = message::best_cut_off(Quantity::percent(share, 1), Quantity::decimal(value, 0));
        marks.push(Mark::Point { at: (share, value), label });
    }
    if let Some(x) = break_even {
        let label = message::break_even(Quantity::percent(x, 1));
        marks.push(Mark::Vertical { x, label });
    }
    Chart::Lines(LineChart {
        title: message::profit_title(),
        description: message::profit_description(),
        x: Axis::share(message::share_contacted()),
        y: Axis::new(message::profit_axis(currency), Unit::Number),
        lines,
        marks,
    })
}

/// One bin of a feature.
#[derive(Clone, Debug)]
pub struct EvidenceBin {
    /// The bin's name, such as `(1.5, 3.2]` or `missing`.
    pub name: Text,
    /// The weight of evidence in natural logarithm.
    pub weight: f64,
    /// The share of positives among the bin's rows; NaN where it may not be shown.
    pub rate: f64,
}

/// Weight of evidence per bin of one feature, with the event rate as a line.
pub fn weight_of_evidence(
    feature: &Text,
    owner: Tone,
    information_value: f64,
    bins: &[EvidenceBin],
) -> Chart {
    let series = |name, tone, value: fn(&EvidenceBin) -> f64| ColumnSeries {
        name,
        tone,
        values: bins.iter().map(value).collect(),
    };
    Chart::Columns(ColumnChart {
        title: message::evidence_title(feature, Quantity::decimal(information_value, 3)),
        description: message::evidence_description(),
        categories_label: message::bin(),
        categories: bins.iter().map(|bin| bin.name.clone()).collect(),
        y: Axis::new(message::weight_of_evidence(), Unit::Number),
        columns: vec![series(message::weight_of_evidence(), owner, |bin| bin.weight)],
        line: Some((
            Axis::new(message::event_rate(), Unit::Percent),
            series(message::event_rate(), Tone::Positive, |bin| bin.rate),
        )),
    })
}

/// Features by importance, the largest first and at most [`NAMES_MAX`], told apart by owner.
pub fn importance(value_label: Text, mut features: Vec<(Text, Tone, f64)>) -> Chart {
    let total = features.len();
    features.sort_by(|left, right| right.2.abs().total_cmp(&left.2.abs()));
    features.truncate(NAMES_MAX);
    let has = |tone| features.iter().any(|(_, owner, _)| *owner == tone);
    let legend = [(message::guest_feature(), Tone::Guest), (message::host_feature(), Tone::Host)];
    Chart::Ranking(RankingChart {
        title: message::importance_title(),
        description: limited(message::importance_description(), total),
        value_label,
        unit: Unit::Number,
        digits: 3,
        legend: legend.into_iter().filter(|(_, tone)| has(*tone)).collect(),
        bars: features
            .into_iter()
            .map(|(name, tone, value)| RankedBar { name, value, tone, interval: None })
            .collect(),
    })
}

/// How the rows of each class spread over score groups; shares per class, each adding up to 1.
pub fn score_distribution(
    score: &Text,
    groups: Vec<Text>,
    positives: Vec<f64>,
    negatives: Vec<f64>,
) -> Chart {
    let series = |name, tone, values| ColumnSeries { name, tone, values };
    Chart::Columns(ColumnChart {
        title: message::distribution_title(score),
        description: message::distribution_description(),
        categories_label: message::score_group(),
        categories: groups,
        y: Axis::new(message::share_of_class(), Unit::Percent),
        columns: vec![
            series(message::negatives(), Tone::Negative, negatives),
            series(message::positives(), Tone::Positive, positives),
        ],
        line: None,
    })
}

/// The share of rows per group in training and in test, with the stability index in the title.
pub fn stability(
    name: &Text,
    groups: Vec<Text>,
    training: Vec<f64>,
    test: Vec<f64>,
    index: f64,
) -> Chart {
    let series = |name, tone, values| ColumnSeries { name, tone, values };
    Chart::Columns(ColumnChart {
        title: message::stability_title(name, Quantity::decimal(index, 3)),
        description: message::stability_description(),
        categories_label: message::score_group(),
        categories: groups,
        y: Axis::new(message::share_of_rows(), Unit::Percent),
        columns: vec![
            series(message::training_rows(), Tone::Reference, training),
            series(message::test_rows(), Tone::Joint, test),
        ],
        line: None,
    })
}

/// Correlations between features; at most [`NAMES_MAX`] rows and columns.
///
/// `rows` holds a name and one value per column, NaN where a pair may not be shown.
pub fn correlation(mut columns: Vec<Text>, mut rows: Vec<(Text, Vec<f64>)>) -> Chart {
    let total = columns.len().max(rows.len());
    columns.truncate(NAMES_MAX);
    rows.truncate(NAMES_MAX);
    Chart::Heat(HeatChart {
        title: message::correlation_title(),
        description: limited(message::correlation_description(), total),
        columns,
        rows,
        unit: Unit::Number,
        digits: 2,
        full: Some(1.0),
    })
}

fn diagonal(name: Text) -> Line {
    Line::new(name, Tone::Reference, vec![(0.0, 0.0), (1.0, 1.0)])
}

/// References first, so that the lines that matter are drawn over them.
fn behind(mut references: Vec<Line>, lines: Vec<Line>) -> Vec<Line> {
    references.extend(lines);
    references
}

/// The description, with a remark when only [`NAMES_MAX`] of `total` names are shown.
fn limited(description: Text, total: usize) -> Text {
    if total <= NAMES_MAX {
        return description;
    }
    let shown = Quantity::count(NAMES_MAX as u64);
    message::joined(description, message::first_of(shown, Quantity::count(total as u64)))
}
