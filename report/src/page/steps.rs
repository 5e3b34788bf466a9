//! Time and traffic per step, with bars that show where they go.

use crate::markup::Element;
use crate::message::{self, Quantity, Text, neutral};
use crate::table::{Cell, Column, Table};

/// What the steps of a job took, seen from one party.
#[derive(Clone, Debug, Default)]
pub struct StepUses {
    /// The steps in their order.
    pub steps: Vec<StepUse>,
}

/// What one step took.
#[derive(Clone, Debug)]
pub struct StepUse {
    /// The step.
    pub name: Text,
    /// Elapsed time in seconds.
    pub seconds: f64,
    /// Processor time of this party in seconds, over all its cores.
    pub cpu_seconds: f64,
    /// Bytes that this party sent.
    pub bytes_sent: u64,
    /// Bytes that this party received.
    pub bytes_received: u64,
    /// Changes of direction.
    pub rounds: u64,
}

impl StepUses {
    /// The steps as a table with their total.
    pub fn table(&self) -> Table {
        let mut table = Table::new(vec![
            Column::words(message::step()),
            Column::numbers(message::elapsed()),
            Column::numbers(message::processor_time()),
            Column::numbers(message::sent()),
            Column::numbers(message::received()),
            Column::numbers(message::rounds()),
        ]);
        let largest = |value: fn(&StepUse) -> f64| {
            let values = self.steps.iter().map(value).filter(|value| value.is_finite());
            values.fold(f64::MIN_POSITIVE, f64::max)
        };
        let longest = largest(|step| step.seconds);
        let traffic = largest(|step| step.bytes_sent.max(step.bytes_received) as f64);
        for step in &self.steps {
            let bytes = |bytes: u64| {
                Cell::quantity(Quantity::bytes(bytes)).with_bar(bytes as f64 / traffic)
            };
            table.push(vec![
                Cell::text(step.name.clone()),
                Cell::quantity(Quantity::seconds(step.seconds)).with_bar(step.seconds / longest),
                Cell::quantity(Quantity::seconds(step.cpu_seconds)),
                bytes(step.bytes_sent),
                bytes(step.bytes_received),
                Cell::quantity(Quantity::count(step.rounds)),
            ]);
        }
        table.set_total(self.total());
        table
    }

    pub(super) fn draw(&self) -> Element {
        Element::classed("div", "card steps").child(self.table().draw())
    }

    fn total(&self) -> Vec<Cell> {
        let steps = self.steps.iter();
        let seconds = |value: fn(&StepUse) -> f64| {
            Cell::quantity(Quantity::seconds(steps.clone().map(value).sum()))
        };
        let sum =
            |value: fn(&StepUse) -> u64| steps.clone().map(value).fold(0, u64::saturating_add);
        vec![
            Cell::text(message::total()),
            seconds(|step| step.seconds),
            seconds(|step| step.cpu_seconds),
            Cell::quantity(Quantity::bytes(sum(|step| step.bytes_sent))),
            Cell::quantity(Quantity::bytes(sum(|step| step.bytes_received))),
            Cell::quantity(Quantity::count(sum(|step| step.rounds))),
        ]
    }
}

impl StepUse {
    /// A step that did not leave the party's own machine.
    pub fn local(name: impl Into<String>, seconds: f64, cpu_seconds: f64) -> Self {
        let name = neutral(name);
        Self { name, seconds, cpu_seconds, bytes_sent: 0, bytes_received: 0, rounds: 0 }
    }
}
