//! What parties say about a job.

use std::collections::{BTreeMap, BTreeSet};

use contract::JobDigest;
use crypto::signature::PublicKey;
use serde::{Deserialize, Serialize};

use crate::canonical::{Digest, Document, Flaw, digest_of, line, rule};
use crate::journal::Act;
use crate::members::{MemberId, Nonce};
use crate::time::Time;

/// One run of a job, as its submitter asks for it. Submitting is approving for the submitter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The digest of the job.
    pub job: JobDigest,
    /// What people call it.
    pub name: String,
    /// The digest of the terms under which it shall run.
    pub agreement: Digest,
    /// Who takes part.
    pub parties: BTreeSet<MemberId>,
    /// The table of each of them that is used, by the names of the agreement.
    pub tables: BTreeMap<MemberId, String>,
    /// The party that asks for it.
    pub submitter: MemberId,
    /// When.
    pub submitted_at: Time,
    /// What makes two runs of one job two.
    pub nonce: Nonce,
    /// The names of its steps, in order.
    pub steps: Vec<String>,
}

/// Steps of one job.
const STEPS_MAX: usize = 500;

impl Submission {
    /// The name of the run.
    pub fn run(&self) -> Digest {
        digest_of(self)
    }
}

impl Document for Submission {
    const DOMAIN: &'static str = "governance/submission";
    const BYTES_MAX: usize = 96 << 10;

    fn check(&self, _signer: &PublicKey) -> Result<(), Flaw> {
        line("name", &self.name, 120)?;
        rule((2..=16).contains(&self.parties.len()), "parties", "are not 2 to 16")?;
        rule(self.parties.contains(&self.submitter), "submitter", "is no party")?;
        rule(self.tables.keys().eq(&self.parties), "tables", "are not one of each party")?;
        self.tables.values().try_for_each(|table| line("tables", table, 120))?;
        rule((1..=STEPS_MAX).contains(&self.steps.len()), "steps", "are not 1 to 500")?;
        self.steps.iter().try_for_each(|step| line("steps", step, 80))
    }
}

/// What a party says. Attempts count from 1; steps are indices into those of the submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum JobAct {
    /// It agrees to this run.
    Approve,
    /// It does not.
    Refuse {
        /// Why.
        reason: String,
    },
    /// It has begun a step.
    Step {
        /// In which attempt.
        attempt: u32,
        /// Which step.
        step: u32,
    },
    /// It cannot go on without another party.
    Interrupted {
        /// In which attempt.
        attempt: u32,
        /// Whom it waits for.
        waits_for: MemberId,
    },
    /// The attempt is over without a result.
    Failed {
        /// In which attempt.
        attempt: u32,
        /// The code of the error, such as `E2107`.
        code: String,
        /// The party at which it happened.
        at: MemberId,
        /// The error in a sentence that every party may read.
        sentence: String,
    },
    /// Its part is done.
    Finished {
        /// In which attempt.
        attempt: u32,
        /// The digests of its results by name.
        results: BTreeMap<String, Digest>,
    },
    /// It begins a further attempt after a failed or interrupted one.
    Retry {
        /// The number of the new one.
        attempt: u32,
    },
    /// It wants no result any more.
    Cancel {
        /// Why.
        reason: String,
    },
}

/// Attempts of one run.
pub(super) const ATTEMPTS_MAX: u32 = 100;
/// Results of one party.
const RESULTS_MAX: usize = 200;

impl JobAct {
    /// The attempt it belongs to; none if it is about the run as a whole.
    pub fn attempt(&self) -> Option<u32> {
        match self {
            Self::Approve | Self::Refuse { .. } | Self::Cancel { .. } => None,
            Self::Step { attempt, .. }
            | Self::Interrupted { attempt, .. }
            | Self::Failed { attempt, .. }
            | Self::Finished { attempt, .. }
            | Self::Retry { attempt } => Some(*attempt),
        }
    }
}

impl Act for JobAct {
    const DOMAIN: &'static str = "governance/job entry";
    const BYTES_MAX: usize = 64 << 10;
    const ENTRIES_MAX: u32 = 10_000;

    fn check(&self) -> Result<(), Flaw> {
        if let Some(attempt) = self.attempt() {
            rule((1..=ATTEMPTS_MAX).contains(&attempt), "attempt", "is not 1 to 100")?;
        }
        match self {
            Self::Refuse { reason } | Self::Cancel { reason } => line("reason", reason, 500),
            Self::Failed { code, sentence, .. } => {
                line("code", code, 20)?;
                line("sentence", sentence, 500)
            }
            Self::Finished { results, .. } => {
                rule(results.len() <= RESULTS_MAX, "results", "are more than 200")?;
                results.keys().try_for_each(|name| line("results", name, 120))
            }
            Self::Approve | Self::Step { .. } | Self::Interrupted { .. } | Self::Retry { .. } => {
                Ok(())
            }
        }
    }
}
