//! What the party of the page keeps of a model: its own coefficients, or what its splits count.

use std::collections::BTreeMap;

use models::vertical::boosted_trees::{GuestTrees, HostPart, HostTrees};
use models::vertical::strict_trees::StrictTrees;
use models::wald::Wald;
use report::chart::{Chart, RankedBar, RankingChart, Tone};
use report::figure;
use report::message::{self, Quantity, Text, Unit, neutral};
use report::page::{Card, Part};
use report::table::{Cell, Column, Table};

use super::{View, classes, recommendation, step_title, wording};
use crate::run::{LinearPart, ModelOutcome, ModelPart};
use contract::{Role, catalogue};

/// The quantile of the normal distribution that leaves 2.5% beyond it: whiskers hold 95%.
const NORMAL_975: f64 = 1.959_964;
/// Smaller p-values are shown as smaller than this.
const SMALLEST_P: f64 = 0.0001;
/// Bars beyond this many say nothing to the eye; the model's own file holds them all.
pub(super) const BARS_MAX: usize = 15;

/// The chart of the own part, and a sentence on how it was trained.
pub(super) fn of(view: View<'_>, model: &ModelOutcome) -> (Card, Text) {
    let (chart, facts) = match &model.part {
        ModelPart::LogisticRegression(part) | ModelPart::Regression(part) => {
            (coefficients(view, model, part), training(part))
        }
        ModelPart::MultinomialRegression(part) => {
            (classes::coefficients(view, model, part), classes::training(part))
        }
        ModelPart::GuestTrees { trees, .. } => (gains(trees), number_of_trees(trees)),
        ModelPart::HostTrees { trees, .. } => {
            let names = trees.splits.iter().map(|split| split.feature.as_str());
            let meaning = wording::splits_meaning();
            (splits(view, model, meaning, names), number_of_splits(trees))
        }
        ModelPart::StrictTrees { trees, .. } => {
            let meaning = wording::strict_splits_meaning();
            let chart = splits(view, model, meaning, trees.own_splits());
            (chart, number_of_strict_trees(trees))
        }
        ModelPart::GuestFactors(part) => recommendation::items(view, model, part),
        ModelPart::HostFactors(part) => recommendation::columns(view, model, part),
    };
    (Card { chart, provenance: view.joint_data() }, facts)
}

/// The own coefficients with their standard errors, if the job asks for them.
pub(super) fn tests(view: View<'_>, model: &ModelOutcome) -> Option<Part> {
    let (ModelPart::LogisticRegression(part) | ModelPart::Regression(part)) = &model.part else {
        return None;
    };
    let mut columns = vec![Column::words(message::feature())];
    let headings =
        [wording::coefficient(), wording::standard_error(), wording::z_value(), wording::p_value()];
    columns.extend(headings.map(Column::numbers));
    let mut table = Table::new(columns);
    let mut line = |name: Text, weight: f64, test: Option<Wald>| {
        let Some(Wald { standard_error, z, p }) = test else { return };
        let p = if p < SMALLEST_P {
            Cell::text(neutral(format!("< {SMALLEST_P}")))
        } else {
            Cell::quantity(Quantity::decimal(p, 4))
        };
        let number = |value, digits| Cell::quantity(Quantity::decimal(value, digits));
        let numbers = [number(weight, 4), number(standard_error, 4), number(z, 2), p];
        table.push([vec![Cell::text(name)], numbers.to_vec()].concat());
    };
    line(wording::intercept(), part.intercept, part.intercept_test);
    for coefficient in &part.coefficients {
        line(neutral(&coefficient.feature), coefficient.weight, coefficient.test);
    }
    if table.is_empty() {
        return None;
    }
    let title = wording::tests_in(step_title(view, model));
    let provenance = Some(view.joint_data());
    let parts = vec![
        Part::Paragraph(wording::tests_meaning()),
        Part::Table { title: title.clone(), table, provenance },
    ];
    Some(Part::Folded { title, parts })
}

/// Every model's own part, and a table of how training ended.
pub(super) fn all(view: View<'_>) -> Vec<Part> {
    let mut cards = Vec::new();
    let columns = [wording::model(), wording::trainings()].map(Column::words);
    let mut table = Table::new(columns.to_vec());
    for model in &view.outcome.models {
        let (card, facts) = of(view, model);
        cards.push(card);
        table.push(vec![Cell::text(step_title(view, model)), Cell::text(facts)]);
    }
    let title = wording::trainings();
    let trainings = Part::Table { title, table, provenance: Some(view.joint_data()) };
    let tests = view.outcome.models.iter().filter_map(|model| tests(view, model));
    [Part::Charts(cards), trainings].into_iter().chain(tests).collect()
}

/// The party's own coefficients, the largest first.
fn coefficients(view: View<'_>, model: &ModelOutcome, part: &LinearPart) -> Chart {
    let bars = part.coefficients.iter().map(|coefficient| RankedBar {
        name: neutral(&coefficient.feature),
        value: coefficient.weight,
        tone: own_tone(view),
        interval: coefficient.test.map(|test| {
            let half = NORMAL_975 * test.standard_error;
            (coefficient.weight - half, coefficient.weight + half)
        }),
    });
    let mut bars: Vec<RankedBar> = bars.collect();
    let total = bars.len();
    bars.sort_by(|left, right| right.value.abs().total_cmp(&left.value.abs()));
    bars.truncate(BARS_MAX);
    let title = match view.outcome.role {
        Role::Guest => wording::own_coefficients(),
        Role::Host => wording::own_coefficients_in(step_title(view, model)),
    };
    Chart::Ranking(RankingChart {
        title,
        description: limited(described(model, part), total),
        value_label: wording::coefficient(),
        unit: Unit::Number,
        digits: 3,
        legend: Vec::new(),
        bars,
    })
}

/// What the chart of coefficients shows.
fn described(model: &ModelOutcome, part: &LinearPart) -> Text {
    if part.coefficients.iter().any(|coefficient| coefficient.test.is_some()) {
        return message::joined(meaning(model), wording::whiskers_meaning());
    }
    meaning(model)
}

/// What a coefficient of the model says.
fn meaning(model: &ModelOutcome) -> Text {
    match &model.part {
        ModelPart::Regression(_) if model.component == catalogue::LINEAR_REGRESSION.name => {
            wording::slopes_meaning()
        }
        ModelPart::Regression(_) => wording::log_slopes_meaning(),
        _ => wording::coefficients_meaning(),
    }
}

/// The guest's features by gain, and all of each host's together, which is all the guest may know.
fn gains(trees: &GuestTrees) -> Chart {
    let (own, hosts) = trees.importance();
    let total = own.iter().chain(&hosts).sum::<f64>().max(f64::MIN_POSITIVE);
    let own = trees.features.iter().zip(own).map(|(name, gain)| (neutral(name), Tone::Guest, gain));
    let of_host =
        |(part, gain): (&HostPart, f64)| (wording::all_features_of(&part.party), Tone::Host, gain);
    let hosts = trees.hosts.iter().zip(hosts).map(of_host);
    let features = own.filter(|(_, _, gain)| *gain > 0.0).chain(hosts);
    let shares = features.map(|(name, tone, gain)| (name, tone, gain / total));
    figure::importance(wording::share_of_gain(), shares.collect())
}

/// How often each of the party's features was asked for.
fn splits<'a>(
    view: View<'_>,
    model: &ModelOutcome,
    meaning: Text,
    names: impl Iterator<Item = &'a str>,
) -> Chart {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let total = counts.len();
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(BARS_MAX);
    let bar = |(name, count): (&str, u64)| RankedBar {
        name: neutral(name),
        value: count as f64,
        tone: own_tone(view),
        interval: None,
    };
    Chart::Ranking(RankingChart {
        title: wording::own_splits_in(step_title(view, model)),
        description: limited(meaning, total),
        value_label: wording::splits(),
        unit: Unit::Number,
        digits: 0,
        legend: Vec::new(),
        bars: counts.into_iter().map(bar).collect(),
    })
}

fn training(part: &LinearPart) -> Text {
    let passes = Quantity::count(part.passes as u64);
    wording::trained_in(passes, Quantity::decimal(part.intercept, 4).signed())
}

fn number_of_trees(trees: &GuestTrees) -> Text {
    let count = |count: usize| Quantity::count(count as u64);
    let splits = trees.hosts.iter().map(|part| part.splits).sum();
    wording::trees_and_host_splits(count(trees.trees.len()), count(splits))
}

fn number_of_strict_trees(trees: &StrictTrees) -> Text {
    let count = |count: usize| Quantity::count(count as u64);
    wording::trees_and_own_splits(count(trees.trees.len()), count(trees.own_splits().count()))
}

fn number_of_splits(trees: &HostTrees) -> Text {
    wording::splits_of_host(Quantity::count(trees.splits.len() as u64))
}

pub(super) fn own_tone(view: View<'_>) -> Tone {
    match view.outcome.role {
        Role::Guest => Tone::Guest,
        Role::Host => Tone::Host,
    }
}

/// The description, with a remark when only [`BARS_MAX`] of `total` bars are drawn.
pub(super) fn limited(description: Text, total: usize) -> Text {
    if total <= BARS_MAX {
        return description;
    }
    let (shown, total) = (Quantity::count(BARS_MAX as u64), Quantity::count(total as u64));
    message::joined(description, message::first_of(shown, total))
}
