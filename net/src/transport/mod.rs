//! The ways frames travel.

pub mod faulty;
pub mod memory;
