//! A member's own server: what it remembers, who may use it, and what it answers over HTTPS.
//!
//! * [`store`]: events, letters and accounts in SQLite or PostgreSQL, in one schema.
//! * [`config`]: the file `node.yaml`, read like a job file.
//! * [`people`]: people with roles, passwords, browsers and tokens.
//! * [`http`]: the API for people and programs; [`log`] and [`metrics`] tell how it does.
//! * [`daemon`]: a node from its configuration to its end.

#![forbid(unsafe_code)]

pub mod config;
pub mod console;
pub mod daemon;
pub mod dispatch;
pub mod http;
pub mod log;
pub mod messages;
pub mod metrics;
pub mod office;
pub mod people;
pub mod runner;
pub mod store;
