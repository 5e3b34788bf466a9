//! What parties say about an agreement.

use serde::{Deserialize, Serialize};

use super::line::Line;
use super::terms::Terms;
use crate::canonical::{Digest, Flaw, line, rule};
use crate::journal::Act;

/// What a party says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AgreementAct {
    /// This could be the next version.
    Propose(Box<Terms>),
    /// A remark on a version, or on one line of it.
    Comment {
        /// The digest of the version.
        version: Digest,
        /// The line.
        line: Option<Line>,
        /// The remark.
        text: String,
    },
    /// This party agrees to a version.
    Sign {
        /// The digest of the version.
        version: Digest,
    },
    /// It does not.
    Refuse {
        /// The digest of the version.
        version: Digest,
        /// Why.
        reason: String,
    },
    /// It takes back the version that it proposed.
    Withdraw {
        /// The digest of the version.
        version: Digest,
    },
    /// Nothing runs under the agreement until this party resumes.
    Suspend {
        /// Why.
        reason: String,
    },
    /// It no longer suspends.
    Resume,
    /// The agreement has ended for good.
    Revoke {
        /// Why.
        reason: String,
    },
}

impl Act for AgreementAct {
    const DOMAIN: &'static str = "governance/agreement entry";
    const BYTES_MAX: usize = 336 << 10;
    const ENTRIES_MAX: u32 = 500;

    fn check(&self) -> Result<(), Flaw> {
        match self {
            Self::Propose(terms) => terms.rules(),
            Self::Comment { line: about, text, .. } => {
                about.iter().try_for_each(Line::check)?;
                text.lines()
                    .try_for_each(|it| rule(it.chars().count() <= 1000, "text", "is too long"))?;
                line("text", &text.replace('\n', " "), 4000)
            }
            Self::Refuse { reason, .. } | Self::Suspend { reason } | Self::Revoke { reason } => {
                line("reason", reason, 500)
            }
            Self::Sign { .. } | Self::Withdraw { .. } | Self::Resume => Ok(()),
        }
    }

    fn begins(&self) -> bool {
        matches!(self, Self::Propose(terms) if terms.parent.is_none())
    }
}
