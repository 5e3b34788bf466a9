//! What came out of the alignment itself: what each key matched, which rows the table has, and
//! what the other party sent.

use contract::Role;
use report::message::{Quantity, Text, neutral};
use report::page::{Part, Section};
use report::table::{Cell, Column, Table};

use super::{View, wording};
use crate::run::KeyRound;
use crate::spec::Join;

/// The section, for a job that has anything of this.
pub(super) fn section(view: View<'_>) -> Option<Section> {
    let outcome = view.outcome;
    let mut parts = Vec::new();
    if !outcome.key_rounds.is_empty() {
        parts.push(matches_by_key(view, &outcome.key_rounds));
    }
    parts.extend(rows_of_result(view).map(Part::Paragraph));
    parts.extend(outcome.payload.as_ref().map(|payload| received(view, payload)));
    let mut parts = parts.into_iter();
    let section = Section::new(wording::matching()).part(parts.next()?);
    Some(parts.fold(section, Section::part))
}

fn matches_by_key(view: View<'_>, rounds: &[KeyRound]) -> Part {
    let count = |rows: usize| Cell::quantity(Quantity::count(rows as u64));
    let mut table = Table::new(vec![
        Column::words(wording::key_column()),
        Column::numbers(wording::rows_that_took_part()),
        Column::numbers(wording::matched_rows()),
    ]);
    for round in rounds {
        let column = Cell::text(neutral(&round.column));
        table.push(vec![column, count(round.rows), count(round.matches)]);
    }
    let provenance = Some(view.joint_data());
    Part::Table { title: wording::matches_by_key(), table, provenance }
}

fn rows_of_result(view: View<'_>) -> Option<Text> {
    let outcome = view.outcome;
    let common = outcome.common_rows?;
    let count = |rows: usize| Quantity::count(rows as u64);
    let rest = count(outcome.own_rows.saturating_sub(common));
    match outcome.join {
        Join::Left if outcome.role == Role::Guest => {
            Some(wording::left_join(count(outcome.own_rows), count(common), rest))
        }
        Join::Inner | Join::Left => None,
        Join::Anti if view.hosts().len() > 1 => Some(wording::anti_join_of_several(rest)),
        Join::Anti => Some(wording::anti_join(rest, peer(view))),
    }
}

fn received(view: View<'_>, payload: &table::Table) -> Part {
    let mut columns = Table::new(vec![
        Column::words(wording::column()),
        Column::words(wording::kind()),
        Column::numbers(wording::missing_values()),
    ]);
    for (column, values) in payload.schema().columns().iter().zip(payload.values()) {
        let missing = Quantity::count(values.missing_count() as u64);
        columns.push(vec![
            Cell::text(neutral(&column.name)),
            Cell::text(neutral(column.kind.name())),
            Cell::quantity(missing),
        ]);
    }
    let provenance = Some(view.joint_data());
    Part::Table { title: wording::received_from(peer(view)), table: columns, provenance }
}

fn peer(view: View<'_>) -> Text {
    match view.outcome.role {
        Role::Guest => view.host_names(),
        Role::Host => neutral(view.guest_name()),
    }
}
