//! A table whose cells are coloured by value: correlations, credit per channel and model.

use super::frame::{self, Anchor};
use crate::markup::{Element, pixels_text};
use crate::message::{self, Argument as _, Language, Languages, Quantity, Text, Unit};
use crate::table::{Align, Cell, Column, Table};

/// A table whose cells are coloured by value: the stronger the colour, the further from 0.
#[derive(Clone, Debug)]
pub struct HeatChart {
    /// The heading.
    pub title: Text,
    /// What is shown and how to read it.
    pub description: Text,
    /// The names of the columns.
    pub columns: Vec<Text>,
    /// The name and the values of each row, one value per column; what is not finite stays blank.
    pub rows: Vec<(Text, Vec<f64>)>,
    /// How the values are written.
    pub unit: Unit,
    /// The decimals of the values.
    pub digits: usize,
    /// The size that gets the full colour; the largest one when it is `None` or not positive.
    pub full: Option<f64>,
}

const NAME_WIDTH_MAX: f64 = 150.0;
const ROW_HEIGHT: f64 = 26.0;

/// The strongest colour; text stays readable on it.
const OPACITY_MAX: f64 = 0.62;

impl HeatChart {
    pub(super) fn draw(&self, languages: Languages) -> Element {
        if self.columns.is_empty() || self.rows.is_empty() {
            return frame::empty_canvas(&self.title, &self.description, languages);
        }
        let cut = |name: &Text| frame::shortened(name, NAME_WIDTH_MAX);
        let names: Vec<Text> = self.rows.iter().map(|(name, _)| cut(name)).collect();
        let headings: Vec<Text> = self.columns.iter().map(cut).collect();
        let widest = |texts: &[Text]| texts.iter().map(frame::width_of).fold(0.0, f64::max);
        let left = frame::MARGIN + widest(&names) + 10.0;
        let cell_width = (frame::WIDTH - frame::MARGIN - left) / self.columns.len() as f64;
        let is_upright = widest(&headings) + 6.0 > cell_width;
        let top = if is_upright { 14.0 + widest(&headings) } else { 30.0 };
        let height = top + ROW_HEIGHT * self.rows.len() as f64 + 10.0;
        let headings = headings.iter().enumerate().map(|(index, heading)| {
            let x = left + cell_width * (index as f64 + 0.5);
            if is_upright {
                let turn = format!("rotate(-90 {} {})", pixels_text(x), pixels_text(top - 8.0));
                let text = frame::label(x, top - 8.0, Anchor::Start, heading, languages);
                text.set("transform", turn)
            } else {
                frame::label(x, top - 12.0, Anchor::Middle, heading, languages)
            }
        });
        let full = self.full_colour();
        let rows = self.rows.iter().zip(&names).enumerate().map(|(row, ((_, values), name))| {
            let y = top + ROW_HEIGHT * (row as f64 + 0.5);
            let name = frame::label(frame::MARGIN, y, Anchor::Start, name, languages);
            let cells = values.iter().take(self.columns.len()).enumerate();
            Element::new("g").child(name.set("class", "name")).children(cells.map(
                |(column, value)| {
                    let x = left + cell_width * column as f64;
                    self.cell((row, column), *value, full, (x, y, cell_width), languages)
                },
            ))
        });
        frame::canvas(&self.title, &self.description, height, languages)
            .child(Element::classed("g", "axis").children(headings))
            .child(Element::classed("g", "heat").children(rows))
    }

    pub(super) fn table(&self) -> Table {
        let columns = std::iter::once(Column::new(message::name(), Align::Left))
            .chain(self.columns.iter().map(|name| Column::new(name.clone(), Align::Right)));
        let mut table = Table::new(columns.collect());
        for (name, values) in &self.rows {
            let cells = (0..self.columns.len()).map(|column| {
                let value = values.get(column).copied().unwrap_or(f64::NAN);
                Cell::quantity(self.quantity(value))
            });
            table.push(std::iter::once(Cell::text(name.clone())).chain(cells).collect());
        }
        table
    }

    /// One coloured cell; `place` is its left border, its middle height and its width.
    fn cell(
        &self,
        (row, column): (usize, usize),
        value: f64,
        full: f64,
        place: (f64, f64, f64),
        languages: Languages,
    ) -> Element {
        if !value.is_finite() {
            return Element::new("g");
        }
        let (x, y, width) = place;
        let half = ROW_HEIGHT / 2.0;
        let class = if value < 0.0 { "cell below" } else { "cell above" };
        let opacity = (value.abs() / full).clamp(0.0, 1.0) * OPACITY_MAX;
        let corners = ((x + 1.0, y - half + 1.0), (x + width - 1.0, y + half - 1.0));
        let shape = frame::bar(class.to_owned(), corners.0, corners.1)
            .set("fill-opacity", pixels_text(opacity));
        let group = Element::new("g");
        let group =
            group.child(frame::tooltip(shape, &self.tooltip(row, column, value), languages));
        let text = self.quantity(value).text();
        if frame::width_of(&text) + 4.0 > width {
            return group;
        }
        group.child(frame::label(x + width / 2.0, y, Anchor::Middle, &text, languages))
    }

    fn full_colour(&self) -> f64 {
        let values = self.rows.iter().flat_map(|(_, values)| values);
        let sizes = values.filter(|value| value.is_finite()).map(|value| value.abs());
        let largest = sizes.fold(f64::MIN_POSITIVE, f64::max);
        self.full.filter(|full| *full > 0.0).unwrap_or(largest)
    }

    fn quantity(&self, value: f64) -> Quantity {
        Quantity::new(value, self.unit, self.digits)
    }

    fn tooltip(&self, row: usize, column: usize, value: f64) -> Text {
        let write = |language: Language| {
            let [row, column] =
                [&self.rows[row].0, &self.columns[column]].map(|name| name.write(language));
            format!("{row} × {column}: {}", self.quantity(value).write(language))
        };
        Text::owned(write(Language::English), write(Language::Chinese))
    }
}
