//! Models of several classes: their figures on the guest's page, and either party's part of them.

use models::evaluate::classes::{ClassComparison, ClassEvaluation, OneAgainstRest, predicted};
use report::chart::{Chart, HeatChart};
use report::message::{self, Quantity, Text, Unit, neutral};
use report::page::{Better, Card, Comparison, Part, Tile};
use report::table::{Cell, Column, Table};

use super::class_wording as words;
use super::result::{plain, side_by_side};
use super::{View, step_title, wording};
use crate::run::{ClassScores, ClassesPart, ModelOutcome, SplitOutcome};
use contract::Role;

/// Features beyond this many say nothing to the eye; the model's own file holds them all.
const FEATURES_MAX: usize = 15;

/// The key figures of the first model on its most honest split; nothing without such a model.
pub(super) fn headline(view: View<'_>, splits: &[&SplitOutcome]) -> Vec<Part> {
    let mut models = splits.iter().flat_map(|split| view.models_of(split));
    let first = models.find_map(|model| model.classes.as_ref().map(|classes| (model, classes)));
    let Some((model, ClassComparison { names, guest_alone, joint })) = first else {
        return Vec::new();
    };
    let tile = |label, write: &dyn Fn(&ClassEvaluation) -> Quantity| Tile {
        label,
        value: write(joint),
        note: Some(wording::alone_is(view.guest_name(), write(guest_alone))),
        provenance: view.joint_data(),
    };
    let tiles = vec![
        tile(words::accuracy(), &|it| Quantity::percent(it.accuracy, 1)),
        tile(words::macro_auc(), &|it| Quantity::decimal(it.macro_auc, 3)),
        tile(wording::log_loss(), &|it| Quantity::decimal(it.log_loss, 3)),
        Tile {
            label: message::test_rows(),
            value: Quantity::count(joint.rows as u64),
            note: Some(words::classes_among_them(Quantity::count(names.len() as u64))),
            provenance: view.own_data(),
        },
    ];
    vec![Part::Paragraph(wording::headline_is(step_title(view, model))), Part::Tiles(tiles)]
}

/// The figures of one model.
pub(super) fn comparison(
    view: View<'_>,
    model: &ModelOutcome,
    classes: &ClassComparison,
) -> Comparison {
    let ClassComparison { guest_alone, joint, .. } = classes;
    let row = |metric, better, digits, figure: fn(&ClassEvaluation) -> f64| {
        let write = move |value| Quantity::decimal(value, digits);
        plain(metric, [figure(guest_alone), figure(joint)], better, write)
    };
    let rows = vec![
        row(words::accuracy(), Better::Higher, 3, |it| it.accuracy),
        row(words::macro_auc(), Better::Higher, 3, |it| it.macro_auc),
        row(words::weighted_auc(), Better::Higher, 3, |it| it.weighted_auc),
        row(words::macro_f1(), Better::Higher, 3, |it| it.macro_f1),
        row(wording::log_loss(), Better::Lower, 4, |it| it.log_loss),
    ];
    Comparison { title: step_title(view, model), ..side_by_side(view, rows) }
}

/// The pictures and the table of one model, beside the chart of its own part.
pub(super) fn parts(view: View<'_>, classes: &ClassComparison, own_part: Card) -> Vec<Part> {
    let card = |score, evaluation: &ClassEvaluation, provenance| Card {
        chart: confusion(&score, &classes.names, evaluation),
        provenance,
    };
    let alone = wording::alone(view.guest_name());
    let charts = vec![
        card(message::joint_model(), &classes.joint, view.joint_data()),
        card(alone, &classes.guest_alone, view.own_data()),
        own_part,
    ];
    let table = Part::Table {
        title: words::by_class(),
        table: by_class(view, classes),
        provenance: Some(view.joint_data()),
    };
    vec![Part::Charts(charts), table, Part::Paragraph(words::by_class_meaning())]
}

/// The own coefficients, those of the features that move some score most.
pub(super) fn coefficients(view: View<'_>, model: &ModelOutcome, part: &ClassesPart) -> Chart {
    let first = part.classes.first().map_or(&[][..], |class| &class.coefficients);
    let weights = |feature: usize| -> Vec<f64> {
        let of_class = part.classes.iter().map(|class| class.coefficients.get(feature));
        of_class.map(|it| it.map_or(f64::NAN, |coefficient| coefficient.weight)).collect()
    };
    let mut rows: Vec<(Text, Vec<f64>)> = first
        .iter()
        .enumerate()
        .map(|(place, coefficient)| (neutral(&coefficient.feature), weights(place)))
        .collect();
    let largest = |weights: &[f64]| weights.iter().fold(0.0, |most: f64, it| most.max(it.abs()));
    let total = rows.len();
    rows.sort_by(|(_, left), (_, right)| largest(right).total_cmp(&largest(left)));
    rows.truncate(FEATURES_MAX);
    let mut description = words::class_coefficients_meaning();
    if view.outcome.role == Role::Host {
        let unknown = words::class_names_are_the_guests(view.guest_name());
        description = message::joined(description, unknown);
    }
    if total > FEATURES_MAX {
        let [shown, total] = [FEATURES_MAX, total].map(|count| Quantity::count(count as u64));
        description = message::joined(description, message::first_of(shown, total));
    }
    Chart::Heat(HeatChart {
        title: words::own_class_coefficients(step_title(view, model)),
        description,
        columns: titles(part),
        rows,
        unit: Unit::Number,
        digits: 2,
        full: None,
    })
}

/// How the model was trained.
pub(super) fn training(part: &ClassesPart) -> Text {
    let [passes, classes] =
        [part.passes, part.classes.len()].map(|count| Quantity::count(count as u64));
    words::classes_trained_in(passes, classes)
}

/// What new rows are taken for, by both models.
pub(super) fn distribution(view: View<'_>, scores: &ClassScores) -> Vec<Part> {
    let mut table = Table::new(vec![
        Column::words(words::class()),
        Column::numbers(wording::alone(view.guest_name())),
        Column::numbers(message::joint_model()),
    ]);
    let taken = [predicted(&scores.alone), predicted(&scores.joint)];
    for (class, name) in scores.names.iter().enumerate() {
        let counts = taken.each_ref().map(|taken| {
            let rows = taken.iter().filter(|it| **it == class).count();
            Cell::quantity(Quantity::count(rows as u64))
        });
        table.push([Cell::text(neutral(name))].into_iter().chain(counts).collect());
    }
    let (title, provenance) = (words::predicted_classes(), Some(view.joint_data()));
    vec![Part::Table { title, table, provenance }, Part::Paragraph(words::predicted_meaning())]
}

/// Rows of each class by what they are taken for.
fn confusion(score: &Text, names: &[String], evaluation: &ClassEvaluation) -> Chart {
    let rows = names.iter().zip(&evaluation.confusion);
    Chart::Heat(HeatChart {
        title: words::confusion_of(score),
        description: words::confusion_meaning(),
        columns: names.iter().map(neutral).collect(),
        rows: rows.map(|(name, counts)| (neutral(name), counts.clone())).collect(),
        unit: Unit::Number,
        digits: 0,
        full: None,
    })
}

fn by_class(view: View<'_>, classes: &ClassComparison) -> Table {
    let of_alone = |metric| words::of_alone(metric, view.guest_name());
    let mut columns = vec![Column::words(words::class())];
    let headings = [
        message::test_rows(),
        words::precision(),
        words::recall(),
        words::f1(),
        of_alone(words::f1()),
        message::area_under_curve(),
        of_alone(message::area_under_curve()),
    ];
    columns.extend(headings.map(Column::numbers));
    let mut table = Table::new(columns);
    let pairs = classes.joint.classes.iter().zip(&classes.guest_alone.classes);
    for (name, (joint, alone)) in classes.names.iter().zip(pairs) {
        let OneAgainstRest { rows, precision, recall, f1, auc } = *joint;
        let figure = |value: Option<f64>| match value {
            Some(value) => Cell::quantity(Quantity::decimal(value, 3)),
            None => Cell::text(neutral("–")),
        };
        let mut cells = vec![Cell::text(neutral(name)), Cell::quantity(Quantity::decimal(rows, 0))];
        cells.extend([precision, recall, f1, alone.f1, auc, alone.auc].map(figure));
        table.push(cells);
    }
    table
}

/// What the classes are called: by name at the guest, by number at the host.
fn titles(part: &ClassesPart) -> Vec<Text> {
    let number = |number: usize| words::class_number(Quantity::count(number as u64));
    match &part.names {
        Some(names) => names.iter().map(neutral).collect(),
        None => (1..=part.classes.len()).map(number).collect(),
    }
}
