//! The ways frames travel.

pub mod faulty;
pub mod grpc;
pub mod memory;
pub mod shaped;
