//! From a job file to results: the only composer of steps and opener of sessions.

#![forbid(unsafe_code)]

pub mod bench;
mod error;
pub mod folder;
mod intersection;
mod open_table;
pub mod page;
mod process;
mod run;
pub mod spec;
mod watch;

pub use error::JobError;
pub use open_table::{open_table, propose_schema};
pub use run::{
    AloneLinear, BaseRates, Coefficient, KeyRound, LinearPart, ModelOutcome, ModelPart, Outcome,
    PartyFacts, SelectedFeature, SelectionOutcome, SplitOutcome, StepUse, TestScores, Weighed,
    run_party,
};
pub use watch::{Event, Unwatched, Watch};
