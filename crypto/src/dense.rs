//! The kernel of dense matrix products of floating-point numbers: it is here because this crate is
//! where code is compiled for the vectors of a processor.

pub use crate::arch::outer::{LEFT, RIGHT, Sums};

use crate::arch::outer::Engine;

/// Adds `left[k][i]·right[k][j]` for every k to `sums[j][i]`, in the order of k and with one
/// rounding for each, so that every processor gives the same numbers.
///
/// A surplus of one side is ignored.
pub fn add_outer_products(left: &[[f64; LEFT]], right: &[[f64; RIGHT]], sums: &mut Sums) {
    Engine::detect().add(left, right, sums);
}
