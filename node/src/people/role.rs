//! What somebody may do, as roles of which one person may have several.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A role.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the node: people, tokens, partners' connections.
    Operator,
    /// Answers for data: registers tables and sets their policies.
    DataOwner,
    /// Writes and starts jobs.
    Modeller,
    /// Signs agreements and reads the audit.
    Compliance,
    /// Sees what the others see, and changes nothing.
    ReadOnly,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] =
        [Self::Operator, Self::DataOwner, Self::Modeller, Self::Compliance, Self::ReadOnly];

    /// The word for it in files and requests.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::DataOwner => "data_owner",
            Self::Modeller => "modeller",
            Self::Compliance => "compliance",
            Self::ReadOnly => "read_only",
        }
    }
}

/// Roles of one person or token, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// These roles.
    pub fn of(roles: &[Role]) -> Self {
        Self(roles.iter().copied().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this role is among them.
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Whether one of these is among them.
    pub fn has_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.has(*role))
    }

    /// Whether all of them are among `others`.
    pub fn are_within(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }

    /// Those that both have.
    #[must_use]
    pub fn shared_with(&self, others: &Self) -> Self {
        Self(self.0.intersection(&others.0).copied().collect())
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|role| role.word()).collect();
        formatter.write_str(&words.join(" "))
    }
}

impl FromStr for Roles {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let role = |word: &str| {
            let found = Role::ALL.into_iter().find(|role| role.word() == word);
            found.ok_or_else(|| UnknownRole(word.to_owned()))
        };
        text.split_whitespace().map(role).collect::<Result<_, _>>().map(Self)
    }
}

/// A word that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no role {0:?}")]
pub struct UnknownRole(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_written_and_read() {
        let roles = Roles::of(&[Role::Compliance, Role::Operator, Role::Operator]);
        assert_eq!(roles.to_string(), "operator compliance");
        assert_eq!("compliance operator".parse::<Roles>().unwrap(), roles);
        assert_eq!("".parse::<Roles>().unwrap(), Roles::default());
        assert!("root".parse::<Roles>().is_err());
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.word());
        }
    }

    #[test]
    fn a_token_keeps_no_role_that_its_owner_has_lost() {
        let token = Roles::of(&[Role::Operator, Role::Modeller]);
        let owner = Roles::of(&[Role::Modeller, Role::ReadOnly]);
        assert!(!token.are_within(&owner));
        assert_eq!(token.shared_with(&owner), Roles::of(&[Role::Modeller]));
    }
}
