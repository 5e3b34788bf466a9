//! Scores side by side: the guest alone, perhaps a bought score, and the joint model.

use super::Provenance;
use crate::markup::Element;
use crate::message::{self, Quantity, Text};
use crate::table::{Cell, Column, Table};

/// Metrics of several scores on the same rows.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The small heading, such as the name of the split.
    pub title: Text,
    /// The names of the scores, the baseline first.
    pub scores: Vec<Text>,
    /// One row per metric.
    pub rows: Vec<ComparisonRow>,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// One metric.
#[derive(Clone, Debug)]
pub struct ComparisonRow {
    /// The metric.
    pub metric: Text,
    /// One value per score.
    pub values: Vec<Quantity>,
    /// How the last score differs from the first.
    pub difference: Option<Difference>,
}

/// A difference with its interval.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// The last score's value less the first one's.
    pub value: Quantity,
    /// The ends of the 95 % interval, where one was computed.
    pub interval: Option<(Quantity, Quantity)>,
    /// Which direction is an improvement.
    pub better: Better,
}

/// Which direction of a metric is an improvement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// AUC, KS, lift.
    Higher,
    /// Errors, costs.
    Lower,
}

impl Difference {
    /// Whether the difference is shown beyond chance: the interval does not hold 0. Without an
    /// interval nothing is claimed.
    fn verdict(&self) -> Option<Verdict> {
        let (low, high) = self.interval?;
        let (low, high) = (low.value(), high.value());
        if !(low > 0.0 || high < 0.0) {
            return Some(Verdict::Undecided);
        }
        let is_better = (low > 0.0) == (self.better == Better::Higher);
        Some(if is_better { Verdict::Better } else { Verdict::Worse })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Better,
    Worse,
    Undecided,
}

impl Verdict {
    fn sign(self) -> (&'static str, &'static str) {
        match self {
            Self::Better => ("▲", "good"),
            Self::Worse => ("▼", "bad"),
            Self::Undecided => ("≈", "quiet"),
        }
    }
}

impl Comparison {
    /// The comparison as a table.
    pub fn table(&self) -> Table {
        let has_interval = self.has_interval();
        let mut columns = vec![Column::words(message::metric())];
        columns.extend(self.scores.iter().cloned().map(Column::numbers));
        columns.push(Column::numbers(message::difference()));
        if has_interval {
            columns.push(Column::numbers(message::interval()));
        }
        let mut table = Table::new(columns);
        for row in &self.rows {
            table.push(self.row(row));
        }
        table
    }

    pub(super) fn draw(&self) -> Element {
        let table = self.table();
        let legend = Element::classed("p", "legend").say(&message::comparison_legend());
        let heading = super::document::small_heading(&self.title, Some(self.provenance));
        let element = Element::classed("div", "card comparison").child(heading).child(table.draw());
        if self.has_interval() { element.child(legend) } else { element }
    }

    fn has_interval(&self) -> bool {
        self.rows.iter().filter_map(|row| row.difference).any(|it| it.interval.is_some())
    }

    fn row(&self, row: &ComparisonRow) -> Vec<Cell> {
        let mut cells = vec![Cell::text(row.metric.clone())];
        let last = self.scores.len().saturating_sub(1);
        for index in 0..self.scores.len() {
            let value = row.values.get(index).copied().unwrap_or_else(Quantity::missing);
            let cell = Cell::quantity(value);
            cells.push(if index == last { cell.with_class("strong") } else { cell });
        }
        let Some(difference) = row.difference else {
            return cells;
        };
        let value = difference.value.signed().text();
        cells.push(match difference.verdict().map(Verdict::sign) {
            None => Cell::text(value),
            Some((sign, class)) => Cell::text(message::signed(sign, value)).with_class(class),
        });
        if let Some((low, high)) = difference.interval {
            let text = message::from_to(low.signed(), high.signed());
            cells.push(Cell::text(text).with_class("quiet"));
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(low: f64, high: f64, better: Better) -> Option<Verdict> {
        let [value, low, high] =
            [f64::midpoint(low, high), low, high].map(|value| Quantity::decimal(value, 3));
        Difference { value, interval: Some((low, high)), better }.verdict()
    }

    #[test]
    fn a_difference_is_claimed_only_beyond_chance() {
        assert_eq!(verdict(0.01, 0.05, Better::Higher), Some(Verdict::Better));
        assert_eq!(verdict(0.01, 0.05, Better::Lower), Some(Verdict::Worse));
        assert_eq!(verdict(-0.05, -0.01, Better::Lower), Some(Verdict::Better));
        assert_eq!(verdict(-0.01, 0.05, Better::Higher), Some(Verdict::Undecided));
        assert_eq!(verdict(f64::NAN, f64::NAN, Better::Higher), Some(Verdict::Undecided));
        let value = Quantity::decimal(0.1, 3);
        let bare = Difference { value, interval: None, better: Better::Higher };
        assert_eq!(bare.verdict(), None);
    }
}
