//! One model under one split on the guest's page: curves, bands, and what it is made of.

use contract::{ParameterKind, Share, catalogue};
use models::evaluate::Comparison;
use report::message::{self, Text, neutral};
use report::page::{Card, Part, Section};
use report::table::{Cell, Column, Table};
use serde_json::Value;

use super::curves::{self, Names};
use super::{
    View, classes, hidden, numbers, own_part, recommendation, remarks, result, step_title, wording,
};
use crate::run::ModelOutcome;

pub(super) fn section(view: View<'_>, model: &ModelOutcome) -> Section {
    let mut section = Section::new(step_title(view, model));
    section = remarks::on_mode(model).into_iter().fold(section, Section::part);
    let (own_part, facts) = own_part::of(view, model);
    if let Some(comparison) = &model.comparison {
        let names =
            Names { alone: wording::alone(view.guest_name()), joint: message::joint_model() };
        let mut charts = main_charts(view, comparison, &names);
        if let Some(scores) = &model.scores {
            let chart = curves::score_distribution(&names.joint, &scores.joint, &scores.labels);
            charts.push(Card { chart, provenance: view.joint_data() });
        }
        charts.push(own_part);
        section = section
            .part(Part::Charts(charts))
            .part(Part::Comparison(result::further(view, comparison)))
            .part(bands(view, &names, comparison))
            .part(more_curves(view, model, comparison, &names));
    } else if let Some(it) = &model.recommendation {
        let parts = recommendation::parts(view, model, it, own_part);
        section = parts.into_iter().fold(section, Section::part);
    } else if let Some(several) = &model.classes {
        section = classes::parts(view, several, own_part).into_iter().fold(section, Section::part);
    } else {
        section = section.part(Part::Charts(vec![own_part]));
        if let Some(numeric) = &model.numeric {
            section = section.part(Part::Comparison(numbers::further(view, numeric)));
        }
        if let Some(figures) = &model.hidden {
            section = section.part(Part::Comparison(hidden::further(view, figures)));
        }
    }
    section = own_part::tests(view, model).into_iter().fold(section, Section::part);
    section.part(settings(model, facts))
}

/// What most readers look for.
fn main_charts(view: View<'_>, comparison: &Comparison, names: &Names) -> Vec<Card> {
    let charts = [
        Some(curves::roc(comparison, names)),
        Some(curves::kolmogorov_smirnov(&names.joint, &comparison.joint)),
        Some(curves::gains(comparison, names)),
        Some(curves::lift(comparison, names)),
        curves::calibration(comparison, names),
        curves::profit(comparison, names),
    ];
    let card = |chart| Card { chart, provenance: view.joint_data() };
    charts.into_iter().flatten().map(card).collect()
}

/// Score bands of the joint model, those of the guest's own model folded below.
fn bands(view: View<'_>, names: &Names, comparison: &Comparison) -> Part {
    let table = |name, evaluation: &models::evaluate::Evaluation, provenance| Part::Table {
        title: wording::bands_of(name),
        table: curves::score_bands(&evaluation.bands),
        provenance: Some(provenance),
    };
    Part::Folded {
        title: wording::score_bands(),
        parts: vec![
            table(&names.joint, &comparison.joint, view.joint_data()),
            table(&names.alone, &comparison.guest_alone, view.own_data()),
        ],
    }
}

/// What explains or qualifies the main charts.
fn more_curves(
    view: View<'_>,
    model: &ModelOutcome,
    comparison: &Comparison,
    names: &Names,
) -> Part {
    let (joint, alone) = (&comparison.joint, &comparison.guest_alone);
    let card = |chart, provenance| Card { chart, provenance };
    let (both, own) = (view.joint_data(), view.own_data());
    let mut cards = vec![
        card(curves::precision_recall(comparison, names), both),
        card(curves::kolmogorov_smirnov(&names.alone, alone), own),
    ];
    if let Some(scores) = &model.scores {
        let chart = curves::score_distribution(&names.alone, &scores.alone, &scores.labels);
        cards.push(card(chart, own));
    }
    for (name, evaluation, provenance) in [(&names.joint, joint, both), (&names.alone, alone, own)]
    {
        let stability = evaluation.stability.as_ref();
        cards.extend(stability.map(|it| card(curves::stability(name, it), provenance)));
    }
    let mut parts = vec![Part::Charts(cards)];
    parts.extend(remarks::on_stability(view, comparison));
    Part::Folded { title: wording::more_curves(), parts }
}

/// The settings with every default filled in, as a job file writes them, and how training went.
fn settings(model: &ModelOutcome, facts: Text) -> Part {
    let mut table =
        Table::new(vec![Column::words(wording::setting()), Column::words(wording::value())]);
    let mut line = |name: &str, value: String| {
        table.push(vec![Cell::text(neutral(name)), Cell::text(neutral(value))]);
    };
    line("privacy", model.privacy.clone());
    for (name, value) in model.settings.as_object().into_iter().flatten() {
        line(name, written(model.component, name, value));
    }
    let table = Part::Table { title: wording::settings(), table, provenance: None };
    Part::Folded { title: wording::settings(), parts: vec![table, Part::Paragraph(facts)] }
}

/// A setting as a job file writes it.
fn written(component: &str, name: &str, value: &Value) -> String {
    let component = catalogue::find(component);
    let setting = component.and_then(|it| it.parameters.iter().find(|it| it.name == name));
    let share = |value: &Value| Share::try_from(u32::try_from(value.as_u64()?).ok()?).ok();
    match (setting.map(|it| &it.kind), value) {
        (_, Value::Null) => "off".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (Some(ParameterKind::Share { .. }), value) => {
            share(value).map_or_else(|| value.to_string(), |share| share.to_string())
        }
        _ => value.to_string(),
    }
}
