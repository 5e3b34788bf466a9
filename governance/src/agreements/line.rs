//! The single rules of terms, each with a name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::terms::{Allowed, Column, Columns, Terms};
use crate::canonical::{Flaw, line};
use crate::decimal::Decimal;
use crate::members::MemberId;
use crate::metering::{PriceLine, PriceName};
use crate::time::Time;

/// The place of one rule in terms, in the order in which an agreement reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// What the agreement is called.
    Title,
    /// That somebody is a party, and under which name.
    Party(MemberId),
    /// One purpose.
    Purpose(String),
    /// The legal basis.
    LegalBasis,
    /// A table that a party gives.
    Table {
        /// The party.
        party: MemberId,
        /// Its table.
        table: String,
    },
    /// A column that a party gives, and one thing that it may be used as.
    Column {
        /// The party.
        party: MemberId,
        /// Its table.
        table: String,
        /// The column.
        column: String,
        /// As what.
        used_as: Column,
    },
    /// A component in a privacy mode.
    Component {
        /// The component.
        component: String,
        /// The mode.
        privacy: String,
    },
    /// What a setting of a component may be.
    Setting {
        /// The component.
        component: String,
        /// The setting.
        setting: String,
    },
    /// That a party may learn something.
    Disclosure {
        /// The key of the disclosure.
        key: String,
        /// Who learns it.
        to: MemberId,
    },
    /// The smallest group.
    MinimumGroup,
    /// The privacy budget.
    PrivacyBudget,
    /// Runs in a month.
    RunsPerMonth,
    /// Runs in all.
    Runs,
    /// Attempts at one run.
    Attempts,
    /// The first moment.
    ValidFrom,
    /// The first moment behind it.
    ValidUntil,
    /// How months are counted.
    Months,
    /// In which currency prices are.
    Currency,
    /// One price.
    Price(PriceName),
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A text.
    Text(String),
    /// That it is allowed.
    Yes,
    /// What a setting may be.
    Allowed(Allowed),
    /// A number; `None` for no bound.
    Count(Option<u32>),
    /// A budget; `None` if there is none.
    Budget(Option<Decimal>),
    /// A time.
    Time(Time),
    /// Minutes ahead of UTC.
    Offset(i16),
    /// A price.
    Price(PriceLine),
}

/// Each column with each of its uses.
pub(super) fn uses(columns: &Columns) -> impl Iterator<Item = (&String, Column)> {
    columns.iter().flat_map(|(column, uses)| uses.iter().map(move |used_as| (column, *used_as)))
}

impl Line {
    /// Checks the names in it, which somebody else may have written.
    pub(super) fn check(&self) -> Result<(), Flaw> {
        let names = match self {
            Self::Purpose(name) | Self::Disclosure { key: name, .. } => vec![name],
            Self::Table { table, .. } => vec![table],
            Self::Column { table, column, .. } => vec![table, column],
            Self::Component { component, privacy: other }
            | Self::Setting { component, setting: other } => vec![component, other],
            _ => Vec::new(),
        };
        names.into_iter().try_for_each(|name| line("line", name, 120))
    }
}

impl Terms {
    /// All lines. Two terms with the same lines differ in nothing but version, parent and date.
    pub fn lines(&self) -> BTreeMap<Line, Entry> {
        let mut lines = BTreeMap::from([
            (Line::Title, Entry::Text(self.title.clone())),
            (Line::LegalBasis, Entry::Text(self.legal_basis.clone())),
            (Line::MinimumGroup, Entry::Count(Some(self.minimum_group))),
            (Line::PrivacyBudget, Entry::Budget(self.privacy_budget)),
            (Line::RunsPerMonth, Entry::Count(self.runs_per_month)),
            (Line::Runs, Entry::Count(Some(self.runs))),
            (Line::Attempts, Entry::Count(Some(self.attempts))),
            (Line::ValidFrom, Entry::Time(self.valid_from)),
            (Line::ValidUntil, Entry::Time(self.valid_until)),
            (Line::Months, Entry::Offset(self.utc_offset_minutes)),
            (Line::Currency, Entry::Text(self.currency.clone())),
        ]);
        for (member, party) in &self.parties {
            lines.insert(Line::Party(*member), Entry::Text(party.name.clone()));
            for (table, columns) in &party.gives {
                let line = Line::Table { party: *member, table: table.clone() };
                lines.insert(line, Entry::Yes);
                for (column, used_as) in uses(columns) {
                    let (table, column) = (table.clone(), column.clone());
                    let line = Line::Column { party: *member, table, column, used_as };
                    lines.insert(line, Entry::Yes);
                }
            }
        }
        lines.extend(self.purposes.iter().map(|it| (Line::Purpose(it.clone()), Entry::Yes)));
        for (name, terms) in &self.components {
            for privacy in &terms.privacy {
                let (component, privacy) = (name.clone(), privacy.clone());
                lines.insert(Line::Component { component, privacy }, Entry::Yes);
            }
            for (setting, allowed) in &terms.settings {
                let (component, setting) = (name.clone(), setting.clone());
                let entry = Entry::Allowed(allowed.clone());
                lines.insert(Line::Setting { component, setting }, entry);
            }
        }
        for (key, learners) in &self.disclosures {
            let line = |to: &MemberId| Line::Disclosure { key: key.clone(), to: *to };
            lines.extend(learners.iter().map(|to| (line(to), Entry::Yes)));
        }
        let price = |it: &PriceLine| (Line::Price(it.name()), Entry::Price(it.clone()));
        lines.extend(self.prices.iter().map(price));
        lines
    }
}
