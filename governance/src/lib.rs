//! The rules that organisations keep with each other, as pure functions of records: no files, no
//! clock, no network.

#![forbid(unsafe_code)]

pub mod audit;
pub mod permit;
