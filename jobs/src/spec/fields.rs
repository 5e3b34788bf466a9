//! Taking a mapping apart key by key, with an error for every key that nobody asked for.

use table::closest;

use super::node::{Key, Node, Value, shortened};
use super::problem::{Place, Problem};

/// The mistakes found so far.
pub type Problems = Vec<Problem>;

/// A mapping whose keys are taken one after the other.
pub struct Fields<'n> {
    /// What an error message calls the mapping, such as "party `bank`".
    what: String,
    place: Place,
    left: Vec<(&'n Key, &'n Node)>,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Opens a mapping; anything else is a mistake.
    pub fn of(node: &'n Node, what: String, problems: &mut Problems) -> Option<Self> {
        let left = match &node.value {
            Value::Mapping(entries) => entries.iter().map(|(key, node)| (key, node)).collect(),
            _ if node.is_nothing() => Vec::new(),
            _ => {
                let message = format!("{what} is {}; expected `key: value` pairs", node.describe());
                problems.push(Problem::new(node.place, message));
                return None;
            }
        };
        Some(Self { what, place: node.place, left, known: Vec::new() })
    }

    /// The value of a key that may be left out.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let index = self.left.iter().position(|(found, _)| found.text == key)?;
        Some(self.left.remove(index).1)
    }

    /// The value of a key that must be there.
    pub fn require(
        &mut self,
        key: &'static str,
        meaning: &str,
        problems: &mut Problems,
    ) -> Option<&'n Node> {
        let node = self.take(key).filter(|node| !node.is_nothing());
        if node.is_none() {
            let message = format!("{} lacks `{key}`", self.what);
            problems.push(Problem::new(self.place, message).help(format!("`{key}:` {meaning}")));
        }
        node
    }

    /// Ends the mapping: whatever was not taken is an unknown key.
    pub fn finish(self, problems: &mut Problems) {
        for (key, _) in self.left {
            let name = shortened(&key.text);
            let message = format!("{} has no key `{name}`", self.what);
            problems
                .push(Problem::new(key.place, message).help(suggestion(&key.text, &self.known)));
        }
    }
}

/// "did you mean", and the list of what is possible.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let list = quoted_list(known);
    match closest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? possible: {list}"),
        None => format!("possible: {list}"),
    }
}

/// Names in back-quotes with commas between them.
pub(super) fn quoted_list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The text of a scalar; anything else is a mistake.
pub fn text<'n>(node: &'n Node, what: &str, problems: &mut Problems) -> Option<&'n str> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_nothing() => Some(text),
        _ => {
            let message = format!("`{what}` is {}; expected a text", node.describe());
            problems.push(Problem::new(node.place, message));
            None
        }
    }
}

/// One of several words.
pub fn word<T: Copy>(
    node: &Node,
    what: &str,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let given = text(node, what, problems)?;
    let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{what}` cannot be `{}`", shortened(given));
        problems.push(Problem::new(node.place, message).help(suggestion(given, &names)));
    }
    found
}

/// A name that becomes a folder and a channel: lower-case letters, digits, `_` and `-`.
pub fn name(text: &str, what: &str, place: Place, problems: &mut Problems) -> Option<String> {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let sound = text.bytes().next().is_some_and(fine)
        && text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|byte| fine(byte) || byte == b'_' || byte == b'-');
    if sound {
        return Some(text.to_owned());
    }
    let message = format!("`{}` cannot be the name of {what}", shortened(text));
    problems.push(Problem::new(place, message).help(format!(
        "1 to {NAME_BYTES_MAX} lower-case letters, digits, `_` and `-`, the first a letter or digit"
    )));
    None
}

/// A text of at most `characters_max` characters without control characters.
pub fn bounded_text(
    node: &Node,
    what: &str,
    characters_max: usize,
    problems: &mut Problems,
) -> Option<String> {
    let given = text(node, what, problems)?;
    if given.chars().count() > characters_max || given.chars().any(char::is_control) {
        let message = format!(
            "`{what}` is `{}`; expected at most {characters_max} characters on one line",
            shortened(given)
        );
        problems.push(Problem::new(node.place, message));
        return None;
    }
    Some(given.to_owned())
}

/// A list, or a single scalar as a list of one.
pub(super) fn one_or_more<'n>(
    node: &'n Node,
    what: &str,
    problems: &mut Problems,
) -> Option<&'n [Node]> {
    match &node.value {
        Value::List(items) => Some(items),
        Value::Scalar { .. } => Some(std::slice::from_ref(node)),
        Value::Mapping(_) => {
            let message = format!("`{what}` is {}; expected a list", node.describe());
            problems.push(Problem::new(node.place, message));
            None
        }
    }
}

const NAME_BYTES_MAX: usize = 48;
