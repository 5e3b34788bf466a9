//! The program as its users run it: whole jobs, with every party a process of its own.

mod failures;
mod run;
mod support;
