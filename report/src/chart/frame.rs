//! What all charts share: the canvas, the plot box, axes, legends and text of estimated width.

use super::scale::{Scale, Ticks};
use super::{Axis, Tone};
use crate::markup::{Element, pixels_text};
use crate::message::{self, Languages, Text};

/// The width of every chart's canvas in pixels of its own coordinate system; pages scale it.
pub(crate) const WIDTH: f64 = 560.0;

/// The height of a line of text.
pub(crate) const LINE_HEIGHT: f64 = 18.0;

/// Free space at the left and right border of the canvas.
pub(crate) const MARGIN: f64 = 1.0;

/// The rectangle that data are drawn in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plot {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// Where a text's anchor lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a series is shown in a legend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Swatch {
    Line,
    Box,
}

/// The empty canvas with its accessible name.
pub(crate) fn canvas(
    title: &Text,
    description: &Text,
    height: f64,
    languages: Languages,
) -> Element {
    Element::classed("svg", "chart")
        .set("viewBox", format!("0 0 {} {}", pixels_text(WIDTH), pixels_text(height)))
        .set("role", "img")
        .child(Element::new("title").plain(title, languages))
        .child(Element::new("desc").plain(description, languages))
}

/// A canvas that says that there is nothing to draw.
pub(crate) fn empty_canvas(title: &Text, description: &Text, languages: Languages) -> Element {
    let height = 120.0;
    let note = label(WIDTH / 2.0, height / 2.0, Anchor::Middle, &message::no_data(), languages);
    canvas(title, description, height, languages).child(note.set("class", "quiet"))
}

/// A text at a point: `y` is the middle of its line.
pub(crate) fn label(x: f64, y: f64, anchor: Anchor, text: &Text, languages: Languages) -> Element {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let place = Element::new("text").at("x", x).at("y", y + 4.0).set("text-anchor", anchor);
    place.label(text, languages)
}

/// A straight line of a style class.
pub(crate) fn rule(class: &'static str, from: (f64, f64), to: (f64, f64)) -> Element {
    Element::classed("line", class).at("x1", from.0).at("y1", from.1).at("x2", to.0).at("y2", to.1)
}

/// A bar between two corners in any order; never thinner than a hair, so that small values show.
pub(crate) fn bar(class: String, from: (f64, f64), to: (f64, f64)) -> Element {
    Element::classed("rect", class)
        .at("x", from.0.min(to.0))
        .at("y", from.1.min(to.1))
        .at("width", (from.0 - to.0).abs().max(0.5))
        .at("height", (from.1 - to.1).abs().max(0.5))
}

/// The text that appears when the pointer rests on the element.
pub(crate) fn tooltip(element: Element, text: &Text, languages: Languages) -> Element {
    element.child(Element::new("title").plain(text, languages))
}

/// Horizontal grid lines with their values at the left, and the axis' name above them.
pub(crate) fn left_axis(
    axis: &Axis,
    ticks: &Ticks,
    scale: &Scale,
    plot: Plot,
    languages: Languages,
) -> Element {
    let mut group = Element::classed("g", "axis");
    for &value in &ticks.values {
        let y = scale.at(value);
        let text = axis.quantity(value, ticks.step).text();
        group = group.child(rule("grid", (plot.left, y), (plot.right, y))).child(label(
            plot.left - 8.0,
            y,
            Anchor::End,
            &text,
            languages,
        ));
    }
    group.child(label(MARGIN, plot.top - 16.0, Anchor::Start, &axis.label, languages))
}

/// Values at the right border for a second axis, and its name above them.
pub(crate) fn right_axis(
    axis: &Axis,
    ticks: &Ticks,
    scale: &Scale,
    plot: Plot,
    languages: Languages,
) -> Element {
    let mut group = Element::classed("g", "axis");
    for &value in &ticks.values {
        let text = axis.quantity(value, ticks.step).text();
        group =
            group.child(label(plot.right + 8.0, scale.at(value), Anchor::Start, &text, languages));
    }
    group.child(label(WIDTH - MARGIN, plot.top - 16.0, Anchor::End, &axis.label, languages))
}

/// Values below the plot, the axis' name below them, and the base line.
pub(crate) fn bottom_axis(
    axis: &Axis,
    ticks: &Ticks,
    scale: &Scale,
    plot: Plot,
    languages: Languages,
) -> Element {
    let mut group = Element::classed("g", "axis").child(rule(
        "base",
        (plot.left, plot.bottom),
        (plot.right, plot.bottom),
    ));
    for &value in &ticks.values {
        let x = scale.at(value);
        let text = axis.quantity(value, ticks.step).text();
        group = group.child(rule("tick", (x, plot.bottom), (x, plot.bottom + 4.0))).child(label(
            x,
            plot.bottom + 14.0,
            Anchor::Middle,
            &text,
            languages,
        ));
    }
    let middle = f64::midpoint(plot.left, plot.right);
    group.child(label(middle, plot.bottom + 34.0, Anchor::Middle, &axis.label, languages))
}

/// The space that the values of a vertical axis take, with a gap.
pub(crate) fn axis_width(axis: &Axis, ticks: &Ticks) -> f64 {
    let widths = ticks.values.iter().map(|&v| width_of(&axis.quantity(v, ticks.step).text()));
    MARGIN + widths.fold(0.0, f64::max) + 8.0
}

/// A legend in rows from the top of the canvas, and the height that it takes.
pub(crate) fn legend(entries: &[(&Text, Tone, Swatch)], languages: Languages) -> (Element, f64) {
    const SWATCH_WIDTH: f64 = 24.0;
    let mut group = Element::classed("g", "legend");
    let (mut x, mut y) = (MARGIN, 12.0);
    for (name, tone, swatch) in entries {
        let name = &shortened(name, WIDTH - 2.0 * MARGIN - SWATCH_WIDTH);
        let width = SWATCH_WIDTH + width_of(name);
        if x > MARGIN && x + width > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + LINE_HEIGHT + 2.0);
        }
        let sign = match swatch {
            Swatch::Line => rule("line", (x, y), (x + 18.0, y)).set("data-tone", tone.class()),
            Swatch::Box => bar("bar".to_owned(), (x + 4.0, y - 5.0), (x + 14.0, y + 5.0))
                .set("data-tone", tone.class()),
        };
        group = group.child(sign).child(label(x + SWATCH_WIDTH, y, Anchor::Start, name, languages));
        x += width + 20.0;
    }
    let height = if entries.is_empty() { 0.0 } else { y + 16.0 };
    (group, height)
}

/// An estimate of a text's width in pixels at the chart's font size, the wider language counting.
pub(crate) fn width_of(text: &Text) -> f64 {
    let width = |text: &str| text.chars().map(character_width).sum::<f64>();
    width(&text.en).max(width(&text.zh))
}

/// The text cut to about `pixels`, with an ellipsis where something was cut.
pub(crate) fn shortened(text: &Text, pixels: f64) -> Text {
    let cut = |text: &str| {
        let mut room = pixels - character_width('…');
        let fits = |character: &char| {
            room -= character_width(*character);
            room >= 0.0
        };
        if text.chars().map(character_width).sum::<f64>() <= pixels {
            return text.to_owned();
        }
        text.chars().take_while(fits).chain(['…']).collect()
    };
    Text::owned(cut(&text.en), cut(&text.zh))
}

/// Widths of a wide sans-serif at 12 pixels, so that nothing is cut off in a narrower one; East
/// Asian characters are square.
fn character_width(character: char) -> f64 {
    match character {
        '\u{2E80}'.. => 12.0,
        'i' | 'j' | 'l' | 'f' | 't' | 'r' | '.' | ',' | ':' | '\'' | '|' | ' ' => 4.3,
        '(' | ')' | '[' | ']' => 4.7,
        'm' | 'w' | 'M' | 'W' | '%' | '…' => 11.5,
        'A'..='Z' | '×' | '−' | '+' | '<' | '>' | '=' | '≤' | '≥' => 9.5,
        _ => 7.7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_with_an_ellipsis() {
        let name = Text::new("number of calls in the last month", "近一个月通话次数");
        let short = shortened(&name, 80.0);
        assert!(short.en.ends_with('…') && short.zh.ends_with('…'));
        assert!(width_of(&short) <= 80.0);
        assert_eq!(shortened(&name, 500.0), name);
    }

    #[test]
    fn a_legend_wraps() {
        let name = message::neutral("a rather long name of a score");
        let entries = [(&name, Tone::Joint, Swatch::Line); 5];
        let (_, height) = legend(&entries, Languages::Both);
        assert!(height > 2.0 * LINE_HEIGHT);
        assert!(legend(&[], Languages::Both).1 < 0.5);
    }
}
