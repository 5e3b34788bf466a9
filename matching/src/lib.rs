//! Finding what two parties have in common without showing the rest.
//!
//! [`idmap`] brings keys into one form, [`psi`] holds the private set intersections. A protocol
//! gives each learning party the positions of its matched rows in one common order; making tables
//! of them is the caller's work. [`okvs`] is the key-value store that one of them packs a set into.

mod error;
pub mod idmap;
pub mod okvs;
pub mod psi;

pub use error::MatchingError;
