//! A party's process, as whoever started it sees it: what it is told in its arguments, what it
//! tells as lines of JSON on its standard output, and why it gave up.
//!
//! `tombolo run` and `join` start such processes, and so does a node.

mod contact;
mod failure;
mod message;

pub use contact::Contact;
pub use failure::{FailureCode, UnknownCode};
pub use message::{Figure, Message, ModelFigures};

/// Variables of the environment that make a party's process faster.
///
/// The C library's allocator gives large blocks back to the kernel whenever they are freed, and a
/// protocol that works in passes gets them zeroed again, page by page: a quarter of its processor
/// time. With these it keeps them; the peak stays the same.
pub const KEEP_MEMORY: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "4294967296"), ("MALLOC_TRIM_THRESHOLD_", "4294967296")];
