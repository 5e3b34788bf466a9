//! The ways frames travel.

pub mod memory;
