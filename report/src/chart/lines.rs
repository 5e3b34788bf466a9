//! Curves over a numeric axis: ROC, KS, gains, lift, calibration, profit.

use super::frame::{self, Anchor, Plot, Swatch};
use super::scale::{Domain, Scale};
use super::{Axis, Tone};
use crate::markup::{Element, pixels_text};
use crate::message::{Argument as _, Language, Languages, Quantity, Text};
use crate::table::{Align, Cell, Column, Table};

/// Curves over a numeric axis.
#[derive(Clone, Debug)]
pub struct LineChart {
    /// The heading.
    pub title: Text,
    /// What is shown and how to read it.
    pub description: Text,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves, drawn in this order: the most important one last.
    pub lines: Vec<Line>,
    /// Places that the chart points out.
    pub marks: Vec<Mark>,
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Line {
    /// The name in the legend, best with its key figure: "Joint, AUC 0.781".
    pub name: Text,
    /// What the curve stands for.
    pub tone: Tone,
    /// The points in drawing order; a point that is not finite interrupts the curve.
    pub points: Vec<(f64, f64)>,
    /// Whether each point is drawn as a dot: for few points that were each measured.
    pub dots: bool,
}

impl Line {
    /// A plain curve.
    pub fn new(name: Text, tone: Tone, points: Vec<(f64, f64)>) -> Self {
        Self { name, tone, points, dots: false }
    }
}

/// A place that a chart points out.
#[derive(Clone, Debug)]
pub enum Mark {
    /// A dashed vertical line over the whole height.
    Vertical {
        /// Where it stands.
        x: f64,
        /// What it means.
        label: Text,
    },
    /// A vertical arrow between two heights, such as the largest distance of two curves.
    Gap {
        /// Where it stands.
        x: f64,
        /// One end.
        from: f64,
        /// The other end.
        to: f64,
        /// What it means.
        label: Text,
    },
    /// A ring around a point.
    Point {
        /// The point.
        at: (f64, f64),
        /// What it means.
        label: Text,
    },
}

/// The height of the plot box.
const PLOT_HEIGHT: f64 = 236.0;

/// How many places of each curve answer the pointer.
const HOVER_PLACES: usize = 41;

/// How many rows the table under the chart has.
const TABLE_ROWS: usize = 11;

/// Where and how one chart's data become pixels.
struct Drawing {
    plot: Plot,
    x: Scale,
    y: Scale,
    languages: Languages,
}

impl LineChart {
    pub(super) fn draw(&self, languages: Languages) -> Element {
        let Some((x, y)) = self.domains() else {
            return frame::empty_canvas(&self.title, &self.description, languages);
        };
        let entries: Vec<_> =
            self.lines.iter().rev().map(|line| (&line.name, line.tone, Swatch::Line)).collect();
        let (legend, legend_height) = frame::legend(&entries, languages);
        let (x_ticks, y_ticks) = (x.ticks(), y.ticks());
        let top = legend_height + 30.0;
        let plot = Plot {
            left: frame::axis_width(&self.y, &y_ticks),
            right: frame::WIDTH - 24.0,
            top,
            bottom: top + PLOT_HEIGHT,
        };
        let drawing = Drawing {
            plot,
            x: Scale::new(x, plot.left, plot.right),
            y: Scale::new(y, plot.bottom, plot.top),
            languages,
        };
        let canvas = frame::canvas(&self.title, &self.description, plot.bottom + 46.0, languages);
        canvas
            .child(legend)
            .child(frame::left_axis(&self.y, &y_ticks, &drawing.y, plot, languages))
            .child(frame::bottom_axis(&self.x, &x_ticks, &drawing.x, plot, languages))
            .children(self.lines.iter().map(|line| drawing.curve(line)))
            .children(self.marks.iter().enumerate().map(|(row, mark)| drawing.mark(row, mark)))
            .children(self.lines.iter().map(|line| self.hover_places(line, &drawing)))
    }

    pub(super) fn table(&self) -> Table {
        let Some((domain, y)) = self.domains() else {
            return Table::new(Vec::new());
        };
        let step = y.ticks().step / 10.0;
        let columns = std::iter::once(Column::new(self.x.label.clone(), Align::Left))
            .chain(self.lines.iter().map(|line| Column::new(line.name.clone(), Align::Right)));
        let mut table = Table::new(columns.collect());
        for x in domain.spread(TABLE_ROWS) {
            let values = self.lines.iter().map(|line| interpolated(&line.points, x));
            let cells = values.map(|value| self.y.quantity(value.unwrap_or(f64::NAN), step));
            let place =
                Cell::quantity(self.x.quantity(x, domain.length() / (TABLE_ROWS - 1) as f64));
            table.push(std::iter::once(place).chain(cells.map(Cell::quantity)).collect());
        }
        table
    }

    /// The ranges of both axes; none when no curve has a drawable point.
    fn domains(&self) -> Option<(Domain, Domain)> {
        let points = || {
            let points = self.lines.iter().flat_map(|line| &line.points);
            points.copied().filter(|(x, y)| x.is_finite() && y.is_finite())
        };
        let fixed = |axis: &Axis| axis.range.and_then(|(low, high)| Domain::between(low, high));
        let x_data = Domain::covering(points().map(|(x, _)| x))?;
        let y_data = Domain::covering(points().map(|(_, y)| y))?.with_zero().rounded();
        Some((fixed(&self.x).unwrap_or(x_data), fixed(&self.y).unwrap_or(y_data)))
    }

    /// Invisible dots along a curve that show its values when the pointer rests on them.
    fn hover_places(&self, line: &Line, drawing: &Drawing) -> Element {
        let places: Vec<(f64, f64)> = if line.dots || line.points.len() <= HOVER_PLACES {
            line.points.clone()
        } else {
            let last = line.points.len() - 1;
            let places = 0..HOVER_PLACES;
            places.map(|index| line.points[index * last / (HOVER_PLACES - 1)]).collect()
        };
        let (x_step, y_step) =
            (drawing.x.domain().ticks().step / 10.0, drawing.y.domain().ticks().step / 10.0);
        let mut group = Element::classed("g", "hover");
        for (x, y) in places.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
            let dot = drawing.dot(x, y, 7.0);
            let values = [self.x.quantity(x, x_step), self.y.quantity(y, y_step)];
            group = group.child(frame::tooltip(
                dot,
                &named_values(&line.name, values),
                drawing.languages,
            ));
        }
        group
    }
}

impl Drawing {
    fn curve(&self, line: &Line) -> Element {
        let path = Element::classed("path", "line")
            .set("data-tone", line.tone.class())
            .set("d", self.path(&line.points));
        let mut group = Element::new("g").child(path);
        if line.dots {
            let finite = line.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
            group = group.children(finite.map(|&(x, y)| {
                self.dot(x, y, 3.2).set("class", "dot").set("data-tone", line.tone.class())
            }));
        }
        group
    }

    /// The points as path commands, without those that would move the pen by less than can be seen.
    fn path(&self, points: &[(f64, f64)]) -> String {
        const VISIBLE: f64 = 0.4;
        let mut path = String::new();
        let mut pen: Option<(f64, f64)> = None;
        for (index, &(x, y)) in points.iter().enumerate() {
            if !x.is_finite() || !y.is_finite() {
                pen = None;
                continue;
            }
            let at = (self.x.at(x), self.y.at(y));
            let is_last = index + 1 == points.len();
            let command = match pen {
                None => "M",
                Some(pen) if !is_last && (pen.0 - at.0).hypot(pen.1 - at.1) < VISIBLE => continue,
                Some(_) => "L",
            };
            path.push_str(command);
            path.push_str(&pixels_text(at.0));
            path.push(' ');
            path.push_str(&pixels_text(at.1));
            pen = Some(at);
        }
        path
    }

    fn dot(&self, x: f64, y: f64, radius: f64) -> Element {
        Element::new("circle").at("cx", self.x.at(x)).at("cy", self.y.at(y)).at("r", radius)
    }

    /// The `row`-th mark; labels of vertical marks stand in rows so that they do not collide.
    fn mark(&self, row: usize, mark: &Mark) -> Element {
        let group = Element::classed("g", "mark");
        match mark {
            Mark::Vertical { x, label } if x.is_finite() => {
                let pixel = self.x.at(*x);
                let y = self.plot.bottom - 12.0 - frame::LINE_HEIGHT * row as f64;
                group
                    .child(frame::rule("guide", (pixel, self.plot.top), (pixel, self.plot.bottom)))
                    .child(self.beside(pixel, y, label))
            }
            Mark::Gap { x, from, to, label } if (x + from + to).is_finite() => {
                let pixel = self.x.at(*x);
                let (from, to) = (self.y.at(*from), self.y.at(*to));
                let arrow = |y: f64, direction: f64| {
                    let (left, right) = (pixel - 4.0, pixel + 4.0);
                    let back = y + 6.0 * direction;
                    let [l, r, p, y, back] = [left, right, pixel, y, back].map(pixels_text);
                    Element::classed("path", "arrow")
                        .set("d", format!("M{l} {back}L{p} {y}L{r} {back}"))
                };
                let down = if from < to { 1.0 } else { -1.0 };
                group
                    .child(frame::rule("gap", (pixel, from), (pixel, to)))
                    .child(arrow(from, down))
                    .child(arrow(to, -down))
                    .child(self.beside(pixel, f64::midpoint(from, to), label))
            }
            Mark::Point { at: (x, y), label } if (x + y).is_finite() => group
                .child(self.dot(*x, *y, 5.0).set("class", "ring"))
                .child(self.beside(self.x.at(*x), self.y.at(*y) - 14.0, label)),
            _ => group,
        }
    }

    /// A label beside a vertical place, on the side that has room.
    fn beside(&self, x: f64, y: f64, text: &Text) -> Element {
        let fits_right = x + 8.0 + frame::width_of(text) <= self.plot.right;
        let (x, anchor) =
            if fits_right { (x + 8.0, Anchor::Start) } else { (x - 8.0, Anchor::End) };
        let y = y.max(self.plot.top + 8.0);
        frame::label(x, y, anchor, text, self.languages)
    }
}

/// `name: first, second` in both languages.
fn named_values(name: &Text, values: [Quantity; 2]) -> Text {
    let write = |language: Language| {
        let [first, second] = values.map(|value| value.write(language));
        format!("{}: {first}, {second}", name.write(language))
    };
    Text::owned(write(Language::English), write(Language::Chinese))
}

/// The height of a curve at `x`, from the segment that holds it; the last one where several do.
fn interpolated(points: &[(f64, f64)], x: f64) -> Option<f64> {
    let slack = 1e-9 * x.abs().max(1.0);
    points.windows(2).rev().find_map(|pair| {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        let holds = x0.min(x1) - slack <= x && x <= x0.max(x1) + slack;
        let width = x1 - x0;
        let share = if width == 0.0 { 1.0 } else { ((x - x0) / width).clamp(0.0, 1.0) };
        let value = y0 + (y1 - y0) * share;
        (holds && value.is_finite()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_read_off_between_its_points() {
        let points = [(0.0, 0.0), (0.0, 0.4), (1.0, 1.0)];
        assert_eq!(interpolated(&points, 0.0), Some(0.4));
        assert!((interpolated(&points, 0.5).unwrap() - 0.7).abs() < 1e-12);
        assert_eq!(interpolated(&points, 1.5), None);
        assert_eq!(interpolated(&[(0.0, f64::NAN), (1.0, 1.0)], 0.5), None);
    }

    #[test]
    fn long_curves_are_thinned_to_what_can_be_seen() {
        let domain = Domain::between(0.0, 1.0).unwrap();
        let drawing = Drawing {
            plot: Plot { left: 0.0, right: 500.0, top: 0.0, bottom: 236.0 },
            x: Scale::new(domain, 0.0, 500.0),
            y: Scale::new(domain, 236.0, 0.0),
            languages: Languages::Both,
        };
        let points: Vec<_> =
            (0..=30_000).map(|index| f64::from(index) / 30_000.0).map(|x| (x, x)).collect();
        let path = drawing.path(&points);
        assert!(path.matches('L').count() < 1500);
        assert!(path.ends_with("L500 0"));
    }
}
