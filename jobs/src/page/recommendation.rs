//! Models that recommend items: their figures on the guest's page, and either party's part of them.

use std::collections::HashMap;

use models::evaluate::recommendation::{Judged, PairedDifference};
use models::local::factorization_machine::{GuestPart, HostPart};
use report::chart::{
    Axis, Chart, ColumnChart, ColumnSeries, Line, LineChart, RankedBar, RankingChart, Tone,
};
use report::message::{self, Quantity, Text, Unit, neutral};
use report::page::{Better, Card, Comparison, ComparisonRow, Difference, Notice, Part, Tile};
use report::table::{Cell, Column, Table};

use super::own_part::{BARS_MAX, limited, own_tone};
use super::recommendation_wording as words;
use super::result::{plain, side_by_side};
use super::{View, step_title, wording};
use crate::run::{
    GuestFactors, HistoryGroup, HostFactors, ModelOutcome, RecommendationOutcome, Recommended,
    SplitOutcome,
};

/// The key figures of the first model; nothing without such a model.
pub(super) fn headline(view: View<'_>, splits: &[&SplitOutcome]) -> Vec<Part> {
    let mut models = splits.iter().flat_map(|split| view.models_of(split));
    let first = models.find_map(|model| Some((model, model.recommendation.as_ref()?)));
    let Some((model, recommendation)) = first else { return Vec::new() };
    let comparison = &recommendation.comparison;
    let places = places(recommendation);
    let tile = |label, figure: fn(&Judged) -> f64| Tile {
        label,
        value: Quantity::decimal(figure(&comparison.joint), 3),
        note: Some(wording::alone_is(
            view.guest_name(),
            Quantity::decimal(figure(&comparison.guest_alone), 3),
        )),
        provenance: view.joint_data(),
    };
    let tiles = vec![
        tile(words::ndcg(places), |it| it.figures.ndcg),
        tile(words::hit_rate(places), |it| it.figures.hit_rate),
        tile(words::mean_auc(), |it| it.figures.auc.unwrap_or(f64::NAN)),
        Tile {
            label: words::judged_users(),
            value: Quantity::count(comparison.joint.figures.users as u64),
            note: Some(words::of_items(Quantity::count(recommendation.items as u64))),
            provenance: view.own_data(),
        },
    ];
    vec![Part::Paragraph(wording::headline_is(step_title(view, model))), Part::Tiles(tiles)]
}

/// The figures of one model with intervals, beside the guest's own and the same list for everybody,
/// and what the interval allows to say.
pub(super) fn compared(
    view: View<'_>,
    model: &ModelOutcome,
    recommendation: &RecommendationOutcome,
) -> Vec<Part> {
    let comparison = &recommendation.comparison;
    let places = places(recommendation);
    let differences = &comparison.differences;
    let judged = [&comparison.guest_alone, &comparison.popularity, &comparison.joint];
    let row = |metric, figure: fn(&Judged) -> f64, difference: Option<PairedDifference>| {
        let decimal = |value| Quantity::decimal(value, 4);
        let difference = difference.map(|PairedDifference { value, low, high }| Difference {
            value: decimal(value),
            interval: Some((decimal(low), decimal(high))),
            better: Better::Higher,
        });
        let values = judged.map(|judged| decimal(figure(judged))).to_vec();
        ComparisonRow { metric, values, difference }
    };
    let mut rows = vec![
        row(words::mean_auc(), |it| it.figures.auc.unwrap_or(f64::NAN), differences.auc),
        row(words::ndcg(places), |it| it.figures.ndcg, differences.ndcg),
        row(words::hit_rate(places), |it| it.figures.hit_rate, differences.hit_rate),
    ];
    if let [Some(alone), Some(popularity), Some(joint)] = judged.map(|judged| judged.coverage) {
        let percent = |value| Quantity::percent(value, 1);
        rows.push(ComparisonRow {
            values: [alone, popularity, joint].map(percent).to_vec(),
            ..plain(words::coverage(), [alone, joint], Better::Higher, percent)
        });
    }
    let scores =
        vec![wording::alone(view.guest_name()), words::popularity(), message::joint_model()];
    let title = step_title(view, model);
    let comparison = Comparison { title, scores, ..side_by_side(view, rows) };
    let mut parts = vec![Part::Comparison(comparison)];
    parts.extend(differences.ndcg.and_then(|difference| on_gain(view, difference)));
    parts
}

/// Whether the joint model is better, in words that the interval allows.
fn on_gain(view: View<'_>, difference: PairedDifference) -> Option<Part> {
    let PairedDifference { value, low, high } = difference;
    let [value_text, low_text, high_text] =
        [value, low, high].map(|value| Quantity::decimal(value, 4).signed());
    let guest = view.guest_name();
    if high < 0.0 {
        let text = words::ranks_worse(guest, value_text, low_text, high_text);
        return Some(Part::Notice(Notice::Caution, text));
    }
    let text = words::no_measurable_gain(guest, value_text, low_text, high_text);
    (low <= 0.0).then_some(Part::Notice(Notice::Remark, text))
}

/// The pictures and tables of one model, beside the chart of its own part.
pub(super) fn parts(
    view: View<'_>,
    model: &ModelOutcome,
    recommendation: &RecommendationOutcome,
    own_part: Card,
) -> Vec<Part> {
    let card = |chart| Card { chart, provenance: view.joint_data() };
    let mut charts = vec![card(hit_rates(view, recommendation))];
    if !recommendation.by_history.is_empty() {
        charts.push(card(by_history(view, recommendation)));
    }
    charts.push(own_part);
    let mut parts = vec![Part::Charts(charts)];
    if let Some(lists) = &recommendation.recommended {
        let file = format!("tables/recommendations.{}.parquet", model.step);
        parts.push(most_recommended(view, lists));
        parts.push(Part::Paragraph(where_the_lists_are(&file, lists)));
    }
    parts
}

/// Where the lists are, and what they have.
pub(super) fn where_the_lists_are(file: &str, lists: &Recommended) -> Text {
    if lists.joint.is_some() {
        words::where_the_lists_are(file)
    } else {
        words::where_the_hidden_lists_are(file)
    }
}

/// The items that are recommended most.
pub(super) fn most_recommended(view: View<'_>, recommended: &Recommended) -> Part {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for item in &recommended.items {
        *counts.entry(item).or_default() += 1;
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    counts.truncate(BARS_MAX);
    let mut table =
        Table::new(vec![Column::words(words::item()), Column::numbers(words::users_who_get_it())]);
    for (item, users) in counts {
        table.push(vec![Cell::text(neutral(item)), Cell::quantity(Quantity::count(users))]);
    }
    let provenance = Some(view.joint_data());
    Part::Table { title: words::most_recommended(), table, provenance }
}

/// The chart of the guest's part, and a sentence on how it was trained.
pub(super) fn items(view: View<'_>, model: &ModelOutcome, part: &GuestFactors) -> (Chart, Text) {
    let GuestPart { item_factors, offset, .. } = &part.joint;
    let chart = lengths(
        words::own_factors_in(step_title(view, model)),
        words::item_factors_meaning(),
        own_tone(view),
        part.items.iter().zip(item_factors.chunks(offset.len().max(1))),
    );
    let number = |count: usize| Quantity::count(count as u64);
    let facts = match &model.recommendation {
        Some(RecommendationOutcome { interactions, items, left_out, .. }) => {
            words::trained_on(number(*interactions), number(*items), number(*left_out))
        }
        None => words::of_items(number(part.items.len())),
    };
    (chart, facts)
}

/// The same of the host's.
pub(super) fn columns(view: View<'_>, model: &ModelOutcome, part: &HostFactors) -> (Chart, Text) {
    let HostPart { column_factors, offset } = &part.joint;
    let chart = lengths(
        words::own_factors_in(step_title(view, model)),
        words::column_factors_meaning(),
        own_tone(view),
        part.features.iter().zip(column_factors.chunks(offset.len().max(1))),
    );
    (chart, words::trained_at_host(Quantity::count(part.features.len() as u64)))
}

/// Named vectors, the longest first.
fn lengths<'a>(
    title: Text,
    meaning: Text,
    tone: Tone,
    vectors: impl Iterator<Item = (&'a String, &'a [f64])>,
) -> Chart {
    let length = |vector: &[f64]| vector.iter().map(|it| it * it).sum::<f64>().sqrt();
    let bar = |(name, vector): (&String, &[f64])| RankedBar {
        name: neutral(name),
        value: length(vector),
        tone,
        interval: None,
    };
    let mut bars: Vec<RankedBar> = vectors.map(bar).collect();
    let total = bars.len();
    bars.sort_by(|left, right| right.value.total_cmp(&left.value));
    bars.truncate(BARS_MAX);
    Chart::Ranking(RankingChart {
        title,
        description: limited(meaning, total),
        value_label: words::length_of_factors(),
        unit: Unit::Number,
        digits: 3,
        legend: Vec::new(),
        bars,
    })
}

/// The models with how they are called and drawn, the most important one last.
fn models<'a>(
    view: View<'_>,
    recommendation: &'a RecommendationOutcome,
) -> [(Text, Tone, &'a Judged); 3] {
    let comparison = &recommendation.comparison;
    [
        (words::popularity(), Tone::Reference, &comparison.popularity),
        (wording::alone(view.guest_name()), Tone::Guest, &comparison.guest_alone),
        (message::joint_model(), Tone::Joint, &comparison.joint),
    ]
}

fn hit_rates(view: View<'_>, recommendation: &RecommendationOutcome) -> Chart {
    let line = |(name, tone, judged): (Text, Tone, &Judged)| {
        // No places hold nothing.
        let rates = [0.0].into_iter().chain(judged.figures.hit_rates.iter().copied());
        let points = (0..).map(f64::from).zip(rates).collect();
        Line { dots: true, ..Line::new(name, tone, points) }
    };
    Chart::Lines(LineChart {
        title: words::hit_rates(),
        description: words::hit_rates_meaning(),
        x: Axis::new(words::places(), Unit::Number),
        y: Axis::new(words::share_of_users(), Unit::Percent),
        lines: models(view, recommendation).map(line).to_vec(),
        marks: Vec::new(),
    })
}

fn by_history(view: View<'_>, recommendation: &RecommendationOutcome) -> Chart {
    let groups = &recommendation.by_history;
    let category = |group: &HistoryGroup| {
        let items = match group.to {
            Some(to) => format!("{}–{to}", group.from),
            None => format!("≥ {}", group.from),
        };
        words::group(items, Quantity::count(group.users as u64))
    };
    let [popularity, alone, joint] = models(view, recommendation);
    let series = |(name, tone, _): (Text, Tone, &Judged), values: Vec<f64>| ColumnSeries {
        name,
        tone,
        values,
    };
    Chart::Columns(ColumnChart {
        title: words::by_history(places(recommendation)),
        description: words::by_history_meaning(),
        categories_label: words::items_in_history(),
        categories: groups.iter().map(category).collect(),
        y: Axis::new(words::ndcg(places(recommendation)), Unit::Number),
        columns: vec![
            series(popularity, groups.iter().map(|it| it.popularity).collect()),
            series(alone, groups.iter().map(|it| it.guest_alone).collect()),
            series(joint, groups.iter().map(|it| it.joint).collect()),
        ],
        line: None,
    })
}

fn places(recommendation: &RecommendationOutcome) -> Quantity {
    Quantity::count(recommendation.comparison.joint.figures.k as u64)
}
