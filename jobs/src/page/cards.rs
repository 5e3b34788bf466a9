//! The cards of the models: what each is, for what it was agreed on, and what it is not for.

use report::message::{Quantity, Text, neutral};
use report::page::{Part, Section};
use report::table::{Cell, Column, Table};

use super::scored_wording as words;
use super::{View, split_title, step_title, wording};
use crate::run::ModelOutcome;
use crate::saved_model::limits;

pub(super) fn section(view: View<'_>) -> Section {
    let lead = words::model_cards_lead();
    let section = Section::new(words::model_cards()).lead(lead);
    let cards = view
        .outcome
        .models
        .iter()
        .map(|model| Part::Folded { title: step_title(view, model), parts: card(view, model) });
    cards.fold(section, Section::part)
}

fn card(view: View<'_>, model: &ModelOutcome) -> Vec<Part> {
    let outcome = view.outcome;
    let columns = [words::card_fact(), wording::value()].map(Column::words);
    let mut table = Table::new(columns.to_vec());
    let mut line = |name: Text, value: Text| table.push(vec![Cell::text(name), Cell::text(value)]);
    let count = |rows: usize| Quantity::count(rows as u64).text();
    line(wording::purpose(), neutral(&outcome.purpose));
    line(wording::model(), model.title.clone());
    line(words::privacy_mode(), neutral(&model.privacy));
    line(wording::data_of_parties(), view.data());
    if let Some(split) = view.split_of(model) {
        line(wording::training_period_of(split_title(split)), {
            let rows = count(split.training_rows + split.validation_rows);
            match &split.period {
                Some([first, last]) => words::rows_of_period(rows, first, last),
                None => rows,
            }
        });
        // A host does not learn of how many users something was left out.
        if split.test_rows > 0 {
            line(wording::test_rows_of(split_title(split)), count(split.test_rows));
        }
    }
    line(words::own_features_of_model(), count(model.own_features()));
    line(words::training_job(), neutral(&outcome.digest));
    line(words::training_run(), neutral(&model.model_id));
    if let Some(start) = &model.warm_start {
        line(words::began_with(), neutral(format!("{}: {}", start.model, start.step)));
    }
    line(wording::made_with(), neutral(concat!("Tombolo ", env!("CARGO_PKG_VERSION"))));
    line(words::files_of_model(), neutral(files(model)));
    let title = words::card_facts();
    let mut parts = vec![Part::Table { title, table, provenance: Some(view.joint_data()) }];
    parts.extend(limits(outcome, model).into_iter().map(Part::Paragraph));
    parts
}

/// What holds the model, its readable part and its card.
fn files(model: &ModelOutcome) -> String {
    let step = &model.step;
    format!("model/{step}.json, model/{step}.csv, model/{step}.card.json")
}
