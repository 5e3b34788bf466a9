//! Cryptographic primitives without any network: secrets, randomness, hashing, signatures,
//! fields, groups, lattices.
//!
//! All `unsafe` and all SIMD of the house live in `arch`, each engine beside a portable twin.

mod arch;
pub mod dense;
pub mod expand_convolute;
pub mod field128;
pub mod group;
pub mod hash;
pub mod lattice;
pub mod password;
pub mod random;
pub mod sealed;
pub mod signature;
pub mod transpose;
