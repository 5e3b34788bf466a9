//! The HTML around a report's parts: head, contents, sections, cards.

use super::{Card, Notice, Part, Provenance, Report, Section, Tile};
use crate::chart;
use crate::markup::Element;
use crate::message::{self, Languages, Text};

/// The style sheet of the page, beside the charts' one.
const STYLE: &str = include_str!("page.css");

/// The switches for language and theme; without it the page stays readable.
const SCRIPT: &str = include_str!("page.js");

/// Nothing may be loaded, and nothing may be sent: the page is data and says so to the browser.
const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

pub(super) fn render(report: &Report) -> String {
    let html = Element::new("html")
        .set("lang", report.language.tag())
        .child(head(report))
        .child(body(report));
    format!("<!DOCTYPE html>\n{html}")
}

/// A heading inside a section, with the provenance of what follows.
pub(super) fn small_heading(title: &Text, provenance: Option<Provenance>) -> Element {
    let heading = Element::new("h3").child(Element::new("span").say(title));
    heading.children(provenance.map(tag))
}

fn head(report: &Report) -> Element {
    let meta = |name, content| Element::new("meta").set("name", name).set("content", content);
    Element::new("head")
        .child(Element::new("meta").set("charset", "utf-8"))
        .child(meta("viewport", "width=device-width, initial-scale=1"))
        .child(
            Element::new("meta")
                .set("http-equiv", "Content-Security-Policy")
                .set("content", CONTENT_POLICY),
        )
        .child(meta("generator", "Tombolo"))
        .child(Element::new("title").plain(&report.title, Languages::Both))
        .child(Element::new("style").asset(chart::PALETTE).asset(chart::STYLE).asset(STYLE))
}

fn body(report: &Report) -> Element {
    let sections = report.sections.iter().enumerate().map(|(index, part)| section(index, part));
    let main = Element::new("main").child(contents(report)).children(sections);
    Element::new("body")
        .child(header(report))
        .child(main)
        .child(footer())
        .child(Element::new("script").asset(SCRIPT))
}

fn header(report: &Report) -> Element {
    let button = |name, value: &str, text: &str| {
        Element::new("button").set("type", "button").set(name, value).text(text)
    };
    let switches = Element::classed("div", "switches")
        .child(button("data-language", "zh", "中文"))
        .child(button("data-language", "en", "English"))
        .child(
            Element::new("button")
                .set("type", "button")
                .set("data-theme-switch", "")
                .say(&message::change_theme()),
        );
    let mut titles = Element::classed("div", "titles")
        .child(Element::new("h1").say(&report.title))
        .children(report.subtitle.iter().map(|it| Element::classed("p", "subtitle").say(it)));
    if let Some(party) = &report.party {
        let seen_by = message::seen_by(party.as_str());
        titles = titles.child(Element::classed("p", "audience").say(&seen_by));
    }
    let facts = report.facts.iter().map(|(name, value)| {
        Element::new("div").child(Element::new("dt").say(name)).child(Element::new("dd").say(value))
    });
    let top = Element::classed("div", "top").child(titles).child(switches);
    let header = Element::new("header").child(top);
    if report.facts.is_empty() {
        return header;
    }
    header.child(Element::classed("dl", "facts").children(facts))
}

fn contents(report: &Report) -> Element {
    let links = report.sections.iter().enumerate().map(|(index, section)| {
        Element::new("a").set("href", format!("#part-{index}")).say(&section.title)
    });
    Element::new("nav")
        .set("aria-label", format!("{} · {}", message::contents().en, message::contents().zh))
        .children(links)
}

fn section(index: usize, section: &Section) -> Element {
    Element::new("section")
        .set("id", format!("part-{index}"))
        .child(Element::new("h2").say(&section.title))
        .children(section.lead.iter().map(|lead| Element::classed("p", "lead").say(lead)))
        .children(section.parts.iter().map(draw_part))
}

fn draw_part(part: &Part) -> Element {
    match part {
        Part::Tiles(tiles) => Element::classed("div", "tiles").children(tiles.iter().map(tile)),
        Part::Comparison(comparison) => comparison.draw(),
        Part::Charts(cards) => Element::classed("div", "cards").children(cards.iter().map(card)),
        Part::Table { title, table, provenance } => Element::classed("div", "card")
            .child(small_heading(title, *provenance))
            .child(table.draw()),
        Part::Notice(kind, text) => notice(*kind, text),
        Part::Paragraph(text) => Element::new("p").say(text),
        Part::Disclosure(statement) => statement.draw(),
        Part::Steps(steps) => steps.draw(),
        Part::Folded { title, parts } => Element::classed("details", "folded")
            .child(Element::new("summary").say(title))
            .children(parts.iter().map(draw_part)),
    }
}

fn tile(tile: &Tile) -> Element {
    let label = Element::classed("div", "label").say(&tile.label).child(tag(tile.provenance));
    Element::classed("div", "card tile")
        .child(label)
        .child(Element::classed("div", "value").say(&tile.value.text()))
        .children(tile.note.iter().map(|note| Element::classed("div", "note").say(note)))
}

fn card(card: &Card) -> Element {
    let numbers = Element::new("details")
        .child(Element::new("summary").say(&message::show_numbers()))
        .child(card.chart.table().draw());
    Element::classed("figure", "card")
        .child(small_heading(card.chart.title(), Some(card.provenance)))
        .child(card.chart.draw(Languages::Both))
        .child(Element::new("figcaption").say(card.chart.description()))
        .child(numbers)
}

fn notice(kind: Notice, text: &Text) -> Element {
    let (class, heading) = match kind {
        Notice::Remark => ("notice remark", message::remark()),
        Notice::Caution => ("notice caution", message::caution()),
    };
    let content = Element::new("p").child(Element::new("b").say(&heading)).text(" ").say(text);
    Element::classed("div", class).set("role", "note").child(content)
}

/// The word and shape that say where a figure comes from.
fn tag(provenance: Provenance) -> Element {
    let (class, sign, word, meaning) = match provenance {
        Provenance::Real => {
            ("tag real", "●", message::provenance_real(), message::provenance_real_meaning())
        }
        Provenance::Simulated => (
            "tag simulated",
            "◇",
            message::provenance_simulated(),
            message::provenance_simulated_meaning(),
        ),
        Provenance::Claimed => (
            "tag claimed",
            "△",
            message::provenance_claimed(),
            message::provenance_claimed_meaning(),
        ),
    };
    let title = format!("{} · {}", meaning.en, meaning.zh);
    Element::classed("span", class).set("title", title).text(format!("{sign} ")).say(&word)
}

/// What the tags mean, once at the end of the page.
fn footer() -> Element {
    let lines = [
        (Provenance::Real, message::provenance_real_meaning()),
        (Provenance::Simulated, message::provenance_simulated_meaning()),
        (Provenance::Claimed, message::provenance_claimed_meaning()),
    ];
    let lines = lines.map(|(provenance, meaning)| {
        Element::new("p").child(tag(provenance)).text(" ").child(Element::new("span").say(&meaning))
    });
    Element::new("footer").children(lines)
}
