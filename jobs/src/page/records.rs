//! Facts about the run that both roles see: rows, disclosures, time and traffic.

use std::collections::BTreeMap;

use contract::{Audience, Observed, catalogue};
use report::message::{self, Quantity, Text, neutral};
use report::page::{self, DisclosedStep, DisclosureStatement, Part, Section, StepUses};
use report::table::{Cell, Column, Table};

use super::{View, scored_wording, split_title, step_title, wording};
use crate::run::StepUse;
use crate::spec::StepDisclosures;

/// How many rows there were at each stage.
pub(super) fn data(view: View<'_>) -> Section {
    let outcome = view.outcome;
    let count = |rows: usize| Quantity::count(rows as u64);
    let mut columns = vec![Column::words(wording::stage()), Column::numbers(message::rows())];
    if outcome.splits.iter().any(|split| split.base_rates.is_some()) {
        columns.push(Column::numbers(message::rate()));
    }
    let mut rows = Table::new(columns);
    let mut line = |stage: Text, rows_of_stage: usize, rate: Option<f64>| {
        let rate = rate.map_or_else(|| neutral(""), |rate| Quantity::percent(rate, 2).text());
        rows.push(vec![Cell::text(stage), Cell::quantity(count(rows_of_stage)), Cell::text(rate)]);
    };
    line(wording::rows_of_table(&outcome.party), outcome.own_rows, None);
    if let Some(common) = outcome.common_rows {
        line(wording::common_rows(), common, None);
    }
    for split in &outcome.splits {
        let title = split_title(split);
        let training = split.training_rows + split.validation_rows;
        let rates = split.base_rates;
        line(wording::training_period_of(&title), training, rates.map(|it| it.training));
        if split.validation_rows > 0 {
            line(wording::validation_rows_of(&title), split.validation_rows, None);
        }
        if split.test_rows > 0 {
            line(wording::test_rows_of(&title), split.test_rows, rates.map(|it| it.test));
        }
    }
    let provenance = Some(view.joint_data());
    Section::new(wording::data_and_split()).part(Part::Table {
        title: wording::rows_by_stage(),
        table: rows,
        provenance,
    })
}

/// What was approved to be learnt, beside what was opened.
pub(super) fn disclosure(view: View<'_>) -> Section {
    let steps = view.outcome.declared.iter().filter(|step| !step.disclosures.is_empty());
    let statement = DisclosureStatement {
        guest: view.guest_name().to_owned(),
        hosts: view.hosts().iter().map(|host| host.name.clone()).collect(),
        steps: steps.map(|step| disclosed(view, step)).collect(),
    };
    let verdict = if statement.is_broken() {
        Part::Notice(page::Notice::Caution, wording::opened_more_than_approved())
    } else {
        Part::Paragraph(wording::opened_as_approved())
    };
    Section::new(wording::who_learnt_what())
        .lead(wording::disclosure_lead())
        .part(verdict)
        .part(Part::Disclosure(statement))
        .part(Part::Paragraph(wording::where_the_record_is(&view.outcome.digest)))
}

/// Time and traffic of each step.
pub(super) fn steps(view: View<'_>) -> Section {
    let steps = view.outcome.steps.iter().map(|step| page::StepUse {
        name: step_name(view, &step.id),
        seconds: step.seconds,
        cpu_seconds: step.cpu_seconds,
        bytes_sent: step.bytes_sent,
        bytes_received: step.bytes_received,
        rounds: step.rounds,
    });
    let continued = view.outcome.steps.iter().filter(|step| step.continued_behind > 0);
    let notices = continued.map(|step| {
        let behind = Quantity::count(step.continued_behind);
        wording::went_on_behind(step_name(view, &step.id), behind)
    });
    let section =
        Section::new(wording::time_and_traffic()).lead(wording::seen_from(&view.outcome.party));
    let section = notices
        .fold(section, |section, text| section.part(Part::Notice(page::Notice::Caution, text)));
    section.part(Part::Steps(StepUses { steps: steps.collect() }))
}

fn disclosed(view: View<'_>, step: &StepDisclosures) -> DisclosedStep {
    let title = catalogue::find(step.component).map(|component| &component.title);
    let name = match title {
        Some(title) if step.step.starts_with("prepare.") || step.step == "align" => title.clone(),
        _ => step_name(view, &step.step),
    };
    let declared = step.disclosures.clone();
    DisclosedStep { name, declared, observed: Some(observed(view, step)) }
}

/// What was opened while the step ran, of several hosts to the one that learnt most; what was
/// approved once for all splits ran for each of them.
fn observed(view: View<'_>, step: &StepDisclosures) -> Vec<Observed> {
    let ran = |use_: &&StepUse| match use_.id.strip_prefix(&step.step) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => false,
    };
    let mut sums: BTreeMap<(Audience, &str, Option<&str>), u64> = BTreeMap::new();
    for opening in view.outcome.steps.iter().filter(ran).flat_map(|use_| &use_.observed) {
        let to = (opening.to, opening.key.as_ref(), opening.party.as_deref());
        *sums.entry(to).or_default() += opening.count;
    }
    let mut largest: BTreeMap<(Audience, &str), u64> = BTreeMap::new();
    for ((to, key, _), count) in sums {
        let known = largest.entry((to, key)).or_default();
        *known = count.max(*known);
    }
    let observed = largest.into_iter().map(|((to, key), count)| Observed {
        to,
        party: None,
        key: key.to_owned().into(),
        count,
    });
    observed.collect()
}

/// The step as the page calls it elsewhere.
fn step_name(view: View<'_>, id: &str) -> Text {
    let outcome = view.outcome;
    if let Some(step) = id.strip_prefix("train.")
        && let Some(model) = outcome.models.iter().find(|model| model.step == step)
    {
        return step_title(view, model);
    }
    let split = id.rsplit_once('.').and_then(|(stage, name)| {
        let split = outcome.splits.iter().find(|split| split.name == name)?;
        Some((stage, split_title(split)))
    });
    match (id, split) {
        ("align", _) => wording::alignment(),
        ("payload", _) => wording::payload(),
        ("score", _) => scored_wording::scored(),
        ("score.model", _) => scored_wording::which_model(),
        (_, Some(("split", title))) => wording::splitting(title),
        (_, Some(("prepare", title))) => wording::preparing(title),
        (_, Some((stage, title))) => match catalogue::find(stage) {
            Some(component) => wording::model_under_split(&component.title, title),
            None => neutral(id),
        },
        _ => neutral(id),
    }
}
