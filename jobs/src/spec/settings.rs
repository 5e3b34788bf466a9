//! The settings of a component, read and bounded by the component's own descriptor.
//!
//! The descriptor is the only place where names, bounds and defaults stand. What is read becomes
//! a typed struct whose fields are the descriptor's parameters; a test holds the two together.

use contract::{ComponentDescriptor, ParameterDescriptor, ParameterKind, STRICT, Share};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::fields::{Fields, Problems, one_or_more, quoted_list, suggestion, text};
use super::node::{Key, Node, Value, shortened};
use super::problem::Problem;

/// Takes all parameters of a component out of its mapping; what is left out gets its default.
pub(super) fn take<T: DeserializeOwned>(
    fields: &mut Fields<'_>,
    component: &ComponentDescriptor,
    node: &Node,
    problems: &mut Problems,
) -> Option<T> {
    let mut values = Map::new();
    let mut sound = true;
    for parameter in component.parameters {
        let value = match fields.take(parameter.name) {
            Some(given) => read(given, parameter, problems),
            None => Some(default(&parameter.kind)),
        };
        match value {
            Some(value) => values.extend([(parameter.name.to_owned(), value)]),
            None => sound = false,
        }
    }
    if !sound {
        return None;
    }
    typed(values).map_err(|error| problems.push(internal(component, node, &error))).ok()
}

/// Takes the privacy mode of a component; one that it lacks is a mistake, nothing falls back.
pub(super) fn take_mode(
    fields: &mut Fields<'_>,
    component: &ComponentDescriptor,
    node: &Node,
    problems: &mut Problems,
) -> Option<String> {
    let short = component.short_name();
    let names = component.mode_names();
    let Some(given) = fields.take("privacy") else {
        if names.contains(&STRICT) {
            return Some(STRICT.to_owned());
        }
        let message = format!("`{short}` has no `{STRICT}` mode, so the job must name its mode");
        let modes: Vec<String> = component
            .modes
            .iter()
            .map(|mode| format!("`privacy: {}`: {}", mode.name, mode.summary.en))
            .collect();
        problems.push(Problem::new(node.place, message).help(modes.join("; ")));
        return None;
    };
    let mode = text(given, "privacy", problems)?;
    if names.contains(&mode) {
        return Some(mode.to_owned());
    }
    let message = format!(
        "`{short}` has no privacy mode `{}`; it has {}",
        shortened(mode),
        quoted_list(&names)
    );
    problems.push(Problem::new(given.place, message).help(suggestion(mode, &names)));
    None
}

/// The settings of a component when a job does not mention it.
pub(super) fn defaults<T: DeserializeOwned>(
    component: &ComponentDescriptor,
    node: &Node,
    problems: &mut Problems,
) -> Option<T> {
    let values = component
        .parameters
        .iter()
        .map(|parameter| (parameter.name.to_owned(), default(&parameter.kind)))
        .collect();
    typed(values).map_err(|error| problems.push(internal(component, node, &error))).ok()
}

/// The validated values as the struct of the component.
pub(super) fn typed<T: DeserializeOwned>(values: Map<String, Json>) -> serde_json::Result<T> {
    serde_json::from_value(Json::Object(values))
}

/// The value that a parameter has when the job does not give one.
pub(super) fn default(kind: &ParameterKind) -> Json {
    match kind {
        ParameterKind::Flag { default } => Json::from(*default),
        ParameterKind::Integer { default, .. } => Json::from(*default),
        ParameterKind::Number { default, .. } => default.map_or(Json::Null, Json::from),
        ParameterKind::Share { default, .. } => Json::from(default.parts_per_million()),
        ParameterKind::Shares { default } => {
            default.iter().map(|share| share.parts_per_million()).collect()
        }
        ParameterKind::OfColumns { .. } => Json::Object(Map::new()),
        ParameterKind::Choice { default, .. } => Json::from(*default),
    }
}

/// Only reached when a descriptor and its struct disagree, which a test excludes.
fn internal(component: &ComponentDescriptor, node: &Node, error: &serde_json::Error) -> Problem {
    let message = format!("the settings of `{}` do not fit together: {error}", component.name);
    Problem::new(node.place, message).help("this is a defect of the program; please report it")
}

fn read(node: &Node, parameter: &ParameterDescriptor, problems: &mut Problems) -> Option<Json> {
    let name = parameter.name;
    let result = match parameter.kind {
        ParameterKind::Shares { .. } => return read_shares(node, name, problems),
        ParameterKind::OfColumns { options } => {
            return read_of_columns(node, name, options, problems);
        }
        ParameterKind::Choice { options, .. } => {
            let words: Vec<(&str, &str)> = options.iter().map(|word| (*word, *word)).collect();
            return super::fields::word(node, name, &words, problems).map(Json::from);
        }
        ParameterKind::Flag { .. } => match text(node, name, problems)? {
            "true" => Ok(Json::from(true)),
            "false" => Ok(Json::from(false)),
            _ => Err("expected `true` or `false`".to_owned()),
        },
        ParameterKind::Integer { minimum, maximum, .. } => {
            integer(text(node, name, problems)?, minimum, maximum).map(Json::from)
        }
        ParameterKind::Number { minimum, maximum, .. } => {
            number(text(node, name, problems)?, minimum, maximum).map(Json::from)
        }
        ParameterKind::Share { minimum, maximum, .. } => {
            share(text(node, name, problems)?, minimum, maximum)
        }
    };
    result
        .map_err(|expected| {
            let message = format!("`{name}` is {}; {expected}", node.describe());
            problems.push(Problem::new(node.place, message).help(parameter.description.en.clone()));
        })
        .ok()
}

fn integer(text: &str, minimum: u32, maximum: u32) -> Result<u32, String> {
    let value = text.replace('_', "").parse::<u32>().ok();
    value
        .filter(|value| (minimum..=maximum).contains(value))
        .ok_or_else(|| format!("expected a whole number from {minimum} to {maximum}"))
}

fn number(text: &str, minimum: f64, maximum: f64) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| (minimum..=maximum).contains(value));
    // Adding zero turns -0 into 0, so that equal settings have equal digests.
    value
        .map(|value| value + 0.0)
        .ok_or_else(|| format!("expected a number from {minimum} to {maximum}"))
}

fn share(text: &str, minimum: Share, maximum: Share) -> Result<Json, String> {
    let value = text.parse::<Share>().map_err(|error| error.to_string())?;
    if !(minimum..=maximum).contains(&value) {
        return Err(format!("expected a share from {minimum} to {maximum}"));
    }
    Ok(Json::from(value.parts_per_million()))
}

fn read_shares(node: &Node, name: &str, problems: &mut Problems) -> Option<Json> {
    let items = one_or_more(node, name, problems)?;
    if items.is_empty() || items.len() > SHARES_MAX {
        let message = format!("`{name}` has {} entries; expected 1 to {SHARES_MAX}", items.len());
        problems.push(Problem::new(node.place, message));
        return None;
    }
    let mut shares = Vec::new();
    for item in items {
        match share(text(item, name, problems)?, Share::SMALLEST, Share::WHOLE) {
            Ok(value) if !shares.contains(&value) => shares.push(value),
            Ok(_) => {
                let message = format!("`{name}` has {} twice", item.describe());
                problems.push(Problem::new(item.place, message));
                return None;
            }
            Err(expected) => {
                let message = format!("`{name}` has {}; {expected}", item.describe());
                problems.push(Problem::new(item.place, message));
                return None;
            }
        }
    }
    Some(Json::from(shares))
}

/// A word for columns of each party, by the names of party and column.
fn read_of_columns(
    node: &Node,
    name: &str,
    options: &[&'static str],
    problems: &mut Problems,
) -> Option<Json> {
    let words: Vec<(&str, &str)> = options.iter().map(|word| (*word, *word)).collect();
    let mut parties = Map::new();
    for (party, node) in entries(node, name, options, problems)? {
        let mut columns = Map::new();
        for (column, node) in entries(node, name, options, problems)? {
            let word = super::fields::word(node, name, &words, problems)?;
            columns.insert(column.text.clone(), Json::from(word));
        }
        parties.insert(party.text.clone(), Json::Object(columns));
    }
    Some(Json::Object(parties))
}

fn entries<'n>(
    node: &'n Node,
    name: &str,
    options: &[&str],
    problems: &mut Problems,
) -> Option<&'n [(Key, Node)]> {
    match &node.value {
        Value::Mapping(entries) if !entries.is_empty() => Some(entries),
        _ => {
            let message = format!("`{name}` has {}", node.describe());
            let help = format!("expected `{{ party: {{ column: {} }} }}`", options.join(" or "));
            problems.push(Problem::new(node.place, message).help(help));
            None
        }
    }
}

const SHARES_MAX: usize = 20;
