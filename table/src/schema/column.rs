//! One column of a schema.

use std::fmt;
use std::str::FromStr;

use crate::suggestion::{closest, question};
use crate::value::{INTEGER_MAX, Missing};

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Any text, kept exactly as it stands: ids, names, remarks.
    Text,
    /// Real numbers in decimal form.
    Number,
    /// Whole numbers up to 2^53 in magnitude; larger ones are ids and therefore text.
    Integer,
    /// One of at most [`LEVELS_MAX`](crate::LEVELS_MAX) different texts, blanks around removed.
    Category,
    /// true/false, yes/no, t/f, y/n, 1/0, 是/否; used as 1 and 0.
    Boolean,
    /// A point in time, held in microseconds since 1970-01-01 UTC.
    Time,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The key by which parties find their common rows.
    Id,
    /// An input of models.
    Feature,
    /// What models predict.
    Label,
    /// How much a row counts.
    Weight,
    /// When the row's outcome was observed; splits by time use it.
    Time,
    /// Kept beside the others, of any kind, values may be missing: one key of several, or what a
    /// partner is sent.
    Carried,
    /// Nothing; the column is not read.
    Ignore,
}

/// Every kind with its name in job files and messages.
const KINDS: [(Kind, &str); 6] = [
    (Kind::Text, "text"),
    (Kind::Number, "number"),
    (Kind::Integer, "integer"),
    (Kind::Category, "category"),
    (Kind::Boolean, "boolean"),
    (Kind::Time, "time"),
];

/// Every role with its name in job files and messages.
const ROLES: [(Role, &str); 7] = [
    (Role::Id, "id"),
    (Role::Feature, "feature"),
    (Role::Label, "label"),
    (Role::Weight, "weight"),
    (Role::Time, "time"),
    (Role::Carried, "carried"),
    (Role::Ignore, "ignore"),
];

/// A name that is no [`Kind`] or [`Role`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not one of {known}{}", question(suggestion.as_deref()))]
pub struct UnknownName {
    /// What was written.
    pub name: String,
    /// The names that exist.
    pub known: String,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
}

impl Kind {
    /// The name used in job files and messages.
    pub fn name(self) -> &'static str {
        name_of(&KINDS, &self)
    }

    /// Whether a number can be a value of a numeric column of this kind.
    pub fn holds(self, number: f64) -> bool {
        match self {
            Self::Integer => number.fract() == 0.0 && number.abs() <= INTEGER_MAX,
            Self::Boolean => number == 0.0 || number - 1.0 == 0.0,
            _ => number.is_finite(),
        }
    }

    /// Whether the column is held as floating-point numbers.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Number | Self::Integer | Self::Boolean)
    }
}

impl Role {
    /// The name used in job files and messages.
    pub fn name(self) -> &'static str {
        name_of(&ROLES, &self)
    }

    /// Whether only one column of a table can have the role.
    pub fn is_unique(self) -> bool {
        !matches!(self, Self::Feature | Self::Carried | Self::Ignore)
    }

    /// Whether a row without a value is useless: only features and what is carried may be missing.
    pub(crate) fn needs_all(self) -> bool {
        self.is_unique()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        named(&KINDS, name)
    }
}

impl FromStr for Role {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        named(&ROLES, name)
    }
}

fn name_of<T: PartialEq>(names: &'static [(T, &'static str)], wanted: &T) -> &'static str {
    names.iter().find(|(value, _)| value == wanted).map_or("", |(_, name)| name)
}

fn named<T: Copy>(names: &[(T, &str)], wanted: &str) -> Result<T, UnknownName> {
    names.iter().find(|(_, name)| *name == wanted).map(|(value, _)| *value).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
        UnknownName {
            name: wanted.to_owned(),
            suggestion: closest(wanted, known.iter().copied()).map(str::to_owned),
            known: known.join(", "),
        }
    })
}

/// One column: what it is called, what it holds, what it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name in the file's header.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// What it is for.
    pub role: Role,
    /// Which texts mean that a value is missing.
    pub missing: Missing,
    /// For a label: the text of the positive class, such as `yes`. Without it the label must
    /// be 0 or 1 (or a boolean).
    pub positive: Option<String>,
}

impl Column {
    /// A column with the default missing tokens.
    pub fn new(name: impl Into<String>, kind: Kind, role: Role) -> Self {
        Self { name: name.into(), kind, role, missing: Missing::default(), positive: None }
    }

    /// The column with other missing tokens.
    #[must_use]
    pub fn with_missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// The column with the text of the label's positive class.
    #[must_use]
    pub fn with_positive(mut self, positive: impl Into<String>) -> Self {
        self.positive = Some(positive.into());
        self
    }

    /// Why kind and role do not go together, if they do not.
    pub(super) fn contradiction(&self) -> Option<String> {
        let Self { name, kind, role, .. } = self;
        if self.positive.is_some() && *role != Role::Label {
            return Some(format!(
                "column `{name}` has a positive value but is a {role}; only a label has one"
            ));
        }
        let fits = match role {
            Role::Id => *kind == Kind::Text,
            Role::Feature => !matches!(kind, Kind::Text | Kind::Time),
            Role::Label => !matches!(kind, Kind::Text | Kind::Time),
            Role::Weight => matches!(kind, Kind::Number | Kind::Integer),
            Role::Time => matches!(kind, Kind::Time | Kind::Integer),
            Role::Carried | Role::Ignore => true,
        };
        if fits {
            return None;
        }
        let rule = match role {
            Role::Id => "an id is always text, so that leading zeros and long numbers survive",
            Role::Feature | Role::Label => {
                "features and labels are numbers, integers, booleans or categories"
            }
            Role::Weight => "a weight is a number or an integer",
            Role::Time | Role::Carried | Role::Ignore => {
                "the role time needs the kind time or integer"
            }
        };
        Some(format!("column `{name}` is {kind} with the role {role}, but {rule}"))
    }

    /// The stated positive value, for people.
    pub(super) fn positive_remark(&self) -> Option<String> {
        self.positive.as_ref().map(|positive| format!("positive: {positive}"))
    }

    /// How the missing tokens differ from the default ones, for people.
    pub(super) fn missing_remark(&self) -> Option<String> {
        let default = Missing::default();
        if self.missing == default {
            return None;
        }
        let tokens = self.missing.tokens();
        let extends = default.tokens().iter().all(|token| tokens.contains(token));
        let shown: Vec<&str> = tokens
            .iter()
            .filter(|token| !extends || !default.tokens().contains(token))
            .map(String::as_str)
            .collect();
        let lead = if extends { "also missing" } else { "missing only" };
        Some(format!("{lead}: {}", shown.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (kind, name) in KINDS {
            assert_eq!((name.parse(), kind.to_string().as_str()), (Ok(kind), name));
        }
        for (role, name) in ROLES {
            assert_eq!((name.parse(), role.to_string().as_str()), (Ok(role), name));
        }
        let unknown = "catgory".parse::<Kind>().unwrap_err().to_string();
        assert!(unknown.ends_with("did you mean `category`?"), "{unknown}");
    }
}
