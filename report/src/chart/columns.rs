//! Vertical bars over categories, with an optional line on a second axis: WOE per bin with the
//! event rate, scores by class, shares then and now.

use super::frame::{self, Anchor, Plot, Swatch};
use super::scale::{Domain, Scale};
use super::{Axis, Tone};
use crate::markup::{Element, pixels_text};
use crate::message::{Argument as _, Language, Languages, Text};
use crate::table::{Align, Cell, Column, Table};

/// Vertical bars over categories.
#[derive(Clone, Debug)]
pub struct ColumnChart {
    /// The heading.
    pub title: Text,
    /// What is shown and how to read it.
    pub description: Text,
    /// What the categories are.
    pub categories_label: Text,
    /// The categories from left to right.
    pub categories: Vec<Text>,
    /// The axis of the bars; it always holds 0.
    pub y: Axis,
    /// The bars, side by side within a category.
    pub columns: Vec<ColumnSeries>,
    /// A line with its own axis at the right.
    pub line: Option<(Axis, ColumnSeries)>,
}

/// One value per category.
#[derive(Clone, Debug)]
pub struct ColumnSeries {
    /// The name in the legend.
    pub name: Text,
    /// What the series stands for.
    pub tone: Tone,
    /// One value per category, in their order; what is not finite or lacking is not drawn.
    pub values: Vec<f64>,
}

/// The height of the plot box.
const PLOT_HEIGHT: f64 = 216.0;

/// The part of a category's width that its bars take together.
const BARS_SHARE: f64 = 0.72;

/// The longest category name in pixels; longer ones are cut.
const NAME_WIDTH_MAX: f64 = 110.0;

/// Slanted names rise by this many pixels per pixel of their length (35 degrees).
const SLANT_RISE: f64 = 0.574;

impl ColumnChart {
    pub(super) fn draw(&self, languages: Languages) -> Element {
        let values = self.columns.iter().flat_map(|series| series.values.iter().copied());
        let Some(domain) = Domain::covering(values) else {
            return frame::empty_canvas(&self.title, &self.description, languages);
        };
        let fixed = self.y.range.and_then(|(low, high)| Domain::between(low, high));
        let domain = fixed.unwrap_or(domain).with_zero().rounded();
        let ticks = domain.ticks();
        let (legend, legend_height) = frame::legend(&self.legend_entries(), languages);
        let line = self.line_axis();
        let right = match &line {
            Some((axis, domain)) => frame::WIDTH - frame::axis_width(axis, &domain.ticks()),
            None => frame::WIDTH - 16.0,
        };
        let top = legend_height + 30.0;
        let left = frame::axis_width(&self.y, &ticks);
        let plot = Plot { left, right, top, bottom: top + PLOT_HEIGHT };
        let scale = Scale::new(domain, plot.bottom, plot.top);
        let (names, names_height) = self.names(plot, languages);
        let height = plot.bottom + names_height + 26.0;
        let label_y = height - 12.0;
        let middle = f64::midpoint(plot.left, plot.right);
        let mut canvas = frame::canvas(&self.title, &self.description, height, languages)
            .child(legend)
            .child(frame::left_axis(&self.y, &ticks, &scale, plot, languages))
            .children(
                self.columns
                    .iter()
                    .enumerate()
                    .map(|(index, series)| self.bars(index, series, &scale, plot, languages)),
            )
            .child(frame::rule("base", (plot.left, scale.at(0.0)), (plot.right, scale.at(0.0))))
            .child(names)
            .child(Element::classed("g", "axis").child(frame::label(
                middle,
                label_y,
                Anchor::Middle,
                &self.categories_label,
                languages,
            )));
        if let (Some((axis, domain)), Some((_, series))) = (line, &self.line) {
            let scale = Scale::new(domain, plot.bottom, plot.top);
            canvas = canvas
                .child(frame::right_axis(axis, &domain.ticks(), &scale, plot, languages))
                .child(self.line(axis, series, &scale, plot, languages));
        }
        canvas
    }

    pub(super) fn table(&self) -> Table {
        let series = self.columns.iter().map(|series| (&self.y, series));
        let series: Vec<_> =
            series.chain(self.line.iter().map(|(axis, series)| (axis, series))).collect();
        let columns = std::iter::once(Column::new(self.categories_label.clone(), Align::Left))
            .chain(series.iter().map(|(_, s)| Column::new(s.name.clone(), Align::Right)));
        let mut table = Table::new(columns.collect());
        for (row, category) in self.categories.iter().enumerate() {
            let cells = series.iter().map(|(axis, series)| {
                let value = series.values.get(row).copied().unwrap_or(f64::NAN);
                Cell::quantity(axis.quantity(value, 0.001))
            });
            table.push(std::iter::once(Cell::text(category.clone())).chain(cells).collect());
        }
        table
    }

    fn legend_entries(&self) -> Vec<(&Text, Tone, Swatch)> {
        let bars = self.columns.iter().map(|series| (&series.name, series.tone, Swatch::Box));
        let line = self.line.iter().map(|(_, line)| (&line.name, line.tone, Swatch::Line));
        bars.chain(line).collect()
    }

    /// The second axis with its range; none without a line or without data for it.
    fn line_axis(&self) -> Option<(&Axis, Domain)> {
        let (axis, series) = self.line.as_ref()?;
        let data = Domain::covering(series.values.iter().copied())?;
        let fixed = axis.range.and_then(|(low, high)| Domain::between(low, high));
        Some((axis, fixed.unwrap_or(data).with_zero().rounded()))
    }

    /// The width of one category.
    fn slot(&self, plot: Plot) -> f64 {
        (plot.right - plot.left) / self.categories.len().max(1) as f64
    }

    fn bars(
        &self,
        index: usize,
        series: &ColumnSeries,
        scale: &Scale,
        plot: Plot,
        languages: Languages,
    ) -> Element {
        let slot = self.slot(plot);
        let width = slot * BARS_SHARE / self.columns.len() as f64;
        let mut group = Element::new("g");
        for (row, (category, value)) in self.categories.iter().zip(&series.values).enumerate() {
            if !value.is_finite() {
                continue;
            }
            let start = plot.left + slot * (row as f64 + (1.0 - BARS_SHARE) / 2.0);
            let left = start + width * index as f64;
            let gap = (width * 0.06).min(1.0);
            let corners = ((left + gap, scale.at(0.0)), (left + width - gap, scale.at(*value)));
            let bar = frame::bar("bar".to_owned(), corners.0, corners.1);
            let text = named_value(&series.name, category, &self.y, *value);
            let bar = bar.set("data-tone", series.tone.class());
            group = group.child(frame::tooltip(bar, &text, languages));
        }
        group
    }

    fn line(
        &self,
        axis: &Axis,
        series: &ColumnSeries,
        scale: &Scale,
        plot: Plot,
        languages: Languages,
    ) -> Element {
        let slot = self.slot(plot);
        let mut path = String::new();
        let mut dots = Vec::new();
        let mut command = "M";
        for (row, (category, value)) in self.categories.iter().zip(&series.values).enumerate() {
            if !value.is_finite() {
                command = "M";
                continue;
            }
            let (x, y) = (plot.left + slot * (row as f64 + 0.5), scale.at(*value));
            for part in [command, &pixels_text(x), " ", &pixels_text(y)] {
                path.push_str(part);
            }
            command = "L";
            let dot = Element::classed("circle", "dot").at("cx", x).at("cy", y).at("r", 3.2);
            let text = named_value(&series.name, category, axis, *value);
            let dot = dot.set("data-tone", series.tone.class());
            dots.push(frame::tooltip(dot, &text, languages));
        }
        let path =
            Element::classed("path", "line").set("data-tone", series.tone.class()).set("d", path);
        Element::new("g").child(path).children(dots)
    }

    /// The names of the categories below the plot, slanted when they are too wide, and the height
    /// that they take. When there are very many, only every n-th is written.
    fn names(&self, plot: Plot, languages: Languages) -> (Element, f64) {
        let names: Vec<Text> =
            self.categories.iter().map(|name| frame::shortened(name, NAME_WIDTH_MAX)).collect();
        let widest = names.iter().map(frame::width_of).fold(0.0, f64::max);
        let slot = self.slot(plot);
        let is_slanted = widest + 4.0 > slot;
        let every = if is_slanted { (13.0 / slot).ceil().max(1.0) as usize } else { 1 };
        let mut group = Element::classed("g", "axis");
        for (row, name) in names.iter().enumerate().step_by(every) {
            let x = plot.left + slot * (row as f64 + 0.5);
            let y = plot.bottom + 14.0;
            group = group.child(if is_slanted {
                let turn = format!("rotate(-35 {} {})", pixels_text(x + 4.0), pixels_text(y));
                let text = frame::label(x + 4.0, y, Anchor::End, name, languages);
                text.set("transform", turn)
            } else {
                frame::label(x, y, Anchor::Middle, name, languages)
            });
        }
        let height = if is_slanted { 18.0 + widest * SLANT_RISE } else { 24.0 };
        (group, height)
    }
}

/// `series, category: value` in both languages.
fn named_value(name: &Text, category: &Text, axis: &Axis, value: f64) -> Text {
    let quantity = axis.quantity(value, 0.001);
    let write = |language: Language| {
        let [name, category] = [name, category].map(|text| text.write(language));
        format!("{name}, {category}: {}", quantity.write(language))
    };
    Text::owned(write(Language::English), write(Language::Chinese))
}
