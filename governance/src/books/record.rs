//! What a member's books consist of, and why something does not come into them.

use serde::{Deserialize, Serialize};

use crate::agreements::AgreementAct;
use crate::canonical::{Digest, Flaw, Signed};
use crate::jobs::{JobAct, Submission};
use crate::journal::Entry;
use crate::letter::Rejection;
use crate::members::{self, MemberId};
use crate::metering::{NotCounted, Statement, UsageEvent, UsageReport};
use crate::permit::{NoPermit, Permit, RunEvent};
use crate::{agreements, jobs, journal};

/// Something that happened, as a node stores it. All state is a fold of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// In the directory of members.
    Member(Box<members::Event>),
    /// A party said something about an agreement.
    Agreement(Box<Signed<Entry<AgreementAct>>>),
    /// A run of a job was asked for.
    Submission(Box<Signed<Submission>>),
    /// A party said something about a run.
    Job(Box<Signed<Entry<JobAct>>>),
    /// A party gave leave for a run.
    Permit {
        /// Who.
        by: MemberId,
        /// The permit.
        permit: Box<Signed<Permit>>,
    },
    /// This node counted a run or an attempt.
    Run {
        /// The digest of the agreement's first version.
        agreement: Digest,
        /// What happened.
        event: RunEvent,
    },
    /// This node counted use.
    Usage(Box<UsageEvent>),
    /// A partner said what it has counted.
    Report(Box<Signed<UsageReport>>),
    /// A party agreed to a month.
    Statement {
        /// Who.
        by: MemberId,
        /// The month.
        statement: Box<Signed<Statement>>,
    },
    /// A partner has not taken something.
    Rejection {
        /// Who.
        by: MemberId,
        /// What, and why.
        rejection: Box<Signed<Rejection>>,
    },
}

/// Why something does not come into the books.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Strangers may accept invitations and bring cards, and nothing else.
    #[error("a letter of this kind is taken from partners only")]
    Stranger,
    /// The agreement, version or run is not known here.
    #[error("it is about an agreement, a version or a run that is not known here")]
    UnknownTopic,
    /// It is between others.
    #[error("this member takes no part in it")]
    NotAParty,
    /// It has other parties than its agreement.
    #[error("a run has the parties of its agreement, no more and no fewer")]
    OtherParties,
    /// No party's key.
    #[error("the key that signed speaks for nobody who may say so")]
    Key,
    /// The submitter writes the permit.
    #[error("the submitter of a run writes its permit, and has not yet")]
    NoPermitYet,
    /// There is too much of it.
    #[error("there is no room for more of this from one partner")]
    Full,
    /// The directory refuses it.
    #[error(transparent)]
    Member(#[from] members::Refusal),
    /// The journal refuses it.
    #[error(transparent)]
    Journal(#[from] journal::Refusal),
    /// The agreement refuses it.
    #[error(transparent)]
    Agreement(#[from] agreements::Refusal),
    /// The run refuses it.
    #[error(transparent)]
    Job(#[from] jobs::Refusal),
    /// There is no leave.
    #[error(transparent)]
    Permit(#[from] NoPermit),
    /// It is not counted.
    #[error(transparent)]
    Usage(#[from] NotCounted),
    /// It breaks a rule.
    #[error(transparent)]
    Flaw(#[from] Flaw),
}
