//! The states of a job, the same at every party.
//!
//! A [`Submission`] names one run of a job; its digest is the topic of the [`Job`]'s journal, so
//! that what is signed for one run says nothing about another. Each party writes what it decides
//! and how far it is; the [`State`] is a function of these logs, and so is who is waited for
//! ([`Waiting`]). Attempts are separate: what failed in one stays visible when the next one runs.

mod act;
mod job;
mod state;
#[cfg(test)]
mod tests;

pub use act::{JobAct, Submission};
pub use job::{Job, Refusal};
pub use state::{Attempt, Progress, State, View, Waiting, WaitingFor};
