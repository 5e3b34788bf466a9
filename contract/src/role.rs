//! Who takes part in a job, seen from the protocol.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Text;

/// The part a party plays in a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Holds the label and wants the better model. It is the first party of every session.
    Guest,
    /// Brings features and no label.
    Host,
}

impl Role {
    /// The word a job file uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Host => "host",
        }
    }

    /// The name people read.
    pub const fn title(self) -> Text {
        match self {
            Self::Guest => Text::new("guest (holds the label)", "发起方（持有标签）"),
            Self::Host => Text::new("host (brings features)", "合作方（提供特征）"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Who learns something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Only the party in the role of guest.
    Guest,
    /// Only the party in the role of host; of several, each for itself.
    Host,
    /// Every party of the job.
    All,
}

impl Audience {
    /// Whether a party in `role` belongs to this audience.
    pub const fn includes(self, role: Role) -> bool {
        matches!(
            (self, role),
            (Self::All, _) | (Self::Guest, Role::Guest) | (Self::Host, Role::Host)
        )
    }

    /// The word `metrics.json` and the audit record use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Host => "host",
            Self::All => "all",
        }
    }
}

impl From<Role> for Audience {
    fn from(role: Role) -> Self {
        match role {
            Role::Guest => Self::Guest,
            Role::Host => Self::Host,
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Audience, Role};

    #[test]
    fn an_audience_includes_the_roles_it_names() {
        assert!(Audience::All.includes(Role::Guest) && Audience::All.includes(Role::Host));
        assert!(Audience::Guest.includes(Role::Guest) && !Audience::Guest.includes(Role::Host));
        assert!(Audience::from(Role::Host).includes(Role::Host));
        assert!(!Audience::from(Role::Host).includes(Role::Guest));
    }
}
