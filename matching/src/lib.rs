//! Finding what two parties have in common without showing the rest.
//!
//! [`idmap`] brings keys into one form, [`psi`] holds the private set intersections. A protocol gives each learning party the positions
//! of its matched rows in one common order; making tables of them is the caller's work.

mod error;
pub mod idmap;
pub mod psi;

pub use error::MatchingError;
