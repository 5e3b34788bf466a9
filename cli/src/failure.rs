//! How a command ends when it does not end well.

use std::fmt::Display;

/// Why a command failed, by whose fault: the exit code says it to scripts.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The job failed.
    Job(String),
    /// The command or the job file is wrong.
    Usage(String),
    /// Somebody stopped it.
    Interrupted,
    /// A party's process has told its error already, as an event; only the code is left.
    Told(u8),
}

impl Failure {
    /// A failure of the job itself.
    pub(crate) fn job(error: impl Display) -> Self {
        Self::Job(error.to_string())
    }

    /// A mistake in the command or the job file.
    pub(crate) fn usage(error: impl Display) -> Self {
        Self::Usage(error.to_string())
    }

    /// What people read.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Job(message) | Self::Usage(message) => Some(message),
            Self::Interrupted => Some(
                "interrupted; no results were written. A training that had begun goes on when \
                 the same command is run again",
            ),
            Self::Told(_) => None,
        }
    }

    /// What scripts read; `tombolo --help` documents it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Job(_) => JOB_FAILED,
            Self::Usage(_) => WRONG_USAGE,
            Self::Interrupted => INTERRUPTED,
            Self::Told(code) => *code,
        }
    }
}

/// The job failed.
pub(crate) const JOB_FAILED: u8 = 1;
/// Wrong usage, or a mistake in the job file.
pub(crate) const WRONG_USAGE: u8 = 2;
/// As a shell reports a program that SIGINT ended: 128 + 2.
pub(crate) const INTERRUPTED: u8 = 130;
