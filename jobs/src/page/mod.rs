//! The report page of one party: its results, the honest remarks on them, who learnt what, and what
//! the run took.
//!
//! The guest's page compares the joint model with what the guest can do alone. The host has no
//! label: its page shows its own part of each model and what it let the guest learn. Everything is
//! computed before; this module only chooses, words and arranges.

mod cards;
pub mod class_wording;
mod classes;
mod curves;
mod features;
mod graded;
mod hidden;
pub mod hidden_wording;
mod joins;
mod model;
mod numbers;
mod own_part;
mod recommendation;
pub mod recommendation_wording;
mod records;
mod remarks;
mod result;
mod scored;
pub mod scored_wording;
mod steps;
#[cfg(test)]
mod tests;
mod totals;
pub mod wording;

use contract::{Role, Text};
use report::message::{Quantity, listed, neutral};
use report::page::{Notice, Part, Provenance, Report, Section};

pub use steps::{PlannedStep, planned_steps};
pub use totals::{totals_outcome, totals_table};

use crate::run::{ModelOutcome, Outcome, PartyFacts, SplitOutcome};
use crate::spec::{self, SplitBy};

/// The page as one HTML file in Chinese and English that opens offline.
pub fn report_html(outcome: &Outcome) -> String {
    let view = View { outcome };
    let report = match outcome.role {
        Role::Guest => guest_report(view),
        Role::Host => host_report(view),
    };
    report.to_html()
}

fn guest_report(view: View<'_>) -> Report {
    if view.outcome.models.is_empty() {
        return aligned_report(view);
    }
    if let Some(scored) = &view.outcome.scored {
        return scored::report(view, scored);
    }
    let subtitle = wording::guest_subtitle(view.guest_name(), view.host_names());
    let mut report = front(view, subtitle);
    report = report.section(result::section(view));
    for model in &view.outcome.models {
        report = report.section(model::section(view, model));
    }
    // Where items are recommended no column is set against a label.
    let has_features = |split: &&SplitOutcome| !view.recommends() || !split.dropped.is_empty();
    for split in view.outcome.splits.iter().filter(has_features) {
        report = report.section(features::section(view, split));
    }
    with_records(view, report.section(cards::section(view)))
}

fn host_report(view: View<'_>) -> Report {
    if view.outcome.models.is_empty() {
        return aligned_report(view);
    }
    if let Some(scored) = &view.outcome.scored {
        return scored::report(view, scored);
    }
    let subtitle = wording::host_subtitle(view.guest_name(), &view.outcome.party);
    let report = front(view, subtitle);
    let guest = view.guest_name();
    let (lead, remark) = if view.recommends() {
        let lead = recommendation_wording::host_factors_lead();
        (lead, recommendation_wording::host_sees_no_figure(guest))
    } else {
        (wording::host_part_lead(), wording::host_sees_no_metric(guest))
    };
    let remark = Part::Notice(Notice::Remark, remark);
    let section = Section::new(wording::host_part()).lead(lead).part(remark);
    let selections = view.outcome.splits.iter().filter_map(features::selection_at_host);
    let parts = own_part::all(view).into_iter().chain(selections);
    let report = report.section(parts.fold(section, Section::part));
    with_records(view, report.section(cards::section(view)))
}

/// The page of a job without models.
fn aligned_report(view: View<'_>) -> Report {
    let Some(totals) = totals::section(view) else {
        let subtitle = wording::aligned_subtitle(view.guest_name(), view.host_names());
        return with_records(view, front(view, subtitle));
    };
    let subtitle = wording::totals_subtitle(view.guest_name(), view.host_names());
    with_records(view, front(view, subtitle).section(totals))
}

/// What every page ends with.
fn with_records(view: View<'_>, report: Report) -> Report {
    let report = match joins::section(view) {
        Some(section) => report.section(section),
        None => report,
    };
    report
        .section(records::data(view))
        .section(records::disclosure(view))
        .section(records::steps(view))
}

/// Title and facts, the same for both roles.
fn front(view: View<'_>, subtitle: Text) -> Report {
    let outcome = view.outcome;
    let report = Report::new(neutral(&outcome.job))
        .subtitle(subtitle)
        .seen_by(&outcome.party)
        .fact(wording::purpose(), neutral(&outcome.purpose))
        .fact(wording::your_role(), outcome.role.title())
        .fact(wording::data_of_parties(), view.data());
    let report = match outcome.common_rows {
        Some(rows) => report.fact(wording::common_rows(), Quantity::count(rows as u64).text()),
        None => report,
    };
    report
        .fact(wording::seed(), neutral(outcome.seed.to_string()))
        .fact(wording::made_with(), neutral(concat!("Tombolo ", env!("CARGO_PKG_VERSION"))))
}

/// One party's results, with what every part of the page asks of them.
#[derive(Clone, Copy)]
struct View<'a> {
    outcome: &'a Outcome,
}

impl<'a> View<'a> {
    fn guest(self) -> &'a PartyFacts {
        &self.outcome.parties[0]
    }

    fn hosts(self) -> &'a [PartyFacts] {
        &self.outcome.parties[1..]
    }

    fn guest_name(self) -> &'a str {
        &self.guest().name
    }

    /// The names of all hosts.
    fn host_names(self) -> Text {
        listed(&self.hosts().iter().map(|host| host.name.clone()).collect::<Vec<_>>())
    }

    /// Whether the models recommend items.
    fn recommends(self) -> bool {
        self.outcome.models.iter().any(|model| model.part.recommends())
    }

    /// The provenance of what this party's data alone make.
    fn own_data(self) -> Provenance {
        let parties = self.outcome.parties.iter();
        provenance(parties.filter(|party| party.name == self.outcome.party))
    }

    /// The provenance of what all parties' data make.
    fn joint_data(self) -> Provenance {
        provenance(&self.outcome.parties)
    }

    /// Whose data are real, in words.
    fn data(self) -> Text {
        let one = |party: &PartyFacts| {
            let kind = match party.data {
                spec::Provenance::Real => report::message::provenance_real(),
                spec::Provenance::Simulated => report::message::provenance_simulated(),
            };
            wording::party_data(&party.name, kind)
        };
        self.hosts().iter().map(one).fold(one(self.guest()), wording::two_facts)
    }

    fn split_of(self, model: &ModelOutcome) -> Option<&'a SplitOutcome> {
        self.outcome.splits.iter().find(|split| split.name == model.split)
    }

    /// The models trained under a split, in the order of the job.
    fn models_of(self, split: &'a SplitOutcome) -> impl Iterator<Item = &'a ModelOutcome> {
        self.outcome.models.iter().filter(move |model| model.split == split.name)
    }

    /// The splits as the reader should weigh them: by time first, then in the order of the job.
    fn splits_by_honesty(self) -> Vec<&'a SplitOutcome> {
        let mut splits: Vec<_> = self.outcome.splits.iter().collect();
        splits.sort_by_key(|split| split.by != SplitBy::Time);
        splits
    }
}

fn provenance<'a>(parties: impl IntoIterator<Item = &'a PartyFacts>) -> Provenance {
    let is_simulated = |party: &PartyFacts| party.data == spec::Provenance::Simulated;
    if parties.into_iter().any(is_simulated) { Provenance::Simulated } else { Provenance::Real }
}

/// How a split is called on the page.
fn split_title(split: &SplitOutcome) -> Text {
    title_of_split(split.by, &split.name)
}

fn title_of_split(by: SplitBy, name: &str) -> Text {
    let (title, usual_name) = match by {
        SplitBy::Time => (wording::split_by_time(), "time"),
        SplitBy::Random => (wording::split_random(), "random"),
        SplitBy::Stratified => (wording::split_stratified(), "stratified"),
        SplitBy::LeaveOneOut => (recommendation_wording::split_leave_one_out(), "leave_one_out"),
    };
    if name == usual_name { title } else { wording::named(title, name) }
}

/// How a model is called on the page: its component, and its own name where the job gives one.
fn model_title(model: &ModelOutcome) -> Text {
    let name = model
        .step
        .strip_suffix(&model.split)
        .map_or(&*model.step, |name| name.strip_suffix('.').unwrap_or(name));
    title_of_model(model.component, &model.title, name)
}

fn title_of_model(component: &str, title: &Text, name: &str) -> Text {
    let usual_name = component.rsplit('.').next().unwrap_or_default();
    if name == usual_name { title.clone() } else { wording::named(title, name) }
}

/// A model under a split.
fn step_title(view: View<'_>, model: &ModelOutcome) -> Text {
    if view.outcome.scored.is_some() {
        return wording::named(&model.title, &model.step);
    }
    let split = view.split_of(model).map_or_else(|| neutral(&model.split), split_title);
    wording::model_under_split(model_title(model), split)
}
