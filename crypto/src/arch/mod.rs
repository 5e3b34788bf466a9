//! The only home of `unsafe`: kernels that use the vector instructions of one kind of processor.
//!
//! Each kernel has a portable twin that the same tests run, and is chosen at run time, so that one
//! binary works everywhere. Nothing here knows what the numbers mean.
#![expect(unsafe_code, reason = "calls into functions compiled for instructions found at run time")]

pub(crate) mod aes;
pub(crate) mod carryless;
pub(crate) mod convolution;
pub(crate) mod ntt;
pub(crate) mod outer;
pub(crate) mod ristretto;
pub(crate) mod transpose;
