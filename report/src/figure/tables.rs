//! The tables that go beside the charts: score bands and information values.

use crate::message::{self, Quantity, Text};
use crate::table::{Cell, Column, Table};

/// One score band, the highest scores in the first.
#[derive(Clone, Debug)]
pub struct ScoreBand {
    /// The band's name, such as its range of scores.
    pub name: Text,
    /// The number of rows.
    pub rows: u64,
    /// The number of positives among them (their weight where rows are weighted).
    pub positives: f64,
    /// The share of positives in the band, in `0.0..=1.0`.
    pub rate: f64,
    /// The rate over the rate of all rows.
    pub lift: f64,
    /// The share of all rows in this band and those before, in `0.0..=1.0`.
    pub cumulative_share: f64,
    /// The share of all positives in this band and those before, in `0.0..=1.0`.
    pub cumulative_recall: f64,
    /// The distance of the two cumulative classes after this band, in `-1.0..=1.0`.
    pub cumulative_ks: f64,
}

/// The score-band table: how many customers, how many positives, and how much is reached so far.
pub fn score_bands(bands: &[ScoreBand]) -> Table {
    let mut table = Table::new(vec![
        Column::words(message::score_band()),
        Column::numbers(message::rows()),
        Column::numbers(message::positives()),
        Column::numbers(message::rate()),
        Column::numbers(message::lift()),
        Column::numbers(message::cumulative_rows()),
        Column::numbers(message::cumulative_positives()),
        Column::numbers(message::distance()),
    ]);
    let highest = largest(bands.iter().map(|band| band.rate));
    for band in bands {
        table.push(vec![
            Cell::text(band.name.clone()),
            Cell::quantity(Quantity::count(band.rows)),
            Cell::quantity(Quantity::decimal(band.positives, 0)),
            Cell::quantity(Quantity::percent(band.rate, 1)).with_bar(band.rate / highest),
            Cell::quantity(Quantity::factor(band.lift, 2)),
            Cell::quantity(Quantity::percent(band.cumulative_share, 1)),
            Cell::quantity(Quantity::percent(band.cumulative_recall, 1)),
            Cell::quantity(Quantity::decimal(band.cumulative_ks, 3)),
        ]);
    }
    table
}

/// What one feature tells about the label by itself.
#[derive(Clone, Debug)]
pub struct InformationValue {
    /// The feature, by the name that its owner shows.
    pub feature: Text,
    /// The name of the party that holds it.
    pub owner: String,
    /// The number of bins after merging.
    pub bins: u64,
    /// The information value.
    pub value: f64,
    /// What became of the feature: kept, or dropped and why.
    pub outcome: Text,
}

/// Features by information value, the largest first, with the usual words for its strength.
pub fn information_values(mut features: Vec<InformationValue>) -> Table {
    features.sort_by(|left, right| right.value.total_cmp(&left.value));
    let mut table = Table::new(vec![
        Column::words(message::feature()),
        Column::words(message::owner()),
        Column::numbers(message::bins()),
        Column::numbers(message::information_value()),
        Column::words(message::strength()),
        Column::words(message::outcome()),
    ]);
    let highest = largest(features.iter().map(|feature| feature.value));
    for feature in features {
        table.push(vec![
            Cell::text(feature.feature),
            Cell::text(message::neutral(feature.owner)),
            Cell::quantity(Quantity::count(feature.bins)),
            Cell::quantity(Quantity::decimal(feature.value, 3)).with_bar(feature.value / highest),
            Cell::text(strength(feature.value)),
            Cell::text(feature.outcome),
        ]);
    }
    table
}

/// The usual words for an information value (Siddiqi, "Credit Risk Scorecards", 2006).
fn strength(value: f64) -> Text {
    match value {
        _ if value.is_nan() => message::neutral("–"),
        _ if value < 0.02 => message::strength_none(),
        _ if value < 0.1 => message::strength_weak(),
        _ if value < 0.3 => message::strength_medium(),
        _ if value < 0.5 => message::strength_strong(),
        _ => message::strength_suspicious(),
    }
}

/// The largest finite value, or the smallest positive one where there is none, so that it divides.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.filter(|value| value.is_finite()).fold(f64::MIN_POSITIVE, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_follows_the_usual_bounds() {
        let words = [0.01, 0.05, 0.2, 0.4, 0.9, f64::NAN].map(|value| strength(value).en);
        assert_eq!(words, ["none", "weak", "medium", "strong", "suspiciously strong", "–"]);
    }

    #[test]
    fn features_are_ordered_by_information_value() {
        let feature = |name: &str, value| InformationValue {
            feature: message::neutral(name),
            owner: "bank".to_owned(),
            bins: 5,
            value,
            outcome: message::neutral(""),
        };
        let table = information_values(vec![feature("weak", 0.03), feature("strong", 0.4)]);
        let html = table.draw().to_string();
        assert!(html.find(">strong<") < html.find(">weak<"));
    }
}
