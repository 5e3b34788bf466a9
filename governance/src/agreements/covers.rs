//! Whether a job is within terms.

use std::collections::{BTreeMap, BTreeSet};

use contract::JobDigest;
use serde::{Deserialize, Serialize};

use super::line::{Line, uses};
use super::terms::{Columns, Terms, Value};
use crate::decimal::Decimal;
use crate::members::MemberId;
use crate::time::Time;

/// What a job asks for. Each node makes it from its own copy of the job, never from a partner's
/// word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The digest of the job.
    pub job: JobDigest,
    /// What its results are for.
    pub purpose: String,
    /// Its parties, the tables of each, and all columns that are used, each as what: every use of
    /// the job file's grammar is one of [`Column`](super::Column).
    pub parties: BTreeMap<MemberId, BTreeMap<String, Columns>>,
    /// Its steps.
    pub components: Vec<ComponentRequest>,
    /// What is learnt, by the keys of disclosures, and by whom.
    pub disclosures: BTreeSet<(String, MemberId)>,
    /// The smallest group of which it shows figures; `u32::MAX` if it shows none of groups.
    pub minimum_group: u32,
    /// The privacy budget that one attempt spends; zero without noise.
    pub privacy_budget: Decimal,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentRequest {
    /// The component, by its name in the catalogue.
    pub component: String,
    /// The privacy mode.
    pub privacy: String,
    /// All its settings, also those that the job leaves at their defaults.
    pub settings: BTreeMap<String, Setting>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// What it is.
    pub value: Value,
    /// Whether that is the component's default.
    pub is_default: bool,
}

/// What was used of an agreement before, by the runs that permits were given for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Runs in all.
    pub runs: u32,
    /// Runs in the present month.
    pub runs_this_month: u32,
    /// The privacy budget that is set aside for these, with all their attempts.
    pub privacy_budget: Decimal,
}

/// One reason why a job is not within terms, and the line that would have to say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The line.
    pub line: Line,
    /// What is the matter with it.
    pub why: Why,
}

/// What is the matter with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The terms have no such line.
    NotThere,
    /// The component has no such setting, so that nobody can tell whether the line is kept.
    NotShown,
    /// The job lacks a party of the agreement: its word would be missing.
    PartyMissing,
    /// The job does not say which columns of the table it uses, or not as what.
    NoColumns,
    /// The setting may be something else.
    Value(Value),
    /// The job shows figures of groups as small as this.
    Group(u32),
    /// The budget would come to this, or to more than can be counted.
    Budget(Option<Decimal>),
    /// That many runs were made.
    RunsUsed(u32),
    /// It does not hold yet.
    NotYet,
    /// It holds no more.
    Over,
}

/// Whether terms allow a job now, after what was used of them.
///
/// # Errors
/// All [`Breach`]es.
pub fn covers(
    terms: &Terms,
    request: &Request,
    usage: &Usage,
    now: Time,
) -> Result<(), Vec<Breach>> {
    let mut breaches = Breaches(Vec::new());
    check_parties(terms, request, &mut breaches);
    if !terms.purposes.contains(&request.purpose) {
        breaches.add(Line::Purpose(request.purpose.clone()), Why::NotThere);
    }
    for component in &request.components {
        check_component(terms, component, &mut breaches);
    }
    for (key, to) in &request.disclosures {
        if !terms.disclosures.get(key).is_some_and(|learners| learners.contains(to)) {
            breaches.add(Line::Disclosure { key: key.clone(), to: *to }, Why::NotThere);
        }
    }
    if request.minimum_group < terms.minimum_group {
        breaches.add(Line::MinimumGroup, Why::Group(request.minimum_group));
    }
    check_usage(terms, request, usage, &mut breaches);
    if now < terms.valid_from {
        breaches.add(Line::ValidFrom, Why::NotYet);
    }
    if now >= terms.valid_until {
        breaches.add(Line::ValidUntil, Why::Over);
    }
    if breaches.0.is_empty() { Ok(()) } else { Err(breaches.0) }
}

struct Breaches(Vec<Breach>);

impl Breaches {
    /// Two steps with one mistake are one breach.
    fn add(&mut self, line: Line, why: Why) {
        let breach = Breach { line, why };
        if !self.0.contains(&breach) {
            self.0.push(breach);
        }
    }
}

fn check_parties(terms: &Terms, request: &Request, breaches: &mut Breaches) {
    for party in terms.parties.keys().filter(|party| !request.parties.contains_key(party)) {
        breaches.add(Line::Party(*party), Why::PartyMissing);
    }
    for (party, tables) in &request.parties {
        let Some(party_terms) = terms.parties.get(party) else {
            breaches.add(Line::Party(*party), Why::NotThere);
            continue;
        };
        for (table, columns) in tables {
            let nothing = columns.is_empty() || columns.values().any(BTreeSet::is_empty);
            if nothing {
                let table = table.clone();
                breaches.add(Line::Table { party: *party, table }, Why::NoColumns);
            }
            for (column, used_as) in uses(columns) {
                let given = party_terms.gives.get(table).and_then(|it| it.get(column));
                if !given.is_some_and(|given| given.contains(&used_as)) {
                    let (table, column) = (table.clone(), column.clone());
                    let line = Line::Column { party: *party, table, column, used_as };
                    breaches.add(line, Why::NotThere);
                }
            }
        }
    }
}

fn check_component(terms: &Terms, request: &ComponentRequest, breaches: &mut Breaches) {
    let ComponentRequest { component, privacy, settings } = request;
    let allowed = terms.components.get(component);
    if !allowed.is_some_and(|terms| terms.privacy.contains(privacy)) {
        let (component, privacy) = (component.clone(), privacy.clone());
        breaches.add(Line::Component { component, privacy }, Why::NotThere);
    }
    let Some(allowed) = allowed else { return };
    let line =
        |setting: &String| Line::Setting { component: component.clone(), setting: setting.clone() };
    for (name, setting) in settings {
        match allowed.settings.get(name) {
            Some(allowed) if allowed.allows(&setting.value) => {}
            None if setting.is_default => {}
            _ => breaches.add(line(name), Why::Value(setting.value.clone())),
        }
    }
    // A rule for a setting that the request does not show would otherwise never be asked.
    for name in allowed.settings.keys().filter(|name| !settings.contains_key(*name)) {
        breaches.add(line(name), Why::NotShown);
    }
}

fn check_usage(terms: &Terms, request: &Request, usage: &Usage, breaches: &mut Breaches) {
    if usage.runs >= terms.runs {
        breaches.add(Line::Runs, Why::RunsUsed(usage.runs));
    }
    if terms.runs_per_month.is_some_and(|most| usage.runs_this_month >= most) {
        breaches.add(Line::RunsPerMonth, Why::RunsUsed(usage.runs_this_month));
    }
    let reserved = reserved(terms, request);
    let spent = reserved.and_then(|reserved| usage.privacy_budget.checked_add(reserved));
    // A job that spends would make good what another has spent if its budget were negative.
    let sound = !request.privacy_budget.is_negative();
    let within = match terms.privacy_budget {
        Some(most) => sound && spent.is_some_and(|spent| spent <= most),
        None => request.privacy_budget == Decimal::default(),
    };
    if !within {
        breaches.add(Line::PrivacyBudget, Why::Budget(spent));
    }
}

/// The privacy budget that a run can spend with all its attempts, unless it is too large.
pub(crate) fn reserved(terms: &Terms, request: &Request) -> Option<Decimal> {
    request.privacy_budget.checked_times(terms.attempts)
}
