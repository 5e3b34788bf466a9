//! Horizontal bars, one per name: feature importance, coefficients, time per step.

use super::Tone;
use super::frame::{self, Anchor, Plot, Swatch};
use super::scale::{Domain, Scale};
use crate::markup::Element;
use crate::message::{self, Argument as _, Language, Languages, Quantity, Text, Unit};
use crate::table::{Align, Cell, Column, Table};

/// Horizontal bars, one per name.
#[derive(Clone, Debug)]
pub struct RankingChart {
    /// The heading.
    pub title: Text,
    /// What is shown and how to read it.
    pub description: Text,
    /// What the bars' length means.
    pub value_label: Text,
    /// How the values are written.
    pub unit: Unit,
    /// The decimals of the values.
    pub digits: usize,
    /// What the tones mean; may be empty when there is one tone.
    pub legend: Vec<(Text, Tone)>,
    /// The bars from top to bottom.
    pub bars: Vec<RankedBar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct RankedBar {
    /// The name at the left.
    pub name: Text,
    /// The length of the bar; negative values go to the left of the zero line.
    pub value: f64,
    /// What the bar stands for.
    pub tone: Tone,
    /// An interval around the value, drawn as a whisker.
    pub interval: Option<(f64, f64)>,
}

const ROW_HEIGHT: f64 = 22.0;
const BAR_HEIGHT: f64 = 13.0;
const NAME_WIDTH_MAX: f64 = 190.0;

impl RankingChart {
    pub(super) fn draw(&self, languages: Languages) -> Element {
        let ends = self.bars.iter().flat_map(|bar| {
            let (low, high) = bar.interval.unwrap_or((bar.value, bar.value));
            [bar.value, low, high]
        });
        let Some(domain) = Domain::covering(ends) else {
            return frame::empty_canvas(&self.title, &self.description, languages);
        };
        let domain = domain.with_zero();
        let names: Vec<Text> =
            self.bars.iter().map(|bar| frame::shortened(&bar.name, NAME_WIDTH_MAX)).collect();
        let entries: Vec<_> =
            self.legend.iter().map(|(name, tone)| (name, *tone, Swatch::Box)).collect();
        let (legend, legend_height) = frame::legend(&entries, languages);
        let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max);
        let values_width =
            widest(&mut self.bars.iter().map(|bar| frame::width_of(&self.written(bar))));
        let has_negative = self.bars.iter().any(|bar| bar.value < 0.0);
        let names_width = widest(&mut names.iter().map(frame::width_of));
        let top = legend_height + 20.0;
        let plot = Plot {
            left: frame::MARGIN
                + names_width
                + 10.0
                + if has_negative { values_width + 8.0 } else { 0.0 },
            right: frame::WIDTH - frame::MARGIN - values_width - 8.0,
            top,
            bottom: top + ROW_HEIGHT * self.bars.len() as f64,
        };
        let scale = Scale::new(domain, plot.left, plot.right);
        let zero = scale.at(0.0);
        let caption = frame::label(
            frame::MARGIN,
            legend_height + 6.0,
            Anchor::Start,
            &self.value_label,
            languages,
        );
        let rows = self.bars.iter().zip(&names).enumerate().map(|(row, (bar, name))| {
            let y = plot.top + ROW_HEIGHT * (row as f64 + 0.5);
            self.row(bar, name, y, &scale, languages)
        });
        frame::canvas(&self.title, &self.description, plot.bottom + 10.0, languages)
            .child(legend)
            .child(Element::classed("g", "axis").child(caption))
            .child(frame::rule("base", (zero, plot.top), (zero, plot.bottom)))
            .children(rows)
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(vec![
            Column::new(message::name(), Align::Left),
            Column::new(self.value_label.clone(), Align::Right),
        ]);
        for bar in &self.bars {
            table
                .push(vec![Cell::text(bar.name.clone()), Cell::quantity(self.quantity(bar.value))]);
        }
        table
    }

    fn row(
        &self,
        bar: &RankedBar,
        name: &Text,
        y: f64,
        scale: &Scale,
        languages: Languages,
    ) -> Element {
        let name = frame::label(frame::MARGIN, y, Anchor::Start, name, languages);
        let group = Element::classed("g", "row").child(name.set("class", "name"));
        if !bar.value.is_finite() {
            return group;
        }
        let (zero, end) = (scale.at(0.0), scale.at(bar.value));
        let half = BAR_HEIGHT / 2.0;
        let shape = frame::bar("bar".to_owned(), (zero, y - half), (end, y + half))
            .set("data-tone", bar.tone.class());
        let mut group = group.child(frame::tooltip(shape, &self.tooltip(bar), languages));
        let mut label_at = end;
        if let Some((low, high)) = bar.interval.filter(|(low, high)| (low + high).is_finite()) {
            let (low, high) = (scale.at(low), scale.at(high));
            label_at = if bar.value < 0.0 { end.min(low) } else { end.max(high) };
            group = group
                .child(frame::rule("whisker", (low, y), (high, y)))
                .child(frame::rule("whisker", (low, y - 3.0), (low, y + 3.0)))
                .child(frame::rule("whisker", (high, y - 3.0), (high, y + 3.0)));
        }
        let (x, anchor) = if bar.value < 0.0 {
            (label_at - 6.0, Anchor::End)
        } else {
            (label_at + 6.0, Anchor::Start)
        };
        group.child(frame::label(x, y, anchor, &self.written(bar), languages).set("class", "value"))
    }

    fn quantity(&self, value: f64) -> Quantity {
        Quantity::new(value, self.unit, self.digits)
    }

    fn written(&self, bar: &RankedBar) -> Text {
        self.quantity(bar.value).text()
    }

    fn tooltip(&self, bar: &RankedBar) -> Text {
        let write = |language: Language| {
            format!("{}: {}", bar.name.write(language), self.quantity(bar.value).write(language))
        };
        Text::owned(write(Language::English), write(Language::Chinese))
    }
}
