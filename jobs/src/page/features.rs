//! What columns tell about the label by themselves, and what became of them.

use features::prepare::{DropReason, Dropped};
use features::woe::{WoeBin, WoeTable};
use report::chart::Tone;
use report::figure::{self, EvidenceBin, InformationValue};
use report::message::{self, Quantity, Text, neutral};
use report::page::{Card, Part, Section};
use report::table::{Cell, Column, Table};

use super::{View, remarks, split_title, wording};
use crate::run::SplitOutcome;

/// Charts that stand open; the others are behind a heading.
const CHARTS_OPEN: usize = 4;

/// Charts of weaker features than these say little; the table holds all.
const CHARTS_MAX: usize = 40;

/// The guest's view of the features under one split.
pub(super) fn section(view: View<'_>, split: &SplitOutcome) -> Section {
    let mut section =
        Section::new(wording::features_under(split_title(split))).lead(wording::features_lead());
    if !split.host_evidence.is_empty() {
        let text = wording::host_features_are_anonymous(view.host_names());
        section = section.part(Part::Paragraph(text));
    }
    if !split.evidence.is_empty() || !split.host_evidence.is_empty() {
        section = section.part(information_values(view, split));
        section = remarks::on_evidence(split).into_iter().fold(section, Section::part);
        section = charts(view, split).into_iter().fold(section, Section::part);
    }
    if let Some(pairs) = split.selection.as_ref().and_then(|selection| selection.pairs_across) {
        let pairs = Quantity::count(pairs as u64);
        section = section.part(Part::Paragraph(wording::correlated_pairs(pairs)));
    }
    if !split.dropped.is_empty() {
        section = section.part(dropped(&split.dropped));
    }
    section
}

/// The host's view: what became of its own columns; `None` where nothing was selected.
pub(super) fn selection_at_host(split: &SplitOutcome) -> Option<Part> {
    let selection = split.selection.as_ref()?;
    let mut table =
        Table::new(vec![Column::words(message::feature()), Column::words(message::outcome())]);
    for feature in &selection.features {
        let outcome = match (&feature.correlated_with, feature.is_kept) {
            (_, true) => wording::kept(),
            (Some(with), false) => wording::dropped_for(with),
            (None, false) => wording::not_wanted(),
        };
        table.push(vec![Cell::text(neutral(&feature.name)), Cell::text(outcome)]);
    }
    let title = wording::selected_under(split_title(split));
    Some(Part::Table { title, table, provenance: None })
}

/// The weight of evidence of a feature, and whose it is.
#[derive(Clone, Copy)]
struct Owned<'a> {
    owner: &'a str,
    tone: Tone,
    table: &'a WoeTable,
}

/// The guest's tables and then those of each host.
fn tables<'a>(view: View<'a>, split: &'a SplitOutcome) -> impl Iterator<Item = Owned<'a>> {
    let owner = view.guest_name();
    let own = split.evidence.iter().map(move |table| Owned { owner, tone: Tone::Guest, table });
    own.chain(split.host_evidence.iter().flat_map(|host| {
        host.tables.iter().map(|table| Owned { owner: &host.party, tone: Tone::Host, table })
    }))
}

fn information_values(view: View<'_>, split: &SplitOutcome) -> Part {
    let line = |owned: Owned<'_>| InformationValue {
        feature: neutral(&owned.table.feature),
        owner: owned.owner.to_owned(),
        bins: owned.table.bins.len() as u64,
        value: owned.table.iv,
        outcome: outcome(split, owned),
    };
    let provenance =
        if split.host_evidence.is_empty() { view.own_data() } else { view.joint_data() };
    Part::Table {
        title: wording::information_values(),
        table: figure::information_values(tables(view, split).map(line).collect()),
        provenance: Some(provenance),
    }
}

/// What became of a feature, at the guest.
fn outcome(split: &SplitOutcome, Owned { owner, tone, table }: Owned<'_>) -> Text {
    let (is_own, name) = (tone == Tone::Guest, &table.feature);
    let dropped = split.dropped.iter().find(|dropped| is_own && dropped.column == *name);
    if let Some(dropped) = dropped {
        return dropped_because(dropped.reason);
    }
    let features = split.selection.iter().flat_map(|selection| &selection.features);
    let decision = features.into_iter().find(|it| it.party == owner && it.name == *name);
    match decision {
        None => wording::used(),
        Some(feature) if feature.is_kept && is_own => wording::kept(),
        Some(feature) if feature.is_kept => wording::asked_for(),
        Some(feature) => match &feature.correlated_with {
            Some(with) => wording::dropped_for(with),
            None => wording::dropped_low_information(),
        },
    }
}

/// Weight of evidence per bin, the strongest features first.
fn charts(view: View<'_>, split: &SplitOutcome) -> Vec<Part> {
    let mut tables: Vec<Owned<'_>> = tables(view, split).collect();
    tables.sort_by(|left, right| right.table.iv.total_cmp(&left.table.iv));
    tables.truncate(CHARTS_MAX);
    let card = |Owned { owner, tone, table }: &Owned<'_>| {
        let bins: Vec<EvidenceBin> = table.bins.iter().map(bin).collect();
        let (name, provenance) = match tone {
            Tone::Host => (format!("{owner} {}", table.feature), view.joint_data()),
            _ => (table.feature.clone(), view.own_data()),
        };
        let chart = figure::weight_of_evidence(&neutral(name), *tone, table.iv, &bins);
        Card { chart, provenance }
    };
    let (open, folded) = tables.split_at(tables.len().min(CHARTS_OPEN));
    let mut parts = vec![Part::Charts(open.iter().map(card).collect())];
    if !folded.is_empty() {
        let title = wording::more_features(Quantity::count(folded.len() as u64));
        let charts = Part::Charts(folded.iter().map(card).collect());
        parts.push(Part::Folded { title, parts: vec![charts] });
    }
    parts
}

fn bin(bin: &WoeBin) -> EvidenceBin {
    EvidenceBin { name: bin_name(&bin.label), weight: bin.woe, rate: bin.rate }
}

/// The label of a bin, in which missing values stand first and rare levels last.
pub(super) fn bin_name(label: &str) -> Text {
    let names: Vec<&str> = label.split(", ").collect();
    let last = names.len() - 1;
    let chinese = names.iter().enumerate().map(|(place, name)| match *name {
        "missing" if place == 0 => "缺失",
        "other levels" if place == last => "其他类别",
        name => name,
    });
    Text::owned(label.to_owned(), chinese.collect::<Vec<_>>().join(", "))
}

fn dropped(dropped: &[Dropped]) -> Part {
    let mut table =
        Table::new(vec![Column::words(message::feature()), Column::words(message::outcome())]);
    for dropped in dropped {
        table.push(vec![
            Cell::text(neutral(&dropped.column)),
            Cell::text(dropped_because(dropped.reason)),
        ]);
    }
    Part::Table { title: wording::columns_without_feature(), table, provenance: None }
}

fn dropped_because(reason: DropReason) -> Text {
    match reason {
        DropReason::AllMissing => wording::dropped_all_missing(),
        DropReason::Constant => wording::dropped_constant(),
        DropReason::OneLevel => wording::dropped_one_level(),
    }
}
