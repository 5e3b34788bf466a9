//! From a job file to results: the only composer of steps and opener of sessions.

#![forbid(unsafe_code)]

pub mod spec;
