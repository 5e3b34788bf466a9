//! Elements of SVG and HTML as a tree, so that output is well-formed by construction.
//!
//! The serialised form is XML that HTML parsers read alike: every attribute is quoted, every
//! character of text is escaped, and only HTML's void elements close themselves.

use std::fmt;

use crate::message::{Language, Languages, Text};

/// Elements of HTML that have no content and no closing tag.
const VOID: [&str; 6] = ["meta", "br", "col", "hr", "input", "link"];

/// Elements inside running text: a line break after them would become a visible space.
const INLINE: [&str; 14] = [
    "tspan", "span", "a", "b", "td", "th", "dt", "dd", "button", "textarea", "pre", "code", "time",
    "option",
];

/// One element with its attributes and children.
#[derive(Clone, Debug)]
pub struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Element(Element),
    Text(String),
    /// A style sheet or script of this crate, written as it is.
    Asset(&'static str),
}

impl Element {
    /// An element without attributes and children.
    pub fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), children: Vec::new() }
    }

    /// An element with a `class`.
    pub fn classed(name: &'static str, class: impl Into<String>) -> Self {
        Self::new(name).set("class", class)
    }

    /// Sets an attribute, escaped when written.
    #[must_use]
    pub fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// Sets a coordinate or length in pixels, written with at most two decimals.
    pub(crate) fn at(self, name: &'static str, pixels: f64) -> Self {
        self.set(name, pixels_text(pixels))
    }

    /// Adds a child.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Adds children.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Adds literal text, escaped when written.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// Adds a text of a web page: one span per language unless both read the same.
    pub(crate) fn say(self, text: &Text) -> Self {
        self.say_in(text, Languages::Both)
    }

    /// Adds a text of a web page in one language or both.
    pub(crate) fn say_in(self, text: &Text, languages: Languages) -> Self {
        self.say_within("span", text, languages)
    }

    /// Adds a text of a drawing: one `tspan` per language unless both read the same.
    pub(crate) fn label(self, text: &Text, languages: Languages) -> Self {
        self.say_within("tspan", text, languages)
    }

    /// Adds a text where no child elements are allowed (`title`, `desc`): both languages in one
    /// line.
    pub(crate) fn plain(self, text: &Text, languages: Languages) -> Self {
        match languages {
            Languages::Only(language) => self.text(language.of(text)),
            Languages::Both if text.en == text.zh => self.text(&*text.en),
            Languages::Both => self.text(format!("{} · {}", text.en, text.zh)),
        }
    }

    /// Adds a style sheet or script that belongs to this crate; never data.
    pub(crate) fn asset(mut self, content: &'static str) -> Self {
        self.children.push(Node::Asset(content));
        self
    }

    fn say_within(self, tag: &'static str, text: &Text, languages: Languages) -> Self {
        match languages {
            Languages::Only(language) => self.text(language.of(text)),
            Languages::Both if text.en == text.zh => self.text(&*text.en),
            Languages::Both => {
                self.children([Language::English, Language::Chinese].map(|language| {
                    Self::new(tag).set("lang", language.tag()).text(language.of(text))
                }))
            }
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(out, " {name}=\"{}\"", Escaped(value))?;
        }
        if VOID.contains(&self.name) {
            return out.write_str("/>\n");
        }
        out.write_str(">")?;
        if self.children.iter().any(Node::ends_line) {
            out.write_str("\n")?;
        }
        for child in &self.children {
            match child {
                Node::Element(element) => write!(out, "{element}")?,
                Node::Text(text) => write!(out, "{}", Escaped(text))?,
                Node::Asset(content) => out.write_str(content)?,
            }
        }
        write!(out, "</{}>", self.name)?;
        if INLINE.contains(&self.name) { Ok(()) } else { out.write_str("\n") }
    }
}

impl Node {
    fn ends_line(&self) -> bool {
        matches!(self, Self::Element(element) if !INLINE.contains(&element.name))
            || matches!(self, Self::Asset(_))
    }
}

/// Text with the characters that XML gives a meaning replaced by references, and the characters
/// that XML forbids replaced by U+FFFD.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\t' | '\n' => out.write_char(character)?,
                '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => out.write_char('\u{FFFD}')?,
                _ => out.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// A length with at most two decimals; what is not finite becomes 0, which is always drawable.
pub(crate) fn pixels_text(pixels: f64) -> String {
    if !pixels.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{pixels:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let element = Element::new("span").set("title", "\"a\" <b>").text("1 < 2 & \u{1}");
        assert_eq!(
            element.to_string(),
            "<span title=\"&quot;a&quot; &lt;b&gt;\">1 &lt; 2 &amp; \u{FFFD}</span>"
        );
    }

    #[test]
    fn a_text_is_written_once_per_language() {
        let text = Text::new("rows", "行");
        assert_eq!(
            Element::new("b").say(&text).to_string(),
            "<b><span lang=\"en\">rows</span><span lang=\"zh\">行</span></b>"
        );
        let name = Text::new("KS", "KS");
        assert_eq!(Element::new("b").say(&name).to_string(), "<b>KS</b>");
    }

    #[test]
    fn lengths_are_short_and_always_drawable() {
        assert_eq!(pixels_text(12.0), "12");
        assert_eq!(pixels_text(0.126), "0.13");
        assert_eq!(pixels_text(-0.001), "0");
        assert_eq!(pixels_text(f64::NAN), "0");
        assert_eq!(pixels_text(100.0), "100");
    }
}
