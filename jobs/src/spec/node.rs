//! A YAML document as a tree in which every node knows where it stands.
//!
//! Only the part of YAML that a recipe needs: mappings, lists and scalars. Anchors, aliases, tags
//! and repeated keys are errors, and size, depth and node count are bounded, so that no file can
//! make the reader slow or recurse deeply.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Place, Problem, printable};

/// The longest file that is read, in bytes.
pub(super) const BYTES_MAX: usize = 1 << 20;

/// The deepest nesting that is read; a job needs five levels.
const DEPTH_MAX: usize = 16;

/// The largest number of nodes that is read: a table of 2,000 columns needs about 8,000.
const NODES_MAX: usize = 100_000;

/// The largest number of keys of a mapping: looking for repeated ones takes quadratic time.
const KEYS_MAX: usize = 5_000;

/// A value with the place where it starts.
#[derive(Debug)]
pub struct Node {
    /// Where it starts.
    pub place: Place,
    /// What it holds.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub enum Value {
    /// A text, a number or a word; empty and not quoted means that nothing is given.
    Scalar {
        /// The text as it was meant.
        text: String,
        /// Whether it stood in quotes.
        quoted: bool,
    },
    /// A list in the order of the file.
    List(Vec<Node>),
    /// Keys, each once, in the order of the file.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug)]
pub struct Key {
    /// Where it starts.
    pub place: Place,
    /// The key itself.
    pub text: String,
}

impl Node {
    /// What an error message calls this node.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Scalar { text, quoted: false } if text.is_empty() => "nothing".to_owned(),
            Value::Scalar { text, .. } => format!("`{}`", shortened(text)),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Mapping(entries) => format!("a mapping with {} keys", entries.len()),
        }
    }

    /// Whether the file gives no value here.
    pub fn is_nothing(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, quoted: false } if text.is_empty())
    }
}

/// A text as an error message quotes it: at most 40 characters, none of which drives a terminal.
pub(super) fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(40).map(printable).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

/// Reads the only document of a text.
pub fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > BYTES_MAX {
        return Err(Problem::new(
            Place::START,
            format!("the file has {} bytes; at most {BYTES_MAX} are read", text.len()),
        ));
    }
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let place = Place::new(error.marker().line(), error.marker().col(), 1);
            Problem::new(place, format!("this is not YAML: {}", error.info()))
                .help("indent with blanks, and put texts with `:` or `#` in them in quotes")
        })?;
        tree.add(event, place_of(span))?;
    }
    tree.root.ok_or_else(|| Problem::new(Place::START, "the file is empty".to_owned()))
}

fn place_of(span: Span) -> Place {
    let width = if span.start.line() == span.end.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    Place::new(span.start.line(), span.start.col(), width)
}

/// The part of the tree that has been read.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<Open>,
    nodes: usize,
}

/// A list or mapping whose end has not been read.
enum Open {
    List(Place, Vec<Node>),
    Mapping(Place, Vec<(Key, Node)>, Option<Key>),
}

impl Tree {
    fn add(&mut self, event: Event<'_>, place: Place) -> Result<(), Problem> {
        match event {
            Event::Alias(_) => Err(Problem::new(
                place,
                "no aliases (`*name`) here; write the value out, or quote the text",
            )),
            Event::Scalar(text, style, anchor, tag) => {
                refuse_marks(anchor, tag.is_some(), place)?;
                let quoted = style != ScalarStyle::Plain;
                self.place_node(Node {
                    place,
                    value: Value::Scalar { text: text.into_owned(), quoted },
                })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_marks(anchor, tag.is_some(), place)?;
                self.open(Open::List(place, Vec::new()), place)
            }
            Event::MappingStart(anchor, tag) => {
                refuse_marks(anchor, tag.is_some(), place)?;
                self.open(Open::Mapping(place, Vec::new(), None), place)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(place, items)) => {
                    self.place_node(Node { place, value: Value::List(items) })
                }
                Some(Open::Mapping(place, entries, _)) => {
                    self.place_node(Node { place, value: Value::Mapping(entries) })
                }
                None => Ok(()),
            },
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Problem::new(place, "the file holds one document; remove the `---` here"))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, open: Open, place: Place) -> Result<(), Problem> {
        if self.open.len() == DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX} levels");
            return Err(Problem::new(place, message));
        }
        if let Some(Open::Mapping(_, _, None)) = self.open.last() {
            return Err(Problem::new(place, "a key must be a word or a quoted text"));
        }
        self.open.push(open);
        Ok(())
    }

    fn place_node(&mut self, node: Node) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("the file has more than {NODES_MAX} values");
            return Err(Problem::new(node.place, message));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Mapping(_, entries, key @ Some(_))) => {
                entries.extend(key.take().map(|key| (key, node)));
            }
            Some(Open::Mapping(_, entries, key @ None)) => *key = Some(new_key(entries, node)?),
        }
        Ok(())
    }
}

/// The key that a scalar stands for, if the mapping does not have it already.
fn new_key(entries: &[(Key, Node)], node: Node) -> Result<Key, Problem> {
    let Value::Scalar { text, .. } = node.value else {
        return Err(Problem::new(node.place, "a key must be a word or a quoted text"));
    };
    if entries.len() == KEYS_MAX {
        return Err(Problem::new(node.place, format!("more than {KEYS_MAX} keys in a mapping")));
    }
    if let Some((first, _)) = entries.iter().find(|(key, _)| key.text == text) {
        let message = format!(
            "the key `{}` is already given on line {}",
            shortened(&text),
            first.place.line()
        );
        return Err(Problem::new(node.place, message));
    }
    Ok(Key { place: node.place, text })
}

fn refuse_marks(anchor: usize, tagged: bool, place: Place) -> Result<(), Problem> {
    if anchor != 0 {
        return Err(Problem::new(place, "no anchors (`&name`) here; quote the text"));
    }
    if tagged {
        return Err(Problem::new(place, "no tags (`!name`) here; quote the text"));
    }
    Ok(())
}
