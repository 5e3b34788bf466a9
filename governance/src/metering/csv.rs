//! Statements and differences as CSV (RFC 4180), for bookkeeping.

use super::{Difference, Statement, UsageEvent};

/// A statement, a row for each line; amounts in minor units. `name` gives parties their names.
pub fn statement_csv(
    statement: &Statement,
    name: impl Fn(&crate::members::MemberId) -> String,
) -> String {
    let mut text = row(&[
        "month",
        "payer",
        "payee",
        "currency",
        "agreement",
        "version",
        "terms",
        "kind",
        "events",
        "count",
        "included",
        "price_minor",
        "per",
        "amount_minor",
    ]);
    let (payer, payee) = (name(&statement.payer), name(&statement.payee));
    for line in &statement.lines {
        let price = line.price.as_ref();
        let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
        text += &row(&[
            &statement.month.to_string(),
            &payer,
            &payee,
            &statement.currency,
            &line.agreement.to_string(),
            &line.version.to_string(),
            &line.terms.to_string(),
            line.kind.name(),
            &line.events.to_string(),
            &line.count.to_string(),
            &number(price.map(|it| it.included)),
            &number(price.map(|it| it.price)),
            &number(price.map(|it| it.per)),
            &line.amount.to_string(),
        ]);
    }
    text
}

/// Differences of two sides' counts, a row for each event.
pub fn differences_csv(
    differences: &[Difference],
    name: impl Fn(&crate::members::MemberId) -> String,
) -> String {
    let mut text = row(&[
        "payer",
        "payee",
        "run",
        "step",
        "attempt",
        "kind",
        "our_count",
        "their_count",
        "our_time",
        "their_time",
    ]);
    for Difference { key, ours, theirs } in differences {
        let count =
            |it: &Option<UsageEvent>| it.as_ref().map_or(String::new(), |it| it.count.to_string());
        let time =
            |it: &Option<UsageEvent>| it.as_ref().map_or(String::new(), |it| it.at.to_string());
        text += &row(&[
            &name(&key.payer),
            &name(&key.payee),
            &key.run.to_string(),
            &key.step.to_string(),
            &key.attempt.to_string(),
            key.kind.name(),
            &count(ours),
            &count(theirs),
            &time(ours),
            &time(theirs),
        ]);
    }
    text
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    cells.join(",") + "\r\n"
}

/// A cell that no spreadsheet takes for a formula, quoted where it has to be.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    let plain = !cell.contains(['"', ',', '\n', '\r', ';']);
    if plain { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}
