//! The short table at the end of a run.

use std::collections::BTreeMap;

use contract::Text;
use jobs::Sums;
use jobs::child::{Figure, ModelFigures};
use jobs::page::{totals_outcome, totals_table};
use jobs::spec::JobSpec;
use report::message::{Language, neutral};
use report::table::{Cell, Column, Table};

use crate::launch::Outcome;
use crate::screen;

/// Prints what the models reached or what the common rows add up to, and where the reports are.
pub(crate) fn print(job: &JobSpec, outcomes: &BTreeMap<String, Outcome>, language: Language) {
    let figures = outcomes.get(&job.guest.name).map_or(&[][..], |outcome| &outcome.figures);
    if !figures.is_empty() {
        screen::table(&table(&job.guest.name, figures), language);
        if figures.iter().any(|model| model.alone_on_own_rows) {
            screen::data(language.of(&other_rows(&job.guest.name)));
        }
        screen::data("");
    }
    // Whoever learns totals learns the same ones.
    let mut totals = outcomes.values().filter_map(|outcome| outcome.totals.as_ref());
    if let Some(totals) = totals.find(|totals| totals.common_rows.is_some()) {
        screen::data(language.of(&totals_outcome(totals)));
        if let Sums::Opened(sums) = &totals.sums {
            screen::table(&totals_table(sums, totals.decimals), language);
        }
        screen::data("");
    }
    for outcome in outcomes.values() {
        screen::data(&outcome.folder.join("report.html").display().to_string());
    }
}

/// What both models are judged on where nobody may learn which rows are common.
fn other_rows(guest: &str) -> Text {
    Text::owned(
        format!(
            "{guest} alone: on all its test rows, common or not. Joint: on the common test rows."
        ),
        format!("仅 {guest}：在其全部测试行（无论是否共有）上评估。联合：在共有的测试行上评估。"),
    )
}

fn table(guest: &str, models: &[ModelFigures]) -> Table {
    let mut columns = vec![
        Column::words(Text::new("model", "模型")),
        Column::words(Text::new("figure", "指标")),
        Column::numbers(Text::owned(format!("{guest} alone"), format!("仅 {guest}"))),
        Column::numbers(Text::new("joint", "联合")),
        Column::numbers(Text::new("difference", "差异")),
    ];
    let mut figures = models.iter().flat_map(|model| &model.figures);
    let has_intervals = figures.any(|figure| figure.interval.is_some());
    if has_intervals {
        columns.push(Column::numbers(Text::new("95 % interval", "95% 区间")));
    }
    let mut table = Table::new(columns);
    for model in models {
        for Figure { name, alone, joint, interval } in &model.figures {
            let number = |value: f64| Cell::text(neutral(format!("{value:.4}")));
            let signed = |value: f64| format!("{value:+.4}");
            let mut cells = vec![
                Cell::text(neutral(model.step.clone())),
                Cell::text(neutral(name.clone())),
                number(*alone),
                number(*joint),
                Cell::text(neutral(signed(joint - alone))),
            ];
            if has_intervals {
                let written = |[low, high]: [f64; 2]| format!("{} … {}", signed(low), signed(high));
                cells.push(Cell::text(neutral(interval.map_or_else(String::new, written))));
            }
            table.push(cells);
        }
    }
    table
}
