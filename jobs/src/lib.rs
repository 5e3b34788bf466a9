//! From a job file to results: the only composer of steps and opener of sessions.

#![forbid(unsafe_code)]

pub mod bench;
mod checkpoints;
pub mod child;
mod division;
mod error;
pub mod folder;
mod interactions;
mod intersection;
mod open_table;
mod own_rows;
pub mod page;
mod process;
mod run;
mod saved_model;
pub mod spec;
mod watch;

pub use error::JobError;
pub use open_table::{open_rows, open_rows_together, propose_schema};
pub use own_rows::OwnRows;
pub use run::{
    AloneLinear, BaseRates, ClassScore, ClassScores, ClassesPart, Coefficient, ColumnTotal,
    GuestFactors, HiddenComparison, HistoryGroup, HostEvidence, HostFactors, KeyRound, LinearPart,
    ModelOutcome, ModelPart, NewScores, Outcome, OwnWoe, PartyFacts, RecommendationOutcome,
    Recommended, ScoredOutcome, SelectedFeature, SelectionOutcome, SplitOutcome, StepUse, Sums,
    TestClassScores, TestScores, TotalsOutcome, Weighed, run_party,
};
pub use watch::{Event, Unwatched, Watch};
