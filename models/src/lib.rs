//! Models: the first folder says how the data are split, the file says the algorithm.

pub mod evaluate;
pub mod family;
pub mod levels;
pub mod local;
pub mod vertical;
pub mod wald;

mod error;

pub use error::ModelError;
