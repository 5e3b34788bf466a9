//! From text to values: numbers, truth values, times, and what counts as missing.

mod boolean;
mod missing;
mod number;
mod time;

pub(crate) use boolean::parse_boolean;
pub use missing::Missing;
pub(crate) use number::parse_number;
pub(crate) use time::{format_time, parse_time};

/// The largest integer up to which every integer is exact in a `Number` or `Integer` column.
pub const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;
