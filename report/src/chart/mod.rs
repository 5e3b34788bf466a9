//! Charts as SVG: pure functions from data to text.
//!
//! A chart is data with a title and a description; [`Chart::to_svg`] draws it, and
//! [`Chart::table`] gives the same numbers as a table for readers who cannot or will not look at a
//! picture. Drawing never fails: values that are not finite are left out, values outside an axis
//! land on its border, and a chart without data says so.
//!
//! Colours, fonts and line styles live in one style sheet with light and dark variables, so that a
//! page can switch without drawing again. A series is told apart by its dash or shape as well as by
//! its colour; the colours follow Okabe and Ito, "Color universal design" (2008), darkened where
//! text or thin lines need the contrast.

mod columns;
mod frame;
mod heat;
mod lines;
mod ranking;
mod scale;

pub use columns::{ColumnChart, ColumnSeries};
pub use heat::HeatChart;
pub use lines::{Line, LineChart, Mark};
pub use ranking::{RankedBar, RankingChart};

use crate::markup::Element;
use crate::message::{Languages, Quantity, Text, Unit};
use crate::table::Table;

/// The style sheet of all charts.
pub(crate) const STYLE: &str = include_str!("chart.css");

/// The colour variables, light and dark, that charts and pages share.
pub const PALETTE: &str = include_str!("palette.css");

/// What a series stands for; decides its colour, dash and marker everywhere alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The joint model, or anything that both parties made together.
    Joint,
    /// The guest: its own model, its own features.
    Guest,
    /// The host: its features.
    Host,
    /// The positive class: what the label calls 1.
    Positive,
    /// The negative class.
    Negative,
    /// What nobody made: chance, the ideal, an expectation.
    Reference,
    /// One more score beside guest and joint, such as a bought one.
    Extra,
}

impl Tone {
    /// The class name in the style sheet.
    fn class(self) -> &'static str {
        match self {
            Self::Joint => "joint",
            Self::Guest => "guest",
            Self::Host => "host",
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Reference => "reference",
            Self::Extra => "extra",
        }
    }
}

/// A numeric axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What the axis measures.
    pub label: Text,
    /// How its numbers are written.
    pub unit: Unit,
    /// The values at its two ends; chosen from the data when it is `None` or not a range.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// An axis whose range follows the data.
    pub fn new(label: Text, unit: Unit) -> Self {
        Self { label, unit, range: None }
    }

    /// An axis of fractions from 0 to 1, written as percent.
    pub fn share(label: Text) -> Self {
        Self { label, unit: Unit::Percent, range: Some((0.0, 1.0)) }
    }

    /// A value of this axis, written so that multiples of `step` differ.
    fn quantity(&self, value: f64, step: f64) -> Quantity {
        let step = if self.unit == Unit::Percent { step * 100.0 } else { step };
        Quantity::new(value, self.unit, scale::digits_for(step))
    }
}

/// Any chart.
#[derive(Clone, Debug)]
pub enum Chart {
    /// Curves over a numeric axis.
    Lines(LineChart),
    /// Vertical bars over categories, with an optional line on a second axis.
    Columns(ColumnChart),
    /// Horizontal bars, one per name.
    Ranking(RankingChart),
    /// A table whose cells are coloured by value.
    Heat(HeatChart),
}

impl Chart {
    /// The heading of the chart.
    pub fn title(&self) -> &Text {
        match self {
            Self::Lines(chart) => &chart.title,
            Self::Columns(chart) => &chart.title,
            Self::Ranking(chart) => &chart.title,
            Self::Heat(chart) => &chart.title,
        }
    }

    /// What the chart shows and how to read it, in one or two sentences.
    pub fn description(&self) -> &Text {
        match self {
            Self::Lines(chart) => &chart.description,
            Self::Columns(chart) => &chart.description,
            Self::Ranking(chart) => &chart.description,
            Self::Heat(chart) => &chart.description,
        }
    }

    /// The chart as an SVG file that stands alone, in one language or both.
    pub fn to_svg(&self, languages: Languages) -> String {
        let style = Element::new("style").asset(PALETTE).asset(STYLE);
        self.draw(languages).set("xmlns", "http://www.w3.org/2000/svg").child(style).to_string()
    }

    /// The numbers of the chart as a table.
    pub fn table(&self) -> Table {
        match self {
            Self::Lines(chart) => chart.table(),
            Self::Columns(chart) => chart.table(),
            Self::Ranking(chart) => chart.table(),
            Self::Heat(chart) => chart.table(),
        }
    }

    /// The chart as an element of a page that brings the style sheet.
    pub(crate) fn draw(&self, languages: Languages) -> Element {
        match self {
            Self::Lines(chart) => chart.draw(languages),
            Self::Columns(chart) => chart.draw(languages),
            Self::Ranking(chart) => chart.draw(languages),
            Self::Heat(chart) => chart.draw(languages),
        }
    }
}
