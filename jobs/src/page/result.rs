//! The first section of the guest's page: what the partner's columns add.

use models::evaluate::bootstrap::Difference as Measured;
use models::evaluate::top::TopShare;
use models::evaluate::{Comparison as Figures, Evaluation};
use report::message::{self, Quantity, Text};
use report::page::{Better, Comparison, ComparisonRow, Difference, Part, Section, Tile};

use super::{
    View, classes, graded, hidden, numbers, recommendation, recommendation_wording, remarks,
    step_title, wording,
};
use crate::run::ModelOutcome;

pub(super) fn section(view: View<'_>) -> Section {
    let lead = if view.recommends() {
        recommendation_wording::recommendation_lead(view.guest_name(), view.host_names())
    } else {
        wording::result_lead(view.guest_name(), view.host_names())
    };
    let mut section = Section::new(wording::result()).lead(lead);
    for remark in remarks::on_data(view) {
        section = section.part(remark);
    }
    let splits = view.splits_by_honesty();
    let first = splits
        .iter()
        .flat_map(|split| view.models_of(split))
        .find_map(|model| model.comparison.as_ref().map(|comparison| (model, comparison)));
    if let Some((model, comparison)) = first {
        section = section
            .part(Part::Paragraph(wording::headline_is(step_title(view, model))))
            .part(Part::Tiles(tiles(view, comparison)));
    }
    let others = [
        numbers::headline(view, &splits),
        classes::headline(view, &splits),
        hidden::headline(view, &splits),
        graded::headline(view, &splits),
        recommendation::headline(view, &splits),
    ];
    section = others.into_iter().flatten().fold(section, Section::part);
    for split in splits {
        section = remarks::on_split(view, split).into_iter().fold(section, Section::part);
        for model in view.models_of(split) {
            if let Some(numeric) = &model.numeric {
                let figures = numbers::comparison(view, model, numeric);
                section = section.part(Part::Comparison(figures));
                let remark = hidden::remark_on_numbers(view, model, numeric);
                let remarks = [remarks::on_training(model), remark];
                section = remarks.into_iter().flatten().fold(section, Section::part);
            }
            if let Some(several) = &model.classes {
                let figures = classes::comparison(view, model, several);
                section = section.part(Part::Comparison(figures));
                section = remarks::on_training(model).into_iter().fold(section, Section::part);
            }
            if let Some(orders) = &model.graded {
                let figures = graded::comparison(view, model, orders);
                section = section.part(Part::Comparison(figures));
                section = remarks::on_training(model).into_iter().fold(section, Section::part);
            }
            if let Some(figures) = &model.hidden {
                section = section.part(Part::Comparison(hidden::comparison(view, model, figures)));
                let remarks =
                    [remarks::on_training(model), Some(hidden::remark(view, model, figures))];
                section = remarks.into_iter().flatten().fold(section, Section::part);
            }
            if let Some(it) = &model.recommendation {
                let parts = recommendation::compared(view, model, it);
                section = parts.into_iter().fold(section, Section::part);
            }
            let Some(comparison) = &model.comparison else { continue };
            section = section.part(Part::Comparison(headline(view, model, comparison)));
            let remarks = [remarks::on_training(model), remarks::on_gain(view, comparison)];
            section = remarks.into_iter().flatten().fold(section, Section::part);
        }
    }
    section
}

/// The joint model's headline figures, with those of the guest alone below.
fn tiles(view: View<'_>, comparison: &Figures) -> Vec<Tile> {
    let (alone, joint) = (&comparison.guest_alone, &comparison.joint);
    let tile = |label, write: &dyn Fn(&Evaluation) -> Quantity| Tile {
        label,
        value: write(joint),
        note: Some(wording::alone_is(view.guest_name(), write(alone))),
        provenance: view.joint_data(),
    };
    vec![
        tile(message::area_under_curve(), &|it| Quantity::decimal(it.auc, 3)),
        tile(message::metric_ks(), &|it| Quantity::decimal(it.ks, 3)),
        tile(message::metric_lift("5%"), &|it| Quantity::factor(it.lift_5pct, 2)),
        Tile {
            label: message::test_rows(),
            value: Quantity::count(joint.rows as u64),
            note: Some(wording::positives_among_them(Quantity::percent(joint.base_rate, 1))),
            provenance: view.own_data(),
        },
    ]
}

/// The figures with intervals.
fn headline(view: View<'_>, model: &ModelOutcome, comparison: &Figures) -> Comparison {
    let (alone, joint) = (&comparison.guest_alone, &comparison.joint);
    let differences = &comparison.differences;
    let decimal = |value| Quantity::decimal(value, 3);
    let factor = |value| Quantity::factor(value, 2);
    let rows = vec![
        measured(message::area_under_curve(), [alone.auc, joint.auc], &differences.auc, decimal),
        measured(message::metric_ks(), [alone.ks, joint.ks], &differences.ks, decimal),
        measured(
            message::metric_lift("5%"),
            [alone.lift_5pct, joint.lift_5pct],
            &differences.lift_5pct,
            factor,
        ),
    ];
    Comparison { title: step_title(view, model), ..side_by_side(view, rows) }
}

/// The other figures: the best-scored shares, and how near the probabilities are.
pub(super) fn further(view: View<'_>, comparison: &Figures) -> Comparison {
    let (alone, joint) = (&comparison.guest_alone, &comparison.joint);
    let mut rows = Vec::new();
    for (alone, joint) in alone.top.iter().zip(&joint.top) {
        rows.extend(top(alone, joint));
    }
    let precision = [alone.average_precision, joint.average_precision];
    let decimal = |value| Quantity::decimal(value, 3);
    rows.push(plain(wording::average_precision(), precision, Better::Higher, decimal));
    if let (Some(alone), Some(joint)) = (&alone.calibration, &joint.calibration) {
        let fine = |value| Quantity::decimal(value, 4);
        let brier = [alone.brier, joint.brier];
        let log_loss = [alone.log_loss, joint.log_loss];
        let error = [alone.expected_error, joint.expected_error];
        rows.push(plain(message::metric_brier(), brier, Better::Lower, fine));
        rows.push(plain(wording::log_loss(), log_loss, Better::Lower, fine));
        rows.push(plain(wording::calibration_error(), error, Better::Lower, fine));
    }
    side_by_side(view, rows)
}

pub(super) fn side_by_side(view: View<'_>, rows: Vec<ComparisonRow>) -> Comparison {
    Comparison {
        title: wording::further_figures(),
        scores: vec![wording::alone(view.guest_name()), message::joint_model()],
        rows,
        provenance: view.joint_data(),
    }
}

/// Precision and recall of one share of the best-scored rows.
pub(super) fn top(alone: &TopShare, joint: &TopShare) -> [ComparisonRow; 2] {
    let share = Quantity::percent(joint.share, usize::from(joint.share < 0.01));
    let row = |metric, [alone, joint]: [f64; 2]| {
        let percent = |value| Quantity::percent(value, 1);
        let value = Quantity::points(joint - alone, 1);
        let difference = Difference { value, interval: None, better: Better::Higher };
        let values = vec![percent(alone), percent(joint)];
        ComparisonRow { metric, values, difference: Some(difference) }
    };
    [
        row(message::metric_precision(share), [alone.precision, joint.precision]),
        row(message::metric_recall(share), [alone.recall, joint.recall]),
    ]
}

pub(super) fn plain(
    metric: Text,
    [alone, joint]: [f64; 2],
    better: Better,
    write: impl Fn(f64) -> Quantity,
) -> ComparisonRow {
    let difference = Difference { value: write(joint - alone), interval: None, better };
    ComparisonRow { metric, values: vec![write(alone), write(joint)], difference: Some(difference) }
}

fn measured(
    metric: Text,
    values: [f64; 2],
    difference: &Measured,
    write: impl Fn(f64) -> Quantity,
) -> ComparisonRow {
    let Measured { value, low, high, .. } = *difference;
    let interval = Some((write(low), write(high)));
    let difference = Difference { value: write(value), interval, better: Better::Higher };
    ComparisonRow { metric, values: values.map(write).to_vec(), difference: Some(difference) }
}
