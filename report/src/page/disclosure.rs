//! The disclosure statement: what was approved to be learnt, beside what was really opened.

use contract::{Audience, Disclosure, DisclosureKind, Observed};

use crate::markup::Element;
use crate::message::{self, Quantity, Text, neutral};
use crate::table::{Cell, Column, Table};

/// What a job lets its parties learn, step by step.
#[derive(Clone, Debug)]
pub struct DisclosureStatement {
    /// The name of the party in the role of guest.
    pub guest: String,
    /// The names of the parties in the role of host.
    pub hosts: Vec<String>,
    /// The steps in their order.
    pub steps: Vec<DisclosedStep>,
}

/// What one step lets the parties learn.
#[derive(Clone, Debug)]
pub struct DisclosedStep {
    /// The step.
    pub name: Text,
    /// What was approved.
    pub declared: Vec<Disclosure>,
    /// What was opened; `None` before the step has run.
    pub observed: Option<Vec<Observed>>,
}

impl DisclosureStatement {
    /// Whether any step opened something that was not approved.
    pub fn is_broken(&self) -> bool {
        self.steps.iter().any(|step| !step.undeclared().is_empty())
    }

    /// The statement as a table: before the run what will be learnt, afterwards also what was.
    pub fn table(&self) -> Table {
        let mut columns = vec![
            Column::words(message::step()),
            Column::words(message::who_learns()),
            Column::words(message::what_is_learnt()),
            Column::words(message::kind_of_disclosure()),
            Column::words(message::approved()),
        ];
        if self.steps.iter().any(|step| step.observed.is_some()) {
            columns.push(Column::words(message::observed()));
        }
        let mut table = Table::new(columns);
        for step in &self.steps {
            let declared = step.declared.iter().map(|disclosure| self.declared(step, disclosure));
            let undeclared = step.undeclared().into_iter().map(|opening| self.undeclared(opening));
            for (index, mut cells) in declared.chain(undeclared).enumerate() {
                let name = if index == 0 { step.name.clone() } else { neutral("") };
                cells.insert(0, Cell::text(name).with_class("strong"));
                table.push(cells);
            }
        }
        table
    }

    pub(super) fn draw(&self) -> Element {
        Element::classed("div", "card disclosure").child(self.table().draw())
    }

    /// The cells of an approved disclosure, without the step's name.
    fn declared(&self, step: &DisclosedStep, disclosure: &Disclosure) -> Vec<Cell> {
        vec![
            Cell::text(self.audience(disclosure.to)),
            Cell::text(disclosure.what.clone()).with_class("wide"),
            Cell::text(disclosure.kind.title()),
            Cell::text(disclosure.count.title()),
            step.verdict(disclosure),
        ]
    }

    /// The cells of an opening that nobody approved, without the step's name.
    fn undeclared(&self, opening: &Observed) -> Vec<Cell> {
        let nothing = || Cell::text(neutral("–"));
        vec![
            Cell::text(self.audience(opening.to)),
            Cell::text(neutral(opening.key.clone())).with_class("wide"),
            nothing(),
            nothing(),
            Cell::text(opened(message::not_approved(), opening.count)).with_class("bad"),
        ]
    }

    fn audience(&self, audience: Audience) -> Text {
        match audience {
            Audience::Guest => neutral(self.guest.clone()),
            Audience::Host => message::listed(&self.hosts),
            Audience::All => message::every_party(),
        }
    }
}

impl DisclosedStep {
    fn undeclared(&self) -> Vec<&Observed> {
        let observed = self.observed.as_deref().unwrap_or_default();
        contract::undeclared(&self.declared, observed)
    }

    fn verdict(&self, disclosure: &Disclosure) -> Cell {
        if disclosure.kind == DisclosureKind::Inference {
            return Cell::text(message::follows_from_results()).with_class("quiet");
        }
        let Some(observed) = &self.observed else {
            return Cell::text(message::not_run_yet()).with_class("quiet");
        };
        let matches = |opening: &&Observed| {
            opening.key == disclosure.key
                && (opening.to == disclosure.to || disclosure.to == Audience::All)
        };
        let counts = observed.iter().filter(matches).map(|opening| opening.count);
        // All parties learnt the same values: the largest count is the number of values.
        match counts.max().unwrap_or(0) {
            0 => Cell::text(message::not_opened()).with_class("quiet"),
            count => Cell::text(opened(message::as_approved(), count)).with_class("good"),
        }
    }
}

/// The verdict with the number of opened values.
fn opened(verdict: Text, count: u64) -> Text {
    let values = message::values_opened(Quantity::count(count));
    message::joined(verdict, message::in_brackets(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Language, Languages};

    fn statement(observed: Option<Vec<Observed>>) -> DisclosureStatement {
        let declared = vec![Disclosure {
            to: Audience::All,
            key: "intersection.rows".into(),
            what: Text::new("the number of common customers", "共同客户数"),
            kind: DisclosureKind::Size,
            count: contract::Frequency::Once,
        }];
        let step = DisclosedStep { name: Text::new("Align", "对齐"), declared, observed };
        DisclosureStatement {
            guest: "bank".into(),
            hosts: vec!["operator".into()],
            steps: vec![step],
        }
    }

    #[test]
    fn an_opening_that_nobody_approved_stands_out() {
        let opening = |key: &'static str| Observed {
            to: Audience::Host,
            party: None,
            key: key.into(),
            count: 1200,
        };
        let fine = statement(Some(vec![opening("intersection.rows")]));
        assert!(!fine.is_broken());
        assert!(fine.draw().to_string().contains("1,200 opened"));
        let broken = statement(Some(vec![opening("labels")]));
        assert!(broken.is_broken());
        let html = broken.draw().to_string();
        assert!(html.contains("NOT approved") && html.contains("not opened"));
    }

    #[test]
    fn before_the_run_nothing_is_claimed() {
        let html = statement(None).draw().to_string();
        assert!(!html.contains("as approved"));
        let languages = Languages::Only(Language::Chinese);
        let text = Element::new("p").label(&message::not_run_yet(), languages).to_string();
        assert!(text.contains("尚未运行"));
    }
}
