//! The program as its users run it: whole jobs, with every party a process of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod bench;
mod classes;
mod deploy;
mod failures;
mod hidden;
mod join;
mod joins;
mod keys;
mod large;
mod levels;
mod node;
mod nodes;
mod pooled;
mod recommendation;
mod regressions;
mod resume;
mod routes;
mod run;
mod score;
mod several_hosts;
mod support;
mod totals;
mod trees;
mod unbalanced;
