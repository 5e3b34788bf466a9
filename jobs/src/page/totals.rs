//! What the common rows add up to, in a job in which nobody learns which rows these are.

use report::message::{Quantity, Text, neutral};
use report::page::{Part, Section};
use report::table::{Cell, Column, Table};

use super::{View, wording};
use crate::run::{ColumnTotal, Sums, TotalsOutcome};

/// The section, for a job for totals.
pub(super) fn section(view: View<'_>) -> Option<Section> {
    let totals = view.outcome.totals.as_ref()?;
    let section = Section::new(wording::totals()).part(Part::Paragraph(totals_outcome(totals)));
    let Sums::Opened(sums) = &totals.sums else { return Some(section) };
    let decimals = Quantity::count(u64::from(totals.decimals));
    let table = Part::Table {
        title: wording::sums_over_common_rows(),
        table: totals_table(sums, totals.decimals),
        provenance: Some(view.joint_data()),
    };
    Some(section.part(table).part(Part::Paragraph(wording::totals_precision(decimals))))
}

/// How many rows are common, and which sums there are, in a sentence.
pub fn totals_outcome(totals: &TotalsOutcome) -> Text {
    let minimum = Quantity::count(u64::from(totals.minimum));
    let Some(common) = totals.common_rows.map(Quantity::count) else {
        return match totals.sums {
            Sums::BelowMinimum => wording::totals_below_minimum_for_the_other(minimum),
            _ => wording::totals_for_the_other(),
        };
    };
    match totals.sums {
        Sums::BelowMinimum => wording::totals_below_minimum(common, minimum),
        Sums::Opened(_) | Sums::ForTheOther | Sums::NotAsked => wording::totals_common(common),
    }
}

/// Each column with its sum and mean.
pub fn totals_table(sums: &[ColumnTotal], decimals: u32) -> Table {
    let mut table = Table::new(vec![
        Column::words(wording::party()),
        Column::words(wording::column()),
        Column::numbers(wording::sum()),
        Column::numbers(wording::mean()),
    ]);
    let number = |value: f64| Cell::quantity(Quantity::decimal(value, decimals as usize));
    for ColumnTotal { party, column, sum, mean } in sums {
        table.push(vec![
            Cell::text(neutral(party)),
            Cell::text(neutral(column)),
            number(*sum),
            mean.map_or_else(|| Cell::quantity(Quantity::missing()), number),
        ]);
    }
    table
}
