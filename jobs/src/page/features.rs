//! What the guest's columns tell about the label by themselves, and which gave no feature.

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

pub(super) fn section(view: View<'_>, split: &SplitOutcome) -> Section {
    let mut section =
        Section::new(wording::features_under(split_title(split))).lead(wording::features_lead());
    if !split.evidence.is_empty() {
        section = section.part(information_values(view, split));
        section = remarks::on_evidence(split).into_iter().fold(section, Section::part);
        section = charts(view, split).into_iter().fold(section, Section::part);
    }
    if !split.dropped.is_empty() {
        section = section.part(dropped(&split.dropped));
    }
    section
}

fn information_values(view: View<'_>, split: &SplitOutcome) -> Part {
    let line = |table: &WoeTable| {
        let reason = split.dropped.iter().find(|dropped| dropped.column == table.feature);
        InformationValue {
            feature: neutral(&table.feature),
            owner: view.guest_name().to_owned(),
            bins: table.bins.len() as u64,
            value: table.iv,
            outcome: reason.map_or_else(wording::used, |dropped| dropped_because(dropped.reason)),
        }
    };
    Part::Table {
        title: wording::information_values(),
        table: figure::information_values(split.evidence.iter().map(line).collect()),
        provenance: Some(view.own_data()),
    }
}

/// Weight of evidence per bin, the strongest features first.
fn charts(view: View<'_>, split: &SplitOutcome) -> Vec<Part> {
    let mut tables: Vec<&WoeTable> = split.evidence.iter().collect();
    tables.sort_by(|left, right| right.iv.total_cmp(&left.iv));
    tables.truncate(CHARTS_MAX);
    let card = |table: &&WoeTable| {
        let bins: Vec<EvidenceBin> = table.bins.iter().map(bin).collect();
        let chart =
            figure::weight_of_evidence(&neutral(&table.feature), Tone::Guest, table.iv, &bins);
        Card { chart, provenance: view.own_data() }
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
