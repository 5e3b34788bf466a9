//! Finding what two parties have in common without showing the rest.
//!
//! [`idmap`] brings keys into one form, [`psi`] holds the private set intersections. A protocol
//! gives each learning party the positions of its matched rows in one common order; making tables
//! of them is the caller's work. [`join`] sends columns of the common rows to the other party, and
//! [`okvs`] is the key-value store that one of the intersections packs a set into.

mod error;
pub mod idmap;
pub mod join;
pub mod okvs;
pub mod psi;

pub use error::MatchingError;
